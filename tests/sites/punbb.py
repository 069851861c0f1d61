"""A PunBB 1.4 as visitors meet it, under any of its address schemes; served by `static.Site`.

As the original: a page nobody may read says so with status 200, each page says "Posts [ 1 to 10 of 41 ]",
the private board is in the totals alone, links are absolute.
"""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from html import escape

from tests.sites.fluxbb import PNG, when
from tests.sites.forum_model import MEMBERS, Board, Forum, Post, Topic
from tests.sites.static import Part, Request, Response

SCHEMES = ("default", "file", "file-fancy", "folder", "folder-fancy")
TRAPS = (
    *(
        "pid=",
        "action=new",
        "action=last",
        "login",
        "register",
        "search",
        "userlist",
        "profile.php",
        "post.php",
    ),
    *("moderate", "extern.php", "help", "/post/", "/post1", "new/", "last/", "last-post", "user", "feed"),
)
"""What no crawl should ask for, whatever the scheme."""


@dataclass
class Board14:
    """What is drawn, and under which scheme. root: scheme, host and folder, as PunBB's `base_url`."""

    forum: Forum
    scheme: str
    root: str = ""

    def url(self, what: str, id: int, title: str, page: int = 1) -> str:
        subject = _slug(title)
        if self.scheme == "default":
            tail = f"&amp;p={page}" if page > 1 else ""
            return f"{self.root}/view{what}.php?id={id}{tail}"
        fancy = self.scheme.endswith("fancy")
        if self.scheme.startswith("file"):
            tail = f"-p{page}" if page > 1 else ""
            return f"{self.root}/{what}{id}{f'-{subject}' if fancy else ''}{tail}.html"
        tail = f"page/{page}/" if page > 1 else ""
        return f"{self.root}/{what}/{id}/{f'{subject}/' if fancy else ''}{tail}"

    def post(self, id: int) -> str:
        forms = {"default": f"viewtopic.php?pid={id}#p{id}", "file": f"post{id}.html#p{id}"}
        return f"{self.root}/{forms.get(self.scheme.removesuffix('-fancy'), f'post/{id}/#p{id}')}"

    def user(self, id: int) -> str:
        forms = {"default": f"profile.php?id={id}", "file": f"user{id}.html"}
        return f"{self.root}/{forms.get(self.scheme.removesuffix('-fancy'), f'user/{id}/')}"


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "view"


_ASKED = re.compile(
    r"(?:view)?(forum|topic)(?:\.php\?id=|/)?(\d+)(?:/(?!page/)[^/]+?(?=/)|-[^/]*?(?=-p\d|\.html))??(?:(?:&p=|-p|/page/)(\d+))?(?:/|\.html)?"
)


def punbb(forum: Forum, scheme: str = "default", base: str = "/") -> Part:
    """The forum under `base`, which ends in "/". What it shows follows from the forum as it is then."""

    def part(request: Request) -> Response | None:
        if not request.path.startswith(base):
            return None
        drawn = Board14(forum, scheme, f"http://{request.headers['host']}{base[:-1]}")
        return _answer(drawn, request.target.removeprefix(base))

    return part


def _answer(drawn: Board14, target: str) -> Response | None:
    forum = drawn.forum
    if target in ("", "index.php"):
        return _page(drawn, "index", "Index", _index(drawn))
    if target.endswith(".css"):
        return Response(b"#brd-wrap { color: #333 }", "text/css")
    if ".png" in target:
        return Response(PNG, "image/png")
    if found := re.fullmatch(r"misc\.php\?action=pun_attachment&item=(\d+)&download=1", target):
        for file in forum.files():
            if file.id == int(found[1]):
                return Response(f"{file.marker}\n".encode(), "application/octet-stream")
        return _refused(drawn)
    if found := re.fullmatch(r"viewtopic\.php\?pid=(\d+)|post/?(\d+)(?:/|\.html)", target):
        return _by_post(drawn, int(found[1] or found[2]))
    if not (found := _ASKED.fullmatch(target)):
        return (
            _page(drawn, "misc", "?", "<p>Un piège.</p>") if target.endswith((".php", "/", ".html")) else None
        )
    id, page = int(found[2]), int(found[3] or 1)
    if found[1] == "forum":
        board = forum.board(id)
        if board is None or board.private:
            return _refused(drawn)
        return _page(drawn, "viewforum", board.name, _board(drawn, board, page))
    there = forum.topic(id)
    if there is None or there[0].private:
        return _refused(drawn)
    return _page(drawn, "viewtopic", there[1].title, _topic(drawn, *there, page))


