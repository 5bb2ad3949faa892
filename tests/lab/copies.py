"""Three copies of a real application, a real agent beside each."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import PROGRAM, agent, client, net, process

AGAIN = 75                  # EX_TEMPFAIL: a call that is under way


class Copy:
    """What a test needs to know of one copy of an application.

    The application's module makes a subclass of it, which adds

        __init__(folder, name, address, port, net)
        options             [options] of the agent's config
        prepare()           makes its data and config, when peers are known
        start()             starts the server, and waits until it answers
        stop(), kill()      ends it in good order, with SIGKILL
        running
        client(timeout)     a connection: write(id) returns when that is
                            acknowledged, and raises otherwise; close()
        ids()               what this copy holds
        role()              "master", "slave" or None, as the application has it
        linked()            a slave that has its master's data, where role() does
                            not say so
        lag(), unlag()      holds replication up on this copy, and lets it go on
        rebuild(source)     makes it a new copy of another one, for a copy that
                            was refused; leaves it running
    """

    plugin = None
    synchronous = False     # what is acknowledged is on another copy as well
    restarted = False       # by its agent, when the server has ended
    user = None             # that agent and plugin have to run as
    password = None         # must not be seen in any log
    refusal = None          # part of the sentence that refuses a diverged copy
    sections = {}           # of the agent's config, laid over the lab's

    def __init__(self, folder, name, address, port, net):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.address, self.port, self.net = name, address, port, net
        self.peers = []

    def text(self):
        """The server's own log, for a test that failed."""
        return self.process.text() if hasattr(self, "process") else ""

    def linked(self):
        return True

    def rebuild(self, source):
        raise NotImplementedError(f"a copy of {self.plugin} was refused")


class Node:
    """A copy, the agent beside it, and their Consul agent."""

    def __init__(self, copy, agent_):
        self.copy, self.agent, self.consul = copy, agent_, agent_.consul
        self.name = agent_.name

    def plugin(self, command, *words):
        """consul-failover plugin COMMAND -c FILE …: (exit status, output)."""
        done = subprocess.run(
            [str(w) for w in (PROGRAM, "plugin", command, "-c",
                              self.agent.file, *words)],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, **self.agent.env},
            timeout=120, **process.identity(self.copy.user))
        return done.returncode, done.stdout

    def promote(self):
        """consul-failover promote: (exit status, output)."""
        done = subprocess.run(
            [str(PROGRAM), "promote", "-c", str(self.agent.file)], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=30,
            **process.identity(self.copy.user))
        return done.returncode, done.stdout

    def call(self, op, *words):
        """One call of the plugin by hand: (exit status, what it says)."""
        return self.plugin("call", op, *words)

    def answer(self, op, *words, seconds=30):
        """The same, asked until it is not busy."""
        def call():
            status, said = self.call(op, *words)
            return status != AGAIN and (status, said)
        return net.wait_for(f"{op} is answered", call, seconds)

    def refused(self, since=0):
        """Why it is not made a slave, from that line of its log on."""
        lines = self.agent.text().splitlines()[since:]
        said = [l for l in lines if "ensure_slave failed" in l]
        return said[-1] if said and self.copy.refusal and \
            self.copy.refusal in said[-1] else None


def done(node, op, *words, seconds=30):
    """What must be done by hand; gives its sentence."""
    status, said = node.answer(op, *words, seconds=seconds)
    assert status == 0, said
    return said


# The ways in which a mastership ends: each does it, and then takes it back.

def agent_stopped(node):
    node.agent.stop()
    yield
    node.agent.start()


def disabled(node):
    node.agent.disable_file.touch()
    yield
    node.agent.disable_file.unlink()


def application_stopped(node):
    node.copy.stop()
    yield
    node.copy.start()


def application_killed(node):
    node.copy.kill()
    yield
    node.copy.start()


def agent_killed(node):
    node.agent.kill()
    yield
    node.agent.start()


def agent_frozen(node):
    node.agent.freeze()
    yield
    node.agent.thaw()


def consul_cut_off(node):
    """The local Consul agent answers nobody any more, neither ours nor the
    servers."""
    node.consul.freeze()
    yield
    node.consul.thaw()


def begin(way, node):
    """Does it; gives what takes it back."""
    steps = way(node)
    next(steps)
    return lambda: next(steps, None)


