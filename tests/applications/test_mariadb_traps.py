"""MariaDB: what it does that costs data or a master, where nobody takes care."""

import contextlib
import functools
import pathlib
import socket
import subprocess
import threading
import time

import pymysql
import pytest

import mariadb
from lab import PROGRAM, net
from lab.copies import AGAIN, done


def some(lab, count=1, kind=mariadb.Copy, **sections):
    """Running copies, and no agents."""
    nodes = lab.prepare(kind, count=count, **sections)
    for n in nodes:
        n.copy.start()
    return nodes


def refused(node, op, *words):
    """It fails, and the copy is what it was; gives its sentence."""
    before = state(node.copy)
    status, said = node.answer(op, *words)
    assert status == 1, said
    assert state(node.copy) == before
    return said


def state(copy):
    slave = copy.slave()
    return (copy.value("@@read_only"), copy.value("@@gtid_slave_pos"),
            copy.value("@@gtid_binlog_state"), sorted(copy.ids()),
            [slave.get(k) for k in ("Master_Host", "Master_Port",
                                    "Slave_SQL_Running")])


def where(node):
    return f"{node.copy.address}:{node.copy.port}"


def of(node):
    """The words of ensure_slave."""
    return "--master-host", node.copy.address, "--master-port", node.copy.port


def write(node, *ids):
    with contextlib.closing(node.copy.client(5)) as client:
        for id_ in ids:
            client.write(id_)


def holds(node, *ids):
    net.wait_for(f"{node.name} holds {ids}",
                 lambda: sorted(node.copy.ids()) == sorted(ids))


def pair(lab, **sections):
    """A master and its slave, with one row."""
    master, slave = some(lab, 2, **sections)
    done(master, "ensure_master")
    done(slave, "ensure_slave", *of(master))
    write(master, "1")
    holds(slave, "1")
    return master, slave


def refuses_writes(node):
    with pytest.raises(pymysql.err.OperationalError) as refusal:
        write(node, "refused")
    assert refusal.value.args[0] == 1290
    return True


def root(node, *statements, timeout=30):
    """A session of somebody who may do everything, read_only or not."""
    link = node.copy.root(timeout)
    with link.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return link


def is_ended(link):
    with pytest.raises((pymysql.Error, OSError)), link.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


@contextlib.contextmanager
def running(link, statement):
    """While it is run in that session, in a thread."""
    def run():
        with contextlib.suppress(pymysql.Error, OSError), \
                link.cursor() as cursor:
            cursor.execute(statement)
    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join(20)
    assert not thread.is_alive()


# Nothing that was received is thrown away.

def test_what_was_received_is_applied_before_the_first_write(lab):
    """RESET drops what the SQL thread has not read."""
    master, slave = pair(lab)
    slave.copy.ask("STOP SLAVE SQL_THREAD")
    write(master, "2", "3")
    net.wait_for("they are received", lambda: slave.copy.slave()["Gtid_IO_Pos"]
                 == master.copy.value("@@gtid_binlog_pos"))
    master.copy.kill()
    done(slave, "ensure_master")
    holds(slave, "1", "2", "3")
    write(slave, "4")


def test_a_copy_that_can_not_apply_what_it_received_is_not_promoted(lab):
    """START SLAVE with both threads stopped drops the relay log."""
    master, slave = pair(lab)
    slave.copy.ask("STOP SLAVE SQL_THREAD")
    write(master, "2")
    net.wait_for("it is received", lambda: slave.copy.slave()["Gtid_IO_Pos"]
                 == master.copy.value("@@gtid_binlog_pos"))
    slave.copy.ask("STOP SLAVE IO_THREAD")
    master.copy.kill()
    status, said = slave.call("ensure_master")
    assert status == 1 and "both threads are stopped" in said, said
    assert slave.copy.slave()["Relay_Log_Space"] > 0
    assert refuses_writes(slave)
    # Its position is what it has received, so that it is not taken for less.
    assert done(slave, "position").split()[-1] == \
        slave.copy.slave()["Gtid_IO_Pos"]


def test_it_waits_for_the_final_position_of_the_old_master(lab):
    master, slave = pair(lab)
    locked = root(slave, "LOCK TABLES app.written WRITE")
    write(master, "2")
    done(master, "ensure_demoted")
    final = done(master, "position").split()[-1]
    status, said = slave.call("ensure_master", "--target", final)
    assert status == AGAIN and "waits for 1 transactions" in said, said
    assert refuses_writes(slave)
    locked.close()
    net.wait_for("it has it", lambda: slave.call(
        "ensure_master", "--target", final)[0] == 0)
    holds(slave, "1", "2")
    write(slave, "3")


def test_a_target_of_another_database_is_refused(lab):
    node, = some(lab)
    done(node, "ensure_demoted")
    assert "not a GTID position of MariaDB" in refused(
        node, "ensure_master", "--target", "3e11fa47-71ca-11e1-9e33:1-5")


# Ranked by what can be applied in time.

def delayed(node):
    """Nothing is applied before an hour has passed."""
    for statement in ("STOP SLAVE", "CHANGE MASTER TO MASTER_DELAY = 3600",
                      "START SLAVE"):
        node.copy.ask(statement)


def locked_by_a_backup(node):
    return root(node, "FLUSH TABLES WITH READ LOCK")


def unapplied(master, slave, *ids):
    """They are received, and not applied."""
    write(master, *ids)
    net.wait_for("it is received", lambda: slave.copy.slave()["Gtid_IO_Pos"]
                 == master.copy.value("@@gtid_binlog_pos"))
    assert not set(slave.copy.ids()) & set(ids)


@pytest.mark.parametrize("way", [delayed, locked_by_a_backup],
                         ids=lambda way: way.__name__)
def test_of_equal_copies_the_one_that_can_apply_is_taken(lab, way):
    """Both have received all; its priority does not make it sooner."""
    master, held, other = nodes = some(lab, 3, plugin={"role_interval": "1h"})
    held.agent.write(election={"priority": "200"})
    master.agent.start()
    lab.master([master])
    for n in held, other:
        n.agent.start()
    lab.settled(nodes)
    link = way(held)
    unapplied(master, held, "1", "2")
    holds(other, "1", "2")
    lab.wait("all stand", lambda: lab.standing() == 3)
    master.copy.kill()
    assert lab.master([held, other]) is other
    if link:
        link.close()


