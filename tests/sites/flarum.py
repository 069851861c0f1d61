"""A forum that answers as Flarum does: the program's data in each page, the same in a noscript, and the API.

Written from flarum/framework (Forum/Content, Api/Resource, views/frontend): twenty posts a page by their
order, renamings among them; links to the next page go by the number of comments, so the last page may be
linked from nowhere, or an empty one be linked; a restricted tag and hidden posts are for members.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.sites.static import Request, Response

PER_PAGE = 20
TRAPS = ("/u/", "sort=lastPostedAt", "sort=top", "?q=", "/following", "/atom", "/api/posts?", "/settings")


def mark(*what: object) -> str:
    """What stands in one post and nowhere else."""
    return "mark" + hashlib.sha1(repr(what).encode()).hexdigest()[:14]


@dataclass
class Written:
    """A post; of another type than "comment" it has no content. hidden: members see it."""

    id: int
    number: int
    content: str
    marker: str
    type: str = "comment"
    hidden: bool = False

    @property
    def at(self) -> str:
        return f"2024-04-{1 + self.number % 28:02}T08:{self.id % 60:02}:00+00:00"


@dataclass
class Discussion:
    id: int
    title: str
    slug: str
    tag: str
    posts: list[Written] = field(default_factory=list)

    def seen(self) -> list[Written]:
        return [post for post in self.posts if not post.hidden]

    def comments(self) -> list[Written]:
        return [post for post in self.seen() if post.type == "comment"]


class Forum:
    """The part for a `Site`; `prefix` is the folder it is installed in, `modern` puts the data as 1.3 does.

    withheld: ids of posts that are named and never given. down: targets that answer with 500 for ever.
    closed: visitors may not look.
    """

    def __init__(self, prefix: str = "", *, small: bool = False, modern: bool = True) -> None:
        self.prefix, self.modern, self.closed = prefix, modern, False
        self.withheld: set[int] = set()
        self.down: set[str] = set()
        self.discussions: dict[int, Discussion] = {}
        self.files: dict[str, bytes] = {}
        self._fetched = 0
        for n in range(3 if small else 70):
            self.discuss(f"L’été {n} : où & quand ?", ("general", "forêt")[n % 2], 1 + n % 9)
        for n in range(1 if small else 20):
            self.discuss(f"Deux pages ({n})", "forêt", 21 + n % 19)
        long = self.discuss("La forêt en été : ça brûle ?", "forêt", 62 if small else 805)
        long.posts[7].hidden = True
        renamed = self.discuss("Un nouveau titre", "general", PER_PAGE + 1)
        renamed.posts[3].type = renamed.posts[5].type = "discussionRenamed"  # 21 posts, 19 comments
        self.discuss("Deux pages exactement", "general", 2 * PER_PAGE)  # Flarum links a third page
        self.discuss("Update", "search", 2)  # its tag is no search
        secret = self.discuss("Entre nous", "équipe", 3)
        first = next(iter(self.discussions.values()))
        first.posts[0].content += f'<p><a href="{prefix}/d/{secret.id}">privé</a></p>'
        first.posts[0].content += f'<p><a href="{prefix}/t/search">un mot</a></p>'
        first.posts[0].content += f'<p><a href="{prefix}/d/{long.id}-vieux-titre/33">plus loin</a></p>'
        for discussion in self.public()[::3]:
            path = f"/assets/files/2024-04-01/{discussion.id}-plan d'été.pdf"
            self.files[quote(path, safe="/'")] = b"%PDF " + mark("file", discussion.id).encode()
            discussion.posts[0].content += f'<p><a href="{prefix}{path}" class="fof-upload">plan</a></p>'

    # --- what there is

    def discuss(self, title: str, tag: str, posts: int) -> Discussion:
        id = len(self.discussions) + 5
        slug = f"{id}-{quote(title.lower().replace(' ', '-'), safe='')[:20].rstrip('%')}".split("%")[0]
        found = self.discussions[id] = Discussion(id, title, slug, tag)
        for _ in range(posts):
            self.reply(found)
        return found

    def reply(self, discussion: Discussion) -> Written:
        id, number = sum(len(d.posts) for d in self.discussions.values()) + 1, len(discussion.posts) + 1
        marker = mark(discussion.title, number)
        post = Written(id, number, f"<p>Réponse {number} : l’été &amp; après. {marker}</p>", marker)
        discussion.posts.append(post)
        return post

    def public(self) -> list[Discussion]:
        return [one for one in self.discussions.values() if one.tag != "équipe"]

    def markers(self) -> set[str]:
        return {post.marker for one in self.public() for post in one.comments()}

    def secrets(self) -> set[str]:
        return {
            post.marker
            for one in self.discussions.values()
            for post in one.posts
            if post.hidden or one.tag == "équipe"
        }

    def pages(self) -> int:
        return sum(-(-len(one.seen()) // PER_PAGE) for one in self.public())

    # --- answers

    def __call__(self, request: Request) -> Response | None:
        target = request.target
        if target in self.down:
            return Response(b"<title>Oops! Something went wrong.</title>", status=500)
        if target == "/robots.txt":
            return Response(b"User-agent: *\nDisallow:\n", "text/plain")
        if not target.startswith(self.prefix + "/"):
            return None
        parts = urlsplit(target.removeprefix(self.prefix))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = parts.path
        if path in self.files:
            return Response(self.files[path], "application/pdf")
        if path.endswith(".css"):
            return Response(b"body { color: #123 }", "text/css")
        if path.startswith("/api/"):
            return self._api(path, query)
        return self._html(path, query)

    def _api(self, path: str, query: dict[str, str]) -> Response | None:
        if path == "/api/discussions":
            limit, offset = int(query.get("page[limit]", 20)), int(query.get("page[offset]", 0))
            found = [] if self.closed else self.public()
            if query.get("sort") == "-lastPostedAt":
                found = self._latest()
            some = found[offset:][: min(limit, 50)]
            said: dict[str, Any] = {"links": {"first": "…"}, "data": [_brief(one) for one in some]}
            if found[offset + len(some) :]:
                said["links"]["next"] = f"{self.prefix}/api/discussions?page[offset]={offset + len(some)}"
            return _json(said)
        if path.startswith("/api/posts/"):
            for one in self.public():
                for post in one.seen():
                    if str(post.id) == path.removeprefix("/api/posts/") and post.id not in self.withheld:
                        return _json({"data": _post(post, one)})
            return Response(b'{"errors":[{"status":"404","code":"not_found"}]}', "application/json", 404)
        return None

    def _latest(self) -> list[Discussion]:
        return sorted(self.public(), key=lambda one: -max(post.id for post in one.posts))

    def _html(self, path: str, query: dict[str, str]) -> Response | None:
        page = max(1, int(query.get("page", 1)))
        if path.startswith("/d/"):
            id = int(path.removeprefix("/d/").partition("/")[0].partition("-")[0])
            if id not in self.discussions or self.discussions[id] not in self.public():
                return Response(b"<title>Not found</title>", status=404)
            return self._discussion(self.discussions[id], page)
        if path in ("/", "/all") or path.startswith("/t/"):
            found = [] if self.closed else self._latest()
            if path.startswith("/t/"):
                found = [one for one in found if quote(one.tag) == path.removeprefix("/t/")]
            some = found[(page - 1) * 20 :][:20]
            links = [f'<li><a href="{self.prefix}/d/{d.slug}">{html.escape(d.title)}</a></li>' for d in some]
            for to, there in ((page - 1, page > 1), (page + 1, len(found) > page * 20)):
                at = "/all" if path == "/" else path
                links += [f'<a href="{self.prefix}{at}?page={to}">suite</a>'] if there else []
            links.append(
                f'<a href="{self.prefix}{path}?sort=top">top</a> <a href="{self.prefix}/t/for%C3%AAt">f</a>'
            )
            return self._page("Verger", {"data": [_brief(one) for one in some]}, "".join(links))
        if path.startswith("/u/"):
            return self._page("zoé", {}, f'<a href="{self.prefix}{path}/x">suite</a>')
        return None

    def _discussion(self, one: Discussion, page: int) -> Response:
        seen = one.seen()
        here = [post for post in seen[(page - 1) * PER_PAGE :][:PER_PAGE] if post.id not in self.withheld]
        data = _brief(one)
        data["relationships"] = {"posts": {"data": [{"type": "posts", "id": str(post.id)} for post in seen]}}
        user = {"type": "users", "id": "3", "attributes": {"username": "zoe", "displayName": "Zoé"}}
        document = {"data": data, "included": [user, *(_post(post, one) for post in here)]}
        return self._page(one.title, document, "".join(self._shown(one, here, page)))

    def _shown(self, one: Discussion, posts: list[Written], page: int) -> Iterator[str]:
        yield f"<h1>{html.escape(one.title)}</h1>"
        for post in posts:
            if post.type == "comment":
                yield '<article><div class="PostUser"><h3 class="PostUser-name">Zoé</h3></div>'
                yield f'<div class="Post-body">{post.content}</div></article><hr>'
        at = f"{self.prefix}/d/{one.slug}"
        if page > 1:
            yield f'<a href="{at}{f"?page={page - 1}" if page > 2 else ""}">avant</a>'
        if page < 1 + len(one.comments()) // PER_PAGE:
            yield f'<a href="{at}?page={page + 1}">après</a>'

    def _page(self, title: str, document: dict[str, Any], content: str) -> Response:
        self._fetched += 1
        forum = {"basePath": self.prefix, "title": "Verger", "canViewForum": not self.closed}
        payload = {
            "resources": [{"type": "forums", "id": "1", "attributes": forum}],
            "session": {"userId": 0, "csrfToken": mark("session", self._fetched)},
            "apiDocument": document,
        }
        said = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
        if self.modern:
            data = f'<script id="flarum-json-payload" type="application/json">{said}</script>'
        else:
            data = f"<script>try {{ flarum.core.app.load({said}); app.boot(); }} catch (e) {{}}</script>"
        body = (
            f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
            f'<link rel="stylesheet" href="{self.prefix}/assets/forum-1a2b.css"></head><body>'
            f'<header><a href="{self.prefix}/">Verger</a> <a href="{self.prefix}/u/zoe">zoé</a></header>'
            '<div id="flarum-loading" style="display: none">Chargement…</div>'
            f'<noscript id="flarum-content"><div class="container">{content}</div></noscript>'
            f"{data}</body></html>"
        )
        cookie = ("Set-Cookie", f"flarum_session={mark('cookie', self._fetched)}; path=/")
        return Response(body.encode(), headers=(cookie,))


def _brief(one: Discussion) -> dict[str, Any]:
    said = {"title": one.title, "slug": one.slug, "commentCount": len(one.comments())}
    return {"type": "discussions", "id": str(one.id), "attributes": said}


def _post(post: Written, one: Discussion) -> dict[str, Any]:
    said: dict[str, Any] = {"number": post.number, "createdAt": post.at, "contentType": post.type}
    if post.type == "comment":
        said["contentHtml"] = post.content
    there = {
        "user": {"data": {"type": "users", "id": "3"}},
        "discussion": {"data": {"type": "discussions", "id": str(one.id)}},
    }
    return {"type": "posts", "id": str(post.id), "attributes": said, "relationships": there}


def _json(said: Any) -> Response:
    return Response(json.dumps(said).encode(), "application/vnd.api+json")
