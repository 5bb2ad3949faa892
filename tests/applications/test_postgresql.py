"""PostgreSQL: the scenarios, its traps, and what it refuses."""

import postgresql
import scenarios


class TestPostgresql(scenarios.Scenarios):
    Copy = postgresql.Copy


class TestSynchronousPostgresql(scenarios.Scenarios):
    """synchronous_standby_names: what a killed master had acknowledged is not
    lost."""

    Copy = postgresql.Synchronous
