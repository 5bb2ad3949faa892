"""consul-failover history: who was master when, and why that changed."""

import datetime
import json
import os
import subprocess

import pytest

from lab import PROGRAM, net
from lab.agent import wait_master


def history(agent, *words, env=None):
    e = {k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")}
    return subprocess.run(
        [PROGRAM, "history", "-c", agent.file, *words], text=True, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**e, **(env or {})},
        stdin=subprocess.DEVNULL)


def changes(agent, count):
    """The last changes of master, when there are so many."""
    def all_there():
        r = history(agent, "--json")
        found = r.returncode == 0 and json.loads(r.stdout)["changes"]
        return found if found and len(found) >= count else None
    return net.wait_for(f"{count} changes of master are recorded", all_there, 20)


def has_been_so(agent, seconds):
    since = datetime.datetime.fromisoformat(
        agent.status["since"].replace("Z", "+00:00"))
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now - since).total_seconds() >= seconds


def wait_states(agent, count=1):
    """Its disk has them a moment later."""
    file = agent.folder / "run" / f"{agent.service}.history"
    net.wait_for(f"it has been master {count} times, as the disk has it", lambda:
                 file.exists() and
                 file.read_text().count('"to":"master"') == count, 20)


@pytest.mark.slow(30)
def test_a_hand_over_and_a_crash_are_recorded_with_their_reasons(lab, cluster):
    agents = lab.three(cluster)
    first = agents[0]
    [c] = changes(first, 1)
    assert c["node"] == first.consul.name
    assert first.lines(f"This copy is the master, with epoch {c['epoch']}")
    assert "previous" not in c and "without_master_ms" not in c
    assert c["planned"] is False and "no earlier holder is recorded" in c["why"]

    first.disable_file.touch()
    first.wait_role("disabled")
    second = wait_master(agents)
    c = changes(first, 2)[0]
    assert c["node"] == second.consul.name
    assert second.lines(f"This copy is the master, with epoch {c['epoch']}")
    assert c["previous"] == first.consul.name and c["planned"] is True
    assert c["why"].startswith("the disable file exists")
    assert 0 <= c["without_master_ms"] < 5000
    assert c["address"] == second.consul.address and c["port"] == 3306
    assert c["service_id"] == lab.service

    second.crash()
    lab.died(second)
    third = wait_master([a for a in agents if a is not second])
    c = changes(third, 3)[0]
    assert c["node"] == third.consul.name and c["previous"] == second.consul.name
    assert c["planned"] is False and "lock was lost" in c["why"]
    assert second.consul.name in c["why"]
    # After the lock was seen free: the grace period.
    assert 4000 < c["without_master_ms"] < 30000

    rows = [l for l in history(first).stdout.splitlines()
            if l.startswith("20") and "->" not in l]
    assert len(rows) == 3 and "planned: the disable file" in rows[1]
    assert third.consul.name in rows[0] and "lock was lost" in rows[0]


def test_who_had_the_lock_and_was_no_master_is_not_taken_for_one(lab, cluster):
    """A master dies; its successor is disabled while it is still promoted."""
    first, *others = lab.three(cluster)
    changes(first, 1)
    for a in others:
        a.script(ensure_master="busy")
    first.crash()
    lab.died(first)
    between = net.wait_for("one is promoted", lambda: next(
        (a for a in others if a.role == "promoting"), None), 60)
    third, = (a for a in others if a is not between)
    third.script()
    between.disable_file.touch()
    third.wait_role("master")
    c = changes(third, 2)[0]
    assert c["node"] == third.consul.name and c["planned"] is False
    assert f"{between.consul.name} had the lock last, and was not the master " \
        "when it released it: the disable file" in c["why"]
    assert "previous" not in c and "without_master_ms" not in c


def test_a_killed_agent_whose_guard_hands_over_is_recorded(lab, cluster):
    # Before Consul finds that /health does not answer.
    agents = lab.three(cluster, sections={"agent": {"restart_wait": "300ms"}})
    changes(agents[0], 1)
    agents[0].kill()
    new = wait_master(agents[1:])
    c = changes(new, 2)[0]
    assert c["node"] == new.consul.name and c["planned"] is False
    assert c["previous"] == agents[0].consul.name
    assert "its agent was gone" in c["why"]


def test_an_agent_that_goes_on_records_nothing_and_remembers_its_states(lab, single):
    a = lab.agent(single).start().wait_role("master")
    [first] = changes(a, 1)
    wait_states(a)
    a.kill()
    a.start().wait_role("master")
    net.wait_for("it has been master for long enough to record it",
                 lambda: has_been_so(a, 2.5))
    wait_states(a, 2)
    assert changes(a, 1) == [first] and a.status["epoch"] == first["epoch"]
    states = json.loads(history(a, "--json").stdout)["states"]
    assert [s["to"] for s in states if s["from"] == "promoting"] == ["master"] * 2
    assert states[0]["to"] == "master" and states[0]["at"] > first["at"]
    assert states[0]["epoch"] == first["epoch"]
    assert "promoting -> master: ensure_master is done" in history(a).stdout


