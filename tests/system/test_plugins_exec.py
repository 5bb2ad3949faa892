"""The exec plugin: every application that a command can drive."""

import os
import subprocess
import time

import pytest

from lab import PROGRAM, ROOT, net, process
from lab.agent import wait_master

OPS = ("health", "ensure_master", "ensure_slave", "ensure_demoted")


@pytest.fixture
def scripted(lab):
    """An agent whose four commands are one script; write_script changes it."""
    def make(consul_, body="exit 0", command=None, **more):
        folder = lab.folder / f"script-{len(lab.agents)}"
        folder.mkdir()
        script = folder / "script.sh"
        sections = more.pop("sections", {})
        sections["options"] = {"flag": None, **{
            op: command or f"{script} {op}" for op in OPS}}
        a = lab.agent(consul_, plugin_name="exec", sections=sections, **more)
        a.script_file, a.facts = script, folder

        def write_script(text):
            new = folder / "new.sh"
            new.write_text(f"#!/bin/sh\n{text}\n")
            new.chmod(0o755)
            os.rename(new, script)
        a.write_script = write_script
        a.write_script(body)
        return a
    return make


def call(agent, op="health", *words):
    env = {k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")}
    return subprocess.run(
        [PROGRAM, "plugin", "call", "-c", agent.file, op, *words], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=60, env=env)


@pytest.mark.sanitized
def test_the_exit_status_is_the_result_and_the_first_line_the_sentence(
        lab, single, scripted):
    a = scripted(single)
    for status, expected in ((0, 0), (1, 1), (75, 75), (2, 1), (127, 1)):
        a.write_script(f"echo 'All is as it is.'; echo more; exit {status}")
        r = call(a)
        assert r.returncode == expected, r
        assert "All is as it is." in r.stdout + r.stderr
        assert "more" not in r.stdout
    a.write_script("kill -9 $$")
    r = call(a)
    assert r.returncode == 1 and "9" in r.stdout + r.stderr


@pytest.mark.sanitized
def test_the_facts_are_in_the_environment_and_no_token_is(lab, cluster, scripted):
    agents = [scripted(c, env={"CONSUL_HTTP_TOKEN": ""}) for c in cluster.clients[:2]]
    for a in agents:
        a.write_script(f'env > "{a.facts}/$1.new" && '
                       f'mv "{a.facts}/$1.new" "{a.facts}/$1"; exit 0')
    first, second = agents
    first.start().wait_role("master")
    second.start().wait_role("slave")

    def facts(a, op):
        file = net.wait_for(f"{op} was called", lambda: (
            a.facts / op if (a.facts / op).exists() else None))
        return dict(l.split("=", 1) for l in file.read_text().splitlines() if "=" in l)
    master, slave = facts(first, "ensure_master"), facts(second, "ensure_slave")
    assert master["CF_ROLE"] == "master" and slave["CF_ROLE"] == "slave"
    assert master["CF_SERVICE"] == slave["CF_SERVICE"] == lab.service
    assert master["CF_NODE"] == first.consul.name
    assert master["CF_EPOCH"] == slave["CF_EPOCH"] == str(first.status["epoch"])
    assert slave["CF_MASTER_ADDR"] == first.consul.address
    assert slave["CF_MASTER_PORT"] == "3306"
    for env in (master, slave, facts(first, "health")):
        assert not [k for k in env if k.startswith(("CONSUL", "NOTIFY"))]


@pytest.mark.sanitized
def test_no_shell_reads_the_command(lab, single, scripted):
    a = scripted(single, command="/bin/echo 'one  two' $HOME; touch /x | `id` > \\$x")
    r = call(a)
    assert r.returncode == 0
    assert "one  two $HOME; touch /x | `id` > $x" in r.stdout


@pytest.mark.sanitized
def test_a_command_that_takes_too_long_is_killed_with_all_it_started(
        lab, single, scripted):
    a = scripted(single, sections={"plugin": {"health_deadline": "2s"}})
    a.start().wait_role("master")
    pids = a.facts / "pids"
    a.write_script(f"[ $1 = health ] || exit 0\n"
                   f"sleep 1000 & echo $! >> {pids}; echo $$ >> {pids}; sleep 1000")
    a.wait_role("unhealthy", seconds=20)
    assert "did not end within" in a.ask("/health").text
    a.write_script("exit 0")
    a.wait_role("master")
    for pid in pids.read_text().split():
        assert process.stat(int(pid)) in (None, "Z"), process.command_line(int(pid))


@pytest.mark.sanitized
def test_endless_output_is_read_and_cut(lab, single, scripted):
    a = scripted(single, "head -c 50000000 /dev/zero | tr '\\0' x; exit 0")
    begin = time.monotonic()
    r = call(a)
    assert r.returncode == 0 and len(r.stdout) < 10000
    assert time.monotonic() - begin < 20


@pytest.mark.sanitized
@pytest.mark.parametrize("command, words", [
    ("/nowhere/to/be/found", "/nowhere/to/be/found"), ("no-such-command-at-all", "PATH"),
    ("./relative", "absolute"), ("echo 'open", "not closed"), ("''", "no command")])
def test_a_command_that_cannot_be_is_said(lab, single, scripted, command, words):
    a = scripted(single, command=command)
    r = call(a)
    assert r.returncode not in (0, 75) and words in r.stdout + r.stderr, r


@pytest.mark.sanitized
def test_it_fails_over(lab, cluster, scripted):
    agents = [scripted(c) for c in cluster.clients]
    for a in agents:
        a.write_script(f'echo "$1" >> {a.facts}/calls\n'
                       f'[ $1 != health ] || [ ! -e {a.facts}/sick ]')
    agents[0].start().wait_role("master")
    for a in agents[1:]:
        a.start().wait_role("slave")
    (agents[0].facts / "sick").touch()
    wait_master(agents[1:], 20)
    agents[0].wait_role("unhealthy")
    calls = (agents[0].facts / "calls").read_text().split()
    assert calls.index("ensure_demoted", calls.index("ensure_master"))


def test_the_worked_configuration_runs_a_command_only_on_the_master(lab, cluster):
    """conf/exec-only-on-master.ini, with another command in another place."""
    worked = (ROOT / "conf/exec-only-on-master.ini").read_text()
    script = ROOT / "conf/only-on-master"
    agents = []
    for c in cluster.clients[:2]:
        file = lab.folder / f"{c.name}.pid"
        options = {"flag": None}
        for op in OPS:
            line = next(l for l in worked.splitlines() if l.startswith(f"{op} = "))
            word, what, *_ = line.split(" = ")[1].split()
            assert word == "only-on-master"
            options[op] = f"{script} -p {file} {what} /bin/sleep 1000"
        a = lab.agent(c, plugin_name="exec", sections={
            "options": options, "plugin": {"demote_deadline": "2s"},
            "lock": {"lock_delay": "7s"}})
        a.pidfile = file
        agents.append(a)
    first, second = agents

    def runs(a):
        pid = int(a.pidfile.read_text().split()[0]) if a.pidfile.exists() else 0
        return pid if pid and process.stat(pid) not in (None, "Z") else 0
    first.start().wait_role("master")
    second.start().wait_role("slave")
    assert runs(first) and not runs(second)
    os.kill(runs(first), 9)         # the command dies: the other takes over
    second.wait_role("master", seconds=30)
    assert runs(second) and not runs(first)
    assert second.stop() == 0
    first.wait_role("master", seconds=30)
    assert runs(first) and not runs(second)
    assert first.stop() == 0
    assert not runs(first)
