"""How long a client can't write when the master goes: ours, and Redis Sentinel's.

Both are seen by the same client, which writes every millisecond, is told of the
new master by whom it asks, and turns to it at once.
"""

import importlib
import pathlib
import queue
import random
import sys
import threading
import time

import redis

from lab import client, consul, copies, net, process

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "applications"))
import redis_  # noqa: E402

PAUSE = 0.001               # between two writes, s
DOWN_AFTER = 1000           # Sentinel's, ms
FAILOVER_TIMEOUT = 3000
WAYS = {"hand_over": "controlled hand-over", "kill": "SIGKILL"}


class Side:
    """Three copies of an application, and who fails them over.

    hand_over and kill do one round each, and give the gap in ns; held waits for
    the rows that all copies hold.  told is when the client was told of the new
    master, ns after its last write.
    """

    def __init__(self, bench):
        bench.ends.append(self)
        self.rounds, self.told = [], {way: [] for way in WAYS}

    def round(self, way):
        self.rounds.append((time.monotonic_ns(), way))
        gap = getattr(self, way)()
        found = self.writer.found[-1][0]
        self.told[way].append(found - max(
            a.at for a in self.writer.acks if a.at < found))
        return gap

    def lost(self):
        """How many acknowledged rows no copy holds, by the way that was tried
        when they were written."""
        self.writer.stop()
        held, lost = self.held(), dict.fromkeys(WAYS, 0)
        for ack in self.writer.acks:
            if ack.id not in held:
                lost[next((way for at, way in reversed(self.rounds)
                           if at <= ack.sent), self.rounds[0][1])] += 1
        return lost


class Ours(Side):
    """With our agents at default settings."""

    def __init__(self, bench, module, config):
        super().__init__(bench)
        kind = importlib.import_module(module).Copy
        self.cluster = consul.Cluster(bench.folder / kind.plugin, bench.net, 3, 3,
                                      **config)
        self.lab = copies.Lab(bench.net, self.cluster, f"gaps-{kind.plugin}",
                              timing={})
        self.cluster.start()
        self.lab.three(kind)
        self.writer = self.lab.writer(PAUSE)

    def gap(self, way):
        """One round: ns."""
        old = self.lab.settled()
        # Longer than one that has given the lock back leaves it to others.
        time.sleep(random.uniform(0.6, 1))
        seen = len(old.agent.lines())
        gap, undo = self.lab.gap(self.writer, old, way)
        undo()
        if gap is None:         # it was first again: see there
            return self.gap(way)
        self.lab.rejoins(old, seen)
        return gap

    def hand_over(self):
        return self.gap(copies.disabled)

    def kill(self):
        return self.gap(copies.application_killed)

    def held(self):
        return self.lab.everywhere_the_same()

    def end(self):
        if self.lab:
            self.lab.end()
            self.lab.forget()
        self.lab = None
        self.cluster.end()


class Sentinel(process.Process):
    """One of those who watch over a master, with Redis' own program."""

    def __init__(self, folder, number, address, port, master, quorum=2):
        self.address, self.port = address, port
        folder = folder / f"sentinel-{number}"
        folder.mkdir()
        file = folder / "sentinel.conf"
        file.write_text(f"""
            bind {address}
            bind-source-addr {address}
            port {port}
            dir {folder}
            sentinel monitor bench {master.address} {master.port} {quorum}
            sentinel auth-pass bench "{master.password}"
            sentinel down-after-milliseconds bench {DOWN_AFTER}
            sentinel failover-timeout bench {FAILOVER_TIMEOUT}
            """)
        super().__init__(folder.name, ["redis-sentinel", file], folder / "log")

    def connection(self, timeout=5):
        return redis.Redis(self.address, self.port, socket_timeout=timeout,
                           decode_responses=True)

    def ready(self):
        """It knows the others, and both slaves."""
        try:
            with self.connection() as c:
                said = c.sentinel_master("bench")
        except redis.RedisError:
            return False
        return (said["num-other-sentinels"], said["num-slaves"],
                said["flags"]) == (2, 2, "master")

    def master(self):
        with self.connection() as c:
            return c.sentinel_get_master_addr_by_name("bench")

    def fail_over(self):
        """False: it does not know yet how the slaves are."""
        try:
            with self.connection() as c:
                return c.sentinel_failover("bench")
        except redis.ResponseError:
            return False

    def announcements(self, heard):
        """Tells every new master, for as long as it runs."""
        try:
            with self.connection(None) as c, c.pubsub() as words:
                words.subscribe("+switch-master")
                for message in words.listen():
                    if message["type"] == "message":
                        *_, host, port = message["data"].split()
                        heard.put((host, int(port)))
        except redis.RedisError:
            pass


