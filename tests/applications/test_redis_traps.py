"""Redis: what it does that costs data or a master, where nobody takes care."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest
import redis

import redis_
from lab import net, process
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
    assert status == AGAIN and "is not a master, but a slave of" in said
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
        "has not heard from the master" in n.agent.text()
        for n in (slave, other)))


def test_a_slave_of_the_wrong_master_is_led_to_the_right_one(lab):
    master, slave, other = lab.three(Copy)
    follow(slave, other)
    lab.wait("it follows the master", lambda: slave.copy.role_of() == [
        "slave", master.copy.address, master.copy.port])


def test_a_copy_without_a_link_is_no_slave_yet(lab):
    """REPLICAOF is said, and that is all: it has nothing of its master's."""
    master, slave = two(lab)
    done(master, "ensure_master")
    master.copy.ask("SET", "a", 1)
    keep_from(slave)
    for _ in range(3):
        assert f"connects to {where(master)}; if that lasts" in under_way(
            slave, master)
        assert not link_is_up(slave)
    slave.copy.ask("CONFIG", "SET", "masteruser", "")
    done(slave, "ensure_slave", *of(master))
    assert link_is_up(slave) and slave.copy.ask("GET", "a") == "1"
    master.copy.kill()
    net.wait_for("the link is down", lambda: not link_is_up(slave))
    assert "nothing listens there" in under_way(slave, master)


def test_nor_is_one_that_its_master_lets_ask_and_sends_nothing(lab):
    master, slave = two(lab)
    done(master, "ensure_master")
    master.copy.ask("ACL", "SETUSER", "default", "-psync", "-sync")
    for _ in range(3):
        assert "see the log of Redis" in under_way(slave, master)


def test_one_that_never_gets_a_link_is_busy_and_then_sick(lab):
    master, slave = lab.prepare(Copy, count=2, options={"max_silence": "2s"})
    for n in master, slave:
        n.copy.start()
    master.copy.ask("SET", "a", 1)
    keep_from(slave)
    master.agent.start()
    lab.master([master])
    slave.agent.start()
    lab.wait("it is busy", lambda: "which it has not reached yet" in
             slave.agent.ask("/health").text)
    slave.agent.wait_log("has not heard from the master")
    assert "ensure_slave is under way: connects to" in slave.agent.text()
    slave.copy.ask("CONFIG", "SET", "masteruser", "")
    lab.settled()


def test_a_copy_that_is_sent_everything_is_not_begun_anew_nor_read_of(lab):
    """Nor told so by an agent, each of whose calls is a question here."""
    master, slave = lab.prepare(Copy, count=2)
    for n in master, slave:
        n.copy.start()
    master.agent.start()
    lab.master([master])
    for n in range(100):
        master.copy.ask("SET", n, "x" * 10000)
    for name, value in ("rdb-key-save-delay", 60_000), ("rdbcompression", "no"):
        master.copy.ask("CONFIG", "SET", name, value)
    slave.agent.start()
    slave.agent.wait_log("ensure_slave is under way: copies everything from "
                         f"{where(master)}: ")
    assert "copies everything" in under_way(slave, master)
    time.sleep(1)       # the agent has asked some times
    assert lab.tags()[slave.name] is None and not link_is_up(slave)
    assert slave.agent.ask("/slave").status == 503
    lab.wait("it is its slave", lambda: lab.tags()[slave.name] == "slave")
    assert slave.copy.ask("DBSIZE") == 100
    assert master.copy.info("stats")["sync_full"] == 1


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
    assert "never had the 1 keys of this copy" in refused(full, "ensure_slave",
                                                          *of(empty))
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


class NoTransactions(Copy):
    config = {**Copy.config, "rename-command": 'MULTI ""'}


