"""The made-up phpBB behaves as the original where it matters."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.sites import forum_model, parts
from tests.sites.phpbb import GONE, PhpBB
from tests.sites.static import Site
from tests.software.walker import get


@pytest.fixture(scope="module", params=["3.0", "3.3"])
def board(request: pytest.FixtureRequest) -> Iterator[tuple[PhpBB, str]]:
    """A forum of that style and where it lies."""
    board = PhpBB(forum_model.seed(), "3.0" if request.param == "3.0" else "3.3")
    with Site(parts.sessions(board.part(), "sid")) as site:
        yield board, f"{site.url}/forum/"


def test_links_carry_a_session_id_that_is_new_each_time(board: tuple[PhpBB, str]) -> None:
    found = [re.findall(r"sid=([0-9a-f]{32})", get(board[1]).text) for _ in range(2)]
    assert found[0] and found[0][0] != found[1][0]


def test_pages_are_linked_at_both_ends_and_around(board: tuple[PhpBB, str]) -> None:
    forum, base = board[0].forum, board[1]
    topic = max(forum.public(), key=lambda topic: len(topic.posts))
    text = get(f"{base}viewtopic.php?t={topic.id}&start=110").text
    last = (len(topic.posts) - 1) // 10 * 10
    linked = {int(start) for start in re.findall(rf"\./[^\"]*t={topic.id}&amp;start=(\d+)", text)}
    assert linked == {90, 100, 120, 130, last}
    assert f"{len(topic.posts)} messages" in text


def test_the_addresses_of_each_release(board: tuple[PhpBB, str]) -> None:
    listed = re.findall(
        r'href="./viewtopic\.php\?([^"]*)" class="topictitle"', get(f"{board[1]}viewforum.php?f=3").text
    )
    assert listed and all(one.startswith("t=" if board[0].new else "f=") for one in listed)


def test_a_private_board_is_listed_and_asks_for_a_login(board: tuple[PhpBB, str]) -> None:
    forum, base = board[0].forum, board[1]
    private = next(one for one in forum.boards if one.private)
    assert f"viewforum.php?f={private.id}" in get(base).text
    for address in (f"viewforum.php?f={private.id}", f"viewtopic.php?t={private.topics[0].id}"):
        page = get(base + address)
        assert page.status == 200 and 'id="login"' in page.text
        assert [marker for marker in forum.secrets() if marker in page.text] == []
    total = sum(len(topic.posts) for one in forum.boards for topic in one.topics)
    assert f"<strong>{total}</strong> messages" in get(base).text


def test_a_shadow_that_visitors_may_not_see_is_taken_off_its_page_only(board: tuple[PhpBB, str]) -> None:
    forum, base = board[0].forum, board[1]
    pages = [get(f"{base}viewforum.php?f=2&start={start}").text for start in (0, forum.topics)]
    (first,), (second,) = ({int(n) for n in re.findall(r"(\d+) sujets", text)} for text in pages)
    assert (first, second) == (len(forum.boards[0].topics) - 1, len(forum.boards[0].topics))
    rows = [text.count('class="row bg1') for text in pages]
    assert rows == [forum.topics - 1 + 1, second - forum.topics + 1]  # and the announcement on each


def test_a_post_has_an_address_that_shows_its_whole_page(board: tuple[PhpBB, str]) -> None:
    post = board[0].forum.boards[0].topics[1].posts[0]
    assert post.marker in get(f"{board[1]}viewtopic.php?p={post.id}").text


def test_what_is_gone(board: tuple[PhpBB, str]) -> None:
    page = get(f"{board[1]}viewtopic.php?t={GONE}")
    assert page.status == (404 if board[0].new else 200)
    assert "n’existe pas" in page.text
