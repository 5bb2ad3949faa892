"""Solr: its traps, and bad input, each with 9.x and 8.11.

Two Solr servers live as long as this module; each test has a core of its own on
both, and calls the plugin by hand.
"""

import base64
import fcntl
import http.server
import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import pytest

import solr
from lab import PROGRAM, agent, net, plugin

numbers = itertools.count(1)


def by_hand(file, op, master=None):
    """One call of the plugin: (exit status, what it says)."""
    words = []
    if master:
        host, port = master.split(":")
        words = ["--master-host", host, "--master-port", port]
    done = subprocess.run(
        [PROGRAM, "plugin", "call", "-c", file, op, *words], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120, cwd=file.parent)
    assert solr.PASSWORD not in done.stdout
    assert done.returncode in (0, 1, AGAIN), done.stdout
    return done.returncode, done.stdout


AGAIN = 75


class Hand:
    """A core on one of the servers, and the plugin's config for it."""

    def __init__(self, copy, folder, core, edit=None):
        self.copy, self.core = copy, core
        self.instance = copy.home / core
        self.file = folder / f"{copy.name}.ini"
        shutil.copytree(solr.HERE / "conf", self.instance / "conf")
        if edit:
            edit(self.instance)
        self.answer = copy.ask("/admin/cores", action="CREATE", name=core,
                               instanceDir=self.instance, check=False)
        self.configure()

    @property
    def where(self):
        return f"{self.copy.address}:{self.copy.port}"

    @property
    def properties(self):
        return self.instance / "core.properties"

    def configure(self, plugin_=None, **options):
        sections = {
            "service": {"name": "solr", "port": self.copy.port},
            "plugin": {"path": plugin("solr"), **(plugin_ or {})},
            "options": {**self.copy.options, "cores": self.core,
                        "on_divergence": None, **options},
            "agent": {"run_dir": self.file.with_suffix(".run"),
                      "state_dir": self.file.with_suffix(".state")},
        }
        self.file.write_text(agent.ini(sections))

    def call(self, *words):
        """One call of the plugin: (exit status, what it says)."""
        return by_hand(self.file, *words)

    def outcome(self, *words):
        """The same when it is not busy."""
        def answer():
            status, text = self.call(*words)
            return status != AGAIN and (status, text)
        return net.wait_for(f"{words} is answered", answer, 60, 0.1)

    def does(self, *words):
        """Calls it until it is done."""
        status, text = self.outcome(*words)
        assert status == 0, text
        return text

    def follows(self, master, ids):
        """A slave of it, with that: a fetch may take longer than a call."""
        net.wait_for(f"it has {ids}", lambda: self.does(
            "ensure_slave", master) and self.ids() == ids, 60, 0.1)

    def refuses(self, *words):
        """What it says why not."""
        status, text = self.outcome(*words)
        assert status == 1, (status, text)
        return text

    def ask(self, path, body=None, **parameters):
        return self.copy.ask(f"/{self.core}{path}", body, **parameters)

    def write(self, id_, path="/update", **parameters):
        return self.ask(path, json.dumps([{"id": id_}]), check=False,
                        **parameters).status

    def commit(self):
        self.ask("/update", commit="true")

    def ids(self):
        found = self.ask("/select", q="*:*", fl="id", rows=1000).json
        return {d["id"] for d in found["response"]["docs"]}

    def details(self):
        details = self.ask("/replication", command="details", follower="false",
                           slave="false").json["details"]
        return {k.replace("Master", "Leader").replace("Slave", "Follower"): v
                for k, v in details.items()}

    def restart(self):
        """SIGKILL, and a new start."""
        if self.copy.running:
            self.copy.kill()
        self.copy.start()
        net.wait_for("its core is there", lambda: self.copy.ask(
            f"/{self.core}/config/params", check=False).status == 200)


@pytest.fixture(scope="module", params=[
    # One worker has all tests of a version, as a Solr takes long to start.
    pytest.param(kind, id=kind.version, marks=pytest.mark.xdist_group(kind.version))
    for kind in (solr.Copy, solr.Solr8)])
