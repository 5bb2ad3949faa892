"""Under an init system that does what our unit file says (lab.supervisor)."""

import os
import signal
import time

import pytest

from lab import net, process, supervisor

LOCK_DELAY = 5


@pytest.fixture
def unit():
    return supervisor.Unit(supervisor.UNIT)


@pytest.fixture(autouse=True)
def supervised(lab):
    for n in lab.nodes:
        supervisor.supervise(n.agent)


def steady(lab):
    """Consul has asked each /health once: from now on it forgives one bad answer."""
    nodes = lab.three()
    time.sleep(1.5)
    return nodes


def restarted(node, old):
    return net.wait_for(f"the agent of {node.name} is started again", lambda: (
        lambda pid: pid if pid != old else None)(supervisor.main(node.agent)), 30)


def test_an_agent_that_is_killed_comes_back_and_is_master_still(lab):
    first, *_ = steady(lab)
    epoch = first.agent.status["epoch"]
    for _ in range(3):
        old = supervisor.main(first.agent)
        since = time.monotonic_ns()
        lab.kill(old)
        restarted(first, old)
        assert lab.settled() is first
        time.sleep(1.5)
        assert not lab.calls("ensure_demoted", since=since)
        assert first.agent.status["epoch"] == epoch
    assert [m.node for m in lab.masterships()] == [first.name]


def test_the_guard_outlives_a_killed_agent_and_hands_over(lab):
    first, *_ = steady(lab)
    old, guard = supervisor.main(first.agent), first.guard
    lab.kill(old)
    net.wait_for("its end is seen", lambda: first.agent.lines("ended with -9"), 5, 0.01)
    time.sleep(0.1)                 # of RestartSec
    assert process.stat(guard) not in (None, "Z")
    new = restarted(first, old)
    net.wait_for("a new guard stands", lambda: [
        p for p, line in process.children(new) if "consul-failover-guard" in line], 10)
    net.wait_for("the old guard is gone",
                 lambda: process.stat(guard) in (None, "Z"), 10)
    assert lab.settled() is first


def test_an_agent_that_stands_still_is_ended_by_the_watchdog(lab, unit):
    """Its guard has demoted the copy long before."""
    first, *others = lab.three()
    old = supervisor.main(first.agent)
    since = time.monotonic_ns()
    lab.freeze(old)
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    new = lab.settled(nodes=others)
    net.wait_for("the watchdog barks", lambda: first.agent.lines(
        "watchdog timeout, SIGKILL"), unit.seconds("WatchdogSec", "0") + 10)
    restarted(first, old)
    assert lab.settled() is new


def test_an_agent_that_is_well_is_left_alone_by_the_watchdog(lab, unit):
    lab.three()
    time.sleep(2.5 * unit.seconds("WatchdogSec", "0") / 2 + 1)
    for n in lab.nodes:
        assert len(n.agent.lines("supervisor: started")) == 1


def test_a_stop_is_a_stop(lab):
    first, *others = lab.three()
    with lab.controlled():
        assert first.agent.stop(60) == 0
    assert len(first.agent.lines("supervisor: started")) == 1
    assert first.agent.lines("ended with 0; left behind: []")


def test_a_stop_of_an_agent_that_was_killed_just_before(lab, unit):
    """Nothing is left: the guard demotes, or the next agent does."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    lab.kill(supervisor.main(first.agent))
    first.agent.stop(60)
    lab.demoted(first, since, 20)
    lab.settled(nodes=others)


def test_a_config_that_is_refused_is_not_tried_again(lab, unit):
    first, *others = lab.three()
    good = {k: dict(v) for k, v in first.agent.sections.items()}
    first.agent.write(lock={"fuse": "59s"})
    since = time.monotonic_ns()
    lab.kill(supervisor.main(first.agent))
    assert first.agent.wait(30) in [int(s) for s in unit.text(
        "RestartPreventExitStatus").split()]
    lab.demoted(first, since, 20)
    lab.settled(nodes=others)
    first.agent.sections = good
    first.agent.write()


def test_agents_that_are_killed_again_and_again(lab):
    """Any of them, at any moment, and sometimes before it is up."""
    lab.three()
    for i in range(15):
        node = lab.nodes[i % 3]
        try:
            os.kill(supervisor.main(node.agent), signal.SIGKILL)
        except ProcessLookupError:
            pass
        time.sleep(0.05 + 0.17 * (i % 7))
