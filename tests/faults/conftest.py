"""Faults on real processes: three nodes, each in a network namespace.

The fixture "lab" gives each test three nodes beside a cluster of three Consul
servers and three client agents, every one of the six in a namespace of its own:

    lab.nodes           the three; "first, *others = lab.three()" starts all and
                        gives the master first
    lab.servers         the three Consul servers; lab.leader() is one of them
    lab.grow(n)         makes it n nodes, before anything is started: more than
                        one beside each Consul client agent
    lab.service         the service's name, another one in each test
    lab.record          the file that the plugin records its calls in
    lab.writer          the client that writes all the time (lab.application)
    lab.say(text)       a line in the time line of faults, printed on failure;
                        cuts, signals and starts write theirs by themselves
    lab.settled(seconds, nodes=all)
                        waits until one is master and the others follow it, and
                        until the master has accepted a write; gives the master
    lab.one_master(seconds, nodes=all)
                        the same, whatever the others are
    lab.heal()          takes every fault away: cuts, freezes, proxies, Consul,
                        applications and agents that were killed
    lab.died(node)      the test has killed the application of this node

and each node

    node.name           node-1; what the record says
    node.place          its namespace; "with node.place:" for what is done in
                        it; .address; .cut("both" | "in" | "out"), .heal()
    node.consul         its local Consul agent (lab.consul.Consul)
    node.agent          our agent (lab.agent.Agent, timings FAST)
    node.app            the application (lab.application.Application)
    node.proxy          between agent and Consul (lab.proxy.Proxy); passes all
                        on until told otherwise
    node.start()        application, then agent
    node.guard          the pid of the guard; None where there is none
    node.role

Each is a lab.process.Process (but the proxy): start, kill, freeze, thaw, stop,
running, pid, text().

What must be true at the end of every test is asked there, after lab.heal():
one master within BOUND; no two masters at any time, in the record of the
plugin's calls and in what the applications themselves have accepted; growing
epochs; every write that was acknowledged before a controlled hand-over is there
after it; no session left over in Consul; no descriptor, no memory and no process
more than before.

    with lab.controlled() as old:   around a hand-over in good order: checks that
                        no write that old had acknowledged is missing then
    lab.demoted(node, since_ns, seconds)    the seconds that the demotion took
    lab.calls(op, node, phase, since_ns), lab.masterships()   of the record
    lab.freeze(*pids)   SIGSTOP to handlers, guards, …; lab.thaw(), lab.heal()

What a test does to Consul's cluster is undone before the next one; where that
does not work within a minute, the next one has a new cluster.
"""

import itertools
import os
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from lab import netns, nodes, outcome, process  # noqa: E402
from lab.order import pytest_collection_modifyitems  # noqa: E402, F401
from lab.outcome import pytest_runtest_makereport  # noqa: E402, F401


SEED = "NEMESIS_SEED"


def pytest_configure(config):
    # Here, so that the workers of xdist have the same one.
    os.environ.setdefault(SEED, os.environ.get("FRESH") or
                          str(random.randrange(10**9)))


def pytest_sessionstart(session):
    process.adopt_orphans()


def pytest_terminal_summary(terminalreporter):
    if any("nemesis" in report.nodeid for reports in terminalreporter.stats.values()
           for report in reports if hasattr(report, "nodeid")):
        terminalreporter.write_line(f"{SEED}={os.environ[SEED]}")


class Sites:
    """The site of this process: the same for all its tests, while it works."""

    def __init__(self, factory):
        self.factory, self.site = factory, None

    def healthy(self):
        try:
            if self.site:
                return self.site.heal()
        except TimeoutError:
            self.end()
        self.site = nodes.Site(self.factory.mktemp("site"))
        return self.site.start()

    def end(self):
        if self.site:
            self.site.end()
        self.site = None


@pytest.fixture(scope="session")
def sites(tmp_path_factory):
    the_sites = Sites(tmp_path_factory)
    yield the_sites
    the_sites.end()


@pytest.fixture
def site(sites):
    """Three Consul servers and three client agents, as they should be."""
    try:
        return sites.healthy()
    except netns.NotAllowed as e:
        pytest.skip(str(e))


_numbers = itertools.count(1)


@pytest.fixture
def lab(lab_on, site):
    return lab_on(site)


@pytest.fixture
def lab_on(request, tmp_path):
    """A lab on a site of the test's own."""
    labs = []

    def make(site):
        labs.append(nodes.Lab(
            tmp_path, site, f"app-{os.getpid()}-{next(_numbers)}", env={
                "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
                "UBSAN_OPTIONS": "print_stacktrace=1",
            }))
        return labs[0]
    yield make
    if labs:
        finish(request, *labs)


def finish(request, the_lab):
    failed = outcome.failed(request)
    found = the_lab.end(passed=not failed)
    print(the_lab.story())
    if failed or found:
        the_lab.forget()
    if found:
        pytest.fail("\n".join(found), pytrace=False)
