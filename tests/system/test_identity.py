"""Who is who: names, nodes, machines.  Two that are taken for one, or one for
two, are two masters."""

import shutil
import time

import pytest

from lab import net, proxy


def run_folder(a):
    return a.folder / "run"


def crash(a):
    """Agent and guard at the same moment: the copy stays a master."""
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    a.crash()


def run_file(a, words=None):
    """What it says; words: in the place of what."""
    file = run_folder(a) / f"{a.service}.run"
    text = file.read_text()
    for old, new in (words or {}).items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return text.split()


#
# A run file is believed where it was written.
#

@pytest.mark.sanitized
@pytest.mark.parametrize("known", [False, True])
def test_a_run_file_of_another_node_makes_no_master(lab, cluster, known):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    two = lab.agent(cluster.clients[1])
    if known:
        two.start().wait_role("slave")
        crash(two)
    session = run_file(one)[1]
    shutil.copytree(run_folder(one), run_folder(two), dirs_exist_ok=True)
    two.start().wait_role("slave")
    assert len(two.lines(f"Not continuing with the earlier session {session}")) == 1
    assert f'it belongs to node "{cluster.clients[0].name}"' in two.text()
    assert lab.calls("ensure_demoted", two.name)
    assert not lab.calls("ensure_master", two.name)
    assert one.role == "master" and run_file(one)[1] == session


def test_a_run_file_of_another_machine_or_boot_makes_no_master(lab, single):
    a = lab.agent(single).start().wait_role("master")
    for what, file in ((3, "/etc/machine-id"), (4, "/proc/sys/kernel/random/boot_id")):
        word = run_file(a)[what]
        assert word == open(file).read().strip()
        crash(a)
        guard = run_folder(a) / f"{a.service}.guard"
        guard.write_text("9000000000000000 9000000000000000 0 1 0 - 0\n")
        promote = run_folder(a) / f"{a.service}.promote"
        promote.write_text("")
        run_file(a, {word: "0" * len(word)})
        demoted = len(lab.calls("ensure_demoted", a.name))
        lines = len(a.lines("was written on another machine"))
        a.start()
        net.wait_for("it is demoted first", lambda: len(
            lab.calls("ensure_demoted", a.name)) > demoted)
        assert len(a.lines("was written on another machine")) == lines + 1
        assert not promote.exists()
        assert not guard.read_text().startswith("9000000000000000")
        a.wait_role("master", seconds=40)


def test_a_run_file_of_an_older_version_is_believed_if_consul_agrees(lab, single):
    a = lab.agent(single).start().wait_role("master")
    before = run_file(a)
    crash(a)
    demoted = len(lab.calls("ensure_demoted", a.name))
    run_file(a, {" ".join(before[3:]): ""})
    a.start().wait_role("master")
    assert len(lab.calls("ensure_demoted", a.name)) == demoted
    assert run_file(a)[1:] == before[1:]


def test_leave_with_a_run_file_of_another_node_leaves_its_lock_alone(lab, cluster):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    two = lab.agent(cluster.clients[1]).start().wait_role("slave")
    crash(two)
    session = run_file(one)[1]
    shutil.copy(run_folder(one) / f"{one.service}.run", run_folder(two))
    leave = lab.run("leave", [two.argv[0], "leave", "-c", two.file])
    assert leave.wait() == 0, leave.text()
    assert f'session {session} belongs to node "{one.name}"' in leave.text()
    assert cluster.servers[0].session_of(lab.service) == session
    assert one.role == "master"
    assert [i["Node"] for i in cluster.servers[0].catalog(lab.service)] == [one.name]


@pytest.mark.parametrize("copied", ["of this boot", "without a place"])
def test_leave_on_a_node_that_never_registered_leaves_the_lock_alone(
        lab, cluster, copied):
    """As in a second container of the host, or with a file of an older version."""
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    two = lab.agent(cluster.clients[1])
    session = run_file(one)[1]
    shutil.copytree(run_folder(one), run_folder(two), dirs_exist_ok=True)
    if copied == "without a place":
        run_file(two, {" ".join(run_file(one)[3:]): ""})
    leave = lab.run("leave", [two.argv[0], "leave", "-c", two.file, "released"])
    assert leave.wait() == 0, leave.text()
    assert f'session {session} belongs to node "{one.name}"' in leave.text()
    assert cluster.servers[0].session_of(lab.service) == session
    time.sleep(1)
    assert one.role == "master" and len(lab.masterships()) == 1


#
# A service that is called by two names which differ in case only is one to the
# catalogue and to DNS, and has two locks.
#

