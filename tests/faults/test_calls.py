"""Calls of the plugin hang, fail and crash: each kind, and each way."""

import time

import pytest

from lab import net

HOW = ["bad", "hang", "crash", "do hang", "do crash"]
LOCK_DELAY = 5


@pytest.fixture(autouse=True)
def quick(lab):
    lab.env["ASAN_OPTIONS"] += ":handle_segv=0"     # crashes are meant
    for n in lab.nodes:
        n.agent.write(plugin={
            "health_deadline": "1s", "master_deadline": "1s",
            "slave_deadline": "1s", "promote_limit": "3s"})


@pytest.mark.parametrize("how", HOW + ["busy", "nonsense"])
def test_health_of_the_master(lab, how):
    """Long enough, and another one is master; busy is not bad for a while."""
    first, *others = lab.three()
    if how == "busy":
        first.agent.script(health=how)
        time.sleep(5)
        assert [m.node for m in lab.masterships()] == [first.name]
    else:
        since = time.monotonic_ns()
        first.agent.script(health=how)
        lab.demoted(first, since, 30)
        new = lab.settled(nodes=others)
        begin = lab.calls("ensure_master", new.name, since=since)[0].at
        end = [m for m in lab.masterships() if m.node == first.name][0].end
        assert (begin - end) / 1e9 < LOCK_DELAY     # the lock was given back
        first.agent.script()


@pytest.mark.parametrize("how", HOW + ["busy", "nonsense"])
def test_ensure_master_of_the_next_master(lab, how):
    """It leaves it to another; "do" means that it has become master before the
    call went wrong."""
    first, second, third = lab.three()
    second.agent.script(ensure_master=how)
    third.agent.script(ensure_master=how)
    first.agent.sicken()
    net.wait_for("both have tried", lambda: lab.calls(
        "ensure_master", second.name) and lab.calls("ensure_master", third.name), 60)
    third.agent.script()
    lab.settled(60, nodes=[third])
    second.agent.script()


@pytest.mark.parametrize("how", HOW)
def test_ensure_master_of_a_master_once(lab, how):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    first.agent.script(ensure_master=f"500 {how}")  # time to have no second one
    net.wait_for("the bad call is made", lambda: lab.calls(
        "ensure_master", first.name, since=since), 10)
    first.agent.script()
    time.sleep(3)
    assert [m.node for m in lab.masterships()] == [first.name]


@pytest.mark.parametrize("how", HOW)
def test_ensure_slave(lab, how):
    """A slave that can't follow is none of the master's business, and can still
    be made master."""
    first, second, third = lab.three()
    for n in (second, third):
        n.agent.script(ensure_slave=how)
    time.sleep(3)
    assert first.role == "master"
    with lab.controlled(first):
        first.agent.stop()
    for n in (second, third):
        n.agent.script()


@pytest.fixture
def fenced(lab):
    """The first node has a fence: it kills the application, and leaves a file."""
    first, file, pid = lab.nodes[0], lab.folder / "fenced", lab.folder / "pid"
    first.agent.write(agent={
        "restart_wait": "300ms",
        "on_fence_failure": f"kill -9 $(cat {pid}) && touch {file}"})
    first.app.start()
    pid.write_text(str(first.app.pid))
    return file


@pytest.mark.parametrize("how", HOW)
def test_ensure_demoted_and_the_fence(lab, fenced, how):
    """What can't be demoted is left to on_fence_failure, and nobody else is
    master before the lock-delay is over."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.agent.script(ensure_demoted=how)
    first.agent.sicken()
    net.wait_for("the fence is run", fenced.exists, 30, 0.01)
    lab.died(first)
    first.agent.wait_log("MAY STILL BE A MASTER", 5)
    new = lab.settled(nodes=others)
    begin = lab.calls("ensure_master", new.name, since=since)[0].at
    assert (begin - since) / 1e9 > LOCK_DELAY


@pytest.mark.parametrize("how", HOW)
def test_ensure_demoted_and_the_fence_of_a_master_whose_agent_is_killed(
        lab, fenced, how):
    """The guard is the only one that can say so; and it tries again and again."""
    first, *others = lab.three()
    first.agent.script(ensure_demoted=how)
    first.agent.kill()
    net.wait_for("the fence is run", fenced.exists, 30, 0.01)
    lab.died(first)
    net.wait_for("it is said", lambda: first.agent.lines(
        "MAY STILL BE A MASTER"), 5)
    since = time.monotonic_ns()
    first.agent.script()
    lab.demoted(first, since, 10)
    lab.settled(nodes=others)


@pytest.mark.parametrize("how", ["hang", "crash"])
def test_ensure_demoted_once_is_tried_again_in_time(lab, how):
    """One bad call leaves time for a good one: that is what the deadline and the
    guard are for."""
    first, *others = lab.three()
    for n in lab.nodes:
        n.agent.write()
    first.agent.script(ensure_demoted=how)
    first.agent.sicken()
    net.wait_for("the bad call is made", lambda: lab.demotions(first.name), 10)
    since = time.monotonic_ns()
    first.agent.script()
    lab.demoted(first, since, 10)
    lab.settled(nodes=others)


@pytest.mark.parametrize("milliseconds", [300, 800])
def test_all_calls_are_slow(lab, milliseconds):
    """Each within its deadline."""
    lab.three()
    for n in lab.nodes:
        n.agent.script(**{op: str(milliseconds) for op in (
            "health", "ensure_master", "ensure_slave", "ensure_demoted")})
    time.sleep(3)
    with lab.controlled() as first:
        first.agent.stop()
    assert lab.settled(nodes=[n for n in lab.nodes if n is not first]) is not first
