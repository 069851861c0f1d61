"""A vBulletin 4 as its published markup describes it; served by `static.Site`. Small: the module is experimental.

As the original: a session id in every link until its cookie returns (wrap it in `parts.sessions(…, "s")`), a
private board that says so with status 200, links to each post, sorts, a printer's view, a calendar.
"""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

from html import escape

from tests.sites.forum_model import MEMBERS, Board, Forum, Post, Topic
from tests.sites.static import Part, Request, Response

TRAPS = (
    *(
        "p=",
        "goto=",
        "sort=",
        "printthread",
        "showpost",
        "calendar",
        "member",
        "search",
        "newreply",
        "register",
    ),
    *("whoposted", "markread", "archive/", "external", "s="),
)


def vbulletin(forum: Forum, base: str = "/") -> Part:
    """The forum under `base`."""

    def part(request: Request) -> Response | None:
        if not request.path.startswith(base):
            return None
        return _answer(forum, request.path.removeprefix(base), request.query)

    return part


def _answer(forum: Forum, path: str, query: dict[str, str]) -> Response | None:
    page = int(query.get("page", "1"))
    if path in ("", "index.php", "forum.php"):
        return _page("Forum", _index(forum))
    if path == "forumdisplay.php" and "f" in query:
        board = forum.board(int(query["f"]))
        return _page(board.name, _board(forum, board, page)) if board and not board.private else _refused()
    if path == "showthread.php" and "t" in query:
        there = forum.topic(int(query["t"]))
        if there is None or there[0].private:
            return _refused()
        return _page(there[1].title, _topic(forum, there[1], page))
    if path == "attachment.php":
        file = next((file for file in forum.files() if str(file.id) == query.get("attachmentid")), None)
        return Response(file.marker.encode(), "text/plain") if file else _refused()
    return _page("?", "<p>A trap.</p>") if path.endswith(".php") else None


def _refused() -> Response:
    words = "You are not logged in or you do not have permission to access this page."
    return _page(
        "vBulletin Message",
        f'<div class="standard_error"><div class="blockbody formcontrols">{words}</div></div>',
    )


def _page(title: str, body: str) -> Response:
    text = f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"><html lang="en" id="vbulletin_html"><head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8" /><meta name="generator" content="vBulletin 4.2.5" /><title>{escape(title)}</title></head><body>
<a href="forum.php">Forum</a> <a href="calendar.php">Calendar</a> <a href="search.php">Search</a> <a href="register.php">Register</a>
<a href="forumdisplay.php?do=markread">Mark Forums Read</a> <a href="archive/index.php">Archive</a>
<div id="content">{body}</div><div id="footer_time">All times are GMT -5. The time now is <span class="time">03:14 PM</span>.</div></body></html>"""
    return Response(text.encode())


def _pages(url: str, last: int, page: int) -> str:
    shown = [n for n in sorted({1, 2, page - 1, page + 1, last}) if 1 <= n <= last and n != page]
    links = "".join(f'<span><a href="{url}{f"&amp;page={n}" if n > 1 else ""}">{n}</a></span>' for n in shown)
    return (
        f'<form class="pagination popupmenu"><span>Page {page} of {last}</span>{links}</form>'
        if last > 1
        else ""
    )


def _index(forum: Forum) -> str:
    rows = "".join(
        f"""<li id="forum{board.id}" class="forumbit_post old L2"><div class="forumrow"><h2 class="forumtitle"><a href="forumdisplay.php?f={board.id}">{escape(board.name)}</a></h2></div>
<ul class="forumstats td"><li>Threads: {len(board.topics):,}</li><li>Posts: {sum(len(t.posts) for t in board.topics):,}</li></ul>
<p class="lastposttitle"><a href="showthread.php?t={board.id}&amp;goto=newpost">New</a></p></li>"""
        for board in forum.boards
        if not board.private
    )
    topics = sum(len(board.topics) for board in forum.boards)
    posts = sum(len(topic.posts) for board in forum.boards for topic in board.topics)
    return f"""<ol id="forums">{rows}</ol><div id="wgo_stats"><dl><dt>Threads</dt><dd>{topics:,}</dd>
<dt>Posts</dt><dd>{posts:,}</dd><dt>Members</dt><dd>1,207</dd></dl></div>"""


def _board(forum: Forum, board: Board, page: int) -> str:
    shown = [(topic, False) for topic in board.topics] + [(topic, True) for topic in board.left]
    rows = "".join(_row(forum, *one) for one in shown[(page - 1) * forum.topics : page * forum.topics])
    pages = _pages(f"forumdisplay.php?f={board.id}", max(1, -(-len(shown) // forum.topics)), page)
    return f"""{pages}<div class="threadlisthead"><a href="forumdisplay.php?f={board.id}&amp;sort=title&amp;order=asc">Title</a></div>
<div id="threadlist"><ol id="threads" class="threads">{rows}</ol></div>"""


def _row(forum: Forum, topic: Topic, moved: bool) -> str:
    replies = "-" if moved else f"{len(topic.posts) - 1:,}"
    prefix = '<span class="prefix_moved">Moved:</span>' if moved else ""
    last = forum.last(topic)
    more = (
        f'<dl class="pagination"><a href="showthread.php?t={topic.id}&amp;page={last}">{last}</a></dl>'
        if last > 1
        else ""
    )
    return f"""<li class="threadbit" id="thread_{topic.id}{9 if moved else ""}"><h3 class="threadtitle">{prefix}<a class="title" href="showthread.php?t={topic.id}" id="thread_title_{topic.id}">{escape(topic.title)}</a></h3>{more}
<ul class="threadstats td alt"><li>Replies: <a href="misc.php?do=whoposted&amp;t={topic.id}" onclick="who({topic.id}); return false;" class="understate">{replies}</a></li><li>Views: {topic.id * 31:,}</li></ul></li>"""


def _topic(forum: Forum, topic: Topic, page: int) -> str:
    posts = "".join(_post(topic, p) for p in topic.posts[(page - 1) * forum.posts : page * forum.posts])
    pages = _pages(f"showthread.php?t={topic.id}", forum.last(topic), page)
    return f"""{pages}<a href="printthread.php?t={topic.id}">Print</a> <a href="newreply.php?do=newreply&amp;noquote=1&amp;t={topic.id}">Reply</a>
<ol id="posts" class="posts">{posts}</ol>{pages}"""


def _post(topic: Topic, post: Post) -> str:
    name = escape(MEMBERS[post.author])
    file = ""
    if post.file:
        file = f'<div class="attachments"><a href="attachment.php?attachmentid={post.file.id}&amp;d=1400000000">{escape(post.file.name)}</a></div>'
    return f"""<li class="postbitlegacy postbitim postcontainer old" id="post_{post.id}"><div class="posthead"><span class="postdate old"><span class="date">{post.posted:%m-%d-%Y},&nbsp;<span class="time">{post.posted:%I:%M %p}</span></span></span>
<span class="nodecontrols"><a name="post{post.id}" href="showthread.php?t={topic.id}&amp;p={post.id}&amp;viewfull=1#post{post.id}" class="postcounter">#{post.number}</a></span></div>
<div class="userinfo"><a class="username offline popupctrl" href="member.php?u={post.author + 2}"><strong>{name}</strong></a></div>
<div class="content"><div id="post_message_{post.id}"><blockquote class="postcontent restore">{escape(post.text)} {post.marker}</blockquote></div></div>{file}
<div class="signature">Signature</div><a href="newreply.php?do=newreply&amp;p={post.id}">Quote</a></li>"""


__all__ = ["TRAPS", "vbulletin"]
