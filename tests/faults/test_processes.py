"""Agent, guard, handlers and application die, or stand still and wake up."""

import time

import pytest

from lab import harm, net

# With the timings of the tests.  What depends on nothing but our own processes
# takes a moment; on a machine that is busy with other tests, up to SPARE.
FUSE, DEMOTE, LOCK_DELAY, RESTART_WAIT, SPARE = 3, 1, 5, 1.5, 1
WATCH, PROOF = r"/leader\?index=", r"/leader\?consistent"


def promoted(lab, node, since):
    """After so many seconds it was called to be master."""
    return (net.wait_for(f"{node.name} is promoted", lambda: lab.calls(
        "ensure_master", node.name, since=since), 30)[0].at - since) / 1e9


def frozen_for(lab, node, since, seconds):
    """Lets the master's agent stand still till then: the guard demotes its copy
    in time, another one follows, and it wakes up as no master."""
    others = [n for n in lab.nodes if n is not node]
    assert lab.demoted(node, since, 20) < LOCK_DELAY
    lab.as_promised(node, "the agent is paused", since)
    new = lab.settled(nodes=others)
    time.sleep(max(0, seconds - (time.monotonic_ns() - since) / 1e9))
    lab.thaw()
    node.agent.thaw()
    if not node.app.running:
        node.app.start()
    woken = time.monotonic_ns()
    assert lab.settled() is new
    assert not lab.calls("ensure_master", node.name, since=woken)


def test_the_agent_stops_in_good_order(lab):
    lab.three()
    with lab.controlled() as first:
        since = time.monotonic_ns()
        assert first.agent.stop() == 0
        lab.as_promised(first, "the agent is stopped (SIGTERM)", since)


def test_the_agent_is_killed_for_good(lab):
    """The guard demotes the copy and gives the lock back: nobody waits for the
    lock-delay."""
    for n in lab.nodes:     # before Consul has asked /health twice, each second
        n.agent.write(agent={"restart_wait": "300ms"})
    first, *others = lab.three()
    time.sleep(1.5)         # and it forgives nothing before its first success
    since = time.monotonic_ns()
    first.agent.kill()
    assert lab.demoted(first, since, 20) < 0.3 + DEMOTE + SPARE
    lab.as_promised(first, "the agent is killed, and not started again", since)
    new = lab.settled(nodes=others)
    assert promoted(lab, new, since) < LOCK_DELAY
    # The lock goes first: the service may be seen for a moment longer.
    net.wait_for("it is deregistered", lambda: first.consul.name not in [
        i["Node"] for i in new.consul.catalog(lab.service)], 5)


def test_the_agent_is_killed_and_started_again_at_once(lab):
    first, *_ = lab.three()
    epoch = first.agent.status["epoch"]
    for pause in (0, 0.2, 0.5):
        time.sleep(1.5)     # Consul forgives one bad answer of /health, not two
        first.agent.kill()
        time.sleep(pause)
        first.agent.start()
        assert lab.settled() is first
        assert first.agent.status["epoch"] == epoch
    assert [m.node for m in lab.masterships()] == [first.name]


def test_the_agent_is_killed_and_started_again_too_late(lab):
    first, *others = lab.three()
    first.agent.kill()
    new = lab.settled(nodes=others)
    first.agent.start()
    assert lab.settled() is new


def test_all_agents_are_killed(lab):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    for n in lab.nodes:
        n.agent.kill()
    assert lab.demoted(first, since, 20) < RESTART_WAIT + DEMOTE + SPARE


@pytest.mark.parametrize("seconds", [
    5, pytest.param(60, marks=pytest.mark.slow(60))])
def test_the_agent_stands_still(lab, seconds):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    first.agent.freeze()
    frozen_for(lab, first, since, seconds)


def test_the_agent_stands_still_for_a_moment_again_and_again(lab):
    first, *_ = lab.three()
    for _ in range(8):
        first.agent.freeze()
        time.sleep(0.8)
        first.agent.thaw()
        time.sleep(1.2)
    assert [m.node for m in lab.masterships()] == [first.name]


@pytest.mark.slow(40)
def test_the_agent_stands_still_about_as_long_as_the_fuse(lab):
    """Agent and guard act at the same time."""
    lab.three()
    for tenths in (26, 29, 31, 33, 36):
        master = next((n for n in lab.nodes if n.role == "master"), lab.nodes[0])
        master.agent.freeze()
        time.sleep(tenths / 10)
        master.agent.thaw()
        lab.settled()


def test_agent_and_application_stand_still(lab):
    """An application that does not answer is killed by ensure_demoted."""
    first, *_ = lab.three()
    since = time.monotonic_ns()
    first.agent.freeze()
    first.app.freeze()
    frozen_for(lab, first, since, 8)
    assert not first.app.log.read_text()


def test_agent_handlers_and_application_stand_still(lab):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    handlers = first.agent.handlers().values()
    first.agent.freeze()
    first.app.freeze()
    lab.freeze(*handlers)
    frozen_for(lab, first, since, 8)


def test_the_guard_is_killed(lab):
    """The agent starts another one, which holds the lease as well."""
    first, *others = lab.three()
    lab.kill(first.guard)
    net.wait_for("there is another guard", lambda: first.guard, 10)
    time.sleep(3)
    assert [m.node for m in lab.masterships()] == [first.name]
    since = time.monotonic_ns()
    first.agent.freeze()
    frozen_for(lab, first, since, 5)


def test_the_guard_is_killed_again_and_again(lab):
    first, *_ = lab.three()
    for _ in range(5):
        net.wait_for("there is a guard", lambda: first.guard, 10)
        lab.kill(first.guard)
        time.sleep(0.5)
    lab.settled()


