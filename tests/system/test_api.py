"""The agent's own HTTP server."""

import json
import socket
import threading
import time

import pytest

from lab import net

PATHS = ("/health", "/status", "/master", "/slave", "/metrics")


@pytest.fixture
def master(lab, single):
    return lab.agent(single).start().wait_role("master")


@pytest.mark.sanitized
def test_health_is_a_json_string_and_a_new_line(master):
    a = master.ask("/health")
    assert a.status == 200
    assert a.text.endswith('"\n') and isinstance(a.json, str)
    assert "json" in a.headers["Content-Type"]


@pytest.mark.fast
@pytest.mark.sanitized
def test_status_says_all_that_an_operator_asks(lab, single, master):
    s = master.status
    text = json.dumps(s)
    assert s["service"] == lab.service
    assert s["role"] == "master"
    assert s["epoch"] > 0
    for word in ("node", "since", "holder", "health", "proof", "fuse",
                 "transitions", "plugin", "version"):
        assert word in text, word
    assert single.name in text
    assert "because" in text or "why" in text or "reason" in text


def test_metrics_are_prometheus_text(master):
    a = master.ask("/metrics")
    assert a.status == 200
    assert a.headers["Content-Type"].startswith("text/plain")
    for line in a.text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2, line
        if not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])
    assert "consul_failover_" in a.text


@pytest.mark.fast
@pytest.mark.sanitized
def test_master_and_slave_are_200_only_in_that_role(lab, cluster):
    first, second, _ = lab.three(cluster)
    assert first.ask("/master").status == 200
    assert second.ask("/slave").status == 200
    assert first.ask("/slave").status not in (0, 200)
    assert second.ask("/master").status not in (0, 200)
    first.sicken()
    first.wait_role("unhealthy")
    assert first.ask("/master").status not in (0, 200)
    assert first.ask("/slave").status not in (0, 200)


@pytest.mark.sanitized
def test_head_answers_like_get_without_a_body(master):
    for path in PATHS:
        get, head = master.ask(path), master.ask(path, "HEAD")
        assert head.status == get.status, path
        assert head.body == b""
    master.sicken()
    net.wait_for("HEAD /health is 500",
                 lambda: master.ask("/health", "HEAD").status == 500, 20)


@pytest.mark.sanitized
def test_other_paths_are_404_and_other_methods_405(master):
    for path in ("/", "/nothing", "/health/", "/healthy", "/status/x", "//",
                 "/%00", "/../etc/passwd"):
        assert master.ask(path).status in (404, 400), path
    for method in ("PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
        assert master.ask("/health", method).status == 405, method
    assert master.ask("/health?x=1").status == 200


def raw(agent, data, seconds=3):
    """Sends bytes; gives what comes back until the end or the time is over."""
    host, port = agent.listen.rsplit(":", 1)
    with socket.create_connection((host, int(port)), seconds) as s:
        s.settimeout(seconds)
        answer = b""
        try:
            s.sendall(data)
            while chunk := s.recv(65536):
                answer += chunk
        except OSError:
            pass
        return answer


@pytest.mark.sanitized
def test_broken_and_huge_requests_cost_others_nothing(master):
    for data in (b"\0" * 1000, b"GET\r\n\r\n", b"GET /health HTTP/9.9\r\n\r\n",
                 b"\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                 b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 b"GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"POST /health HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" +
                 b"z" * 100000,
                 b"GET /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
        raw(master, data, 1)
        assert master.ask("/health").status == 200
    assert master.role == "master"


@pytest.mark.sanitized
def test_silent_and_slow_clients_cost_the_master_nothing(lab, single, master):
    host, port = master.listen.rsplit(":", 1)
    idle = [socket.create_connection((host, int(port)), 5) for _ in range(150)]
    try:
        for i, s in enumerate(idle):
            s.sendall(b"GET /hea" if i % 2 else b"G")
        end = time.monotonic() + 14
        while time.monotonic() < end:
            begin = time.monotonic()
            assert master.ask("/health", timeout=2).status == 200
            assert time.monotonic() - begin < 1
            time.sleep(0.5)
        assert master.role == "master"
        assert single.checks(lab.service)[lab.service] == "passing"
    finally:
        for s in idle:
            s.close()


def test_a_flood_of_requests_costs_the_master_nothing(lab, single, master):
    stop = time.monotonic() + 5
    counts = []

    def flood():
        n = 0
        while time.monotonic() < stop:
            n += master.ask("/status", timeout=5).status == 200
        counts.append(n)
    threads = [threading.Thread(target=flood) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(counts) > 100
    assert master.role == "master"
    assert [m.node for m in lab.masterships()] == [master.name]


def test_a_health_call_that_hangs_does_not_delay_the_answer(lab, single):
    a = lab.agent(single, sections={"plugin": {"health_deadline": "20s"}})
    a.start().wait_role("master")
    a.script(health="hang")
    time.sleep(1.5)
    begin = time.monotonic()
    assert a.ask("/health").status == 200
    assert time.monotonic() - begin < 0.5
