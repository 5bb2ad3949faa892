#!/usr/bin/python3
"""Records what the mysql plugin says to two real servers: see
tests/unit/test_mysql.c.

    record.py mariadb|mysql TEST_PROGRAM FILE

MYSQLD names the mysqld, if it is not the one on PATH.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

import mariadb  # noqa: E402
import mysql  # noqa: E402

PASSWORD = "it's a \\ secret"      # as in test_mysql.c
PORT = 3371


def main(flavour, program, file):
    kind = {"mariadb": mariadb.Copy, "mysql": mysql.Copy}[flavour]
    with tempfile.TemporaryDirectory() as folder:
        copies = [kind(f"{folder}/{name}", name, address, PORT, None)
                  for name, address in (("own", "127.71.0.1"),
                                        ("other", "127.71.0.2"))]
        for copy in copies:
            copy.prepare()
            copy.start()
            copy.ask("SET GLOBAL read_only = 0")
            for user in "failover@localhost", "replication@'%%'":
                copy.ask(f"ALTER USER {user} IDENTIFIED BY %s", PASSWORD)
            copy.ask("RESET MASTER" if flavour == "mariadb" else
                     "RESET BINARY LOGS AND GTIDS")
            copy.ask(f"SET GLOBAL {copy.read_only} = 1")
        try:
            return subprocess.run([program], timeout=120, env={
                **os.environ, "RECORD": file, "FLAVOUR": flavour,
                "OWN_SOCKET": copies[0].socket,
                "OTHER_SOCKET": copies[1].socket}).returncode
        finally:
            for copy in copies:
                copy.kill()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
