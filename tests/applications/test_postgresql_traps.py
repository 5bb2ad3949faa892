"""PostgreSQL: what it does that costs data or a master, where nobody takes care,
and what the plugin refuses."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time

import psycopg2
import pytest

import postgresql
from lab import net, process
from lab.copies import AGAIN, done


class Copy(postgresql.Copy):
    """With options that a test adds; and a config of its own in the folder."""

    more = {}

    @property
    def options(self):
        return {**super().options, **self.more}

    def state(self):
        text = postgresql.run("pg_controldata", "-D", self.data).stdout
        lines = dict(l.split(":", 1) for l in text.splitlines() if ":" in l)
        return lines["Database cluster state"].strip()

    def timeline(self):
        return self.ask("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), "
                        "8, 1)::int")[0][0]

    def streams_from(self):
        rows = self.ask("SELECT sender_host, sender_port FROM "
                        "pg_stat_wal_receiver WHERE status = 'streaming'")
        return rows[0] if rows else None

    def conninfo(self):
        return self.ask("SHOW primary_conninfo")[0][0]

    def empty(self):
        """As a new host is."""
        shutil.rmtree(self.data)
        self.data.mkdir(0o700)
        shutil.chown(self.data, self.user)

    @contextlib.contextmanager
    def frozen(self, *pids):
        """Those that end by themselves meanwhile are not missed."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


class Unwindable(Copy):
    """Without what pg_rewind needs."""

    @property
    def settings(self):
        return {**super().settings, "wal_log_hints": "off"}


class Copying(Unwindable):
    on_divergence = "copy"


class Refusing(Copy):
    on_divergence = "refuse"


def copies(lab, kind=Copy, count=1, **options):
    """Running copies, all of them standbys of nobody, and no agents."""
    nodes = lab.prepare(kind, count=count, options=options)
    for n in nodes:
        n.copy.start()
    return nodes


def refused(node, op, *words):
    status, said = node.answer(op, *words)
    assert status == 1, said
    return said


def of(node):
    """The words of ensure_slave."""
    return "--master", f"{node.copy.address}:{node.copy.port}"


def pair(lab, kind=Copy, count=2):
    """A master, and slaves that stream from it."""
    master, *slaves = copies(lab, kind, count)
    done(master, "ensure_master")
    for s in slaves:
        done(s, "ensure_slave", *of(master))
    return [master, *slaves]


def write(node, id):
    with contextlib.closing(node.copy.client(1)) as client:
        client.write(id)


def holds(node, *ids):
    net.wait_for(f"{node.name} holds {ids}",
                 lambda: set(ids) <= set(node.copy.ids()))


def position(node):
    status, said = node.call("position")
    assert status == 0, said
    return said.strip().removeprefix("done: ")


# Becoming master.

def test_a_primary_and_its_base_backups_are_taken_over(lab):
    """As one has made them by hand, before there was an agent."""
    first, *others = lab.prepare(Copy)
    (first.copy.data / "standby.signal").unlink()
    first.copy.start()
    write(first, "before")
    for node in others:
        node.copy.rebuild(first.copy)
    first.agent.start()
    assert lab.master([first])
    for node in others:
        node.agent.start()
    master = lab.settled()
    assert master is first
    write(master, "after")
    for node in lab.nodes:
        holds(node, "before", "after")


def test_made_master_twice_it_is_promoted_once(lab):
    node, = copies(lab)
    done(node, "ensure_master")
    first = node.copy.timeline()
    done(node, "ensure_master")
    assert node.copy.timeline() == first == 2


def test_half_a_rewind_is_not_started(lab):
    """pg_rewind was killed: the control file is that of a good stop."""
    master, slave = pair(lab)
    write(master, "a")
    slave.copy.stop()
    torn = slave.copy.data.with_name(f"{slave.copy.data.name}.rewinding")
    torn.touch()
    done(slave, "ensure_demoted")
    time.sleep(1)           # it would be started in the background
    net.wait_for("that has ended", lambda: not slave.copy.busy())
    assert not slave.copy.running
    assert "pg_rewind has not come to its end" in refused(slave, "health")
    done(slave, "ensure_slave", *of(master))
    holds(slave, "a")
    assert not torn.exists()


