"""Consul dies, forgets, or answers nonsense; somebody else meddles with it."""

import shutil
import time

import pytest

from lab import net, proxy
from lab.agent import wait_master


@pytest.mark.parametrize("seconds", [
    3, pytest.param(30, marks=pytest.mark.slow(30))])
def test_consul_agent_of_the_master_killed_and_back(lab, cluster, seconds):
    first, *others = lab.three(cluster)
    first.consul.kill()
    down = time.monotonic()
    time.sleep(seconds)
    first.consul.start().wait_ready()
    # Whoever it is: one master, and all three are in the service again.
    wait_master(lab.agents, 60)
    net.wait_for("all three are in the catalogue", lambda: sorted(
        t for i in cluster.servers[0].catalog(lab.service)
        for t in i["ServiceTags"]) == ["master", "slave", "slave"], 60)
    if seconds > 10:    # fuse 3 s, so it stepped down, and another one took over
        ends = [m for m in lab.masterships() if m.node == first.name]
        assert ends[0].end / 1e9 - down < 3 + 1 + 1
        assert len(lab.masterships()) >= 2


def test_consul_agent_of_a_slave_killed_and_back(lab, cluster):
    first, second, third = lab.three(cluster)
    second.consul.kill()
    time.sleep(3)
    second.consul.start().wait_ready()
    second.wait_role("slave", seconds=60)
    net.wait_for("it is in the catalogue again", lambda: any(
        i["Node"] == second.consul.name and i["ServiceTags"] == ["slave"]
        for i in cluster.servers[0].catalog(lab.service)), 60)
    assert [m.node for m in lab.masterships()] == [first.name]


@pytest.mark.fast
@pytest.mark.sanitized
def test_consul_out_of_reach_demotes_the_master_within_the_fuse(lab, cluster):
    """The agent is cut off in an instant, and nobody refuses its connections."""
    first, *others = lab.three(cluster)
    first.consul.freeze()
    frozen = time.monotonic_ns()
    net.wait_for("it has stepped down", lambda: [
        l for l in lab.calls("ensure_demoted", first.name, phase="end")
        if l.at > frozen], 10)
    assert (lab.masterships()[0].end - frozen) / 1e9 < 3 + 1 + 0.5
    assert first.ask("/master").status != 200
    wait_master(others, 60)
    first.consul.thaw()
    first.wait_role("slave", seconds=60)


def test_the_consul_leader_is_killed(lab, cluster):
    lab.three(cluster)
    leader = cluster.leader()
    leader.kill()
    time.sleep(1)
    wait_master(lab.agents, 60)
    leader.start().wait_ready()
    wait_master(lab.agents, 60)
    net.wait_for("the tags are right", lambda: sorted(
        t for i in leader.catalog(lab.service) for t in i["ServiceTags"]) ==
        ["master", "slave", "slave"], 30)


def test_consul_without_a_quorum_has_no_master_and_then_one_again(lab, cluster):
    first, *_ = lab.three(cluster)
    for s in cluster.servers[:2]:
        s.kill()
    net.wait_for("it has stepped down", lambda: lab.demotions(first.name), 20)
    time.sleep(5)
    assert not [a for a in lab.agents if a.role in ("master", "promoting")]
    cluster.heal()
    wait_master(lab.agents, 90)


@pytest.mark.fast
@pytest.mark.sanitized
def test_the_session_is_destroyed_by_somebody_else(lab, cluster):
    first, *_ = lab.three(cluster)
    session = first.consul.session_of(lab.service)
    first.consul.put(f"/v1/session/destroy/{session}")
    net.wait_for("it steps down", lambda: lab.demotions(first.name), 10)
    master = wait_master(lab.agents, 60)
    assert master.consul.session_of(lab.service) not in (None, session)


@pytest.mark.fast
@pytest.mark.sanitized
def test_the_key_is_deleted_by_somebody_else(lab, cluster):
    first, *_ = lab.three(cluster)
    first.consul.delete(f"/v1/kv/lock/{lab.service}/leader")
    net.wait_for("it steps down", lambda: lab.demotions(first.name), 10)
    new = wait_master(lab.agents, 60)
    assert new.consul.session_of(lab.service)
    # the epoch grows although Consul begins LockIndex at 1 again
    epochs = [l.epoch for l in lab.calls("ensure_master")]
    assert epochs == sorted(epochs) and epochs[0] < epochs[-1]


