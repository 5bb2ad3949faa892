"""The show of conf/quickstart: a cluster, two failovers, and time to play."""

import os
import shutil
import signal
import sys
import tempfile
import time

from . import PROGRAM, agent, consul, net, process

SERVICE = "example"


LOOK = 3        # seconds to look at a table before something new happens


class Show:
    """Prints what happens: a live table on a terminal, lines elsewhere."""

    def __init__(self, folder, consul_, agents):
        self.folder, self.consul, self.agents = folder, consul_, agents
        self.live = sys.stdout.isatty()
        self.started = time.monotonic()
        self.drawn = 0
        self.last = {}

    def rows(self):
        tags = {i["Node"]: ",".join(i["ServiceTags"]) or "-"
                for i in self.consul.catalog(SERVICE, timeout=2)}
        rows = [("NODE", "IN CONSUL", "ROLE", "EPOCH", "THE APPLICATION SAYS")]
        for a in self.agents:
            s = a.status        # of one that was started by hand, too
            health = s.get("health")
            text = health.get("text", "") if isinstance(health, dict) else ""
            rows.append((a.consul.name, tags.get(a.consul.name, "-"),
                         s.get("role") or "(agent stopped)",
                         str(s.get("epoch") or "-"),
                         text.replace(f"{self.folder}/", "")))
        return rows

    def short(self, path):
        return path.relative_to(self.folder)

    def say(self, text=""):
        """A line that stays, above the table."""
        self.wipe()
        print(text, flush=True)
        self.draw()

    def wipe(self):
        if self.drawn:
            print(f"\033[{self.drawn}A\033[J", end="")
            self.drawn = 0

    def draw(self):
        if not self.live:
            return
        rows = self.rows()
        widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
        columns = shutil.get_terminal_size().columns - 1
        self.wipe()
        print()
        for r in rows:
            line = "  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip()
            print(line[:columns])
        sys.stdout.flush()
        self.drawn = len(rows) + 1

    def tick(self):
        """Shows what is new."""
        if self.live:
            return self.draw()
        for node, tag, role, _, text in self.rows()[1:]:
            if self.last.get(node) != (tag, role):
                self.last[node] = (tag, role)
                print(f"{time.monotonic() - self.started:6.1f} s  {node}: "
                      f"{role}, in Consul: {tag}" + (f" ({text})" if text else ""),
                      flush=True)

    def look(self):
        end = time.monotonic() + LOOK
        while self.live and time.monotonic() < end:
            self.tick()
            time.sleep(0.2)

    def wait(self, what, condition, seconds):
        """Waits for something to happen, at a fine step, and goes on showing.
        Gives what condition gave, and the time it came true."""
        begin = shown = time.monotonic()
        while True:
            value = condition()
            now = time.monotonic()
            if value:
                self.tick()
                return value, now
            if now - begin > seconds:
                raise Failed(f"{what} did not happen within {seconds} s")
            for a in self.agents:
                if not a.running and a.popen.returncode != 0:
                    raise Failed(f"the agent of {a.name} has ended:\n{a.text()}")
            if now - shown > 0.25:
                self.tick()
                shown = time.monotonic()
            time.sleep(0.002)


class Failed(Exception):
    pass


def master_in_catalogue(consul_, agents):
    """The agent whose node, and no other, Consul names as the master."""
    found = consul_.get(
        f"/v1/health/service/{SERVICE}?passing&tag=master", timeout=2) or []
    nodes = [f["Node"]["Node"] for f in found]
    return next((a for a in agents if nodes == [a.consul.name]), None)


def run(folder, once):
    """The whole show."""
    cluster = consul.Cluster(folder, net.Net(), servers=1, clients=3)
    agents = []
    server = cluster.servers[0]
    show = Show(folder, server, agents)
    try:
        show.say(f"-- starting Consul: server {server.address}, agents "
                 + ", ".join(c.address for c in cluster.clients))
        cluster.start()
        show.say("-- starting three copies of the example application, each "
                 "with an agent")
        for c in cluster.clients:
            a = agent.Agent(folder, c, SERVICE, f"{c.address}:8000",
                            plugin_name="example", timing={})
            agents.append(a)
            a.start()
            show.wait(f"the API of {a.name}", lambda: a.status, 15)
        first = the_master(show, server, agents)
        show.say(f"-- {first.name} is the master")
        show.look()
        agent_stops(show, server, agents, first)
        show.look()
        application_fails(show, server, agents)
        if once:
            show.say("-- all of it happened; ending what was started")
            return
        what_to_try(show, server, agents)
        while True:
            show.tick()
            time.sleep(0.5)
    finally:
        show.wipe()
        for a in agents:
            if a.running:
                a.signal(signal.SIGTERM)
        for a in agents:
            a.end()
        cluster.end()
        process.leftovers()


