"""Golden records: `python -m tests.golden.make` writes them anew; look at the difference before a commit.

Each file holds the records of one exchange, uncompressed: bytes a deflate library cannot change.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from storage.cdxj import Line
from storage.exchange import Exchange
from storage.records import Draft, date_of, digest_of, records_of, warcinfo
from tests.storage.exchanges import BEGAN, URL, answer, counted_ids, exchange

HERE = Path(__file__).parent
TEXT = "<title>Über uns</title>\n".encode() * 50


def _zipped(content: bytes) -> bytes:
    """One gzip member with one stored block (RFC 1952, RFC 1951 3.2.4): no library decides any byte of it."""
    size = len(content)
    begin = b"\x1f\x8b\x08" + bytes(6) + b"\xff\x01" + struct.pack("<HH", size, size ^ 0xFFFF)
    return begin + content + struct.pack("<II", zlib.crc32(content), size)


def _original(url: str) -> Line:
    return Line(
        key="",
        timestamp="20261121031500",
        url=url,
        mime="text/html",
        status=200,
        digest=digest_of(TEXT),
        length=1,
        offset=2,
        filename="forum-20261121T031500Z-00000.warc.gz",
        id="urn:uuid:00000000-0000-4000-8000-0000000000ff",
        date=date_of(BEGAN - timedelta(days=1)),
    )


def cases() -> Iterator[tuple[str, list[Draft]]]:
    """Name and records of every golden file."""
    ids = counted_ids()
    info = {"software": "Jukni/0.1.0", "format": "WARC File Format 1.1", "isPartOf": "forum/été"}
    first = warcinfo(info, filename="forum-00000.warc.gz", date=date_of(BEGAN), id=ids())
    yield "warcinfo", [first]

    def records(made: Exchange, original: Line | None = None, **more: str) -> list[Draft]:
        return records_of(
            made,
            ids=ids,
            warcinfo=first.id,
            original=original,
            via=more.pop("via", None),
            hops=more.pop("hops", ""),
            note=more,
        )

    yield "response", records(exchange(URL, answer(TEXT)))
    yield "chunked", records(exchange(URL, answer(TEXT, chunks=True)), via="http://example.org/", hops="L")
    zipped = answer(_zipped(TEXT), headers=b"Content-Encoding: gzip\r\n", chunks=True)
    yield "gzip-chunked", records(exchange(URL, zipped))
    full = exchange(
        "https://example.org/",
        answer(TEXT[:500], headers=b"Set-Cookie: a=1\r\nSet-Cookie:  b=2 \r\n"),
        seconds=1.25,
        latency=0.125,
        redacted=("authorization", "x-token"),
        interim=b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
        truncated="disconnect",
        why="closed with 700 bytes of the body to come",
        extra=3,
        peer="2001:db8::1",
        protocols=("http/1.1", "tls/1.3"),
        cipher="TLS_AES_128_GCM_SHA256",
    )
    yield "everything", records(full, via="http://example.org/a:b", hops="LR", attempt="2")
    yield (
        "unreadable",
        records(
            exchange(
                URL, b"SSH-2.0-OpenSSH_9.2\r\n\xff\0", truncated="unspecified", why="no HTTP status line"
            )
        ),
    )
    yield "proxied", records(exchange(URL, answer(b""), peer=None))
    headers = b'ETag: "2"\r\n'
    yield "revisit", records(exchange(URL, answer(TEXT, headers=headers)), _original("http://example.org/a"))
    later = b'HTTP/1.1 304 Not Modified\r\nETag: "2"\r\nDate: Sun, 22 Nov 2026 03:15:00 GMT\r\n\r\n'
    yield "not-modified", records(exchange(URL, later), _original(URL))


def main() -> None:
    """Write all golden files."""
    for name, drafts in cases():
        data = b"".join(piece for draft in drafts for piece in draft.pieces())
        (HERE / f"{name}.warc").write_bytes(data)


if __name__ == "__main__":
    main()
