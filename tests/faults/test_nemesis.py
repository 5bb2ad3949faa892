"""All faults, at random.

NEMESIS_SEED=… does what an earlier run did; NEMESIS_SECONDS=… goes on for longer.
"""

import os

import pytest

from lab import nemesis

SECONDS = int(os.environ.get("NEMESIS_SECONDS", 300))


@pytest.mark.nemesis
@pytest.mark.slow(SECONDS)
@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("seed", [int(os.environ["NEMESIS_SEED"])])
def test_nemesis(lab, seed):
    lab.three()
    nemesis.Nemesis(lab, seed).run(SECONDS)
