"""A real forum, Spirit: complete and proven so, at the price agreed; nothing touched, nothing private."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror, wait_until
from tests.sites.spirit import Forum

pytestmark = [pytest.mark.real, pytest.mark.slow]

# What a visitor's crawl has to do with; all else is a trap or an order.
WANTED = re.compile(
    r"/(?:\?page=[2-9]|robots\.txt|favicon\.ico|static/.*|media/.*"
    r"|(?:category|topic)/\d+/[^/?]+/(?:\?page=(?:[2-9]|\d\d))?|topic/1/[^/?]+/\?page=2&show_poll=1)?"
)
PER_USEFUL = 1.3


def test_a_forum_comes_out_complete(spirit: Forum, tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    before = len(spirit.requests())
    jukni.run(*mirror(f"{spirit.url}/", concurrency=4))
    asked = spirit.requests()[before:]
    snapshot = mirrored.sealed(jukni.archive)
    said = mirrored.coverage(snapshot)
    items = {entry["kind"]: entry for entry in said["items"]}

    assert (said["verdict"], said["gaps"]) == ("complete", [])
    posts = [comment for topic in spirit.public() for comment in topic.visible()]
    assert items["post"]["captured"] == len(posts)
    assert items["post"]["denied"] == 1  # a note says that it was removed
    assert items["topic"]["captured"] == len(spirit.public())
    assert items["topic"]["captured"] + items["topic-page"]["captured"] == len(spirit.pages())
    assert items["topic"]["sources"]["board"] == len(spirit.public())
    assert items["topic"]["sources"]["index"] == len(spirit.public()) - 1  # one board is kept out of it
    assert (items["attachment"]["captured"], items["emoji"]["captured"], items["poll"]["captured"]) == (
        2,
        3,
        1,
    )
    assert said["counters"]["differ"] == []
    assert said["counters"]["checked"] >= 2 * len(spirit.public()) - 1

    bodies = b"\n".join(mirrored.bodies(snapshot))
    markers = [*(post.marker for post in posts), *spirit.files().values()]
    assert [marker for marker in markers if marker.encode() not in bodies] == []
    assert [marker for marker in spirit.hidden_markers() if marker.encode() in bodies] == []
    assert b"comment__text__poll__choices__choice__bar" in bodies  # the poll's results

    assert {request.method for request in asked} == {"GET"}
    assert [request.target for request in asked if not WANTED.fullmatch(request.target)] == []
    assert [request.target for request in asked if request.status != 200] == ["/robots.txt", "/favicon.ico"]
    useful = len(spirit.pages()) + len(spirit.files())
    assert said["useful"] == useful
    assert said["requests"] == len(asked)
    # at first, for what came meanwhile, and because that round brought the emojis
    assert [request.target for request in asked].count("/") <= 3
    assert len(asked) / useful <= PER_USEFUL
    mirrored.proved(snapshot)


@contextmanager
def small(forum: Forum, folder: Path) -> Iterator[Forum]:
    """A copy with a dozen topics that may be changed."""
    with forum.copied(folder) as copy:
        copy.execute("DELETE FROM spirit_topic_topic WHERE id > 20 OR title LIKE 'Dix%'")
        yield copy


def test_what_is_withheld_is_named_and_what_is_written_or_removed_meanwhile_is_not(
    spirit: Forum, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    jukni = Jukni(tmp_path)
    with small(spirit, tmp_path / "site") as forum:
        more = forum.topic("Exactement une page")
        broken = forum.topic("Règles & usages")
        alive = forum.topic("Le potager : semis & récoltes")
        closed = forum.topic("Sujet clos")
        forum.execute("UPDATE spirit_topic_topic SET comment_count = 22 WHERE id = ?", more.id)
        forum.execute("UPDATE spirit_comment_comment SET date = 'never' WHERE topic_id = ?", broken.id)
        jukni.configure(f"[site.forum]\nurl = '{forum.url}/'\ndelay = 0.0\nattempts = 2\nretry_wait = 0.05\n")
        running = jukni.start("crawl")
        board = next(category.path for category in forum.categories if category.title == closed.category)
        assert wait_until(lambda: board in {one.target for one in forum.requests()}, running)
        forum.execute("UPDATE spirit_topic_topic SET is_removed = 1 WHERE id = ?", closed.id)
        last = alive.pages()[-1]
        assert wait_until(lambda: last in {one.target for one in forum.requests()}, running)
        forum.answer(alive, "markwritten")
        ended = running.wait()
    assert ended.code == 3
    snapshot = mirrored.sealed(jukni.archive)
    said = mirrored.coverage(snapshot)
    assert said["verdict"] == "gaps"
    named = {(gap["kind"], gap["id"] or gap["url"]) for gap in said["gaps"]}
    assert named == {
        ("post", f"topic {more.id}"),
        ("page", forum.url + broken.path),
        ("post", f"topic {broken.id}"),
    }
    reasons = {gap["reason"] for gap in said["gaps"] if gap["id"] == f"topic {more.id}"}
    assert any("22" in reason and "20" in reason for reason in reasons)
    assert b"markwritten" in b"\n".join(mirrored.bodies(snapshot))
