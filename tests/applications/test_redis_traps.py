"""Redis: what it does that costs data or a master, where nobody takes care."""

import contextlib
import re
import shutil
import threading

import pytest
import redis

import redis_
from lab import net
from lab.copies import done

NOBODY = ["slave", "127.0.0.1", 0]
AGAIN = 75


class Copy(redis_.Copy):
    """Its config has nothing but what a test is about, and no persistence."""

    config = {"appendonly": "no", "enable-debug-command": "yes"}
    more = {}

    @property
    def options(self):
        return {**super().options, **self.more}

    def ask_all(self, *commands):
        return [self.ask(*c.split()) for c in commands]

    def role_of(self):
        """ROLE, without what changes by itself."""
        answer = self.ask("ROLE")
        return answer[:3] if answer[0] == "slave" else answer[:1]

    def info(self, section):
        with self.connection() as c:
            return c.info(section)


class Unwritable(Copy):
    """A config that must not be rewritten, and has no replicaof."""

    more = {"rewrite_config": "no"}


def one(lab, kind=Copy, **options):
    """A running copy, and no agent."""
    node, = lab.prepare(kind, count=1, options=options)
    node.copy.start()
    return node


def two(lab, kind=Copy, **options):
    nodes = lab.prepare(kind, count=2, options=options)
    for n in nodes:
        n.copy.start()
    return nodes


def refused(node, op, *words):
    """It fails, and nothing has changed here; gives its sentence."""
    before = node.copy.role_of(), node.copy.ask("DBSIZE")
    status, said = node.answer(op, *words)
    assert status == 1, said
    assert (node.copy.role_of(), node.copy.ask("DBSIZE")) == before
    return said


def follow(slave, master):
    """Made so by hand: without the plugin."""
    slave.copy.ask("REPLICAOF", master.copy.address, master.copy.port)
    net.wait_for("the link is up", lambda: slave.copy.info("replication")
                 ["master_link_status"] == "up")


def where(node):
    return f"{node.copy.address}:{node.copy.port}"


def of(node):
    """The words of ensure_slave."""
    return "--master-host", node.copy.address, "--master-port", node.copy.port


def write(master):
    """What all three have."""
    with master.copy.connection() as c:
        c.set("a", 1)
        assert c.wait(2, 5000) == 2


def refuses_writes(copy):
    with pytest.raises(redis.ReadOnlyError):
        copy.ask("SET", "refused", 1)
    return True


# Whom it follows.

def test_a_copy_is_not_made_a_slave_of_itself(lab):
    node = one(lab)
    done(node, "ensure_demoted")
    assert "is this copy itself" in refused(node, "ensure_slave", *of(node))


def test_itself_is_known_by_other_names_too(lab):
    other = lab.net.address()

    class TwoAddresses(Copy):
        @property
        def config(self):
            return {**Copy.config, "bind": f"{self.address} {other}"}
    node = one(lab, TwoAddresses)
    done(node, "ensure_demoted")
    assert "is this copy itself" in refused(
        node, "ensure_slave", "--master-host", other, "--master-port",
        node.copy.port)


def test_a_circle_of_two_slaves_is_not_made(lab):
    a, b = two(lab)
    done(a, "ensure_demoted")
    done(a, "ensure_master")
    done(b, "ensure_slave", *of(a))
    done(a, "ensure_demoted")
    status, said = a.call("ensure_slave", *of(b))
    assert status == AGAIN and "is no master, but a slave of" in said
    assert a.copy.role_of() == NOBODY


def test_a_circle_that_somebody_has_made_is_broken_up(lab):
    master, slave, other = lab.three(Copy)
    write(master)
    follow(master, slave)
    lab.wait("one is master again", lambda: "master" in [
        n.copy.role() for n in lab.nodes])
    lab.settled()
    assert [n.copy.ask("GET", "a") for n in lab.nodes] == ["1"] * 3


def test_a_slave_in_a_circle_without_a_master_is_not_healthy(lab):
    """Links are up, roles are slave: only the silence tells."""
    master, slave, other = lab.three(
        Copy, options={"max_silence": "3s"}, plugin={"role_interval": "1h"})
    follow(slave, other)
    follow(other, slave)
    # The agent makes it a slave of its master again at once.
    lab.wait("one of them is unhealthy", lambda: any(
        "Service is not healthy: " in n.agent.text() and
        "has not heard the master" in n.agent.text()
        for n in (slave, other)))


