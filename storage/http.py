"""HTTP/1 messages read leniently, from bytes that came over the wire or out of a record.

Pure functions and incremental readers; nothing here touches a socket or a file. What browsers accept is
accepted (lines ended by LF, lines without a colon, a space before the colon, folded values), because an
archive has to keep what servers really send. Framing after RFC 9112, content codings after RFC 9110 8.4.1.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from storage.exchange import Block, Head

_fast: Any = zlib
with suppress(ImportError):
    from isal import isal_zlib as _fast

_STATUS = re.compile(
    rb"(HTTP(?:/[0-9]+(?:\.[0-9]+)?)?)[ \t]+([1-9][0-9]{2})(?![0-9])[ \t]*(.*)", re.IGNORECASE | re.DOTALL
)
_HEX = re.compile(rb"[0-9A-Fa-f]{1,15}")
_LINE = 16 * 1024
"""Longest chunk-size line with its extensions, bytes."""
_TRAILERS = 64 * 1024
"""Longest trailer section, bytes."""
_PIECE = 256 * 1024
"""Most bytes an inflater gives at once."""
_SMALL = 1 << 20
"""Bytes of a gzip body up to which it is undone in one go."""


def find_head_end(buf: bytes | bytearray, start: int = 0) -> int:
    """The index after the empty line that ends the head, -1 when it has not come.

    Lines end in CRLF or LF; empty lines before the first line do not end a head (RFC 9112 2.2).
    start: bytes before it are known to hold no end; at least two of overlap are needed.
    """
    if buf[:1] in (b"\r", b"\n"):
        start = max(start, len(buf) - len(buf.lstrip(b"\r\n")))
    crlf = buf.find(b"\n\r\n", start)
    lf = buf.find(b"\n\n", start, crlf + 1 if crlf >= 0 else len(buf))
    if lf >= 0:
        return lf + 2
    return crlf + 3 if crlf >= 0 else -1


def parse_head(raw: bytes | bytearray) -> Head | None:
    """A response head from its exact bytes; None when the first line is no HTTP status line.

    Lines without a colon or without a name are left out, space round name and value is taken off, folded
    lines are joined by one space. Never raises.
    """
    lines = bytes(raw).lstrip(b"\r\n").split(b"\n")
    status = _STATUS.match(lines[0].rstrip())
    if status is None:
        return None
    headers: list[tuple[bytes, bytes]] = []
    foldable = False
    for line in lines[1:]:
        if line[:1] in (b" ", b"\t"):
            if foldable:
                name, value = headers[-1]
                headers[-1] = (name, (value + b" " + line.strip(b" \t\r")).strip())
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        foldable = bool(colon and name)
        if foldable:
            headers.append((name, value.strip(b" \t\r")))
    version, code, reason = status.groups()
    return Head(int(code), version.decode("ascii"), reason, tuple(headers), len(raw))


def tokens(head: Head, name: bytes) -> list[bytes]:
    """The members of a comma-separated header in wire order, lower case, without their parameters."""
    members = (member for value in head.all(name) for member in value.lower().split(b","))
    return [token for member in members if (token := member.split(b";")[0].strip())]


def chunked(head: Head) -> bool:
    """True when the body is sent in chunks; that beats any Content-Length (RFC 9112 6.3)."""
    return b"chunked" in tokens(head, b"transfer-encoding")


class Dechunker:
    """Takes the chunked coding off a body, in pieces of any cut (RFC 9112 7.1).

    done: the empty line after the last chunk came. bad: in words why the coding cannot be read on, or None;
    nothing more is given after it. trailers: the trailer lines as sent. leftover: bytes fed after the end.
    """

    __slots__ = ("_held", "_left", "_step", "bad", "done", "leftover", "trailers")

    def __init__(self) -> None:
        self.done = False
        self.bad: str | None = None
        self.trailers = b""
        self.leftover = 0
        self._held = b""
        self._left = 0
        self._step = self._size

    def feed(self, data: bytes) -> bytes:
        """The payload bytes this piece completes. Never raises."""
        if self.done:
            self.leftover += len(data)
            return b""
        if self._held:
            data = self._held + data
            self._held = b""
        out: list[bytes] = []
        at = 0
        while at < len(data) and self.bad is None and not self.done:
            if self._left:
                piece = data[at : at + self._left]
                out.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            following = self._step(data, at)
            if following < 0:
                self._held = data[at:]
                break
            at = following
        if self.done:
            self.leftover = len(data) - at
        return out[0] if len(out) == 1 else b"".join(out)

    def _size(self, data: bytes, at: int) -> int:
        """Read a chunk-size line at `at`; the index after it, -1 when more bytes are needed."""
        end = data.find(b"\n", at, at + _LINE)
        if end < 0:
            if len(data) - at >= _LINE:
                self.bad = "chunk-size line without end"
            return -1
        size = data[at:end].split(b";")[0].strip()
        if not _HEX.fullmatch(size):
            self.bad = f"bad chunk size {size[:40]!r}"
            return -1
        self._left = int(size, 16)
        self._step = self._after if self._left else self._end
        return end + 1

    def _after(self, data: bytes, at: int) -> int:
        """Read the line end behind a chunk."""
        line = data[at : at + 2]
        self._step = self._size
        if line[:1] == b"\n":
            return at + 1
        if line == b"\r\n":
            return at + 2
        if line == b"\r":
            self._step = self._after
        else:
            self.bad = f"no line end after a chunk but {line[:1]!r}"
        return -1

    def _end(self, data: bytes, at: int) -> int:
        """Read trailers and the empty line that ends the message."""
        if data.startswith((b"\r\n", b"\n"), at):
            end = data.index(b"\n", at) + 1
        else:
            end = find_head_end(data[at : at + _TRAILERS])
            if end < 0:
                if len(data) - at >= _TRAILERS:
                    self.bad = "trailers without end"
                return -1
            end += at
            self.trailers = data[at:end]
        self.done = True
        return end


def body(block: Block, head: Head) -> Iterator[bytes]:
    """The bytes after the head of a block that holds a whole message, transfer coding and all."""
    skip = head.length
    for piece in block.chunks():
        if skip >= len(piece):
            skip -= len(piece)
        else:
            yield piece[skip:] if skip else piece
            skip = 0


def payload(head: Head, body_chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The body without its chunked coding; of a broken one, what came before the broken spot.

    Any other transfer coding is left in place: none was asked for, and none is in use.
    """
    if not chunked(head):
        yield from body_chunks
        return
    coding = Dechunker()
    for piece in body_chunks:
        if plain := coding.feed(piece):
            yield plain
        if coding.done or coding.bad is not None:
            return


