"""The made-up SMF behaves as the original where it matters."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.sites import forum_model
from tests.sites.smf import GONE, MOVED, Smf
from tests.sites.static import Site
from tests.software.walker import get


@pytest.fixture(scope="module", params=["2.0", "2.1"])
def board(request: pytest.FixtureRequest) -> Iterator[tuple[Smf, str]]:
    """A forum of that version and the address of its script."""
    board = Smf(forum_model.seed(), "2.0" if request.param == "2.0" else "2.1", sessions=True)
    with Site(board.part()) as site:
        yield board, f"{site.url}/forum/index.php"


def test_links_carry_a_session_id_that_is_new_each_time(board: tuple[Smf, str]) -> None:
    found = [re.findall(r"\?PHPSESSID=([0-9a-f]{32})&amp;", get(board[1]).text) for _ in range(2)]
    assert found[0] and found[0][0] != found[1][0]


def test_only_javascript_links_the_pages_between(board: tuple[Smf, str]) -> None:
    topic = max(board[0].forum.public(), key=lambda topic: len(topic.posts))
    text = get(f"{board[1]}?topic={topic.id}.100").text
    last = (len(topic.posts) - 1) // 10 * 10
    linked = {int(start) for start in re.findall(rf'topic={topic.id}\.(\d+)">\d', text)}
    assert linked == {0, 80, 90, 110, 120, last}
    assert f"topic={topic.id}.%1$d', 10, 80, 10);" in text
    assert f"topic={topic.id}.0;all" in text


def test_a_start_within_a_page_shows_the_whole_page(board: tuple[Smf, str]) -> None:
    topic = board[0].forum.boards[0].topics[1]
    for start in ("0", "7", f"msg{topic.posts[3].id}"):
        text = get(f"{board[1]}?topic={topic.id}.{start}").text
        assert [post.marker in text for post in topic.posts[:11]] == [True] * 10 + [False]


def test_a_private_board_is_in_the_totals_alone(board: tuple[Smf, str]) -> None:
    forum, script = board[0].forum, board[1]
    private = next(one for one in forum.boards if one.private)
    text = get(script).text
    assert f"board={private.id}." not in text
    total = sum(len(topic.posts) for one in forum.boards for topic in one.topics)
    assert f"{total} messages dans" in text
    asks = get(f"{script}?board={private.id}.0")
    assert asks.status == 200 and "frmLogin" in asks.text
    refuses = get(f"{script}?topic={private.topics[0].id}.0")
    assert refuses.status == (403 if board[0].new else 200) and "fatal_error" in refuses.text
    assert [marker for marker in forum.secrets() if marker in asks.text + refuses.text] == []


def test_what_moved_redirects_and_what_is_gone_is_refused(board: tuple[Smf, str]) -> None:
    topic = board[0].forum.boards[1].left[0]
    page = get(f"{board[1]}?topic={topic.id + MOVED}.0")
    if board[0].new:
        assert (page.status, page.header("location")) == (302, f"/forum/index.php?topic={topic.id}.0")
    else:
        assert "fatal_error" in page.text
    assert "fatal_error" in get(f"{board[1]}?topic={GONE}.0").text


def test_an_attachment_is_sent_with_validators(board: tuple[Smf, str]) -> None:
    file = board[0].forum.files()[0]
    page = get(f"{board[1]}?action=dlattach;topic=1.0;attach={file.id}")
    assert (page.status, page.mime) == (200, "image/png") and page.header("etag")
