"""Which test begins first, for the workers of xdist: needs pytest.

A conftest.py takes the hook by importing it.
"""


def seconds(item):
    mark = item.get_closest_marker("slow")
    return mark.args[0] if mark else 0


def pytest_collection_modifyitems(items):
    """The longest first, so that nobody waits for one alone."""
    items.sort(key=seconds, reverse=True)
