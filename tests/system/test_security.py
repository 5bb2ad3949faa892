"""ACLs, TLS, unix sockets, and where a token must never be."""

import itertools
import os
import pathlib
import re
import resource
import shutil
import signal
import ssl
import subprocess
import tempfile

import pytest

from lab import PROGRAM, ROOT, consul, net, plugin, process, proxy
from lab.agent import ini

ROOT_TOKEN = "5f0a2f6c-1f3b-4a8e-9d56-0d6a3c5b7e11"


@pytest.fixture
def acl(lab):
    """A cluster that denies everything by default."""
    c = consul.Cluster(lab.folder / "acl", lab.net, servers=1, clients=2, acl={
        "enabled": True, "default_policy": "deny",
        "tokens": {"master": ROOT_TOKEN, "agent": ROOT_TOKEN}})
    for each in c.all:
        each.token = ROOT_TOKEN
    try:
        yield c.start()
    finally:
        lab.end_agents()
        c.end()


def policy(service, node):
    """The shipped policy, filled in for a service and a node."""
    text = (ROOT / "conf" / "acl-policy.hcl").read_text()
    return text.replace("<service>", service).replace("<node>", node)


def token(c, service):
    name = f"failover-{c.name}"
    c.put("/v1/acl/policy", {"Name": name, "Rules": policy(service, c.name)})
    return c.put("/v1/acl/token", {"Policies": [{"Name": name}]})["SecretID"]


@pytest.mark.fast
@pytest.mark.sanitized
def test_the_shipped_policy_is_enough_with_acls_on(lab, acl):
    agents = []
    for c in acl.clients:
        file = lab.folder / f"token-{c.name}"
        file.write_text(token(c, lab.service) + "\n")
        file.chmod(0o600)
        agents.append(lab.agent(c, sections={"consul": {"token_file": file}}))
    first, second = agents
    first.start().wait_role("master")
    second.start().wait_role("slave")
    assert "Permission denied" not in first.text() + second.text()

    secrets = [a.sections["consul"]["token_file"].read_text().strip() for a in agents]
    for a in agents:
        for pid, line in [(a.pid, process.command_line(a.pid))] + \
                process.descendants(a.pid):
            assert not any(s in line for s in secrets)
        for pid, _ in process.descendants(a.pid):
            env = b"\0".join(process.environment(pid)).decode(errors="replace")
            assert not any(s in env for s in secrets) and "CONSUL" not in env
        for s in secrets:
            assert s not in a.text()
            assert s not in a.ask("/status").text + a.ask("/metrics").text
    first.stop()
    second.wait_role("master")
    net.wait_for("its tag says so, and the first one is gone", lambda: [
        i["ServiceTags"] for i in acl.clients[0].catalog(lab.service)] == [["master"]])


def test_a_token_in_the_environment_reaches_no_plugin(lab, single):
    fake = proxy.Proxy(lab.net.address(), 8500, single.address)
    try:
        a = lab.agent(single, sections={"consul": {"address": fake.url}},
                      env={"CONSUL_HTTP_TOKEN": "secret-of-mine"})
        a.start().wait_role("master")
        assert {t for _, _, t in fake.seen} == {"secret-of-mine"}
        children = process.descendants(a.pid)
        assert children
        for pid, line in children:
            assert "secret-of-mine" not in line
            if "consul-failover-guard" in line:
                continue        # our own: it may have to give the lock back
            assert b"secret-of-mine" not in b"\0".join(process.environment(pid))
        assert "secret-of-mine" not in a.text()
        a.stop()
    finally:
        fake.end()


def test_children_inherit_no_socket_of_the_agent(lab, single):
    a = lab.agent(single).start().wait_role("master")
    for name, pid in a.handlers().items():
        for fd, target in process.descriptors(pid).items():
            if target.startswith("socket:"):
                inode = target[len("socket:["):-1]
                for table in ("tcp", "tcp6", "udp"):
                    rows = open(f"/proc/net/{table}").read()
                    assert inode not in rows.split(), (name, fd, table)


