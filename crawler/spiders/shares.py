"""Public shares of a cloud: their trees, file by file."""

from __future__ import annotations

from crawler.spiders.generic import GenericSpider


class SharesSpider(GenericSpider):
    """`scrapy crawl shares -a url=https://…`: says so when no such software is found there."""

    name = "shares"
    family = "shares"