def test_a_delay_is_ended_by_a_promotion(lab):
    """There is nobody else."""
    master, slave = nodes = some(lab, 2, plugin={"role_interval": "1h"})
    master.agent.start()
    lab.master([master])
    slave.agent.start()
    lab.settled(nodes)
    delayed(slave)
    unapplied(master, slave, "1", "2")
    master.agent.stop()             # a hand-over, with a final position
    assert lab.master([slave]) is slave
    holds(slave, "1", "2")
    write(slave, "3")


@pytest.mark.parametrize("interrupted", ["", "STOP SLAVE"])
def test_nor_does_that_lose_what_nobody_else_has(lab, interrupted):
    """A start of both threads drops the relay log; nor where the call that had
    stopped them was killed."""
    master, slave = pair(lab)
    delayed(slave)
    unapplied(master, slave, "2", "3")
    master.copy.kill()
    if interrupted:
        slave.copy.ask(interrupted)
    done(slave, "ensure_master")
    holds(slave, "1", "2", "3")


def test_what_holds_up_a_promotion_is_named(lab):
    master, slave = pair(lab)
    link = locked_by_a_backup(slave)
    unapplied(master, slave, "2")
    master.copy.kill()
    status, said = slave.call("ensure_master")
    assert status == AGAIN and "Waiting for backup lock" in said, said
    link.close()
    done(slave, "ensure_master")
    holds(slave, "1", "2")


# Demoted in time.

def test_a_server_whose_socket_was_removed_is_no_server_that_is_down(lab):
    """It still takes writes, by its port; and can't be asked not to."""
    node, = some(lab)
    done(node, "ensure_master")
    pathlib.Path(node.copy.socket).unlink()
    for op in "health", "ensure_master", "ensure_demoted":
        status, said = node.call(op, "-o", "options.kill_server=no")
        assert status == 1 and "its socket" in said and "removed" in said, said
    assert node.copy.running
    done(node, "ensure_demoted")
    net.wait_for("it is killed", lambda: not node.copy.running)
    done(node, "ensure_demoted")


def test_a_hand_over_needs_no_socket_that_was_removed(lab):
    """The agent has its connection yet, and the server lives on."""
    master, *slaves = lab.three(mariadb.Copy)
    pathlib.Path(master.copy.socket).unlink()
    master.agent.disable_file.touch()
    new = lab.master(slaves)
    assert "its socket" in master.agent.text()
    assert master.copy.running
    with contextlib.closing(new.copy.client(5)) as client:
        client.write("1")


# A server that runs is not taken for one that is down.

NAMES_NOTHING = {
    "missing": (None, "No such file"),
    "empty": ("", "none of the groups [client]"),
    "of_the_server": ("[mysqld]\nsocket = {socket}\n",
                      "none of the groups [client]"),
    "without_a_place": ("[client]\nuser = x\n", "neither socket nor host"),
    "localhost": ("[client]\nhost = localhost\n", "neither socket nor host"),
    "missing_folder": ("[client]\nsocket = {socket}\n!includedir /none/here\n",
                       "cnf:3: can't read the folder /none/here"),
    "missing_include": ("!include /none/here.cnf\n", "/none/here.cnf: No such"),
    "unknown_directive": ("!source /etc/my.cnf\n", "cnf:1: !source is not"),
    "relative": ("[client]\nsocket = mysqld.sock\n", "absolute path"),
    "too_long": ("[client]\nsocket = /" + 107 * "x" + "\n",
                 "longer than 107 bytes"),
    "another_protocol": ("[client]\nsocket = {socket}\nprotocol = tcp\n",
                         "protocol = tcp"),
    "without_a_group": ("socket = {socket}\n", "cnf:1: this line is in no"),
}


def check(node, *words):
    """consul-failover check, which must refuse."""
    said = subprocess.run([PROGRAM, "check", "-c", node.agent.file, *words],
                          text=True, stdin=subprocess.DEVNULL,
                          capture_output=True)
    assert said.returncode != 0, said.stdout
    return said.stderr


def test_an_option_file_without_a_place_is_refused_by_name(lab):
    """And proves nothing: the server runs, and takes writes."""
    file = lab.folder / "client.cnf"
    node, = some(lab, options={"socket": None, "defaults_file": file})
    node.copy.ask("SET GLOBAL read_only = 0")
    for name, (text, why) in NAMES_NOTHING.items():
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text.format(socket=node.copy.socket))
        assert why in check(node), name
        for op in "health", "ensure_demoted":
            status, said = node.call(op)
            assert status == 1 and why in said, (name, said)
    write(node, "1")


def test_included_option_files_are_read(lab):
    """Debian's own names everything so."""
    folder = lab.folder / "conf.d"
    folder.mkdir()
    file = lab.folder / "client.cnf"
    node, = some(lab, options={"socket": None, "defaults_file": file})
    file.write_text(f"# all is elsewhere\n!includedir {folder}/\n")
    (folder / "ignored.txt").write_text("nonsense")
    (folder / "50-more.cnf").write_text(f"!include {lab.folder}/more.cnf\n")
    (lab.folder / "more.cnf").write_text(
        f"[client-server]\nsocket = \"{node.copy.socket}\"\n")
    done(node, "health")
    done(node, "ensure_master")
    done(node, "ensure_demoted")
    node.copy.kill()
    assert "the server is down" in done(node, "ensure_demoted")


def test_a_host_of_the_option_file_does_not_win_over_our_socket(lab):
    file = lab.folder / "client.cnf"
    file.write_text("[client]\nhost = 127.71.9.9\n")
    node, = some(lab, options={"defaults_file": file})
    done(node, "health")


def another_socket(node):
    """Restarted with another my.cnf."""
    node.copy.kill()
    node.copy.socket += ".other"
    node.copy.port = 3393               # nobody else's, at any address
    node.copy.configure(bind_address="*")
    node.agent.write(service={"port": 3393})
    node.copy.start()


def another_socket_and_one_address(node):
    node.copy.kill()
    node.copy.socket += ".other"
    node.copy.configure()
    node.agent.write(options={"host": node.copy.address,
                              "socket": f"{node.copy.short}/socket"})
    node.copy.start()


def another_address(node):
    """The options name none, and it does not listen at 127.0.0.1."""
    node.agent.write(options={"socket": None})


