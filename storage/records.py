"""An exchange as WARC 1.1 records, and back. Pure: ids come in, bytes go out.

One exchange is a response (or revisit), its request, and metadata where there is something to say; all share
one WARC-Date. The block of a response is the answer as it crossed the wire, transfer coding included
(docs/decisions/001-payload-digest.md).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

from storage.cdxj import Line
from storage.exchange import Block, Exchange, Truncated
from storage.http import body, find_head_end, parse_head, payload

IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
HTTP_ANSWER = "application/http;msgtype=response"
HTTP_REQUEST = "application/http;msgtype=request"
FIELDS = "application/warc-fields"
END = b"\r\n\r\n"

Fields = Sequence[tuple[str, str]]


class Held:
    """A `Block` of bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self._data)

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """All bytes from the start, in pieces of at most `size`."""
        for start in range(0, len(self._data), size):
            yield self._data[start : start + size]

    def close(self) -> None:
        """Give the memory back."""
        self._data = b""


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be written. id: "urn:uuid:…". head: version line, fields and the empty line after them."""

    type: str
    id: str
    head: bytes
    block: Block

    @property
    def size(self) -> int:
        """Bytes of the whole record."""
        return len(self.head) + self.block.size + len(END)

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the whole record."""
        yield self.head
        yield from self.block.chunks()
        yield END


def sha1_text(sha1: hashlib._Hash) -> str:
    """ "sha1:BASE32", the one digest form of all records and index lines: mixed forms do not resolve."""
    return "sha1:" + base64.b32encode(sha1.digest()).decode("ascii")


def digest_of(data: bytes) -> str:
    """`sha1_text` of some bytes."""
    return sha1_text(hashlib.sha1(data, usedforsecurity=False))


