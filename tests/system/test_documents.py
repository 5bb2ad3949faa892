"""What stands in two places is the same in both."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from lab import BUILD, PROGRAM, ROOT, plugin

pytestmark = pytest.mark.fast


def plugin_of(text):
    """The plugin that begins with its #include, without what goes around it."""
    begin = text.index("#include <consul-failover/plugin.h>")
    return text[begin:].rstrip() + "\n"


def test_the_plugin_of_the_header_is_the_one_of_the_manual_and_is_built():
    built = plugin_of((ROOT / "tests/plugins/minimal.c").read_text())
    header = (ROOT / "include/consul-failover/plugin.h").read_text()
    comment = "\n".join(re.sub(r"^ \*\t?", "", l) for l in header.splitlines())
    assert built in comment
    manual = (ROOT / "include/consul-failover/consul-failover-plugin.7").read_text()
    flat = "\n".join(l.strip() for l in manual.splitlines())
    assert "\n".join(l.strip() for l in built.rstrip().splitlines()) in flat
    assert len(built.splitlines()) <= 36


def test_the_example_is_what_the_program_prints():
    printed = subprocess.run([PROGRAM, "config", "--example"], text=True,
                             capture_output=True, check=True).stdout
    assert printed == (ROOT / "conf/example.ini").read_text()


def test_every_key_is_in_the_manual():
    page = (ROOT / "conf/consul-failover.ini.5").read_text().replace("\\&", "")
    example = (ROOT / "conf/example.ini").read_text()
    for key in set(re.findall(r"^#?(\w+) = ", example, re.M)) - {"flag"}:
        assert re.search(rf"Ic {key}\b", page), key


def check_worked(config, folder, *words):
    """consul-failover check; what the config expects to be installed is here."""
    password = folder / "password"
    password.touch(0o600)
    password.write_text("secret\n")
    here = {r"/usr/local/sbin/exec-script": ROOT / "conf/exec-script",
            r"/etc/consul-failover/redis.password": password,
            r"ocf:[\w:]+": "/bin/true"}
    words = list(words)
    for there, path in here.items():
        for option in re.findall(rf"^(\w+) = {there}$", config.read_text(), re.M):
            words += "-o", f"options.{option}={path}"
    return subprocess.run(
        [PROGRAM, "check", "-c", config, *words], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={
            **os.environ, "PATH": f"{ROOT / 'conf'}:{os.environ['PATH']}"})


@pytest.mark.parametrize("config", sorted((ROOT / "conf").glob("*.ini")),
                         ids=lambda path: path.stem)
def test_every_worked_config_is_good(config, tmp_path):
    name = re.search(r"^path = (\w+)$", config.read_text(), re.M)[1]
    done = check_worked(config, tmp_path, "--quiet", "-o",
                        f"plugin.path={plugin(name)}")
    assert done.returncode == 0, done.stdout


# A fault in README's table, as "check" calls it, and what README alone says: of
# a plugin that needs a moment, of the lock-delay, and how long after that.
FAULTS = {
    "agent stopped, or node disabled": ("the agent is stopped", {6}),
    "application fails": ("the application fails", set()),
    "agent killed, and started again within 1.5 s":
        ("the agent is killed, and started again within 1.5 s", set()),
    "agent killed for good": ("the agent is killed, and not started again", {15}),
    "agent paused (SIGSTOP) or hangs": ("the agent is paused (SIGSTOP)", {1}),
    "host dies": ("this host dies", set()),
    "host cut off from Consul": ("this host is cut off from Consul", set()),
    "Consul agent of the master's host restarted":
        ("the Consul agent of this host is killed, and started again", set()),
    "Consul is down or has no leader": ("Consul has no leader", set()),
}


def test_readme_s_times_are_those_that_check_prints(tmp_path):
    said = check_worked(ROOT / "conf/minimal.ini", tmp_path, "-o",
                        f"agent.run_dir={tmp_path}").stdout
    table = (ROOT / "README.md").read_text().split(
        "| event | new master | your writes |\n|---|---|---|\n")[1]
    rows = dict(re.findall(r"^\| (.*) \| (.*) \| .* \|$", table.split("\n\n")[0],
                           re.M))
    assert set(rows) == set(FAULTS)
    for fault, (printed, more) in FAULTS.items():
        lines = re.search(rf"^  {re.escape(printed)}.*\n((?:    .*\n)+)", said, re.M)[1]
        times = {float(t) for t in re.findall(r"^ +([\d.]+)  ", lines, re.M)}
        told = {float(t) for t in re.findall(r"\b([\d.]+) s\b", rows[fault])}
        assert told - more <= times, (fault, told - more - times, lines)
        assert told or fault.endswith("1.5 s"), fault