def test_a_paused_replay_goes_on_before_a_promotion(lab):
    master, slave = pair(lab)
    slave.copy.ask("SELECT pg_wal_replay_pause()")
    write(master, "behind the pause")
    net.wait_for("it is received", lambda: slave.copy.ask(
        "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()")[0][0])
    master.copy.kill()
    done(slave, "ensure_master")
    assert "behind the pause" in slave.copy.ids()


def test_the_next_master_gets_what_the_one_before_has_written(lab):
    """All slaves are cut off when that is demoted: so one asks it."""
    old, *slaves = lab.three(Copy, plugin={"role_interval": "1h"})
    for s in slaves:
        s.copy.lag()
    write(old, "the last one")
    old.agent.stop()
    assert "the last one" in lab.master(slaves).copy.ids()


def test_without_its_target_it_does_not_become_master(lab):
    node, = copies(lab)
    for _ in range(3):
        status, said = node.call("ensure_master", "--target", "1 7/0")
        assert status == AGAIN and "that the master before" in said
    status, said = node.call("ensure_master", "--target", "x")
    assert status == AGAIN and "no position" in said
    assert node.copy.role() == "slave"


# Being demoted.

def test_a_demotion_can_not_be_bypassed(lab):
    """Neither by an open session nor by SET transaction_read_only."""
    node, = copies(lab)
    done(node, "ensure_master")
    client = node.copy.client(1)
    client.run("BEGIN")
    client.write("in a transaction")
    done(node, "ensure_demoted")
    with pytest.raises(psycopg2.Error):
        client.run("COMMIT")
    net.wait_for("it runs as a standby", lambda: node.copy.role() == "slave")
    client = node.copy.client(1)
    for statement in "SET transaction_read_only = off", \
            "SET default_transaction_read_only = off", "BEGIN READ WRITE":
        with contextlib.suppress(psycopg2.Error):
            client.run(statement)
        with pytest.raises(psycopg2.Error):
            client.write("refused")
        client.run("ROLLBACK")
    assert not node.copy.ids()


def test_a_stopped_master_does_not_come_back_as_one(lab):
    """Whoever starts it, and however it was stopped."""
    node, = copies(lab)
    for end in node.copy.stop, node.copy.kill:
        done(node, "ensure_master")
        end()
        # The agent sees that it has died.
        assert node.call("ensure_demoted")[0] == 0
        node.copy.start()
        assert node.copy.role() == "slave"
        net.wait_for("nothing starts it any more", lambda: not node.copy.busy())


