"""A forum: boards, topics, every page of posts, attachments."""

from __future__ import annotations

from crawler.spiders.generic import GenericSpider


class ForumSpider(GenericSpider):
    """`scrapy crawl forum -a url=https://…`: says so when no such software is found there."""

    name = "forum"
    family = "forum"
