"""MariaDB: the scenarios.  Its traps are in test_mariadb_traps.py."""

import mariadb
import scenarios


class TestMariaDB(scenarios.Scenarios):
    Copy = mariadb.Copy


class TestSynchronousMariaDB(scenarios.Scenarios):
    """Semi-synchronous: what a killed master had acknowledged is not lost."""

    Copy = mariadb.Synchronous
    # These are the same for both.
    test_a_slave_that_is_behind_is_not_chosen = None
    test_the_old_copy_refuses_writes_before_the_new_one_takes_any = None