def test_backends_that_outlive_their_postmaster_are_killed(lab):
    """They go on writing: a statement that runs would be committed."""
    node, = copies(lab)
    done(node, "ensure_master")

    def work():
        with contextlib.suppress(psycopg2.Error, TimeoutError):
            node.copy.client(1).run(
                "INSERT INTO ids SELECT g FROM generate_series(1, 300000000) g")
    threading.Thread(target=work, daemon=True).start()
    net.wait_for("it writes", lambda: node.copy.ask(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT%'"))
    os.kill(node.copy.postmaster(), signal.SIGKILL)
    assert node.copy.processes()
    assert "its postmaster is dead" in refused(node, "health")
    orphans = set(node.copy.processes())
    assert node.call("ensure_demoted")[0] == 0
    assert not orphans & set(node.copy.processes())
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")


def test_a_server_that_hangs_is_demoted_in_time(lab):
    node, = copies(lab)
    done(node, "ensure_master")
    with node.copy.frozen(*node.copy.processes()):
        begun = time.monotonic()
        assert node.call("ensure_demoted")[0] == 0
        assert time.monotonic() - begun < 2
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")


def test_a_slave_that_hangs_holds_up_no_demotion(lab):
    """A stop in good order waits for it to take the last WAL."""
    master, slave = pair(lab)
    with slave.copy.frozen(*slave.copy.processes()):
        # More than fits into the buffers of its connection.
        for _ in range(8):
            master.copy.ask("SELECT pg_logical_emit_message(true, 'x', "
                            "repeat('x', 3000000))")
        begun = time.monotonic()
        assert master.call("ensure_demoted")[0] == 0
        assert time.monotonic() - begun < 2
        assert position(master).startswith("2 ")
        net.wait_for("it is a standby", lambda: master.copy.role() == "slave")


def test_a_promotion_under_way_is_undone(lab):
    """A call that is killed has told the server already."""
    node, = copies(lab)
    # Held up where it was asked for and has not begun.
    startup, = node.copy.ask("SELECT pid FROM pg_stat_activity WHERE "
                             "backend_type = 'startup'")
    with node.copy.frozen(startup[0]):
        words = "plugin.master_deadline=5s"
        assert node.call("ensure_master", "-o", words)[0] != 0
        assert node.copy.role() == "slave"
        assert node.call("ensure_demoted")[0] == 0
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")
    assert "0/" in position(node) and position(node).startswith("1 ")


class Slow(Copy):
    """Its pg_promote does it, and does not answer."""

    @property
    def options(self):
        told = super().options
        return {**told, "connection": told["connection"] +
                " options='-c search_path=public,pg_catalog'"}


def test_a_promotion_that_was_not_answered_is_undone(lab):
    """It was asked for, so it may go on."""
    node, = copies(lab, Slow)
    done(node, "ensure_master")
    node.copy.ask("CREATE FUNCTION public.pg_promote(wait boolean) RETURNS "
                  "boolean LANGUAGE sql AS 'SELECT pg_catalog.pg_promote($1); "
                  "SELECT pg_sleep(60); SELECT true'")
    done(node, "ensure_demoted")
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")
    startup, = node.copy.ask("SELECT pid FROM pg_stat_activity WHERE "
                             "backend_type = 'startup'")
    with node.copy.frozen(startup[0]):
        words = "plugin.master_deadline=5s"
        said = refused(node, "ensure_master", "-o", words)
        assert "no answer in time" in said
        assert "standby, so" not in done(node, "ensure_demoted")
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")


def test_a_position_is_told_later_while_the_server_starts(lab):
    """The agent asks again for some seconds."""
    node, = copies(lab)
    copy = node.copy
    done(node, "ensure_master")
    node.agent.write(options={
        "start_command": f"sleep 8; {postgresql.BIN}/pg_ctl start "
                         f"-D {copy.data} -l {copy.log} -s -w"})
    copy.kill()
    done(node, "ensure_demoted")
    status, said = node.call("position")
    assert status == AGAIN, said
    done(node, "position")


def test_a_standby_is_not_stopped_by_a_demotion(lab):
    node, = copies(lab)
    before = node.copy.postmaster()
    done(node, "ensure_demoted")
    assert node.copy.postmaster() == before


def test_the_final_position_is_the_end_of_what_was_written(lab):
    master, slave = pair(lab)
    write(master, "last")
    done(master, "ensure_demoted")
    final = position(master)
    done(slave, "has_position", final)
    status, _ = slave.call("has_position", "9 0/1")
    assert status == 1
    status, _ = slave.call("has_position", "nonsense")
    assert status == AGAIN
    net.wait_for("it is a standby", lambda: master.copy.role() == "slave")
    done(master, "has_position", final)


# Becoming a slave.

def test_a_copy_is_not_made_a_slave_of_itself(lab):
    """The server would do it, and say that it streams."""
    node, = copies(lab)
    before = node.copy.conninfo()
    assert "is this server itself" in refused(node, "ensure_slave", *of(node))
    assert node.copy.conninfo() == before


def test_a_slave_follows_a_new_master_without_a_restart(lab):
    master, slave, other = pair(lab, count=3)
    before = other.copy.postmaster()
    write(master, "before")
    done(master, "ensure_demoted")
    done(slave, "ensure_master", "--target", position(master))
    done(other, "ensure_slave", *of(slave))
    write(slave, "after")
    holds(other, "before", "after")
    assert other.copy.postmaster() == before
    assert other.copy.streams_from() == (slave.copy.address, slave.copy.port)


def diverge(lab, kind=Copy):
    """An old master that has written what the new one has not."""
    master, slave = pair(lab, kind)
    slave.copy.lag()
    write(master, "only here")
    master.copy.kill()
    done(slave, "ensure_master")
    write(slave, "only there")
    return master, slave


def test_an_old_master_that_has_diverged_is_rewound(lab):
    old, new = diverge(lab)
    config = (old.copy.data / "postgresql.conf").read_text()
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}
    # The master's would be another address.
    assert (old.copy.data / "postgresql.conf").read_text() == config
    write(new, "later")
    holds(old, "later")


def test_one_that_is_a_standby_already_is_rewound_too(lab):
    """It would answer, wait for WAL for ever, and not start again."""
    old, new = diverge(lab)
    old.call("ensure_demoted")
    old.copy.start()
    old.copy.follow("user=replicator passfile='%s' host=%s port=%d" % (
        old.copy.passfile, new.copy.address, new.copy.port))
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}


