"""Completion in bash, zsh and fish, as at a prompt, with names from a real Consul."""

import os
import pathlib
import pty
import re
import select
import shutil
import socket
import subprocess
import time
import urllib.parse

import pytest

from lab import PROGRAM, ROOT, net

SCRIPTS = ROOT / "conf" / "completion"
LOADER = pathlib.Path("/usr/share/bash-completion/bash_completion")
PATH = f"{PROGRAM.parent}:{os.environ['PATH']}"
PROMPT = "ready> "
ENV = {**{k: v for k, v in os.environ.items() if not k.startswith("CONSUL_")},
       "PATH": PATH, "TERM": "vt100", "INPUTRC": "/dev/null", "PS1": PROMPT,
       "COLUMNS": "200", "LC_ALL": "C.UTF-8"}


def complete(*words, env=None):
    """{word: meaning}"""
    r = subprocess.run([PROGRAM, "complete", "--", *map(str, words)], text=True,
                       capture_output=True, env=env or ENV, timeout=10)
    assert r.returncode == 0
    return dict((*line.split("\t"), "")[:2] for line in r.stdout.splitlines())


@pytest.mark.fast
@pytest.mark.sanitized
def test_each_place_has_its_words():
    assert {"agent", "status", "plugin", "help"} <= set(complete(""))
    assert list(complete("x")) == list(complete(""))    # the shell compares
    assert set(complete("plugin", "")) == {"info", "call", "test", "new"}
    assert complete("plugin", "nonsense", "") == complete("nonsense", "") == {}
    assert complete("help", "") == complete("")
    assert complete("help", "plugin", "") == complete("plugin", "")
    assert set(complete("states", "-")) == {"--dot", "--help"}
    assert {"--json", "--watch", "--config", "--http-addr"} <= set(
        complete("status", "-"))
    assert set(complete("leave", "-c", "x.ini", "")) == {"released", "dropped"}
    assert "--guard" not in complete("leave", "--")
    assert "has_position" in complete("plugin", "call", "")
    for words in ("check", "-c"), ("status", "--config"), ("plugin", "test"), \
            ("status", "--token-file"):
        assert ":files" in complete(*words, "")
    for words in ("check",), ("plugin", "call", "--epoch"), ("status", "-o"), \
            ("plugin", "call", "--master-host"), ("status", "--nonsense", "x"):
        assert complete(*words, "") == {}, words


@pytest.mark.fast
@pytest.mark.sanitized
def test_services_and_nodes_come_from_consul(lab, single):
    a = lab.agent(single).start().wait_role("master")
    at = {**ENV, "CONSUL_HTTP_ADDR": single.url}
    assert lab.service in complete("status", "", env=at)
    assert lab.service in complete("status", "--http-addr", single.url, "")
    assert complete("status", lab.service, "", env=at) == {}
    assert lab.service in complete("history", "--since", "2h", "", env=at)
    assert complete("status", "-c", a.file, "", env=at) == {}
    call = "plugin", "call", "ensure_slave", "-c", a.file, "--master-host", ""
    net.wait_for("the node is there", lambda: single.name in complete(*call))


@pytest.mark.fast
def test_no_name_from_consul_means_anything_to_a_shell(single):
    """Who may write a key must not write a part of somebody's command line."""
    bad = "x;reboot", "x`reboot`", "$(reboot)", "--http-addr=evil", "a b"
    keys = [f"/v1/kv/lock/{urllib.parse.quote(b)}/leader" for b in bad]
    for key in keys:
        single.put(key, "")
    try:
        found = single.get("/v1/kv/lock/?keys")
        assert {f"lock/{b}/leader" for b in bad} <= set(found)
        offered = complete("status", "", env={**ENV, "CONSUL_HTTP_ADDR": single.url})
        assert not [w for w in offered if w in bad or re.search(r"[^\w.-]|^-", w)]
    finally:
        for key in keys:
            single.request("DELETE", key)