def replaced_socket(node):
    """Such as a second server leaves that was started by mistake, and killed."""
    pathlib.Path(node.copy.socket).unlink()
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(node.copy.socket)


@pytest.mark.parametrize("way", [
    another_socket, another_socket_and_one_address, another_address,
    replaced_socket], ids=lambda way: way.__name__)
def test_a_server_that_listens_elsewhere_is_not_down(lab, way):
    node, = some(lab)
    way(node)
    for op in "health", "ensure_demoted":
        status, said = node.call(op, "-o", "options.kill_server=no")
        assert status == 1 and "listens" in said, said
        assert "the server is down" not in said
    if way is not replaced_socket:      # and nobody has made it the master
        status, said = node.call("ensure_demoted")
        assert status == 1 and "correct the options" in said, said
    assert node.copy.running
    if way is replaced_socket:
        done(node, "ensure_demoted")
        net.wait_for("it is killed", lambda: not node.copy.running)
        assert "the server is down" in done(node, "ensure_demoted")


def test_a_server_that_would_not_be_found_elsewhere_is_told_in_time(lab):
    """It listens at one address, which nobody has named, or on another port."""
    node, = lab.prepare(mariadb.Copy, count=1)
    node.copy.start()
    node.agent.start()
    lab.master([node])
    warning = "with another socket, the server would be considered down"
    lines = [l for l in node.agent.text().splitlines() if warning in l]
    assert len(lines) == 1
    assert "also set option host" in lines[0] and node.copy.address in lines[0]
    node.agent.stop()
    node.agent.write(options={"host": node.copy.address})
    assert warning not in done(node, "health")
    node.agent.write(service={"port": 3393})
    said = done(node, "health")
    assert warning in said and f"on port {node.copy.port}, and" in said
    node.copy.kill()
    node.copy.configure(skip_networking="ON")
    node.copy.start()
    assert "(skip_networking)" in done(node, "health")


# A server that has no connection left is demoted.

def fill(node, stack):
    """All connections, and the one that is kept for administrators."""
    with contextlib.suppress(pymysql.err.OperationalError):
        while True:
            stack.enter_context(contextlib.closing(node.copy.client(5)))
    with contextlib.suppress(pymysql.err.OperationalError):
        while True:
            stack.enter_context(contextlib.closing(root(node)))


@pytest.mark.parametrize("way", ["socket", "host"])
def test_the_guard_demotes_a_full_server_whose_agent_was_killed(lab, way):
    """All connections that the agent leaves are taken at once."""
    master, = some(lab)
    if way == "host":
        root(master, f"RENAME USER {mariadb.PLUGIN}@localhost TO "
             f"{mariadb.PLUGIN}@'%'").close()
        master.agent.write(options={"socket": None,
                                    "host": master.copy.address})
    master.agent.start()
    lab.master([master])
    assert "could not be demoted" not in master.agent.text()
    writer = master.copy.client(5)
    with contextlib.ExitStack() as stack:
        fill(master, stack)
        stop = threading.Event()

        def hog():
            while not stop.wait(0.001):
                with contextlib.suppress(pymysql.Error, OSError):
                    fill(master, stack)
        thread = threading.Thread(target=hog)
        thread.start()
        try:
            writer.write("before")
            since = time.monotonic()
            master.agent.kill()
            with pytest.raises((pymysql.Error, OSError)):
                while time.monotonic() - since < 10:
                    writer.write(str(time.monotonic_ns()))
                    time.sleep(0.01)
            took = time.monotonic() - since
        finally:
            stop.set()
            thread.join(20)
    # restart_wait, the deadline of ensure_demoted, and this machine.
    assert took < 1.5 + 1 + 1


def test_a_master_is_demoted_with_one_connection_of_our_own(lab):
    node, = some(lab)
    done(node, "ensure_master")
    root(node, "SET sql_log_bin = 0", f"ALTER USER {mariadb.PLUGIN}@localhost "
         "WITH MAX_USER_CONNECTIONS 1").close()
    locked = root(node, "LOCK TABLES app.written WRITE")
    assert "all sessions ended" in done(node, "ensure_demoted")
    assert refuses_writes(node) and is_ended(locked)
    assert node.copy.running


def test_what_could_not_be_demoted_is_told_at_the_start(lab):
    node, = lab.prepare(mariadb.Copy, count=1, options={"kill_server": "no"})
    node.copy.start()
    node.agent.start()
    lab.master([node])
    lines = [l for l in node.agent.text().splitlines()
             if "could not be demoted: kill_server is off" in l]
    assert len(lines) == 1


def open_transaction(node):
    return root(node, "BEGIN", "INSERT INTO app.written VALUES ('open')"), None


def locked_table(node):
    return root(node, "LOCK TABLES app.written WRITE"), None


def backup(node):
    return root(node, "FLUSH TABLES WITH READ LOCK"), None


def backup_stage(node):
    return root(node, "BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT"), None


def long_write(node):
    return root(node), "INSERT INTO app.written SELECT SLEEP(60)"


def long_read(node):
    return root(node), "SELECT SLEEP(60) FROM app.written"


@pytest.mark.parametrize("hold", [
    open_transaction, locked_table, backup, backup_stage, long_write,
    long_read], ids=lambda hold: hold.__name__)
def test_a_master_is_demoted_in_time_behind(lab, hold):
    """And whoever holds it up is disconnected, even with all rights."""
    node, = some(lab)
    done(node, "ensure_master")
    write(node, "1")
    link, statement = hold(node)
    idle = root(node)
    with running(link, statement or "DO 0"):
        net.wait_for("it runs", lambda: not statement or any(
            "SLEEP" in (row["Info"] or "") and row["Id"] == link.thread_id()
            for row in node.copy.ask("SHOW PROCESSLIST")))
        since = time.monotonic()
        done(node, "ensure_demoted")
        assert time.monotonic() - since < 1.5       # with its own start
    assert refuses_writes(node)
    assert is_ended(link) and is_ended(idle)
    holds(node, "1")


def test_a_master_is_demoted_although_all_connections_are_taken(lab):
    node, = some(lab)
    done(node, "ensure_master")
    with contextlib.ExitStack() as stack:
        links = []
        with contextlib.suppress(pymysql.err.OperationalError):
            while True:
                links.append(stack.enter_context(
                    contextlib.closing(node.copy.client(5))))
        assert len(links) >= 40
        links[0].run("LOCK TABLES written WRITE")
        done(node, "ensure_demoted")
        for link in links:
            with pytest.raises((pymysql.Error, OSError)):
                link.write("refused")
    assert node.copy.value("@@read_only") == 1


