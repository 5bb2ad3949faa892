"""PostgreSQL: what it does that costs data or a master, where nobody takes care,
and what the plugin refuses."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

import psycopg2
import pytest

import postgresql
from lab import PROGRAM, net, process
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
    assert "pg_rewind has not finished" in refused(slave, "health")
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


def test_a_delay_is_ended_by_a_promotion(lab):
    """It would apply on and on, and never be near enough."""
    master, slave = pair(lab)
    slave.copy.ask("ALTER SYSTEM SET recovery_min_apply_delay = '15s'")
    slave.copy.ask("SELECT pg_reload_conf()")
    master.copy.ask("CREATE TABLE much (x text)")
    late = ("SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), "
            "pg_last_wal_replay_lsn()) > 20e6 AND "
            "pg_last_xact_replay_timestamp() > '%s'" % master.copy.ask(
                "SELECT now()")[0][0])
    while not slave.copy.ask(late)[0][0]:
        master.copy.ask("INSERT INTO much SELECT string_agg(md5("
                        "random()::text), '') FROM generate_series(1, 30000)")
    write(master, "behind the delay")
    net.wait_for("it is received", lambda: slave.copy.ask(
        "SELECT pg_last_wal_receive_lsn()") == master.copy.ask(
        "SELECT pg_current_wal_flush_lsn()"))
    master.copy.kill()
    status, said = slave.call("ensure_master")
    assert status == 0, said
    assert "behind the delay" in slave.copy.ids()


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
        assert status == AGAIN and "that the previous master" in said
    status, said = node.call("ensure_master", "--target", "x")
    assert status == AGAIN and "is not a position" in said
    assert node.copy.role() == "slave"


def test_one_that_was_promoted_without_its_target_is_not_done(lab):
    """Who had promoted it was killed, and the next one is asked."""
    master, slave = pair(lab)
    write(master, "a")
    holds(slave, "a")
    master.copy.stop()
    target = position(master)
    slave.copy.ask("SELECT pg_promote()")
    said = refused(slave, "ensure_master", "--target", "2 7/0")
    assert "was promoted without" in said and "that the previous master" in said
    done(slave, "ensure_master", "--target", target)
    write(slave, "b")
    done(slave, "ensure_master", "--target", target)
    done(slave, "ensure_master")        # after catch_up


# Whether it runs.

def test_a_server_that_is_called_postmaster_is_demoted(lab):
    """As PostgreSQL's own units for RPMs start it."""
    node, = lab.prepare(Copy, count=1)
    copy = node.copy
    alias = copy.folder / "link"
    alias.symlink_to(copy.data)
    with open(copy.log, "w") as log:
        subprocess.Popen([postgresql.BIN / "postmaster", "-D", alias], cwd="/",
                         stdout=log, stderr=log, **process.identity(copy.user))
    net.wait_for("it is a standby", lambda: copy.role() == "slave")
    node.agent.write(options={"data_directory": alias})
    done(node, "health")
    done(node, "ensure_master")
    before = copy.postmaster()
    done(node, "ensure_demoted")
    with pytest.raises(psycopg2.Error):
        write(node, "refused")
    net.wait_for("it is a standby", lambda: copy.role() == "slave")
    assert copy.postmaster() != before


@pytest.mark.parametrize("text", [None, "", "garbage\n", "1\n", "stopping"])
def test_a_postmaster_without_its_pid_file_is_demoted(lab, text):
    """It would end by itself, but only within a minute."""
    node, = copies(lab)
    copy, file = node.copy, node.copy.data / "postmaster.pid"
    done(node, "ensure_master")
    lines = file.read_text().splitlines()
    if text is None:
        file.unlink()
    else:
        file.write_text("\n".join(["1", *lines[1:7], text]) + "\n"
                        if text == "stopping" else text)
    done(node, "health")
    write(node, "taken")
    status, said = node.call("ensure_demoted")
    assert status == 0 and "stopped" in said
    with pytest.raises(psycopg2.Error):
        write(node, "refused")
    net.wait_for("it is a standby", lambda: copy.role() == "slave")
    assert copy.ids() == ["taken"]


@pytest.mark.parametrize("kind", [Copy, Copying])
def test_what_others_listen_for_is_not_said_to_be_down(lab, kind):
    """data_directory names an empty folder, or that of a stopped server: on the
    port, one that nobody has stopped takes writes."""
    node, other = copies(lab, kind, count=2)
    done(node, "ensure_master")
    other.copy.stop()
    if kind is Copying:
        other.copy.empty()
    for connection in node.copy.options["connection"], \
            f"host={node.copy.address} user=failover":
        words = ("-o", f"options.data_directory={other.copy.data}",
                 "-o", f"options.connection={connection}")
        for op in "ensure_demoted", "health", "ensure_master":
            said = refused(node, op, *words)
            assert f"data_directory {other.copy.data}" in said
    write(node, "taken")


