"""What a visit teaches: items settled, lists read, links judged by the software they lie under."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from crawler import coverage, database, pages
from crawler.canonical import canonical
from crawler.capture.cookies import Jar
from crawler.closing import ROUNDS, another_round
from crawler.feeding import Feeding
from crawler.frontier import Frontier, Kind, Link
from crawler.inventory import Inventory
from crawler.learn import Learner
from crawler.resolve import Resolved
from crawler.scope import Scope
from crawler.software import (
    OK,
    Accepted,
    Ask,
    Classified,
    Count,
    Found,
    Heard,
    Installed,
    Item,
    Page,
    Setting,
    Skip,
    Software,
    registry,
)
from crawler.software import Inventory as Known
from crawler.visit import OWN_ROBOTS, Decision, Visit
from storage.exchange import Exchange
from storage.http import parse_head
from storage.records import Held

BASE = "http://jardin.example/wiki/"
HTML = "text/html; charset=utf-8"
SHOP = "http://boutique.example/"


class Toy(Software):
    """A wiki of our own: /wiki/NAME pages, /wiki/list names them, ?n= is another address of NAME."""

    name: ClassVar[str] = "toy"
    family = "wiki"
    listed = frozenset({"page"})
    useful = frozenset({"page"})
    pieces = frozenset({"pieces"})
    proofs: ClassVar[dict[str, tuple[str, ...]]] = {"page": ("list", "changes")}
    min_delay = 2.5

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        return Installed("toy", BASE, {"style": "plain"}) if b"toy wiki" in page.body else None

    def seeds(self) -> Iterable[Ask | Item]:
        return [Ask(f"{BASE}list"), Ask(f"{BASE}changes")]

    def classify(self, url: str) -> Classified | None:
        name = url.removeprefix(BASE)
        if name in ("list", "changes", "pieces"):
            return Classified(name)
        if match := re.fullmatch(r"\?n=(\w+)", name):
            return Classified("page", match[1], item=True)
        if name.startswith("print/"):
            return Classified("page", name[6:], item=True, url=BASE + name[6:])
        if "?" in name:
            return Classified("view", keep=False, rule="toy:view", reason="a view that holds nothing new")
        return Classified("page", name, item=True) if re.fullmatch(r"\w+", name) else None

    def accept(self, page: Page) -> Accepted:
        return OK

    def read(self, page: Page, inventory: Known) -> Iterator[Found]:
        if page.url == f"{BASE}list":
            for name in page.text.split():
                yield Item("page", name, "list", url=BASE + name, as_page=True)
            yield Count("page", len(page.text.split()), "list")
        elif page.url == f"{BASE}changes":
            yield Heard("page", "changes")
            yield Setting("seen", page.text)
        elif b"red link" in page.body:
            yield Skip(f"{BASE}rouge", "toy:red-link", "the page does not exist")

    def again(self, inventory: Known) -> Iterable[Ask]:
        return [Ask(f"{BASE}changes", again=True)]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = registry.software
    monkeypatch.setattr(registry, "software", lambda name: Toy if name == "toy" else real(name))
    monkeypatch.setattr("crawler.installations.software", registry.software)
    monkeypatch.setattr(
        "crawler.installations.sniff", lambda body, headers: "toy" if b"toy wiki" in body else None
    )


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = database.open(tmp_path / "crawl.sqlite")
    pages.create(connection)
    yield connection
    connection.close()


class Bench:
    """A learner on a database, and visits for it."""

    def __init__(self, db: sqlite3.Connection, seeds: tuple[str, ...] = (), **scope: tuple[str, ...]) -> None:
        self.db = db
        self.notes: list[str] = []
        self.slowed: list[tuple[str, float]] = []
        self.frontier = Frontier(db)
        self.inventory = Inventory(db)
        self.feeding = Feeding(db, {"boutique": [f"{SHOP}p/"]})
        self.learner = Learner(
            db=db,
            frontier=self.frontier,
            cookies=Jar(),
            scope=Scope(seeds or (BASE,), **scope),  # type: ignore[arg-type]
            inventory=self.inventory,
            feeding=self.feeding,
            note=self.notes.append,
            slow=lambda url, seconds: self.slowed.append((url, seconds)),
        )

    def visit(
        self,
        url: str,
        body: str = "",
        *,
        kind: Kind = "page",
        outcome: str = "captured",
        head: str = "200 OK",
        mime: str = HTML,
        whole: bool = True,
    ) -> None:
        """Have a URL leased, answered and learnt from."""
        if self.frontier.why(url) is None:
            self.frontier.add([Link(url, kind)])
        lease = next(lease for lease in iter(self.frontier.lease, None) if lease.url == url)
        raw = f"HTTP/1.1 {head}\r\nContent-Type: {mime}\r\n\r\n".encode()
        parsed = parse_head(raw)
        assert parsed is not None
        now = datetime(2026, 11, 22, tzinfo=UTC)
        data = (
            body if mime != HTML else f'<link rel="icon" href="http://loin.example/i.png">{body}'
        ).encode()
        exchange = Exchange(url=url, began=now, request=b"", response=Held(raw + data), head=parsed)
        page = Page(url, parsed.status, parsed.mime, data, now, parsed.headers, len(data), whole)
        decision = Decision(True, False, outcome, "" if outcome == "captured" else parsed.reason.decode())  # type: ignore[arg-type]
        visit = Visit(lease, exchange, decision, data, page if parsed.status == 200 else None)
        self.learner.learn(visit)
        if unread := self.learner.unread(visit):
            self.frontier.failed(lease.row, unread, parsed.status)
        else:
            self.frontier.done(lease.row, outcome, parsed.status)
        self.frontier.reset_leases()

    def waiting(self) -> list[tuple[str, str]]:
        """Lease all there is, icons aside: (URL, kind)."""
        leases = iter(self.frontier.lease, None)
        return [(lease.url, lease.kind) for lease in leases if lease.kind != "requisite"]

    def skipped(self) -> dict[str, list[str]]:
        return {skip.rule: list(skip.examples) for skip in self.frontier.skips()}


@pytest.fixture
def bench(db: sqlite3.Connection) -> Bench:
    return Bench(db)


@pytest.fixture
def known(bench: Bench) -> Bench:
    """After the first page, by which the software was recognised."""
    bench.visit(BASE, "<title>Été</title> a toy wiki", kind="seed")
    return bench


def test_a_recognised_software_is_asked_what_it_has(known: Bench) -> None:
    assert known.waiting() == [(f"{BASE}list", "inventory"), (f"{BASE}changes", "inventory")]
    assert known.slowed == [(BASE, 2.5)]
    assert known.notes == [f"{BASE} is a toy: it is asked what it has"]


def test_an_address_belongs_to_the_longest_base(known: Bench) -> None:
    inner = f"{BASE}forum/"
    assert known.learner.installations.add(Installed("toy", inner))
    assert not known.learner.installations.add(Installed("toy", inner)), "it is there already"
    for learner in (known.learner, Bench(known.db).learner):
        owner = learner.installations.owner
        bases = {url: getattr(owner(url), "base", None) for url in (f"{inner}x", f"{BASE}x", SHOP)}
        assert bases == {f"{inner}x": inner, f"{BASE}x": BASE, SHOP: None}
    assert known.learner.installations.classify(SHOP) is None


def test_a_page_says_nothing_of_another_server(bench: Bench) -> None:
    bench.visit(f"{SHOP}accueil", "as if it were a toy wiki")
    assert list(bench.learner.installations) == []


def test_a_resumed_crawl_knows_it_from_the_start(known: Bench) -> None:
    again = Bench(known.db)
    (one,) = again.learner.installations
    assert (one.base, one.settings) == (BASE, {"style": "plain"})
    assert again.slowed == [(BASE, 2.5)]
    assert again.notes == [], "it is not asked a second time"


def test_what_a_list_names_is_fetched_and_expected(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil forêt", kind="inventory", mime="text/plain")
    assert (f"{BASE}accueil", "page") in known.waiting()
    assert [lost.id for lost in known.inventory.lost()] == ["accueil", "forêt"]


def test_a_captured_page_settles_its_item(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<title>Accueil</title>")
    assert list(known.inventory.lost()) == []
    assert list(known.inventory.differing()) == []
    assert any('"title": "Accueil"' in line for line in pages.lines(known.db))


@pytest.mark.parametrize(("outcome", "head"), [("denied", "403 Forbidden"), ("missing", "404 Not Found")])
def test_refusals_settle_it_too(known: Bench, outcome: str, head: str) -> None:
    known.visit(f"{BASE}list", "accueil", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "non", outcome=outcome, head=head)
    assert known.inventory.at(BASE).state("page", "accueil") == outcome


def test_links_are_judged_by_the_software(known: Bench) -> None:
    known.visit(
        f"{BASE}accueil",
        '<a href="foret">1</a><a href="./?n=foret">2</a>'
        '<a href="foret?diff=1">3</a><a href="print/mare">4</a>',
    )
    waiting = [url for url, _ in known.waiting()]
    assert f"{BASE}foret" in waiting and f"{BASE}mare" in waiting
    assert f"{BASE}?n=foret" not in waiting
    skipped = known.skipped()
    assert skipped["toy:view"] == [f"{BASE}foret?diff=1"]
    assert skipped["alias"] == [f"{BASE}?n=foret", f"{BASE}print/mare"]


def test_what_reading_a_page_skips_is_not_followed(known: Bench) -> None:
    known.visit(f"{BASE}accueil", '<a href="rouge">a red link</a>')
    assert f"{BASE}rouge" not in [url for url, _ in known.waiting()]
    assert known.skipped()["toy:red-link"] == [f"{BASE}rouge"]


def test_harm_is_refused_before_the_software_is_asked(known: Bench) -> None:
    known.visit(f"{BASE}accueil", '<a href="?n=x&amp;do=edit">e</a>')
    assert any(rule.startswith("harm:") for rule in known.skipped())


def test_the_configuration_has_the_last_word(db: sqlite3.Connection) -> None:
    bench = Bench(db, include=(r"diff=1$",), exclude=("/mare$",))
    bench.visit(BASE, "a toy wiki", kind="seed")
    bench.visit(f"{BASE}list", "mare", kind="inventory", mime="text/plain")
    bench.visit(f"{BASE}accueil", '<a href="foret?diff=1">3</a>')
    assert f"{BASE}foret?diff=1" in [url for url, _ in bench.waiting()]
    assert bench.inventory.at(BASE).state("page", "mare") == "denied"
    assert bench.skipped()["exclude"] == [f"{BASE}mare"]


def test_an_item_that_redirects(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil forum secret", kind="inventory", mime="text/plain")
    state = known.inventory.at(BASE).state

    def redirect(name: str, to: str) -> None:
        known.visit(BASE + name, outcome="redirect", head=f"302 Found\r\nLocation: {to}")

    redirect("secret", f"{BASE}login.php")
    assert state("page", "secret") == "denied"
    redirect("accueil", f"{BASE}?n=accueil")
    assert state("page", "accueil") == "expected"
    known.visit(f"{BASE}?n=accueil", "enfin")
    assert state("page", "accueil") == "captured"
    redirect("forum", SHOP)
    assert state("page", "forum") == "captured", "the redirect is what the wiki has there"


@pytest.mark.parametrize(
    ("size", "body", "coding", "verdict"),
    [
        (123, b"", "", "ok"),
        (122, b"", "", "challenge"),
        (124, b"", "", "challenge"),
        (60, b"x" * 123, "gzip", "ok"),
        (60, b"x" * 122, "gzip", "challenge"),
        (60, b"", "gzip", "ok"),
    ],
)
def test_a_file_is_as_long_as_a_list_says(
    known: Bench, size: int, body: bytes, coding: str, verdict: str
) -> None:
    url = f"{BASE}carte"
    headers = ((b"Content-Encoding", coding.encode()),) if coding else ()
    page = Page(url, 200, "application/pdf", body, datetime(2026, 11, 22, tzinfo=UTC), headers, size)
    assert known.learner.accept(page).verdict == "ok", "no list spoke of it yet"
    for announced in (1, 123):
        known.inventory.tell(BASE, 7, [Item("page", "carte", "list", url, size=announced)])
    accepted = known.learner.accept(page)
    assert accepted.verdict == verdict
    assert ("123" in accepted.why) == (verdict != "ok")
    if coding:
        assert known.learner.accept(replace(page, whole=False)).verdict == "ok", "its end was not read"


def test_settings_last(known: Bench) -> None:
    known.visit(f"{BASE}changes", "42", kind="inventory", mime="text/plain")
    (one,) = Bench(known.db).learner.installations
    assert one.settings == {"style": "plain", "seen": "42"}


def test_links_feed_the_other_sites(known: Bench) -> None:
    known.visit(f"{BASE}accueil", f'<a href="{SHOP}p/notes">n</a><a href="http://loin.example/">l</a>')
    assert known.feeding.found() == {"boutique": [f"{SHOP}p/notes"]}


@pytest.mark.parametrize(
    ("seed", "url", "kept"),
    [
        ("https://pads.example/", "http://pads.example/p/été", "https://pads.example/p/%C3%A9t%C3%A9"),
        ("https://pads.example/p/x", "https://www.pads.example/p/y", "https://pads.example/p/y"),
        ("http://www.pads.example/", "https://pads.example/p/y", "http://www.pads.example/p/y"),
        ("https://pads.example/", "https://pads.example:8443/p/y", None),
        ("https://pads.example/", "https://autre.example/p/y", None),
    ],
)
def test_old_links_feed_the_site_as_it_is_configured(
    db: sqlite3.Connection, seed: str, url: str, kept: str | None
) -> None:
    feeding = Feeding(db, {"pads": [seed]})
    feeding.offer(canonical(url) or "")
    assert feeding.found() == ({"pads": [kept]} if kept else {})


def test_what_was_fed_waits_until_it_is_known_what_lies_there(bench: Bench) -> None:
    pad, page = f"{BASE}p/notes", f"{BASE}notes"
    bench.learner.feed([pad, page])
    assert [url for url, _ in bench.waiting()] == [page]
    bench.frontier.reset_leases()
    bench.visit(BASE, "a toy wiki", kind="seed")
    assert [one.name for one in bench.learner.installations] == ["toy"]
    assert bench.frontier.why(pad) is not None, "judged like any link of that wiki"
    assert not bench.learner.claim_fed()


def test_what_was_fed_is_what_its_address_says_where_nothing_else_is(bench: Bench) -> None:
    pad, other = f"{BASE}p/notes", f"{BASE}p/ordre"
    bench.learner.feed([pad, other])
    assert bench.waiting() == []
    bench.visit(f"{BASE}accueil", "<title>rien</title>")
    assert bench.learner.claim_fed()
    assert [one.name for one in bench.learner.installations] == ["etherpad"]
    exports = [url for url, _ in bench.waiting() if "/export/" in url]
    assert exports == [f"{pad}/export/etherpad", f"{other}/export/etherpad"]
    assert not bench.learner.claim_fed()


PAD = "pads.example/p/notes"


def promised(db: sqlite3.Connection, to: str) -> Bench:
    """A pad of the configuration whose server redirects."""
    bench = Bench(db, seeds=(f"http://{PAD}",))
    bench.learner.promise(Installed("etherpad", "http://pads.example/"), f"http://{PAD}")
    head = f"301 Moved Permanently\r\nLocation: {to}"
    bench.visit("http://pads.example/api", kind="inventory", outcome="redirect", head=head)
    return bench


def test_what_was_claimed_may_answer_at_another_door(db: sqlite3.Connection) -> None:
    bench = promised(db, "https://pads.example/api")
    assert [one.base for one in bench.learner.installations] == ["https://pads.example/"]
    assert bench.notes[-1] == "http://pads.example/ is found at https://pads.example/"
    wanted, asked = f"https://{PAD}/export/etherpad", f"http://{PAD}/export/etherpad"
    bench.visit(asked, outcome="redirect", head=f"301 Moved Permanently\r\nLocation: {wanted}")
    assert (wanted, "page") in bench.waiting()
    bench.frontier.reset_leases()
    bench.visit(wanted, '{"pad:notes":{"head":0,"atext":{}}}', mime="application/json")
    (pad,) = [tally for tally in bench.inventory.tallies() if tally.kind == "pad"]
    assert (pad.base, pad.expected, pad.captured) == ("https://pads.example/", 1, 1)
    again = Bench(db, seeds=(f"http://{PAD}",))
    assert [one.base for one in again.learner.installations] == ["https://pads.example/"]
    assert bench.frontier.fact("moved") == [[f"http://{PAD}", f"https://{PAD}"]]


@pytest.mark.parametrize(
    "to", ["https://ailleurs.example/api", "https://pads.example/login", "http://pads.example/x"]
)
def test_a_redirect_to_elsewhere_moves_nothing(db: sqlite3.Connection, to: str) -> None:
    assert [one.base for one in promised(db, to).learner.installations] == ["http://pads.example/"]


def test_what_has_answered_at_one_door_is_not_moved(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil secret", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<title>Accueil</title>")
    to = BASE.replace("http", "https") + "secret"
    known.visit(f"{BASE}secret", outcome="redirect", head=f"302 Found\r\nLocation: {to}")
    assert [one.base for one in known.learner.installations] == [BASE]


def test_a_sitemap_of_a_site_nobody_knows(bench: Bench) -> None:
    names = (f"{BASE}a", f"{BASE}b", "http://jardin.example/dehors", "http://loin.example/")
    sitemap = "".join(f"<url><loc>{url}</loc></url>" for url in names)
    bench.visit(f"{BASE}sitemap.xml", f"<urlset>{sitemap}</urlset>", kind="feed", mime="text/xml")
    assert [lost.id for lost in bench.inventory.lost()] == [f"{BASE}a", f"{BASE}b"]
    bench.visit(f"{BASE}a", "a")
    bench.visit(f"{BASE}b", "b")
    assert list(bench.inventory.lost()) == []
    report = said(bench)
    assert report["verdict"] == "complete"


@pytest.mark.parametrize(
    ("url", "mime", "whole", "gap"),
    [
        ("list", "text/plain", False, True),
        ("list", "text/plain", True, False),
        ("pieces", "text/plain", False, False),
        ("accueil", HTML, False, True),
        ("accueil", "text/plain", False, False),
        ("http://loin.example/style.css", "text/css", False, False),
    ],
)
def test_a_list_too_long_to_be_read_is_a_gap(
    known: Bench, url: str, mime: str, whole: bool, gap: bool
) -> None:
    """An item's file may be as long as it likes; what stands on a page of posts must be read."""
    url = url if "//" in url else BASE + url
    known.visit(url, "accueil forêt", kind="inventory", mime=mime, whole=whole)
    assert (known.frontier.why(url).state == "failed") is gap  # type: ignore[union-attr]
    if url == f"{BASE}list":
        assert (f"{BASE}accueil", "page") in known.waiting(), "what was read is fetched"