def test_a_slave_of_the_wrong_master_is_led_to_the_right_one(lab):
    master, slave, other = lab.three(Copy)
    follow(slave, other)
    lab.wait("it follows the master", lambda: slave.copy.role_of() == [
        "slave", master.copy.address, master.copy.port])


# Empty masters.

def restart(node):
    """As a supervisor does it that is faster than anybody can look."""
    node.copy.kill()
    node.copy.start()


@pytest.mark.parametrize("kind", [Copy, Unwritable])
def test_a_master_that_comes_back_empty_does_not_wipe_its_slaves(lab, kind):
    master, *slaves = lab.three(kind)
    write(master)
    restart(master)
    assert lab.master(slaves)
    lab.settled()
    assert [n.copy.ask("GET", "a") for n in lab.nodes] == ["1"] * 3


def test_a_master_that_was_restarted_unseen_gives_the_lock_up(lab):
    """DEBUG RESTART is an execve: nobody can connect in vain."""
    class Restartable(Unwritable):
        def start(self):
            self.process.argv[0] = shutil.which("redis-server")
            super().start()
    master, *slaves = lab.three(Restartable)
    write(master)
    with contextlib.suppress(redis.ConnectionError):
        master.copy.ask("DEBUG", "RESTART")
    assert lab.master(slaves)
    lab.settled()
    assert [n.copy.ask("GET", "a") for n in lab.nodes] == ["1"] * 3


def test_no_copy_with_data_follows_an_empty_master(lab):
    empty, full = two(lab)
    done(empty, "ensure_master")
    full.copy.ask("SET", "a", 1)
    done(full, "ensure_demoted")
    assert "it would wipe 1 keys" in refused(full, "ensure_slave", *of(empty))
    assert full.copy.ask("GET", "a") == "1"


def test_it_does_so_if_the_operator_says_so(lab):
    empty, full = two(lab, follow_empty_master="yes")
    done(empty, "ensure_master")
    full.copy.ask("SET", "a", 1)
    done(full, "ensure_slave", *of(empty))
    net.wait_for("it is empty", lambda: full.copy.ask("DBSIZE") == 0)


def test_a_master_that_was_emptied_in_good_order_is_followed(lab):
    """FLUSHALL is in the history that the two have in common."""
    master, slave = two(lab)
    done(master, "ensure_master")
    master.copy.ask("SET", "a", 1)
    done(slave, "ensure_slave", *of(master))
    net.wait_for("the key is there", lambda: slave.copy.ask("DBSIZE") == 1)
    done(slave, "ensure_demoted")
    slave.copy.ask("REPLICAOF", *NOBODY[1:])
    master.copy.ask("FLUSHALL")
    done(slave, "ensure_slave", *of(master))
    net.wait_for("it is empty", lambda: slave.copy.ask("DBSIZE") == 0)


def save(copy, *words):
    """It may still be at what it saves for a slave."""
    net.wait_for("it can save", lambda: not copy.info("persistence")
                 ["rdb_bgsave_in_progress"])
    copy.ask(*words)


class Saved(Copy):
    """On its disk is what it had when it was last told to save."""

    config = {**Copy.config, "dbfilename": "dump.rdb"}


def test_what_a_restarted_master_has_on_its_disk_is_not_all_there_was(lab):
    """It tells a small offset of the history that all have: whoever lags would
    have all of that."""
    lab.three(Saved, plugin={"role_interval": "1h"})
    for n in range(6):
        master = lab.settled()
        # One that was made a slave a moment ago is not known to anybody yet.
        lab.wait("all copies stand", lambda: lab.standing() == len(lab.nodes))
        behind, other = lab.others(master)[::1 if n % 2 else -1]
        save(master.copy, "SAVE")
        behind.copy.lag()
        net.wait_for("its link is down", lambda: behind.copy.info(
            "replication")["master_link_status"] == "down")
        with master.copy.connection() as c:
            c.set(f"round {n}", 1)
            assert c.wait(1, 5000) == 1
        unseen = n % 3 > 0      # or its agent may find no server
        if unseen:
            master.agent.freeze()
        restart(master)
        assert not master.copy.ask("EXISTS", f"round {n}")
        if unseen:
            master.agent.thaw()
        assert lab.master(lab.others(master)) is other
        behind.copy.unlag()
        lab.settled()
        assert [c.copy.ask("DBSIZE") for c in lab.nodes] == [n + 1] * 3


def role_calls(node):
    text = node.agent.ask("/metrics").text
    return int(re.search(r"role_calls_total\S* (\d+)", text)[1])


