"""Exchanges as the client hands them over, made from wire bytes; and the checkers everybody else uses."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.exchange import Exchange
from storage.http import body, find_head_end, parse_head, payload
from storage.records import Held, digest_of

BEGAN = datetime(2026, 11, 22, 3, 15, 0, 123456, UTC)
URL = "http://example.org/wiki/Spezial:%C3%9Cber%20uns?id=a:b"
# Random, so that its gzip form too is longer than what a revisit needs.
PAGE = "<title>Über uns</title>".encode() + random.Random(1).randbytes(2000).hex().encode()


def exchange(url: str, wire: bytes, began: datetime = BEGAN, **fields: Any) -> Exchange:
    """An exchange whose answer is `wire`; digests and sizes as the client gives them."""
    held = Held(wire)
    end = find_head_end(wire)
    head = parse_head(wire[:end]) if end >= 0 else None
    plain = b"".join(payload(head, body(held, head))) if head else b""
    request = b"GET / HTTP/1.1\r\nHost: example.org\r\nAccept-Encoding: gzip\r\n\r\n"
    given: dict[str, Any] = {
        "request": request,
        "response": held,
        "head": head,
        "block_digest": digest_of(wire),
        "payload_digest": digest_of(plain) if head else "",
        "payload_size": len(plain),
        "peer": "127.0.0.1",
    }
    return Exchange(url=url, began=began, **(given | fields))


def answer(
    content: bytes = PAGE, *, status: bytes = b"200 OK", headers: bytes = b"", chunks: bool = False
) -> bytes:
    """An answer as it crosses the wire. headers: whole lines."""
    head = b"HTTP/1.1 " + status + b"\r\ncontent-TYPE: text/html; charset=utf-8\r\n" + headers
    if not chunks:
        return head + b"Content-Length: %d\r\n\r\n" % len(content) + content
    pieces = [content[at : at + 700] for at in range(0, len(content), 700)]
    framed = b"".join(b"%X;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + framed


def counted_ids(start: int = 1) -> Callable[[], str]:
    """Record ids that are the same in every run."""
    numbers = itertools.count(start)
    return lambda: f"urn:uuid:00000000-0000-4000-8000-{next(numbers):012x}"


def refused(paths: Iterable[Path], scratch: Path) -> list[str]:
    """What `warcio check` and `fastwarc check` say against WARC files; both run as programs.

    All files are given to them as one: members in a row are a WARC file too.
    """
    together = scratch / "together.warc.gz"
    with together.open("wb") as file:
        for path in paths:
            file.write(path.read_bytes())
    found = []
    for program in (["warcio.cli", "check", "-v"], ["fastwarc.cli", "check", "--quiet"]):
        done = subprocess.run(
            [sys.executable, "-m", *program, str(together)], capture_output=True, text=True, check=False
        )
        if done.returncode or (program[0].startswith("warcio") and "digest pass" not in done.stdout):
            found.append(f"{program[0]}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found
