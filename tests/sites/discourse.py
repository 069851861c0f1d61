"""A forum that answers as Discourse does: JSON, pages for crawlers, and what leads a crawler astray.

Written from discourse/discourse (app/views/topics/show.html.erb, app/views/list/list.erb, TopicView,
PostSerializer): wrong slugs redirect, posts are hidden, deleted or small actions, totals count private
messages, each post links to single posts, and views are counted on every page.

    forum = Forum()
    with Site(forum) as site: …
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tests.sites.static import Request, Response

PER_PAGE = 20
PER_LIST = 30
BROWSER = re.compile(r"trident|webkit|gecko|chrome|safari|msie|opera|goanna|discourse|rimeo", re.IGNORECASE)
SMALL_ACTION = 3
TRAPS = re.compile(
    r"/t/(?:[^/]+/)?\d+/\d+$|/(?:p|u|tags?|top|new|hot|badges|groups|message-bus|raw)(?:/|\?|$)|\.rss$|[?&]order="
)
JSON = "application/json; charset=utf-8"


def mark(*what: object) -> str:
    """What stands in one post and nowhere else."""
    return "mark" + hashlib.sha1(repr(what).encode()).hexdigest()[:14]


@dataclass
class Written:
    """A post. hidden: flagged, so that visitors are shown a notice instead. deleted: in no stream."""

    id: int
    number: int
    author: str
    cooked: str
    marker: str
    type: int = 1
    hidden: bool = False
    deleted: bool = False

    def shown(self) -> str:
        return "<p>Ce message a été signalé par la communauté.</p>" if self.hidden else self.cooked

    @property
    def at(self) -> str:
        return f"2024-03-{1 + self.number % 28:02}T10:{self.id % 60:02}:00.123Z"


@dataclass
class Topic:
    id: int
    title: str
    slug: str
    category: int
    posts: list[Written] = field(default_factory=list)
    listed: bool = True

    def stream(self) -> list[Written]:
        return [post for post in self.posts if not post.deleted]

    def public(self) -> set[str]:
        return {post.marker for post in self.stream() if not post.hidden}


@dataclass(frozen=True)
class Category:
    id: int
    name: str
    slug: str
    above: int | None = None
    private: bool = False


CATEGORIES = (
    Category(1, "Général", "general"),
    Category(4, "Jardin & forêt", "jardin-foret"),
    Category(5, "Semis d’été", "semis-d-ete", above=4),
    Category(9, "L’équipe", "equipe", private=True),
)


class Forum:
    """The part for a `Site`; `prefix` is the folder it is installed in ("" or "/forum").

    MEGA: posts from which on a topic does not say which they are. withheld: ids of posts that stand in a
    stream and are never given. down: targets that answer with 500 for
    ever. cdn: where uploads lie, "" for the forum itself.
    """

    MEGA = 10_000

    def __init__(self, prefix: str = "", *, small: bool = False, cdn: str = "") -> None:
        self.prefix = prefix
        self.cdn = cdn
        self.withheld: set[int] = set()
        self.down: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.short: dict[str, str] = {}
        self.topics: dict[int, Topic] = {}
        self._views = 0
        self._ids = iter(range(101, 100_000))
        for category in CATEGORIES:
            self.topic(f"À propos de la catégorie {category.name}", category.id, 1)
        for n in range(3 if small else 60):
            self.topic(f"L’été {n} : où & quand ?", (1, 4, 5)[n % 3], 1 + n % 7)
        for n in range(1 if small else 20):
            self.topic(f"Deux pages ({n})", (1, 4, 5)[n % 3], 21 + n % 19)
        long = self.topic("La forêt en été : ça brûle ?", 4, 45 if small else 205)
        long.posts[7].hidden = True
        long.posts[9].deleted = True
        long.posts[11].type = SMALL_ACTION
        secret = self.topic("Entre nous", 9, 3)
        unlisted = self.topic("Non listé", 1, 2)
        unlisted.listed = False
        self.topic("Login", 1, 2)  # at /t/login/ID, which is no way to log in
        exact = self.topic("Exactement une page", 1, PER_PAGE)
        self._link(exact.posts[0], "privé", f"/t/{secret.slug}/{secret.id}")
        self._link(exact.posts[1], "non listé", f"/t/ancien-nom/{unlisted.id}/2")
        self._link(exact.posts[2], "ancien titre", f"/t/ancien-titre/{long.id}")
        self._link(exact.posts[3], "sans titre", f"/t/{long.id}?u=zoe")
        for n, topic in enumerate(self.public()):
            if n % 4 == 0:
                path = f"/uploads/default/original/1X/{topic.id}é.pdf"
                self.files[quote(path)] = b"%PDF " + mark("file", topic.id).encode()
                short = f"/uploads/short-url/{topic.id}.pdf"
                self.short[short] = cdn + quote(path)
                href = prefix + (short if cdn and n % 8 else path) if n % 8 or not cdn else cdn + path
                link = f'<p><a class="attachment" href="{href}">plan {topic.id}.pdf</a></p>'
                topic.posts[0].cooked += link

    # --- what there is

    def topic(self, title: str, category: int, posts: int) -> Topic:
        id = len(self.topics) + 11
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower().translate(str.maketrans("éêàçû", "eeacu"))).strip("-")
        topic = self.topics[id] = Topic(id, title, slug, category)
        for _ in range(posts):
            self.reply(topic)
        return topic

    def reply(self, topic: Topic) -> Written:
        id, number = next(self._ids), len(topic.posts) + 1
        marker = mark(topic.title, number)
        author = ("zoé", "Jörg", "léa")[number % 3]
        topic.posts.append(
            Written(id, number, author, f"<p>Réponse {number} : l’été & après. {marker}</p>", marker)
        )
        return topic.posts[-1]

    def _link(self, post: Written, words: str, path: str) -> None:
        post.cooked += f'<p><a href="{self.prefix}{path}">{words}</a></p>'

    def public(self) -> list[Topic]:
        private = {category.id for category in CATEGORIES if category.private}
        return [topic for topic in self.topics.values() if topic.category not in private]

    def markers(self) -> set[str]:
        """What a visitor can see."""
        return {marker for topic in self.public() for marker in topic.public()}

    def secrets(self) -> set[str]:
        """What no visitor can see."""
        return {post.marker for topic in self.topics.values() for post in topic.posts} - self.markers()

    def pages(self) -> int:
        """Pages of posts, as HTML or as JSON."""
        return sum(-(-len(topic.stream()) // PER_PAGE) for topic in self.public())

    def listed(self) -> list[Topic]:
        return sorted((t for t in self.public() if t.listed), key=lambda t: -max(p.id for p in t.posts))

    # --- answers

    def __call__(self, request: Request) -> Response | None:
        target = request.target
        if target in self.down:
            return Response(b"<title>Oops</title>", status=500)
        if target == "/robots.txt":
            return Response(f"User-agent: *\nDisallow: {self.prefix}/u/\n".encode(), "text/plain")
        if not target.startswith(self.prefix + "/") and target != self.prefix:
            return None
        parts = urlsplit(target.removeprefix(self.prefix))
        query = parse_qsl(parts.query)
        path = parts.path or "/"
        if path in self.files:
            return Response(self.files[path], "application/pdf")
        if self.cdn and path in self.short:  # where uploads lie elsewhere, posts link to this
            return Response(b"", status=302, headers=(("Location", self.short[path]),))
        if path.endswith(".css"):
            return Response(b"body { color: #123 }", "text/css")
        if path.endswith(".json"):
            return self._json(path, query)
        if path.endswith(".xml"):
            return self._sitemap(request, path)
        return self._html(request, path, dict(query))

    def _json(self, path: str, query: list[tuple[str, str]]) -> Response | None:
        page = int(dict(query).get("page", 0))
        if found := re.fullmatch(r"/t/(?:[^/]+/)?(\d+)\.json", path):
            return self._refused(int(found[1])) or self._topic_json(self.topics[int(found[1])], max(1, page))
        if found := re.fullmatch(r"/t/(\d+)/posts\.json", path):
            wanted = {int(value) for name, value in query if name == "post_ids[]"}
            if len(wanted) > PER_PAGE or not wanted:
                return Response(b'{"errors":["trop"]}', JSON, 400)
            posts = [post for post in self.topics[int(found[1])].stream() if post.id in wanted]
            return self._refused(int(found[1])) or _json(
                {"post_stream": {"posts": self._given(posts, int(found[1]))}, "id": int(found[1])}
            )
        if found := re.fullmatch(r"/posts/(\d+)\.json", path):
            for topic in self.public():
                for post in self._given([p for p in topic.stream() if p.id == int(found[1])], topic.id):
                    return _json(post)
            return Response(b'{"errors":["Introuvable"],"error_type":"not_found"}', JSON, 404)
        if path == "/latest.json":
            some = self.listed()[page * PER_LIST :]
            said: dict[str, Any] = {"topics": [self._brief(topic) for topic in some[:PER_LIST]]}
            if some[PER_LIST:]:
                said["more_topics_url"] = f"/latest?no_definitions=true&page={page + 1}"
            return _json({"topic_list": said})
        if path == "/site.json":
            return _json({"categories": [self._category(one) for one in CATEGORIES if not one.private]})
        if path == "/about.json":
            total = sum(len(topic.posts) for topic in self.topics.values())
            return _json(
                {"about": {"stats": {"topics_count": len(self.topics) + 50, "posts_count": total + 99}}}
            )
        return None

    def _refused(self, id: int) -> Response | None:
        if id not in self.topics:
            return Response(b'{"errors":["Introuvable"],"error_type":"not_found"}', JSON, 404)
        if self.topics[id] not in self.public():
            return Response(b'{"errors":["Connectez-vous"],"error_type":"invalid_access"}', JSON, 403)
        return None

    def _category(self, one: Category) -> dict[str, Any]:
        own = [t for t in self.listed() if t.category == one.id]
        about = min(own, key=lambda t: t.id)
        return {
            "id": one.id,
            "name": one.name,
            "slug": one.slug,
            "topic_count": len(own) - 1,
            "topic_url": f"/t/{about.slug}/{about.id}",
            "parent_category_id": one.above,
            "read_restricted": False,
        }

    def _brief(self, topic: Topic) -> dict[str, Any]:
        return {
            "id": topic.id,
            "title": topic.title,
            "slug": topic.slug,
            "category_id": topic.category,
            "posts_count": sum(p.type != SMALL_ACTION for p in topic.stream()),
            "visible": topic.listed,
        }

    def _topic_json(self, topic: Topic, page: int) -> Response:
        self._views += 1
        stream = topic.stream()
        here = stream[(page - 1) * PER_PAGE :][:PER_PAGE]
        if not here:
            return Response(b'{"errors":["Introuvable"],"error_type":"not_found"}', JSON, 404)
        posts: dict[str, Any] = {"posts": self._given(here, topic.id)}
        if len(stream) < self.MEGA:
            posts["stream"] = [post.id for post in stream]
        else:
            posts |= {"isMegaTopic": True, "lastId": stream[-1].id}
        said = {"post_stream": posts, "suggested_topics": [], **self._brief(topic)}
        return _json({**said, "views": self._views})

    def _given(self, posts: list[Written], topic: int) -> list[dict[str, Any]]:
        return [
            {
                "id": p.id,
                "username": p.author,
                "created_at": p.at,
                "cooked": p.shown(),
                "post_number": p.number,
                "post_type": p.type,
                "topic_id": topic,
                "hidden": p.hidden,
                "cooked_hidden": p.hidden,
            }
            for p in posts
            if p.id not in self.withheld
        ]

    def _sitemap(self, request: Request, path: str) -> Response | None:
        start = f"http://{request.headers['host']}{self.prefix}"
        if path == "/sitemap.xml":
            body = f"<sitemapindex><sitemap><loc>{start}/sitemap_1.xml</loc></sitemap></sitemapindex>"
        elif path == "/sitemap_1.xml":
            body = "".join(f"<url><loc>{start}/t/{t.slug}/{t.id}</loc></url>" for t in self.listed())
            body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{body}</urlset>'
        else:
            return None
        return Response(f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode(), "text/xml")

    def _html(self, request: Request, path: str, query: dict[str, str]) -> Response | None:
        page = int(query.get("page", 0))
        if found := re.fullmatch(r"/t/(?:([^/]+)/)?(\d+)(?:/(\d+))?", path):
            topic = self.topics.get(int(found[2]))
            if topic is None or topic not in self.public():
                return Response(b"<title>Introuvable</title>", status=404)
            if found[1] != topic.slug:
                to = f"{self.prefix}/t/{topic.slug}/{topic.id}" + (f"/{found[3]}" if found[3] else "")
                return Response(b"", status=301, headers=(("Location", to),))
            return self._page(request, topic.title, "".join(self._shown(topic, max(1, page))))
        if path in ("/", "/latest"):
            return self._page(request, "Derniers sujets", self._list(self.listed(), "/latest", page))
        if path == "/categories":
            links = "".join(
                f'<a itemprop="url" href="{self._at(c)}">{c.name}</a>' for c in CATEGORIES if not c.private
            )
            return self._page(request, "Catégories", links)
        if found := re.fullmatch(r"/c/(?:.+/)?(\d+)", path):
            one = next((c for c in CATEGORIES if c.id == int(found[1]) and not c.private), None)
            if one is None:
                return Response(b"<title>Introuvable</title>", status=404)
            if self.prefix + path != self._at(one):
                return Response(b"", status=301, headers=(("Location", self._at(one)),))
            below = {one.id, *(c.id for c in CATEGORIES if c.above == one.id)}
            own = [topic for topic in self.listed() if topic.category in below]
            return self._page(
                request, one.name, self._list(own, self._at(one).removeprefix(self.prefix), page)
            )
        if path in ("/about", "/tos", "/privacy", "/faq"):
            return self._page(request, path, "<p>Les règles.</p>")
        if path.split("/")[1] in ("u", "tags", "top"):  # what follows these is as long as one likes
            return self._page(
                request, path, f'<a href="{self.prefix}{path}?order=views&page={page + 1}">suite</a>'
            )
        return None

    def _at(self, one: Category) -> str:
        above = next((c.slug + "/" for c in CATEGORIES if c.id == one.above), "")
        return f"{self.prefix}/c/{above}{one.slug}/{one.id}"

    def _list(self, topics: list[Topic], path: str, page: int) -> str:
        some = topics[page * PER_LIST :][:PER_LIST]
        shown = ['<table class="topic-list"><tbody>']
        for topic in some:
            at = f"{self.prefix}/t/{topic.slug}/{topic.id}"
            last = -(-len(topic.stream()) // PER_PAGE)
            more = f'<a class="page-link" href="{at}?page={last}">{last}</a>' if last > 1 else ""
            shown.append(
                f'<tr class="topic-list-item"><td class="main-link"><a itemprop="url" href="{at}" '
                f'class="title raw-link raw-topic-link">{html.escape(topic.title)}</a>{more}</td>'
                f'<td class="replies">{len(topic.stream())}</td><td class="views">{self._views}</td></tr>'
            )
        nav = f'<a rel="next" itemprop="url" href="{self.prefix}{path}?page={page + 1}">page suivante</a>'
        return "".join([*shown, "</tbody></table>", nav if topics[(page + 1) * PER_LIST :] else ""])

    def _shown(self, topic: Topic, page: int) -> Iterator[str]:
        at = f"{self.prefix}/t/{topic.slug}/{topic.id}"
        yield f'<link rel="alternate nofollow" type="application/rss+xml" href="{at}.rss"><h1><a href="{at}">'
        yield f'{html.escape(topic.title)}</a></h1><a href="{self.prefix}/tags/été">été</a>'
        stream = topic.stream()
        for post in stream[(page - 1) * PER_PAGE :][:PER_PAGE]:
            if post.id in self.withheld:
                continue
            yield (
                f'<div id="post_{post.number}" itemprop="comment" itemscope class="topic-body crawler-post">'
                f'<span class="creator" itemprop="author"><a href="{self.prefix}/u/{post.author}">'
                f'<span itemprop="name">{post.author}</span></a></span><span class="crawler-post-infos">'
                f'<time itemprop="datePublished" datetime="{post.at}" class="post-time">mars 2024</time>'
                f'<span itemprop="position">{post.number}</span></span>'
                f'<div class="post" itemprop="text">{post.shown()}</div>'
                f'<div class="crawler-linkback-list"><a href="{at}/{post.number}">lien</a></div></div>'
            )
        for step, there in ((-1, page > 1), (1, len(stream) > page * PER_PAGE)):
            if there:
                to = at if page + step == 1 else f"{at}?page={page + step}"
                yield f'<a rel="{"next" if step > 0 else "prev"}" itemprop="url" href="{to}">suite</a>'
        yield '<div id="suggested-topics"><table class="topic-list">'
        for other in self.listed()[self._views % 5 :: 40]:
            to = f"{self.prefix}/t/{other.slug}/{other.id}"
            yield f'<tr><td><a class="raw-topic-link" href="{to}">{other.id}</a></td></tr>'
        yield "</table></div>"

    def _page(self, request: Request, title: str, main: str) -> Response:
        self._views += 1
        start = self.prefix
        nav = "".join(
            f'<li><a href="{start}{to}">{to}</a></li>'
            for to in ("/", "/categories", "/guidelines", "/tos", "/privacy")
        )
        browser = BROWSER.search(request.headers.get("user-agent", ""))
        body = f'<div id="main-outlet">{main}</div><nav class="crawler-nav"><ul>{nav}</ul></nav>'
        if browser:
            body = f'<discourse-assets></discourse-assets><noscript data-path="/">{body}</noscript>'
        search = f"http://{request.headers['host']}{start}/opensearch.xml"
        head = (
            f'<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
            '<meta name="generator" content="Discourse 3.3.0 - https://github.com/discourse/discourse abc">'
            f'<link rel="search" type="application/opensearchdescription+xml" href="{search}">'
            f'<link rel="stylesheet" href="{start}/stylesheets/desktop_1a2b.css">'
            f'<meta name="csrf-token" content="{self._views}"></head>'
        )
        return Response(f"{head}<body>{body}</body></html>".encode())


def _json(said: Any) -> Response:
    return Response(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(), JSON)
