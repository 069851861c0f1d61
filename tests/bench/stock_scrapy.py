"""What one gets from Scrapy without us: a spider that follows every link of the host and keeps nothing.

    python -m tests.bench.stock_scrapy URL

Scrapy's own settings except eight connections, no delay and robots.txt obeyed; no archive is written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response, TextResponse
from scrapy.linkextractors import LinkExtractor


class Stock(Spider):
    name = "stock"
    custom_settings = {
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": True,
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
    }

    def __init__(self, url: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.links = LinkExtractor(allow=re.escape(url))

    async def start(self) -> AsyncIterator[Request]:
        yield Request(self.url)

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Request]:
        if isinstance(response, TextResponse):
            for link in self.links.extract_links(response):
                yield Request(link.url)


if __name__ == "__main__":
    process = AsyncCrawlerProcess()
    process.crawl(Stock, url=sys.argv[1])
    process.start()
