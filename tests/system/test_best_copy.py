"""Which copy takes a free lock: the one that has got furthest."""

import base64
import json
import os
import re
import signal
import subprocess
import time
import uuid

import pytest

from lab import PROGRAM, net
from lab.agent import wait_master


def place(agent, at):
    """The copy has got so far from now on."""
    new = agent.folder / "at.new"
    new.write_text(f"{at}\n")
    new.chmod(0o600)
    new.rename(agent.folder / "at")


def copies(lab, cluster, *places, **election):
    """Agents of copies that have got so far; the first one is the master."""
    agents = []
    for c, at in zip(cluster.clients, places):
        a = lab.agent(c, sections={"election": dict(election)})
        a.write(options={"at_file": a.folder / "at"})
        place(a, at)
        agents.append(a)
    agents[0].start().wait_role("master")
    for a in agents[1:]:
        a.start().wait_role("slave")
    return agents


def records(consul, service):
    found = consul.get(f"/v1/kv/lock/{service}/candidates/?recurse") or []
    return [r for r in found if r.get("Session")]


def give_up(lab, agent, last=lambda: None):
    """Until the others have a master: its first call, and how long that took
    from the end of the old one's demotion."""
    stand = [a for a in lab.agents if a.role == "slave" and
             a.sections["election"].get("never_master") != "yes"]
    net.wait_for("all slaves stand", lambda: len(
        records(agent.consul, lab.service)) >= len(stand) + 1)
    time.sleep(0.2)             # and all have seen it
    def others():
        return [c for c in lab.calls("ensure_master") if c.node != agent.name]
    before = len(others())
    last()
    agent.sicken()
    net.wait_for("there is another master", lambda: len(others()) > before,
                 20, 0.01)
    new = others()[before]
    old = lab.calls("ensure_demoted", agent.name, phase="end")[-1]
    return new, (new.at - old.at) / 1e9


def back(agent):
    agent.cure()
    agent.wait_role("slave")


@pytest.mark.fast
@pytest.mark.sanitized
def test_the_copy_that_has_got_furthest_becomes_master(lab, cluster):
    a, b, c = copies(lab, cluster, 9, 5, 5)
    for winner, loser in ((b, c), (c, b), (b, c)):
        place(winner, 8)
        place(loser, 7)
        new, seconds = give_up(lab, a)
        assert new.node == winner.name
        assert seconds < 0.9        # nobody waits for the whole second
        # What the last one left is what the new one must have first.
        assert new.master == f"{a.consul.address}:3306@9"
        back(a)
        place(a, 9)
        winner.sicken()
        loser.sicken()
        a.wait_role("master")
        back(winner)
        back(loser)


def test_a_copy_that_was_refused_goes_after_the_others(lab, cluster):
    """It has what the new master has not, and lacks what was written since."""
    a, b, c = copies(lab, cluster, 9, 5.1, 4.2)
    c.stop()
    c.write(election={"priority": "200"})
    c.script(ensure_slave="bad")
    c.start().wait_log("ensure_slave failed")
    new, seconds = give_up(lab, a)
    assert new.node == b.name and seconds < 2


def test_equal_copies_lose_no_time(lab, cluster):
    a, *others = copies(lab, cluster, 5, 5, 5, wait="10s")
    assert give_up(lab, a)[1] < 1.5
    wait_master(others)


def test_a_single_candidate_asks_nothing(lab, cluster):
    a, b = copies(lab, cluster, 9, 5, wait="10s")
    new, seconds = give_up(lab, a)
    assert new.node == b.name and seconds < 1.5


@pytest.mark.sanitized
def test_of_two_that_both_lack_something_one_goes_on_at_once(lab, cluster):
    a, b, c = copies(lab, cluster, "9.9", "3.7", "4.6", wait="10s")
    new, seconds = give_up(lab, a)
    assert new.node == max(b.name, c.name)
    assert seconds < 2


def test_of_equal_copies_the_one_with_the_highest_priority_is_taken(lab, cluster):
    a, b, c = copies(lab, cluster, 5, 5, 5)
    b.write(election={"priority": 200})
    b.hup()
    net.wait_for("its record says so", lambda: any(
        b'"priority":200' in base64.b64decode(r["Value"])
        for r in records(a.consul, lab.service)))
    for _ in range(3):
        new, seconds = give_up(lab, a)
        assert new.node == b.name and seconds < 0.9
        back(a)
        b.sicken()
        c.sicken()
        a.wait_role("master")
        back(b)
        back(c)


def test_priority_does_not_beat_data(lab, cluster):
    a, b, c = copies(lab, cluster, 9, 5, 6)
    b.write(election={"priority": 200})
    b.hup()
    net.wait_for("it says so", lambda: len(b.lines("Reading")) > 0)
    assert give_up(lab, a)[0].node == c.name


