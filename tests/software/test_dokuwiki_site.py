"""The DokuWiki module on real wikis: releases, kinds of addresses, things switched off, edits meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from urllib.parse import quote

import pytest

from crawler.software import Ask, Item, Page, Setting
from crawler.software.dokuwiki import DokuWiki
from crawler.software.dokuwiki.addresses import fold
from crawler.software.dokuwiki.found import jsinfo
from crawler.software.items import WikiPage
from tests.sites import dokuwiki, wiki_host
from tests.sites.dokuwiki import CODE, Wikis
from tests.sites.dokuwiki_releases import installed, newer
from tests.sites.dokuwiki_truth import DokuWiki as Truth
from tests.sites.dokuwiki_truth import Revision, Setup
from tests.sites.dokuwiki_writer import Writer
from tests.sites.wiki_host import Missing, WikiHost
from tests.software.walker import Known, Walked, get, walk

pytestmark = pytest.mark.real


def holds(walked: Walked, truth: Truth) -> None:
    """Everything the wiki has was captured, and nothing else was taken for a thing of its own."""
    captured = {kind: set(walked.ids(kind, "captured")) for kind in _KINDS}
    pages = {page.id for page in truth.pages if not page.gone}
    old = {f"{page.id}@{revision.time}" for page in truth.pages for revision in page.revisions[:-1]}
    versions = {f"{file.id}@{version.time}" for file in truth.media for version in file.versions[:-1]}
    assert captured == {
        "page": pages,
        "source": pages,
        "history": {page.id for page in truth.pages},
        "revision": old,
        "revision source": old,
        "media": {file.id for file in truth.media if not file.gone},
        "media history": {file.id for file in truth.media},
        "version": versions,
    }
    assert [key for key, known in walked.items.items() if known.state in ("expected", "missing")] == []


_KINDS = ("page", "source", "history", "revision", "revision source", "media", "media history", "version")


@pytest.mark.parametrize(
    ("suite", "rewrite", "slash"), [("", 2, False), ("trixie", 0, False), ("forky", 1, True)]
)
def test_every_release_under_every_kind_of_address(
    suite: str, rewrite: int, slash: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        setup = Setup(newer(suite) if suite else installed(CODE), rewrite, slash)
        with dokuwiki.served(tmp_path_factory.mktemp("w"), setup, now=int(time.time())) as wikis:
            walked = walk(DokuWiki, wikis.url(wikis.wikhan.path), get)
            holds(walked, wikis.wikhan)
            text = b"".join(page.body for page in walked.pages.values()).decode("utf-8", "replace")
            assert [marker for marker in wikis.wikhan.private_markers() if marker in text] == []
            assert list(walked.ids("page", "denied")) == ["prive:secret"]
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("suite", ["", "forky"])
def test_histories_of_every_length_are_walked_to_their_end(
    suite: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Releases turn pages of 20 differently at the boundaries; deleted pages have one line more to hide.
    lengths = (1, 19, 20, 21, 38, 39, 40, 41)
    try:
        folder = tmp_path_factory.mktemp("h")
        write = Writer(folder, "longs", Setup(newer(suite) if suite else installed(CODE), rewrite=1))
        for length in lengths:
            write.page(f"vit:p{length}", *(f"Jour {n}." for n in range(length)))
            write.page(f"mort:p{length}", *(f"Jour {n}." for n in range(length)), deleted=True)
        truth = write.done("/longs/")
        with wiki_host.serve(folder, [truth.mount()]) as host:
            module = DokuWiki(f"{host.url}/longs/", {"rewrite": "1", "slash": "0", "start": "start"})
            for page in truth.pages:
                listed, ended, asked = _history(module, f"{host.url}/longs/{page.id}?do=revisions")
                assert listed == {f"{page.id}@{revision.time}" for revision in page.revisions[:-1]}
                assert ended
                assert asked <= (1 if len(page.revisions) <= 20 else 2 + len(page.revisions) // 19)
    except Missing as missing:
        pytest.skip(str(missing))


def _history(module: DokuWiki, url: str) -> tuple[set[str], bool, int]:
    """What a history lists when it is walked, whether its end was seen, and how many pages that took."""
    known, waiting = Walked(), [url]
    for asked in waiting:
        found = list(module.read(get(asked), known))
        asks = [one.url for one in found if isinstance(one, Ask) and "do=revisions" in one.url]
        waiting += [ask for ask in asks if ask not in waiting]
        for one in found:
            if isinstance(one, Item):
                known.items.setdefault((one.kind, one.id), Known(state=one.state, group=one.group))
    return set(known.ids("revision")), known.number("history", state="captured") == 1, len(waiting)


# --- wikis set up otherwise


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WikiHost, dict[str, Truth]]]:
    """Small wikis on one host; what is special about each stands in its settings."""
    settings = {
        "sans-source": "$conf['disableactions'] = 'export_raw';",
        "sans-histoire": "$conf['disableactions'] = 'revisions';",
        "sans-index": "$conf['disableactions'] = 'index';",
        "sans-versions": "$conf['mediarevisions'] = 0;",
        "plan": "$conf['sitemap'] = 1; $conf['send404'] = 1;",
        "accueil": "$conf['start'] = 'fr:faq';",
        "perdu": "",
        "accents": "$conf['deaccent'] = 1;",
    }
    try:
        folder = tmp_path_factory.mktemp("o")
        setup = Setup(installed(CODE), rewrite=1)
        truths = {
            name: dokuwiki.autre_wiki(folder, setup=replace(setup, settings=(line,)), name=name)
            for name, line in settings.items()
        }
        lost = truths["perdu"].page("fr:faq").revisions[0].time
        (truths["perdu"].data / f"attic/fr/faq.{lost}.txt.gz").unlink()
        # The sitemap is made from the search index, which is empty until somebody's browser runs the tasks.
        indexed = [page.id for page in truths["plan"].pages]
        (truths["plan"].data / "index" / "page.idx").write_text("\n".join(indexed) + "\n", "utf-8")
        with wiki_host.serve(folder, [truth.mount() for truth in truths.values()]) as host:
            yield host, truths
    except Missing as missing:
        pytest.skip(str(missing))


def walk_of(others: tuple[WikiHost, dict[str, Truth]], name: str) -> Walked:
    host, _ = others
    return _walk(f"{host.url}/{name}/")


@cache
def _walk(url: str) -> Walked:
    return walk(DokuWiki, url, get)


def test_a_wiki_that_gives_no_sources_is_said_to(others: tuple[WikiHost, dict[str, Truth]]) -> None:
    walked = walk_of(others, "sans-source")
    assert walked.number("source", state="denied") == walked.number("source") == 3
    assert walked.number("revision source", state="denied") == 1
    assert walked.number("page", state="captured") == 3


def test_a_wiki_that_shows_no_histories_is_said_to(others: tuple[WikiHost, dict[str, Truth]]) -> None:
    walked = walk_of(others, "sans-histoire")
    said = [url for url, verdict in walked.verdicts.items() if verdict == "denied"]
    assert len(said) == 3
    assert all("do=revisions" in url for url in said)
    assert walked.number("history", state="captured") == 0
    assert walked.number("page", state="captured") == 3


def test_without_an_index_links_and_changes_still_lead_on(
    others: tuple[WikiHost, dict[str, Truth]],
) -> None:
    walked = walk_of(others, "sans-index")
    assert ("page", "index") not in walked.heard
    assert walked.number("page", state="captured") == 3


def test_a_wiki_that_keeps_no_versions_of_files_is_said_to(
    others: tuple[WikiHost, dict[str, Truth]],
) -> None:
    walked = walk_of(others, "sans-versions")
    assert list(walked.ids("media history", "denied")) == ["logo.png"]
    assert list(walked.ids("media", "captured")) == ["logo.png"]


def test_a_sitemap_is_read_and_missing_pages_may_be_404(others: tuple[WikiHost, dict[str, Truth]]) -> None:
    walked = walk_of(others, "plan")
    holds(walked, others[1]["plan"])
    assert ("page", "sitemap") in walked.heard
    assert walked.items["page", "de:übersicht"].sources >= {"index", "sitemap"}
    assert any(url.endswith("?do=sitemap") for url in walked.requests)
    assert [url for url in walk_of(others, "perdu").requests if "sitemap" in url] == []


def test_the_start_page_may_have_any_name(others: tuple[WikiHost, dict[str, Truth]]) -> None:
    walked = walk_of(others, "accueil")
    holds(walked, others[1]["accueil"])
    assert any(url.endswith("/accueil/fr:faq?do=index") for url in walked.requests)


def test_a_revision_that_the_wiki_lost_is_named_so(others: tuple[WikiHost, dict[str, Truth]]) -> None:
    walked = walk_of(others, "perdu")
    (id,) = walked.ids("revision")
    assert (walked.items["revision", id].state, walked.items["revision", id].why) == (
        "denied",
        "the wiki has lost the text of this revision",
    )
    assert not any("rev=" in url for url in walked.requests)


def test_a_wiki_that_folds_accents_says_so(others: tuple[WikiHost, dict[str, Truth]]) -> None:
    host, _ = others
    module = DokuWiki(f"{host.url}/accents/", {"rewrite": "1", "slash": "0", "start": "start"})
    page = get(f"{host.url}/accents/fr:F%C3%80Q")
    assert module.accept(page).verdict == "ok"
    assert list(module.read(page, Walked())) == [
        Item("page", "fr:faq", "links", f"{host.url}/accents/fr:faq", as_page=True),
        Setting("accents", "folded"),
    ]
    every = "áàăâåäãąāæćčçďđðéèêëęğíìîïıłńñóòôöőõøōřśšşßťúùûůüűýÿźžżþœ"
    told = jsinfo(get(f"{host.url}/accents/{quote(every)}"))["id"]
    assert told == fold(every)


# --- on the shared wikis


def test_what_is_written_meanwhile_is_fetched_at_the_end(own_wikis: Wikis) -> None:
    truth = own_wikis.autre
    faq, time_ = truth.page("fr:faq"), int(time.time())
    new = b"====== Neuf ======\nmarkfedcba9876543210\n"
    asked = 0

    def fetch(url: str) -> Page:
        nonlocal asked
        asked += 1
        if asked == 60:  # the page, its source and its history were fetched
            line = Revision(time_, "E", new, None, summary="neuf")
            for log in ("meta/fr/faq.changes", "meta/_dokuwiki.changes"):
                with (truth.data / log).open("a") as file:
                    file.write(f"{time_}\t192.0.2.9\t{line.kind}\tfr:faq\t\t{line.summary}\t\t9\n")
            (truth.data / "pages/fr/faq.txt").write_bytes(new)
        return get(url)

    walked = walk(DokuWiki, own_wikis.url(truth.path), fetch)
    assert asked > 60
    assert walked.state("revision", f"fr:faq@{faq.revisions[-1].time}") == "captured"
    assert b"markfedcba9876543210" in walked.pages[own_wikis.url(truth.page_path("fr:faq"))].body
    assert walked.pages[own_wikis.url(truth.raw_path("fr:faq"))].body == new


def test_what_changes_at_every_fetch_is_volatile_and_nothing_else(wikis: Wikis) -> None:
    def bare(page: Page) -> bytes:
        body = page.body
        for spot in DokuWiki.volatile:
            body = spot.sub(b"", body)
        return body

    wiki = wikis.wikhan
    targets = [wiki.page_path("fr:faq"), wiki.page_path("fr:histoire", do="revisions")]
    targets += [wiki.page_path("start", do="index"), wiki.page_path("start", do="recent")]
    targets += [wiki.page_path("fr:histoire", rev=wiki.page("fr:histoire").revisions[3].time)]
    before = [get(wikis.url(target)) for target in targets]
    time.sleep(1.1)  # the task runner's picture carries the second
    after = [get(wikis.url(target)) for target in targets]
    assert [one.body != two.body for one, two in zip(before, after, strict=True)] == [True] * len(targets)
    assert [bare(one) for one in before] == [bare(two) for two in after]
    assert all(len(bare(one)) > 0.9 * len(one.body) for one in before)


def test_items_come_out_of_captured_pages(wikis: Wikis) -> None:
    wiki = wikis.wikhan
    module = DokuWiki(wikis.url(wiki.path), {"rewrite": "1", "slash": "0", "start": "start"})

    def items(target: str) -> list[WikiPage]:
        return [one for one in module.extract(get(wikis.url(target))) if isinstance(one, WikiPage)]

    page = wiki.page("fr:faq")
    told = items(wiki.page_path(page.id, do="revisions"))
    assert [(one.id, one.revision, one.author) for one in told] == [
        (page.id, str(revision.time), revision.user or revision.address)
        for revision in reversed(page.revisions)
    ]
    assert re.fullmatch(r"2021-04-\d\dT00:00:00\+00:00", told[0].date)
    (raw,) = items(wiki.raw_path(page.id, rev=page.revisions[0].time))
    assert (raw.revision, raw.source) == (str(page.revisions[0].time), page.revisions[0].content.decode())
    (shown,) = items(wiki.page_path(page.id))
    assert (shown.id, shown.title) == (page.id, "fr:faq [wikhan]")
    (zero,) = items(wiki.raw_path("fr:zéro"))
    assert zero.source == "0"
    assert items(wiki.page_path("pas:là")) == []
