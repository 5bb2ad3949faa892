"""consul-failover status: what Consul knows, for people and for scripts."""

import json
import os
import subprocess
import time

import pytest

from lab import PROGRAM, net


def status_of(*words, env=None):
    e = {k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")}
    return subprocess.run(
        [PROGRAM, "status", *words], text=True, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**e, **(env or {})},
        stdin=subprocess.DEVNULL)


def status(agent, *words, env=None):
    return status_of("-c", agent.file, *words, env=env)


@pytest.mark.fast
@pytest.mark.sanitized
def test_status_prints_every_node_with_role_health_and_holder(lab, cluster):
    agents = lab.three(cluster)
    master = agents[0]

    def all_there():
        r = status(agents[1])
        return r if r.returncode == 0 and r.stdout.count("slave") >= 2 else None
    r = net.wait_for("status is 0 and shows two slaves", all_there)
    for a in agents:
        line = next(l for l in r.stdout.splitlines() if l.startswith(a.consul.name))
        assert a.role in line
    assert str(master.status["epoch"]) in r.stdout
    assert master.consul.name in r.stdout

    master.sicken()
    net.wait_for("the sentence is there", lambda: any(
        "not" in l or "missing" in l for l in status(agents[1]).stdout.splitlines()
        if l.startswith(master.consul.name) and "unhealthy" in l), 30)


@pytest.mark.sanitized
def test_status_as_json(lab, cluster):
    agents = lab.three(cluster)
    net.wait_for("status is 0", lambda: status(agents[0]).returncode == 0)
    text = status(agents[0], "--json").stdout
    s = json.loads(text)
    assert lab.service in text
    for a in agents:
        assert a.consul.name in text
    assert '"master"' in text and '"slave"' in text
    assert isinstance(s, dict)


@pytest.mark.sanitized
def test_the_exit_status_is_1_without_a_healthy_master(lab, single):
    a = lab.agent(single)
    assert status(a).returncode == 1        # nobody has ever been there
    a.start().wait_role("master")
    net.wait_for("status is 0", lambda: status(a).returncode == 0)
    a.sicken()
    a.wait_role("unhealthy")
    net.wait_for("status is 1", lambda: status(a).returncode == 1)
    a.stop()
    assert status(a).returncode == 1


@pytest.mark.sanitized
def test_the_exit_status_is_2_when_consul_cannot_be_asked(lab, single):
    a = lab.agent(single)
    r = status(a, env={"CONSUL_HTTP_ADDR": "127.0.0.1:9"})
    assert r.returncode == 2 and "127.0.0.1:9" in r.stderr


def test_what_others_wrote_into_consul_can_not_act_on_a_terminal(lab, cluster):
    a = lab.agent(cluster.clients[0]).start().wait_role("master")
    bad = "\x1b[2J\x9b1m\x07"
    other = cluster.clients[1]
    other.put("/v1/agent/service/register", {
        "Name": lab.service, "Port": 1, "Tags": [f"slave{bad}"],
        "Meta": {"failover-notice": bad, "failover-since": bad},
        "Check": {"CheckID": f"service:{lab.service}", "TTL": "60s"}})
    other.put(f"/v1/agent/check/update/service:{lab.service}",
              {"Status": "passing", "Output": bad})
    r = net.wait_for("it is there", lambda: [
        r for r in [status(a)] if other.name in r.stdout and "[2J" in r.stdout])[0]
    assert r.stdout.count("?[2J??1m?") >= 3
    for text in r.stdout, status(a, "--json").stdout:
        assert not [c for c in text if ord(c) < 32 and c != "\n" or
                    127 <= ord(c) < 160], text


