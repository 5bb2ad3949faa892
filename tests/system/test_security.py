"""ACLs, TLS, unix sockets, and where a token must never be."""

import os
import ssl
import subprocess

import pytest

from lab import ROOT, consul, net, process, proxy

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
        for fd in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            if target.startswith("socket:"):
                inode = target[len("socket:["):-1]
                for table in ("tcp", "tcp6", "udp"):
                    rows = open(f"/proc/net/{table}").read()
                    assert inode not in rows.split(), (name, fd, table)


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
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
        (folder / "ext").write_text(f"subjectAltName={san}\n")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem",
                "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", folder / "ext", "-out", folder / f"{name}.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab CA",
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