def _by_post(drawn: Board14, id: int) -> Response:
    for topic in drawn.forum.public():
        for post in topic.posts:
            if post.id == id:
                there = drawn.forum.topic(topic.id)
                assert there
                page = (post.number - 1) // drawn.forum.posts + 1
                return _page(drawn, "viewtopic", topic.title, _topic(drawn, *there, page))
    return _refused(drawn)


def _refused(drawn: Board14) -> Response:
    return _page(drawn, "message", "Info", message("Mauvaise requête. Le lien est incorrect ou périmé."))


def message(text: str) -> str:
    """PunBB's page with nothing but a sentence."""
    return f'<div class="main-content main-message"><p>{text}</p></div>'


def _page(drawn: Board14, name: str, title: str, body: str) -> Response:
    root = drawn.root
    text = f"""<!DOCTYPE html><html lang="fr" dir="ltr"><head><meta charset="utf-8" /><title>{escape(title)}</title>
<link rel="alternate" type="application/rss+xml" href="{root}/{"extern.php?action=feed&amp;type=rss" if drawn.scheme == "default" else "feed/rss/"}" />
<link rel="search" type="text/html" href="{root}/search.php" />
<link rel="stylesheet" type="text/css" href="{root}/style/Oxygen/Oxygen.min.css" /></head><body>
<div id="brd-{name}" class="brd-page basic-page"><div id="brd-wrap" class="brd">
<div id="brd-head" class="gen-content"><p id="brd-title"><a href="{root}/index.php">Le forum du jardin</a></p></div>
<div id="brd-navlinks" class="gen-content"><ul><li id="navindex"><a href="{root}/index.php">Accueil</a></li>
<li id="navuserlist"><a href="{root}/userlist.php">Membres</a></li><li id="navsearch"><a href="{root}/search.php">Recherche</a></li>
<li id="navregister"><a href="{root}/register.php">Inscription</a></li><li id="navlogin"><a href="{root}/login.php">Connexion</a></li></ul></div>
<div id="brd-main">{body}</div>
<div id="brd-about"><p id="copyright">Propulsé par <a href="http://punbb.informer.com/">PunBB</a></p></div>
</div></div></body></html>
"""
    return Response(text.encode(), headers=(("Expires", "Thu, 21 Jul 1977 07:30:00 GMT"),))


def _paging(drawn: Board14, last: int, page: int, what: str, id: int, title: str) -> str:
    """functions.php paginate(): both ends and what lies around the page; -1 as in the row of a topic."""
    every = page == -1
    here = 1 if every else page
    if last <= 1:
        return '<strong class="first-item">1</strong>'
    wanted = {1, last, *range(max(1, here - 2), min(last, here + 2) + 1)}
    shown, before = [], 0
    for number in sorted(wanted):
        if number > before + 1:
            shown.append("<span>…</span>")
        before = number
        link = f'<a href="{drawn.url(what, id, title, number)}">{number}</a>'
        shown.append(link if number != here or every else f"<strong>{number}</strong>")
    return " ".join(shown)


def _info(label: str, page: int, size: int, total: int) -> str:
    if total <= size:
        return f'<h2 class="hn"><span><span class="item-info">{label} [ {total} ]</span></span></h2>'
    first, last = (page - 1) * size + 1, min(page * size, total)
    return f'<h2 class="hn"><span><span class="item-info">{label} [ {first} à {last} sur {total} ]</span></span></h2>'


