"""MySQL: the scenarios, where there is a mysqld on PATH.  What it is told is
tested statement by statement in tests/unit/test_mysql.c in any case."""

import pytest

import mysql
import scenarios

pytestmark = pytest.mark.skipif(
    mysql.program() is None, reason="there is no mysqld of MySQL 8.0 or later")


class TestMySQL(scenarios.Scenarios):
    Copy = mysql.Copy


class TestSynchronousMySQL(scenarios.Scenarios):
    """Semi-synchronous: what a killed master had acknowledged is not lost.  It
    comes back with what it had not: MySQL does not roll that back."""

    Copy = mysql.Synchronous
    test_a_slave_that_is_behind_is_not_chosen = None
    test_the_old_copy_refuses_writes_before_the_new_one_takes_any = None
