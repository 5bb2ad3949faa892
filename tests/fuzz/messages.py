"""The messages that the targets of the wire begin with: tests/fuzz/run writes
them anew each time, so that they follow daemon/base/wire.h and operation.h.

    messages.py FOLDER      FOLDER/TARGET/NAME, one file an input
"""

import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = re.findall(r"^\tWIRE_(\w+)", (ROOT / "daemon/base/wire.h").read_text(), re.M)
OPERATIONS = re.findall(r"^\tOPERATION_(\w+)", (
    ROOT / "daemon/base/operation.h").read_text(), re.M)
NOW = 1000000       # when guard_main.c's clock begins


def message(kind, *fields):
    """Numbers and strings, as wire.c packs them."""
    packed = bytes([TYPES.index(kind) + 1])
    for field in fields:
        if isinstance(field, int):
            packed += struct.pack("=Q", field % 2 ** 64)
        else:
            packed += struct.pack("=I", len(field)) + field.encode() + b"\0"
    return packed


def counted(packed):
    return struct.pack("<H", len(packed)) + packed


def m(packed):
    return b"m" + counted(packed)


def h(packed):
    return b"h" + counted(packed)


def passed(ms):
    return b"t" + struct.pack("<H", ms)


def operation(name):
    return OPERATIONS.index(name.upper())


def call(op, epoch=4, host="", port=0, position="", why="because", not_after=0):
    return message("CALL", operation(op), epoch, not_after, 10 ** 12, "n1", why,
                   host, port, position, 2, "10.0.0.2", 3306, "4:12", 0, 0,
                   "10.0.0.1")


def setup(version="1", demote=1, fence="", wait=1500, words=("cf", "leave")):
    return message("SETUP", version, "app", 0, 1, "/run/app.guard", "/p.so",
                   demote, 3000, wait, fence, len(words), *words)


def lease(until, by=3000, now=0):
    return message("LEASE", NOW + until, NOW + until + by, 0, 7, "n1", "s1",
                   now)


def guard(first=None, file=""):
    """What a guard begins with: the file, SETUP and START."""
    return file.encode() + b"\n" + counted(first or setup()) + counted(START)


DESCRIPTION = message(
    "DESCRIPTION", 1, "p", "1", "sum", "health", "ensure_master",
    "ensure_slave", "ensure_demoted", "position", "has_position", "watch_fd",
    "plugin_start", "plugin_stop", "", "flag", 0, 0, "", "a flag", "limit", 3,
    1, "2s", "a limit", "count", 17, 0, "", "needed", "on", 2, 1, "yes", "b", "")
START = message("START", "app", 3306, "/nothing/app.memory", 1, 2, "flag", "/f", 0, "", "limit",
                "2s", 2000, "kept")
HOLDS = message("GUARD", 1, 5000, "")