@pytest.mark.sanitized
def test_a_consul_that_does_not_answer_costs_a_second_at_most():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert complete("status", "--http-addr", address, "") == {}
        assert 0.9 < time.monotonic() - begun < 1.9
    assert complete("status", "--http-addr", "127.0.0.1:9", "") == {}


class Terminal:
    """A shell that waits at its prompt."""

    def __init__(self, argv, setup):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, ENV)
        self.text = ""
        self.type(f" {setup}\n echo be''gun\n")
        self.wait(f"begun\r*\n.*{PROMPT}")

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self):
        if select.select([self.fd], [], [], 0.1)[0]:
            self.text += os.read(self.fd, 65536).decode(errors="replace")

    def wait(self, pattern):
        """What the terminal shows, without what moves its cursor."""
        end = time.monotonic() + 20
        while True:
            shown = re.sub(r"\x1b[\[(?][\d;?]*[a-zA-Z]|\x1b[=>]|[\x07\x0f]", "",
                           self.text)
            if re.search(pattern, shown, re.S):
                return
            assert time.monotonic() < end, (pattern, shown)
            self.read()

    def complete(self, line, word):
        self.text = ""
        self.type(line + "\t")
        self.wait(re.escape(word))
        self.text = ""
        self.type("\x15\n")     # an empty line, and a new prompt
        self.wait(re.escape(PROMPT.strip()))

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def bash(folder, loaded):
    if loaded:
        there = folder / "bash-completion" / "completions"
        there.mkdir(parents=True)
        (there / "consul-failover").symlink_to(SCRIPTS / "consul-failover.bash")
        setup = f"export XDG_DATA_DIRS={folder}; source {LOADER}"
    else:
        setup = f"source {SCRIPTS}/consul-failover.bash"
    return Terminal(["bash", "--norc", "--noprofile", "-i"], setup +
                    "; bind 'set show-all-if-ambiguous on';"
                    " bind 'set enable-bracketed-paste off'")


def zsh(folder):
    (folder / "_consul-failover").symlink_to(SCRIPTS / "consul-failover.zsh")
    return Terminal(["zsh", "-f", "-i"], f"fpath=({folder} $fpath); "
                    f"autoload -Uz compinit; compinit -u -d {folder}/dump; "
                    "unset zle_bracketed_paste")


class Fish:
    """It has an answer for programs."""

    def complete(self, line, word):
        said = subprocess.run(
            ["fish", "--no-config", "-c",
             f"source {SCRIPTS}/consul-failover.fish; complete -C $argv[1]", line],
            text=True, capture_output=True, env=ENV, timeout=20)
        assert word in [l.split("\t")[0] for l in said.stdout.splitlines()], said

    def close(self):
        pass


@pytest.fixture(params=["bash", "bash-completion", "zsh", "fish"])
def shell(request, tmp_path):
    name = request.param
    if name == "bash-completion" and not LOADER.exists():
        pytest.skip("there is no bash-completion")
    if not shutil.which(name.split("-")[0]):
        pytest.skip(f"there is no {name}")
    folder = tmp_path / "shell"
    folder.mkdir()
    s = zsh(folder) if name == "zsh" else Fish() if name == "fish" else \
        bash(folder, name == "bash-completion")
    yield s
    s.close()


def test_a_shell_completes_each_kind_of_word(lab, single, shell):
    a = lab.agent(single).start().wait_role("master")
    net.wait_for("the service is there", lambda: complete(
        "status", "--http-addr", single.url, ""))
    shell.complete("consul-failover chec", "check")
    shell.complete("consul-failover plugin te", "test")
    shell.complete("consul-failover status --js", "--json")
    shell.complete("consul-failover help plugin ne", "new")
    shell.complete(f"consul-failover check -c {a.file.parent}/agent.i",
                   f"{a.file.parent}/agent.ini")
    shell.complete(f"consul-failover status --http-addr {single.url} "
                   f"{lab.service[:-1]}", lab.service)
    shell.complete(f"consul-failover plugin call -c {a.file} ensure_slave "
                   f"--master-host {single.name[:-1]}", single.name)
