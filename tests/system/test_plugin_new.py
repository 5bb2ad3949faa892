"""What a plugin's author begins with: sources that build, and pass plugin test."""

import os
import re
import shutil
import subprocess

import pytest

from lab import PROGRAM, ROOT
from lab.agent import ini

EXAMPLE = ROOT / "plugins/example"


def run(*argv, **more):
    r = subprocess.run([str(a) for a in argv], text=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    assert r.returncode == 0, r.stdout
    return r.stdout


def passes(folder, built, **options):
    """The conformance test, with all that it can do."""
    config = folder / "agent.ini"
    config.write_text(ini({
        "service": {"name": "own", "port": 80}, "plugin": {"path": built},
        "options": options,
        "agent": {"run_dir": folder / "run", "state_dir": folder / "state"}}))
    said = run(PROGRAM, "plugin", "test", "-c", config, "--yes", "--kill",
               "--master", "127.0.0.9:3306")
    assert " 0 failed" in said
    return said


def needs(program, least):
    """Skips where the compiler is not there, or too old."""
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")
    words = "version" if program == "go" else "--version"
    version = re.search(r"(\d+)\.(\d+)", run(program, words))
    if tuple(map(int, version.groups())) < least:
        pytest.skip(f"{program} is older than {least[0]}.{least[1]}")


def test_the_example_in_rust_is_a_plugin(tmp_path):
    needs("rustc", (1, 77))
    run("rustc", "--edition", "2021", "-O", "--crate-type", "cdylib", "-C", "panic=abort",
        "-D", "warnings", "-o", tmp_path / "example.so", EXAMPLE / "example.rs")
    said = passes(tmp_path, tmp_path / "example.so", flag=tmp_path / "example.so")
    assert f"Service flag {tmp_path}/example.so exists" in said


def test_the_example_in_go_is_a_plugin(tmp_path):
    needs("go", (1, 19))
    run("go", "build", "-buildmode=c-shared", "-o", tmp_path / "example.so", cwd=EXAMPLE / "go",
        env={**os.environ, "CGO_ENABLED": "1", "CGO_CFLAGS": f"-I{ROOT}/include",
             "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod -buildvcs=false"})
    said = passes(tmp_path, tmp_path / "example.so", flag=tmp_path / "example.so")
    assert f"Service flag {tmp_path}/example.so exists" in said


def test_a_new_plugin_builds_passes_and_is_not_written_over(tmp_path):
    said = run(PROGRAM, "plugin", "new", "my-db", cwd=tmp_path)
    folder = tmp_path / "my-db"
    assert "my-db/my-db.c" in said
    assert {f.name for f in folder.iterdir()} == {"my-db.c", "my-db.ini", "Makefile"}
    assert not any("skeleton" in f.read_text() for f in folder.iterdir())
    built = run("make", "test", f"CPPFLAGS=-I{ROOT}/include -Werror",
                f"CONSUL_FAILOVER={PROGRAM}", cwd=folder)
    assert " 0 failed" in built and "master's writes: the probe exits with 0" in built
    assert (folder / "role").read_text() == "demoted"

    (folder / "my-db.c").write_text("mine")
    r = subprocess.run([PROGRAM, "plugin", "new", "my-db"], cwd=tmp_path, text=True,
                       stderr=subprocess.PIPE)
    assert r.returncode == 1 and "my-db: File exists" in r.stderr
    assert (folder / "my-db.c").read_text() == "mine"


@pytest.mark.parametrize("name", ["../up", "My Db", "-x", "a" * 33, ""])
def test_a_name_that_is_none_makes_no_folder(tmp_path, name):
    r = subprocess.run([PROGRAM, "plugin", "new", "--", name], cwd=tmp_path, text=True,
                       stderr=subprocess.PIPE)
    assert r.returncode == 1 and "a plugin's name has" in r.stderr, r
    assert not list(tmp_path.iterdir())