def linked(node):
    """Its data directory is a link to where it is, for the agent and for the
    server."""
    alias = node.copy.folder / "link"
    alias.symlink_to(node.copy.data)
    node.agent.write(options={"data_directory": alias})
    with open(node.copy.data / "postgresql.conf", "a") as file:
        file.write(f"data_directory = '{alias}'\n")
    return alias


@pytest.mark.parametrize("link", [False, True])
def test_a_server_in_another_container_is_not_said_to_be_down(lab, link):
    """Its data is here, its processes are not to be seen."""
    node, = lab.prepare(Copy, count=1)
    if link:
        linked(node)
    node.copy.start()
    done(node, "ensure_master")

    def inside(op):
        called = subprocess.run(
            ["unshare", "--pid", "--fork", "--mount-proc", "setpriv",
             "--reuid", node.copy.user, "--regid", node.copy.user,
             "--clear-groups", PROGRAM, "plugin", "call", "-c",
             node.agent.file, op], text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert called.returncode == 1, called.stdout
        return called.stdout
    assert "in the same container" in inside("health")
    assert "may take writes" in inside("ensure_demoted")
    write(node, "taken")


FULL = {
    "max_connections": [],
    "the role's limit": ["ALTER USER failover NOSUPERUSER CONNECTION LIMIT 0"],
    "the database's limit": [
        "ALTER USER failover NOSUPERUSER",
        "ALTER DATABASE postgres CONNECTION LIMIT 0"],
}


@pytest.mark.parametrize("limit", FULL)
def test_a_server_that_is_full_is_demoted_in_time(lab, limit):
    """By a handler that has no connection, as the guard's."""
    node, = lab.prepare(Copy, count=1)
    node.copy.configure(max_connections=8)
    # As a standby it must not have less than its master had.
    (node.copy.data / "standby.signal").unlink()
    node.copy.start()
    for statement in FULL[limit]:
        node.copy.ask(statement)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(psycopg2.OperationalError):
            while not FULL[limit]:
                stack.callback(node.copy.link("postgres").close)
        said = refused(node, "health")
        assert "too many" in said or "remaining connection slots" in said
        begun = time.monotonic()
        assert node.call("ensure_demoted")[0] == 0
        assert time.monotonic() - begun < 2
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")


# What could end a standby.

def append(node, **settings):
    """To what the server reads last when it starts."""
    with open(node.copy.data / "postgresql.auto.conf", "a") as file:
        for name, value in settings.items():
            file.write(f"{name} = '{value}'\n")


PAST = {"recovery_target_time": "2020-01-01 00:00:00+00"}


@pytest.mark.parametrize("action", ["promote", "pause"])
def test_a_recovery_target_neither_ends_nor_pauses_a_standby(lab, action):
    old, *others = lab.three(Copy)
    append(old, **PAST, recovery_target_action=action)
    everywhere = lab.everywhere()
    everywhere.wait(old.name, count=20)
    since = time.monotonic_ns()
    old.agent.disable_file.touch()
    new = lab.master(others)
    net.wait_for("it runs again", old.copy.role)
    everywhere.wait(new.name, time.monotonic_ns(), 400)
    everywhere.stop()
    written = {a.id for a in everywhere.acks if a.sent > since}
    assert not everywhere.overlaps(since, time.monotonic_ns())
    old.agent.disable_file.unlink()
    assert not lab.rejoins(old)
    holds(old, *written)
    # And as the next master it has all that.
    new.agent.stop()
    lab.others(new, old)[0].agent.stop()
    assert lab.master([old]) is old
    assert written <= set(old.copy.ids())


def test_the_next_start_by_somebody_else_s_command_has_no_target(lab):
    node, = copies(lab)
    copy = node.copy
    node.agent.write(options={
        "start_command": f"{postgresql.BIN}/pg_ctl start -D {copy.data} "
                         f"-l {copy.log} -s -w"})
    done(node, "ensure_master")
    write(node, "a")
    append(node, **PAST, recovery_target_action="promote",
           recovery_target_timeline="current")
    done(node, "ensure_demoted")
    net.wait_for("it is a standby", lambda: copy.role() == "slave")
    done(node, "health")
    assert copy.ask("SHOW recovery_target_time")[0][0] == ""
    assert copy.ask("SHOW recovery_target_timeline")[0][0] == "latest"
    # What it needs stands there once, however often it is started.
    size = (copy.data / "postgresql.auto.conf").stat().st_size
    copy.kill()
    done(node, "ensure_demoted")
    net.wait_for("it is a standby", lambda: copy.role() == "slave")
    assert (copy.data / "postgresql.auto.conf").stat().st_size == size


@pytest.mark.parametrize("name, value", [
    ("recovery_target_xid", "1000000"), ("recovery_target_timeline", "current"),
    ("promote_trigger_file", "/nowhere"), ("ignore_invalid_pages", "on")])
def test_a_standby_that_its_settings_could_end_is_not_kept(lab, name, value):
    """Somebody else has started it with them."""
    master, slave = pair(lab)
    slave.copy.stop()
    append(slave, **{name: value})
    slave.copy.start()
    for op in "health", "ensure_master":
        assert f"with {name} this standby may promote" in refused(slave, op)
    before = slave.copy.postmaster()
    done(slave, "ensure_slave", *of(master))
    assert slave.copy.postmaster() != before
    assert slave.copy.ask(f"SHOW {name}")[0][0] != value
    done(slave, "health")


def test_a_demotion_leaves_no_standby_that_its_settings_could_end(lab):
    node, = lab.prepare(Copy, count=1)
    append(node, recovery_target_xid="1000000")
    node.copy.start()
    assert "starts again" in done(node, "ensure_demoted")
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")
    before = node.copy.postmaster()
    assert "standby, so" in done(node, "ensure_demoted")
    assert node.copy.postmaster() == before


def test_settings_of_a_command_line_are_named_and_stay(lab):
    master, slave = pair(lab)
    slave.copy.stop()
    postgresql.run("pg_ctl", "start", "-D", slave.copy.data, "-l",
                   slave.copy.log, "-s", "-w", "-o",
                   "-c recovery_target_xid=1000000")
    for op in ("health",), ("ensure_slave", *of(master)):
        assert "remove that from what starts the server" in \
            refused(slave, *op)
    assert "stops being a standby" in refused(
        slave, "health", "-o",
        "options.start_command=pg_ctl -o '-c recovery_target_xid=1'")


def test_a_slave_whose_replay_is_paused_is_none_yet(lab):
    master, slave = pair(lab)
    slave.copy.ask("SELECT pg_wal_replay_pause()")
    status, said = slave.call("ensure_slave", *of(master))
    assert status == AGAIN and "replay is paused" in said
    slave.copy.ask("SELECT pg_wal_replay_resume()")
    done(slave, "ensure_slave", *of(master))


def test_one_that_takes_no_writes_is_not_made_master(lab):
    node, = copies(lab)
    node.copy.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    node.copy.ask("SELECT pg_reload_conf()")
    assert "default_transaction_read_only is on" in refused(
        node, "ensure_master")
    assert node.copy.role() == "slave"
    # What only our own connections have does no harm.
    node.copy.ask("ALTER SYSTEM RESET default_transaction_read_only")
    node.copy.ask("SELECT pg_reload_conf()")
    done(node, "ensure_master")
    node.copy.ask("ALTER DATABASE postgres SET "
                  "default_transaction_read_only = on")
    done(node, "ensure_master")


def test_a_master_that_its_operator_freezes_remains_the_master(lab):
    """Another copy may not be frozen, and would take the writes."""
    node, = lab.prepare(Copy, count=1, plugin={"role_interval": "200ms"})
    node.copy.start()
    node.agent.start()
    assert lab.master([node])
    before = node.copy.postmaster()
    since = len(node.agent.text())

    def asked():
        return node.agent.text()[since:].count("ensure_master")
    node.copy.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    node.copy.ask("SELECT pg_reload_conf()")
    lab.wait("it is told", lambda: "until default_transaction_read_only is "
             "off" in node.agent.text())
    time.sleep(2)               # ten times more
    assert not asked()
    assert node.agent.text().count("takes no writes until") == 1
    assert node.agent.role == "master" and node.copy.postmaster() == before


# What stands for all sessions, and so for ours; and what it is without.
DEFAULTS = {
    "default_transaction_isolation": ("serializable", "read committed"),
    "default_transaction_deferrable": ("on", "off"),
    "statement_timeout": ("1ms", "0"), "lock_timeout": ("1ms", "0"),
    "idle_in_transaction_session_timeout": ("1ms", "0"),
    "idle_session_timeout": ("100ms", "0"),
    "search_path": ("public, pg_catalog", "pg_catalog, public"),
    "role": ("app", "none"),
}


def set_default(node, where, name, value):
    value = value if name == "search_path" else f"'{value}'"
    node.copy.ask(f"ALTER {where} SET {name} = {value}")


@pytest.mark.parametrize("where", ["SYSTEM", "ROLE failover",
                                   "DATABASE postgres"])
def test_defaults_of_others_do_not_reach_our_sessions(lab, where):
    master, slave = pair(lab)
    # It hides the server's, where the search path lets it.
    master.copy.ask("CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean "
                    "LANGUAGE sql AS 'SELECT NOT pg_catalog.pg_is_in_recovery()'")
    for name, (value, without) in DEFAULTS.items():
        # But the test's own sessions keep what they have.
        set_default(master, "ROLE postgres", name, without)
        if where != "SYSTEM":
            set_default(master, where, name, value)
    net.wait_for("they are there", lambda: slave.copy.ask(
        "SELECT pg_wal_lsn_diff(%s, pg_last_wal_replay_lsn()) <= 0",
        master.copy.ask("SELECT pg_current_wal_lsn()")[0][0])[0][0])
    for node in (master, slave) if where == "SYSTEM" else ():
        for name, (value, _) in DEFAULTS.items():
            if name != "role":      # of which there is none in a file
                set_default(node, where, name, value)
        node.copy.ask("SELECT pg_reload_conf()")
    for node in master, slave:
        done(node, "health")
    done(slave, "ensure_slave", *of(master))
    done(master, "ensure_demoted")
    done(slave, "ensure_master", "--target", position(master))
    done(master, "ensure_slave", *of(slave))


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


def orphans(node):
    """Backends without a postmaster."""
    os.kill(node.copy.postmaster(), signal.SIGKILL)


def stopping(node):
    """It waits for its clients, however long they write."""
    os.kill(node.copy.postmaster(), signal.SIGTERM)
    net.wait_for("it stops", lambda: "stopping" in
                 (node.copy.data / "postmaster.pid").read_text())


@pytest.mark.parametrize("way", [orphans, stopping],
                         ids=lambda way: way.__name__)
def test_that_somebody_has_locked_its_folder_stops_nothing(lab, way):
    """The plugin's jobs lock it; so can who may read it, as a group."""
    node, = copies(lab)
    done(node, "ensure_master")
    client = node.copy.client(20)

    def work():
        with contextlib.suppress(psycopg2.Error, TimeoutError):
            client.run(
                "INSERT INTO ids SELECT g FROM generate_series(1, 300000000) g")
    threading.Thread(target=work, daemon=True).start()
    net.wait_for("it writes", lambda: node.copy.ask(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT%'"))
    writer = client.link.info.backend_pid
    folder = os.open(node.copy.data, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        way(node)
        done(node, "ensure_demoted")
        assert writer not in node.copy.processes()
        assert (node.copy.data / "standby.signal").exists()
    finally:
        os.close(folder)
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")


def test_a_master_that_is_dead_is_not_busy_for_such_a_lock(lab):
    node, = lab.prepare(Copy, count=1)
    node.copy.start()
    node.agent.start()
    lab.master([node])
    folder = os.open(node.copy.data, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        os.kill(node.copy.postmaster(), signal.SIGKILL)
        node.agent.wait_log("master -> demoting")
    finally:
        os.close(folder)
    lab.master([node])


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


# A demotion reads the settings with eight short programs, each of which has but a
# part of the deadline: beside other servers that start they would be too late, and
# it restarts the server instead.
needs_its_time = pytest.mark.alone


@needs_its_time
def test_a_standby_is_not_stopped_by_a_demotion(lab):
    node, = copies(lab)
    before = node.copy.postmaster()
    done(node, "ensure_demoted")
    assert node.copy.postmaster() == before


@needs_its_time
def test_a_standby_that_does_not_answer_is_not_stopped_by_a_demotion(lab):
    """Somebody else has started it; full, or an option has a fault."""
    node, = copies(lab)
    done(node, "ensure_master")
    node.copy.ask("ALTER USER failover NOSUPERUSER CONNECTION LIMIT 0")
    node.copy.stop()
    node.copy.mark()
    node.copy.start()
    before = node.copy.postmaster()
    wrong = node.copy.folder / "wrong"
    node.copy.give(wrong, "wrong\n")
    for words in ((), ("-o", f"options.password_file={wrong}"),
                  ("-o", "options.connection=host=/nowhere"),
                  ("-o", "options.connection=host=unknown.invalid")):
        # Eight programs are run for that.
        said = done(node, "ensure_demoted", *words, "-o",
                    "plugin.demote_deadline=4s", "-o", "lock.lock_delay=9s")
        assert "can't be asked whether it remains a standby" in said
        assert "standby, so read-only" in said
    assert node.copy.postmaster() == before


@needs_its_time
def test_a_standby_whose_files_have_an_error_is_not_stopped_by_a_demotion(lab):
    """It would not start again."""
    node, = copies(lab)
    done(node, "ensure_master")
    node.copy.stop()
    node.copy.mark()
    node.copy.start()
    before = node.copy.postmaster()
    with open(node.copy.data / "postgresql.conf", "a") as file:
        file.write("wrong wrong\n")
    node.copy.give(node.copy.password_file, "wrong\n")
    said = done(node, "ensure_demoted")
    assert "can't be asked whether it remains a standby" in said
    assert "standby, so read-only" in said
    assert node.copy.postmaster() == before


@needs_its_time
def test_one_whose_files_could_end_it_is_started_again(lab):
    """They are read where it does not answer, with what they include."""
    node, = lab.prepare(Copy, count=1)
    node.copy.give(node.copy.data / "more.conf",
                   "recovery_target_xid = 1000000\n")
    with open(node.copy.data / "postgresql.conf", "a") as file:
        file.write("include 'more.conf'\n")
    node.copy.start()
    node.copy.give(node.copy.password_file, "wrong\n")
    # Eight programs are run for that.
    said = done(node, "ensure_demoted", "-o", "plugin.demote_deadline=3s",
                "-o", "lock.lock_delay=8s")
    assert "recovery_target_xid is in its configuration" in said
    assert "starts again" in said
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")
    assert node.copy.ask("SHOW recovery_target_xid")[0][0] == ""


def test_one_whose_files_can_not_be_read_in_time_is_started_again(lab):
    """That nothing was found by then proves nothing."""
    node, = lab.prepare(Copy, count=1)
    append(node, recovery_target_xid="1000000")
    node.copy.start()
    node.copy.give(node.copy.password_file, "wrong\n")
    slow = node.copy.folder / "bin"
    slow.mkdir(mode=0o755)
    for program in pathlib.Path(postgresql.BIN).iterdir():
        (slow / program.name).symlink_to(program)
    (slow / "postgres").unlink()
    (slow / "postgres").write_text(f"""#!/bin/sh
case " $* " in *" -C "*) sleep 1 ;; esac
exec {postgresql.BIN}/postgres "$@"
""")
    (slow / "postgres").chmod(0o755)
    said = done(node, "ensure_demoted", "-o", f"options.bin_directory={slow}")
    assert "is started again, because it may not remain a standby" in said
    assert "starts again as a standby" in said
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")
    assert node.copy.ask("SHOW recovery_target_xid")[0][0] == ""


@needs_its_time
def test_a_demotion_waits_for_no_name(lab):
    """While the network is away its name server does not answer."""
    node, = copies(lab)
    resolv = node.copy.folder / "resolv.conf"
    node.copy.give(resolv, "nameserver 127.0.0.153\n")
    resolv.chmod(0o644)

    def demoted():
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" '
             '/etc/resolv.conf && shift && exec "$@"', "sh", resolv, "setpriv",
             "--reuid", node.copy.user, "--regid", node.copy.user,
             "--clear-groups", PROGRAM, "plugin", "call", "-c",
             node.agent.file, "-o", "options.connection=host=away.invalid "
             "user=failover", "ensure_demoted"], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60)
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.153", 53))
        for master, word in (False, "standby, so"), (True, "starts again"):
            if master:
                done(node, "ensure_master")
            begun = time.monotonic()
            called = demoted()
            assert called.returncode == 0 and word in called.stdout, \
                called.stdout
            assert time.monotonic() - begun < 2
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")


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


def test_from_a_master_that_is_frozen_it_is_rewound_too(lab):
    """Its sessions only read, but it is promoted."""
    old, new = diverge(lab)
    new.copy.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    new.copy.ask("SELECT pg_reload_conf()")
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}


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


def history(node):
    return {f.name: f.read_text()
            for f in (node.copy.data / "pg_wal").glob("*.history")}


@contextlib.contextmanager
def of_root(*files):
    for file in files:
        file.touch()
        os.chown(file, 0, 0)
        file.chmod(0o644)
    yield
    for file in files:
        shutil.chown(file, postgresql.USER)


def test_a_rewind_that_can_not_be_done_changes_nothing(lab):
    """A file of root here, a socket on the master: both stop it half-way."""
    old, new = diverge(lab)
    before = history(old)
    assert all(before.values())
    with of_root(old.copy.data / "postgresql.conf"):
        said = refused(old, "ensure_slave", *of(new))
        assert f"can't write {old.copy.data}/postgresql.conf: give it to" in said
    with socket.socket(socket.AF_UNIX) as stray:
        stray.bind(str(new.copy.data / "stray"))
        said = refused(old, "ensure_slave", *of(new))
        assert "pg_rewind failed: " in said and "stray" in said
        assert "stray is not a regular file, so pg_rewind" in done(new, "health")
        (new.copy.data / "stray").unlink()
    assert history(old) == before
    assert not old.copy.data.with_name("data.rewinding").exists()
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}


@pytest.mark.parametrize("killed", [False, True])
def test_a_rewind_that_fails_half_way_can_be_done_again(lab, killed):
    old, new = diverge(lab)
    before = history(old)
    inside = [n.copy.data / "base" / "extra" for n in (old, new)]
    inside[1].write_text("x")
    shutil.chown(inside[1], postgresql.USER)
    with of_root(inside[0]):
        refused(old, "ensure_slave", *of(new))
        assert before.items() <= history(old).items()
        assert old.copy.data.with_name("data.rewinding").exists()
    for name in before if killed else ():
        (old.copy.data / "pg_wal" / name).write_text("")
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}