def test_one_that_has_lost_all_does_not_become_master_again(lab):
    """Nobody else may: the slaves would follow, and be wiped."""
    nodes = lab.prepare(Copy, count=2)
    master, slave = nodes
    for n in nodes:
        n.copy.start()
    master.agent.start()
    lab.master()
    slave.agent.sections["election"] = {"never_master": "yes"}
    slave.agent.write()
    slave.agent.start()
    lab.settled()
    master.copy.ask("SET", "a", 1)
    lab.wait("its slave has it", lambda: slave.copy.ask("GET", "a") == "1")
    looked = role_calls(master)
    lab.wait("so has its agent", lambda: role_calls(master) > looked + 1)
    restart(master)
    lab.wait("it refuses", lambda: "this copy has lost its data: it had 1 keys"
             in master.agent.text())
    assert slave.copy.ask("GET", "a") == "1"
    assert master.copy.role_of() == NOBODY


def test_a_master_that_died_with_its_agent_gives_the_lock_up(lab):
    """Both were back before the guard had waited for long enough."""
    master, *slaves = lab.three(Copy)
    write(master)
    master.agent.kill()
    restart(master)
    master.agent.start()
    assert lab.master(slaves)
    lab.settled()
    assert [n.copy.ask("GET", "a") for n in lab.nodes] == ["1"] * 3


def test_slaves_that_were_made_by_hand_do_not_come_back_as_masters(lab):
    master, *slaves = lab.prepare(Copy)
    for n in lab.nodes:
        n.copy.start()
    for n in slaves:
        follow(n, master)
    master.agent.start()
    assert lab.master([master])
    for n in slaves:
        n.agent.start()
    lab.settled()
    for n in slaves:
        lab.wait("the line is there", lambda: "replicaof 127.0.0.1 0" in
                 n.copy.file.read_text())


# Demotion.

def test_a_config_file_that_was_replaced_gets_its_line_again(lab):
    """As a package or a configuration management does it."""
    master, slave, _ = lab.three(Copy)
    for node in slave, master:
        node.copy.prepare()
        restart(node)
        lab.wait("the line is there", lambda: "replicaof 127.0.0.1 0" in
                 node.copy.file.read_text())
        lab.settled()


def test_a_server_that_is_started_again_takes_no_writes_before_its_agent(lab):
    master, *_ = lab.three(Copy)
    master.agent.kill()
    restart(master)
    assert master.copy.role_of() == NOBODY
    assert refuses_writes(master.copy)


def test_no_open_connection_script_or_transaction_writes_after_demotion(lab):
    node = one(lab, kill_clients="no")
    with node.copy.connection() as open_, node.copy.connection() as multi:
        script = open_.script_load("return redis.call('SET', 'b', 1)")
        multi.execute_command("MULTI")
        multi.execute_command("SET", "c", 1)
        done(node, "ensure_demoted")
        with pytest.raises(redis.ReadOnlyError):
            open_.execute_command("SET", "a", 1)
        with pytest.raises(redis.ResponseError, match="READONLY|read only"):
            open_.evalsha(script, 0)
        with pytest.raises(redis.ResponseError, match="READONLY|read only"):
            multi.execute_command("EXEC")
    assert node.copy.ask("DBSIZE") == 0


def test_clients_of_a_demoted_master_are_disconnected(lab):
    node = one(lab)
    with node.copy.connection() as client:
        client.ping()
        done(node, "ensure_demoted")
        with pytest.raises(redis.ConnectionError):
            client.connection.send_command("PING")
            client.connection.read_response()


def test_a_writable_slave_is_made_read_only(lab):
    master, slave, _ = lab.three(Copy)
    slave.copy.ask("CONFIG", "SET", "replica-read-only", "no")
    lab.wait("it refuses writes", lambda: slave.copy.info("replication")
             ["slave_read_only"] == 1)
    assert refuses_writes(slave.copy)


def test_a_demoted_copy_that_allowed_writes_to_slaves_refuses_them(lab):
    class Writable(Copy):
        config = {**Copy.config, "replica-read-only": "no"}
    node = one(lab, Writable)
    done(node, "ensure_demoted")
    assert refuses_writes(node.copy)


def test_a_failover_that_somebody_has_begun_does_not_stop_a_demotion(lab):
    master, slave = two(lab)
    done(master, "ensure_master")
    done(slave, "ensure_slave", *of(master))
    net.wait_for("there is a slave", lambda: master.copy.info("replication")
                 .get("slave0", {}).get("state") == "online")
    slave.copy.process.freeze()
    master.copy.ask("SET", "a", 1)
    master.copy.ask("FAILOVER")
    done(master, "ensure_demoted")
    slave.copy.process.thaw()
    assert master.copy.role_of() == NOBODY


