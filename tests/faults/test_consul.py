"""Consul's processes die, freeze and forget; somebody meddles with the lock."""

import signal
import time

import pytest

from lab import ROOT, net, nodes

FUSE, LOCK_DELAY = 3, 5
ROOT_TOKEN = "0b8a1f7e-52c4-4d6f-a1de-93b0d1f4c2aa"


def test_the_consul_agent_of_the_master_is_killed(lab):
    """To the others it is a host that died."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.consul.kill()
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    lab.as_promised(first, "this host dies", since)
    lab.settled(nodes=others)


def test_the_consul_agent_of_the_master_is_killed_and_restarted(lab):
    first, *_ = lab.three()
    first.consul.kill()
    since = time.monotonic_ns()
    first.consul.start().wait_ready()
    if lab.settled() is not first:
        lab.as_promised(first, "the Consul agent of this host is killed", since)


def test_the_consul_agent_of_the_master_leaves(lab):
    """Every session of its node ends at once, and the node is gone."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.consul.put("/v1/agent/leave")
    first.consul.wait()
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    lab.settled(nodes=others)


@pytest.mark.parametrize("seconds", [
    3, pytest.param(30, marks=pytest.mark.slow(30))])
def test_the_consul_agent_of_the_master_freezes(lab, seconds):
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.consul.freeze()
    if seconds > FUSE:
        assert lab.demoted(first, since, 20) < LOCK_DELAY
        lab.settled(nodes=others)
    time.sleep(max(0, seconds - (time.monotonic_ns() - since) / 1e9))
    first.consul.thaw()


def test_the_leader_of_consul_is_killed(lab):
    lab.three()
    lab.leader().kill()
    time.sleep(5)
    lab.settled()


def test_the_leader_of_consul_freezes(lab):
    lab.three()
    leader = lab.leader()
    leader.freeze()
    time.sleep(12)
    leader.thaw()
    lab.settled()


@pytest.mark.slow(65)
def test_consul_has_no_quorum_for_a_minute(lab):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    for s in lab.servers[:2]:
        s.kill()
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    assert lab.demoted(first, since, 0) <= lab.promised(
        first, "Consul has no leader")["demoted"] + nodes.SPARE
    time.sleep(60)
    assert not [n for n in lab.nodes if n.role in ("master", "promoting")]
    assert not [c for c in lab.calls("ensure_master", since=since + 5 * 10**9)]


def test_all_servers_of_consul_are_restarted(lab):
    lab.three()
    for s in lab.servers:
        s.kill()
    for s in lab.servers:
        s.start()
    lab.settled(60)


def test_the_key_is_deleted(lab):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    first.consul.delete(f"/v1/kv/lock/{lab.service}/leader")
    lab.demoted(first, since, 10)
    lab.settled()


def test_the_key_is_deleted_while_its_holder_is_cut_off(lab):
    """There is no lock-delay then: the others' own grace must be enough."""
    first, second, _ = lab.three()
    since = time.monotonic_ns()
    first.place.cut()
    time.sleep(0.3)
    second.consul.delete(f"/v1/kv/lock/{lab.service}/leader")
    lab.demoted(first, since, 20)
    lab.settled(nodes=[n for n in lab.nodes if n is not first])


def test_the_lock_is_released_by_somebody_else(lab):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    session = first.consul.session_of(lab.service)
    first.consul.put(f"/v1/kv/lock/{lab.service}/leader?release={session}")
    lab.demoted(first, since, 10)
    lab.settled()


def test_the_lock_is_released_by_somebody_else_while_its_holder_is_cut_off(lab):
    first, second, _ = lab.three()
    since = time.monotonic_ns()
    session = first.consul.session_of(lab.service)
    first.place.cut()
    time.sleep(0.3)
    second.consul.put(f"/v1/kv/lock/{lab.service}/leader?release={session}")
    lab.demoted(first, since, 20)
    lab.settled(nodes=[n for n in lab.nodes if n is not first])


def test_the_key_is_overwritten(lab):
    first, *_ = lab.three()
    for garbage in ("", "{", "\0\1", '{"released":true}', "released"):
        first.consul.put(f"/v1/kv/lock/{lab.service}/leader", garbage)
        time.sleep(0.7)
    lab.settled()


def test_the_session_is_destroyed_by_somebody_else(lab):
    first, *_ = lab.three()
    since = time.monotonic_ns()
    session = first.consul.session_of(lab.service)
    first.consul.put(f"/v1/session/destroy/{session}")
    lab.demoted(first, since, 10)
    master = lab.settled()
    assert master.consul.session_of(lab.service) not in (None, session)