def test_one_that_does_not_start_any_more_is_rewound_too(lab):
    old, new = diverge(lab)
    old.call("ensure_demoted")
    old.copy.start()
    old.copy.follow("user=replicator passfile='%s' host=%s port=%d" % (
        old.copy.passfile, new.copy.address, new.copy.port))
    net.wait_for("it has heard of the new timeline", (
        old.copy.data / "pg_wal" / "00000003.history").exists)
    old.copy.kill()
    assert postgresql.run("pg_ctl", "start", "-D", old.copy.data, "-l",
                          old.copy.log, "-w", check=False).returncode
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}


def test_where_it_may_not_be_rewound_it_is_refused_with_the_reason(lab):
    old, new = diverge(lab, Refusing)
    said = refused(old, "ensure_slave", *of(new))
    assert "has diverged" in said and "of timeline 2" in said
    assert set(old.copy.ids()) == {"only here"}


def test_where_it_can_not_be_rewound_it_says_why_and_keeps_its_data(lab):
    old, new = diverge(lab, Unwindable)
    said = refused(old, "ensure_slave", *of(new))
    assert "pg_rewind failed: " in said and "wal_log_hints" in said, said
    assert old.copy.state() == "shut down in recovery"
    assert "standby.signal" in os.listdir(old.copy.data)


def test_a_new_copy_keeps_the_old_data(lab):
    old, new = diverge(lab, Copying)
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}
    kept = old.copy.data.with_name("data.diverged")
    assert (kept / "PG_VERSION").exists()


def test_an_empty_data_directory_gets_a_copy(lab):
    master, empty = lab.prepare(Copying, count=2)
    master.copy.start()
    done(master, "ensure_master")
    write(master, "there")
    outside(empty)
    empty.copy.empty()
    assert "is empty" in refused(empty, "health")
    done(empty, "ensure_demoted")
    done(empty, "ensure_slave", *of(master), seconds=60)
    holds(empty, "there")


@pytest.mark.parametrize("kind", [Copy, Copying])
def test_a_second_timeline_with_the_same_number_is_noticed(lab, kind):
    """Each was begun by a node that had not heard of the other's, at the same
    place; pg_rewind says that there is nothing to do, and the server follows."""
    one, other = copies(lab, kind, count=2)
    for node in one, other:
        done(node, "ensure_master")
        write(node, node.name)
    other.copy.ask("INSERT INTO ids SELECT g FROM generate_series(1, 1000) g")
    assert one.copy.timeline() == other.copy.timeline() == 2
    if kind is Copying:
        done(one, "ensure_slave", *of(other), seconds=60)
        assert one.copy.ids() == other.copy.ids()
        return
    for _ in range(20):
        status, said = one.call("ensure_slave", *of(other))
        if status == 1:
            break
        time.sleep(0.1)
    assert "has diverged: its timeline 2 is another one" in said
    assert one.copy.ids() == [one.name]


# Its surroundings.

