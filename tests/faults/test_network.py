"""The network between Consul's agents is cut, and heals."""

import time

import pytest

# With the timings of the tests: fuse 3 s, demote_deadline 1 s, lock_delay 5 s.
FUSE, LOCK_DELAY = 3, 5


@pytest.mark.parametrize("way", ["both", "in", "out"])
def test_the_host_of_the_master_is_cut_off(lab, way):
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.place.cut(way)
    # That it is not later than lock_delay is what safety is made of; that
    # nobody was early shows in the check that follows every test.
    assert FUSE - 1 < lab.demoted(first, since, 20) < LOCK_DELAY
    lab.as_promised(first, "this host is cut off from Consul", since)
    assert first.agent.ask("/master").status != 200
    new = lab.settled(nodes=others)
    assert first.role not in ("master", "promoting")
    first.place.heal()
    assert lab.settled() is new or way == "in"


def test_short_cuts_again_and_again_cost_no_failover(lab):
    first, *_ = lab.three()
    for _ in range(10):
        first.place.cut()
        time.sleep(0.4)
        first.place.heal()
        time.sleep(1.1)
    assert [m.node for m in lab.masterships()] == [first.name]


def test_cuts_about_as_long_as_the_fuse_never_make_two_masters(lab):
    master, *_ = lab.three()
    for tenths in (25, 30, 35, 45, 60):
        master.place.cut(("both", "in", "out")[tenths % 3])
        time.sleep(tenths / 10)
        master.place.heal()
        time.sleep(1)
        master = next((n for n in lab.nodes if n.role == "master"), master)


@pytest.mark.slow(55)
def test_the_master_and_the_leader_of_consul_are_on_an_island(lab):
    """The old leader goes on answering there, and knows nothing new."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    lab.site.hub.part(first.place, lab.leader().place)
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    new = lab.settled(nodes=others)
    lab.site.hub.part()
    lab.settled()
    assert new in others


def test_the_master_is_where_the_quorum_is(lab):
    """The others are cut off, and must not think that they are alone."""
    first, *others = lab.three()
    lab.site.hub.part(*[n.place for n in others])
    time.sleep(15)
    assert first.role == "master"
    assert not [n for n in others if n.role in ("master", "promoting")]
    assert [m.node for m in lab.masterships()] == [first.name]
    lab.site.hub.part()


def test_the_leader_of_consul_is_cut_off(lab):
    lab.three()
    leader = lab.leader()
    leader.place.cut()
    time.sleep(12)
    lab.settled()
    leader.place.heal()


def test_a_controlled_handover_while_another_node_is_cut_off(lab):
    first, second, third = lab.three()
    second.place.cut()
    time.sleep(1)
    began = lab.masterships()[-1].begin
    assert first.agent.stop() == 0
    assert lab.settled(nodes=[third]) is third
    lab.kept(first, third, began)
    second.place.heal()


@pytest.mark.slow(50)
def test_another_nodes_partition_heals(lab):
    """When it comes back, it tells all others that they are dead; Consul may
    believe it for a moment, and end a session."""
    first, second, third = lab.three()
    third.place.cut()
    time.sleep(35)
    assert [m.node for m in lab.masterships()] == [first.name]
    third.place.heal()
    time.sleep(10)
    lab.settled()


def test_the_agent_is_cut_off_from_consul_while_its_check_passes(lab):
    """Consul polls /health all the time: nothing but the TTL ends the session."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.proxy.block()
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    assert first.consul.checks(lab.service)[lab.service] == "passing"
    lab.as_promised(first, "the agent alone is cut off from Consul", since)
    lab.settled(nodes=others)
    assert first.role not in ("master", "promoting")
    first.proxy.reset()
