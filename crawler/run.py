"""Crawls run under Scrapy, one site after the other, in one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from crawler.crawl import GRACE, Crawl
from crawler.outcome import Outcome
from crawler.spiders.generic import GenericSpider
from storage.errors import INTERRUPTED

T = TypeVar("T")
_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"


def in_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine under Scrapy's reactor; once a process, as Twisted allows no more."""
    install_reactor(_REACTOR)
    from twisted.internet import reactor as installed  # importing it earlier would choose another one

    reactor = cast("Any", installed)

    ended: list[asyncio.Task[T]] = []

    def start() -> None:
        task = asyncio.get_running_loop().create_task(main())
        ended.append(task)
        task.add_done_callback(lambda _: reactor.callLater(0, reactor.stop))

    reactor.callLater(0, start)
    reactor.run(installSignalHandlers=False)
    return ended[0].result()


async def run(crawl: Crawl, watch: Callable[[Crawl], Awaitable[None]]) -> Outcome:
    """One crawl to its end. watch: shows progress; cancelled when the crawl ends.

    SIGINT or SIGTERM once stops it cleanly; twice ends the process at once, which loses nothing: every
    commit so far outlives it.
    """
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    settings.set("LOG_ENABLED", False)
    loop = asyncio.get_running_loop()

    asked = False

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        if asked or crawl.stopping:
            os.write(2, b"\nstopped at once; what was captured is on disk\n")
            os._exit(INTERRUPTED)
        asked = True
        os.write(2, b"\nstopping: what is under way gets %d s to end; once more stops at once\n" % GRACE)
        loop.call_soon_threadsafe(crawl.stop, "stopped by a signal (Ctrl-C or SIGTERM)")

    # Not the loop's own handlers: they would be silent while a snapshot is being sealed.
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    watching = loop.create_task(_forever(watch, crawl))
    try:
        await crawl.enter()
        await AsyncCrawlerRunner(settings).crawl(GenericSpider, crawl=crawl)
    finally:
        watching.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
    return crawl.outcome


async def _forever(watch: Callable[[Crawl], Awaitable[None]], crawl: Crawl) -> None:
    while True:
        await watch(crawl)