def test_no_other_user_can_lock_what_an_agent_locks(lab, single):
    """Who may read a file may lock it; then no agent starts, and no guard."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder)
        run.chmod(0o755)
        a = lab.agent(single, sections={"agent": {"run_dir": run}})
        name = a.sections["service"].get("id", lab.service)
        (run / f"{name}.run").touch(0o644)      # an older version left it
        a.start().wait_role("master")
        files = list(run.iterdir())
        assert {f.suffix for f in files} >= {".run", ".guard"}
        for file in files:
            assert file.stat().st_mode & 0o777 == 0o600, file
            r = subprocess.run(["flock", "-s", "-n", file, "true"], text=True,
                               stderr=subprocess.PIPE,
                               **process.identity("nobody"))
            assert r.returncode and "Permission denied" in r.stderr
        a.stop()
        for suffix, said in ("guard", "another user, who could lock it"), \
                ("run", "another user could lock it"):
            file = run / f"{name}.{suffix}"
            file.unlink(missing_ok=True)
            file.touch()
            shutil.chown(file, "nobody")
            a.start()
            a.wait_log(said)
            a.end()
            file.unlink()


@pytest.mark.sanitized
def test_a_wrong_token_is_said_and_waited_for(lab, acl):
    c = acl.clients[0]
    file = lab.folder / "token"
    file.write_text("00000000-1111-2222-3333-444444444444\n")
    file.chmod(0o600)
    a = lab.agent(c, sections={"consul": {"token_file": file}}).start()
    net.wait_for("/health answers", lambda: a.ask("/health").status == 200)
    a.wait_log("403", 20)
    assert a.running and a.role != "master"
    assert "00000000-1111" not in a.text()
    file.write_text(token(c, lab.service) + "\n")
    a.hup()
    a.wait_role("master", seconds=60)


@pytest.mark.sanitized
def test_a_secret_that_any_user_can_read_is_warned_about(single):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        token, password, my_cnf = (folder / n for n in (
            "token", "password", "my.cnf"))
        for file in token, password:
            file.write_text("secret\n")
        my_cnf.write_text("[client]\nsocket = /s\npassword = secret\n")
        config = folder / "agent.ini"

        def warned(text, name="mysql"):
            config.write_text("[service]\nname = db\nport = 1\n"
                              "[plugin]\n"
                              f"path = {plugin(name)}\n" + text)
            r = subprocess.run([PROGRAM, "check", "-c", config], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert r.returncode == 0, r.stdout
            found = [l for l in r.stdout.splitlines() if "Any user of this" in l]
            return {pathlib.Path(l.split()[-1]).name for l in found}
        options = f"[options]\nreplication_user = r\nuser = u\n" \
            f"password_file = {password}\ndefaults_file = {my_cnf}\n" \
            f"[consul]\ntoken_file = {token}\n"
        own = "[options]\nreplication_user = r\n[consul]\ntoken = mine\n"
        for mode, name in (0o700, set()), (0o755, {"token", "password", "my.cnf"}):
            folder.chmod(mode)
            assert warned(options) == name
        assert warned(own) == {"agent.ini"}
        # A resource agent's parameters.
        for word, name in (("replication_passwd=x", {"agent.ini"}),
                           ("a=b test_passwd=x", {"agent.ini"}),
                           ("passwd_file=/x rep_password=y", {"agent.ini"}),
                           ("passwd_file=/x binary=/bin/passwd", set())):
            assert warned("[options]\nagent = /bin/true\n"
                          f"parameters = {word}\n", "ocf") == name, word
        # What the client's library reads, too: also out of a file that is closed.
        more, other = folder / "more.d", folder / "other.cnf"
        more.mkdir(mode=0o755)
        (more / "one.cnf").write_text("[client]\n  password=x\n")
        (more / "not.read").write_text("[client]\npassword=x\n")
        other.write_text(f"[client]\nsocket = /s\n!include {my_cnf}\n")
        my_cnf.write_text(f"[client]\n!includedir {more}/  \n")
        my_cnf.chmod(0o600)
        own_file = f"[options]\nreplication_user = r\nuser = u\n" \
            f"defaults_file = {other}\n"
        assert warned(own_file) == {"one.cnf"}
        (more / "one.cnf").chmod(0o640)
        assert warned(own_file) == set()
        my_cnf.write_text("[client]\nsocket = /s\n")
        for file in token, password, config:
            file.chmod(0o640)
        assert warned(options) == warned(own) == set()


@pytest.mark.sanitized
def token_without(c, service, block):
    """One that has all rules of acl-policy.hcl but this one."""
    begin = block.format(node=c.name, service=service) + " {"
    rules = policy(service, c.name)
    assert begin in rules
    before, after = rules.split(begin, 1)
    c.put("/v1/acl/policy", {"Name": "less", "Rules":
                             before + after.split("}", 1)[1]})
    return c.put("/v1/acl/token", {"Policies": [{"Name": "less"}]})["SecretID"]


def agent_without(lab, c, block):
    file = lab.folder / "token"
    file.touch(0o600)
    file.write_text(token_without(c, lab.service, block))
    return lab.agent(c, sections={"consul": {"token_file": file}}).start()


@pytest.mark.parametrize("block, rule", [
    ("session \"{node}\"", "session \"<node>\""),
    ("key \"lock/{service}/leader\"", "key \"lock/<service>/leader\"")])
def test_a_right_that_lacks_is_named_as_acl_policy_hcl_has_it(lab, acl, block, rule):
    a = agent_without(lab, acl.clients[0], block)
    a.wait_log(f"give the token the rule {rule} of acl-policy.hcl")
    assert a.role != "master"


def consul_failures(a):
    return int(re.search(r"consul_failures_total\S* (\d+)",
                         a.ask("/metrics").text)[1])


def test_a_token_without_the_right_to_the_history_costs_only_that(lab, acl):
    a = agent_without(lab, acl.clients[0], 'key "lock/{service}/history"')
    a.wait_role("master")
    a.wait_log('give the token the rule key "lock/<service>/history" of acl-policy.hcl')
    failed = consul_failures(a)
    net.wait_for("it has tried again", lambda: consul_failures(a) > failed)
    assert len(a.lines("history of masters")) == 1 and a.role == "master"
    r = subprocess.run([PROGRAM, "history", "-c", a.file], text=True,
                       capture_output=True)
    assert r.returncode == 1 and "lock/<service>/history" in r.stderr
    assert "promoting -> master" in r.stdout    # its own states


@pytest.mark.sanitized
def test_check_finds_what_the_token_may_not_read(lab, acl):
    c = acl.clients[0]
    file = lab.folder / "token"
    file.touch(0o600)
    a = lab.agent(c, sections={"consul": {"token_file": file}})

    def found(secret):
        file.write_text(secret)
        r = check(a.file, "--live", "--quiet")
        assert r.returncode == (1 if r.stdout else 0), r.stdout
        assert check(a.file).returncode == r.returncode
        return r.stdout
    assert found(token(c, lab.service)) == ""
    less = token_without(c, lab.service, 'key "lock/{service}/leader"')
    assert "lock/<service>/leader" in found(less)
    assert "answered 403" in found(less[::-1])


@pytest.mark.sanitized
def test_the_shipped_policy_for_status_is_enough_and_only_reads(lab, acl):
    c = acl.clients[0]
    file = lab.folder / "token"
    file.write_text(token(c, lab.service))
    file.chmod(0o600)
    lab.agent(c, sections={"consul": {"token_file": file}}).start().wait_role("master")
    rules = (ROOT / "conf" / "acl-status.hcl").read_text()
    assert set(re.findall(r'policy = "(\w+)"', rules)) == {"read"}

    numbers = itertools.count()

    def status(rules, *words):
        name = f"status-{next(numbers)}"
        c.put("/v1/acl/policy", {"Name": name, "Rules": rules})
        secret = c.put("/v1/acl/token", {"Policies": [{"Name": name}]})["SecretID"]
        return subprocess.run(
            [PROGRAM, "status", "--http-addr", c.url, *words], text=True,
            capture_output=True, env={**os.environ, "CONSUL_HTTP_TOKEN": secret})
    net.wait_for("status is 0", lambda: status(rules, lab.service).returncode == 0)
    row = next(l for l in status(rules).stdout.splitlines() if lab.service in l)
    assert row.split()[1] == c.name and "one healthy master" in row
    before, after = rules.split('key_prefix "lock/" {', 1)
    r = status(before + after.split("}", 1)[1], lab.service)
    assert r.returncode == 2 and "403" in r.stderr


def test_https_to_a_consul_of_http_is_named(lab, single):
    a = lab.agent(single, sections={"consul": {
        "address": single.url.replace("http:", "https:")}}).start()
    a.wait_log("it does not speak https there: write http:// into [consul] address")


def test_a_node_without_serf_health_is_named(lab):
    c = consul.Consul(lab.folder, "no-serf", lab.net.address(), 1)
    try:
        c.start().wait_ready()
        c.put("/v1/catalog/deregister", {"Node": c.name, "CheckID": "serfHealth"})
        a = lab.agent(c).start()
        a.wait_log("waiting until Consul's check serfHealth of this node passes")
    finally:
        lab.end_agents()
        c.kill()


# One that is made at once.
KEY = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@pytest.fixture
def tls(lab):
    """A Consul that speaks only https, and wants a client certificate."""
    folder = lab.folder / "tls"
    folder.mkdir()
    address = lab.net.address()

    def certificate(name, san):
        openssl("req", *KEY, "-nodes", "-subj", f"/CN={name}",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
        (folder / "ext").write_text(f"subjectAltName={san}\n")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem",
                "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", folder / "ext", "-out", folder / f"{name}.pem")
    openssl("req", "-x509", *KEY, "-nodes", "-subj", "/CN=lab CA",
            "-days", "2", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    certificate("server", f"DNS:server.lab.consul,IP:{address}")
    certificate("client", "DNS:client")
    c = consul.Consul(
        lab.folder, "tls-server", address, 1,
        ports={"serf_wan": -1, "grpc": -1, "http": -1, "https": 8501},
        ca_file=str(folder / "ca.pem"), cert_file=str(folder / "server.pem"),
        key_file=str(folder / "server.key"), verify_incoming_https=True)
    c.url = f"https://{address}:8501"
    c.tls = ssl.create_default_context(cafile=folder / "ca.pem")
    c.tls.load_cert_chain(folder / "client.pem", folder / "client.key")
    c.certificates = folder
    try:
        yield c.start().wait_ready()
    finally:
        lab.end_agents()
        c.kill()


def with_client(c, **more):
    f = c.certificates
    return {"consul": {"address": c.url, "ca_file": f / "ca.pem",
                       "client_cert": f / "client.pem", "client_key": f / "client.key",
                       **more}}


@pytest.mark.sanitized
def test_https_with_a_client_certificate(lab, tls):
    a = lab.agent(tls, sections=with_client(tls)).start().wait_role("master")
    net.wait_for("the tag is there", lambda: tls.tags(lab.service) ==
                 {lab.service: ["master"]})
    assert a.stop() == 0


def test_https_by_consul_environment_and_with_a_server_name(lab, tls):
    f = tls.certificates
    a = lab.agent(tls, sections={"consul": {"address": None}}, env={
        "CONSUL_HTTP_ADDR": tls.url, "CONSUL_CACERT": str(f / "ca.pem"),
        "CONSUL_CLIENT_CERT": str(f / "client.pem"),
        "CONSUL_CLIENT_KEY": str(f / "client.key"),
        "CONSUL_TLS_SERVER_NAME": "server.lab.consul"})
    a.start().wait_role("master")


@pytest.mark.parametrize("what, change, env, works", [
    ("no certificate of ours", {"client_cert": None, "client_key": None}, {}, False),
    ("a CA that we do not know", {"ca_file": None}, {}, False),
    ("another name", {"tls_server_name": "other.lab.consul"}, {}, False),
    ("not verified", {"ca_file": None, "verify": "no"}, {}, True),
    ("not verified by environment", {"ca_file": None},
     {"CONSUL_HTTP_SSL_VERIFY": "false"}, True),
])
def test_https_that_is_wrong_is_said_and_never_makes_a_master(
        lab, tls, what, change, env, works):
    a = lab.agent(tls, sections=with_client(tls, **change), env=env).start()
    if works:
        a.wait_role("master")
        return
    net.wait_for("/health answers", lambda: a.ask("/health").status == 200)
    a.wait_log(tls.address, 15)
    assert a.running and a.role not in ("master", "promoting")


@pytest.mark.sanitized
def test_consul_on_a_unix_socket(lab):
    socket = lab.folder / "consul.sock"
    c = consul.Consul(lab.folder, "unix-server", lab.net.address(), 1,
                      addresses={"http": f"unix://{socket}"})
    c.url = f"unix://{socket}:"
    try:
        c.start().wait_ready()
        a = lab.agent(c, sections={"consul": {"address": f"unix://{socket}"}})
        a.start().wait_role("master")
        net.wait_for("the tag is there", lambda: c.tags(lab.service) ==
                     {lab.service: ["master"]})
        assert a.stop() == 0
        b = lab.agent(c, name="by-environment", sections={"consul": {"address": None}},
                      env={"CONSUL_HTTP_ADDR": f"unix://{socket}"})
        b.start().wait_role("master")
        assert b.stop() == 0
    finally:
        lab.end_agents()
        c.kill()


def dumped(status):
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


def may_dump(pid):
    hard = resource.prlimit(pid, resource.RLIMIT_CORE)[1]
    resource.prlimit(pid, resource.RLIMIT_CORE, (hard, hard))


@pytest.mark.sanitized
def test_no_core_is_made_of_who_knows_the_token_or_a_password(lab, single):
    a = lab.agent(single, env={"CONSUL_HTTP_TOKEN": "secret-of-mine"})
    a.start().wait_role("master")
    pids = [a.pid] + [pid for pid, _ in process.descendants(a.pid)]
    assert len(pids) == 4
    if os.getuid() != 0:
        for pid in pids:        # what is not dumpable is root's
            assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    # What is not hardened leaves one here, so that its absence says something.
    other = subprocess.Popen(["sleep", "60"], cwd=lab.folder, start_new_session=True)
    pids.append(other.pid)
    a.freeze()                  # it must not bury its children before us
    net.wait_for("it stands still", lambda: process.stat(a.pid) == "T")
    for pid in pids:
        may_dump(pid)
        os.kill(pid, signal.SIGABRT)
    for pid in pids[1:]:
        net.wait_for("it has died", lambda: process.stat(pid) in (None, "Z"))
    a.thaw()
    ends = {pid: dumped(os.waitpid(pid, 0)[1]) for pid in pids}
    a.popen.returncode = -signal.SIGKILL        # it was us
    other.returncode = 0
    lab.died(a)
    assert ends.pop(other.pid), "no core can be made here: see ulimit -c"
    assert not any(ends.values()), ends
    assert not list(a.folder.glob("core*"))


@pytest.fixture
def trusted():
    """A config and a plugin in folders of root's that others can enter."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        own = folder / "own"
        own.mkdir(mode=0o755)
        folder.chmod(0o755)
        shutil.copy(plugin("example"), own)
        (own / "agent.ini").write_text(ini({
            "service": {"name": "example", "port": 1},
            "plugin": {"path": own / "example.so"},
            "agent": {"state_dir": folder / "state", "run_dir": folder / "run"}}))
        yield own


