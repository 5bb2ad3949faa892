"""A copy of PostgreSQL: a real server with a data directory of its own, run by
the user postgres, as its agent is."""

import atexit
import contextlib
import fcntl
import functools
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import psycopg2.extensions

from lab import copies, net, process

USER = "postgres"
BIN = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"),
          key=lambda p: float(p.parent.name), default=pathlib.Path("/usr/bin"))
PASSWORD = "it's \"quoted\" \\ here"

# What the manual tells to grant for following and rewinding, and nothing more.
ACCOUNTS = """
CREATE TABLE ids (id text PRIMARY KEY);
CREATE USER app;
GRANT ALL ON ids TO app;
CREATE USER failover SUPERUSER PASSWORD $$""" + PASSWORD + """$$;
CREATE USER replicator REPLICATION PASSWORD $$""" + PASSWORD + """$$;
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO replicator;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO replicator;
GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean)
    TO replicator;
"""
HBA = """
local all,replication failover scram-sha-256
local all,replication all trust
host all app all trust
host replication,postgres replicator all scram-sha-256
"""


def run(*words, check=True, **more):
    """One of PostgreSQL's programs, as its user."""
    program, *words = [str(w) for w in words]
    return subprocess.run(
        [BIN / program, *words], check=check, text=True, cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, **process.identity(USER), **more)


@functools.cache
def template():
    """A data directory with our accounts, which all copies begin with."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.chown(folder, USER)
    data = folder / "data"
    run("initdb", "-D", data, "-A", "trust", "--wal-segsize=1", "-N")
    subprocess.run(
        [BIN / "postgres", "--single", "-D", data, "-j", "postgres"],
        input=ACCOUNTS.replace(";\n", ";\n\n"), text=True, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/",
        **process.identity(USER))
    (data / "pg_hba.conf").write_text(HBA)
    return data


def wait_in_time(connection):
    """So that a client gives up by itself: the server's own time-outs end the
    wait for a synchronous slave and then acknowledge the write.  The tests' own
    looks may take longer."""
    end = time.monotonic() + (1 if "user=app " in connection.dsn else 20)
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        reads = state == psycopg2.extensions.POLL_READ
        if not any(select.select([connection] if reads else [],
                                 [] if reads else [connection], [],
                                 max(0, end - time.monotonic()))):
            raise TimeoutError("no answer in time")


psycopg2.extensions.set_wait_callback(wait_in_time)


class Client:
    def __init__(self, link):
        self.link = link
        link.autocommit = True

    def run(self, statement, *values):
        with self.link.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def write(self, id):
        self.run("INSERT INTO ids VALUES (%s)", id)

    def close(self):
        self.link.close()


class Copy(copies.Copy):
    plugin = "postgresql"
    user = USER
    password = PASSWORD
    restarted = True
    refusal = "has diverged"
    on_divergence = "rewind"

    def __init__(self, *words):
        super().__init__(*words)
        self.data, self.log = self.folder / "data", self.folder / "data.log"
        self.passfile = self.folder / "pgpass"
        self.password_file = self.folder / "password"

    @property
    def replication(self):
        return f"user=replicator passfile={self.passfile}"

    @property
    def options(self):
        return {"data_directory": self.data,
                "connection": f"host={self.folder} user=failover",
                "password_file": self.password_file,
                "replication": self.replication,
                "on_divergence": self.on_divergence}

    @property
    def settings(self):
        """What stands in postgresql.conf."""
        settings = {
            "listen_addresses": self.address, "port": self.port,
            "unix_socket_directories": self.folder, "wal_log_hints": "on",
            "wal_keep_size": "64MB", "shared_buffers": "16MB",
            "min_wal_size": "8MB",
            "wal_retrieve_retry_interval": "200ms", "lc_messages": "C",
        }
        if self.synchronous:
            # Two disks of a machine that others use are slow.
            settings |= {"synchronous_standby_names": "ANY 1 (*)",
                         "synchronous_commit": "on", "fsync": "off"}
        return settings

    def prepare(self):
        shutil.chown(self.folder, USER)
        subprocess.run(["cp", "-a", template(), self.data], check=True)
        self.configure()
        self.mark()
        secret = PASSWORD.replace("\\", "\\\\")
        self.give(self.passfile, f"*:*:*:replicator:{secret}\n")
        self.give(self.password_file, PASSWORD + "\n")

    def give(self, file, text):
        """Writes a file that only the server's user may read."""
        file.touch(0o600)
        file.write_text(text)
        shutil.chown(file, USER)

    def mark(self):
        self.give(self.data / "standby.signal", "")

    def configure(self, **changed):
        (self.data / "postgresql.conf").write_text("".join(
            f"{key} = '{value}'\n"
            for key, value in (self.settings | changed).items()))

    def processes(self):
        """The pids of the server's."""
        found = []
        for task in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(task / "cwd") == str(self.data) and \
                        (task / "comm").read_text() == "postgres\n":
                    found.append(int(task.name))
        return found

    def postmaster(self):
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        return pid if pid in self.processes() else None

    def busy(self):
        """Is a job of the plugin under way?"""
        folder = os.open(self.data, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(folder)

    @property
    def running(self):
        return bool(self.busy() or self.processes())

    def start(self):
        """The agent may be starting it already, or rewinding it."""
        def answers():
            with contextlib.suppress(psycopg2.Error, TimeoutError):
                return self.ask("SELECT 1")
            run("pg_ctl", "start", "-D", self.data, "-l", self.log, "-s", "-w",
                check=False)
        net.wait_for(f"{self.name} answers", answers, 60)

    def stop(self):
        run("pg_ctl", "stop", "-D", self.data, "-m", "fast", "-s", "-w")

    def kill(self):
        net.wait_for(f"{self.name} has no job", lambda: not self.busy(), 60)
        pids = self.processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        net.wait_for(f"{self.name} is dead",
                     lambda: not set(pids) & set(self.processes()), 20, 0.01)
        for pid in pids:        # those that have become our children
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def link(self, user=USER, host=None, **more):
        return psycopg2.connect(
            host=host or self.folder, port=self.port, user=user,
            dbname="postgres", **more)

    def ask(self, statement, *values):
        """As the user that may do everything."""
        with contextlib.closing(Client(self.link("postgres"))) as client:
            return client.run(statement, *values)

    def client(self, timeout):
        return Client(self.link("app", self.address))

    def ids(self):
        return [row[0] for row in self.ask("SELECT id FROM ids")]

    def role(self):
        with contextlib.suppress(psycopg2.Error, TimeoutError):
            standby, = self.ask("SELECT pg_is_in_recovery()")[0]
            return "slave" if standby else "master"

    def lag(self):
        self.follow("host=/nowhere")

    def unlag(self):
        """Unless it has been told to follow somebody meanwhile."""

    def follow(self, conninfo):
        self.ask("ALTER SYSTEM SET primary_conninfo = %s", conninfo)
        self.ask("SELECT pg_reload_conf()")
        net.wait_for(f"{self.name} streams no more", lambda: not self.ask(
            "SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"))

    def rebuild(self, source):
        """A new copy, where pg_rewind could not help."""
        self.kill()
        shutil.rmtree(self.data)
        run("pg_basebackup", "-D", self.data, "-c", "fast", "-d",
            f"host={source.folder} port={source.port} user=postgres")
        self.configure()
        self.mark()
        self.start()


class Synchronous(Copy):
    """A write is acknowledged when another copy has it on disk."""

    synchronous = True
