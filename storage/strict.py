"""One WARC record as read: strictly, and streamed, so that its size does not matter.

WARC 1.1, one gzip member a record (annex D), no folded fields.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.exchange import Head
from storage.http import Dechunker, chunked, find_head_end, parse_head
from storage.records import END, sha1_text

_inflate: Any = zlib
with suppress(ImportError):
    from isal import isal_zlib as _inflate

MAGIC = b"\x1f\x8b\x08"
_GZIP = 31
_READ = 1 << 16
_PIECE = 1 << 18
_HEAD_LIMIT = 1 << 20
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+>")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[\x21-\x3b\x3d\x3f-\x7e]+")


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong. offset: where the record's gzip member begins or should begin, in bytes.

    kind: "cut" (the file ends inside the record), "garbage" (no gzip member there), "deflate", "crc", "head"
    (not a WARC record), "length" (Content-Length), "ending" (CRLFCRLF), "members" (another record in the same
    member), "id", "duplicate", "date", "uri", "block-digest", "payload-digest". text: the same for a person.
    """

    offset: int
    kind: str
    text: str


class Record:
    """One record as read. Its block can be streamed once; it is checked while it passes.

    fields: in their order. offset: where its gzip member begins; end: where it ends, 0 while not known.
    id: without the angle brackets. size: bytes of the block. damages: what was found wrong so far.
    http: the head of a response that could be read. payload_digest: of a response's body without transfer
    coding, "" before the block was read to its end.
    """

    def __init__(self, source: Source, offset: int) -> None:
        """Read the fields; `Flaw` when there is no record to read."""
        self.offset = offset
        self.damages: list[Damage] = []
        self.http: Head | None = None
        self.payload_digest = ""
        self._member = Member(source, offset)
        head, self._begun = self._head()
        self.fields = tuple(self._fields(head))
        self._named = {name.lower(): value for name, value in reversed(self.fields)}
        self.type = self.get("WARC-Type")
        self.id = self.get("WARC-Record-ID").strip("<>")
        self.uri = self.get("WARC-Target-URI")
        self.date = self.get("WARC-Date")
        length = self.get("Content-Length")
        if not (length.isascii() and length.isdigit()):
            raise self._member.flaw("length", f"Content-Length is {length!r}")
        self.size = int(length)
        self._stream = self._read_block()
        if not self.type:
            self.note(Flaw("head", "no WARC-Type"))
        if not _ID.fullmatch(self.get("WARC-Record-ID")):
            self.note(Flaw("id", f"WARC-Record-ID is {self.get('WARC-Record-ID')!r}"))
        if not _is_date(self.date):
            self.note(Flaw("date", f"WARC-Date is {self.date!r}"))
        if (self.uri or self.type not in ("warcinfo", "metadata")) and not _URI.fullmatch(self.uri):
            self.note(Flaw("uri", f"WARC-Target-URI is {self.uri!r}"))

    @property
    def end(self) -> int:
        """The byte after the record, 0 while not known."""
        return self._member.end

    def get(self, name: str) -> str:
        """The first value of a field, by name in any case; "" when there is none."""
        return self._named.get(name.lower(), "")

    def all(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        wanted = name.lower()
        return [value for key, value in self.fields if key.lower() == wanted]

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the block. It ends early when it is damaged; `damages` then says so."""
        return self._stream

    def drain(self) -> None:
        """Read what is left of the block, so that all of the record is checked."""
        for _ in self._stream:
            pass

    def note(self, flaw: Flaw) -> None:
        """Add to the damages."""
        self.damages.append(flaw.at(self.offset))

    def note_duplicate(self, ids: set[int]) -> None:
        """Add to the damages when a record of this id was seen; ids: 8 bytes of each seen, to stay small."""
        short = int.from_bytes(hashlib.blake2b(self.id.encode(), digest_size=8).digest(), "big")
        if self.id and short in ids:
            self.note(Flaw("duplicate", f"a second record with the id {self.id}"))
        ids.add(short)

    def _head(self) -> tuple[bytes, bytes]:
        data = bytearray()
        while (end := data.find(END)) < 0:
            piece = self._member.read()
            if not piece or len(data) > _HEAD_LIMIT:
                raise self._member.flaw("head", "no empty line ends the WARC fields")
            data += piece
        return bytes(data[:end]), bytes(data[end + len(END) :])

    def _fields(self, head: bytes) -> Iterator[tuple[str, str]]:
        version, *lines = head.decode("utf-8", "replace").split("\r\n")
        if version not in ("WARC/1.1", "WARC/1.0"):
            raise self._member.flaw("head", f"a record does not begin with {version[:40]!r}")
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise self._member.flaw("head", f"not a WARC field: {line[:80]!r}")
            yield name, value.strip()

    def _read_block(self) -> Iterator[bytes]:
        block = hashlib.sha1(usedforsecurity=False)
        answer = self.type == "response" and self.get("Content-Type").startswith("application/http")
        payload = _Payload() if answer else None
        left, data = self.size, self._begun
        try:
            while left:
                data = data or self._member.read()
                if not data:
                    raise Flaw("length", f"Content-Length is {self.size}, the block {self.size - left} bytes")
                piece, data = data[:left], data[left:]
                left -= len(piece)
                block.update(piece)
                if payload is not None:
                    payload.feed(piece)
                yield piece
            self._check_ending(data)
        except Flaw as flaw:
            self.note(flaw)
        if left:
            return
        self._check_digest("block-digest", "WARC-Block-Digest", sha1_text(block))
        if payload is not None:
            self.http = payload.head
            self.payload_digest = payload.digest()
            self._check_digest("payload-digest", "WARC-Payload-Digest", self.payload_digest)

    def _check_digest(self, kind: str, field: str, found: str) -> None:
        declared = self.get(field)
        if declared and declared != found:
            self.note(Flaw(kind, f"{field} is {declared}, the bytes are {found}"))

    def _check_ending(self, data: bytes) -> None:
        """What follows the block must be CRLFCRLF and nothing else."""
        begin, tail, size = data[:64], data[-len(END) :], len(data)
        while piece := self._member.read():
            begin = (begin + piece)[:64]
            tail = (tail + piece)[-len(END) :]
            size += len(piece)
        if begin == END:
            return
        if begin.startswith(END + b"WARC/"):
            raise Flaw("members", "more than one record in one gzip member")
        if size > len(END) and tail == END:
            raise Flaw(
                "length", f"Content-Length is {self.size}, the block is {size - len(END)} bytes longer"
            )
        raise Flaw("ending", f"the block is followed by {begin!r}, not by two empty lines")


class Flaw(Exception):
    """A damage whose place its catcher knows. end: the byte after the record where it is known, else 0."""

    def __init__(self, kind: str, text: str, end: int = 0) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.end = end

    def at(self, offset: int) -> Damage:
        return Damage(offset, self.kind, self.text)


class Source:
    """A file read by position, with what was read last kept for the next member."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._start = 0
        self._data = b""

    def at(self, offset: int) -> bytes:
        """Some bytes from `offset` on; b"" at the end of the file."""
        inside = offset - self._start
        if not 0 <= inside < len(self._data):
            self._start, self._data, inside = offset, os.pread(self._file, _READ, offset), 0
        return self._data[inside:] if inside else self._data

    def ends(self, offset: int) -> bool:
        return not self.at(offset)


class Member:
    """The inflated bytes of one gzip member. end: the byte after it, 0 until it was read to its end."""

    def __init__(self, source: Source, offset: int) -> None:
        self.end = 0
        self._source = source
        self._position = offset
        self._inflate = _inflate.decompressobj(_GZIP)
        begin = source.at(offset)
        begin = begin if len(begin) >= len(MAGIC) else begin + source.at(offset + len(begin))
        if not MAGIC.startswith(begin[: len(MAGIC)]):
            raise Flaw("garbage", f"no gzip member begins here but {begin[:8]!r}")

    def read(self) -> bytes:
        """Some inflated bytes, b"" at the end of the member; `Flaw` for what cannot be inflated."""
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail
            if not data:
                data = self._source.at(self._position)
                self._position += len(data)
                if not data:
                    raise Flaw("cut", "the file ends inside this record")
            try:
                piece: bytes = self._inflate.decompress(data, _PIECE)
            except (zlib.error, _inflate.error) as error:
                wrong = str(error).lower()
                if "data check" in wrong or "length check" in wrong or "checksum" in wrong:
                    raise Flaw("crc", "the gzip CRC does not match") from error
                raise Flaw("deflate", f"the gzip member cannot be inflated: {error}") from error
            if self._inflate.eof:
                self.end = self._position - len(self._inflate.unused_data)
            if piece:
                return piece
        return b""

    def flaw(self, kind: str, text: str) -> Flaw:
        """A flaw of what was read, with the end of the member where it can be found."""
        try:
            while self.read():
                pass
        except Flaw as worse:
            return worse
        return Flaw(kind, text, self.end)


class _Payload:
    """The digest of the body of a response whose block is fed in, without transfer coding."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self._begun: bytearray | None = bytearray()
        self._dechunker: Dechunker | None = None
        self._sha1 = hashlib.sha1(usedforsecurity=False)

    def feed(self, data: bytes) -> None:
        if self._begun is None:
            self._body(data)
            return
        self._begun += data
        end = find_head_end(self._begun)
        if end >= 0:
            self.head = parse_head(self._begun[:end])
            if self.head is not None and chunked(self.head):
                self._dechunker = Dechunker()
            rest, self._begun = bytes(self._begun[end:]), None
            self._body(rest)

    def _body(self, data: bytes) -> None:
        if self._dechunker is not None:
            data = self._dechunker.feed(data)
        self._sha1.update(data)

    def digest(self) -> str:
        return sha1_text(self._sha1) if self.head is not None else ""


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text[:19] + "+00:00")
    except ValueError:
        return False
    return True
