"""Harm to processes that is more than one signal."""

import contextlib
import os
import resource
import signal
import threading
import time

from . import net


@contextlib.contextmanager
def descriptors(pid, spare=0):
    """This process may have as many as it has now, and spare more."""
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # The limit is one more than the highest number.
    used = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 1 + spare, old[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, old)


def bursts(node, seconds, stopped=0.3, running=0.1):
    """All processes of the node's agent run for a part of the time only."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pids = list(node.processes())
        for number, pause in ((signal.SIGSTOP, stopped), (signal.SIGCONT, running)):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(pause)


class Freezer:
    """Freezes the agent of the first node to which a request is answered that
    when(exchange, reply) agrees to: before it can read the answer, or so many
    seconds after that.

    node.proxy.on("PUT", "/v1/txn", freezer.fault(node))
    """

    def __init__(self, when, after=None):
        self.when, self.after = when, after
        self.node, self.taken, self.lock = None, False, threading.Lock()

    def fault(self, node):
        def freeze(x):
            reply = x.forward()
            with self.lock:
                mine = not self.taken and self.when(x, reply)
                self.taken = self.taken or mine
            if mine and self.after is None:
                node.agent.freeze()
                self.node = node
            x.send(reply)       # to nobody, if the agent has given it up
            if mine and self.after is not None:
                time.sleep(self.after)
                node.agent.freeze()
            if mine:
                self.node = node
        return freeze

    def wait(self, seconds=20):
        """The node that stands still."""
        return net.wait_for("one stands still", lambda: self.node, seconds, 0.01)
