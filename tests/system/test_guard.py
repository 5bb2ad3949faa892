"""The guard: it demotes the copy of an agent that can't, and gives the lock back."""

import contextlib
import json
import os
import signal
import sys
import time

import pytest

from lab import net, process


# Before Consul has asked /health twice, each second, and ends the session.
QUICK = {"agent": {"restart_wait": "500ms"}}


def guard_of(a):
    return a.status["guard"]["pid"]


def demotions(lab, node):
    return [l for l in lab.calls("ensure_demoted", node, "end") if l.result == "done"]


def file_of(a):
    """What the guard has written for the next one: until, by, clean_at, epoch, failed."""
    return (a.folder / "run" / f"{a.service}.guard").read_text().split()


@pytest.mark.fast
@pytest.mark.sanitized
def test_an_agent_that_is_killed_for_good_costs_no_lock_delay(
        lab, cluster):
    one, two, three = lab.three(cluster, sections=QUICK)
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    guard = guard_of(one)
    killed = time.monotonic()
    one.kill()
    new = net.wait_for("there is a new master", lambda: next(
        (a for a in (two, three) if a.role == "master"), None), 15, 0.01)
    took = time.monotonic() - killed
    assert took < 4, took       # the lock-delay alone is 5 s
    demoted = demotions(lab, one.name)[-1]
    promoted = lab.calls("ensure_master", new.name)[0]
    assert demoted.at < promoted.at
    assert promoted.epoch > demoted.epoch
    one.wait_log("The lock is released (cleanly)", alive=False)
    net.wait_for("the dead node has left the service", lambda: one.name not in [
        i["Node"] for i in cluster.servers[0].catalog(lab.service)])
    net.wait_for("the guard has ended", lambda: process.stat(guard) in (None, "Z"))
    assert not [s for s in cluster.servers[0].sessions(lab.service)
                if s["Node"] == one.name]


@pytest.mark.fast
@pytest.mark.sanitized
def test_a_killed_agent_that_comes_back_goes_on_as_master(lab, cluster):
    one, two, three = lab.three(cluster)
    epoch, guard = one.status["epoch"], guard_of(one)
    before = len(demotions(lab, one.name))
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    for _ in range(3):
        one.kill()
        time.sleep(0.6)
        one.start().wait_role("master")
        time.sleep(1.2)     # Consul asks once a second, and fails us at two
    assert one.status["epoch"] == epoch
    assert guard_of(one) != guard
    assert process.stat(guard) in (None, "Z")
    time.sleep(2.5)     # longer than any old guard would have waited
    assert one.role == "master" and two.role == "slave"
    assert len(demotions(lab, one.name)) == before
    assert not lab.calls("ensure_master", two.name)


def test_both_agent_and_guard_killed_the_next_agent_goes_on(lab, cluster):
    one, two, _ = lab.three(cluster)
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    guard = guard_of(one)
    os.kill(guard, signal.SIGSTOP)      # so that it does not see the agent's end
    one.kill()
    os.kill(guard, signal.SIGKILL)
    one.start().wait_role("master")
    assert not lab.calls("ensure_master", two.name)


@pytest.mark.fast
@pytest.mark.sanitized
def test_the_copy_of_a_stopped_agent_is_demoted_when_its_fuse_is_over(lab, cluster):
    one, two, three = lab.three(cluster)
    stopped = time.monotonic_ns()
    one.freeze()
    new = net.wait_for("there is a new master", lambda: next(
        (a for a in (two, three) if a.role == "master"), None), 30, 0.05)
    demoted = demotions(lab, one.name)[-1]
    assert 1.5e9 < demoted.at - stopped < 10e9
    assert demoted.at < lab.calls("ensure_master", new.name)[0].at
    one.wait_log("the agent does not respond")
    net.wait_for("its role is not in Consul", lambda: "master" not in dict(
        (i["Node"], i["ServiceTags"])
        for i in cluster.servers[0].catalog(lab.service)).get(one.name, []))
    one.thaw()
    one.wait_role("slave")
    net.wait_for("it is registered again", lambda: "slave" in dict(
        (i["Node"], i["ServiceTags"])
        for i in cluster.servers[0].catalog(lab.service)).get(one.name, []), 40)


