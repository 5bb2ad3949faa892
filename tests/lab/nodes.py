"""A site of six Consul agents, each in a network namespace, and the nodes of
one test on it: application, our agent and a proxy beside each Consul client.

tests/faults/conftest.py says what a test can do with them.
"""

import contextlib
import itertools
import os
import pathlib
import signal
import subprocess
import time

from . import PROGRAM, agent, application, checker, consul, net, netns, process, proxy

# Until there is one master again after the last fault has been taken away, at
# the latest.  Consul needs up to 13 s to take back a node that was cut off, a
# session that nobody renews lives for 2 × TTL = 20 s, then comes the lock-delay
# of 5 s; and the machine is small.
BOUND = 45
# And what it may be late by when it is busy with other tests.
SPARE = 1


class Site:
    """The cluster, in namespaces of its own."""

    all = []

    def __init__(self, folder, servers=3, clients=3, **config):
        self.hub = netns.Hub()
        self.cluster = consul.Cluster(folder, self.hub, servers, clients, **config)
        for c in self.cluster.all:
            c.place = self.hub.at(c.address)
        Site.all.append(self)

    def start(self):
        self.cluster.start()
        return self

    def heal(self):
        """As it should be, all that tests have done to it undone."""
        self.hub.heal()
        self.cluster.heal()
        return self

    @classmethod
    def pids(cls):
        return {c.pid for s in cls.all for c in s.cluster.all if c.running}

    def end(self):
        Site.all.remove(self)
        self.cluster.end()
        self.hub.close()


class Node:
    """One copy of the application, with all that stands beside it."""

    def __init__(self, lab, number, consul_):
        self.lab, self.consul, self.place = lab, consul_, consul_.place
        self.name = f"node-{number}"
        self.address = self.place.address
        with self.place:
            self.proxy = proxy.Proxy(self.address, 9000 + number,
                                     self.address, 8500)
        self.app = application.Application(
            lab.folder, self.name, self.address, 3300 + number, self.place)
        alone = number <= len(lab.site.cluster.clients)
        sections = {
            "service": {"id": None if alone else f"{lab.service}-{number}",
                        "address": self.address},
            "consul": {"address": self.proxy.url},
            "options": self.app.options,
        }
        self.agent = agent.Agent(
            lab.folder, consul_, lab.service, f"{self.address}:{8000 + number}",
            name=self.name, plugin_name=self.app.plugin, record=lab.record,
            port=3300 + number, env=lab.env, sections=sections)
        self.agent.place = self.place
        for p in (self.agent, self.app, self.proxy):
            p.journal = lab.say
        self.before = None

    def start(self):
        for p in (self.app, self.agent):
            if not p.running:
                p.start()
        return self

    @property
    def role(self):
        return self.agent.role

    def processes(self):
        """The agent's, with all that it has started: {pid: command line}."""
        if not self.agent.running:
            return {}
        return {self.agent.pid: "agent", **dict(process.descendants(self.agent.pid))}

    @property
    def guard(self):
        for pid, line in self.processes().items():
            if "consul-failover-guard" in line:
                return pid
        return None

    def footprint(self):
        """Of all these processes: how many, their descriptors, their private
        memory in KiB."""
        descriptors = memory = 0
        pids = list(self.processes())
        for pid in pids:
            descriptors += len(os.listdir(f"/proc/{pid}/fd"))
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").open():
                if line.startswith("Private_"):
                    memory += int(line.split()[1])
        return len(pids), descriptors, memory