def test_the_agent_is_killed_and_the_guard_stands_still(lab):
    first, *_ = lab.three()
    guard = first.guard
    first.agent.kill()      # before: that wakes up its stopped children
    lab.freeze(guard)
    time.sleep(2)
    since = time.monotonic_ns()
    lab.thaw()
    assert lab.demoted(first, since, 20) < RESTART_WAIT + DEMOTE + SPARE


def test_the_guard_stands_still(lab):
    lab.three()
    first = lab.settled()
    lab.freeze(first.guard)
    time.sleep(8)
    lab.thaw()


@pytest.mark.parametrize("name", ["health", "role"])
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_handler_of_the_master_is(lab, name, how):
    for n in lab.nodes:
        n.agent.write(plugin={"master_deadline": "3s", "health_deadline": "3s"})
    first, *_ = lab.three()
    pid = first.agent.handlers()[name]
    if how == "killed":
        lab.kill(pid)
        time.sleep(4)
        assert [m.node for m in lab.masterships()] == [first.name]
    else:
        lab.freeze(pid)
        net.wait_for("it is replaced", lambda: first.agent.handlers().get(
            name, pid) != pid, 60)
    lab.settled()


def test_the_application_is_killed(lab):
    """The plugin's watch_fd tells it at once."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.app.kill()
    lab.died(first)
    lab.as_promised(first, "the application fails", since)
    new = lab.settled(nodes=others)
    assert promoted(lab, new, since) < LOCK_DELAY
    first.app.start()
    assert lab.settled() is new


def test_the_application_stands_still(lab):
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.app.freeze()
    lab.as_promised(first, "the application fails", since)
    new = lab.settled(nodes=others)
    assert promoted(lab, new, since) < LOCK_DELAY
    assert not first.app.running        # see stub.c


def test_agent_and_application_are_killed(lab):
    first, *others = lab.three()
    first.agent.kill()
    first.app.kill()
    lab.died(first)
    lab.settled(nodes=others)


def test_the_master_is_killed_while_it_is_demoted(lab):
    first, *others = lab.three()
    first.agent.script(ensure_demoted="500")
    first.agent.sicken()
    net.wait_for("it demotes", lambda: lab.demotions(first.name))
    since = time.monotonic_ns()
    first.agent.kill()
    assert lab.demoted(first, since, 20) < RESTART_WAIT + 2 * DEMOTE + SPARE
    lab.settled(nodes=others)
    first.agent.cure()


def test_a_node_is_killed_while_it_is_promoted(lab):
    """It may have become master, or may become it yet."""
    first, second, third = lab.three()
    for n in (second, third):
        n.agent.script(ensure_master="do 3000")
    first.agent.stop()
    call = net.wait_for("one is promoted", lambda: [
        l for l in lab.calls("ensure_master") if l.node != first.name])[0]
    node = lab.by_name(call.node)
    time.sleep(0.5)
    since = time.monotonic_ns()
    node.agent.kill()
    assert lab.demoted(node, since, 20) < RESTART_WAIT + DEMOTE + SPARE
    for n in (second, third):
        n.agent.script()
    lab.settled(nodes=[n for n in (second, third) if n is not node])


@pytest.mark.parametrize("method, path", [("PUT", "/v1/txn"), ("GET", PROOF)])
def test_a_node_stands_still_between_proof_and_promotion(lab, method, path):
    """It has the lock, and reads so in an answer that is as old as its sleep."""
    first, *others = lab.three()
    acquired = set()

    def when(x, reply):
        if x.method == "PUT" and reply.status == 200:
            acquired.add(x.proxy)
        return x.method == method and x.proxy in acquired

    freezer = harm.Freezer(when)
    for n in others:
        n.proxy.on("PUT", "/v1/txn", freezer.fault(n))
        n.proxy.on("GET", PROOF, freezer.fault(n))
    first.agent.stop()
    node = freezer.wait()
    first.agent.start()
    awake = [n for n in lab.nodes if n is not node]
    new = lab.settled(60, nodes=awake)
    # Long enough for a lease that begins when the agent wakes up to show.
    time.sleep(5)
    woken = time.monotonic_ns()
    node.agent.thaw()
    assert lab.settled() is new
    assert not lab.calls("ensure_master", node.name, since=woken)


@pytest.mark.parametrize("milliseconds", [0, 1, 3, 10])
def test_the_master_stands_still_about_when_it_decides_to_demote(lab, milliseconds):
    first, *_ = lab.three()
    session = first.consul.session_of(lab.service)
    freezer = harm.Freezer(lambda x, reply: session.encode() not in reply.body,
                      milliseconds / 1000)
    first.proxy.on("GET", "/leader", freezer.fault(first))
    since = time.monotonic_ns()
    first.consul.put(f"/v1/session/destroy/{session}")
    freezer.wait()
    frozen_for(lab, first, since, 8)


def test_the_agent_stands_still_during_a_promotion(lab):
    first, *others = lab.three()
    for n in others:
        n.agent.script(ensure_master="do 1500")
    first.agent.stop()
    call = net.wait_for("one is promoted", lambda: [
        l for l in lab.calls("ensure_master") if l.node != first.name])[0]
    node = lab.by_name(call.node)
    since = time.monotonic_ns()
    node.agent.freeze()
    for n in others:
        n.agent.script()
    first.agent.start()
    frozen_for(lab, node, since, 8)


def test_ten_times_another_process_of_the_master_is_killed(lab):
    lab.three()
    for i in range(10):
        master = lab.settled()
        pids = sorted(master.processes())
        lab.kill(pids[i % len(pids)])
        time.sleep(0.5)
        if not master.agent.running:
            master.agent.start()
