"""`consul-failover plugin test`: each check of it passes, and each can fail."""

import os
import subprocess

import pytest

from lab import PROGRAM, ROOT, plugin
from lab.agent import ini

MASTER = ("--master", "127.0.0.9:3306")


def program(*words):
    env = {k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")}
    return subprocess.run(
        [str(PROGRAM), *map(str, words)], text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, env=env)


def lines(result):
    """{check: (word, sentence)}, of what it has printed."""
    found = {}
    for line in result.stdout.splitlines()[:-1]:
        word, _, rest = line.partition(" ")
        check, _, sentence = rest.strip().partition(": ")
        found[check] = word, sentence
    return found


class Copy:
    """A config of the plugin faulty, with everything in a folder."""

    def __init__(self, folder, **options):
        self.folder, self.file = folder, folder / "agent.ini"
        self.sections = {
            "service": {"name": "faulty", "port": 3306},
            "plugin": {"path": plugin("faulty"), "health_deadline": "1s",
                       "demote_deadline": "2s", "promote_limit": "2s"},
            "options": {"folder": folder, **options},
            "agent": {"run_dir": folder / "run",
                      "state_dir": folder / "state"},
        }
        self.file.write_text(ini(self.sections))

    def test(self, *words):
        return program("plugin", "test", "-c", self.file, *words)

    @property
    def probe(self):
        """Does it take writes?"""
        return "--probe", f"grep -q master {self.folder}/role"

    @property
    def role(self):
        file = self.folder / "role"
        return file.read_text() if file.exists() else None


@pytest.fixture(autouse=True)
def crashes_are_meant(monkeypatch):
    monkeypatch.setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0:detect_leaks=0")


@pytest.mark.sanitized
def test_a_plugin_that_keeps_its_promises_passes_and_is_left_demoted(tmp_path):
    (tmp_path / "secret").write_text("swordfish\n")
    copy = Copy(tmp_path, password_file=tmp_path / "secret")
    r = copy.test("--yes", "--kill", *MASTER, *copy.probe)
    assert r.returncode == 0 and not r.stderr, r
    checks = lines(r)
    assert len(checks) == 32
    assert {word for word, _ in checks.values()} == {"ok"}, r.stdout
    assert r.stdout.endswith("32 ok, 0 failed\n")
    assert copy.role == "demoted"


@pytest.mark.sanitized
def test_without_yes_nothing_is_changed_and_a_running_agent_does_not_matter(tmp_path):
    copy = Copy(tmp_path)
    r = copy.test(*MASTER)
    assert r.returncode == 0 and copy.role is None, r
    checks = lines(r)
    for check in ("demoted", "slave", "master", "killed"):
        assert checks[check][0] == "skipped" and "--yes" in checks[check][1]
    for check in ("health", "position", "has_position", "no position", "short deadline"):
        assert checks[check][0] == "ok"
    assert not (tmp_path / "run").exists()


def test_without_a_master_ensure_slave_is_not_tested(tmp_path):
    r = Copy(tmp_path).test("--yes")
    assert r.returncode == 0
    assert lines(r)["slave"][0] == "skipped" and "--master" in lines(r)["slave"][1]


@pytest.mark.sanitized
def test_it_refuses_a_copy_that_an_agent_runs_and_keeps_agents_away(lab, single):
    a = lab.agent(single).start().wait_role("master")
    r = program("plugin", "test", "-c", a.file, "--yes")
    assert r.returncode == 1 and f"pid {a.pid}" in r.stderr and not r.stdout, r
    assert program("plugin", "test", "-c", a.file).returncode in (0, 1)
    a.kill()                        # now its guard is at work
    r = program("plugin", "test", "-c", a.file, "--yes")
    assert r.returncode == 1 and "guard" in r.stderr and not r.stdout, r
    lab.died(a)


# What breaks, the check that tells, and a word of what it tells.
FAULTS = [
    ("health hangs", "health", "time-out"),
    ("health crashes", "health", "signal 11"),
    ("health fails", "health", "not fit to serve"),
    ("health flips", "health", "asked twice"),
    ("health says nothing", "sentences", "f->say"),
    ("health tells", "secrets", "password"),
    ("health writes", "position", "around a call of health"),
    ("watch_fd din", "watch_fd", "must read what made it"),
    ("position fails", "position", "it is dark"),
    ("position empty", "position", "empty"),
    ("position long", "position", "cut"),
    ("position moves", "position", "stop what writes"),
    ("has nothing", "has_position", "its own position"),
    ("behind itself", "has_position", "reports 3, not 0"),
    ("has garbage", "no position", "FAILOVER_AGAIN"),
    ("behind garbage", "no position", "report -1"),
    ("garbage crashes", "no position", "signal 6"),
    ("demoted first", "demoted", "disk is full"),
    ("demoted again", "demoted", "called again"),
    pytest.param("demoted hangs", "demoted", "time-out",
                 marks=pytest.mark.slow(70)),
    pytest.param("demoted for ever", "demoted", "forever",
                 marks=pytest.mark.slow(65)),
    ("demoted unhealthy", "demoted's health", "no copy could take over"),
    ("slave first", "slave", "disk is full"),
    ("slave again", "slave", "called again"),
    ("slave slow", "slave", "quick"),
    ("slave for ever", "slave", "forever"),
    ("slave unhealthy", "slave's health", "of a slave"),
    ("master first", "master", "disk is full"),
    ("master again", "master", "called again"),
    ("master slow", "master", "quick"),
    ("master for ever", "master", "forever"),
    ("master unhealthy", "master's health", "of a master"),
    ("master logs", "secrets", "password_file"),
    ("forgets", "kept position", "before it was made master"),
    ("undemotable", "master demoted", "does not obey"),
    ("no final position", "final position", "it is stopped"),
    ("short crashes", "short deadline", "signal 6"),
    ("short wedges", "short deadline", "after calls with short deadlines"),
    ("half undemotable", "killed", "half-way"),
    ("half unpromotable", "killed", "half-way"),
    ("health writes elsewhere", "traces", "writes to a file"),
    ("health leaks descriptors", "traces", "descriptors"),
    ("health leaks children", "traces", "processes"),
    ("health blocks signals", "traces", "signals"),
    ("health changes umask", "traces", "umask"),
    ("health changes folder", "traces", "folder"),
    ("watch_fd closed", "watch_fd", "closed"),
    ("demoted slow", "demoted", "quick"),
    ("slave leaks children", "slave's traces", "ensure_slave"),
    ("master leaks descriptors", "master's traces", "ensure_master"),
    ("master lies", "master's writes", "takes no writes"),
    ("slave lies", "slave's writes", "still takes writes"),
    ("demoted crashes", "short demotion", "signal 6"),
    ("demoted lies", "demoted's writes", "still takes writes"),
]


@pytest.mark.sanitized
@pytest.mark.parametrize("fault, check, word", FAULTS)
def test_a_broken_promise_is_found_and_named(tmp_path, fault, check, word):
    (tmp_path / "secret").write_text("swordfish\n")
    copy = Copy(tmp_path, fault=fault, password="Sesame!",
                password_file=tmp_path / "secret")
    r = copy.test("--yes", "--kill", *MASTER, *copy.probe)
    assert r.returncode == 1, r.stdout
    assert lines(r)[check][0] == "FAILED", r.stdout
    assert word in lines(r)[check][1], r.stdout
    # Those before it have passed: it is this one that tells.
    for other, (said, _) in lines(r).items():
        if other == check:
            break
        assert said == "ok", r.stdout


@pytest.mark.parametrize("op, check", [("health", "traces"), ("demoted", "demoted's traces")])
def test_a_leak_of_64_bytes_a_call_is_found(tmp_path, op, check):
    """Not by a handler with AddressSanitizer, which finds it by itself."""
    said = lines(Copy(tmp_path, fault=f"{op} leaks memory").test("--yes"))
    assert said[check][0] == "FAILED" and "bytes of memory more" in said[check][1]


def test_a_plugin_is_not_made_to_kill_its_application_unannounced(tmp_path):
    """One that has too little time for an end in good order."""
    copy = Copy(tmp_path)
    r = copy.test("--yes", *MASTER, *copy.probe)
    assert r.returncode == 0, r.stdout
    assert not (tmp_path / "killed").exists()
    assert lines(r)["short demotion"][0] == "skipped"
    assert "--kill" in lines(r)["short demotion"][1]
    assert copy.test("--yes", "--kill").returncode == 0
    assert (tmp_path / "killed").exists() and copy.role == "demoted"


@pytest.mark.parametrize("probe, word", [
    pytest.param("sleep 60", "time-out", marks=pytest.mark.slow(30)),
    ("/no/such/command", "127"), ("kill -9 $$", "signal 9")])
def test_a_probe_that_cannot_tell_is_no_answer(tmp_path, monkeypatch, probe, word):
    copy = Copy(tmp_path)
    r = copy.test("--yes", "--probe", probe)
    assert r.returncode == 1, r.stdout
    for check in "demoted's writes", "master's writes":
        assert lines(r)[check][0] == "FAILED" and word in lines(r)[check][1]


TABLES = {
    '{ "limit", FAILOVER_DURATION, "2 hours", "a limit" }': "2 hours",
    '{ "count", FAILOVER_INTEGER, "many", "a number" }': "many",
    '{ "really", FAILOVER_BOOLEAN, "maybe", "a choice" }': "maybe",
    '{ "user", FAILOVER_STRING, "root", "" }': "no meaning",
    '{ "User name", FAILOVER_STRING, "root", "who" }': "a-z",
    '{ "user", FAILOVER_STRING | FAILOVER_REQUIRED, "root", "who" }': "never used",
    '{ "user", FAILOVER_STRING, "a", "who" }, '
    '{ "user", FAILOVER_STRING, "b", "who" }': "twice",
}


def build(folder, table="{ 0 }", more="", summary="a test"):
    source = folder / "own.c"
    source.write_text(f"""#include <consul-failover/plugin.h>
static const struct failover_option options[] = {{ {table}, {{ 0 }} }};
FAILOVER_PLUGIN("own", "1.0", "{summary}", options);
enum failover_result health(struct failover *f) {{ (void)f; return 0; }}
enum failover_result ensure_master(struct failover *f) {{ (void)f; return 0; }}
enum failover_result ensure_slave(struct failover *f, const char *h)
{{ (void)f; (void)h; return 0; }}
{more}
""")
    out = folder / "own.so"
    subprocess.run(["gcc", "-shared", "-fPIC", f"-I{ROOT}/include", "-o", out,
                    source], check=True)
    return out


@pytest.mark.sanitized
@pytest.mark.parametrize("table", TABLES)
def test_a_bad_row_of_the_option_table_is_found_without_a_config(tmp_path, table):
    r = program("plugin", "test", build(tmp_path, table))
    assert r.returncode == 1 and TABLES[table] in lines(r)["options"][1], r
    assert lines(r)["options"][0] == "FAILED"


@pytest.mark.sanitized
def test_what_needs_no_config_is_tested_without_one(tmp_path):
    r = program("plugin", "test", plugin("faulty"))
    assert r.returncode == 0, r
    assert [word for word, _ in lines(r).values()] == ["ok"] * 3 + ["skipped"]
    assert "-c FILE" in r.stdout

    r = program("plugin", "test", build(tmp_path, summary=""))
    assert r.returncode == 1 and "summary" in lines(r)["description"][1], r
    r = program("plugin", "test", build(
        tmp_path, more="enum failover_result position(struct failover *f, char *t, size_t s)"
        "{ (void)f; (void)t; (void)s; return 0; }"))
    assert r.returncode == 1 and "has_position" in lines(r)["functions"][1], r
    r = program("plugin", "test", build(
        tmp_path, more="int64_t behind(struct failover *f, const char *t)"
        "{ (void)f; (void)t; return 0; }"))
    assert r.returncode == 1 and "behind" in lines(r)["functions"][1], r
    r = program("plugin", "test", build(
        tmp_path, more="enum failover_result ensure_demote(struct failover *f)"
        "{ (void)f; return 0; }"))
    assert r.returncode == 1 and "do you mean ensure_demoted?" in lines(r)["functions"][1], r
    for name in ("no_symbol", "other_abi", "no_info"):
        r = program("plugin", "test", plugin(name))
        assert r.returncode == 1 and r.stdout.startswith("FAILED   load: "), r
    r = program("plugin", "test", tmp_path / "nothing.so")
    assert r.returncode == 1 and "nothing.so" in r.stdout


def test_a_slip_in_the_name_of_a_function_is_said_by_check_and_agent(lab, single, tmp_path):
    built = build(tmp_path, '{ "flag", FAILOVER_STRING, NULL, "a file" }',
                  more="enum failover_result ensure_demote(struct failover *f)"
                  "{ (void)f; return 0; }")
    a = lab.agent(single, plugin_name="example", sections={"plugin": {"path": built}})
    said = "exports ensure_demote, which is never called: do you mean " \
        "ensure_demoted?"
    r = program("check", "-c", a.file)
    assert r.returncode == 0 and said in r.stdout, r
    a.start().wait_log(said)


def test_wrong_words_are_refused(tmp_path):
    copy = Copy(tmp_path)
    for words in (["plugin", "test"], ["plugin", "test", "a", "b"],
                  ["plugin", "test", "a", "-c", copy.file],
                  ["plugin", "test", "-c", copy.file, "--master", "nowhere"],
                  ["plugin", "test", "-c", copy.file, "--probe", "true"],
                  ["plugin", "test", "-c", copy.file, "--kill"],
                  ["plugin", "test", "-c", copy.file, "--master", ":99"]):
        r = program(*words)
        assert r.returncode == 64 and r.stderr and not r.stdout, (words, r)
    copy.file.write_text(copy.file.read_text().replace("folder =", "folders ="))
    r = copy.test()
    assert r.returncode == 78 and "folders" in r.stderr, r


def test_the_plugins_of_ours_that_need_no_application_pass(tmp_path):
    (tmp_path / "flag").touch()
    file = tmp_path / "example.ini"
    file.write_text(ini({
        "service": {"name": "example", "port": 80},
        "plugin": {"path": plugin("example")},
        "options": {"flag": tmp_path / "flag"},
        "agent": {"run_dir": tmp_path / "run", "state_dir": tmp_path / "state"}}))
    r = program("plugin", "test", "-c", file, "--yes", *MASTER)
    assert r.returncode == 0, r.stdout
