"""Redis: the scenarios.  Its traps are in test_redis_traps.py."""

import redis_
import scenarios


class TestRedis(scenarios.Scenarios):
    Copy = redis_.Copy


class TestSynchronousRedis(scenarios.Scenarios):
    """min-replicas-to-write and WAIT: what a killed master had acknowledged is
    not lost."""

    Copy = redis_.Synchronous