class Lab:
    """Three nodes of a service of their own, and what must be true of them."""

    def __init__(self, folder, site, service, env=None):
        self.folder, self.site, self.service = folder, site, service
        self.env = env or {}
        self.record = folder / "record"
        self.timeline, self.deaths, self.frozen = [], [], set()
        self.found, self.last = [], None
        self.began = time.monotonic()
        self.nodes, self.writer = [], None
        for c in site.cluster.all:
            c.journal = self.say
            c.place.journal = self.say
        self.servers = site.cluster.servers
        self.grow(len(site.cluster.clients))

    def grow(self, size):
        """So many nodes, not started yet."""
        clients = self.site.cluster.clients
        for i in range(len(self.nodes), size):
            self.nodes.append(Node(self, i + 1, clients[i % len(clients)]))
        apps = [n.app for n in self.nodes]
        for a in apps:
            a.peers = [other for other in apps if other is not a]
        self.writer = application.Writer(apps)
        return self.nodes

    def say(self, text):
        self.timeline.append((time.time(), time.monotonic() - self.began, text))

    def three(self):
        """All of them, started; the master first."""
        first, *others = self.nodes
        first.start().agent.wait_role("master")
        for n in others:
            n.start()
        self.writer.start()
        master = self.settled()
        for n in self.nodes:
            n.before = n.footprint()
        return [master] + [n for n in self.nodes if n is not master]

    def leader(self):
        return self.site.cluster.leader()

    def by_name(self, name):
        return next(n for n in self.nodes if n.name == name)

    def one_master(self, seconds=BOUND, nodes=None):
        """The master of nodes, when it has accepted a client's write."""
        since = time.monotonic_ns()

        def there(roles):
            masters = [n for n, role in roles.items() if role == "master"]
            return len(masters) == 1 and any(
                at > since and name == masters[0].name
                for at, name, _ in self.writer.acked()) and masters[0]
        return self.wait_roles("there is one master that accepts writes", there,
                               seconds, nodes)

    def settled(self, seconds=BOUND, nodes=None):
        """The same, when all others are slaves, too.  That can take longer:
        Consul looks for a node that it believes to be dead every 30 s."""
        def there(roles):
            said = list(roles.values())
            return said.count("master") == 1 and \
                said.count("slave") == len(said) - 1 and \
                list(roles)[said.index("master")]
        self.one_master(seconds, nodes)
        return self.wait_roles("one is master, all others are slaves", there,
                               75, nodes)

    def wait_roles(self, what, there, seconds, nodes):
        roles = {}

        def look():
            roles.clear()
            roles.update({n: n.role for n in nodes or self.nodes
                          if n.agent.running})
            return there(roles)
        try:
            master = net.wait_for(what, look, seconds)
        except TimeoutError as e:
            raise TimeoutError(f"{e}; the nodes are " + ", ".join(
                f"{n.name} {role}" for n, role in roles.items())) from None
        self.say(f"{what}: {master.name}")
        return master

    def demoted(self, node, since, seconds):
        """Waits until the copy has been demoted, after the moment since (of
        time.monotonic_ns); gives the seconds that took."""
        def line():
            return [l for l in checker.read(self.record) if l.at > since and
                    l[1:4] == (node.name, "end", "ensure_demoted") and
                    l.result == "done"]
        return (net.wait_for(f"{node.name} is demoted", line, seconds)[0].at
                - since) / 1e9

    def promised(self, node, fault):
        """{"demoted", "another node": seconds}, the longest, as "check" prints
        them for this config below a line that has this fault."""
        said = subprocess.run([PROGRAM, "check", "-c", node.agent.file],
                              text=True, stdout=subprocess.PIPE).stdout
        lines = said[said.index(fault):].splitlines()[1:]
        found = {}
        for line in itertools.takewhile(lambda l: l.startswith("    "), lines):
            when, words = line.split(None, 1)
            for what in "demoted", "another node":
                if what in words and when.replace(".", "").isdigit():
                    found[what] = float(when)
        return found

    def as_promised(self, node, fault, since):
        """It is demoted, if that can be, and another one promoted, as soon after
        the fault at that moment as "check" says."""
        promised = self.promised(node, fault)
        if "demoted" in promised:
            took = self.demoted(node, since, 30)
            assert took <= promised["demoted"] + SPARE, promised
        call = net.wait_for("another node is promoted", lambda: next(
            (c for c in self.calls("ensure_master", since=since)
             if c.node != node.name), None), BOUND)
        took = (call.at - since) / 1e9
        self.say(f"{fault}: another node after {took:.1f} s, at most "
                 f"{promised['another node']} s")
        assert took <= promised["another node"] + SPARE

    def calls(self, op=None, node=None, phase="begin", since=0):
        return [l for l in checker.read(self.record) if l.at > since and
                op in (None, l.op) and node in (None, l.node) and phase == l.phase]

    def demotions(self, node):
        return checker.demotions(checker.read(self.record), node)

    def masterships(self):
        return checker.masterships(checker.read(self.record) + self.deaths)

    def died(self, node):
        """The test has killed the application of this node."""
        self.deaths.append(checker.death(node.name))

    def freeze(self, *pids):
        """SIGSTOP to processes that are no Process of ours, till heal()."""
        for pid in pids:
            self.say(f"SIGSTOP to {pid} {process.command_line(pid)}")
            os.kill(pid, signal.SIGSTOP)
            self.frozen.add(pid)

    def kill(self, *pids):
        """SIGKILL to processes that are no Process of ours."""
        for pid in pids:
            self.say(f"SIGKILL to {pid} {process.command_line(pid)}")
            os.kill(pid, signal.SIGKILL)

    def thaw(self):
        for pid in self.frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.frozen.clear()

    @contextlib.contextmanager
    def controlled(self, old=None):
        """Around what hands the master over in good order: nothing that the old
        one had acknowledged may be missing then.  All follow it before that, if it
        is not given."""
        old = old or self.settled()
        began = self.masterships()[-1].begin
        yield old
        new = net.wait_for("another node is master", lambda: next(
            (n for n in self.nodes if n is not old and n.role == "master"), None),
            BOUND)
        self.kept(old, new, began)

    def kept(self, old, new, began):
        """All that old has acknowledged since it became master is there after a
        controlled hand-over to new."""
        self.say(f"handed over from {old.name} to {new.name}")
        ours = {id_ for at, name, id_ in self.writer.acked()
                if name == old.name and at > began}
        lost = ours - set(new.app.has())
        assert ours and not lost, \
            f"{new.name} lacks {len(lost)} of the {len(ours)} writes that " \
            f"{old.name} had acknowledged before the controlled hand-over"

    def heal(self):
        """Takes away all that a test can have done."""
        self.say("heal")
        self.thaw()
        self.site.hub.heal()
        self.site.cluster.wake()
        for n in self.nodes:
            n.proxy.reset()
            n.agent.script()
            n.agent.cure()
            for p in (n.app, n.agent):
                if p.popen:
                    p.thaw()
                    if not p.running:
                        p.start()

    def check(self):
        """After a test that has passed: what must be true then."""
        started = [n for n in self.nodes if n.agent.popen]
        if not started:
            return
        self.heal()
        self.one_master(nodes=started)
        self.site.heal()
        self.last = self.settled(nodes=started)
        for n in started:
            if n.before:
                self.found += self.grown(n.name, n.before, n.footprint())
        net.wait_for("no node has more than one session", lambda: len(
            self.sessions()) <= len(started), 25)

    def problems(self):
        """What must never be, and has been."""
        return checker.problems(checker.read(self.record) + self.deaths) + \
            application.problems([n.app for n in self.nodes], self.writer,
                                 self.last and self.last.app)

    @staticmethod
    def grown(name, before, after):
        """Consul's pool of connections and malloc's arenas may breathe."""
        spare = (0, 8, 2048)
        return [f"{name} has {b - a} {what} more than before: {a}, {b}"
                for what, a, b, more in zip(
                    ("processes", "descriptors", "KiB"), before, after, spare)
                if b > a + more]

    def sessions(self):
        return self.servers[0].sessions(self.service)

    def end(self, passed):
        """Ends everything; gives a sentence for each thing that is wrong."""
        if passed:
            try:
                self.check()
            except (TimeoutError, AssertionError) as e:
                passed = False
                self.found.append(str(e))
        self.thaw()
        self.writer.stop()
        agents = [n.agent for n in self.nodes]
        apps = [n.app for n in self.nodes]
        for p in agents + apps:
            p.end()
        self.found += [f"{a.name} ended with {a.popen.returncode}"
                       for a in agents if passed and a.popen and a.popen.returncode]
        for n in self.nodes:
            n.proxy.end()
        self.found += process.troubles(agents + apps, Site.pids())
        self.found += self.problems()
        if passed:
            self.nothing_left()
        return self.found

    def nothing_left(self):
        """In Consul, after a stop in good order."""
        with contextlib.suppress(TimeoutError):
            net.wait_for("nothing is left", lambda: not self.left(), 25, 0.2)
        self.found += self.left()

    def left(self):
        server = self.servers[0]
        return [f"left in Consul: session {s['ID']}" for s in self.sessions()] + \
            [f"left in Consul: service {i['ServiceID']} of {i['Node']}"
             for i in server.catalog(self.service)]

    def forget(self):
        """Takes what a test that failed has left in Consul away."""
        for c in self.site.cluster.clients:
            for name in c.get("/v1/agent/services", timeout=3) or {}:
                if name.startswith(self.service):
                    c.request("PUT", f"/v1/agent/service/deregister/{name}")

    def story(self):
        """What a person reads who wants to know why."""
        told = ["--- time line"]
        for wall, at, text in self.timeline:
            clock = time.strftime("%H:%M:%S", time.localtime(wall))
            told.append(f"{clock} {at:8.3f} {text}")
        told.append("--- record (seconds as in the time line)")
        told += [f"{l.at / 1e9 - self.began:8.3f} {l.node} {l.phase} {l.op} "
                 f"{l.epoch} {l.result} {l.master}"
                 for l in checker.read(self.record) if l.op != "health"][-150:]
        for n in self.nodes:
            for what, p in (("agent", n.agent), ("application", n.app)):
                told += [f"--- {what} of {n.name}", p.text()[-8000:]]
        return "\n".join(told)
