"""FluxBB 1.4 and 1.5: `viewforum.php?id=`, `viewtopic.php?id=&p=`.

Its index leaves out the boards that a visitor may not read, but its totals include them. A page says
`Last-Modified: now` (fluxbb/fluxbb:header.php): never a sign that it changed. Attachments come from a
modification only (`attachment.php?item=`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin

from crawler.software import Installed, Page
from crawler.software.boards import address, asked, body_html, classes, number, text_of
from crawler.software.dates import date
from crawler.software.items import Attachment, Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

SCRIPTS = frozenset(
    f"{name}.php"
    for name in (
        *("delete", "edit", "extern", "help", "index", "install", "login", "misc", "moderate", "post"),
        *("profile", "register", "search", "userlist", "viewforum", "viewtopic", "db_update", "attachment"),
    )
)
MEMBERS = Left("members", "about members")
OTHER = Left("other", "no board, no topic and no file")
POST = Left("post", "the page a post is on, once for each post")
JUMP = Left("jump", "the first new or the last post under another address")
FEED = Left("feed", "a feed with the newest posts, which the topics have")


class FluxBB(Lists):
    name = "fluxbb"
    # p.pagelink in 1.4 and 1.5; `rel=last` was in the head until 1.5.1
    pagination = ".pagelink a[href], link[rel=last][href]"
    volatile = (
        re.compile(rb'<dd><span>[^<]*<strong>[\d.,\s]*</strong></span></dd>\s*(?=</dl>|<dd id="onlinelist)'),
        re.compile(rb'<dl id="onlinelist".*?</dl>', re.DOTALL),
        re.compile(rb'<td class="tc3">[\d.,\s]*</td>'),  # how often a topic was looked at
        re.compile(rb'<p class="debugtime">.*?</p>', re.DOTALL),
        re.compile(rb"csrf_token=[0-9a-f]{40}|(?<=value=\")[0-9a-f]{40}(?=\")"),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        if not page.tree.css_first("div.pun[id^=pun]"):
            return None
        for link in page.tree.css("#navindex a[href], #brdmenu a[href*='index.php']"):
            if home := address(link.attributes.get("href"), page):
                return Installed(cls.name, urljoin(home, "."))
        return Installed(cls.name, urljoin(page.url, "."))

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        if path in ("", "index.php"):
            return OTHER if said else Place("index")
        if path not in SCRIPTS:
            return None
        if path in ("viewforum.php", "viewtopic.php"):
            return self._list("board" if path == "viewforum.php" else "topic", url, said)
        if path == "attachment.php" and said.get("item", "").isdigit():
            return Place("attachment", said["item"]) if set(said) <= {"item", "download"} else OTHER
        if path == "misc.php" and said == {"action": "rules"}:
            return Place("rules")
        if path == "extern.php":
            return FEED
        return MEMBERS if path in ("profile.php", "userlist.php") else OTHER

    def _list(self, kind: str, url: str, said: dict[str, str]) -> Place | Left:
        if "pid" in said:
            return POST
        if "action" in said:
            return JUMP
        id, page = said.get("id", ""), said.get("p", "1")
        if not id.isdigit() or not page.isdigit() or set(said) - {"id", "p"} or id == "0":
            return OTHER
        usual = self.at(url, int(page) or 1)
        return Place(kind, id, int(page) or 1, usual if usual != url else "")

    def at(self, url: str, page: int) -> str:
        path, said = asked(url, self.base)
        return f"{self.base}{path}?id={said['id']}" + (f"&p={page}" if page > 1 else "")

    def board_url(self, id: str) -> str:
        return f"{self.base}viewforum.php?id={id}"

    def shows(self, page: Page, kind: str) -> bool:
        marks = {"index": "#punindex .blocktable, #brdstats", "board": "#vf", "topic": ".blockpost[id^=p]"}
        return page.tree.css_first(marks[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(page.tree, "#msg .box, #punmaint .block, #errorbox")

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        said = [number(text_of(node)) for node in page.tree.css("#brdstats dl.conr dd strong")]
        return (said[1], said[2]) if len(said) >= 3 else (None, None)

    def boards(self, page: Page) -> Iterator[Board]:
        for row in page.tree.css("#punindex .blocktable tbody tr"):
            for _, url in under(page, row, ".tcl h3 a[href]"):
                place = self.place(url) if url.startswith(self.base) else None
                if isinstance(place, Place) and place.kind == "board":
                    yield Board(place.id, url, number(text_of(row, ".tc2")))

    def topics(self, page: Page) -> Iterator[Topic]:
        for row in page.tree.css("#vf tbody tr"):
            for _, url in under(page, row, ".tclcon a[href]"):
                place = self.place(url) if url.startswith(self.base) else None
                if isinstance(place, Place) and place.kind == "topic":
                    replies = number(text_of(row, ".tc2"))
                    moved = "imoved" in classes(row)
                    yield Topic(place.id, url, None if replies is None else replies + 1, moved)
                    break

    def posts(self, page: Page) -> Iterable[Shown]:
        for node in page.tree.css("div.blockpost[id^=p]"):
            id = (node.attributes.get("id") or "")[1:]
            if id.isdigit():
                yield Shown(id, number(text_of(node, "h2 .conr")), node)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        files = (
            Attachment(url, text_of(link))
            for link, url in under(page, node, "a[href*='attachment.php']")
            if isinstance(place := self.place(url), Place) and place.kind == "attachment"
        )
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=text_of(node, ".postleft dt strong"),
            date=date(text_of(node, "h2 a"), page.at),
            html=body_html(node.css_first(".postright .postmsg"), "p.postedit, .postsignature"),
            title=text_of(node, ".postright h3"),
            attachments=tuple(files),
        )
