"""The checker finds what it is there to find."""

import pytest

from lab import checker

pytestmark = pytest.mark.fast


def record(tmp_path, text):
    file = tmp_path / "record"
    file.write_text("\n".join(l.strip() for l in text.strip().splitlines()) + "\n")
    return checker.read(file)


def test_a_hand_over_is_no_problem(tmp_path):
    lines = record(tmp_path, """
        100 a begin ensure_master 3 - -
        200 a end ensure_master 3 done -
        300 a begin ensure_demoted 3 - -
        400 a end ensure_demoted 3 done -
        500 b begin ensure_master 4 - -""")
    assert checker.problems(lines) == []
    assert [(m.node, m.begin, m.end) for m in checker.masterships(lines)] == \
        [("a", 100, 400), ("b", 500, checker.FOREVER)]


def test_two_masters_are_found_however_short_it_is(tmp_path):
    found = checker.problems(record(tmp_path, """
        100 a begin ensure_master 3 - -
        400 a end ensure_demoted 3 done -
        399 b begin ensure_master 4 - -"""))
    assert len(found) == 1 and "two masters" in found[0]


def test_a_failed_demotion_leaves_a_master(tmp_path):
    found = checker.problems(record(tmp_path, """
        100 a begin ensure_master 3 - -
        200 a end ensure_demoted 3 failed -
        300 b begin ensure_master 4 - -"""))
    assert "two masters" in found[0]


def test_a_failed_promotion_counts_from_its_begin(tmp_path):
    assert checker.problems(record(tmp_path, """
        100 a begin ensure_master 3 - -
        200 a end ensure_master 3 failed -
        300 b begin ensure_master 4 - -"""))


def test_an_application_that_the_test_killed_is_no_master(tmp_path):
    lines = record(tmp_path, "100 a begin ensure_master 3 - -")
    lines += [checker.death("a")]
    lines += [lines[0]._replace(at=checker.death("b").at, node="b", epoch=4)]
    assert checker.problems(lines) == []


def test_an_epoch_that_falls_or_stays_is_found(tmp_path):
    assert "without a new epoch" in checker.problems(record(tmp_path, """
        100 a begin ensure_master 3 - -
        200 a end ensure_demoted 3 done -
        300 b begin ensure_master 3 - -"""))[0]
    assert "fell" in checker.problems(record(tmp_path, """
        100 a begin ensure_slave 4 - h:1
        200 a begin ensure_slave 3 - h:1"""))[0]
