"""The plugin ocf: the resource agents redis and Stateful of Debian's package
resource-agents, and one of our own that behaves as it is told to."""

import fcntl
import os
import socket
import subprocess
import time

import ocf
import pytest
import redis

from lab import PROGRAM, net, plugin, process
from lab.agent import ini
from lab.copies import AGAIN

pytestmark = pytest.mark.skipif(
    not ocf.AGENT.exists(), reason="needs Debian's package resource-agents")


def master_and_slaves(lab):
    lab.prepare(ocf.Copy)
    for n in lab.nodes:
        assert not n.copy.running
        n.agent.start()
    master = lab.settled()
    return [master] + lab.others(master)


class TestRedis:
    def test_three_stopped_copies_become_a_master_and_two_slaves(self, lab):
        master, *slaves = master_and_slaves(lab)
        assert master.copy.write("1") == 1
        lab.everywhere_the_same()
        for s in slaves:
            with pytest.raises(redis.ReadOnlyError):
                s.copy.write("2")
            assert s.copy.ask("ROLE")[1:3] == [master.copy.address, master.copy.port]

    def test_the_application_dies_and_is_started_again_as_a_slave(self, lab):
        master, *slaves = master_and_slaves(lab)
        master.copy.write("1")
        lab.everywhere_the_same()
        pid = master.copy.pid
        master.copy.kill()
        new = lab.master(slaves)
        new.copy.write("2")
        lab.settled()
        assert master.copy.role() == "slave" and master.copy.pid != pid
        assert lab.everywhere_the_same() == {"1", "2"}

    def test_an_agent_that_is_stopped_leaves_a_slave_behind(self, lab):
        master, *slaves = master_and_slaves(lab)
        assert master.agent.stop() == 0
        assert master.copy.running and master.copy.role() == "slave"
        new = lab.master(slaves)
        new.copy.write("1")
        master.agent.start()
        assert lab.settled() is new
        assert lab.everywhere_the_same() == {"1"}

    def test_a_lost_agent_is_demoted_by_its_guard(self, lab):
        master, *slaves = master_and_slaves(lab)
        master.agent.kill()
        new = lab.master(slaves)
        assert master.copy.role() == "slave" and new.copy.role() == "master"
        with pytest.raises(redis.ReadOnlyError):
            master.copy.write("1")

    def test_one_that_hangs_cannot_be_demoted_so_it_is_stopped(self, lab):
        master, *slaves = master_and_slaves(lab)
        os.kill(master.copy.pid, 19)
        try:
            # It does not obey SIGTERM either, so the lock-delay protects.
            master.agent.wait_log("MAY STILL BE A MASTER", 40)
        finally:
            os.kill(master.copy.pid, 18)
        lab.settled(seconds=90)

    def test_it_passes_the_conformance_test(self, lab):
        one, other, _ = lab.prepare(ocf.Copy)
        assert other.call("ensure_master")[0] == 0
        status, text = one.plugin("test", "--yes", "--master",
                                  f"{other.copy.address}:{other.copy.port}")
        assert status == 0, text
        assert one.copy.running and one.copy.role() == "slave"


STATEFUL = "ocf:heartbeat:Stateful"

# A resource agent: what it says stands in the file "monitor", and "codes" has
# ACTION=CODE of actions that shall fail.  It records its calls.
OURS = """#!/bin/sh
cd {folder}
echo "$1 $OCF_RESKEY_CRM_meta_notify_type $OCF_RESKEY_CRM_meta_notify_operation" \\
     "$OCF_RESKEY_CRM_meta_notify_promote_uname" >> calls
[ "$1" = "$(cat hangs)" ] && echo $$ >hanging && exec sleep 100
env > env.$1
code=$(sed -n "s/^$1=//p" codes)
if [ -n "$code" ]; then
	echo "ocf-exit-reason:$1 was told to" >&2
	exit $code
fi
case $1 in
monitor) exit $(cat monitor) ;;
start | demote) echo 0 > monitor ;;
stop) echo 7 > monitor ;;
promote) echo 8 > monitor ;;
notify) ;;
*) exit 3 ;;
esac
"""


