"""Fetch a URL and keep the exchange exactly as it crossed the wire.

HTTP/1.1 only: an HTTP/2 exchange has no byte-exact form a record could hold. Works in any running asyncio
loop, Twisted's `AsyncioSelectorReactor` included.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crawler.capture.connect import Connector, Key, MayConnect
from crawler.capture.connection import Connection, Unreachable
from crawler.capture.http1 import Reader
from crawler.capture.request import Headers, Request, request_for
from crawler.capture.route import proxy_for, target_of
from crawler.capture.spool import Spool
from storage.exchange import Exchange

__all__ = ["Client", "Limits", "MayConnect", "Unreachable"]

_POOLED = 8
"""Idle connections kept for one place."""
_TURNS = 20
"""Turns of the loop that closed connections are given to be gone."""


@dataclass(slots=True, frozen=True)
class Limits:
    """Seconds and bytes an exchange may take; None: no limit.

    connect: name, connection and TLS together. read: without a byte. total: from the request on.
    size: bytes of body as they cross the wire; a longer body is cut there. head: bytes of a head.
    """

    connect: float = 20.0
    read: float = 60.0
    total: float | None = None
    size: int | None = None
    head: int = 256 * 1024


def _now() -> datetime:
    return datetime.now(UTC)


class Client:
    """Connections to sites, kept open for the next exchange.

    may_connect, tls: as for `Connector`. proxies: as from `urllib.request.getproxies()`. idle: seconds an
    unused connection is kept. spool_dir: where answers too large for memory are held, on a disk.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        limits: Limits,
        spool_dir: Path,
        may_connect: MayConnect,
        proxies: Mapping[str, str],
        tls: ssl.SSLContext | None = None,
        idle: float = 30.0,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._limits = limits
        self._spool_dir = spool_dir
        self._proxies = dict(proxies)
        self._clock = clock
        agent = user_agent.encode("ascii")
        self._headers: Headers = (
            (b"User-Agent", agent),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"gzip"),
            (b"Connection", b"keep-alive"),
        )
        self._connector = Connector(
            agent=agent, may_connect=may_connect, tls=tls, idle=idle, lost=self._forget
        )
        self._waiting: dict[Key, list[Connection]] = {}
        self._open: set[Connection] = set()

    async def fetch(
        self,
        url: str,
        *,
        headers: Headers = (),
        method: str = "GET",
        limits: Limits | None = None,
        secret_headers: Collection[bytes] = (),
        body: bytes = b"",
    ) -> Exchange:
        """One exchange; redirects are not followed.

        headers: sent after our own (Host, User-Agent, Accept, Accept-Encoding, Connection); one of the same
        name replaces ours. secret_headers: names whose values are blanked in the record, besides
        Authorization and Proxy-Authorization. body: sent, and never part of the record: it is a secret.
        Raises Unreachable when no byte of an answer came, ValueError for a URL or header that cannot be
        sent, OutOfDisk or OSError when the answer cannot be held. Once a byte came, the exchange says in
        `truncated` and `why` what is missing.
        """
        target = target_of(url)
        limits = limits or self._limits
        try:
            proxy = proxy_for(target, self._proxies)
        except ValueError as error:
            raise Unreachable("proxy", str(error)) from error
        request = request_for(target, proxy, method, self._headers, headers, secret_headers, body)
        key = (target.scheme, target.host, target.port, proxy)
        connection = self._reusable(key)
        if connection is not None:
            exchange = await self._exchange(connection, request, limits)
            if exchange is not None:
                return exchange
            failure = connection.failure
            if not request.repeatable or (failure is not None and not connection.dropped):
                raise failure or Unreachable("disconnect", "connection was out of step")
        connection = await self._connector.connect(key, target, proxy, limits.connect)
        if connection.open:
            self._open.add(connection)
        exchange = await self._exchange(connection, request, limits)
        if exchange is None:
            assert connection.failure is not None
            raise connection.failure
        if exchange.status == 407 and proxy is not None and target.scheme == "http":
            exchange.response.close()
            raise Unreachable("proxy", "proxy wants (other) credentials: 407")
        return exchange

    def abort_all(self) -> None:
        """End every running fetch now: as an exchange truncated "time", or Unreachable before a byte came."""
        for connection in list(self._open):
            connection.stop("disconnect", "stopped by us", "time")
        self._connector.abort()

    async def close(self) -> None:
        """Close all connections, ending what runs as `abort_all` does."""
        self.abort_all()
        for _ in range(_TURNS):
            if self._open:
                await asyncio.sleep(0)

    async def _exchange(self, connection: Connection, request: Request, limits: Limits) -> Exchange | None:
        """Ask on a connection; None when no answer came, or, on a used connection, one that was not ours."""
        block = Spool(self._spool_dir)
        reader = Reader(block, method=request.method, head_limit=limits.head, size_limit=limits.size)
        began = self._clock()
        try:
            await connection.ask(request.sent, reader, limits.read, limits.total)
        except BaseException:
            block.close()
            raise
        out_of_step = connection.used > 1 and reader.head is None and reader.unsure
        if not reader.received or out_of_step:
            block.close()
            return None
        if connection.open:
            self._keep(connection)
        version = reader.head.version.lower() if reader.head is not None else ""
        spoken = version if version in ("http/1.0", "http/0.9") else "http/1.1"
        return Exchange(
            url=request.target.url,
            began=began,
            seconds=connection.ended - connection.started,
            latency=connection.first - connection.started,
            request=request.kept,
            redacted=request.redacted,
            interim=reader.interim,
            response=block,
            head=reader.head,
            block_digest=block.digest,
            payload_digest=reader.payload_digest,
            payload_size=reader.payload_size,
            truncated=reader.truncated,
            why=reader.why,
            extra=reader.extra,
            peer=connection.peer,
            protocols=(spoken,) if connection.tls is None else (spoken, connection.tls),
            cipher=connection.cipher,
        )

    def _reusable(self, key: Key) -> Connection | None:
        """The connection for a place that was used last, if one is still open."""
        waiting = self._waiting.get(key)
        while waiting:
            connection = waiting.pop()
            if connection.open:
                return connection
        return None

    def _keep(self, connection: Connection) -> None:
        """Put a connection by for the next exchange, instead of the one unused longest if there are many."""
        waiting = self._waiting.setdefault(connection.key, [])
        waiting.append(connection)
        if len(waiting) > _POOLED:
            waiting.pop(0).close()

    def _forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        waiting = self._waiting.get(connection.key)
        if waiting is not None:
            if connection in waiting:
                waiting.remove(connection)
            if not waiting:
                del self._waiting[connection.key]
