"""An SMF as visitors meet it, drawn from the markup of 2.0 and 2.1; served by `static.Site`.

As the original: one URL a post beside one a page, a page index whose middle only JavaScript fills, session ids
in the links until a cookie returns, a private board that no list shows and the totals include, a topic that
moved and answers with a redirect (2.1 only), a board that counts clicks and leads away, dates by day names.
"""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Literal

from tests.sites.forum_model import MEMBERS, Board, File, Forum, Post, Topic
from tests.sites.phpbb import PNG
from tests.sites.static import Part, Request, Response

TRAPS = (
    *(r"\.msg\d", r"\.new", r"\.from\d", "prev_next", r"[;,]all", r"[;,]sort", "topicseen", "PHPSESSID"),
    *("action=(?!dlattach|\\.xml;type=rss$)", r"board=99", r"\.xml;.*board", "wap", "theme="),
)
"""What no crawl should ask for, as expressions."""
GONE = 9_998  # a topic that was deleted, and is linked to
MOVED = 5_000  # added to a topic's id: what was left behind when it moved


@dataclass
class Smf:
    """A forum and what SMF makes of it.

    version: of the markup. queryless: addresses such as index.php/topic,45.0.html. sessions: PHPSESSID in the
    links until a cookie returns. closed: answers that the forum is in maintenance, at 200, for these requests.
    """

    forum: Forum
    version: Literal["2.0", "2.1"] = "2.1"
    base: str = "/forum/"
    queryless: bool = False
    sessions: bool = False
    closed: Callable[[Request], bool] = field(default=lambda request: False)

    @property
    def new(self) -> bool:
        return self.version == "2.1"

    def part(self) -> Part:
        return lambda request: self._answer(request) if request.path.startswith(self.base) else None

    def listed(self, board: Board) -> list[tuple[Topic, str]]:
        """The rows of a board: topic and "", "sticky" or "moved"."""
        rows = [(topic, "sticky") for topic in board.topics if topic.sticky]
        normal = [topic for topic in board.topics if not topic.sticky]
        normal.sort(key=lambda topic: topic.posts[-1].posted, reverse=True)
        return rows + [(topic, "") for topic in normal] + [(topic, "moved") for topic in self.left(board)]

    def left(self, board: Board) -> list[Topic]:
        return board.left if self.new else []

    def link(self, kind: str, id: int, start: int | str = 0) -> str:
        """The address of a list; `~` stands for where the forum lies."""
        if self.queryless:
            return f"~index.php/{kind},{id}.{start}.html"
        return f"~index.php?{kind}={id}.{start}"

    # --- answers

    def _answer(self, request: Request) -> Response | None:
        path, query = request.path.removeprefix(self.base), request.target.partition("?")[2]
        query = re.sub(r"PHPSESSID=\w+(?:&|;)?", "", query)
        said = dict(part.partition("=")[::2] for part in query.split(";") if part)
        if found := re.fullmatch(r"index\.php/(board|topic),([\w.]+)\.html", path):
            said, path = {found[1]: found[2]}, "index.php"
        if path.endswith((".css", ".js")):
            return Response(b"body { background: url(../images/bg.png) }", "text/css")
        if path.endswith((".png", ".gif")):
            return Response(PNG, "image/png")
        if path not in ("", "index.php"):
            return None
        response = self._shown(request, said)
        if not self.sessions or "PHPSESSID=" in request.headers.get("cookie", ""):
            return self._at_home(request, response)
        session = hashlib.md5(str(request.number).encode()).hexdigest()
        response = self._at_home(request, response, f"PHPSESSID={session}&amp;")
        cookie = ("Set-Cookie", f"PHPSESSID={session}; path=/")
        return Response(response.body, response.kind, response.status, (*response.headers, cookie))

    def _at_home(self, request: Request, response: Response, session: str = "") -> Response:
        """All links are absolute: SMF writes its own address into each."""
        if not isinstance(response.body, bytes) or not response.kind.startswith("text/html"):
            return response
        home = f"http://{request.headers['host']}{self.base}"
        text = response.body.decode().replace("~index.php?", f"~index.php?{session}").replace("~", home)
        return Response(text.encode(), response.kind, response.status, response.headers)

    def _shown(self, request: Request, said: dict[str, str]) -> Response:
        if self.closed(request):
            body = '<div id="maintenance_mode"><h3 class="catbg">Maintenance</h3><p>Le forum est en travaux.</p></div>'
            return self._page("Maintenance", body + _login())
        if "action" in said:
            return self._action(said)
        if "topic" in said:
            return self._topic(said["topic"])
        if "board" in said:
            return self._board(said["board"])
        return self._page("Le forum du jardin", self._index())

    def _action(self, said: dict[str, str]) -> Response:
        if said["action"] == ".xml":
            return Response(b'<?xml version="1.0"?><rss version="2.0"><channel></channel></rss>', "text/xml")
        if said["action"] != "dlattach":
            return self._error("Un piège.")
        id = _int(said.get("attach"))
        for board in self.forum.boards:
            for topic in board.topics:
                for post in topic.posts:
                    if post.file and id in (post.file.id, post.file.id + 1_000):
                        if board.private:
                            return self._error("Vous n’êtes pas autorisé à voir ce fichier.", 403)
                        body = PNG + (post.file.marker.encode() if id == post.file.id else b"")
                        return Response(body, "image/png", headers=(("ETag", f'"{id}"'),))
        return self._error("La pièce jointe est introuvable.", 404)

    def _topic(self, said: str) -> Response:
        name, _, start = said.partition(".")
        id = _int(name)
        moved = [topic for board in self.forum.boards for topic in self.left(board) if topic.id + MOVED == id]
        if moved:
            return Response(
                b"",
                status=302,
                headers=(("Location", self.link("topic", moved[0].id).replace("~", self.base)),),
            )
        found = self.forum.topic(id)
        if found is None or found[0].private:
            return self._error(
                "Le fil ou la section que vous recherchez semble être soit manquant, soit hors limite pour vous.",
                403 if self.new else 200,
            )
        first = min(_int(start) if start.isdigit() else 0, len(found[1].posts) - 1)
        first -= first % self.forum.posts
        usual = self.link("topic", id, first)
        return self._page(found[1].title, self._posts(found[1], first), usual=usual)

    def _board(self, said: str) -> Response:
        name, _, start = said.partition(".")
        board = self.forum.board(_int(name))
        if board is None:
            return self._error("La section n’existe pas.", 404)
        if board.private:
            return self._page("Connexion", _login())
        return self._page(board.name, self._list(board, _int(start)))

    def _error(self, words: str, status: int = 200) -> Response:
        box = f'<div id="fatal_error"><div class="cat_bar"><h3 class="catbg">Une erreur !</h3></div><div class="windowbg"><div class="padding">{words}</div></div></div>'
        return self._page("Une erreur !", box, status)

    # --- pages

    def _page(self, title: str, body: str, status: int = 200, usual: str = "~index.php") -> Response:
        text = f"""<!DOCTYPE html><html lang="fr-FR"><head><meta charset="UTF-8">
<link rel="stylesheet" href="~Themes/default/css/index.css?smf21"><script>
var smf_theme_url = "~Themes/default"; var smf_scripturl = "~index.php"; var smf_session_id = "{hashlib.md5(title.encode()).hexdigest()}";
</script><title>{escape(title)}</title><link rel="canonical" href="{usual}"><link rel="contents" href="~index.php">
<link rel="alternate" type="application/rss+xml" title="RSS" href="~index.php?action=.xml;type=rss">
<link rel="alternate" type="application/atom+xml" title="Atom" href="~index.php?action=.xml;type=atom;board=2"></head>
<body id="chrome" class="action_none"><div id="footerfix"><div id="top_section"><ul id="top_info">
<li><a href="~index.php?action=login" onclick="return reqOverlayDiv(this.href)">Connexion</a></li><li><a href="~index.php?action=signup">Inscription</a></li></ul>
<div class="user"><time datetime="{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}">{when(datetime.now(UTC))}</time></div></div>
<ul class="dropmenu menu_nav"><li><a href="~index.php">Accueil</a></li><li><a href="~index.php?action=help">Aide</a></li>
<li><a href="~index.php?action=search">Rechercher</a></li><li><a href="~index.php?action=mlist">Membres</a></li>
<li><a href="~index.php?action=calendar">Agenda</a></li><li><a href="~index.php?action=recent">Récents</a></li></ul>
<div id="main_content_section">{body}</div></div><div id="footer"><ul><li class="copyright"><a href="~index.php?action=credits">SMF {self.version}.4</a>,
<a href="https://www.simplemachines.org" title="Simple Machines">Simple Machines</a></li></ul><p>Page créée en 0.{len(body) % 999} secondes</p></div></body></html>
"""
        return Response(text.encode(), status=status, headers=(("Cache-Control", "private"),))

    def _index(self) -> str:
        every = [topic for board in self.forum.boards for topic in board.topics]
        posts = sum(len(topic.posts) for topic in every)
        rows = "".join(
            self._row(board) for board in self.forum.boards if not board.private and board.parent is None
        )
        words = f"{posts} messages dans {len(every) + 4} fils de discussion par 1 207 membres. Dernier membre : <a href='~index.php?action=profile;u=3'>Zoë</a>"
        if self.new:
            door = '<div id="board_99" class="up_contain"><div class="board_icon"><a href="~index.php?board=99.0" class="board_redirect"></a></div><div class="info"><a class="subject mobile_subject" href="~index.php?board=99.0" id="b99">Notre site</a></div><div class="board_stats"><p>Redirections: 1 204<br></p></div></div>'
            return f"""<div id="boardindex_table" class="boardindex_table"><div class="main_container"><div class="cat_bar" id="category_1"><h3 class="catbg"><a id="c1"></a>
<a class="unreadlink" href="~index.php?action=unread;c=1">Non lus</a>Vie du jardin</h3></div><div id="category_1_boards">{rows}{door}</div></div></div>
<div class="roundframe" id="info_center"><div id="upshrink_stats"><div class="sub_bar"><h4 class="subbg"><a href="~index.php?action=stats" title="Plus"><span class="main_icons stats"></span> Statistiques</a></h4></div>
<p class="inline">{words}</p><div class="sub_bar"><h4 class="subbg"><a href="~index.php?action=who">En ligne</a></h4></div><p class="inline"><a href="~index.php?action=who">{posts % 5} invités</a></p></div></div>"""
        door = '<tr id="board_99" class="windowbg2"><td class="icon windowbg"><a href="~index.php?board=99.0"><img src="~Themes/default/images/redirect.gif" alt="*"></a></td><td class="info"><a class="subject" href="~index.php?board=99.0" name="b99">Notre site</a></td><td class="stats windowbg"><p>1 204 Redirections <br /></p></td></tr>'
        return f"""<div id="boardindex_table"><table class="table_list"><tbody class="header" id="category_1"><tr><td colspan="4"><h3 class="catbg">Vie du jardin</h3></td></tr></tbody>
<tbody class="content" id="category_1_boards">{rows}{door}</tbody></table></div><div id="upshrinkHeaderIC"><div class="title_barIC"><h4 class="titlebg"><span>
<a href="~index.php?action=stats"><img src="~Themes/default/images/icons/info.gif" alt=""></a> Statistiques</span></h4></div><p>{words}<br /></p></div>"""

    def _row(self, board: Board) -> str:
        below = [other for other in self.forum.boards if other.parent == board.id]
        topics, posts = len(self.listed(board)), sum(len(topic.posts) for topic in board.topics)
        link, name = self.link("board", board.id), escape(board.name)
        newest = max((t.posts[-1] for t in board.topics), key=lambda post: post.posted, default=None)
        last = (
            f'<strong>Dernier message</strong> <a href="{self.link("topic", 1, f"msg{newest.id}")}#new">…</a> {when(newest.posted)}'
            if newest
            else ""
        )
        subs = "".join(
            f'<span><a href="{self.link("board", one.id)}" title="Pas de nouveau message (Fils : {len(one.topics)}, Messages : 7)">{escape(one.name)}</a></span>'
            for one in below
        )
        if self.new:
            children = (
                f'<div id="board_{board.id}_children" class="children"><p><strong id="child_list_{board.id}">Sous-sections</strong>{subs}</p></div>'
                if subs
                else ""
            )
            return f"""<div id="board_{board.id}" class="up_contain"><div class="board_icon"><a href="{link}" class="board_off"></a></div>
<div class="info"><a class="subject mobile_subject" href="{link}" id="b{board.id}">{name}</a><div class="board_description">À lire, du 12/03 au 14/07</div></div>
<div class="board_stats centertext"><p>Messages: {posts}<br>Fils de discussion: {topics}</p></div><div class="lastpost"><p>{last}</p></div>{children}</div>"""
        children = (
            f'<tr id="board_{board.id}_children"><td colspan="3" class="children windowbg"><strong>Sous-sections</strong>: {subs}</td></tr>'
            if subs
            else ""
        )
        return f"""<tr id="board_{board.id}" class="windowbg2"><td class="icon windowbg"><a href="{link}"><img src="~Themes/default/images/off.gif" alt=""></a></td>
<td class="info"><a class="subject" href="{link}" name="b{board.id}">{name}</a><p>À lire, du 12/03 au 14/07</p></td>
<td class="stats windowbg"><p>{posts} Messages <br />{topics} Fils de discussion</p></td><td class="lastpost"><p>{last}</p></td></tr>{children}"""

    def _pages(self, kind: str, id: int, count: int, size: int, start: int) -> str:
        """Subs.php constructPageIndex: both ends and what lies around; the rest by JavaScript."""
        last = max(0, (count - 1) // size * size)
        if kind == "board" and last == 0:
            return '<div class="pagelinks floatleft"><a href="#bot" class="button">En bas</a> <span class="current_page">1</span></div>'
        shown = [at for at in range(0, last + 1, size) if at in (0, last) or abs(at - start) <= 2 * size]
        parts, before = [], -size
        for at in shown:
            if at != before + size:
                parts.append(
                    f'<span class="expand_pages" onclick="expandPages(this, \'{self.link(kind, id, "%1$d")}\', {before + size}, {at}, {size});"> ... </span>'
                )
            one = f'<a class="{"nav_page" if self.new else "navPages"}" href="{self.link(kind, id, at)}">{at // size + 1}</a>'
            parts.append(f'<span class="current_page">{at // size + 1}</span>' if at == start else one)
            before = at
        everything = (
            f'<a class="nav_page" href="{self.link(kind, id)};all">Tous</a>'
            if kind == "topic" and not self.queryless
            else ""
        )
        return f'<div class="pagelinks floatleft"><a href="#bot" class="button">En bas</a> <span class="pages">Pages</span> {" ".join(parts)} {everything}</div>'

    def _list(self, board: Board, start: int) -> str:
        rows = self.listed(board)
        start -= start % self.forum.topics
        here = rows[start : start + self.forum.topics]
        below = [other for other in self.forum.boards if other.parent == board.id]
        drawn = "".join(self._topic_row(*one) for one in here)
        pages = self._pages("board", board.id, len(rows), self.forum.topics, start)
        sort = f'<a href="~index.php?board={board.id}.{start};sort=subject">Titre</a> <a href="~index.php?board={board.id}.{start};sort=views;desc">Vues</a>'
        more = f'<a class="button" href="~index.php?action=post;board={board.id}.0">Nouveau</a> <a class="button" href="~index.php?action=markasread;sa=board;board={board.id}.0;a1b2c3d4={"0" * 32}">Marquer comme lu</a>'
        subs = "".join(map(self._row, below))
        if self.new:
            subs = (
                f'<div id="board_{board.id}_childboards" class="boardindex_table">{subs}</div>'
                if subs
                else ""
            )
            table = f'<div class="title_bar" id="topic_header"><div class="info">{sort}</div></div><div id="topic_container">{drawn}</div>'
        else:
            subs = (
                f'<div class="tborder childboards" id="board_{board.id}_childboards"><table class="table_list">{subs}</table></div>'
                if subs
                else ""
            )
            table = f'<table class="table_grid"><thead><tr><th>{sort}</th></tr></thead><tbody>{drawn}</tbody></table>'
        return f'{subs}<div class="pagesection">{pages}{more}</div><div id="messageindex" class="tborder topic_table">{table}</div><div class="pagesection">{pages}</div>'

    def _topic_row(self, topic: Topic, kind: str) -> str:
        id = topic.id + (MOVED if kind == "moved" else 0)
        first, replies = topic.posts[0].id, len(topic.posts) - 1 + self.forum.miscounted.get(topic.id, 0)
        replies = 0 if kind == "moved" else replies
        link = self.link("topic", id)
        pages = ""
        if len(topic.posts) > self.forum.posts and kind != "moved":
            pages = f'<span id="pages{first}" class="topic_pages"><a class="nav_page" href="{link}">1</a> <a class="nav_page" href="{self.link("topic", id, self.forum.posts)}">2</a></span>'
        last = f'<a href="{self.link("topic", id, f"msg{topic.posts[-1].id}")}#new">{when(topic.posts[-1].posted)}</a> par <a href="~index.php?action=profile;u=2">{escape(MEMBERS[topic.posts[-1].author])}</a>'
        title = f'<span id="msg_{first}"><a href="{link}">{escape(("DÉPLACÉ : " if kind == "moved" else "") + topic.title)}</a></span>'
        if self.new:
            icon = '<span class="main_icons move"></span>' if kind == "moved" else ""
            return f"""<div class="windowbg {kind}"><div class="board_icon"><img src="~Themes/default/images/post/xx.png" alt=""></div><div class="info info_block"><div>
<div class="icons floatright">{icon}</div><div class="message_index_title"><span class="preview">{title}</span></div><p class="floatleft">Démarré par {escape(MEMBERS[topic.posts[0].author])}</p>{pages}</div></div>
<div class="board_stats centertext"><p>Réponses: {replies}<br>Vues: {topic.id * 31}</p></div><div class="lastpost"><p>{last}</p></div></div>"""
        return f"""<tr><td class="icon1 windowbg"><img src="~Themes/default/images/topic/normal_post.gif" alt=""></td><td class="subject windowbg2"><div>{title}<p>Démarré par Zoë <small id="pages{first}">{pages}</small></p></div></td>
<td class="stats windowbg">{replies} Réponses <br />{topic.id * 31} Vues</td><td class="lastpost windowbg2">{last}</td></tr>"""

    def _posts(self, topic: Topic, start: int) -> str:
        start -= start % self.forum.posts
        shown = topic.posts[start : start + self.forum.posts]
        pages = self._pages("topic", topic.id, len(topic.posts), self.forum.posts, start)
        drawn = "".join(self._post(topic, post) for post in shown)
        near = "".join(
            f'<a href="~index.php?topic={topic.id}.0;prev_next={way}#new">{way}</a> '
            for way in ("prev", "next")
        )
        tools = f'<a class="button" href="~index.php?action=printpage;topic={topic.id}.0">Imprimer</a> <a class="button" href="~index.php?action=post;topic={topic.id}.{start}">Répondre</a>'
        poll = (
            '<div id="poll"><div class="windowbg"><dl class="options"><dt>Oui</dt><dd class="statsbar">3</dd></dl></div></div>'
            if topic.sticky
            else ""
        )
        return f"""<div id="display_head"><h2 class="display_title"><span id="top_subject">{escape(topic.title)}</span></h2><span class="nextlinks floatright">{near}</span>
<p>0 membres et {topic.id % 5} invités</p></div>{poll}<div class="pagesection top">{tools}{pages}</div>
<div id="forumposts"><form action="~index.php?action=quickmod2;topic={topic.id}.{start}" method="post">{drawn}</form></div><div class="pagesection">{pages}</div>"""

    def _post(self, topic: Topic, post: Post) -> str:
        name = escape(MEMBERS[post.author])
        profile = f"~index.php?action=profile;u={post.author + 1}"
        link = f"{self.link('topic', topic.id, f'msg{post.id}')}#msg{post.id}"
        text = f'{escape(post.text)} <img src="~Smileys/default/smiley.gif" alt=":)" class="smiley"> {post.marker}'
        if post is self.forum.boards[0].topics[0].posts[0]:
            private = next(board for board in self.forum.boards if board.private)
            text += f' <a href="{self.link("board", private.id)}">le bureau</a> <a href="{self.link("topic", private.topics[0].id)}">un fil du bureau</a>'
            text += f' <a href="{self.link("topic", GONE)}">parti</a>'
        number = f'<span class="page_number floatright">#{post.number - 1}</span>' if post.number > 1 else ""
        if self.new:
            info = f'<div id="subject_{post.id}" class="subject_title"><a href="{link}" rel="nofollow">{escape(topic.title)}</a></div>{number}<div class="postinfo"><a href="{link}" rel="nofollow" title="Réponse #{post.number - 1}" class="smalltext">{when(post.posted)}</a><span class="smalltext modified floatright mvisible" id="modified_{post.id}"><span class="lastedit">Modifié : Hier</span></span></div>'
        else:
            info = f'<div class="messageicon"><img src="~Themes/default/images/post/xx.gif" alt=""></div><h5 id="subject_{post.id}"><a href="{link}" rel="nofollow">{escape(topic.title)}</a></h5><div class="smalltext">&#171; <strong>Réponse #{post.number - 1} le:</strong> {when(post.posted)} &#187;</div><div id="msg_{post.id}_quick_mod"></div>'
        return f"""<div class="windowbg" id="msg{post.id}"><div class="post_wrapper"><div class="poster"><h4><a href="{profile}" title="Profil">{name}</a></h4>
<ul class="user_info"><li class="avatar"><a href="{profile}"><img class="avatar" src="~avatars/{post.author}.png" alt=""></a></li><li class="postcount">Messages: 1 204</li></ul></div>
<div class="postarea"><div class="keyinfo">{info}</div><div class="post"><div class="inner" data-msgid="{post.id}" id="msg_{post.id}">{text}</div></div>{_attached(topic, post.file, post.id) if post.file else ""}
<div class="under_message"><a href="~index.php?action=reporttm;topic={topic.id}.0;msg={post.id}">Signaler</a> <a href="~index.php?action=likes;ltype=msg;sa=like;like={post.id}">J’aime</a></div></div>
<div class="moderatorbar"><div class="signature" id="msg_{post.id}_signature">Signature de {name}</div></div></div></div><hr class="post_separator">"""


def _attached(topic: Topic, file: File, post: int) -> str:
    """Themes/default/Display.template.php: a file, or a picture with a smaller copy."""
    link = f"~index.php?action=dlattach;topic={topic.id}.0;attach={file.id}"
    picture = ""
    if file.id % 2:
        small = f"~index.php?action=dlattach;topic={topic.id}.0;attach={file.id + 1_000};image"
        picture = f'<div class="attachments_top"><a href="{link};image" id="link_{file.id}"><img src="{small}" alt="" id="thumb_{file.id}"></a></div>'
    return f'<div id="msg_{post}_footer" class="attachments"><div class="attached">{picture}<div class="attachments_bot"><a href="{link}"><span class="main_icons clip"></span>{escape(file.name)}</a> (12,5 Ko, 800x600 - vu 3 fois)</div></div></div>'


def _login() -> str:
    return """<div class="login"><div class="cat_bar"><h3 class="catbg">Connexion</h3></div><form class="login" action="~index.php?action=login2" name="frmLogin" id="frmLogin" method="post">
<p class="information centertext">Seuls les membres inscrits peuvent accéder à cette section.</p><input type="text" name="user"><input type="password" name="passwrd"></form></div>"""


def _int(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"\d+", text) else 0


def when(moment: datetime) -> str:
    """Subs.php timeformat(): "%d %B %Y à %H:%M:%S", today and yesterday by name; the forum's time is UTC."""
    days = (datetime.now(UTC).date() - moment.date()).days
    clock = f"{moment:%H:%M:%S}"
    if days in (0, 1):
        return f"<strong>{('Aujourd’hui', 'Hier')[days]}</strong> à {clock}"
    month = [
        "Janvier",
        "Février",
        "Mars",
        "Avril",
        "Mai",
        "Juin",
        "Juillet",
        "Août",
        "Septembre",
        "Octobre",
        "Novembre",
        "Décembre",
    ][moment.month - 1]
    return f"{moment:%d} {month} {moment.year} à {clock}"


__all__ = ["GONE", "MOVED", "TRAPS", "Smf", "when"]
