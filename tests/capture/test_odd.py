"""Odd answers: what is kept equals what the server wrote, byte for byte, and the request what it read."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import zlib
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from crawler.capture.client import Client, Limits
from storage.exchange import Exchange, Truncated
from storage.http import body, decoded, find_head_end, parse_head, payload
from tests.sites.odd import Odd, Reply, dripping

OK = b"HTTP/1.1 200 OK\r\n"
TEXT = "Forêt à l’aube: page 1\n".encode() * 40
LENGTH = b"Content-Length: %d\r\n" % len(TEXT)
GZIPPED = gzip.compress(TEXT, mtime=0)
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def in_chunks(data: bytes, size: int = 100) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


@dataclass(frozen=True)
class Case:
    """An answer and what a capture of it has to say. extra: bytes the server wrote that are no part of it."""

    name: str
    wire: bytes
    payload: bytes | None = None
    status: int = 200
    truncated: Truncated | None = None
    extra: int = 0
    interim: int = 0
    then: Literal["close", "keep", "reset"] = "close"
    method: str = "GET"
    drip: bool = False


CASES = [
    Case("plain", OK + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("empty body", OK + b"Content-Length: 0\r\n\r\n", b"", then="keep"),
    Case(
        "two Set-Cookie, order and case and padding of headers",
        OK + b"sEt-CooKie: a=1\r\nX-B:  2  \r\nSet-Cookie:b=2\r\nx-b:\t3\r\n" + LENGTH + b"\r\n" + TEXT,
        TEXT,
        then="keep",
    ),
    Case("odd reason", b"HTTP/1.1 200 Tout va bien, m\xeame ici!\r\n" + LENGTH + b"\r\n" + TEXT, TEXT),
    Case("empty reason", b"HTTP/1.1 200 \r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("no reason and no space", b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("no space before the reason", b"HTTP/1.1 200OK\r\n" + LENGTH + b"\r\n" + TEXT, TEXT),
    Case("status 299", b"HTTP/1.1 299 Odd\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, status=299, then="keep"),
    Case("status 999", b"HTTP/1.1 999 Denied\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, status=999),
    Case("lower-case version", b"http/1.1 200 ok\r\n" + LENGTH + b"\r\n" + TEXT, TEXT),
    Case("no version", b"HTTP 200 OK\r\n" + LENGTH + b"\r\n" + TEXT, TEXT),
    Case("double spaces in the status line", b"HTTP/1.1  200  OK\r\n" + LENGTH + b"\r\n" + TEXT, TEXT),
    Case("empty lines before the status line", b"\r\n\r\n" + OK + LENGTH + b"\r\n" + TEXT, TEXT),
    Case("chunked", OK + CHUNKED + b"\r\n" + in_chunks(TEXT) + b"0\r\n\r\n", TEXT, then="keep"),
    Case(
        "chunk extensions, trailers, leading zeros, spaces",
        OK
        + CHUNKED
        + b'\r\n0005;a="b;c"\r\nab\r\nc\r\nA  \r\n0123456789\r\n000;last\r\nX-T: 1\r\nX-U: \xe9\r\n\r\n',
        b"ab\r\nc0123456789",
        then="keep",
    ),
    Case("chunks ended by LF", OK + CHUNKED + b"\r\n3\nabc\n2\nde\n0\n\n", b"abcde", then="keep"),
    Case("chunked says HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
    Case("bad chunk size", OK + CHUNKED + b"\r\n3\r\nabc\r\nXYZ\r\nrest", b"abc", truncated="unspecified"),
    Case("negative chunk size", OK + CHUNKED + b"\r\n-3\r\nabc\r\n0\r\n\r\n", b"", truncated="unspecified"),
    Case("huge chunk size", OK + CHUNKED + b"\r\n" + b"f" * 40 + b"\r\nabc", b"", truncated="unspecified"),
    Case("no line end after a chunk", OK + CHUNKED + b"\r\n3\r\nabcde", b"abc", truncated="unspecified"),
    Case("empty chunk size", OK + CHUNKED + b"\r\n\r\nabc", b"", truncated="unspecified"),
    Case("chunked but not in chunks", OK + CHUNKED + b"\r\n<p>no</p>\n", b"", truncated="unspecified"),
    Case("chunked cut in a chunk", OK + CHUNKED + b"\r\n64\r\nabc", b"abc", truncated="disconnect"),
    Case("chunked cut between chunks", OK + CHUNKED + b"\r\n3\r\nabc\r\n", b"abc", truncated="disconnect"),
    Case("chunked cut in the last line", OK + CHUNKED + b"\r\n0\r\n", b"", truncated="disconnect"),
    Case("chunk-size line without end", OK + CHUNKED + b"\r\n" + b"0" * 40000, b"", truncated="unspecified"),
    Case(
        "trailers without end",
        OK + CHUNKED + b"\r\n0\r\n" + b"a: b\r\n" * 20000,
        b"",
        truncated="unspecified",
    ),
    Case("bytes after the last chunk", OK + CHUNKED + b"\r\n1\r\na\r\n0\r\n\r\nmore", b"a", extra=4),
    Case(
        "gzip", OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED, GZIPPED
    ),
    Case(
        "gzip in chunks",
        OK + b"Content-Encoding: gzip\r\n" + CHUNKED + b"\r\n" + in_chunks(GZIPPED, 7) + b"0\r\n\r\n",
        GZIPPED,
        then="keep",
    ),
    Case(
        "corrupt gzip",
        OK + b"Content-Encoding: gzip\r\n\r\n" + GZIPPED[:40] + b"\xff\xff" + GZIPPED[42:],
        GZIPPED[:40] + b"\xff\xff" + GZIPPED[42:],
    ),
    Case("HTTP/1.0, ended by close", b"HTTP/1.0 200 OK\r\n\r\n" + TEXT, TEXT),
    Case("HTTP/1.1, ended by close", OK + b"Connection: close\r\n\r\n" + TEXT, TEXT),
    Case("ended by reset", OK + b"\r\n" + TEXT, TEXT, truncated="disconnect", then="reset"),
    Case(
        "304 with a length", b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\n", b"", status=304, then="keep"
    ),
    Case(
        "204 with a length", b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\n", b"", status=204, then="keep"
    ),
    Case("204 with a body", b"HTTP/1.1 204 No Content\r\n\r\nabc", b"", status=204, extra=3),
    Case("HEAD with a length", OK + LENGTH + b"\r\n", b"", method="HEAD", then="keep"),
    Case("HEAD, chunked", OK + CHUNKED + b"\r\n", b"", method="HEAD", then="keep"),
    Case("HEAD with a body", OK + LENGTH + b"\r\n" + TEXT, b"", method="HEAD", extra=len(TEXT)),
    Case("100 before", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n" + TEXT, TEXT, interim=25),
    Case(
        "103 and 102 before",
        b"HTTP/1.1 103 Early Hints\r\nLink: </\xe9.css>\r\n\r\nHTTP/1.1 102 P\n\n"
        + OK
        + LENGTH
        + b"\r\n"
        + TEXT,
        TEXT,
        interim=44 + 16,
        then="keep",
    ),
    Case("101 nobody asked for", b"HTTP/1.1 101 Switching\r\n\r\n\x81\x00", b"", status=101, extra=2),
    Case("only an interim head", b"HTTP/1.1 100 Continue\r\n\r\n", None, 0, "disconnect", interim=25),
    Case("cut body", OK + LENGTH + b"\r\n" + TEXT[:50], TEXT[:50], truncated="disconnect"),
    Case(
        "cut body, reset", OK + LENGTH + b"\r\n" + TEXT[:50], TEXT[:50], truncated="disconnect", then="reset"
    ),
    Case("length too short", OK + b"Content-Length: 5\r\n\r\n" + TEXT, TEXT[:5], extra=len(TEXT) - 5),
    Case("negative length", OK + b"Content-Length: -1\r\n\r\n" + TEXT, TEXT),
    Case("malformed length", OK + b"Content-Length: [5]\r\n\r\n" + TEXT, TEXT),
    Case("length with a sign", OK + b"Content-Length: +5\r\n\r\n" + TEXT, TEXT),
    Case("length of 5000 digits", OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + TEXT, TEXT),
    Case("empty length", OK + b"Content-Length:\r\n\r\n" + TEXT, TEXT),
    Case("same length twice", OK + LENGTH * 2 + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("same length twice in one", OK + b"Content-Length: 3, 3\r\n\r\nabc", b"abc", then="keep"),
    Case("two different lengths", OK + LENGTH + b"Content-Length: 5\r\n\r\n" + TEXT, TEXT),
    Case(
        "length and chunks",
        OK + b"Content-Length: 3\r\n" + CHUNKED + b"\r\n5\r\nabcde\r\n0\r\n\r\n",
        b"abcde",
    ),
    Case("Latin-1 header", OK + b"X-Titre: for\xeat\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("UTF-8 header", OK + "X-Titre: forêt日\r\n".encode() + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("8-bit header name", OK + b"X-\xe9\xff: 1\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("NUL in a header", OK + b"X-Nul: a\0b\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("bare CR in a header", OK + b"X-Cr: a\rb\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("folded header", OK + b"X-Fold: a\r\n  b\r\n\tc\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("LF only", b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", b"abc", then="keep"),
    Case("CRLF, but LF at the end", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\nabc", b"abc", then="keep"),
    Case("LF, but CRLF at the end", b"HTTP/1.1 200 OK\nContent-Length: 3\n\r\nabc", b"abc", then="keep"),
    Case("line without a colon", OK + b"no colon here\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("line without a name", OK + b": value\r\n" + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case("space before the colon", OK + b"Content-Length : 3\r\n\r\nabc", b"abc", then="keep"),
    Case("no headers", OK + b"\r\n" + TEXT, TEXT),
    Case(
        "34 KB of head",
        OK + b"X-Long: " + b"x" * 34000 + b"\r\n" + LENGTH + b"\r\n" + TEXT,
        TEXT,
        then="keep",
    ),
    Case("152 header lines", OK + b"X-Many: 1\r\n" * 152 + LENGTH + b"\r\n" + TEXT, TEXT, then="keep"),
    Case(
        "302 with a body",
        b"HTTP/1.1 302 Ailleurs\r\nLocation: /\xe9\r\n" + LENGTH + b"\r\n" + TEXT,
        TEXT,
        302,
    ),
    Case("one byte at a time", OK + LENGTH + b"\r\n" + TEXT[:200], TEXT[:200], 200, "disconnect", drip=True),
    Case(
        "chunks, a byte at a time", OK + CHUNKED + b"\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n", b"abc", drip=True
    ),
    Case("interim, a byte at a time", b"HTTP/1.1 100 C\n\n" + OK + b"\r\nabc", b"abc", interim=16, drip=True),
    Case("status line only", b"HTTP/1.1 200 OK\r\n", None, 0, "disconnect"),
    Case("half a status line", b"HTTP/1", None, 0, "disconnect"),
    Case("cut in the head", OK + b"Content-Le", None, 0, "disconnect"),
    Case("one byte", b"H", None, 0, "disconnect"),
    Case("bad status", b"HTTP/1.1 abc OK\r\n\r\n" + TEXT, None, 0, "unspecified"),
    Case("status of four digits", b"HTTP/1.1 2000 OK\r\n\r\n" + TEXT, None, 0, "unspecified"),
    Case("page without a head", b"<html><p>HTTP/0.9\r\n\r\n</html>", None, 0, "unspecified"),
    Case("binary garbage", bytes(range(256)) * 9, None, 0, "unspecified"),
    Case("SSH banner", b"SSH-2.0-OpenSSH_9.2p1\r\n", None, 0, "unspecified"),
    Case("pipelined garbage", OK + b"Content-Length: 3\r\n\r\nabc" + OK * 3, b"abc", extra=3 * len(OK)),
]


def client(tmp_path: Path, limits: Limits | None = None) -> Client:
    return Client(
        user_agent="jukni-test",
        limits=limits or Limits(read=5),
        spool_dir=tmp_path,
        may_connect=lambda host, port, ip: True,
        proxies={},
    )


def fetch_all(
    tmp_path: Path, reply: Reply, method: str = "GET", limits: Limits | None = None
) -> tuple[Exchange, Odd]:
    async def run() -> tuple[Exchange, Odd]:
        async with Odd({"/wiki/d%C3%A9but:page%20un?do=a&&id=": reply}) as site:
            own = client(tmp_path, limits)
            exchange = await own.fetch(site.url("/wiki/d%C3%A9but:page%20un?do=a&&id="), method=method)
            await own.close()
            return exchange, site

    return asyncio.run(run())


def sha1(data: bytes) -> str:
    return "sha1:" + b32encode(hashlib.sha1(data).digest()).decode()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 45 and len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_record_is_what_the_server_wrote(case: Case, tmp_path: Path) -> None:
    pieces: Iterable[bytes] = dripping(case.wire) if case.drip else [case.wire]
    exchange, site = fetch_all(tmp_path, Reply(pieces, case.then), case.method)
    [talk] = site.talks
    block = b"".join(exchange.response.chunks())

    assert exchange.request == talk.request
    assert exchange.interim + block == bytes(talk.response)[: len(talk.response) - case.extra]
    assert exchange.extra == case.extra
    assert len(exchange.interim) == case.interim
    assert (exchange.status, exchange.truncated) == (case.status, case.truncated)
    assert bool(exchange.why) == bool(case.truncated)
    assert exchange.block_digest == sha1(block)
    if case.payload is None:
        assert exchange.head is None and exchange.payload_digest == ""
        return
    assert exchange.head is not None
    assert exchange.head == parse_head(block[: find_head_end(block)])
    assert exchange.payload_digest == sha1(case.payload)
    assert exchange.payload_size == len(case.payload)
    assert b"".join(payload(exchange.head, body(exchange.response, exchange.head))) == case.payload


def test_headers_are_read_as_sent(tmp_path: Path) -> None:
    wire = OK + b"Set-Cookie: a=1\r\nX-B :  2 \r\nset-cookie:b\r\nbad\r\n skipped\r\nF: 1\r\n\t2\r\n\r\n"
    exchange, _ = fetch_all(tmp_path, Reply([wire]))
    assert exchange.head is not None
    assert exchange.head.headers == (
        (b"Set-Cookie", b"a=1"),
        (b"X-B", b"2"),
        (b"set-cookie", b"b"),
        (b"F", b"1 2"),
    )
    assert exchange.head.all(b"SET-COOKIE") == [b"a=1", b"b"]


def test_corrupt_gzip_gives_what_could_be_decoded(tmp_path: Path) -> None:
    noise = zlib.compress(TEXT)
    damaged = gzip.compress(TEXT + noise * 20, mtime=0)
    damaged = damaged[: len(damaged) // 2]
    exchange, _ = fetch_all(tmp_path, Reply([OK + b"Content-Encoding: gzip\r\n\r\n" + damaged]))
    assert exchange.head is not None
    content, whole = decoded(
        exchange.head, payload(exchange.head, body(exchange.response, exchange.head)), 1 << 20
    )
    assert not whole and len(content) > len(TEXT) and (TEXT + noise * 20).startswith(content)


@pytest.mark.parametrize(
    "head, counted",
    [
        (OK + b"\r\n", 1000),
        (OK + b"Content-Length: 1000000000\r\n\r\n", 1000),
        (OK + CHUNKED + b"\r\n", 1000),
        (b"garbage", 1000 - 7),
    ],
    ids=["ended by close", "with a length", "chunked", "garbage"],
)
def test_a_body_without_end_is_cut_at_the_size_limit(head: bytes, counted: int, tmp_path: Path) -> None:
    piece = b"100\r\n" + b"x" * 256 + b"\r\n"
    reply = Reply(itertools.chain([head], itertools.repeat(piece)), remember=False)
    exchange, _ = fetch_all(tmp_path, reply, limits=Limits(size=1000))
    block = b"".join(exchange.response.chunks())
    assert block == (head + piece * 4)[: len(head) + counted]
    assert exchange.truncated == ("unspecified" if exchange.head is None else "length")
    assert exchange.why


def test_a_body_of_just_the_size_limit_is_whole(tmp_path: Path) -> None:
    for wire in (OK + LENGTH + b"\r\n" + TEXT, OK + b"\r\n" + TEXT):
        exchange, _ = fetch_all(tmp_path, Reply([wire]), limits=Limits(size=len(TEXT)))
        assert exchange.truncated is None and exchange.payload_size == len(TEXT)


@pytest.mark.parametrize("line", [b"X-Again: and again\r\n", b"x" * 4096], ids=["lines", "one line"])
def test_headers_without_end_are_cut_at_the_head_limit(line: bytes, tmp_path: Path) -> None:
    reply = Reply(itertools.chain([OK], itertools.repeat(line)), remember=False)
    exchange, _ = fetch_all(tmp_path, reply, limits=Limits(head=10_000))
    block = b"".join(exchange.response.chunks())
    assert block == (OK + line * 600)[:10_000]
    assert (exchange.head, exchange.truncated) == (None, "length")


def test_interim_heads_without_end_are_cut(tmp_path: Path) -> None:
    reply = Reply(itertools.repeat(b"HTTP/1.1 102 Processing\r\n\r\n"), remember=False)
    exchange, _ = fetch_all(tmp_path, reply, limits=Limits(head=1000))
    assert 1000 < len(exchange.interim) <= 1027
    assert (exchange.response.size, exchange.head, exchange.truncated) == (0, None, "length")
