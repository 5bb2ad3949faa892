"""A small init system: runs our agent as systemd would, by what the unit file
says (so that it is the file that is tested).

    supervisor.py UNIT SBINDIR CONFIG PIDFILE

Knows of [Service]: ExecStart, Type=notify, NotifyAccess=main, Restart=on-failure,
RestartSec, RestartPreventExitStatus, KillMode, TimeoutStartSec, TimeoutStopSec,
WatchdogSec, WatchdogSignal.  SIGTERM stops the unit.  What the agent leaves behind
becomes our child, as it would stay in the unit's cgroup.
"""

import configparser
import os
import pathlib
import re
import signal
import socket
import struct
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import ROOT, PROGRAM, process  # noqa: E402

UNIT = ROOT / "conf" / "consul-failover@.service.in"
# Those that systemd takes for a clean end, beside status 0.
CLEAN = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


class Unit:
    def __init__(self, path):
        parser = configparser.RawConfigParser(strict=False, delimiters="=")
        parser.optionxform = str
        parser.read(path)
        self.service = parser["Service"]

    def text(self, key, default=""):
        return self.service.get(key, default)

    def seconds(self, key, default):
        factor = {"ms": 0.001, "s": 1, "min": 60, "": 1}
        number, unit = re.fullmatch(r"(\d+)([a-z]*)",
                                    self.text(key, default)).groups()
        return int(number) * factor[unit]

    def argv(self, sbindir, config):
        line = self.text("ExecStart").replace("@SBINDIR@", sbindir)
        return line.replace("/etc/consul-failover/%i.ini", config).split()


class Supervisor:
    def __init__(self, unit, argv, pid_file):
        self.unit, self.argv, self.pid_file = unit, argv, pathlib.Path(pid_file)
        assert unit.text("Type") == "notify" and \
            unit.text("NotifyAccess") == "main" and \
            unit.text("Restart") == "on-failure"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = f"\0consul-failover-supervisor-{os.getpid()}"
        self.notify.bind(self.address)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notify.settimeout(0.02)
        self.main = None                # its pid
        self.stopping = False
        signal.signal(signal.SIGTERM, self.stop)

    def say(self, text):
        print(f"supervisor: {text}", flush=True)

    def stop(self, number, frame):
        self.stopping = True

    def start(self):
        env = {**os.environ, "NOTIFY_SOCKET": "@" + self.address[1:],
               "WATCHDOG_USEC": str(int(self.unit.seconds("WatchdogSec", "0") * 1e6))}
        # Nothing may come between fork and exec that a signal could hurt.
        self.main = os.fork()
        if self.main == 0:
            try:
                process.die_with_parent()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                env["WATCHDOG_PID"] = str(os.getpid())
                os.execve(self.argv[0], self.argv, env)
            finally:
                os._exit(203)
        fresh = self.pid_file.with_suffix(".new")
        fresh.write_text(str(self.main))
        os.rename(fresh, self.pid_file)
        self.say(f"started {self.main}")

    def heard(self):
        """What the agent says; nothing for a moment without a word."""
        try:
            data, more, _, _ = self.notify.recvmsg(65536, 1024)
        except TimeoutError:
            return []
        for level, kind, content in more:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and \
               struct.unpack("3i", content)[0] == self.main:
                return data.decode(errors="replace").split("\n")
        return []

    def reap(self):
        """The status of the agent, once it has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if pid == self.main:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                return None

    def run_once(self):
        """Until the agent has ended: (its status, whether in good order)."""
        unit = self.unit
        self.start()
        began = time.monotonic()
        limit = began + unit.seconds("TimeoutStartSec", "90s")
        watchdog = unit.seconds("WatchdogSec", "0")
        ready = asked = killed = False
        while True:
            for word in self.heard():
                if word == "READY=1" and not ready:
                    self.say(f"ready after {time.monotonic() - began:.3f} s")
                    ready = True
                if word in ("READY=1", "WATCHDOG=1") and ready and not asked:
                    limit = time.monotonic() + (watchdog or 1e9)
            status = self.reap()
            if status is not None:
                return status, not killed and (
                    status == 0 or -status in CLEAN)
            if self.stopping and not asked:
                asked = True
                self.say("stopping")
                self.signal(signal.SIGTERM, unit.text("KillMode") == "control-group")
                limit = time.monotonic() + unit.seconds("TimeoutStopSec", "90s")
            if time.monotonic() > limit:
                number = signal.SIGKILL if asked or killed or not ready else \
                    signal.Signals[unit.text("WatchdogSignal", "SIGABRT")]
                self.say(f"{'stop' if asked else 'watchdog' if ready else 'start'}"
                         f" timeout, {number.name}")
                killed = True
                limit = time.monotonic() + 5
                self.signal(number, False)

    def signal(self, number, all_):
        for pid in [self.main] + ([p for p, _ in self.rest()] if all_ else []):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def rest(self):
        return [d for d in process.descendants(os.getpid()) if d[0] != self.main]

    def run(self):
        prevented = {int(s) for s in
                     self.unit.text("RestartPreventExitStatus").split()}
        while True:
            status, clean = self.run_once()
            left = self.rest()
            self.say(f"{self.main} ended with {status}; left behind: {left}")
            # "process" leaves all others alone, even when the unit is stopped.
            if self.unit.text("KillMode", "control-group") != "process":
                for pid, _ in left:
                    os.kill(pid, signal.SIGKILL)
            if self.stopping or clean or status in prevented:
                return status if status >= 0 else 128 - status
            time.sleep(self.unit.seconds("RestartSec", "100ms"))
            if self.stopping:
                return 0


def supervise(agent):
    """From its next start on, this lab.agent.Agent is the supervisor of an agent:
    stop() stops the unit, main(agent) is the agent's pid."""
    agent.pid_file = agent.folder / "main.pid"
    agent.argv = [sys.executable, __file__, UNIT, PROGRAM.parent, agent.file,
                  agent.pid_file]


def main(agent):
    return int(agent.pid_file.read_text())


if __name__ == "__main__":
    process.adopt_orphans()
    the_unit = Unit(sys.argv[1])
    sys.exit(Supervisor(the_unit, the_unit.argv(*sys.argv[2:4]), sys.argv[4]).run())