def date_of(moment: datetime) -> str:
    """A WARC-Date with microseconds; ValueError when the moment has no time zone."""
    if moment.tzinfo is None:
        raise ValueError("a WARC-Date needs a moment with a time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def warcinfo(info: Mapping[str, str], *, filename: str, date: str, id: str) -> Draft:
    """The first record of a file: `info` as application/warc-fields, in its order."""
    block = _fields(list(info.items()))
    return _draft("warcinfo", id, date, [("WARC-Filename", filename)], FIELDS, Held(block), digest_of(block))


def records_of(
    exchange: Exchange,
    *,
    ids: Callable[[], str],
    warcinfo: str,
    original: Line | None = None,
    via: str | None = None,
    hops: str = "",
    note: Mapping[str, str] | None = None,
) -> list[Draft]:
    """The records of one exchange, answer first.

    original: the capture whose payload this answer repeats; the answer then becomes a revisit: of the form
    server-not-modified with an empty block for a 304, else identical-payload-digest with the head as block.
    via: the URL this one was found on. hops: Heritrix path from the seed. note: further metadata fields.
    """
    date = date_of(exchange.began)
    answer = ids()

    def draft(type: str, fields: Fields, content_type: str, block: Block, digest: str, id: str = "") -> Draft:
        common = [("WARC-Warcinfo-ID", f"<{warcinfo}>"), ("WARC-Target-URI", exchange.url)]
        if type not in ("response", "revisit"):
            common.append(("WARC-Concurrent-To", f"<{answer}>"))
        return _draft(type, id or ids(), date, [*common, *fields], content_type, block, digest)

    wire: list[tuple[str, str]] = []
    if exchange.peer is not None:
        wire.append(("WARC-IP-Address", exchange.peer))
    wire += [("WARC-Protocol", protocol) for protocol in exchange.protocols]
    if exchange.cipher is not None:
        wire.append(("WARC-Cipher-Suite", exchange.cipher))
    truncated = [("WARC-Truncated", exchange.truncated)] if exchange.truncated else []

    aside: list[bytes] = [exchange.interim] if exchange.interim else []
    head = exchange.head
    if original is not None and head is not None:
        refers = [
            ("WARC-Refers-To", f"<{original.id}>"),
            ("WARC-Refers-To-Target-URI", original.url),
            ("WARC-Refers-To-Date", original.date),
            ("WARC-Payload-Digest", original.digest),
        ]
        if head.status == 304:
            aside.append(b"".join(exchange.response.chunks()))
            block, profile, cut = b"", NOT_MODIFIED, truncated
        else:
            block, profile, cut = (
                _first(exchange.response, head.length),
                IDENTICAL,
                [("WARC-Truncated", "length")],
            )
        fields = [*wire, *cut, ("WARC-Profile", profile), *refers]
        drafts = [draft("revisit", fields, HTTP_ANSWER, Held(block), digest_of(block), answer)]
    else:
        fields = [*wire, *truncated]
        # Checkers hash the block behind its first empty line: right without a transfer coding only.
        if head is not None and not head.transfer_coded and exchange.payload_digest:
            fields.append(("WARC-Payload-Digest", exchange.payload_digest))
        drafts = [draft("response", fields, HTTP_ANSWER, exchange.response, exchange.block_digest, answer)]

    request = exchange.request
    drafts.append(draft("request", wire, HTTP_REQUEST, Held(request), digest_of(request)))
    about = _fields(_about(exchange, via, hops, note or {}))
    if about:
        drafts.append(draft("metadata", [], FIELDS, Held(about), digest_of(about)))
    for heads in aside:
        drafts.append(draft("metadata", [], HTTP_ANSWER, Held(heads), digest_of(heads)))
    return drafts


def _about(exchange: Exchange, via: str | None, hops: str, note: Mapping[str, str]) -> list[tuple[str, str]]:
    found = [("via", via or ""), ("hopsFromSeed", hops)]
    if exchange.seconds:
        found.append(("fetchTimeMs", str(round(exchange.seconds * 1000))))
    if exchange.latency:
        found.append(("firstByteMs", str(round(exchange.latency * 1000))))
    found.append(("redacted", ", ".join(exchange.redacted)))
    found.append(("why", exchange.why))
    if exchange.extra:
        found.append(("extraBytes", str(exchange.extra)))
    return [(name, value) for name, value in [*found, *note.items()] if value]


def _fields(fields: Fields) -> bytes:
    """application/warc-fields; a line break in a value becomes a space, so that no value makes a field."""
    lines = (f"{name}: {' '.join(value.splitlines())}\r\n" for name, value in fields)
    return "".join(lines).encode("utf-8", "replace")


def _draft(
    type: str, id: str, date: str, fields: Fields, content_type: str, block: Block, digest: str
) -> Draft:
    lines = ["WARC/1.1", f"WARC-Type: {type}", f"WARC-Record-ID: <{id}>", f"WARC-Date: {date}"]
    lines += [f"{name}: {value}" for name, value in fields]
    if digest:
        lines.append(f"WARC-Block-Digest: {digest}")
    lines += [f"Content-Type: {content_type}", f"Content-Length: {block.size}", "", ""]
    return Draft(type, id, "\r\n".join(lines).encode("utf-8"), block)


def _first(block: Block, size: int) -> bytes:
    found = bytearray()
    for chunk in block.chunks():
        found += chunk
        if len(found) >= size:
            break
    return bytes(found[:size])


# -- and back ----------------------------------------------------------------------------------------------


class Recorded(Protocol):
    """A record as read; see `storage.strict.Record`."""

    @property
    def type(self) -> str: ...
    @property
    def uri(self) -> str: ...
    @property
    def date(self) -> str: ...
    def get(self, name: str) -> str: ...
    def all(self, name: str) -> list[str]: ...
    def chunks(self) -> Iterator[bytes]: ...


def exchange_of(records: Iterable[Recorded]) -> tuple[Exchange, dict[str, str]]:
    """The exchange these records were made from, and the metadata fields that are no part of it.

    records: those of one exchange in their order, the answer first; each is read before the next is asked
    for, and held in memory. The answer to a revisit has a head and no body, its digest is the original's.
    Times are exact to the millisecond. ValueError when the first record is no answer.
    """
    request, interim, later = b"", b"", b""
    about: dict[str, str] = {}
    answer: Recorded | None = None
    block = b""
    for record in records:
        data = b"".join(record.chunks())
        if answer is None:
            if record.type not in ("response", "revisit"):
                raise ValueError(f"an exchange does not begin with a record of type {record.type!r}")
            answer, block = record, data
        elif record.type == "request":
            request = data
        elif record.get("Content-Type") == FIELDS:
            about.update(_read_fields(data))
        elif _status(data) == 304:
            later = data
        else:
            interim = data
    if answer is None:
        raise ValueError("no records")
    again = answer.type == "revisit"
    block = later if again and later else block
    end = find_head_end(block)
    head = parse_head(block[:end]) if end >= 0 else None
    held = Held(block)
    plain = b"".join(payload(head, body(held, head))) if head else b""
    redacted = about.pop("redacted", "")
    return Exchange(
        url=answer.uri,
        began=datetime.fromisoformat(answer.date),
        seconds=int(about.pop("fetchTimeMs", 0)) / 1000,
        latency=int(about.pop("firstByteMs", 0)) / 1000,
        request=request,
        redacted=tuple(redacted.split(", ")) if redacted else (),
        interim=interim,
        response=held,
        head=head,
        block_digest=digest_of(block),
        payload_digest=answer.get("WARC-Payload-Digest") or (digest_of(plain) if head else ""),
        payload_size=len(plain),
        truncated=None if again else cast("Truncated | None", answer.get("WARC-Truncated") or None),
        why=about.pop("why", ""),
        extra=int(about.pop("extraBytes", 0)),
        peer=answer.get("WARC-IP-Address") or None,
        protocols=tuple(answer.all("WARC-Protocol")),
        cipher=answer.get("WARC-Cipher-Suite") or None,
    ), about


def _status(heads: bytes) -> int:
    head = parse_head(heads)
    return head.status if head else 0


def _read_fields(block: bytes) -> Iterator[tuple[str, str]]:
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon:
            yield name, value
