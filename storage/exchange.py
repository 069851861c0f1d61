"""One request and its answer, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Truncated = Literal["length", "time", "disconnect", "unspecified"]


class Block(Protocol):
    """Bytes held in memory or in an unnamed file; readable as often as wanted until closed."""

    @property
    def size(self) -> int:
        """Bytes held."""

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """All bytes from the start, in pieces of at most `size`."""

    def close(self) -> None:
        """Give memory and file back; the bytes are gone."""


@dataclass(slots=True, frozen=True)
class Head:
    """A response head, read leniently; the bytes themselves stay in the block.

    version: as sent, such as "HTTP/1.1"; "" when it could not be read.
    headers: in wire order, duplicates kept, names and values as sent without the padding round the value.
    length: bytes of the head in the block, its empty line included.
    """

    status: int
    version: str
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    length: int

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header, by name in any case."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in wire order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    @property
    def mime(self) -> str:
        """The media type in lower case without parameters; "" when there is none."""
        value = self.get(b"content-type") or b""
        return value.split(b";")[0].strip().lower().decode("latin-1")

    @property
    def transfer_coded(self) -> bool:
        """True when the body in the block is wrapped in a transfer coding (chunked)."""
        return any(v.strip().lower() not in (b"", b"identity") for v in self.all(b"transfer-encoding"))


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and what came back, byte for byte.

    url: percent-encoded ASCII, lower-case host, no default port, no fragment (WARC-Target-URI).
    began: UTC; the WARC-Date of every record of this exchange.
    seconds: from the first byte sent to the end; latency: to the first byte of the answer.
    request: as sent, but for the values of the headers named in `redacted`, which were blanked.
    interim: 1xx heads as received. response: the final answer as it crossed the wire, head and body.
    head: None when the answer could not be read as HTTP.
    block_digest: "sha1:BASE32" of `response`; payload_digest: of the body without transfer coding.
    payload_size: bytes of that body. truncated: why the block is not whole (WARC-Truncated), None if whole.
    why: the same in words, for a log. extra: bytes after the end of the message, not kept.
    peer: the address connected to, None behind a proxy. protocols: such as ("http/1.1", "tls/1.3").
    cipher: IANA name of the cipher suite.
    """

    url: str
    began: datetime
    seconds: float = 0.0
    latency: float = 0.0
    request: bytes
    redacted: tuple[str, ...] = ()
    interim: bytes = b""
    response: Block
    head: Head | None = None
    block_digest: str = ""
    payload_digest: str = ""
    payload_size: int = 0
    truncated: Truncated | None = None
    why: str = ""
    extra: int = 0
    peer: str | None = None
    protocols: tuple[str, ...] = ("http/1.1",)
    cipher: str | None = None

    @property
    def status(self) -> int:
        """The status code, 0 when there was none to read."""
        return self.head.status if self.head else 0
