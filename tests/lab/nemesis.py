"""The nemesis: does something bad to a lab, again and again, from one seed.

A fault is a generator: it does the harm, yields for as long as that shall last,
and takes it away.  What it does depends on chance and on who is master, so the
same seed gives the same harm, but not to the microsecond.
"""

import contextlib
import random
import time

from . import harm, proxy

FAULTS = {}


def fault(*parts, weight=1):
    """Registers one.  Two that touch the same part of a node are not done at the
    same time: nobody can promise anything without both agent and guard."""
    def register(function):
        FAULTS[function.__name__] = (function, set(parts), weight)
        return function
    return register


class Nemesis:
    def __init__(self, lab, seed):
        self.lab, self.chance = lab, random.Random(seed)
        lab.say(f"NEMESIS_SEED={seed}")

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.harm(self.pick(self.chance.choice((1, 1, 2, 3))))
            found = self.lab.problems()
            assert not found, "\n".join(found)
            if self.chance.random() < 0.6:
                self.lab.heal()
                self.lab.one_master()

    def pick(self, size):
        names, parts = [], set()
        for name in self.chance.sample(sorted(FAULTS), size, counts=[
                FAULTS[name][2] for name in sorted(FAULTS)]):
            if name not in names and not FAULTS[name][1] & parts:
                names.append(name)
                parts |= FAULTS[name][1]
        return names

    def harm(self, names):
        under_way = []
        for name in names:
            self.lab.say(f"fault: {name.replace('_', ' ')}")
            run = FAULTS[name][0](self.lab, self.chance)
            next(run)
            under_way.append(run)
            time.sleep(self.chance.uniform(0, 1.5))
        time.sleep(self.chance.choice((0.3, 2, 5, 9, 14)) *
                   self.chance.uniform(0.5, 1))
        for run in under_way:
            next(run, None)
        self.lab.say("end of " + ", ".join(names).replace("_", " "))


def any_node(lab, chance):
    """The master two times out of three: that is where it hurts."""
    masters = [n for n in lab.nodes if n.role == "master"]
    return masters[0] if masters and chance.random() < 0.66 \
        else chance.choice(lab.nodes)


#
# The network.
#

@fault("network", weight=3)
def a_host_is_cut_off(lab, chance):
    place = any_node(lab, chance).place
    place.cut(chance.choice(("both", "both", "in", "out")))
    yield
    place.heal()


@fault("network")
def a_network_flaps(lab, chance):
    place = any_node(lab, chance).place
    for _ in range(chance.randint(2, 6)):
        place.cut(chance.choice(("both", "in", "out")))
        time.sleep(chance.uniform(0.1, 2))
        place.heal()
        time.sleep(chance.uniform(0.1, 1))
    yield


@fault("network")
def the_network_is_split(lab, chance):
    places = lab.site.hub.places
    lab.site.hub.part(*chance.sample(places, chance.randint(1, len(places) - 1)))
    yield
    lab.site.hub.part()


#
# Consul.
#

def back(c):
    if not c.running:
        c.start()


@fault("client")
def a_consul_agent_is_killed(lab, chance):
    c = any_node(lab, chance).consul
    c.kill()
    yield
    back(c)


@fault("client")
def a_consul_agent_leaves(lab, chance):
    c = any_node(lab, chance).consul
    c.stop()
    yield
    back(c)


@fault("client")
def a_consul_agent_freezes(lab, chance):
    c = any_node(lab, chance).consul
    c.freeze()
    yield
    c.thaw()


@fault("server")
def servers_are_killed(lab, chance):
    servers = chance.sample(lab.servers, chance.choice((1, 1, 2, 3)))
    for s in servers:
        s.kill()
    yield
    for s in servers:
        back(s)


@fault("server")
def servers_freeze(lab, chance):
    servers = chance.sample(lab.servers, chance.choice((1, 1, 2)))
    for s in servers:
        s.freeze()
    yield
    for s in servers:
        s.thaw()


def a_server(lab):
    return next((s for s in lab.servers if s.running), lab.servers[0])


@fault()
def the_key_is_deleted(lab, chance):
    a_server(lab).request("DELETE", f"/v1/kv/lock/{lab.service}/leader", timeout=2)
    yield


@fault()
def the_lock_is_released(lab, chance):
    key = f"/v1/kv/lock/{lab.service}/leader"
    found = a_server(lab).get(f"{key}?stale", timeout=2)
    if found and found[0].get("Session"):
        a_server(lab).request("PUT", f"{key}?release={found[0]['Session']}", timeout=2)
    yield


@fault()
def the_key_is_overwritten(lab, chance):
    a_server(lab).request("PUT", f"/v1/kv/lock/{lab.service}/leader",
                          chance.choice(("", "{", "x" * 9000, "[]")), timeout=2)
    yield


@fault()
def a_session_is_destroyed(lab, chance):
    s = a_server(lab)
    sessions = s.get("/v1/session/list?stale", timeout=2) or []
    for session in sessions:
        if session["Name"] == lab.service:
            s.request("PUT", f"/v1/session/destroy/{session['ID']}", timeout=2)
            break
    yield


