"""What classic boards have in common."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.software import boards
from crawler.software.page import Page


def page(body: str, url: str = "http://forum.test/f/viewtopic.php?t=4") -> Page:
    return Page(url, 200, "text/html", body.encode(), datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 messages • Page 1 sur 2", [12, 1, 2]),
        ("1 234 Messages dans 56 Fils", [1234, 56]),
        ("1\u202f234\u202f567 messages", [1234567]),
        ("Posts: 12.345, Topics: 1,002", [12345, 1002]),
        ("1'234 Beiträge", [1234]),
        ("0 réponse", [0]),
        ("1.2K", []),
        ("3,4 M de vues, 7 réponses", [7]),
        ("2021", [2021]),
        ("rien", []),
    ],
)
def test_numbers(text: str, expected: list[int]) -> None:
    assert boards.numbers(text) == expected
    assert boards.number(text) == (expected[0] if expected else None)


def test_pages_by_arithmetic() -> None:
    assert boards.page_size([0, 15, 30, 885]) == 15
    assert boards.page_size([]) is boards.page_size([0]) is None
    assert list(boards.starts(61, 15)) == [0, 15, 30, 45, 60]
    assert list(boards.starts(60, 15)) == [0, 15, 30, 45]
    assert list(boards.starts(0, 15)) == [0]


def test_addresses_are_taken_apart() -> None:
    base = "http://forum.test/f/"
    assert boards.asked(f"{base}viewtopic.php?f=3&t=45&start=10", base) == (
        "viewtopic.php",
        {"f": "3", "t": "45", "start": "10"},
    )
    assert boards.asked(f"{base}index.php?action=dlattach;topic=45.0;attach=7;image", base) == (
        "index.php",
        {"action": "dlattach", "topic": "45.0", "attach": "7", "image": ""},
    )
    assert boards.asked(base, base) == ("", {})


def test_links_come_canonical_and_without_a_session() -> None:
    here = page(
        f'<a href="./viewtopic.php?f=3&amp;t=45&amp;sid={"0" * 32}#p9">Été</a><a>x</a><a href="mailto:x">'
    )
    assert [found for _, found in boards.addresses(here)] == ["http://forum.test/f/viewtopic.php?f=3&t=45"]
    moved = page('<base href="http://forum.test/g/"><a href="viewtopic.php?t=1">x</a>')
    assert [found for _, found in boards.addresses(moved)] == ["http://forum.test/g/viewtopic.php?t=1"]


def test_a_body_without_what_does_not_belong_to_it() -> None:
    tree = page('<div id="p1">L’été <b>à&nbsp;Paris</b><div class="sig">moi</div></div>').tree
    node = tree.css_first("#p1")
    assert boards.body_html(node, ".sig") == "L’été <b>à&nbsp;Paris</b>"
    assert boards.body_html(node).endswith('<div class="sig">moi</div>')
    assert boards.body_html(None) == ""
    assert boards.text_of(tree, "#p1 b") == "à Paris"
    assert boards.text_of(tree, "#p2") == boards.attribute(tree, "#p2", "class") == ""


def test_bodies_that_are_no_page() -> None:
    whole = page("<html><body>Le forum</body></html>\n")
    assert boards.failure(whole) == boards.cut_off(whole) == ""
    assert "breaks off before its end" in boards.failure(page("<html><body>Le for"))
    memory = "<html><body><b>Fatal error</b>: Allowed memory size of 134217728 bytes exhausted in /x.php"
    assert "Allowed memory size" in boards.failure(page(memory))
    wall = page("<html><title>Just a moment...</title><body></body></html>")
    assert boards.failure(wall) == boards.riddle(wall) == "a test for people stands before the page"
    down = page("<html><body>Could not connect: Too many connections</body></html>")
    assert "error of the server" in boards.failure(down)