def test_a_sitemap_too_long_to_be_read_is_a_gap(bench: Bench) -> None:
    url, body = f"{BASE}sitemap.xml", f"<urlset><url><loc>{BASE}a</loc></url></urlset>"
    bench.visit(url, body, kind="feed", mime="text/xml", whole=False)
    bench.visit(f"{BASE}a", "a")
    assert said(bench)["verdict"] == "gaps"


# --- rounds at the end, and the verdict


def never(base: str, error: Exception) -> None:
    raise error


def said(bench: Bench, resolved: Resolved | None = None) -> dict[str, Any]:
    return coverage.report(
        bench.frontier,
        bench.learner.scope,
        bench.learner.installations,
        bench.inventory,
        resolved=resolved,
        links_to={},
        requests=9,
        again="jukni crawl wiki",
    )


def test_the_end_asks_for_changes_again_and_stops(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<p>")
    known.visit("http://loin.example/i.png", mime="image/png", kind="requisite")
    assert another_round(known.frontier, known.learner, attempts=4, bug=never)
    assert known.waiting() == [(f"{BASE}changes", "inventory")]
    known.frontier.reset_leases()
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    assert not another_round(known.frontier, known.learner, attempts=4, bug=never), "nothing new came of it"
    assert said(known)["verdict"] == "complete"


def test_a_site_that_always_has_something_new_ends_too(known: Bench) -> None:
    rounds = 0
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    while another_round(known.frontier, known.learner, attempts=4, bug=never):
        rounds += 1
        known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
        known.visit(f"{BASE}page{rounds}", "<p>")
    assert rounds == ROUNDS == 3


def test_a_number_that_differs_is_read_again_and_then_a_gap(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil absent", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<p>")
    known.visit(f"{BASE}absent", "non", outcome="missing", head="404 Not Found")
    assert another_round(known.frontier, known.learner, attempts=4, bug=never)
    assert (f"{BASE}list", "inventory") in known.waiting()
    report = said(known)
    assert report["verdict"] == "gaps"
    reasons = [gap["reason"] for gap in report["gaps"]]
    assert "named by list, but the site answers: Not Found" in reasons
    assert "list says 2, 1 were found" in reasons


def test_a_number_that_differs_is_read_in_every_round(known: Bench) -> None:
    """It is not, of those that include what visitors cannot see."""
    known.inventory.tell(BASE, known.frontier.why(BASE).row, [Count("page", 0, "door", bound="at most")])  # type: ignore[union-attr]
    known.visit(f"{BASE}list", "accueil absent", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<p>")
    for _ in range(3):
        assert another_round(known.frontier, known.learner, attempts=4, bug=never)
        waiting = [url for url, _ in known.waiting()]
        assert f"{BASE}list" in waiting and BASE not in waiting
        known.frontier.reset_leases()
        known.visit(f"{BASE}list", "accueil absent", kind="inventory", mime="text/plain")
        known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    assert not another_round(known.frontier, known.learner, attempts=4, bug=never)


def test_a_page_of_a_list_that_grew_shorter_is_read_again(known: Bench) -> None:
    row = known.frontier.why(BASE).row  # type: ignore[union-attr]
    known.inventory.tell(BASE, row, [Count("page", 2, "list from 1", bound="once")])
    known.visit(f"{BASE}list", "accueil", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<p>")
    assert another_round(known.frontier, known.learner, attempts=4, bug=never)
    assert (BASE, "seed") in known.waiting()


def test_a_failed_url_is_tried_once_more(known: Bench) -> None:
    known.waiting()
    known.frontier.failed(known.frontier.why(f"{BASE}list").row, "HTTP 500")  # type: ignore[union-attr]
    assert another_round(known.frontier, known.learner, attempts=4, bug=never)
    leases = {lease.url: lease.attempts for lease in iter(known.frontier.lease, None)}
    assert leases[f"{BASE}list"] == 3
    known.frontier.failed(known.frontier.why(f"{BASE}list").row, "HTTP 500")  # type: ignore[union-attr]
    known.frontier.reset_leases()
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<p>")
    assert another_round(known.frontier, known.learner, attempts=4, bug=never)
    assert f"{BASE}list" not in [url for url, _ in known.waiting()], "once, not in every round"


def test_a_gap_is_listed_once(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil", kind="inventory", mime="text/plain")
    lease = next(lease for lease in iter(known.frontier.lease, None) if lease.url == f"{BASE}accueil")
    known.frontier.failed(lease.row, "HTTP 500")
    known.frontier.reset_leases()
    known.frontier.skip_pattern(lambda url: True, "test", "not asked")
    report = said(known)
    gaps = [(gap["url"], gap["reason"]) for gap in report["gaps"]]
    assert gaps == [(f"{BASE}accueil", "HTTP 500"), (None, "list says 1, 0 were found")]
    assert report["missing"] == 2


@pytest.mark.parametrize(("bound", "verdict"), [("exact", "gaps"), ("at most", "complete")])
def test_only_exact_numbers_make_a_gap(known: Bench, bound: str, verdict: str) -> None:
    """More than is said to be there may have been written meanwhile."""
    known.visit(f"{BASE}list", "accueil", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<p>")
    known.visit("http://loin.example/i.png", mime="image/png", kind="requisite")
    known.inventory.tell(BASE, 70, [Count("page", 0, "door", bound=bound)])  # type: ignore[arg-type]
    report = said(known)
    assert report["verdict"] == verdict
    assert len(report["counters"]["differ"]) == 1


def test_a_software_that_names_nothing_is_not_complete(known: Bench) -> None:
    known.inventory.tell(BASE, 70, [Heard("page", "list"), Heard("page", "changes")])
    known.frontier.skip_pattern(lambda url: True, "test", "not asked")
    report = said(known)
    assert (report["verdict"], report["why"]) == ("unknown", [f"{BASE}: toy named nothing that it has"])


def test_what_pages_name_and_the_view_does_not_have_is_a_gap(known: Bench) -> None:
    hanging = Resolved(3, 1, 1, 1, [(f"{BASE}x", f"{BASE}accueil")])
    known.frontier.skip_pattern(lambda url: True, "test", "not asked")
    assert (said(known)["verdict"], said(known)["missing"]) == ("unknown", 0)
    assert (said(known, hanging)["verdict"], said(known, hanging)["missing"]) == ("gaps", 1)


def test_one_source_of_two_is_not_enough(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}accueil", "<p>")
    known.inventory.tell(BASE, 70, [Heard("page", "door")])
    known.frontier.skip_pattern(lambda url: True, "test", "not asked")
    report = said(known)
    assert report["verdict"] == "unknown"
    assert report["why"] == [f"{BASE}: of list and changes only list told which page items there are"]


def test_a_site_that_nobody_knows_is_unknown(bench: Bench) -> None:
    bench.visit(BASE, "bonjour", kind="seed")
    assert said(bench)["verdict"] == "unknown"


def test_what_an_obeyed_robots_txt_forbids_is_not_known(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil secret", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.inventory.tell(BASE, 70, [Item("page", "sans adresse", "list"), Count("page", 7, "list")])
    known.visit(f"{BASE}accueil", "<p>")
    row = next(lease.row for lease in iter(known.frontier.lease, None) if lease.url == f"{BASE}secret")
    known.frontier.skipped(row, OWN_ROBOTS, "robots.txt asks not to")
    known.learner.left_out(f"{BASE}secret", "robots.txt asks not to")
    known.frontier.reset_leases()
    known.frontier.skip_pattern(lambda url: True, "test", "not asked")
    report = said(known)
    assert (report["verdict"], report["gaps"]) == ("unknown", [])
    assert report["why"] == ["the site's robots.txt is obeyed: what it forbids was not looked at"]
    assert [(one.id, one.why) for one in known.inventory.denied()] == [("secret", "robots.txt asks not to")]


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("javascript:alert(1)", "denied"),
        ("http://[::1", "denied"),
        ("", "expected"),
        ("http://10.0.0.1/carte", "denied"),
        ("http://loin.example/carte", "expected"),
    ],
)
def test_an_item_that_lies_anywhere(
    known: Bench, monkeypatch: pytest.MonkeyPatch, url: str, state: str
) -> None:
    said: list[Found] = [Item("page", "carte", "list", url), *([Ask(url)] if url else [])]
    monkeypatch.setattr(Toy, "read", lambda self, page, inventory: said)
    known.visit(f"{BASE}list", "carte", kind="inventory", mime="text/plain")
    assert known.inventory.at(BASE).state("page", "carte") == state
    assert (url in [waiting for waiting, _ in known.waiting()]) is (bool(url) and state == "expected")


def test_a_refusal_in_place_of_a_list_is_not_read(known: Bench) -> None:
    known.visit(f"{BASE}list", "veuillez vous connecter", kind="inventory", outcome="denied")
    assert known.inventory.heard(BASE, "page") == set()
    assert list(known.inventory.lost()) == []


def test_what_was_fetched_before_a_sitemap_names_it(bench: Bench) -> None:
    bench.visit(f"{BASE}a", "a")
    body = f"<urlset><url><loc>{BASE}a</loc></url></urlset>"
    bench.visit(f"{BASE}sitemap.xml", body, kind="feed", mime="text/xml")
    assert [tally.captured for tally in bench.inventory.tallies()] == [1]


def test_a_sitemaps_page_that_is_not_asked_for_is_no_gap(bench: Bench) -> None:
    body = f"<urlset><url><loc>{BASE}a</loc></url></urlset>"
    bench.visit(f"{BASE}sitemap.xml", body, kind="feed", mime="text/xml")
    bench.learner.left_out(f"{BASE}a", "it lies on a private network")
    assert [lost.id for lost in bench.inventory.lost()] == []
    assert [one.why for one in bench.inventory.denied()] == ["it lies on a private network"]


def test_after_the_limit_nothing_is_called_missing(known: Bench) -> None:
    known.visit(f"{BASE}list", "accueil absent", kind="inventory", mime="text/plain")
    known.frontier.reset_leases()
    known.frontier.skip_pattern(lambda url: True, "limit", "the limit of 2 fetched URLs was reached")
    report = said(known)
    assert (report["verdict"], report["missing"]) == ("unknown", 0)


def test_what_we_refuse_to_ask_for_is_a_gap_and_says_why(known: Bench) -> None:
    known.visit(f"{BASE}list", "?do=edit", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    report = said(known)
    assert report["verdict"] == "gaps"
    (reason,) = [gap["reason"] for gap in report["gaps"] if gap["id"] == "?do=edit"]
    assert (
        reason
        == "named by list, never captured: opens a form for writing, which locks pages and starts drafts"
    )


def test_what_visitors_are_refused_is_no_gap_and_is_said(known: Bench) -> None:
    known.visit(f"{BASE}list", "secret", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}changes", kind="inventory", mime="text/plain")
    known.visit(f"{BASE}secret", outcome="denied", head="403 Forbidden")
    known.inventory.tell(BASE, 99, [])
    report = said(known)
    assert "1 of 1 page items are refused to visitors" in report["why"]