def test_watch_shows_a_failover_as_it_happens(lab, cluster):
    agents = lab.three(cluster)
    out = lab.folder / "watch"
    with open(out, "wb") as f:
        p = subprocess.Popen([PROGRAM, "status", "-c", agents[1].file, "--watch"],
                             stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        try:
            net.wait_for("it shows the master", lambda: "master" in out.read_text())
            agents[0].stop()
            gone = len(out.read_text())
            net.wait_for("it shows another one", lambda: "master" in
                         out.read_text()[gone:], 20)
        finally:
            p.terminate()
            p.wait(10)


def row(agent, of=None):
    """(exit status, its line of the table)"""
    r = status(agent)
    return r.returncode, next(l for l in r.stdout.splitlines()
                              if l.startswith((of or agent).consul.name)), r.stdout


def test_one_that_does_not_follow_is_no_slave_anywhere(lab, cluster):
    """And the reason is where one looks for it."""
    master, slave = [lab.agent(c) for c in cluster.clients[:2]]
    master.start().wait_role("master")
    slave.start().wait_role("slave")
    net.wait_for("status is 0", lambda: status(master).returncode == 0)
    slave.script(ensure_slave="bad")
    slave.wait_role("joining", seconds=20)
    said = slave.status["why"]
    assert "ensure_slave: failed" in said
    answer = slave.ask("/slave")
    assert answer.status == 503 and said in answer.text
    assert 'role="joining"} 1' in slave.ask("/metrics").text
    assert 'role="slave"} 0' in slave.ask("/metrics").text
    net.wait_for("status says so", lambda: said in row(master)[2], 20)
    code, line, text = row(master, slave)
    assert code == 1 and "a node does not follow" in text and " slave " not in line
    slave.script()
    slave.wait_role("slave")
    net.wait_for("all is well again", lambda: row(master)[0] == 0 and
                 said not in row(master)[2], 20)


@pytest.mark.slow(25)
def test_new_words_are_in_consul_within_ten_seconds_and_old_ones_cost_nothing(
        lab, single):
    words = lab.folder / "words"
    words.write_text("1 of 3 is here")
    a = lab.agent(single, plugin_name="exec", sections={"options": {
        "flag": None, "health": f"/bin/cat {words}",
        **{f"ensure_{role}": "/bin/true" for role in ("master", "slave", "demoted")}}})
    a.start().wait_role("master")

    def entry():
        return next(n for n in json.loads(status(a, "--json").stdout)["nodes"])

    def told(said):
        words.write_text(said)
        net.wait_for("it is said", lambda: said in a.ask("/health").text)
        net.wait_for("it is told", lambda: said in entry()["health"], 10.5)
    told("day 1 is here, beside 10.0.0.1:3306")
    assert entry()["health_at"] in status(a).stdout
    index = single.get(f"/v1/catalog/service/{lab.service}")[0]["ModifyIndex"]
    for number in range(12):
        words.write_text(f"day {number} is here, beside 10.0.0.1:3306")
        time.sleep(1)
    assert single.get(
        f"/v1/catalog/service/{lab.service}")[0]["ModifyIndex"] == index
    told("day 11 is here, beside 10.0.0.2:3306")    # after a failover


@pytest.mark.fast
@pytest.mark.sanitized
def test_a_service_s_name_does_what_its_config_does(lab, single):
    a = lab.agent(single).start().wait_role("master")
    net.wait_for("status is 0", lambda: status(a).returncode == 0)
    at = {"CONSUL_HTTP_ADDR": single.url}

    def same():
        r = status(a)
        return r.stdout == status_of(lab.service, env=at).stdout == \
            status_of(lab.service, "--http-addr", single.url,
                      env={"CONSUL_HTTP_ADDR": "127.0.0.1:9"}).stdout and r
    assert net.wait_for("all say the same", same).returncode == 0
    for r in status_of(lab.service, "-c", a.file), status_of(lab.service, "other"):
        assert r.returncode == 64 and r.stderr and not r.stdout
    a.stop()
    r = status_of(lab.service, env=at)      # it is known by its key
    assert r.returncode == 1 and "no node of this service" in r.stdout


@pytest.mark.sanitized
def test_a_service_that_there_is_not_is_a_mistake(lab, single):
    lab.agent(single).start().wait_role("master")
    at = {"CONSUL_HTTP_ADDR": single.url}
    swapped = lab.service.replace("app", "pap")
    r = status_of(swapped, env=at)
    assert r.returncode == 2 and r.stdout == ""
    assert r.stderr == f'consul-failover: there is no service "{swapped}"; did you ' \
        f'mean "{lab.service}"?\n'
    r = status_of("nothing-like-it", "--watch", env=at)
    assert r.returncode == 2 and '"consul-failover status" lists' in r.stderr
    r = status_of("no_label", env=at)
    assert r.returncode == 2 and "not a DNS label" in r.stderr


@pytest.mark.fast
@pytest.mark.sanitized
def test_without_a_service_all_are_listed(lab, single):
    at = {"CONSUL_HTTP_ADDR": single.url}
    single.delete("/v1/kv/lock/?recurse")       # of other tests
    r = status_of(env=at)
    assert r.returncode == 2 and "no service of consul-failover" in r.stderr
    single.put("/v1/agent/service/register", {
        "Name": f"{lab.service}-other", "Port": 1, "Tags": ["master"]})
    single.put("/v1/kv/lock/no/service/leader", "x")

    def listed():
        r = status_of(env=at)
        head, *rows = r.stdout.splitlines()
        assert head.split() == ["SERVICE", "MASTER", "SLAVES", "STATUS"]
        return r.returncode, {row.split()[0]: row.split(None, 3)[1:] for row in rows}
    good = lab.agent(single).start().wait_role("master")
    found = net.wait_for("it is good", lambda: [
        f for f in [listed()] if f[0] == 0])[0][1]
    assert found == {lab.service: [single.name, "0", "one healthy master"]}
    # One that never had a master has no lock.
    sick = lab.agent(single, name="sick", service=f"{lab.service}-sick")
    sick.sicken()
    sick.start()
    code, found = net.wait_for("both are there", lambda: [
        f for f in [listed()] if len(f[1]) == 2])[0]
    assert code == 1 and single.key(sick.service) is None
    assert found[lab.service][2] == "one healthy master"
    assert found[sick.service][:2] == ["-", "0"]
    assert "no master" in found[sick.service][2]
    r = status_of("--json", env=at)
    assert r.returncode == 1 and r.stdout.count("\n") == 1
    assert {s["service"]: s["ok"] for s in json.loads(r.stdout)["services"]} == {
        lab.service: True, sick.service: False}
    assert json.loads(status_of(lab.service, "--json", env=at).stdout) in \
        json.loads(status_of("--json", env=at).stdout)["services"]
    good.stop()
    assert listed()[1][lab.service][0] == "-"
    r = status_of(env={"CONSUL_HTTP_ADDR": "127.0.0.1:9"})
    assert r.returncode == 2 and "127.0.0.1:9" in r.stderr and not r.stdout


def test_all_are_watched(lab, single):
    single.delete("/v1/kv/lock/?recurse")
    out = lab.folder / "watch"
    a = lab.agent(single)
    with open(out, "wb") as f:
        p = subprocess.Popen([PROGRAM, "status", "--watch", "--http-addr", single.url],
                             stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        try:
            net.wait_for("it shows none", lambda: "no service" in out.read_text())
            a.start().wait_role("master")
            net.wait_for("it shows it", lambda: f"{lab.service}  " in out.read_text())
        finally:
            p.terminate()
            p.wait(10)
