"""Cookies that an answer sets are taken out before it is recorded: in a member area they open the door."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from storage.exchange import Block, Exchange
from storage.http import parse_head
from storage.records import sha1_text

_VALUE = re.compile(rb"(?im)^(set-cookie2?[ \t]*:[ \t]*[^=;\r\n]*=)[^;\r\n]*")
_BLANK = rb"\1[redacted]"


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """A block with another head. skip: bytes of the old one."""

    head: bytes
    skip: int
    inner: Block

    @property
    def size(self) -> int:
        return len(self.head) + self.inner.size - self.skip

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        yield self.head
        skip = self.skip
        for piece in self.inner.chunks(size):
            if skip < len(piece):
                yield piece[skip:] if skip else piece
            skip = max(0, skip - len(piece))

    def close(self) -> None:
        self.inner.close()


def without_cookies(exchange: Exchange) -> Exchange:
    """The same exchange, the values of Set-Cookie blanked and named in `redacted`; itself where none is set.

    Names and attributes stay, so that what the site does can still be seen. Only here a record does not hold
    what crossed the wire, and it says so.
    """
    head = exchange.head
    if head is None or not any(name.lower() in (b"set-cookie", b"set-cookie2") for name, _ in head.headers):
        return exchange
    raw = b""
    for piece in exchange.response.chunks():
        raw += piece
        if len(raw) >= head.length:
            break
    rewritten = _VALUE.sub(_BLANK, raw[: head.length])
    block = _Rewritten(rewritten, head.length, exchange.response)
    sha1 = hashlib.sha1(usedforsecurity=False)
    for piece in block.chunks():
        sha1.update(piece)
    return replace(
        exchange,
        response=block,
        head=parse_head(rewritten),
        block_digest=sha1_text(sha1),
        redacted=(*exchange.redacted, "Set-Cookie"),
    )
