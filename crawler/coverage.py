"""What the site says it has against what was captured → verdict. Written as coverage.json."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from crawler.frontier import Frontier
from crawler.inventory import Differs, Inventory, Lost, Tally
from crawler.resolve import Resolved
from crawler.scope import Scope
from crawler.software import Software
from crawler.visit import OWN_ROBOTS
from storage.manifest import Coverage

_LISTED = 100_000  # more than that is no list for a person
_LIMIT = "limit"
_UNSEEN = {
    _LIMIT: "the limit on fetched URLs was reached: the rest was not looked at",
    OWN_ROBOTS: "the site's robots.txt is obeyed: what it forbids was not looked at",
}
"""Rules that leave nothing to be said of a whole site, and why."""


def verdict(gaps: int, doubts: Iterable[str]) -> Coverage:
    """doubts: why it cannot be said that everything is there."""
    if gaps:
        return "gaps"
    return "unknown" if any(True for _ in doubts) else "complete"


def report(
    frontier: Frontier,
    scope: Scope,
    software: Iterable[Software],
    inventory: Inventory,
    *,
    resolved: Resolved | None,
    links_to: Mapping[str, list[str]],
    requests: int,
    again: str,
) -> dict[str, Any]:
    """The content of coverage.json.

    software: the installations found. places: the folders that are mirrored. counts: URLs by state and
    outcome. items: what the installations say they have, by kind. counters: published numbers, and those that
    differ from what was found. gaps: what is missing of the site's own server, with reason and next step
    (`again`: the command that tries it once more). denied: items the site has and does not give. elsewhere:
    requisites on other hosts that could not be had; the site itself is whole without them. skipped: the rules
    with reason, count and examples. links: what the captured pages name, looked up in the view (`resolved`,
    null where no software is known). links_to: addresses on the other sites of the configuration. requests:
    of all attempts. useful: captured items that a visitor came for.
    """
    installed = list(software)
    rules = {skip.rule for skip in frontier.skips()}
    gaps, elsewhere, failed = _failed(frontier, scope.own, again)
    missing = len(failed)
    differing = list(inventory.differing())
    tallies = list(inventory.tallies())
    doubts = list(_doubts(installed, inventory, tallies))
    # What was not looked at is not missing, and nothing can be said of it.
    if base := frontier.fact("unasked"):
        doubts.append(f"{base}: a bug in Jukni kept its lists from being asked once more at the end")
    doubts[:0] = [why for rule, why in _UNSEEN.items() if rule in rules]
    if _LIMIT not in rules:
        obeyed = OWN_ROBOTS in rules
        lost = [one for one in inventory.lost() if one.url not in failed and (one.url or not obeyed)]
        exact = [one for one in differing if one.bound == "exact" and not obeyed]
        missing += len(lost) + len(exact)
        gaps += [_lost(one, again) for one in islice(lost, _LISTED)]
        gaps += [_differs(one, again) for one in islice(exact, _LISTED)]
    if resolved is not None:
        missing += resolved.hanging
        gaps += [_dangling(url, via, again) for url, via in resolved.dangling]
    said = verdict(missing, doubts)
    return {
        "format": 1,
        "software": [
            {
                "name": one.name,
                "base": one.base,
                "experimental": one.experimental,
                "settings": one.settings,
            }
            for one in installed
        ],
        "places": [place.door() for place in scope.places],
        "verdict": said,
        "why": doubts if said == "unknown" else [_WHY[said], *_refusals(tallies)],
        "expected": sum(tally.expected for tally in tallies) if tallies else None,
        "missing": missing,
        "counts": dict(frontier.counts()),
        "items": [_tally(tally) for tally in tallies],
        "counters": {
            "checked": inventory.counters(),
            "agree": inventory.counters() - len(differing),
            "differ": [_counter(one) for one in differing[:_LISTED]],
        },
        "gaps": gaps[:_LISTED],
        "denied": [_denied(one) for one in islice(inventory.denied(), _LISTED)],
        "elsewhere": elsewhere,
        "skipped": [
            {"rule": s.rule, "reason": s.reason, "count": s.n, "examples": list(s.examples)}
            for s in frontier.skips()
        ],
        "links": _resolved(resolved) if resolved else None,
        "links_to": dict(links_to),
        "requests": requests,
        "useful": sum(inventory.useful(one.base, one.useful) for one in installed),
    }


_WHY = {
    "complete": "everything the site gives its visitors was captured, and its own lists and numbers agree",
    "gaps": "what is listed under gaps could not be captured",
}


def _failed(
    frontier: Frontier, own: Callable[[str], bool], again: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], set[str]]:
    gaps: list[dict[str, Any]] = []
    elsewhere: list[dict[str, Any]] = []
    failed: set[str] = set()
    for gap in frontier.gaps():
        ours = own(gap.url)
        if ours:
            failed.add(gap.url)
        listed = gaps if ours else elsewhere
        if len(listed) < _LISTED:
            words = {"url": gap.url, "kind": gap.kind, "reason": gap.why or "not reached", "via": gap.via}
            listed.append(words | ({"id": None, "next": again} if ours else {}))
    return gaps, elsewhere, failed


def _doubts(installed: list[Software], inventory: Inventory, tallies: list[Tally]) -> Iterator[str]:
    """Why *complete* cannot be said although nothing is known to be missing."""
    if not installed:
        yield "nothing said what the site has; everything that its pages link to was tried"
    there = {(tally.base, tally.kind) for tally in tallies}
    for one in installed:
        for kind, sources in one.proofs.items():
            heard = inventory.heard(one.base, kind) & set(sources)
            if len(heard) < min(2, len(sources)):
                said = ", ".join(sorted(heard)) or "none"
                yield f"{one.base}: of {' and '.join(sources)} only {said} told which {kind} items there are"
        if not any(base == one.base for base, _ in there):
            yield f"{one.base}: {one.name} named nothing that it has"


def _refusals(tallies: list[Tally]) -> Iterator[str]:
    """What the site names and keeps to itself, by kind: no gap, but nothing to pass over either."""
    for tally in tallies:
        if tally.denied:
            yield f"{tally.denied:,} of {tally.expected:,} {tally.kind} items are refused to visitors"


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "base": tally.base,
        "kind": tally.kind,
        "expected": tally.expected,
        "captured": tally.captured,
        "denied": tally.denied,
        "missing": tally.missing,
        "gaps": tally.gaps,
        "sources": tally.sources,
    }


def _lost(one: Lost, again: str) -> dict[str, Any]:
    said = f"named by {one.sources}" if one.sources else "named by the site"
    why = f"{said}, but the site answers: {one.why or 'not there'}" if one.state == "missing" else ""
    return {
        "url": one.url or None,
        "kind": one.kind,
        "id": one.id,
        "reason": why or f"{said}, never captured" + (f": {one.why}" if one.why else ""),
        "via": one.base,
        "next": again,
    }


def _denied(one: Lost) -> dict[str, Any]:
    reason = one.why or "the site refuses it"
    return {"url": one.url or None, "kind": one.kind, "id": one.id, "reason": reason, "via": one.base}


def _differs(one: Differs, again: str) -> dict[str, Any]:
    return {
        "url": None,
        "kind": one.kind,
        "id": one.group or None,
        "reason": f"{one.source} says {one.published}, {one.found} were found",
        "via": one.base,
        "next": again,
    }


def _dangling(url: str, via: str, again: str) -> dict[str, Any]:
    reason = "a captured page names it, and the view does not have it"
    return {"url": url, "kind": "link", "id": None, "reason": reason, "via": via, "next": again}


def _resolved(resolved: Resolved) -> dict[str, int]:
    return {
        "checked": resolved.checked,
        "found": resolved.found,
        "explained": resolved.explained,
        "dangling": resolved.hanging,
    }


def _counter(one: Differs) -> dict[str, Any]:
    return {
        "base": one.base,
        "kind": one.kind,
        "group": one.group,
        "source": one.source,
        "published": one.published,
        "found": one.found,
        "bound": one.bound,
    }
