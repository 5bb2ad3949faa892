"""Real Consul agents and clusters of them."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import uuid

from . import net, process

PROGRAM = os.environ.get("CONSUL") or shutil.which("consul") or "consul"


class Consul(process.Process):
    """One Consul agent with an address and a data folder of its own."""

    def __init__(self, folder, name, address, server=0, join=(), **config):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.address = address
        self.token = None
        self.tls = None
        self.url = f"http://{address}:8500"
        self.config = {
            # Its own, so that a node that lost its data is the same node.
            "node_id": str(uuid.uuid4()),
            "node_name": name, "datacenter": "lab", "server": bool(server),
            "data_dir": str(self.folder / "data"), "log_level": "info",
            "bind_addr": address, "advertise_addr": address,
            "client_addr": address, "disable_update_check": True,
            "ports": {"serf_wan": -1, "grpc": -1},
            "performance": {"raft_multiplier": 1},
            "retry_join": list(join), "retry_interval": "200ms",
        }
        if server:
            self.config["bootstrap_expect"] = server
        self.config.update(config)
        file = self.folder / "consul.json"
        super().__init__(name, [PROGRAM, "agent", f"-config-file={file}"],
                         self.folder / "log")
        file.write_text(json.dumps(self.config))

    def request(self, method, path, body=None, token=None, **more):
        headers = {}
        token = token or self.token
        if token:
            headers["X-Consul-Token"] = token
        with self.place:
            return net.request(method, self.url + path, body, headers,
                               tls=self.tls, **more)

    def get(self, path, **more):
        """The JSON at path; None where Consul has no good answer."""
        a = self.request("GET", path, **more)
        return a.json if a.status == 200 and a.body else None

    def put(self, path, body="", **more):
        a = self.request("PUT", path, body, **more)
        assert a.status == 200, f"PUT {path}: {a}"
        return a.json if a.body else None

    def delete(self, path, **more):
        a = self.request("DELETE", path, **more)
        assert a.status == 200, f"DELETE {path}: {a}"

    @property
    def ready(self):
        if not self.get("/v1/status/leader", timeout=2):
            return False
        checks = self.get(f"/v1/health/node/{self.name}", timeout=2) or []
        return any(c["CheckID"] == "serfHealth" and c["Status"] == "passing"
                   for c in checks)

    def wait_ready(self, seconds=40):
        try:
            net.wait_for(f"Consul {self.name} is ready", lambda: self.ready,
                         seconds, 0.1)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.text()[-3000:]}") from None
        return self

    def version(self):
        return subprocess.run([PROGRAM, "version"], text=True, check=True,
                              stdout=subprocess.PIPE).stdout.split()[1]

    # What the tests ask for.

    def catalog(self, service, **more):
        """The instances of a service: [{ServiceID, ServiceTags, …}]."""
        return self.get(f"/v1/catalog/service/{service}", **more) or []

    def tags(self, service):
        return {i["ServiceID"]: i["ServiceTags"] for i in self.catalog(service)}

    def key(self, service, **more):
        """The lock key, with its value decoded; None where it is missing."""
        found = self.get(f"/v1/kv/lock/{service}/leader?consistent", **more)
        if not found:
            return None
        key = found[0]
        key["Value"] = base64.b64decode(key["Value"] or "").decode()
        return key

    def session_of(self, service):
        return (self.key(service) or {}).get("Session")

    def sessions(self, service=None):
        found = self.get("/v1/session/list") or []
        return [s for s in found if service in (None, s["Name"])]

    def checks(self, service):
        return {c["ServiceID"]: c["Status"]
                for c in self.get(f"/v1/health/checks/{service}") or []}

    def dig(self, name, kind="A"):
        """The answers of Consul's DNS, as dig +short prints them."""
        return subprocess.run(
            ["dig", "+short", "+time=2", "+tries=1", f"@{self.address}",
             "-p", "8600", name, kind], text=True,
            stdout=subprocess.PIPE).stdout.split("\n")[:-1]


class Cluster:
    """Servers and client agents that know each other, each on an address."""

    def __init__(self, folder, net_, servers=1, clients=0, **config):
        self.folder, self.net = pathlib.Path(folder), net_
        # A server that comes back has a vote at once, not after 10 s.
        config.setdefault("autopilot", {"server_stabilization_time": "200ms"})
        addresses = [net_.address() for _ in range(servers)]
        self.servers = [
            Consul(folder, f"server-{i}", a, servers,
                   [b for b in addresses if b != a], **config)
            for i, a in enumerate(addresses, 1)]
        self.clients = [
            Consul(folder, f"node-{i}", net_.address(), 0, addresses, **config)
            for i in range(1, clients + 1)]

    @property
    def all(self):
        return self.servers + self.clients

    def start(self):
        for c in self.all:
            c.start()
        for c in self.all:
            c.wait_ready()
        return self.heal()

    def wake(self):
        """Starts and wakes whatever a test has stopped."""
        for c in self.all:
            if not c.running:
                c.start()
            c.thaw()

    def heal(self):
        """The same, and waits until it works as if nothing had been."""
        self.wake()
        for c in self.all:
            # Serf can keep a node that came back as "leaving" for good, and one
            # that has just been started can be told so by another.
            for again, seconds in ([c], 8), (self.all, 20):
                try:
                    self.wait_whole(c, seconds)
                    break
                except TimeoutError:
                    for o in again:
                        o.kill()
                        o.start()
            else:
                self.wait_whole(c, 40)
        return self

    def wait_whole(self, c, seconds):
        net.wait_for(f"Consul {c.name} sees all others",
                     lambda: self.whole(c), seconds, 0.2)

    def whole(self, c):
        """Asks c to look where it sees somebody dead: by itself it does so every
        30 s only, and the next test need not wait for that."""
        alive = {m["Addr"] for m in c.get("/v1/agent/members") or []
                 if m["Status"] == 1}
        dead = {o.address for o in self.all} - alive
        for address in dead:
            c.request("PUT", f"/v1/agent/join/{address}")
        raft = c.get("/v1/operator/raft/configuration") or {"Servers": []}
        voters = [s for s in raft["Servers"] if s["Voter"]]
        # Its services are locked while it tells a server of them, that may be
        # one on a connection that was cut.
        return c.ready and not dead and \
            c.request("GET", "/v1/agent/services", timeout=0.5).status == 200 and \
            len(voters) == len(self.servers) and \
            c.request("PUT", "/v1/kv/lab", "written", timeout=0.5).status == 200

    def leader(self):
        for c in self.all:
            if c.running:
                said = c.get("/v1/status/leader", timeout=2)
                for s in self.servers:
                    if said == f"{s.address}:8300":
                        return s
        return None

    def end(self):
        for c in self.clients + self.servers:
            if c.running:
                c.kill()	# nobody needs its data any more
