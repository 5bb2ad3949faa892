"""meson install puts everything where Debian expects it, and it works there."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from lab import BUILD, ROOT, agent as lab_agent, net

THIRTY_LINES = r"""
#include <consul-failover/plugin.h>
#include <unistd.h>

static const struct failover_option options[] = {
	{ "flag", FAILOVER_STRING, "/nowhere", "healthy while this file exists" },
	{ NULL }
};

FAILOVER_PLUGIN("outside", "1.0", "a plugin outside the tree", options);

enum failover_result
health(struct failover *f)
{
	const char	*flag = f->option(f, "flag");

	if (access(flag, F_OK) != 0)
		return f->say(f, FAILOVER_FAILED, "%s is missing", flag);
	return f->say(f, FAILOVER_DONE, "%s is there", flag);
}

enum failover_result
ensure_master(struct failover *f)
{
	return f->say(f, FAILOVER_DONE, "master");
}

enum failover_result
ensure_slave(struct failover *f, const char *master_host)
{
	return f->say(f, FAILOVER_DONE, "slave of %s", master_host);
}
"""


def run(*argv, **more):
    r = subprocess.run([str(a) for a in argv], text=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    assert r.returncode == 0, r.stdout
    return r.stdout


def one(folder, name):
    found = sorted(folder.rglob(name))
    assert len(found) == 1, (name, found)
    return found[0]


def build_installed(build, prefix, *more):
    """What is installed, and more of a name; nothing else that takes time."""
    run("meson", "setup", build, ROOT, f"--prefix={prefix}")
    targets = json.loads((build / "meson-info/intro-targets.json").read_text())
    files = [pathlib.Path(f) for t in targets for f in t["filename"]
             if t["installed"] or t["name"] in more]
    run("ninja", "-C", build, *(f.relative_to(build) for f in files))


@pytest.mark.slow(60)
def test_install_puts_files_where_debian_expects_them(tmp_path):
    build = tmp_path / "build"
    build_installed(build, "/usr", "recorder")
    assert one(build, "recorder.so")
    run("meson", "install", "-C", build, "--no-rebuild", "--destdir", tmp_path / "root")
    usr = tmp_path / "root" / "usr"
    assert os.access(one(usr, "consul-failover-handler"), os.X_OK)
    assert "libexec" in str(one(usr, "consul-failover-handler")) or \
        "lib" in str(one(usr, "consul-failover-handler"))
    assert (usr / "include/consul-failover/plugin.h").exists()
    assert any((usr / d / "consul-failover").exists() for d in ("sbin", "bin"))
    assert one(usr, "consul-failover.pc").parent.name == "pkgconfig"
    assert one(usr, "example.so") and one(usr, "exec.so")
    assert not list(usr.rglob("recorder.so"))
    sources = usr / "share/doc/consul-failover/examples/plugin"
    for name in "example.c", "example.rs", "go/example.go", "go/info.c", "go/go.mod":
        assert (sources / name).exists(), name
    for name in "minimal.ini", "acl-policy.hcl", "alerts.yml", "grafana.json":
        assert (sources.parent / name).exists(), name
    unit = one(tmp_path / "root", "consul-failover@.service")
    assert unit.parent.name == "system"
    assert "Type=notify" in unit.read_text()
    for script in ("bash-completion/completions/consul-failover",
                   "zsh/site-functions/_consul-failover",
                   "fish/vendor_completions.d/consul-failover.fish"):
        assert (usr / "share" / script).exists(), script
    man = usr / "share/man"
    for page in ("man8/consul-failover.8", "man5/consul-failover.ini.5",
                 "man7/consul-failover-plugin.7"):
        assert list(man.glob(page + "*")), page


@pytest.fixture
def installed(lab):
    prefix, build = lab.folder / "prefix", lab.folder / "build"
    build_installed(build, prefix)
    run("meson", "install", "-C", build, "--no-rebuild",
        env={k: v for k, v in os.environ.items() if k != "DESTDIR"})
    shutil.rmtree(build)        # nothing of it may be needed
    return prefix


@pytest.mark.slow(60)
def test_a_plugin_outside_the_tree_works_with_the_installed_program(
        lab, single, installed):
    program = one(installed, "consul-failover") \
        if not (installed / "sbin/consul-failover").exists() \
        else installed / "sbin/consul-failover"
    env = {**os.environ,
           "PKG_CONFIG_PATH": str(one(installed, "consul-failover.pc").parent)}
    folder = run("pkg-config", "--variable=plugindir", "consul-failover",
                 env=env).strip()
    assert os.path.isdir(folder) and folder.startswith(str(installed))
    variables = run("pkg-config", "--print-variables", "consul-failover", env=env)
    abi = [v for v in variables.split() if "abi" in v.lower()]
    assert abi and run("pkg-config", f"--variable={abi[0]}", "consul-failover",
                       env=env).strip() == "1"

    work = lab.folder / "outside"
    work.mkdir()
    (work / "outside.c").write_text(THIRTY_LINES)
    flags = run("pkg-config", "--cflags", "consul-failover", env=env).split()
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *flags,
        "-o", "outside.so", "outside.c", cwd=work)
    shutil.copy(work / "outside.so", folder)

    info = run(program, "plugin", "info", work / "outside.so")
    assert "outside" in info and "healthy while this file exists" in info

    a = lab.agent(single, plugin_name="example", sections={"plugin": {"path": "outside"}})
    a.argv[0] = program
    a.start().wait_role("master")
    assert a.ask("/health").json == f"{a.flag} is there"
    assert a.stop() == 0


def test_man_pages_are_well_formed(tmp_path):
    pages = sorted(ROOT.rglob("consul-failover*.[578]"))
    pages = [p for p in pages if "build" not in p.relative_to(ROOT).parts[0]]
    assert {p.name for p in pages} == {
        "consul-failover.8", "consul-failover.ini.5",
        "consul-failover-plugin.7"} | {
        f"consul-failover-{p.stem}.7" for p in (BUILD / "plugins").rglob("*.so")
        if p.stem != "example"}
    for p in pages:
        r = subprocess.run(["man", "--warnings", "-l", str(p)], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
        assert r.returncode == 0 and not r.stderr, (p, r.stderr)
        assert "NAME" in r.stdout


def test_the_example_plugin_of_the_header_compiles_as_it_stands(tmp_path):
    text = (ROOT / "include/consul-failover/plugin.h").read_text()
    comment = text[text.index("#include <consul-failover/plugin.h>"):
                   text.index("* Build it, try it")]
    code = "\n".join(l.strip().removeprefix("*") for l in comment.splitlines()[:-1])
    (tmp_path / "flag.c").write_text(code)
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
        f"-I{ROOT}/include", "-o", tmp_path / "flag.so", tmp_path / "flag.c")
