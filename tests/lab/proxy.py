"""An HTTP proxy between an agent and its Consul, which can break all that passes.

What happens to a request is a fault: a function of the Exchange.

    proxy.become(silent())                      to every request from now on
    proxy.on("PUT", "/v1/txn", late(3))         to these; the newest rule wins
    proxy.on("GET", "/v1/kv/", status(500), times=2)
    proxy.reset()                               all is passed on again

become() and reset() cut off what is under way and fits no rule any more.
"""

import http.client
import http.server
import re
import select
import socket
import socketserver
import threading
import time

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"
HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}


class Cut(Exception):
    """The connection to the agent ends here."""


class Reply:
    """An answer; length is what Content-Length says, when that is not true."""

    def __init__(self, status, headers, body, length=None):
        self.status, self.headers, self.body = status, dict(headers), body
        self.length = length


class Exchange:
    """One request of the agent, and what can be done with it."""

    def __init__(self, handler, proxy, body):
        self.handler, self.proxy, self.body = handler, proxy, body
        self.method, self.path = handler.command, handler.path
        # A GET is the same one whatever it waits for.
        self.key = re.sub(r"[?&](index|wait)=[^&]*", "", self.path) \
            if self.method == "GET" else None
        self.over = threading.Event()       # the rule is taken away

    def forward(self):
        """What Consul says."""
        c = http.client.HTTPConnection(*self.proxy.real, timeout=90)
        headers = {k: v for k, v in self.handler.headers.items()
                   if k.lower() not in HOP | {"host"}}
        try:
            c.request(self.method, self.path, self.body or None, headers)
            self.wait_for(c.sock)
            r = c.getresponse()
            reply = Reply(r.status, ((k, v) for k, v in r.getheaders()
                                     if k.lower() not in HOP), r.read())
        except (OSError, http.client.HTTPException):
            raise Cut from None
        finally:
            c.close()
        self.proxy.remember(self, reply)
        return reply

    def wait_for(self, sock):
        """Until sock has something to read; not longer than the agent waits."""
        agent = self.handler.connection
        ready = select.select([sock, agent], [], [], 90)[0]
        if sock not in ready:
            raise Cut

    def wait(self, seconds=None):
        """False where the rule went, or the agent hung up, meanwhile."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            left = 0.05 if end is None else min(0.05, end - time.monotonic())
            if self.over.wait(max(0, left)):
                return end is not None      # taken away: no need to wait longer
            if select.select([self.handler.connection], [], [], 0)[0]:
                raise Cut
        return True

    def send(self, reply):
        h = self.handler
        h.send_response(reply.status)
        for name, value in reply.headers.items():
            h.send_header(name, value)
        h.send_header("Content-Length", str(
            len(reply.body) if reply.length is None else reply.length))
        h.end_headers()
        h.wfile.write(reply.body)
        h.wfile.flush()


#
# The faults.
#

def passed_on():
    return lambda x: x.send(x.forward())


def silent():
    """Is not passed on, and never answered."""
    def fault(x):
        x.wait()
        raise Cut
    return fault


def closed():
    """Is not passed on; the connection ends."""
    def fault(x):
        raise Cut
    return fault


def slow(seconds):
    """Is passed on so much later."""
    def fault(x):
        x.wait(seconds)
        x.send(x.forward())
    return fault


def late(seconds=None):
    """Takes effect, and is answered so much later, or never: the agent can't
    know what has become of it."""
    def fault(x):
        reply = x.forward()
        if not x.wait(seconds):
            raise Cut
        x.send(reply)
    return fault


def lost_answer():
    """Takes effect, and the connection ends without an answer."""
    def fault(x):
        x.forward()
        raise Cut
    return fault


def error_after(code=500, body=b"leadership lost while committing log"):
    """Takes effect, and Consul says that it did not."""
    def fault(x):
        x.forward()
        x.send(Reply(code, {}, body))
    return fault


def twice():
    """Is sent two times; what the second one is answered is the answer."""
    def fault(x):
        x.forward()
        x.send(x.forward())
    return fault


def stale():
    """A GET is answered as the same one was before this fault had begun."""
    memory = {}

    def fault(x):
        with x.proxy.lock:
            if not memory:
                memory.update(x.proxy.memory)
        x.send(memory.get(x.key) or x.forward())
    return fault


def says(code, body=b"", headers=(), length=None):
    """Is not passed on, and answered with this."""
    return lambda x: x.send(Reply(code, dict(headers), body, length))


def changed(change):
    """change(reply) is done to the answer."""
    def fault(x):
        reply = x.forward()
        change(reply)
        x.send(reply)
    return fault


def status(code):
    return changed(lambda r: setattr(r, "status", code))


def header(name, value):
    """value None takes it away."""
    def change(r):
        r.headers = {k: v for k, v in r.headers.items() if k.lower() != name.lower()}
        if value is not None:
            r.headers[name] = value
    return changed(change)


def body(what):
    """what is bytes, or a function from bytes to bytes."""
    return changed(lambda r: setattr(
        r, "body", what(r.body) if callable(what) else what))


def length(more):
    """Content-Length is so much more, or less, than what comes; then the
    connection ends."""
    def fault(x):
        reply = x.forward()
        reply.length = max(0, len(reply.body) + more)
        x.send(reply)
        raise Cut
    return fault


def truncated(size):
    """Ends after so many bytes of the body."""
    def fault(x):
        reply = x.forward()
        reply.length = max(len(reply.body), size + 1)
        reply.body = reply.body[:size]
        x.send(reply)
        raise Cut
    return fault


def raw(data):
    """Is answered with these bytes, whatever they are."""
    def fault(x):
        x.handler.wfile.write(data)
        raise Cut
    return fault


def huge():
    """An answer that does not end."""
    def fault(x):
        chunk = b'[{"Key":"' + b"x" * 65536
        x.send(Reply(200, {}, chunk, 2 << 30))
        while not x.over.is_set():
            x.handler.wfile.write(chunk)
            x.proxy.sent += len(chunk)
        raise Cut
    return fault


def redirect():
    return lambda x: x.send(Reply(
        307, {"Location": x.proxy.url + "/elsewhere"}, b""))


# Each is some way in which something that is no sane Consul answers all.
BROKEN = {
    "html": says(502, HTML),
    "html200": says(200, HTML),
    "403": says(403, b"Permission denied"),
    "429": says(429, b"Permission denied"),
    "500": says(500, b"Permission denied"),
    "nothing": silent(),
    "closed": closed(),
    "half": says(200, b'[{"LockIndex":1,"Key":"lock', length=500),
    "huge": huge(),
    "redirect": redirect(),
    "empty": says(200, b""),
    "garbage": says(200, b"[" * 5000 + b'{"a":\x00\xff'),
}


class Rule:
    def __init__(self, method, pattern, fault, times=None):
        self.method, self.pattern = method, re.compile(pattern)
        self.fault, self.times = fault, times
        self.done = 0                       # so often

    def fits(self, x):
        return self.method in ("*", x.method) and self.pattern.search(x.path) \
            and (self.times is None or self.done < self.times)


class Proxy:
    """Listens at address:port, in the place where it is made."""

    def __init__(self, address, port, real_address, real_port=8500):
        self.address, self.port = address, port
        self.real = (real_address, real_port)
        self.url = f"http://{address}:{port}"
        self.lock = threading.Lock()
        self.rules = []
        self.under_way = {}     # connection: (exchange, rule); None when idle
        self.seen = []          # (method, path, token)
        self.memory = {}        # what Consul said last
        self.sent = 0           # bytes of huge()
        self.journal = lambda text: None
        proxy = self

        class Handler(_Handler):
            pass
        Handler.proxy = proxy

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass            # a client that went away

        self.server = Server((address, port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.05}).start()

    def become(self, fault, name=None):
        """To every request from now on, and to those under way; a name out of
        BROKEN will do."""
        if isinstance(fault, str):
            fault, name = BROKEN[fault], fault
        self._replace([Rule("*", "", fault)], name or fault.__qualname__)

    def reset(self):
        self._replace([], "passed on")

    def block(self):
        self.become(silent())

    def on(self, method, pattern, fault, times=None):
        """To the requests of this method ("*": any) whose path has the pattern
        in it; and to no more of them than times.  Cuts nothing off."""
        rule = Rule(method, pattern, fault, times)
        with self.lock:
            self.rules.insert(0, rule)
        self.journal(f"proxy {self.url}: {fault.__qualname__} to {method} {pattern}")
        return rule

    def _replace(self, rules, name):
        with self.lock:
            same = not self.rules and not rules
            self.rules = rules
        if not same:
            self.journal(f"proxy {self.url}: {name}")
            self.cut()

    def cut(self):
        """Ends what is under way, which the rules that were made since do not
        touch: it is asked again."""
        with self.lock:
            under_way = list(self.under_way.items())
        for connection, x in under_way:
            if x:
                x.over.set()
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def fault_for(self, x):
        with self.lock:
            self.under_way[x.handler.connection] = x
            for rule in self.rules:
                if rule.fits(x):
                    rule.done += 1
                    return rule.fault
        return passed_on()

    def remember(self, x, reply):
        with self.lock:
            if x.key:
                self.memory[x.key] = reply

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self._replace([Rule("*", "", closed())], "ended")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.proxy.lock:
            self.proxy.under_way[self.connection] = None

    def finish(self):
        with self.proxy.lock:
            self.proxy.under_way.pop(self.connection, None)
        super().finish()

    def log_message(self, *args):
        pass

    def serve(self):
        size = int(self.headers.get("Content-Length") or 0)
        x = Exchange(self, self.proxy, self.rfile.read(size))
        self.proxy.seen.append(
            (x.method, x.path, self.headers.get("X-Consul-Token")))
        try:
            self.proxy.fault_for(x)(x)
            with self.proxy.lock:
                self.proxy.under_way[self.connection] = None
        except (Cut, OSError):
            self.close_connection = True

    do_GET = do_PUT = do_DELETE = do_POST = do_HEAD = serve
