"""A MyBB 1.8 as visitors meet it, drawn from the markup of its pages; served by `static.Site`.

As the original: a private board in the list whose page asks to log in with status 200, a board that counts the
one within it, totals with everything, pages linked only near and at both ends, links to each post, sorts,
print views, jumps, a calendar, a picture that runs tasks. Dates by the American habit, on a clock at UTC-5.
"""

# ruff: noqa: E501  markup is easier to hold against the original in whole tags
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import escape

from tests.sites.fluxbb import PNG
from tests.sites.forum_model import MEMBERS, Board, Forum, Post, Topic
from tests.sites.static import Part, Request, Response

ZONE = timedelta(hours=-5)
TRAPS = (
    *(
        "pid=",
        "post-",
        "action=",
        "mode=",
        "lastpost",
        "newpost",
        "sortby",
        "datecut",
        "printthread",
        "sendthread",
    ),
    *(
        "ratethread",
        "misc.php",
        "member.php",
        "memberlist",
        "online.php",
        "calendar",
        "search.php",
        "reputation",
    ),
    *(
        "captcha",
        "task.php",
        "newreply",
        "newthread",
        "archive/",
        "syndication",
        "report.php",
        "user-",
        "private",
    ),
)
"""What no crawl should ask for."""


def mybb(forum: Forum, friendly: bool = False, base: str = "/", days: int = 0) -> Part:
    """The forum under `base`, which ends in "/". friendly: addresses for search engines.

    days: how old a topic may be that a board shows unasked (a setting of the original), 0 for any.
    """

    def part(request: Request) -> Response | None:
        if not request.path.startswith(base):
            return None
        return _answer(_Drawn(forum, friendly, days), request.target.removeprefix(base))

    return part


class _Drawn:
    def __init__(self, forum: Forum, friendly: bool, days: int) -> None:
        self.forum = forum
        self.friendly = friendly
        self.days = days

    def board(self, id: int, page: int = 1) -> str:
        if self.friendly:
            return f"forum-{id}{f'-page-{page}' if page > 1 else ''}.html"
        return f"forumdisplay.php?fid={id}{f'&amp;page={page}' if page > 1 else ''}"

    def topic(self, id: int, page: int = 1, tail: str = "") -> str:
        if self.friendly:
            return f"thread-{id}{f'-page-{page}' if page > 1 else ''}{f'-{tail}' if tail else ''}.html"
        more = f"&amp;action={tail}" if tail else ""
        return f"showthread.php?tid={id}{f'&amp;page={page}' if page > 1 else ''}{more}"

    def post(self, topic: int, id: int) -> str:
        form = (
            f"thread-{topic}-post-{id}.html" if self.friendly else f"showthread.php?tid={topic}&amp;pid={id}"
        )
        return f"{form}#pid{id}"

    def user(self, id: int) -> str:
        return f"user-{id}.html" if self.friendly else f"member.php?action=profile&amp;uid={id}"


_BOARD = re.compile(r"(?:forumdisplay\.php\?fid=|forum-)(\d+)(?:(?:&page=|-page-)(\d+))?(?:\.html)?")
_WHOLE = re.compile(r"forumdisplay\.php\?fid=(\d+)&datecut=9999(?:&page=(\d+))?")
_TOPIC = re.compile(r"(?:showthread\.php\?tid=|thread-)(\d+)(?:(?:&page=|-page-)(\d+))?(?:\.html)?")


def _answer(drawn: _Drawn, target: str) -> Response | None:
    forum = drawn.forum
    if target in ("", "index.php"):
        return _page(drawn, "Garden Forums", _index(drawn))
    if target.endswith(".css"):
        return Response(b".tborder { background: #fff }", "text/css")
    if ".png" in target or target.startswith("task.php"):
        return Response(PNG, "image/png")
    if found := re.fullmatch(r"attachment\.php\?aid=(\d+)", target):
        for file in forum.files():
            if file.id == int(found[1]):
                return Response(f"{file.marker}\n".encode(), "text/plain")
        return _says(drawn, "The selected attachment does not exist.")
    if (found := _WHOLE.fullmatch(target)) and (board := forum.board(int(found[1]))) and not board.private:
        return _page(drawn, board.name, _board(drawn, board, int(found[2] or 1), whole=True))
    if found := _BOARD.fullmatch(target):
        if found[1] == "1":
            return _page(drawn, "Garden life", _boards(drawn, [b for b in forum.boards if not b.parent]))
        board = forum.board(int(found[1]))
        if board is None:
            return _says(drawn, "The specified forum does not exist.", 404)
        body = _board(drawn, board, int(found[2] or 1))
        return _denied(drawn) if board.private else _page(drawn, board.name, body)
    if found := _TOPIC.fullmatch(target):
        there = forum.topic(int(found[1]))
        if there is None:
            return _says(drawn, "The specified thread does not exist.", 404)
        body = _topic(drawn, *there, int(found[2] or 1))
        return _denied(drawn) if there[0].private else _page(drawn, there[1].title, body)
    if re.match(r"[\w/-]+\.(?:php|html)", target):
        return _page(drawn, "?", "<p>A trap.</p>")
    return None


