"""Connections: kept, lost, secured, led through proxies, refused, timed out, stopped."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from crawler.capture import connection as connections
from crawler.capture.client import Client, Limits, MayConnect, Unreachable
from crawler.capture.connection import Connection, suite
from crawler.capture.http1 import Reader
from crawler.capture.route import proxy_for, target_of
from crawler.capture.spool import Spool
from tests.capture.authority import Authority
from tests.capture.proxy import Proxy
from tests.sites.odd import Odd, Reply

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nh\xc3\xa9ho"
Then = Literal["close", "reset"]
KEEP = Reply([PAGE], "keep")
CLOSE = Reply([PAGE], "close")


def make(folder: Path, **changes: Any) -> Client:
    settings: dict[str, Any] = {
        "user_agent": "jukni-test",
        "limits": Limits(),
        "spool_dir": folder,
        "may_connect": lambda host, port, ip: True,
        "proxies": {},
    }
    return Client(**(settings | changes))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def noting(asked: list[tuple[str, int, str]]) -> MayConnect:
    def may_connect(host: str, port: int, ip: str) -> bool:
        asked.append((host, port, ip))
        return True

    return may_connect


# --- what is sent, what is kept of it -----------------------------------------------------------------


def test_the_request_is_ours_and_nothing_else(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path)
            exchange = await client.fetch(
                f"http://user:secret@127.0.0.1:{site.port}/doku.php?id=wiki:d%C3%A9but&x=%2f%2F&#anchor"
            )
            assert site.talks[0].request == (
                b"GET /doku.php?id=wiki:d%%C3%%A9but&x=%%2f%%2F& HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                b"User-Agent: jukni-test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
                b"Connection: keep-alive\r\n\r\n" % site.port
            )
            assert exchange.request == site.talks[0].request
            assert exchange.url == f"http://127.0.0.1:{site.port}/doku.php?id=wiki:d%C3%A9but&x=%2f%2F&"
            assert exchange.peer == "127.0.0.1"
            assert (exchange.protocols, exchange.cipher) == (("http/1.1",), None)
            assert 0 < exchange.latency <= exchange.seconds
            await client.close()

    run(test)


def test_the_date_is_when_the_request_was_sent(tmp_path: Path) -> None:
    async def test() -> None:
        moment = datetime(2026, 11, 22, 3, 15, tzinfo=UTC)
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path, clock=lambda: moment)
            assert (await client.fetch(site.url("/"))).began == moment
            await client.close()

    run(test)


def test_a_given_header_replaces_ours_of_that_name(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path)
            headers = ((b"accept", b"text/html"), (b"If-None-Match", b'"\xe9"'))
            exchange = await client.fetch(site.url("/"), headers=headers)
            request = site.talks[0].request
            assert request.lower().count(b"accept:") == 1 and b"accept: text/html\r\n" in request
            assert b'If-None-Match: "\xe9"\r\n' in exchange.request == request
            await client.close()

    run(test)


def test_secrets_are_sent_but_not_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path)
            headers = ((b"Authorization", b"Basic c2VzYW1l"), (b"Cookie", b"sid=42"), (b"X-Plain", b"1"))
            exchange = await client.fetch(site.url("/"), headers=headers, secret_headers=(b"cookie",))
            assert b"c2VzYW1l" in site.talks[0].request and b"sid=42" in site.talks[0].request
            assert exchange.redacted == ("Authorization", "Cookie")
            shown = site.talks[0].request.replace(b"Basic c2VzYW1l", b"[redacted]")
            assert exchange.request == shown.replace(b"sid=42", b"[redacted]")
            await client.close()

    run(test)


@pytest.mark.parametrize(
    "header", [(b"X", b"a\r\nInjected: 1"), (b"X\r\nY", b"1"), (b"", b"1"), (b"X", b"\0")]
)
def test_a_header_that_would_be_two_is_refused(header: tuple[bytes, bytes], tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path)
            with pytest.raises(ValueError, match="header"):
                await client.fetch(site.url("/"), headers=(header,))
            assert site.connections == 0

    run(test)


@pytest.mark.parametrize(
    "url, expected, path",
    [
        ("HTTP://Example.ORG", "http://example.org/", "/"),
        ("http://example.org?a=b", "http://example.org/?a=b", "/?a=b"),
        ("http://example.org/x?", "http://example.org/x?", "/x?"),
        ("http://example.org//a//../b;c", "http://example.org//a//../b;c", "//a//../b;c"),
        ("https://example.org:443/a:b", "https://example.org/a:b", "/a:b"),
        ("https://example.org:80/", "https://example.org:80/", "/"),
        ("http://example.org:/", "http://example.org/", "/"),
        ("http://u:p@[::1]:8080/", "http://[::1]:8080/", "/"),
        ("http://a@b@example.org/@", "http://example.org/@", "/@"),
        ("http://example.org/é à\r\nX: 1", "http://example.org/%C3%A9%20%C3%A0%0D%0AX:%201", None),
        ("http://example.org/a%zz|\"<>'", "http://example.org/a%zz|\"<>'", None),
    ],
)
def test_what_a_url_asks_for(url: str, expected: str, path: str | None) -> None:
    target = target_of(url)
    assert target.url == expected
    if path is not None:
        assert target.path == path


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "/relative",
        "http://",
        "http:///x",
        "http://a:b/",
        "http://a:99999/",
        "http://a:0",
    ],
)
def test_what_cannot_be_asked_for(url: str) -> None:
    with pytest.raises(ValueError):
        target_of(url)


# --- connections kept and lost ------------------------------------------------------------------------


def test_a_connection_is_used_again(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path)
            for number in range(5):
                await client.fetch(site.url(f"/{number}"), method="HEAD" if number == 2 else "GET")
                # After HEAD the odd server's body is unasked for; the connection must be given up.
            assert [talk.connection for talk in site.talks] == [1, 1, 1, 2, 2]
            await client.close()

    run(test)


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
    ],
    ids=["told to close", "HTTP/1.0", "too many bytes"],
)
def test_a_connection_is_not_used_again(wire: bytes, tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": Reply([wire], "keep")}) as site:
            client = make(tmp_path)
            for _ in range(2):
                await client.fetch(site.url("/"))
            assert [talk.connection for talk in site.talks] == [1, 2]
            await client.close()

    run(test)


def test_http_1_0_with_keep_alive_is_used_again(tmp_path: Path) -> None:
    async def test() -> None:
        wire = b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na"
        async with Odd({"": Reply([wire], "keep")}) as site:
            client = make(tmp_path)
            exchanges = [await client.fetch(site.url("/")) for _ in range(2)]
            assert [talk.connection for talk in site.talks] == [1, 1]
            assert exchanges[0].protocols == ("http/1.0",)
            await client.close()

    run(test)


def test_a_connection_closed_meanwhile_is_replaced_once(tmp_path: Path) -> None:
    """The server takes the second request and closes without a byte: it had just given up waiting."""

    async def test() -> None:
        async with Odd({"/1": KEEP, "/2": [Reply([], "close"), KEEP], "/3": Reply([], "close")}) as site:
            client = make(tmp_path)
            await client.fetch(site.url("/1"))
            assert (await client.fetch(site.url("/2"))).status == 200
            assert [talk.connection for talk in site.talks] == [1, 1, 2]
            with pytest.raises(Unreachable) as caught:
                await client.fetch(site.url("/3"))
            assert caught.value.kind == "disconnect"
            assert [talk.connection for talk in site.talks] == [1, 1, 2, 2, 3]
            await client.close()

    run(test)


def test_only_get_and_head_are_asked_twice(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"/1": KEEP, "/2": Reply([], "close")}) as site:
            client = make(tmp_path)
            await client.fetch(site.url("/1"))
            with pytest.raises(Unreachable) as caught:
                await client.fetch(site.url("/2"), method="POST")
            assert caught.value.kind == "disconnect"
            assert len(site.talks) == 2
            await client.close()

    run(test)


def test_a_fresh_connection_closed_without_a_byte_is_not_retried(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": Reply([], "reset")}) as site:
            client = make(tmp_path)
            with pytest.raises(Unreachable) as caught:
                await client.fetch(site.url("/"))
            assert caught.value.kind == "disconnect" and len(site.talks) == 1

    run(test)


def test_bytes_nobody_asked_for_drop_the_connection(tmp_path: Path) -> None:
    async def test() -> None:
        late = Reply([PAGE, None, b"HTTP/1.1 408 Request Timeout\r\n\r\n"], "keep")
        async with Odd({"/late": late, "/next": KEEP}) as site:
            client = make(tmp_path, idle=3600)
            assert (await client.fetch(site.url("/late"))).extra == 0
            site.go.set()
            await site.closed.wait()
            exchange = await client.fetch(site.url("/next"))
            assert (exchange.status, b"".join(exchange.response.chunks())) == (200, PAGE)
            assert site.connections == 2
            await client.close()

    run(test)


def test_an_answer_out_of_step_is_asked_for_again(tmp_path: Path) -> None:
    """The rest of a body whose length was told too short must not become the next page."""

    async def test() -> None:
        async with Odd({"/short": KEEP, "/next": [Reply([b"rest of the page", PAGE]), KEEP]}) as site:
            client = make(tmp_path)
            await client.fetch(site.url("/short"))
            exchange = await client.fetch(site.url("/next"))
            assert b"".join(exchange.response.chunks()) == PAGE
            assert [talk.connection for talk in site.talks] == [1, 1, 2]
            await client.close()

    run(test)


def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path, idle=0.05)
            await client.fetch(site.url("/"))
            await site.closed.wait()
            await client.fetch(site.url("/"))
            assert site.connections == 2
            await client.close()

    run(test)


@pytest.mark.parametrize("stays", [True, False])
def test_an_answer_that_comes_before_the_request(stays: bool, tmp_path: Path) -> None:
    """As from a server that has no room for another connection."""
    full = b"HTTP/1.1 503 Full\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(full)
        if stays:
            await reader.read()
        writer.close()

    async def test() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        connection = Connection(loop, (), None, 3600, lambda gone: None)
        await loop.create_connection(lambda: connection, *server.sockets[0].getsockname())
        await asyncio.sleep(0.2)
        reader = Reader(Spool(tmp_path), method="GET", head_limit=1000)
        await connection.ask(b"GET / HTTP/1.1\r\n\r\n", reader, 60, None)
        if stays:
            assert reader.head is not None and reader.head.status == 503
            assert b"".join(reader.block.chunks()) == full
        else:
            # Nothing was sent, so there is no exchange to be kept.
            assert reader.received == 0
            assert connection.failure is not None and connection.failure.kind == "disconnect"
        server.close()

    run(test)


def test_many_at_once_and_few_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site:
            client = make(tmp_path)
            await asyncio.gather(*(client.fetch(site.url(f"/{number}")) for number in range(20)))
            assert site.connections == 20
            await asyncio.gather(*(client.fetch(site.url(f"/{number}")) for number in range(20)))
            assert site.connections == 32
            await client.close()

    run(test)


# --- limits and stopping ------------------------------------------------------------------------------


def test_silence_before_an_answer(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": Reply([None])}) as site:
            client = make(tmp_path, limits=Limits(read=0.1))
            with pytest.raises(Unreachable) as caught:
                await client.fetch(site.url("/"))
            assert caught.value.kind == "timeout"

    run(test)


@pytest.mark.parametrize("limits", [Limits(read=0.1), Limits(total=0.1)])
def test_silence_within_an_answer(limits: Limits, tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": Reply([PAGE[:-2], None])}) as site:
            client = make(tmp_path, limits=limits)
            exchange = await client.fetch(site.url("/"))
            assert (exchange.status, exchange.truncated, exchange.payload_size) == (200, "time", 3)
            assert exchange.why and b"".join(exchange.response.chunks()) == PAGE[:-2]

    run(test)


def test_total_limit_on_a_connection_used_before(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"/1": KEEP, "/2": Reply([PAGE[:-2], None])}) as site:
            client = make(tmp_path)
            await client.fetch(site.url("/1"))
            exchange = await client.fetch(site.url("/2"), limits=Limits(total=0.1))
            assert exchange.truncated == "time"

    run(test)


@pytest.mark.parametrize(
    "wire, truncated",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc", "time"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n<p>\n", "unspecified"),
        (b"<html>abc", "unspecified"),
    ],
)
def test_framing_without_sense_is_not_waited_for_long(
    wire: bytes, truncated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE", 0.1)

    async def test() -> None:
        async with Odd({"": Reply([wire], "keep")}) as site:
            client = make(tmp_path, limits=Limits(read=3600))
            exchange = await client.fetch(site.url("/"))
            assert exchange.truncated == truncated and exchange.why
            assert b"".join(exchange.response.chunks()) == wire

    run(test)


def test_a_body_that_keeps_coming_is_not_idle(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": Reply([PAGE[:-5], None, PAGE[-5:]])}) as site:
            client = make(tmp_path, limits=Limits(read=30, total=30), idle=0.05)
            fetch = asyncio.create_task(client.fetch(site.url("/")))
            await asyncio.sleep(0.3)
            site.go.set()
            assert (await fetch).truncated is None

    run(test)


def test_abort_all(tmp_path: Path) -> None:
    async def test() -> None:
        replies = {"/begun": Reply([PAGE[:-2], None]), "/silent": Reply([None]), "/kept": KEEP}
        listener = socket.create_server(("127.0.0.1", 0))
        async with Odd(replies) as site:
            client = make(tmp_path)
            await client.fetch(site.url("/kept"))
            begun, silent, connecting = (
                asyncio.create_task(client.fetch(url))
                for url in (
                    site.url("/begun"),
                    site.url("/silent"),
                    f"https://127.0.0.1:{listener.getsockname()[1]}/",
                )
            )
            while len(site.talks) < 3 or not site.talks[-1].request:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            client.abort_all()
            exchange = await begun
            assert (exchange.truncated, exchange.payload_size) == ("time", 3)
            for task in (silent, connecting):
                with pytest.raises(Unreachable) as caught:
                    await task
                assert (caught.value.kind, caught.value.text) == ("disconnect", "stopped by us")
            assert len(site.talks) == 3
            await client.close()
        listener.close()

    run(test)


def test_what_was_stopped_is_not_tried_again(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"/kept": KEEP, "/silent": Reply([None])}) as site:
            client = make(tmp_path)
            await client.fetch(site.url("/kept"))
            silent = asyncio.create_task(client.fetch(site.url("/silent")))
            while len(site.talks) < 2:
                await asyncio.sleep(0.01)
            client.abort_all()
            with pytest.raises(Unreachable) as caught:
                await silent
            assert (caught.value.text, site.connections) == ("stopped by us", 1)
            await client.close()

    run(test)


def test_a_cancelled_fetch_closes_its_connection(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": Reply([PAGE[:-2], None, PAGE[-2:]], "keep")}) as site:
            client = make(tmp_path, idle=3600)
            fetch = asyncio.create_task(client.fetch(site.url("/")))
            while not site.talks:
                await asyncio.sleep(0.01)
            fetch.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetch
            site.go.set()
            await site.closed.wait()
            await client.close()

    run(test)


# --- addresses ----------------------------------------------------------------------------------------


def test_nobody_listens(tmp_path: Path) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(Unreachable) as caught:
            await make(tmp_path).fetch(f"http://127.0.0.1:{port}/")
        assert caught.value.kind == "refused"

    run(test)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70 + ".invalid", "%20"])
def test_a_name_that_does_not_resolve(host: str, tmp_path: Path) -> None:
    async def test() -> None:
        with pytest.raises(Unreachable) as caught:
            await make(tmp_path).fetch(f"http://{host}/")
        assert caught.value.kind == "resolve"

    run(test)


def test_a_listener_that_does_not_do_tls(tmp_path: Path) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = make(tmp_path, limits=Limits(connect=0.2))
            with pytest.raises(Unreachable) as caught:
                await client.fetch(f"https://127.0.0.1:{listener.getsockname()[1]}/")
            assert caught.value.kind == "timeout"

    run(test)


def test_ipv6(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}, host="::1") as site:
            asked: list[tuple[str, int, str]] = []
            client = make(tmp_path, may_connect=noting(asked))
            exchange = await client.fetch(site.url("/"))
            assert exchange.peer == "::1" and exchange.url == f"http://[::1]:{site.port}/"
            assert b"Host: [::1]:%d\r\n" % site.port in site.talks[0].request
            assert asked == [("::1", site.port, "::1")]
            await client.close()

    run(test)


def resolve_to(*addresses: str) -> list[str]:
    """Let this loop resolve every name to these addresses; the names asked for are in the list returned."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    asyncio.get_running_loop().getaddrinfo = getaddrinfo  # type: ignore[assignment,method-assign]
    return asked