def test_the_unit_and_worked_configs_order_the_agent_and_check_before_a_reload():
    for config in set((ROOT / "conf").glob("*.ini")) - {
            ROOT / "conf/example.ini", ROOT / "conf/minimal.ini"}:
        assert re.search(r"^#\t\[Unit\]\n(#\t.*\n)*#\tAfter=\S", config.read_text(),
                         re.M), config
    unit = (ROOT / "conf/consul-failover@.service.in").read_text()
    check, hup = re.findall(r"^ExecReload=(.*)", unit, re.M)
    assert " check --quiet -c " in check and hup == "/bin/kill -HUP $MAINPID"
    assert "--live" not in check    # a copy that is unwell may need the reload


@pytest.mark.parametrize("name", ["exec", "ocf", "mysql", "postgresql", "redis",
                                  "solr"])
def test_every_option_of_a_plugin_is_in_its_manual(name):
    page = (ROOT / f"plugins/{name}/consul-failover-{name}.7").read_text() \
        .replace("\\&", "")
    info = subprocess.run([PROGRAM, "plugin", "info", plugin(name)], text=True,
                          check=True, stdout=subprocess.PIPE).stdout
    options = re.findall(r"^  (\w+) ", info, re.M)
    assert options
    for option in options:
        assert re.search(rf"\b{option}\b", page), option


RECORDED = ("tests/fuzz/corpus/", "tests/unit/mysql/")    # see .editorconfig


def test_lines_and_files_end_as_editorconfig_has_it():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], text=True,
                            stdout=subprocess.PIPE)
    if listed.returncode != 0:
        pytest.skip("this is no clone")
    wrong = []
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if not name or name.startswith(RECORDED) or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8")
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            wrong.append(f"{name}: ends without a new line, or with an empty one")
        wrong += [f"{name}:{number}: white space at the end"
                  for number, line in enumerate(text.split("\n"), 1)
                  if line != line.rstrip()]
        if path.suffix == ".md":
            wrong += [f"{name}:{number}: more than 120 columns"
                      for number, line in enumerate(text.split("\n"), 1)
                      if len(line) > 120 and not line.startswith("|")]
    assert not wrong, "\n".join(wrong)


STRING = r'"((?:[^"\\\n]|\\.)*)"'
COMPOSED = r":(?: |$)| -> |, but |^, |[()]|(?<=SIGUSR[12]) |(?<=ensure_slave) |(?<=ensure_master) "
OTHERS = ("requested WAL segment", "has already been removed")     # PostgreSQL's


def strings(files):
    """Those of the source, each after the level that it is said with, if its
    call tells; a trouble is a warning."""
    for file in files:
        text = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.S)
        text = re.sub(r"\bPRI[du]64\b", '""', text)
        for m in re.finditer(rf"{STRING}(?:\s*{STRING})*", text):
            call = re.search(r"log_(info|warning|error)\(\s*$|\.what = $",
                             text[:m.start()])
            yield (call and (call.group(1) or "warning"),
                   "".join(re.findall(STRING, m.group())).replace('\\"', '"'))


def sentences(page):
    """What its DIAGNOSTICS quote; in a plugin's there are no quotes."""
    part = page.read_text().split(".Sh DIAGNOSTICS\n")[1].split("\n.Sh ")[0]
    for item in re.findall(r"^\.It (.*)", part, re.M):
        quoted = re.findall(STRING, item.replace(r"\(dq", "\0"))
        yield from (q.replace("\0", '"') for q in quoted or [item])


@pytest.mark.parametrize("page", ["daemon/consul-failover.8", *(
    f"plugins/{name}/consul-failover-{name}.7" for name in ("postgresql", "redis"))])
