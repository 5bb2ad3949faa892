"""/metrics, and what is made of it: conf/alerts.yml and conf/grafana.json."""

import json
import re
import shutil
import subprocess
import time

import pytest

from lab import PROGRAM, ROOT, net

HERE = ROOT / "tests/system"
ALERTS = (ROOT / "conf/alerts.yml").read_text()
DASHBOARD = json.loads((ROOT / "conf/grafana.json").read_text())
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="there is no promtool: install the package prometheus")


def promtool(*words, text=None):
    done = subprocess.run([PROMTOOL, *map(str, words)], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def scrape(agent):
    """{"name" or 'name{label="…"}', without prefix and service: value}."""
    found = {}
    for line in agent.ask("/metrics").text.splitlines():
        if not line.startswith("#"):
            name, service, more, value = re.fullmatch(
                r'consul_failover_(\w+)\{service="(.*?)"(?:,(.*))?\} (\S+)', line).groups()
            assert service == agent.service
            found[f"{name}{{{more}}}" if more else name] = float(value)
    return found


@needs_promtool
@pytest.mark.sanitized
def test_metrics_are_clean_for_promtool_in_every_state(lab, cluster):
    def clean(agent):
        promtool("check", "metrics", text=agent.ask("/metrics").text)
    master, slave, other = lab.three(cluster)
    clean(master)
    clean(slave)
    slave.script(ensure_slave="bad")
    clean(slave.wait_role("joining"))
    other.consul.freeze()
    net.wait_for("Consul is missed", lambda: scrape(other)["consul_up"] == 0)
    clean(other)
    other.consul.thaw()
    other.disable_file.touch()
    clean(other.wait_role("disabled"))
    master.sicken()
    clean(master.wait_role("unhealthy"))


def test_metrics_are_what_an_alert_needs_to_know_of_each_copy(lab, cluster):
    begin = time.time()
    master, slave, other = lab.three(cluster)
    one = scrape(master)
    assert one['role{role="master"}'] == 1 and one["candidate"] == 0
    assert "following" not in one
    assert one["fuse_seconds"] == 3 >= one["fuse_left_seconds"] > 1
    assert begin <= one["master_changed_timestamp_seconds"] <= time.time()
    assert one["guard_up"] == one["consul_up"] == 1 and one["priority"] == 100
    assert one["never_master"] == one["may_be_master"] == one["notice"] == 0
    assert one["consul_contact_age_seconds"] < 2
    version = subprocess.run([PROGRAM, "version"], text=True, check=True,
                             stdout=subprocess.PIPE).stdout.split(",")[0].split()[1]
    assert [key for key in one if key.startswith(
        f'build_info{{version="{version}",plugin="recorder",plugin_version="')]

    net.wait_for("the slave could take over", lambda: scrape(slave)["candidate"])
    two = scrape(slave)
    assert two["following"] == 1 and "fuse_left_seconds" not in two
    # It can't know since when: the master was there before.
    assert "master_changed_timestamp_seconds" not in two

    slave.script(ensure_slave="bad")
    net.wait_for("it does not follow", lambda: scrape(slave)["following"] == 0)
    net.wait_for("it notices", lambda: scrape(slave)["notice"] == 1)
    slave.script()
    net.wait_for("it follows", lambda: scrape(slave)["following"] == 1)

    other.disable_file.touch()
    three = scrape(other.wait_role("disabled"))
    assert three["candidate"] == 0 and "following" not in three
    failed = time.time()
    master.sicken()
    slave.wait_role("master")
    for agent in slave, other:
        changed = net.wait_for("it has seen the new master", lambda: scrape(agent).get(
            "master_changed_timestamp_seconds"))
        assert failed <= changed <= time.time()
    assert scrape(master)['health{status="bad"}'] == 1
    assert scrape(master)["candidate"] == 0


def test_metrics_show_a_consul_that_does_not_answer(lab, cluster):
    master, slave, other = lab.three(cluster)
    other.consul.freeze()
    net.wait_for("Consul is missed", lambda: scrape(other)["consul_up"] == 0)
    net.wait_for("it has been silent for a while", lambda: scrape(other)[
        "consul_contact_age_seconds"] > 3)
    other.consul.thaw()
    net.wait_for("it answers", lambda: scrape(other)["consul_up"] == 1 and
                 scrape(other)["consul_contact_age_seconds"] < 2)


def test_a_copy_with_never_master_is_no_candidate(lab, cluster):
    master = lab.agent(cluster.clients[0]).start().wait_role("master")
    backup = lab.agent(cluster.clients[1], sections={
        "election": {"never_master": "yes", "priority": 7}})
    backup.start().wait_role("slave")
    time.sleep(1)
    one = scrape(backup)
    assert one["never_master"] == 1 and one["candidate"] == 0 and one["priority"] == 7
    assert scrape(master)["never_master"] == 0


@pytest.fixture
def real(lab, single):
    """What a real agent shows, as text."""
    return lab.agent(single).start().wait_role("master").ask("/metrics").text


def test_every_metric_is_in_the_manual(real):
    page = (ROOT / "daemon/consul-failover.8").read_text()
    part = page.split(".It Pa /metrics\n")[1].split("\n.El")[0]
    for name in re.findall(r"^# TYPE consul_failover_(\w+)", real, re.M):
        assert re.search(rf"\b{name}\b", part), name


@pytest.mark.parametrize("text", [ALERTS, json.dumps(DASHBOARD).replace('\\"', '"'),
                                  (HERE / "alerts_test.yml").read_text()],
                         ids=["alerts.yml", "grafana.json", "alerts_test.yml"])
def test_what_rules_and_dashboard_name_is_what_an_agent_shows(real, text):
    names = set(re.findall(r"\bconsul_failover_\w+", text))
    assert len(names) > 8
    assert names <= set(re.findall(r"^# TYPE (\w+)", real, re.M))
    for label, value in re.findall(r'\b(role|status)="(\w+)"', text):
        assert f'{label}="{value}"' in real, (label, value)


#
# The alerts.
#

def alerts():
    """{name: the text of its rule}"""
    return dict(rule.split("\n", 1) for rule in ALERTS.split("- alert: ")[1:])


@needs_promtool
def test_the_alerts_fire_when_they_should_and_only_then():
    promtool("check", "rules", ROOT / "conf/alerts.yml")
    promtool("test", "rules", HERE / "alerts_test.yml")


def test_each_alert_is_seen_to_fire_and_to_be_silent():
    tested = (HERE / "alerts_test.yml").read_text()
    quiet = tested.split("  - name: ")[1]
    assert "exp_samples: []" in quiet
    for name, rule in alerts().items():
        assert f'alertname="{name}"' in tested, name
        expression = re.search(r"expr:(.*?)\n +(?:for|labels):", rule, re.S)[1]
        for metric in re.findall(r"consul_failover_\w+|\bup\b", expression):
            assert f"'{metric}{{" in quiet, (name, metric)
    assert set(re.findall(r'alertname="(\w+)"', tested)) == set(alerts())


def test_each_alert_says_what_to_do_next():
    page = (ROOT / "daemon/consul-failover.8").read_text()
    for name, rule in alerts().items():
        assert re.search(r"severity: (critical|warning|info)\b", rule), name
        summary, description = re.search(
            r"summary: (.*)\n +description: >-\n(.*)", rule, re.S).groups()
        assert re.search(r"\b(consul-failover|consul|curl|journalctl|man|promtool|"
                         r"systemctl)\s+\S", description), name
        for command in re.findall(r"\bconsul-failover\s+([a-z]+)\s", description):
            assert f"\n.It Cm {command}\n" in page, (name, command)
        # A sum has no instance.
        summed = "by (job, service)" in rule or "absent(" in rule
        assert summed != ("$labels.instance" in rule), name


#
# The dashboard.
#

def panel_of(title):
    return next(panel for panel in DASHBOARD["panels"] if panel["title"] == title)


def test_the_dashboard_is_one_that_grafana_can_show():
    variables = {v["name"]: v for v in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["service"]["type"] == variables["job"]["type"] == "query"
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert all(x["datasource"] == source for x in (
        *DASHBOARD["panels"], *DASHBOARD["annotations"]["list"], variables["service"]))
    places, ids = set(), [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) > 8
    for panel in DASHBOARD["panels"]:
        assert panel["title"] and panel["description"]
        assert panel["type"] in ("stat", "table", "state-timeline", "timeseries")
        assert set(panel) <= {"id", "type", "title", "description", "datasource", "gridPos",
                              "targets", "fieldConfig", "options", "transformations"}
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & places and max(x for x, _ in mine) < 24, panel["title"]
        places |= mine
        letters = [target["refId"] for target in panel["targets"]]
        assert letters and len(letters) == len(set(letters)), panel["title"]
        assert all(target["expr"] for target in panel["targets"])


@needs_promtool
def test_the_dashboard_asks_what_prometheus_understands(tmp_path):
    known = {"$job": "j", "$service": "s", "$__range": "1h", "$__rate_interval": "1m"}
    asked = [x["expr"] for x in (*DASHBOARD["annotations"]["list"], *(
        target for panel in DASHBOARD["panels"] for target in panel["targets"]))]
    rules = "groups:\n- name: dashboard\n  rules:\n"
    for number, expression in enumerate(asked):
        expression = re.sub(r"\$\w+", lambda m: known[m[0]], expression)
        rules += f"  - record: panel:{number}\n    expr: {json.dumps(expression)}\n"
    (tmp_path / "rules.yml").write_text(rules)
    promtool("check", "rules", tmp_path / "rules.yml")


def test_the_dashboard_has_a_name_for_every_role_and_health(real):
    """The number of each in the expression is that of the mapping."""
    nodes = panel_of("Nodes")
    for column, label, title in (0, "role", "Roles"), (1, "status", "Health"):
        expression = panel_of(title)["targets"][0]["expr"]
        mapping = panel_of(title)["fieldConfig"]["defaults"]["mappings"]
        numbers = dict(re.findall(rf'(\d+) \* [^}}]*{label}="(\w+)"', expression))
        assert {n: m["text"] for n, m in mapping[0]["options"].items()} == numbers
        assert set(numbers.values()) == set(re.findall(rf'{label}="(\w+)"', real))
        # The table shows the same.
        assert nodes["targets"][column]["expr"] == expression
        assert {"id": "mappings", "value": mapping} in \
            nodes["fieldConfig"]["overrides"][column]["properties"]