def outside(node):
    """Its config files, as Debian has them."""
    copy = node.copy
    folder = copy.folder / "etc with blanks"
    folder.mkdir()
    for name in "postgresql.conf", "pg_hba.conf", "pg_ident.conf":
        (copy.data / name).rename(folder / name)
    with open(folder / "postgresql.conf", "a") as file:
        file.write(f"hba_file = '{folder}/pg_hba.conf'\n"
                   f"ident_file = '{folder}/pg_ident.conf'\n")
    node.agent.write(options={"config_file": folder / "postgresql.conf"})


def test_a_config_outside_the_data_directory(lab):
    node, = lab.prepare(Copy, count=1)
    copy = node.copy
    outside(node)
    assert node.call("ensure_demoted")[0] == 0
    net.wait_for("it is a standby", lambda: copy.role() == "slave")
    done(node, "ensure_master")
    done(node, "ensure_demoted")
    net.wait_for("it is a standby again", lambda: copy.role() == "slave")


def test_commands_start_and_stop_it(lab):
    node, = copies(lab)
    copy, used = node.copy, node.copy.folder / "used"
    command = f"echo %s >>{used}; {postgresql.BIN}/pg_ctl %s -D {copy.data} " \
        f"-l {copy.log} -s -w"
    node.agent.write(options={
        "start_command": command % ("start", "start"),
        "stop_command": command % ("stop", "stop -m fast")})
    done(node, "ensure_master")
    done(node, "ensure_demoted")
    net.wait_for("it is a standby", lambda: copy.role() == "slave")
    assert used.read_text().split() == ["stop", "start"]


def test_a_stop_command_that_does_nothing_is_not_waited_for(lab):
    node, = copies(lab)
    for command in "exit 1", "sleep 60":
        node.agent.write(options={"stop_command": command})
        done(node, "ensure_master")
        begun = time.monotonic()
        done(node, "ensure_demoted")
        assert time.monotonic() - begun < 2
        net.wait_for("it is a standby", lambda: node.copy.role() == "slave")


def test_a_number_in_postmaster_pid_that_is_another_s_does_no_harm(lab):
    """After a crash and a boot; PostgreSQL would not start."""
    node, = copies(lab)
    node.copy.kill()
    other = subprocess.Popen(["sleep", "60"], **process.identity("postgres"))
    try:
        file = node.copy.data / "postmaster.pid"
        lines = file.read_text().splitlines(True)
        file.write_text("".join([f"{other.pid}\n", *lines[1:]]))
        done(node, "ensure_demoted")
        net.wait_for("it runs", lambda: node.copy.role() == "slave")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_that_the_plugin_has_started_outlives_its_agent(lab):
    master, *_ = lab.three(Copy)
    master.copy.kill()
    lab.master(lab.others(master))
    net.wait_for("it was started", lambda: master.copy.role() == "slave")
    lab.rejoins(master)
    pid = master.copy.postmaster()
    master.agent.kill()
    time.sleep(0.5)
    assert master.copy.postmaster() == pid
    master.agent.start()


# What is not right.

def test_an_old_version_is_refused(lab):
    node, = lab.prepare(Copy, count=1)
    (node.copy.data / "PG_VERSION").write_text("11\n")
    for op in "health", "ensure_demoted", "ensure_master":
        assert "is of PostgreSQL 11, which is too old" in refused(node, op)


def test_a_wrong_password(lab):
    node, = copies(lab)
    node.copy.give(node.copy.password_file, "wrong\n")
    for op in "health", "ensure_master":
        said = refused(node, op)
        assert "password authentication failed for user \"failover\"" in said
    assert node.copy.role() == "slave"


def test_a_wrong_password_for_the_master(lab):
    master, slave = pair(lab)
    slave.copy.lag()
    before = slave.copy.conninfo()
    slave.copy.give(slave.copy.passfile, "*:*:*:replicator:wrong\n")
    said = refused(slave, "ensure_slave", *of(master))
    assert "password authentication failed for user \"replicator\"" in said
    assert slave.copy.conninfo() == before


