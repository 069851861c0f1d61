"""Any site: ask a known software what it has, follow links, take what its pages need to be shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scrapy import Spider
from scrapy.http import Response

from crawler.crawl import Crawl
from crawler.opening import from_arguments
from crawler.visit import Visit


class GenericSpider(Spider):
    """`scrapy crawl generic -a url=https://… [-a into=archive] [-a delay=0.5] [-a concurrency=1]`.

    family: the software expected there, "" for any. crawl: given by `jukni`, which opened it; otherwise
    opened here from the arguments.
    """

    name = "generic"
    family = ""

    def __init__(
        self,
        url: str = "",
        into: str = "archive",
        delay: str = "0.5",
        concurrency: str = "1",
        crawl: Crawl | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.crawl = crawl or from_arguments(url, Path(into), float(delay), int(concurrency))
        self.crawl.expected = self.family

    async def start(self) -> AsyncIterator[Any]:
        """No request: the seeds stand in the frontier already. A member area is entered."""
        await self.crawl.enter()
        return
        yield

    def parse(self, response: Response, **_: Any) -> None:
        """Links of a page into the frontier, judged by the scope before a request is built for them."""
        assert response.request is not None
        visit: Visit = response.request.meta["visit"]
        self.crawl.learn(visit)