def test_the_slaves_of_a_demoted_master_stay_connected(lab):
    """They carry its last transactions."""
    master, slave = pair(lab)
    dump = [row["Id"] for row in master.copy.ask("SHOW PROCESSLIST")
            if row["Command"].startswith("Binlog Dump")]
    done(master, "ensure_demoted")
    assert dump == [row["Id"] for row in master.copy.ask("SHOW PROCESSLIST")
                    if row["Command"].startswith("Binlog Dump")] != []


def test_the_readers_of_a_slave_stay_connected_when_it_is_demoted(lab):
    master, slave = pair(lab)
    reader = slave.copy.client(5)
    done(slave, "ensure_demoted")
    assert reader.run("SELECT id FROM written") == (("1",),)
    reader.close()


def test_a_commit_that_waits_for_a_slave_does_not_hold_up_a_demotion(lab):
    """And nobody is told that it is done."""
    node, = some(lab, kind=mariadb.Synchronous)
    done(node, "ensure_master")
    client = node.copy.client(30)
    told = []

    def write_it():
        with contextlib.suppress(pymysql.Error, OSError):
            client.write("1")
            told.append("1")
    thread = threading.Thread(target=write_it)
    thread.start()
    net.wait_for("it waits", lambda: any(
        "semi-sync" in (row["State"] or "")
        for row in node.copy.ask("SHOW PROCESSLIST")))
    done(node, "ensure_demoted")
    thread.join(20)
    assert not told
    assert node.copy.value("@@read_only") == 1


def test_events_do_not_run_on_a_demoted_copy(lab):
    """Their definer may be somebody who writes in spite of read_only."""
    node, = some(lab, options={"events": "yes"})
    node.copy.ask(f"GRANT SUPER ON *.* TO {mariadb.PLUGIN}@localhost")
    done(node, "ensure_master")
    assert node.copy.value("@@event_scheduler") == "ON"
    node.copy.ask("CREATE EVENT app.tick ON SCHEDULE EVERY 1 SECOND DO "
                  "INSERT INTO app.written VALUES (UUID())")
    net.wait_for("it runs", node.copy.ids)
    done(node, "ensure_demoted")
    before = node.copy.ids()
    time.sleep(2.5)
    assert node.copy.ids() == before
    assert node.copy.value("@@event_scheduler") == "OFF"


def test_a_server_that_does_not_run_is_demoted(lab):
    node, = lab.prepare(mariadb.Copy, count=1)
    assert "the server is down" in done(node, "ensure_demoted")


def hanging(node):
    node.copy.process.freeze()


def hanging_and_full(node):
    """So many wait for it that nobody else is even queued."""
    hanging(node)
    with contextlib.suppress(BlockingIOError):
        while True:
            waiting = socket.socket(socket.AF_UNIX)
            waiting.setblocking(False)
            waiting.connect(node.copy.socket)
            node.waiting = [*getattr(node, "waiting", []), waiting]
    waiting.close()


def rolling_back(node):
    """What is ended rolls back for as long as it has run."""
    link = root(node, "CREATE TABLE app.big (a INT PRIMARY KEY AUTO_INCREMENT, "
                "b VARCHAR(200))", "INSERT INTO app.big (b) SELECT "
                "REPEAT('x', 150) FROM app.seq_1_to_600000", timeout=300)
    threading.Thread(target=ignoring(link.query), daemon=True, args=[
        "UPDATE app.big SET a = a + 2000000"]).start()
    net.wait_for("it has done much", lambda: any(
        (row["Info"] or "").startswith("UPDATE") and row["Time"] >= 1
        for row in node.copy.ask("SHOW PROCESSLIST")))


def ignoring(call):
    def quiet(*words):
        with contextlib.suppress(pymysql.Error, OSError):
            call(*words)
    return quiet


@pytest.mark.parametrize("way", [hanging, hanging_and_full, rolling_back],
                         ids=lambda way: way.__name__)
def test_a_server_that_can_not_be_demoted_in_time_is_killed(lab, way):
    node, = some(lab)
    done(node, "ensure_master")
    way(node)
    said = done(node, "ensure_demoted")
    # A fast machine may have rolled back in time: nothing is to be killed then.
    if way is not rolling_back or "all sessions ended" not in said:
        assert "the server is killed" in said
        net.wait_for("it has ended", lambda: not node.copy.running)
        node.copy.start()
    assert refuses_writes(node)


def test_unless_that_is_forbidden(lab):
    node, = some(lab, options={"kill_server": "no"})
    done(node, "ensure_master")
    hanging(node)
    try:
        status, said = node.call("ensure_demoted")
    finally:
        node.copy.process.thaw()
    assert status == 1 and "no answer in time" in said, said
    assert node.copy.running


# Who may be a slave of whom.

def test_a_copy_that_has_diverged_is_refused_and_told_what_is_errant(lab):
    master, slave = pair(lab)
    slave.copy.ask("SET GLOBAL read_only = 0")
    write(slave, "own")
    done(slave, "ensure_demoted")
    slave.copy.ask("STOP SLAVE")
    write(master, "2")
    number = slave.copy.server_id
    said = refused(slave, "ensure_slave", *of(master))
    assert f"has transactions that {where(master)} lacks: 0-{number}-2" in said


def test_seemingly_behind_it_is_refused_as_well(lab):
    """Sequence numbers alone would show nothing."""
    old, new = pair(lab)
    new.copy.ask("STOP SLAVE")
    write(old, "own")                           # 0-old-2
    old.copy.kill()
    done(new, "ensure_master")
    write(new, "2", "3", "4")                   # 0-new-2 and on
    old.copy.start()
    said = refused(old, "ensure_slave", *of(new))
    assert f"0-{old.copy.server_id}-2 (after 1)" in said


def test_told_to_follow_it_goes_on_behind_the_last_common_transaction(lab):
    old, new = pair(lab, options={"on_divergence": "follow"})
    new.copy.ask("STOP SLAVE")
    write(old, "own")
    old.copy.kill()
    done(new, "ensure_master")
    write(new, "2", "3")
    old.copy.start()
    done(old, "ensure_slave", *of(new))
    holds(old, "1", "own", "2", "3")
    write(new, "4")
    holds(old, "1", "own", "2", "3", "4")