def test_a_copy_that_is_never_master_stays_a_slave(lab, cluster):
    a, b = copies(lab, cluster, 5, 9)
    b.write(election={"never_master": "yes"})
    b.hup()
    net.wait_for("it does not stand", lambda: len(
        records(a.consul, lab.service)) == 1)
    a.sicken()
    b.wait_role("candidate")
    time.sleep(2)
    assert b.role == "candidate"
    assert b.status["waiting"] == "this copy is never_master"
    a.cure()
    a.wait_role("master")
    b.wait_role("slave")


@pytest.mark.sanitized
def test_a_plugin_that_hangs_costs_half_the_wait(lab, cluster):
    a, b, c = copies(lab, cluster, 9, 5, 8, wait="4s")
    c.script(position="hang")
    assert 1.5 < give_up(lab, a)[1] < 3.8
    # Whoever is first to give up on it says so.
    assert c.lines("Comparing the copies: position did not answer within 2 s") or \
        b.lines(f"although {c.consul.name}/{lab.service} has not reported")


def test_a_better_copy_that_does_not_answer_is_waited_for_so_long(lab, cluster):
    a, b, c = copies(lab, cluster, 9, 5, 8, wait="1s")
    try:
        new, seconds = give_up(lab, a, c.freeze)
    finally:
        c.thaw()
    assert new.node == b.name
    assert 0.4 < seconds < 6	# the silent are waited for half as long
    assert b.wait_log("Taking the lock after [election] wait, although " +
                      f"{c.consul.name}/")


def test_a_busy_copy_is_not_waited_for(lab, cluster):
    a, b, c = copies(lab, cluster, 9, 5, 8, wait="10s")
    c.script(health="busy")
    net.wait_for("it is busy", lambda: c.status["health"]["status"] == "busy")
    new, seconds = give_up(lab, a)
    assert new.node == b.name and seconds < 2


def test_a_copy_that_is_too_far_behind_is_not_promoted_unless_told_to(lab, cluster):
    a, b = copies(lab, cluster, 9, 5, max_behind="3")
    a.sicken()
    said = b.wait_log("this copy lacks 4 of what the last master is known to "
                      "have had, and max_behind is 3")
    assert "consul-failover promote -c" in said[0]
    assert "max_behind is 3" in b.status["waiting"]
    time.sleep(2)
    assert b.role == "candidate"
    assert promote(b)[0] == 0
    b.wait_role("master")
    assert b.lines("Taking the lock anyway, once")
    assert not (b.folder / "run").joinpath(f"{lab.service}.promote").exists()


