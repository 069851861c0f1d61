"""Which pages of a sealed snapshot may be handed to archive.org: public ones, unless they ask not to be."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from protego import Protego

from storage.archive_org.cdx import moment
from storage.cdxj import Line, read_index, surt
from storage.errors import BrokenData
from storage.http import decoded, find_head_end, parse_head, payload
from storage.snapshot import COVERAGE, PAGES, Snapshot
from storage.warc import read_at

AGENTS = ("ia_archiver", "archive.org_bot")
"""The names by which a robots.txt or a page speaks to archive.org."""
UNLISTED = frozenset(("etherpad", "nextcloud"))
"""Software whose addresses are secrets: whoever knows one may read it, and nobody else is meant to."""

_HTML = ("text/html", "application/xhtml+xml")
_INTERNAL = re.compile(
    r"(?:^|\.)(?:localhost|local|localdomain|internal|intranet|lan|home|corp|home\.arpa|onion)$"
)
_META = re.compile(rb"<meta\s[^>]{1,500}>", re.I)
_ATTRIBUTE = re.compile(rb"""\b(name|content)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.I)
_LOOKED_AT = 64 * 1024  # bytes of a page in which its wishes are looked for


@dataclass(frozen=True, slots=True)
class Page:
    """A page of ours. lines: of its newest capture, and of the record with its content, if that is another.

    changed: when that was first seen; None when the oldest snapshot there is has it already, so that nobody
    knows how old it is. new: the snapshot before did not have this page.
    """

    url: str
    key: str
    digest: str
    changed: datetime | None
    lines: tuple[Line, ...]
    new: bool


def is_public(line: Line) -> bool:
    """Was this capture a page for everybody, as far as the index knows?

    A page that a site answers with 200 and that says "please log in" carries the verdict of the software.
    """
    verdict = getattr(line, "verdict", "") or dict(line.extra).get("verdict", "")
    return line.status == 200 and line.mime in _HTML and verdict in ("", "ok")


def is_reachable(url: str) -> bool:
    """Could anybody on the Internet ask for it? Private addresses and names of internal networks are not."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in ("http", "https") or parts.username or parts.password:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not _INTERNAL.search(host)


def pages_of(snapshot: Snapshot, earlier: Sequence[Snapshot]) -> list[Page]:
    """The pages of a sealed snapshot in the order of capture, public and reachable ones only.

    earlier: the sealed ones before it, oldest first. BrokenData when a file is not as it was sealed.
    """
    try:
        return _pages_of(snapshot, earlier)
    except FileNotFoundError as error:
        raise _damaged(str(error.filename), "it is not there") from error


def _pages_of(snapshot: Snapshot, earlier: Sequence[Snapshot]) -> list[Page]:
    wanted = list(dict.fromkeys(_listed(snapshot)))
    view = _View(snapshot, set(wanted))
    before = set(_listed(earlier[-1])) if earlier else None
    first = (earlier[0] if earlier else snapshot).manifest().sealed
    unlisted = _unlisted(snapshot)
    found = []
    for url in wanted:
        newest = view.newest(url)
        if newest is None or not is_public(newest) or not is_reachable(url) or url.startswith(unlisted):
            continue
        since = moment(view.since(newest))
        found.append(
            Page(
                url=url,
                key=surt(url),
                digest=newest.digest,
                changed=since if since > first else None,
                lines=view.records(newest),
                new=before is not None and url not in before,
            )
        )
    return found


class _View:
    """The lines of some URLs, and the originals of those that are revisits, wherever they are filed."""

    def __init__(self, snapshot: Snapshot, urls: Container[str]) -> None:
        self._lines: dict[str, list[Line]] = {}
        for line in read_index(snapshot.index):
            if line.url in urls:
                self._lines.setdefault(line.url, []).append(line)
        lines = [line for found in self._lines.values() for line in found]
        wanted = {line.digest for line in lines if line.kind == "revisit"}
        self._originals = {line.digest: line for line in lines if line.kind == "response"}
        if not wanted <= self._originals.keys():
            for line in read_index(snapshot.index):
                if line.kind == "response" and line.digest in wanted:
                    self._originals.setdefault(line.digest, line)

    def newest(self, url: str) -> Line | None:
        """The newest line of a URL."""
        return max(self._lines.get(url, ()), key=lambda line: (line.timestamp, line.date), default=None)

    def since(self, newest: Line) -> str:
        """When the content of a URL's newest line was first seen there, as far as the view knows."""
        return min(one.timestamp for one in self._lines[newest.url] if one.digest == newest.digest)

    def records(self, line: Line) -> tuple[Line, ...]:
        """The line, and behind it, for a revisit, its original."""
        original = self._originals.get(line.digest)
        return (line,) if line.kind == "response" or original is None else (line, original)


