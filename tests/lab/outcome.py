"""Whether a test has failed, for what comes after it: needs pytest.

A conftest.py takes the hook by importing it.
"""

import pytest

_failed = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        item.stash[_failed] = True


def failed(request):
    return request.node.stash.get(_failed, False)
