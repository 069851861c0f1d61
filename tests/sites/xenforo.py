"""A XenForo 2 as its published markup describes it; served by `static.Site`. Small: the module is experimental.

As the original: a link with another subject redirects to the topic's present one.
"""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

import re
from html import escape

from tests.sites.forum_model import MEMBERS, Board, Forum, Post, Topic
from tests.sites.punbb import _slug
from tests.sites.static import Part, Request, Response

TRAPS = (
    "/post-",
    "/latest",
    "/unread",
    "/posts/",
    "/members/",
    "/search",
    "/login",
    "/whats-new",
    "order=",
    "index.rss",
)


def xenforo(forum: Forum, base: str = "/community/") -> Part:
    """The forum under `base`, with friendly addresses."""

    def part(request: Request) -> Response | None:
        if not request.path.startswith(base):
            return None
        return _answer(forum, base, request.target.removeprefix(base))

    return part


def _answer(forum: Forum, base: str, target: str) -> Response | None:
    if target in ("", "forums/"):
        return _page(base, "Forums", _index(forum, base))
    if found := re.fullmatch(r"attachments/[^/]*\.(\d+)/", target):
        file = next((file for file in forum.files() if file.id == int(found[1])), None)
        return Response(file.marker.encode(), "text/plain") if file else _refused(base, 404)
    found = re.fullmatch(r"(forums|threads)/[^/]*\.(\d+)/(?:page-(\d+))?", target)
    if not found:
        return _page(base, "?", "<p>A trap.</p>") if target.endswith("/") or "/" in target else None
    id, page = int(found[2]), int(found[3] or 1)
    if found[1] == "threads" and (there := forum.topic(id)) and not there[0].private:
        usual = _list(base, "threads", id, there[1].title, page)
        if usual != base + target:
            return Response(b"", status=301, headers=(("Location", usual),))
    if found[1] == "forums":
        board = forum.board(id)
        if board is None or board.private:
            return _refused(base, 403)
        return _page(base, board.name, _board(forum, base, board, page))
    there = forum.topic(id)
    if there is None or there[0].private:
        return _refused(base, 403)
    return _page(base, there[1].title, _topic(forum, base, there[1], page))


def _refused(base: str, status: int) -> Response:
    return _page(base, "Log in", '<div class="blockMessage">You must be logged-in to do that.</div>', status)


def _page(base: str, title: str, body: str, status: int = 200) -> Response:
    text = f"""<!DOCTYPE html><html id="XF" lang="fr-FR" dir="LTR" data-app="public" data-template="x" class="has-no-js"><head>
<meta charset="utf-8" /><title>{escape(title)}</title><link rel="alternate" type="application/rss+xml" href="{base}forums/-/index.rss" /></head><body>
<div class="p-pageWrapper"><a class="p-navEl-link" href="{base}" data-nav-id="forums">Forums</a> <a href="{base}whats-new/">Nouveautés</a>
<a href="{base}members/">Membres</a> <a href="{base}search/">Chercher</a> <a href="{base}login/" rel="nofollow">Connexion</a>
<div class="p-body-pageContent">{body}</div></div></body></html>"""
    return Response(text.encode(), status=status)


def _list(base: str, what: str, id: int, title: str, page: int = 1) -> str:
    return f"{base}{what}/{_slug(title)}.{id}/{f'page-{page}' if page > 1 else ''}"


def _pages(base: str, what: str, id: int, title: str, last: int, page: int) -> str:
    if last <= 1:
        return ""
    shown = [n for n in sorted({1, 2, page - 1, page, page + 1, last}) if 1 <= n <= last]
    links = "".join(
        f'<li class="pageNav-page"><a href="{_list(base, what, id, title, n)}">{n}</a></li>' for n in shown
    )
    return (
        f'<nav class="pageNavWrapper"><div class="pageNav"><ul class="pageNav-main">{links}</ul></div></nav>'
    )


