"""Signals, the init system, and the log."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from lab import net, process, proxy

PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[[^\]]+\] \S.*")


class Init:
    """What an init system hears on its socket."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        while True:
            try:
                for line in self.socket.recv(65536).decode().splitlines():
                    self.heard.append((time.monotonic(), line))
            except BlockingIOError:
                return [line for _, line in self.heard]

    def wait(self, part, seconds=20):
        return net.wait_for(f"the init system hears {part}",
                            lambda: [l for l in self.listen() if part in l], seconds)


@pytest.fixture
def init(tmp_path):
    the_init = Init(tmp_path / "notify")
    yield the_init
    the_init.socket.close()


@pytest.mark.sanitized
def test_the_init_system_hears_ready_status_watchdog_and_stopping(lab, single, init):
    a = lab.agent(single, env={"NOTIFY_SOCKET": init.path, "WATCHDOG_USEC": "1000000"})
    a.start()
    init.wait("READY=1")
    a.wait_role("master")
    assert any("master" in l for l in init.wait("STATUS="))
    init.listen()
    init.heard.clear()      # what was not heard at once has no time
    end = time.monotonic() + 3
    while time.monotonic() < end:
        init.listen()
        time.sleep(0.01)
    beats = [at for at, l in init.heard if l == "WATCHDOG=1"]
    assert len(beats) >= 3
    assert max(b - a for a, b in zip(beats, beats[1:])) < 1.0
    for name, pid in a.handlers().items():
        assert not [v for v in process.environment(pid)
                    if v.startswith((b"NOTIFY_SOCKET", b"WATCHDOG"))], name
    a.stop()
    assert "STOPPING=1" in init.listen()


def test_a_line_that_another_wrote_is_no_message_to_the_init_system(lab, single, init):
    node = "far\nMAINPID=1"
    single.put("/v1/catalog/register", {"Node": node, "Address": "127.0.0.1"})
    session = single.put("/v1/session/create", {
        "Name": lab.service, "Node": node, "Checks": []})["ID"]
    try:
        single.put(f"/v1/kv/lock/{lab.service}/leader?acquire={session}",
                   json.dumps({"node": node, "address": "127.0.0.1", "port": 1,
                               "session": session, "state": "held"}))
        a = lab.agent(single, env={"NOTIFY_SOCKET": init.path}).start()
        init.wait("STATUS=slave: another node has the lock: far?MAINPID=1")
        assert "MAINPID=1" not in [l[:9] for l in init.listen()]
        a.stop()
    finally:
        single.put("/v1/catalog/deregister", {"Node": node})


@pytest.mark.fast
@pytest.mark.sanitized
def test_hup_takes_a_good_file(lab, single, init):
    a = lab.agent(single, env={"NOTIFY_SOCKET": init.path})
    a.start().wait_role("master")
    a.write(service={"tags": "blue"})
    a.hup()
    init.wait("RELOADING=1")
    net.wait_for("READY comes again",
                 lambda: init.listen().count("READY=1") == 2)
    assert [l for l in init.heard if l[1].startswith("MONOTONIC_USEC=")]
    net.wait_for("the new tag is there", lambda: sorted(
        single.tags(lab.service).get(lab.service, [])) == ["blue", "master"], 20)
    assert a.role == "master"
    assert [m.node for m in lab.masterships()] == [a.name]


@pytest.mark.fast
@pytest.mark.sanitized
def test_hup_keeps_the_old_config_when_the_new_one_is_bad(lab, single):
    a = lab.agent(single).start().wait_role("master")
    for bad in ({"lock": {"fuse": "50s"}}, {"plugin": {"path": "/nothing.so"}},
                {"service": {"name": "an.other"}}, {"options": {"colour": "red"}}):
        good = {k: dict(v) for k, v in a.sections.items()}
        before = len(a.lines())
        a.write(**bad)
        a.hup()
        net.wait_for("it says so", lambda: len(a.lines()) > before, 10)
        a.sections = good
        time.sleep(0.5)
        assert a.running and a.role == "master", bad
    a.file.write_text("[service\n\0")
    a.hup()
    a.file.unlink()
    a.hup()
    time.sleep(1)
    assert a.role == "master"
    assert [m.node for m in lab.masterships()] == [a.name]
    a.write()
    a.hup()
    time.sleep(1)
    assert a.role == "master"


