"""PostgreSQL as Debian runs it: its own unit, on a real systemd."""

import contextlib
import json
import os
import re
import shutil
import time

import pytest

import postgresql
from lab import PROGRAM, agent, consul, machine, net, plugin

# More of it by hand: ADOPTIONS=20.
ADOPTIONS = int(os.environ.get("ADOPTIONS", "2"))
VERSION = postgresql.BIN.parent.name
UNIT = f"postgresql@{VERSION}-main.service"
DATA = f"/var/lib/postgresql/{VERSION}/main"
CONFIG = f"/etc/postgresql/{VERSION}/main/postgresql.conf"
AGENT = "consul-failover@postgresql.service"
INI = "/etc/consul-failover/postgresql.ini"

# As the manual has it.
RULE = """
polkit.addRule(function(action, subject) {
    if (action.id == "org.freedesktop.systemd1.manage-units" &&
        action.lookup("unit") == "%s" && subject.user == "postgres")
        return polkit.Result.YES;
});
""" % UNIT
COMMANDS = {f"{verb}_command": f"systemctl {verb} {UNIT}"
            for verb in ("start", "stop")}


# One worker plays all, as they share a machine.
pytestmark = pytest.mark.xdist_group("units")


@pytest.fixture(scope="module")
def machine_(tmp_path_factory):
    try:
        m = machine.Machine(tmp_path_factory.mktemp("machine")).start()
    except machine.NotAllowed as e:
        pytest.skip(str(e))
    with contextlib.closing(m):
        if m.call(f"test -f {CONFIG}")[0]:
            m.run(f"pg_createcluster {VERSION} main")
        m.write("/etc/polkit-1/rules.d/50-consul-failover.rules", RULE)
        unit = (machine.ROOT / "conf" / "consul-failover@.service.in")
        m.write(f"/run/systemd/system/{AGENT.replace('postgresql', '')}",
                unit.read_text().replace("@SBINDIR@", str(PROGRAM.parent)))
        m.write(f"/run/systemd/system/{AGENT}.d/user.conf",
                "[Service]\nUser=postgres\n")
        m.run("systemctl daemon-reload")
        m.run("systemd-run --quiet --unit consul "
              f"{shutil.which(consul.PROGRAM)} agent -dev -node one")
        net.wait_for("Consul has a leader", lambda: m.call(
            "curl -sf 127.0.0.1:8500/v1/status/leader | grep :")[0] == 0)
        yield m


