"""A plugin that fails, hangs, crashes or misbehaves costs one call."""

import time

import pytest

from lab import net, process
from lab.agent import wait_master

QUICK = {"plugin": {"health_deadline": "1s", "master_deadline": "1s",
                    "slave_deadline": "1s", "promote_limit": "4s"}}


@pytest.fixture(autouse=True)
def crashes_are_meant(lab):
    """The plugin's; the agent's own would show in its exit status."""
    lab.env["ASAN_OPTIONS"] += ":handle_segv=0"


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["bad", "hang", "spin", "crash", "exit", "garbage", "nonsense"])
def test_a_master_whose_health_goes_wrong_for_long_is_replaced(lab, cluster, how):
    first, *others = lab.three(cluster, sections=QUICK)
    first.script(health=how)
    new = wait_master(others, 20)
    first.wait_role("unhealthy")
    assert first.ask("/health").status == 500
    first.script()
    first.wait_role("slave")
    assert new.role == "master"


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["bad", "hang", "crash", "exit", "garbage", "busy"])
def test_a_node_that_cannot_be_made_master_leaves_it_to_another(lab, cluster, how):
    first, second, third = lab.three(cluster, sections=QUICK)
    second.script(ensure_master=how)
    third.script(ensure_master=how)
    first.sicken()
    net.wait_for("the others have tried", lambda: lab.calls(
        "ensure_master", second.name) and lab.calls("ensure_master", third.name), 40)
    second.script()
    third.script()
    wait_master([second, third], 60)


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["bad", "hang", "crash"])
def test_one_bad_call_of_a_master_costs_no_failover(lab, cluster, how):
    first, *_ = lab.three(cluster)
    calls = len(lab.calls("ensure_master", first.name))
    first.script(ensure_master=f"1000 {how}")   # time to have no second one
    net.wait_for("the bad call is made", lambda: len(lab.calls(
        "ensure_master", first.name)) > calls, 5)
    first.script()
    time.sleep(3)
    first.wait_role("master")
    assert [m.node for m in lab.masterships()] == [first.name]


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["bad", "hang", "crash"])
def test_a_master_that_cannot_be_demoted_is_said_and_the_lock_delay_protects(
        lab, cluster, how):
    first, *others = lab.three(cluster)
    first.script(ensure_demoted=how)
    first.sicken()
    first.wait_log("MAY STILL BE A MASTER", 15)
    # The operator reads it, and stops the application by hand.
    lab.died(first)
    dead = time.monotonic_ns()
    new = wait_master(others, 60)
    begin = lab.calls("ensure_master", new.name)[0].at
    assert begin > dead
    first.script()
    first.cure()
    first.wait_role("slave", seconds=40)


@pytest.mark.sanitized
def test_an_ensure_slave_that_takes_long_does_not_silence_health(lab, cluster):
    first, second, third = lab.three(cluster, sections={
        "plugin": {"slave_deadline": "60s"}})
    second.script(ensure_slave="hang")
    time.sleep(2)
    second.sicken()
    net.wait_for("/health is bad", lambda: second.ask("/health").status == 500, 5)
    second.wait_role("unhealthy")


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["stdout", "stderr", "log", "closefds", "leak", "fork", "long",
                                 "lines", "latin1"])
def test_a_plugin_that_misbehaves_costs_nothing_else(lab, single, how):
    if how == "leak":
        lab.env["ASAN_OPTIONS"] += ":detect_leaks=0"    # that one is meant too
    a = lab.agent(single, sections=QUICK).start().wait_role("master")
    a.script(health=how)
    time.sleep(4)
    assert a.running and a.ask("/status").status == 200
    a.script()
    a.wait_role("master", seconds=30)
    assert a.stop() == 0


def test_a_busy_application_is_not_failed_over_until_its_limit(lab, cluster):
    first, *others = lab.three(cluster, sections={"plugin": {"busy_limit": "6s"}})
    first.script(health="busy")
    time.sleep(4)
    assert first.role == "master"
    new = wait_master(others, 20)
    assert new is not first


def test_the_handlers_die_with_their_agent(lab, single):
    a = lab.agent(single).start().wait_role("master")
    pids = net.wait_for("both handlers run", lambda: (
        lambda h: h if len(h) == 2 else None)(a.handlers())).values()
    a.script(health="hang", ensure_master="hang")
    time.sleep(2)
    lab.kill(a)
    net.wait_for("the handlers are gone", lambda: not [
        p for p in pids if process.stat(p) not in (None, "Z")], 5)
