"""The Scrapy add-on that puts our parts in place; plain `scrapy crawl` gets it through `crawler.settings`.

What is switched off is done elsewhere: retries and redirects by the frontier (each attempt is an exchange
of its own in the archive), robots, cookies, proxies, time limits and content coding by the capture, depth and
URL length by the scope. The rest (telnet, remote control, feed export …) would open ports or do nothing here.
"""

from __future__ import annotations

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter
from scrapy.settings import BaseSettings

_HANDLER = "crawler.engine.handler.ArchiveHandler"

_SETTINGS = {
    "DOWNLOAD_HANDLERS": {
        "http": _HANDLER,
        "https": _HANDLER,
        "ftp": None,
        "s3": None,
        "data": None,
        "file": None,
    },
    "SCHEDULER": "crawler.engine.scheduler.FrontierScheduler",
    "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
    "SPIDER_MIDDLEWARES_BASE": {},
    "DOWNLOADER_MIDDLEWARES_BASE": {},
    "EXTENSIONS_BASE": {},
    # One task a response instead of a hundred; nothing of ours yields items in numbers.
    "CONCURRENT_ITEMS": 1,
    # The pace decides how many go to one host; this bounds all hosts together.
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
    "DOWNLOAD_DELAY": 0,
    "DOWNLOAD_DELAY_JITTER": 0,
    # Reads the source of the callback again for each response: 7 % of the CPU of a crawl (measured).
    "WARN_ON_GENERATOR_RETURN_VALUE": False,
    "COMPRESSION_ENABLED": False,
    "COOKIES_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "RETRY_ENABLED": False,
    "REDIRECT_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "LOG_FORMATTER": "crawler.engine.addon.QuietFormatter",
}


class Addon:
    """Settings at add-on priority: a project's or the command line's own settings still win."""

    def update_settings(self, settings: BaseSettings) -> None:
        for name, value in _SETTINGS.items():
            settings.set(name, value, priority="addon")


class QuietFormatter(LogFormatter):
    """Nothing for each page: crawl.log has a line for each fetch already."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> None:  # type: ignore[override]
        return None