def test_hup_reads_the_token_again(lab, single):
    token = lab.folder / "token"
    token.write_text("one\n")
    fake = proxy.Proxy(lab.net.address(), 8500, single.address)
    try:
        # Without ACLs Consul takes any token; the fake sees which it was.
        a = lab.agent(single, sections={
            "consul": {"address": fake.url, "token_file": token}})
        a.start().wait_role("master")
        assert {t for _, _, t in fake.seen} == {"one"}
        token.write_text("two\n")
        a.hup()
        net.wait_for("the new token is used", lambda: fake.seen[-1][2] == "two")
        assert a.role == "master"
        for line in a.lines():
            assert "two" not in line.split() and "one" not in line.split()
    finally:
        fake.end()


def test_hup_is_not_noticed_by_clients_even_with_a_slow_health(lab, single):
    a = lab.agent(single)
    a.start().wait_role("master")
    a.script(health="slow")
    epoch = a.status["epoch"]
    for _ in range(5):
        a.hup()
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            assert a.ask("/health").status == 200
            assert a.ask("/master").status == 200
    assert a.status["epoch"] == epoch
    assert [m.node for m in lab.masterships()] == [a.name]


def test_hup_while_waiting_to_be_promoted_makes_no_slave_of_itself(lab, single):
    a = lab.agent(single).start().wait_role("master")
    session = single.session_of(lab.service)
    a.kill()
    single.put(f"/v1/kv/lock/{lab.service}/leader?release={session}")
    a.start().wait_log("The lock was not released cleanly")
    a.hup()
    time.sleep(0.5)
    a.kill()
    a.start().wait_role("master", seconds=40)
    assert not lab.calls("ensure_slave", a.name)


def test_hup_with_what_the_plugin_can_not_use_changes_nothing(lab, single):
    a = lab.agent(single).start().wait_role("master")
    epoch = a.status["epoch"]
    a.write(options={"flag": lab.folder / "nowhere"})
    a.hup()
    a.wait_log("the plugin reports: ")
    a.wait_log("is rejected: the old configuration stays")
    time.sleep(1)
    assert a.role == "master" and a.status["epoch"] == epoch


def test_hup_with_a_token_file_that_is_empty_for_a_moment(lab, single):
    token = lab.folder / "token"
    token.write_text("one\n")
    a = lab.agent(single, sections={"consul": {"token_file": token}})
    a.start().wait_role("master")
    token.write_text("")
    a.hup()
    net.wait_for("it says so", lambda: a.lines("is rejected"), 10)
    assert a.role == "master"
    token.write_text("one\n")
    a.hup()
    net.wait_for("it says so", lambda: a.lines("Running with the new"), 10)
    assert a.role == "master"
    assert [m.node for m in lab.masterships()] == [a.name]


def test_hup_refuses_what_others_rely_on(lab, single):
    a = lab.agent(single).start().wait_role("master")
    for change, words in (
            ({"service": {"port": "3307"}}, "[service] port"),
            ({"service": {"address": "127.0.0.9"}}, "[service] address"),
            ({"lock": {"fuse": "2500ms"}}, "[lock] fuse"),
            ({"lock": {"lock_delay": "20s"}}, "[lock] lock_delay"),
            ({"plugin": {"demote_deadline": "900ms"}}, "[plugin] demote_deadline"),
            ({"agent": {"run_dir": str(lab.folder / "other")}}, "[agent] run_dir"),
            ({"agent": {"state_dir": str(lab.folder / "other")}},
             "[agent] state_dir")):
        good = {k: dict(v) for k, v in a.sections.items()}
        before = len(a.lines("is rejected"))
        a.write(**change)
        a.hup()
        net.wait_for("it is refused", lambda: len(
            a.lines("is rejected")) > before, 10)
        assert a.lines(f"{words} can't change from"), change
        a.sections = good
    assert a.role == "master"
    assert [m.node for m in lab.masterships()] == [a.name]


