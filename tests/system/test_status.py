"""consul-failover status: what Consul knows, for people and for scripts."""

import json
import os
import subprocess
import time

import pytest

from lab import PROGRAM, net


def status(agent, *words, env=None):
    e = {k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")}
    return subprocess.run(
        [PROGRAM, "status", "-c", agent.file, *words], text=True, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**e, **(env or {})},
        stdin=subprocess.DEVNULL)


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