def test_a_stopped_agent_that_wakes_up_before_that_goes_on(lab, cluster):
    one, two, _ = lab.three(cluster)
    before = len(demotions(lab, one.name))
    one.freeze()
    time.sleep(1.2)
    one.thaw()
    time.sleep(4)
    assert one.role == "master"
    assert len(demotions(lab, one.name)) == before


@pytest.mark.fast
@pytest.mark.sanitized
def test_what_the_agent_can_not_demote_the_guard_does(lab, single):
    """The agent has no descriptor left for another handler; the guard has its own."""
    a = lab.agent(single)
    a.start().wait_role("master")
    role = a.handlers()["role"]
    # As a rule of the kernel: a limit below what is open takes nothing away.
    process.limit_descriptors(a.pid, 3)
    os.kill(role, signal.SIGKILL)
    a.sicken()
    a.wait_log("the agent could not demote the copy")
    a.wait_log("guard: the copy is demoted")
    net.wait_for("the lock is free", lambda: not single.session_of(lab.service))
    value = json.loads(single.key(lab.service)["Value"])
    # Without a descriptor it can talk to Consul by a connection only that it
    # has and that is idle; else it ends the session, which says nothing clean.
    assert value["state"] == "released" or \
        a.lines("The lock could not be released, so the session is destroyed")


def fence(a, text=""):
    out = a.folder / "fenced"
    a.write(agent={"on_fence_failure":
                   f'echo "$CF_SERVICE $CF_NODE $CF_EPOCH $CF_REASON" >> {out}'})
    return out


@pytest.mark.fast
def test_a_demotion_that_fails_runs_on_fence_failure_once_and_tells_all(lab, cluster):
    one, two, _ = [lab.agent(c) for c in cluster.clients]
    out = fence(one)
    one.start().wait_role("master")
    two.start().wait_role("slave")
    one.script(ensure_demoted="bad")
    epoch = one.status["epoch"]
    session = cluster.servers[0].session_of(lab.service)
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    one.kill()
    one.wait_log("MAY STILL BE A MASTER", alive=False)
    net.wait_for("on_fence_failure has run", out.exists)
    assert out.read_text().split()[:3] == [lab.service, one.name, str(epoch)]
    one.wait_log("on_fence_failure ended: exit status 0", alive=False)
    # The session is left to Consul, which keeps the lock for the lock-delay.
    net.wait_for("the tag is gone", lambda: "master" not in dict(
        (i["Node"], i["ServiceTags"])
        for i in cluster.servers[0].catalog(lab.service))[one.name])
    assert "The lock is released" not in one.text()
    status = lab.run("status", [two.argv[0], "status", "-c", two.file])
    assert status.wait() == 1
    assert "MAY STILL BE A MASTER" in status.text()
    lab.died(one)       # that is what the operator has seen to
    # It goes on trying, does not run the command again, and ends well.
    time.sleep(6)
    assert len(out.read_text().splitlines()) == 1
    two.wait_role("master")
    assert cluster.servers[0].session_of(lab.service) != session
    one.script()
    one.wait_log("guard: the copy is demoted", 30, alive=False)
    net.wait_for("it has left", lambda: one.name not in [
        i["Node"] for i in cluster.servers[0].catalog(lab.service)])


def test_a_plugin_without_ensure_demoted_leaves_it_to_on_fence_failure(lab, single):
    a = lab.agent(single, plugin_name="minimal")
    out = fence(a)
    a.start().wait_role("master")
    a.kill()
    a.wait_log("the plugin has no ensure_demoted", alive=False)
    net.wait_for("on_fence_failure has run", out.exists)


