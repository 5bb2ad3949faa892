"""A copy of MariaDB: a real mariadbd with a directory of its own."""

import atexit
import contextlib
import functools
import pathlib
import shutil
import subprocess
import tempfile

import pymysql

from lab import copies, net, process

PLUGIN, REPLICATION, CLIENT = "failover", "replication", "app"
PASSWORD = {PLUGIN: "it's \"quoted\" \\ here", REPLICATION: "r'p\\", CLIENT: "c"}

# What the manual tells to grant, and nothing more.
RIGHTS = ("READ ONLY ADMIN, CONNECTION ADMIN, PROCESS, RELOAD, SLAVE MONITOR, "
          "BINLOG MONITOR, REPLICATION SLAVE ADMIN, REPLICATION MASTER ADMIN")


def literal(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def accounts(rights):
    """Those of the plugin, with these rights, of replication and of clients."""
    return f"""
CREATE DATABASE app;
CREATE TABLE app.written (id VARCHAR(64) PRIMARY KEY) ENGINE=InnoDB;
CREATE USER {PLUGIN}@localhost IDENTIFIED BY {literal(PASSWORD[PLUGIN])};
GRANT {rights} ON *.* TO {PLUGIN}@localhost;
GRANT SELECT ON app.* TO {PLUGIN}@localhost;
CREATE USER {REPLICATION}@'%' IDENTIFIED BY {literal(PASSWORD[REPLICATION])};
GRANT REPLICATION SLAVE ON *.* TO {REPLICATION}@'%';
CREATE USER {CLIENT}@'%' IDENTIFIED BY {literal(PASSWORD[CLIENT])};
GRANT ALL ON app.* TO {CLIENT}@'%';
"""


@functools.cache
def template():
    """A data directory with our accounts, which all copies begin with."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mariadb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    where = f"--datadir={folder}/data", f"--tmpdir={folder}", \
        "--innodb-log-file-size=8M"
    run("mariadb-install-db", "--no-defaults", "--user=root",
        "--auth-root-authentication-method=normal", "--skip-test-db", *where)
    run("mariadbd", "--no-defaults", "--user=root", "--bootstrap", *where,
        input="FLUSH PRIVILEGES;" + accounts(RIGHTS))
    return folder / "data"


def run(*words, **more):
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]}: {done.stdout[-5000:]}")


class Client:
    """Writes to one copy, as an application of it would."""

    def __init__(self, address, port, timeout):
        self.link = pymysql.connect(
            host=address, port=port, user=CLIENT, password=PASSWORD[CLIENT],
            database="app", autocommit=True, connect_timeout=timeout,
            read_timeout=timeout, write_timeout=timeout)

    def run(self, statement, *values):
        with self.link.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def write(self, id):
        self.run("INSERT INTO written VALUES (%s)", id)

    def close(self):
        with contextlib.suppress(pymysql.Error, OSError):
            self.link.close()


class Copy(copies.Copy):
    plugin = "mysql"
    password = PASSWORD[PLUGIN]
    refusal = "transactions that"
    program = "mariadbd"
    read_only = "read_only"         # the variable that stops writes
    lag_column = "Seconds_Behind_Master"

    def __init__(self, *words):
        super().__init__(*words)
        # The path of a socket may have 107 characters, no more.
        self.short = tempfile.mkdtemp(prefix="mariadb-")
        atexit.register(shutil.rmtree, self.short, ignore_errors=True)
        self.socket = f"{self.short}/socket"
        number = self.address.split(".")
        self.server_id = int(number[2]) * 256 + int(number[3])
        self.data, self.file = self.folder / "data", self.folder / "my.cnf"
        self.process = process.Process(
            f"{self.name}.mariadb", [self.program, f"--defaults-file={self.file}"],
            self.folder / "output")

    @property
    def options(self):
        return {"socket": self.socket, "user": PLUGIN, "databases": "app",
                "password_file": self.folder / "password", "flag": None,
                "replication_user": REPLICATION,
                "replication_password_file": self.folder / "replication",
                "semi_sync": "yes" if self.synchronous else "no"}

    @property
    def settings(self):
        """What stands in my.cnf below [mysqld]."""
        settings = {
            "datadir": self.data, "socket": self.socket, "user": "root",
            # At its start a server clears away the temporary tables of others.
            "tmpdir": self.short,
            "pid-file": self.folder / "pid", "bind-address": self.address,
            "port": self.port, "skip-name-resolve": "ON",
            "server-id": self.server_id,
            "log-bin": "binlog", "log-slave-updates": "ON",
            "relay-log": "relay", "gtid-strict-mode": "ON", "read-only": "ON",
            # A process that is killed loses nothing that the kernel has.
            "innodb-flush-log-at-trx-commit": 2, "sync-binlog": 0,
            "innodb-log-file-size": "8M", "innodb-buffer-pool-size": "16M",
            "performance-schema": "OFF", "max-connections": 40,
        }
        if self.synchronous:
            # A master that was killed comes back as a slave, without what
            # it had written and nobody had acknowledged.
            settings |= {
                "init-rpl-role": "SLAVE", "rpl-semi-sync-slave-enabled": "ON",
                "rpl-semi-sync-master-wait-point": "AFTER_SYNC",
                "rpl-semi-sync-master-timeout": 3600000}
        return settings

    def prepare(self):
        self.begin()
        for name, user in ("password", PLUGIN), ("replication", REPLICATION):
            file = self.folder / name
            file.touch(0o600)
            file.write_text(PASSWORD[user] + "\n")

    def begin(self):
        """Data without anything but our accounts."""
        shutil.copytree(template(), self.data)
        self.configure()

    def configure(self, **changed):
        settings = self.settings | {
            k.replace("_", "-"): v for k, v in changed.items()}
        self.file.write_text("[mysqld]\n" + "".join(
            f"{k} = {v}\n" for k, v in settings.items() if v is not None))

    @property
    def running(self):
        return self.process.running

    def start(self):
        self.process.start()
        net.wait_for(f"{self.process.name} answers", self.answers, 60, 0.02)

    def answers(self):
        assert self.running, self.process.text()[-3000:]
        try:
            return self.ask("SELECT 1")
        except (pymysql.Error, OSError):
            return None

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    def rebuild(self, source):
        """The binary logs of the others begin where the template ends.  With
        its old server_id it would not get back what it had written itself."""
        self.kill()
        shutil.rmtree(self.data)
        self.server_id += 1 << 16
        self.begin()
        self.start()

    def root(self, timeout=10):
        """A connection that may do everything."""
        return pymysql.connect(
            unix_socket=self.socket, user="root", autocommit=True,
            read_timeout=timeout, cursorclass=pymysql.cursors.DictCursor)

    def ask(self, statement, *values):
        """One statement as root; its rows as dictionaries."""
        with contextlib.closing(self.root()) as link, link.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def value(self, expression):
        return self.ask(f"SELECT {expression} AS it")[0]["it"]

    def client(self, timeout):
        return Client(self.address, self.port, timeout)

    def ids(self):
        return [row["id"] for row in self.ask("SELECT id FROM app.written")]

    def slave(self):
        """SHOW SLAVE STATUS; empty where it is none."""
        return (self.ask("SHOW SLAVE STATUS") or [{}])[0]

    def role(self):
        try:
            read_only, slave = self.value("@@read_only"), self.slave()
        except (pymysql.Error, OSError):
            return None
        if not slave:
            return None if read_only else "master"
        # One that was made anew has to fetch everything first.
        behind = slave[self.lag_column]
        return "slave" if read_only and behind is not None and behind <= 2 \
            else None

    def lag(self):
        """It reads no more than 1 kB/s from its master; its threads run."""
        self.ask("SET GLOBAL read_binlog_speed_limit = 1")

    def unlag(self):
        self.ask("SET GLOBAL read_binlog_speed_limit = 0")


class Synchronous(Copy):
    """Semi-synchronous: a write is acknowledged when a slave has received it."""

    synchronous = True
