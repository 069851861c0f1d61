"""One connection that carries one exchange after another, with one timer for all its limits."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from typing import Literal, cast

from crawler.capture.http1 import Reader
from storage.errors import Failure
from storage.exchange import Truncated

Kind = Literal["resolve", "refused", "connect", "timeout", "tls", "forbidden", "disconnect", "proxy"]
GRACE = 5.0
"""Seconds to wait for more of an answer whose framing makes no sense."""
_EARLY = 1 << 20
"""Most bytes taken before the first request is out."""
_SUITE = re.compile(r"(?:(EC)?DHE-(RSA|ECDSA)-)?(?:AES(128|256)-(GCM-)?SHA(256|384)?|(CHACHA20-POLY1305))")


class Unreachable(Exception):
    """No byte of an answer came. kind: why, for the program; text: for a person, without secrets."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


def suite(name: str) -> str:
    """The IANA name of a cipher suite OpenSSL calls `name`; the same when no web server uses it."""
    match = _SUITE.fullmatch(name)
    if match is None:
        return name
    ec, auth, bits, gcm, sha, chacha = match.groups()
    cipher = "CHACHA20_POLY1305_SHA256" if chacha else f"AES_{bits}_{'GCM' if gcm else 'CBC'}_SHA{sha or ''}"
    keys = f"{ec or ''}DHE_{auth}" if auth else "RSA"
    return f"TLS_{keys}_WITH_{cipher}"


class Connection(asyncio.Protocol):
    """Bytes out, and in through a Reader.

    key: what it may be used for again. peer: the address connected to, None behind a proxy. open: false once
    it can carry no further exchange. lost(self) is called once when it is gone. used: exchanges begun.
    dropped: the other side closed it during an exchange.
    started, first, ended: loop times of the request, the first byte of its answer (0.0: none) and its end.
    """

    __slots__ = (
        "_armed",
        "_deadline",
        "_early",
        "_idle",
        "_last",
        "_loop",
        "_lost",
        "_read",
        "_reader",
        "_timer",
        "_transport",
        "_waiter",
        "cipher",
        "dropped",
        "ended",
        "failure",
        "first",
        "key",
        "open",
        "peer",
        "started",
        "tls",
        "used",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        key: tuple[object, ...],
        peer: str | None,
        idle: float,
        lost: Callable[[Connection], object],
    ) -> None:
        self.key = key
        self.peer = peer
        self.open = False
        self.used = 0
        self.dropped = False
        self.started = 0.0
        self.first = 0.0
        self.ended = 0.0
        self.failure: Unreachable | None = None
        self.tls: str | None = None
        self.cipher: str | None = None
        self._loop = loop
        self._lost = lost
        self._idle = idle
        self._early = b""
        self._last = 0.0
        self._read = 0.0
        self._deadline: float | None = None
        self._armed = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._reader: Reader | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    async def ask(self, request: bytes, reader: Reader, read: float, total: float | None) -> None:
        """Send a request and feed what comes to `reader` until it is done.

        read: seconds without a byte; total: seconds altogether. Afterwards reader.received == 0 means that
        no answer came, and `failure` says why. Raises what the spool raises; the connection is then closed.
        """
        assert self._transport is not None and self._reader is None
        self.used += 1
        self.failure = None
        if not self.open:
            self.failure = Unreachable("disconnect", "closed before anything was asked")
            return
        self.first = 0.0
        self.started = self._last = self._loop.time()
        self._read = read
        self._deadline = None if total is None else self.started + total
        self._reader = reader
        self._waiter = self._loop.create_future()
        self._arm()
        self._transport.write(request)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if self._reader is not None:
                self.close()
        if not (reader.clean and not reader.extra and reader.persistent):
            self.close()

    def stop(self, kind: Kind, why: str, truncated: Truncated = "disconnect") -> None:
        """End the exchange that is running, if any, and close."""
        self._over(kind, why, truncated)
        self.close()

    def close(self) -> None:
        """Close at once; bytes still to come are not waited for."""
        self.open = False
        self._reader = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports behave as asyncio's and are none of its classes.
        self._transport = cast("asyncio.Transport", transport)
        self.open = True
        secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if secured is not None:
            self.tls = (secured.version() or "").lower().replace("tlsv", "tls/")
            if "." not in self.tls:
                self.tls += ".0"
            cipher = secured.cipher()
            self.cipher = suite(cipher[0]) if cipher else None
        self._last = self._loop.time()

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            if self.used == 0 and len(self._early) < _EARLY:
                # A server that has no room says so before it was asked.
                self._early += data
            else:
                # Nothing was asked: whatever this is, it belongs to no exchange.
                self.close()
            return
        self._last = self._loop.time()
        if not self.first:
            self.first = self._last
        try:
            done = reader.feed(data)
        except (OSError, Failure) as error:
            self._reader = None
            self._finish(error)
            return
        if done:
            self._reader = None
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.dropped = self._reader is not None
        if exc is None:
            self._over("disconnect", "", "disconnect")
        else:
            self._over("disconnect", f"connection lost ({exc})", "disconnect")
        self._lost(self)

    def _over(self, kind: Kind, why: str, truncated: Truncated) -> None:
        """No more of the running answer comes. why: "" when the server simply closed."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        error: Exception | None = None
        if not reader.received:
            self.failure = Unreachable(kind, why or "closed without an answer")
        else:
            try:
                reader.end(why, truncated)
            except (OSError, Failure) as caught:
                error = caught
        self._finish(error)

    def _finish(self, error: Exception | None = None) -> None:
        self.ended = self._loop.time()
        if self._waiter is not None and not self._waiter.done():
            if error is not None:
                self._waiter.set_exception(error)
            else:
                self._waiter.set_result(None)
        if error is not None:
            self.close()

    def _due(self) -> float:
        """The loop time at which waiting any longer is too long."""
        if self._reader is None:
            return self._last + self._idle
        due = self._last + (min(self._read, GRACE) if self._reader.unsure else self._read)
        return due if self._deadline is None else min(due, self._deadline)

    def _arm(self) -> None:
        """Make sure the timer fires no later than is due.

        It is left alone while it fires early enough, which is nearly always: a timer set for every
        request or every read costs more than reading the answer does.
        """
        due = min(self._due(), self._loop.time() + self._idle, self._loop.time() + GRACE)
        if self._timer is not None:
            if self._armed <= due:
                return
            self._timer.cancel()
        self._armed = due
        self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self.open:
            return
        now = self._loop.time()
        if now < self._due():
            self._arm()
        elif self._reader is None:
            self.close()
        elif self._deadline is not None and now >= self._deadline:
            self.stop("timeout", "total time limit reached", "time")
        else:
            self.stop("timeout", f"nothing came for {now - self._last:.0f} s", "time")