def the_master(show, server, agents, not_=None):
    """Waits until there is a master and the others follow it."""
    def settled():
        m = master_in_catalogue(server, agents)
        if m and m is not not_ and m.ask("/master").status == 200 and \
           all(a is m or a.ask("/slave").status == 200 for a in agents if a.running):
            return m
    return show.wait("a master with slaves", settled, 60)[0]


def agent_stops(show, server, agents, old):
    show.say(f"-- failover 1, controlled: stopping the agent of {old.name}")
    begin = time.monotonic()
    old.signal(signal.SIGTERM)
    new, end = show.wait(
        "failover 1", lambda: other(master_in_catalogue(server, agents), old), 60)
    show.say(f"-- failover 1: {new.name} is the master, "
             f"{(end - begin) * 1000:.0f} ms after the agent of {old.name} was told "
             "to stop")
    show.look()
    if old.wait() != 0:
        raise Failed(f"the agent of {old.name} did not end well:\n{old.text()}")
    old.start()
    the_master(show, server, agents)
    show.say(f"-- {old.name} has its agent again, and is a slave")


def application_fails(show, server, agents):
    old = the_master(show, server, agents)
    show.say(f"-- failover 2: the application of {old.name} fails "
             f"(rm {show.short(old.flag)})")
    begin = time.monotonic()
    old.sicken()
    new, end = show.wait(
        "failover 2", lambda: other(master_in_catalogue(server, agents), old), 60)
    show.say(f"-- failover 2: {new.name} is the master, "
             f"{(end - begin) * 1000:.0f} ms after the application of {old.name} "
             "failed")
    show.look()
    old.cure()
    the_master(show, server, agents)
    show.say(f"-- the application of {old.name} is back, as a slave")


def other(found, old):
    return found if found is not old else None


def what_to_try(show, server, agents):
    one = the_master(show, server, agents)
    short = show.short
    show.say(f"""
Now try it by hand, in another terminal:

  PATH={PROGRAM.parent}:$PATH
  cd {show.folder}

  is this copy healthy?     curl {one.url}/health
  what does it know?        curl {one.url}/status
  who is what?              consul-failover status -c {short(one.file)}
  ask Consul's catalogue    curl {server.url}/v1/catalog/service/{SERVICE}
  ask Consul's DNS          dig +short @{server.address} -p 8600 \\
                                master.{SERVICE}.service.consul

and break the master, {one.name}, to see another one take over:

  the application fails     rm {short(one.flag)}
  and is back               touch {short(one.flag)}
  take it out for a while   touch {short(one.disable_file)}
  and put it back           rm {short(one.disable_file)}
  its log                   tail -f {short(one.log)}
  the agent crashes         kill -9 {one.pid}
                            a new master after about 20 s; the dead one keeps its tag,
                            but DNS leaves it out once its check has failed
  and is started again      consul-failover agent -c {short(one.file)}
                            stop it with Ctrl-C
  Consul's agent dies       kill -9 {one.consul.pid}

Ctrl-C ends it all.""")


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ended(number, frame):
    """The first signal ends the show; the tidying is not interrupted."""
    for n in SIGNALS:
        signal.signal(n, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    once = "--once" in sys.argv[1:]
    for n in SIGNALS:
        signal.signal(n, ended)
    process.adopt_orphans()
    folder = tempfile.mkdtemp(prefix="consul-failover-")
    try:
        run(folder, once)
    except KeyboardInterrupt:
        print()
        return 130 if once else 0
    except (Failed, TimeoutError, AssertionError, OSError) as e:
        print(f"-- FAILED: {e}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