def servers(request, tmp_path_factory):
    network = net.Net()
    copies = [request.param(tmp_path_factory.mktemp(name), name,
                            network.address(), network.port(), network)
              for name in ("one", "two")]
    try:
        for c in copies:
            c.prepare()
            c.start()
        yield copies
    finally:
        for c in copies:
            if c.running:
                c.process.thaw()
                c.kill()
        network.close()


@pytest.fixture
def make(servers, tmp_path):
    """Makes a core on both servers."""
    def make(**more):
        for c in servers:
            if not c.running:
                c.start()
        core = f"core{os.getpid()}-{next(numbers)}"
        return [Hand(c, tmp_path, core, **more) for c in servers]
    return make


@pytest.fixture
def pair(make):
    """A master with the rows 1 and 2, and its slave."""
    one, two = make()
    one.does("ensure_master")
    for id_ in "12":
        assert one.write(id_) == 200
    one.commit()
    two.follows(one.where, {"1", "2"})
    return one, two


def configured(old, new):
    """The edit of a core whose solrconfig.xml has that in place of this."""
    def edit(instance):
        config = instance / "conf" / "solrconfig.xml"
        config.write_text(config.read_text().replace(old, new))
    return edit


PATHS = "/update", "/update/json", "/update/json/docs", "/update/csv"


def test_a_slave_refuses_every_write_also_after_a_restart(pair):
    """Or it would diverge, and nobody would notice until it is overwritten."""
    _one, two = pair
    for _ in range(2):
        for path in PATHS:
            assert two.write("3", path) in (400, 415), path
            assert two.write("3", path, commit="true",
                             useParams="none") in (400, 415), path
        assert two.ask("/update", json.dumps({"delete": {"query": "*:*"}}),
                       check=False).status == 415
        assert two.copy.ask(f"/____v2/cores/{two.core}/update",
                            json.dumps([{"id": "3"}]),
                            check=False).status in (400, 415)
        two.commit()
        assert two.ids() == {"1", "2"}
        two.restart()


def test_a_master_that_was_killed_comes_back_refusing_writes(pair):
    one, _ = pair
    one.copy.kill()
    assert "will refuse writes" in one.does("ensure_demoted")
    one.restart()
    assert one.write("3") == 415
    one.does("ensure_master")
    assert one.write("3") == 200


def test_a_handler_without_a_role_is_a_leader_and_takes_no_writes(make):
    """With neither role enabled Solr makes it a leader."""
    one, two = make()
    assert one.details()["isLeader"] == "true"
    one.does("ensure_demoted")
    assert one.write("1") == 415
    two.does("ensure_master")
    one.does("ensure_slave", two.where)
    assert one.write("1") == 415


def test_an_empty_master_does_not_empty_its_slaves(pair):
    """As one that has lost its disk."""
    one, two = pair
    one.does("ensure_demoted")
    one.copy.ask("/admin/cores", action="UNLOAD", core=one.core,
                 deleteIndex="true", deleteDataDir="true")
    one.copy.ask("/admin/cores", action="CREATE", name=one.core,
                 instanceDir=one.instance)
    said = two.refuses("ensure_slave", one.where)
    assert "is empty" in said and "would empty this copy" in said
    two.configure(on_divergence="follow")
    assert "would empty" in two.refuses("ensure_slave", one.where)
    assert two.ids() == {"1", "2"}


def test_a_master_that_does_not_replicate_does_not_empty_its_slaves(pair):
    """SOLR-17306: a follower that starts while its leader has replication
    switched off drops its index."""
    one, two = pair
    one.ask("/replication", command="disablereplication")
    two.restart()
    said = two.refuses("ensure_slave", one.where)
    assert "does not allow replication" in said
    assert two.ids() == {"1", "2"}
    # The master's agent repairs it.
    one.does("ensure_master")
    two.does("ensure_slave", one.where)


def test_a_slave_that_is_ahead_of_its_master_is_refused(pair):
    """A leader's generation must not be below its follower's."""
    one, two = pair
    assert one.write("3") == 200
    one.commit()
    one.does("ensure_demoted")
    said = one.refuses("ensure_slave", two.where)
    assert "has diverged" in said and "on_divergence" in said
    assert one.ids() == {"1", "2", "3"}
    one.configure(on_divergence="follow")
    one.follows(two.where, {"1", "2"})