def script(node, text):
    """Runs for ever, and is known to run."""
    def run():
        with contextlib.suppress(redis.RedisError):
            node.copy.ask("EVAL", text, 0, timeout=30)
    node.copy.ask("CONFIG", "SET", "lua-time-limit", 100)
    threading.Thread(target=run, daemon=True).start()

    def busy():
        try:
            return not node.copy.ask("PING")
        except redis.exceptions.BusyLoadingError:
            return False
        except redis.ResponseError as e:
            return "BUSY" in str(e)
    net.wait_for("the script runs", busy)


FOR_EVER = "while true do end"


def test_a_script_that_runs_for_ever_does_not_stop_a_demotion(lab):
    master, *slaves = lab.three(Copy)
    script(master, FOR_EVER)
    assert "BUSY" in master.call("health")[1]
    master.agent.stop()
    assert lab.master(slaves)
    assert refuses_writes(master.copy)


def test_nor_does_one_that_has_written_and_can_not_be_killed(lab):
    master, *slaves = lab.three(Copy)
    script(master, f"redis.call('SET', 'a', 1) {FOR_EVER}")
    master.agent.stop()
    assert lab.master(slaves)
    net.wait_for("it has ended", lambda: not master.copy.running)
    assert "shut down without saving" in master.agent.text()


def test_a_server_that_hangs_is_killed_before_another_takes_its_place(lab):
    master, *slaves = lab.three(Copy, options={"timeout": "500ms"})
    master.copy.process.freeze()
    assert lab.master(slaves)
    net.wait_for("it has ended", lambda: not master.copy.running)
    master.copy.start()
    lab.settled()


@pytest.mark.parametrize("pid_file", ["text", "", "1", "self"])
def test_nothing_but_a_redis_server_is_killed(lab, pid_file, tmp_path):
    """What an old pid file names may be anybody."""
    bystander = lab.run("bystander", ["sleep", "1000"])
    file = tmp_path / "pid"
    file.write_text(str(bystander.pid) if pid_file == "self" else pid_file)
    master, *slaves = lab.three(
        Copy, options={"timeout": "500ms", "pid_file": file})
    master.copy.process.freeze()
    lab.wait("it can't be demoted", lambda: "no answer in time; " in
             master.agent.text())
    assert bystander.running
    assert "pid_file" in master.agent.text()
    master.copy.process.thaw()
    lab.settled()


# Hand-over.

def test_a_hand_over_copies_no_data_anew(lab):
    master, *slaves = lab.three(Copy)
    before = sum(n.copy.info("stats")["sync_full"] for n in lab.nodes)
    master.agent.stop()
    new = lab.master(slaves)
    master.agent.start()
    lab.settled()
    assert new.copy.info("stats")["sync_partial_ok"] >= 2
    assert sum(n.copy.info("stats")["sync_full"] for n in lab.nodes) == before


def cut_off(lab, **sections):
    """The master is demoted while its only slave is cut off from it, and lacks
    a key; gives both, when the slave has been asked to be master."""
    nodes = lab.prepare(Copy, count=2, plugin={"role_interval": "1h"},
                        **sections)
    for n in nodes:
        n.copy.start()
        n.agent.start()
    master = lab.settled()
    slave, = lab.others(master)
    slave.copy.lag()
    net.wait_for("its link is down", lambda: slave.copy.info("replication")
                 ["master_link_status"] == "down")
    master.copy.ask("SET", "a", 1)
    master.agent.disable_file.touch()
    lab.wait("it is demoted", lambda: master.copy.role() == "slave")
    lab.wait("the slave waits", lambda: "ensure_master is under way: this copy "
             "lacks" in slave.agent.text())
    return master, slave


def test_the_one_slave_that_can_not_get_the_last_writes_waits_for_them(lab):
    """Who takes over has what the master wrote last."""
    master, slave = cut_off(lab)
    assert slave.copy.role() == "slave"
    master.agent.disable_file.unlink()
    slave.agent.stop()
    assert lab.master() is master
    assert master.copy.ask("GET", "a") == "1"


