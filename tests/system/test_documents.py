"""What stands in two places is the same in both."""

import re
import subprocess

import pytest

from lab import PROGRAM, ROOT, plugin


def plugin_of(text):
    """The plugin that begins with its #include, without what goes around it."""
    begin = text.index("#include <consul-failover/plugin.h>")
    return text[begin:].rstrip() + "\n"


def test_the_plugin_of_the_header_is_the_one_of_the_readme_and_is_built():
    built = plugin_of((ROOT / "tests/plugins/minimal.c").read_text())
    header = (ROOT / "include/consul-failover/plugin.h").read_text()
    comment = "\n".join(re.sub(r"^ \*\t?", "", l) for l in header.splitlines())
    assert built in comment
    readme = (ROOT / "README.md").read_text()
    flat = "\n".join(l.strip() for l in readme.splitlines())
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


@pytest.mark.parametrize("config", sorted((ROOT / "conf").glob("*.ini")),
                         ids=lambda path: path.stem)
def test_every_worked_config_is_good(config):
    name = re.search(r"^path = (\w+)$", config.read_text(), re.M)[1]
    done = subprocess.run([PROGRAM, "check", "-c", config, "-o",
                           f"plugin.path={plugin(name)}"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


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
