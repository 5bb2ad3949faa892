"""Real applications: three copies, three real agents, a real Consul.

The fixture "lab" gives each test a lab.copies.Lab on a Consul server and three
Consul client agents:

    Copy is a subclass of lab.copies.Copy, which says what it has to add.
    lab.three(Copy)     three fresh copies and their agents, started; the nodes,
                        the master first.  lab.three(Copy, plugin={"role_interval":
                        "1h"}) lays sections over the agents' config
    lab.prepare(Copy, count=3)
                        the same nodes, nothing started: node.copy.start(),
                        node.agent.start()
    lab.nodes           node.name, node.copy, node.agent (lab.agent.Agent),
                        node.consul; node.call("health"): one call of the plugin
                        by hand, (exit status, text)
    lab.settled(nodes)  waits until one is master and the others are its slaves;
                        gives the master.  lab.master(nodes): until there is one
    lab.others(node)    all but it
    lab.tags()          each node's role for Consul: {name: "master", …}
    lab.writer()        a client that finds the master through Consul and writes
                        all the time; lab.everywhere(): one for each copy, that
                        writes there whatever it is (lab.client)
    lab.everywhere_the_same()   what all copies hold, when it is the same

and "summary" takes a line that is printed at the end of the run, also with -q.

What must be true at the end of every test is asked there: no process left, no
crash, no sanitizer report, no password in a log.
"""

import itertools
import os
import pathlib
import sys
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from lab import consul, copies, net, outcome, process  # noqa: E402
from lab.outcome import pytest_runtest_makereport  # noqa: E402, F401


def pytest_sessionstart(session):
    process.adopt_orphans()


def pytest_collection_modifyitems(config, items):
    """The longest first, so that nobody waits for one alone: what one worker has
    to play as a whole, then Solr's, which need the processors, among the others,
    which mostly wait."""
    if os.environ.get("TRAPS") == "half":
        left_out = [item for item in items if item.path.name.endswith("_traps.py")
                    and zlib.crc32((item.nodeid + os.environ["FRESH"]).encode()) % 2]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: not any(
        word in item.name for word in ("hand_over", "killed_master")))
    solr = [item for item in items if item.path.name == "test_solr.py"]
    others = [item for item in items if item not in solr]
    place = {item: i / len(group) for group in (solr, others)
             for i, item in enumerate(group)}
    items.sort(key=lambda item: (
        item.get_closest_marker("xdist_group") is None, place[item]))


@pytest.fixture(scope="session")
def network():
    n = net.Net()
    yield n
    n.close()


@pytest.fixture(scope="session")
def cluster_(tmp_path_factory, network):
    c = consul.Cluster(tmp_path_factory.mktemp("cluster"), network, 1, 3)
    try:
        yield c.start()
    finally:
        c.end()


@pytest.fixture
def cluster(cluster_):
    """One Consul server and three client agents, as they should be."""
    return cluster_.heal()


_numbers = itertools.count(1)


@pytest.fixture
def lab(request, network, cluster):
    the_lab = copies.Lab(network, cluster, f"app-{os.getpid()}-{next(_numbers)}", {
        "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    })
    yield the_lab
    failed = outcome.failed(request)
    found = the_lab.end()
    if failed or found:
        print(f"{the_lab.story()}\n--- all files: {the_lab.folder}")
    else:
        the_lab.forget()
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture
def summary(record_property):
    return lambda line: record_property("summary", line)


def pytest_terminal_summary(terminalreporter):
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, line in getattr(report, "user_properties", ()):
                if name == "summary" and report.when == "call":
                    terminalreporter.write_line(
                        f"{report.nodeid.split('::')[-2]}: {line}")
