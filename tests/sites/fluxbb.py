"""A FluxBB 1.5 as visitors meet it, drawn from the markup of its pages; served by `static.Site`.

As the original: one URL a post beside one a page, pages linked only around the present one and at both ends,
a private board that the index leaves out and its totals include, "Last-Modified: now", relative dates.
"""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import escape

from tests.sites.forum_model import MEMBERS, Board, Forum, Post, Topic
from tests.sites.static import Part, Request, Response

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)
TRAPS = (
    *(
        "pid=",
        "action=",
        "login.php",
        "register.php",
        "search.php",
        "userlist.php",
        "profile.php",
        "post.php",
    ),
    *("moderate.php", "extern.php", "help.php", "misc.php", "delete.php", "edit.php"),
)
"""What no crawl should ask for."""


def fluxbb(forum: Forum, base: str = "/forum/") -> Part:
    """The forum under `base`. What it shows follows from the forum as it is at that moment."""

    def part(request: Request) -> Response | None:
        if not request.path.startswith(base):
            return None
        return _answer(forum, request.path.removeprefix(base), request.query)

    return part


def _answer(forum: Forum, path: str, query: dict[str, str]) -> Response | None:
    id, page = (int(query.get(name, "0") or 0) for name in ("id", "p"))
    if path in ("", "index.php"):
        return _page("index", "Forums du jardin", _index(forum))
    if path == "viewforum.php":
        board = forum.board(id)
        if board is None or board.private:
            return _refused()
        return _page("viewforum", board.name, _board(forum, board, page))
    if path == "viewtopic.php":
        if pid := query.get("pid"):
            return _by_post(forum, int(pid))
        found = forum.topic(id)
        if found is None or found[0].private:
            return _refused()
        return _page("viewtopic", found[1].title, _topic(forum, *found, page))
    if path == "attachment.php":
        return _file(forum, int(query.get("item", "0")))
    if path.endswith(".css"):
        return Response(b"body { background: url(Air/bg.png) }", "text/css")
    if path.endswith(".png"):
        return Response(PNG, "image/png")
    if path.endswith(".php"):
        return _page(path[:-4], "?", '<div id="msg" class="block"><p>Un piège.</p></div>')
    return None


def _by_post(forum: Forum, pid: int) -> Response:
    for topic in forum.public():
        for post in topic.posts:
            if post.id == pid:
                board, _ = forum.topic(topic.id) or (None, None)
                assert board
                page = (post.number - 1) // forum.posts + 1
                return _page("viewtopic", topic.title, _topic(forum, board, topic, page))
    return _refused()


def _file(forum: Forum, id: int) -> Response:
    for file in forum.files():
        if file.id == id:
            name = ("Content-Disposition", f"attachment; filename={file.id}.txt")
            return Response(f"{file.marker}\n".encode(), "text/plain", headers=(name,))
    return _refused()


def _refused() -> Response:
    text = "Mauvaise requête. Le lien que vous avez suivi est incorrect ou périmé."
    return _page("viewtopic", "Info", message(text), status=404)


def message(text: str) -> str:
    """FluxBB's page with nothing but a sentence."""
    return f'<div id="msg" class="block"><h2><span>Info</span></h2><div class="box"><div class="inbox">\
<p>{text}</p></div></div></div>'


def _page(name: str, title: str, body: str, status: int = 200) -> Response:
    text = f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr" lang="fr" dir="ltr"><head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