def test_a_slave_follows_a_new_master(pair):
    """The Python program's returned at once where the copy was a slave."""
    one, two = pair
    assert one.write("3") == 200
    one.does("ensure_demoted")
    two.follows(one.where, {"1", "2", "3"})
    two.does("ensure_master")
    assert two.write("4") == 200
    two.commit()
    one.follows(two.where, {"1", "2", "3", "4"})


def test_what_was_written_before_the_demotion_is_committed(make):
    """Or nobody could fetch it."""
    one, two = make(edit=configured("<maxTime>300<", "<maxTime>600000<"))
    one.does("ensure_master")
    assert one.write("1") == 200
    before = one.call("position")[1]
    one.does("ensure_demoted")
    assert one.call("position")[1] != before
    two.follows(one.where, {"1"})


def test_a_demotion_waits_for_an_update_that_is_being_written(pair):
    """A long upload that has begun is still accepted, so it is not done yet."""
    one, _ = pair
    host, port = one.where.split(":")
    with socket.create_connection((host, int(port)), 10) as upload:
        login = solr.LOGIN["Authorization"]
        upload.sendall(
            f"POST /solr/{one.core}/update HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {login}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
            "e\r\n[{\"id\": \"3\"},\n\r\n".encode())
        time.sleep(2)       # nobody tells that Solr has begun to read it
        said = one.refuses("ensure_demoted")
        assert "1 earlier updates do not end" in said
        upload.sendall(b"d\r\n{\"id\": \"4\"}]\n\r\n0\r\n\r\n")
        assert b" 200 " in upload.recv(1000)
    one.does("ensure_demoted")
    assert one.ids() == {"1", "2", "3", "4"}
    assert one.write("5") == 415


def test_a_solr_that_hangs_is_not_said_to_be_demoted(pair):
    one, _ = pair
    one.copy.process.freeze()
    assert "does not answer" in one.refuses("ensure_demoted")
    one.configure(kill=f"kill -KILL {one.copy.process.pid}")
    assert "does not run" in one.does("ensure_demoted")
    one.copy.process.popen.wait()
    one.restart()
    assert one.write("3") == 415


def test_a_solr_that_is_looked_for_in_a_wrong_place_is_not_said_to_be_down(pair):
    """Nobody listens at its URL, and it goes on to take writes at another."""
    one, _ = pair
    one.configure(url=f"http://{one.copy.address}:{one.copy.net.port()}/solr")
    status, said = one.call("ensure_demoted")
    assert status == AGAIN      # whoever it is, we have not made it a master
    assert f"process {one.copy.process.pid} has its index in" in said
    one.copy.kill()
    assert "does not run" in one.does("ensure_demoted")
    one.configure()
    one.restart()
    assert one.write("3") == 415


def test_a_solr_that_has_its_data_elsewhere_is_not_said_to_be_down(make, tmp_path):
    """Where its core.properties says; anybody may read its lock."""
    one, _ = make()
    one.properties.write_text(one.properties.read_text() +
                              f"dataDir={tmp_path}/elsewhere\n")
    one.restart()
    one.does("ensure_master")
    lock, = tmp_path.glob("elsewhere/index*/write.lock")
    one.configure(url=f"http://{one.copy.address}:{one.copy.net.port()}/solr")
    status, said = one.call("ensure_demoted")
    assert status == AGAIN
    assert f"process {one.copy.process.pid} has its index in {tmp_path}" in said
    one.copy.kill()
    with open(lock) as file:
        fcntl.lockf(file, fcntl.LOCK_SH)
        assert "does not run" in one.does("ensure_demoted")