def test_what_diagnostics_quote_is_what_the_program_says(page):
    """Each of a sentence's parts, and as the level that its line has."""
    page = ROOT / page
    said = list(strings([*page.parent.rglob("*.[ch]")]))
    all_ = list(sentences(page))
    assert len(all_) >= 3
    for sentence in all_:
        level, text = re.fullmatch(r"(?:(warning|error): )?(.*)", sentence).groups()
        parts = re.split(r"\.\.\.|\b(?:HOST:PORT|HOST|N|T|FILE|NAME|UNIT)\b", text)
        for part in [p for p in map(str.strip, parts) if len(p) > 2]:
            whole = any(part in t for _, t in said)
            for piece in [part] if whole else re.split(COMPOSED, part):
                levels = {l for l, t in said if piece.strip() in t}
                assert levels or piece.strip() in OTHERS, (sentence, piece)
                if page.suffix == ".8" and len(piece) > 10 and len(levels) == 1:
                    assert levels <= {None, level or "info"}, (sentence, piece)


# What a native reader stumbles over, and what to write instead.
REFUSED = {
    r"nobody|somebody|anybody|everybody|whoever": "name the actor",
    r"he|him|his|she": "it; or the copy, the node, the agent",
    r"shall": "must, or the present tense",
    r"tells?|telling|told|said|says? (?:that|so|no)": "set, log, report or publish",
    r"(?:give|gives|giving|gave|given) (?:\w+ ){0,2}back": "release",
    r"steps? down|stepped down": "is demoted",
    r"so (?:long|many)(?! as)|as long again": "for this time; that many",
    r"anew": "again",
    r"mend(?:s|ed|ing)?": "fix, correct",
    r"sick": "unhealthy",
    r"all the same": "anyway",
    r"in good order": "properly; normally",
    r"(?:master|agent) before(?=[,:])": "the previous one",
    r"of before|just now|without a word|but for": "earlier; current; silently; except",
    r"(?:the one|the ones|the run|the guard|those) before": "the previous one",
    r"whom|he who|of who": "the node that; the process that",
    r"(?:NULL|false) where": "if",
    r"st(?:ands?|ood) (?:in|still)": "is in; hangs",
    r"go(?:es|ing|ne)? on": "continue",
    r"got (?:further|as far)|how far .{1,30} has got": "has more data; position",
    r"what (?:is|was) too|what it has not|who has (?:it|the lock)": "a noun first",
}
PROSE = ["README.md", "daemon/README.md", "plugins/README.md", "tests/README.md",
         "tests/bench/README.md", "include/consul-failover/plugin.h", *sorted(
             str(page.relative_to(ROOT))
             for page in ROOT.glob("[!b]*/**/consul-failover*.[578]"))]


def prose(text):
    """Its lines, with their numbers, without what quotes a program: code, output,
    and the sentences of DIAGNOSTICS, which are held against the program."""
    literal = diagnostics = False
    for number, line in enumerate(text.splitlines(), 1):
        literal = line.startswith(".Bd") or literal and not line.startswith(".Ed")
        if line.startswith(".Sh"):
            diagnostics = line == ".Sh DIAGNOSTICS"
        if not (literal or line.startswith((".Dl", "    ", " *\t")) or
                diagnostics and line.startswith(".It")):
            yield number, re.sub(r"`[^`]*`|\bf->say\b", "", line)


def comments(header):
    """As one line each, with the number of its first."""
    text = header.read_text()
    for m in re.finditer(r"/\*.*?\*/", text, re.S):
        line = re.sub(r"\s*\n\s*\*?\s*", " ", m.group())
        yield text.count("\n", 0, m.start()) + 1, re.sub(r"`[^`]*`", "", line)


# Not read yet.
UNREAD = ()


@pytest.mark.parametrize("folder", ["daemon", "plugins", "tests"])
def test_the_comments_of_headers_are_plain_english(folder):
    headers = {str(h.relative_to(ROOT)): h for h in (ROOT / folder).rglob("*.h")}
    found = [f"{name}:{number}: {m.group()!r}: {instead}"
             for name, header in sorted(headers.items())
             if not name.startswith(UNREAD)
             for number, line in comments(header)
             for words, instead in REFUSED.items()
             for m in re.finditer(rf"\b(?:{words})\b", line, re.I)]
    assert not found, "\n".join(found)


# The rooms whose strings are plain English.
SPEAKING = "agent", "base", "command", "consul", "decide", "guard", "handler"