def check(file, *words, **more):
    return subprocess.run([PROGRAM, "check", "-c", file, *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
@pytest.mark.parametrize("mode", [0o020, 0o002])
@pytest.mark.parametrize("what", ["agent.ini", "example.so", "."])
def test_root_runs_nothing_that_others_may_write_to(trusted, what, mode):
    assert check(trusted / "agent.ini").returncode == 0
    file = trusted / what
    file.chmod(file.stat().st_mode | mode)
    r = check(trusted / "agent.ini")
    who = "every user" if mode == 0o002 else "its group"
    assert r.returncode == 78 and f"{who} may write to {file.resolve()}" in r.stdout, r
    # The command that it tells is all that is needed.
    subprocess.run(r.stdout.strip().rpartition(": ")[2], shell=True, check=True)
    assert check(trusted / "agent.ini").returncode == 0
    # And for another user it is none of root's business.
    file.chmod(file.stat().st_mode | mode)
    r = check(trusted / "agent.ini", **process.identity("nobody"))
    assert "may write to" not in r.stdout, r


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_folders_above_are_looked_at_sticky_or_not(trusted):
    above, file = trusted.parent, trusted / "agent.ini"
    for mode, owner, good in (
            (0o777, 0, False), (0o1777, 0, True), (0o1777, 65534, False),
            (0o775, 0, True), (0o755, 0, True)):
        above.chmod(mode)
        os.chown(trusted, owner, 0)
        r = check(file)
        assert (r.returncode == 0) == good, (oct(mode), owner, r)
        assert good or f"every user may write to {above}" in r.stdout, r
    # A link to it from where others may put another one.
    os.chown(trusted, 0, 0)
    other = above / "other"
    other.mkdir()
    (other / "agent.ini").symlink_to(file)
    assert check(other / "agent.ini").returncode == 0
    other.chmod(0o777)
    assert f"every user may write to {other}" in check(other / "agent.ini").stdout
