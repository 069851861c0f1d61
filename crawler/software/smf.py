"""SMF 2.0 and 2.1: `index.php?board=3.40`, `index.php?topic=45.15`, `index.php?action=dlattach;attach=7`.

Without queries as well: `index.php/topic,45.15.html`. A page index links first, last and neighbours; what is
between them only JavaScript fills in (SimpleMachines/SMF:Sources/Subs.php constructPageIndex). Boards that a
visitor may not see are not listed, but the totals include them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from selectolax.lexbor import LexborNode

from crawler.canonical import canonical
from crawler.software import Accepted, Installed, Page
from crawler.software.boards import address, asked, attribute, body_html, number, numbers, text_of
from crawler.software.dates import date
from crawler.software.items import Attachment, Post
from crawler.software.lists import under
from crawler.software.offsets import From, Offsets, Row
from crawler.software.places import Board, Left, Place, Shown

_OTHER = Left("other", "no board, no topic and no file")
_ANCHOR = Left("anchor", "the page a post is on, once for each post")
_FEED = Left("feed", "a feed of one board, or in another form; the forum's is kept")
_ACTIONS = {
    "printpage": Left("print", "the same page for a printer"),
    "recent": Left("recent", "the newest posts, which the topics have"),
    "who": Left("online", "who is online, different each time"),
    "stats": Left("stats", "statistics"),
    "calendar": Left("calendar", "a calendar never ends"),
    **dict.fromkeys(("profile", "mlist", "groups"), Left("members", "about members")),
}
_MORE = {
    "prev_next": Left("neighbour", "the next or previous topic under another address"),
    "all": Left("all", "all pages of a topic in one"),
    "sort": Left("sort", "the same topics in another order"),
}
_LISTED = re.compile(r"(\d+)\.(\d+)")
_QUERYLESS = re.compile(r"index\.php/(board|topic),(\d+(?:\.\w+)?)\.html")
_PLACE = re.compile(r"(?<=[?&;/])(board|topic)([=,])(\d+)(?:\.\d+)?")
_SCRIPT = re.compile(r"\bsmf_scripturl\s*=\s*[\"']([^\"'?]+)index\.php")
_BOARD = re.compile(r"board_\d+")
_DOOR = "a.board_redirect, td.icon img[src*=redirect]"
_MARKS = {
    "index": "[id^=board_], [id^=category_]",
    "board": "#messageindex, [id^=board_]",
    "topic": "#forumposts .inner[id^=msg_]",
}


class Smf(Offsets):
    name = "smf"
    pagination = ".pagelinks a[href]:not([href^='#'])"
    volatile = (
        re.compile(rb"PHPSESSID=[\w,-]{22,}"),
        re.compile(rb"(?:smf_session_id|sSessionId|smf_session_var|sSessionVar)\s*[=:]\s*[\"'][^\"']*[\"']"),
        re.compile(rb'<input type="hidden" name="[0-9a-f]{7,12}" value="[0-9a-f]{32}"'),
        re.compile(rb'<div class="user">.*?</div>', re.DOTALL),  # the time
        re.compile(rb"\baction=who\b.*?</p>", re.DOTALL),  # who is online
        re.compile(rb"\b\d+ (?:members?|membres?) (?:and|et) \d+ (?:guests?|invit)", re.IGNORECASE),
        re.compile(rb"\b(?:Page created in|Page cr\xc3\xa9\xc3\xa9e en) [\d.,]+"),
        # how often a topic was looked at
        re.compile(rb"(?:Views|Vues|Aufrufe) ?: ?[\d.,]+|[\d.,]+ (?:Views|Vues|Aufrufe)\b"),
        re.compile(rb"\((?:Read|Lu|Gelesen) [\d.,]+"),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        """The base is where its own script says that `index.php` lies, seen from where the page was found."""
        if found := _SCRIPT.search(page.text):
            base = canonical(found[1], page.url) or ""
            if page.url.startswith(base):
                return Installed(cls.name, base)
            return Installed(cls.name, urljoin(page.url.partition("index.php")[0], "."))
        return None

    # --- addresses

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        if queryless := _QUERYLESS.fullmatch(path):
            said = {queryless[1]: queryless[2], **said}
        elif path not in ("", "index.php"):
            return _OTHER if path.startswith("index.php/") else None
        if "action" in said:
            return self._action(said)
        for kind in ("topic", "board"):
            if kind in said:
                return self._list(url, kind, said)
        return _OTHER if said else From("index")

    def _action(self, said: dict[str, str]) -> Place | Left:
        action = said["action"]
        if action == "dlattach" and said.get("attach", "").isdigit():
            return From("avatar" if said.get("type") == "avatar" else "attachment", said["attach"])
        if action == ".xml":
            return _FEED if said.keys() - {"action", "type", "sa"} else From("feed", "all")
        return _ACTIONS.get(action, _OTHER)

    def _list(self, url: str, kind: str, said: dict[str, str]) -> Place | Left:
        more = said.keys() - {kind}
        if more:
            return next((_MORE[name] for name in said if name in _MORE), _OTHER)
        found = _LISTED.fullmatch(said[kind] if "." in said[kind] else f"{said[kind]}.0")
        if found is None:
            return _ANCHOR
        if kind == "topic":
            first, usual = self.start(url, found[2])
        else:
            first, usual = int(found[2]) + 1, ""
        if "." not in said[kind]:
            usual = self.at(url, 1)
        return From(kind, found[1], first, usual)

    def at(self, url: str, page: int) -> str:
        return _PLACE.sub(rf"\g<1>\g<2>\g<3>.{page - 1}", url)

    def board_url(self, id: str) -> str:
        return f"{self.base}index.php?board={id}.0"

    # --- what a page is

    def accept(self, page: Page) -> Accepted:
        """A form that asks for a name and a password may stand where the page should be."""
        place = self.place(page.url)
        if isinstance(place, Place) and page.is_html and page.tree.css_first("form[id=frmLogin]"):
            said = text_of(page.tree, ".login .information, .login p.information, #frmLogin .information")
            if page.tree.css_first("#maintenance_mode"):
                return Accepted("challenge", f"the forum is closed for maintenance: {said}".rstrip(": "))
            return Accepted("denied", said or "the forum asks for a login")
        return super().accept(page)

    def shows(self, page: Page, kind: str) -> bool:
        return page.tree.css_first(_MARKS[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(page.tree, "#fatal_error .padding") or text_of(
            page.tree, "#maintenance_mode, #fatal_error"
        )

    # --- lists

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        """From the line behind the heading that leads to the statistics: "1,234 posts in 56 topics by…"."""
        for link in page.tree.css("h3 a[href*='action=stats'], h4 a[href*='action=stats']"):
            node = link.parent
            while node is not None and node.tag != "p":
                after = node.next
                while after is not None and (after.tag or "-").startswith("-"):
                    after = after.next
                node = after if after is not None and after.tag == "p" else node.parent
            said = numbers(text_of(node))
            if len(said) >= 2:
                return said[1], said[0]
        return None, None

    def doors(self, page: Page) -> Iterator[str]:
        for node, url in self._rows(page):
            if node.css_first(_DOOR):
                yield url

    def boards(self, page: Page) -> Iterator[Board]:
        for node, url in self._rows(page):
            if node.css_first(_DOOR):
                continue
            said = numbers(_stats(node))
            children = list(self._children(page, node.id or ""))
            yield Board(self._id(url), url, said[1] if len(said) > 1 else None, sums=bool(children))
            for child in children:
                yield Board(self._id(child), child)

    def _rows(self, page: Page) -> Iterator[tuple[LexborNode, str]]:
        """The rows of boards, each with its board's address."""
        for node in page.tree.css("[id^=board_]"):
            for _, url in under(page, node, "a.subject") if _BOARD.fullmatch(node.id or "") else ():
                if self._id(url):
                    yield node, url
                    break

    def _children(self, page: Page, id: str) -> Iterator[str]:
        box = page.tree.css_first(f"[id={id}_children]")
        for _, url in under(page, box, "a[href]") if box else ():
            if self._id(url):
                yield url

    def _id(self, url: str) -> str:
        """The board an address leads to, "" for another place."""
        place = self.place(url) if url.startswith(self.base) else None
        return place.id if isinstance(place, Place) and place.kind == "board" else ""

    def topics(self, page: Page) -> Iterator[Row]:
        for node in page.tree.css("#topic_container > div, #messageindex tbody > tr"):
            url = address(attribute(node, "span[id^=msg_] a[href]", "href"), page) or ""
            place = self.place(url) if url.startswith(self.base) else None
            if isinstance(place, Place) and place.kind == "topic":
                replies = None if node.css_first(".main_icons.move") else number(_stats(node))
                yield Row(place.id, self.at(url, 1), None if replies is None else replies + 1)

    # --- posts

    def posts(self, page: Page) -> Iterator[Shown]:
        place = self.here(page)
        first = place.page if isinstance(place, Place) else 1
        for n, node in enumerate(page.tree.css("#forumposts .post_wrapper"), first):
            id = attribute(node, ".inner[id^=msg_]", "id").removeprefix("msg_")
            if id.isdigit():
                yield Shown(id, n, node)

    def files(self, page: Page) -> Iterator[tuple[str, str]]:
        for shown in self.posts(page):
            for id, url, _ in self._files(page, shown):
                yield id, url

    def _files(self, page: Page, shown: Shown) -> Iterator[tuple[str, str, str]]:
        """Id, address and name of what hangs on a post; a picture by its whole, not its smaller copy."""
        named: dict[str, tuple[str, str]] = {}
        for link, url in under(page, shown.node, ".attachments a[href*=dlattach]"):
            place = self.place(url)
            if isinstance(place, Place) and place.kind == "attachment":
                first, _ = named.get(place.id, (url, ""))
                named[place.id] = first, text_of(link)
        for id, (url, name) in named.items():
            yield id, url, name

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        # 2.1 has the date as a link of its own; 2.0 has it in « Reply #5 on: … ».
        said = text_of(node, ".postinfo a.smalltext") or text_of(node, ".keyinfo .smalltext")
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=text_of(node, ".poster h4 a[href*='action=profile']") or text_of(node, ".poster h4"),
            date=date(said, page.at),
            html=body_html(node.css_first(".inner[id^=msg_]")),
            title=text_of(node, "[id^=subject_] a") or text_of(node, "[id^=subject_]"),
            attachments=tuple(Attachment(url, name) for _, url, name in self._files(page, shown)),
        )


def _stats(row: LexborNode) -> str:
    """What a row says of how much there is."""
    return text_of(row, ".board_stats p") or text_of(row, "td.stats")