def test_a_rewind_that_never_helps_is_tried_once(lab):
    old, new = diverge(lab)
    old.copy.start()
    old.copy.stop()
    (old.copy.data / "pg_wal" / "00000002.history").write_text("")
    for first in True, False:
        said = refused(old, "ensure_slave", *of(new))
        assert "could not find common ancestor" in said
        assert "only a new copy helps" in said
        assert first == ("begins" in said)
    new.copy.kill()
    done(old, "ensure_demoted")
    old.copy.start()
    assert "make a new copy" in refused(old, "health")
    # By hand, which the plugin then sees by the data alone.
    new.copy.start()
    old.copy.rebuild(new.copy)
    done(old, "ensure_slave", *of(new))
    done(old, "health")


def test_a_new_copy_keeps_the_old_data(lab):
    old, new = diverge(lab, Copying)
    done(old, "ensure_slave", *of(new))
    assert set(old.copy.ids()) == {"only there"}
    kept = old.copy.data.with_name("data.diverged")
    assert (kept / "PG_VERSION").exists()


def test_a_new_copy_is_put_where_a_link_leads_to(lab):
    """Not beside the link, which may be on another disk."""
    old, new = diverge(lab, Copying)
    disk = old.copy.folder / "disk"
    disk.mkdir()
    shutil.chown(disk, old.copy.user)
    old.copy.data.rename(disk / "data")
    old.copy.data.symlink_to(disk / "data")
    try:
        done(old, "ensure_slave", *of(new), seconds=60)
        assert set(old.copy.ids()) == {"only there"}
        assert old.copy.data.is_symlink()
        assert (disk / "data.diverged" / "PG_VERSION").exists()
    finally:
        old.copy.data = disk / "data"       # where its processes are


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