class Announced:
    """Where the master is, as whichever Sentinel says it first."""

    def __init__(self, sentinels):
        self.heard = queue.Queue()
        self.heard.put(sentinels[0].master())
        for s in sentinels:
            threading.Thread(target=s.announcements, args=[self.heard],
                             daemon=True).start()

    def next(self):
        try:
            return self.heard.get(timeout=1)
        except queue.Empty:
            return None


class Theirs(Side):
    """Redis under three Sentinels."""

    def __init__(self, bench):
        super().__init__(bench)
        self.copies, self.sentinels, self.last = [], [], 0
        folder = bench.folder / "sentinel"
        folder.mkdir()
        for i in range(3):
            c = redis_.Copy(folder / f"copy-{i}", f"copy-{i}",
                            bench.net.address(), bench.net.port(), bench.net)
            self.copies.append(c)
            c.prepare()
            c.start()
        first, *others = self.copies
        for c in others:
            c.ask("REPLICAOF", first.address, first.port)
        for i in range(3):
            s = Sentinel(folder, i, bench.net.address(), bench.net.port(), first)
            self.sentinels.append(s.start())
        self.settled()
        self.writer = client.Writer(
            Announced(self.sentinels), self.copies, PAUSE).start()

    def settled(self):
        """The master, when it has both slaves, and all Sentinels know it."""
        def settled():
            if not all(c.running for c in self.copies) or \
               not all(s.ready() for s in self.sentinels):
                return None
            masters = [c for c in self.copies if c.role() == "master"]
            known = {s.master() for s in self.sentinels}
            return len(masters) == 1 and known == {
                (masters[0].address, masters[0].port)} and \
                masters[0].ask("INFO", "replication")["connected_slaves"] == 2 \
                and masters[0]
        return net.wait_for("Sentinel is settled", settled, 60)

    def replaced(self, old, since, way, tries):
        """Who comes after old, once way has been tried so often."""
        for left in reversed(range(tries)):
            way(old)
            try:
                return net.wait_for("Sentinel has another master", lambda: next(
                    (a.copy for a in list(self.writer.acks)
                     if a.sent > since and a.copy != old.name), None), 20)
            except TimeoutError:
                if not left:
                    raise

    def gap(self, way, tries=1):
        """One round: ns."""
        old = self.settled()
        # It fails over once in two of these.
        time.sleep(max(0, self.last + 2.1 * FAILOVER_TIMEOUT / 1000 -
                       time.monotonic()))
        self.writer.wait(old.name, time.monotonic_ns(), 20)
        since = time.monotonic_ns()
        new = self.replaced(old, since, way, tries)
        acks = self.writer.wait(new, since, 20)
        self.last = time.monotonic()
        if not old.running:
            old.start()
        return self.writer.gap(since, acks[-1].at)

    def hand_over(self):
        """Sentinel gives it up where one of its own makes the new master a slave
        again before it has heard of it."""
        return self.gap(lambda old: net.wait_for(
            "Sentinel hands over", self.sentinels[0].fail_over, 30), 3)

    def kill(self):
        return self.gap(lambda old: old.kill())

    def held(self):
        self.settled()
        return net.wait_for("all copies hold the same", self.same, 60)[0]

    def same(self):
        first, *others = [set(c.ids()) for c in self.copies]
        return all(h == first for h in others) and [first]

    def end(self):
        if hasattr(self, "writer"):
            self.writer.stop()
        for s in self.sentinels:
            s.end()
        for c in self.copies:
            if c.running:
                c.kill()
