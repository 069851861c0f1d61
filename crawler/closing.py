"""When nothing is left to fetch: gaps once more, change lists again, numbers that do not agree read again.

What was written on the site while it was crawled is so not called missing. At most three rounds, none after
one that brought no new URL and left no number that differs; how many were made is kept with the crawl.
"""

from __future__ import annotations

from crawler.frontier import Frontier
from crawler.learn import Learner

ROUNDS = 3


def another_round(frontier: Frontier, learner: Learner, attempts: int) -> bool:
    """Whether there is something to fetch again. attempts: of a URL; a gap gets the last one."""
    if learner.claim_fed() and frontier.pending():
        return True
    while (n := _rounds(frontier)) < ROUNDS:
        inventory = learner.inventory
        differing = [one.row for one in inventory.differing() if one.bound == "exact"]
        differing += inventory.stale()
        known = _known(frontier)
        if n and not differing and known == frontier.fact("known"):
            return False
        frontier.set_fact("rounds", n + 1)
        frontier.set_fact("known", known)
        if n == 0:
            frontier.reopen_failed(attempts - 1)
        for one in learner.installations:
            learner.ask(one, list(one.again(inventory.at(one.base))), via=None, hops="I")
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
