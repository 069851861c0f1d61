"""The bytes of a request, and what of them may be kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from crawler.capture.route import Proxy, Target

Headers = Sequence[tuple[bytes, bytes]]
SECRET = frozenset({b"authorization", b"proxy-authorization"})
"""Headers whose values never reach a record."""
BLANK = b"[redacted]"
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\r\n\0]*")


@dataclass(slots=True, frozen=True)
class Request:
    """sent: the bytes for the wire. kept: the same without secrets. redacted: names of what those were in."""

    method: str
    target: Target
    sent: bytes = field(repr=False)
    kept: bytes
    redacted: tuple[str, ...]

    @property
    def repeatable(self) -> bool:
        """True when asking twice does no more than asking once (RFC 9110 9.2.1)."""
        return self.method in ("GET", "HEAD")


def request_for(
    target: Target,
    proxy: Proxy | None,
    method: str,
    own: Headers,
    given: Headers,
    secret: Collection[bytes],
    body: bytes = b"",
) -> Request:
    """A request with Host, our own headers and the given ones; one given replaces ours of that name.

    A proxy is asked in absolute form for http. Its credentials are no business of the site's, so `kept` does
    without that whole line; without the body, too. ValueError for a header that would be read as something
    else.
    """
    lines = [(b"Host", target.authority.encode("ascii")), *own]
    if body:
        given = [*given, (b"Content-Length", b"%d" % len(body))]
    if given:
        names = {name.lower() for name, _ in given}
        lines = [line for line in lines if line[0].lower() not in names]
        for name, value in given:
            if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                raise ValueError(f"header cannot be sent: {name!r}")
            lines.append((name, value))
    absolute = proxy is not None and target.scheme == "http"
    first = f"{method} {target.url if absolute else target.path} HTTP/1.1\r\n".encode("ascii")
    sent = kept = first + _written(lines)
    hidden = SECRET.union(name.lower() for name in secret)
    redacted = [name for name, _ in lines if name.lower() in hidden]
    if redacted:
        kept = first + _written([(name, BLANK if name in redacted else value) for name, value in lines])
    if proxy is not None and absolute and proxy.credentials is not None:
        lines.append((b"Proxy-Authorization", proxy.credentials))
        redacted.append(b"Proxy-Authorization")
        sent = first + _written(lines)
    if body:
        sent += body
        redacted.append(b"body")
    return Request(method, target, sent, kept, tuple(name.decode("ascii") for name in redacted))


def _written(lines: Headers) -> bytes:
    return b"".join([b"%s: %s\r\n" % line for line in lines]) + b"\r\n"
