"""Network namespaces: one a Consul agent, so that a partition is a partition.

A namespace here has no name: a descriptor of ours holds it, and the kernel
takes it away, with all that is in it, when we and the processes in it are gone,
however we end.  All addresses are in 127.0.0.0/8, and nothing leaves the
machine.

A thread enters one with "with place:".  Whatever it opens, starts or resolves
there belongs to that namespace for good; the threads it starts there stay there.
"""

import ctypes
import os
import subprocess
import threading

_NEWNET = 0x40000000
_SELF = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)
_entered = threading.local()


class NotAllowed(Exception):
    """This machine lets us make no network namespaces, or cut none; says why."""


def _set(fd):
    if _libc.setns(fd, _NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    def __init__(self):
        made = []
        thread = threading.Thread(target=self._make, args=[made])
        thread.start()          # a thread of its own, so that we stay outside
        thread.join()
        if isinstance(made[0], OSError):
            raise NotAllowed(f"no network namespaces here: {made[0]}")
        self.fd = made[0]
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"

    @staticmethod
    def _make(made):
        if _libc.unshare(_NEWNET) != 0:
            made.append(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())))
        else:
            made.append(os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC))

    def __enter__(self):
        outer = _entered.__dict__.setdefault("outer", [])
        outer.append(os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC))
        _set(self.fd)
        return self

    def __exit__(self, *error):
        fd = _entered.outer.pop()
        _set(fd)
        os.close(fd)

    def run(self, *argv):
        """Runs a program in it."""
        try:
            with self:
                done = subprocess.run(
                    argv, text=True, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except FileNotFoundError:
            raise NotAllowed(f"{argv[0]} is not installed") from None
        if done.returncode != 0:
            raise NotAllowed(f"{' '.join(argv)}: {done.stdout.strip()}")

    def sysctl(self, name, value):
        with self, open(f"/proc/sys/net/ipv4/conf/{name}", "w") as file:
            file.write(value)

    def close(self):
        os.close(self.fd)


class Place(Namespace):
    """The namespace of one node, on a wire to the hub that can be cut."""

    def __init__(self, hub, number, address):
        super().__init__()
        self.hub, self.far, self.address = hub, f"wire{number}", address
        self.way = None         # how it is cut
        self.journal = lambda text: None
        hub.run("ip", "link", "add", self.far, "type", "veth",
                "peer", "name", "eth0", "netns", self.path)
        hub.run("ip", "link", "set", self.far, "master", "bridge", "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "flush", "dev", "lo")
        for device in ("all", "eth0"):
            self.sysctl(f"{device}/route_localnet", "1")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.cut()              # better to know now whether that works here
        self.heal()

    def cut(self, way="both"):
        """Loses every packet from now on, without a word to anybody: those that
        come "in", those that go "out", or "both".  None heals it."""
        self.journal(f"{self.address} is cut: {way}" if way else
                     f"{self.address} is healed")
        for side, device, lost in ((self.hub, self.far, way in ("in", "both")),
                                   (self, "eth0", way in ("out", "both"))):
            # noqueue is what the device has when nobody has asked for more
            side.run("tc", "qdisc", "replace", "dev", device, "root",
                     "blackhole" if lost else "noqueue")
        self.way = way

    def heal(self):
        if self.way:
            self.cut(None)


class Hub(Namespace):
    """The switch that all nodes are wired to."""

    def __init__(self, prefix="127.0.40"):
        super().__init__()
        self.prefix, self.places = prefix, []
        self.island = []        # places that reach only each other
        for bridge in ("bridge", "island"):
            self.run("ip", "link", "add", bridge, "type", "bridge")
            self.run("ip", "link", "set", bridge, "up")

    def place(self):
        number = len(self.places) + 1
        self.places.append(Place(self, number, f"{self.prefix}.{number}"))
        return self.places[-1]

    def address(self):
        """That of a new place, as net.Net gives it."""
        return self.place().address

    def at(self, address):
        return next(p for p in self.places if p.address == address)

    def part(self, *island):
        """These places reach each other, and nobody else, and nobody them."""
        for place in self.places:
            moves = (place in island) != (place in self.island)
            if moves:
                to = "island" if place in island else "bridge"
                place.journal(f"{place.address} moves to the {to}")
                self.run("ip", "link", "set", place.far, "master", to)
        self.island = island

    def heal(self):
        self.part()
        for place in self.places:
            place.heal()

    def close(self):
        for place in self.places:
            place.close()
        super().close()
