"""What the site says it has against what was captured → verdict. Written as coverage.json.

A generic site says nothing of what it has, so its verdict is *unknown*, or *gaps* when something that was
found could not be captured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from crawler.frontier import Frontier
from storage.manifest import Coverage

_LISTED = 100_000  # more than that is no list for a person


def verdict(gaps: int, expected: int | None) -> Coverage:
    """expected: how many items the inventory has, None without an inventory."""
    if gaps:
        return "gaps"
    return "unknown" if expected is None else "complete"


def report(frontier: Frontier, own: Callable[[str], bool], software: Sequence[str]) -> dict[str, Any]:
    """The content of coverage.json.

    software: what the pages look like; nothing was asked of it yet. counts: URLs by state and outcome.
    gaps: what is missing of the site (`own`), with the reason. elsewhere: requisites elsewhere that could
    not be had; the site itself is whole without them. skipped: the rules with reason, count and examples.
    """
    gaps: list[dict[str, str | None]] = []
    elsewhere: list[dict[str, str | None]] = []
    missing = 0
    for gap in frontier.gaps():
        ours = own(gap.url)
        missing += ours
        listed = gaps if ours else elsewhere
        if len(listed) < _LISTED:
            listed.append(
                {"url": gap.url, "kind": gap.kind, "reason": gap.why or "not reached", "via": gap.via}
            )
    return {
        "format": 1,
        "software": ", ".join(software) or "generic",
        "verdict": verdict(missing, None),
        "why": "nothing said what the site has; everything that its pages link to was tried",
        "expected": None,
        "missing": missing,
        "counts": dict(frontier.counts()),
        "gaps": gaps,
        "elsewhere": elsewhere,
        "skipped": [
            {"rule": s.rule, "reason": s.reason, "count": s.n, "examples": list(s.examples)}
            for s in frontier.skips()
        ],
    }
