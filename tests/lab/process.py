"""Processes that we start, and only those."""

import contextlib
import ctypes
import os
import pathlib
import pwd
import re
import resource
import signal
import subprocess
import time

from . import net

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Makes what our children leave behind our own children, so that
    leftovers() can see it."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent():
    """A laboratory that is killed leaves nothing running."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def identity(user):
    """What makes a program run as this user; None: as we do."""
    if not user:
        return {}
    group = pwd.getpwnam(user).pw_gid
    return {"user": user, "group": group, "extra_groups": []}


class Process:
    """A program with its output in a log file; start it as often as needed.

    place is where it lives: see netns.Place.  journal is told what is done
    to it.
    """

    stop_signal = signal.SIGTERM
    place = contextlib.nullcontext()

    def __init__(self, name, argv, log, env=None, cwd=None):
        self.name, self.argv, self.env, self.cwd = name, argv, env, cwd
        self.log = pathlib.Path(log)
        self.popen = None

    def journal(self, text):
        pass

    def start(self, **popen):
        assert not self.running, f"{self.name} runs already"
        self.journal(f"start {self.name}")
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("CONSUL", "NOTIFY_", "JOURNAL_"))}
        env.update(self.env or {})
        with self.place, open(self.log, "ab") as log:
            popen = {"stdout": log, "stderr": log, **popen}
            self.popen = subprocess.Popen(
                [str(a) for a in self.argv], stdin=subprocess.DEVNULL,
                env=env, cwd=self.cwd, start_new_session=True,
                preexec_fn=die_with_parent, **popen)
        return self

    @property
    def pid(self):
        return self.popen.pid

    @property
    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number):
        self.journal(f"{signal.Signals(number).name} to {self.name}")
        self.popen.send_signal(number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL; the machine lost it."""
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, seconds=30):
        """Ends it in good order; returns its exit status."""
        if self.running:
            self.thaw()
            self.signal(self.stop_signal)
        return self.wait(seconds)

    def end(self):
        """Ends it whatever it takes; for the end of a test."""
        if self.running:
            try:
                self.stop(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def wait(self, seconds=30):
        return self.popen.wait(seconds)

    def text(self):
        try:
            return self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def lines(self, part=""):
        return [l for l in self.text().splitlines() if part in l]

    def wait_log(self, part, seconds=20, count=1, alive=True):
        """Until it has said that; not alive: or who writes on after its end."""
        def said():
            if len(self.lines(part)) >= count:
                return True
            if alive and not self.running and \
                    len(self.lines(part)) < count:
                raise AssertionError(
                    f"{self.name} ended without saying {part!r}:\n{self.text()}")
        try:
            net.wait_for(f"{self.name} says {part!r}", said, seconds)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.text()}") from None
        return self.lines(part)


_SANITIZER = re.compile(
    r".*(?:ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|: runtime error: ).*")


def troubles(processes, known=()):
    """A sentence for each thing that is wrong with processes that have ended,
    and for each child of ours that is none of the known pids."""
    found = []
    for p in processes:
        if p.popen and (p.popen.returncode or 0) < 0 and \
           p.popen.returncode not in (-signal.SIGKILL, -signal.SIGTERM):
            found.append(f"{p.name} died of signal {-p.popen.returncode}")
    for pid, line in leftovers(known):
        found.append(f"left running: {pid} {line}")
    for p in processes:
        found += [f"{p.name}: {line}" for line in _SANITIZER.findall(p.text())]
    return found


def children(pid=None):
    """The pids of the living children of pid (ours by default), zombies not
    counted: [(pid, command line)]."""
    pid = pid or os.getpid()
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                state = stat(int(child))
                if state and state != "Z":
                    found.append((int(child), command_line(int(child))))
        except OSError:
            continue
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child[0])
    return found


def stat(pid):
    """The state letter of a process; None where there is none."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() \
            .replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def of_root(*argv):
    """What a command prints of /proc.  Our processes are not dumpable, so most of
    it is root's, whoever runs them."""
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*sudo, *argv], check=True,
                          stdout=subprocess.PIPE).stdout


def environment(pid):
    return of_root("cat", f"/proc/{pid}/environ").split(b"\0")


def descriptors(pid):
    """What its open descriptors are: {number: name}."""
    return dict(line.split(" ", 1) for line in of_root(
        "find", f"/proc/{pid}/fd", "-type", "l", "-printf", "%f %l\n"
    ).decode().splitlines())


def private_kib(pid):
    return sum(int(line.split()[1]) for line in of_root(
        "cat", f"/proc/{pid}/smaps_rollup").decode().splitlines()
        if line.startswith("Private_"))


def limit_descriptors(pid, limit):
    """How many it may have open from now on; those that it has stay open."""
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))


def leftovers(known=(), seconds=5):
    """Children of ours that are still there after some time and are none of
    the known pids; they are killed."""
    end = time.monotonic() + seconds
    while True:
        found = [c for c in children() if c[0] not in known]
        if not found or time.monotonic() > end:
            break
        time.sleep(0.05)
    for pid, _ in found:
        os.kill(pid, signal.SIGKILL)
    return found
