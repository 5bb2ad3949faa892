"""A Consul that misbehaves: passes requests on to a real one, or answers them
in some broken way."""

import http.client
import http.server
import socket
import socketserver
import threading
import time

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"


class BrokenConsul:
    """mode is one of MODES, and can be changed at any time: requests that are
    under way then are cut off."""

    MODES = ("html", "html200", "403", "429", "500", "nothing", "closed", "half",
             "huge", "redirect", "empty", "garbage")

    def __init__(self, address, port, real=None, mode="pass"):
        self.address, self.port, self.real, self.mode = address, port, real, mode
        self.url = f"http://{address}:{port}"
        self.open = set()
        self.seen = []          # (method, path, token)
        self.sent = 0           # bytes of "huge"
        broken = self

        class Handler(_Handler):
            consul = broken

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass            # a client that went away

        self.server = Server((address, port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True,
                         kwargs={"poll_interval": 0.05}).start()

    def become(self, mode):
        self.mode = mode
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.become("closed")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    consul = None

    def setup(self):
        super().setup()
        self.consul.open.add(self.connection)

    def finish(self):
        self.consul.open.discard(self.connection)
        super().finish()

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers=(), length=None):
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.consul.seen.append(
            (self.command, self.path, self.headers.get("X-Consul-Token")))
        mode = self.consul.mode
        if mode == "pass":
            return self.forward(body)
        if mode == "html":
            return self.answer(502, HTML)
        if mode == "html200":
            return self.answer(200, HTML)
        if mode in ("403", "429", "500"):
            return self.answer(int(mode), b"Permission denied")
        if mode == "empty":
            return self.answer(200, b"")
        if mode == "garbage":
            return self.answer(200, b"[" * 5000 + b'{"a":\x00\xff')
        if mode == "redirect":
            return self.answer(307, b"", [("Location", self.consul.url + "/elsewhere")])
        self.close_connection = True
        if mode == "half":
            self.answer(200, b'[{"LockIndex":1,"Key":"lock', length=500)
            return self.wfile.flush()
        if mode == "huge":
            return self.flood()
        if mode == "nothing":
            while self.consul.mode == "nothing":
                time.sleep(0.05)

    do_GET = do_PUT = do_DELETE = do_POST = do_HEAD = serve

    def flood(self):
        chunk = b'[{"Key":"' + b"x" * 65536
        self.answer(200, b'[{"Key":"', length=2 << 30)
        try:
            while self.consul.mode == "huge":
                self.wfile.write(chunk)
                self.consul.sent += len(chunk)
        except OSError:
            pass

    def forward(self, body):
        c = http.client.HTTPConnection(self.consul.real.address, 8500, timeout=90)
        headers = {k: v for k, v in self.headers.items()
                   if k.lower() not in ("host", "connection", "content-length")}
        try:
            c.request(self.command, self.path, body or None, headers)
            r = c.getresponse()
            data = r.read()
        except OSError:
            self.close_connection = True
            return
        finally:
            c.close()
        self.answer(r.status, data,
                    [(k, v) for k, v in r.getheaders() if k.startswith("X-Consul")])