def test_it_goes_on_without_when_catch_up_is_over(lab):
    _, slave = cut_off(lab, election={"catch_up": "3s"})
    assert lab.master([slave])
    missing = re.search(r"without the last bytes of the master before, \S+: "
                        r"(\d+) ", slave.agent.text())
    assert int(missing[1]) > 0
    assert "ensure_master failed" not in slave.agent.text()


def test_copies_that_were_all_stopped_in_good_order_find_a_master(lab):
    """An AOF keeps no history: nobody can show that he has all."""
    class Logging(Copy):
        config = {**Copy.config, "appendonly": "yes"}
    master, *slaves = lab.three(Logging)
    write(master)
    for n in slaves + [master]:
        n.agent.stop()
    for n in lab.nodes:
        n.copy.stop()
        n.copy.start()
    for n in slaves + [master]:
        n.agent.start()
    lab.settled(seconds=20)
    assert [n.copy.ask("GET", "a") for n in lab.nodes] == ["1"] * 3


def test_the_password_of_the_master_is_given_to_the_slave(lab):
    class Untold(Copy):
        config = {**Copy.config, "masterauth": '""'}
    lab.three(Untold)


def test_positions_are_compared_within_one_history_only(lab):
    a, b = two(lab)
    done(a, "ensure_master")
    done(b, "ensure_master")
    for n in a, b:
        n.copy.ask("SET", "a", 1)
    theirs = done(a, "position").removeprefix("done: ").strip()
    status, said = b.call("has_position", theirs)
    assert status == AGAIN and "no replication id in common" in said
    for text in "", "nonsense", theirs[1:], theirs + "0" * 40, "9" * 4000:
        assert b.call("has_position", text)[0] == AGAIN, text


# What it can be configured to.

def test_a_server_without_a_config_file_is_warned_of_once(lab):
    class NoFile(Copy):
        def prepare(self):
            super().prepare()
            words = [w.strip('"') for line in self.file.read_text().splitlines()
                     for w in (f"--{line.split()[0]}",
                               line.split(None, 1)[1].strip('"'))]
            self.process.argv = ["redis-server", *words]
    master, *_ = lab.three(NoFile)
    master.agent.disable_file.touch()
    lab.master(lab.others(master))
    assert master.agent.text().count("running without a config file") == 1


class Socket(Copy):
    @property
    def config(self):
        return {**Copy.config, "unixsocket": self.folder / "socket"}

    @property
    def options(self):
        return {**super().options, "host": "192.0.2.1",
                "socket": self.folder / "socket"}


def test_it_is_reached_by_a_unix_socket(lab):
    lab.three(Socket)


def test_a_server_whose_socket_was_removed_is_no_server_that_is_down(lab):
    """It still takes writes, by its port; and who demotes it is the guard."""
    master, *slaves = lab.three(Socket)
    (master.copy.folder / "socket").unlink()
    assert "its socket was removed" in refused(master, "ensure_demoted")
    master.agent.kill()
    lab.wait("it has ended", lambda: not master.copy.running)
    assert lab.master(slaves)
    assert "its socket was removed" in master.agent.text()
    master.copy.start()
    master.agent.start()
    lab.settled()


RIGHTS = ("+info", "+pubsub|numsub", "+replicaof", "+failover", "+config|get",
          "+config|set", "+config|rewrite", "+client|kill", "+client|list",
          "+client|pause", "+client|unpause", "+script|kill", "+function|kill",
          "+shutdown", "+psync", "+replconf", "+ping")


class Limited(Copy):
    """The agent's user, who has the rights that the manual names."""

    more = {"username": "failover"}
    rights = RIGHTS

    @property
    def config(self):
        return {**Copy.config, "user": " ".join(
            ("failover", "on", f"\">{self.password}\"", *self.rights))}


def test_the_rights_in_the_manual_are_enough(lab):
    master, *slaves = lab.three(Limited)
    master.agent.stop()
    new = lab.master(slaves)
    master.agent.start()
    lab.settled()
    restart(new)
    assert lab.master(lab.others(new))
    last = lab.settled()
    script(last, FOR_EVER)
    last.agent.stop()
    assert lab.master(lab.others(last))
    assert "NOPERM" not in "".join(n.agent.text() for n in lab.nodes)


@pytest.mark.parametrize("right, op", [
    ("+info", "health"), ("+pubsub|numsub", "health"),
    ("+replicaof", "ensure_demoted"), ("+replicaof", "ensure_slave")])
def test_a_right_that_is_missing_is_named(lab, right, op):
    class Poor(Limited):
        rights = [r for r in RIGHTS if r != right]
    node, other = two(lab, Poor)
    words = of(other) if op == "ensure_slave" else []
    said = refused(node, op, *words)
    assert "NOPERM" in said and f"'{right[1:]}'" in said