def _index(forum: Forum, base: str) -> str:
    rows = "".join(
        f"""<div class="node node--id{board.id} node--depth2 node--forum node--read"><div class="node-body"><div class="node-main js-nodeMain">
<h3 class="node-title"><a href="{_list(base, "forums", board.id, board.name)}">{escape(board.name)}</a></h3></div>
<div class="node-stats"><dl class="pairs pairs--rows"><dt>Discussions</dt><dd>{len(board.topics)}</dd></dl><dl class="pairs pairs--rows"><dt>Messages</dt><dd>1K</dd></dl></div>
<div class="node-extra"><a href="{base}threads/x.1/post-9" class="node-extra-title">…</a></div></div></div>"""
        for board in forum.boards
        if not board.private
    )
    posts = sum(len(topic.posts) for board in forum.boards for topic in board.topics)
    return f"""<div class="block block--category"><div class="block-body">{rows}</div></div>
<dl class="pairs count--threads"><dt>Discussions</dt><dd>{sum(len(board.topics) for board in forum.boards)}</dd></dl>
<dl class="pairs count--messages"><dt>Messages</dt><dd>{posts}</dd></dl>"""


def _board(forum: Forum, base: str, board: Board, page: int) -> str:
    shown = [(topic, False) for topic in board.topics] + [(topic, True) for topic in board.left]
    rows = "".join(_row(base, *one) for one in shown[(page - 1) * forum.topics : page * forum.topics])
    last = max(1, -(-len(shown) // forum.topics))
    return f"""{_pages(base, "forums", board.id, board.name, last, page)}<div class="structItemContainer">
<a href="{_list(base, "forums", board.id, board.name)}?order=title&amp;direction=asc">Titre</a>{rows}</div>"""


def _row(base: str, topic: Topic, moved: bool) -> str:
    link = _list(base, "threads", topic.id, topic.title)
    status = '<li><i class="structItem-status structItem-status--redirect"></i></li>' if moved else ""
    return f"""<div class="structItem structItem--thread js-threadListItem-{topic.id}"><div class="structItem-cell structItem-cell--main"><ul class="structItem-statuses">{status}</ul>
<div class="structItem-title"><a href="{link}" data-preview-url="{link}preview">{escape(topic.title)}</a></div><a href="{link}latest">jour</a></div>
<div class="structItem-cell structItem-cell--meta"><dl class="pairs pairs--justified"><dt>Réponses</dt><dd>{len(topic.posts) - 1}</dd></dl>
<dl class="pairs structItem-minor"><dt>Vues</dt><dd>1K</dd></dl></div></div>"""


def _topic(forum: Forum, base: str, topic: Topic, page: int) -> str:
    posts = "".join(_post(base, topic, p) for p in topic.posts[(page - 1) * forum.posts : page * forum.posts])
    pages = _pages(base, "threads", topic.id, topic.title, forum.last(topic), page)
    return f'{pages}<div class="block-body js-replyNewMessageContainer">{posts}</div>{pages}'


def _post(base: str, topic: Topic, post: Post) -> str:
    name, link = escape(MEMBERS[post.author]), _list(base, "threads", topic.id, topic.title)
    file = ""
    if post.file:
        file = f'<section class="message-attachments"><a href="{base}attachments/plan-txt.{post.file.id}/">{escape(post.file.name)}</a></section>'
    old = f'<a href="{base}threads/ancien-titre.{topic.id + 3}/">voir aussi</a>' if post.number == 1 else ""
    return f"""<article class="message message--post js-post" data-author="{name}" data-content="post-{post.id}" id="js-post-{post.id}"><span class="u-anchorTarget" id="post-{post.id}"></span>
<header class="message-attribution"><ul class="message-attribution-main"><li><a href="{link}post-{post.id}"><time class="u-dt" datetime="{post.posted:%Y-%m-%dT%H:%M:%S+0000}">…</time></a></li></ul>
<ul class="message-attribution-opposite"><li><a href="{link}post-{post.id}" data-xf-init="share-tooltip">Partager</a></li><li><a href="{link}post-{post.id}">#{post.number}</a></li></ul></header>
<div class="message-content"><article class="message-body js-selectToQuote"><div class="bbWrapper">{escape(post.text)} {post.marker} {old}</div></article>{file}</div>
<footer><aside class="message-signature"><div class="bbWrapper">Signature</div></aside><a href="{base}posts/{post.id}/react?reaction_id=1">J’aime</a></footer></article>"""


__all__ = ["TRAPS", "xenforo"]
