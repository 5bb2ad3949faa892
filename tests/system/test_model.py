"""The simulator's model of Consul answers as a real Consul does.

Both are asked the same: the sequences in tests/simulation/sequences, and some
that a seed makes up, others in each run.  SEED=N repeats those of a run that
failed; it also prints them as lines for that file.
"""

import concurrent.futures
import os
import random
import subprocess

import pytest

from lab import BUILD, ROOT, consul, net

# One worker plays all, as they share a cluster.
pytestmark = pytest.mark.xdist_group("model")

ROOT_TOKEN = "0c2f3a52-6a2e-4c6f-a2cd-0d2b3f6f7c10"
TOKENS = {"deny": "5b1b6a6e-55fd-4d1e-8a4c-1f6e0d1f9c21",
          "revoke": "00000000-1111-2222-3333-444444444444",	# there is none
          "restore": ""}


def sequences():
    """[(name, what it breaks, steps)] of the file."""
    found = []
    for line in (ROOT / "tests/simulation/sequences").read_text().splitlines():
        if line.startswith("== "):
            name, _, breaks = line[3:].partition("\t")
            found.append((name, breaks, []))
        elif line and not line.startswith("#"):
            found[-1][2].append(line)
    return found


class Player:
    """One of the two programs, which plays a step after the other."""

    def __init__(self, program, *arguments):
        self.popen = subprocess.Popen(
            [BUILD / "tests/simulation" / program, *map(str, arguments)],
            text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def play(self, step):
        self.popen.stdin.write(step + "\n")
        self.popen.stdin.flush()
        answer = self.popen.stdout.readline()
        if not answer:
            return f"*** {self.popen.stderr.read().strip()}"
        return answer.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.communicate(timeout=10)


class Real(Player):
    """A real cluster; the faults and an operator's hands are ours."""

    def __init__(self, cluster, nodes, service):
        self.cluster, self.nodes, self.service = cluster, nodes, service
        self.key = f"/v1/kv/lock/{service}/leader"
        super().__init__("model-consul", service, *(
            f"{c.name}={c.address}:8500" for c in self.nodes))

    def play(self, step):
        verb, *words = step.split()
        if verb in TOKENS:
            return super().play(f"token {words[0]} {TOKENS[verb]}")
        answer = super().play(step)
        hand = getattr(self, "hand_" + verb.replace("-", "_"), None)
        if hand and not answer.startswith("***"):
            if words and words[0].isdigit():
                words[0] = self.nodes[int(words[0]) - 1]
            hand(*words)
        return answer

    def wait_status(self, node, status):
        """Until all servers' leader has it."""
        def so():
            checks = self.cluster.servers[0].get(
                f"/v1/health/checks/{self.service}?consistent") or []
            return status == next((c["Status"] for c in checks
                                   if c["Node"] == node.name), None)
        net.wait_for(f"{self.service} is {status}", so, 10, 0.01)

    def wait_right(self, node):
        """A new agent does not know at once what all may do."""
        def known():
            answers.append(node.request("PUT", "/v1/agent/check/register", {
                "Name": "any", "TTL": "1h"}))
            return answers[-1].status == 200
        answers = []
        try:
            net.wait_for(f"{node.name} knows the ACLs", known, 10, 0.1)
        except TimeoutError as e:
            raise TimeoutError(f"{e}: {answers[-1]}") from None

    def hand_register(self, node, status="passing"):
        self.wait_right(node)
        node.put("/v1/agent/service/register", {
            "Name": self.service, "Check": {"TTL": "1h", "Status": status}})
        self.wait_status(node, status)

    def hand_deregister(self, node):
        node.put(f"/v1/agent/service/deregister/{self.service}")
        self.wait_status(node, None)

    def hand_check(self, node, status):
        self.wait_right(node)
        how = "pass" if status == "passing" else "fail"
        node.put(f"/v1/agent/check/{how}/service:{self.service}")
        self.wait_status(node, status)

    @property
    def hand(self):
        return self.nodes[0]

    def hand_delete(self):
        self.hand.delete(self.key)

    def hand_overwrite(self, value):
        self.hand.put(self.key, value)

    def hand_force_release(self, value):
        key = self.hand.get(self.key) or [{}]
        holder = key[0].get("Session", "")
        self.hand.request("PUT", f"{self.key}?release={holder}", value)

    def hand_kill(self, node):
        node.kill()

    def hand_start(self, node, status="passing"):
        node.start().wait_ready()
        self.wait_status(node, status)

    def hand_leave(self, node):
        node.put("/v1/agent/leave")
        node.wait()

    def hand_freeze(self, node):
        node.freeze()

    def hand_thaw(self, node):
        node.thaw()
        node.wait_ready()

    def hand_newleader(self):
        old = self.cluster.leader()
        old.kill()
        for c in self.cluster.servers + self.nodes:
            if c is not old:
                c.wait_ready()

    def hand_noquorum(self):
        leader = self.cluster.leader()
        for c in self.cluster.servers:
            if c is not leader:
                c.kill()
        net.wait_for("there is no leader", lambda: leader.get(
            "/v1/status/leader") == "", 20)

    def hand_quorum(self):
        mend(self.cluster.servers + self.nodes)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, network):
    c = consul.Cluster(
        tmp_path_factory.mktemp("model"), network, servers=3, clients=4,
        session_ttl_min="1s",
        acl={"enabled": True, "default_policy": "allow",
             "tokens": {"master": ROOT_TOKEN, "agent": ROOT_TOKEN}})
    try:
        c.start()
        server = c.servers[0]
        net.wait_for("there are ACLs", lambda: server.request(
            "PUT", "/v1/acl/policy", {
                "Name": "no-key", "Rules": 'key_prefix "" { policy = "deny" }'},
            token=ROOT_TOKEN).status == 200, 20)
        server.put("/v1/acl/token", {
            "SecretID": TOKENS["deny"], "Policies": [{"Name": "no-key"}]},
            token=ROOT_TOKEN)
        yield c
    finally:
        c.end()


