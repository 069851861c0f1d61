"""Crawls run under Scrapy, one site after the other, in one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from crawler.crawl import Crawl, Outcome
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

    def stop() -> None:
        if crawl.stopping:
            sys.stderr.write("\nstopped at once; what was captured is on disk\n")
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        crawl.stop("stopped by a signal (Ctrl-C or SIGTERM)")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    watching = loop.create_task(_forever(watch, crawl))
    try:
        await AsyncCrawlerRunner(settings).crawl(GenericSpider, crawl=crawl)
    finally:
        watching.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return crawl.outcome


async def _forever(watch: Callable[[Crawl], Awaitable[None]], crawl: Crawl) -> None:
    while True:
        await watch(crawl)
