"""What the site says it has, who said so, and what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler import database
from crawler.inventory import Inventory
from crawler.software import Count, Found, Heard, Item

WIKI = "http://jardin.example/wikhan/"
FAQ = f"{WIKI}fr:faq"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = database.open(tmp_path / "crawl.sqlite")
    yield connection
    connection.close()


@pytest.fixture
def inventory(db: sqlite3.Connection) -> Inventory:
    return Inventory(db)


def lost(inventory: Inventory) -> list[tuple[str, str, str]]:
    return [(one.kind, one.id, one.sources) for one in inventory.lost()]


def test_an_item_is_a_gap_until_it_is_captured(inventory: Inventory) -> None:
    wanted = inventory.tell(WIKI, 1, [Item("page", "fr:faq", "index", url=FAQ)])
    assert [item.url for item in wanted] == [FAQ]
    assert lost(inventory) == [("page", "fr:faq", "index")]
    inventory.settle(WIKI, "page", "fr:faq", FAQ, "captured")
    assert lost(inventory) == []
    (tally,) = inventory.tallies()
    assert (tally.expected, tally.captured, tally.gaps, tally.sources) == (1, 1, 0, {"index": 1})


def test_what_was_captured_once_stays_captured(inventory: Inventory) -> None:
    inventory.settle(WIKI, "page", "fr:faq", FAQ, "captured")
    inventory.settle(WIKI, "page", "fr:faq", FAQ, "missing", "HTTP 404")
    inventory.tell(WIKI, 1, [Item("page", "fr:faq", "index", state="denied", why="not for visitors")])
    assert inventory.at(WIKI).state("page", "fr:faq") == "captured"


def test_missing_is_a_gap_only_where_more_than_a_link_named_it(inventory: Inventory) -> None:
    assert inventory.wants(WIKI, "page", "rouge", f"{WIKI}rouge")
    inventory.settle(WIKI, "page", "rouge", f"{WIKI}rouge", "missing", "HTTP 404")
    assert lost(inventory) == []
    (tally,) = inventory.tallies()
    assert (tally.expected, tally.missing, tally.gaps) == (0, 1, 0)
    inventory.tell(WIKI, 1, [Item("page", "rouge", "index")])
    assert lost(inventory) == [("page", "rouge", "index,links")]


def test_a_denied_item_is_no_gap(inventory: Inventory) -> None:
    inventory.tell(WIKI, 1, [Item("page", "secret", "index", url=f"{WIKI}secret")])
    inventory.settle(WIKI, "page", "secret", f"{WIKI}secret", "denied", "not for visitors")
    (tally,) = inventory.tallies()
    assert (tally.expected, tally.denied, tally.gaps) == (1, 1, 0)


def test_one_address_an_item(inventory: Inventory) -> None:
    assert inventory.wants(WIKI, "page", "fr:faq", FAQ)
    assert inventory.wants(WIKI, "page", "fr:faq", FAQ), "the same again is no other"
    assert not inventory.wants(WIKI, "page", "fr:faq", f"{WIKI}doku.php?id=fr:faq")
    told = inventory.tell(WIKI, 1, [Item("page", "fr:faq", "index", url=f"{WIKI}doku.php?id=fr:faq")])
    assert told == [], "it is wanted as it was linked"


def test_another_address_is_tried_when_the_first_is_missing(inventory: Inventory) -> None:
    assert inventory.wants(WIKI, "page", "fr:faq", f"{WIKI}FAQ")
    inventory.settle(WIKI, "page", "fr:faq", f"{WIKI}FAQ", "missing")
    assert inventory.wants(WIKI, "page", "fr:faq", FAQ)


def test_a_page_read_again_says_its_latest_word(inventory: Inventory) -> None:
    posts = [Item("post", str(n), "topic", group="topic 7", state="captured") for n in (1, 2, 3)]
    inventory.tell(WIKI, 5, [*posts, Count("post", 3, "topic", group="topic 7")])
    assert list(inventory.differing()) == []
    # Post 2 was deleted while the crawl ran.
    inventory.tell(WIKI, 5, [posts[0], posts[2], Count("post", 2, "topic", group="topic 7")])
    assert list(inventory.differing()) == []
    assert list(inventory.at(WIKI).ids("post")) == ["1", "3"]


def test_what_another_page_tells_too_is_not_forgotten(inventory: Inventory) -> None:
    item = Item("post", "1", "topic", state="captured")
    inventory.tell(WIKI, 5, [item])
    inventory.tell(WIKI, 6, [item])
    inventory.tell(WIKI, 5, [])
    assert inventory.at(WIKI).state("post", "1") == "captured"


def test_what_was_fetched_itself_outlives_the_list_that_named_it(inventory: Inventory) -> None:
    inventory.tell(WIKI, 1, [Item("page", "fr:faq", "index", url=FAQ)])
    inventory.settle(WIKI, "page", "fr:faq", FAQ, "captured")
    inventory.tell(WIKI, 1, [])
    assert inventory.at(WIKI).state("page", "fr:faq") == "captured"


def test_links_are_not_forgotten_with_a_page(inventory: Inventory) -> None:
    inventory.wants(WIKI, "page", "a", f"{WIKI}a")
    inventory.tell(WIKI, None, [Item("page", "b", "seed", url=f"{WIKI}b")])
    inventory.tell(WIKI, None, [])
    assert list(inventory.at(WIKI).ids("page")) == ["a", "b"]


@pytest.mark.parametrize(
    ("n", "bound", "differs"),
    [
        (2, "exact", False),
        (3, "exact", True),
        (1, "exact", True),
        (3, "at most", False),
        (1, "at most", True),
    ],
)
def test_published_numbers(inventory: Inventory, n: int, bound: str, differs: bool) -> None:
    posts = [Item("post", str(i), "topic", group="topic 7", state="captured") for i in range(2)]
    others = [Item("post", "9", "topic", group="topic 8", state="captured")]
    count = Count("post", n, "topic", group="topic 7", bound=bound)  # type: ignore[arg-type]
    inventory.tell(WIKI, 5, [*posts, *others, count])
    found = [(one.group, one.published, one.found, one.row) for one in inventory.differing()]
    assert found == ([("topic 7", n, 2, 5)] if differs else [])
    assert inventory.counters() == 1


def test_pages_read_before_their_list_grew_shorter_are_stale(inventory: Inventory) -> None:
    """A list that grew is none: what came is behind them."""
    for row, n in ((1, 30), (2, 29)):
        inventory.tell(WIKI, row, [Count("post", n, f"topic from {row}", "topic 7", "once")])
    inventory.tell(WIKI, 3, [Count("post", 9, "topic", "topic 8"), Count("post", 9, "board", "topic 7")])
    assert inventory.stale() == [], "no page of topic 7 told less"
    inventory.tell(WIKI, 4, [Count("post", 29, "topic", "topic 7")])
    assert inventory.stale() == [1]
    inventory.tell(WIKI, 4, [Count("post", 31, "topic", "topic 7")])
    assert inventory.stale() == []
    assert inventory.counters() == 3
    assert inventory.at(WIKI).published("post", "topic 7", "topic") == 31
    assert inventory.at(WIKI).published("post", "topic 7", "topic from 1") is None


@pytest.mark.parametrize("order", [(1, 2), (2, 1, 1, 2)])
def test_what_moved_counts_where_it_is_named_now(inventory: Inventory, order: tuple[int, ...]) -> None:
    """Whichever list is read again first, they agree at the latest when both were read twice."""
    inventory.tell(
        WIKI, 1, [Item("topic", "7", "board", FAQ, "board 1"), Count("topic", 1, "board", "board 1")]
    )
    inventory.tell(WIKI, 2, [Count("topic", 0, "board", "board 2")])
    inventory.settle(WIKI, "topic", "7", FAQ, "captured")
    assert list(inventory.differing()) == []
    for row in order:
        now: list[Found] = [Count("topic", row - 1, "board", f"board {row}")]
        now += [Item("topic", "7", "board", FAQ, "board 2")] if row == 2 else []
        inventory.tell(WIKI, row, now)
    assert list(inventory.differing()) == []


def test_what_no_page_names_any_more_is_not_counted(inventory: Inventory) -> None:
    named = [Item("topic", id, "board", FAQ + id, "board 1", state="captured") for id in "78"]
    inventory.tell(WIKI, 1, [*named, Count("topic", 2, "board", "board 1")])
    inventory.settle(WIKI, "topic", "7", f"{FAQ}7", "captured")
    assert inventory.wants(WIKI, "topic", "7", f"{FAQ}7")
    inventory.tell(WIKI, 1, [named[1], Count("topic", 1, "board", "board 1")])
    assert list(inventory.differing()) == []
    assert inventory.at(WIKI).state("topic", "7") == "captured"


def test_what_lost_records_said_is_open_again(inventory: Inventory) -> None:
    """A power cut took the records of row 5 (a topic) and of row 6 (a page): neither counts as captured."""
    posts = [Item("post", str(n), "topic", group="topic 7", state="captured") for n in (1, 2)]
    inventory.tell(WIKI, 4, [Item("post", "2", "index"), Item("post", "3", "other", state="captured")])
    inventory.tell(WIKI, 5, [*posts, Count("post", 2, "topic", group="topic 7")])
    stood = {"faq": "captured", "secret": "denied", "start": "captured"}
    inventory.tell(WIKI, 1, [Item("page", id, "index", url=WIKI + id) for id in stood])
    for id, state in stood.items():
        inventory.settle(WIKI, "page", id, WIKI + id, state, "dit")  # type: ignore[arg-type]
    inventory.unlearn({5: f"{WIKI}?topic=7", 6: f"{WIKI}faq", 7: f"{WIKI}secret", 8: f"{WIKI}rien"})
    assert lost(inventory) == [
        ("post", "2", "index,topic"),
        ("post", "1", "topic"),
        ("page", "faq", "index"),
        ("page", "secret", "index"),
    ]
    assert inventory.at(WIKI).state("post", "3") == "captured"
    assert inventory.counters() == 0
    # Asked for again: the topic is there, the page is gone.
    inventory.tell(WIKI, 5, posts)
    inventory.settle(WIKI, "page", "faq", f"{WIKI}faq", "missing", "HTTP 404")
    inventory.settle(WIKI, "page", "secret", f"{WIKI}secret", "denied")
    assert [(one.id, one.state) for one in inventory.lost()] == [("faq", "missing")]


def test_a_number_that_is_not_told_any_more_is_held_against_nothing(inventory: Inventory) -> None:
    inventory.tell(WIKI, 5, [Count("post", 2, "topic", "topic 7")])
    inventory.tell(WIKI, 5, [])
    assert (inventory.counters(), list(inventory.differing())) == (0, [])


def test_a_number_told_in_passing_is_held_against_nothing(inventory: Inventory) -> None:
    posts = [Item("post", id, "topic", group="topic 7", state="captured") for id in "12"]
    inventory.tell(WIKI, 5, [*posts, Count("post", 1, "topic from 1", "topic 7", "once")])
    assert list(inventory.differing()) == []


def test_the_first_group_holds(inventory: Inventory) -> None:
    for row in (1, 2):
        inventory.tell(WIKI, row, [Item("topic", "7", "board", group=f"board {row}")])
    assert list(inventory.at(WIKI).ids("topic", group="board 1")) == ["7"]


def test_what_an_address_brought_outlives_what_lists_say(inventory: Inventory) -> None:
    refused = Item("page", FAQ, "index", url=FAQ, state="denied", why="dit la liste")
    inventory.tell(WIKI, 1, [refused])
    inventory.settle_url(FAQ, "captured")
    inventory.settle_url(FAQ, "missing")
    inventory.tell(WIKI, 1, [])
    assert inventory.at(WIKI).state("page", FAQ) == "captured"
    inventory.moved(FAQ, f"{WIKI}ailleurs")
    assert inventory.wants(WIKI, "page", FAQ, FAQ), "it was had there"


def test_what_a_list_says_outlives_a_lost_record(inventory: Inventory) -> None:
    inventory.tell(WIKI, 1, [Item("page", FAQ, "index", url=FAQ, state="denied", why="dit la liste")])
    inventory.unlearn({2: FAQ})
    assert inventory.at(WIKI).state("page", FAQ) == "denied"


def test_all_that_is_known_goes_along_with_an_installation(inventory: Inventory) -> None:
    inventory.tell(WIKI, 1, [Item("page", "a", "index"), Count("page", 1, "index"), Heard("media", "feed")])
    secure = WIKI.replace("http:", "https:")
    inventory.move(WIKI, secure)
    assert [one.base for one in inventory.tallies()] == [secure]
    assert [one.base for one in inventory.differing()] == [secure]
    assert inventory.heard(secure, "media") == {"feed"} and not inventory.heard(WIKI, "media")


def test_a_number_of_the_whole_site(inventory: Inventory) -> None:
    inventory.tell(WIKI, 5, [Item("post", "1", "topic", group="topic 7", state="captured")])
    inventory.tell(WIKI, 6, [Count("post", 2, "index")])
    assert [(one.group, one.found) for one in inventory.differing()] == [("", 1)]


def test_refused_items_count_but_expected_ones_do_not(inventory: Inventory) -> None:
    hidden = Item("revision", "3", "api", group="Accueil", state="denied", why="hidden by the wiki")
    inventory.tell(
        WIKI, 5, [hidden, Item("revision", "4", "api", group="Accueil"), Count("revision", 1, "api")]
    )
    assert list(inventory.differing()) == []


def test_heard_without_naming_anything(inventory: Inventory) -> None:
    inventory.tell(WIKI, 5, [Heard("page", "changes"), Item("page", "a", "index")])
    assert inventory.heard(WIKI, "page") == {"changes", "index"}
    assert inventory.heard(WIKI, "media") == set()


def test_installations_are_apart(inventory: Inventory) -> None:
    inventory.tell(WIKI, 1, [Item("page", "start", "index")])
    other = inventory.at("http://jardin.example/autre/")
    assert not other.knows("page", "start")
    assert other.number("page") == 0


def test_look_ups(inventory: Inventory) -> None:
    inventory.tell(
        WIKI,
        1,
        [
            Item("post", "1", "topic", group="topic 7", state="captured"),
            Item("post", "2", "topic", group="topic 7"),
            Item("post", "3", "topic", group="topic 8"),
        ],
    )
    known = inventory.at(WIKI)
    assert known.knows("post", "2") and not known.knows("post", "4")
    assert list(known.ids("post", group="topic 7")) == ["1", "2"]
    assert list(known.ids("post", "expected")) == ["2", "3"]
    assert known.number("post", group="topic 7", state="captured") == 1
    assert known.state("post", "4") is None


def test_an_item_settled_by_its_address(inventory: Inventory) -> None:
    inventory.tell(WIKI, 1, [Item("page", FAQ, "sitemap", url=FAQ)])
    inventory.settle_url(f"{WIKI}autre", "captured")
    assert lost(inventory) != []
    inventory.moved(FAQ, f"{WIKI}foire")
    inventory.settle_url(f"{WIKI}foire", "captured")
    assert lost(inventory) == []