def test_a_living_agent_whose_demotion_fails_says_so_everywhere(lab, single):
    a = lab.agent(single)
    out = fence(a)
    a.start().wait_role("master")
    a.script(ensure_demoted="bad")
    a.sicken()
    net.wait_for("on_fence_failure has run", out.exists)
    net.wait_for("/status warns", lambda: "MAY STILL BE A MASTER" in a.status["warning"])
    assert "consul_failover_may_be_master{" in a.ask("/metrics").text
    assert [l for l in a.ask("/metrics").text.splitlines()
            if l.startswith("consul_failover_may_be_master{")][0].endswith(" 1")
    net.wait_for("Consul tells it", lambda: "MAY STILL BE A MASTER" in json.dumps(
        [i["ServiceMeta"] for i in single.catalog(lab.service)]))
    a.script()
    net.wait_for("it is over", lambda: a.status["warning"] == "")


@pytest.mark.fast
@pytest.mark.sanitized
def test_a_guard_that_is_killed_is_replaced_and_guards_again(lab, cluster):
    one, two, three = lab.three(cluster)
    old = guard_of(one)
    os.kill(old, signal.SIGKILL)
    net.wait_for("there is another guard",
                 lambda: guard_of(one) not in (None, old))
    one.wait_log("The guard has died")
    assert one.role == "master"
    time.sleep(1)       # it has heard of the lease
    one.kill()
    net.wait_for("there is a new master", lambda: any(
        a.role == "master" for a in (two, three)), 15)
    assert demotions(lab, one.name)


def test_a_guard_that_stands_still_does_not_demote_when_it_wakes_up(lab, single):
    a = lab.agent(single)
    a.start().wait_role("master")
    before = len(demotions(lab, a.name))
    guard = guard_of(a)
    os.kill(guard, signal.SIGSTOP)
    time.sleep(4)       # longer than the fuse
    os.kill(guard, signal.SIGCONT)
    time.sleep(1)
    assert a.role == "master" and len(demotions(lab, a.name)) == before
    # One that does so for long is replaced.
    os.kill(guard_of(a), signal.SIGSTOP)
    a.wait_log("hangs: killing it", 20)
    net.wait_for("there is another guard", lambda: guard_of(a) not in (None, guard))
    assert a.role == "master" and len(demotions(lab, a.name)) == before


@pytest.mark.sanitized
def test_a_guard_goes_with_its_agent_and_not_before(lab, single):
    a = lab.agent(single)
    a.start().wait_role("master")
    guard = guard_of(a)
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(guard, s)
    time.sleep(0.3)
    assert guard_of(a) == guard
    assert a.stop() == 0
    net.wait_for("the guard has ended", lambda: process.stat(guard) in (None, "Z"), 2)


def test_a_guard_knows_the_way_into_consul_but_its_handlers_do_not(lab, single):
    a = lab.agent(single, env={"CONSUL_HTTP_ADDR": single.url, "CONSUL_HTTP_TOKEN": "t"},
                  sections={"consul": {"address": None}, **QUICK})
    a.start().wait_role("master")
    a.script(ensure_demoted="600")
    a.kill()
    net.wait_for("its handler is at it", lambda: [
        c for c in process.descendants(os.getpid()) if " demote " in c[1] and
        "recorder" in c[1]], 10, 0.01)
    handler = [c[0] for c in process.descendants(os.getpid()) if " demote " in c[1]][0]
    assert not [v for v in process.environment(handler) if v.startswith(b"CONSUL_HTTP_T")]
    a.script()
    a.wait_log("Deregistering service in Consul", alive=False)


def test_an_agent_that_starts_waits_for_a_demotion_under_way(lab, single):
    a = lab.agent(single, sections={"plugin": {"demote_deadline": "4s"},
                                    "lock": {"lock_delay": "9s"}})
    a.start().wait_role("master")
    a.script(ensure_demoted="1500")
    a.kill()
    a.wait_log("demoting the copy in its place", alive=False)
    a.start()
    a.wait_log("Waiting for the guard of the previous agent")
    a.script()
    a.wait_role("master")
    # One after the other, never side by side.
    lines = [l for l in lab.calls(phase="begin") + lab.calls(phase="end")
             if l.op in ("ensure_master", "ensure_demoted")]
    depth = 0
    for l in sorted(lines):
        depth += 1 if l.phase == "begin" else -1
        assert depth in (0, 1), lines