@fault("proxy")
def answers_are_odd(lab, chance):
    node = any_node(lab, chance)
    node.proxy.become(chance.choice(sorted(proxy.BROKEN)))
    yield
    node.proxy.reset()


@fault("proxy")
def answers_are_ambiguous(lab, chance):
    how = [proxy.lost_answer(), proxy.error_after(), proxy.late(), proxy.twice(),
           proxy.truncated(7), proxy.late(1.5)]
    for node in lab.nodes:
        node.proxy.on("PUT", "", chance.choice(how), times=chance.randint(1, 4))
    yield
    for node in lab.nodes:
        node.proxy.reset()


@fault("proxy")
def answers_are_stale(lab, chance):
    """But for the proofs: Consul promises those."""
    for node in lab.nodes:
        node.proxy.on("GET", "^(?!.*consistent)", proxy.stale())
    yield
    for node in lab.nodes:
        node.proxy.reset()


@fault("proxy")
def everything_is_slow(lab, chance):
    for node in lab.nodes:
        node.proxy.become(proxy.slow(chance.uniform(0.1, 1.2)))
    yield
    for node in lab.nodes:
        node.proxy.reset()


#
# Our own processes, and the application.
#

@fault("agent", weight=3)
def an_agent_is_killed(lab, chance):
    node = any_node(lab, chance)
    if node.agent.running:
        node.agent.kill()
    yield
    back(node.agent)


@fault("agent")
def an_agent_is_killed_and_comes_back_at_once(lab, chance):
    node = any_node(lab, chance)
    if node.agent.running:
        node.agent.kill()
    back(node.agent)
    yield


@fault("agent")
def an_agent_stops(lab, chance):
    node = any_node(lab, chance)
    node.agent.end()
    yield
    back(node.agent)


@fault("agent", weight=3)
def an_agent_freezes(lab, chance):
    node = any_node(lab, chance)
    if node.agent.running:
        node.agent.freeze()
    yield
    if node.agent.running:
        node.agent.thaw()


@fault("agent")
def a_guard_is_killed(lab, chance):
    node = any_node(lab, chance)
    if node.guard:
        lab.kill(node.guard)
    yield


@fault("agent")
def a_handler_is_killed(lab, chance):
    node = any_node(lab, chance)
    if node.agent.running:
        for pid in node.agent.handlers().values():
            lab.kill(pid)
    yield


@fault("agent")
def a_handler_freezes(lab, chance):
    node = any_node(lab, chance)
    if node.agent.running:
        lab.freeze(*node.agent.handlers().values())
    yield
    lab.thaw()


@fault("application")
def an_application_is_killed(lab, chance):
    node = any_node(lab, chance)
    if node.app.running:
        node.app.kill()
        lab.died(node)
    yield
    back(node.app)


@fault("application")
def an_application_freezes(lab, chance):
    node = any_node(lab, chance)
    if node.app.running:
        node.app.freeze()
    yield
    node.app.thaw()
    back(node.app)


@fault("application")
def an_application_is_sick(lab, chance):
    node = any_node(lab, chance)
    node.agent.flag.unlink(missing_ok=True)
    yield
    node.agent.cure()


@fault("application")
def a_copy_is_disabled(lab, chance):
    node = any_node(lab, chance)
    node.agent.disable_file.touch()
    yield
    node.agent.disable_file.unlink(missing_ok=True)


@fault("calls")
def calls_misbehave(lab, chance):
    node = any_node(lab, chance)
    op = chance.choice(("health", "ensure_master", "ensure_slave", "ensure_demoted"))
    node.agent.script(**{op: chance.choice(
        ("hang", "bad", "crash", "300", "900") if op != "ensure_demoted"
        else ("100", "300"))})
    yield
    node.agent.script()


#
# The machine.
#

@fault("agent")
def descriptors_run_out(lab, chance):
    pids = list(any_node(lab, chance).processes())
    with contextlib.ExitStack() as limits:
        for pid in pids:
            with contextlib.suppress(OSError):      # it has just ended
                limits.enter_context(harm.descriptors(pid, chance.choice((0, 1, 4))))
        yield


@fault("agent")
def the_processor_comes_in_bursts(lab, chance):
    harm.bursts(any_node(lab, chance), chance.uniform(1, 5), chance.uniform(0.1, 0.5))
    yield


@fault("agent", "proxy")
def an_agent_stands_still_when_it_gets_an_answer(lab, chance):
    """Any answer, and what it says is old when it wakes up."""
    node = any_node(lab, chance)
    freezer = harm.Freezer(lambda x, reply: "index=" not in x.path,
                           chance.choice((None, 0, 0.001, 0.005, 0.02)))
    if node.agent.running:
        node.proxy.on("*", "", freezer.fault(node))
    yield
    node.proxy.reset()
    if node.agent.running:
        node.agent.thaw()