def _denied(drawn: _Drawn) -> Response:
    return _page(drawn, "Garden Forums", says(LOGIN))


def _says(drawn: _Drawn, text: str, status: int = 200) -> Response:
    return _page(drawn, "Garden Forums", says(text), status)


LOGIN = """You are either not logged in or do not have permission to view this page. This could be because one of
the following reasons:<ol><li>You are not logged in or registered. Please use the form at the bottom of this page to
login.</li><li>You do not have permission to access this page.</li></ol><form action="member.php" method="post">
<input type="text" name="username" /><input type="password" name="password" /></form>"""


def says(text: str) -> str:
    """MyBB's table with nothing but a sentence."""
    return f"""<table border="0" class="tborder"><tr><td class="thead"><span class="smalltext"><strong>Garden Forums</strong></span></td></tr>
<tr><td class="trow1">{text}</td></tr></table>"""


def _page(drawn: _Drawn, title: str, body: str, status: int = 200) -> Response:
    now = datetime.now(UTC) + ZONE
    key = f"{now:%H%M%S%f}"
    text = f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1.dtd"><!-- start: index -->
<html xml:lang="en" lang="en" xmlns="http://www.w3.org/1999/xhtml"><head><title>{escape(title)}</title>
<link rel="alternate" type="application/rss+xml" title="Latest Threads (RSS 2.0)" href="syndication.php" />
<link rel="alternate" type="application/atom+xml" title="Latest Threads (Atom 1.0)" href="syndication.php?type=atom1.0" />
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
<link type="text/css" rel="stylesheet" href="cache/themes/theme1/global.css" />
<script type="text/javascript">var my_post_key = "{key}"; var rootpath = ".";</script></head><body>
<div id="container"><div id="header"><div id="logo"><a href="index.php"><img src="images/logo.png" alt="Garden" /></a></div>
<ul class="menu top_links"><li><a href="search.php" class="search">Search</a></li><li><a href="memberlist.php" class="memberlist">Member List</a></li>
<li><a href="calendar.php" class="calendar">Calendar</a></li><li><a href="misc.php?action=help" class="help">Help</a></li></ul>
<div id="panel"><span class="welcome">Hello There, Guest! <a href="member.php?action=login" class="login">Login</a> <a href="member.php?action=register">Register</a></span>
<form action="member.php" method="post"><input type="password" name="quick_password" /></form></div></div>
<div id="content"><div class="wrapper"><div class="navigation"><a href="index.php">Garden Forums</a></div><br />
{body}</div></div>
<div id="footer"><ul class="menu bottom_links"><li><a href="showteam.php">Forum Team</a></li><li><a href="archive/index.php">Lite (Archive) Mode</a></li>
<li><a href="misc.php?action=markread">Mark all forums read</a></li><li><a href="misc.php?action=syndication">RSS Syndication</a></li></ul>
<div id="copyright">Powered By <a href="https://mybb.com" target="_blank">MyBB</a>, &copy; 2002-2026.</div>
<div id="current_time"><strong>Current time:</strong> {now:%m-%d-%Y, %I:%M %p}</div></div>
<img src="task.php" width="1" height="1" alt="" /></div></body></html>
"""
    cookies = tuple(("Set-Cookie", f"mybb[{name}]=1; path=/") for name in ("lastvisit", "lastactive"))
    return Response(text.encode(), status=status, headers=(*cookies, ("Set-Cookie", f"sid={key}; path=/")))


def when(moment: datetime) -> str:
    """functions.php my_date(): today and yesterday by name, the date in the title, the time behind it."""
    here, today = moment + ZONE, (datetime.now(UTC) + ZONE).date()
    day = {today: "Today", today - timedelta(days=1): "Yesterday"}.get(here.date())
    if day:
        return f'<span title="{here:%m-%d-%Y}">{day}</span>, {here:%I:%M %p}'
    return f"{here:%m-%d-%Y, %I:%M %p}"


def _index(drawn: _Drawn) -> str:
    forum = drawn.forum
    posts = sum(len(topic.posts) for board in forum.boards for topic in board.topics)
    topics = sum(len(board.topics) for board in forum.boards)
    return f"""{_boards(drawn, [board for board in forum.boards if not board.parent])}
