"""PostgreSQL: the scenarios, its traps, and what it refuses."""

import postgresql
import scenarios


class TestPostgresql(scenarios.Scenarios):
    Copy = postgresql.Copy
    # As in conf/postgresql.ini: on a busy machine the eight programs that a
    # demotion runs can take longer than the short time of the tests.
    plugin_test = ("-o", "plugin.demote_deadline=5s", "-o", "lock.lock_delay=10s")


class TestSynchronousPostgresql(scenarios.Scenarios):
    """synchronous_standby_names: what a killed master had acknowledged is not
    lost."""

    Copy = postgresql.Synchronous
    plugin_test = TestPostgresql.plugin_test
