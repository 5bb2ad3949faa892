"""What comes from Consul is late, odd, old, twice, or not all there."""

import time

import pytest

from lab import net, proxy

LOCK_DELAY = 5
WATCH, PROOF, LOCK = r"/leader\?index=", r"/leader\?consistent", "/leader"


def nested(data):
    return b"[" * 3000 + data


def without(data):
    return data.replace(b'"Session"', b'"Xession"')


def index(what):
    """Before each number of LockIndex, CreateIndex and ModifyIndex."""
    return proxy.body(lambda b: b.replace(b'Index":', b'Index":' + what))


# Each in a second, to everything that the master asks: no proof can be drawn
# from any of them, and none is the end of the agent.
ODD = {
    **proxy.BROKEN,
    "status 204": proxy.says(204), "status 301": proxy.says(301),
    "status 400": proxy.status(400), "status 404": proxy.status(404),
    "status 405": proxy.status(405), "status 500": proxy.status(500),
    "status 503": proxy.status(503), "status 999": proxy.status(999),
    "null": proxy.body(b"null"), "true": proxy.body(b"true"),
    "an empty list": proxy.body(b"[]"), "a list of null": proxy.body(b"[null]"),
    "an empty object": proxy.body(b"{}"), "a list of lists": proxy.body(b"[[[]]]"),
    "a number": proxy.body(b"1e999"), "NUL bytes": proxy.body(b"\0" * 1000),
    "half of it": proxy.body(lambda b: b[:len(b) // 2]),
    "all but the last byte": proxy.body(lambda b: b[:-1]),
    "something behind it": proxy.body(lambda b: b + b"}]x"),
    "nested": proxy.body(nested), "no Session": proxy.body(without),
    "other types": proxy.body(lambda b: b.replace(b'":"', b'":[],"x":"')),
    "numbers as text": index(b"\"x\",\"y\":"),
    "huge numbers": index(b"99999999999999999999"),
    "negative numbers": index(b"-"),
    "bad base64": proxy.body(lambda b: b.replace(b"Value\":\"", b"Value\":\"%%%")),
    "bad UTF-8": proxy.body(lambda b: b.replace(b"lock/", b"lo\xff\xfek/")),
    "the length too long": proxy.length(+10),
    "the length too short": proxy.length(-10),
    "no byte of the body": proxy.truncated(0),
    "seven bytes of the body": proxy.truncated(7),
    "no HTTP": proxy.raw(b"hello\r\n\r\n"),
    "half a header": proxy.raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "a long header": proxy.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200000 + b"\r\n\r\n"),
    "bad chunks": proxy.raw(b"HTTP/1.1 200 OK\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"),
    "two lengths": proxy.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                             b"Content-Length: 5\r\n\r\n[]"),
    "a negative length": proxy.raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[]"),
    "the index is 0": proxy.header("X-Consul-Index", "0"),
    "no index": proxy.header("X-Consul-Index", None),
    "the index is a word": proxy.header("X-Consul-Index", "abc"),
    "the index is too huge": proxy.header("X-Consul-Index", "18446744073709551616"),
    "the index is negative": proxy.header("X-Consul-Index", "-5"),
    "100 Continue for ever": proxy.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}
# These may be true, and the agent has to go on with what it can take from them.
HARMLESS = {
    "the index is huge": proxy.header("X-Consul-Index", "18446744073709551615"),
    "another content type": proxy.header("Content-Type", "text/html"),
    "twice": proxy.twice(), "a bit late": proxy.slow(0.3),
    "answered a bit late": proxy.late(0.3), "new members": proxy.body(
        lambda b: b.replace(b"{", b'{"New":{"a":[1,null]},', 1)),
    "blanks": proxy.body(lambda b: b" \n" + b + b"\r\n "),
}


@pytest.mark.parametrize("part", range(4))
def test_every_odd_answer_to_the_master(lab, part):
    lab.three()
    for name in sorted(ODD)[part::4]:
        master = next((n for n in lab.nodes if n.role == "master"), lab.nodes[0])
        master.proxy.become(ODD[name], name)
        time.sleep(1.3)
        master.proxy.reset()
        time.sleep(0.7)
        assert all(n.agent.running for n in lab.nodes), name


@pytest.mark.parametrize("part", range(4))
def test_every_odd_answer_to_the_slaves(lab, part):
    first, *others = lab.three()
    for name in sorted(ODD)[part::4]:
        for n in others:
            n.proxy.become(ODD[name], name)
        time.sleep(1.3)
        for n in others:
            n.proxy.reset()
        time.sleep(0.3)
        assert all(n.agent.running for n in lab.nodes), name
    assert [m.node for m in lab.masterships()] == [first.name]


