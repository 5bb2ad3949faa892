"""The stub application: accepts the writes of clients only while it is master.

    stub.py NODE SOCKET HOST PORT DATA RECORD [PEER:PORT ...]

On the unix SOCKET, and on HOST:PORT for the other copies, a line is answered by
a line (and "N" in it says that N more lines follow):

    role                ok demoted | promoting EPOCH | master EPOCH | slave H:P
    master EPOCH        ok, when it has caught up with every peer it can reach
    slave HOST:PORT     ok; pulls that one's log from now on
    demote              ok: no write is accepted after this
    write ID            ok EPOCH, or "no"
    log                 ok N, the log: a line "EPOCH ID" each
    last                ok EPOCH N, of the log's last line
    pull N EPOCH ID     for slaves, given their last line: ok FROM N, what they
                        lack from that line on; "no" where this is no master
    copy                for a peer that becomes master: as log

The log outlives it in DATA.  RECORD is one file for all copies; it gets

    NS NODE EPOCH ID                for a write that was accepted
    NS NODE EPOCH promoted all      or "some": which peers it has caught up with

where NS is CLOCK_MONOTONIC at a time when it was certain that it might.
"""

import os
import socket
import socketserver
import sys
import threading
import time

PULL = 0.1      # seconds between two pulls of a slave
REACH = 0.4     # seconds until a peer that does not answer is out of reach


class Peer:
    """A connection to another copy."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), REACH)
        self.file = self.socket.makefile("rw")

    def ask(self, line):
        """The words of the answer, and the lines that follow."""
        self.file.write(line + "\n")
        self.file.flush()
        words = self.file.readline().split()
        if not words:
            raise OSError("the peer has gone")
        more = words[0] == "ok" and words[-1] if line != "last" else 0
        return words, [self.file.readline().rstrip("\n") for _ in range(int(more))]

    def close(self):
        self.file.close()
        self.socket.close()


class Application:
    def __init__(self, node, data, record, peers):
        self.node, self.data, self.peers = node, data, peers
        self.record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.lock = threading.Lock()    # of all that follows
        self.role, self.epoch, self.master = "demoted", 0, None
        self.turn = 0                   # grows with each change of role
        self.log = []
        if os.path.exists(data):
            with open(data) as file:    # but for half a line
                self.log = [l[:-1] for l in file if l.endswith("\n")]
        self.save()

    # The log.

    def save(self):
        with open(self.data + ".new", "w") as file:
            file.writelines(l + "\n" for l in self.log)
        os.rename(self.data + ".new", self.data)
        self.file = open(self.data, "a")

    def append(self, lines):
        self.log += lines
        self.file.writelines(l + "\n" for l in lines)
        self.file.flush()

    def last(self):
        """What the log of two copies is compared by: the greater one wins."""
        return (int(self.log[-1].split()[0]) if self.log else 0, len(self.log))

    def note(self, *words):
        os.write(self.record, " ".join(
            [str(time.monotonic_ns()), self.node, str(self.epoch), *words,
             ]).encode() + b"\n")

    # The roles.

    def become(self, role, epoch=0, master=None):
        self.role, self.epoch, self.master = role, epoch, master
        self.turn += 1
        return self.turn

    def promote(self, epoch):
        with self.lock:
            if self.role == "master":
                self.epoch = epoch
                return "ok"
            turn = self.become("promoting", epoch)
        reached = self.catch_up(turn)
        with self.lock:
            if self.turn != turn:
                return "no, it has become " + self.role
            self.become("master", epoch)
            self.note("promoted", "all" if reached else "some")
        return "ok"

    def catch_up(self, turn):
        """Takes the longest log; says whether all peers were there."""
        answered = []
        threads = [threading.Thread(target=self.copy, args=[p, turn, answered])
                   for p in self.peers]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return len(answered) == len(self.peers)

    def copy(self, address, turn, answered):
        try:
            peer = Peer(address)
            try:
                words, _ = peer.ask("last")
                with self.lock:
                    behind = tuple(map(int, words[1:])) > self.last()
                lines = peer.ask("copy")[1] if behind else []
            finally:
                peer.close()
        except (OSError, ValueError):
            return
        with self.lock:
            theirs = (int(lines[-1].split()[0]), len(lines)) if lines else (0, 0)
            if self.turn == turn and theirs > self.last():
                self.log = lines
                self.save()
        answered.append(address)

    def follow(self, master):
        with self.lock:
            if (self.role, self.master) != ("slave", master):
                turn = self.become("slave", master=master)
                threading.Thread(target=self.pull, args=[turn, master],
                                 daemon=True).start()
        return "ok"

    def pull(self, turn, master):
        peer = None
        while self.turn == turn:
            try:
                peer = peer or Peer(master)
                with self.lock:
                    known = len(self.log), self.log[-1] if self.log else "0 -"
                words, lines = peer.ask(f"pull {known[0]} {known[1]}")
                with self.lock:
                    if self.turn == turn and words[0] == "ok":
                        if int(words[1]) < len(self.log):
                            self.log = []
                            self.append(lines)
                            self.save()
                        elif lines:
                            self.append(lines)
            except (OSError, ValueError):
                if peer:
                    peer.close()
                peer = None
            time.sleep(PULL)

    # What is asked.

    def answer(self, verb, *words):
        if verb == "master":
            return self.promote(int(words[0]))
        if verb == "slave":
            return self.follow(words[0])
        with self.lock:
            if verb == "role":
                about = self.master or (self.epoch or "")
                return f"ok {self.role} {about}".strip()
            if verb == "demote":
                self.become("demoted")
                return "ok"
            if verb == "write":
                return self.write(words[0])
            if verb in ("log", "copy"):
                return "\n".join([f"ok {len(self.log)}", *self.log])
            if verb == "last":
                return "ok {} {}".format(*self.last())
            if verb == "pull":
                return self.give(int(words[0]), " ".join(words[1:]))
        return "no such command"

    def write(self, name):
        if self.role != "master":
            return "no"
        self.append([f"{self.epoch} {name}"])
        self.note(name)     # after the write and in the lock: still the master
        return f"ok {self.epoch}"

    def give(self, known, last):
        if self.role != "master":
            return "no"
        if known and self.log[known - 1:known] != [last]:
            known = 0
        lines = self.log[known:]
        return "\n".join([f"ok {known} {len(lines)}", *lines])


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            for line in self.rfile:
                words = line.decode().split()
                answer = self.server.application.answer(*words)
                self.wfile.write(answer.encode() + b"\n")
        except OSError:
            pass


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads, request_queue_size = True, 128


class Tcp(socketserver.ThreadingTCPServer):
    daemon_threads, request_queue_size = True, 128
    allow_reuse_address = True


def main(node, path, host, port, data, record, *peers):
    application = Application(node, data, record, peers)
    if os.path.exists(path):
        os.unlink(path)
    servers = [Tcp((host, int(port)), Handler), Unix(path, Handler)]
    for server in servers:
        server.application = application
        threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