class Resource:
    """A config for one resource agent, called by hand."""

    def __init__(self, folder, agent=None, **options):
        self.folder, self.file = folder, folder / "agent.ini"
        script = folder / "agent"
        script.write_text(OURS.format(folder=folder))
        script.chmod(0o755)
        self.tell(monitor=7)
        (folder / "run").mkdir()
        self.file.write_text(ini({
            "service": {"name": "app", "port": 80},
            "plugin": {"path": plugin("ocf"), "demote_deadline": "4s",
                       "health_deadline": "3s"},
            "options": {"agent": agent or script, "tools": ocf.TOOLS,
                        "instance": f"{folder.name}-{os.getpid()}",
                        "lock_dir": folder / "run", **options},
            "agent": {"run_dir": folder / "run",
                      "state_dir": folder / "memory"}}))

    def tell(self, monitor=None, hangs="", **codes):
        if monitor is not None:
            (self.folder / "monitor").write_text(f"{monitor}\n")
        (self.folder / "hangs").write_text(hangs)
        (self.folder / "codes").write_text(
            "".join(f"{k}={v}\n" for k, v in codes.items()))

    @property
    def monitor(self):
        return int((self.folder / "monitor").read_text())

    def command(self, what, *words):
        done = subprocess.run(
            [str(w) for w in (PROGRAM, "plugin", what, "-c", self.file, *words)],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout

    def call(self, op, *words):
        (self.folder / "calls").unlink(missing_ok=True)
        if op == "ensure_slave":
            words = ("--master-host", "10.0.0.7", *words)
        return self.command("call", op, *words)

    def begin(self, op):
        """A call that hangs, as it was told to."""
        call = subprocess.Popen([PROGRAM, "plugin", "call", "-c", self.file, op],
                                stdout=subprocess.PIPE, text=True)
        net.wait_for("it hangs", self.hanging)
        return call

    def hanging(self):
        """The process of the action that hangs; None before it is known."""
        file = self.folder / "hanging"
        return int((file.exists() and file.read_text()) or 0) or None

    def end(self, call):
        """With the action that hangs."""
        call.kill()
        call.communicate()
        net.wait_for("the action has ended",
                     lambda: process.stat(self.hanging()) in (None, "Z"), 5)

    @property
    def actions(self):
        """What was called, without the looks."""
        calls = (self.folder / "calls").read_text().splitlines()
        return [" ".join(c.split()) for c in calls if c.split()[0] != "monitor"]

    def env(self, action):
        text = (self.folder / f"env.{action}").read_text()
        return dict(l.split("=", 1) for l in text.splitlines() if "=" in l)


@pytest.fixture
def ours(tmp_path):
    return Resource(tmp_path)


class TestActions:
    def test_stateful_passes_the_conformance_test(self, tmp_path):
        r = Resource(tmp_path, STATEFUL, parameters=f"state={tmp_path}/state")
        status, text = r.command("test", "--yes", "--master", "10.0.0.7:80")
        assert status == 0, text
        assert (tmp_path / "state").read_text() == "slave\n"

    def test_ours_passes_it_too(self, ours):
        status, text = ours.command("test", "--yes", "--master", "10.0.0.7:80")
        assert status == 0, text

    @pytest.mark.parametrize("code, status, words", [
        (0, 0, "runs as a slave (0)"), (8, 0, "runs as the master (8)"),
        (190, 0, "degraded"), (191, 0, "degraded"),
        (7, 0, "will be started"), (1, 1, "failed (1)"), (2, 1, "arguments"),
        (4, 1, "right"), (5, 1, "not installed"), (6, 1, "not configured"),
        (9, 1, "failed as the master (9)"), (77, 1, "unknown exit code (77)")])
    def test_health_says_what_monitor_says(self, ours, code, status, words):
        ours.tell(monitor=code)
        assert ours.call("health")[0] == status
        assert words in ours.call("health")[1]
        assert ours.actions == []

    @pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 9, 77, 126, 127])
    def test_what_is_not_known_to_be_stopped_is_not_demoted(self, ours, code):
        """As an agent that is not installed any more, or a shell that is not."""
        ours.tell(monitor=code, demote=code, stop=code)
        (ours.folder / "agent").write_text(f"#!/bin/sh\nexit {code}\n")
        status, text = ours.call("ensure_demoted")
        assert status == 1 and f"({code})" in text

    def test_nobody_else_can_take_our_turn(self, ours):
        """As with the name of a socket that is in no folder."""
        name = f"\0consul-failover-ocf-{ours.folder.name}-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as taken:
            taken.bind(name)
            assert ours.call("health")[0] == 0
        file, = (ours.folder / "run").glob("*.lock")
        assert file.stat().st_mode & 0o777 == 0o600
        with file.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            status, text = ours.call("health")
        assert status == AGAIN and "another action" in text

    def test_the_turns_are_in_no_folder_of_others(self, ours):
        (ours.folder / "run").chmod(0o777)
        status, text = ours.call("health")
        assert status == 1 and "lock_dir" in text and "others may" in text

    def test_an_agent_that_is_gone_has_not_demoted_anything(self, ours):
        (ours.folder / "agent").unlink()
        status, text = ours.call("ensure_demoted")
        assert status == 1 and "No such file or directory" in text

    def test_a_parameter_that_the_agent_does_not_know_is_refused(self, tmp_path):
        """It would look elsewhere, and find nothing that runs."""
        r = Resource(tmp_path, STATEFUL, parameters=f"stat={tmp_path}/state")
        status, text = r.call("health")
        assert status == 1 and 'has no parameter "stat"' in text

    @pytest.mark.parametrize("op", ["ensure_demoted", "ensure_slave", "ensure_master"])
    def test_a_mistyped_parameter_does_not_hide_a_master(self, tmp_path, op):
        """The agent was killed, and started again with that: what its default
        names is stopped, and what runs is not."""
        r = Resource(tmp_path, STATEFUL, parameters=f"state={tmp_path}/state")
        status, text = r.call("ensure_master")
        assert status == 0 and "runs as the master (8)" in text
        r.file.write_text(r.file.read_text().replace("state=", "stat="))
        status, text = r.call(op)
        assert status == 1 and 'has no parameter "stat"' in text, text
        assert (tmp_path / "state").read_text() == "master\n"

    def test_with_a_parameter_that_it_does_not_know_it_is_given_nothing_to_do(
            self, tmp_path):
        """A master that its default names is somebody else's."""
        r = Resource(tmp_path, parameters="on=1")
        self.describe(r, "echo '<parameter name=\"one\"/>'")
        for op in "ensure_demoted", "ensure_slave", "ensure_master":
            for code in 8, 0, 7:
                r.tell(monitor=code)
                status, text = r.call(op)
                assert status == 1 and 'has no parameter "on"' in text, text
                assert r.actions == ["meta-data"] and r.monitor == code

    def test_a_demotion_does_not_wait_for_the_description_first(self, tmp_path):
        """Here the one ends when the other has begun."""
        r = Resource(tmp_path, parameters="one=1")
        self.describe(r, "until [ -e env.monitor ]; do sleep 0.01; done; "
                         "echo '<parameter name=\"one\"/>'")
        r.tell(monitor=8)
        status, text = r.call("ensure_demoted")
        assert status == 0 and r.monitor == 0, text
        assert r.actions == ["meta-data", "demote"]

    def test_without_its_description_it_is_demoted_and_not_believed(self, tmp_path):
        r = Resource(tmp_path, parameters="one=1")
        self.describe(r, "echo '<parameter name=\"one\"/>'; sleep 100")
        r.tell(monitor=8)
        status, text = r.call("ensure_demoted")
        assert status == 1 and "meta-data did not end in time" in text, text
        assert r.monitor == 0

    def test_a_description_that_comes_late_is_asked_for_once_more(self, tmp_path):
        """As on a machine that is busy: it has a fifth of the time at first."""
        r = Resource(tmp_path, parameters="one=1")
        self.describe(r, "[ -e begun ] || { touch begun; sleep 100; }; "
                         "echo '<parameter name=\"one\"/>'")
        r.tell(monitor=8)
        status, text = r.call("ensure_demoted")
        assert status == 0 and r.monitor == 0, text

    def test_one_that_has_no_description_is_believed(self, tmp_path):
        r = Resource(tmp_path, parameters="one=1")
        r.tell(monitor=8)
        status, text = r.call("ensure_demoted")
        assert status == 0 and r.monitor == 0, text

    def describe(self, r, metadata):
        agent = r.folder / "agent"
        agent.write_text(agent.read_text().replace(
            "case $1 in\n", f"case $1 in\nmeta-data) {metadata} ;;\n", 1))

    @pytest.mark.parametrize("parameters, known", [
        ("one=1 two=2 three=3", True), ("trace_ra=1 trace_file=/x", True),
        ("OCF_CHECK_LEVEL=10 CRM_meta_x=1", True), ("on=1", False),
        ("ones=1", False), ("four=4", False), ("trace=1", False)])
    def test_a_description_is_read_as_xml_is(self, tmp_path, parameters, known):
        r = Resource(tmp_path, parameters=parameters)
        self.describe(r, """cat <<'END'
<parameters><parameter unique="0" name="one"/><parameter
\tname = 'two'>
<parameter\trequired='1'\n  name='three' ></parameter><other name="four"/>
</parameters>
END
""")
        status, text = r.call("health")
        assert (status == 0) == known == ("has no parameter" not in text), text
        if known and "CHECK_LEVEL" in parameters:
            assert "\nOCF_CHECK_LEVEL=10\n" in (tmp_path / "env.monitor").read_text()

    def test_a_description_that_does_not_end_leaves_time_for_monitor(self, tmp_path):
        r = Resource(tmp_path, parameters="one=1")
        self.describe(r, "echo '<parameter name=\"two\">'; sleep 100")
        status, text = r.call("health")
        assert status == 0, text

    def test_names_that_would_be_cut_are_refused(self, tmp_path):
        r = Resource(tmp_path, instance="x" * 81)
        status, text = r.call("ensure_demoted")
        assert status == 1 and "longer than 80 bytes" in text

    def test_the_exit_reason_is_told(self, ours):
        ours.tell(monitor=0, promote=1)
        status, text = ours.call("ensure_master")
        assert status == 1 and "promote: failed (1): promote was told to" in text

    def test_without_start_a_stopped_application_is_somebody_elses(self, tmp_path):
        r = Resource(tmp_path, start="no")
        for op in ("health", "ensure_master", "ensure_slave"):
            status, text = r.call(op)
            assert status == 1 and "is stopped (7)" in text, op
            assert r.actions == []
        assert r.call("ensure_demoted")[0] == 0

    def test_a_stopped_one_is_started_and_promoted(self, ours):
        status, text = ours.call("ensure_master")
        assert status == 0 and ours.monitor == 8, text
        assert ours.actions == ["start", "notify pre promote", "promote",
                                "notify post promote"]
        assert ours.call("ensure_master")[0] == 0 and ours.actions == []

    @pytest.mark.parametrize("code, before", [
        (7, ["start"]), (0, []), (190, []), (8, ["demote"]), (191, ["demote"]),
        (1, ["stop", "start"]), (9, ["demote", "stop", "start"])])
    def test_whatever_it_is_it_becomes_a_slave(self, ours, code, before):
        ours.tell(monitor=code)
        status, text = ours.call("ensure_slave")
        assert status == 0 and ours.monitor in (0, 190), text
        assert ours.actions == before + ["notify post promote 10.0.0.7"]

    @pytest.mark.parametrize("code", [2, 3, 4, 5, 6])
    def test_a_start_would_not_help_against_a_mistake(self, ours, code):
        ours.tell(monitor=0, monitor_=0)
        (ours.folder / "codes").write_text(f"monitor={code}\n")
        for op in ("ensure_master", "ensure_slave"):
            assert ours.call(op)[0] == 1 and ours.actions == []

    def test_demoted_is_what_monitor_says_not_what_demote_says(self, ours):
        for code, actions in (7, []), (0, []), (8, ["demote"]), (9, ["demote"]):
            ours.tell(monitor=code)
            status, text = ours.call("ensure_demoted")
            assert status == 0 and ours.actions == actions, (code, text)
            assert ours.monitor in (0, 7)

    def test_what_is_not_demoted_is_stopped(self, ours):
        for told in {"demote": 0}, {"demote": 1}:   # one that lies, one that fails
            ours.tell(monitor=8, **told)
            status, text = ours.call("ensure_demoted")
            assert status == 0 and ours.actions == ["demote", "stop"], text
            assert ours.monitor == 7
        ours.tell(monitor=8, hangs="demote")
        begin = time.monotonic()
        assert ours.call("ensure_demoted")[0] == 0
        assert ours.actions == ["demote", "stop"] and ours.monitor == 7
        assert time.monotonic() - begin < 5
        ours.tell(monitor=8, demote=0, stop=0)
        status, text = ours.call("ensure_demoted")
        assert status == 1 and "runs as the master (8)" in text

    def test_a_demotion_does_not_wait_for_a_look_that_hangs(self, ours):
        ours.tell(monitor=8, hangs="monitor")
        look = ours.begin("health")
        ours.tell(monitor=8)
        status, text = ours.call("ensure_demoted")
        assert status == 0 and ours.actions == ["demote"], text
        assert "did not end within" in look.communicate()[0]
        assert look.returncode == 1

    def test_health_is_busy_while_another_action_takes_long(self, ours):
        ours.tell(hangs="start")
        start = ours.begin("ensure_master")
        status, text = ours.call("health")
        assert status == 75 and "another action" in text
        ours.end(start)
        assert ours.call("health")[0] == 0

    def test_a_look_of_ensure_master_that_hangs_does_not_silence_health(self, ours):
        ours.tell(monitor=8, hangs="monitor")
        hangs = ours.begin("ensure_master")
        ours.tell(monitor=8)
        assert ours.call("health")[0] == 0
        ours.end(hangs)

    def test_an_action_ends_with_its_call(self, ours):
        """Else a promote that goes on makes a master of what was found demoted."""
        ours.tell(hangs="start")
        ours.end(ours.begin("ensure_master"))

    def test_what_it_starts_outlives_the_call(self, ours):
        script = ours.folder / "agent"
        script.write_text(script.read_text().replace(
            "start |", "start) sleep 1000 & echo $! > pid; echo 0 > monitor ;;\n"))
        assert ours.call("ensure_slave")[0] == 0
        pid = int((ours.folder / "pid").read_text())
        assert process.stat(pid) not in (None, "Z")
        os.kill(pid, 9)

    def test_its_environment_is_pacemakers(self, tmp_path):
        r = Resource(tmp_path, parameters="config='/etc/a b' user=me empty=")
        assert r.call("ensure_slave", "--epoch", "7")[0] == 0
        env = r.env("notify")
        for name, value in {
                "OCF_ROOT": "/usr/lib/ocf", "OCF_RESKEY_config": "/etc/a b",
                "OCF_RESKEY_user": "me", "OCF_RESKEY_empty": "",
                "OCF_RESOURCE_INSTANCE": f"{tmp_path.name}-{os.getpid()}",
                "OCF_RESOURCE_TYPE": "agent", "HA_SBIN_DIR": str(ocf.TOOLS),
                "OCF_RESKEY_CRM_meta_notify_type": "post",
                "OCF_RESKEY_CRM_meta_notify_operation": "promote",
                "OCF_RESKEY_CRM_meta_promotable": "true",
                "CF_MASTER_ADDR": "10.0.0.7", "CF_EPOCH": "7"}.items():
            assert env[name] == value, name
        assert int(r.env("monitor")["OCF_RESKEY_CRM_meta_interval"]) > 0
        assert int(env["OCF_RESKEY_CRM_meta_timeout"]) > 1000

    @pytest.mark.parametrize("options, words", [
        ({"agent": "ocf:heartbeat:nothing"}, "resource.d/heartbeat/nothing: No such"),
        ({"agent": "redis"}, "absolute path"),
        ({"parameters": "config"}, '"config" is not NAME=VALUE'),
        ({"parameters": "=x"}, "is not NAME=VALUE"),
        ({"parameters": "a='b"}, "not closed"),
        ({"agent": "ocf:heartbeat:redis", "parameters": "bin=/nothing"},
         "/nothing does not exist"),
        ({"agent": "ocf:heartbeat:redis", "parameters": "config=/nothing"},
         "/nothing does not exist"),
        ({"agent": "ocf:heartbeat:redis", "parameters": "user=nobodyatall"},
         "not a valid user")])
    def test_a_mistake_is_named(self, tmp_path, options, words):
        if "user=" in options.get("parameters", ""):
            (tmp_path / "redis.conf").touch()
            options = {**options, "parameters":
                       f"config={tmp_path}/redis.conf {options['parameters']}"}
        r = Resource(tmp_path, **options)
        status, text = r.call("ensure_slave")
        assert status == 1 and words in text, text
