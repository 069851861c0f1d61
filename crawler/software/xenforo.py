"""XenForo 1 and 2, by what others who read it published (facts of forum-dl, grab-site): never seen installed.

`threads/subject.45/page-2`, or `index.php?threads/subject.45/page-2` without rewriting; `forums/name.3/` or
`forums/name/`. Dates are exact on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urljoin

from selectolax.lexbor import LexborNode

from crawler.canonical import canonical
from crawler.software import Installed, Page
from crawler.software.boards import attribute, body_html, number, text_of
from crawler.software.dates import date
from crawler.software.items import Attachment, Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

_LIST = re.compile(r"(?P<what>forums|threads)/(?P<name>[^/]+)/(?:page-(?P<page>\d+))?/?")
_FILE = re.compile(r"attachments/(?:[^/]*\.)?(?P<id>\d+)/?")
_POST = re.compile(
    r"(?:threads/[^/]+/)?(?:post|latest|unread|first-unread|last-post)[-/].*|posts/\d+.*|threads/[^/]+/\w+/?"
)
_OTHER = re.compile(
    r"(?:account|awards|categories|conversations|direct-messages|find-new|find-threads|goto|help|job\.php|latest-activity"
    r"|login|lost-password|members|misc|online|forums|threads|recent-activity|recent-content|register|search|tags"
    r"|trophies|watched|whats-new|attachments|css\.php)(?:/.*|$)"
)
_ID = re.compile(r"(?:.*\.)?(\d+)")
OTHER = Left("other", "no board, no topic and no file")


class XenForo(Lists):
    name = "xenforo"
    experimental = True
    pagination = ".pageNav a[href], .PageNav a[href]"
    volatile = (
        re.compile(rb'name="_xfToken" value="[^"]*"|data-csrf="[^"]*"|csrf: \'[^\']*\'|now: \d+'),
        re.compile(rb'<time [^>]*>|data-lb-[a-z-]+="[^"]*"'),
        re.compile(rb'<input [^>]*name="_xfToken"[^>]*>'),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        html = page.tree.css_first("html")
        if html is None or (html.id or "").lower() not in ("xf", "xenforo"):
            return None
        told = re.search(rb"fullBase:\s*['\"]([^'\"]+)", page.body)
        base = told[1].decode("ascii", "replace").replace("\\/", "/") if told else ""
        base = base or attribute(page.tree, "base[href]", "href")
        base = base or re.split(r"(?:threads|forums|index\.php)(?:[/?]|$)", page.url)[0]
        found = canonical(urljoin(base, "."), page.url)
        return Installed(cls.name, found) if found and page.url.startswith(found) else None

    def place(self, url: str) -> Place | Left | None:
        route, asked = self._route(url)
        if route in ("", "forums", "forums/"):
            return OTHER if asked else Place("index")
        if found := _LIST.fullmatch(route):
            name = unquote(found["name"])
            id = _ID.fullmatch(name)
            if asked:
                return Left("sort", "the same topics in another order")
            if found["what"] == "threads" and not id:
                return OTHER
            page = int(found["page"] or 1) or 1
            usual = self.at(url, page)
            kind = "topic" if found["what"] == "threads" else "board"
            return Place(kind, id[1] if id else name, page, usual if usual != url else "")
        if file := _FILE.fullmatch(route):
            return Place("attachment", file["id"])
        if _POST.fullmatch(route):
            return Left("post", "the page a post is on, or a jump to it")
        return OTHER if _OTHER.fullmatch(route) else None

    def _route(self, url: str) -> tuple[str, str]:
        """What the site's router sees of an address, and the parameters behind it."""
        rest = url.removeprefix(self.base)
        if rest.startswith("index.php"):
            route, _, asked = rest.removeprefix("index.php").removeprefix("?").partition("&")
            return route.removeprefix("/"), asked
        route, _, asked = rest.partition("?")
        return route, asked

    def at(self, url: str, page: int) -> str:
        route, _ = self._route(url)
        found = _LIST.fullmatch(route)
        assert found is not None, "only asked of lists"
        lead = "index.php?" if url.removeprefix(self.base).startswith("index.php") else ""
        return f"{self.base}{lead}{found['what']}/{found['name']}/" + (f"page-{page}" if page > 1 else "")

    def board_url(self, id: str) -> str:
        return f"{self.base}forums/{id}/"

    def shows(self, page: Page, kind: str) -> bool:
        marks = {
            "index": ".node, .nodeList",
            "board": ".structItemContainer, .structItem--thread, .discussionList, .node",
            "topic": "article.message[data-content^=post-], li.message[id^=post-]",
        }
        return page.tree.css_first(marks[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(page.tree, ".p-body-pageContent .blockMessage, .errorPanel, .errorOverlay .baseHtml")

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        return (
            number(text_of(page.tree, ".count--threads dd, .discussionCount dd")),
            number(text_of(page.tree, ".count--messages dd, .messageCount dd")),
        )

    def boards(self, page: Page) -> Iterator[Board]:
        for row in page.tree.css(".node"):
            title = self._first(page, row, ".node-title a[href], .nodeTitle a[href]", "board")
            if title is None:
                continue
            yield Board(
                *title,
                number(text_of(row, ".node-stats dd, .nodeStats dd")),
                row.css_first(".node-subNodesFlat, .node-subNodeMenu, .subForumList, .subForumsPopup")
                is not None,
            )

    def topics(self, page: Page) -> Iterator[Topic]:
        for row in page.tree.css(".structItem--thread, li.discussionListItem"):
            title = self._first(page, row, ".structItem-title a[href], .title a[href]", "topic")
            if title is None:
                continue
            replies = number(text_of(row, ".structItem-cell--meta dd, .stats .major dd"))
            moved = row.css_first(".structItem-status--redirect, .redirect") is not None
            yield Topic(*title, None if replies is None else replies + 1, moved)

    def _first(self, page: Page, node: LexborNode, selector: str, kind: str) -> tuple[str, str] | None:
        """Id and address of the first list of a kind that is linked within a node."""
        for _, url in under(page, node, selector):
            place = self.place(url) if url.startswith(self.base) else None
            if isinstance(place, Place) and place.key[0] == kind:
                return place.id, place.url or url
        return None

    def posts(self, page: Page) -> Iterable[Shown]:
        for node in page.tree.css("article.message[data-content^=post-], li.message[id^=post-]"):
            id = (node.attributes.get("data-content") or node.id or "").removeprefix("post-")
            marks = (text_of(link) for link in node.css(".message-attribution-opposite a, .postNumber"))
            mark = next((text for text in marks if text.startswith("#")), "")
            yield Shown(id, number(mark), node)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        files = {
            place.id: Attachment(url, text_of(link))
            for link, url in under(page, node, "a[href*='attachments/']")
            if url.startswith(self.base) and isinstance(place := self.place(url), Place)
        }
        exact = attribute(node, ".message-attribution time[datetime]", "datetime")
        when = exact or attribute(node, "span.DateTime[title]", "title") or text_of(node, ".DateTime")
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=node.attributes.get("data-author") or "",
            date=date(when, page.at),
            html=body_html(node.css_first(".message-body .bbWrapper, .messageText")),
            attachments=tuple(files.values()),
        )
