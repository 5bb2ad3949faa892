"""The clients themselves: what they would find."""

import itertools
import threading

from lab import client

MS = 10**6


class Silent:
    """A copy that acknowledges everything, and holds it."""

    def __init__(self, name):
        self.name, self.address, self.port = name, name, 1

    def client(self, timeout):
        return self

    def write(self, id_):
        pass

    def close(self):
        pass


def everywhere(*acks):
    clients = client.Everywhere([])
    clients.acks += [client.Ack(sent * MS, at * MS, str(number), copy)
                     for number, (sent, at, copy) in enumerate(acks)]
    return clients.overlaps(0, 1000 * MS)


def test_a_write_that_an_old_master_takes_too_late_is_found():
    assert everywhere((1, 2, "old"), (10, 11, "new"), (12, 13, "old")) == [
        "old took a write that was sent 1.0 ms after new had acknowledged its first"]


def test_writes_that_cross_a_hand_over_are_no_fault():
    assert not everywhere((1, 2, "old"), (3, 11, "old"), (4, 10, "new"))
    assert not everywhere((1, 2, "old"), (3, 4, "new"), (5, 6, "new"))


def test_a_third_copy_that_takes_a_write_is_found():
    assert everywhere((1, 2, "old"), (10, 11, "new"), (12, 13, "third"),
                      (14, 15, "new"))


def test_the_longest_gap_is_the_one_in_the_span():
    writer = client.Writer(None, [])
    writer.acks += [client.Ack(at * MS, at * MS, str(at), "a")
                    for at in (0, 500, 501, 502, 700, 701, 900)]
    assert writer.gap(502 * MS, 800 * MS) == 198 * MS
    assert writer.gap(600 * MS, 701 * MS) == 198 * MS


def test_a_writer_turns_to_the_master_that_is_found():
    a, b = Silent("a"), Silent("b")
    turn = threading.Event()

    class Finder:
        steps = itertools.chain([("a", 1)], itertools.repeat(("b", 1)))

        def next(self):
            found = next(self.steps)
            if found == ("b", 1):
                turn.wait(5)
            return found

    writer = client.Writer(Finder(), [a, b]).start()
    writer.wait("a", count=5)
    turn.set()
    writer.wait("b", count=5)
    writer.stop()
    # One that was under way may still be answered by the old one.
    copies = [ack.copy for ack in sorted(writer.acks)]
    assert copies[0] == "a" and copies[-1] == "b"