def test_a_copy_that_has_lost_what_it_wrote_itself_is_refused(lab):
    """A slave skips what bears its own server_id."""
    old, new = pair(lab)
    done(old, "ensure_demoted")
    done(new, "ensure_master")
    old.copy.kill()
    write(new, "2")
    number = old.copy.server_id
    old.copy.rebuild(new.copy)
    old.copy.kill()
    old.copy.server_id = number
    old.copy.configure()
    old.copy.start()
    said = refused(old, "ensure_slave", *of(new))
    assert f"has lost transactions that it wrote itself, up to 0-{number}-1" \
        in said and "another server_id" in said


def test_a_killed_master_comes_back_without_what_nobody_acknowledged(lab):
    """Semi-synchronous: it rolls back what is in its binary log alone."""
    old, new = pair(lab, kind=mariadb.Synchronous)
    new.copy.ask("STOP SLAVE")
    client = old.copy.client(30)
    with running(client.link, "INSERT INTO written VALUES ('lonely')"):
        net.wait_for("it waits", lambda: any(
            "semi-sync" in (row["State"] or "")
            for row in old.copy.ask("SHOW PROCESSLIST")))
        old.copy.kill()
    done(new, "ensure_master")
    old.copy.start()
    done(old, "ensure_slave", *of(new))
    write(new, "2")
    holds(old, "1", "2")


def test_a_copy_is_not_made_a_slave_of_itself(lab):
    node, = some(lab)
    done(node, "ensure_demoted")
    assert "is this copy itself" in refused(node, "ensure_slave", *of(node))


def test_nor_of_one_with_its_server_id(lab):
    a, b = some(lab, 2)
    b.copy.kill()
    b.copy.server_id = a.copy.server_id
    b.copy.configure()
    b.copy.start()
    done(a, "ensure_demoted")
    assert "the same server_id" in refused(a, "ensure_slave", *of(b))


def test_a_copy_with_several_masters_is_refused(lab):
    node, = some(lab)
    node.copy.ask("CHANGE MASTER 'second' TO MASTER_HOST = '127.0.0.1'")
    for call in (["health"], ["ensure_master"], ["ensure_slave", *of(node)]):
        assert 'by the channel "second"' in refused(node, *call)


def test_what_a_slave_can_not_apply_is_told_and_not_hidden(lab):
    master, slave = pair(lab)
    root(slave, "SET sql_log_bin = 0",
         "INSERT INTO app.written VALUES ('2')").close()
    write(master, "2")
    net.wait_for("it can't", lambda: slave.copy.slave()["Last_SQL_Errno"])
    for call in (["health"], ["ensure_master"], ["ensure_slave", *of(master)]):
        assert "Duplicate entry '2'" in refused(slave, *call)


# Equal positions, and not equal data.

FILTERS = {
    "binlog_do_db": ("app", True), "binlog_ignore_db": ("app", True),
    "replicate_do_db": ("app", False), "replicate_ignore_db": ("app", False),
    "replicate_do_table": ("app.written", False),
    "replicate_ignore_table": ("app.written", False),
    "replicate_wild_do_table": ("app.%", False),
    "replicate_wild_ignore_table": ("app.%", False),
    "replicate_events_marked_for_skip": ("FILTER_ON_SLAVE", False),
    "slave_skip_errors": ("1062", True),
    "slave_exec_mode": ("IDEMPOTENT", False),
}


def test_a_copy_that_leaves_out_data_is_named_and_no_master(lab):
    """Whether my.cnf or a statement says so, and without a master, too."""
    node, = some(lab)
    for name, (value, restart) in FILTERS.items():
        if restart:
            node.copy.kill()
            node.copy.configure(**{name: value})
            node.copy.start()
        else:
            node.copy.ask(f"SET GLOBAL {name} = '{value}'")
        for op in "health", "ensure_master":
            assert f"{name} = {value} leaves out".lower() in \
                refused(node, op).lower(), name
        if restart:
            node.copy.kill()
            node.copy.configure()
            node.copy.start()
        else:
            node.copy.ask(f"SET GLOBAL {name} = DEFAULT")
    node.copy.ask("SET GLOBAL replicate_ignore_table = 'app.secret'")
    done(node, "health", "-o", "options.allow_filters=yes")
    done(node, "ensure_master", "-o", "options.allow_filters=yes")


@pytest.mark.parametrize("option, column, value", [
    ("IGNORE_SERVER_IDS = (7)", "Replicate_Ignore_Server_Ids", "7"),
    ("IGNORE_DOMAIN_IDS = (3)", "Replicate_Ignore_Domain_Ids", "3"),
    ("DO_DOMAIN_IDS = (0)", "Replicate_Do_Domain_Ids", "0"),
    (None, "Skip_Counter", "1")], ids=lambda word: str(word).split(" ")[0])
def test_a_slave_that_leaves_out_data_is_named(lab, option, column, value):
    master, slave = pair(lab)
    slave.copy.ask("STOP SLAVE")
    slave.copy.ask(f"CHANGE MASTER TO {option}" if option else
                   "SET GLOBAL sql_slave_skip_counter = 1")
    for op in "health", "ensure_master":
        assert f"{column} = {value} leaves out" in refused(slave, op)


def test_a_slave_with_a_filter_is_no_candidate(lab):
    """The table is missing on it: it never becomes the master."""
    master, slave, _ = lab.three(mariadb.Copy, plugin={"role_interval": "1h"})
    slave.copy.ask("STOP SLAVE")
    slave.copy.ask("SET GLOBAL replicate_ignore_table = 'app.written'")
    slave.copy.ask("START SLAVE")
    write(master, "1")
    slave.agent.wait_log("not healthy: replicate_ignore_table = app.written")
    lab.wait("it has no tag slave", lambda: lab.tags()[slave.name] != "slave")
    master.copy.kill()
    assert lab.master(lab.others(master)) is not slave


# What its master refused for good.

def purged(master, slave):
    """The slave has missed a row, and its master has it no more."""
    slave.copy.ask("STOP SLAVE IO_THREAD")
    write(master, "missed")
    master.copy.ask("FLUSH BINARY LOGS")
    last = master.copy.ask("SHOW BINARY LOGS")[-1]["Log_name"]

    def is_purged():                    # not while somebody reads it
        master.copy.ask("PURGE BINARY LOGS TO %s", last)
        return len(master.copy.ask("SHOW BINARY LOGS")) == 1
    net.wait_for("it is purged", is_purged)
    slave.copy.ask("START SLAVE IO_THREAD")


