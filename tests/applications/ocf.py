"""Redis, driven by the resource agent of Debian's package resource-agents: it
starts the server, too."""

import contextlib
import os
import pathlib
import signal

import redis

from lab import ROOT, copies, net, process

AGENT = pathlib.Path("/usr/lib/ocf/resource.d/heartbeat/redis")
TOOLS = ROOT / "plugins" / "ocf" / "tools"


class Copy(copies.Copy):
    plugin = "ocf"
    # To demote it, the resource agent pauses clients for 2 s.
    sections = {"plugin": {"demote_deadline": "10s", "health_deadline": "5s"},
                "lock": {"lock_delay": "14s"}}

    def __init__(self, *words):
        super().__init__(*words)
        self.own_port = self.port

    @property
    def options(self):
        return {"agent": "ocf:heartbeat:redis", "tools": TOOLS,
                "instance": f"redis-{self.address}",
                "lock_dir": self.folder,
                "parameters": f"config={self.folder}/redis.conf user=root "
                              f"rundir={self.folder} port={self.port}"}

    def prepare(self):
        # It knows one port, for all copies.
        self.port = min([self.own_port] + [p.own_port for p in self.peers])
        (self.folder / "redis.conf").write_text(
            f'bind {self.address}\nport {self.port}\ndir {self.folder}\n'
            f'bind-source-addr {self.address}\nappendonly yes\nsave ""\n'
            'repl-diskless-sync-delay 0\nrepl-ping-replica-period 1\n'
            'protected-mode no\n')

    @property
    def pid(self):
        file = self.folder / "redis-server.pid"
        return int(file.read_text() or 0) if file.exists() else 0

    @property
    def running(self):
        return bool(self.pid) and process.stat(self.pid) not in (None, "Z")

    def kill(self):
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        net.wait_for("redis is gone", lambda: process.stat(pid) in (None, "Z"))
        with contextlib.suppress(ChildProcessError):    # else it is init's
            os.waitpid(pid, 0)

    def connection(self, timeout=5):
        return redis.Redis(self.address, self.port, socket_timeout=timeout,
                           decode_responses=True)

    def ask(self, *words):
        with self.connection() as c:
            return c.execute_command(*words)

    def role(self):
        try:
            return self.ask("ROLE")[0]
        except redis.RedisError:
            return None

    def write(self, id):
        return self.ask("SADD", "ids", id)

    def ids(self):
        return self.ask("SMEMBERS", "ids")