def test_a_huge_answer_leaves_nothing_in_the_memory_of_the_agent(lab):
    first, *_ = lab.three()
    memory = []
    for _ in range(4):
        first.proxy.become(ODD["huge"], "huge")
        time.sleep(1)
        first.proxy.reset()
        lab.settled()
        memory.append(first.footprint()[2])
    assert max(memory) - memory[0] < 256 and memory[0] - first.before[2] < 512


def test_harmless_answers_cost_no_failover(lab):
    first, *_ = lab.three()
    for name in sorted(HARMLESS):
        for n in lab.nodes:
            n.proxy.become(HARMLESS[name], name)
        time.sleep(2)
        for n in lab.nodes:
            n.proxy.reset()
    assert [m.node for m in lab.masterships()] == [first.name]


@pytest.mark.parametrize("name", ["html200", "closed", "nothing", "no HTTP"])
def test_the_master_gets_nothing_from_consul_any_more(lab, name):
    """Nor does Consul get anything from it: its session ends."""
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.proxy.become(ODD[name], name)
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    lab.settled(nodes=others)
    assert first.role not in ("master", "promoting")


@pytest.mark.parametrize("name", ["an empty object", "status 500", "half of it",
                                  "the length too long", "no Session"])
def test_the_master_gets_no_good_answer_any_more(lab, name):
    """But Consul gets all that it asks for: it may keep the lock."""
    first, *_ = lab.three()
    since = time.monotonic_ns()
    first.proxy.become(ODD[name], name)
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    time.sleep(5)
    assert first.role not in ("master", "promoting")


@pytest.mark.parametrize("session", ["at once", "later"])
def test_an_answer_that_is_older_than_another_one_is_not_believed(lab, session):
    """A read was answered by Consul before the lock was given back, and comes
    after the watch has told of that; before or after there is a session to take
    the lock with."""
    first, second, third = lab.three()
    third.agent.stop()
    net.wait_for("the other one has a session", lambda: second.consul.name in [
        s["Node"] for s in lab.sessions()], 10)
    if session == "later":
        second.proxy.on("PUT", "/v1/session/create", proxy.slow(0.9), times=1)
    rule = second.proxy.on("GET", PROOF, proxy.late(0.8), times=1)
    for s in lab.sessions():
        if s["Node"] == second.consul.name:
            second.consul.put(f"/v1/session/destroy/{s['ID']}")
    net.wait_for("it looks at the key", lambda: rule.done, 20, 0.01)
    first.agent.sicken()
    lab.settled(20, nodes=[second])
    time.sleep(2)
    assert second.role == "master"
    assert [m.node for m in lab.masterships()] == [first.name, second.name]


AMBIGUOUS = {
    "late": lambda: proxy.late(3),
    "never answered": proxy.late,
    "the answer is lost": proxy.lost_answer,
    "an error, though it was done": proxy.error_after,
    "sent twice": proxy.twice,
    "not passed on": proxy.silent,
}
WRITES = {
    "acquire": ("PUT", "/v1/txn"),
    "session": ("PUT", "/v1/session/create"),
    "register": ("PUT", "/v1/agent/service/register"),
}


@pytest.mark.parametrize("how", AMBIGUOUS)
@pytest.mark.parametrize("what", WRITES)
def test_a_write_of_the_next_master_is_ambiguous(lab, what, how):
    """It is in effect, or is not, and the agent can't know: two times."""
    first, *others = lab.three()
    rules = [n.proxy.on(*WRITES[what], AMBIGUOUS[how](), times=2) for n in others]
    if what == "session":
        for n in others:
            net.wait_for(f"{n.name} has a session", lambda: n.consul.name in [
                s["Node"] for s in lab.sessions()], 10)
            for s in lab.sessions():
                if s["Node"] == n.consul.name:
                    n.consul.put(f"/v1/session/destroy/{s['ID']}")
    first.agent.stop()
    lab.settled(60, nodes=others)
    # The tag is changed after all else.
    net.wait_for("such a request came", lambda: any(r.done for r in rules), 10)