def test_two_signals_end_the_agent_and_the_guard_does_the_rest(lab, cluster):
    one, two, three = lab.three(cluster, sections={
        **QUICK, "plugin": {"demote_deadline": "3s"}, "lock": {"lock_delay": "8s"}})
    one.script(ensure_demoted="1500")
    one.signal(signal.SIGTERM)
    time.sleep(0.6)
    one.signal(signal.SIGTERM)
    assert one.wait(2) != 0
    net.wait_for("there is a new master", lambda: any(
        a.role == "master" for a in (two, three)), 15)
    one.wait_log("guard: the copy is demoted", alive=False)


def test_a_copy_that_a_stop_could_not_demote_stays_in_the_catalogue(lab, cluster):
    """Or an agent that starts now, with the key deleted, would believe to be alone."""
    one, *_ = lab.three(cluster)
    catalog = lambda: {i["Node"]: i for i in cluster.servers[0].catalog(lab.service)}
    one.script(ensure_demoted="bad")
    one.signal(signal.SIGTERM)
    assert one.wait() != 0
    assert one.lines("The service stays registered in Consul")
    left = catalog()[one.name]
    assert left["ServiceTags"] == []
    assert "MAY STILL BE A MASTER" in json.dumps(left["ServiceMeta"])
    lab.died(one)           # its copy may be a master beside the next one
    one.script()
    one.wait_log("guard: the copy is demoted", 30, alive=False)
    net.wait_for("it has left", lambda: one.name not in catalog())


def test_a_killed_slave_is_taken_out_of_the_service(lab, cluster):
    one, two, three = lab.three(cluster)
    two.kill()
    net.wait_for("it has left", lambda: two.name not in [
        i["Node"] for i in cluster.servers[0].catalog(lab.service)], 10)
    assert one.role == "master"
    assert not [s for s in cluster.servers[0].sessions(lab.service)
                if s["Node"] == two.name]


def test_leave_by_hand_is_for_a_copy_without_an_agent(lab, single):
    a = lab.agent(single)
    a.start().wait_role("master")
    leave = lab.run("leave", [a.argv[0], "leave", "-c", a.file])
    assert leave.wait() == 1
    assert "is running" in leave.text()
    assert single.session_of(lab.service)
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    a.crash()
    leave = lab.run("leave2", [a.argv[0], "leave", "-c", a.file])
    lab.died(a)
    assert leave.wait() == 0, leave.text()
    assert json.loads(single.key(lab.service)["Value"])["state"] == "dropped"
    assert not single.session_of(lab.service)
    assert not single.catalog(lab.service)
    assert lab.run("leave3", [a.argv[0], "leave", "-c", a.file, "nonsense"]).wait() == 64


def leaving():
    """The runs of `leave` just now."""
    return [c for c in process.descendants(os.getpid()) if " leave -c " in c[1]]


def hang_leave(a):
    """Whoever reads the config from now on waits; gives what ends that."""
    text = a.file.read_text()
    a.file.unlink()
    os.mkfifo(a.file)

    def end():
        a.file.rename(a.folder / "fifo")
        a.file.write_text(text)
        for _ in leaving():
            with contextlib.suppress(OSError):
                os.write(os.open(a.folder / "fifo", os.O_WRONLY | os.O_NONBLOCK),
                         text.encode())
    return end


def test_an_agent_that_wakes_up_while_leave_hangs_is_guarded_again(lab, cluster):
    one, two = [lab.agent(c) for c in cluster.clients[:2]]
    one.start().wait_role("master")
    end = hang_leave(one)
    one.freeze()
    net.wait_for("leave runs", leaving, 20, 0.01)
    one.thaw()
    one.wait_role("master")
    net.wait_for("leave has been ended", lambda: not leaving())
    two.start().wait_role("slave")
    time.sleep(1)
    end()
    before = len(demotions(lab, one.name))
    one.kill()
    two.wait_role("master", seconds=40)
    assert len(demotions(lab, one.name)) > before