def test_the_session_is_destroyed_while_its_holder_is_cut_off(lab):
    first, second, _ = lab.three()
    since = time.monotonic_ns()
    session = first.consul.session_of(lab.service)
    first.place.cut()
    second.consul.put(f"/v1/session/destroy/{session}")
    lab.demoted(first, since, 20)
    lab.settled(nodes=[n for n in lab.nodes if n is not first])


def policy(c, service):
    rules = (ROOT / "conf" / "acl-policy.hcl").read_text()
    return rules.replace("<service>", service).replace("<node>", c.name)


def token(c):
    return c.put("/v1/acl/token", {"Policies": [{"Name": c.name}]})


def lab_with_tokens(acl, lab_on):
    """A lab whose agents have a token each; and these tokens."""
    lab, tokens = lab_on(acl), {}
    for n in lab.nodes:
        n.consul.put("/v1/acl/policy", {
            "Name": n.consul.name, "Rules": policy(n.consul, lab.service)})
        tokens[n] = token(n.consul)
        file = lab.folder / f"token-{n.name}"
        file.write_text(tokens[n]["SecretID"])
        file.chmod(0o600)
        n.agent.write(consul={"token_file": file})
    return lab, tokens


def replace_token(node):
    """In its file; the agent reads that at its start, and at SIGHUP."""
    node.agent.sections["consul"]["token_file"].write_text(
        token(node.consul)["SecretID"])


def read_again(node, restart):
    if restart:
        node.agent.kill()
        node.agent.start()
    else:
        node.agent.hup()


def registered(slave):
    net.wait_for("Consul has its tag", lambda: "slave" in str(
        slave.consul.get("/v1/agent/services")))


@pytest.fixture
def acl(tmp_path, sites):
    """A site that denies everything by default."""
    site = nodes.Site(tmp_path / "acl", servers=1, clients=3, acl={
        "enabled": True, "default_policy": "deny",
        "tokens": {"master": ROOT_TOKEN, "agent": ROOT_TOKEN}})
    for c in site.cluster.all:
        c.token = ROOT_TOKEN
    try:
        yield site.start()
    finally:
        site.end()


@pytest.mark.parametrize("restart", (False, True), ids=("hup", "restart"))
def test_the_token_of_the_master_is_revoked(acl, lab_on, restart):
    """With the new one it leaves nothing in Consul, as the lab sees to."""
    lab, tokens = lab_with_tokens(acl, lab_on)
    first, *others = lab.three()
    since = time.monotonic_ns()
    lab.say(f"the token of {first.name} is revoked")
    first.consul.delete(f"/v1/acl/token/{tokens[first]['AccessorID']}")
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    lab.settled(nodes=others)
    replace_token(first)
    read_again(first, restart)


@pytest.mark.parametrize("restart", (False, True), ids=("hup", "restart"))
def test_the_token_of_a_slave_is_replaced(acl, lab_on, restart):
    """Consul writes what a check says with the token that registered it: with
    the old one nobody would learn that the copy is dead."""
    lab, tokens = lab_with_tokens(acl, lab_on)
    _, slave, _ = lab.three()
    registered(slave)
    replace_token(slave)
    read_again(slave, restart)
    lab.settled()
    lab.say(f"the old token of {slave.name} is deleted")
    slave.consul.delete(f"/v1/acl/token/{tokens[slave]['AccessorID']}")
    slave.app.freeze()
    net.wait_for("Consul says that the copy is dead", lambda: [
        c["Status"] for c in lab.servers[0].get(
            f"/v1/health/checks/{lab.service}")
        if c["Node"] == slave.consul.name] == ["critical"], 15, 0.1)
    slave.app.thaw()
    lab.settled()


def test_a_slave_stops_just_after_its_token_is_replaced(acl, lab_on):
    """What it leaves in Consul, the lab sees."""
    lab, tokens = lab_with_tokens(acl, lab_on)
    _, slave, _ = lab.three()
    registered(slave)
    replace_token(slave)
    slave.consul.delete(f"/v1/acl/token/{tokens[slave]['AccessorID']}")
    slave.consul.freeze()
    slave.agent.hup()
    slave.agent.wait_log("Running with the new")
    slave.agent.signal(signal.SIGTERM)
    slave.consul.thaw()
    slave.agent.wait()
    lab.settled(nodes=[n for n in lab.nodes if n is not slave])
