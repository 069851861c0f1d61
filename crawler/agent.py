"""Who we say we are to a server."""

from __future__ import annotations

import re
import unicodedata

from crawler import __version__


def user_agent(operator: str) -> str:
    """The User-Agent of every request. operator: a name and a way to reach it, "" for none.

    Neither "Mozilla" nor "Opera" stands in it: SMF and phpBB then give links without session ids (facts:
    sites), Discourse the pages it makes for crawlers.
    """
    known = f"Jukni/{__version__} (web archive mirroring crawler"
    return f"{known}; {_ascii(operator)})" if operator else f"{known})"


def _ascii(text: str) -> str:
    """A name as a header can carry it: letters without their accents (RFC 9110 5.5 leaves only ASCII)."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^ -~]|[()\\]", "", plain)