@pytest.mark.parametrize("kind, end", [
    (Copy, None), (Copy, Copy.kill), (Copying, None)])
def test_a_second_timeline_with_the_same_number_is_noticed(lab, kind, end):
    """Each was begun by a node that had not heard of the other's, at the same
    place; pg_rewind says that there is nothing to do, and the server follows."""
    one, other = copies(lab, kind, count=2)
    for node in one, other:
        done(node, "ensure_master")
        write(node, node.name)
    other.copy.ask("INSERT INTO ids SELECT g FROM generate_series(1, 1000) g")
    assert one.copy.timeline() == other.copy.timeline() == 2
    if end:
        end(one.copy)
    if kind is Copying:
        done(one, "ensure_slave", *of(other), seconds=60)
        assert one.copy.ids() == other.copy.ids()
        return
    for _ in range(20):
        status, said = one.call("ensure_slave", *of(other))
        if status == 1:
            break
        time.sleep(0.1)
    assert "has diverged: its timeline 2 differs from" in said
    assert one.copy.ids() == [one.name]


# What a copy lacks for good.

class Forgetting(Copy):
    """Keeps no WAL for slaves that are away."""

    @property
    def settings(self):
        return {**super().settings, "wal_keep_size": "0",
                "min_wal_size": "2MB", "max_wal_size": "2MB"}


