"""A wiki: pages, sources, histories and files, asked of the software itself."""

from __future__ import annotations

from crawler.spiders.generic import GenericSpider


class WikiSpider(GenericSpider):
    """`scrapy crawl wiki -a url=https://…`: says so when no such software is found there."""

    name = "wiki"
    family = "wiki"
