"""FlaskBB 1 and 2: `/forum/ID-slug?page=N`, `/topic/ID-slug?page=N`, both also without their slug.

The index and the category pages leave out the boards a visitor may not read, the totals at the foot of the
index count them (flaskbb/flaskbb:flaskbb/forum/views.py). Hidden topics and posts are neither shown nor
counted. There are no feeds, no sitemap and no uploads: pictures lie elsewhere. What is not there comes with
status 200 and a few words (flaskbb/utils/requirements.py raises an error that has no status).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from crawler.software import Accepted, Found, Installed, Inventory, Page
from crawler.software.boards import addresses, asked, attribute, body_html, number, numbers, text_of
from crawler.software.dates import date
from crawler.software.items import Post
from crawler.software.lists import Lists, under
from crawler.software.places import Board, Left, Place, Shown, Topic

_LIST = re.compile(r"(category|forum|topic)/(\d+)(-[^/]*)?")
_VIEW = re.compile(
    r"(?:category|forum|topic|post|user|search|memberlist|who-is-online|topictracker|auth)(?:/|$)"
)
_LEFT = (
    (re.compile(r"post/\d+$"), Left("post", "leads to the page that a post is on")),
    (re.compile(r"(?:user/|memberlist$|who-is-online$)"), Left("members", "about members")),
    (re.compile(r"search$"), Left("search", "searches: slow and endless")),
)
_NOTHING = re.compile(rb"Could not load (?:forum|topic) data")
_SHORT = Left("short", "the same page without the title in its address, as lists of boards link it")
_OTHER = Left("other", "no board and no topic")
_KINDS = {"category": "category", "forum": "board", "topic": "topic"}


class FlaskBB(Lists):
    name = "flaskbb"
    pagination = ".pagination a[href]"
    proofs = {"topic": ("board", "index"), "post": ("topic", "board")}  # noqa: RUF012  read-only
    volatile = (
        re.compile(rb'<meta name="csrf-token"[^>]*>|<input[^>]* name="csrf_token"[^>]*>'),
        re.compile(rb'class="author-(?:online|offline)"[^>]*'),
        re.compile(rb'<p class="flaskbb-stats">.*?</p>', re.DOTALL),
        re.compile(rb'<div class="author-posts">[^<]*</div>'),  # of the author, on the whole forum
        re.compile(
            rb'topic-stats">\s*\d+\s*</div>\s*(?=<div class="[^"]*topic-last-post)'
        ),  # times looked at
        re.compile(rb'(?<=<div class="last-post-time">)[^<]*'),
        re.compile(rb'<a href="[^"]*/post/\d+">[^<]*</a><br'),  # in a board: the time since the last post
    )

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        """The list of members lies where the forum does; the login may lie elsewhere."""
        if page.tree.css_first(".flaskbb-layout, .flaskbb-footer, .flaskbb-header") is None:
            return None
        for _, url in addresses(page, ".navbar a[href$=memberlist]"):
            base = url.removesuffix("memberlist")
            if page.url.startswith(base):
                return Installed(cls.name, base)
        return None

    # --- addresses

    def place(self, url: str) -> Place | Left | None:
        path, said = asked(url, self.base)
        if not path:
            return _OTHER if said else Place("index")
        found = _LIST.fullmatch(path)
        if found is None:
            for pattern, left in _LEFT:
                if pattern.match(path):
                    return left
            return _OTHER if _VIEW.match(path) else None
        if not found[3]:
            return _SHORT
        page = said.pop("page", "1")
        if said or not re.fullmatch(r"[1-9]\d{0,6}", page, re.ASCII):
            return _OTHER
        usual = self.at(url, int(page))
        return Place(_KINDS[found[1]], found[2], int(page), usual if usual != url else "")

    def at(self, url: str, page: int) -> str:
        path, _ = asked(url, self.base)
        return f"{self.base}{path}" + (f"?page={page}" if page > 1 else "")

    def board_url(self, id: str) -> str:
        return f"{self.base}forum/{id}"

    # --- what stands on a page

    def shows(self, page: Page, kind: str) -> bool:
        mark = {"index": ".index-view", "board": ".forum-view", "topic": ".topic-view .post-row"}[kind]
        return page.tree.css_first(mark) is not None

    def accept(self, page: Page) -> Accepted:
        if page.is_html and (found := _NOTHING.search(page.body[:400])):
            return Accepted("missing", found[0].decode())
        return super().accept(page)

    def message(self, page: Page) -> str:
        return text_of(page.tree, "#flashed-messages .alert")

    def totals(self, page: Page) -> tuple[int | None, int | None]:
        said = [number(text_of(node)) for node in page.tree.css("p.flaskbb-stats strong")]
        return (said[1], said[2]) if len(said) > 2 else (None, None)

    def boards(self, page: Page) -> Iterator[Board]:
        for row in page.tree.css(".category-row"):
            for _, url in under(page, row, ".forum-info .forum-name > a[href]"):
                place = self._place_of(url)
                if place and place.kind == "board":
                    yield Board(place.id, url, number(text_of(row, ".forum-topics")))

    def topics(self, page: Page) -> Iterator[Topic]:
        for row in page.tree.css(".forum-row"):
            for _, url in under(page, row, ".topic-info .topic-name > a[href]"):
                place = self._place_of(url)
                if place and place.kind == "topic":
                    yield Topic(place.id, url, number(text_of(row, ".topic-stats")))

    def posts(self, page: Page) -> Iterator[Shown]:
        for node in page.tree.css(".post-row"):
            content = attribute(node, ".post-content[id^=pid]", "id")
            place = numbers(text_of(node, ".post-meta .pull-right, .post-meta .post-number"))
            if content:
                yield Shown(content.removeprefix("pid"), place[0] if place else None, node)

    def post(self, page: Page, shown: Shown, topic: str) -> Post:
        node = shown.node
        when = attribute(node, ".post-meta time[datetime]", "datetime") or text_of(node, ".post-meta a")
        return Post(
            id=shown.id,
            topic=topic,
            number=shown.number,
            author=text_of(node, ".author-name"),
            date=date(when, page.at),
            html=body_html(node.css_first(".post-content"), ".post-signature"),
            title=text_of(page.tree, ".topic-head"),
        )

    def _place_of(self, url: str) -> Place | None:
        place = self.place(url) if url.startswith(self.base) else None
        return place if isinstance(place, Place) else None

    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        """A category's page tells of its boards what the index does."""
        place = self.place(page.url)
        if isinstance(place, Place) and place.kind == "category" and page.is_html:
            return list(self._read_boards(page, "category", inventory))
        return super().read(page, inventory)
