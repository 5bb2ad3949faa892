"""A copy of MySQL: a real mysqld, where there is one on PATH."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import mariadb
from mariadb import CLIENT, PASSWORD, PLUGIN, REPLICATION, literal

RIGHTS = ("SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, SYSTEM_USER, PROCESS, "
          "RELOAD, REPLICATION CLIENT, REPLICATION_SLAVE_ADMIN")


@functools.cache
def program():
    """mysqld of MySQL 8.0 or later; None where there is none: the one of that
    name on PATH may be MariaDB's."""
    found = os.environ.get("MYSQLD") or shutil.which("mysqld")
    said = found and subprocess.run([found, "--version"], text=True,
                                    capture_output=True).stdout
    version = said and "MariaDB" not in said and re.search(r"Ver (\d+)", said)
    return found if version and int(version[1]) >= 8 else None


@functools.cache
def template():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mysql-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "accounts").write_text(mariadb.accounts(RIGHTS))
    subprocess.run(
        [program(), "--no-defaults", "--initialize-insecure", "--user=root",
         f"--datadir={folder}/data", f"--init-file={folder}/accounts",
         "--innodb-redo-log-capacity=8M"], check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    (folder / "data/auto.cnf").unlink()     # or all copies are the same
    return folder / "data"


class Copy(mariadb.Copy):
    read_only = "super_read_only"
    lag_column = "Seconds_Behind_Source"

    @property
    def program(self):
        return program()

    @property
    def settings(self):
        settings = super().settings
        if self.synchronous:
            settings["plugin-load-add"] = \
                "semisync_source.so;semisync_replica.so"
        for name in list(settings):
            if name.startswith("rpl-semi-sync"):
                new = name.replace("master", "source").replace(
                    "slave", "replica")
                settings[f"loose-{new}"] = settings.pop(name)
        for name in ("log-slave-updates", "gtid-strict-mode", "read-only",
                     "init-rpl-role", "innodb-log-file-size"):
            settings.pop(name, None)
        return settings | {
            "gtid-mode": "ON", "enforce-gtid-consistency": "ON",
            "super-read-only": "ON", "relay-log-recovery": "ON",
            "innodb-redo-log-capacity": "8M", "mysqlx": "OFF",
            "secure-file-priv": "NULL", "lc-messages": "en_US"}

    def begin(self):
        shutil.copytree(template(), self.data)
        self.configure()

    def slave(self):
        return (self.ask("SHOW REPLICA STATUS") or [{}])[0]

    def lag(self):
        self.ask("STOP REPLICA IO_THREAD")

    def unlag(self):
        self.ask("START REPLICA IO_THREAD")


class Synchronous(Copy):
    synchronous = True