def test_hups_do_not_prolong_the_fuse(lab, single):
    a = lab.agent(single).start().wait_role("master")
    fuse = 3
    single.freeze()
    try:
        begin = time.monotonic()
        while time.monotonic() - begin < fuse + 4:
            a.hup()
            time.sleep(0.4)
        demoted = [l for l in lab.calls("ensure_demoted", a.name, "end")
                   if l.at / 1e9 > begin]
        assert demoted, a.text()
        assert demoted[0].at / 1e9 - begin < fuse + 2
    finally:
        single.thaw()
    a.wait_role("master", seconds=60)


def test_a_stop_right_after_a_hup_is_not_lost(lab, single):
    a = lab.agent(single).start().wait_role("master")
    a.hup()
    time.sleep(0.005)
    assert a.stop() == 0


@pytest.mark.fast
@pytest.mark.sanitized
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_stops_in_good_order(lab, single, number):
    a = lab.agent(single).start().wait_role("master")
    a.signal(number)
    assert a.wait(10) == 0
    assert lab.calls("ensure_demoted", phase="end")[-1].result == "done"
    assert single.catalog(lab.service) == []
    assert single.sessions(lab.service) == []


def test_term_twice_stops_at_once(lab, single):
    a = lab.agent(single, sections={"plugin": {"demote_deadline": "20s"},
                                    "lock": {"lock_delay": "30s"}})
    a.start().wait_role("master")
    guard = a.status["guard"]["pid"]
    a.script(ensure_demoted="hang")
    a.signal(signal.SIGTERM)
    time.sleep(1)
    assert a.running
    a.signal(signal.SIGTERM)
    begin = time.monotonic()
    a.wait(5)
    assert time.monotonic() - begin < 2
    os.kill(guard, signal.SIGKILL)      # it goes on trying
    lab.died(a)


MEANINGLESS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM,
               signal.SIGPROF, signal.SIGIO, signal.SIGPWR)


def test_a_plugin_that_hangs_at_its_start_delays_nothing_else(lab, single, init):
    a = lab.agent(single, env={"NOTIFY_SOCKET": init.path})
    a.script(plugin_start="hang")
    begin = time.monotonic()
    a.start()
    init.wait("READY=1", 2)
    net.wait_for("the API answers", lambda: a.ask("/health").status == 500, 2)
    net.wait_for("Consul lists it", lambda: lab.service in single.tags(lab.service), 8)
    assert time.monotonic() - begin < 8     # one call of health
    begin = time.monotonic()
    assert a.stop() == 1 and time.monotonic() - begin < 2


@pytest.mark.sanitized
def test_what_a_log_rotation_sends_ends_no_process(lab, single):
    a = lab.agent(single).start().wait_role("master")
    guard = a.status["guard"]["pid"]
    handlers = a.handlers()
    assert handlers.keys() == {"health", "role"}
    for number in MEANINGLESS:
        a.signal(number)
        for pid in handlers.values():
            os.kill(pid, number)
        os.kill(guard, number)
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT:
        for pid in handlers.values():       # as by "systemctl kill"
            os.kill(pid, number)
    a.wait_log("SIGUSR1 does nothing here: SIGHUP reads the config again")
    assert not a.lines("warning: ")
    a.sicken()
    a.wait_role("unhealthy")
    assert lab.calls("ensure_demoted", phase="end")[-1].result == "done"
    assert a.handlers() == handlers and a.status["guard"]["pid"] == guard