def _index(drawn: Board14) -> str:
    rows = "".join(
        f"""<div id="forum{board.id}" class="main-item odd"><span class="icon "></span><div class="item-subject">
<h3 class="hn"><a href="{drawn.url("forum", board.id, board.name)}"><span>{escape(board.name)}</span></a></h3><p>À lire</p></div>
<ul class="item-info"><li class="info-topics"><strong>{len(board.topics) + len(board.left)}</strong> <span class="label">discussions</span></li>
<li class="info-posts"><strong>{sum(len(t.posts) for t in board.topics) + len(board.left)}</strong> <span class="label">messages</span></li>
<li class="info-lastpost">{_newest(drawn, board)}</li></ul></div>"""
        for board in drawn.forum.boards
        if not board.private
    )
    topics = sum(len(board.topics) + len(board.left) for board in drawn.forum.boards)
    posts = sum(len(topic.posts) for board in drawn.forum.boards for topic in board.topics)
    return f"""<div class="main-head"><h2 class="hn"><span>Vie du jardin</span></h2></div>
<div id="category1" class="main-content main-category">{rows}</div>
<div id="brd-stats" class="gen-content"><h2 class="hn"><span>Statistiques</span></h2><ul>
<li class="st-users"><span>Utilisateurs : <strong>1 207</strong></span></li>
<li class="st-users"><span>Le dernier : <strong><a href="{drawn.user(7)}">Zoë</a></strong></span></li>
<li class="st-activity"><span>Discussions : <strong>{topics}</strong></span></li>
<li class="st-activity"><span>Messages : <strong>{posts}</strong></span></li></ul></div>"""


def _newest(drawn: Board14, board: Board) -> str:
    posts = [topic.posts[-1] for topic in board.topics]
    if not posts:
        return "<strong>Jamais</strong>"
    post = max(posts, key=lambda post: post.posted)
    return f'<span class="label">Dernier</span> <strong><a href="{drawn.post(post.id)}">{when(post.posted)}</a></strong>'