def test_the_key_is_overwritten_with_garbage(lab, cluster):
    first, *_ = lab.three(cluster)
    for garbage in ("", "{", "\0\1\2", "x" * 100000, '{"node":7,"port":"a"}',
                    "[" * 2000, '"\\ud800"'):
        first.consul.put(f"/v1/kv/lock/{lab.service}/leader", garbage)
        time.sleep(1)
    master = wait_master(lab.agents, 60)
    assert all(a.running for a in lab.agents)
    assert master.consul.session_of(lab.service)


def test_the_lock_is_released_by_somebody_else(lab, cluster):
    first, *_ = lab.three(cluster)
    session = first.consul.session_of(lab.service)
    first.consul.put(f"/v1/kv/lock/{lab.service}/leader?release={session}")
    net.wait_for("it steps down", lambda: lab.demotions(first.name), 10)
    wait_master(lab.agents, 60)


def test_the_key_is_locked_by_a_stranger(lab, cluster):
    first, *_ = lab.three(cluster)
    session = first.consul.session_of(lab.service)
    stranger = first.consul.put("/v1/session/create", {
        "Name": "stranger", "TTL": "30s", "Behavior": "delete", "LockDelay": "0s",
        "Checks": []})["ID"]
    key = f"/v1/kv/lock/{lab.service}/leader"
    first.consul.put(f"{key}?release={session}")
    if first.consul.put(f"{key}?acquire={stranger}", "me"):
        net.wait_for("it steps down", lambda: lab.demotions(first.name), 10)
        time.sleep(3)
        assert not [a for a in lab.agents if a.role in ("master", "promoting")]
    first.consul.put(f"/v1/session/destroy/{stranger}")
    wait_master(lab.agents, 60)


def test_the_check_is_deregistered_by_somebody_else(lab, cluster):
    first, *_ = lab.three(cluster)
    first.consul.put(f"/v1/agent/check/deregister/service:{lab.service}")
    net.wait_for("it steps down", lambda: lab.demotions(first.name), 10)
    wait_master(lab.agents, 60)
    net.wait_for("its check is back", lambda: f"service:{lab.service}" in
                 first.consul.get("/v1/agent/checks"), 60)
    first.wait_role("slave", "master")


@pytest.mark.sanitized
def test_the_service_is_deregistered_by_somebody_else(lab, cluster):
    first, *_ = lab.three(cluster)
    first.consul.put(f"/v1/agent/service/deregister/{lab.service}")
    # It is put back at once, but the session has ended with the check.
    net.wait_for("it steps down", lambda: lab.demotions(first.name), 10)
    master = wait_master(lab.agents, 60)
    net.wait_for("all three are in the catalogue again", lambda: sorted(
        t for i in cluster.servers[0].catalog(lab.service)
        for t in i["ServiceTags"]) == ["master", "slave", "slave"], 60)
    assert master.consul.session_of(lab.service)


def test_the_tags_are_overwritten_by_somebody_else(lab, cluster):
    first, *_ = lab.three(cluster)
    service = first.consul.get(f"/v1/agent/service/{lab.service}")
    first.consul.put("/v1/agent/service/register", {
        "ID": lab.service, "Name": lab.service, "Port": service["Port"],
        "Tags": ["nonsense"]})
    net.wait_for("the tag is back", lambda: any(
        "master" in i["ServiceTags"] for i in first.consul.catalog(lab.service)), 60)
    assert first.role == "master"


def test_the_consul_agent_has_forgotten_everything(lab, cluster):
    """It starts again with an empty data folder, as a new machine would."""
    first, *_ = lab.three(cluster)
    first.consul.kill()
    shutil.rmtree(first.consul.folder / "data")
    first.consul.start().wait_ready(60)
    wait_master(lab.agents, 60)
    net.wait_for("all three are in the catalogue again", lambda: sorted(
        t for i in cluster.servers[0].catalog(lab.service)
        for t in i["ServiceTags"]) == ["master", "slave", "slave"], 60)


@pytest.fixture
def broken(lab, single):
    """A Consul that can be told to misbehave, in front of the real one."""
    fake = proxy.Proxy(lab.net.address(), 8500, single.address)
    yield fake
    fake.end()


