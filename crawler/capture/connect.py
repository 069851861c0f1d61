"""From a name to an open connection: addresses, who may be connected to, TLS, a tunnel through a proxy."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crawler.capture.connection import Connection, Unreachable
from crawler.capture.route import Proxy, Target
from storage.http import find_head_end, parse_head

Key = tuple[object, ...]
MayConnect = Callable[[str, int, str], bool]
_REMEMBERED = 60.0
"""Seconds a resolved name is believed."""
_UNKNOWN = 5.0
"""Seconds a name that did not resolve is not asked for again."""
_LOCALLY = 3.0
"""Seconds to find out, behind a proxy, whether this machine knows a name."""


class Connector:
    """Makes connections that tell `lost` when they are gone, and stay open unused for `idle` seconds.

    may_connect(host, port, ip) is asked for every address before it is connected to; ip is in its shortest
    form, an IPv4 address mapped into IPv6 as IPv4. Behind a proxy it is asked for the addresses this machine
    knows for the name, and one refusal refuses; a name only the proxy knows is left to the proxy.
    tls: None for the system's certificates, or those SSL_CERT_FILE and SSL_CERT_DIR name.
    """

    def __init__(
        self,
        *,
        agent: bytes,
        may_connect: MayConnect,
        tls: ssl.SSLContext | None,
        idle: float,
        lost: Callable[[Connection], object],
    ) -> None:
        self._agent = agent
        self._may_connect = may_connect
        self._tls = tls
        self._idle = idle
        self._lost = lost
        self._timers: set[asyncio.Timeout] = set()
        self._names: dict[tuple[str, int], tuple[float, list[str]]] = {}

    def abort(self) -> None:
        """Give up all that is being connected: Unreachable "disconnect" for each."""
        for timer in list(self._timers):
            timer.reschedule(0.0)

    async def connect(self, key: Key, target: Target, proxy: Proxy | None, limit: float) -> Connection:
        """A new connection within `limit` seconds, with TLS and through the proxy as need be.

        key: for whoever keeps connections. Raises Unreachable.
        """
        host, port = (proxy.host, proxy.port) if proxy is not None else (target.host, target.port)
        try:
            async with asyncio.timeout(limit) as timer:
                with self._stoppable(timer):
                    addresses = await self._addresses(target, proxy)
                    return await self._try(addresses, key, target, proxy, limit)
        except TimeoutError as error:
            if timer.when() == 0.0:
                raise Unreachable("disconnect", "stopped by us") from error
            raise Unreachable("timeout", f"no connection to {host}:{port} within {limit:g} s") from error

    @contextmanager
    def _stoppable(self, timer: asyncio.Timeout) -> Iterator[None]:
        """Let `abort` end what runs under this timer."""
        self._timers.add(timer)
        try:
            yield
        finally:
            self._timers.discard(timer)

    async def _addresses(self, target: Target, proxy: Proxy | None) -> list[str]:
        """Where to connect to, best first, without what must not be connected to."""
        if proxy is None:
            known = await self._resolve(target.host, target.port)
            if allowed := [ip for ip in known if self._allowed(target, ip)]:
                return allowed
            raise _forbidden(target)
        await self._judge_behind_proxy(target)
        try:
            return await self._resolve(proxy.host, proxy.port)
        except Unreachable as error:
            raise Unreachable("proxy", error.text) from error

    async def _try(
        self,
        addresses: list[str],
        key: Key,
        target: Target,
        proxy: Proxy | None,
        limit: float,
    ) -> Connection:
        """Connect to the first address that answers; the others are tried in turn."""
        host, port = (proxy.host, proxy.port) if proxy is not None else (target.host, target.port)
        failure = Unreachable("connect", "no address")
        for ip in addresses:
            connection = Connection(
                asyncio.get_running_loop(), key, ip if proxy is None else None, self._idle, self._lost
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


def _forbidden(target: Target) -> Unreachable:
    return Unreachable("forbidden", f"{target.host} is at an address not to be connected to")


def _ssl_words(error: ssl.SSLError) -> str:
    """What went wrong, without the source file OpenSSL names."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    return error.reason or str(error)
