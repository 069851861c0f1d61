"""The index: one CDXJ line for each capture, sorted bytewise.

`key timestamp {json}` as pywb, cdxj-indexer and ReplayWeb.page read it (CDXJ 0.1.0); our own fields ride
along in the JSON block, which readers must ignore when they do not know them.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
import socket
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from storage.errors import BrokenData

REVISIT = "warc/revisit"
"""The media type by which replay tools know a revisit; the real one then stands in the field `type`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where the record of one capture lies, and what a later crawl wants to know of it.

    key: `surt(url)`. timestamp: 14 digits, UTC. status: 0 when unknown. digest: payload digest.
    offset, length: bytes of the gzip member in the WARC file `filename` (a bare name).
    mime: of the answer, also for a revisit. kind: of the record.
    id: record id without the angle brackets. date: WARC-Date, microseconds. etag, modified: validators as
    sent. coding: the transfer coding left in the block. truncated: WARC-Truncated. confirmed: date of the
    last time an unchanged capture was found unchanged. extra: any other text field, kept as it was read.
    """

    key: str
    timestamp: str
    url: str
    mime: str
    status: int
    digest: str
    length: int
    offset: int
    filename: str
    kind: Literal["response", "revisit"] = "response"
    id: str = ""
    date: str = ""
    etag: str = ""
    modified: str = ""
    coding: str = ""
    truncated: str = ""
    confirmed: str = ""
    extra: tuple[tuple[str, str], ...] = ()

    def to_text(self) -> str:
        """The line, ASCII, without its end."""
        revisit = self.kind == "revisit"
        fields = {
            "url": self.url,
            "mime": REVISIT if revisit else self.mime or "unk",
            "status": str(self.status) if self.status else "-",
            "digest": self.digest or "-",
            "length": str(self.length),
            "offset": str(self.offset),
            "filename": self.filename,
        }
        if revisit and self.mime:
            fields["type"] = self.mime
        for name in _OURS:
            value = getattr(self, name)
            if value:
                fields[name] = value
        fields.update(self.extra)
        return f"{self.key} {self.timestamp} {json.dumps(fields)}"

    @classmethod
    def parse(cls, text: str) -> Line:
        """The other way round; ValueError says what is wrong with the line."""
        parts = text.rstrip("\r\n").split(" ", 2)
        if len(parts) != 3:
            raise ValueError("not `key timestamp {json}`")
        key, timestamp, block = parts
        if not (len(timestamp) == 14 and timestamp.isascii() and timestamp.isdigit()):
            raise ValueError(f"{timestamp!r} is not a timestamp of 14 digits")
        fields = json.loads(block)
        if not isinstance(fields, dict):
            raise ValueError("the JSON block is not an object")
        found = {str(name): value if isinstance(value, str) else str(value) for name, value in fields.items()}
        try:
            mime, status = found.pop("mime", ""), found.pop("status", "-")
            revisit = mime == REVISIT
            if revisit:
                mime = found.pop("type", "")
            ours = {name: found.pop(name) for name in _OURS if name in found}
            digest = found.pop("digest", "-")
            return cls(
                key=key,
                timestamp=timestamp,
                url=found.pop("url"),
                mime="" if mime == "unk" else mime,
                status=0 if status == "-" else int(status),
                digest="" if digest == "-" else digest,
                length=int(found.pop("length")),
                offset=int(found.pop("offset")),
                filename=found.pop("filename"),
                kind="revisit" if revisit else "response",
                extra=tuple(found.items()),
                **ours,
            )
        except KeyError as missing:
            raise ValueError(f"no field {missing}") from missing


_OURS = ("id", "date", "etag", "modified", "coding", "truncated", "confirmed")


def write_index(lines: Iterable[Line], path: Path) -> int:
    """Write sorted lines to a .gz file, the same bytes for the same lines; gives the number of lines.

    ValueError when the lines are not in bytewise order. Making the file last is the caller's part.
    """
    count = 0
    before = b""
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        for line in lines:
            count += 1
            text = line.to_text().encode("ascii")
            if text < before:
                raise ValueError(f"index lines out of order: {text!r} after {before!r}")
            before = text
            file.write(text + b"\n")
    return count


def read_index(path: Path) -> Iterator[Line]:
    """The lines of an index file as they stand; BrokenData says which line is bad."""
    count = 0
    before = ""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            for text in file:
                count += 1
                if not text.endswith("\n"):
                    raise ValueError("cut: the last line has no end")
                if text < before:
                    raise ValueError("not in bytewise order")
                before = text
                yield Line.parse(text)
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise BrokenData(
            f"the index {path.name} cannot be read", what=f"line {count}: {problem}", where=str(path)
        ) from problem


# -- keys -----------------------------------------------------------------------------------------------

_SAFE = "!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~"
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~:@!$&'()*+,;=-][A-Za-z0-9._~:@!$&'()*+,;=-]*)+/?\Z")
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.I)
_WWW = re.compile(r"www\d*\.")
_PORTS = {"http": 80, "https": 443}
_PATH_SESSION = (
    re.compile(r"^(.*/)(\((?:[a-z]\([0-9a-z]{24}\))+\)/)([^?]+\.aspx.*)$", re.I | re.A),
    re.compile(r"^(.*/)(\([0-9a-z]{24}\)/)([^?]+\.aspx.*)$", re.I | re.A),
)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}\Z")
_MAY_HOLD_SESSION = re.compile(r"sid=|sessionid|cfid=", re.I)
_QUERY_SESSION = (
    re.compile(r"^(.*)(?:jsessionid=[0-9a-zA-Z]{32})(?:&(.*))?$", re.I | re.A),
    re.compile(r"^(.*)(?:phpsessid=[0-9a-zA-Z]{32})(?:&(.*))?$", re.I | re.A),
    re.compile(r"^(.*)(?:sid=[0-9a-zA-Z]{32})(?:&(.*))?$", re.I | re.A),
    re.compile(r"^(.*)(?:ASPSESSIONID[a-zA-Z]{8}=[a-zA-Z]{24})(?:&(.*))?$", re.I | re.A),
    re.compile(r"^(.*)(?:cfid=[^&]+&cftoken=[^&]+)(?:&(.*))?$", re.I | re.A),
)


def surt(url: str) -> str:
    """The sort key of a canonical http(s) URL, equal to that of the `surt` package 0.3.1, which pywb uses.

    `http://www.Example.org:8080/Wiki/Ü?b=2&A=1` has `org,example:8080)/wiki/%c3%9c?a=1&b=2`: the scheme,
    `www.` and a default port are left out, host labels stand in reverse, letters are small, the query is
    sorted, known session ids go. Two URLs may share a key.
    """
    found = _URL.match(url.strip())
    if found is None:
        raise ValueError(f"not an http(s) URL: {url!r}")
    return f"{_authority(found[1].lower(), found[2])}){_path(found[3])}{_query(found[4]) if found[4] else ''}"


@functools.lru_cache(maxsize=1024)
def _authority(scheme: str, netloc: str) -> str:
    parts = urlsplit(f"{scheme}://{netloc}")
    host = _WWW.sub("", _host(parts.hostname or ""), count=1)
    port = "" if parts.port in (None, _PORTS[scheme]) else f":{parts.port}"
    return ",".join(reversed(host.split("."))) + port


def _unescape(text: str) -> bytes:
    data = text.encode("utf-8")
    while True:
        plain = unquote_to_bytes(data)
        if plain == data:
            return data
        data = plain


def _host(name: str) -> str:
    host = name.replace("..", ".").strip(".")
    if _NUMBERS.match(host):
        try:
            return socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            return host
    return host


def _path(path: str) -> str:
    if not _PLAIN_PATH.match(path):
        kept: list[bytes] = []
        for part in _unescape(path or "/").split(b"/")[1:]:
            if part == b"..":
                if kept:
                    kept.pop()
                else:
                    kept.append(part)
            elif part != b".":
                kept.append(part)
        shown = [part for part in kept[:-1] if part] + kept[-1:]
        path = quote_from_bytes(b"/" + b"/".join(shown), safe=_SAFE)
    path = path.lower()
    if "(" in path:
        for pattern in _PATH_SESSION:
            path = pattern.sub(r"\1\3", path)
    return path[:-1] if len(path) > 1 and path.endswith("/") else path


def _query(query: str) -> str:
    if "%" in query or not query.isascii() or " " in query or "#" in query:
        query = quote_from_bytes(_unescape(query), safe=_SAFE)
    if _MAY_HOLD_SESSION.search(query):
        for pattern in _QUERY_SESSION:
            found = pattern.match(query)
            if found:
                query = found[1] + (found[2] or "")
    query = query.lower()
    if len(query) > 1:
        pairs = sorted(tuple(pair.split("=", 1)) for pair in query.split("&"))
        query = "&".join("=".join(pair) for pair in pairs)
    return f"?{query}" if query else ""
