"""Solr: the scenarios.  Its traps are in test_solr_traps.py.

A Solr needs seconds of a processor to start, so there are fewer rounds than
with the other applications, and most of them without a restart.
"""

import functools
import itertools
import time

import scenarios
import solr
from lab import copies


def unit_stopped(lab, node):
    """Solr's unit is stopped.  The agent's is bound to it, goes first, and waits
    for the next master, as conf/solr.ini has it: what a Solr has that went
    without a word, nobody can fetch."""
    node.agent.stop()
    lab.master(lab.others(node))
    node.copy.stop()
    yield
    node.copy.start()
    node.agent.start()


class Solr(scenarios.Scenarios):
    WAYS = copies.agent_stopped, copies.disabled
    KILLS = 2
    RATE = 200              # rows a second that the client has to reach

    def test_a_hand_over_loses_nothing(self, lab, summary):
        lab.three(self.Copy)
        writer, gaps = lab.writer(), scenarios.Gaps()
        writer.wait(count=100)
        for _, way in zip(range(self.ROUNDS), itertools.cycle(self.WAYS)):
            old = lab.settled()
            writer.wait(old.name, time.monotonic_ns(), 20)
            if way is unit_stopped:
                way = functools.partial(way, lab)
            gap, undo = lab.gap(writer, old, way)
            gaps.values.append(gap)
            undo()
            assert not lab.rejoins(old)
        self.nothing_is_lost(lab, writer)
        summary(f"{len(gaps.values)} hand-overs: {gaps}; {len(writer.acks)} "
                f"rows, {writer.rate():.0f} a second, 0 lost")
        assert writer.rate() >= self.RATE

    def test_a_killed_master_is_replaced_and_comes_back_as_a_slave(
            self, lab, summary):
        self.ROUNDS = self.KILLS
        super().test_a_killed_master_is_replaced_and_comes_back_as_a_slave(
            lab, summary)

    def test_a_slave_that_is_behind_is_not_chosen(self, lab):
        """It hangs in a fetch, from a host that does not answer.  A slave's own
        fetches are made by ensure_slave, which is to be called here."""
        lab.three(self.Copy)
        writer = lab.writer()
        old = lab.settled()
        behind, other = sorted(lab.others(old), key=lambda n: n.name)
        writer.wait(old.name, time.monotonic_ns(), 100)
        behind.copy.lag()
        held = set(behind.copy.ids())
        writer.wait(old.name, time.monotonic_ns(), 300)
        lab.wait("the other one has more", lambda:
                 other.copy.place()[1] > behind.copy.place()[1])
        old.copy.kill()
        assert lab.master([behind, other]) is other
        assert held < set(other.copy.ids())
        behind.copy.unlag()
        old.copy.start()
        lab.rejoins(old)


class TestSolr(Solr):
    """9.x, without a restart."""

    Copy = solr.Copy
    WAYS = 2 * Solr.WAYS + (unit_stopped,)
    ROUNDS = 20
    KILLS = 5


class Few(Solr):
    """What the two ways, and the versions, do not share."""

    ROUNDS = 4
    RATE = 0                # a server that has just started is slow
    test_a_slave_that_is_behind_is_not_chosen = None
    test_the_old_copy_refuses_writes_before_the_new_one_takes_any = None


class TestSolr8(Few):
    """8.11, where a leader is still called a master."""

    Copy = solr.Solr8


class TestRestart(Few):
    """9.x, by core.properties and a reload of the core."""

    Copy = solr.Restart