<title>{escape(title)} / Le forum du jardin</title>
<link rel="stylesheet" type="text/css" href="style/Air.css" />
<link rel="alternate" type="application/atom+xml" href="extern.php?action=feed&amp;type=atom" title="Flux Atom" />
</head><body>
<div id="pun{name}" class="pun"><div class="top-box"></div><div class="punwrap">
<div id="brdheader" class="block"><div class="box">
<div id="brdtitle" class="inbox"><h1><a href="index.php">Le forum du jardin</a></h1></div>
<div id="brdmenu" class="inbox"><ul>
<li id="navindex"><a href="index.php">Accueil</a></li><li id="navuserlist"><a href="userlist.php">Membres</a></li>
<li id="navsearch"><a href="search.php">Recherche</a></li>
<li id="navregister"><a href="register.php">Inscription</a></li>
<li id="navlogin"><a href="login.php">Identification</a></li></ul></div>
<div id="brdwelcome" class="inbox"><p class="conl">Vous n'êtes pas identifié.</p><ul class="conr">
<li><a href="search.php?action=show_recent">Actives</a> | <a href="search.php?action=show_unanswered">Sans réponse</a>
</li></ul></div></div></div>
<div id="brdmain">{body}</div>
<div id="brdfooter" class="block"><div class="box"><div class="inbox">
<p id="poweredby">Propulsé par <a href="http://fluxbb.org/">FluxBB</a></p></div></div></div>
</div></div></body></html>
"""
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Response(
        text.encode(), status=status, headers=(("Last-Modified", now), ("Cache-Control", "no-cache"))
    )


def when(moment: datetime) -> str:
    """functions.php format_time(): today and yesterday by name, in UTC."""
    today = datetime.now(UTC).date()
    day = {today: "Aujourd'hui", today - timedelta(days=1): "Hier"}.get(moment.date())
    return f"{day or moment.date()} {moment:%H:%M:%S}"


def paginate(last: int, page: int, link: str) -> str:
    """functions.php paginate(): both ends and what lies around the page; -1 as in the row of a topic."""
    every = page == -1
    here = 1 if every else page
    shown: list[str] = []
    if last <= 1:
        return '<strong class="item1">1</strong>'
    if here > 1 and not every:
        back = "" if here == 2 else f"&amp;p={here - 1}"
        shown.append(f'<a rel="prev" href="{link}{back}">Précédent</a>')
    if here > 3:
        shown.append(f'<a href="{link}">1</a>')
        if here > 5:
            shown.append('<span class="spacer">…</span>')
    first = here - 3 if here == 5 else here - 2
    for number in range(first, here + 4 if here + 4 == last else here + 3):
        if 1 <= number <= last:
            if number != here or every:
                shown.append(f'<a href="{link}{f"&amp;p={number}" if number > 1 else ""}">{number}</a>')
            else:
                shown.append(f"<strong>{number}</strong>")
    if here <= last - 3:
        if here not in (last - 3, last - 4):
            shown.append('<span class="spacer">…</span>')
        shown.append(f'<a href="{link}&amp;p={last}">{last}</a>')
    if here < last and not every:
        shown.append(f'<a rel="next" href="{link}&amp;p={here + 1}">Suivant</a>')
    return " ".join(shown)


def _last(post: Post) -> str:
    return (
        f'<a href="viewtopic.php?pid={post.id}#p{post.id}">{when(post.posted)}</a> <span class="byuser">par \
{escape(MEMBERS[post.author])}</span>'
    )


def _newest(board: Board) -> str:
    posts = [topic.posts[-1] for topic in board.topics]
    return _last(max(posts, key=lambda post: post.posted)) if posts else "Jamais"


def _index(forum: Forum) -> str:
    rows = "".join(
        f"""<tr class="rowodd"><td class="tcl"><div class="icon"><div class="nosize">1</div></div><div class="tclcon">
<div><h3><a href="viewforum.php?id={board.id}">{escape(board.name)}</a></h3><div class="forumdesc">À lire</div></div>
</div></td><td class="tc2">{len(board.topics) + len(board.left)}</td>
<td class="tc3">{sum(len(topic.posts) for topic in board.topics) + len(board.left)}</td>
<td class="tcr">{_newest(board)}</td></tr>"""
        for board in forum.boards
        if not board.private
    )
    topics = sum(len(board.topics) + len(board.left) for board in forum.boards)
    posts = sum(len(topic.posts) for board in forum.boards for topic in board.topics)
    return f"""<div id="idx1" class="blocktable"><h2><span>Vie du jardin</span></h2><div class="box"><div class="inbox">
<table><thead><tr><th class="tcl">Forum</th><th class="tc2">Discussions</th></tr></thead><tbody>{rows}</tbody></table>
</div></div></div>
<div id="brdstats" class="block"><h2><span>Informations</span></h2><div class="box"><div class="inbox">
<dl class="conr"><dt><strong>Statistiques</strong></dt>
<dd><span>Nombre total d’utilisateurs : <strong>1 207</strong></span></dd>
<dd><span>Nombre total de discussions : <strong>{topics}</strong></span></dd>
<dd><span>Nombre total de messages : <strong>{_thousands(posts)}</strong></span></dd></dl>
<dl class="conl"><dt><strong>Utilisateurs</strong></dt><dd><span>Invités en ligne : <strong>3</strong></span></dd></dl>
</div></div></div>"""


def _thousands(number: int) -> str:
    return re.sub(r"(?<=\d)(?=(?:\d{3})+$)", "\u00a0", str(number))


def _board(forum: Forum, board: Board, page: int) -> str:
    shown = [(topic, False) for topic in board.topics] + [(topic, True) for topic in board.left]
    last = max(1, -(-len(shown) // forum.topics))
    page = page if 1 <= page <= last else 1
    rows = [_row(forum, *one) for one in shown[(page - 1) * forum.topics : page * forum.topics]]
    empty = (
        '<tr class="rowodd inone"><td class="tcl" colspan="4"><strong>Le forum est vide.</strong></td></tr>'
    )
    pages = paginate(last, page, f"viewforum.php?id={board.id}")
    return f"""<div class="linkst"><div class="inbox crumbsplus"><ul class="crumbs"><li><a href="index.php">Accueil</a>
