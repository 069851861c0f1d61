"""What a DokuWiki says it has: page index, media lists, recent changes, feed, sitemap, and red links.

Sources: inc/Ui/Index.php, inc/Ui/Recent.php, inc/media.php, feed.php, inc/Sitemap/Mapper.php.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from crawler.canonical import canonical
from crawler.engine.links import links
from crawler.software import Ask, Found, Heard, Inventory, Item, Page, Setting, Skip
from crawler.software.dokuwiki.addresses import Address, Addresses

THUMBNAIL = "another size of a picture, kept where a page shows it"
_FIRST = re.compile(r"first\[(\d{1,9})\]")
_UNPACKED = 50_000_000


def read_index(page: Page, opened: str, wiki: Addresses) -> Iterator[Found]:
    """Pages and namespaces of one namespace, which the index shows open among all those above it.

    Under the start page links to namespaces say nofollow only where there is a sitemap. Asking for one that
    is switched off puts an error into the wiki's log.
    """
    tree = page.tree.css_first("#index__tree")
    for link in tree.css("a[href]") if tree is not None else ():
        url, address = _target(link, page, wiki)
        if address is None:
            continue
        if address.action == "index":
            if "nofollow" in (link.attributes.get("rel") or ""):
                yield Ask(wiki.page("", ("do", "sitemap")))
            namespace = wiki.clean(address.rest.get("idx") or link.attributes.get("title") or "")
            if namespace.rpartition(":")[0] == opened:
                yield Ask(wiki.index(namespace))
        elif address.view == "show" and not address.rest and address.id.rpartition(":")[0] == opened:
            yield Item("page", address.id, "index", url, as_page=True)
    yield Heard("page", "index")


def read_media_list(page: Page, wiki: Addresses) -> Iterator[Found]:
    """Media files of one namespace, and namespaces that hold some."""
    manager = page.tree.css_first("#mediamanager__page")
    for link in manager.css("a[href]") if manager is not None else ():
        _, address = _target(link, page, wiki)
        if address is None or address.action != "media":
            continue
        image = address.rest.get("image", "")
        if image and address.rest.get("tab_details") == "view":
            id = wiki.clean(image)
            yield Item("media", id, "list", wiki.media(id))
            yield Item("media history", id, "list", wiki.media_history(id))
        elif not image and "idx_dir" in (link.attributes.get("class") or ""):
            yield Ask(wiki.media_list(wiki.clean(address.rest.get("ns", ""))))
    yield from thumbnails(page, wiki)
    yield Heard("media", "list")


def thumbnails(page: Page, wiki: Addresses) -> Iterator[Found]:
    """The pictures of a media list, which no page shows: one more request for each file."""
    for picture in page.tree.css("#mediamanager__page img[src]"):
        url = canonical(picture.attributes.get("src") or "", page.url)
        address = wiki.parse(url) if url and url.startswith(wiki.base) else None
        if url and address is not None and address.view == "file" and "tok" in address.rest:
            yield Skip(url, "dokuwiki:thumbnail", THUMBNAIL)


def read_recent(page: Page, first: int, wiki: Addresses, known: Inventory, later: bool) -> Iterator[Found]:
    """Recent changes. later: all were read before; what was not there then is fetched once more."""
    form = page.tree.css_first("form#dw__recent")
    if form is None:
        return
    changed = False
    for node in form.css("li"):
        said = hashlib.sha1(node.text().encode()).hexdigest()[:12]
        for link in node.css("a.wikilink1, a.wikilink2"):
            _, address = _target(link, page, wiki)
            if address is None:
                continue
            change = f"{address.rest.get('image') or address.id}@{said}"
            new = later and not known.knows("change", change)
            changed = changed or new
            yield Item("change", change, "changes", state="captured")
            yield from _changed(address, "wikilink2" in (link.attributes.get("class") or ""), new, wiki)
    numbers = [_FIRST.fullmatch(node.attributes.get("name") or "") for node in form.css("[name]")]
    older = max((int(number[1]) for number in numbers if number), default=0)
    if older > first:
        yield Ask(wiki.recent(older), again=changed)
    else:
        yield Setting("changes", "read")
    yield Heard("page", "changes")
    yield Heard("media", "changes")


def _changed(address: Address, gone: bool, new: bool, wiki: Addresses) -> Iterator[Found]:
    """What an entry of recent changes points at; new: changed since this crawl began."""
    if address.action == "media":
        id = wiki.clean(address.rest.get("image", ""))
        # Igor takes a page for a file when a dot is in its id: only the history tells.
        yield Ask(wiki.media_history(id), again=new)
        if new and not gone:
            yield Ask(wiki.media(id), again=True)
        return
    if address.view != "show" or not address.id:
        return
    if not gone:
        yield Item("page", address.id, "changes", wiki.page(address.id), as_page=True)
        if new:
            yield Ask(wiki.page(address.id), "page", again=True)
            yield Ask(wiki.raw(address.id), again=True)
    yield Ask(wiki.history(address.id), again=new)


def read_feed(page: Page, wiki: Addresses) -> Iterator[Found]:
    """What the feed names. It keeps deleted pages too, so it is their history that tells more."""
    for url, kind in links(page.body, page.url, page.mime, page.charset):
        address = wiki.parse(url) if kind == "page" and url.startswith(wiki.base) else None
        if address is None:
            continue
        if address.action == "media" and address.rest.get("image"):
            yield Ask(wiki.media_history(wiki.clean(address.rest["image"])))
        elif address.view in ("show", "do") and address.id and address.action in ("", "diff", "revisions"):
            yield Ask(wiki.history(address.id))
    yield Heard("page", "feed")


def read_sitemap(page: Page, wiki: Addresses) -> Iterator[Found]:
    """Pages the sitemap names: from the search index, so perhaps not all."""
    body = page.body
    if body[:2] == b"\x1f\x8b":
        body = _unpacked(body)
    named = False
    for url, _ in links(body, page.url, "application/xml", "utf-8"):
        address = wiki.parse(url) if url.startswith(wiki.base) else None
        if address is not None and address.view == "show" and not address.rest:
            named = True
            id = address.id or wiki.start
            if id:
                yield Item("page", id, "sitemap", wiki.page(id), as_page=True)
    if named:
        yield Heard("page", "sitemap")


def _unpacked(body: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(body, _UNPACKED)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def red_links(page: Page, wiki: Addresses) -> Iterator[Found]:
    """Links to what is not there: its history tells whether it ever was, for one request."""
    for link in page.tree.css("a.wikilink2[href]"):
        url, address = _target(link, page, wiki)
        if address is None or not url:
            continue
        if address.view == "show" and address.id:
            yield Skip(url, "dokuwiki:red-link", "a page that does not exist; its history was asked for")
            yield Ask(wiki.history(address.id))
        elif address.view == "file" and address.id:
            yield Skip(url, "dokuwiki:red-link", "a file that does not exist; its history was asked for")
            yield Ask(wiki.media_history(address.id))


def _target(link: LexborNode, page: Page, wiki: Addresses) -> tuple[str, Address | None]:
    url = canonical(link.attributes.get("href") or "", page.url)
    return (url, wiki.parse(url)) if url and url.startswith(wiki.base) else ("", None)
