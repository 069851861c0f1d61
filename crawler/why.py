"""Why is a URL in the archive, or why not: what a crawl did with it, or what its rules say of it now."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crawler import database
from crawler.canonical import canonical
from crawler.config import Site
from crawler.frontier import Frontier
from crawler.scope import Place, Scope
from crawler.software import Classified, Installed, Software
from crawler.software.registry import MODULES, build
from storage.cdxj import Line, read_index, surt
from storage.errors import BrokenData, Failure, UsageError
from storage.snapshot import COVERAGE, Snapshot


@dataclass(frozen=True, slots=True)
class Why:
    """The answer.

    verdict: "captured", "denied", "missing", "redirect", "gap", "skipped", "waiting", "elsewhere" (the same
    item under another address) or "never found". reason: in words. rule: the one that decided, or "".
    item: what the software calls it. at: of the capture, RFC 3339. via: the pages that led there, the nearest
    first. address: where it is to be had instead.
    """

    snapshot: Snapshot
    url: str
    verdict: str
    reason: str
    rule: str = ""
    item: str = ""
    at: str = ""
    via: tuple[str, ...] = ()
    address: str = ""


def explain(snapshot: Snapshot, text: str, site: Site | None) -> Why:
    """What became of an address in a snapshot, sealed or open.

    site: its configuration, for include and exclude; None when jukni.toml does not name it.
    UsageError when `text` is no http(s) address; BrokenData when the snapshot cannot be read.
    """
    url = canonical(text)
    if url is None:
        raise UsageError(
            f"{text!r} cannot be looked up", what="it is no http:// or https:// address", next=("jukni list",)
        )
    if not snapshot.is_sealed:
        return _from_database(snapshot, url)
    rules = _Rules(_coverage(snapshot), snapshot.manifest().seeds, site)
    same: Line | None = None
    one, place = rules.classify(url) or (None, None)
    key = surt(url)
    for line in read_index(snapshot.index):
        if line.key == key and line.url == url and dict(line.extra).get("verdict") != "failed":
            return _captured(snapshot, line, _item(place))
        if one and place and place.item and line.url.startswith(one.base) and same is None:
            other = one.classify(line.url)
            if other and other.item and (other.kind, other.id) == (place.kind, place.id):
                same = line
    if same is not None:
        reason = f"the same {_item(place)} was captured under another address"
        return Why(snapshot, url, "elsewhere", reason, "alias", _item(place), same.date, address=same.url)
    return rules.judge(snapshot, url, place)


class _Rules:
    """The rules of a sealed crawl, as its coverage.json tells them."""

    def __init__(self, coverage: Mapping[str, Any], seeds: tuple[str, ...], site: Site | None) -> None:
        self._gaps = coverage.get("gaps", [])
        self._installed: list[Software] = sorted(
            (
                build(Installed(found["name"], found["base"], found.get("settings", {})))
                for found in coverage.get("software", [])
                if isinstance(found, dict) and found.get("name") in MODULES
            ),
            key=lambda one: -len(one.base),
        )
        self._scope = Scope(
            seeds,
            include=site.include if site else (),
            exclude=site.exclude if site else (),
            software=frozenset(one.name for one in self._installed),
            places=tuple(map(Place.of, coverage.get("places", []))),
        )

    def classify(self, url: str) -> tuple[Software, Classified] | None:
        for one in self._installed:
            if url.startswith(one.base) and (found := one.classify(url)) is not None:
                return one, found
        return None

    def judge(self, snapshot: Snapshot, url: str, place: Classified | None) -> Why:
        """For a URL that is not in the index."""
        item = _item(place)
        for gap in self._gaps:
            if gap.get("url") == url:
                return Why(
                    snapshot, url, "gap", gap["reason"], item=item, via=(gap["via"],) if gap["via"] else ()
                )
        refused = self._scope.refuses(url)
        if refused is None and place is not None and not place.keep and not self._scope.includes(url):
            return Why(snapshot, url, "skipped", place.reason, place.rule, item)
        verdict = refused or (self._scope.judge(url) if place is None else None)
        if verdict is not None and not verdict.keep:
            return Why(snapshot, url, "skipped", verdict.reason, verdict.rule, item)
        return Why(
            snapshot, url, "never found", "no rule is against it, but no captured page led to it", item=item
        )


def _from_database(snapshot: Snapshot, url: str) -> Why:
    if not snapshot.database.exists():
        raise BrokenData(
            f"nothing can be said of {snapshot}",
            what="it is not sealed, and its database is gone",
            where=str(snapshot.folder),
            next=("jukni list",),
        )
    with contextlib.closing(database.open(snapshot.database)) as db:
        known = Frontier(db).why(url)
    if known is None:
        return Why(snapshot, url, "never found", "no page that was captured so far led to it")
    verdict = {"done": known.outcome or "captured", "failed": "gap", "skipped": "skipped"}.get(
        known.state, "waiting"
    )
    words = known.reason or known.detail or {"waiting": "it is known and not fetched yet"}.get(verdict, "")
    return Why(
        snapshot, url, verdict, words or "it was asked for and kept", known.rule or "", via=known.chain
    )


def _captured(snapshot: Snapshot, line: Line, item: str) -> Why:
    said = dict(line.extra).get("verdict", "")
    if line.status in range(300, 400):
        said = "redirect"
    reason = f"HTTP {line.status}, {line.mime or 'no media type'}, in {line.filename}"
    return Why(snapshot, line.url, said or "captured", reason, item=item, at=line.date)


def _item(place: Classified | None) -> str:
    return f"{place.kind} {place.id}".strip() if place else ""


def _coverage(snapshot: Snapshot) -> dict[str, Any]:
    path = snapshot.folder / COVERAGE
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unreadable(snapshot, str(error)) from error
    if not isinstance(found, dict):
        raise _unreadable(snapshot, "no JSON object")
    return found


def _unreadable(snapshot: Snapshot, what: str) -> BrokenData:
    return BrokenData(
        f"the coverage of {snapshot} cannot be read",
        what=what,
        where=str(snapshot.folder / COVERAGE),
        next=(f"jukni verify {snapshot}",),
    )


def speaks_for(snapshot: Snapshot, url: str) -> int:
    """How well a snapshot fits an address: the length of its longest folder round it; 0: another server."""
    try:
        seeds = snapshot.manifest().seeds if snapshot.is_sealed else _seeds(snapshot)
        scope = Scope(seeds)
    except (Failure, ValueError):
        return 0
    if not scope.own(url):
        return 0
    return max((len(p.door()) for p in scope.places if url.startswith(p.door())), default=1)


def _seeds(snapshot: Snapshot) -> tuple[str, ...]:
    with contextlib.closing(database.open(snapshot.database)) as db:
        found = Frontier(db).fact("seeds")
    return tuple(str(url) for url in found) if isinstance(found, list) else ()