def duplicate(master, slave):
    """The slave has a row that its master writes now."""
    root(slave, "SET sql_log_bin = 0",
         "INSERT INTO app.written VALUES ('missed')").close()
    write(master, "missed")


def restarted(slave):
    slave.copy.kill()
    slave.copy.configure(skip_slave_start="ON")
    slave.copy.start()


def reset(slave):
    slave.copy.ask("STOP SLAVE")
    slave.copy.ask("RESET SLAVE ALL")


@pytest.mark.parametrize("way, then", [
    (purged, restarted), (purged, reset), (duplicate, restarted)],
    ids=lambda way: way.__name__)
def test_a_copy_that_its_master_has_refused_is_promoted_by_hand_alone(
        lab, way, then):
    """Master and agent are gone; agent and server of the copy were restarted."""
    master, slave = nodes = some(lab, 2, plugin={"role_interval": "1h"})
    master.agent.start()
    lab.master([master])
    slave.agent.start()
    lab.settled(nodes)
    way(master, slave)
    why = "error 1236" if way is purged else "Duplicate entry"
    slave.agent.wait_log(why)
    for process in master.agent, master.copy, slave.agent:
        process.kill()
    then(slave)
    slave.agent.start()
    for op in "health", "ensure_master":
        said = net.wait_for("it refuses", lambda: [
            said for status, said in [slave.call(op)]
            if status == 1 and "consul-failover promote" in said])
        assert why in said[0]
    time.sleep(6)                       # the lock-delay, and more
    assert lab.tags()[slave.name] != "master"
    subprocess.run([PROGRAM, "promote", "-c", slave.agent.file], check=True,
                   stdout=subprocess.DEVNULL)
    assert lab.master([slave]) is slave
    done(slave, "health")


def shut_out(master, slave, statement):
    """Its account is refused when it connects anew; and it misses a row."""
    root(master, "SET sql_log_bin = 0", statement).close()
    slave.copy.ask("STOP SLAVE IO_THREAD")
    write(master, "missed")
    slave.copy.ask("START SLAVE IO_THREAD")


@pytest.mark.parametrize("statement, why", [
    ("ALTER USER {} ACCOUNT LOCK", "locked"),
    ("ALTER USER {} IDENTIFIED BY 'other'", "denied"),
    ("REVOKE REPLICATION SLAVE ON *.* FROM {}", "COM_REGISTER_SLAVE failed")])
def test_a_copy_that_its_master_does_not_let_in_is_no_master_without_it(
        lab, statement, why):
    """Master and agent are gone; agent and server of the copy were restarted."""
    master, slave = nodes = some(lab, 2, plugin={"role_interval": "1h"})
    master.agent.start()
    lab.master([master])
    slave.agent.start()
    lab.settled(nodes)
    shut_out(master, slave, statement.format(f"{mariadb.REPLICATION}@'%'"))
    slave.agent.wait_log("not healthy: can't replicate from")
    lab.wait("it has no tag", lambda: lab.tags()[slave.name] is None)
    for process in master.agent, master.copy, slave.agent:
        process.kill()
    restarted(slave)
    slave.agent.start()
    for op in "health", "ensure_master":
        said = net.wait_for("it refuses", lambda: [
            said for status, said in [slave.call(op)]
            if status == 1 and "consul-failover promote" in said])
        assert why in said[0] and "let it in" in said[0], said
    time.sleep(6)                       # the lock-delay, and more
    assert lab.tags()[slave.name] is None
    assert slave.promote()[0] == 0
    assert lab.master([slave]) is slave
    done(slave, "health")


def test_so_is_one_that_was_never_let_in(lab):
    """It is nobody's slave, so its server has nothing to say of that."""
    master, slave = some(lab, 2)
    done(master, "ensure_master")
    (slave.copy.folder / "replication").write_text("wrong\n")
    refused(slave, "ensure_slave", *of(master))
    master.copy.kill()
    for op in "health", "ensure_master":
        assert "does not let it in" in refused(slave, op)


def test_what_was_not_let_in_is_fit_again_when_it_has_streamed(lab):
    """The account comes a moment later, or the one before has refused it."""
    master, slave = nodes = some(lab, 2)
    master.agent.start()
    lab.master([master])
    (slave.copy.folder / "replication").write_text("wrong\n")
    slave.agent.start()
    slave.agent.wait_log("can't ask")
    (slave.copy.folder / "replication").write_text(
        mariadb.PASSWORD[mariadb.REPLICATION] + "\n")
    lab.settled(nodes)
    write(master, "1")
    holds(slave, "1")
    master.agent.stop()
    assert lab.master([slave]) is slave


def test_that_the_master_before_lets_nobody_in_harms_no_copy(lab):
    """It has been handed over, and the next one asks it."""
    master, slave = pair(lab)
    root(master, "SET sql_log_bin = 0",
         f"ALTER USER {mariadb.REPLICATION}@'%' ACCOUNT LOCK").close()
    slave.copy.ask("STOP SLAVE IO_THREAD")
    slave.copy.ask("START SLAVE IO_THREAD")
    net.wait_for("it is refused",
                 lambda: slave.copy.slave()["Last_IO_Errno"] == 4151)
    done(slave, "health")
    done(slave, "ensure_master")


def test_a_copy_that_has_diverged_is_no_master_when_the_other_one_is_gone(lab):
    """It lacks what that one has written."""
    master, slave = some(lab, 2)
    master.agent.start()
    lab.master([master])
    slave.copy.ask("SET GLOBAL read_only = 0")
    write(slave, "own")
    slave.copy.ask("SET GLOBAL read_only = 1")
    write(master, "1")
    slave.agent.start()
    slave.agent.wait_log("has transactions that")
    lab.wait("it is unhealthy", lambda: "consul-failover promote" in
             slave.call("health")[1])
    for process in master.agent, master.copy:
        process.kill()
    time.sleep(8)           # the guard, the lock-delay, and more
    assert lab.tags()[slave.name] is None
    assert refuses_writes(slave)


