"""Each command's own help: what it lists is what the command takes."""

import re
import subprocess

import pytest

from lab import PROGRAM, ROOT

pytestmark = pytest.mark.fast

VALUES = {"epoch": "1", "guard": "1", "master": "a:1", "master-port": "1",
          "since": "2h"}
HIDDEN = {("leave", "guard")}       # of the guard


def program(*words):
    return subprocess.run([PROGRAM, *words], text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60)


def commands():
    """(NAME,) or (NAME, VERB), as "help" lists them."""
    for line in program("help").stdout.splitlines():
        if re.match(r"  [a-z]", line):
            more = line[11:37].split()
            verb = [w for w in more[:1] if re.fullmatch("[a-z]+", w)]
            yield (line.split()[0], *verb)


def section(text, name):
    found = re.search(rf"^{name}:\n((?:  .*\n)+)", text, re.M)
    return found[1] if found else ""


def listed(text):
    return dict(re.findall(r"^  (?:-\w, |    )--([a-z-]+)(?: ([A-Z.:=]+))?(?:  |$)",
                           section(text, "options"), re.M))


def every_option():
    """{name: takes a value}: of options.c, and Consul's own."""
    source = (ROOT / "daemon/command/options.c").read_text()
    return {name: kind == "required" for name, kind in re.findall(
        r'\{ "([a-z-]+)", (no|required)_argument,', source)} | {
        name: True for name in listed(program("help", "agent").stdout)
        if f'"{name}"' not in source}


def test_each_command_has_help_in_all_parts():
    all_ = list(commands())
    assert ("status",) in all_ and ("plugin", "test") in all_ and len(all_) > 11
    for words in all_:
        r = program(*words, "--help")
        name = " ".join(words)
        assert r.returncode == 0 and r.stderr == "", (name, r)
        assert r.stdout == program("help", *words).stdout == \
            program(*words, "-h").stdout
        assert r.stdout.startswith(f"usage: consul-failover {name} ")
        said = r.stdout.split("\n\n")[1]
        assert 1 <= len(re.findall(r"\.(?:  ?|\n|$)", said)) <= 4, said
        assert listed(r.stdout)
        assert f"\n  consul-failover {name}" in section(r.stdout, "example") or \
            section(r.stdout, "example").startswith(f"  consul-failover {name}")
        assert max(map(len, r.stdout.splitlines())) <= 80, r.stdout


def test_what_help_lists_is_what_the_command_takes():
    all_ = every_option()
    assert {"json", "guard", "http-addr"} <= set(all_)
    for words in commands():
        known = listed(program("help", *words).stdout)
        for name, argument in all_.items():
            value = [VALUES.get(name, "x")] if argument else []
            r = program(*words, f"--{name}", *value, "--help")
            takes = name in known or (words[0], name) in HIDDEN
            assert r.returncode == (0 if takes else 64), (words, name, r)
            assert takes or f"{' '.join(words)} has no option --{name}" in r.stderr
            if name in known:
                assert bool(known[name]) == argument, (words, name)


def test_the_manual_has_every_option_and_exit_status_of_the_help():
    page = (ROOT / "daemon/consul-failover.8").read_text()
    status = page.split(".Sh EXIT STATUS\n")[1].split("\n.Sh ")[0]
    told = {}
    for item in status.split("\n.It Cm ")[1:]:
        names, text = item.split("\n", 1)
        text = text.split("\n.El")[0]
        for name in names.split(" , "):
            told[name] = {int(n) for n in re.findall(r"^(\d+)\b", text, re.M)}
    for words in commands():
        text = program("help", *words).stdout
        for name in listed(text):
            assert re.search(rf"^\.It .*Fl -{name}\b", page, re.M), name
        codes = {int(n) for n in re.findall(r"^  (\d+) ", section(
            text, "exit status"), re.M)}
        name = " ".join(words)
        loads = "config" in listed(text) or name == "plugin info"
        common = {64} | ({78} if loads and name != "status" else set())
        assert codes == told[name] | common, name


def test_the_arguments_of_plugin_call_are_its_operations():
    text = program("help", "plugin", "call").stdout
    names = re.findall(r"^  (\w+)", section(text, "arguments"), re.M)
    assert f" {'|'.join(names)} [POSITION]" in program("plugin", "call").stderr


def test_help_of_a_name_that_several_commands_share_lists_them():
    for words in ("plugin", "--help"), ("help", "plugin"):
        r = program(*words)
        assert r.returncode == 0
        for verb in "info", "call", "test", "new":
            assert f"\n  plugin   {verb} " in r.stdout
        assert "\n  status" not in r.stdout
    for words in ("help", "nonsense"), ("help", "plugin", "nonsense"), ("nonsense",):
        r = program(*words)
        assert r.returncode == 64 and "there is no command" in r.stderr
    r = program("staust", "db")
    assert r.returncode == 64 and 'did you mean "status"?' in r.stderr