<table border="0" class="tborder"><thead><tr><td class="thead"><strong>Board Statistics</strong></td></tr></thead><tbody id="boardstats_e">
<tr><td class="tcat"><span class="smalltext"><strong>Who's Online</strong> [<a href="online.php">Complete List</a>]</span></td></tr>
<tr><td class="trow1"><span class="smalltext">3 users active in the past 15 minutes (0 members, 0 of whom are invisible, and 3 guests).<br /></span></td></tr>
<tr><td class="tcat"><strong>Board Statistics</strong></td></tr><tr><td class="trow1"><span class="smalltext">
Our members have made a total of {posts:,} posts in {topics:,} threads.<br />We currently have 1,207 members registered.<br />
Please welcome our newest member, <b><a href="{drawn.user(9)}">Zoë</a></b></span></td></tr></tbody></table>"""


def _boards(drawn: _Drawn, boards: list[Board]) -> str:
    rows = "".join(_board_row(drawn, board) for board in boards)
    return f"""<table border="0" class="tborder"><thead><tr><td class="thead" colspan="5"><div><strong><a href="{drawn.board(1)}">Garden life</a></strong></div></td></tr></thead>
<tbody id="cat_1_e"><tr><td class="tcat" colspan="2">Forum</td><td class="tcat">Threads</td><td class="tcat">Posts</td><td class="tcat">Last Post</td></tr>{rows}</tbody></table>"""


def _board_row(drawn: _Drawn, board: Board) -> str:
    within = [other for other in drawn.forum.boards if other.parent == board.id]
    subs = "".join(
        f'<div title="Forum" class="subforumicon subforum_minioff ajax_mark_read" id="mark_read_{sub.id}"></div><a href="{drawn.board(sub.id)}" title="">{escape(sub.name)}</a>'
        for sub in within
    )
    lists = [board, *within]
    threads = f"{sum(len(one.topics) for one in lists):,}"
    posts = f"{sum(len(topic.posts) for one in lists for topic in one.topics):,}"
    last = ""
    if board.topics and not board.private:
        topic = max(board.topics, key=lambda topic: topic.posts[-1].posted)
        last = f"""<span class="smalltext"><a href="{drawn.topic(topic.id, tail="lastpost")}" title=""><strong>{escape(topic.title)}</strong></a>
<br />{when(topic.posts[-1].posted)}<br />by <a href="{drawn.user(topic.posts[-1].author + 2)}">{escape(MEMBERS[topic.posts[-1].author])}</a></span>"""
    if board.private:
        threads = posts = "-"
    return f"""<tr><td class="trow1" align="center"><span class="forum_status forum_{"offlock" if board.private else "off"} ajax_mark_read" title="" id="mark_read_{board.id}"></span></td>
