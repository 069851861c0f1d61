"""A Discourse mirrored end to end: whole, cheap and proven; and what is withheld is named."""

from __future__ import annotations

from pathlib import Path

from tests.journeys import mirrored
from tests.journeys.forums import MOST, Crawled, crawl, instead, withheld
from tests.sites import parts
from tests.sites.discourse import PER_PAGE, TRAPS, Forum
from tests.sites.static import Request, Response, Site


def said(crawled: Crawled) -> bytes:
    return b"\n".join(mirrored.bodies(crawled.snapshot))


def harmless(crawled: Crawled, forum: Forum) -> None:
    """Nothing private, no trap, no order."""
    bodies = said(crawled)
    assert forum.secrets() and [marker for marker in forum.secrets() if marker.encode() in bodies] == []
    assert [r.target for r in crawled.requests if TRAPS.search(r.target)] == []
    assert {r.method for r in crawled.requests} == {"GET"}


def test_it_is_whole_and_cheap(tmp_path: Path) -> None:
    forum = Forum()
    crawled = crawl(tmp_path, forum, start="/")
    harmless(crawled, forum)
    bodies = said(crawled)
    assert len(forum.markers()) > 1_000
    assert [marker for marker in forum.markers() if marker.encode() not in bodies] == []
    assert [path for path, content in forum.files.items() if content not in bodies] == []
    # A page of posts comes as JSON and as HTML, each useful by itself.
    useful = 2 * forum.pages() + len(forum.files)
    assert useful > 150
    assert len(crawled.requests) <= MOST * useful, f"{len(crawled.requests)} requests for {useful}"
    asked = [r.target for r in crawled.requests if r.target != "/latest.json"]
    assert len(set(asked)) == len(asked)
    coverage = crawled.coverage
    assert (coverage["verdict"], coverage["gaps"], coverage["counters"]["differ"]) == ("complete", [], [])
    assert coverage["counters"]["agree"] > len(forum.public())
    assert coverage["useful"] == useful
    post, topic = crawled.item("post"), crawled.item("topic")
    assert (post["captured"], post["denied"]) == (len(forum.markers()), 1)
    assert topic["captured"] == len(forum.public())
    listed = len(forum.listed())
    assert (topic["sources"]["latest"], topic["sources"]["categories"]) == (listed, listed)
    mirrored.proved(crawled.snapshot)


def test_in_a_folder_with_uploads_elsewhere_and_a_limit(tmp_path: Path) -> None:
    """429, which ends when it was said to; and a topic too long for a list of its posts."""
    with Site() as cdn:
        forum = Forum("/forum", small=True, cdn=cdn.url)
        forum.MEGA = 40
        cdn.parts.append(Forum(small=True, cdn=cdn.url))
        limited = parts.refusing(forum, parts.every(60, 10), status=429, retry_after="1")
        crawled = crawl(tmp_path, limited, start="/forum/", more=f'also_private = ["{cdn.url[7:]}"]\n')
        assert {r.target for r in cdn.requests} == {*forum.files, "/robots.txt"}
    assert 429 in {r.status for r in crawled.requests}
    harmless(crawled, forum)
    bodies = said(crawled)
    assert [marker for marker in forum.markers() if marker.encode() not in bodies] == []
    assert (crawled.coverage["verdict"], crawled.coverage["gaps"]) == ("complete", [])
    assert crawled.coverage["software"][0]["base"] == crawled.url


def test_what_is_withheld_is_named(tmp_path: Path) -> None:
    forum = Forum(small=True)
    long = next(topic for topic in forum.public() if len(topic.posts) > 40)
    other = next(topic for topic in forum.public() if topic.title.startswith("Deux pages"))
    lost = long.posts[30]
    forum.withheld.add(lost.id)
    broken, wall = f"/t/{other.slug}/{other.id}?page=2", f"/t/{long.slug}/{long.id}?page=3"

    def refuse(target: str) -> Response | None:
        if target == broken:
            return Response(b"<title>Oops</title>", status=500)
        if target == wall:
            return Response("<html><title>Verger — en travaux</title><p>Revenez bientôt".encode())
        return None

    crawled = crawl(tmp_path, instead(refuse), forum, start="/", code=3)
    harmless(crawled, forum)
    assert crawled.coverage["verdict"] == "gaps"
    assert withheld(crawled) == {
        broken.removeprefix("/"),
        wall.removeprefix("/"),
        f"posts/{lost.id}.json?include_raw=true",
        f"topic {long.id}",
    }
    assert [gap for gap in crawled.coverage["gaps"] if "en travaux" in gap["reason"]]
    (differs,) = crawled.coverage["counters"]["differ"]
    assert (differs["group"], differs["published"] - differs["found"]) == (f"topic {long.id}", 1)


def test_what_is_for_members_is_no_complete_forum(tmp_path: Path) -> None:
    """login_required: pages lead to the login, JSON is refused."""

    def closed(request: Request) -> Response | None:
        if request.target.endswith((".json", ".xml")):
            return Response(
                b'{"errors":["Connectez-vous"],"error_type":"not_logged_in"}', "application/json", 403
            )
        if request.target in ("/", "/stylesheets/desktop_1a2b.css"):
            return None
        return Response(b"", status=302, headers=(("Location", "/login"),))

    crawled = crawl(tmp_path, closed, Forum(small=True), start="/", code=0)
    assert crawled.coverage["verdict"] == "unknown"
    assert "/login" not in {r.target for r in crawled.requests}


def test_what_is_written_meanwhile_is_taken(tmp_path: Path) -> None:
    """A topic grows over the end of its page, another one is new, after both were read."""
    forum = Forum(small=True)
    full = next(topic for topic in forum.public() if topic.title == "Exactement une page")
    short = next(topic for topic in forum.public() if topic.title == "Login")
    both = [f"/t/{topic.slug}/{topic.id}" for topic in (full, short)]
    unread = {*both, "/latest.json", "/", "/c/general/1"}
    unread |= {f"/t/{topic.id}.json?include_raw=true" for topic in (full, short)}
    new: list[int] = []

    def watch(request: Request) -> Response | None:
        if not unread and not new:
            for _ in range(3):
                forum.reply(full)
            forum.reply(short)
            new.append(forum.topic("Tout neuf", 1, 2).id)
        unread.discard(request.target)
        return None

    crawled = crawl(tmp_path, watch, forum, start="/")
    assert len(full.posts) == PER_PAGE + 3 and new
    bodies = said(crawled)
    assert [marker for marker in forum.markers() if marker.encode() not in bodies] == []
    assert (crawled.coverage["verdict"], crawled.coverage["gaps"]) == ("complete", [])
    # The page that was full has not changed, the other one has.
    assert [[r.target for r in crawled.requests].count(page) for page in both] == [1, 2]
    assert f"{both[0]}?page=2" in mirrored.statuses(crawled.snapshot)
    assert f"/t/tout-neuf/{new[0]}" in mirrored.statuses(crawled.snapshot)