def test_what_the_master_before_refuses_when_it_is_back_harms_no_copy(lab):
    """It has lost most of its binary log, and is nobody's master."""
    master, slave = nodes = some(lab, 2)
    master.agent.start()
    lab.master([master])
    slave.agent.start()
    lab.settled(nodes)
    write(master, "1", "2", "3")
    holds(slave, "1", "2", "3")
    again = lab.folder / "again.sql"
    again.write_text("INSERT INTO app.written VALUES ('again');\n")
    master.copy.configure(init_file=again)
    slave.agent.disable_file.touch()    # for time enough
    for process in master.agent, master.copy:
        process.kill()
    lab.wait("it is no master any more",
             lambda: "master" not in lab.tags().values())
    time.sleep(1)                       # health is asked meanwhile
    for file in master.copy.data.glob("binlog*"):
        file.unlink()
    master.copy.start()
    lab.wait("it refuses the slave",
             lambda: slave.copy.slave()["Last_IO_Errno"] == 1236)
    time.sleep(1)
    slave.agent.disable_file.unlink()
    assert lab.master([slave]) is slave
    assert "error 1236" not in slave.agent.text()


def test_what_was_refused_is_forgotten_when_it_has_streamed(lab):
    master, slave = nodes = some(lab, 2)
    master.agent.start()
    lab.master([master])
    slave.agent.start()
    lab.settled(nodes)
    duplicate(master, slave)
    slave.agent.wait_log("not healthy: can't apply")
    root(slave, "SET sql_log_bin = 0",
         "DELETE FROM app.written WHERE id = 'missed'").close()
    slave.copy.ask("START SLAVE")
    lab.settled(nodes)
    holds(slave, "missed")
    master.agent.stop()
    assert lab.master([slave]) is slave


def test_stopped_threads_are_started(lab):
    master, slave = pair(lab)
    for threads in "SQL_THREAD", "IO_THREAD", "":
        slave.copy.ask(f"STOP SLAVE {threads}")
        assert slave.copy.slave()["Seconds_Behind_Master"] is None
        done(slave, "ensure_slave", *of(master))
    write(master, "2")
    holds(slave, "1", "2")


def test_a_slave_changes_its_master_and_loses_nothing(lab):
    a, b, c = some(lab, 3)
    done(a, "ensure_master")
    for n in b, c:
        done(n, "ensure_slave", *of(a))
    write(a, "1")
    for n in b, c:
        holds(n, "1")
    done(a, "ensure_demoted")
    done(b, "ensure_master", "--target", done(a, "position").split()[-1])
    for n in a, c:
        done(n, "ensure_slave", *of(b))
    write(b, "2")
    for n in a, c:
        holds(n, "1", "2")


def test_replication_by_tls_checks_the_certificate_of_the_master(lab):
    master, slave = lab.prepare(mariadb.Copy, count=2, options={
        "replication_ca": lab.folder / "ca.pem"})
    certificates(lab.folder, master.copy.address)
    for n in master, slave:
        n.copy.configure(ssl_ca=lab.folder / "ca.pem",
                         ssl_cert=lab.folder / "cert.pem",
                         ssl_key=lab.folder / "key.pem")
        n.copy.start()
    done(master, "ensure_master")
    done(slave, "ensure_slave", *of(master))
    assert slave.copy.slave()["Master_SSL_Verify_Server_Cert"] == "Yes"
    write(master, "1")
    holds(slave, "1")
    # Another authority's.
    certificates(lab.folder, master.copy.address, "other")
    slave.copy.ask("STOP SLAVE")
    lab.folder.joinpath("other-ca.pem").replace(lab.folder / "ca.pem")
    status, said = slave.call("ensure_slave", *of(master))
    assert status != 0 and "certificate" in said, said


def certificates(folder, address, prefix=""):
    """ca.pem, and cert.pem with key.pem for that address."""
    name = (lambda n: str(folder / (f"{prefix}-{n}" if prefix else n)))
    run = functools.partial(subprocess.run, check=True, capture_output=True)
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
           "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run([*new, "-subj", f"/CN=authority {prefix}", "-keyout", name("ca-key.pem"),
         "-out", name("ca.pem")])
    run([*new, "-subj", f"/CN={address}", "-addext",
         f"subjectAltName=IP:{address}", "-CA", name("ca.pem"), "-CAkey",
         name("ca-key.pem"), "-keyout", name("key.pem"), "-out",
         name("cert.pem")])


# Its health.

def test_a_slave_that_is_too_far_behind_is_not_healthy(lab):
    master, slave, _ = lab.three(
        mariadb.Copy, options={"max_lag": "1s"}, plugin={"role_interval": "1h"})
    locked = root(slave, "LOCK TABLES app.written WRITE")
    write(master, "1")
    slave.agent.wait_log(f" s behind {where(master)}")
    locked.close()
    lab.settled()


def test_a_slave_that_its_master_refuses_is_not_healthy(lab):
    master, slave, _ = lab.three(mariadb.Copy, plugin={"role_interval": "1h"})
    master.copy.ask(f"ALTER USER {mariadb.REPLICATION}@'%' ACCOUNT LOCK")
    slave.copy.ask("STOP SLAVE IO_THREAD")
    slave.copy.ask("START SLAVE IO_THREAD")
    slave.agent.wait_log("not healthy: can't replicate from")


def test_a_database_that_is_missing_is_named(lab):
    node, = some(lab, options={"databases": "app, nowhere"})
    assert "no database nowhere" in refused(node, "health")


# What an operator may have set for all sessions; but none that the server's own
# replication would stumble over as well.
GLOBALS = {
    "autocommit": 0, "sql_mode": "'ORACLE,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
    "tx_isolation": "'SERIALIZABLE'", "tx_read_only": 1, "wait_timeout": 1,
    "lock_wait_timeout": 0, "max_statement_time": 0.0001,
    "sql_select_limit": 0, "completion_type": 2, "foreign_key_checks": 0,
    "character_set_server": "'ucs2'", "lc_messages": "'de_DE'",
    "max_join_size": 1, "init_connect": "'SET autocommit = 0'",
}


def test_what_is_set_for_all_sessions_does_not_reach_ours(lab):
    master, slave = pair(lab, options={
        "query": "SELECT 1 FROM app.written LIMIT 1"})
    root(slave, *(f"SET GLOBAL {k} = {v}" for k, v in GLOBALS.items())).close()
    done(slave, "health")
    done(slave, "ensure_slave", *of(master))
    master.copy.ask("SET GLOBAL read_only = 1")
    done(slave, "ensure_master", "--target",
         done(master, "position").split()[-1])
    done(slave, "ensure_demoted")


