"""Our registration, and whoever else writes it: one service id in one Consul
agent is one copy, or two destroy each other."""

import json
import re
import signal
import subprocess

import pytest

from lab import PROGRAM, net


def registered(consul_, service):
    return consul_.get(f"/v1/agent/service/{service}")


def other(lab, consul_, listen="127.0.0.1:9", **meta):
    """Registers as an agent of another host would."""
    check = f"http://{listen}/health"
    consul_.put("/v1/agent/service/register", {
        "Name": lab.service, "Port": 1, "Tags": ["slave"],
        "Meta": {"failover-agent": "word host elsewhere, config /other.ini",
                 "failover-check": f"{check} every 1000 ms, time-out 1000 ms, 1 failures",
                 **meta},
        "Check": {"HTTP": check, "Interval": "1s", "Timeout": "1s",
                  "Status": "passing"}})


def session_by_hand(lab, consul_):
    return consul_.put("/v1/session/create", {
        "Name": lab.service, "TTL": "60s", "LockDelay": "1s",
        "Checks": ["serfHealth", f"service:{lab.service}"]})["ID"]


def overwritten(lab, single):
    """A master whose registration another one that lives has just taken."""
    living = lab.agent(single, name="living", service=f"{lab.service}-other",
                       plugin_name="example")
    living.start().wait_role("master")
    one = lab.agent(single).start().wait_role("master")
    other(lab, single, living.listen)
    return one


def exists(consul_, session):
    return bool(consul_.get(f"/v1/session/info/{session}"))


#
# Another agent.
#

@pytest.mark.sanitized
def test_a_second_agent_of_one_id_does_not_start_and_harms_nothing(lab, single):
    one = lab.agent(single).start().wait_role("master")
    net.wait_for("it is registered so", lambda: "master" in registered(
        single, lab.service)["Tags"])
    session, before = single.session_of(lab.service), registered(single, lab.service)
    two = lab.agent(single, name="two").start()
    assert two.wait(40) == 1
    line = two.lines("not started")[0]
    assert str(one.file) in line and str(two.file) in line and lab.service in line
    assert not lab.calls(node="two")
    assert one.role == "master" and single.session_of(lab.service) == session
    assert registered(single, lab.service) == before
    assert not one.lines("overwritten") and one.status["epoch"] > 0


def test_what_a_dead_agent_has_registered_is_taken_over(lab, single):
    one = lab.agent(single).start().wait_role("master")
    one.crash()
    lab.died(one)
    two = lab.agent(single, name="two").start().wait_role("master", seconds=60)
    assert two.lines("Taking over a registration of an agent that does not answer")
    assert str(two.file) in registered(single, lab.service)["Meta"]["failover-agent"]


def test_an_agent_that_is_overwritten_by_a_living_one_says_by_whom_and_ends(lab, single):
    one = overwritten(lab, single)
    assert one.wait(30) == 1
    assert "host elsewhere, config /other.ini" in one.lines("This agent ends")[0]
    assert lab.calls("ensure_demoted", one.name, "end")[-1].result == "done"
    found = registered(single, lab.service)
    assert found["Meta"]["failover-agent"].startswith("word ")
    session = session_by_hand(lab, single)
    assert one.start().wait(30) == 1
    assert "elsewhere" in one.lines("not started")[0]
    assert registered(single, lab.service) == found and exists(single, session)


def test_an_agent_that_is_overwritten_by_a_dead_one_goes_on(lab, single):
    one = lab.agent(single).start().wait_role("master")
    other(lab, single)
    one.wait_log("Taking over a registration")
    one.wait_role("master")
    net.wait_for("it is ours again", lambda: str(one.file) in registered(
        single, lab.service)["Meta"]["failover-agent"])


def test_who_is_overwritten_does_not_end_the_session_of_the_other(lab, single):
    one = overwritten(lab, single)
    net.wait_for("it is seen", lambda: "elsewhere" in one.text())
    session = session_by_hand(lab, single)
    single.put(f"/v1/session/destroy/{single.session_of(lab.service)}")
    assert one.wait(30) == 1
    assert exists(single, session)


#
# A file of Consul's, or a hand.
#

