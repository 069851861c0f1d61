"""A pad server: the pads that are named, in every form it exports."""

from __future__ import annotations

from crawler.spiders.generic import GenericSpider


class PadsSpider(GenericSpider):
    """`scrapy crawl pads -a url=https://…`: says so when no such software is found there."""

    name = "pads"
    family = "pads"
