"""The machine runs out of descriptors, time, processor or disk."""

import contextlib
import glob
import os
import subprocess
import time

import pytest

from lab import harm, net

LOCK_DELAY = 5


@pytest.mark.parametrize("spare", [0, 1, 3])
def test_the_agent_of_the_master_has_no_descriptor_left(lab, spare):
    """Enough is open to go on, or it demotes in time; and it comes back."""
    first, *_ = lab.three()
    with harm.descriptors(first.agent.pid, spare):
        time.sleep(6)
        assert first.agent.running
    lab.settled()


def test_the_agent_has_no_descriptor_left_when_it_has_to_act(lab):
    """Its handlers are gone and no other can be started: what it can't do, the
    guard does."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    with harm.descriptors(first.agent.pid):
        lab.kill(*first.agent.handlers().values())
        first.proxy.become("nothing")
        assert lab.demoted(first, since, 20) < LOCK_DELAY
        lab.settled(nodes=others)
    assert first.agent.running


def test_the_agents_of_the_slaves_have_no_descriptor_left(lab):
    """They can't take over; nobody else is harmed, and they come back."""
    first, second, third = lab.three()
    with harm.descriptors(second.agent.pid), harm.descriptors(third.agent.pid):
        time.sleep(3)
        first.agent.kill()
        time.sleep(8)
        assert second.agent.running and third.agent.running
    lab.settled()


def test_the_guard_has_no_descriptor_left(lab):
    first, *others = lab.three()
    since = time.monotonic_ns()
    with harm.descriptors(first.guard, 8):       # a handler needs a few
        first.agent.freeze()
        assert lab.demoted(first, since, 20) < LOCK_DELAY
        lab.settled(nodes=others)


FAKETIME = sorted(glob.glob("/usr/lib/*/faketime/libfaketime.so.1"))


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed")
@pytest.mark.parametrize("step", ["+3600", "-3600"])
def test_the_wall_clock_steps(lab, step):
    """It is shown in the log, and means nothing."""
    wall = lab.folder / "wall"
    wall.write_text("+0")
    for n in lab.nodes:
        n.agent.env = {**n.agent.env, "LD_PRELOAD": FAKETIME[0],
                       "FAKETIME_TIMESTAMP_FILE": str(wall),
                       "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    first, *_ = lab.three()
    wall.write_text(step)
    lab.say(f"the wall clock steps by {step} s")
    time.sleep(8)
    assert [m.node for m in lab.masterships()] == [first.name]
    with lab.controlled():
        first.agent.sicken()
    first.agent.wait_log("-> demoting")
    said = first.agent.lines("-> demoting")[-1][:19]
    assert abs(time.mktime(time.strptime(said, "%Y-%m-%d %H:%M:%S")) -
               time.time() - int(step)) < 300
    wall.write_text("+0")
    time.sleep(2)
    for n in lab.nodes:
        for name in ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE"):
            del n.agent.env[name]


def test_the_processor_is_given_in_bursts(lab):
    """All processes of the master run for a quarter of the time."""
    first, *_ = lab.three()
    lab.say("bursts begin")
    harm.bursts(first, 12)
    lab.say("bursts end")
    assert [m.node for m in lab.masterships()] == [first.name]


def test_the_processor_is_taken_by_others(lab):
    """Our processes are the least of all, beside some that never sleep."""
    first, *_ = lab.three()
    for pid in first.processes():
        os.setpriority(os.PRIO_PROCESS, pid, 19)
    busy = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
            for _ in range(2 * os.cpu_count())]
    try:
        time.sleep(8)
    finally:
        for b in busy:
            b.kill()
            b.wait()
    lab.settled()
    for pid in first.processes():
        os.setpriority(os.PRIO_PROCESS, pid, 0)


@pytest.fixture
def small(tmp_path):
    """Three folders with a few pages of room, for what runs to its end before."""
    folders = []
    try:
        for i in range(3):
            folder = tmp_path / f"small-{i}"
            folder.mkdir()
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=32k", "none", folder],
                stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
            folders.append(folder)
        yield folders
    finally:
        for folder in folders:
            subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_lab(small, lab):
    """A lab whose run folders they are."""
    for n, folder in zip(lab.nodes, small):
        n.agent.write(agent={"run_dir": folder})
    return lab


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(b"x" * 512):
                pass


def test_the_run_folder_is_full(small, small_lab):
    """An agent that can't write down what the next one must know: safety does
    not hang on it."""
    lab = small_lab
    first, *others = lab.three()
    for folder in small:
        fill(folder)
    lab.say("the run folders are full")
    time.sleep(3)
    assert lab.settled() is first
    with lab.controlled():
        first.agent.sicken()
    first.agent.cure()
    master = lab.settled()
    master.agent.kill()
    master.agent.start()
    lab.settled()
    for folder in small:
        (folder / "filler").unlink()


def test_the_run_folder_is_full_when_an_agent_starts(small, small_lab):
    """It says so, whether it goes on or not."""
    lab = small_lab
    first, second, third = lab.nodes
    fill(small[0])
    lab.say("the run folder of node-1 is full")
    first.start()
    net.wait_for("it is up, or has said why not", lambda: first.agent.role or
                 not first.agent.running and first.agent.lines("run"), 20)
    second.start()
    third.start()
    lab.writer.start()
    lab.settled(nodes=[n for n in lab.nodes if n.agent.running])
    (small[0] / "filler").unlink()
    if not first.agent.running:
        first.agent.start()
