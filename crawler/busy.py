"""The hosts that may not be asked now."""

from __future__ import annotations

import math
from collections import Counter

from crawler.engine.pace import Pace


class Busy:
    """A container of host names for `Frontier.lease`; places: how many URLs of one host may be under way.

    A place is taken from the lease until its end is committed, longer than the pace's turn lasts: so a kill
    leaves at most `places` URLs of a host that were asked for in vain.
    rest: the shortest pause, in seconds, of the hosts it was asked about; whoever asks resets it.
    """

    def __init__(self, pace: Pace, places: int) -> None:
        self._pace = pace
        self._places = places
        self._taken: Counter[str] = Counter()
        self.rest = math.inf

    def take(self, host: str) -> None:
        """A URL of this host was leased."""
        self._taken[host] += 1

    def free(self, host: str) -> None:
        """Its end is committed."""
        self._taken[host] -= 1

    def __contains__(self, host: object) -> bool:
        if self._taken[str(host)] >= self._places:
            return True
        paused = self._pace.paused(str(host))
        if paused > 0:
            self.rest = min(self.rest, paused)
        return paused > 0
