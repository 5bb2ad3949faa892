"""Clients of a real application: they write all the time, and remember what was
acknowledged, and when.

A copy (lab.copies.Copy) gives the connection, so that the application's own
driver is what writes.
"""

import bisect
import contextlib
import itertools
import threading
import time
from typing import NamedTuple


class Ack(NamedTuple):
    """A write that was acknowledged; times are CLOCK_MONOTONIC ns."""

    sent: int
    at: int
    id: str
    copy: str


class Stream(threading.Thread):
    """Writes to one copy, whatever its role, until it is told to end; what fails
    is tried again with a new connection, at once."""

    def __init__(self, copy, acks, pause, timeout):
        super().__init__(daemon=True)
        self.copy, self.acks, self.pause, self.timeout = copy, acks, pause, timeout
        self.ended, self.error = threading.Event(), None

    def run(self):
        while not self.ended.is_set():
            # Each driver has errors of its own.
            try:
                with contextlib.closing(self.copy.client(self.timeout)) as client:
                    self.write(client)
            except Exception as e:
                self.error = e
                self.ended.wait(self.pause)

    def write(self, client):
        while not self.ended.is_set():
            id_ = f"{self.copy.name}-{next(_numbers)}"
            sent = time.monotonic_ns()
            client.write(id_)
            at = time.monotonic_ns()
            self.acks.append(Ack(sent, at, id_, self.copy.name))
            self.ended.wait(max(0, self.pause - (at - sent) / 1e9))


_numbers = itertools.count(1)


class Clients:
    """Streams, and what they were told."""

    PAUSE = 0.003       # between two writes: 333 a second
    TIMEOUT = 1

    def __init__(self, copies, pause=None):
        self.copies, self.pause = copies, pause or self.PAUSE
        self.streams, self.acks = [], []

    def stream(self, copy):
        self.streams.append(Stream(copy, self.acks, self.pause, self.TIMEOUT))
        self.streams[-1].start()
        return self.streams[-1]

    def stop(self):
        for s in self.streams:
            s.ended.set()
        for s in self.streams:
            s.join(10)

    def ids(self):
        """What must not be lost."""
        return {a.id for a in list(self.acks)}

    def said(self):
        """The last error of each copy's clients."""
        return {s.copy.name: repr(s.error) for s in self.streams if s.error}

    def wait(self, copy=None, since=0, count=1, seconds=30):
        """Until so many writes that were sent after that moment have been
        acknowledged (by this copy)."""
        end = time.monotonic() + seconds
        while True:
            newest = itertools.takewhile(lambda a: a.at >= since,
                                         reversed(self.acks))
            found = [a for a in newest if a.sent >= since and
                     copy in (None, a.copy)][::-1]
            if len(found) >= count:
                return found
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{copy or 'nobody'} has acknowledged {len(found)} writes, "
                    f"not {count}, in {seconds} s; errors: {self.said()}")
            time.sleep(0.01)


class Finder:
    """Where the master is, as a blocking query to Consul for the tag tells."""

    def __init__(self, consul, service):
        self.consul, self.service, self.index = consul, service, 0

    def next(self):
        """Its host and port, as soon as something has changed; None where that
        is not known, and after some time."""
        answer = self.consul.request(
            "GET", f"/v1/health/service/{self.service}?tag=master&passing"
            f"&wait=2s&index={self.index}", timeout=5)
        if answer.status != 200:
            time.sleep(0.01)
            self.index = 0
            return None
        self.index = int(answer.headers["X-Consul-Index"])
        for entry in answer.json:
            service = entry["Service"]
            return service["Address"] or entry["Node"]["Address"], service["Port"]
        return None


class Writer(Clients):
    """One client that finds the master by itself, and until it knows a new one
    tries the last one again."""

    def __init__(self, finder, copies, pause=None):
        super().__init__(copies, pause)
        self.finder, self.found = finder, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.find, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def find(self):
        last, at = None, {(c.address, c.port): c for c in self.copies}
        while not self.ended.is_set():
            address = self.finder.next()
            if address and address != last:
                last = address
                self.turn_to(at[address])

    def turn_to(self, copy):
        """At once: a write that hangs on the old master holds up nobody."""
        self.found.append((time.monotonic_ns(), copy.name))
        for s in self.streams:
            s.ended.set()
        self.stream(copy)

    def stop(self):
        self.ended.set()
        self.thread.join()
        super().stop()

    def gap(self, since, until):
        """The longest time in that span without an acknowledged write, in ns."""
        times = sorted(a.at for a in list(self.acks) if a.at <= until)
        first = max(0, bisect.bisect_left(times, since) - 1)
        return max(b - a for a, b in itertools.pairwise(times[first:]))

    def rate(self):
        """Rows a second, while nothing is wrong."""
        times = sorted(a.at for a in self.acks)
        steps = sorted(b - a for a, b in zip(times, times[1:]))
        return 1e9 / steps[len(steps) // 2]


class Everywhere(Clients):
    """A client for each copy, that tries to write there whatever it is."""

    PAUSE = 0.005

    def start(self):
        for c in self.copies:
            self.stream(c)
        return self

    def overlaps(self, since, until):
        """Sentences about two copies that took writes at a time, in a span in
        which each has been master once at most: a write is too late if it was
        sent when another copy had acknowledged one, after its own first."""
        spans = {}
        for a in list(self.acks):
            if since <= a.sent <= until:
                first, last = spans.get(a.copy, (a.at, a.sent))
                spans[a.copy] = min(first, a.at), max(last, a.sent)
        return [
            f"{old} took a write that was sent {(last - first) / 1e6:.1f} ms "
            f"after {new} had acknowledged its first"
            for old, (began, last) in spans.items()
            for new, (first, _) in spans.items()
            if began < first < last]
