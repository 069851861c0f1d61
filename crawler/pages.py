"""The pages of an open snapshot with their titles, kept in the crawl's database until it is sealed."""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime

from storage.seal import Page

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


def add(db: sqlite3.Connection, page: Page) -> None:
    """Remember a page; a later capture of the same URL takes its place."""
    db.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?)", (page.url, page.ts.isoformat(), page.title))


def all_of(db: sqlite3.Connection) -> Iterator[Page]:
    """Every page, in the order of capture."""
    for url, at, text in db.execute("SELECT url, at, title FROM pages ORDER BY at, url"):
        yield Page(url, datetime.fromisoformat(at), text)
