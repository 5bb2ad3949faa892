"""Consul's DNS judges by all checks of a node and a service: whom it does not
hand out is no good master while it hands out another copy."""

import base64
import json

import pytest

from lab import net


@pytest.fixture
def checks(cluster):
    """Makes a check of a client's node critical, until the test ends."""
    failing = set()

    def fail(client):
        client.put("/v1/agent/check/register", {
            "Name": "disk space", "ID": "disk", "TTL": "1h", "Status": "critical"})
        failing.add(client)

    def mend(client):
        client.put("/v1/agent/check/deregister/disk")
        failing.discard(client)
    fail.mend = mend
    yield fail
    for client in list(failing):
        mend(client)


@pytest.fixture
def maintenance(cluster):
    clients = set()

    def maintain(client, on=True, service=None):
        clients.add(client)
        client.put(f"/v1/agent/{f'service/maintenance/{service}' if service else 'maintenance'}"
                   f"?enable={str(on).lower()}&reason=disks")
    yield maintain
    for client in clients:
        client.put("/v1/agent/maintenance?enable=false")


def candidates(consul_, service):
    return [json.loads(base64.b64decode(r["Value"])) for r in
            consul_.get(f"/v1/kv/lock/{service}/candidates/?recurse") or []]


@pytest.mark.fast
@pytest.mark.sanitized
def test_a_master_in_maintenance_hands_over_and_says_why(lab, cluster, maintenance):
    one, two, three = lab.three(cluster)
    maintenance(one.consul)
    net.wait_for("another one is master", lambda: "master" in (two.role, three.role), 10)
    line = one.lines("warning: Consul does not hand out this copy")[0]
    assert "_node_maintenance" in line and "the master should be" in line
    net.wait_for("its status says so", lambda: "_node_maintenance" in str(one.status), 15)
    assert one.lines("master -> demoting: Consul does not hand out this copy, but another")
    maintenance(one.consul, False)
    one.wait_log("Consul hands out this copy again")
    net.wait_for("its status is clean", lambda: "_node_maintenance" not in
                 str(one.status.get("notice")), 15)


def test_a_slave_in_maintenance_wins_no_hand_over(lab, cluster, maintenance):
    one, two, three = lab.three(cluster)        # of equals the greatest name is first
    maintenance(three.consul, service=lab.service)
    three.wait_log("Consul does not hand out this copy")
    net.wait_for("it yields", lambda: any(
        r["priority"] == 0 for r in candidates(one.consul, lab.service)))
    one.sicken()
    two.wait_role("master")
    assert not lab.calls("ensure_master", three.name)
    maintenance(three.consul, False, lab.service)


def test_any_check_of_the_masters_node_counts(lab, cluster, checks):
    one, two, three = lab.three(cluster)
    checks(one.consul)
    net.wait_for("another one is master", lambda: "master" in (two.role, three.role), 10)
    assert '"disk space" (disk)' in one.lines("does not hand out")[0]


def test_a_master_stays_where_no_other_copy_is_handed_out(lab, cluster, checks):
    one, two, three = lab.three(cluster)
    for a in two, three:
        checks(a.consul)
        a.wait_log("does not hand out this copy")
    checks(one.consul)
    one.wait_log("it stays the master, because no other copy is handed out")
    assert one.role == "master"
    checks.mend(two.consul)
    two.wait_role("master")


@pytest.mark.parametrize("heeds", ["maintenance", "none"])
def test_a_check_that_is_not_heeded_moves_no_master(lab, cluster, checks, maintenance, heeds):
    one, *_ = lab.three(cluster, sections={"service": {"heed_checks": heeds}})
    checks(one.consul)
    if heeds == "none":
        maintenance(one.consul)
    net.wait_for("DNS does not name it", lambda: not cluster.servers[0].get(
        f"/v1/health/service/{lab.service}?passing&tag=master"))
    line = len(lab.calls("ensure_master"))
    net.wait_for("it goes on", lambda: len(lab.calls("ensure_master")) > line + 1)
    assert one.role == "master" and not one.lines("does not hand out")
