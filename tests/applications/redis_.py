"""Redis, one server a copy."""

import redis

from lab import copies, net, process

PASSWORD = "s3cret of the Redis lab"


class Copy(copies.Copy):
    plugin = "redis"
    password = PASSWORD
    config = {}

    def __init__(self, *words):
        super().__init__(*words)
        self.file = self.folder / "redis.conf"
        self.password_file = self.folder / "password"
        self.process = process.Process(
            f"{self.name}.redis", ["redis-server", self.file],
            self.folder / "log", cwd=self.folder)

    @property
    def options(self):
        return {"host": self.address, "password_file": self.password_file,
                "pid_file": self.folder / "pid"}

    @property
    def running(self):
        return self.process.running

    def prepare(self):
        self.password_file.write_text(PASSWORD + "\n")
        self.password_file.chmod(0o600)
        keys = {
            "bind": self.address, "port": self.port, "dir": self.folder,
            "bind-source-addr": self.address, "pidfile": self.folder / "pid",
            "requirepass": f'"{PASSWORD}"', "masterauth": f'"{PASSWORD}"',
            "appendonly": "yes", "save": '""', "repl-diskless-sync-delay": 0,
            "repl-ping-replica-period": 1, **self.config,
        }
        self.file.write_text("".join(f"{k} {v}\n" for k, v in keys.items()))

    def start(self):
        self.process.start()
        net.wait_for(f"{self.process.name} answers", self.answers, 20, 0.01)

    def answers(self):
        try:
            return self.ask("PING")
        except redis.RedisError:
            return None

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    def connection(self, timeout=5):
        return redis.Redis(self.address, self.port, password=PASSWORD,
                           socket_timeout=timeout, decode_responses=True,
                           single_connection_client=True)

    def ask(self, *words, timeout=5):
        with self.connection(timeout) as c:
            return c.execute_command(*words)

    def client(self, timeout):
        return Client(self.connection(timeout))

    def ids(self):
        return self.ask("SMEMBERS", "ids")

    def role(self):
        try:
            role = self.ask("ROLE", timeout=1)[0]
        except redis.RedisError:
            return None
        return role if isinstance(role, str) else role.decode()

    def linked(self):
        try:
            return self.ask("ROLE", timeout=1)[3] == "connected"
        except redis.RedisError:
            return False

    def lag(self):
        """Its link is cut, and it can't log in at the master any more."""
        self.ask("CONFIG", "SET", "masterauth", "wrong")
        self.ask("CLIENT", "KILL", "TYPE", "master")

    def unlag(self):
        self.ask("CONFIG", "SET", "masterauth", PASSWORD)


class Client:
    def __init__(self, connection):
        self.connection = connection

    def write(self, id_):
        self.connection.execute_command("SADD", "ids", id_)

    def close(self):
        self.connection.close()


class Synchronous(Copy):
    """A write is acknowledged when another copy has it."""

    synchronous = True
    config = {"min-replicas-to-write": 1, "min-replicas-max-lag": 2}

    def client(self, timeout):
        return Waiting(self.connection(timeout))


class Waiting(Client):
    def write(self, id_):
        super().write(id_)
        if self.connection.execute_command("WAIT", 1, 500) < 1:
            raise TimeoutError("no replica has it")