@pytest.mark.parametrize("room", SPEAKING)
def test_what_the_program_says_is_plain_english(room):
    """All that has a space in it; a name or a format has none."""
    found = [f"{room}: {m.group()!r} in {text!r}: {instead}"
             for _, text in strings([*(ROOT / "daemon" / room).glob("*.c")])
             if " " in text.strip()
             for words, instead in REFUSED.items()
             for m in re.finditer(rf"\b(?:{words})\b", text, re.I)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("file", PROSE)
def test_the_documents_are_plain_english(file):
    found = [f"{file}:{number}: {m.group()!r}: {instead}"
             for number, line in prose((ROOT / file).read_text())
             for words, instead in REFUSED.items()
             for m in re.finditer(rf"\b(?:{words})\b", line, re.I)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", sorted(
    f.name for f in (ROOT / "plugins").iterdir() if f.is_dir()))
def test_what_the_plugins_say_is_plain_english(name):
    found = [f"{m.group()!r} in {text!r}: {instead}"
             for _, text in strings((ROOT / "plugins" / name).rglob("*.[ch]"))
             for words, instead in REFUSED.items()
             for m in re.finditer(rf"\b(?:{words})\b", text, re.I)]
    assert not found, "\n".join(found)


def test_readme_is_read_in_five_minutes_and_the_maps_on_three_screens():
    assert len((ROOT / "README.md").read_text().split()) < 1800
    for name in "daemon", "plugins", "tests":
        assert len((ROOT / name / "README.md").read_text().splitlines()) <= 180


MAP = "daemon/README.md"
FILE = r"(?<![\w/.-])(?:(?:conf|daemon|include|plugins|tests)/[\w./-]*\w|" \
    r"(?=[^.]*[a-z])[\w/-]+(?:\.\w+)*\.(?:[578ch]|build|dot|hcl|ini|md|py|svg))\b"


@pytest.mark.parametrize("folder", ["daemon", "plugins", "tests"])
def test_the_files_that_a_map_names_are_there(folder):
    """By the path from the top or from the map's folder, or by its name alone."""
    text = (ROOT / folder / "README.md").read_text()
    names = {f.name for top in ("daemon", "plugins", "tests")
             for f in (ROOT / top).rglob("*")}
    files = {f for f in re.findall(FILE, text) if "NAME" not in f}
    assert len(files) > 10
    missing = sorted(f for f in files if f not in names and not any(
        (ROOT / there / f).exists() for there in (".", folder, "include")))
    assert not missing, f"{folder}/README.md names what is not there: {missing}"


def test_what_the_map_of_the_daemon_names_is_there():
    """Each name(), as a function of the daemon, and each other_name."""
    text = re.sub(FILE, "", (ROOT / MAP).read_text())
    code = {f: f.read_text() for folder in ("daemon", "include", "tests/simulation")
            for f in (ROOT / folder).rglob("*.[ch]")}
    functions = "".join(c for f, c in code.items() if ROOT / "daemon" in f.parents)
    calls = set(re.findall(r"\b(\w+)\(\)", text))
    words = set(re.findall(r"\b\w+_\w+\b", text)) - calls
    assert len(calls) > 40 and len(words) > 30
    missing = [f"{c}()" for c in calls if not re.search(rf"^{c}\(", functions, re.M)]
    all_ = "\n".join(code.values())
    missing += [w for w in words if not re.search(rf"\b{w}\b", all_)]
    assert not missing, f"{MAP} names what is not there: {sorted(missing)}"


def rooms_of_meson():
    """{room: the rooms whose headers it is compiled with}; "main.c" is no room."""
    knows = {}
    daemon = ROOT / "daemon"
    for target in json.loads((BUILD / "meson-info/intro-targets.json").read_text()):
        if daemon not in pathlib.Path(target["defined_in"]).parents:
            continue
        for group in target["target_sources"]:
            if group.get("language") != "c":
                continue
            room = pathlib.Path(group["sources"][0]).parent.name
            paths = [(BUILD / p[2:]).resolve() for p in group["parameters"]
                     if p.startswith("-I")]
            knows["main.c" if room == "daemon" else room] = {
                p.name for p in paths if p.parent == daemon} - {room}
    return knows


def test_the_picture_of_the_floors_is_what_meson_builds():
    rows = re.findall(r"^ {4}[| ]*(main\.c|\w+(?=/)).* knows (.+)$",
                      (ROOT / MAP).read_text(), re.M)
    assert {room: set(words.split()) - {"no", "other"} for room, words in rows} == \
        rooms_of_meson()
    below = [room for room, _ in rows]
    for room, words in rows:
        del below[0]
        assert set(words.split()) - {"no", "other"} <= set(below), room
