"""One master, whatever happens to the agents and the applications."""

import os
import pathlib
import random
import shutil
import signal
import time

import pytest

from lab import net, process

from lab.agent import wait_master


@pytest.mark.fast
@pytest.mark.sanitized
def test_three_nodes_that_start_together_elect_one_master(lab, cluster):
    agents = [lab.agent(c).start() for c in cluster.clients]
    master = wait_master(agents)
    slaves = [a for a in agents if a is not master]
    for a in slaves:
        a.wait_role("slave")
    net.wait_for("the tags are right", lambda: sorted(
        i["ServiceTags"][0] for i in cluster.clients[0].catalog(lab.service)
        if i["ServiceTags"]) == ["master", "slave", "slave"])
    for a in slaves:
        last = lab.calls("ensure_slave", a.name)[-1]
        assert last.master == f"{master.consul.address}:3306"
        assert last.epoch == master.status["epoch"]
        assert a.status["holder"] == {"node": master.consul.name, "port": 3306,
                                      "address": master.consul.address}
    assert len(lab.masterships()) == 1


def test_the_first_copy_of_all_is_taken_over_as_it_is(lab, cluster):
    """Somebody has made it the master before there was an agent."""
    first, *_ = lab.three(cluster)
    assert [l.op for l in lab.calls(node=first.name)][0] == "ensure_master"
    assert lab.calls("ensure_demoted", first.name) == []


@pytest.mark.parametrize("what", ["the lock was somebody's", "another copy is there"])
def test_a_copy_that_may_be_an_old_master_is_demoted_first(lab, cluster, what):
    one, two, _ = cluster.clients
    if what == "another copy is there":
        other = lab.agent(two, sections={"election": {"never_master": "yes"}})
        other.start()
        net.wait_for("it is registered", lambda: one.catalog(lab.service))
    else:
        one.put(f"/v1/kv/lock/{lab.service}/leader", "{}")
    a = lab.agent(one).start()
    net.wait_for("it is demoted", lambda: lab.calls("ensure_demoted", a.name))
    a.wait_role("master", seconds=30)
    assert [l.op for l in lab.calls(node=a.name)][0] == "ensure_demoted"


def test_of_ten_candidates_one_wins(lab, cluster):
    agents = []
    for i in range(10):
        name = f"copy-{i}"
        agents.append(lab.agent(cluster.clients[i % 3], name=name, sections={
            "service": {"id": f"{lab.service}-{i}", "port": 3306 + i}}))
    for a in agents:
        a.start()
    master = wait_master(agents, 60)
    for a in agents:
        a.wait_role("master" if a is master else "slave", seconds=60)
    assert [m.node for m in lab.masterships()] == [master.name]

    # and the nine that are left do it again
    lab.kill(master)
    rest = [a for a in agents if a is not master]
    wait_master(rest, 60)


@pytest.mark.fast
@pytest.mark.sanitized
def test_a_stopped_agent_hands_over_within_a_second(lab, cluster):
    first, *others = lab.three(cluster)
    assert first.stop() == 0
    stopped = time.monotonic_ns()
    new = wait_master(others)
    begin = lab.calls("ensure_master", new.name)[0].at
    assert (begin - stopped) / 1e9 < 1
    demoted = lab.calls("ensure_demoted", first.name, phase="end")[-1]
    assert demoted.result == "done" and demoted.at < begin
    assert first.name not in {
        i["Node"] for i in cluster.clients[1].catalog(lab.service)}

    first.start().wait_role("slave")
    assert new.role == "master"


@pytest.mark.fast
@pytest.mark.sanitized
def test_a_master_whose_application_is_sick_is_replaced(lab, cluster):
    first, *others = lab.three(cluster)
    first.sicken()
    new = wait_master(others, 10)
    first.wait_role("unhealthy")
    assert first.ask("/health").status == 500
    net.wait_for("the tag is unhealthy", lambda: cluster.clients[0].tags(
        lab.service) and any(
            i["ServiceTags"] == ["unhealthy"] for i in
            cluster.clients[0].catalog(lab.service)
            if i["Node"] == first.consul.name))
    # it gave the lock back, so there was no lock-delay (5 s) to wait for
    demoted = lab.calls("ensure_demoted", first.name, phase="end")[-1]
    begin = lab.calls("ensure_master", new.name)[0]
    assert 0 < begin.at - demoted.at < 2e9

    first.cure()
    first.wait_role("slave")
    assert new.role == "master"


def test_a_slave_whose_application_is_sick_stays_out_of_elections(lab, cluster):
    first, second, third = lab.three(cluster)
    second.sicken()
    second.wait_role("unhealthy")
    first.stop()
    third.wait_role("master")
    assert lab.calls("ensure_master", second.name) == []


