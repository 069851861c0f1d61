"""One HTTP/1 answer, read from whatever pieces it comes in, with the exact end of the message.

No socket in here: bytes go in, and what is known at the end does not depend on how they were cut.
Every byte fed is kept in `interim` or `block`, or counted in `extra`.
"""

from __future__ import annotations

import hashlib

from crawler.capture.spool import Spool, digest
from storage.exchange import Head, Truncated
from storage.http import Dechunker, chunked, find_head_end, parse_head, tokens

_DIGITS = 18
"""More digits than this are no length anybody could send."""


def content_length(head: Head) -> tuple[int | None, bool]:
    """The length the head tells (None: none that can be used), and whether what it says makes sense.

    Equal repeats are one; different, negative or unreadable ones make no sense (RFC 9112 6.3).
    """
    told = {part.strip() for value in head.all(b"content-length") for part in value.split(b",")}
    if not told:
        return None, True
    lengths = {int(text) for text in told if text.isdigit() and len(text) <= _DIGITS}
    if len(lengths) != 1 or not all(text.isdigit() for text in told):
        return None, False
    return lengths.pop(), True


class Reader:
    """Reads one answer into `block`.

    done: the message ended, or cannot or may not be read further. clean: its end was exact, so that the
    connection may carry another exchange if `persistent` too. unsure: its framing makes no sense; bytes are
    kept as they come until the connection ends, and waiting long for more is not worth it.
    received: bytes fed. The other attributes are those of `storage.exchange.Exchange`.
    Raises only what the spool raises.
    """

    __slots__ = (
        "_coding",
        "_cut",
        "_held",
        "_left",
        "_method",
        "_room",
        "_seen",
        "_sha1",
        "_size",
        "block",
        "clean",
        "done",
        "extra",
        "head",
        "head_limit",
        "interim",
        "payload_size",
        "received",
        "truncated",
        "unsure",
        "why",
    )

    def __init__(self, block: Spool, *, method: str, head_limit: int, size_limit: int | None = None) -> None:
        self.block = block
        self.head_limit = head_limit
        self.done = False
        self.clean = False
        self.unsure = False
        self.received = 0
        self.extra = 0
        self.interim = b""
        self.head: Head | None = None
        self.truncated: Truncated | None = None
        self.why = ""
        self.payload_size = 0
        self._method = method
        self._size = size_limit
        self._room = size_limit
        self._cut = False
        self._held: bytes | bytearray | None = b""
        self._seen = 0
        self._left: int | None = None
        self._coding: Dechunker | None = None
        self._sha1 = hashlib.sha1(usedforsecurity=False)

    @property
    def payload_digest(self) -> str:
        """ "sha1:BASE32" of the body without transfer coding; "" when there was no head to tell it by."""
        return digest(self._sha1) if self.head else ""

    @property
    def persistent(self) -> bool:
        """True when the server means to keep the connection open (RFC 9112 9.3)."""
        if self.head is None:
            return False
        said = tokens(self.head, b"connection")
        if self.head.version.upper() == "HTTP/1.1":
            return b"close" not in said
        return b"keep-alive" in said and b"close" not in said

    def feed(self, data: bytes) -> bool:
        """Take bytes from the wire; true when the answer is done."""
        self.received += len(data)
        if self.done:
            self.extra += len(data)
        elif self._held is None:
            self._body(data)
        else:
            self._heads(data)
        return self.done

    def end(self, lost: str = "", truncated: Truncated = "disconnect") -> None:
        """No more bytes come: the server closed the connection, or, in words, what else ended it."""
        if self.done:
            return
        if self._held is not None:
            self.block.write(bytes(self._held))
            self._held = None
            self._stop(truncated, f"{lost or 'closed'} before the head was whole")
        elif self._left is not None and self.head is not None:
            short = (content_length(self.head)[0] or 0) - self.payload_size
            self._stop(truncated, f"{lost or 'closed'} with {short} bytes of the body to come")
        elif self._coding is not None:
            self._stop(truncated, f"{lost or 'closed'} before the last chunk was whole")
        elif lost:
            self._stop(truncated, f"{lost} in a body without a told length")
        else:
            self.done = True

    def _stop(self, truncated: Truncated | None = None, why: str = "") -> None:
        """Nothing more is kept; the first reason given stands."""
        self.done = True
        self.truncated = self.truncated or truncated
        self.why = self.why or why

    def _unreadable(self, why: str) -> None:
        """From here on there is no telling where the message ends: keep all that comes."""
        self.unsure = True
        self.truncated = "unspecified"
        self.why = why

    def _heads(self, data: bytes) -> None:
        """Read 1xx heads and the final one; what follows is body."""
        held: bytes | bytearray = data
        if self._held:
            held = self._held if isinstance(self._held, bytearray) else bytearray(self._held)
            held += data
        while True:
            first = held[:4] if held[:1] not in (b"\r", b"\n") else held.lstrip(b"\r\n")[:4]
            end = find_head_end(held, self._seen)
            head = parse_head(held[:end]) if 0 <= end <= self.head_limit else None
            if (len(first) == 4 and first.upper() != b"HTTP") or (
                head is None and 0 <= end <= self.head_limit
            ):
                self._held = None
                self._unreadable("no HTTP status line")
                self._body(bytes(held))
                return
            if head is None:
                self._wait(held)
                return
            if head.status >= 200 or head.status == 101:
                self._held = None
                self.block.write(bytes(held[:end]))
                self._frame(head, bytes(held[end:]))
                return
            self.interim += held[:end]
            held = held[end:]
            self._seen = 0
            if len(self.interim) > self.head_limit:
                self._held = None
                self.extra += len(held)
                self._stop("length", f"more than {self.head_limit} bytes of 1xx heads")
                return

    def _wait(self, held: bytes | bytearray) -> None:
        """Hold the start of a head, unless it is longer than a head may be."""
        if len(held) < self.head_limit:
            self._held = held
            self._seen = max(0, len(held) - 2)
            return
        self._held = None
        self.block.write(bytes(held[: self.head_limit]))
        self.extra += len(held) - self.head_limit
        self._stop("length", f"head longer than {self.head_limit} bytes")

    def _frame(self, head: Head, rest: bytes) -> None:
        """Decide where the body ends (RFC 9112 6.3, but a nonsensical length is no length)."""
        self.head = head
        if self._method == "HEAD" or head.status in (101, 204, 304):
            self._left = 0
        elif chunked(head):
            self._coding = Dechunker()
        else:
            self._left, sane = content_length(head)
            self.unsure = not sane
            if self._left is not None and self._room is not None and self._left > self._room:
                self._left, self._cut = self._room, True
        if rest or self._left == 0:
            self._body(rest)

    def _body(self, data: bytes) -> None:
        if self._left is not None:
            self._measured(data)
            return
        over = 0
        if self._room is not None:
            over = max(0, len(data) - self._room)
            data = data[: self._room] if over else data
            self._room -= len(data)
        if self._coding is not None:
            over += self._chunks(self._coding, data)
        else:
            self._keep(data, data if self.truncated is None else b"")
        self.extra += over
        if over and not self.done:
            self._too_long()

    def _measured(self, data: bytes) -> None:
        """Body bytes of a told number."""
        assert self._left is not None
        kept = data[: self._left] if len(data) > self._left else data
        self._left -= len(kept)
        self.extra += len(data) - len(kept)
        self._keep(kept, kept)
        if self._left == 0:
            if self._cut:
                self._too_long()
            else:
                self.done = self.clean = True

    def _chunks(self, coding: Dechunker, data: bytes) -> int:
        """Body bytes in chunks; how many of them lie behind the end."""
        plain = coding.feed(data)
        beyond = coding.leftover
        self._keep(data[: len(data) - beyond] if beyond else data, plain)
        if coding.done:
            self.done = self.clean = True
        elif coding.bad is not None:
            self._coding = None
            self._unreadable(coding.bad)
        return beyond

    def _keep(self, wire: bytes, plain: bytes) -> None:
        if wire:
            self.block.write(wire)
        if plain:
            self._sha1.update(plain)
            self.payload_size += len(plain)

    def _too_long(self) -> None:
        self._stop("length", f"body longer than the {self._size} bytes allowed")