def decoded(head: Head, payload_chunks: Iterable[bytes], limit: int) -> tuple[bytes, bool]:
    """The content without its content coding, at most `limit` bytes of it, and whether that is all of it.

    gzip (several members, anything behind them ignored) and deflate (with or without zlib's frame) are
    undone. A coding not known, or bytes that are no gzip whatever the header says, come back as they are
    with False; a stream that breaks gives what could be decoded, with False. Memory stays near `limit`.
    """
    codings = [token for token in tokens(head, b"content-encoding") if token != b"identity"]
    if codings == [b"gzip"]:
        held, payload_chunks = _held(payload_chunks)
        if (plain := _whole_gzip(held, limit)) is not None:
            return plain, True
    stages: list[_Inflater] = []
    stream = payload_chunks
    whole = True
    for coding in reversed(codings):
        if coding not in (b"gzip", b"x-gzip", b"deflate"):
            whole = False
            break
        stages.append(_Inflater(stream, coding, limit))
        stream = stages[-1]
    pieces: list[bytes] = []
    size = 0
    for piece in stream:
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            return b"".join(pieces)[:limit], False
    return b"".join(pieces), whole and all(stage.whole for stage in stages)


def _held(pieces: Iterable[bytes]) -> tuple[bytes, Iterable[bytes]]:
    """All of a small body in one piece, b"" of a bigger one; and the same pieces again, to be read once."""
    source = iter(pieces)
    held: list[bytes] = []
    size = 0
    for piece in source:
        held.append(piece)
        size += len(piece)
        if size > _SMALL:
            return b"", chain(held, source)
    return b"".join(held), held


def _whole_gzip(data: bytes, limit: int) -> bytes | None:
    """The content of exactly one gzip member within the limit: nearly every page. None for anything else."""
    try:
        engine = _fast.decompressobj(31)
        plain: bytes = engine.decompress(data, limit + 1)
    except _fast.error:
        return None
    return plain if engine.eof and not engine.unused_data and len(plain) <= limit else None


class _Inflater:
    """Bytes of a gzip or deflate stream, in pieces; read once. whole is known when the pieces ended."""

    def __init__(self, source: Iterable[bytes], coding: bytes, limit: int) -> None:
        self.whole = True
        self._source = source
        self._gzip = coding != b"deflate"
        self._limit = limit

    def __iter__(self) -> Iterator[bytes]:
        given = 0
        for piece in self._pieces():
            yield piece
            given += len(piece)
            # One coding inside another must not make work without end for the outer one.
            if given > self._limit:
                self.whole = False
                return

    def _pieces(self) -> Iterator[bytes]:
        source = iter(self._source)
        engine: zlib._Decompress | None = None
        members = 0
        data = b""
        for piece in source:
            data += piece
            while data:
                before: zlib._Decompress | None = None
                if engine is None:
                    if len(data) < 2:
                        break
                    if self._gzip and data[:2] != b"\x1f\x8b":
                        if members == 0:
                            self.whole = False
                            yield data
                            yield from source
                        return
                    window = self._window(data)
                    engine = zlib.decompressobj(window)
                    members += 1
                else:
                    before = engine.copy()
                try:
                    plain = engine.decompress(data, _PIECE)
                    rest = engine.unconsumed_tail
                    if not rest and len(plain) == _PIECE:
                        # All input taken, but output may be waiting inside.
                        plain += engine.decompress(b"", _PIECE)
                except zlib.error:
                    self.whole = False
                    # A copy of a fresh engine would cost more than all of a small page.
                    yield from _salvage(before or zlib.decompressobj(window), data)
                    return
                if plain:
                    yield plain
                data = rest
                if engine.eof:
                    if not self._gzip:
                        return
                    data = engine.unused_data
                    engine = None
        if engine is not None:
            self.whole = False
        elif data and members == 0:
            self.whole = False
            yield data

    def _window(self, start: bytes) -> int:
        """zlib's wbits for a stream that starts so (RFC 1950 2.2; many servers send deflate unframed)."""
        if self._gzip:
            return 31
        return 15 if start[0] & 15 == 8 and int.from_bytes(start[:2], "big") % 31 == 0 else -15


def _salvage(engine: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What can still be decoded of a piece in which decoding fails, byte by byte."""
    for at in range(len(data)):
        try:
            plain = engine.decompress(data[at : at + 1])
        except zlib.error:
            return
        if plain:
            yield plain