class Wishes:
    """What the site's operator asks of archive.org, as it stands in the snapshot.

    The groups of robots.txt that name archive.org, and `noarchive` in a page or its header. What a robots.txt
    says to all robots is written for search engines and says nothing here.
    """

    def __init__(self, snapshot: Snapshot, pages: Iterable[Page]) -> None:
        """pages: those that will be asked about."""
        self._warcs = snapshot.warcs
        self._rules: dict[str, Protego] = {}
        origins = {_origin(page.url) for page in pages}
        view = _View(snapshot, {f"{origin}/robots.txt" for origin in origins})
        for origin in origins:
            line = view.newest(f"{origin}/robots.txt")
            if line is not None and line.status == 200:
                _, body = self._seen(view.records(line))
                self._rules[origin] = Protego.parse(ours(body.decode("utf-8", "replace")))

    def against(self, page: Page) -> str:
        """Why this page should not be handed over; "" when nothing speaks against it."""
        rules = self._rules.get(_origin(page.url))
        if rules is not None and not all(rules.can_fetch(page.url, agent) for agent in AGENTS):
            return "robots.txt asks archive.org to stay away"
        headers, body = self._seen(page.lines)
        if any(_header_forbids(value) for value in headers):
            return "its X-Robots-Tag says noarchive"
        return "it says noarchive" if page_forbids(body) else ""

    def _seen(self, lines: Iterable[Line]) -> tuple[list[str], bytes]:
        """X-Robots-Tag values of all these records, and the first bytes of the content of the last one."""
        headers: list[str] = []
        body = b""
        for line in lines:
            more, body = self._record(line)
            headers += more
        return headers, body

    def _record(self, line: Line) -> tuple[list[str], bytes]:
        path = self._warcs / line.filename
        try:
            with read_at(path, line.offset) as record:
                whole = b"".join(record.chunks())
        except OSError as error:
            raise BrokenData(
                "a page of the archive cannot be read",
                what=error.strerror or str(error),
                where=str(path),
                kept="nothing more was asked for",
                next=("jukni verify",),
            ) from error
        head = parse_head(whole[: find_head_end(whole)])
        if head is None:
            return [], b""
        body, _ = decoded(head, payload(head, [whole[head.length :]]), _LOOKED_AT)
        return [value.decode("latin-1") for value in head.all(b"x-robots-tag")], body


def ours(robots: str) -> str:
    """The groups of a robots.txt that name archive.org, without the others."""
    kept: list[str] = []
    names: list[str] = []
    rules: list[str] = []
    for line in [*robots.splitlines(), "User-agent: end"]:
        field, _, value = line.partition("#")[0].partition(":")
        word, value = field.strip().lower(), value.strip()
        if word == "user-agent":
            if rules:
                kept += _group(names, rules)
                names, rules = [], []
            names.append(value.lower())
        elif word in ("allow", "disallow") and names:
            rules.append(f"{word}: {value}")
    return "\n".join(kept)


def page_forbids(body: bytes) -> bool:
    """Does a page say `noarchive` to all robots, or to archive.org?"""
    for tag in _META.findall(body):
        found = {name.lower(): b"".join(values).lower() for name, *values in _ATTRIBUTE.findall(tag)}
        about = found.get(b"name", b"").decode("latin-1")
        if about in ("robots", *AGENTS) and b"noarchive" in re.split(rb"[\s,]+", found.get(b"content", b"")):
            return True
    return False


def _header_forbids(value: str) -> bool:
    """`noarchive`, or `archive.org_bot: noarchive`; what is said to another robot is not for us."""
    about = ""
    for part in value.lower().split(","):
        name, colon, rule = part.partition(":")
        if colon and name.strip() != "unavailable_after":
            about, part = name.strip(), rule
        if part.strip() == "noarchive" and about in ("", *AGENTS):
            return True
    return False


def _group(names: Iterable[str], rules: list[str]) -> list[str]:
    meant = [agent for agent in AGENTS if agent in names]
    return [*(f"user-agent: {agent}" for agent in meant), *rules, ""] if meant else []


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _listed(snapshot: Snapshot) -> Iterator[str]:
    """The URLs of pages.jsonl."""
    path = snapshot.folder / PAGES
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number:
                url = _plain(path, line).get("url")
                if isinstance(url, str):
                    yield url


def _unlisted(snapshot: Snapshot) -> tuple[str, ...]:
    """Where the addresses are secrets, as far as coverage.json knows the software."""
    path = snapshot.folder / COVERAGE
    software = _plain(path, path.read_bytes()).get("software")
    if isinstance(software, str):
        names = {name.strip().lower() for name in software.split(",")}
        return snapshot.manifest().seeds if names & UNLISTED else ()
    found = software if isinstance(software, list) else []
    return tuple(
        str(one.get("base"))
        for one in found
        if isinstance(one, dict) and str(one.get("name")).lower() in UNLISTED and one.get("base")
    )


def _plain(path: Path, data: bytes) -> Mapping[str, Any]:
    try:
        plain = json.loads(data)
    except ValueError:
        plain = None
    if not isinstance(plain, dict):
        raise _damaged(str(path), "it is not the JSON that was sealed")
    return plain


def _damaged(where: str, what: str) -> BrokenData:
    return BrokenData(
        "a list of the archive cannot be read",
        what=what,
        where=where,
        kept="nothing was asked for",
        next=("jukni verify",),
    )