def test_leave_is_for_this_copy_whatever_the_config_says_by_then(lab, single):
    first = lab.agent(single, name="aa", sections={"service": {"id": "aa"}})
    run = first.folder / "run"
    second = lab.agent(single, name="bb", sections={
        "service": {"id": "bb"}, "agent": {"run_dir": run}})
    second.start().wait_role("master")
    first.start().wait_role("slave")
    first.write(service={"id": "bb"})
    first.kill()
    net.wait_for("it has left", lambda: not [
        i for i in single.catalog(lab.service) if i["ServiceID"] == "aa"], 15)
    time.sleep(1)
    assert second.role == "master"
    assert len(lab.masterships()) == 1


def test_nobody_reads_the_log_and_the_copy_is_demoted_all_the_same(lab, single):
    a = lab.agent(single, plugin_name="exec", sections={
        "options": {"flag": None, "health": "true", "ensure_master": "true",
                    "ensure_slave": "true", "ensure_demoted": None}})
    done = a.folder / "demoted"
    a.write(options={"ensure_demoted": f"/bin/sh -c 'echo now; touch {done}'"})
    reader, writer = os.pipe()
    a.start(stdout=writer, stderr=writer)
    a.wait_role("master")
    done.unlink(missing_ok=True)
    os.close(writer)
    os.close(reader)
    a.kill()
    net.wait_for("it is demoted", done.exists, 10)
    net.wait_for("it has left", lambda: not single.catalog(lab.service))


STUCK = """
import fcntl, signal, sys, time
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("it has the file", flush=True)
time.sleep(60)
"""


@pytest.mark.sanitized
def test_a_guard_that_hangs_when_it_is_to_go_is_killed_and_its_lease_enforced(
        lab, single):
    a = lab.agent(single)
    a.start().wait_role("master")
    guard = guard_of(a)
    os.kill(guard, signal.SIGSTOP)
    a.kill()
    lease = file_of(a)
    os.kill(guard, signal.SIGKILL)
    net.wait_for("the guard has ended", lambda: process.stat(guard) in (None, "Z"))
    stuck = lab.run("stuck", [sys.executable, "-c", STUCK,
                              a.folder / "run" / f"{a.service}.guard"])
    stuck.wait_log("it has the file")
    a.start()
    a.wait_log("the previous guard does not end: killing it", 5)
    assert stuck.wait(2) == -signal.SIGKILL
    a.wait_role("master")
    assert int(file_of(a)[3]) >= int(lease[3])      # the epoch


ENDS_IT = """
import fcntl, signal, sys, time
def end(*_):
    time.sleep(0.1)
    open(sys.argv[2], "r+").write("0 - 0 ")
    sys.exit()
signal.signal(signal.SIGUSR1, end)
file = open(sys.argv[1], "r+")
file.truncate(0)
fcntl.lockf(file, fcntl.LOCK_EX)
print("it has the file", flush=True)
time.sleep(60)
"""


def test_an_agent_believes_the_run_file_when_the_guard_before_has_ended(lab, single):
    """That has just taken the copy out of the service, and Consul has not heard it."""
    # Consul does not notice, and end the session, before the next agent looks.
    a = lab.agent(single, sections={"api": {"check_interval": "30s"}})
    a.start().wait_role("master")
    epoch = a.status["epoch"]
    before = len(demotions(lab, a.name))
    a.crash()
    run = a.folder / "run"
    assert (run / f"{a.service}.run").read_text().split()[1:3] == \
        [single.session_of(lab.service), str(epoch)]
    ends = lab.run("ends", [sys.executable, "-c", ENDS_IT, run / f"{a.service}.guard",
                            run / f"{a.service}.run"])
    ends.wait_log("it has the file")
    a.start()
    # If Consul asked just while no agent ran, it asks again after the interval.
    a.wait_role("master", seconds=60)
    assert ends.wait(2) == 0
    assert a.status["epoch"] > epoch
    assert len(demotions(lab, a.name)) > before