def test_the_next_address_is_tried_and_remembered(tmp_path: Path) -> None:
    async def test() -> None:
        asked = resolve_to("::1", "127.0.0.9", "127.0.0.1")
        async with Odd({"": CLOSE}) as site:
            judged: list[tuple[str, int, str]] = []
            client = make(tmp_path, may_connect=noting(judged))
            for _ in range(2):
                exchange = await client.fetch(site.url("/", "wiki.example"))
                assert exchange.peer == "127.0.0.1"
            assert asked == ["wiki.example"]
            assert [ip for _, _, ip in judged] == [
                "::1",
                "127.0.0.9",
                "127.0.0.1",
                "127.0.0.1",
                "::1",
                "127.0.0.9",
            ]
            await client.close()

    run(test)


def test_an_address_not_to_be_connected_to(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": CLOSE}) as site:
            client = make(tmp_path, may_connect=lambda host, port, ip: ip != "127.0.0.1")
            for host in (
                "127.0.0.1",
                "[::ffff:127.0.0.1]",
                "[::ffff:7f00:1]",
                "2130706433",
                "0x7f.1",
                "127.1",
            ):
                with pytest.raises(Unreachable) as caught:
                    await client.fetch(site.url("/", host))
                assert caught.value.kind == "forbidden", host
            resolve_to("127.0.0.1")
            with pytest.raises(Unreachable) as caught:
                await client.fetch(site.url("/", "innocent.example"))
            assert caught.value.kind == "forbidden"
            assert site.connections == 0

    run(test)


def test_an_allowed_address_beside_a_forbidden_one(tmp_path: Path) -> None:
    async def test() -> None:
        resolve_to("127.0.0.9", "127.0.0.1")
        async with Odd({"": CLOSE}) as site:
            client = make(tmp_path, may_connect=lambda host, port, ip: ip == "127.0.0.1")
            assert (await client.fetch(site.url("/", "both.example"))).peer == "127.0.0.1"

    run(test)


# --- TLS ----------------------------------------------------------------------------------------------


def test_tls_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def test() -> None:
        async with Odd({"": KEEP}, tls=authority.server("localhost", "127.0.0.1")) as site:
            client = make(tmp_path)
            for host in ("127.0.0.1", "localhost", "localhost"):
                exchange = await client.fetch(site.url("/", host))
                assert b"".join(exchange.response.chunks()) == PAGE
                assert exchange.request == site.talks[-1].request
                assert exchange.protocols == ("http/1.1", "tls/1.3")
                assert exchange.cipher is not None and exchange.cipher.startswith("TLS_")
            assert site.connections == 2
            await client.close()

    run(test)


def test_tls_1_2_has_its_iana_cipher_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    tls = authority.server("127.0.0.1")
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")

    async def test() -> None:
        async with Odd({"": KEEP}, tls=tls) as site:
            client = make(tmp_path)
            exchange = await client.fetch(site.url("/"))
            assert exchange.protocols == ("http/1.1", "tls/1.2")
            assert exchange.cipher == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
            await client.close()

    run(test)


def test_every_cipher_we_offer_has_an_iana_name() -> None:
    for cipher in ssl.create_default_context().get_ciphers():
        # Debian's Python also offers those for keys agreed beforehand, which no web server has with us.
        if not {"PSK", "SRP"} & set(cipher["name"].split("-")):
            assert suite(cipher["name"]).startswith("TLS_")
    assert suite("ECDHE-ECDSA-AES256-SHA") == "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"
    assert suite("AES128-GCM-SHA256") == "TLS_RSA_WITH_AES_128_GCM_SHA256"
    assert suite("ECDHE-RSA-CHACHA20-POLY1305") == "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    assert suite("DHE-RSA-AES256-SHA256") == "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"


@pytest.mark.parametrize("then", ["close", "reset"])
def test_tls_cut_short(
    then: Literal["close", "reset"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def test() -> None:
        replies = {"/cut": Reply([PAGE[:-2]], then), "/silent": Reply([], then)}
        async with Odd(replies, tls=authority.server("127.0.0.1")) as site:
            client = make(tmp_path)
            exchange = await client.fetch(site.url("/cut"))
            assert (exchange.truncated, b"".join(exchange.response.chunks())) == ("disconnect", PAGE[:-2])
            with pytest.raises(Unreachable) as caught:
                await client.fetch(site.url("/silent"))
            assert caught.value.kind == "disconnect"
            await client.close()

    run(test)


@pytest.mark.parametrize("why", ["authority", "name", "expired"])
def test_tls_refused(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    if why != "authority":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    name = "wiki.example" if why == "name" else "127.0.0.1"
    end = datetime(2026, 1, 2) if why == "expired" else datetime(2126, 1, 1)

    async def test() -> None:
        async with Odd({"": KEEP}, tls=authority.server(name, end=end)) as site:
            with pytest.raises(Unreachable) as caught:
                await make(tmp_path).fetch(site.url("/"))
            assert caught.value.kind == "tls" and site.talks == []

    run(test)


# --- proxies ------------------------------------------------------------------------------------------


def test_http_through_a_proxy(tmp_path: Path) -> None:
    async def test() -> None:
        async with Odd({"": KEEP}) as site, Proxy() as proxy:
            client = make(tmp_path, proxies={"http": f"http://me:s%C3%A9same@{proxy.place}"})
            exchange = await client.fetch(site.url("/a:b"))
            assert proxy.asked[0].startswith(b"GET http://127.0.0.1:%d/a:b HTTP/1.1\r\n" % site.port)
            line = b"Proxy-Authorization: Basic bWU6c8Opc2FtZQ==\r\n"
            assert line in proxy.asked[0]
            assert exchange.request == proxy.asked[0].replace(line, b"")
            assert (exchange.peer, exchange.redacted) == (None, ("Proxy-Authorization",))
            assert b"".join(exchange.response.chunks()) == PAGE
            await client.close()

    run(test)


def test_https_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def test() -> None:
        async with Odd({"": KEEP}, tls=authority.server("127.0.0.1")) as site, Proxy() as proxy:
            client = make(tmp_path, proxies={"https": f"me:pass@{proxy.place}"})
            for _ in range(2):
                exchange = await client.fetch(site.url("/"))
                assert exchange.request == site.talks[-1].request
                assert b"roxy" not in exchange.request
                assert (exchange.peer, exchange.redacted) == (None, ())
                assert exchange.protocols == ("http/1.1", "tls/1.3")
                assert b"".join(exchange.response.chunks()) == PAGE
            assert len(proxy.asked) == 1
            assert proxy.asked[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % site.port)
            assert b"\r\nProxy-Authorization: Basic bWU6cGFzcw==\r\n" in proxy.asked[0]
            await client.close()

    run(test)


@pytest.mark.parametrize(
    "refuse",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno!",
        b"no proxy at all\n\n",
        b"HTTP/1.1 2",
    ],
)
def test_the_proxys_own_answer_is_not_the_sites(refuse: bytes, tmp_path: Path) -> None:
    async def test() -> None:
        async with Proxy(refuse) as proxy:
            client = make(tmp_path, proxies={"all": f"http://{proxy.place}"})
            with pytest.raises(Unreachable) as caught:
                await client.fetch("https://127.0.0.1/")
            assert caught.value.kind == "proxy"
            assert "no tunnel" in caught.value.text
            if b" 407 " in refuse:
                with pytest.raises(Unreachable) as caught:
                    await client.fetch("http://127.0.0.1/")
                assert caught.value.kind == "proxy"
            await client.close()

    run(test)


def test_no_proxy_there(tmp_path: Path) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        for proxy in (
            f"http://127.0.0.1:{port}",
            "http://no-such-proxy.invalid:1",
            "socks5://127.0.0.1:1",
            "https://127.0.0.1:1",
        ):
            with pytest.raises(Unreachable) as caught:
                await make(tmp_path, proxies={"http": proxy}).fetch("http://127.0.0.1/")
            assert caught.value.kind == "proxy"

    run(test)


def test_a_proxy_is_no_way_round_forbidden_addresses(tmp_path: Path) -> None:
    async def test() -> None:
        async with Proxy(PAGE) as proxy:
            client = make(
                tmp_path,
                proxies={"http": f"http://{proxy.place}", "https": f"http://{proxy.place}"},
                may_connect=lambda host, port, ip: ip != "127.0.0.1",
            )
            for url in ("http://127.0.0.1/", "https://127.0.0.1/", "http://2130706433/", "http://localhost/"):
                with pytest.raises(Unreachable) as caught:
                    await client.fetch(url)
                assert caught.value.kind == "forbidden"
            assert proxy.asked == []
            resolve_to("127.0.0.9", "127.0.0.1")
            with pytest.raises(Unreachable) as caught:
                await client.fetch("http://both.example/")
            assert caught.value.kind == "forbidden" and proxy.asked == []

    run(test)


def test_a_name_only_the_proxy_knows(tmp_path: Path) -> None:
    async def test() -> None:
        async with Proxy(PAGE) as proxy:
            client = make(
                tmp_path,
                proxies={"http": f"http://{proxy.place}"},
                may_connect=lambda host, port, ip: False,
            )
            # A name this machine does not know is the proxy's to resolve.
            assert (await client.fetch("http://no-such-host.invalid/")).status == 200
            await client.close()

    run(test)


@pytest.mark.slow
def test_behind_a_proxy_names_need_not_be_known_here(tmp_path: Path) -> None:
    async def test() -> None:
        async def getaddrinfo(host: str, port: int, **_: object) -> None:
            await asyncio.sleep(3600)

        asyncio.get_running_loop().getaddrinfo = getaddrinfo  # type: ignore[assignment,method-assign]
        async with Proxy(PAGE) as proxy:
            client = make(tmp_path, proxies={"http": f"http://{proxy.place}"})
            for _ in range(5):
                assert (await client.fetch("http://wiki.example/")).status == 200
            await client.close()

    run(test)


@pytest.mark.parametrize(
    "exempt, direct",
    [
        ("", False),
        ("*", True),
        ("example.org", True),
        (".example.org", True),
        ("other.net, WIKI.example.org", True),
        ("wiki.example.org:8080", True),
        ("wiki.example.org:80", False),
        ("ample.org", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy(exempt: str, direct: bool) -> None:
    proxies = {"http": "http://proxy.example:3128", "no": exempt}
    assert (proxy_for(target_of("http://wiki.example.org:8080/"), proxies) is None) == direct


def test_no_proxy_for_addresses() -> None:
    for exempt in ("10.0.0.0/8", "10.1.2.3", "192.168.0.0/16,10.1.0.0/16"):
        assert proxy_for(target_of("http://10.1.2.3/"), {"all": "proxy.example", "no": exempt}) is None
    assert proxy_for(target_of("http://[fd00::1]/"), {"all": "proxy.example", "no": "fd00::/8"}) is None
    assert proxy_for(target_of("http://11.1.2.3/"), {"all": "proxy.example", "no": "10.0.0.0/8"}) is not None


# --- elsewhere ----------------------------------------------------------------------------------------

IN_TWISTED = """
import asyncio, sys
from pathlib import Path
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import defer, reactor
from crawler.capture.client import Client, Limits
from tests.sites.odd import Odd, Reply

async def main():
    async with Odd({"": Reply([b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"], "keep")}) as site:
        client = Client(user_agent="t", limits=Limits(), spool_dir=Path(sys.argv[1]),
                        may_connect=lambda *_: True, proxies={})
        for _ in range(3):
            exchange = await client.fetch(site.url("/", "localhost"))
            print(exchange.status, site.connections)
        await client.close()

task = defer.Deferred.fromFuture(asyncio.ensure_future(main()))
task.addErrback(lambda failure: failure.printTraceback())
task.addBoth(lambda _: reactor.stop())
reactor.run()
"""

DISK_FULL = """
import asyncio, resource, sys
from pathlib import Path
from crawler.capture.client import Client, Limits
from storage.errors import OUT_OF_DISK, OutOfDisk
from tests.sites.odd import Odd, Reply

async def main():
    piece = b"x" * 65536
    async with Odd({"": Reply([b"HTTP/1.1 200 OK\\r\\n\\r\\n"] + [piece] * 40)}) as site:
        client = Client(user_agent="t", limits=Limits(), spool_dir=Path(sys.argv[1]),
                        may_connect=lambda *_: True, proxies={})
        try:
            await client.fetch(site.url("/"))
        except OutOfDisk as error:
            assert error.where == sys.argv[1], error.where
            sys.exit(error.exit_code)

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
asyncio.run(main())
"""


def test_in_twisteds_loop(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_TWISTED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["200 1"] * 3, done.stderr


@pytest.mark.parametrize("room", [500_000, 1_500_000], ids=["while the file is made", "later"])
def test_a_full_disk_is_told_as_such(room: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DISK_FULL, str(tmp_path), str(room)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 8, done.stderr
    assert list(tmp_path.iterdir()) == []