def left_behind(lab):
    """A slave was away; what it lacks, its master has removed."""
    master, slave = pair(lab, Forgetting)
    slave.copy.stop()
    write(master, "only here")
    for _ in range(4):
        master.copy.ask("SELECT pg_logical_emit_message(true, 'x', "
                        "repeat('x', 1500000))")
        master.copy.ask("CHECKPOINT")
    slave.copy.start()
    return master, slave


def promote(node):
    """As "consul-failover promote" does, which wants an agent to do it for."""
    def word(path):
        with contextlib.suppress(OSError):
            return pathlib.Path(path).read_text().strip()
        return "-"
    file = node.agent.folder / "run" / f"{node.agent.service}.promote"
    file.write_text(f"{word('/etc/machine-id')} "
                    f"{word('/proc/sys/kernel/random/boot_id')}\n")
    return file


def test_a_slave_whose_wal_is_removed_stays_unfit_without_its_master(lab):
    master, slave = left_behind(lab)
    said = refused(slave, "ensure_slave", *of(master))
    assert f"lacks what {master.copy.address}:{master.copy.port} has written: " \
        "requested WAL segment" in said and "already been removed" in said
    master.copy.kill()
    for end in None, slave.copy.kill:
        if end:
            end()
            slave.copy.start()
        for op in "health", "ensure_master":
            said = refused(slave, op)
            assert "already been removed; make a new copy" in said
    file = promote(slave)
    done(slave, "health")
    done(slave, "ensure_master")
    file.unlink()
    done(slave, "health")
    done(slave, "ensure_master")


