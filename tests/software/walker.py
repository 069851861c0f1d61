"""A crawl in one loop, to drive a software's module against a real site without the engine.

It does what the engine promises modules (crawler/software/__init__.py): seeds, one URL an item, requisites,
`accept` before `read`, and `again` until nothing new comes. Neither pace, scope nor records.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crawler.canonical import canonical
from crawler.engine.links import links
from crawler.harm import harm
from crawler.software import Ask, Count, Heard, Item, Page, Setting, Skip, Software, State

ROUNDS = 3
TEXTS = ("text/", "application/json", "application/xml", "application/xhtml+xml", "+xml", "gzip")
Fetch = Callable[[str], Page]


@dataclass
class Known:
    """One item: how it stands, who named it, where it is fetched."""

    state: State = "expected"
    sources: set[str] = field(default_factory=set)
    group: str = ""
    url: str = ""
    why: str = ""


@dataclass
class Walked:
    """What a walk found. requests: every URL asked for, in order. skipped: rule → URLs.

    `knows`, `state`, `ids`, `number` and `published` make it an Inventory.
    """

    items: dict[tuple[str, str], Known] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    counts: list[Count] = field(default_factory=list)
    heard: set[tuple[str, str]] = field(default_factory=set)
    pages: dict[str, Page] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)

    def knows(self, kind: str, id: str) -> bool:
        return (kind, id) in self.items

    def state(self, kind: str, id: str) -> State | None:
        known = self.items.get((kind, id))
        return known.state if known else None

    def ids(self, kind: str, state: State | None = None, group: str | None = None) -> Iterator[str]:
        for (a_kind, id), known in list(self.items.items()):
            if a_kind == kind and state in (None, known.state) and group in (None, known.group):
                yield id

    def number(self, kind: str, group: str | None = None, state: State | None = None) -> int:
        return sum(1 for _ in self.ids(kind, state, group))

    def published(self, kind: str, group: str, source: str) -> int | None:
        told = [
            c.n for c in self.counts if (c.kind, c.group, c.source, c.bound) == (kind, group, source, "exact")
        ]
        return told[-1] if told else None


def walk(software: type[Software], url: str, fetch: Fetch, limit: int = 3000) -> Walked:
    """Everything the module asks for, from a first page on. Raises ValueError if it detects nothing.

    limit: of requests; more is an AssertionError, for a walk that does not end.
    """
    walked = Walked()
    front = fetch(url)
    installed = software.detect(front)
    if installed is None:
        raise ValueError(f"{software.__name__} does not know {url}")
    walked.requests.append(url)
    walker = _Walker(software(installed.base, installed.settings), walked, fetch, limit)
    walker.take(walker.module.seeds())
    walker.take_in(front)
    walker.run()
    return walked


def get(url: str) -> Page:
    """One GET without cookies, redirects not followed."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    request = urllib.request.Request(url, headers={"User-Agent": "Jukni/0.1 (web archive mirroring crawler)"})
    try:
        answer = opener.open(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        body = answer.read()
        headers = tuple((k.encode("latin-1"), v.encode("latin-1")) for k, v in answer.headers.items())
        mime = answer.headers.get_content_type() if "Content-Type" in answer.headers else ""
        text = mime.startswith(TEXTS[0]) or mime.endswith(TEXTS[1:])
        return Page(url, answer.status, mime, body if text else b"", datetime.now(UTC), headers, len(body))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class _Walker:
    def __init__(self, module: Software, walked: Walked, fetch: Fetch, limit: int) -> None:
        self.module, self.walked, self.fetch, self.limit = module, walked, fetch, limit
        self.waiting: deque[str] = deque()
        self.asked: set[str] = set(walked.requests)
        self.one: dict[tuple[str, str], str] = {}

    def run(self) -> None:
        for _ in range(ROUNDS + 1):
            while self.waiting:
                url = self.waiting.popleft()
                self.walked.requests.append(url)
                assert len(self.walked.requests) <= self.limit, "the walk does not end"
                self.take_in(self.fetch(url))
            self.take(self.module.again(self.walked))
            if not self.waiting:
                return

    def take(self, found: Iterable[object]) -> set[str]:
        """What a module said; returns the URLs it wants left alone."""
        skips: set[str] = set()
        for one in found:
            if isinstance(one, Ask):
                self.want(one.url, again=one.again)
            elif isinstance(one, Item):
                self.expect(one)
            elif isinstance(one, Count):
                self.walked.counts.append(one)
            elif isinstance(one, Heard):
                self.walked.heard.add((one.kind, one.source))
            elif isinstance(one, Setting):
                self.module.settings[one.name] = one.value
            elif isinstance(one, Skip):
                skips.add(one.url)
                self.skip(one.url, one.rule)
        return skips

    def expect(self, item: Item) -> None:
        known = self.walked.items.setdefault((item.kind, item.id), Known())
        known.sources.add(item.source)
        known.group = item.group or known.group
        if item.state != "expected" and known.state == "expected":
            known.state, known.why = item.state, item.why
        if item.url and (item.kind, item.id) not in self.one:
            self.one[item.kind, item.id] = known.url = item.url
            self.want(item.url)

    def take_in(self, page: Page) -> None:
        self.walked.pages[page.url] = page
        said = self.module.classify(page.url) if page.url.startswith(self.module.base) else None
        key = (said.kind, said.id) if said is not None and said.item else None
        if 300 <= page.status < 400 and (to := canonical(page.header("location"), page.url)):
            there = self.module.classify(to) if to.startswith(self.module.base) else None
            if key is not None and there is not None and (there.kind, there.id) == key:
                self.want(to)  # the item is to be had there
            self.link(to)
            return
        if page.status >= 400:
            verdict = "denied" if page.status in (401, 403) else "missing"
        elif said is None:
            verdict = "ok"
        else:
            verdict = self.module.accept(page).verdict
        self.walked.verdicts[page.url] = verdict
        if key is not None:
            known = self.walked.items.setdefault(key, Known(sources={"links"}))
            if verdict in ("denied", "missing"):
                known.state = "denied" if verdict == "denied" else "missing"
            elif verdict == "ok":
                known.state = "captured"
        if verdict != "ok":
            return
        skips = self.take(self.module.read(page, self.walked)) if said is not None else set()
        for url, kind in links(page.body, page.url, page.mime, page.charset):
            if url in skips:
                continue
            if kind == "requisite":
                self.want(url)
            else:
                self.link(url)

    def link(self, url: str) -> None:
        if not url.startswith(self.module.base) or harm(url, (self.module.name,)):
            return
        said = self.module.classify(url)
        if said is None:
            self.skip(url, "unclaimed")
        elif not said.keep:
            self.skip(url, said.rule)
        elif said.item:
            self.expect(Item(said.kind, said.id, "links", said.url or url))
        else:
            self.want(said.url or url)

    def want(self, url: str, again: bool = False) -> None:
        if again:
            self.waiting.append(url)
        elif url not in self.asked and not harm(url, (self.module.name,)):
            self.asked.add(url)
            self.waiting.append(url)

    def skip(self, url: str, rule: str) -> None:
        self.walked.skipped.setdefault(rule, []).append(url)


__all__ = ["Known", "Walked", "get", "walk"]
