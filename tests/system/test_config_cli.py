"""The command line, the config, and bad input that must get a clear error."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

from lab import PROGRAM, ROOT, net, plugin
from test_documents import check_worked

pytestmark = pytest.mark.fast

BAD_PLUGIN = """
#include <consul-failover/plugin.h>
%s
const struct failover_plugin_info plugin_info = {
	FAILOVER_PLUGIN_MAGIC, %s, sizeof(struct failover_plugin_info), 0,
	"bad", "1", "a plugin that is refused", 0 };
enum failover_result health(struct failover *f) { (void)f; return 0; }
enum failover_result ensure_master(struct failover *f) { (void)f; return 0; }
%s
"""
NO_LEADER = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500)
        self.end_headers()
        self.wfile.write(b"No cluster leader")

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
SLAVE = "enum failover_result ensure_slave(struct failover *f, const char *h)" \
    " { (void)f; (void)h; return 0; }"


def program(*words, env=None, **more):
    e = {k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")}
    return subprocess.run(
        [str(PROGRAM), *map(str, words)], text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
        env={**e, **(env or {})}, **more)


def refused(result, *words):
    assert result.returncode not in (0, None) and result.returncode > 0, result
    for word in words:
        assert str(word) in result.stderr, result.stderr
    return result


@contextlib.contextmanager
def listener(agent):
    """Something answers at the port of the service."""
    with socket.create_server((agent.consul.address, 0)) as s:
        agent.write(service={"address": agent.consul.address,
                             "port": s.getsockname()[1]})
        yield


@pytest.fixture
def agent(lab, single):
    return lab.agent(single)


def test_version_names_the_program_and_the_abi(lab):
    r = program("version")
    assert r.returncode == 0 and "consul-failover" in r.stdout


def test_wrong_words_get_the_usage(lab):
    for words in ([], ["nonsense"], ["agent"], ["agent", "-x"], ["check"],
                  ["plugin"], ["plugin", "info"], ["status", "--nonsense"],
                  ["history"], ["history", "-c", "x", "y"]):
        r = program(*words)
        assert r.returncode not in (0, -6, -11), words
        assert r.stderr, words


def test_a_wrong_number_is_named(lab):
    for words in (["--epoch", "abc"], ["--epoch", "-1"], ["--master-port", "0"],
                  ["--master-port", "65536"], ["--master-port", "80x"],
                  ["--master", "nowhere:x"], ["--since", "yesterday"],
                  ["--since", "0s"]):
        r = program("plugin", "call", "health", *words)
        assert r.returncode == 64
        assert f"{words[0]} needs " in r.stderr and words[1] in r.stderr, r.stderr


def test_help_is_no_error(lab):
    r = program("--help")
    assert r.returncode == 0
    for word in ("agent", "check", "status", "plugin", "config"):
        assert word in r.stdout


@pytest.mark.sanitized
def test_the_example_is_the_file_in_conf_and_is_accepted(lab):
    r = program("config", "--example")
    assert r.returncode == 0
    assert r.stdout == (ROOT / "conf" / "example.ini").read_text()
    for file in sorted((ROOT / "conf").glob("*.ini")):
        r = check_worked(file, lab.folder, "-o", f"agent.run_dir={lab.folder}",
                         "--quiet")
        assert r.returncode == 0, (file, r.stdout)


@pytest.mark.sanitized
def test_check_prints_the_safety_time_line(agent):
    r = program("check", "-c", agent.file)
    assert r.returncode == 0, r.stderr
    for word in ("fuse 3 s", "demote_deadline 1 s", "lock_delay 5 s", "SIGTERM",
                 "started again within 1.5 s\n       0.0  it continues",
                 "not started again\n       1.5  its guard demotes the copy\n       2.5  ",
                 "hangs\n       3.2  its guard demotes the copy\n       4.2  ",
                 "there is none\n       4.2  the copy may still be a master",
                 "guard is killed", "this host dies"):
        assert word in r.stdout, r.stdout
    r = program("check", "--quiet", "-c", agent.file)
    assert r.returncode == 0 and r.stdout == r.stderr == ""
    agent.write(election={"never_master": "yes"})
    r = program("check", "-c", agent.file)
    assert "This copy never takes the lock" in r.stdout


@pytest.mark.sanitized
def test_check_says_how_long_an_election_can_take(lab):
    r = check_worked(ROOT / "conf" / "redis.ini", lab.folder, "-o",
                     f"agent.run_dir={lab.folder}", "-o",
                     "election.wait=1700ms", "-o", "plugin.promote_limit=10s")
    # Half of it for a silent one, and all of it from when that one has spoken.
    assert "can take 2.55 s more (1.5 x [election] wait), and 1.7 s for" in r.stdout
    assert "waits up to 5 s for it" in r.stdout     # half of promote_limit


@pytest.mark.sanitized
def test_check_refuses_times_that_allow_two_masters(agent):
    agent.write(lock={"fuse": "4s"})
    refused(program("check", "-c", agent.file), "fuse", "lock_delay", "demote_deadline")
    r = refused(program("agent", "-c", agent.file), "fuse", "lock_delay")
    assert agent.consul.catalog(agent.service) == []


@pytest.mark.sanitized
def test_all_mistakes_of_a_config_are_named_with_their_lines(lab):
    file = lab.folder / "bad.ini"
    file.write_text("""[service]
