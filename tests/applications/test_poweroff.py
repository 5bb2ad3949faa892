"""A host that is shut down, on a real systemd: with the drop-in that the worked
config names the agent is stopped first, and hands the master over."""

import base64
import contextlib
import json
import re
import shutil
import time

import pytest

import redis_
from lab import PROGRAM, ROOT, agent, consul, machine, net, netns, nodes, plugin

SERVICE, PORT = "redis", 6379
UNIT = "consul-failover@redis.service"
# Longer than a shutdown takes: who has the lock before that was handed it.
TIMING = {**agent.FAST, "lock": {**agent.FAST["lock"], "lock_delay": "40s"}}


@pytest.fixture
def site(tmp_path):
    """A Consul server and a client, and a place for one more host."""
    try:
        s = nodes.Site(tmp_path / "site", servers=1, clients=1)
    except netns.NotAllowed as e:
        pytest.skip(str(e))
    try:
        yield s.start()
    finally:
        s.end()


@pytest.fixture
def host(site, tmp_path):
    folder = tmp_path / "host"
    folder.mkdir()
    try:
        m = machine.Machine(folder, site.hub.place()).start()
    except machine.NotAllowed as e:
        pytest.skip(str(e))
    with contextlib.closing(m):
        yield m


def drop_in(config):
    """What the worked config tells to add to the agent's unit."""
    found = re.search(r"^#\t\[Unit\]\n(?:#\t.*\n)+", config.read_text(), re.M)
    return found[0].replace("#\t", "")


def install(host, site):
    """Consul, the server and the agent, by their units."""
    address, other = host.place.address, site.cluster.clients[0]
    host.write("/etc/consul.d/consul.json", json.dumps({
        **other.config, "node_id": "", "node_name": "host", "bind_addr": address,
        "advertise_addr": address, "client_addr": address,
        "data_dir": "/var/lib/consul"}))
    host.write("/run/systemd/system/consul.service", f"""[Service]
Type=notify
ExecStart={shutil.which(consul.PROGRAM)} agent -config-file=/etc/consul.d/consul.json
""")
    host.write("/etc/redis/redis.conf", f"""bind {address}
bind-source-addr {address}
port {PORT}
dir /var/lib/redis
pidfile /run/redis/redis-server.pid
requirepass "{redis_.PASSWORD}"
masterauth "{redis_.PASSWORD}"
replicaof 127.0.0.1 0
appendonly yes
repl-diskless-sync-delay 0
""")
    host.write("/etc/consul-failover/redis.password", redis_.PASSWORD)
    host.run("chmod 600 /etc/consul-failover/redis.password")
    host.write("/etc/consul-failover/redis.ini", agent.ini({
        **TIMING, "service": {"name": SERVICE, "port": PORT},
        "plugin": {**TIMING["plugin"], "path": plugin("redis")},
        "options": {"host": address, "pid_file": "/run/redis/redis-server.pid",
                    "password_file": "/etc/consul-failover/redis.password"},
        "consul": {**TIMING["consul"], "address": f"http://{address}:8500"},
        "api": {**TIMING["api"], "listen": f"{address}:8000"}}))
    unit = ROOT / "conf/consul-failover@.service.in"
    host.write("/run/systemd/system/consul-failover@.service",
               unit.read_text().replace("@SBINDIR@", str(PROGRAM.parent)))
    host.write(f"/run/systemd/system/{UNIT}.d/order.conf",
               drop_in(ROOT / "conf/redis.ini"))
    # What only the host knows in the end.
    server = site.cluster.servers[0].url
    host.write(f"/run/systemd/system/{UNIT}.d/tell.conf", "[Service]\n"
               "ExecStopPost=/bin/sh -c 'curl -s -X PUT -d $$(systemctl is-active "
               f"redis-server) {server}/v1/kv/server'\n")
    host.run("systemctl daemon-reload")
    host.run(f"systemctl start consul redis-server {UNIT}")


def test_a_host_that_is_powered_off_hands_the_master_over(host, site, tmp_path):
    install(host, site)
    other, client = site.cluster.clients[0], site.cluster.servers[0]
    net.wait_for("the host's copy is master", lambda: [
        e for e in client.catalog(SERVICE) if e["ServiceTags"][:1] == ["master"]], 60)
    copy = redis_.Copy(tmp_path / "copy", "other", other.address, PORT, None)
    copy.prepare()
    copy.process.place = other.place
    second = agent.Agent(tmp_path, other, SERVICE, f"{other.address}:8000",
                         plugin_name="redis", port=PORT, timing=TIMING,
                         sections={"options": {"flag": None, **copy.options}})
    second.place = other.place
    master = redis_.Copy(tmp_path / "master", "host", host.place.address, PORT, None)
    with other.place, contextlib.ExitStack() as ends:
        copy.start()
        ends.callback(copy.kill)
        second.start()
        ends.callback(second.end)
        second.wait_role("slave")
        net.wait_for("it is linked", copy.linked)
        with contextlib.closing(master.client(5)) as writes:
            for id_ in range(1000):
                writes.write(id_)
        began = time.monotonic()
        host.call("systemctl poweroff")
        second.wait_role("master", seconds=60)
        took = time.monotonic() - began
        assert took < 30, f"handed over after {took:.1f} s"
        host.wait_off()
        was, = client.get("/v1/kv/server")
        assert base64.b64decode(was["Value"]) == b"active", \
            "the server was stopped before its agent had ended"
        assert set(map(int, copy.ids())) == set(range(1000))
