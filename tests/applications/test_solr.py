"""Solr: the scenarios.  Its traps are in test_solr_traps.py.

A Solr needs seconds of a processor to start, so there are fewer rounds than
with the other applications, and most of them without a restart.
"""

import os
import time

import pytest

import scenarios
import solr
from lab import copies


class Solr(scenarios.Scenarios):
    PLUGIN = {}

    def ways(self, lab):
        def unit_stopped(node):
            """Solr's unit is stopped.  The agent's is bound to it, goes first,
            and waits for the next master, as conf/solr.ini has it: what a Solr
            has that went without a word, nobody can fetch."""
            node.agent.stop()
            lab.master(lab.others(node))
            node.copy.stop()
            yield
            node.copy.start()
            node.agent.start()
        return 2 * (copies.agent_stopped, copies.disabled) + (unit_stopped,)

    def test_a_slave_that_is_behind_is_not_chosen(self, lab):
        """Once: what a killed Solr had, and no slave, is lost, so nobody can
        wait for all that was acknowledged."""
        lab.three(self.Copy, plugin=self.PLUGIN)
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


@pytest.mark.timeout(900)   # each kill costs the start of a Solr
class TestSolr(Solr):
    """9.x, without a restart."""

    Copy = solr.Copy
    KILLS = 6 if os.environ.get("TRAPS") == "half" else 20

    @pytest.mark.alone      # two Solrs at once do not reach RATE on two cores
    def test_a_hand_over_loses_nothing(self, lab, summary):
        super().test_a_hand_over_loses_nothing(lab, summary)


class Few(Solr):
    """What the two ways, and the versions, do not share."""

    ROUNDS = 4
    KILLS = 2
    RATE = 0                # a server that has just started is slow


class TestSolr8(Few):
    """8.11, where a leader is still called a master."""

    Copy = solr.Solr8


class TestRestart(Few):
    """9.x, by core.properties and a reload of the core."""

    Copy = solr.Restart
    PLUGIN = {"role_interval": "1h"}    # ensure_slave would let it poll again


class Limited(solr.Copy):
    """The agent's user, who has the rights that the manual names."""

    rights = ("read", "update", "config-read", "config-edit", "core-admin-read",
              "metrics-read", "health")


def test_the_rights_in_the_manual_are_enough(lab):
    master, *slaves = lab.three(Limited)
    writer = lab.writer()
    writer.wait(master.name, time.monotonic_ns(), 50)
    master.agent.stop()
    new = lab.master(slaves)
    writer.wait(new.name, time.monotonic_ns(), 50)
    master.agent.start()
    lab.settled()