<td class="trow1"><strong><a href="{drawn.board(board.id)}">{escape(board.name)}</a></strong><div class="smalltext">À lire{f"<br /><strong>Sub Forums:</strong> {subs}" if subs else ""}</div></td>
<td class="trow1" align="center">{threads}</td><td class="trow1" align="center">{posts}</td><td class="trow1" align="right">{last}</td></tr>"""


def paginate(last: int, page: int, link: str, paged: str) -> str:
    """functions.php multipage(): five pages around the present one, and both ends. paged: with %d in it."""
    if last <= 1:
        return ""
    first = max(1, min(page - 2, last - 4))
    near = range(first, min(last, first + 4) + 1)

    def to(number: int) -> str:
        return link if number == 1 else paged % number

    shown = [f'<div class="pagination"><span class="pages">Pages ({last}):</span>']
    if page > 1:
        shown.append(f'<a href="{to(page - 1)}" class="pagination_previous">&laquo; Previous</a>')
    if near[0] > 1:
        shown.append(f'<a href="{to(1)}" class="pagination_first">1</a> ...')
    for number in near:
        if number == page:
            shown.append(f'<span class="pagination_current">{number}</span>')
        else:
            shown.append(f'<a href="{to(number)}" class="pagination_page">{number}</a>')
    if near[-1] < last:
        shown.append(f'... <a href="{to(last)}" class="pagination_last">{last}</a>')
    if page < last:
        shown.append(f'<a href="{to(page + 1)}" class="pagination_next">Next &raquo;</a>')
    return "\n".join([*shown, '<a href="javascript:;" class="go_page" title="Jump to page">…</a></div>'])


def _pages(drawn: _Drawn, what: str, id: int, last: int, page: int) -> str:
    link = getattr(drawn, what)
    return paginate(last, page, link(id), link(id, 987_654).replace("987654", "%d"))


def _board(drawn: _Drawn, board: Board, page: int, whole: bool = False) -> str:
    forum, days = drawn.forum, 0 if whole else drawn.days
    oldest = datetime.now(UTC) - timedelta(days=days or 9_999)
    shown = [(topic, False) for topic in board.topics if topic.posts[-1].posted > oldest]
    shown += [(topic, True) for topic in board.left]
    last = max(1, -(-len(shown) // forum.topics))
    rows = "".join(_row(drawn, *one) for one in shown[(page - 1) * forum.topics : page * forum.topics])
    within = [other for other in forum.boards if other.parent == board.id]
    sort = "".join(
        f'<a href="forumdisplay.php?fid={board.id}&amp;datecut=0&amp;prefix=0&amp;sortby={by}&amp;order=asc">{by}</a> '
        for by in ("subject", "starter", "replies", "views", "lastpost")
    )
    empty = (
        '<tr><td colspan="7" class="trow1">Sorry, but there are currently no threads in this forum.</td></tr>'
    )
    pages = _pages(drawn, "board", board.id, last, page)
    if whole:
        link = f"forumdisplay.php?fid={board.id}&amp;datecut=9999&amp;prefix=0&amp;sortby=lastpost&amp;order=desc"
        pages = paginate(last, page, link, link + "&amp;page=%d")
    return f"""{_boards(drawn, within) if within else ""}
<div class="float_left">{pages}</div><div class="float_right"><a href="newthread.php?fid={board.id}" class="button new_thread_button">Post Thread</a></div>
<table border="0" class="tborder clear"><tr><td class="thead" colspan="7"><div class="float_right"><a href="misc.php?action=markread&amp;fid={board.id}">Mark this forum read</a></div><strong>{escape(board.name)}</strong></td></tr>
<tr><td class="tcat" colspan="7">{sort}</td></tr>{rows or empty}
<tr><td class="tfoot" colspan="7"><form action="forumdisplay.php" method="get"><select name="datecut"><option value="{days or 9999}" selected="selected">From…</option></select></form></td></tr></table>"""


def _row(drawn: _Drawn, topic: Topic, moved: bool) -> str:
    forum, author = drawn.forum, MEMBERS[topic.posts[0].author]
    last = forum.last(topic)
    pages = ""
    if last > 1:
        shown = [f'<a href="{drawn.topic(topic.id, n)}">{n}</a>' for n in range(1, min(last, 4) + 1)]
        more = f'... <a href="{drawn.topic(topic.id, last)}">{last}</a>' if last > 4 else ""
        pages = f' <span class="smalltext">(Pages: {" ".join(shown)} {more})</span>'
    final = topic.posts[-1]
    replies = f"{len(topic.posts) - 1 + forum.miscounted.get(topic.id, 0):,}"
    counts = f"""<td align="center" class="trow1 forumdisplay_regular"><a href="misc.php?action=whoposted&tid={topic.id}" onclick="MyBB.whoPosted({topic.id}); return false;">{replies}</a></td>
<td align="center" class="trow1 forumdisplay_regular">{topic.id * 31:,}</td>"""
    if moved:
        counts = '<td align="center" class="trow1"><a href="javascript:MyBB.whoPosted(1);">-</a></td><td align="center" class="trow1">-</td>'
    return f"""<tr class="inline_row"><td align="center" class="trow1 forumdisplay_regular" width="2%"><span class="thread_status folder" title="">&nbsp;</span></td>
