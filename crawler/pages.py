"""The pages of a snapshot with their titles: pages.jsonl, as in a WACZ (specs.webrecorder.net/wacz/1.1.1)."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime

from storage.manifest import time_text

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 16 * 1024  # bytes of a page in which its title is looked for
_LONGEST = 300  # letters of a title that are kept


def create(db: sqlite3.Connection) -> None:
    """The table of pages, if it is not there yet."""
    db.execute("CREATE TABLE IF NOT EXISTS pages (url TEXT PRIMARY KEY, at TEXT, title TEXT) WITHOUT ROWID")


def title(body: bytes, charset: str) -> str:
    """The text of the title element; "" when there is none."""
    match = _TITLE.search(body, 0, _LOOKED_AT)
    if match is None:
        return ""
    text = html.unescape(match[1].decode(charset, "replace"))
    return " ".join(text.split())[:_LONGEST]


def add(db: sqlite3.Connection, url: str, at: datetime, text: str) -> None:
    """Remember a page; a later capture of the same URL takes its place. at: of the capture, UTC."""
    db.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?)", (url, time_text(at), text))


def remove(db: sqlite3.Connection, urls: Iterable[str]) -> None:
    """Forget these pages: their captures are lost."""
    db.executemany("DELETE FROM pages WHERE url = ?", [(url,) for url in urls])


def lines(db: sqlite3.Connection) -> Iterator[str]:
    """The lines of pages.jsonl in the order of capture, its header first."""
    yield json.dumps({"format": "json-pages-1.0", "id": "pages", "title": "All pages"})
    for url, at, text in db.execute("SELECT url, at, title FROM pages ORDER BY at, url"):
        yield json.dumps({"url": url, "ts": at, "title": text}, ensure_ascii=False)
