"""MariaDB: what it does that costs data or a master, where nobody takes care."""

import contextlib
import functools
import pathlib
import subprocess
import threading
import time

import pymysql
import pytest

import mariadb
from lab import net
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
    assert status == 1 and "are both stopped" in said, said
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
    assert "no GTID position of MariaDB" in refused(
        node, "ensure_master", "--target", "3e11fa47-71ca-11e1-9e33:1-5")


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


@pytest.mark.parametrize("way", [hanging, rolling_back],
                         ids=lambda way: way.__name__)
def test_a_server_that_can_not_be_demoted_in_time_is_killed(lab, way):
    node, = some(lab)
    done(node, "ensure_master")
    way(node)
    said = done(node, "ensure_demoted")
    # A fast machine may have rolled back in time: nothing is to be killed then.
    if way is hanging or "all sessions ended" not in said:
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
    assert f"has transactions that {where(master)} has not: 0-{number}-2" in said


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
    assert "is this very copy" in refused(node, "ensure_slave", *of(node))


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


def test_the_query_must_work(lab):
    node, = some(lab, options={"query": "SELECT * FROM app.missing"})
    assert "app.missing" in refused(node, "health")


# Bad input.

def test_a_wrong_password_is_told(lab):
    node, = some(lab)
    (node.copy.folder / "password").write_text("wrong\n")
    said = refused(node, "health")
    assert "Access denied for user 'failover'@'localhost'" in said


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
    ("SLAVE MONITOR", "health"), ("READ ONLY ADMIN", "ensure_demoted"),
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
