"""Many candidates, and a master that is killed again and again."""

import itertools
import time

import pytest


@pytest.mark.slow(70)
def test_ten_candidates_and_the_master_is_killed_twenty_times(lab):
    """The agent, the application, and both at once, in turns; what was killed
    is started again as soon as there is a new master."""
    lab.grow(10)
    master, *_ = lab.three()
    how = itertools.cycle(("agent", "application", "agent and application"))
    for number, what in zip(range(20), how):
        lab.say(f"kill {number + 1}: {what} of {master.name}, the master")
        old, since = master, time.monotonic_ns()
        if "agent" in what:
            old.agent.kill()
        if "application" in what:
            old.app.kill()
            lab.died(old)
        master = lab.settled(nodes=[n for n in lab.nodes if n is not old])
        lab.say(f"after {(time.monotonic_ns() - since) / 1e9:.1f} s")
        old.start()
    lab.settled()
