#!/usr/bin/env python3
"""How fast we are: measures every row of the table, and prints it.

All of it runs on one machine, so there is one clock, and what is compared is
measured in turns, so that the machine's noise hits both.  What a row means is
said in the docstring of the function that measures it.
"""

import argparse
import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import gaps  # noqa: E402
from lab import BUILD, PROGRAM, agent, application, checker, consul, net, process  # noqa: E402

TOOLS = BUILD / "tests" / "bench"
MS = 1e6                                    # nanoseconds in one
# The default of 200 is too little for 100 agents on one node.
CONSUL = {"disable_coordinates": True, "check_update_interval": "0s",
          "limits": {"http_max_conns_per_client": 1000}}


def say(text):
    print(f"-- {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def quantile(values, share):
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


p50 = statistics.median


def p99(values):
    return quantile(values, 99)


class Table:
    HEAD = ("figure", "measured", "target", "ratio", "")

    def __init__(self):
        self.rows = []

    def add(self, figure, measured, target="", ratio=None, ok=None, limit=""):
        """ok None: for comparison only; limit: why a target is missed."""
        said = "" if ok is None else "reached" if ok else \
            f"MISSED ({limit})" if limit else "MISSED"
        ratio = "" if ratio is None else f"{ratio:.2f}"
        self.rows.append((figure, measured, target, ratio, said))
        say(f"{figure}: {measured} {target and f'({target})'} {ratio} {said}")

    def __str__(self):
        lines = [self.HEAD, ("---",) * len(self.HEAD), *self.rows]
        return "\n".join("| " + " | ".join(l) + " |" for l in lines)


class Record:
    """What the plugins write, read as it grows."""

    def __init__(self, path):
        self.path, self.offset, self.lines = pathlib.Path(path), 0, []

    def read(self):
        with contextlib.suppress(FileNotFoundError), open(self.path) as f:
            f.seek(self.offset)
            for raw in f:
                if not raw.endswith("\n"):
                    break
                self.offset += len(raw)
                at, node, phase, op, epoch, result, master = raw.split()
                self.lines.append(checker.Line(
                    int(at), node, phase, op, int(epoch), result, master))
        return self.lines

    def wait(self, node, phase, op, since, seconds=30):
        """The first such line after a moment."""
        def there():
            for line in reversed(self.read()):
                if line.at < since:
                    break
                if (line.node, line.phase, line.op) == (node, phase, op):
                    return line
            return None
        return net.wait_for(f"{node}: {phase} {op}", there, seconds, 0.01)

    def last(self, node, phase, op):
        return next(l for l in reversed(self.read())
                    if (l.node, l.phase, l.op) == (node, phase, op))


class Pair:
    """Two agents of one service, on two nodes, at default settings; with the
    stub application, or with none."""

    def __init__(self, bench, service, stub=False):
        self.service, self.agents, self.applications = service, [], {}
        folder = bench.folder / service
        folder.mkdir()
        self.record = Record(folder / "record")
        for node in bench.cluster.clients:
            more = {"plugin_name": "recorder"}
            if stub:
                app = application.Application(folder, node.name, node.address,
                                              port=bench.net.port())
                self.applications[node.name] = app.start()
                more = {"plugin_name": app.plugin, "port": int(
                    app.address.rpartition(":")[2]),
                    "sections": {"options": app.options}}
            self.agents.append(agent.Agent(
                folder, node, service, f"{node.address}:{bench.net.port()}",
                record=self.record.path, timing={}, **more))
        bench.ends += self.agents + list(self.applications.values())

    def start(self):
        """One after the other: the first two copies of a service, started at
        the same time, wait as if one of them had been lost."""
        for a in self.agents:
            a.start()
            agent.wait_master(self.agents)
        return self

    def roles(self, seconds=60):
        """(master, slave), when they are that, and have a session each."""
        def settled():
            roles = [a.role for a in self.agents]
            return sorted(map(str, roles)) == ["master", "slave"] and \
                len(self.agents[0].consul.sessions(self.service)) == 2 and roles
        roles = net.wait_for(f"{self.service} is settled", settled, seconds)
        master = self.agents[roles.index("master")]
        return master, self.agents[1 - roles.index("master")]

    def settle(self):
        """The same, and then a moment of chance: longer than one that has just
        given the lock back leaves it to others."""
        roles = self.roles()
        time.sleep(random.uniform(0.6, 1))
        return roles

    def check(self):
        found = checker.problems(self.record.read())
        if found:
            raise AssertionError("\n".join(found))

    def end(self):
        for p in self.agents + list(self.applications.values()):
            p.end()


def fail_over(pair):
    """One controlled failover: nanoseconds from the end of ensure_demoted to the
    other node's ensure_master."""
    master, slave = pair.settle()
    begun = time.monotonic_ns()
    master.sicken()
    at = pair.record.wait(slave.name, "begin", "ensure_master", begun).at
    released = pair.record.last(master.name, "end", "ensure_demoted").at
    master.cure()
    return at - released


class Floor:
    """tests/bench/floor.c, asked for one round at a time."""

    def __init__(self, bench, key):
        a, b = bench.cluster.clients[:2]
        self.popen = subprocess.Popen(
            [TOOLS / "floor", a.url, b.url, f"bench/{key}"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def round(self):
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        if not line:
            raise RuntimeError("tests/bench/floor has ended")
        return int(line) * 1000

    def end(self):
        self.popen.stdin.close()
        self.popen.wait(10)


class Bench:
    def __init__(self, folder, quick):
        self.folder, self.quick = folder, quick
        self.table, self.ends, self.later = Table(), [], []
        self.net = net.Net()
        self.cluster = consul.Cluster(folder, self.net, 3, 2, **CONSUL)
        self.floors = []            # ns, of this run

    def rounds(self, full, quick):
        return quick if self.quick else full

    def floor(self):
        """p50 of the floor; measured now, if no row has done it yet."""
        if not self.floors:
            floor_row(self)
        return p50(self.floors)

    def end(self):
        for p in self.ends:
            p.end()
        self.cluster.end()
        process.leftovers()
        self.net.close()


def ms(ns):
    return f"{ns / MS:.1f} ms"


def floor_row(bench, rounds=None, between=lambda: None):
    """A bare release → blocking GET → transaction between two idle clients."""
    floor = Floor(bench, "floor")
    for _ in range(rounds or bench.rounds(250, 10)):
        bench.floors.append(floor.round())
        between()
    floor.end()
    bench.table.add(
        "floor: a bare release → blocking GET → transaction",
        f"p50 {ms(p50(bench.floors))}, p99 {ms(p99(bench.floors))} "
        f"({len(bench.floors)} rounds)")


def failover_row(bench):
    """Controlled: from the release being sent, for which the end of
    ensure_demoted stands, a moment before it, to the other node's
    ensure_master being called.  The floor is measured in turns with it."""
    pair = Pair(bench, "failover").start()
    ours = []
    bench.floors.clear()
    floor_row(bench, between=lambda: ours.append(fail_over(pair)))
    pair.end()
    pair.check()
    floor = bench.floor()
    for name, of, most in (("p50", p50, 1.5), ("p99", p99, 3)):
        bench.table.add(
            f"controlled failover: release sent → the other node's "
            f"ensure_master called, {name}",
            f"{ms(of(ours))} ({len(ours)} rounds)", f"≤ {most} × floor",
            of(ours) / floor, of(ours) <= most * floor,
            f"Consul: the {name} of the floor itself is "
            f"{of(bench.floors) / floor:.1f} × floor")


def application_row(bench):
    """SIGKILL of an application whose plugin has a watch_fd: from the kill to
    the other node's ensure_master, the time of ensure_demoted taken off."""
    pair = Pair(bench, "application", stub=True).start()
    floor, ours = Floor(bench, "application"), []
    for _ in range(bench.rounds(100, 4)):
        bench.floors.append(floor.round())
        master, slave = pair.settle()
        app = pair.applications[master.name]
        begun = time.monotonic_ns()
        app.kill()
        at = pair.record.wait(slave.name, "begin", "ensure_master", begun).at
        demotion = pair.record.last(master.name, "end", "ensure_demoted").at - \
            pair.record.last(master.name, "begin", "ensure_demoted").at
        ours.append(at - begun - demotion)
        app.start()
    floor.end()
    pair.end()
    pair.check()
    bench.table.add(
        "application SIGKILL → the other node's ensure_master called, less "
        "ensure_demoted, p50",
        f"{ms(p50(ours))}, p99 {ms(p99(ours))} ({len(ours)} rounds)",
        "≤ 2 × floor", p50(ours) / bench.floor(),
        p50(ours) <= 2 * bench.floor(),
        "the kernel's end of the process, and a call of health")


def agent_row(bench):
    """SIGKILL of the master's agent, which nobody starts again.  Not within its
    first check_interval: one bad poll of a check that Consul has never polled
    ends the session, and the lock-delay has to be waited out."""
    pair, ours = Pair(bench, "agent").start(), []
    for _ in range(bench.rounds(20, 2)):
        master, slave = pair.settle()
        time.sleep(2)
        begun = time.monotonic_ns()
        master.kill()
        at = pair.record.wait(slave.name, "begin", "ensure_master", begun, 60).at
        ours.append(at - begun)
        time.sleep(1)
        master.start()
    pair.end()
    problems = checker.problems(pair.record.read())
    bench.table.add(
        "agent SIGKILL, not restarted, defaults: longest until the other "
        "node's ensure_master",
        f"{max(ours) / 1e9:.2f} s ({len(ours)} runs, {len(problems)} overlaps)",
        "< 3 s, demoted first", max(ours) / 3e9,
        max(ours) < 3e9 and not problems,
        problems[0] if problems else "restart_wait is 1.5 s of it")


def restart_row(bench):
    """SIGKILL of the master's agent, started again within a second.  One poll of
    Consul's may fail meanwhile, two in a row may not: so there is time for a good
    one before the next kill."""
    pair = Pair(bench, "restart").start()
    rounds = bench.rounds(50, 3)
    pair.settle()
    before = len(checker.masterships(pair.record.read()))
    for _ in range(rounds):
        master, _slave = pair.settle()
        master.kill()
        time.sleep(random.uniform(0, 1))
        master.start()
        time.sleep(2)
    pair.settle()
    lost = len(checker.masterships(pair.record.read())) - before
    pair.end()
    pair.check()
    bench.table.add(
        "agent SIGKILL, restarted within 1 s", f"{lost} failovers in {rounds}",
        "0", ok=lost == 0)


class ConsulLock(process.Process):
    """`consul lock` on one node; its child writes to the record."""

    def __init__(self, bench, folder, record, node):
        super().__init__(node.name, [
            consul.PROGRAM, "lock", f"-http-addr={node.url}", "-shell=false",
            "bench/consul-lock", TOOLS / "holder", record, node.name],
            folder / f"{node.name}.log")
        bench.ends.append(self)


def lock_row(bench):
    """`consul lock` in the same cluster: from the end of the child on one node
    to the begin of the child on the other."""
    folder = bench.folder / "lock"
    folder.mkdir()
    record = Record(folder / "record")
    sides = [ConsulLock(bench, folder, record.path, n)
             for n in bench.cluster.clients]
    begun, controlled = time.monotonic_ns(), []
    sides[0].start()
    record.wait(sides[0].name, "begin", "ensure_master", begun)
    for _ in range(bench.rounds(30, 3)):
        sides[1].start()
        time.sleep(1)
        begun = time.monotonic_ns()
        sides[0].signal(signal.SIGTERM)
        at = record.wait(sides[1].name, "begin", "ensure_master", begun).at
        controlled.append(
            at - record.last(sides[0].name, "end", "ensure_demoted").at)
        sides[0].wait()
        sides.reverse()
    bench.table.add(
        "for comparison, `consul lock`, controlled",
        f"p50 {ms(p50(controlled))}, p99 {ms(p99(controlled))} "
        f"({len(controlled)} rounds)", ratio=p50(controlled) / bench.floor())
    sides[1].start()
    time.sleep(1)
    children = process.children(sides[0].pid)
    begun = time.monotonic_ns()
    sides[0].kill()
    bench.later.append(lambda: lock_killed(bench, record, sides[1], begun,
                                           children))


def lock_killed(bench, record, other, begun, children):
    """What came of it, which takes most of a minute."""
    at = record.wait(other.name, "begin", "ensure_master", begun, 90).at
    both = any(process.stat(pid) not in (None, "Z") for pid, _ in children)
    for pid, _ in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    other.end()
    bench.table.add(
        "for comparison, `consul lock`, SIGKILL",
        f"{(at - begun) / 1e9:.1f} s, " +
        ("two holders side by side" if both else "one holder"))


def processes_of(agents):
    """All pids of these agents: handlers and guards too."""
    return [p for a in agents
            for p in [a.pid] + [c for c, _ in process.descendants(a.pid)]]


def cpu_ns(pids):
    """What these processes have run until now; the kernel's own count, for the
    ticks of /proc/PID/stat are too coarse."""
    return sum(int(f.read_text().split()[0]) for p in pids
               for f in pathlib.Path(f"/proc/{p}/task").glob("*/schedstat"))


def private_kib(pids):
    return sum(int(n) for p in pids for n in re.findall(
        r"^Private_(?:Clean|Dirty): +(\d+)",
        pathlib.Path(f"/proc/{p}/smaps_rollup").read_text(), re.M))


def raft_index(bench):
    node = bench.cluster.servers[0]
    return int(node.get("/v1/agent/self")["Stats"]["raft"]["last_log_index"])


def idle_row(bench):
    """One master and one slave at default settings, with nothing to do."""
    pair = Pair(bench, "idle").start()
    master, slave = pair.settle()
    time.sleep(bench.rounds(10, 3))
    seconds = bench.rounds(120, 10)
    pids = {a: processes_of([a]) for a in (master, slave)}
    before = {a: cpu_ns(pids[a]) for a in pids}
    raft, begun = raft_index(bench), time.monotonic()
    time.sleep(seconds)
    minutes = (time.monotonic() - begun) / 60
    raft = raft_index(bench) - raft
    cpu = {a: (cpu_ns(pids[a]) - before[a]) / MS / minutes for a in pids}
    memory = max(private_kib(pids[a]) for a in pids) / 1024
    pair.end()
    bench.table.add("idle: raft entries a minute", f"{raft / minutes:.1f}", "0",
                    ok=raft == 0)
    for what, a, most in (("master", master, 40), ("slave", slave, 15)):
        bench.table.add(
            f"idle: CPU of all {len(pids[a])} processes of one agent as {what}",
            f"{cpu[a]:.1f} ms a minute", f"≤ {most} ms", cpu[a] / most,
            cpu[a] <= most, "Consul's polls of /health and our calls of health, "
            "30 a minute each")
    bench.table.add("idle: private memory of all processes of one agent",
                    f"{memory:.1f} MiB", "≤ 8 MiB", memory / 8, memory <= 8)


def wrk(url, cpu):
    """Answers a second; in one second, so that turns are short."""
    out = subprocess.run(["wrk", "-t1", "-c8", "-d1s", url], text=True,
                         stdout=subprocess.PIPE, check=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, {cpu})).stdout
    if "Non-2xx" in out:
        raise RuntimeError(f"{url} does not answer 200:\n{out}")
    return float(re.search(r"Requests/sec: +([\d.]+)", out).group(1))


@contextlib.contextmanager
def silent(listen, count):
    """Connections that ask nothing; the agent ends them after 5 s."""
    host, _, port = listen.rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection((host, int(port))))
        yield


def health_row(bench):
    """/health under wrk, in turns with a bare evhttp server that answers the
    same bytes, and with 100 connections beside it that ask nothing.  The server
    has one processor, wrk another one."""
    pair = Pair(bench, "health").start()
    a = pair.settle()[0]
    address = f"{bench.net.address()}:{bench.net.port()}"
    host, _, port = address.rpartition(":")
    bare = process.Process("bare", [TOOLS / "bare_evhttp", host, port,
                                    a.ask("/health").text],
                           bench.folder / "bare.log").start()
    bench.ends.append(bare)
    net.wait_for("bare_evhttp answers",
                 lambda: net.request("GET", f"http://{address}/").status)
    cpus = sorted(os.sched_getaffinity(0))
    for p in (a, bare):
        os.sched_setaffinity(p.pid, cpus[-1:])
    ours, theirs, crowded = [], [], []
    for _ in range(bench.rounds(30, 3)):
        theirs.append(wrk(f"http://{address}/health", cpus[0]))
        ours.append(wrk(f"{a.url}/health", cpus[0]))
        with silent(a.listen, 100):
            crowded.append(wrk(f"{a.url}/health", cpus[0]))
    bare.end()
    pair.end()
    ratio = p50(ours) / p50(theirs)
    bench.table.add("/health, keep-alive, wrk", f"{p50(ours):,.0f} a second",
                    "≥ 0.9 × a bare evhttp server", ratio, ratio >= 0.9,
                    "what is not the kernel's and evhttp's is 2 % of a request")
    ratio = p50(crowded) / p50(ours)
    bench.table.add("/health beside 100 silent connections",
                    f"{p50(crowded):,.0f} a second", "≥ 0.95 × without them",
                    ratio, ratio >= 0.95)


def first_answer(argv, host, port):
    """Nanoseconds from exec to the first answer of /health, of any status."""
    begun = time.monotonic_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)])
    while time.monotonic_ns() - begun < 5e9:
        s = socket.socket()
        try:
            s.connect((host, port))
            s.sendall(b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n")
            if s.recv(1000).startswith(b"HTTP/1.1 "):
                return time.monotonic_ns() - begun, pid
        except OSError:
            time.sleep(0.0001)      # or we would take half of its processors
        finally:
            s.close()
    raise TimeoutError("/health does not answer")


def start_row(bench):
    """The agent is started, and /health asked until it answers.  In turns with
    it a bare evhttp server that has libcurl's libraries to load, too, and with
    BENCH_BEFORE=FOLDER the agent of another build, with the same config."""
    pair = Pair(bench, "start")
    a = pair.agents[0]
    host, _, port = a.listen.rpartition(":")
    ours = [str(x) for x in a.argv]
    programs = {"ours": ours,
                "bare": [str(TOOLS / "bare_start"), host, port, "{}"]}
    if "BENCH_BEFORE" in os.environ:
        before = pathlib.Path(os.environ["BENCH_BEFORE"]).resolve()
        programs["before"] = [str(before / PROGRAM.relative_to(BUILD))] + ours[1:]
    took = {name: [] for name in programs}
    for _ in range(bench.rounds(30, 5)):
        for name, argv in programs.items():
            ns, pid = first_answer(argv, host, int(port))
            took[name].append(ns)
            time.sleep(0.5)
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
    others = "".join(f"; {name}: {ms(p50(took[name]))}"
                     for name in took if name != "ours")
    bench.table.add("exec → first /health answer, p50",
                    f"{ms(p50(took['ours']))}, longest "
                    f"{ms(max(took['ours']))}{others}", "≤ 15 ms",
                    p50(took["ours"]) / (15 * MS),
                    p50(took["ours"]) <= 15 * MS,
                    "it loads libcurl's 30 libraries, as the bare server does, "
                    "and asks the plugin, Consul and the guard, in turn")


def scale_row(bench):
    """Many services on the same two nodes, idle and failing over all at once,
    beside the same with one service."""
    few = Pair(bench, "few").start()
    many = bench.rounds(100, 5)
    alone = all_fail_over(bench, [few], bench.rounds(20, 5))
    few_cost = cost([few], bench.rounds(60, 5))
    few.end()
    pairs = [Pair(bench, f"many-{i}") for i in range(many)]
    begun = time.monotonic()
    for p in pairs:
        for a in p.agents:
            a.start()
    for p in pairs:
        p.roles(180)
    say(f"{2 * many} agents are settled after {time.monotonic() - begun:.0f} s")
    time.sleep(bench.rounds(10, 2))
    many_cost = cost(pairs, bench.rounds(60, 5))
    crowd = all_fail_over(bench, pairs, 1)
    for p in pairs:
        for a in p.agents:
            a.signal(signal.SIGTERM)
    for p in pairs:
        p.end()
        p.check()
    for what, n, c, f in (("2 agents", 1, few_cost, alone),
                          (f"{2 * many} agents", many, many_cost, crowd)):
        bench.table.add(
            f"{what} of {n} service{'s' * (n > 1)} on one machine: cost of one, idle",
            f"{c[0]:.1f} ms CPU a minute, {c[1]:.1f} MiB private",
            ratio=c[0] / few_cost[0])
        bench.table.add(
            f"{what}: {n} failovers at once" if n > 1 else
            f"{what}: failovers one by one",
            f"p50 {ms(p50(f))}, p99 {ms(p99(f))}", ratio=p50(f) / p50(alone))


def cost(pairs, seconds):
    """(CPU ms a minute, private MiB) of one agent, on the average."""
    agents = [a for p in pairs for a in p.agents]
    pids = processes_of(agents)
    begun, before = time.monotonic(), cpu_ns(pids)
    time.sleep(seconds)
    minutes = (time.monotonic() - begun) / 60
    return ((cpu_ns(pids) - before) / MS / minutes / len(agents),
            private_kib(pids) / 1024 / len(agents))


def all_fail_over(bench, pairs, rounds):
    """The times of controlled failovers of all pairs at once."""
    found = []
    for _ in range(rounds):
        roles = [p.roles() for p in pairs]
        time.sleep(random.uniform(0.6, 1))
        begun = time.monotonic_ns()
        for master, _slave in roles:
            master.sicken()
        for p, (master, slave) in zip(pairs, roles):
            at = p.record.wait(slave.name, "begin", "ensure_master", begun, 60)
            found.append(at.at - p.record.last(
                master.name, "end", "ensure_demoted").at)
        for master, _slave in roles:
            master.cure()
    return found


def gap_rows(bench, name, module, most, theirs=None):
    """Hand-over (disable file) and SIGKILL of the master of three copies, under
    a client that writes every millisecond and finds the master through Consul:
    its longest time without an acknowledged write.  most: ms aimed at; theirs
    is measured in turns."""
    sides = {name: gaps.Ours(bench, module, CONSUL)}
    if theirs:
        sides[f"for comparison, {name} Sentinel"] = theirs(bench)
    found = {(side, way): [] for way in most for side in sides}
    for _ in range(bench.rounds(15, 1)):
        for side, way in found:
            found[side, way].append(sides[side].round(way))
    lost = {side: made.lost() for side, made in sides.items()}
    for (side, way), values in found.items():
        aim = {} if side != name or not most[way] else {
            "target": f"< {most[way]} ms", "ratio": p50(values) / most[way] / MS,
            "ok": p50(values) < most[way] * MS,
            "limit": "Consul shows the new master after "
                     f"{ms(p50(sides[side].told[way]))}"}
        bench.table.add(
            f"{side}, {gaps.WAYS[way]}: a client's longest time without "
            "an acknowledged write, median",
            f"{ms(p50(values))}, longest {ms(max(values))}; {lost[side][way]} "
            f"acknowledged writes lost ({len(values)} rounds)", **aim)
    for made in sides.values():
        made.end()


def redis_row(bench):
    """Redis, and in turns with it Redis under three Sentinels."""
    gap_rows(bench, "Redis", "redis_", {"hand_over": 50, "kill": 200},
             gaps.Theirs)


def mariadb_row(bench):
    """MariaDB, as its plugin has it at default settings."""
    gap_rows(bench, "MariaDB", "mariadb", {"hand_over": 150, "kill": 200})


def postgresql_row(bench):
    """PostgreSQL: its old master has to be stopped and started again."""
    gap_rows(bench, "PostgreSQL", "postgresql", {"hand_over": 1000, "kill": None})


ROWS = {
    "failover": failover_row, "floor": floor_row,
    "application": application_row, "agent": agent_row,
    "restart": restart_row, "idle": idle_row, "health": health_row,
    "start": start_row, "lock": lock_row, "scale": scale_row,
    "redis": redis_row, "mariadb": mariadb_row, "postgresql": postgresql_row,
}


def measured(bench, name, measure):
    try:
        measure()
        return True
    except Exception:
        traceback.print_exc()
        bench.table.add(name, "could not be measured")
        return False


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run",
                                     description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true",
                        help="few rounds: a smoke test of the benchmark itself")
    parser.add_argument("--keep", action="store_true",
                        help="keep the folder with all logs")
    parser.add_argument("rows", nargs="*", metavar="ROW",
                        help="of " + ", ".join(ROWS))
    args = parser.parse_args()
    unknown = set(args.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}")
    rows = [r for r in ROWS if r in (args.rows or ROWS)]
    if "failover" in rows and not args.rows:
        rows.remove("floor")        # in turns with it
    process.adopt_orphans()
    # Beside the build: a disk, where /tmp may be memory.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    bench, failed = Bench(folder, args.quick), False
    try:
        bench.cluster.start()
        for row in rows:
            say(f"{row}: {' '.join(ROWS[row].__doc__.split())}")
            failed |= not measured(bench, row, lambda: ROWS[row](bench))
        for rest in bench.later:
            failed |= not measured(bench, "the rest", rest)
    finally:
        bench.end()
    print(bench.table)
    if failed or args.keep:
        say(f"logs: {folder}")
    else:
        subprocess.run(["rm", "-rf", folder], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