def test_one_that_was_refused_is_no_master_when_its_master_is_gone(make):
    """It lacks what that had."""
    one, two = make()
    for node, ids in (two, "34"), (one, "1"):
        node.does("ensure_master")
        for id_ in ids:
            assert node.write(id_) == 200
            node.commit()
    assert "has diverged" in two.refuses("ensure_slave", one.where)
    one.copy.kill()
    for op in "health", "ensure_master":
        said = two.refuses(op)
        assert "has diverged, and lacks generation" in said
        assert "consul-failover promote" in said
    one.restart()
    one.does("ensure_master")
    two.configure(on_divergence="follow")
    two.follows(one.where, {"1"})
    two.does("ensure_slave", one.where)
    two.does("health")
    two.does("ensure_master")


def change_password(copy, old, new):
    login = base64.b64encode(f"failover:{old}".encode()).decode()
    answer = net.request(
        "POST", f"{copy.url}/admin/authentication",
        json.dumps({"set-user": {"failover": new}}),
        {"Authorization": f"Basic {login}", "Content-Type": "application/json"},
        10)
    assert answer.status == 200, answer


def test_a_slave_whose_password_its_master_refuses_is_no_master(pair):
    """It would be made one whatever it has not got since."""
    one, two = pair
    change_password(one.copy, solr.PASSWORD, "another")
    try:
        assert "does not accept the password" in two.refuses(
            "ensure_slave", one.where)
        for op in "health", "ensure_master":
            said = two.refuses(op)
            assert "has refused this copy (HTTP 401)" in said
            assert "consul-failover promote" in said
    finally:
        change_password(one.copy, "another", solr.PASSWORD)
    assert one.write("3") == 200
    one.commit()
    two.follows(one.where, {"1", "2", "3"})
    two.does("health")
    two.does("ensure_master")


def test_a_promotion_waits_for_a_running_fetch(pair):
    """A fetch that ends later would undo the first writes."""
    one, two = pair
    with socket.create_server((two.copy.address, 0)) as silent:
        host, port = silent.getsockname()
        url = f"http://{host}:{port}/solr/{two.core}"

        def fetches():
            two.ask("/replication", command="fetchindex", leaderUrl=url,
                    masterUrl=url)
            return url in json.dumps(two.details())
        net.wait_for("it fetches from there", fetches)
        status, said = two.call("ensure_master")
        assert status == AGAIN and "still fetches" in said, (status, said)
        assert two.write("3") == 415
    one.does("ensure_demoted")
    two.does("ensure_master")
    assert two.write("3") == 200


def test_what_others_have_put_into_the_parameters_stays(pair):
    one, _ = pair
    for op in "ensure_demoted", "ensure_master":
        one.ask("/config/params", json.dumps({"update": {"_UPDATE": {
            "mine": "1", "_invariants_": {"its": "2"}}}}))
        one.does(op)
        told = one.ask("/config/params").json["response"]["params"]["_UPDATE"]
        assert told["mine"] == "1" and told["_invariants_"]["its"] == "2"


#
# By core.properties.
#

RESTART = {"method": "restart", "url_key": "leader.url"}


@pytest.fixture
def by_restart(make):
    """A leader and its follower, made by core.properties."""
    one, two = make()
    for h in one, two:
        h.configure(**RESTART)
    one.does("ensure_master")
    assert one.write("1") == 200
    one.commit()
    two.does("ensure_slave", one.where)
    net.wait_for("it polls", lambda: two.ids() == {"1"})
    return one, two


def test_core_properties_keeps_all_that_is_not_ours(make):
    """The Python program left two lines of it."""
    one, _ = make()
    text = one.properties.read_text()
    more = "# of ours\nmy.key : with \\\n   two lines\nenable.leader = false\n"
    one.properties.write_text(text + more)
    one.properties.chmod(0o640)
    one.configure(**RESTART)
    one.does("ensure_master")
    assert one.properties.read_text() == text + more.replace(
        "enable.leader = false\n", "enable.leader=true\nenable.follower=false\n")
    assert one.properties.stat().st_mode & 0o777 == 0o640
    before = one.properties.stat().st_mtime_ns
    one.does("ensure_master")
    assert one.properties.stat().st_mtime_ns == before


