"""The exec plugin: every application that a command can drive."""

import base64
import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from lab import PROGRAM, ROOT, net, process
from lab.agent import wait_master

OPS = ("health", "ensure_master", "ensure_slave", "ensure_demoted")


@pytest.fixture
def scripted(lab):
    """An agent whose four commands are one script; write_script changes it."""
    def make(consul_, body="exit 0", command=None, **more):
        folder = lab.folder / f"script-{len(lab.agents)}"
        folder.mkdir()
        script = folder / "script.sh"
        sections = more.pop("sections", {})
        sections["options"] = {"flag": None, **{
            op: command or f"{script} {op}" for op in OPS}}
        a = lab.agent(consul_, plugin_name="exec", sections=sections, **more)
        a.script_file, a.facts = script, folder

        def write_script(text):
            new = folder / "new.sh"
            new.write_text(f"#!/bin/sh\n{text}\n")
            new.chmod(0o755)
            os.rename(new, script)
        a.write_script = write_script
        a.write_script(body)
        return a
    return make


def call(agent, op="health", *words):
    env = {k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")}
    return subprocess.run(
        [PROGRAM, "plugin", "call", "-c", agent.file, op, *words], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=60, env=env)


@pytest.mark.sanitized
def test_the_exit_status_is_the_result_and_the_first_line_the_sentence(
        lab, single, scripted):
    a = scripted(single)
    for status, expected in ((0, 0), (1, 1), (75, 75), (2, 1), (127, 1)):
        a.write_script(f"echo 'All is as it is.'; echo more; exit {status}")
        r = call(a)
        assert r.returncode == expected, r
        assert "All is as it is." in r.stdout + r.stderr
        assert "more" not in r.stdout
    a.write_script("kill -9 $$")
    r = call(a)
    assert r.returncode == 1 and "9" in r.stdout + r.stderr


@pytest.mark.sanitized
def test_the_facts_are_in_the_environment_and_no_token_is(lab, cluster, scripted):
    agents = [scripted(c, env={"CONSUL_HTTP_TOKEN": ""}) for c in cluster.clients[:2]]
    for a in agents:
        a.write_script(f'env > "{a.facts}/$1.new" && '
                       f'mv "{a.facts}/$1.new" "{a.facts}/$1"; exit 0')
    first, second = agents
    first.start().wait_role("master")
    second.start().wait_role("slave")

    def facts(a, op):
        file = net.wait_for(f"{op} was called", lambda: (
            a.facts / op if (a.facts / op).exists() else None))
        return dict(l.split("=", 1) for l in file.read_text().splitlines() if "=" in l)
    master, slave = facts(first, "ensure_master"), facts(second, "ensure_slave")
    assert master["CF_ROLE"] == "master" and slave["CF_ROLE"] == "slave"
    assert master["CF_SERVICE"] == slave["CF_SERVICE"] == lab.service
    assert master["CF_NODE"] == first.consul.name
    assert master["CF_EPOCH"] == slave["CF_EPOCH"] == str(first.status["epoch"])
    assert slave["CF_MASTER_ADDR"] == first.consul.address
    assert slave["CF_MASTER_PORT"] == "3306"
    for env in (master, slave, facts(first, "health")):
        assert not [k for k in env if k.startswith(("CONSUL", "NOTIFY"))]


@pytest.mark.sanitized
def test_no_shell_reads_the_command(lab, single, scripted):
    a = scripted(single, command="/bin/echo 'one  two' $HOME; touch /x | `id` > \\$x")
    r = call(a)
    assert r.returncode == 0
    assert "one  two $HOME; touch /x | `id` > $x" in r.stdout


@pytest.mark.sanitized
def test_a_command_that_takes_too_long_is_killed_with_all_it_started(
        lab, single, scripted):
    a = scripted(single, sections={"plugin": {"health_deadline": "2s"}})
    a.start().wait_role("master")
    pids = a.facts / "pids"
    a.write_script(f"[ $1 = health ] || exit 0\n"
                   f"sleep 1000 & echo $! >> {pids}; echo $$ >> {pids}; sleep 1000")
    a.wait_role("unhealthy", seconds=20)
    net.wait_for("it says why", lambda:
                 "did not end within" in a.ask("/health").text)
    a.write_script("exit 0")
    a.wait_role("master")
    for pid in pids.read_text().split():
        assert process.stat(int(pid)) in (None, "Z"), process.command_line(int(pid))


@pytest.mark.sanitized
def test_a_handler_that_is_killed_after_its_command_has_ended_leaves_nothing(
        lab, single, scripted):
    """It has not read yet how the command ended: it hangs."""
    a = scripted(single, sections={"plugin": {"health_deadline": "1s"}})
    pids = a.facts / "pids"
    a.write_script(f"sleep 1000 >/dev/null 2>&1 & echo $! $PPID > {pids}\n"
                   "read -r _ _ _ handler _ < /proc/$PPID/stat\n"
                   "kill -STOP $handler")
    assert call(a).returncode != 0
    for pid in pids.read_text().split():
        net.wait_for("it is gone", lambda pid=pid:
                     process.stat(int(pid)) in (None, "Z"))


@pytest.mark.sanitized
def test_endless_output_is_read_and_cut(lab, single, scripted):
    a = scripted(single, "head -c 50000000 /dev/zero | tr '\\0' x; exit 0")
    begin = time.monotonic()
    r = call(a)
    assert r.returncode == 0 and len(r.stdout) < 10000
    assert time.monotonic() - begin < 20


@pytest.mark.sanitized
@pytest.mark.parametrize("command, words", [
    ("/nowhere/to/be/found", "/nowhere/to/be/found"), ("no-such-command-at-all", "PATH"),
    ("./relative", "absolute"), ("echo 'open", "not closed"), ("''", "no command")])
def test_a_command_that_cannot_be_is_said(lab, single, scripted, command, words):
    a = scripted(single, command=command)
    r = call(a)
    assert r.returncode not in (0, 75) and words in r.stdout + r.stderr, r


@pytest.mark.sanitized
def test_it_fails_over(lab, cluster, scripted):
    agents = [scripted(c) for c in cluster.clients]
    for a in agents:
        a.write_script(f'echo "$1" >> {a.facts}/calls\n'
                       f'[ $1 != health ] || [ ! -e {a.facts}/sick ]')
    agents[0].start().wait_role("master")
    for a in agents[1:]:
        a.start().wait_role("slave")
    (agents[0].facts / "sick").touch()
    wait_master(agents[1:], 20)
    agents[0].wait_role("unhealthy")
    calls = (agents[0].facts / "calls").read_text().split()
    assert calls.index("ensure_demoted", calls.index("ensure_master"))


def test_the_worked_configuration_runs_a_command_only_on_the_master(lab, cluster):
    """conf/exec-only-on-master.ini, with another command in another place."""
    worked = (ROOT / "conf/exec-only-on-master.ini").read_text()
    script = ROOT / "conf/only-on-master"
    agents = []
    for c in cluster.clients[:2]:
        file = lab.folder / f"{c.name}.pid"
        options = {"flag": None}
        for op in OPS:
            line = next(l for l in worked.splitlines() if l.startswith(f"{op} = "))
            word, what, *_ = line.split(" = ")[1].split()
            assert word == "only-on-master"
            options[op] = f"{script} -p {file} {what} /bin/sleep 1000"
        # Else ensure_master may start it again before health sees it dead.
        a = lab.agent(c, plugin_name="exec", sections={
            "options": options, "lock": {"lock_delay": "7s"},
            "plugin": {"demote_deadline": "2s", "role_interval": "1h"}})
        a.pidfile = file
        agents.append(a)
    first, second = agents

    def runs(a):
        pid = int(a.pidfile.read_text().split()[0]) if a.pidfile.exists() else 0
        return pid if pid and process.stat(pid) not in (None, "Z") else 0
    first.start().wait_role("master")
    second.start().wait_role("slave")
    assert runs(first) and not runs(second)
    os.kill(runs(first), 9)         # the command dies: the other takes over
    second.wait_role("master", seconds=30)
    assert runs(second) and not runs(first)
    assert second.stop() == 0
    first.wait_role("master", seconds=30)
    assert runs(first) and not runs(second)
    assert first.stop() == 0
    assert not runs(first)


class Command:
    """conf/only-on-master with a command of its own."""

    def __init__(self, folder):
        self.folder, self.pidfile = folder, folder / "pid"
        self.program = ROOT / "conf/only-on-master"
        # What no other test runs: its words are looked for.
        self.words = ["/bin/sleep", f"1000.{os.getpid()}{next(_numbers)}"]

    def __call__(self, action, **more):
        r = subprocess.run(
            [self.program, "-p", self.pidfile, action, *self.words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            timeout=10, **more)
        return r.returncode, r.stdout.strip()

    def runs(self):
        """The processes that do, whoever has started them."""
        found = []
        for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if file.read_text().split("\0")[-3:-1] == self.words:
                    found.append(int(file.parent.name))
        return [pid for pid in found if process.stat(pid) != "Z"]


_numbers = itertools.count(1)


@pytest.fixture
def command():
    """In a folder that everybody can enter."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        c = Command(folder)
        yield c
        for pid in c.runs():
            os.kill(pid, 9)


def test_no_other_user_keeps_only_on_master_from_ending_its_command(command):
    assert command("start")[0] == 0 and len(command.runs()) == 1
    lock = command.folder / "pid.lock"
    r = subprocess.run(["flock", "-s", "-n", lock, "true"], stderr=subprocess.PIPE,
                       text=True, **process.identity("nobody"))
    assert r.returncode and "Permission denied" in r.stderr
    # Nor does one of its own user who holds the lock.
    with open(lock) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert command("start")[0] == 1
        begun = time.monotonic()
        assert command("stop") == (0, "/bin/sleep does not run")
        assert time.monotonic() - begun < 1.8
    assert not command.runs()


def test_a_lock_that_an_older_only_on_master_has_left_is_closed(command):
    lock = command.folder / "pid.lock"
    lock.touch(0o644)
    assert command("start")[0] == 0
    assert lock.stat().st_mode & 0o777 == 0o600
    assert command("stop")[0] == 0


@pytest.mark.parametrize("text", [None, "", "1 1\n", "text\n", "{} 5\n"])
def test_a_command_whose_pid_file_is_lost_is_ended_all_the_same(command, text):
    assert command("start")[0] == 0
    pid, = command.runs()
    if text is None:
        command.pidfile.unlink()
    else:
        command.pidfile.write_text(text.format(os.getpid()))
    assert command("health")[0] == 1
    assert command("stop") == (0, "/bin/sleep does not run")
    assert not command.runs()
    assert command("health") == (0, "/bin/sleep is not to run here")


@pytest.mark.parametrize("is_script", [False, True])
def test_a_command_that_others_have_started_is_not_run_twice(command, is_script):
    if is_script:       # then an interpreter comes before its words
        script = command.folder / "script"
        script.write_text("#!/usr/bin/python3\nimport time\ntime.sleep(1000)\n")
        script.chmod(0o755)
        command.words[0] = str(script)
    stranger = subprocess.Popen(command.words)
    net.wait_for("it runs", lambda: stranger.pid in command.runs())
    for action in "health", "start", "stop":
        status, said = command(action)
        assert status == 1, action
        assert f"pid {stranger.pid}, and was not started by this: end it" in said
    assert command.runs() == [stranger.pid]
    stranger.kill()
    stranger.wait()
    assert command("start")[0] == 0 and command("health")[0] == 0
    assert command("stop")[0] == 0 and not command.runs()


def test_a_command_of_another_user_is_told_of_and_not_judged(command):
    """Whether it is ours, or of another service, can't be seen."""
    other = subprocess.Popen(command.words)
    net.wait_for("it runs", lambda: other.pid in command.runs())
    command.program = shutil.copy(command.program, command.folder)
    shutil.chown(command.folder, "nobody")
    for action in "health", "stop":
        status, said = command(action, **process.identity("nobody"))
        assert status == 0 and f"process {other.pid} of another user" in said
    other.kill()
    other.wait()
    assert "process" not in command("health")[1]


def test_no_other_user_makes_only_on_master_fail(command):
    """By a process with our mark, or with the words of the command."""
    marked = {"ONLY_ON_MASTER": str(command.pidfile)}
    others = [subprocess.Popen(words, env=env, **process.identity("nobody"))
              for words, env in ((["/bin/sleep", "600"], marked), (command.words, {}))]
    try:
        net.wait_for("it runs", lambda: others[1].pid in command.runs())
        assert command("health")[0] == 0
        assert command("start")[0] == 0 and command("health")[0] == 0
        ours = set(command.runs()) - {others[1].pid}
        assert len(ours) == 1
        assert command("stop")[0] == 0
        assert not ours & set(command.runs())
    finally:
        for p in others:
            p.kill()
            p.wait()


def test_only_on_master_follows_no_link_and_shares_no_folder(command):
    other = command.folder / "other"
    other.write_text("of somebody else")
    (command.folder / "pid.lock").symlink_to(other)
    assert "cannot write" in command("start")[1]
    assert command("stop")[0] == 0
    (command.folder / "pid.lock").unlink()
    command.folder.chmod(0o1777)
    status, said = command("start")
    assert status == 1 and "others may write to" in said
    assert command("stop")[0] == 0
    assert other.read_text() == "of somebody else" and not command.runs()


OPTIONAL = ("position", "has_position", "behind")


class Journal:
    """A copy of the application of conf/exec-script, and a config for it."""

    def __init__(self, folder, name, bin_):
        self.folder = folder / name
        self.folder.mkdir()
        self.journal = self.folder / "journal"
        self.journal.write_text("")
        self.env = {"JOURNAL": str(self.folder),
                    "PATH": f"{bin_}:{os.environ['PATH']}"}
        self.options = {"flag": None, **{
            op: ROOT / "conf" / "exec-script" for op in OPS + OPTIONAL}}

    def write(self, lines):
        with open(self.journal, "a") as file:
            file.write("line\n" * lines)

    def lines(self):
        return len(self.journal.read_text().splitlines())

    @property
    def writable(self):
        return (self.folder / "writable").exists()


def test_exec_script_says_demoted_only_of_what_it_knows(tmp_path):
    def demote(folder):
        r = subprocess.run([ROOT / "conf/exec-script"], text=True,
                           stdout=subprocess.PIPE, env={
                               **os.environ, "CF_OP": "ensure_demoted",
                               "JOURNAL": str(folder)})
        return r.returncode, r.stdout.strip()
    (tmp_path / "writable").touch()     # and no journal is left
    assert demote(tmp_path) == (0, "takes no writes")
    assert not (tmp_path / "writable").exists()
    wrong = f"can't remove {tmp_path}/writable"
    (tmp_path / "writable").mkdir()     # rm does not remove that
    assert demote(tmp_path) == (1, wrong)
    assert demote(tmp_path / "elsewhere")[0] == 1


@pytest.fixture
def journals(tmp_path):
    """Makes copies; rsync, of one at an address, is a cp from it."""
    bin_, masters = tmp_path / "bin", tmp_path / "masters"
    bin_.mkdir()
    masters.mkdir()
    rsync = bin_ / "rsync"
    rsync.write_text('#!/bin/sh\nhost=${2#rsync://}\n'
                     f'cp "{masters}/${{host%%/*}}/journal" "$3"\n')
    rsync.chmod(0o755)

    def make(name, address):
        j = Journal(tmp_path, name, bin_)
        (masters / address).symlink_to(j.folder)
        return j
    return make


def test_the_worked_script_passes_the_conformance_test(lab, single, journals, monkeypatch):
    one, other = journals("one", "10.0.0.1"), journals("other", "10.0.0.2")
    one.write(3)
    other.write(5)
    a = lab.agent(single, plugin_name="exec", sections={"options": one.options})
    for name, value in one.env.items():
        monkeypatch.setenv(name, value)
    r = subprocess.run([PROGRAM, "plugin", "test", "-c", a.file, "--yes", "--master",
                        "10.0.0.2:9000", "--kill", "--probe",
                        f"test -e {one.folder}/writable"], text=True, stdout=subprocess.PIPE, timeout=120)
    assert r.returncode == 0, r.stdout
    assert one.lines() == 5 and not one.writable
    for line in r.stdout.splitlines():
        assert not line.startswith("skipped") or "watch_fd" in line or \
            "secrets" in line, line


def test_the_worked_script_takes_no_writes_before_it_has_the_target(
        lab, single, journals, monkeypatch):
    one = journals("one", "10.0.0.1")
    one.write(3)
    a = lab.agent(single, plugin_name="exec", sections={"options": one.options})
    for name, value in one.env.items():
        monkeypatch.setenv(name, value)
    r = call(a, "ensure_master", "--target", "5")
    assert r.returncode == 75 and "3 lines of 5" in r.stdout and not one.writable
    one.write(2)
    r = call(a, "ensure_master", "--target", "5")
    assert r.returncode == 0 and one.writable
    for position, status in ("5", 0), ("6", 1), ("none", 75), ("9" * 30, 75):
        assert call(a, "has_position", position).returncode == status, position
    assert call(a, "behind", "12").stdout == "done: 7\n"
    assert call(a, "behind", "$(reboot)").stdout == "done: -1\n"
    assert call(a, "position").stdout == "done: 5\n"


@pytest.mark.sanitized
def test_without_a_command_for_position_copies_are_not_compared(lab, single, journals):
    one = journals("one", "10.0.0.1")
    options = dict(one.options)
    compared = "the candidates compare their data"
    for given in OPTIONAL[:1], OPTIONAL[:2]:
        for op in OPTIONAL:
            options[op] = ROOT / "conf" / "exec-script" if op in given else None
        a = lab.agent(single, name=given[-1], plugin_name="exec", env=one.env,
                      sections={"options": options})
        check = subprocess.run([PROGRAM, "check", "-c", a.file], text=True,
                               stdout=subprocess.PIPE, check=True).stdout
        assert (compared in check) == ("has_position" in given)
        assert "behind, or not with these [options]" in call(a, "behind", "1").stderr
        a.start().wait_role("master")
        record, = (r for r in single.get(
            f"/v1/kv/lock/{lab.service}/candidates/?recurse") if "master" not in r["Key"])
        value = json.loads(base64.b64decode(record["Value"]))
        assert value.get("compares", False) == ("has_position" in given)
        assert not a.lines("Comparing the copies")
        a.end()


def test_the_worked_script_hands_over_without_a_loss(lab, cluster, journals):
    """Slaves fetch every role_interval only; what the master has written after
    that is fetched when it has been demoted."""
    copies = [journals(c.name, c.address) for c in cluster.clients]
    agents = [lab.agent(c, plugin_name="exec", env=j.env, sections={
        "options": j.options, "plugin": {"role_interval": "1h"}})
        for c, j in zip(cluster.clients, copies)]
    for a in agents:
        a.start()
    first = wait_master(agents, 20)
    master = copies[agents.index(first)]
    assert master.writable
    master.write(100)
    assert first.stop() == 0
    assert not master.writable
    rest = [a for a in agents if a is not first]
    new = copies[agents.index(wait_master(rest, 20))]
    assert new.lines() == 100 and new.writable
