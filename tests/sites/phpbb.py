"""A phpBB as visitors meet it, drawn from the markup of prosilver 3.0 and 3.3; served by `static.Site`.

As the original: one URL a post beside one a page, pages linked only around the present one and at both ends,
announcements shown in boards they do not count in, topics that left a shadow (one of them to where visitors
may not look: its row is missing, and that page's number is one less), a private board that is listed and asks
for a login at 200, counters that include it, a board that counts clicks and leads away, dates by day names.
"""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Literal

from tests.sites.forum_model import MEMBERS, Board, File, Forum, Post, Topic
from tests.sites.static import Part, Request, Response

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)
TRAPS = (
    *(r"[?&]p=", r"[?&]view=", r"[?&]s[kdt]=", r"[?&]hilit=", r"[?&]sid=", r"[?&]archive=", r"[?&]mark="),
    *("memberlist", "viewonline", "search", "posting", "report", "cron", "mcp", "f=99", r"feed/|feed\.php\?"),
    *(r"ucp\.php(?!\?mode=terms|\?mode=privacy)", r"[?&]t=\d+&f=", r"start=0(?!\d)", r"[?&]e="),
)
"""What no crawl should ask for, as expressions."""
ZONE = timezone(timedelta(hours=1))
GONE = 9_998  # a topic that was deleted, and is linked to


