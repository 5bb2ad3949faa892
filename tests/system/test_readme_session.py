"""The session of the README, word for word where it makes sense."""

import re
import signal

import pytest

from lab import PROGRAM, ROOT, net

pytestmark = pytest.mark.fast

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture
def session(lab, single):
    """The agent with conf/example.ini; only what would collide with another
    test on this machine is laid over it, in the ways that the README names."""
    agents = []

    def start():
        address = single.address
        port = 8000 if not agents else 8000 + len(agents)
        folder = lab.folder / f"session-{len(agents)}"
        (folder / "run").mkdir(parents=True)
        flag = folder / "in_service"
        flag.touch()
        p = lab.run(f"agent-{len(agents)}", [
            PROGRAM, "agent", "-c", ROOT / "conf" / "example.ini",
            "-o", f"service.id=example-{len(agents)}",
            "-o", f"api.listen={address}:{port}",
            "-o", f"options.flag={flag}",
            "-o", f"agent.run_dir={folder / 'run'}",
            "-o", f"agent.state_dir={folder / 'state'}",
            "-o", f"agent.disable_file={folder / 'disable'}",
        ], env={**lab.env, "CONSUL_HTTP_ADDR": f"{address}:8500"})
        p.flag, p.url = flag, f"http://{address}:{port}"
        agents.append(p)
        return p
    yield start
    for p in agents:
        p.end()
    single.request("DELETE", "/v1/kv/lock/example/leader")


def says(process, text):
    """The log has a line of exactly this text, with its time and service."""
    return any(re.fullmatch(rf"{STAMP} \[example\] {re.escape(text)}", line)
               for line in process.text().splitlines())


@pytest.mark.sanitized
def test_the_log_the_health_the_catalogue_and_the_dns_are_as_in_the_readme(
        session, single):
    agent = session()
    agent.wait_log("Updating tag to master")
    assert says(agent, "API server listening on port 8000")
    assert says(agent, "Registering service in Consul")
    assert says(agent, "Updating tag to master")
    order = [agent.text().index(t) for t in (
        "API server listening", "Registering service", "Updating tag to master")]
    assert order == sorted(order)

    healthy = net.request("GET", f"{agent.url}/health")
    assert healthy.status == 200
    assert healthy.text == f'"Service flag {agent.flag} exists"\n'

    instance, = net.wait_for(
        "the catalogue shows a master",
        lambda: [i for i in single.catalog("example") if i["ServiceTags"] == ["master"]])
    assert instance["ServicePort"] == 3306 or instance["ServicePort"] > 0
    net.wait_for("the DNS has the master", lambda: single.dig(
        "master.example.service.consul") == [single.address])

    agent.flag.unlink()
    sick = net.wait_for("/health is bad", lambda: (
        lambda a: a if a.status == 500 else None)(
            net.request("GET", f"{agent.url}/health")))
    assert sick.text == f'"Service flag {agent.flag} does not exist"\n'


def test_stopping_the_application_takes_the_node_out_of_the_service(session, single):
    agent = session()
    net.wait_for("the DNS has the master", lambda: single.dig(
        "master.example.service.consul"))
    agent.flag.unlink()
    net.wait_for("the DNS has no master",
                 lambda: not single.dig("master.example.service.consul"))
    net.wait_for("the check is critical", lambda: set(
        single.checks("example").values()) == {"critical"}, 15)
    assert not single.dig("example.service.consul")
    assert single.session_of("example") is None


def test_stopping_the_agent_deregisters_it_at_once(session, single):
    agent = session()
    agent.wait_log("Updating tag to master")
    assert agent.stop() == 0
    assert single.catalog("example") == []
    assert single.session_of("example") is None
    assert single.sessions("example") == []


def test_either_way_another_node_becomes_the_master(session, single):
    first = session()
    first.wait_log("Updating tag to master")
    second = session()
    net.wait_for("there is a slave", lambda: single.tags("example").get(
        "example-1") == ["slave"])
    first.signal(signal.SIGTERM)
    net.wait_for("the second is master", lambda: single.tags("example") ==
                 {"example-1": ["master"]}, 5)
    third = session()
    net.wait_for("there is a slave", lambda: single.tags("example").get(
        "example-2") == ["slave"])
    second.flag.unlink()
    net.wait_for("the third is master", lambda: single.tags("example").get(
        "example-2") == ["master"], 5)
    third.stop()