def test_the_query_leaves_no_lock_behind(lab):
    """An open transaction keeps ALTER TABLE waiting."""
    node, = some(lab, plugin={"health_interval": "10s"}, options={
        "query": "SELECT 1 FROM app.written LIMIT 1"})
    root(node, "SET GLOBAL autocommit = 0").close()
    node.agent.start()
    lab.master([node])
    root(node, "SET SESSION autocommit = 1, lock_wait_timeout = 2",
         "ALTER TABLE app.written ADD COLUMN more INT").close()


def test_the_query_must_work(lab):
    node, = some(lab, options={"query": "SELECT * FROM app.missing"})
    assert "app.missing" in refused(node, "health")


# Bad input.

def test_a_wrong_password_is_told(lab):
    node, = some(lab)
    (node.copy.folder / "password").write_text("wrong\n")
    said = refused(node, "health")
    assert "Access denied for user 'failover'@'localhost'" in said


def test_a_wrong_password_of_a_fresh_slave_is_no_alarm(lab):
    master, slave = some(lab, 2)
    master.agent.start()
    lab.master([master])
    (slave.copy.folder / "password").write_text("wrong\n")
    slave.agent.start()
    slave.agent.wait_log("could not be made to reject writes within")
    assert "Access denied" in slave.agent.text()
    assert "STILL BE A MASTER" not in slave.agent.text()


@pytest.mark.parametrize("user, call, option", [
    ("failover@localhost", "health", "defaults_file"),
    ("replication@'%'", "ensure_slave", "replication_ca")])
def test_an_account_that_needs_tls_is_told(lab, user, call, option):
    master, slave = pair(lab)
    for n in master, slave:
        root(n, "SET sql_log_bin = 0", f"ALTER USER {user} REQUIRE SSL").close()
    slave.copy.ask("STOP SLAVE")
    status, said = slave.answer(
        call, *(of(master) if call == "ensure_slave" else ()))
    assert status == 1 and f"needs TLS: see {option}" in said, said


def test_a_password_file_that_all_can_read_is_refused(lab):
    node, = some(lab)
    (node.copy.folder / "password").chmod(0o644)
    assert "password" in refused(node, "health")


def test_a_defaults_file_may_say_where_the_server_is_and_who_we_are(lab):
    node, = some(lab, options={"socket": None, "user": None,
                               "password_file": None,
                               "defaults_file": lab.folder / "client.cnf"})
    password = mariadb.PASSWORD[mariadb.PLUGIN].replace("\\", "\\\\")
    (lab.folder / "client.cnf").write_text(
        f"[client]\nsocket = {node.copy.socket}\n[consul-failover]\n"
        f"user = {mariadb.PLUGIN}\npassword = '{password}'\n")
    done(node, "health")


def test_a_wrong_replication_password_is_told(lab):
    master, slave = some(lab, 2)
    done(master, "ensure_master")
    (slave.copy.folder / "replication").write_text("wrong\n")
    said = refused(slave, "ensure_slave", *of(master))
    assert f"can't ask {where(master)} as replication: Access denied" in said


@pytest.mark.parametrize("right, call", [
    ("SLAVE MONITOR", "health"),
    ("READ ONLY ADMIN", "ensure_demoted"),
    ("REPLICATION SLAVE ADMIN", "ensure_slave")])
def test_a_missing_right_is_named(lab, right, call):
    master, slave = some(lab, 2)
    done(master, "ensure_master")
    slave.copy.ask("SET GLOBAL read_only = 0")
    root(slave, "SET sql_log_bin = 0", f"REVOKE {right} ON *.* FROM "
         f"{mariadb.PLUGIN}@localhost").close()
    if call == "ensure_slave":
        slave.copy.ask("SET GLOBAL read_only = 1")
    said = refused(slave, call, *(of(master) if call == "ensure_slave" else ()))
    assert right.replace("READ ONLY", "READ_ONLY") in said
    assert "consul-failover-mysql(7) lists the rights" in said


@pytest.mark.parametrize("right, vital", [
    ("READ ONLY ADMIN", True), ("REPLICATION SLAVE ADMIN", True),
    ("CONNECTION ADMIN", False), ("PROCESS", False)])
def test_a_right_is_missed_before_it_is_needed(lab, right, vital):
    master, slave = pair(lab)
    link = root(slave, "SET sql_log_bin = 0", f"REVOKE {right} ON *.* FROM "
                f"{mariadb.PLUGIN}@localhost")
    status, said = slave.call("health")
    assert status == (1 if vital else 0), said
    grant = (f"GRANT {right.replace('READ ONLY', 'READ_ONLY')} ON *.* TO "
             f"`{mariadb.PLUGIN}`@`localhost`")
    assert grant in said
    with link.cursor() as cursor:
        cursor.execute(grant)
    link.close()
    status, said = slave.call("health")
    assert status == 0 and "GRANT" not in said


def test_a_right_that_the_accounts_before_had_not_costs_no_copy(lab):
    """Nobody could fail over after an upgrade."""
    node, = some(lab)
    root(node, "REVOKE BINLOG MONITOR ON *.* FROM "
         f"{mariadb.PLUGIN}@localhost").close()
    done(node, "health")
    done(node, "ensure_master")
    node.agent.start()
    lab.master([node])
    node.agent.wait_log("GRANT BINLOG MONITOR ON *.* TO "
                        f"'{mariadb.PLUGIN}'@'localhost', and restart")


@pytest.mark.parametrize("setting", [
    "log_bin", "log_slave_updates", "gtid_strict_mode"])
def test_a_setting_that_is_off_is_named(lab, setting):
    node, = lab.prepare(mariadb.Copy, count=1)
    node.copy.configure(**{setting: None if setting == "log_bin" else "OFF"})
    node.copy.start()
    for call in (["health"], ["ensure_master"], ["ensure_slave", *of(node)]):
        assert f"{setting} is off" in refused(node, *call)


def test_on_divergence_is_one_of_two_words(lab):
    node, = some(lab, options={"on_divergence": "merge"})
    assert "refuse or follow, not merge" in refused(node, "health")