@pytest.mark.parametrize("kind", [Copy, NoTransactions])
def test_a_master_from_before_its_agent_is_none_when_it_is_started(lab, kind):
    node = one(lab, kind)
    written, over = [], threading.Event()

    def write():
        with node.copy.connection() as c:
            while not over.is_set():
                written.append(c.execute_command("SET", "a", len(written)))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        writer = pool.submit(write)
        done(node, "ensure_master")
        over.set()
        if kind is Copy:            # its clients have not seen it
            writer.result()
            assert len(written) > 10
    assert node.copy.role_of() == ["master"]
    before = node.copy.info("replication")["master_replid"]
    done(node, "ensure_master")     # of another agent, later
    assert node.copy.info("replication")["master_replid"] == before
    restart(node)
    assert node.copy.role_of() == NOBODY


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


class Crowd:
    """More clients than a server takes, who come back at once; and one who had
    his connection before, and writes all the time."""

    def __init__(self, copy):
        self.copy, self.acks, self.ended = copy, [], threading.Event()
        self.held, self.sockets = copy.connection(), []
        self.held.ping()
        most = copy.info("clients")["connected_clients"] + 3
        copy.ask("CONFIG", "SET", "maxclients", most)
        self.threads = [threading.Thread(target=t, daemon=True)
                        for t in (self.write, self.press)]
        for t in self.threads:
            t.start()
        net.wait_for("it is full", self.full)

    def write(self):
        with contextlib.suppress(redis.RedisError):
            while not self.ended.is_set():
                self.held.incr("acknowledged")
                self.acks.append(time.monotonic())
                time.sleep(0.002)

    def press(self):
        while not self.ended.is_set():
            for s in list(self.sockets):
                with contextlib.suppress(BlockingIOError, OSError):
                    if not s.recv(100):
                        self.sockets.remove(s)
                        s.close()
            while len(self.sockets) < 30:
                s = socket.socket()
                self.sockets.append(s)
                with contextlib.suppress(OSError):
                    s.connect((self.copy.address, self.copy.port))
                s.setblocking(False)
            time.sleep(0.001)

    def full(self):
        try:
            self.copy.ask("PING")
        except redis.RedisError:
            return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        for t in self.threads:
            t.join()
        for s in self.sockets:
            s.close()
        self.held.close()


@pytest.mark.parametrize("kind", ["Copy", "Socket"])
def test_a_full_server_is_demoted_by_the_guard(lab, kind):
    """It takes no connection: the guard finds its process without one."""
    master, *slaves = lab.three(globals()[kind], options={"pid_file": None})
    with Crowd(master.copy) as crowd:
        master.agent.kill()
        new = lab.master(slaves)
        found = time.monotonic()
        assert crowd.acks and crowd.acks[-1] < found - 0.5
        assert new.copy.role() == "master"
    lab.wait("it has ended", lambda: not master.copy.running)
    assert "max number of clients" in master.agent.text()


@pytest.mark.parametrize("pid_file", ["text", "", "1", "self", "other"])
def test_nothing_but_its_redis_server_is_killed(lab, pid_file):
    """What an old pid file names may be anybody."""
    bystander = lab.run("bystander", ["sleep", "1000"])
    master, *slaves = lab.three(Copy, options={"timeout": "500ms"})
    master.copy.process.freeze()
    (master.copy.folder / "pid").write_text(
        {"self": str(bystander.pid),
         "other": str(slaves[0].copy.process.pid)}.get(pid_file, pid_file))
    lab.wait("it has ended", lambda: not master.copy.running)
    assert bystander.running and slaves[0].copy.running
    master.copy.start()
    lab.settled()


@pytest.mark.parametrize("pid_file", [None, "", "text", "self", "other"])
def test_a_pid_file_that_is_not_the_servers_is_refused_by_name(lab, pid_file):
    node, other = two(lab)
    assert "has no role yet" in done(node, "health")
    bystander = lab.run("bystander", ["sleep", "1000"])
    file = node.copy.folder / "pid"
    if pid_file is None:
        file.unlink()
    else:
        file.write_text({"self": str(bystander.pid),
                         "other": str(other.copy.process.pid)}.get(
                             pid_file, pid_file))
    said = refused(node, "health")
    assert str(file) in said and f"is process {node.copy.process.pid}" in said