def test_a_hup_while_it_starts_is_not_its_end(lab, single):
    a = lab.agent(single).start()
    status = pathlib.Path(f"/proc/{a.pid}/status")
    net.wait_for("it holds SIGHUP back, or heeds it", lambda: any(
        int(n, 16) & 1 for n in re.findall(r"Sig(?:Blk|Cgt):\s+(\w+)",
                                           status.read_text())), 10, 0.001)
    for _ in range(20):
        a.hup()
        time.sleep(0.01)
    a.wait_role("master")


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a PID namespace")
def test_as_process_1_of_a_container_it_reaps_orphans(lab, single):
    a = lab.agent(single)
    a.argv = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *a.argv]
    a.start().wait_role("master")
    (init, _), = process.children(a.pid)

    def left():
        tasks = pathlib.Path(f"/proc/{init}/task").glob("*/children")
        return {pid for t in tasks for pid in t.read_text().split()}
    before = left()
    subprocess.run(["nsenter", "-t", str(init), "-p", "sh", "-c",
                    "sleep 0.1 & sleep 0.2 & sleep 1 &"], check=True)
    net.wait_for("it has been given them", lambda: left() - before)
    net.wait_for("only our own are left", lambda: left() == before, 5)
    handler = [pid for pid, line in process.descendants(init) if " role " in line][0]
    os.kill(handler, signal.SIGKILL)
    net.wait_for("there is another one", lambda: [
        pid for pid, line in process.descendants(init)
        if " role " in line and pid != handler and process.stat(pid) != "Z"])
    os.kill(init, signal.SIGTERM)
    assert a.wait(10) == 0
    assert lab.calls("ensure_demoted", phase="end")[-1].result == "done"
    assert single.catalog(lab.service) == []


@pytest.mark.sanitized
def test_every_plain_line_has_a_time_and_the_service(lab, single):
    a = lab.agent(single).start().wait_role("master")
    a.sicken()
    a.wait_role("unhealthy")
    a.stop()
    assert len(a.lines()) > 4
    for line in a.lines():
        assert PLAIN.fullmatch(line), line


@pytest.mark.sanitized
def test_nothing_is_logged_while_nothing_happens(lab, cluster):
    agents = lab.three(cluster)
    time.sleep(2)
    before = [len(a.lines()) for a in agents]
    time.sleep(5)
    assert [len(a.lines()) for a in agents] == before


@pytest.mark.sanitized
def test_json_lines_on_request(lab, single):
    a = lab.agent(single, sections={"log": {"format": "json"}})
    a.start().wait_role("master")
    a.stop()
    assert len(a.lines()) > 3
    for line in a.lines():
        assert lab.service in json.dumps(json.loads(line)), line


@pytest.mark.sanitized
@pytest.mark.parametrize("form, line_is", [
    ("plain", r"<[3-7]>\[[^\]]+\] \S.*"), ("json", r"<[3-7]>\{\"time\".*\}")])
def test_journald_gets_priorities_in_each_format(lab, single, form, line_is):
    a = lab.agent(single, sections={"log": {"format": form}})
    a.log.touch()
    s = a.log.stat()
    a.env["JOURNAL_STREAM"] = f"{s.st_dev}:{s.st_ino}"
    a.start().wait_role("master")
    a.stop()
    for line in a.lines():
        assert re.fullmatch(line_is, line), line


@pytest.mark.sanitized
def test_a_full_disk_under_the_log_costs_nothing_but_lines(lab, single):
    with open("/dev/full", "wb") as full:
        a = lab.agent(single)
        a.start(stderr=full, stdout=full).wait_role("master")
        a.sicken()
        a.wait_role("unhealthy")
        a.cure()
        a.wait_role("master")
        assert a.stop() == 0


def test_a_reader_of_the_log_that_hangs_or_goes_away_costs_nothing(lab, single):
    reader, writer = os.pipe()
    a = lab.agent(single)
    a.start(stderr=writer, stdout=writer)
    os.close(writer)
    a.wait_role("master")
    for _ in range(3):
        a.sicken()
        a.wait_role("unhealthy")
        a.cure()
        a.wait_role("master")
    os.close(reader)
    a.sicken()
    a.wait_role("unhealthy")
    assert a.stop() == 0