def test_a_new_copy_is_fit_again(lab):
    master, slave = left_behind(lab)
    refused(slave, "ensure_slave", *of(master))
    slave.copy.rebuild(master.copy)
    done(slave, "ensure_slave", *of(master))
    done(slave, "health")
    assert slave.copy.ids() == ["only here"]


def reload(node):
    """Until new connections have it."""
    def loaded():
        return node.copy.ask("SELECT pg_conf_load_time()")
    before = loaded()
    node.copy.ask("SELECT pg_reload_conf()")
    net.wait_for("it is loaded", lambda: loaded() != before)


def test_a_slave_whose_master_has_no_connection_left_is_one(lab):
    """It streams; but what is known against it is not forgotten unseen."""
    master, slave = left_behind(lab)
    conninfo = slave.copy.conninfo()
    refused(slave, "ensure_slave", *of(master))
    slave.copy.rebuild(master.copy)
    slave.copy.ask("ALTER SYSTEM SET primary_conninfo = %s", conninfo)
    slave.copy.ask("SELECT pg_reload_conf()")
    net.wait_for("it streams", slave.copy.streams_from)
    hba = master.copy.data / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text(before.replace("host replication", "# "))
    reload(master)
    said = done(slave, "ensure_slave", *of(master))
    assert "which can't be queried" in said and "no pg_hba.conf entry" in said
    assert "make a new copy" in refused(slave, "health")
    hba.write_text(before)
    reload(master)
    done(slave, "ensure_slave", *of(master))
    done(slave, "health")