def _board(drawn: Board14, board: Board, page: int) -> str:
    shown = [(topic, False) for topic in board.topics] + [(topic, True) for topic in board.left]
    size = drawn.forum.topics
    rows = "".join(_row(drawn, *one) for one in shown[(page - 1) * size : page * size])
    if not rows:
        return f"""<div class="main-head"><h2 class="hn"><span>Forum vide</span></h2></div><div id="forum{board.id}" class="main-content main-forum">
<div class="main-item empty main-first-item"><div class="item-subject"><h3 class="hn">Aucune discussion</h3></div></div></div>"""
    paging = _paging(drawn, -(-len(shown) // size), page, "forum", board.id, board.name)
    return f"""<div id="brd-pagepost-top"><p class="paging"><span class="pages">Pages</span> {paging}</p></div>
<div class="main-head">{_info("Discussions", page, size, len(shown))}</div>
<div id="forum{board.id}" class="main-content main-forum forum-views">{rows}</div>
<div class="main-foot">{_info("Discussions", page, size, len(shown))}</div>"""


def _row(drawn: Board14, topic: Topic, moved: bool) -> str:
    link = f'<a href="{drawn.url("topic", topic.id, topic.title)}">{escape(topic.title)}</a>'
    if moved:
        return f"""<div id="topic{topic.id}9" class="main-item odd moved"><div class="item-subject"><h3 class="hn"><span class="item-num">1</span><span class="item-status"><em class="moved">Déplacée</em></span> {link}</h3></div>
<ul class="item-info"><li class="info-replies"><span class="label">Pas de réponse</span></li></ul></div>"""
    last = drawn.forum.last(topic)
    pages = f"( Pages {_paging(drawn, last, -1, 'topic', topic.id, topic.title)} )" if last > 1 else ""
    replies = len(topic.posts) - 1 + drawn.forum.miscounted.get(topic.id, 0)
    final = topic.posts[-1]
    return f"""<div id="topic{topic.id}" class="main-item even normal"><span class="icon normal"></span><div class="item-subject">
<h3 class="hn"><span class="item-num">1</span> {link}</h3><p><span class="item-starter">par <cite>{escape(MEMBERS[topic.posts[0].author])}</cite></span> <span class="item-nav">{pages}</span></p></div>
<ul class="item-info"><li class="info-replies"><strong>{replies}</strong> <span class="label">réponses</span></li><li class="info-views"><strong>{topic.id * 31}</strong> <span class="label">vues</span></li>
<li class="info-lastpost"><strong><a href="{drawn.post(final.id)}">{when(final.posted)}</a></strong></li></ul></div>"""


def _topic(drawn: Board14, board: Board, topic: Topic, page: int) -> str:
    size = drawn.forum.posts
    page = page if 1 <= page <= drawn.forum.last(topic) else 1
    posts = "".join(_post(drawn, topic, post) for post in topic.posts[(page - 1) * size : page * size])
    paging = _paging(drawn, drawn.forum.last(topic), page, "topic", topic.id, topic.title)
    head = _info("Messages", page, size, len(topic.posts))
    return f"""<div id="brd-crumbs-top" class="crumbs"><a href="{drawn.root}/index.php">Le forum du jardin</a> » <a href="{drawn.url("forum", board.id, board.name)}">{escape(board.name)}</a></div>
<div id="brd-pagepost-top"><p class="paging"><span class="pages">Pages</span> {paging}</p></div>
<div class="main-head"><p class="options"><a class="feed" href="{drawn.root}/extern.php?action=feed&amp;tid={topic.id}&amp;type=rss">Flux</a></p>{head}</div>
<div id="forum{board.id}" class="main-content main-topic">{posts}</div><div class="main-foot">{head}</div>"""


def _post(drawn: Board14, topic: Topic, post: Post) -> str:
    name = escape(MEMBERS[post.author])
    file = ""
    if post.file:
        link = f"{drawn.root}/misc.php?action=pun_attachment&amp;item={post.file.id}&amp;download=1"
        file = f'<div class="attachments"><p>Fichiers joints</p><a href="{link}">{escape(post.file.name)}</a>, 2 Ko</div>'
    return f"""<div class="post odd{" firstpost topicpost" if post.number == 1 else " replypost"}">
<div id="p{post.id}" class="posthead"><h3 class="hn post-ident"><span class="post-num">{post.number}</span>
<span class="post-byline"><span>Réponse de </span><a title="Profil de {name}" href="{drawn.user(post.author + 2)}">{name}</a></span>
<span class="post-link"><a class="permalink" rel="bookmark" href="{drawn.post(post.id)}">{when(post.posted)}</a></span></h3></div>
<div class="postbody"><div class="post-author"><ul class="author-ident"><li class="useravatar"><img src="{drawn.root}/img/avatars/{post.author + 2}.png?v=1" alt="" /></li>
<li class="username"><a href="{drawn.user(post.author + 2)}">{name}</a></li></ul></div><div class="post-entry">
<h4 id="pc{post.id}" class="entry-title hn">{"" if post.number == 1 else "Re : "}{escape(topic.title)}</h4>
<div class="entry-content"><p>{escape(post.text)} {post.marker}</p>
<p class="lastedit"><em>Modifié par admin (2015-01-02 03:04:05)</em></p>
<div class="sig-content"><span class="sig-line"></span><p>Signature de {name}</p></div>{file}</div></div></div>
<div class="postfoot"><div class="post-options"><p class="post-actions"><span class="report-post"><a href="{drawn.root}/misc.php?report={post.id}">Signaler</a></span>
<span class="quote-post"><a href="{drawn.root}/post.php?tid={topic.id}&amp;qid={post.id}">Citer</a></span></p></div></div></div>
"""


__all__ = ["SCHEMES", "TRAPS", "message", "punbb"]