def behind(fake, **more):
    """The sections of an agent that talks to the fake."""
    return {"consul": {"address": fake.url}, **more}


@pytest.mark.sanitized
@pytest.mark.parametrize("mode", sorted(proxy.BROKEN))
def test_a_master_whose_consul_breaks_steps_down_and_comes_back(
        lab, single, broken, mode):
    a = lab.agent(single, sections=behind(broken)).start()
    a.wait_role("master")
    before = len(broken.seen)
    broken.become(mode)
    at = time.monotonic_ns()
    net.wait_for("it has stepped down", lambda: [
        l for l in lab.calls("ensure_demoted", a.name, phase="end") if l.at > at], 10)
    assert (lab.masterships()[0].end - at) / 1e9 < 3 + 1 + 0.5
    assert a.running and a.ask("/health").status == 200
    error = a.status.get("consul_error") or a.status.get("consul", {}).get("error")
    assert error, a.status
    assert not [s for s in broken.seen if s[1] == "/elsewhere"]
    # 1 MiB of each answer is read, and the rest of a socket's buffers is lost.
    assert broken.sent < (len(broken.seen) - before) * (8 << 20)
    broken.reset()
    a.wait_role("master", seconds=60)


@pytest.mark.parametrize("mode", ["nothing", "html", "403", "half"])
def test_consul_broken_at_the_start_is_said_and_waited_for(
        lab, single, broken, mode):
    broken.become(mode)
    a = lab.agent(single, sections=behind(broken)).start()
    net.wait_for("/health answers", lambda: a.ask("/health").status == 200, 10)
    a.wait_log(broken.url.removeprefix("http://"), 15)
    time.sleep(3)
    assert a.running and a.role not in ("master", "promoting")
    # one line a change: it does not repeat itself
    assert len(a.lines()) < 25, a.text()
    broken.reset()
    a.wait_role("master", seconds=60)


@pytest.mark.sanitized
def test_consul_unreachable_at_the_start_is_said_and_waited_for(lab, single):
    address = lab.net.address()
    a = lab.agent(single, sections={
        "consul": {"address": f"http://{address}:8500"}}).start()
    net.wait_for("/health answers", lambda: a.ask("/health").status == 200, 10)
    a.wait_log(f"{address}:8500", 15)
    time.sleep(3)
    assert a.running and len(a.lines()) < 25, a.text()
    fake = proxy.Proxy(address, 8500, single.address)
    try:
        a.wait_role("master", seconds=60)
        assert a.stop() == 0
    finally:
        fake.end()


def test_an_agent_can_be_stopped_while_consul_is_silent(lab, single, broken):
    a = lab.agent(single, sections=behind(broken)).start()
    a.wait_role("master")
    broken.become("nothing")
    begin = time.monotonic()
    assert a.stop() == 1        # not all of it was done …
    assert time.monotonic() - begin < 10
    assert a.lines("may still be registered")   # … and this is what
    assert lab.masterships()[0].end < 1 << 62


@pytest.mark.slow(50)
def test_a_flapping_consul_never_makes_two_masters(lab, cluster):
    broken = [proxy.Proxy(lab.net.address(), 8500, c.address)
              for c in cluster.clients]
    try:
        agents = [lab.agent(c, sections=behind(b))
                  for c, b in zip(cluster.clients, broken)]
        for a in agents:
            a.start()
        modes = ["500", "half", "nothing", "closed", "garbage", "html200"]
        for i in range(6):
            master = wait_master(agents, 60)
            mine = broken[agents.index(master)]
            mine.become(modes[i])
            net.wait_for("it has stepped down", lambda: master.role not in (
                "master", "promoting"), 15)
            mine.reset()
        wait_master(agents, 60)
    finally:
        for b in broken:
            b.end()


def test_an_idle_slave_costs_consul_no_writes(lab, cluster):
    lab.three(cluster)
    time.sleep(3)       # let the last registrations settle
    leader = cluster.leader()

    def index():
        stats = leader.get("/v1/agent/self")["Stats"]["raft"]
        return int(stats["last_log_index"])
    begin = index()
    time.sleep(10)
    # Consul itself writes now and then (autopilot, coordinates, anti-entropy)
    written = index() - begin
    without = 8
    assert written <= without, f"{written} raft entries in 10 s"
