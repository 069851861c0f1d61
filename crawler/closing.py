"""When nothing is left to fetch: gaps once more, change lists again, numbers that do not agree read again.

What was written on the site while it was crawled is so not called missing. At most three rounds, none after
one that brought no new URL and left no number that differs; how many were made is kept with the crawl.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from crawler.frontier import Frontier
from crawler.learn import Learner
from storage.errors import Failure

ROUNDS = 3


def another_round(
    frontier: Frontier, learner: Learner, attempts: int, bug: Callable[[str, Exception], None]
) -> bool:
    """Whether there is something to fetch again. attempts: of a URL; a gap gets the last one.

    bug: told of an installation (its base) that raised an error instead of saying what to ask again.
    """
    if learner.claim_fed() and frontier.pending():
        return True
    while (n := _rounds(frontier)) < ROUNDS:
        inventory = learner.inventory
        differing = [one.row for one in inventory.differing() if one.bound == "exact"]
        differing += inventory.stale()
        known = _known(frontier)
        if not differing and known == frontier.fact("known"):
            return False
        frontier.set_fact("rounds", n + 1)
        frontier.set_fact("known", known)
        if n == 0:
            frontier.reopen_failed(attempts - 1)
        for one in learner.installations:
            try:
                asks = list(one.again(inventory.at(one.base)))
            except (Failure, sqlite3.Error):
                raise
            except Exception as error:  # noqa: BLE001  a module's bug must not keep the others from being sealed
                bug(one.base, error)
                continue
            learner.ask(one, asks, via=None, hops="I")
        frontier.read_again(differing)
        if frontier.pending():
            return True
    return False


def _rounds(frontier: Frontier) -> int:
    found = frontier.fact("rounds")
    return found if isinstance(found, int) else 0


def _known(frontier: Frontier) -> int:
    """URLs that were worth a request."""
    counts = frontier.counts()
    return counts["done"] + counts["failed"]