<td align="center" class="trow1 forumdisplay_regular" width="2%">&nbsp;</td><td class="trow1 forumdisplay_regular"><div>
<span>{"Moved: " if moved else ""}<a href="{drawn.topic(topic.id, tail="newpost")}"><img src="images/jump.png" alt="" /></a> <span class=" subject_old" id="tid_{topic.id * 10 if moved else topic.id}"><a href="{drawn.topic(topic.id)}">{escape(topic.title)}</a></span>{pages}</span>
<div class="author smalltext"><a href="{drawn.user(topic.posts[0].author + 2)}">{escape(author)}</a></div></div></td>{counts}
<td class="trow1 forumdisplay_regular" align="right"><span class="lastpost smalltext">{when(final.posted)}<br /><a href="{drawn.topic(topic.id, tail="lastpost")}">Last Post</a>: {escape(MEMBERS[final.author])}</span></td></tr>"""


def _topic(drawn: _Drawn, board: Board, topic: Topic, page: int) -> str:
    forum = drawn.forum
    page = page if 1 <= page <= forum.last(topic) else 1
    pages = _pages(drawn, "topic", topic.id, forum.last(topic), page)
    posts = "".join(
        _post(drawn, topic, p) for p in topic.posts[(page - 1) * forum.posts : page * forum.posts]
    )
    return f"""<div class="navigation"><a href="{drawn.board(board.id)}">{escape(board.name)}</a></div><div class="float_left">{pages}</div>
<div class="float_right"><a href="newreply.php?tid={topic.id}" class="button new_reply_button">New Reply</a></div>
<table border="0" class="tborder tfixed clear"><tr><td class="thead"><div class="float_right"><span class="smalltext"><strong><a href="showthread.php?mode=threaded&amp;tid={topic.id}#pid1">Threaded Mode</a></strong></span></div><div><strong>{escape(topic.title)}</strong></div></td></tr>
<tr><td id="posts_container"><div id="posts">{posts}</div></td></tr>
<tr><td class="tfoot"><div><strong>&laquo; <a href="{drawn.topic(topic.id, tail="nextoldest")}">Next Oldest</a> | <a href="{drawn.topic(topic.id, tail="nextnewest")}">Next Newest</a> &raquo;</strong></div></td></tr></table>
<div class="float_left">{pages}</div><ul class="thread_tools"><li class="printable"><a href="printthread.php?tid={topic.id}">View a Printable Version</a></li>
<li class="sendthread"><a href="sendthread.php?tid={topic.id}">Send this Thread to a Friend</a></li></ul>"""


def _post(drawn: _Drawn, topic: Topic, post: Post) -> str:
    name, user = escape(MEMBERS[post.author]), drawn.user(post.author + 2)
    files = ""
    if post.file:
        files = f"""<fieldset><legend><strong>Attached Files</strong></legend><br /><img src="images/attachtypes/txt.png" alt=".txt" />&nbsp;&nbsp;
<a href="attachment.php?aid={post.file.id}" target="_blank" title="">{escape(post.file.name)}</a> (Size: 1.2 KB / Downloads: 3)</fieldset>"""
    return f"""<a name="pid{post.id}" id="pid{post.id}"></a>
<div class="post " style="" id="post_{post.id}"><div class="post_author"><div class="author_avatar"><a href="{user}"><img src="uploads/avatars/avatar_{post.author + 2}.png?dateline=1400000000" alt="" width="55" /></a></div>
<div class="author_information"><strong><span class="largetext"><a href="{user}">{name}</a></span></strong> <img src="images/buddy_offline.png" alt="" /><br /><span class="smalltext">Member</span></div>
<div class="author_statistics">Posts: 1,204</div></div>
<div class="post_content"><div class="post_head"><div class="float_right" style="vertical-align: top"><strong><a href="{drawn.post(topic.id, post.id)}" title="RE: {escape(topic.title)}">#{post.number}</a></strong></div>
<span class="post_date">{when(post.posted)} <span class="post_edit" id="edited_by_{post.id}"><span class="edited_post">(This post was last modified: 01-02-2015, 03:04 AM by <a href="{user}">{name}</a>.)</span></span></span></div>
<div class="post_body scaleimages" id="pid_{post.id}">{escape(post.text)} <img src="images/smilies/smile.png" alt="Smile" class="smilie" /> {post.marker}</div>{files}
<div class="signature scaleimages">Signature of {name}</div><div class="post_meta" id="post_meta_{post.id}"></div></div>
<div class="post_controls"><a href="newreply.php?tid={topic.id}&amp;replyto={post.id}" title="Quote" class="postbit_quote">Reply</a> <a href="report.php?type=post&amp;pid={post.id}">Report</a></div></div>
"""


__all__ = ["LOGIN", "TRAPS", "ZONE", "mybb", "paginate", "says", "when"]
