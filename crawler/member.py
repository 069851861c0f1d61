"""A crawl as a member: logged in before the first request, looked after until the last."""

from __future__ import annotations

import sqlite3

from crawler import database
from crawler.frontier import Frontier
from crawler.login import Login

EVERY = 100
"""Answers after which it is looked whether we are still logged in."""


class Member:
    """What was captured since the last proof of being inside is not believed without another.

    login: None for a site that is crawled as anyone sees it; then nothing here does anything.
    """

    def __init__(self, login: Login | None, db: sqlite3.Connection, frontier: Frontier) -> None:
        self._login = login
        self._db = db
        self._frontier = frontier
        self._since: list[int] = []

    async def enter(self) -> None:
        """Log in; Failure when that does not work."""
        if self._login is not None:
            await self._login.enter()

    def learnt(self, row: int) -> None:
        """A row of the frontier was answered."""
        if self._login is not None:
            self._since.append(row)

    async def look(self, *, now: bool = False) -> None:
        """Every hundred answers, or `now`: is the canary there?

        When it is gone, all that was answered since it was last seen is asked again by the next run, and
        RemoteError says so.
        """
        if self._login is None or (len(self._since) < EVERY and not now):
            return
        since, self._since = self._since, []
        if await self._login.inside():
            return
        self._frontier.read_again(since)
        database.commit(self._db)
        raise self._login.lost()