</li></ul><div class="pagepost"><p class="pagelink conl"><span class="pages-label">Pages : </span>{pages}</p>
<p class="postlink conr"><a href="post.php?fid={board.id}">Nouvelle discussion</a></p></div></div></div>
<div id="vf" class="blocktable"><h2><span>{escape(board.name)}</span></h2><div class="box"><div class="inbox"><table>
<thead><tr><th class="tcl">Discussion</th></tr></thead><tbody>{"".join(rows) or empty}</tbody></table></div></div></div>
<link rel="alternate" type="application/atom+xml" href="extern.php?action=feed&amp;fid={board.id}&amp;type=atom" />"""


def _row(forum: Forum, topic: Topic, moved: bool) -> str:
    author = f'<span class="byuser">par {escape(MEMBERS[topic.posts[0].author])}</span>'
    subject = f'<a href="viewtopic.php?id={topic.id}">{escape(topic.title)}</a> {author}'
    if moved:
        return f"""<tr class="rowodd imoved"><td class="tcl"><div class="tclcon"><div><span class="movedtext">Déplacée :
</span> {subject}</div></div></td><td class="tc2">-</td><td class="tc3">-</td><td class="tcr">- - -</td></tr>"""
    last = forum.last(topic)
    if last > 1:
        pages = paginate(last, -1, f"viewtopic.php?id={topic.id}")
        subject += f' <span class="pagestext">[ {pages} ]</span>'
    sticky = '<span class="stickytext">Épinglée :</span> ' if topic.sticky else ""
    replies = len(topic.posts) - 1 + forum.miscounted.get(topic.id, 0)
    return f"""<tr class="roweven{" isticky" if topic.sticky else ""}"><td class="tcl"><div class="icon"></div>
<div class="tclcon"><div>{sticky}{subject}</div></div></td><td class="tc2">{_thousands(replies)}</td>
<td class="tc3">{_thousands(topic.id * 31)}</td><td class="tcr">{_last(topic.posts[-1])}</td></tr>"""


def _topic(forum: Forum, board: Board, topic: Topic, page: int) -> str:
    last = forum.last(topic)
    page = page if 1 <= page <= last else 1
    pages = paginate(last, page, f"viewtopic.php?id={topic.id}")
    posts = topic.posts[(page - 1) * forum.posts : page * forum.posts]
    return f"""<div class="linkst"><div class="inbox crumbsplus"><ul class="crumbs"><li><a href="index.php">Accueil</a></li>
<li><a href="viewforum.php?id={board.id}">{escape(board.name)}</a></li></ul><div class="pagepost">
<p class="pagelink conl"><span class="pages-label">Pages : </span>{pages}</p></div></div></div>
{"".join(_post(topic, post, number) for number, post in enumerate(posts, (page - 1) * forum.posts + 1))}
<div class="postlinksb"><p class="pagelink conl">{pages}</p>
<p class="subscribelink"><a href="misc.php?action=subscribe&amp;tid={topic.id}">Suivre</a></p></div>"""


def _post(topic: Topic, post: Post, number: int) -> str:
    author, name = post.author + 2, escape(MEMBERS[post.author])
    file = ""
    if post.file:
        file = f'<br /><a href="./attachment.php?item={post.file.id}">{escape(post.file.name)}</a>, 2 Ko'
    return f"""<div id="p{post.id}" class="blockpost rowodd{" firstpost" if post.number == 1 else ""}">
<h2><span><span class="conr">#{number}</span> <a href="viewtopic.php?pid={post.id}#p{post.id}">{when(post.posted)}</a>
</span></h2><div class="box"><div class="inbox"><div class="postbody"><div class="postleft"><dl>
<dt><strong><a href="profile.php?id={author}">{name}</a></strong></dt><dd class="usertitle"><strong>Membre</strong></dd>
<dd class="postavatar"><img src="img/avatars/{author}.png?m=1287" width="60" height="60" alt="" /></dd>
<dd><span>Messages : 1 204</span></dd></dl></div><div class="postright"><h3>{escape(topic.title)}</h3>
<div class="postmsg"><p>{escape(post.text)} <img src="img/smilies/smile.png" width="15" height="15" alt="smile" />
{post.marker}{file}</p><p class="postedit"><em>Dernière modification par admin (2015-01-02 03:04:05)</em></p></div>
<div class="postsignature postmsg"><hr /><p>Signature de {name}</p></div></div></div></div><div class="inbox">
<div class="postfoot clearb"><div class="postfootright"><ul>
<li class="postreport"><a href="misc.php?report={post.id}">Signaler</a></li>
<li class="postquote"><a href="post.php?tid={topic.id}&amp;qid={post.id}">Citer</a></li></ul></div></div></div></div></div>
"""


__all__ = ["PNG", "TRAPS", "fluxbb", "message", "paginate", "when"]