def test_an_idle_master_writes_no_more(lab, single):
    a = lab.agent(single).start().wait_role("master")
    changes(a, 1)
    path = f"/v1/kv/lock/{lab.service}/history"
    before = single.get(path)[0]["ModifyIndex"]
    net.wait_for("it has been master for a while", lambda: has_been_so(a, 5))
    assert single.get(path)[0]["ModifyIndex"] == before


@pytest.mark.parametrize("value", ["somebody's", "\0binary", '{"format": 2, "changes": []}'])
def test_a_value_that_is_not_ours_stays_as_it_is(lab, single, value):
    path = f"/v1/kv/lock/{lab.service}/history"
    single.put(path, value)
    a = lab.agent(single).start().wait_role("master")
    a.wait_log("The change of master is not recorded")
    assert f"consul kv delete lock/{lab.service}/history" in a.text()
    assert single.request("GET", path + "?raw").text == value
    wait_states(a)
    r = history(a)
    assert r.returncode == 1 and f"lock/{lab.service}/history" in r.stderr
    assert "promoting -> master" in r.stdout


def test_since_limits_both_and_without_an_answer_the_own_states_are_there(lab, single):
    a = lab.agent(single)
    r = history(a)
    assert r.returncode == 1 and "no change of master is recorded yet" in r.stderr
    a.start().wait_role("master")
    changes(a, 1)
    wait_states(a)
    everything = json.loads(history(a, "--json", "--since", "2h").stdout)
    assert len(everything["changes"]) == 1 and len(everything["states"]) >= 2
    net.wait_for("that was a while ago", lambda: has_been_so(a, 2))
    r = history(a, "--json", "--since", "1s")
    assert r.returncode == 1 and "since 20" in r.stderr
    assert json.loads(r.stdout)["changes"] == json.loads(r.stdout)["states"] == []
    r = history(a, env={"CONSUL_HTTP_ADDR": "127.0.0.1:9"})
    assert r.returncode == 1 and "127.0.0.1:9" in r.stderr
    assert "promoting -> master" in r.stdout
    r = history(a, "--json", env={"CONSUL_HTTP_ADDR": "127.0.0.1:9"})
    assert json.loads(r.stdout)["changes"] is None
    r = subprocess.run([PROGRAM, "history", ""], stderr=subprocess.PIPE, text=True)
    assert r.returncode == 64 and "the service's name is empty" in r.stderr
    r = history(a, "--since", "yesterday")
    assert r.returncode == 64 and "--since needs a time" in r.stderr


def test_a_run_dir_that_takes_nothing_costs_one_line(lab, single):
    a = lab.agent(single)
    (a.folder / "run" / f"{lab.service}.history").mkdir(parents=True)
    a.start().wait_role("master")
    a.wait_log("The history of this node's states lacks the last changes: can't")
    a.disable_file.touch()
    a.wait_role("disabled")
    a.disable_file.unlink()
    a.wait_role("master")
    net.wait_for("it has tried again", lambda: has_been_so(a, 3))
    assert len(a.lines("The history of this node's states")) == 1


def test_what_others_wrote_can_not_act_on_a_terminal(lab, single):
    bad = "\x1b[2J\x9b1m\x07"
    single.put(f"/v1/kv/lock/{lab.service}/history", json.dumps(
        {"format": 1, "changes": [{"node": bad, "epoch": 1, "why": bad}]}))
    a = lab.agent(single)
    for text in history(a).stdout, history(a, "--json").stdout:
        assert "[2J" in text
        assert not [c for c in text if ord(c) < 32 and c != "\n" or
                    127 <= ord(c) < 160], text


def test_a_service_s_name_is_enough_for_the_changes_of_master(lab, single):
    a = lab.agent(single).start().wait_role("master")
    changes(a, 1)

    def by_name(*words):
        return subprocess.run([PROGRAM, "history", *words, "--http-addr", single.url],
                              text=True, capture_output=True, timeout=60)
    named, filed = [json.loads(r.stdout) for r in (
        by_name(lab.service, "--json"), history(a, "--json"))]
    assert named.pop("states") is None and filed.pop("states")
    assert named == filed
    assert history(a).stdout.startswith(by_name(lab.service).stdout)
    for words in (), (lab.service, "-c", a.file), (lab.service, "other"):
        r = by_name(*words)
        assert r.returncode == 64 and r.stderr and not r.stdout
    r = by_name(f"{lab.service}-other")
    assert r.returncode == 1 and "no change of master is recorded yet" in r.stderr