@dataclass
class PhpBB:
    """A forum and what phpBB makes of it.

    style: of the markup and of the addresses. closed: answers a board-wide notice at 200 for these requests.
    more: topic id → how many posts more than there are the topic itself claims.
    """

    forum: Forum
    style: Literal["3.0", "3.3"] = "3.3"
    base: str = "/forum/"
    closed: Callable[[Request], bool] = field(default=lambda request: False)
    more: dict[int, int] = field(default_factory=dict)

    @property
    def new(self) -> bool:
        return self.style == "3.3"

    def part(self) -> Part:
        return lambda request: self._answer(request) if request.path.startswith(self.base) else None

    # --- what is where

    @property
    def everywhere(self) -> Topic:
        """The topic announced in every board. It lies in the first one."""
        return self.forum.boards[0].topics[0]

    @property
    def announced(self) -> Topic:
        """The topic announced in its own board, the second."""
        return self.forum.boards[1].topics[0]

    def listed(self, board: Board) -> list[tuple[Topic, str] | None]:
        """The board's list without announcements: topic and "", "sticky" or "moved"; None: not to be seen."""
        pinned = [t for t in board.topics if t.sticky and t not in (self.everywhere, self.announced)]
        normal = [t for t in board.topics if not t.sticky]
        normal.sort(key=lambda topic: topic.posts[-1].posted, reverse=True)
        rows: list[tuple[Topic, str] | None] = [(topic, "sticky") for topic in pinned]
        rows += [(topic, "") for topic in normal]
        rows += [(topic, "moved") for topic in board.left]
        if board is self.forum.boards[0]:
            rows.insert(5, None)
        return rows

    def topic_url(self, board: Board, topic: Topic, start: int = 0) -> str:
        f = "" if self.new else f"f={board.id}&amp;"
        return f"./viewtopic.php?{f}t={topic.id}" + (f"&amp;start={start}" if start else "")

    # --- answers

    def _answer(self, request: Request) -> Response | None:
        path, query = request.path.removeprefix(self.base), request.query
        if self.closed(request):
            return self._message("index", "Désolé, mais ce forum est actuellement indisponible.")
        if path in ("", "index.php"):
            return self._page("index", "Page d’accueil", self._index())
        if path == "viewforum.php":
            return self._forum(query)
        if path == "viewtopic.php":
            return self._topic(query)
        if path == "download/file.php":
            return self._from_below(self._file(query))
        if path.endswith((".css", ".js")):
            return Response(b"body { background: url(./images/bg.png) }", "text/css")
        if path.endswith((".png", ".gif")):
            return Response(PNG, "image/png")
        if path in ("app.php/feed", "feed.php") and not query:
            return Response(
                b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"></feed>',
                "application/atom+xml",
            )
        if path.endswith(".php") or path.startswith("app.php"):
            return self._message(path[:-4], "Un piège.")
        return None

    def _forum(self, query: dict[str, str]) -> Response:
        board = self.forum.board(_int(query.get("f")))
        if board is None:
            return self._message("viewforum", "Le forum que vous souhaitez consulter n’existe pas.", 404)
        if board.private:
            return self._login("viewforum", "Vous devez être inscrit et connecté pour consulter ce forum.")
        return self._page("viewforum", board.name, self._board(board, _int(query.get("start"))))

    def _topic(self, query: dict[str, str]) -> Response:
        found = self.forum.topic(_int(query.get("t")))
        start = _int(query.get("start"))
        if "p" in query:
            number = _int(query["p"])
            for board in self.forum.boards:
                for topic in board.topics:
                    if any(post.id == number for post in topic.posts):
                        found, start = (board, topic), 0
        if found is None:
            return self._message(
                "viewtopic", "Le sujet que vous souhaitez consulter n’existe pas.", 404 if self.new else 200
            )
        board, topic = found
        if board.private:
            return self._login("viewtopic", "Vous devez être inscrit et connecté pour consulter ce forum.")
        start = min(start, (len(topic.posts) - 1) // self.forum.posts * self.forum.posts)
        page = self._page("viewtopic", topic.title, self._posts(board, topic, start))
        if not self.new:
            return page
        link = f"{self.base}viewtopic.php?t={topic.id}" + (f"&amp;start={start}" if start else "")
        assert isinstance(page.body, bytes)
        canonical = f'<link rel="canonical" href="{link}"></head>'.encode()
        return replace(page, body=page.body.replace(b"</head>", canonical))

    def _file(self, query: dict[str, str]) -> Response:
        if "avatar" in query:
            return Response(PNG, "image/png")
        for board in self.forum.boards:
            for topic in board.topics:
                for post in topic.posts:
                    if post.file and post.file.id == _int(query.get("id")):
                        if board.private:
                            return self._message(
                                "file", "Vous n’êtes pas autorisé à consulter ce fichier.", 403
                            )
                        if "t" in query:
                            return Response(PNG, "image/png")
                        name = ("Content-Disposition", f"attachment; filename*=UTF-8''{post.file.id}.txt")
                        return Response(
                            PNG + post.file.marker.encode(), "application/octet-stream", headers=(name,)
                        )
        return self._message("file", "Le fichier sélectionné n’existe plus.", 404)

    def _from_below(self, response: Response) -> Response:
        """A script in a folder of its own leads out of it."""
        assert isinstance(response.body, bytes)
        body = (
            response.body.replace(b'="./', b'="./../')
            if response.kind.startswith("text/html")
            else response.body
        )
        return replace(response, body=body)

    def _message(self, name: str, text: str, status: int = 200) -> Response:
        body = f'<div class="panel" id="message"><div class="inner"><h2 class="message-title">Information</h2><p>{text}</p></div></div>'
        return self._page(name, "Information", body, status)

    def _login(self, name: str, text: str) -> Response:
        body = f"""<form action="./ucp.php?mode=login" method="post" id="login"><div class="panel"><div class="inner">
<div class="content"><h2 class="login-title">{text}</h2><fieldset><dl><dt><label for="username">Nom d’utilisateur :</label></dt>
<dd><input type="text" name="username" id="username" /></dd></dl><dl><dd><input type="password" name="password" /></dd></dl>
<a href="./ucp.php?mode=sendpassword">Mot de passe oublié</a></fieldset></div></div></div></form>"""
        return self._page(name, "Connexion", body)

    # --- pages

    def _page(self, name: str, title: str, body: str, status: int = 200) -> Response:
        now = datetime.now(ZONE)
        feed = "./app.php/feed" if self.new else "./feed.php"
        per_board = "./app.php/feed/forum/3" if self.new else "./feed.php?f=3"
        head = f"""<!DOCTYPE html>
<html dir="ltr" lang="fr"><head><meta charset="utf-8" /><title>{escape(title)} - Le forum du jardin</title>
<link rel="alternate" type="application/atom+xml" title="Flux" href="{feed}" />
<link rel="alternate" type="application/atom+xml" title="Flux - forum" href="{per_board}" />
<link href="./styles/prosilver/theme/stylesheet.css" rel="stylesheet" /></head>
<body id="phpbb" class="{"nojs notouch " if self.new else ""}section-{name} ltr">
<div id="wrap" class="wrap"><div id="page-header"><div class="headerbar"><div class="inner">
<a id="logo" class="logo" href="./index.php" title="Accueil"><span class="site_logo"></span></a><h1>Le forum du jardin</h1></div></div>
<div class="navbar"><ul id="nav-main" class="linklist"><li><a href="./search.php?search_id=active_topics">Sujets actifs</a></li>
<li><a href="./memberlist.php">Membres</a></li><li><a href="./ucp.php?mode=login">Connexion</a></li>
<li><a href="./ucp.php?mode=register">Inscription</a></li><li><a href="{"./app.php/help/faq" if self.new else "./faq.php"}">FAQ</a></li></ul></div></div>
<div id="page-body" class="page-body"><p class="right responsive-center time">Nous sommes le {when(now, now)}</p>
"""
        foot = f"""</div><div id="page-footer" class="page-footer"><div class="navbar"><ul class="linklist">
<li><a href="./ucp.php?mode=delete_cookies">Supprimer les cookies</a></li>
<li class="rightside">{'Fuseau horaire sur <span title="Europe/Paris">UTC+01:00</span>' if self.new else "Heures au format UTC + 1 heure"}</li></ul></div>
<div class="copyright">Développé par <a href="https://www.phpbb.com/">phpBB</a>® Forum Software © phpBB Limited</div></div></div>
<div><img src="./{"app.php/cron/cron.task.core.tidy_sessions" if self.new else "cron.php?cron_type=tidy_cache&amp;sid=1"}" width="1" height="1" alt="cron" /></div>
</body></html>
"""
        headers = (("Cache-Control", 'private, no-cache="set-cookie"'), ("Expires", "0"))
        return Response((head + body + foot).encode(), status=status, headers=headers)

    def _index(self) -> str:
        boards = [board for board in self.forum.boards if board.parent is None]
        rows = "".join(self._row(board) for board in boards)
        rows += f"""<li class="row">{self._dl("forum_link")}<dt title="Lien"><div class="list-inner"><a href="./viewforum.php?f=99" class="forumtitle">Notre site</a></div></dt>
<dd class="redirect"><span>Redirections : 1204</span></dd></dl></li>"""
        every = [topic for board in self.forum.boards for topic in board.topics]
        posts = sum(len(topic.posts) for topic in every)
        return f"""<div class="forabg"><div class="inner"><ul class="topiclist"><li class="header"><dl class="row-item">
<dt><div class="list-inner"><a href="./viewforum.php?f=1">Vie du jardin</a></div></dt></dl></li></ul>
<ul class="topiclist forums">{rows}</ul></div></div>
<form method="post" action="./ucp.php?mode=login" class="headerspace"><h3><a href="./ucp.php?mode=login">Connexion</a></h3>
<fieldset class="quick-login"><input type="text" name="username" /><input type="password" name="password" /></fieldset></form>
<div class="stat-block online-list"><h3><a href="./viewonline.php">Qui est en ligne ?</a></h3><p>Au total, il y a <strong>{posts % 7}</strong> utilisateurs</p></div>
<div class="stat-block statistics"><h3>Statistiques</h3><p><strong>{posts}</strong> messages &bull; <strong>{len(every) + 3}</strong> sujets &bull; <strong>1207</strong> membres</p></div>"""

    def _dl(self, picture: str) -> str:
        if self.new:
            return f'<dl class="row-item {picture}">'
        return f'<dl class="icon" style="background-image: url(./styles/prosilver/imageset/{picture}.gif); background-repeat: no-repeat;">'

    def _row(self, board: Board) -> str:
        below = [other for other in self.forum.boards if other.parent == board.id]
        topics = sum(len(one.topics) + len(one.left) for one in (board, *below)) + (board.id == 2)
        posts = sum(len(topic.posts) for one in (board, *below) for topic in one.topics)
        subs = ", ".join(
            f'<a href="./viewforum.php?f={one.id}" class="subforum read" title="Aucun message">{escape(one.name)}</a>'
            for one in below
        )
        newest = max((t.posts[-1] for t in board.topics), key=lambda post: post.posted, default=None)
        last = "Aucun message" if newest is None or board.private else self._last(newest)
        return f"""<li class="row">{self._dl("forum_read")}<dt title="Aucun message non lu"><div class="list-inner">
<a href="./viewforum.php?f={board.id}" class="forumtitle">{escape(board.name)}</a><br />À lire{f"<br /><strong>Sous-forum :</strong> {subs}" if subs else ""}</div></dt>
<dd class="topics">{topics} <dfn>Sujets</dfn></dd><dd class="posts">{posts} <dfn>Messages</dfn></dd>
<dd class="lastpost"><span>{last}</span></dd></dl></li>"""

    def _last(self, post: Post) -> str:
        return f"""<dfn>Dernier message</dfn> par <a href="./memberlist.php?mode=viewprofile&amp;u={post.author}" class="username">{escape(MEMBERS[post.author])}</a>
<a href="./viewtopic.php?p={post.id}#p{post.id}" title="Voir le dernier message">→</a><br />{self._date(post.posted)}"""

    def _date(self, moment: datetime) -> str:
        text = when(moment.astimezone(ZONE), datetime.now(ZONE))
        return f'<time datetime="{moment.isoformat()}">{text}</time>' if self.new else text

    def _bar(self, words: str, pages: str) -> str:
        classes = "action-bar bar-top" if self.new else "topic-actions"
        return f"""<div class="{classes}"><a href="./posting.php?mode=post&amp;f=2" class="button">Nouveau</a>
<div class="search-box"><a href="./search.php">Recherche avancée</a></div><div class="pagination">{words} {pages}</div></div>"""

    def _pages(self, count: int, size: int, start: int, link: str) -> str:
        """includes/functions.php generate_pagination, phpbb/pagination.php: both ends and what lies around."""
        last, here = max(1, -(-count // size)), start // size + 1
        shown = [n for n in range(1, last + 1) if n in (1, last) or abs(n - here) <= 2]
        parts, before = [], 0
        for n in shown:
            if n != before + 1:
                parts.append(
                    '<li class="ellipsis"><span>…</span></li>'
                    if self.new
                    else '<span class="page-dots"> ... </span>'
                )
            href = link + (f"&amp;start={(n - 1) * size}" if n > 1 else "")
            one = (
                f"<strong>{n}</strong>"
                if n == here
                else f'<a class="button" href="{href}" role="button">{n}</a>'
            )
            parts.append(f"<li>{one}</li>" if self.new else one)
            before = n
        if last == 1:
            return "&bull; Page <strong>1</strong> sur <strong>1</strong>"
        if self.new:
            return f'<ul><li class="page-jump"><a href="#"><span class="sr-only">Page <strong>{here}</strong> sur <strong>{last}</strong></span></a></li>{"".join(parts)}</ul>'
        return f'&bull; <a href="#" onclick="jumpto(); return false;">Page <strong>{here}</strong> sur <strong>{last}</strong></a> &bull; <span>{"".join(parts)}</span>'

    def _board(self, board: Board, start: int) -> str:
        rows = self.listed(board)
        here = rows[start : start + self.forum.topics]
        count = len(rows) - here.count(None)
        below = [other for other in self.forum.boards if other.parent == board.id]
        subs = (
            f'<div class="forabg"><ul class="topiclist forums">{"".join(map(self._row, below))}</ul></div>'
            if below
            else ""
        )
        announced = [(self.everywhere, "global-announce")]
        announced += [(self.announced, "announce")] if self.announced in board.topics else []
        above = "".join(self._topic_row(*one) for one in announced)
        listed = "".join(self._topic_row(*one) for one in here if one)
        pages = self._pages(len(rows), self.forum.topics, start, f"./viewforum.php?f={board.id}")
        mark = f'<a href="./viewforum.php?hash=5c7e1a2f&amp;f={board.id}&amp;mark=topics&amp;mark_time=1">Marquer comme lus</a> &bull; '
        bar = self._bar(f"{mark}{count} sujets", pages)
        return f"""<h2 class="forum-title"><a href="./viewforum.php?f={board.id}">{escape(board.name)}</a></h2>{subs}{bar}
<div class="forumbg announcement"><ul class="topiclist topics">{above}</ul></div>
<div class="forumbg"><ul class="topiclist"><li class="header"><dl><dt><a href="./viewforum.php?f={board.id}&amp;sk=a&amp;sd=d">Auteur</a></dt></dl></li></ul>
<ul class="topiclist topics">{listed}</ul></div>{bar}"""

    def _topic_row(self, topic: Topic, kind: str) -> str:
        found = self.forum.topic(topic.id)
        assert found
        link = self.topic_url(found[0], topic)
        image = {"moved": "topic_moved", "": "topic_read"}.get(kind, f"{kind}_read")
        many = len(topic.posts)
        pages = (
            f'<div class="pagination"><ul>{self._pages(many, self.forum.posts, -99, link)}</ul></div>'
            if many > self.forum.posts
            else ""
        )
        replies = many - 1 + self.forum.miscounted.get(topic.id, 0)
        return f"""<li class="row bg1{f" {kind}" if kind not in ("", "moved") else ""}">{self._dl(image)}<dt title="Aucun message non lu">
<div class="list-inner"><a href="{link}" class="topictitle">{escape(topic.title)}</a>{pages} par {escape(MEMBERS[topic.posts[0].author])}</div></dt>
<dd class="posts">{replies} <dfn>Réponses</dfn></dd><dd class="views">{topic.id * 31} <dfn>Vues</dfn></dd>
<dd class="lastpost"><span>{self._last(topic.posts[-1])}</span></dd></dl></li>"""

    def _posts(self, board: Board, topic: Topic, start: int) -> str:
        link = self.topic_url(board, topic)
        count = len(topic.posts) + self.more.get(topic.id, 0)
        pages = self._pages(count, self.forum.posts, start, link)
        unread = (
            f'<a href="{link}&amp;view=unread#unread">Premier message non lu</a> &bull; '
            if not self.new
            else ""
        )
        bar = self._bar(f"{unread}{count} messages", pages)
        shown = "".join(
            self._post(topic, post, link) for post in topic.posts[start : start + self.forum.posts]
        )
        poll = """<form method="post" action="./viewtopic.php" class="topic_poll"><dl><dt>Oui</dt><dd class="resultbar">3</dd></dl>
<dl class="poll_view_results"><dd><a href="LINK&amp;view=viewpoll">Voir les résultats</a></dd></dl></form>""".replace(
            "LINK", link
        )
        return f"""<h2 class="topic-title"><a href="{link}">{escape(topic.title)}</a></h2>
<a href="{link}&amp;view=print" title="Imprimer">Imprimer</a> <a href="{link}&amp;view=previous">Sujet précédent</a> <a href="{link}&amp;view=next">Sujet suivant</a>
{bar}{poll if topic.sticky else ""}{shown}<form method="post" action="{link}"><a href="{link}&amp;st=0&amp;sk=t&amp;sd=d">Trier</a></form>{bar}"""

    def _post(self, topic: Topic, post: Post, link: str) -> str:
        name, first = escape(MEMBERS[post.author]), post is self.everywhere.posts[0]
        text = f'{escape(post.text)} <img class="smilies" src="./images/smilies/icon_e_smile.gif" alt=":)" /> {post.marker}'
        if first:
            private = next(board for board in self.forum.boards if board.private)
            text += f' <a class="postlink" href="{self.topic_url(private, private.topics[0])}">le bureau</a>'
            text += f' <a class="postlink" href="./viewtopic.php?{"" if self.new else "f=2&amp;"}t={GONE}">parti</a>'
            text += (
                f' <a class="postlink" href="./download/file.php?id={_first_file(private).id}">le plan</a>'
            )
        author = (
            f'<a href="./memberlist.php?mode=viewprofile&amp;u={post.author}" class="username">{name}</a>'
        )
        date = self._date(post.posted)
        mini = f'<a class="unread" href="./viewtopic.php?p={post.id}#p{post.id}" title="Message"><span>Message</span></a>'
        return f"""<div id="p{post.id}" class="post has-profile bg2"><div class="inner">
<dl class="postprofile" id="profile{post.id}"><dt class="has-avatar"><div class="avatar-container"><a href="./memberlist.php?mode=viewprofile&amp;u={post.author}" class="avatar">
<img class="avatar" src="./download/file.php?avatar={post.author}_1287.png" width="60" height="60" alt="" /></a></div>{author}</dt>
<dd class="profile-posts"><strong>Messages :</strong> 1204</dd></dl>
<div class="postbody"><div id="post_content{post.id}"><h3 class="first"><a href="{"#p" if not self.new else f"./viewtopic.php?p={post.id}#p"}{post.id}">{escape(topic.title)}</a></h3>
<ul class="post-buttons"><li><a href="./posting.php?mode=quote&amp;p={post.id}">Citer</a></li><li><a href="{f"./app.php/post/{post.id}/report" if self.new else f"./report.php?f=2&amp;p={post.id}"}">Signaler</a></li></ul>
<p class="author">{mini}<span class="responsive-hide">par <strong>{author}</strong> &raquo; </span>{date} </p>
<div class="content">{text}</div>{_attached(post.file) if post.file else ""}
<div class="notice">Modifié en dernier par admin le {date}.</div><div id="sig{post.id}" class="signature">Signature de {name}</div>
</div></div></div></div><hr class="divider" />"""


def _attached(file: File) -> str:
    """styles/prosilver/template/attachment.html: a file, a picture, or a smaller copy of one."""
    link, name = f"./download/file.php?id={file.id}", escape(file.name)
    box = (
        f'<dl class="file"><dt><a class="postlink" href="{link}">{name}</a></dt><dd>(2 Kio) Téléchargé 3 fois</dd></dl>',
        f'<dl class="file"><dt class="attach-image"><img src="{link}&amp;mode=view" class="postimage" alt="{name}" /></dt></dl>',
        f'<dl class="thumbnail"><dt><a href="{link}&amp;mode=view"><img src="{link}&amp;t=1" class="postimage" alt="{name}" /></a></dt></dl>',
    )[file.id % 3]
    all_of_them = f'<div class="dl_links"><a href="./download/file.php?archive=.zip&amp;post_id={file.id}">zip</a></div>'
    return f'<dl class="attachbox"><dt>Fichiers joints {all_of_them}</dt><dd>{box}</dd></dl>'


def _first_file(board: Board) -> File:
    return next(post.file for topic in board.topics for post in topic.posts if post.file)


def _int(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"\d+", text) else 0


def when(moment: datetime, now: datetime) -> str:
    """phpbb/datetime.php: today and yesterday by name, else "D d M Y H:i" in French."""
    days = (now.date() - moment.date()).days
    clock = f"{moment:%H:%M}"
    if days in (0, 1):
        return f"{('Aujourd’hui', 'Hier')[days]}, {clock}"
    month = [
        "janv.",
        "févr.",
        "mars",
        "avr.",
        "mai",
        "juin",
        "juil.",
        "août",
        "sept.",
        "oct.",
        "nov.",
        "déc.",
    ][moment.month - 1]
    day = ["lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."][moment.weekday()]
    return f"{day} {moment.day} {month} {moment.year} {clock}"


__all__ = ["GONE", "PNG", "TRAPS", "ZONE", "PhpBB", "when"]