class Lab:
    """What one test starts, and what must be true when it ends."""

    def __init__(self, net_, cluster, service, env=None, timing=agent.FAST):
        # Others than root can enter it, and paths of sockets stay short.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="copies-"))
        self.folder.chmod(0o755)
        self.net, self.cluster, self.service = net_, cluster, service
        self.env, self.timing = env or {}, timing
        self.nodes, self.clients, self.processes, self.lost = [], [], [], []

    def prepare(self, kind, count=3, **sections):
        """Copies of that class with an agent each, nothing started yet."""
        copies = []
        for consul in self.cluster.clients[:count]:
            folder = self.folder / f"{consul.name}.copy"
            copies.append(kind(folder, consul.name, consul.address,
                               self.net.port(), self.net))
        for c in copies:
            c.peers = [p for p in copies if p is not c]
            c.prepare()
        for c, consul in zip(copies, self.cluster.clients):
            self.nodes.append(Node(c, self.agent(c, consul, **sections)))
        return self.nodes

    def agent(self, copy, consul, **sections):
        """sections lays over the copy's, as that does over timing."""
        merged = {"options": {"flag": None, **copy.options}}
        for more in (copy.sections, sections):
            for section, keys in more.items():
                merged.setdefault(section, {}).update(keys)
        return agent.Agent(
            self.folder, consul, self.service,
            f"{consul.address}:{self.net.port()}", plugin_name=copy.plugin,
            port=copy.port, env=self.env, sections=merged, timing=self.timing,
            user=copy.user)

    def three(self, kind, **sections):
        """Three fresh copies, started; the master first."""
        first, *others = self.prepare(kind, **sections)
        for n in self.nodes:
            n.copy.start()
        # One that is alone is master at once; of three that find no lock each
        # could be it, so they wait for the lock-delay.
        first.agent.start()
        self.master([first])
        for n in others:
            n.agent.start()
        return [self.settled()] + others

    def others(self, *nodes):
        return [n for n in self.nodes if n not in nodes]

    def run(self, name, argv, **more):
        """Another process, started; it is ended with the test."""
        p = process.Process(name, argv, self.folder / f"{name}.log", **more)
        self.processes.append(p)
        return p.start()

    def writer(self, pause=None):
        """A client that finds the master by itself; started."""
        # It asks a Consul agent that nobody harms.
        finder = client.Finder(self.cluster.servers[0], self.service)
        return self.started(client.Writer(
            finder, [n.copy for n in self.nodes], pause))

    def everywhere(self):
        """Clients that write to every copy all the time; started."""
        return self.started(client.Everywhere([n.copy for n in self.nodes]))

    def started(self, clients):
        self.clients.append(clients)
        return clients.start()

    def tags(self):
        """Each node's role as Consul has it, where its checks pass; None where
        it has none.  A slave is tagged so after ensure_slave was done."""
        found = dict.fromkeys(n.name for n in self.nodes)
        for entry in self.cluster.servers[0].get(
                f"/v1/health/service/{self.service}") or []:
            tags = entry["Service"]["Tags"]
            if all(c["Status"] == "passing" for c in entry["Checks"]):
                found[entry["Node"]["Node"]] = tags[0] if tags else None
        return found

    def standing(self):
        """How many candidates for the lock are known to Consul."""
        found = self.cluster.servers[0].get(
            f"/v1/kv/lock/{self.service}/candidates/?recurse") or []
        return sum(1 for r in found if r.get("Session"))

    def master(self, nodes=None, seconds=60):
        """The one of these nodes that is tagged master, when there is one."""
        return self.wait("there is one master",
                         lambda: self._tagged("master", nodes or self.nodes),
                         seconds)

    def _tagged(self, tag, nodes):
        tags = self.tags()
        found = [n for n in self.nodes if tags[n.name] == tag]
        return found[0] if len(found) == 1 and found[0] in nodes else None

    def settled(self, nodes=None, seconds=60):
        """The same, when all others of these nodes are slaves, for Consul and
        for the application itself."""
        nodes = nodes or self.nodes

        def settled():
            master, tags = self._tagged("master", nodes), self.tags()
            return master and all(
                tags[n.name] == ("master" if n is master else "slave") and
                n.copy.role() == tags[n.name] and
                (n is master or n.copy.linked()) for n in nodes) and master
        return self.wait("one is master, the others are slaves", settled, seconds)

    def wait(self, what, condition, seconds=60):
        """net.wait_for, which tells how things are if it never comes."""
        try:
            return net.wait_for(what, condition, seconds)
        except TimeoutError as e:
            roles = {n.name: n.copy.running and n.copy.role() for n in self.nodes}
            raise TimeoutError(
                f"{e}; for Consul {self.tags()}, by themselves {roles}; clients: "
                f"{[c.said() for c in self.clients]}") from None

    def _next_master(self, old, before):
        found = self._tagged("master", self.nodes)
        # Its tag stays for a moment longer, and it sees the next one's epoch; its
        # own can grow a moment after it has become the master, as the lock's value
        # is written once more.
        now = old.agent.status if old.agent.running else {}
        returned = now.get("role") == "master" and all(
            now[name] != before[name] for name in ("epoch", "since"))
        return found if found is not old or returned else None

    def next_master(self, old, way):
        """old's mastership ends in this way: who is master next, which may be old
        again; and what takes it back."""
        before = old.agent.status
        undo = begin(way, old)
        return self.wait("there is a new master",
                         lambda: self._next_master(old, before)), undo

    def gap(self, writer, old, way):
        """The same: the client's longest time without a write, in ns, None if the
        next mastership is old's again; and what takes it back."""
        since = time.monotonic_ns()
        new, undo = self.next_master(old, way)
        if new is old:
            return None, undo
        acks = writer.wait(new.name, since, 20)
        return writer.gap(since, acks[-1].at), undo

    def _lost_since(self, old):
        """The line with which another one ended its mastership, after old."""
        def last(node):
            return node.agent.lines("master -> ")[-1:]
        since = last(old) or ["never"]
        ends = [l for n in self.others(old) for l in last(n) if l >= since[0][:19]]
        return max(ends, default=None)

    def rejoins(self, old, since=0):
        """old becomes a slave of the new master; or, if it is refused because
        it has diverged, which its log says after this line, is made anew: gives
        the sentence then.  Where the new master has lost that again, as it may
        on a machine that is slow, old can be the next one: self.lost has why."""
        def back():
            refusal, tag = old.refused(since), self.tags()[old.name]
            lost = tag == "master" and self._lost_since(old)
            return (tag == "slave" or refusal or lost) and [refusal, lost]
        refusal, lost = self.wait(f"{old.name} is a slave again, or refused", back)
        if lost:
            self.lost.append(lost)
        if refusal:
            old.copy.rebuild(self.master().copy)
        self.settled()
        return refusal

    def everywhere_the_same(self, nodes=None, seconds=60):
        """What all these copies hold, when they hold the same."""
        held = {}

        def same():
            held.update((n.name, set(n.copy.ids())) for n in nodes or self.nodes)
            everything = set().union(*held.values())
            return all(h == everything for h in held.values())
        try:
            self.wait("all copies hold the same", same, seconds)
        except TimeoutError as e:
            everything = set().union(*held.values())
            lack = {name: sorted(everything - h)[:3] for name, h in held.items()}
            raise TimeoutError(f"{e}; they lack {lack}") from None
        return held.popitem()[1]

    def end(self):
        """Ends everything, and gives a sentence for each thing that is wrong."""
        self.cluster.wake()
        for c in self.clients:
            c.stop()
        for p in [n.agent for n in self.nodes] + self.processes:
            p.end()
        for n in self.nodes:
            if n.copy.running:
                n.copy.kill()
        found = process.troubles(
            [n.agent for n in self.nodes] + self.processes,
            {c.pid for c in self.cluster.all if c.running})
        found += [f"the password is in the log of {n.name}" for n in self.nodes
                  if n.copy.password and n.copy.password in n.agent.text()]
        for c in self.cluster.clients:
            c.request("PUT", f"/v1/agent/service/deregister/{self.service}")
        return found

    def story(self):
        """The logs, for a test that failed."""
        return "\n".join(f"--- {n.name}\n{n.agent.text()[-8000:]}\n"
                         f"--- its {n.copy.plugin}\n{n.copy.text()[-2000:]}"
                         for n in self.nodes)

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)
