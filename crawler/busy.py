"""The hosts that may not be asked now."""

from __future__ import annotations

from collections import Counter

from crawler.engine.pace import Pace


class Busy:
    """A container of host names for `Frontier.lease`; places: how many URLs of one host may be under way.

    A place is taken from the lease until its end is committed, longer than the pace's turn lasts: so a kill
    leaves at most `places` URLs of a host that were asked for in vain.
    """

    def __init__(self, pace: Pace, places: int) -> None:
        self._pace = pace
        self._places = places
        self._taken: Counter[str] = Counter()

    def take(self, host: str) -> None:
        """A URL of this host was leased."""
        self._taken[host] += 1

    def free(self, host: str) -> None:
        """Its end is committed."""
        self._taken[host] -= 1

    def __contains__(self, host: object) -> bool:
        return self._taken[str(host)] >= self._places or self._pace.paused(str(host)) > 0