class Host:
    def __init__(self, m):
        self.machine, self.run, self.call = m, m.run, m.call

    def write(self, **options):
        """The agent's config."""
        port = self.run(f"pg_conftool -s {VERSION} main show port")
        text = agent.ini({
            **agent.FAST,
            "service": {"name": "postgresql", "port": port},
            "plugin": {**agent.FAST["plugin"], "path": plugin("postgresql")},
            "api": {**agent.FAST["api"], "listen": "127.0.0.1:8008"},
            "options": {"data_directory": DATA, "config_file": CONFIG,
                        "connection": "host=/var/run/postgresql", **options}})
        self.machine.write(INI, text)

    def begin(self):
        """A primary that its unit has started, as it was before there was an
        agent."""
        self.call(f"systemctl stop {AGENT}")
        self.run(f"flock -w 60 {DATA} true")    # the plugin's job has ended
        self.call("systemctl reset-failed")
        self.run(f"su postgres -s /bin/sh -c '{postgresql.BIN}/pg_ctl stop "
                 f"-D {DATA} -m fast -s' || true")
        self.run(f"systemctl stop {UNIT}")
        self.run(f"rm -rf {DATA}.log {DATA}/standby.signal "
                 f"{DATA}/consul-failover.master")
        self.run("curl -sf -X DELETE "
                 "127.0.0.1:8500/v1/kv/lock/postgresql?recurse")
        self.run(f"systemctl start {UNIT}")
        net.wait_for("it is a primary", lambda: self.role() == "f")
        return self.postmaster()

    def postmaster(self):
        return self.run(f"head -1 {DATA}/postmaster.pid")

    def role(self):
        """Is it in recovery?  t or f; None where it does not answer."""
        status, said = self.call("psql -Atc 'SELECT pg_is_in_recovery()'",
                                 user="postgres")
        return said if status == 0 else None

    def status(self):
        status, said = self.call("curl -s 127.0.0.1:8008/status")
        return json.loads(said) if status == 0 else {}

    def journal(self):
        return self.run(f"journalctl -u {AGENT} -o cat")

    def belongs(self):
        """Is it the unit's, as systemd and the kernel see it?"""
        pid = self.postmaster()
        return self.machine.property(UNIT, "ActiveState") == "active" and \
            self.machine.property(UNIT, "MainPID") == pid and \
            f"/{UNIT}" in self.run(f"cat /proc/{pid}/cgroup")

    def stays(self, role):
        """What systemd does to it, it does at once."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert self.role() == role, self.journal()


@pytest.fixture
def host(machine_):
    h = Host(machine_)
    yield h
    h.call(f"systemctl stop {AGENT}")


def test_the_first_primary_of_all_is_taken_over_as_it_is(host):
    host.write(**COMMANDS)
    for _ in range(ADOPTIONS):
        before = host.begin()
        since = host.machine.property(UNIT, "ActiveEnterTimestampMonotonic")
        host.run("psql -qc 'CREATE TABLE IF NOT EXISTS written (x int)'; "
                 "rm -f /tmp/broken; (while psql -qc 'INSERT INTO written "
                 "VALUES (1)'; do sleep 0.01; done >/tmp/writes 2>&1; "
                 "touch /tmp/broken) >/dev/null 2>&1 &", user="postgres")
        host.run(f"systemctl start {AGENT}")
        net.wait_for("it is master", lambda: host.status().get("role") ==
                     "master", 60)
        host.stays("f")
        assert host.call("test -e /tmp/broken")[0] != 0, host.run("cat /tmp/writes")
        assert host.postmaster() == before and host.belongs()
        assert since == host.machine.property(
            UNIT, "ActiveEnterTimestampMonotonic")


def test_a_primary_that_may_be_an_old_master_is_demoted_by_its_unit_s_commands(
        host):
    host.write(**COMMANDS)
    for _ in range(ADOPTIONS):
        before = host.begin()
        score = host.run(f"cat /proc/{before}/oom_score_adj")
        host.run("curl -sf -X PUT -d '{}' "
                 "127.0.0.1:8500/v1/kv/lock/postgresql/leader")
        host.run(f"systemctl start {AGENT}")
        net.wait_for("it is master", lambda: host.status().get("role") ==
                     "master", 60)
        host.stays("f")
        assert host.postmaster() != before
        net.wait_for("its unit knows that it has it", host.belongs)
        assert score == host.run(f"cat /proc/{host.postmaster()}/oom_score_adj")


def test_without_commands_it_is_left_alone_with_the_line_to_write(host):
    host.write()
    before = host.begin()
    host.run(f"systemctl start {AGENT}")
    line = f"write \"start_command = systemctl start {UNIT}\""
    net.wait_for("it is told", lambda: [
        l for l in host.journal().splitlines()
        if "is left alone" in l and line in l], 30)
    host.stays("f")
    assert host.postmaster() == before and host.belongs()


def test_an_old_master_of_a_unit_is_demoted_and_stays_up(host):
    """Whatever is configured: systemd would stop its next server."""
    host.write()
    for i in range(ADOPTIONS):
        before = host.begin()
        file = (f"{DATA}.log", f"{DATA}/consul-failover.master")[i % 2]
        host.run(f"touch {file}", user="postgres")
        said = host.run(f"{PROGRAM} plugin call -c {INI} ensure_demoted",
                        user="postgres")
        assert "starts again as a standby" in said
        net.wait_for("it is a standby", lambda: host.role() == "t")
        host.stays("t")
        assert host.postmaster() != before


def test_a_reload_with_a_bad_file_fails_and_changes_nothing(host):
    host.write(**COMMANDS)
    host.begin()
    host.run(f"systemctl start {AGENT}")
    net.wait_for("it is master", lambda: host.status().get("role") == "master", 60)
    epoch = host.status()["epoch"]
    host.run(f"systemctl reload {AGENT}")
    net.wait_for("it has read it", lambda: "Running with the new" in host.journal())
    good = host.run(f"cat {INI}")
    host.machine.write(INI, good + "\n[nonsense]\nkey = value\n")
    status, said = host.call(f"systemctl reload {AGENT}")
    assert status != 0 and "failed" in said, said
    net.wait_for("the line is named", lambda: re.search(
        rf"{INI}:\d+: .*nonsense", host.journal()), 10)
    assert host.status()["role"] == "master" and host.status()["epoch"] == epoch
    assert host.machine.property(AGENT, "ActiveState") == "active"
