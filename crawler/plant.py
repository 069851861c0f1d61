"""What a crawl begins with: the seeds, and what other sites of the configuration led to."""

from __future__ import annotations

from collections.abc import Sequence

from crawler.frontier import Frontier, Link
from crawler.learn import Learner
from crawler.software.registry import claimed


def plant(frontier: Frontier, learner: Learner, fed: Sequence[str]) -> None:
    """Once a crawl, the first time it is opened. A pad is claimed by its address, never fetched to see.

    fed: canonical URLs on other sites' pages that lie on this one.
    """
    if frontier.fact("seeds") is not None:
        return
    for url in learner.scope.seeds:
        if installed := claimed(url):
            learner.promise(installed, url)
        else:
            frontier.add([Link(url, "seed")])
    learner.feed(fed)
    frontier.set_fact("seeds", list(learner.scope.seeds))