def test_a_role_of_core_properties_is_the_role_of_the_handler(by_restart):
    one, two = by_restart
    assert one.details()["isLeader"] == "true"
    assert two.details()["isFollower"] == "true"
    assert two.details()["isLeader"] == "false"
    assert f"leader.url=http://{one.where}/solr/{one.core}\n" in \
        two.properties.read_text()
    assert two.write("2") == 415


def test_the_names_of_before_8_7_are_options(make):
    def old_names(instance):
        (instance / "core.properties").unlink(missing_ok=True)
        config = instance / "conf" / "solrconfig.xml"
        config.write_text(config.read_text().replace(
            "${names.leader:leader}", "master").replace(
            "${names.follower:follower}", "slave").replace(
            "${names.url:leaderUrl}", "masterUrl").replace(
            "enable.leader", "enable.master").replace(
            "enable.follower", "enable.slave"))
    one, two = make(edit=old_names)
    for h in one, two:
        h.configure(leader_key="enable.master", follower_key="enable.slave",
                    **RESTART)
    one.does("ensure_master")
    assert "enable.master=true\nenable.slave=false\n" in \
        one.properties.read_text()
    assert one.write("1") == 200
    one.commit()
    two.does("ensure_slave", one.where)
    net.wait_for("it polls", lambda: two.ids() == {"1"})


def test_a_follower_stops_polling_an_empty_leader(by_restart):
    one, two = by_restart
    two.ask("/replication", command="disablepoll")
    one.does("ensure_demoted")
    one.copy.ask("/admin/cores", action="UNLOAD", core=one.core,
                 deleteIndex="true", deleteDataDir="true")
    one.copy.ask("/admin/cores", action="CREATE", name=one.core,
                 instanceDir=one.instance)
    for _ in range(2):
        assert "is empty" in two.refuses("ensure_slave", one.where)
    assert two.copy.ask(f"/{two.core}/replication", command="details").json[
        "details"][("follower" if two.copy.version[0] == "9" else "slave")][
        "isPollingDisabled"] == "true"
    assert two.ids() == {"1"}


def test_while_it_restarts_it_is_busy_and_not_for_ever(by_restart):
    one, two = by_restart
    one.does("ensure_demoted")
    command = two.instance.parent / "restart"
    command.write_text(f"kill -KILL {two.copy.process.pid}\n")
    two.configure(**RESTART, restart=f"sh {command}", restart_limit="5s")
    status, said = two.call("ensure_master")
    assert status == AGAIN and "restarts" in said
    two.copy.process.popen.wait()
    for op in "health", "ensure_master":
        status, said = two.call(op)
        assert status == AGAIN and "restarts" in said, op
    net.wait_for("it is no more busy, but gone",
                 lambda: two.call("health")[0] == 1, 20)
    two.restart()
    two.does("ensure_master")
    assert two.details()["isLeader"] == "true"
    assert two.write("2") == 200


def test_a_core_that_does_not_look_at_its_properties_is_not_restarted_for_ever(
        make):
    one, two = make(edit=configured("${enable.follower:false}", "false"))
    two.does("ensure_master")
    one.configure(**RESTART)
    status, said = one.call("ensure_slave", two.where)
    assert status == AGAIN, said
    said = one.refuses("ensure_slave", two.where)
    assert "solrconfig.xml" in said and "${enable.follower:false}" in said


def test_a_restart_that_fails_is_told(make):
    one, _ = make()
    one.configure(**RESTART, restart="exit 7")
    one.properties.write_text(one.properties.read_text() +
                              "enable.follower=true\n"
                              "leader.url=http://127.0.0.1:1/solr\n")
    one.copy.ask("/admin/cores", action="RELOAD", core=one.core)
    assert "exit 7 ended with exit status 7" in one.refuses("ensure_master")


#
# Bad input.
#

def test_a_wrong_password(pair, tmp_path):
    one, _ = pair
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n")
    wrong.chmod(0o600)
    one.configure(password_file=wrong)
    for op in "health", "ensure_demoted":
        said = one.refuses(op)
        assert "password of the user failover" in said and "not it" not in said
    one.configure(user=None, password_file=None)
    assert "user and password_file" in one.refuses("health")
    assert one.write("3") == 200


