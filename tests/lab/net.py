"""Addresses that nobody else uses, waiting, and HTTP."""

import contextlib
import functools
import http.client
import itertools
import json
import os
import random
import socket
import time
import urllib.error
import urllib.request


class Net:
    """A 127.x.y.0/24 of our own.

    An abstract socket named after it is the claim: it lives in the same
    network namespace as the addresses do, and the kernel ends it with us.
    """

    def __init__(self):
        self.claim = socket.socket(socket.AF_UNIX)
        chance = random.Random(os.getpid() ^ time.monotonic_ns())
        while True:
            self.prefix = f"127.{chance.randint(2, 253)}.{chance.randint(0, 254)}"
            try:
                self.claim.bind(f"\0consul-failover-lab {self.prefix}")
                break
            except OSError:
                continue
        self.hosts = itertools.count(1)
        self.ports = itertools.count(10000)     # above those of Consul

    def address(self):
        return f"{self.prefix}.{next(self.hosts)}"

    def port(self):
        """One that this net has not given before."""
        return next(self.ports)

    def close(self):
        self.claim.close()


def wait_for(what, condition, seconds=20, pause=0.05):
    """Calls condition until it gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        time.sleep(pause)


class Answer:
    """What an HTTP server said; status 0 where it said nothing."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


@functools.cache
def _opener(tls):
    """Kept: to make one costs more than the whole request."""
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))


def request(method, url, body=None, headers=None, timeout=10, tls=None):
    """One HTTP request; url may be unix:///socket/path:/v1/…"""
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    try:
        if url.startswith("unix://"):
            path, _, target = url[len("unix://"):].partition(":")
            connection = _UnixConnection(path, timeout)
            with contextlib.closing(connection):
                connection.request(method, target, body, headers or {})
                r = connection.getresponse()
                return Answer(r.status, r.headers, r.read())
        r = urllib.request.Request(url, body, headers or {}, method=method)
        with _opener(tls).open(r, timeout=timeout) as a:
            return Answer(a.status, a.headers, a.read())
    except urllib.error.HTTPError as e:
        with e:
            return Answer(e.code, e.headers, e.read())
    except (OSError, http.client.HTTPException) as e:
        return Answer(0, {}, str(e).encode())