def test_a_master_that_can_not_forget_is_one_all_the_same(lab):
    """Its state_dir is full, or can't be written."""
    master, slave = left_behind(lab)
    refused(slave, "ensure_slave", *of(master))
    master.copy.kill()
    promote(slave)
    state = slave.agent.folder / "state"
    state.chmod(0o500)
    try:
        assert "can't be cleared" in done(slave, "ensure_master")
    finally:
        state.chmod(0o700)
    assert slave.copy.role() == "master"


def test_wal_from_an_archive_is_as_good(lab):
    """The master has it no more, and the slave gets it all the same."""
    master, slave = pair(lab, Forgetting)
    archive = master.copy.folder / "archive"
    archive.mkdir()
    shutil.chown(archive, master.copy.user)
    master.copy.stop()
    append(master, archive_mode="on", archive_command=f"cp %p {archive}/%f")
    (master.copy.data / "standby.signal").unlink(missing_ok=True)
    slave.copy.stop()
    append(slave, restore_command=f"sleep 0.3; cp {archive}/%f %p")
    master.copy.start()
    done(master, "ensure_master")
    for _ in range(4):
        master.copy.ask("SELECT pg_logical_emit_message(true, 'x', "
                        "repeat('x', 1500000))")
        master.copy.ask("CHECKPOINT")
    write(master, "there")
    slave.copy.start()
    while (call := slave.call("ensure_slave", *of(master)))[0] == AGAIN:
        pass
    assert call[0] == 0, call
    holds(slave, "there")


@pytest.mark.parametrize("archive", [False, True])
def test_an_agent_does_not_promote_what_lacks_the_master_s_data(lab, archive):
    master, slave = left_behind(lab)
    if archive:
        slave.copy.stop()
        append(slave, restore_command="false",
               wal_retrieve_retry_interval="500ms")
        slave.copy.start()
    master.agent.start()
    assert lab.master([master])
    slave.agent.start()
    lab.wait("it is refused", lambda: "already been removed" in
             slave.agent.text() and slave.agent.role == "unhealthy")
    assert slave.agent.ask("/slave").status == 503
    master.agent.kill()
    master.copy.kill()
    slave.agent.kill()
    slave.agent.start()
    lab.wait("the lock is free", lambda: not lab.cluster.servers[0].get(
        f"/v1/kv/lock/{lab.service}/leader")[0].get("Session"))
    time.sleep(3)
    assert lab.tags()[slave.name] is None
    assert slave.agent.role == "unhealthy" and slave.copy.role() == "slave"
    subprocess.run([PROGRAM, "promote", "-c", slave.agent.file], check=True,
                   env={**os.environ, **slave.agent.env},
                   **process.identity(slave.copy.user))
    assert lab.master([slave]) is slave


