"""Programs and plugin are replaced under a running agent: what was loaded at its
start is what demotes."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from lab import PROGRAM, net, plugin, process

QUICK = {"agent": {"restart_wait": "500ms"}}
BROKEN = b"\x7fELF and then nothing of the kind"


@pytest.fixture
def installed(lab, single):
    """An agent with programs and a plugin of its own, as a package has them."""
    folder = lab.folder / "installed"
    folder.mkdir()
    for name in ("consul-failover", "consul-failover-handler",
                 "consul-failover-guard"):
        shutil.copy(PROGRAM.parent / name, folder)
    shutil.copy(plugin("recorder"), folder)
    a = lab.agent(single, sections=QUICK)
    a.write(plugin={"path": folder / "recorder.so"})
    a.argv[0] = folder / "consul-failover"
    a.installed = folder
    return a


def rename(path, content):
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o755)
    new.rename(path)


def write_over(path, content):
    """As cp does, into the file that is there."""
    with open(path, "r+b") as file:
        file.truncate()
        file.write(content)


def delete(path, content):
    path.unlink()


def demotions(lab, since):
    return [c for c in lab.calls("ensure_demoted", phase="end")
            if c.at > since and c.result == "done"]


def kill_and_see_it_demoted(lab, agent, before=lambda: None):
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    killed = time.monotonic_ns()
    agent.kill()
    before()
    net.wait_for("the guard has demoted it", lambda: demotions(lab, killed), 5)
    took = (demotions(lab, killed)[0].at - killed) / 1e9
    assert took < 0.5 + 1 + 0.5, took
    agent.wait_log("The lock is released (cleanly)", alive=False)
    assert not agent.lines("could not be demoted")


@pytest.mark.sanitized
@pytest.mark.parametrize("how", (rename, write_over, delete))
def test_a_plugin_that_is_replaced_demotes_all_the_same(lab, installed, how):
    a = installed.start().wait_role("master")
    how(a.installed / "recorder.so", BROKEN)
    kill_and_see_it_demoted(lab, a)


@pytest.mark.sanitized
@pytest.mark.parametrize("how", (rename, delete))
def test_programs_that_are_replaced_demote_all_the_same(lab, installed, how):
    a = installed.start().wait_role("master")
    for file in list(a.installed.iterdir()):
        how(file, BROKEN)
    kill_and_see_it_demoted(lab, a)


def test_a_handler_program_that_is_written_over_demotes_all_the_same(
        lab, installed):
    """Nobody can while one of them runs, but then the guard is not there yet."""
    a = installed.start().wait_role("master")
    handlers = a.handlers().values()

    def write_it_over():
        net.wait_for("no handler runs", lambda: not any(
            process.stat(pid) not in (None, "Z") for pid in handlers))
        write_over(a.installed / "consul-failover-handler", BROKEN)
    kill_and_see_it_demoted(lab, a, write_it_over)


@pytest.mark.sanitized
@pytest.mark.parametrize("how", (rename, write_over))
def test_an_agent_whose_plugin_is_replaced_goes_on(lab, installed, how):
    a = installed.start().wait_role("master")
    how(a.installed / "recorder.so", BROKEN)
    for pid in a.handlers().values():
        os.kill(pid, signal.SIGKILL)
    net.wait_for("it has handlers again", lambda: len(a.handlers()) == 2)
    a.sicken()
    a.wait_role("unhealthy")
    assert demotions(lab, 0)
    a.cure()
    a.wait_role("master")


@pytest.mark.sanitized
def test_a_guard_that_dies_after_an_upgrade_is_replaced_by_what_it_was(
        lab, installed):
    a = installed.start().wait_role("master")
    for file in list(a.installed.iterdir()):
        rename(file, BROKEN)
    guard = a.status["guard"]["pid"]
    os.kill(guard, signal.SIGKILL)
    net.wait_for("there is another guard", lambda:
                 a.status["guard"]["pid"] not in (None, guard))
    kill_and_see_it_demoted(lab, a)


@pytest.mark.sanitized
def test_a_changed_file_is_said_once_and_reload_takes_it(lab, installed):
    a = installed.start().wait_role("master")
    file = a.installed / "recorder.so"
    assert a.status["notice"] == ""
    os.utime(file)              # no other content: no news
    time.sleep(2)
    assert a.status["notice"] == ""
    rename(file, pathlib.Path(plugin("minimal")).read_bytes())
    text = f"{file} has changed on disk; reload to use it"
    a.wait_log(text)
    assert a.status["notice"] == text
    net.wait_for("Consul knows", lambda: [
        s["Service"]["Meta"].get("failover-notice") for s in
        a.consul.get(f"/v1/health/service/{lab.service}")] == [text])
    time.sleep(2)
    assert len(a.lines("has changed on disk")) == 1
    shown = subprocess.run([PROGRAM, "status", "-c", a.file], text=True,
                           stdout=subprocess.PIPE)
    assert f"{a.consul.name}: {text}\n" in shown.stdout
    assert shown.returncode == 0
    newer = pathlib.Path(plugin("recorder")).read_bytes()
    assert newer.count(b"\0" b"1.0\0") == 1
    rename(file, newer.replace(b"\0" b"1.0\0", b"\0" b"1.1\0"))
    a.hup()
    a.wait_log("Running with the new")
    assert a.status["notice"] == ""
    assert a.status["plugin"]["version"] == "1.1"


@pytest.mark.sanitized
def test_a_changed_program_wants_a_restart(lab, installed):
    a = installed.start().wait_role("master")
    file = a.installed / "consul-failover-handler"
    rename(file, BROKEN)
    a.wait_log(f"{file} has changed on disk; restart the agent to use it")
    a.hup()
    a.wait_log("Running with the new")
    file.unlink()
    a.wait_log(f"{file} is gone from the disk; put it back before you restart "
               "the agent")
    shutil.copy(PROGRAM.parent / file.name, file)
    net.wait_for("all is well", lambda: a.status["notice"] == "")
    assert a.role == "master"
