"""What robots.txt allows; the file itself is fetched through the crawl and so kept in the archive."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from protego import Protego

Answer = tuple[int, bytes]
_KEPT = 500  # hosts whose rules stay in memory; asking a host again costs one request


class Robots:
    """Rules per origin, asked for until they are known.

    fetch: takes the robots.txt URL, returns (status, decoded body), status 0 when there was no answer.
    As RFC 9309 section 2.3.1 says: 4xx allows all, 5xx and no answer forbid all.
    """

    def __init__(self, fetch: Callable[[str], Awaitable[Answer]], agent: str) -> None:
        self._fetch = fetch
        self._agent = agent
        self._unknown: set[str] = set()
        self._rules: OrderedDict[str, asyncio.Future[Protego | bool]] = OrderedDict()

    def unknown(self, url: str) -> bool:
        """Whether all is forbidden because the host's robots.txt could not be had."""
        return _origin(url) in self._unknown

    async def allows(self, url: str) -> bool:
        """Whether our agent may ask for this URL."""
        rules = await self._of(_origin(url))
        return rules if isinstance(rules, bool) else rules.can_fetch(url, self._agent)

    def delay(self, url: str) -> float:
        """Seconds the host asks to lie between two requests (Crawl-delay); 0 when it does not say."""
        known = self._rules.get(_origin(url))
        rules = known.result() if known is not None and known.done() else None
        return float(rules.crawl_delay(self._agent) or 0) if isinstance(rules, Protego) else 0.0

    async def _of(self, origin: str) -> Protego | bool:
        known = self._rules.get(origin)
        if known is not None:
            self._rules.move_to_end(origin)
            # Shielded: one waiter that is cancelled must not take the rules from the others.
            return await asyncio.shield(known)
        waiting: asyncio.Future[Protego | bool] = asyncio.get_running_loop().create_future()
        self._rules[origin] = waiting
        try:
            status, body = await self._fetch(origin + "/robots.txt")
        except BaseException as error:
            del self._rules[origin]
            if isinstance(error, Exception):
                waiting.set_exception(error)
                waiting.exception()  # seen, even when nobody else waits
            else:
                waiting.cancel()
            raise
        rules = parse(status, body)
        waiting.set_result(rules)
        if rules is False:
            # To be asked for again: a server that is away for a minute has forbidden nothing.
            del self._rules[origin]
            self._unknown.add(origin)
        else:
            self._unknown.discard(origin)
        while len(self._rules) > _KEPT:
            self._rules.popitem(last=False)
        return waiting.result()


def parse(status: int, body: bytes) -> Protego | bool:
    """Rules, or True (all is allowed) or False (nothing is)."""
    if status == 0 or status >= 500 or status == 429:
        return False
    if not 200 <= status < 300:
        return True
    return Protego.parse(body.decode("utf-8", "replace"))


def sitemaps(body: bytes) -> list[str]:
    """The addresses of the `Sitemap:` lines."""
    return list(Protego.parse(body.decode("utf-8", "replace")).sitemaps)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
