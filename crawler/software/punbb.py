"""PunBB 1.3 and 1.4, under its own addresses or one of its four schemes for search engines.

The schemes (punbb/punbb:include/url/*/forum_urls.php), each with or without the subject ("fancy"):
`viewtopic.php?id=45&p=2`, `topic45-subject-p2.html`, `topic/45/subject/page/2/`. A subject that ends in "p2"
makes the second one ambiguous: it is read as a page. Files come from the extension pun_attachment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin

from crawler.software import Installed, Page
from crawler.software.boards import address, asked, body_html, classes, number, numbers, text_of
from crawler.software.dates import date
from crawler.software.fluxbb import FEED, JUMP, MEMBERS, OTHER, POST, SCRIPTS
from crawler.software.items import Attachment, Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

_FILE = re.compile(r"(?P<what>forum|topic)(?P<id>\d+)(?P<subject>-[^/]*?)??(?:-p(?P<page>\d+))?\.html")
_FOLDER = re.compile(r"(?P<what>forum|topic)/(?P<id>\d+)/(?:(?P<subject>[^/]+)/)?(?:page/(?P<page>\d+)/)?")
_JUMP = re.compile(r"topic/?\d+.*(?:last-post|new-posts)\.html|topic/\d+/.*(?:last/post|new/posts)/")
_POST = re.compile(r"post/?\d+(?:\.html|/)")
_MEMBERS = re.compile(r"users?(?:/.*|\d[\w-]*\.html|\.html)?")
_OTHER = re.compile(
    r"(?:change|delete|edit|email|feed|help|login|logout|mark|new|post|register|report|request|rules|search"
    r"|subscribe|unsubscribe|moderate|get_host|move_topics|open|close|stick|unstick|admin)"
    r"(?:/(?:.*/)?|[\d-][\w-]*\.(?:html|xml)|\.html)"
)
_ITEM = re.compile(r"(?:attachment|misc)[/-]?(\d+)(?:/|\.html)")


class PunBB(Lists):
    name = "punbb"
    pagination = ".paging a[href], link[rel=last][href]"
    volatile = (
        re.compile(rb'<div id="brd-(?:stats|online)".*?</div>', re.DOTALL),
        re.compile(rb'<li class="info-views">.*?</li>', re.DOTALL),  # how often a topic was looked at
        re.compile(rb'<p id="querytime".*?</p>', re.DOTALL),
        re.compile(rb"(?<=value=\")[0-9a-f]{40}(?=\")|csrf_token=[0-9a-f]{40}"),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        if not page.tree.css_first("#brd-wrap, #brd-head, .brd-page"):
            return None
        for link in page.tree.css("#brd-title a[href], #navindex a[href], #brd-crumbs-top a[href]"):
            if home := address(link.attributes.get("href"), page):
                return Installed(cls.name, urljoin(home, "."))
        return Installed(cls.name, urljoin(page.url, "."))

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        if path in ("", "index.php"):
            return OTHER if said else Place("index")
        if path in SCRIPTS or path.startswith("admin/"):
            return self._script(path, url, said)
        found = _FILE.fullmatch(path) or _FOLDER.fullmatch(path)
        if _POST.fullmatch(path) or _JUMP.fullmatch(path):
            return POST if path.startswith("post") else JUMP
        if found and not said:
            page = int(found["page"] or 1) or 1
            return Place("board" if found["what"] == "forum" else "topic", found["id"], page)
        if file := _ITEM.fullmatch(path):
            return Place("attachment", file[1])
        if _MEMBERS.fullmatch(path):
            return MEMBERS
        return OTHER if _OTHER.fullmatch(path) else None

    def _script(self, path: str, url: str, said: dict[str, str]) -> Place | Left:
        if path in ("viewforum.php", "viewtopic.php"):
            if "pid" in said:
                return POST
            if "action" in said:
                return JUMP
            id, page = said.get("id", ""), said.get("p", "1")
            if not (id.isdigit() and page.isdigit()) or set(said) - {"id", "p"}:
                return OTHER
            usual = f"{self.base}{path}?id={id}" + (f"&p={page}" if int(page) > 1 else "")
            kind = "board" if path == "viewforum.php" else "topic"
            return Place(kind, id, int(page) or 1, usual if usual != url else "")
        if path == "misc.php" and said.get("action") == "pun_attachment" and said.get("item", "").isdigit():
            return Place("attachment", said["item"])
        if path == "extern.php":
            return FEED
        return MEMBERS if path in ("profile.php", "userlist.php") else OTHER

    def at(self, url: str, page: int) -> str:
        path, said = asked(url, self.base)
        if found := _FILE.fullmatch(path):
            subject = found["subject"] or ""
            end = f"-p{page}" if page > 1 else ""
            return f"{self.base}{found['what']}{found['id']}{subject}{end}.html"
        if found := _FOLDER.fullmatch(path):
            subject = f"{found['subject']}/" if found["subject"] else ""
            end = f"page/{page}/" if page > 1 else ""
            return f"{self.base}{found['what']}/{found['id']}/{subject}{end}"
        return f"{self.base}{path}?id={said['id']}" + (f"&p={page}" if page > 1 else "")

    def board_url(self, id: str) -> str:
        return f"{self.base}viewforum.php?id={id}"

    def shows(self, page: Page, kind: str) -> bool:
        marks = {
            "index": "#brd-index, .main-category",
            "board": ".main-forum",
            "topic": ".main-topic .posthead[id^=p]",
        }
        return page.tree.css_first(marks[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(page.tree, "#brd-message .main-content, .main-message, #brd-maint .main-content")

    def said(self, page: Page) -> int | None:
        told = numbers(text_of(page.tree, ".main-head .item-info"))
        return told[-1] if told else None

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        told = [number(text_of(node)) for node in page.tree.css("#brd-stats li.st-activity strong")]
        return (told[0], told[1]) if len(told) >= 2 else (None, None)

    def boards(self, page: Page) -> Iterator[Board]:
        for row in page.tree.css(".main-category .main-item"):
            for _, url in under(page, row, ".item-subject h3 a[href]"):
                place = self.place(url) if url.startswith(self.base) else None
                if isinstance(place, Place) and place.kind == "board":
                    yield Board(place.id, url, number(text_of(row, ".info-topics strong")))
                    break

    def topics(self, page: Page) -> Iterator[Topic]:
        for row in page.tree.css(".main-forum .main-item"):
            for _, url in under(page, row, ".item-subject h3 a[href]"):
                place = self.place(url) if url.startswith(self.base) else None
                if isinstance(place, Place) and place.kind == "topic":
                    replies = number(text_of(row, ".info-replies strong"))
                    posts = None if replies is None else replies + 1
                    yield Topic(place.id, url, posts, "moved" in classes(row))
                    break

    def posts(self, page: Page) -> Iterable[Shown]:
        for head in page.tree.css(".main-topic .posthead[id^=p]"):
            id = (head.attributes.get("id") or "")[1:]
            if id.isdigit() and head.parent is not None:
                yield Shown(id, number(text_of(head, ".post-num")), head.parent)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        files = {
            place.id: Attachment(place.url or url, text_of(link))
            for link, url in under(page, node, "a[href]")
            if url.startswith(self.base)
            and isinstance(place := self.place(url), Place)
            and place.kind == "attachment"
        }
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=text_of(node, ".post-byline a, .post-byline strong"),
            date=date(text_of(node, ".post-link a"), page.at),
            html=body_html(node.css_first(".entry-content"), ".sig-content, .lastedit, .attachments"),
            title=text_of(node, ".entry-title"),
            attachments=tuple(files.values()),
        )