def test_an_agent_that_could_not_end_its_server_says_so_once(lab):
    class Foreign(Copy):
        user = "nobody"

        def prepare(self):
            super().prepare()
            shutil.chown(self.password_file, "nobody")
    node = one(lab, Foreign, pid_file=None)
    node.agent.start()
    lab.master([node])
    lab.wait("it says so", lambda: "this agent can't demote a Redis" in
             node.agent.text())
    assert node.agent.text().count("this agent can't demote a Redis") == 1


@pytest.mark.parametrize("pid_file", ["given", None])
def test_a_server_that_has_moved_to_another_port_is_no_server_that_is_down(
        lab, pid_file):
    master, *slaves = lab.three(
        Copy, options={} if pid_file else {"pid_file": None})
    new_port = lab.net.port()
    if pid_file:        # the guard's handler is one that has not seen it before
        master.agent.freeze()
    master.copy.ask("CONFIG", "SET", "port", new_port)
    if pid_file:
        assert "of pid_file runs" in refused_at(master, new_port)
        master.agent.kill()
        lab.wait("it has ended", lambda: not master.copy.running)
        assert lab.master(slaves)
    else:
        assert lab.master(slaves)
        assert "takes no new connection" in master.agent.text()


def refused_at(node, port):
    node.copy.port, old = port, node.copy.port
    try:
        return refused(node, "ensure_demoted")
    finally:
        node.copy.port = old


class Local(Copy):
    """Its agent asks it at 127.0.0.1, where its config has it listen, too."""

    more = {"host": None, "pid_file": None, "rewrite_config": "no"}
    local = True

    def __init__(self, *words):
        super().__init__(*words)
        # At whatever address another one listens there, it may be this one.
        with socket.socket() as s:
            s.bind(("", 0))
            self.port = s.getsockname()[1]

    @property
    def config(self):
        return {**Copy.config, "bind": f"127.0.0.1 {self.address}"
                if self.local else self.address}


def restart_elsewhere(node):
    """With a bind that leaves out where its agent asks, and as a master."""
    node.copy.kill()
    node.copy.local = False
    node.copy.prepare()
    node.copy.start()


@pytest.mark.parametrize("pid_file", [None, "missing"])
def test_a_server_that_was_restarted_at_another_address_is_not_down(
        lab, pid_file):
    node = one(lab, Local, pid_file=pid_file and lab.folder / pid_file)
    restart_elsewhere(node)
    assert f"process {node.copy.process.pid}, listens on port" in refused(
        node, "ensure_demoted")
    assert node.copy.ask("SET", "a", 1)
    node.copy.stop()
    assert "no server runs" in done(node, "ensure_demoted")


def test_a_guard_does_not_say_that_such_a_server_is_demoted(lab):
    """Its handler has not seen it before, and so has no connection to it."""
    master, *_ = lab.three(Local)
    master.agent.freeze()
    restart_elsewhere(master)
    master.agent.kill()
    master.agent.wait_log("listens on port", alive=False)
    assert not master.agent.lines("guard: the copy is demoted")
    master.copy.kill()
    master.agent.wait_log("guard: the copy is demoted", alive=False)


def test_a_neighbour_at_the_same_port_is_another_server(lab):
    class Neighbour(Copy):
        def prepare(self):
            self.port = min(c.port for c in (self, *self.peers))
            super().prepare()
    node, other = two(lab, Neighbour)
    assert node.copy.port == other.copy.port
    node.copy.stop()
    assert "no server runs" in done(node, "ensure_demoted")


@pytest.mark.parametrize("pid_file", ["", "text", "folder"])
def test_a_pid_file_that_tells_nothing_does_not_tell_that_no_server_runs(
        lab, pid_file):
    node = one(lab)
    node.copy.kill()
    file = node.copy.folder / "pid"
    assert "no server runs" in done(node, "ensure_demoted")
    file.unlink()
    if pid_file == "folder":
        file.mkdir()
    else:
        file.write_text(pid_file)
    status, said = node.answer("ensure_demoted")
    assert status == 1 and f"pid_file {file}" in said, said
    file.rmdir() if pid_file == "folder" else file.unlink()
    assert "no server runs" in done(node, "ensure_demoted")


