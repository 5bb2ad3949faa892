"""Fixtures: Consul clusters that tests share, and a lab for each test.

What must be true after every test is checked in the lab's end: never two
masters, no falling epoch, no process left, no crash, no sanitizer report.
"""

import itertools
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from lab import agent, checker, consul, net, outcome, process  # noqa: E402
from lab.order import pytest_collection_modifyitems  # noqa: E402, F401
from lab.outcome import pytest_runtest_makereport  # noqa: E402, F401


def pytest_sessionstart(session):
    process.adopt_orphans()


@pytest.fixture(scope="session")
def network():
    n = net.Net()
    yield n
    n.close()


_clusters = []


def _cluster(factory, network, name, **size):
    c = consul.Cluster(factory.mktemp(name), network, **size)
    _clusters.append(c)
    try:
        yield c.start()
    finally:
        c.end()


@pytest.fixture(scope="session")
def single_(tmp_path_factory, network):
    yield from _cluster(tmp_path_factory, network, "single", servers=1)


@pytest.fixture(scope="session")
def cluster_(tmp_path_factory, network):
    yield from _cluster(tmp_path_factory, network, "cluster", servers=3, clients=3)


@pytest.fixture
def single(single_):
    """One Consul server, as it should be."""
    single_.heal()
    return single_.servers[0]


@pytest.fixture
def cluster(cluster_):
    """Three Consul servers and three client agents, as they should be."""
    return cluster_.heal()


class Lab:
    """What one test starts, and what must be true when it ends."""

    def __init__(self, folder, network, name):
        self.folder, self.net, self.service = folder, network, name
        self.record = folder / "record"
        self.processes, self.agents, self.deaths = [], [], []
        self.consuls = set()
        self.killed = set()
        self.env = {
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }

    def listen(self, consul_):
        return f"{consul_.address}:{self.net.port()}"

    def agent(self, consul_, **more):
        """An agent of this test's service, not started yet."""
        self.consuls.add(consul_)
        env = {**self.env, **more.pop("env", {})}
        a = agent.Agent(
            self.folder, consul_, more.pop("service", self.service),
            more.pop("listen", None) or self.listen(consul_),
            record=self.record, env=env, **more)
        self.agents.append(a)
        return a

    def three(self, cluster, **more):
        """Three agents of one service: the master first."""
        agents = [self.agent(c, **more) for c in cluster.clients]
        agents[0].start().wait_role("master")
        for a in agents[1:]:
            a.start()
        for a in agents[1:]:
            a.wait_role("slave")
        return agents

    def run(self, name, argv, **more):
        p = process.Process(name, argv, self.folder / f"{name}.log", **more)
        self.processes.append(p)
        return p.start()

    def died(self, agent_):
        """The test has killed the application of this agent, now."""
        self.deaths.append(checker.death(agent_.name))

    def kill(self, agent_):
        """The agent is lost, and the application with it."""
        agent_.kill()
        self.died(agent_)

    def calls(self, op=None, node=None, phase="begin"):
        return [l for l in checker.read(self.record)
                if op in (None, l.op) and node in (None, l.node) and
                phase == l.phase]

    def demotions(self, node):
        return checker.demotions(checker.read(self.record), node)

    def masterships(self):
        return checker.masterships(checker.read(self.record) + self.deaths)

    def end_agents(self):
        for p in self.agents + self.processes:
            p.end()

    def end(self):
        """Ends everything, and gives a sentence for each thing that is wrong."""
        self.end_agents()
        found = process.troubles(
            self.agents + self.processes,
            {c.pid for cluster in _clusters for c in cluster.all if c.running})
        found += checker.problems(checker.read(self.record) + self.deaths)
        self.forget()
        return found

    def forget(self):
        """Takes what the test left in Consul away, where Consul still runs."""
        for c in self.consuls:
            for name in c.get("/v1/agent/services", timeout=3) or {}:
                if name.startswith(self.service):
                    c.request("PUT", f"/v1/agent/service/deregister/{name}")


_numbers = itertools.count(1)


@pytest.fixture
def lab(request, tmp_path, network):
    name = f"app-{os.getpid()}-{next(_numbers)}"
    the_lab = Lab(tmp_path, network, name)
    yield the_lab
    failed = outcome.failed(request)
    found = the_lab.end()
    if failed or found:
        for a in the_lab.agents:
            print(f"--- {a.name}\n{a.text()[-6000:]}")
        if the_lab.record.exists():
            print("--- record\n" + "\n".join(
                f"{l.at / 1e9:.3f} {l.node} {l.phase} {l.op} {l.epoch} {l.result}"
                for l in checker.read(the_lab.record)
                if l.op != "health")[-6000:])
    if found:
        pytest.fail("\n".join(found), pytrace=False)
