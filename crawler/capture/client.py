"""Fetch a URL and keep the exchange exactly as it crossed the wire.

HTTP/1.1 only: an HTTP/2 exchange has no byte-exact form a record could hold. Works in any running asyncio
loop, Twisted's `AsyncioSelectorReactor` included.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crawler.capture.connection import Connection, Unreachable
from crawler.capture.http1 import Reader
from crawler.capture.route import Proxy, Target, proxy_for, target_of
from crawler.capture.spool import Spool
from storage.exchange import Exchange
from storage.http import find_head_end, parse_head

__all__ = ["Client", "Limits", "Unreachable"]

Headers = Sequence[tuple[bytes, bytes]]
MayConnect = Callable[[str, int, str], bool]
SECRET = (b"authorization", b"proxy-authorization")
"""Headers whose values never reach a record."""
BLANK = b"[redacted]"
_POOLED = 8
"""Idle connections kept for one place."""
_REMEMBERED = 60.0
"""Seconds a resolved name is believed."""
_UNKNOWN = 5.0
"""Seconds a name that did not resolve is not asked for again."""
_LOCALLY = 3.0
"""Seconds to find out, behind a proxy, whether this machine knows a name."""
_TURNS = 20
"""Turns of the loop that closed connections are given to be gone."""
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\r\n\0]*")


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

    may_connect(host, port, ip) is asked for every address before it is connected to; ip is in its shortest
    form, an IPv4 address mapped into IPv6 as IPv4. Behind a proxy it is asked for the addresses this machine
    knows for the name, and one refusal refuses; a name only the proxy knows is left to the proxy.
    proxies: as from `urllib.request.getproxies()`. idle: seconds an unused connection is kept.
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
        self._may_connect = may_connect
        self._proxies = dict(proxies)
        self._tls = tls
        self._idle = idle
        self._clock = clock
        self._agent = user_agent.encode("ascii")
        self._own_headers: Headers = (
            (b"User-Agent", self._agent),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"gzip"),
            (b"Connection", b"keep-alive"),
        )
        self._waiting: dict[tuple[object, ...], list[Connection]] = {}
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Timeout] = set()
        self._names: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def fetch(
        self,
        url: str,
        *,
        headers: Headers = (),
        method: str = "GET",
        limits: Limits | None = None,
        secret_headers: Collection[bytes] = (),
    ) -> Exchange:
        """One exchange; redirects are not followed.

        headers: sent after our own (Host, User-Agent, Accept, Accept-Encoding, Connection); one of the same
        name replaces ours. secret_headers: names whose values are blanked in the record, besides
        Authorization and Proxy-Authorization.
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
        request, redacted, kept = self._request(target, proxy, method, headers, secret_headers)
        key = (target.scheme, target.host, target.port, proxy)
        connection = self._reusable(key)
        if connection is not None:
            exchange = await self._exchange(connection, target, request, kept, redacted, method, limits)
            if exchange is not None:
                return exchange
            failure = connection.failure
            if method not in ("GET", "HEAD") or (failure is not None and not connection.dropped):
                raise failure or Unreachable("disconnect", "connection was out of step")
        connection = await self._connect(key, target, proxy, limits.connect)
        exchange = await self._exchange(connection, target, request, kept, redacted, method, limits)
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
        for timer in list(self._connecting):
            timer.reschedule(0.0)

    async def close(self) -> None:
        """Close all connections, ending what runs as `abort_all` does."""
        self.abort_all()
        for _ in range(_TURNS):
            if self._open:
                await asyncio.sleep(0)

    async def _exchange(
        self,
        connection: Connection,
        target: Target,
        request: bytes,
        kept: bytes,
        redacted: tuple[str, ...],
        method: str,
        limits: Limits,
    ) -> Exchange | None:
        """Ask on a connection; None when no answer came, or, on a used connection, one that was not ours."""
        block = Spool(self._spool_dir)
        reader = Reader(block, method=method, head_limit=limits.head, size_limit=limits.size)
        began = self._clock()
        try:
            await connection.ask(request, reader, limits.read, limits.total)
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
            url=target.url,
            began=began,
            seconds=connection.ended - connection.started,
            latency=connection.first - connection.started,
            request=kept,
            redacted=redacted,
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

    def _request(
        self, target: Target, proxy: Proxy | None, method: str, headers: Headers, secret: Collection[bytes]
    ) -> tuple[bytes, tuple[str, ...], bytes]:
        """The request as sent, the names of its secret headers, and the request without their values."""
        given = {name.lower() for name, _ in headers}
        lines = [(b"Host", target.authority.encode("ascii")), *self._own_headers]
        if given:
            lines = [line for line in lines if line[0].lower() not in given]
            for name, value in headers:
                if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                    raise ValueError(f"header cannot be sent: {name!r}")
                lines.append((name, value))
        through = proxy is not None and target.scheme == "http"
        first = f"{method} {target.url if through else target.path} HTTP/1.1\r\n".encode("ascii")
        sent = kept = first + _written(lines)
        hidden = {*SECRET, *(name.lower() for name in secret)}
        redacted = [name for name, _ in lines if name.lower() in hidden]
        if redacted:
            kept = first + _written([(name, BLANK if name in redacted else value) for name, value in lines])
        if proxy is not None and through and proxy.credentials is not None:
            # Not the site's business, so the record does without the whole line; that it was there is said.
            lines.append((b"Proxy-Authorization", proxy.credentials))
            redacted.append(b"Proxy-Authorization")
            sent = first + _written(lines)
        return sent, tuple(name.decode("ascii") for name in redacted), kept

    def _reusable(self, key: tuple[object, ...]) -> Connection | None:
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

    @contextmanager
    def _stoppable(self, timer: asyncio.Timeout) -> Iterator[None]:
        """Let `abort_all` end what runs under this timer."""
        self._connecting.add(timer)
        try:
            yield
        finally:
            self._connecting.discard(timer)

    async def _connect(
        self, key: tuple[object, ...], target: Target, proxy: Proxy | None, limit: float
    ) -> Connection:
        """A new connection, with TLS and through the proxy as need be. Raises Unreachable."""
        host, port = (proxy.host, proxy.port) if proxy is not None else (target.host, target.port)
        try:
            async with asyncio.timeout(limit) as timer:
                with self._stoppable(timer):
                    if proxy is not None:
                        await self._judge_behind_proxy(target)
                    try:
                        addresses = await self._resolve(host, port)
                    except Unreachable as error:
                        if proxy is None:
                            raise
                        raise Unreachable("proxy", error.text) from error
                    if proxy is None:
                        addresses = [ip for ip in addresses if self._allowed(target, ip)]
                        if not addresses:
                            raise _forbidden(target)
                    return await self._try(addresses, key, target, proxy, limit)
        except TimeoutError as error:
            if timer.when() == 0.0:
                raise Unreachable("disconnect", "stopped by us") from error
            raise Unreachable("timeout", f"no connection to {host}:{port} within {limit:g} s") from error

    async def _try(
        self,
        addresses: list[str],
        key: tuple[object, ...],
        target: Target,
        proxy: Proxy | None,
        limit: float,
    ) -> Connection:
        """Connect to the first address that answers; the others are tried in turn."""
        host, port = (proxy.host, proxy.port) if proxy is not None else (target.host, target.port)
        failure = Unreachable("connect", "no address")
        for ip in addresses:
            connection = Connection(
                asyncio.get_running_loop(), key, ip if proxy is None else None, self._idle, self._forget
            )
            try:
                async with asyncio.timeout(limit / len(addresses)):
                    await self._open_one(connection, ip, port, target, proxy)
            except ssl.SSLError as error:
                raise Unreachable("tls", f"{target.host}: {_ssl_words(error)}") from error
            except ConnectionRefusedError:
                failure = Unreachable("refused", f"{ip} port {port}")
            except TimeoutError:
                failure = Unreachable("timeout", f"{ip} port {port} does not answer")
            except OSError as error:
                failure = Unreachable("connect", f"{ip} port {port}: {error.strerror or error}")
            else:
                self._prefer(host, port, ip)
                if connection.open:
                    self._open.add(connection)
                return connection
        if proxy is not None:
            raise Unreachable("proxy", failure.text)
        raise failure

    async def _open_one(
        self, connection: Connection, ip: str, port: int, target: Target, proxy: Proxy | None
    ) -> None:
        loop = asyncio.get_running_loop()
        context = self._context() if target.scheme == "https" else None
        name = target.host.rstrip(".") if context is not None else None
        if proxy is None or context is None:
            await loop.create_connection(lambda: connection, ip, port, ssl=context, server_hostname=name)
            return
        tunnel = _Tunnel(loop)
        transport, _ = await loop.create_connection(lambda: tunnel, ip, port)
        try:
            transport.write(self._connect_request(target, proxy))
            await tunnel.opened
            secured = await loop.start_tls(transport, connection, context, server_hostname=name)
            assert secured is not None
        except BaseException:
            transport.abort()
            raise
        connection.connection_made(secured)

    def _connect_request(self, target: Target, proxy: Proxy) -> bytes:
        host = f"[{target.host}]" if ":" in target.host else target.host
        place = f"{host}:{target.port}".encode("ascii")
        credentials = b""
        if proxy.credentials is not None:
            credentials = b"Proxy-Authorization: %s\r\n" % proxy.credentials
        line = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n" % (place, place, self._agent)
        return line + credentials + b"\r\n"

    def _context(self) -> ssl.SSLContext:
        """Certificates are verified; SSL_CERT_FILE and SSL_CERT_DIR are honoured by OpenSSL."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def _resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a name, best first; remembered for a minute. Raises Unreachable."""
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        until, addresses = self._names.get((host, port), (0.0, []))
        if loop.time() < until:
            if not addresses:
                raise Unreachable("resolve", f"{host}: not known a moment ago")
            return list(addresses)
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self._remember(host, port, [], _UNKNOWN)
            raise Unreachable("resolve", f"{host}: {getattr(error, 'strerror', None) or error}") from error
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        self._remember(host, port, addresses, _REMEMBERED)
        return list(addresses)

    async def _judge_behind_proxy(self, target: Target) -> None:
        """Refuse what this machine knows to be at an address not to be connected to."""
        try:
            async with asyncio.timeout(_LOCALLY):
                addresses = await self._resolve(target.host, target.port)
        except TimeoutError:
            self._remember(target.host, target.port, [], _REMEMBERED)
            return
        except Unreachable:
            return
        if not all(self._allowed(target, ip) for ip in addresses):
            raise _forbidden(target)

    def _remember(self, host: str, port: int, addresses: list[str], seconds: float) -> None:
        if len(self._names) > 1000:
            self._names.clear()
        self._names[host, port] = (asyncio.get_running_loop().time() + seconds, addresses)

    def _prefer(self, host: str, port: int, ip: str) -> None:
        """Whoever comes next need not wait for the addresses that did not answer."""
        known = self._names.get((host, port))
        if known is not None:
            known[1].sort(key=lambda address: address != ip)

    def _allowed(self, target: Target, ip: str) -> bool:
        address = ipaddress.ip_address(ip)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return self._may_connect(target.host, target.port, str(mapped or address))


class _Tunnel(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT. opened: done when it is 2xx, else Unreachable "proxy"."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.opened: asyncio.Future[None] = loop.create_future()
        self._held = b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        end = find_head_end(self._held)
        if end < 0:
            if len(self._held) > 65536:
                self._refuse("endless answer")
            return
        head = parse_head(self._held[:end])
        if head is None or not 200 <= head.status < 300:
            self._refuse(f"{head.status} {head.reason.decode('latin-1')}" if head else "answer is not HTTP")
        elif not self.opened.done():
            self.opened.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse("connection closed")

    def _refuse(self, why: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(Unreachable("proxy", f"no tunnel through the proxy: {why}"))


def _written(lines: Headers) -> bytes:
    return b"".join([b"%s: %s\r\n" % line for line in lines]) + b"\r\n"


def _forbidden(target: Target) -> Unreachable:
    return Unreachable("forbidden", f"{target.host} is at an address not to be connected to")


def _ssl_words(error: ssl.SSLError) -> str:
    """What went wrong, without the source file OpenSSL names."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    return error.reason or str(error)