def test_a_password_file_that_all_may_read(lab):
    node, = copies(lab)
    node.copy.password_file.chmod(0o644)
    assert str(node.copy.password_file) in refused(node, "health")


@pytest.mark.parametrize("rights, lacks", [
    ("NOSUPERUSER", "lacks REPLICATION, pg_monitor, pg_checkpoint, ALTER SYSTEM "
                    "ON PARAMETER primary_conninfo, EXECUTE ON FUNCTION"),
    ("NOSUPERUSER REPLICATION", "lacks pg_monitor")])
def test_a_missing_right(lab, rights, lacks):
    node, = copies(lab)
    done(node, "ensure_master")
    node.copy.ask(f"ALTER USER failover {rights}")
    assert lacks in refused(node, "health")


def test_the_rights_that_the_manual_names_are_enough(lab):
    master, slave = copies(lab, count=2)
    done(master, "ensure_master")
    for statement in (
            "ALTER USER failover NOSUPERUSER REPLICATION",
            "GRANT pg_monitor, pg_checkpoint TO failover",
            "GRANT EXECUTE ON FUNCTION pg_promote, pg_reload_conf, "
            "pg_wal_replay_resume TO failover",
            "GRANT ALTER SYSTEM ON PARAMETER primary_conninfo TO failover"):
        master.copy.ask(statement)
    done(slave, "ensure_slave", *of(master))
    net.wait_for("they are there", lambda: slave.copy.ask(
        "SELECT 1 FROM pg_roles WHERE rolname = 'failover' AND NOT rolsuper"))
    for node in master, slave:
        done(node, "health")
    done(master, "ensure_demoted")
    done(slave, "ensure_master", "--target", position(master))
    done(master, "ensure_slave", *of(slave))


def test_another_user_than_the_server_s(lab):
    node, = copies(lab)
    node.copy.user = None               # as root
    for op in "health", "ensure_demoted", "ensure_master":
        said = refused(node, op)
        assert "run the agent as the user of the server" in said


def test_a_data_directory_that_is_none(lab):
    node, = copies(lab)
    for folder, why in (("/nowhere", "/nowhere: No such file"),
                        ("data", "is no absolute path"),
                        (node.copy.folder, "has no PG_VERSION")):
        for op in "health", "ensure_demoted":
            assert why in refused(
                node, op, "-o", f"options.data_directory={folder}")


def test_the_data_directory_of_another_server(lab):
    node, other = copies(lab, count=2)
    said = refused(node, "health", "-o",
                   f"options.data_directory={other.copy.data}")
    assert f"has its data in {node.copy.data}, not in data_directory " \
        f"{other.copy.data}" in said


def test_another_database_is_not_followed(lab):
    node, other = lab.prepare(Copy, count=2)
    shutil.rmtree(other.copy.data)
    postgresql.run("initdb", "-D", other.copy.data, "-A", "trust", "-N")
    (other.copy.data / "pg_hba.conf").write_text("host all,replication all all "
                                                 "trust\nlocal all all trust\n")
    other.copy.configure(min_wal_size="32MB")
    for n in node, other:
        n.copy.start()
    other.copy.ask("CREATE USER replicator REPLICATION")
    assert "has another database (system identifier" in refused(
        node, "ensure_slave", *of(other))
    assert node.copy.conninfo() == ""


@pytest.mark.parametrize("option, why", [
    ("replication=user=a password=b", "holds a password: put it into a file"),
    ("connection=password=b", "holds a password: put it into a file"),
    ("replication=host=elsewhere", "which is the master's and changes"),
    ("replication=nonsense", "option replication: missing \"=\""),
    ("connection=usr=a", "invalid connection option \"usr\""),
    ("on_divergence=delete", "is none of refuse, rewind, copy"),
    ("bin_directory=/nowhere", "give its folder as option bin_directory"),
    ("config_file=it's", "can't be handled")])
def test_an_option_that_can_not_be_used(lab, option, why):
    node, = lab.prepare(Copy, count=1)
    assert why in refused(node, "health", "-o", f"options.{option}")