@pytest.mark.parametrize("how", AMBIGUOUS)
def test_the_release_of_the_master_is_ambiguous(lab, how):
    first, *others = lab.three()
    rule = first.proxy.on("PUT", r"\?release=", AMBIGUOUS[how]())
    began = lab.masterships()[-1].begin
    first.agent.sicken()
    new = lab.settled(nodes=others)
    lab.kept(first, new, began)
    assert rule.done
    first.proxy.reset()
    first.agent.cure()


@pytest.mark.parametrize("how", AMBIGUOUS)
def test_the_end_of_the_session_is_ambiguous(lab, how):
    """When the agent stops: it says what it could not do, and ends."""
    first, *others = lab.three()
    first.proxy.on("PUT", "/v1/session/destroy", AMBIGUOUS[how]())
    first.proxy.on("PUT", "deregister", AMBIGUOUS[how]())
    first.agent.stop()
    lab.settled(nodes=others)
    first.proxy.reset()


@pytest.mark.parametrize("how", ["late", "never answered", "not passed on"])
def test_renewals_are_not_answered(lab, how):
    """A renewal proves nothing, and one that is missing is no reason to stop:
    the lock is still ours as long as Consul says so."""
    first, *_ = lab.three()
    first.proxy.on("PUT", "/v1/session/renew", AMBIGUOUS[how]())
    time.sleep(8)
    lab.settled()


def test_every_third_request_is_answered_badly(lab):
    first, *_ = lab.three()
    for n in lab.nodes:
        count = iter(range(1 << 30))
        faults = [proxy.closed(), proxy.lost_answer(), proxy.status(500)]

        def sometimes(x, count=count, faults=faults):
            i = next(count)
            return faults[i // 3 % 3](x) if i % 3 == 0 else proxy.passed_on()(x)
        n.proxy.become(sometimes)
    time.sleep(10)
    assert all(n.agent.running for n in lab.nodes)
    for n in lab.nodes:
        n.proxy.reset()
    lab.settled()


def test_stale_answers_to_the_slaves(lab):
    """What they read is as it was when the lock was still held, and later as it
    was when it was free; an acquire on what is old news is refused by Consul."""
    first, second, third = lab.three()
    for n in (second, third):
        n.proxy.on("GET", "", proxy.stale())
    time.sleep(4)
    assert [m.node for m in lab.masterships()] == [first.name]
    for n in (second, third):
        n.proxy.reset()
    lab.settled()


def test_a_lock_that_is_free_in_a_stale_answer_only(lab):
    """A slave sees the lock free, when it has long been taken."""
    first, second, third = lab.three()
    free = {}

    def remember(x):
        reply = x.forward()
        if reply.status == 200 and b"Session" not in reply.body:
            free[x.key] = reply
        x.send(reply)

    def old(x):
        x.send(free.get(x.key) or x.forward())

    for n in (second, third):
        n.proxy.on("GET", LOCK, remember)
        n.proxy.cut()
    first.agent.stop()
    new = lab.settled(nodes=[second, third])
    slave = third if new is second else second
    assert free
    slave.proxy.on("GET", WATCH, old)
    slave.proxy.on("GET", PROOF, old)
    slave.agent.hup()
    time.sleep(6)
    assert slave.role != "master"
    assert lab.masterships()[-1].node == new.name


def test_stale_answers_to_the_master(lab):
    """All but the proof, which no Consul answers from memory: the lock is taken
    away from it, and all else says that nothing has changed."""
    first, *_ = lab.three()
    stale = proxy.stale()
    first.proxy.on("GET", r"^(?!.*consistent)", stale)
    since = time.monotonic_ns()
    session = first.consul.session_of(lab.service)
    first.consul.put(f"/v1/session/destroy/{session}")
    assert lab.demoted(first, since, 20) < LOCK_DELAY


def test_everything_takes_almost_as_long_as_a_request_may(lab):
    """1.9 s of 2 s, with the timings that an agent has by default."""
    for n in lab.nodes:
        n.agent.write(
            consul={"request_timeout": "2s"}, plugin={"demote_deadline": "3s"},
            lock={"fuse": "10s", "verify_interval": "2s", "lock_delay": "15s"})
    first, *_ = lab.three()
    for n in lab.nodes:
        n.proxy.become(proxy.slow(1.9))
    time.sleep(25)
    assert [m.node for m in lab.masterships()] == [first.name]
    with lab.controlled():
        first.agent.sicken()


def test_everything_takes_longer_than_a_request_may(lab):
    first, *others = lab.three()
    since = time.monotonic_ns()
    first.proxy.become(proxy.slow(1.3))
    assert lab.demoted(first, since, 20) < LOCK_DELAY
    lab.settled(nodes=others)
