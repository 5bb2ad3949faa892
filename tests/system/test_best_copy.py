"""Which copy takes a free lock: the one that has got furthest."""

import base64
import json
import os
import signal
import subprocess
import time

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
        b.lines(f"although {c.consul.name}/{lab.service} has not told yet")


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
    assert b.lines("Taking the lock all the same, this once")
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
    assert "[election] max_behind: plugin flag can't tell how far a copy is " \
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


def test_what_the_last_one_left_is_not_waited_for_without_end(lab, cluster):
    a, b = copies(lab, cluster, 9, 5)
    b.write(election={"catch_up": "2s"})
    b.hup()
    net.wait_for("it says so", lambda: len(b.lines("Reading")) > 0)
    b.script(ensure_master="busy")
    a.sicken()
    net.wait_for("it is told to", lambda: lab.calls("ensure_master", b.name))
    assert lab.calls("ensure_master", b.name)[0].master.endswith("@9")
    b.wait_log("has not got what the master before it")
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