BEFORE = pathlib.Path("/var/tmp/consul_failover_disable")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_only_those_who_may_disable_a_copy_do(lab, single):
    var_tmp = lab.folder / "var_tmp"
    var_tmp.mkdir()
    var_tmp.chmod(0o1777)
    a = lab.agent(single, sections={"agent": {"disable_file": None}})
    a.argv = ["unshare", "--mount", "sh", "-c",
              'mount --bind "$0" /var/tmp && exec "$@"', var_tmp, *a.argv]
    a.start().wait_role("master")
    before = var_tmp / BEFORE.name
    for make, words in (
            (lambda: before.symlink_to(a.file), "it is not a regular file"),
            (before.mkdir, "it is not a regular file"),
            (lambda: (before.touch(), shutil.chown(before, "nobody")),
             "it is a file of user")):
        said = len(a.lines(f"{BEFORE} does not disable this copy, because {words}"))
        make()
        net.wait_for("it says why that does not count", lambda: len(a.lines(
            f"{BEFORE} does not disable this copy, because {words}")) > said)
        before.rmdir() if before.is_dir() and not before.is_symlink() \
            else before.unlink()
        calls = len(lab.calls("ensure_master"))
        net.wait_for("it has looked again",
                     lambda: len(lab.calls("ensure_master")) > calls + 1)
    assert [m.node for m in lab.masterships()] == [a.name]
    for file in before, a.file.with_suffix(".disabled"):
        file.touch()
        a.wait_role("disabled")
        file.unlink()
        a.wait_role("master")


@pytest.mark.fast
def test_a_disabled_master_demotes_and_gives_the_lock_up(lab, cluster):
    first, *others = lab.three(cluster)
    first.disable_file.touch()
    new = wait_master(others, 15)
    first.wait_role("disabled")
    assert lab.calls("ensure_demoted", first.name)
    net.wait_for("the tag is disabled", lambda: any(
        i["ServiceTags"] == ["disabled"] and i["Node"] == first.consul.name
        for i in cluster.clients[1].catalog(lab.service)))
    first.disable_file.unlink()
    first.wait_role("slave")
    assert new.role == "master"


@pytest.mark.fast
def test_an_agent_that_is_killed_is_replaced(lab, cluster):
    # The session dies when the check fails; then the lock-delay runs.
    first, *others = lab.three(cluster)
    lab.kill(first)
    new = wait_master(others, 60)
    assert new.status["epoch"] > lab.calls("ensure_master", first.name)[0].epoch


@pytest.mark.sanitized
def test_an_agent_that_is_killed_and_back_within_a_second_costs_no_failover(
        lab, cluster):
    first, *others = lab.three(cluster)
    session = first.consul.session_of(lab.service)
    epoch = first.status["epoch"]
    for _ in range(2):
        # Until its first poll of a new check Consul forgives no failure.
        time.sleep(1.5)
        first.kill()
        time.sleep(0.3)
        first.start().wait_role("master", seconds=10)
        assert first.consul.session_of(lab.service) == session
        assert first.status["epoch"] == epoch
    # the copy went on as the master all the time
    assert lab.demotions(first.name) == []
    assert [m.node for m in lab.masterships()] == [first.name]
    for a in others:
        assert lab.calls("ensure_master", a.name) == []


def test_a_killed_slave_is_missed_by_nobody(lab, cluster):
    first, second, third = lab.three(cluster)
    second.kill()
    time.sleep(3)
    assert first.role == "master" and third.role == "slave"
    second.start().wait_role("slave")


@pytest.mark.fast
def test_a_frozen_master_is_fenced_when_it_wakes_up(lab, cluster):
    """There is no guard yet, so the application is stopped with its agent."""
    first, *others = lab.three(cluster)
    first.freeze()
    lab.died(first)
    wait_master(others, 60)
    calls = len(lab.calls("ensure_master", first.name))
    first.thaw()
    first.wait_role("slave", seconds=20)
    assert len(lab.calls("ensure_master", first.name)) == calls


def test_a_handler_that_is_killed_is_started_again_and_costs_no_failover(lab, cluster):
    first, *_ = lab.three(cluster)
    for name in ("health", "role"):
        pid = net.wait_for(f"the {name} handler runs", lambda: first.handlers().get(name))
        os.kill(pid, signal.SIGKILL)
        net.wait_for(f"there is a new {name} handler", lambda: first.handlers().get(
            name) not in (None, pid))
    time.sleep(2)
    assert first.role == "master"
    assert [m.node for m in lab.masterships()] == [first.name]


def test_many_failovers_in_a_row_never_show_two_masters(lab, cluster):
    agents = lab.three(cluster)
    chance = random.Random(7)
    for _ in range(6):
        master = wait_master(agents)
        if chance.random() < 0.5:
            master.sicken()
            wait_master([a for a in agents if a is not master])
            master.cure()
        else:
            master.stop()
            wait_master([a for a in agents if a is not master])
            master.start()
        master.wait_role("slave")
    assert len(lab.masterships()) == 7
