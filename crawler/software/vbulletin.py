"""vBulletin 3, 4 and 5, by what others who read it published (forum-dl, ArchiveTeam): never seen installed.

3 and 4: `showthread.php?t=45&page=2`; 4 also `showthread.php?45-Subject/page2` and `threads/45-…/page2`;
5: `forum/channel/45-subject/page2`. `s=` is a session, gone before an address comes here. The plain archive
(`archive/`) holds the same posts again and is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin

from selectolax.lexbor import LexborNode

from crawler.canonical import canonical
from crawler.software import Installed, Page
from crawler.software.boards import asked, attribute, body_html, number, text_of
from crawler.software.dates import date, zone
from crawler.software.items import Attachment, Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

_FRIENDLY = re.compile(
    r"(?P<lead>(?P<what>forumdisplay|showthread)\.php\?|(?P<kind>forums|threads)/)"
    r"(?P<id>\d+)(?P<subject>-[^/?&]*)?(?:/page(?P<page>\d+))?/?"
)
_FIVE = re.compile(r"(?P<lead>(?:[^/?]+/)+)(?P<id>\d+)(?P<subject>-[^/?]*)(?:/page(?P<page>\d+))?/?")
_CHANNEL = re.compile(r"(?P<lead>forum(?:/[^/?\d][^/?]*)+?)(?:/page(?P<page>\d+))?/?")
_OTHER = re.compile(
    r"(?:(?:ajax|album|announcement|archive|attachment|blog|calendar|cron|editpost|external|faq|forum|forumdisplay"
    r"|global|group|image|inlinemod|index|infraction|joinrequests|list|login|member|memberlist|misc|newattachment"
    r"|newreply|newthread|online|poll|printthread|private|profile|register|report|reputation|search|sendmessage"
    r"|showgroups|showpost|showthread|subscription|tags|threadrate|usercp|usernote|activity|css|clientscript)\.php"
    r"|(?:archive|members?|search|login|register|help|core|tags|calendar|forums|threads|node|filedata)(?:/|$)).*"
)
_KINDS = {"forumdisplay": "board", "forums": "board", "showthread": "topic", "threads": "topic"}
_LISTS = {"forumdisplay.php": ("board", "f"), "showthread.php": ("topic", "t")}
OTHER = Left("other", "no board, no topic and no file")
POST = Left("post", "the page a post is on, or a jump to it")


class VBulletin(Lists):
    name = "vbulletin"
    experimental = True
    pagination = ".pagenav a[href], .pagination a[href], .pagenav-container a[href], .pagenavbar a[href]"
    volatile = (
        re.compile(rb'SECURITYTOKEN = "[^"]*"|name="securitytoken" value="[^"]*"|"securitytoken":"[^"]*"'),
        re.compile(rb"[?&;]s=[0-9a-f]{32}"),
        re.compile(rb'The time now is <span class="time">[^<]*</span>'),
        re.compile(rb"(?<=var timenow = )\d+"),
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        mark = rb'name="generator" content="vBulletin|vbulletin_global\.js|\bb-post\b|var BBURL'
        if not re.search(mark, page.body, re.IGNORECASE):
            return None
        told = re.search(rb"(?:\"baseurl\":|BBURL = )\s*\"([^\"]+)\"", page.body)
        base = told[1].decode("ascii", "replace").replace("\\/", "/") + "/" if told else ""
        base = base or attribute(page.tree, "base[href]", "href")
        base = base or re.split(r"(?:threads|forums)/|[\w-]+\.php", page.url)[0]
        found = canonical(urljoin(base, "."), page.url)
        five = b'content="vBulletin 5' in page.body or b"b-post" in page.body
        if not found or not page.url.startswith(found):
            return None
        return Installed(cls.name, found, {"release": "5"} if five else {})

    def place(self, url: str) -> Place | Left | None:
        rest = url.removeprefix(self.base)
        path, said = asked(url, self.base)
        if path in ("", "index.php", "forum.php", "forum", "forum/") and not said:
            return Place("index")
        if path.endswith("attachment.php") and said.get("attachmentid", "").isdigit():
            kept = set(said) <= {"attachmentid", "d", "stc"}
            return Place("attachment", said["attachmentid"]) if kept else Left("thumbnail", "a small copy")
        if path == "filedata/fetch" and said.get("id", "").isdigit():
            return (
                Place("attachment", said["id"]) if "type" not in said else Left("thumbnail", "a small copy")
            )
        if found := _FRIENDLY.fullmatch(rest):
            return self._friendly(found, _KINDS[found["what"] or found["kind"]], url)
        if path in _LISTS:
            return self._list(path, url, said)
        if self.settings.get("release") == "5" and not said and not _OTHER.fullmatch(rest):
            if found := _FIVE.fullmatch(rest):
                return self._friendly(found, "topic", url)
            if found := _CHANNEL.fullmatch(rest):
                return Place("board", found["lead"], int(found["page"] or 1) or 1)
        if path in ("showpost.php", "printthread.php"):
            return POST
        return OTHER if _OTHER.fullmatch(rest) else None

    def _friendly(self, found: re.Match[str], kind: str, url: str) -> Place:
        page = int(found["page"] or 1) or 1
        usual = self.at(url, page)
        return Place(kind, found["id"], page, usual if usual != url else "")

    def _list(self, path: str, url: str, said: dict[str, str]) -> Place | Left:
        kind, name = _LISTS[path]
        if {"p", "goto", "mode", "postid"} & set(said):
            return POST
        id, page = said.get(name, ""), said.get("page", "1")
        if kind == "board" and said.get("daysprune") == "-1" and id.isdigit() and page.isdigit():
            usual = said.get("sort", "lastpost") == "lastpost" and said.get("order", "desc") == "desc"
            if usual and not set(said) - {"f", "page", "daysprune", "sort", "order"}:
                return Place("whole", id, int(page) or 1)
        if not (id.isdigit() and page.isdigit()) or set(said) - {name, "page"}:
            sorts = {"sort", "order", "daysprune", "pp", "prefixid"} & set(said)
            return Left("sort", "the same topics in another order") if sorts else OTHER
        plain = self.at(url, int(page) or 1)
        return Place(kind, id, int(page) or 1, plain if plain != url else "")

    def at(self, url: str, page: int) -> str:
        rest = url.removeprefix(self.base)
        path, said = asked(url, self.base)
        if path in _LISTS and _LISTS[path][1] in said:
            name = _LISTS[path][1]
            cut = f"&daysprune={said['daysprune']}" if "daysprune" in said else ""
            return f"{self.base}{path}?{name}={said[name]}{cut}" + (f"&page={page}" if page > 1 else "")
        end = f"/page{page}" if page > 1 else ""
        if found := _FRIENDLY.fullmatch(rest) or _FIVE.fullmatch(rest):
            return f"{self.base}{found['lead']}{found['id']}{found['subject'] or ''}{end}"
        found = _CHANNEL.fullmatch(rest)
        return f"{self.base}{found['lead']}{end}" if found else url

    def whole(self, page: Page, board: str) -> str:
        chosen = attribute(page.tree, "select[name=daysprune] option[selected]", "value")
        limited = chosen not in ("", "-1") and board.isdigit()
        return f"{self.base}forumdisplay.php?f={board}&daysprune=-1" if limited else ""

    def board_url(self, id: str) -> str:
        return self.base + (f"forumdisplay.php?f={id}" if id.isdigit() else id)

    def shows(self, page: Page, kind: str) -> bool:
        marks = {
            "index": "td[id^=f].alt1Active, li[id^=forum], .forum-item, .forumhome",
            "board": "#threadslist, #threads, .threadbit, .topic-item, td[id^=f].alt1Active, li[id^=forum]",
            "topic": "[id^=post_message_], li.b-post",
        }
        return page.tree.css_first(marks[kind]) is not None

    def message(self, page: Page) -> str:
        return text_of(
            page.tree, ".standard_error .blockbody, td.panelsurround .panel, .page-error, .l-error"
        )

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        told = [number(text_of(node)) for node in page.tree.css("#wgo_stats dl dd")]
        return (told[0], told[1]) if len(told) >= 2 else (None, None)

    def boards(self, page: Page) -> Iterator[Board]:
        for row in page.tree.css("li[id^=forum], .forum-item"):
            if title := self._first(page, row, ".forumtitle a[href], a.forum-title", "board"):
                threads = number(text_of(row, ".forumstats li, .topics-count"))
                yield Board(*title, threads, row.css_first(".subforums, .subforum-list") is not None)
        for cell in page.tree.css("td[id^=f].alt1Active"):
            row3 = cell.parent
            if row3 is not None and (title := self._first(page, cell, "a[href]", "board")):
                cells = [text_of(one) for one in row3.iter() if one.tag == "td"]
                subs = len([*under(page, cell, "a[href*='forumdisplay']")]) > 1
                yield Board(*title, number(cells[-2]) if len(cells) >= 4 else None, subs)

    def topics(self, page: Page) -> Iterator[Topic]:
        for row in page.tree.css(".threadbit, .topic-item, #threadslist tr"):
            title = self._first(page, row, "a[id^=thread_title_], a.title, a.topic-title", "topic")
            if title is None:
                continue
            said = text_of(row, "a[onclick*='who('], .threadstats li, .posts-count")
            replies = number(said)
            moved = row.css_first(".prefix_moved, img[src*=moved]") is not None or said.startswith("-")
            yield Topic(*title, None if replies is None else replies + 1, moved)

    def _first(self, page: Page, node: LexborNode, selector: str, kind: str) -> tuple[str, str] | None:
        """Id and address of the first list of a kind that is linked within a node."""
        for _, url in under(page, node, selector):
            place = self.place(url) if url.startswith(self.base) else None
            if isinstance(place, Place) and place.key[0] == kind:
                return place.id, place.url or url
        return None

    def posts(self, page: Page) -> Iterable[Shown]:
        for node in page.tree.css("table[id^=post], li[id^=post_], li.b-post[data-node-id]"):
            id = node.attributes.get("data-node-id") or re.sub(r"\D", "", node.id or "")
            if id and node.css_first("[id^=post_message_], .js-post__content-text"):
                mark = text_of(node, "a[id^=postcount], a.postcounter, a.b-post__count")
                yield Shown(id, number(mark), node)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        files = {
            place.id: Attachment(url, text_of(link))
            for link, url in under(page, node, "a[href*='attachment.php'], a[href*='filedata/fetch']")
            if url.startswith(self.base)
            and isinstance(place := self.place(url), Place)
            and place.kind == "attachment"
        }
        exact = attribute(node, "time[datetime]", "datetime")
        foot = page.text[-8_000:]
        times = re.search(r"All times are GMT[^.<]*", foot)
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=text_of(node, ".bigusername, .username, .author a, .author [itemprop=name]"),
            date=date(
                exact or text_of(node, ".postdate .date, td.thead"),
                page.at,
                zone(times[0]) if times else None,
            ),
            html=body_html(node.css_first("[id^=post_message_], .js-post__content-text")),
            title=text_of(node, ".posttitle, h2.title, .b-post__title"),
            attachments=tuple(files.values()),
        )
