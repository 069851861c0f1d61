"""MyBB 1.6 and 1.8, with its own addresses or those for search engines (`thread-45-page-2.html`).

A board's row in a list counts the boards within it, too (mybb/mybb:inc/functions_forumlist.php). Whether
topics moved away count depends on the release (inc/functions_rebuild.php). The plain archive (`archive/`)
holds the same posts again and is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from urllib.parse import urljoin

from selectolax.lexbor import LexborNode

from crawler.software import Installed, Page
from crawler.software.boards import address, asked, attribute, body_html, classes, number, numbers, text_of
from crawler.software.dates import date
from crawler.software.items import Attachment, Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

_FRIENDLY = re.compile(r"(?P<what>forum|thread|announcement)-(?P<id>\d+)(?:-page-(?P<page>\d+))?\.html")
_COPIES = re.compile(r"(?:thread-\d+-|post-)[\w-]*\.html")
_MEMBERS = re.compile(
    r"(?:user|calendar|event)-[\w-]+\.html|(?:member|memberlist|reputation|showteam|online)\.php"
)
_SCRIPT = re.compile(
    r"(?:announcements|attachment|calendar|captcha|contact|css|editpost|forumdisplay|global|htaccess|index|managegroup"
    r"|misc|modcp|moderation|newreply|newthread|polls|portal|printthread|private|ratethread|report|rss|search"
    r"|sendthread|showthread|stats|syndication|task|usercp2?|video|warnings|xmlhttp)\.php"
)
_KINDS = {"forum": "board", "thread": "topic", "announcement": "announcement"}
_LISTS = {
    "forumdisplay.php": ("board", "fid"),
    "showthread.php": ("topic", "tid"),
    "announcements.php": ("announcement", "aid"),
    "attachment.php": ("attachment", "aid"),
}
_WHO = "a[href*='whoPosted'], a[href*='whoposted'], a[onclick*='whoPosted']"  # on the number of replies
_WHOLE = (("datecut", "9999"), ("sortby", "lastpost"), ("order", "desc"), ("prefix", "0"))
_ALL = ("", "0", "9999")
OTHER = Left("other", "no board, no topic and no file")


class MyBB(Lists):
    name = "mybb"
    pagination = ".pagination a[href]"
    volatile = (
        re.compile(rb'my_post_key = "[^"]*"|name="my_post_key" value="[^"]*"'),
        re.compile(rb'<div id="current_time">.*?</div>|<span title="[^"]*">', re.DOTALL),
        re.compile(rb'<img [^>]*src="[^"]*task\.php"[^>]*>'),
        re.compile(
            rb'<td class="[^"]*"[^>]*><span class="smalltext">\s*[^<]*<br />.*?</span></td>', re.DOTALL
        ),
        re.compile(rb'<div id="debug">.*?</div>', re.DOTALL),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        if not re.search(rb"\bmy_post_key ?=|href=\"https?://(?:www\.)?mybb\.com", page.body, re.IGNORECASE):
            return None
        for name in ("syndication", "member", "search", "misc"):
            for link in page.tree.css(f"link[href*='{name}.php'], a[href*='{name}.php']"):
                home = address(link.attributes.get("href"), page)
                if home and home.partition("?")[0].endswith(f"/{name}.php"):
                    return Installed(cls.name, urljoin(home, "."))
        return Installed(cls.name, urljoin(page.url, "."))

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        if path in ("", "index.php"):
            return OTHER if said else Place("index")
        if path in ("portal.php", "stats.php") and not said:
            return Place(path[:-4])
        if found := _FRIENDLY.fullmatch(path):
            page = int(found["page"] or 1) or 1
            usual = f"{self.base}{found['what']}-{found['id']}.html" if found["page"] and page == 1 else ""
            return OTHER if said else Place(_KINDS[found["what"]], found["id"], page, usual)
        if path in _LISTS:
            return self._list(path, url, said)
        if path.startswith("archive/"):
            return Left("archive", "the same posts in plain form")
        if path in ("syndication.php", "rss.php"):
            return Left("feed", "a feed with the newest posts, which the topics have")
        if path == "printthread.php":
            return Left("print", "the same posts for a printer")
        if _COPIES.fullmatch(path):
            return Left("post", "the page a post is on, or a jump to it")
        if _MEMBERS.fullmatch(path):
            return Left("members", "about members, and calendars without end")
        return OTHER if _SCRIPT.fullmatch(path) else None

    def _list(self, path: str, url: str, said: dict[str, str]) -> Place | Left:
        kind, name = _LISTS[path]
        if kind == "attachment" and "thumbnail" in said:
            return Left("thumbnail", "a small copy of a picture, kept where a page shows it")
        if "pid" in said or "action" in said or "mode" in said:
            return Left("post", "the page a post is on, or a jump to it")
        id, page = said.get(name, ""), said.get("page", "1")
        if kind == "board" and set(said) - {"fid", "page"}:
            if all(said.get(key, value) == value for key, value in _WHOLE) and "datecut" in said:
                return Place("whole", id, int(page) if page.isdigit() else 1)
            return Left("sort", "the same topics in another order")
        if not (id.isdigit() and page.isdigit()) or set(said) - {name, "page"} or int(id) == 0:
            return OTHER
        usual = f"{self.base}{path}?{name}={id}" + (f"&page={page}" if int(page) > 1 else "")
        return Place(kind, id, int(page) or 1, usual if usual != url else "")

    def at(self, url: str, page: int) -> str:
        path, said = asked(url, self.base)
        if found := _FRIENDLY.fullmatch(path):
            end = f"-page-{page}" if page > 1 else ""
            return f"{self.base}{found['what']}-{found['id']}{end}.html"
        name = _LISTS[path][1]
        cut = f"&datecut={said['datecut']}" if "datecut" in said else ""
        return f"{self.base}{path}?{name}={said[name]}{cut}" + (f"&page={page}" if page > 1 else "")

    def whole(self, page: Page, board: str) -> str:
        chosen = attribute(page.tree, "select[name=datecut] option[selected]", "value")
        return f"{self.base}forumdisplay.php?fid={board}&datecut=9999" if chosen not in _ALL else ""

    def board_url(self, id: str) -> str:
        return f"{self.base}forumdisplay.php?fid={id}"

    def shows(self, page: Page, kind: str) -> bool:
        marks = {
            "index": "[id^=mark_read_], #boardstats_e",
            "board": "[id^=tid_], [id^=mark_read_], select[name=datecut], a[href*='sortby=']",
            "topic": ".post_body[id^=pid_]",
        }
        return page.tree.css_first(marks[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(page.tree, "#content table.tborder td.trow1")

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        cells = page.tree.css("#boardstats_e td.trow1")
        told = numbers(text_of(cells[-1])) if cells else []
        return (told[1], told[0]) if len(told) >= 3 else (None, None)

    def boards(self, page: Page) -> Iterator[Board]:
        for mark in page.tree.css("[id^=mark_read_]"):
            row = _row(mark)
            # The boards within a board bear such marks, too, and stand in its row.
            if row is None or "subforumicon" in classes(mark) or "forum_offlink" in classes(mark):
                continue
            cells = [cell for cell in row.iter() if cell.tag == "td"]
            if len(cells) < 4:
                continue
            named = [
                (place.id, url)
                for _, url in under(page, cells[1], "a[href]")
                if url.startswith(self.base)
                and isinstance(place := self.place(url), Place)
                and place.key[0] == "board"
            ]
            # Themes change the order of the two columns; there are never more topics than posts.
            told = [number(text_of(cell)) for cell in cells[2:4]]
            topics = None if None in told else min(n for n in told if n is not None)
            for n, (id, url) in enumerate(dict(named).items()):
                yield Board(id, url, topics if n == 0 else None, sums=len(dict(named)) > 1)

    def topics(self, page: Page) -> Iterator[Topic]:
        for name in page.tree.css("[id^=tid_]"):
            row = _row(name)
            link = next(under(page, name, "a[href]"), None)
            place = self.place(link[1]) if link and link[1].startswith(self.base) else None
            if row is None or link is None or not isinstance(place, Place) or place.kind != "topic":
                continue
            cells = [cell for cell in row.iter() if cell.tag == "td"]
            subject = next(n for n, cell in enumerate(cells) if cell.css_first(f"[id={name.id}]"))
            counts = [cell for cell in cells[subject + 1 :] if cell.css_first(_WHO)] or cells[subject + 1 :]
            replies = text_of(counts[0]) if counts else ""
            posts = None if (n := number(replies)) is None else n + 1
            yield Topic(place.id, link[1], posts, moved=posts is None and replies.startswith("-"))

    def posts(self, page: Page) -> Iterable[Shown]:
        for node in page.tree.css("[id^=post_]"):
            id = (node.attributes.get("id") or "").removeprefix("post_")
            if id.isdigit() and node.css_first(".post_body"):
                said = (text_of(link) for link in node.css("strong a"))
                mark = next((text for text in said if re.fullmatch(r"#[\d.,\s]+", text)), "")
                yield Shown(id, number(mark), node)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        zone, day_first = _clock(page)
        files = {
            place.id: Attachment(url, text_of(link))
            for link, url in under(page, node, "a[href*='attachment.php']")
            if url.startswith(self.base)
            and isinstance(place := self.place(url), Place)
            and place.kind == "attachment"
        }
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=text_of(node, ".author_information .largetext, .post_author .largetext"),
            date=date(_moment(node.css_first(".post_date")), page.at, zone, day_first=day_first),
            html=body_html(node.css_first(".post_body")),
            title=text_of(node, ".subject strong"),
            attachments=tuple(files.values()),
        )


def _row(node: LexborNode) -> LexborNode | None:
    """The table row that a node stands in."""
    here: LexborNode | None = node
    while here is not None and here.tag != "tr":
        here = here.parent
    return here


def _moment(node: LexborNode | None) -> str:
    """When a post was written: "Today" and its like carry the date in their title."""
    if node is None:
        return ""
    said = text_of(node)
    for edit in node.css(".post_edit"):
        said = said.replace(text_of(edit), "")
    exact = node.css_first("span[title]")
    title = (exact.attributes.get("title") or "") if exact and "post_edit" not in classes(exact) else ""
    return f"{title} {said.removeprefix(text_of(exact))}" if exact and number(title) else said


def _clock(page: Page) -> tuple[timedelta | None, bool | None]:
    """What the clock in a page's foot tells: the board's offset from UTC, and whether days precede months."""
    said = text_of(page.tree, "#current_time").partition(":")[2]
    parts = re.search(r"(\d{1,2})[-/.](\d{1,2})[-/.]\d{4}", said)
    for day_first in (False, True):
        read = date(said, page.at, day_first=day_first)
        if len(read) != 19:
            continue
        now = datetime.fromisoformat(f"{read}+00:00")
        away = round((now - page.at) / _QUARTER)
        if abs(away) <= 14 * 4:
            order = parts and (int(parts[1]), int(parts[2]))
            return away * _QUARTER, order == (now.day, now.month) if order and now.day != now.month else None
    return None, None


_QUARTER = timedelta(minutes=15)
