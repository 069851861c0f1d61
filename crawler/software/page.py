"""One answer of a site as its software's module sees it: plain values, from the wire or from a WARC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from crawler.engine.charset import charset_of
from crawler.engine.links import deep

_SHALLOW = 32_000  # bytes parsed of a page nested so deep that the parser would hang


@dataclass(frozen=True)
class Page:
    """url: canonical, as asked for. body: decoded; b"" for what is no text. size: payload bytes.

    whole: False when the body was longer than what is read of one (`crawler.visit.BODY_LIMIT`).
    headers: as in `storage.exchange.Head`. at: when it was fetched, UTC. mime: lower case, no parameters.
    """

    url: str
    status: int
    mime: str
    body: bytes
    at: datetime
    headers: tuple[tuple[bytes, bytes], ...] = ()
    size: int = 0
    whole: bool = True

    def header(self, name: str) -> str:
        """The first value of a header, by name in any case; "" without it."""
        wanted = name.lower().encode("latin-1")
        return next((v.decode("utf-8", "replace") for k, v in self.headers if k.lower() == wanted), "")

    @property
    def is_html(self) -> bool:
        return self.mime in ("text/html", "application/xhtml+xml")

    @cached_property
    def charset(self) -> str:
        """A Python codec, see `crawler.engine.charset`."""
        return charset_of(self.header("content-type").encode("latin-1", "replace") or None, self.body)

    @cached_property
    def text(self) -> str:
        """The body as text; what cannot be decoded is replaced."""
        return self.body.decode(self.charset, "replace")

    @cached_property
    def tree(self) -> LexborHTMLParser:
        """The parsed body. Never raises; of a page nested without end only the start."""
        body = self.body[:_SHALLOW] if deep(self.body) else self.body
        return LexborHTMLParser(body.decode(self.charset, "replace"))

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        import json

        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None
