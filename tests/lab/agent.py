"""Our agent, with everything it writes in a folder of the test."""

import os
import pathlib
import shutil
import signal

from . import PROGRAM, checker, net, plugin, process

# Everything short, so that a test of a failover takes seconds.  The lock-delay
# is the shortest that fuse and demote_deadline allow.
FAST = {
    "plugin": {"health_interval": "500ms", "role_interval": "1s",
               "demote_deadline": "1s"},
    "consul": {"request_timeout": "1s"},
    "lock": {"fuse": "3s", "verify_interval": "500ms", "lock_delay": "5s"},
    "api": {"check_interval": "1s"},
}


def ini(sections):
    text = ""
    for name, keys in sections.items():
        text += f"[{name}]\n"
        for key, value in keys.items():
            if value is not None:
                text += f"{key} = {value}\n"
        text += "\n"
    return text


class Agent(process.Process):
    """An agent beside one copy of an application.

    sections lays over timing; a value of None takes a key away.  The copy is
    healthy while its flag file exists.  user is who it runs as.
    """

    def __init__(self, folder, consul, service, listen, name=None,
                 plugin_name="recorder", record=None, port=3306, env=None,
                 sections=None, timing=FAST, user=None):
        self.consul, self.service = consul, service
        name = name or consul.name
        self.folder = pathlib.Path(folder) / f"{name}.agent"
        self.folder.mkdir(parents=True)
        self.flag = self.folder / "in_service"
        self.flag.touch()
        self.disable_file = self.folder / "disable"
        self.record = record
        self.file = self.folder / "agent.ini"
        self.listen, self.url = listen, f"http://{listen}"
        self.sections = {
            "service": {"name": service, "port": port},
            "plugin": {"path": plugin(plugin_name)},
            "options": {"flag": self.flag},
            "consul": {"address": consul.url},
            "lock": {}, "api": {"listen": listen},
            "agent": {"run_dir": self.folder / "run",
                      "state_dir": self.folder / "state",
                      "disable_file": self.disable_file},
            "log": {},
        }
        if plugin_name in ("recorder", "stub"):
            self.sections["options"].update(
                log=record, node=name, script=self.folder / "script")
        for more in (timing, sections or {}):
            for section, keys in more.items():
                self.sections.setdefault(section, {}).update(keys)
        self.user = user
        self.write()
        super().__init__(name, [PROGRAM, "agent", "-c", self.file],
                         self.folder / "log", env, self.folder)

    def start(self, **popen):
        return super().start(**process.identity(self.user), **popen)

    def write(self, **sections):
        """Writes the config again, with these sections laid over it."""
        for section, keys in sections.items():
            self.sections.setdefault(section, {}).update(keys)
        (self.folder / "run").mkdir(exist_ok=True)
        self.file.write_text(ini(self.sections))
        if self.user:
            for path in (self.folder, self.folder / "run", self.file):
                shutil.chown(path, self.user)

    def script(self, **ops):
        """Tells the plugin what its calls shall do from now on:
        script(health="hang"); see tests/plugins/script.h."""
        new = self.folder / "script.new"
        new.write_text("".join(f"{op}={words}\n" for op, words in ops.items()))
        os.rename(new, self.folder / "script")

    def hup(self):
        self.signal(signal.SIGHUP)

    def crash(self):
        """Agent and guard at the same moment: the copy stays what it is."""
        guard = self.status["guard"]["pid"]
        os.kill(guard, signal.SIGSTOP)
        self.kill()
        os.kill(guard, signal.SIGKILL)
        net.wait_for("the guard has ended",
                     lambda: process.stat(guard) in (None, "Z"))

    def sicken(self):
        self.flag.unlink()

    def cure(self):
        self.flag.touch()

    def ask(self, path, method="GET", timeout=5):
        with self.place:
            return net.request(method, self.url + path, timeout=timeout)

    @property
    def status(self):
        a = self.ask("/status")
        return a.json if a.status == 200 else {}

    @property
    def role(self):
        return self.status.get("role") if self.running else None

    def wait_role(self, *roles, seconds=30):
        def there():
            if not self.running:
                raise AssertionError(f"{self.name} has ended:\n{self.text()}")
            return self.role in roles
        try:
            net.wait_for(f"{self.name} is {' or '.join(roles)}", there, seconds)
        except TimeoutError as e:
            raise TimeoutError(f"{e}; it is {self.role}\n{self.text()}") from None
        return self

    def handlers(self):
        """The pids of its plugin handlers: {"health": pid, "role": pid}."""
        found = {}
        for pid, line in process.children(self.pid):
            for name in ("health", "role"):
                if name in line.split():
                    found[name] = pid
        return found


def wait_master(agents, seconds=30):
    """The one agent that is master, when all others are slaves of it."""
    def settled():
        running = [a for a in agents if a.running]
        roles = [a.role for a in running]
        return roles.count("master") == 1 and \
            all(r in ("master", "slave", "unhealthy", "disabled") for r in roles) \
            and running[roles.index("master")]
    try:
        return net.wait_for("there is one master", settled, seconds)
    except TimeoutError as e:
        logs = "\n".join(f"{a.name} is {a.role}\n{a.text()}" for a in agents)
        raise TimeoutError(f"{e}\n{logs}") from None


def problems(agents, deaths=()):
    """What the checker finds in the records of these agents, by service."""
    found = []
    for record in {a.record for a in agents if a.record}:
        found += checker.problems(checker.read(record) + list(deaths))
    return found