name = not_a.label
port = 99999
colour = blue
[nonsense]
key = value
[plugin]
path = example
health_interval = 2
health_interval = 3s
[log]
format = xml
""")
    for command in ("check", "agent"):
        r = refused(program(command, "-c", file))
        for line in (2, 3, 4, 5, 9, 10, 12):
            assert f"{file}:{line}: " in r.stderr, (line, r.stderr)


def test_a_service_name_that_is_no_dns_label_is_refused(agent):
    for name in ("a b", "a_b", "-a", "a-", "a.b", "x" * 64, "ä"):
        agent.write(service={"name": name})
        refused(program("check", "-c", agent.file), agent.file, "DNS label")


def test_a_config_that_is_not_there_or_no_text_is_refused(lab):
    refused(program("agent", "-c", lab.folder / "none.ini"), "none.ini")
    refused(program("agent", "-c", lab.folder), str(lab.folder))
    (lab.folder / "binary").write_bytes(bytes(range(256)) * 50)
    refused(program("agent", "-c", lab.folder / "binary"), "binary:1")
    (lab.folder / "empty").touch()
    refused(program("agent", "-c", lab.folder / "empty"), "name")


@pytest.mark.sanitized
def test_the_order_is_flag_environment_file_default(lab, agent):
    # Nothing listens there, so it says where it has asked.
    agent.write(consul={"address": "127.0.0.1:1001"})

    def asked(*flags, env=None):
        r = program("status", "-c", agent.file, *flags, env=env)
        assert r.returncode == 2
        return re.search(r"127\.0\.0\.\d:\d+", r.stderr)[0]
    env = {"CONSUL_HTTP_ADDR": "127.0.0.2:1002"}
    assert asked() == "127.0.0.1:1001"
    assert asked(env=env) == "127.0.0.2:1002"
    assert asked("--http-addr", "127.0.0.3:1003", env=env) == "127.0.0.3:1003"
    assert asked("-o", "consul.address=127.0.0.3:1003", env=env) == "127.0.0.3:1003"
    agent.write(consul={"address": None})
    assert asked("-o", "consul.request_timeout=1s",
                 env={"CONSUL_HTTP_ADDR": "127.0.0.2:1002"}) == "127.0.0.2:1002"


def build(lab, name, source, suffix=".so"):
    code = lab.folder / f"{name}.c"
    code.write_text(source)
    out = lab.folder / f"{name}{suffix}"
    subprocess.run(["gcc", "-shared", "-fPIC", f"-I{ROOT}/include", "-o", out, code],
                   check=True)
    return out


@pytest.mark.sanitized
def test_bad_plugins_are_refused_by_name(lab, agent):
    not_shared = lab.folder / "text.so"
    not_shared.write_text("hello")
    cases = {
        lab.folder / "none.so": ["none.so", "No such file"],
        "nosuchplugin": ["nosuchplugin"],
        not_shared: ["text.so", "not a shared object"],
        build(lab, "missing", BAD_PLUGIN % ("", "1", "")): ["missing.so", "ensure_slave"],
        build(lab, "other", BAD_PLUGIN % ("", "77", SLAVE)): ["other.so", "77", "1"],
        build(lab, "unresolved", BAD_PLUGIN % (
            "void nowhere(void);",
            "1", SLAVE + " void plugin_stop(struct failover *f)"
            " { (void)f; nowhere(); }")): ["unresolved.so", "nowhere"],
        build(lab, "stranger", "int x;"): ["stranger.so", "plugin_info"],
        lab.folder: [lab.folder],
    }
    for path, words in cases.items():
        agent.write(plugin={"path": path})
        refused(program("check", "-c", agent.file), *words)
        refused(program("agent", "-c", agent.file), *words)
        if "/" in str(path):
            refused(program("plugin", "info", path), *words)
    assert agent.consul.catalog(agent.service) == []


@pytest.mark.sanitized
def test_options_that_the_plugin_does_not_know_are_refused_with_their_line(agent):
    agent.write(options={"colour": "blue"})
    line = agent.file.read_text().splitlines().index("colour = blue") + 1
    for command in ("check", "agent"):
        refused(program(command, "-c", agent.file), f"{agent.file}:{line}:", "colour")


@pytest.mark.sanitized
def test_check_refuses_what_the_plugin_can_not_start_with(agent):
    agent.write()
    agent.script(plugin_start="bad")
    refused(program("check", "-c", agent.file), agent.file, "plugin_start")
    agent.script()
    r = program("check", "-c", agent.file)
    assert r.returncode == 0, r.stderr


@pytest.mark.sanitized
def test_a_port_that_is_taken_is_named(lab, single, agent):
    host, port = agent.listen.rsplit(":", 1)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, int(port)))
        s.listen()
        refused(program("agent", "-c", agent.file), agent.listen, "another program")
    assert single.catalog(agent.service) == []


@pytest.mark.sanitized
@pytest.mark.parametrize("key", ("run_dir", "state_dir"))
def test_an_unwritable_folder_is_named(lab, agent, key):
    for path in ("/proc/nothing", "/dev/null/x"):
        agent.write(agent={key: path})
        refused(program("agent", "-c", agent.file), path, f"[agent] {key}")
    assert agent.consul.catalog(agent.service) == []


@pytest.mark.sanitized
def test_check_warns_of_a_state_dir_that_would_keep_an_agent_from_starting(agent):
    r = program("check", "-c", agent.file)
    assert r.returncode == 0 and "Warning" not in r.stdout, r.stdout
    agent.write(agent={"state_dir": "/dev/null/x"})
    r = program("check", "-c", agent.file)
    assert r.returncode == 0 and "Warning: can't write into /dev/null/x" in r.stdout, r.stdout
    assert "set [agent] state_dir" in r.stdout


@pytest.mark.sanitized
def test_check_asks_consul_and_the_application(lab, single):
    lab.env["ASAN_OPTIONS"] += ":handle_segv=0"     # a crash is meant, below
    agent = lab.agent(single)

    def check(*words):
        return program("check", "-c", agent.file, *words)
    r = check("--live")
    assert r.returncode == 0 and r.stderr == "", r
    assert f"Consul at {agent.consul.url} answers what the agent asks" in r.stdout
    assert f"The application is healthy: {agent.flag} exists" in r.stdout
    assert check("--live", "--quiet").stdout == ""
    agent.start().wait_role("master")
    assert check("--live").returncode == 0      # it is no stranger to itself
    agent.sicken()
    r = check()
    assert r.returncode == 0 and "Warning: health: " in r.stdout, r
    r = check("--live")
    assert r.returncode == 1 and f"{agent.file}: health: " in r.stderr, r
    with listener(agent):       # so it is there, and not well
        r = check()
        assert r.returncode == 1 and f"{agent.file}: health: " in r.stderr, r
        assert "this host dies" in r.stdout
        # What a reload asks for.
        r = check("--quiet")
        assert r.returncode == 0 and r.stdout == r.stderr == "", r
        agent.cure()
        assert check().returncode == 0
        agent.script(health="hang")     # as one does whose server hangs
        r = check()
        assert r.returncode == 0 and "Warning: health: " in r.stdout, r
    agent.script(health="crash")        # nobody's answer, and never good
    r = check()
    assert r.returncode == 1 and f"{agent.file}: health: " in r.stderr, r


@pytest.mark.sanitized
def test_check_says_where_consul_can_not_be_asked(lab, agent):
    agent.write(consul={"address": f"http://{agent.consul.address}:1"})
    asked = "Consul could not be asked: GET "
    r = program("check", "-c", agent.file)
    assert r.returncode == 0 and f"\nWarning: {asked}" in r.stdout, r
    r = program("check", "--live", "-c", agent.file)
    assert r.returncode == 1 and f"{agent.file}: {asked}" in r.stderr, r


def test_check_fails_where_what_answers_is_no_consul(lab, agent):
    """By its certificate, by plain text where https is asked, or by its words."""
    agent.write(consul={"address": agent.consul.url.replace("http:", "https:")})
    refused(program("check", "-c", agent.file), "it does not speak https there")
    agent.start().wait_log("it does not speak https there")
    agent.end()
    other = lab.agent(agent.consul, name="other").start()
    other.wait_role("master")
    agent.write(consul={"address": f"http://{other.listen}"})
    refused(program("check", "-c", agent.file), f"{agent.file}: GET /v1/",
            "answered 404")
    with subprocess.Popen([sys.executable, "-c", NO_LEADER], text=True,
                          stdout=subprocess.PIPE) as server:
        agent.write(consul={"address": f"http://127.0.0.1:{server.stdout.readline()}"})
        r = program("check", "-c", agent.file)
        server.kill()
    assert r.returncode == 0 and "answered 500: No cluster leader" in r.stdout, r


def test_check_finds_another_agent_that_has_our_id(lab, cluster):
    first = lab.agent(cluster.clients[0], name="first").start().wait_role("master")
    other = lab.agent(cluster.clients[0], name="second")
    for words in ([], ["--live"]):
        r = refused(program("check", *words, "-c", other.file),
                    f"{other.file}: another agent (", f"config {first.file}",
                    "give this one another [service] id")
        assert r.returncode == 1
    # So a reload is not kept from being tried: the agent that runs may.
    assert program("check", "--quiet", "-c", other.file).returncode == 0


def test_a_second_agent_with_one_run_folder_and_service_id_is_refused(lab, agent):
    agent.start().wait_role("master")
    r = refused(program("agent", "-c", agent.file, "-o",
                        f"api.listen={lab.listen(agent.consul)}"), agent.service)
    assert agent.role == "master"


def test_two_agents_with_one_service_id_on_a_node_do_no_harm(lab, cluster):
    """With run folders of their own they cannot see each other, only Consul: they
    take the lock from each other, but are never both the master."""
    first = lab.agent(cluster.clients[0], name="first").start().wait_role("master")
    second = lab.agent(cluster.clients[0], name="second").start()
    for _ in range(60):
        assert [a.role for a in (first, second)].count("master") < 2
        time.sleep(0.1)
    second.end()
    first.wait_role("master")


@pytest.mark.sanitized
def test_plugin_info_describes_a_plugin(lab):
    for name in ("example", "exec", "recorder"):
        r = program("plugin", "info", plugin(name))
        assert r.returncode == 0, r.stderr
        assert name in r.stdout and "health" in r.stdout
    assert "flag" in program("plugin", "info", plugin("example")).stdout


@pytest.mark.sanitized
def test_plugin_call_runs_one_call_by_hand(lab, single):
    a = lab.agent(single, plugin_name="example")
    r = program("plugin", "call", "-c", a.file, "health")
    assert r.returncode == 0 and f"Service flag {a.flag} exists" in r.stdout, r
    a.sicken()
    r = program("plugin", "call", "-c", a.file, "health")
    assert r.returncode == 1 and "does not exist" in r.stdout + r.stderr, r
    r = program("plugin", "call", "-c", a.file, "ensure_master", "--epoch", "7")
    assert r.returncode == 0, r
    r = program("plugin", "call", "-c", a.file, "ensure_slave",
                "--master-host", "127.0.0.1", "--master-port", "3306")
    assert r.returncode == 0, r
    r = program("plugin", "call", "-c", a.file, "nonsense")
    assert r.returncode not in (0, 75) and "ensure_master" in r.stderr


@pytest.mark.sanitized
def test_as_many_flags_as_are_taken_reach_the_guard_and_one_more_is_refused(lab, agent):
    """Its own flags go to the guard, for "leave", which adds three."""
    flags = [w for n in range(64) for w in ("-o", f"service.tags=t{n}")]
    for more in 1, 2, 3, 4:
        for command in "agent", "check":
            r = program(command, "-c", agent.file, *flags,
                        *more * ("-o", "log.debug=no"))
            assert r.returncode == 64, r
            assert "at most 64 options like -o" in r.stderr
    agent.argv += flags
    agent.start().wait_role("master")
    agent.kill()
    net.wait_for("the guard has taken the copy out", lambda:
                 agent.consul.catalog(agent.service) == [], 15)


def test_states_are_printed_as_a_graph(lab):
    r = program("states", "--dot")
    assert r.returncode == 0 and r.stdout.startswith("digraph")
    for state in ("starting", "unhealthy", "disabled", "candidate", "promoting",
                  "master", "demoting", "slave", "fenced", "stopping"):
        assert state in r.stdout
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=r.stdout, text=True, check=True,
                       stdout=subprocess.DEVNULL)


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a folder below /run")
def test_the_folder_that_the_unit_gives_an_agent_is_found_without_it(tmp_path):
    name = f"lab-{os.getpid()}"
    folder = pathlib.Path("/run/consul-failover") / name
    config = tmp_path / f"{name}.ini"
    config.write_text((ROOT / "conf/minimal.ini").read_text() +
                      "\n[election]\nmax_behind = 3\n")
    new = not folder.parent.exists()
    folder.mkdir(parents=True)
    try:
        done = subprocess.run([PROGRAM, "promote", "-c", config], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert f"with the run_dir {folder};" in done.stdout
    finally:
        folder.rmdir()
        if new:
            folder.parent.rmdir()