def mend(agents):
    for a in agents:
        if not a.running:
            a.start()
        a.thaw()
    for a in agents:
        a.wait_ready()


def play(cluster, name, steps, seed=1, victim=0):
    """Where the two answered otherwise, after what; "" if nowhere.  The last
    node is one of the cluster's last."""
    service = "model-" + "".join(c if c.isalnum() else "-" for c in name)
    nodes = cluster.clients[:2] + [cluster.clients[2 + victim]]
    told = []
    mend(nodes)
    with Player("model-simulated", 3, seed) as model, \
            Real(cluster, nodes, service) as real:
        for step in steps:
            try:
                ours, theirs = model.play(step), real.play(step)
            except (AssertionError, OSError) as e:
                ours, theirs = "", f"*** {e}"
            told.append(f"{step:<44}  {theirs}")
            if ours != theirs or ours.startswith("***") or ", but " in ours:
                return "\n".join([
                    f"== {name}", *told, f"{'':<35}the model  {ours}",
                    *kept_for_good(name, steps[:len(told)])])
    return ""


def kept_for_good(name, steps):
    """What to add to the file, so that what was made up is always played."""
    if not name.startswith("made up"):
        return []
    return ["To have it played in every run, add to "
            "tests/simulation/sequences:", "", f"== {name}", *steps, ""]


def agree(differences):
    text = "\n\n".join(filter(None, differences))
    if text:
        pytest.fail(text, pytrace=False)


def made_up(seed, length=70):
    """Steps whose answers do not depend on how long they take: a lock-delay is
    none, or longer than all of them; and no session ends by itself."""
    chance = random.Random(seed)
    sessions, kept, steps = [], ["missing"], ["get 1"]
    undelayed = []

    def session():
        if not sessions or chance.random() < .1:
            sessions.append(f"s{len(sessions)}")
            delay = chance.choice([0, 0, 0, 30000])
            if not delay:
                undelayed.append(sessions[-1])
            steps.append(f"create {sessions[-1]} {node()} ttl 60000 delay "
                         f"{delay}" + chance.choice(["", " serf"]))
        return chance.choice(sessions[-4:])

    def node():
        return chance.randint(1, 3)

    def kind():
        return chance.choices(
            ["lock", "old lock", "release", "get", "destroy", "renew", "info",
             "list", "instances", "keep", "watch", "operator", "check",
             "service", "put", "remove", "records"],
            [9, 3, 6, 3, 2, 2, 1, 1, 1, 2, 1, 2, 1, 1, 4, 1, 3])[0]

    def step(what):
        if what == "lock":
            steps.append(f"get {node()}")
            return f"lock {session()} by {node()} value v{len(steps)}"
        if what == "old lock":
            return f"lock {session()} as {chance.choice(kept[-3:])}"
        if what == "release":
            return f"release {session()} by {node()} value r{len(steps)}"
        if what == "get":
            return f"get {node()}" + chance.choice(["", " consistent"])
        if what in ("destroy", "renew", "info"):
            return f"{what} {session()} by {node()}"
        if what == "put":
            # The model knows no lock-delay of a record: nobody waits for it.
            s = chance.choice(undelayed[-3:] or ["nobody"])
            return f"put {s} {s} by {node()} value p{len(steps)}"
        if what == "remove":
            return f"remove {session()} by {node()}"
        if what == "records":
            return f"records {node()}"
        if what == "list":
            return f"list {node()} by {node()}"
        if what == "instances":
            return f"instances {node()}"
        if what == "keep":
            kept.append(f"k{len(kept)}")
            return f"keep {kept[-1]}"
        if what == "watch":
            steps.append(f"get {node()}")
            steps.append(f"watch {node()} wait 800")
            steps.append(step(chance.choice(["lock", "release", "destroy"])))
            return "woken"
        if what == "operator":
            return chance.choice(["delete", f"overwrite o{len(steps)}",
                                  f"force-release f{len(steps)}"])
        n = node()
        if what == "check":
            steps.append(f"check {n} critical")
            steps.append(step("info"))
            return f"check {n} passing"
        steps.append(f"deregister {n}")
        steps.append(step("lock"))
        return f"register {n}"

    steps += [f"register {n}" for n in (1, 2, 3)]
    while len(steps) < length:
        steps.append(step(kind()))
    return steps


def needs(what):
    return [(name, steps) for name, word, steps in sequences() if word == what]


def test_the_model_answers_as_a_real_consul(cluster):
    seed = int(os.environ.get("SEED") or os.environ.get("FRESH") or
               random.randrange(1 << 32))
    print(f"SEED={seed}")
    quiet = needs("") + [(f"made up from {seed + n}", made_up(seed + n))
                         for n in range(12)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        # They break a node that no other has: one after the other.
        faults = pool.submit(lambda: [
            play(cluster, *played, victim=1) for played in needs("agents")])
        agree([*pool.map(lambda p: play(cluster, *p, seed), quiet),
               *faults.result()])


@pytest.mark.parametrize("name, steps", [
    pytest.param(*played, id=played[0]) for played in needs("servers")])
def test_the_model_fails_as_a_real_consul(cluster, name, steps):
    mend(cluster.servers)
    agree([play(cluster, name, steps)])
