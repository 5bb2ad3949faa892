"""Never two masters: an exact check of what the recorder plugin wrote.

Each line of the record is

    <CLOCK_MONOTONIC ns> <node> <begin|end> <op> <epoch> <result> <host:port|->

All nodes of a test run on one machine, so there is one clock for all of them.
A node acts as master from the begin of an ensure_master until the end of an
ensure_demoted or ensure_slave that was done, or until the test says that it
has killed the application.
"""

import pathlib
import time
from typing import NamedTuple


class Line(NamedTuple):
    at: int
    node: str
    phase: str
    op: str
    epoch: int
    result: str
    master: str


class Mastership(NamedTuple):
    node: str
    begin: int
    end: int            # FOREVER while it lasts
    epoch: int

    def __str__(self):
        end = "…" if self.end == FOREVER else f"{self.end / 1e9:.3f}"
        return f"{self.node} {self.begin / 1e9:.3f} to {end} s, epoch {self.epoch}"


FOREVER = 1 << 63


def read(path):
    """The lines of one record, in the order of time."""
    lines = []
    try:
        text = pathlib.Path(path).read_text()
    except FileNotFoundError:
        return lines
    for raw in text.splitlines():
        at, node, phase, op, epoch, result, master = raw.split()
        lines.append(Line(int(at), node, phase, op, int(epoch), result, master))
    return sorted(lines)


def death(node):
    """What a test adds when it has killed the application of a node."""
    return Line(time.monotonic_ns(), node, "end", "ensure_demoted", 0, "done", "-")


def masterships(lines):
    running, ended = {}, []
    for line in sorted(lines):
        if line.phase == "begin" and line.op == "ensure_master":
            running.setdefault(line.node, line)
        elif (line.phase == "end" and line.result == "done" and
              line.op in ("ensure_demoted", "ensure_slave")):
            first = running.pop(line.node, None)
            if first:
                ended.append(Mastership(first.node, first.at, line.at, first.epoch))
    ended += [Mastership(l.node, l.at, FOREVER, l.epoch) for l in running.values()]
    return sorted(ended, key=lambda m: m.begin)


def demotions(lines, node):
    """The calls of a copy that has been the master; a start may make one, too."""
    ours = [l for l in lines if l.node == node and l.phase == "begin"]
    made = [l.op for l in ours].index("ensure_master")
    return [l for l in ours[made:] if l.op == "ensure_demoted"]


def problems(lines):
    """Sentences about everything that must never be; empty when all is well."""
    found = []
    all_ = masterships(lines)
    for i, one in enumerate(all_):
        for other in all_[i + 1:]:
            if other.node != one.node and other.begin < one.end:
                found.append(f"two masters: {one}; {other}")
    for one, other in zip(all_, all_[1:]):
        if other.node != one.node and other.epoch <= one.epoch:
            found.append(f"a new master without a new epoch: {one}; {other}")
    seen = {}
    for line in sorted(lines):
        if line.phase == "begin" and line.op.startswith("ensure_") and line.epoch:
            if line.epoch < seen.get(line.node, 0):
                found.append(f"the epoch fell from {seen[line.node]}: {line}")
            seen[line.node] = max(line.epoch, seen.get(line.node, 0))
    return found
