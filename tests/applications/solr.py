"""Solr, one server a copy, from its published Maven artifacts."""

import base64
import functools
import hashlib
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import urllib.parse

import pytest

from lab import BUILD, copies, net, process

HERE = pathlib.Path(__file__).with_name("solr")
JETTY = {"9.8.1": "10.0.22", "8.11.4": "9.4.53.v20231009"}
CORE = "rows"
PASSWORD = "s3cret of the Solr lab"
LOGIN = {"Authorization": "Basic " + base64.b64encode(
    f"failover:{PASSWORD}".encode()).decode()}


def security(rights):
    """A security.json that lets this user in, and nobody else; where rights are
    given, it may do nothing but that."""
    salt = bytes(32)
    digest = hashlib.sha256(salt + PASSWORD.encode()).digest()
    words = [hashlib.sha256(digest).digest(), salt]
    return json.dumps({"authentication": {
        "class": "solr.BasicAuthPlugin", "blockUnknown": True,
        "credentials": {"failover": " ".join(
            base64.b64encode(w).decode() for w in words)}},
        **({"authorization": {
            "class": "solr.RuleBasedAuthorizationPlugin",
            "user-role": {"failover": "agent"},
            "permissions": [*({"name": r, "role": "agent"} for r in rights),
                            {"name": "all", "role": "nobody"}]}}
           if rights else {})})


@functools.lru_cache(maxsize=None)
def fetched(version):
    """The folder with that Solr; skips the test where it is not to be had."""
    folder = BUILD / "solr" / version
    done = subprocess.run([HERE / "fetch", version, JETTY[version], folder],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=900)
    return folder, done.returncode and done.stdout.strip()


class Copy(copies.Copy):
    plugin = "solr"
    version = "9.8.1"
    password = PASSWORD
    # A cold Solr thinks for a second about its first request.
    sections = {"plugin": {"demote_deadline": "3s"},
                "lock": {"lock_delay": "7s"}}
    config = {"on_divergence": "follow"}
    rights = ()             # all

    def __init__(self, *words):
        super().__init__(*words)
        self.home = self.folder / "home"
        self.core = self.home / CORE
        self.password_file = self.folder / "password"
        self.url = f"http://{self.address}:{self.port}/solr"
        self.process = None

    @property
    def options(self):
        return {"url": self.url, "cores": CORE, "home": self.home,
                "user": "failover", "password_file": self.password_file,
                **self.config}

    @property
    def running(self):
        return self.process is not None and self.process.running

    @property
    def properties(self):
        return self.core / "core.properties"

    def prepare(self):
        folder, wrong = fetched(self.version)
        if wrong:
            pytest.skip(wrong)
        shutil.copytree(HERE / "conf", self.core / "conf")
        self.properties.write_text(f"name={CORE}\n")
        self.password_file.write_text(PASSWORD + "\n")
        self.password_file.chmod(0o600)
        (self.home / "security.json").write_text(security(self.rights))
        (self.home / "solr.xml").write_text("<solr></solr>\n")
        self.process = process.Process(
            f"{self.name}.solr",
            ["java", "-Xms64m", "-Xmx128m", "-XX:TieredStopAtLevel=1",
             "-XX:+UseSerialGC", "-Xshare:auto",
             f"-XX:SharedArchiveFile={folder}/solr.jsa",
             f"-Dlog4j.configurationFile={HERE}/log4j2.xml",
             f"-Dsolr.solr.home={self.home}", f"-Dlab.password={PASSWORD}",
             f"-Dsolr.log.dir={self.folder}", f"-Dsolr.install.dir={folder}",
             # Our Jetty does not speak HTTP/2 to it.
             "-Dsolr.http1=true", "-Dsolr.disable.allowUrls=true",
             "-Dsolr.disable.shardsWhitelist=true",
             "-cp", f"{folder}/lib/*",
             "Launcher", self.address, self.port],
            self.folder / "log", cwd=self.folder)

    def start(self):
        self.process.start()
        net.wait_for(f"{self.process.name} answers", self.loaded, 60, 0.05)

    def loaded(self):
        answer = self.ask(f"/{CORE}/config/params", timeout=1, check=False)
        return answer.status == 200

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()

    # Three that start at once on a slow machine keep the fourth waiting.
    def ask(self, path, body=None, timeout=30, check=True, **parameters):
        url = f"{self.url}{path}?" + urllib.parse.urlencode(
            {"wt": "json", **parameters})
        headers = dict(LOGIN)
        if body:
            headers["Content-Type"] = "application/json"
        answer = net.request("POST" if body else "GET", url, body, headers,
                             timeout)
        assert not check or answer.status == 200, answer
        return answer

    def client(self, timeout):
        return Client(self.address, self.port, timeout)

    def ids(self):
        # So that a search finds all; on a slave there is nothing to commit.
        self.ask(f"/{CORE}/update", commit="true")
        found = self.ask(f"/{CORE}/select", q="*:*", fl="id", rows=1000000)
        return [d["id"] for d in found.json["response"]["docs"]]

    def role(self):
        answer = self.ask(f"/{CORE}/config/params/_UPDATE", timeout=2,
                          check=False)
        if answer.status != 200:
            return None
        marks = answer.json["response"].get("params", {}).get(
            "_UPDATE", {}).get("_invariants_", {})
        if "update.contentType" in marks:
            return "slave"
        return "master" if "consul-failover" in marks else None

    def lag(self):
        """It hangs in a fetch, from a host that does not answer.  ensure_slave,
        which makes a slave's own fetches, is called all the same."""
        self.silent = socket.create_server((self.address, 0), backlog=50)
        host, port = self.silent.getsockname()
        url = f"http://{host}:{port}/solr/{CORE}"

        def hangs():
            self.ask(f"/{CORE}/replication", command="fetchindex",
                     leaderUrl=url, masterUrl=url)
            return self.leader_url() == url
        net.wait_for("it hangs in a fetch", hangs)

    def unlag(self):
        self.silent.close()

    def place(self):
        """(version, generation) of its index."""
        return max(((c["indexVersion"], c["generation"])
                    for c in self.details()["commits"]), key=lambda p: p[1])

    def details(self):
        return self.ask(f"/{CORE}/replication", command="details",
                        follower="false", slave="false",
                        **{"json.nl": "map"}).json["details"]

    def follower(self):
        """What it says of itself as a follower."""
        details = self.details()
        return details.get("follower") or details.get("slave") or {}

    def leader_url(self):
        follower = self.follower()
        return follower.get("leaderUrl") or follower.get("masterUrl") or ""


class Solr8(Copy):
    version = "8.11.4"


class Restart(Copy):
    """Its role is in core.properties, and its core is loaded again for it."""

    config = {**Copy.config, "method": "restart", "url_key": "leader.url"}

    def lag(self):
        """Until it is made a slave again."""
        self.ask(f"/{CORE}/replication", command="disablepoll")

    def unlag(self):
        pass


class Client:
    """Adds a document with each write."""

    def __init__(self, address, port, timeout):
        self.connection = http.client.HTTPConnection(address, port, timeout=timeout)

    def write(self, id_):
        self.connection.request(
            "POST", f"/solr/{CORE}/update?wt=json", json.dumps([{"id": id_}]),
            {"Content-Type": "application/json", **LOGIN})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{answer.status} {body[:300]!r}")

    def close(self):
        self.connection.close()
