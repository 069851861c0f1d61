"""The frontier as a Scrapy scheduler, and who acknowledges what, when.

A URL is leased when Scrapy takes it. It is acknowledged in one commit with its capture and its new links:

- the callback's output was consumed → `Crawl.learnt`
- the handler found nothing to learn (retry, robots, no answer) → settled by the visit, committed in `_failed`
- the callback raised → `Crawl.bug`: a gap, and exit code 1

A lease that ends in none of these (SIGKILL) goes back to pending at the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.defer import deferred_from_coro
from scrapy.utils.spider import iterate_spider_output
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure as TwistedFailure

from crawler.frontier import Lease
from crawler.visit import Visit
from storage.errors import Failure

if TYPE_CHECKING:
    from crawler.crawl import Crawl

logger = logging.getLogger("jukni.crawl")

HEARTBEAT = 5.0
_LOOK_UP = Request("data:,")  # given to the engine, makes it ask for the next request and is dropped


class FrontierScheduler(BaseScheduler):
    """Leases from the crawl's frontier; holds no request of its own."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._spider: Any = None
        self._alarm: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> FrontierScheduler:
        return cls(crawler)

    @property
    def _crawl(self) -> Crawl:
        return cast("Crawl", self._spider.crawl)

    def open(self, spider: Spider) -> None:
        self._spider = spider
        self._crawl.on_stop = self._stop

    def _stop(self) -> None:
        # An engine that waits for a pause to end would look up only every five seconds.
        self._stopping = asyncio.ensure_future(self._crawler.stop_async())

    def close(self, reason: str) -> Deferred[None]:
        if self._alarm is not None:
            self._alarm.cancel()
        return deferred_from_coro(self._close(reason))

    async def _close(self, reason: str) -> None:
        await self._crawl.leave()
        self._crawl.close(reason)
        await self._crawl.disconnect()

    def has_pending_requests(self) -> bool:
        waiting = self._crawl.frontier.pending()
        pending = self._crawl.pending()
        if pending and not waiting:
            self._look_up_in(0.0)  # a closing round began, just when the engine was about to rest
        return pending

    def enqueue_request(self, request: Request) -> bool:
        """A request that a spider yielded: into the frontier, judged like any link."""
        if request is _LOOK_UP:
            return False
        return self._crawl.follow([request.url], via=request.meta.get("via")) > 0

    def next_request(self) -> Request | None:
        try:
            lease = self._crawl.lease()
        except Failure as error:
            self._crawl.fail(error)
            return None
        except Exception as error:  # noqa: BLE001  Scrapy would log it and poll for ever
            self._crawl.crash(error)
            return None
        if lease is None:
            self._look_up_in(self._crawl.rest())
            return None
        return Request(
            lease.url,
            callback=self._received,
            errback=self._failed,
            dont_filter=True,
            meta={"lease": lease, "verbatim_url": True, "download_slot": "all"},
        )

    def _look_up_in(self, seconds: float) -> None:
        """Have the engine ask again when a pause is over; by itself it does so every five seconds."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if seconds < HEARTBEAT:
            engine = self._crawler.engine
            assert engine is not None
            self._alarm = asyncio.get_running_loop().call_later(seconds, engine.crawl, _LOOK_UP)

    def _received(self, response: Response, **_: Any) -> Iterator[Any]:
        assert response.request is not None
        visit = cast("Visit", response.request.meta["visit"])
        try:
            output = self._spider.parse(response)
            if output is not None:
                yield from iterate_spider_output(output)
            self._crawl.learnt(visit)
        except Failure as error:
            self._crawl.fail(error)
        except Exception as error:
            self._crawl.bug(visit.lease, error)
            raise
        finally:
            self._crawl.settled(visit.lease)

    def _failed(self, failure: TwistedFailure) -> None:
        lease = cast("Lease", failure.request.meta["lease"])  # type: ignore[attr-defined]
        try:
            self._crawl.commit()
        except Failure as error:
            self._crawl.fail(error)
        finally:
            self._crawl.settled(lease)