def test_a_core_that_is_not_there(pair):
    one, two = pair
    one.configure(cores=f"{one.core},nosuch")
    assert f"no core nosuch; it has: " in one.refuses("health")
    two.configure(cores=f"{one.core},nosuch")
    assert "no core nosuch" in two.refuses("ensure_slave", one.where)


def test_a_core_that_could_not_be_loaded(make):
    def broken(instance):
        (instance / "conf" / "schema.xml").write_text("<schema>")
    one, _ = make(edit=broken)
    assert one.answer.status != 200
    one.properties.write_text(f"name={one.core}\n")
    one.copy.kill()
    one.copy.start()
    # Solr 8 answers while it still loads its cores.
    net.wait_for("it is told", lambda: (
        f"core {one.core} could not be loaded" in one.refuses("health")))
    shutil.rmtree(one.instance)


def test_a_slave_of_itself(pair):
    one, _ = pair
    said = one.refuses("ensure_slave", one.where)
    assert "can't be its own slave" in said
    assert one.ids() == {"1", "2"}


def test_a_handler_that_can_not_be_made_to_refuse_writes(make):
    def more(instance):
        config = instance / "conf" / "solrconfig.xml"
        config.write_text(config.read_text().replace(
            "</config>", '<requestHandler name="/mine" '
            'class="solr.UpdateRequestHandler"/></config>'))
    one, _ = make(edit=more)
    said = one.refuses("ensure_demoted")
    assert "/mine" in said and 'useParams="_mine"' in said


def test_a_master_that_is_not_there(pair):
    _, two = pair
    said = two.refuses("ensure_slave", "127.0.0.1:1")
    assert "http://127.0.0.1:1/solr does not answer: connection refused" in said
    assert two.write("3") == 415


@pytest.mark.parametrize("keys, wrong", [
    ({"cores": "a/b"}, "a/b"), ({"cores": " ,"}, "none"),
    ({"cores": "c" * 129}, "longer than 128"), ({"user": "u" * 128}, "longer"),
    ({"ca_file": "/" * 512}, "longer than 511"),
    ({"method": "magic"}, "magic"), ({"on_divergence": "x"}, "on_divergence"),
    ({"url": "file:///etc/passwd"}, "url"), ({"url": "http://u:p@h/"}, "url"),
])
def test_an_option_that_makes_no_sense(pair, keys, wrong):
    one, _ = pair
    one.configure(**keys)
    assert wrong in one.refuses("health")


class Foreign(http.server.BaseHTTPRequestHandler):
    """Something that is no Solr of ours; it counts what would change it."""

    said = b""
    posts = 0

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.said)

    def do_POST(self):
        type(self).posts += 1
        self.do_GET()

    def log_message(self, *words):
        pass


@pytest.mark.parametrize("said, wrong", [
    ({"mode": "solrcloud", "zkHost": "zk:2181",
      "lucene": {"solr-spec-version": "9.8.1"}}, "SolrCloud mode (zkHost zk:2181"),
    ({"mode": "std", "lucene": {"solr-spec-version": "6.6.0"}}, "Solr 6.6.0"),
    ({"mode": "std", "lucene": {"solr-spec-version": "10.0.0"}}, "Solr 10.0.0"),
    ({}, "of unknown version"),
])
def test_what_is_no_solr_of_ours_is_left_alone(tmp_path, said, wrong):
    kind = type("Kind", (Foreign,), {
        "said": json.dumps(said).encode()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = pathlib.Path(tmp_path) / "agent.ini"
    file.write_text(agent.ini({
        "service": {"name": "solr", "port": server.server_port},
        "plugin": {"path": plugin("solr")},
        "options": {"cores": "a", "home": tmp_path, "kill": "touch killed"}}))
    try:
        for words in (["health"], ["ensure_master"], ["ensure_demoted"],
                      ["ensure_slave", "127.0.0.1:1"]):
            status, text = by_hand(file, *words)
            assert status == 1 and wrong in text, text
    finally:
        server.shutdown()
        server.server_close()
    assert kind.posts == 0 and not (tmp_path / "killed").exists()