def test_a_server_that_is_stopped_and_takes_no_connection_is_ended(lab):
    """Its backlog is full: not even the kernel answers."""
    class Short(Copy):
        config = {**Copy.config, "tcp-backlog": 1}
    master, *slaves = lab.three(Short, options={"pid_file": None})
    master.copy.process.freeze()
    sockets = [socket.socket() for _ in range(5)]
    for s in sockets:
        s.setblocking(False)
        s.connect_ex((master.copy.address, master.copy.port))
    master.agent.kill()
    lab.wait("it has ended", lambda: not master.copy.running)
    assert lab.master(slaves)
    for s in sockets:
        s.close()


def test_one_that_lets_nobody_in_is_ended_and_says_why(lab):
    """In protected mode it answers only those of its own machine."""
    master, *slaves = lab.three(Copy, options={"pid_file": None})
    master.agent.freeze()
    master.copy.ask("ACL", "SETUSER", "default", "resetpass", ">other")
    master.agent.kill()
    lab.wait("it has ended", lambda: not master.copy.running)
    assert lab.master(slaves)
    assert "WRONGPASS" in master.agent.text()


def test_one_that_is_out_of_memory_is_demoted_as_any_other(lab):
    node = one(lab)
    done(node, "ensure_master")
    node.copy.ask("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(redis.ResponseError, match="maxmemory"):
        node.copy.ask("SET", "a", 1)
    done(node, "ensure_demoted")
    assert node.copy.role_of() == NOBODY


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
    missing = re.search(r"without the last bytes of the previous master, \S+: "
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


# What is known against a copy when its master is gone.

ADVICE = "to make it master anyway: consul-failover promote"


def link_is_up(node):
    return node.copy.info("replication").get("master_link_status") == "up"


class Backlog(Saved):
    config = {**Saved.config, "repl-backlog-size": "16kb"}


def master_and_slave(lab, kind=Copy, **options):
    master, slave = two(lab, kind, **options)
    done(master, "ensure_master")
    master.copy.ask("SET", "a", 1)
    done(slave, "ensure_slave", *of(master))
    net.wait_for("the link is up", lambda: link_is_up(slave))
    done(slave, "ensure_slave", *of(master))
    return master, slave


def under_way(slave, master):
    """What ensure_slave says that it still waits for."""
    status, said = slave.call("ensure_slave", *of(master))
    assert status == AGAIN, said
    return said


def keep_from(slave):
    """Its agent can ask a master, and it can not connect to any."""
    slave.copy.ask("CONFIG", "SET", "masteruser", "nobody")


def is_unfit(node, why):
    for op in "health", "ensure_master":
        said = refused(node, op)
        assert why in said and ADVICE in said, said


def test_a_slave_that_was_to_get_all_anew_is_no_master_without_it(lab):
    """Its data are of before; and of its master's nobody can tell any more."""
    master, slave = master_and_slave(lab, Backlog)
    save(slave.copy, "SAVE")
    slave.copy.kill()
    for n in range(10):
        master.copy.ask("SET", f"more {n}", "x" * 10000)
    # It takes longer than this test.
    master.copy.ask("CONFIG", "SET", "rdb-key-save-delay", 5_000_000)
    slave.copy.start()
    assert under_way(slave, master)
    net.wait_for("it is sent all", lambda: slave.copy.info("replication")
                 .get("master_sync_in_progress") == 1)
    done(slave, "ensure_demoted")
    slave.copy.ask("REPLICAOF", *NOBODY[1:])
    is_unfit(slave, f"lacks data of the master {where(master)}")
    slave.copy.kill()       # nor does a restart make it whole
    slave.copy.start()
    is_unfit(slave, f"lacks data of the master {where(master)}")
    master.copy.ask("CONFIG", "SET", "rdb-key-save-delay", 0)
    for pid, _ in process.descendants(master.copy.process.pid):
        os.kill(pid, 9)     # who saves, slowly
    done(slave, "ensure_slave", *of(master))
    net.wait_for("the link is up", lambda: link_is_up(slave))
    done(slave, "ensure_slave", *of(master))
    master.copy.kill()
    done(slave, "health")
    done(slave, "ensure_master")


def test_one_that_was_told_to_follow_nobody_had_no_link_to_lose(lab):
    """For longer than max_silence; its master has been one for a moment."""
    master, slave = master_and_slave(lab, max_silence="1s")
    slave.copy.ask("REPLICAOF", *NOBODY[1:])
    master.copy.ask("SET", "b", 1)
    net.wait_for("it is silent", lambda: slave.copy.info("replication")
                 ["master_link_down_since_seconds"] > 1)
    keep_from(slave)        # what a link would mend
    assert "connects to" in under_way(slave, master)
    master.copy.kill()
    slave.copy.ask("REPLICAOF", *NOBODY[1:])
    done(slave, "health")


def test_one_that_its_master_refused_is_no_master_without_it(lab):
    master, slave = two(lab)
    done(master, "ensure_master")
    master.copy.ask("SET", "a", 1)
    slave.copy.password_file.write_text("wrong\n")
    slave.copy.ask("CONFIG", "SET", "requirepass", "wrong")
    status, said = slave.answer("ensure_slave", *of(master))
    assert status == 1 and "WRONGPASS" in said
    master.copy.kill()
    status, said = slave.answer("health")
    assert status == 1 and "its master refuses this copy" in said
    assert "WRONGPASS" in said and ADVICE in said


def test_a_copy_that_lacks_data_is_promoted_by_hand_only(lab):
    """By the agents, and it says so meanwhile."""
    master, slave = lab.prepare(Copy, count=2)
    master.copy.start()
    master.agent.start()
    lab.master([master])
    for n in range(5):
        master.copy.ask("SET", n, 1)
    master.copy.ask("CONFIG", "SET", "rdb-key-save-delay", 30_000_000)
    slave.copy.start()
    slave.agent.start()

    def is_sent_all():
        with contextlib.suppress(redis.ConnectionError):    # its agent ends them
            return slave.copy.info("replication").get(
                "master_sync_in_progress") == 1
    lab.wait("it is sent all", is_sent_all)
    master.agent.kill()
    master.copy.kill()
    lab.wait("it is refused", lambda: "Service is not healthy: this copy, with "
             "0 keys, lacks data of the master" in slave.agent.text())
    lab.wait("the lock is free", lambda: slave.agent.ask("/master").status == 503
             and not lab.cluster.servers[0].get(
                 f"/v1/kv/lock/{lab.service}/leader")[0].get("Session"))
    assert lab.tags()[slave.name] is None and slave.copy.role() == "slave"
    assert slave.agent.ask("/slave").status == 503
    status, said = slave.promote()
    assert status == 0, said
    assert lab.master([slave])


# Equal offsets, other data.

def fail_one_here(master, slave):
    """Written to as a slave; what fails there is not repeated."""
    with slave.copy.connection() as c:
        c.execute_command("CONFIG", "SET", "replica-read-only", "no")
        c.execute_command("SET", "list", "is none")
        c.execute_command("CONFIG", "SET", "replica-read-only", "yes")
    before = errors(slave)
    master.copy.ask("LPUSH", "list", 1)
    net.wait_for("it has failed", lambda: errors(slave) == before + 1)


def errors(node):
    return node.copy.info("stats")["unexpected_error_replies"]


def test_a_slave_on_which_its_masters_commands_fail_is_named(lab):
    """What was counted before, as of its own slaves, says nothing of it."""
    master, slave = master_and_slave(lab)
    fail_one_here(master, slave)
    done(slave, "health")
    for n in master, slave:
        n.agent.start()
        lab.wait("it has its role", lambda n=n: n.agent.role in ("master", "slave"))
    lab.wait("it is fit", lambda: slave.agent.ask("/slave").status == 200)
    fail_one_here(master, slave)
    lab.wait("it is unfit", lambda: slave.agent.ask("/slave").status == 503)
    assert "grown by 1 since it became a slave" in slave.agent.text()
    slave.copy.ask("CONFIG", "RESETSTAT")
    lab.wait("it is fit", lambda: slave.agent.ask("/slave").status == 200)


def test_a_change_of_the_password_takes_no_master_away(lab):
    """While the agent's old one is no good: it has a connection, and says so."""
    master, slave = two(lab)
    for n in master, slave:
        n.agent.start()
        lab.wait("it has its role", lambda n=n: n.agent.role in ("master", "slave"))
    lab.wait("its health was asked as a master's", lambda:
             "master with" in master.agent.ask("/health").text)
    master.copy.ask("CONFIG", "SET", "requirepass", "another")
    lab.wait("it says so", lambda: "WRONGPASS" in master.agent.text())
    time.sleep(3)           # one more look at it
    assert master.agent.role == "master"
    assert master.agent.text().count("give the agent its password and rights") == 1


def test_a_slave_that_drops_keys_by_itself_is_named(lab):
    master, slave = master_and_slave(lab)
    for key, value in (("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")):
        slave.copy.ask("CONFIG", "SET", key, value)
    done(slave, "health")
    slave.copy.ask("CONFIG", "SET", "replica-ignore-maxmemory", "no")
    for op in "health", "ensure_master":
        assert "replica-ignore-maxmemory is no" in refused(slave, op)


def test_both_can_be_allowed_knowingly(lab):
    master, slave = master_and_slave(lab, allow_other_data="yes")
    for key, value in (("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru"),
                       ("replica-ignore-maxmemory", "no")):
        slave.copy.ask("CONFIG", "SET", key, value)
    done(slave, "health")
    done(slave, "ensure_master")


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


def test_a_server_with_port_0_is_told(lab):
    class Portless(Socket):
        config = property(lambda self: {
            **Copy.config, "unixsocket": self.folder / "socket", "port": 0})
        def answers(self):
            return self.running and (self.folder / "socket").exists()
    node = one(lab, Portless)
    node.agent.start()
    node.agent.wait_log("has port 0, and listens at its socket only")
    node.agent.write(options={"socket": None, "host": node.copy.address})
    status, said = node.call("health")
    assert status == 1 and "or has port 0" in said, said


def test_a_port_of_tls_is_told(lab):
    class Tls(Copy):
        def prepare(self):
            super().prepare()
            key, cert = self.folder / "key.pem", self.folder / "cert.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec",
                            "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-subj", "/CN=redis", "-keyout", key,
                            "-out", cert], check=True, capture_output=True)
            with self.file.open("a") as file:
                file.write(f"port 0\ntls-port {self.port}\n"
                           f"tls-key-file {key}\ntls-cert-file {cert}\n"
                           f"tls-ca-cert-file {cert}\n")
        def answers(self):
            return b"Ready to accept" in (self.folder / "log").read_bytes()
    node = one(lab, Tls)
    for op in "health", "ensure_demoted":
        status, said = node.answer(op)
        assert status == 1 and "tls-port" in said, said
    assert node.copy.running


def test_a_server_whose_socket_was_removed_is_no_server_that_is_down(lab):
    """It still takes writes, by its port; and who demotes it is the guard."""
    master, *slaves = lab.three(Socket)
    (master.copy.folder / "socket").unlink()
    assert "its socket file was removed" in refused(master, "ensure_demoted")
    master.agent.kill()
    lab.wait("it has ended", lambda: not master.copy.running)
    assert lab.master(slaves)
    assert "its socket file was removed" in master.agent.text()
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


@pytest.mark.parametrize("harm", (pathlib.Path.unlink, lambda p: p.chmod(0o644)))
def test_a_password_file_that_is_no_good_by_then_keeps_no_guard_from_it(lab, harm):
    master, slave = two(lab)
    for n in master, slave:
        n.agent.start()
        lab.wait("it has its role", lambda n=n: n.agent.role in ("master", "slave"))
    time.sleep(1.2)         # Consul forgives nothing before its first poll
    harm(master.copy.password_file)
    master.agent.kill()
    master.agent.wait_log("guard: the copy is demoted", alive=False)
    assert not master.agent.lines("could not be demoted")
    assert master.copy.running and "the one that was read at the start" in \
        master.agent.text()


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
        assert status == AGAIN and "is loading its data from disk" in said, op