INPUTS = {
    "description": {
        "plugin": b"flag=/f limit=2s count=7 on=no\n" + DESCRIPTION,
        "bad-options": b"flagg=x limit=7 count= on=maybe liimt=1 zzz=1\n" +
        DESCRIPTION,
        "few-options": b"count=1x other=\n" + message(
            "DESCRIPTION", 1, "p", "1", "s", "health", "", "count", 1, 0, "",
            "", ""),
        "no-options": b"x=1\n" + message(
            "DESCRIPTION", 1, "p", "1", "", "", ""),
        "refused": b"\n" + message("REFUSED", "no such plugin"),
        "refused-without-a-word": b"\n" + message("REFUSED", ""),
        "cut": b"\n" + DESCRIPTION[:70],
        "other": b"\n" + message("RESULT", 0, "x"),
    },
    "handler": {
        "result": b"c\0" + m(DESCRIPTION) + m(message("LOG", 1, "hello")) +
        m(message("RESULT", 0, "fine\nmore")) + b"c\4" +
        m(message("RESULT", 0, "17:4")),
        "watch": b"c\0" + m(DESCRIPTION) + m(message("RESULT", 0, "ok")) +
        m(message("WATCH")) + b"t\5" + m(message("WATCH")) + b"c\1" +
        m(message("WATCH")),
        "refused": b"c\1" + m(message("REFUSED", "not a plugin")) + b"c\3" +
        m(message("REFUSED", "no")) + b"t\x50c\3",
        "output": b"c\0o" + counted(b"one\ntwo\n" + b"x" * 600) +
        b"e\x0bt\x0ac\1e\2c\2e\2c\3e\1",
        "wrong": b"c\0" + m(message("RESULT", 7, "x")) + b"t\x50c\0" +
        m(DESCRIPTION) * 2 + b"t\x50c\5" + m(message("RESULT", 0, "x" * 4200)) +
        b"t\x50c\2" + m(b"\xff\xfegarbage"),
        "unasked": b"c\0" + m(DESCRIPTION) + m(message("RESULT", 1, "")) +
        m(message("RESULT", 1, "again")) + b"t\x50c\2xc\2r" +
        m(message("RESULT", 2, "a")),
        "late": b"c\x80c\x81t\x50c\x83" + m(message("RESULT", 0, "x")) + b"r",
        "talk": b"c\0" + b"".join(
            m(message("LOG", i % 6, f"l{i}")) for i in range(60)) +
        b"t\xff" + m(message("LOG", 0, "end")),
        "hangs": b"c\0e\1" + b"t\x50c\3e\1" * 5 + b"c\3",
    },
    "handler_main": {
        "calls": b"".join(map(counted, (
            START, call("health"), call("ensure_master", 8),
            call("ensure_slave", 4, "10.0.0.1", 3306), call("ensure_demoted", 5),
            call("position"), call("has_position", position="17"),
            call("behind", position="17")))),
        "failures": b"".join(map(counted, (
            START, call("health", 5), call("health", 6), call("health", 7),
            call("watch_fd"), call("ensure_demoted", why="")))),
        "no-operation": counted(START) + counted(message(
            "CALL", 99, 4, 0, 10 ** 12, "n1", "", "", 0, "", 2, "", 0, "", 0,
            0, "")),
        "too-late": counted(START) + counted(call("ensure_master", not_after=1)),
        "long": counted(message("START", "x" * 400, 99999, 0, 0)) +
        counted(call("health", why="y" * 600)),
        "too-few": counted(message("START", "app", 1, 1, 3, "flag", "/f", 0)) +
        counted(call("health")),
        "too-many": counted(message("START", "app", 1, 1, 2 ** 40)),
        "cut": counted(START[:20]) + counted(call("health")),
        "no-start": counted(call("health")),
        "cut-call": counted(START) + counted(call("health")[:30]),
        "not-a-call": counted(START) + counted(call("health")) +
        counted(message("WATCH")),
        "long-ago": counted(START) + counted(message(
            "CALL", operation("health"), 4, 0, -2 ** 63, "n1", "", "", 0, "", 9,
            "", 0, "", 1, 0, "")),
    },
    "guard": {
        "holds": counted(HOLDS) + b"l\x10" + m(HOLDS) + b"rl\x11" +
        m(message("GUARD", 2, 9, "the agent stands still")) +
        m(message("GUARD", 3, 0, "done")) + m(message("GUARD", 4, 0, "no")) +
        b"x",
        "dies": counted(HOLDS) + b"l\x10erl\x10et\x40x",
        "silent": counted(HOLDS) + b"l\x10" * 4 + b"t\x40" + b"l\x10" * 2,
        "garbage": counted(HOLDS) + m(b"\xff\xfegarbage") +
        m(message("GUARD", 9, 1, "")) + m(HOLDS[:9]) +
        m(message("RESULT", 1, "")),
        "not-at-once": counted(message("GUARD", 0, 0, "")),
        "refused": counted(message("REFUSED", "no")),
    },
    "guard_main": {
        "fires": guard() + m(message("ROLE", 4242)) + m(lease(1000)) +
        passed(1300) + h(DESCRIPTION) + h(message("LOG", 2, "x")) +
        h(message("RESULT", 0, "demoted")) + passed(1100) + passed(15100),
        "agent-gone": guard() + m(lease(5000)) + b"a" + passed(1600) +
        h(message("RESULT", 1, "no")) + passed(200) + b"e\x0b" + passed(300) +
        passed(3500) + passed(5100) + h(message("RESULT", 0, "ok")) +
        passed(100),
        "fence": guard(setup(fence="reboot")) + m(lease(100)) + passed(400) +
        h(message("REFUSED", "no")) + passed(3000) + m(message("END")) +
        m(lease(9000)),
        "cannot": guard(setup(demote=0, fence="x")) + m(lease(100, now=1)) +
        b"a" + passed(6000),
        "bye": guard() + m(lease(100)) + m(message("END")) + m(setup()) +
        m(START) + m(message("BYE")),
        "hand-over": guard() + m(lease(100)) + b"s",
        "inherits": guard(file="1000100 1000500 0 7 0") + passed(400) + b"s" +
        h(message("RESULT", 0, "x")),
        "inherits-failed": guard(file="1000100 1000500 0 7 1") + passed(5400) +
        m(lease(100)),
        "other-version": guard(setup("2")),
        "bad-setup-later": guard() + m(setup()[:40]) + m(lease(100)) +
        passed(400) + passed(4000),
        "words": guard(setup(words=["w"] * 90)),
        "dropped": guard() + b"a" + passed(1600) + passed(15100),
        "far": guard() + m(lease(2 ** 63 - 1 - NOW, 0)) + passed(100),
        "far-file": guard(file=f"{2 ** 63 - 1} {2 ** 63 - 1} 0 7 0") +
        passed(100),
        "far-wait": guard(setup(wait=2 ** 63 - 1)) + m(lease(100)) + b"a" +
        passed(400),
    },
}


def main():
    for target, inputs in INPUTS.items():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in inputs.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
