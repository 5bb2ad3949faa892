"""The stub application (stub.py) as tests see it, and clients that write to it."""

import contextlib
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import threading
import time

from . import net, process

STUB = pathlib.Path(__file__).with_name("stub.py")


class Application(process.Process):
    """One copy; peers are the others, which it catches up with.

    It outlives agent and handlers, and begins demoted whenever it is started.
    """

    plugin = "stub"

    def __init__(self, folder, name, address, port, place=None):
        self.folder = pathlib.Path(folder) / f"{name}.app"
        self.folder.mkdir(parents=True)
        # The path of a socket may have 107 characters, no more.
        self.short = tempfile.mkdtemp(prefix="stub-")
        self.socket = f"{self.short}/socket"
        self.address, self.peers = f"{address}:{port}", []
        self.data, self.record = self.folder / "log", self.folder / "accepted"
        super().__init__(f"{name}.app", [], self.folder / "output")
        self.node = name
        if place:
            self.place = place

    @property
    def options(self):
        return {"socket": self.socket}

    def start(self, **popen):
        host, _, port = self.address.rpartition(":")
        self.argv = [sys.executable, "-S", STUB, self.node, self.socket, host,
                     port, self.data, self.record, *[p.address for p in self.peers]]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)      # of one that was killed
        super().start(**popen)
        net.wait_for(f"{self.name} answers", lambda: self.ask("role"), 20, 0.02)
        return self

    def ask(self, line, timeout=2):
        """The words of its answer, which begins with ok or no; none where
        it does not answer."""
        try:
            with Client(self, timeout) as client:
                return client.ask(line).split()
        except OSError:
            return []

    @property
    def role(self):
        """demoted, promoting, master, slave; None where it does not answer."""
        return (self.ask("role") + [None, None])[1]

    def accepted(self):
        """The writes of clients that it has accepted: [(at, epoch, id)]."""
        return [(int(at), int(epoch), id_) for at, _, epoch, id_, *more
                in _words(self.record) if not more]

    def promotions(self):
        """[(at, epoch, complete)]; complete: it had reached all peers."""
        return [(int(at), int(epoch), more[0] == "all") for at, _, epoch, _, *more
                in _words(self.record) if more]

    def entries(self):
        """Its log, as it is on disk: [(epoch, id)]."""
        return [(int(epoch), id_) for epoch, id_ in _words(self.data)]

    def has(self):
        return [id_ for _, id_ in self.entries()]

    def end(self):
        if self.running:
            self.kill()
        shutil.rmtree(self.short, ignore_errors=True)


def _words(path):
    try:
        lines = path.read_text().split("\n")
    except FileNotFoundError:
        return []
    return [l.split(" ") for l in lines[:-1]]   # without half a line


class Client:
    """A connection to an application."""

    def __init__(self, application, timeout=2):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.settimeout(timeout)
            self.socket.connect(application.socket)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rw")

    def ask(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        answer = self.file.readline()
        if not answer.endswith("\n"):
            raise OSError("the application has gone")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.suppress(OSError):
            self.file.close()
        self.socket.close()


class Writer:
    """Clients that write all the time: one for each application, so that two
    that accept are both seen."""

    PAUSE = 0.03

    def __init__(self, applications):
        self.applications = applications
        self.ended = threading.Event()
        self.threads, self.yes = [], []

    def start(self):
        self.threads = [threading.Thread(target=self.write, args=[a], daemon=True)
                        for a in self.applications]
        for t in self.threads:
            t.start()
        return self

    def write(self, application):
        number = 0
        while not self.ended.is_set():
            try:
                with Client(application) as client:
                    while not self.ended.wait(self.PAUSE):
                        number += 1
                        id_ = f"{application.node}-{number}"
                        words = client.ask(f"write {id_}").split()
                        if words[0] == "ok":
                            self.yes.append((time.monotonic_ns(), application.node,
                                             id_, int(words[1])))
            except OSError:
                self.ended.wait(5 * self.PAUSE)

    def acked(self):
        """What a client was told "yes" for: [(at, node, id)]."""
        return [(at, node, id_) for at, node, id_, _ in list(self.yes)]

    def stop(self):
        self.ended.set()
        for t in self.threads:
            t.join()

    def lost(self, master):
        """The acknowledged writes that master lacks and must have: all but those
        from before a promotion that could not reach some other copy."""
        excused = max((epoch for a in self.applications
                       for _, epoch, complete in a.promotions() if not complete),
                      default=0)
        yes = list(self.yes)
        has = set(master.has())
        return [id_ for _, _, id_, epoch in yes if epoch >= excused and id_ not in has]


def problems(applications, writer=None, master=None):
    """Sentences about everything that must never be: a write that is accepted in
    an epoch after one in a newer epoch, or by two in one epoch; and one that was
    acknowledged and is not there although every new master could reach its
    predecessor."""
    found, newest = [], None
    for write in sorted((at, epoch, a.node) for a in applications
                        for at, epoch, _ in a.accepted()):
        if newest and (write[1] < newest[1] or
                       write[1] == newest[1] and write[2] != newest[2]):
            found.append("two masters accept writes: {2} at {0} in epoch {1}, "
                         .format(*write) +
                         "after {2} at {0} in epoch {1}".format(*newest))
        else:
            newest = write
    found = found[:3]
    lost = writer.lost(master) if writer and master else []
    if lost:
        found.append(f"{master.node} lacks {len(lost)} acknowledged writes, like "
                     f"{lost[0]} and {lost[-1]}")
    return found