def test_a_wrong_password_is_told_and_harms_nothing(lab):
    node = one(lab)
    node.copy.password_file.write_text("a wrong one\n")
    node.agent.start()
    lab.wait("it says so", lambda: "WRONGPASS" in node.agent.text())
    for op in "health", "ensure_master", "ensure_demoted":
        assert "see username and password_file" in refused(node, op)
    assert "a wrong one" not in node.agent.text()
    assert node.copy.running and lab.tags()[node.name] != "master"


def test_a_wrong_password_of_the_master_is_told(lab, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    wrong.chmod(0o600)
    master, slave = two(lab, master_password_file=wrong)
    done(master, "ensure_master")
    done(slave, "ensure_demoted")
    said = refused(slave, "ensure_slave", *of(master))
    assert f"the master {where(master)}: WRONGPASS" in said


@pytest.mark.parametrize("op", ["health", "ensure_master", "ensure_slave"])
def test_a_server_in_cluster_mode_is_refused(lab, op):
    class Clustered(Copy):
        config = {**Copy.config, "cluster-enabled": "yes"}
    node = one(lab, Clustered)
    words = of(node) if op == "ensure_slave" else []
    assert "mode is cluster" in refused(node, op, *words)
    assert "left alone" in done(node, "ensure_demoted")
    assert node.copy.role_of() == ["master"]


def test_a_server_that_a_sentinel_watches_is_left_alone(lab):
    node = one(lab)
    file = lab.folder / "sentinel.conf"
    file.write_text(
        f"port {lab.net.port()}\nbind {node.copy.address}\ndir {lab.folder}\n"
        f"sentinel monitor one {node.copy.address} {node.copy.port} 1\n"
        f"sentinel auth-pass one \"{node.copy.password}\"\n")
    lab.run("sentinel", ["redis-sentinel", file])
    net.wait_for("it watches", lambda: node.copy.ask(
        "PUBSUB", "NUMSUB", "__sentinel__:hello")[1] > 0)
    node.agent.start()
    lab.wait("it says so", lambda: "Sentinel watches" in node.agent.text())
    for op in "health", "ensure_master":
        assert "Sentinel watches" in refused(node, op)
    assert node.copy.role_of() == ["master"]


def test_a_command_that_has_another_name_is_told(lab):
    class Renamed(Copy):
        config = {**Copy.config, "rename-command": 'REPLICAOF ""'}
    node = one(lab, Renamed)
    assert "unknown command 'REPLICAOF'" in refused(node, "ensure_demoted")


def test_what_is_no_redis_server_is_refused(lab):
    node, = lab.prepare(Copy, count=1)
    server = lab.run("web", ["python3", "-m", "http.server", "--bind",
                             node.copy.address, node.copy.port])
    net.wait_for("it answers", lambda: net.request(
        "GET", f"http://{where(node)}").status == 200)
    for op in "health", "ensure_master", "ensure_demoted":
        status, said = node.call(op)
        assert status == 1 and "Protocol error" in said
    server.end()


def test_a_master_that_can_not_save_and_so_takes_no_writes_is_replaced(lab):
    master, *slaves = lab.three(Copy)
    for n in lab.nodes:
        n.copy.ask("CONFIG", "SET", "save", "3600 1")
    (master.copy.folder / "dump.rdb").mkdir()
    save(master.copy, "BGSAVE", "SCHEDULE")
    new = lab.master(slaves)
    assert "could not write its data to disk" in master.agent.text()
    (master.copy.folder / "dump.rdb").rmdir()
    master.copy.ask("BGSAVE", "SCHEDULE")
    assert lab.settled() is new


def test_a_server_that_reads_its_data_is_busy_and_not_sick(lab):
    class Slow(Copy):
        config = {**Copy.config, "save": "3600 1", "key-load-delay": 1000,
                  "loading-process-events-interval-bytes": 1024}

        def answers(self):
            try:
                return self.ask("PING")
            except redis.exceptions.BusyLoadingError:
                return True
            except redis.RedisError:
                return None
    node = one(lab, Slow)
    node.copy.ask("DEBUG", "POPULATE", 20000, "key", 100)
    node.copy.ask("SAVE")
    restart(node)
    for op in "health", "ensure_master", "position", "ensure_demoted":
        status, said = node.call(op)
        assert status == AGAIN and "reads its data from disk" in said, op