class Older:
    """Another program that competes for the lock of its name as the Python
    consul-failover does: it looks at that key, and at nothing else."""

    def __init__(self, consul_, name):
        self.consul, self.name, self.session = consul_, name, None

    def register(self):
        self.consul.put("/v1/agent/service/register", {
            "Name": self.name, "Port": 1,
            "Check": {"TTL": "1h", "Status": "passing"}})

    def acquire(self):
        if not self.session:
            a = self.consul.request("PUT", "/v1/session/create", {
                "Name": self.name, "TTL": "60s", "LockDelay": "1s",
                "Checks": ["serfHealth", f"service:{self.name}"]})
            self.session = a.status == 200 and a.json["ID"]
        return self.session and self.consul.put(
            f"/v1/kv/lock/{self.name}/leader?acquire={self.session}", "older")

    def end(self):
        if self.session:
            self.consul.put(f"/v1/session/destroy/{self.session}")
        self.consul.put(f"/v1/agent/service/deregister/{self.name}")


@pytest.fixture
def older(lab, cluster):
    o = Older(cluster.clients[1], lab.service.upper())
    yield o
    o.end()


def names(cluster, service):
    return sorted({i["ServiceName"] for i in cluster.servers[0].catalog(service)})


def test_whoever_comes_later_with_the_name_in_another_case_stays_outside(lab, cluster):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    two = lab.agent(cluster.clients[1], service=lab.service.upper()).start()
    two.wait_log("this copy is not registered, so it can't become master")
    line = two.lines("not registered")[0]
    assert f'"{one.name}" has this service as "{lab.service}"' in line
    assert f'we call it "{lab.service.upper()}"' in line
    assert names(cluster, lab.service) == [lab.service]
    assert two.role != "master" and one.role == "master"
    assert one.stop() == 0
    two.wait_role("master", seconds=40)
    assert names(cluster, lab.service) == [lab.service.upper()]
    assert cluster.servers[0].session_of(lab.service.upper())


def test_two_that_come_at_once_are_never_both_master(lab, cluster):
    agents = [lab.agent(cluster.clients[0]),
              lab.agent(cluster.clients[1], service=lab.service.upper())]
    for _ in range(3):
        for a in agents:
            a.start()
        net.wait_for("one is master", lambda: "master" in [a.role for a in agents], 60)
        assert len(names(cluster, lab.service)) == 1
        for a in agents:
            a.stop()


@pytest.mark.sanitized
def test_a_master_bars_the_lock_of_another_name_that_appears(lab, cluster, older):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    session = cluster.servers[0].session_of(lab.service)
    older.register()
    net.wait_for("the other lock is taken", lambda: cluster.servers[0].session_of(
        older.name) == session, 2, 0.002)
    assert older.acquire() is False
    assert f'has this service as "{older.name}"' in one.text()
    two = lab.agent(cluster.clients[2]).start()
    two.wait_log("not registered")      # not beside two names
    assert one.role == "master"
    status = lab.run("status", [one.argv[0], "status", "-c", one.file])
    assert status.wait() == 1 and "in another case" in status.text()
    older.end()
    older.session = None
    net.wait_for("the other lock is given back", lambda: not
                 cluster.servers[0].session_of(older.name))
    two.wait_role("slave")
    assert one.role == "master" and cluster.servers[0].session_of(lab.service) == session


def test_a_master_ends_that_can_not_bar_the_lock_of_another_name(lab, cluster, older):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    two = lab.agent(cluster.clients[2]).start().wait_role("slave")
    # Faster than anybody can be: it has the lock before it is registered.
    older.session = older.consul.put("/v1/session/create", {
        "TTL": "60s", "Checks": ["serfHealth"]})["ID"]
    assert older.acquire()
    older.register()
    assert one.wait(10) == 1
    assert "There may be another master of this service" in one.text()
    assert lab.calls("ensure_demoted", one.name, "end")[-1].result == "done"
    one.start().wait_log("not registered")
    two.wait_log("The lock is free, but not taken")
    assert one.role != "master" and two.role != "master"
    assert older.consul.session_of(older.name) == older.session
    older.end()
    older.session = None
    net.wait_for("one of them is master", lambda: "master" in (one.role, two.role), 40)


def test_a_master_that_may_still_be_one_does_not_free_the_other_lock(lab, cluster, older):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    older.register()
    net.wait_for("the other lock is taken",
                 lambda: cluster.servers[0].session_of(older.name))
    one.script(ensure_demoted="bad")
    one.disable_file.touch()
    one.wait_log("MAY STILL BE A MASTER")
    until = time.monotonic() + 3        # its lock-delay is 5 s
    while time.monotonic() < until:
        assert not older.acquire(), "it is had while the copy may be a master"
        time.sleep(0.02)
    one.script()
    one.wait_role("disabled")