@pytest.mark.parametrize("kind", [Refusing, Copy])
def test_a_copy_that_has_diverged_stays_unfit_without_its_master(lab, kind):
    """Also where pg_rewind can't help: its master is away before it has."""
    old, new = diverge(lab, kind)
    if kind is Copy:
        new.copy.ask("REVOKE ALL ON FUNCTION pg_ls_dir(text, boolean, boolean) "
                     "FROM replicator")
    refused(old, "ensure_slave", *of(new))
    new.copy.kill()
    done(old, "ensure_demoted")
    old.copy.start()
    for op in "health", "ensure_master":
        assert "has diverged" in refused(old, op)


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


def test_a_start_command_that_fails_leaves_no_server_down(lab):
    """Nobody has given the agent the right to use it."""
    node, = copies(lab)
    node.agent.write(options={"start_command": "echo 'not allowed'; exit 1"})
    done(node, "ensure_master")
    done(node, "ensure_demoted")
    net.wait_for("it is a standby", lambda: node.copy.role() == "slave")
    assert "start_command failed: echo 'not allowed'" in \
        node.copy.log.read_text()


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


def wrong_password(master, slave):
    slave.copy.give(slave.copy.passfile, "*:*:*:replicator:wrong\n")


def no_password(master, slave):
    slave.copy.give(slave.copy.passfile, "")


def no_line(master, slave):
    hba = master.copy.data / "pg_hba.conf"
    hba.write_text(hba.read_text().replace("host replication", "# "))
    reload(master)


def no_right(master, slave):
    master.copy.ask("ALTER USER replicator NOREPLICATION")


@pytest.mark.parametrize("way", [wrong_password, no_password, no_line, no_right],
                         ids=lambda way: way.__name__)
def test_one_that_its_master_does_not_let_in_is_no_master_without_it(lab, way):
    """Its server was restarted since; and its account is right here."""
    master, slave = pair(lab)
    slave.copy.lag()
    way(master, slave)
    write(master, "missed")
    refused(slave, "ensure_slave", *of(master))
    master.copy.kill()
    for end in None, slave.copy.kill:
        if end:
            end()
            slave.copy.start()
        for op in "health", "ensure_master":
            said = refused(slave, op)
            assert "does not let it in" in said and "let it in, or" in said
    promote(slave)
    done(slave, "ensure_master")


def test_one_that_is_let_in_again_is_as_good_as_before(lab):
    master, slave = pair(lab)
    slave.copy.lag()
    secret = slave.copy.passfile.read_text()
    wrong_password(master, slave)
    refused(slave, "ensure_slave", *of(master))
    assert "does not let it in" in refused(slave, "health")
    slave.copy.give(slave.copy.passfile, secret)
    done(slave, "ensure_slave", *of(master))
    done(slave, "health")
    master.copy.kill()
    done(slave, "ensure_master")


def test_a_slave_that_streams_needs_no_second_login(lab):
    """Its password has changed, and its connection has not ended."""
    master, slave = pair(lab)
    wrong_password(master, slave)
    done(slave, "ensure_slave", *of(master))
    master.copy.kill()
    done(slave, "health")
    done(slave, "ensure_master")


def test_a_password_file_that_all_may_read(lab):
    node, = copies(lab)
    node.copy.password_file.chmod(0o644)
    assert str(node.copy.password_file) in refused(node, "health")


def test_health_warns_of_what_makes_copies_differ(lab):
    node, = copies(lab)
    done(node, "ensure_master")
    for statement in (
            "UPDATE pg_database SET datcollversion = '0.1'",
            "ALTER SYSTEM SET recovery_target_name = 'x'",
            "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
        node.copy.ask(statement)
    net.wait_for("it is told", lambda: node.copy.ask("SHOW fsync") == [("off",)])
    said = done(node, "health")
    for words in ("sorts text differently", "recovery_target_... is in",
                  "fsync is off"):
        assert words in said


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
    # Names of files in it would be cut.
    deep = node.copy.folder.joinpath(*["d" * 200] * 5)
    deep.mkdir(parents=True)
    shutil.chown(deep, node.copy.user)
    for folder, why in (("/nowhere", "/nowhere: No such file"),
                        (deep, "is longer than"),
                        ("data", "is not an absolute path"),
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