@pytest.fixture
def definition(lab, cluster):
    """A file that defines our service in a Consul client, and a reload."""
    client = cluster.clients[1]
    file = client.folder / "consul.json"
    before = file.read_text()

    def define():
        file.write_text(json.dumps({**json.loads(before), "services": [
            {"id": lab.service, "name": lab.service, "port": 1, "tags": ["master"]}]}))
        client.signal(signal.SIGHUP)
    yield define
    file.write_text(before)
    client.signal(signal.SIGHUP)
    net.wait_for("it is forgotten", lambda: not any(
        "failover-agent" not in s["Meta"] for s in
        (client.get("/v1/agent/services") or {}).values()))


def test_a_service_file_with_our_id_shows_two_masters_for_no_second(
        lab, cluster, definition):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    two = lab.agent(cluster.clients[1]).start().wait_role("slave")
    net.wait_for("the slave's tag", lambda: registered(
        two.consul, lab.service)["Tags"] == ["slave"])
    definition()
    two.wait_log("Putting it back")
    net.wait_for("it is put back", lambda: registered(
        two.consul, lab.service)["Tags"] == ["slave"], 1, 0.01)
    line = two.lines("Putting it back")[0]
    assert lab.service in line and 'tags "master"' in line and "config files" in line
    net.wait_for("the servers know it", lambda: [
        i["Node"] for i in cluster.servers[0].catalog(lab.service)
        if "master" in i["ServiceTags"]] == [one.name], 1, 0.01)
    two.wait_role("slave")


def test_nobody_makes_us_register_for_ever(lab, single):
    one = lab.agent(single).start().wait_role("master")
    for n in range(5):
        single.put("/v1/agent/service/register", {"Name": lab.service, "Port": n + 1})
        if n < 3:
            net.wait_for("it is put back", lambda: registered(
                single, lab.service)["Port"] == 3306, 5)
    one.wait_log("Consul, registration: our registration was overwritten")
    assert len(one.lines("Putting it back")) == 3


#
# Whom a copy follows.
#

def consul_requests(a):
    return int(re.search(r"consul_requests_total\S* (\d+)", a.ask("/metrics").body.decode())[1])


@pytest.mark.slow(20)
def test_a_session_made_by_hand_is_nobody_to_follow(lab, cluster):
    client = cluster.clients[0]
    key = f"/v1/kv/lock/{lab.service}/leader"
    session = client.put("/v1/session/create", {"Name": "by hand"})["ID"]
    assert client.put(f"{key}?acquire={session}")
    agents = [lab.agent(c).start() for c in cluster.clients[:2]]
    try:
        for a in agents:
            a.wait_role("joining")
        looks = consul_requests(agents[1])
        net.wait_for("they have looked again", lambda: consul_requests(
            agents[1]) > looks + 6)
        assert not lab.calls("ensure_slave")
        # Who it is and how to end it stands where one looks for that.
        agents[0].wait_log(f'the session "by hand" of the node {client.name} holds')
        command = f"/v1/session/destroy/{session}"
        assert command in agents[0].status["waiting"]
        assert agents[0].status["holder"]["node"] == client.name
        said = subprocess.run([PROGRAM, "status", "-c", agents[1].file], text=True,
                              stdout=subprocess.PIPE)
        assert said.returncode == 1 and command in said.stdout.splitlines()[0]
    finally:
        client.put(f"/v1/session/destroy/{session}")
    net.wait_for("there is a master", lambda: "master" in [a.role for a in agents], 30)


def test_the_older_program_killed_on_our_node_is_not_followed(lab, single):
    single.put("/v1/agent/service/register", {
        "Name": lab.service, "Port": 3306, "Tags": ["master"],
        "Check": {"TTL": "1h", "Status": "passing"}})
    session = session_by_hand(lab, single)
    assert single.put(f"/v1/kv/lock/{lab.service}/leader?acquire={session}")
    a = lab.agent(single).start().wait_role("master")
    assert not lab.calls("ensure_slave")
    assert not exists(single, session) and a.running


@pytest.mark.parametrize("given", ["", "db.test"])
def test_a_plugin_is_told_its_copy_s_address(lab, single, given):
    """That of [service] address, or else the Consul node's."""
    a = lab.agent(single, plugin_name="newer", sections={
        "service": {"address": given or None}, "options": {"flag": None}})
    a.start().wait_role("master")
    net.wait_for("health says it", lambda: a.ask("/health").json ==
                 f"one of {given or single.address}")
