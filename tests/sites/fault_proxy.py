"""A small HTTP proxy on loopback that goes wrong in a way that was written down beforehand.

    with fault_proxy("http://127.0.0.1:8333") as proxy:
        proxy.faults = [Fault("PUT", "warcs/", "flip_up", skip=1, at=100)]

spoils one bit of the second PUT whose target holds "warcs/". `proxy.seen` tells what was asked for.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Act = Literal[
    "answer",  # answer with `status`, `headers`, `body`; the server never hears of the request
    "answer_after",  # the server does it, but the client gets this answer instead of the server's
    "drop_ack",  # the server does it, but the client gets no answer
    "cut_up",  # the connection ends after `at` bytes of the request's body
    "flip_up",  # one bit of byte `at` of the request's body is flipped
    "cut_down",  # the connection ends after `at` bytes of the answer's body
    "short",  # only `at` bytes of the answer's body, with a Content-Length that says so
    "flip_down",  # one bit of byte `at` of the answer's body is flipped
    "stall",  # nothing happens until the client gives up
]
_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}


@dataclass
class Fault:
    """What goes wrong with which requests: those of `method` whose target holds `target` and that have a
    header starting with `header`; the first `skip` of them go through, the next `times` go wrong."""

    method: str
    target: str
    do: Act
    skip: int = 0
    times: int = 1
    header: str = ""
    at: int = 0
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One request that came, and what was done to it."""

    method: str
    target: str
    headers: Mapping[str, str]
    did: Act | None


class FaultProxy:
    """A running proxy. Faults are tried in order; requests that fit none go through unchanged."""

    def __init__(self, upstream: str, port: int) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.endpoint = f"http://127.0.0.1:{port}"
        self.faults: Sequence[Fault] = ()
        self.seen: list[Seen] = []
        self.stalled = threading.Event()
        """Set while a client waits in a stall, and until cleared."""
        self._lock = threading.Lock()

    def count(self, method: str, target: str = "") -> int:
        """How many requests of a method came whose target holds `target`."""
        return sum(one.method == method and target in one.target for one in self.seen)

    def pick(self, method: str, target: str, headers: Mapping[str, str]) -> Fault | None:
        """The fault for this request, used up by one; the request is noted."""
        with self._lock:
            fault = None
            for one in self.faults:
                if one.method != method or one.target not in target or not one.times:
                    continue
                if one.header and not any(name.lower().startswith(one.header) for name in headers):
                    continue
                if one.skip:
                    one.skip -= 1
                    continue
                one.times -= 1
                fault = one
                break
            self.seen.append(Seen(method, target, dict(headers), fault.do if fault else None))
            return fault


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Start a proxy in front of an http:// address; ends with the block."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        Handler.proxy = proxy = FaultProxy(upstream, server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def _one(self) -> None:
        fault = self.proxy.pick(self.command, self.path, dict(self.headers.items()))
        act = fault.do if fault else None
        at = fault.at if fault else -1
        if fault and act == "stall":
            self.close_connection = True
            self.proxy.stalled.set()
            while self.connection.recv(1 << 16):
                pass
            return
        if fault and act == "answer":
            for _ in self._body():
                pass
            return self._answer(fault.status, fault.headers, [fault.body])
        with suppress(http.client.HTTPException, ConnectionError):
            upstream = http.client.HTTPConnection(*self.proxy.upstream, timeout=60)
            try:
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP or name.lower() == "content-length":
                        upstream.putheader(name, value)
                upstream.endheaders()
                for piece in _changed(self._body(), at, act == "flip_up", act == "cut_up"):
                    upstream.send(piece)
                if act == "cut_up":
                    self.close_connection = True
                    return
                answer = upstream.getresponse()
                body = answer.read()
            finally:
                upstream.close()
            if fault and act == "drop_ack":
                self.close_connection = True
            elif fault and act == "answer_after":
                self._answer(fault.status, fault.headers, [fault.body])
            else:
                if act == "short":
                    body = body[:at]
                headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
                headers |= {"Content-Length": length} if length else {}
                pieces = _changed([body], at, act == "flip_down", act == "cut_down")
                self._answer(answer.status, headers, pieces)
                self.close_connection |= act == "cut_down"
            return
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _one

    def _body(self) -> Iterator[bytes]:
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read(min(left, 1 << 16))):
            left -= len(piece)
            yield piece

    def _answer(self, status: int, headers: Mapping[str, str], pieces: Iterator[bytes] | list[bytes]) -> None:
        self.send_response_only(status)
        whole = list(pieces)
        if "Content-Length" not in headers:
            headers = {**headers, "Content-Length": str(sum(map(len, whole)))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            for piece in whole:
                self.wfile.write(piece)


def _changed(pieces: Iterator[bytes] | list[bytes], at: int, flip: bool, cut: bool) -> Iterator[bytes]:
    """The pieces with one bit of byte `at` flipped, or the first `at` bytes of them."""
    done = 0
    for piece in pieces:
        inside = at - done
        done += len(piece)
        if flip and 0 <= inside < len(piece):
            piece = piece[:inside] + bytes([piece[inside] ^ 1]) + piece[inside + 1 :]
        if cut and inside < len(piece):
            yield piece[:inside]
            return
        yield piece