def promote(agent, *words):
    done = subprocess.run([PROGRAM, "promote", "-c", agent.file, *words],
                          text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def test_promote_is_for_the_next_lock_only(lab, cluster):
    a, b, c = copies(lab, cluster, 9, 9, 5, max_behind="3")
    assert promote(c)[0] == 0
    file = (c.folder / "run").joinpath(f"{lab.service}.promote")
    assert file.exists()
    assert give_up(lab, a)[0].node == b.name
    c.wait_role("slave")
    net.wait_for("it is over", lambda: not file.exists())


def refused_for_good(agent):
    """Its master has thrown away what it needs, as its plugin remembers."""
    agent.script(health="remember")
    agent.wait_role("unhealthy")
    agent.script()
    return agent.folder / "state" / f"{agent.service}.memory"


def tags(lab, agent):
    return [i["ServiceTags"] for i in agent.consul.catalog(lab.service)
            if i["Node"] == agent.consul.name]


def test_what_a_plugin_remembers_outlives_its_agent_and_promote_puts_it_aside(
        lab, cluster):
    a, b = copies(lab, cluster, 9, 9)
    file = refused_for_good(b)
    assert file.read_text() == "refused by node-1: 17 is gone\n"
    assert file.stat().st_mode & 0o777 == 0o600
    b.kill()
    b.start().wait_role("unhealthy")
    net.wait_for("it is no slave", lambda: tags(lab, b) == [["unhealthy"]])
    assert b.ask("/slave").status == 503
    assert "refused by node-1: 17 is gone" in b.ask("/health").text
    lab.kill(a)
    net.wait_for("the lock is free", lambda: "Session" not in b.consul.get(
        f"/v1/kv/lock/{lab.service}/leader")[0], 40)
    time.sleep(6)               # for the lock-delay, and to be asked again
    assert b.role == "unhealthy" and not lab.calls("ensure_master", b.name)
    status, said = promote(b)
    assert status == 0 and "refused by node-1: 17 is gone" in said
    b.wait_role("master")
    assert not file.exists()
    assert not (b.folder / "run").joinpath(f"{lab.service}.promote").exists()
    time.sleep(2)
    assert b.role == "master"


def test_promote_waits_for_a_copy_that_lacks_data_until_its_master_is_gone(
        lab, cluster):
    a, b = copies(lab, cluster, 9, 9)
    refused_for_good(b)
    assert promote(b)[0] == 0
    time.sleep(2)
    assert b.role == "unhealthy" and b.ask("/slave").status == 503
    a.sicken()
    b.wait_role("master")


def test_promote_of_a_copy_that_lacks_data_is_over_with_the_next_lock(
        lab, cluster):
    a, b, c = copies(lab, cluster, 9, 9, 9)
    refused_for_good(c)
    assert promote(c)[0] == 0
    assert give_up(lab, a)[0].node == b.name
    c.wait_log(f"{b.consul.name} has the lock, so \"promote\" no longer applies")
    c.wait_role("unhealthy")


def test_promote_says_where_it_can_do_nothing(lab, cluster):
    a, b = copies(lab, cluster, 9, 5, max_behind="3")
    status, said = promote(b, "-o", "election.never_master=yes")
    assert status == 1 and "never_master" in said
    status, said = promote(b, "-o", "election.max_behind=any")
    assert status == 1 and "nothing keeps this copy from" in said
    assert promote(b, "extra")[0] == 64
    status, said = promote(b, "-o", f"agent.run_dir={lab.folder}")
    assert status == 1 and "no agent of service id" in said


def test_max_behind_wants_a_plugin_that_can_tell(lab, single):
    a = lab.agent(single, plugin_name="minimal", sections={
        "election": {"max_behind": 3}})
    a.start()
    assert a.wait() == 78
    assert "[election] max_behind: plugin flag can't report how far a copy is " \
        "behind" in a.text()


def test_the_last_position_of_a_master_that_died_is_known(lab, cluster):
    a, b = copies(lab, cluster, 9, 5, max_behind="3", position_interval="1s")
    net.wait_for("the master writes how far it is", lambda: a.consul.get(
        f"/v1/kv/lock/{lab.service}/candidates/master"))
    place(a, 20)
    time.sleep(2.5)
    a.script(position="bad")       # so that it leaves nothing
    a.sicken()
    b.wait_log("this copy lacks 15 of what the last master")
    place(b, 17)
    b.wait_role("master")


def test_records_of_sessions_that_ended_do_not_count_and_go(lab, cluster):
    a, b, c = copies(lab, cluster, 9, 5, 8, wait="10s")
    lab.kill(c)
    net.wait_for("its session has ended", lambda: len(
        records(a.consul, lab.service)) == 2, 40)
    new, seconds = give_up(lab, a)
    assert new.node == b.name and seconds < 2
    c.start().wait_role("slave")
    net.wait_for("its old record is taken away", lambda: sum(
        base64.b64decode(r["Value"]).count(c.consul.name.encode()) for r in
        a.consul.get(f"/v1/kv/lock/{lab.service}/candidates/?recurse")) == 1)


def test_keys_have_no_characters_that_a_newer_consul_refuses(lab, cluster):
    """1.21.5 knows only these."""
    a, b = copies(lab, cluster, 9, 5)
    net.wait_for("both stand", lambda: len(records(a.consul, lab.service)) == 2)
    keys = a.consul.get(f"/v1/kv/lock/{lab.service}/?keys")
    assert len(keys) >= 3, keys
    for key in keys:
        assert re.fullmatch(r"[a-zA-Z0-9,_./\-?&=]+", key), key


def test_a_record_that_is_not_what_its_copy_has_said_is_written_again(lab, cluster):
    """As by a request that had its effect after a later one, or by a hand."""
    a, b = copies(lab, cluster, 9, 5)
    net.wait_for("both stand", lambda: len(records(a.consul, lab.service)) == 2)

    def said():
        return {r["Key"]: base64.b64decode(r["Value"] or "")
                for r in records(a.consul, lab.service)}
    before = said()
    for key, value in before.items():
        session = key.rsplit("/", 1)[1]
        path = f"/v1/kv/{key}?acquire={session}"
        for old in value.replace(b"100", b"99"), b"garbage", b"":
            a.consul.put(path, old)
            net.wait_for("it is as it was", lambda: said() == before, 5)
        a.consul.request("DELETE", f"/v1/kv/{key}")
        net.wait_for("it is there again", lambda: said() == before, 5)


def test_what_the_last_one_left_is_not_waited_for_without_end(lab, cluster):
    a, b = copies(lab, cluster, 9, 5)
    b.write(election={"catch_up": "2s"})
    b.hup()
    net.wait_for("it says so", lambda: len(b.lines("Reading")) > 0)
    b.script(ensure_master="busy")
    a.sicken()
    net.wait_for("it is told to", lambda: lab.calls("ensure_master", b.name))
    assert lab.calls("ensure_master", b.name)[0].master.endswith("@9")
    b.wait_log("Promoting without all data of the previous master")
    net.wait_for("it need not wait any more", lambda: lab.calls(
        "ensure_master", b.name)[-1].master == "-")


def told(agent, lab, since=0):
    """The targets of its calls of ensure_master."""
    return [c.master.rpartition("@")[2] for c in
            lab.calls("ensure_master", agent.name) if c.at > since]


def handed_over(lab, to, by):
    """To one that is told so, and is not done."""
    to.script(ensure_master="busy")
    by.sicken()
    net.wait_for("it is told to", lambda: told(to, lab))


@pytest.mark.parametrize("guarded", (True, False))
def test_what_was_left_outlives_a_successor_that_dies(lab, cluster, guarded):
    """Before it was master; nobody else says how far the first one had got."""
    a, b, c = copies(lab, cluster, 9, 9, 5)
    handed_over(lab, b, a)
    c.script(ensure_master="busy")
    guard = b.status["guard"]["pid"]
    lab.kill(b)
    if not guarded:
        os.kill(guard, signal.SIGKILL)
    net.wait_for("the third one is told to", lambda: told(c, lab), 60)
    assert set(told(c, lab)) == {"9"} and c.role == "promoting"
    c.script()
    c.wait_role("master")
    net.wait_for("it is over", lambda: "before" not in json.loads(
        c.consul.key(lab.service)["Value"]))
    time.sleep(1)
    assert c.role == "master" and len(lab.calls("ensure_demoted", c.name)) == 1
    assert not c.lines("warning")


def test_what_was_left_outlives_a_restart_of_the_agent(lab, cluster):
    a, b = copies(lab, cluster, 9, 5)
    handed_over(lab, b, a)
    b.kill()
    since = time.monotonic_ns()
    b.start()
    net.wait_for("it is told to", lambda: told(b, lab, since))
    assert set(told(b, lab, since)) == {"9"}


#
# What is dead does not stay.
#

def leave_records(consul, service, count, size):
    """As of copies whose nodes have vanished."""
    value = base64.b64encode(json.dumps(
        {"id": "gone/app", "position": "x" * size}).encode()).decode()
    keys = [f"lock/{service}/candidates/{uuid.uuid4()}" for _ in range(count)]
    for n in range(0, count, 60):
        consul.put("/v1/txn", [{"KV": {"Verb": "set", "Key": k, "Value": value}}
                               for k in keys[n:n + 60]])


def all_keys(consul, service):
    return consul.get(f"/v1/kv/lock/{service}/candidates/?keys") or []


def test_the_records_of_vanished_nodes_are_cleared_away(lab, cluster):
    a, b = copies(lab, cluster, 1, 1)
    note = f"lock/{lab.service}/candidates/note"
    a.consul.put(f"/v1/kv/{note}", "of a hand")
    leave_records(a.consul, lab.service, 3, 10)
    net.wait_for("theirs are gone", lambda: len(all_keys(a.consul, lab.service)) == 3)
    assert note in all_keys(a.consul, lab.service)
    assert len(records(a.consul, lab.service)) == 2
    a.consul.delete(f"/v1/kv/{note}")


def test_more_records_than_can_be_read_are_cleared_away(lab, cluster):
    leave_records(cluster.servers[0], lab.service, 300, 4000)
    a, b = copies(lab, cluster, 1, 1)
    net.wait_for("theirs are gone", lambda: len(all_keys(a.consul, lab.service)) == 2)
    for x in a, b:
        x.wait_log("answer larger than 1 MiB")
        x.wait_log("Consul, comparing the copies: all is well again")
    new, _ = give_up(lab, a)
    assert new.node == b.name


def test_the_masters_position_is_written_again_over_another_ones(lab, cluster):
    a, = copies(lab, cluster, 7, max_behind="10", position_interval="1s")
    key = f"/v1/kv/lock/{lab.service}/candidates/master"

    def said():
        found = a.consul.get(f"{key}?consistent")
        return found and json.loads(base64.b64decode(found[0]["Value"]))
    net.wait_for("it is written", lambda: said() and said()["position"] == "7")
    first = said()
    a.consul.put(key, json.dumps({**first, "id": "other/app", "position": "3"}))
    net.wait_for("it is written again", lambda: said() == first)
    a.consul.put(key, json.dumps({**first, "id": "other/app"}))
    net.wait_for("and again", lambda: said() == first)
