"""The download handler: a request of Scrapy's becomes a visit, an exchange in the WARC and a response."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, cast

from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Headers, HtmlResponse, Request, Response, TextResponse, XmlResponse

from crawler.frontier import Lease
from crawler.visit import Stopped, Visit
from storage.errors import Failure

if TYPE_CHECKING:
    from crawler.crawl import Crawl

_DISK = (errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ESTALE)
"""What a disk says that keeps nothing any more; other URLs would fare no better."""
_CLASSES: dict[str, type[Response]] = {
    "text/html": HtmlResponse,
    "application/xhtml+xml": HtmlResponse,
    "text/xml": XmlResponse,
    "application/xml": XmlResponse,
    "application/rss+xml": XmlResponse,
    "application/atom+xml": XmlResponse,
}


class ArchiveHandler(BaseDownloadHandler):
    """Hands Scrapy only what is on disk in the WARC already.

    Raises IgnoreRequest for whatever is no response to learn from: the frontier knows why by then.
    """

    lazy = True

    async def download_request(self, request: Request) -> Response:
        crawl = cast("Crawl", self.crawler.spider.crawl)  # type: ignore[union-attr]
        lease = cast("Lease", request.meta["lease"])
        try:
            visit = await crawl.visit(lease)
        except Stopped as error:
            raise IgnoreRequest("the crawl is stopping") from error
        except Failure as error:
            crawl.fail(error)
            raise IgnoreRequest(error.risk) from error
        except Exception as error:
            # Anything else here is a bug of ours; Scrapy would log it and end with 0.
            if isinstance(error, OSError) and error.errno in _DISK:
                crawl.crash(error)
            else:
                crawl.bug(lease, error)
            raise
        if visit is None:
            raise IgnoreRequest("nothing to learn")
        request.meta["visit"] = visit
        return response(request, visit)

    async def close(self) -> None:
        crawl = cast("Crawl | None", getattr(self.crawler.spider, "crawl", None))
        if crawl is not None:
            await crawl.disconnect()


def response(request: Request, visit: Visit) -> Response:
    """Scrapy's view of a visit: decoded text, or no body with the flag "unread".

    Of the headers only the media type; the head as it was sent is in `request.meta["visit"].exchange`, which
    Scrapy's own Headers could not hold (it has no order and one spelling).
    """
    exchange = visit.exchange
    head = exchange.head
    assert head is not None
    flags = [] if visit.body or not exchange.payload_size else ["unread"]
    return _CLASSES.get(head.mime, TextResponse if visit.body else Response)(
        request.url,
        status=head.status,
        headers=Headers({"Content-Type": head.get(b"content-type") or b""}),
        body=visit.body,
        flags=flags,
        request=request,
        protocol=head.version or None,
    )