def test_a_token_that_may_not_bar_costs_no_master(lab, cluster, older):
    fake = proxy.Proxy(lab.net.address(), 8500, cluster.clients[0].address)
    try:
        fake.on("PUT", f"/v1/kv/lock/{older.name}/leader", proxy.BROKEN["403"])
        one = lab.agent(cluster.clients[0], sections={"consul": {"address": fake.url}})
        one.start().wait_role("master")
        older.register()
        one.wait_log("but can't take that of")
        time.sleep(3)
        assert one.role == "master"
    finally:
        fake.end()


def test_an_agent_that_starts_again_beside_another_name_is_no_master(lab, cluster, older):
    one = lab.agent(cluster.clients[0]).start().wait_role("master")
    crash(one)
    older.register()
    assert older.acquire()
    one.start()
    assert one.wait(15) == 1
    assert "There may be another master of this service" in one.text()
    assert lab.calls("ensure_demoted", one.name, "end")[-1].result == "done"


def test_a_cluster_whose_name_has_capitals_goes_on(lab, cluster):
    name = lab.service.title()
    one = lab.agent(cluster.clients[0], service=name).start().wait_role("master")
    two = lab.agent(cluster.clients[1], service=name).start().wait_role("slave")
    assert cluster.servers[0].session_of(name)
    one.stop()
    two.wait_role("master")


def test_ids_that_differ_in_case_only_are_refused_on_one_node(lab, single):
    one = lab.agent(single).start().wait_role("master")
    two = lab.agent(single, name="two", sections={
        "service": {"id": lab.service.upper()}}).start()
    two.wait_log(f'has the service id "{lab.service}"', 30)
    assert two.role != "master"


#
# What is longer than its place.
#

def test_all_tags_are_there_or_refused(lab, single):
    """Cut at 1,024 bytes, the last one of a slave was "master"."""
    last = "master-of-ceremonies"
    tags = ",".join([f"t{n:04}" for n in range(163)] + [last])
    assert len(tags) == 998
    a = lab.agent(single, sections={"service": {"tags": tags}})
    a.start().wait_role("master")
    net.wait_for("all tags are there", lambda: single.tags(lab.service) == {
        lab.service: ["master", *tags.split(",")]})
    a.write(service={"tags": f"abc,{tags}"})
    check = lab.run("check", [a.argv[0], "check", "-c", a.file])
    assert check.wait() == 78
    assert "tags: the value is too long: 1002 characters, at most 1000 are" in check.text()


def test_a_master_whose_address_is_that_of_a_slave_is_named(lab, cluster):
    first, second = (lab.agent(c, sections={"service": {"address": "db.test"}})
                     for c in cluster.clients[:2])
    first.start().wait_role("master")
    second.start()
    second.wait_log(f"The master's address: node {first.consul.name} has db.test, "
                    "port 3306, and so has this copy")
    assert not first.lines("The master's address")


@pytest.mark.parametrize("ours, theirs", [
    ("127.0.0.1", "10.0.0.7"), ("localhost", "10.0.0.7"), ("::1", "10.0.0.7"),
    (None, "127.0.0.1"), (None, "::ffff:127.0.0.1"), ("127.0.0.1", "localhost")])
def test_no_copy_stands_beside_one_by_whose_address_each_host_means_itself(
        lab, single, ours, theirs):
    """Its slaves would follow themselves.  A copy that is alone may have it."""
    def elsewhere(yes):
        single.put(f"/v1/catalog/{'' if yes else 'de'}register", {
            "Node": "elsewhere", "Address": "10.0.0.7", **({"Service": {
                "Service": lab.service, "Address": theirs, "Port": 3306}}
                if yes else {})})
    elsewhere(True)
    try:
        a = lab.agent(single, sections={"service": {"address": ours}}).start()
        a.wait_log("this copy is not registered, so it can't become master: the "
                   'node "elsewhere" has a copy of this service, too, and the '
                   f"[service] address {'here' if ours else 'there'} is "
                   f"{ours or theirs}, by")
        check = lab.run("check", [a.argv[0], "check", "--live", "-c", a.file])
        assert check.wait() == 1 and "each host means itself" in check.text()
        net.wait_for("it is not in the catalogue", lambda: [
            e["Node"] for e in single.catalog(lab.service)] == ["elsewhere"])
    finally:
        elsewhere(False)
    a.wait_role("master", seconds=20)
    elsewhere(True)     # whoever has a place keeps it
    single.put(f"/v1/agent/service/deregister/{lab.service}")
    try:
        net.wait_for("it is registered again", lambda: len(
            single.catalog(lab.service)) == 2)
        a.wait_role("master")
    finally:
        elsewhere(False)
