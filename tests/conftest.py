"""What every test shares: real sites started on first use, and a CI in which nothing may be skipped."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from tests.sites import dokuwiki, wiki_host
from tests.sites import etherpad as etherpad_site
from tests.sites import mediawiki as mediawiki_site
from tests.sites import spirit as spirit_site

NO_SKIP = os.environ.get("JUKNI_NO_SKIP") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test fails when JUKNI_NO_SKIP=1; expected failures stay what they are."""
    report = yield
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"JUKNI_NO_SKIP=1 and {item.nodeid} was skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for whole modules skipped while they are imported (`importorskip`)."""
    report = yield
    if NO_SKIP and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"JUKNI_NO_SKIP=1 and {collector.nodeid} was skipped: {report.longrepr}"
    return report


SHARED = ("wikis", "mediawiki", "spirit", "pads")
"""Session fixtures that are expensive: tests asking for one run in the same worker (its xdist group)."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in SHARED:
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(fixture))


@contextmanager
def _skipped_if_missing() -> Iterator[None]:
    try:
        yield
    except (wiki_host.Missing, spirit_site.Unavailable, etherpad_site.Unavailable) as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def wikis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dokuwiki.Wikis]:
    """Two DokuWikis on one host, shared by all tests: look, do not change."""
    folder = tmp_path_factory.mktemp("wikis")
    with _skipped_if_missing(), dokuwiki.wikis(folder, now=int(time.time())) as running:
        yield running


@pytest.fixture
def own_wikis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dokuwiki.Wikis]:
    """The same two DokuWikis for one test alone, which may change them or read the whole request log."""
    folder = tmp_path_factory.mktemp("wikis")
    with _skipped_if_missing(), dokuwiki.wikis(folder, now=int(time.time())) as running:
        yield running


@pytest.fixture(scope="session")
def mediawiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mediawiki_site.MediaWiki]:
    """A MediaWiki, shared by all tests: look, do not change."""
    with _skipped_if_missing(), mediawiki_site.mediawiki(tmp_path_factory.mktemp("mw")) as running:
        yield running


@pytest.fixture(scope="session")
def spirit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[spirit_site.Forum]:
    """A Spirit forum, shared by all tests: look, do not change."""
    with _skipped_if_missing(), spirit_site.spirit(tmp_path_factory.mktemp("spirit")) as running:
        yield running


@pytest.fixture(scope="session")
def pads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[etherpad_site.Pads]:
    """A pad server, shared by all tests: look, do not change."""
    with _skipped_if_missing(), etherpad_site.etherpad(tmp_path_factory.mktemp("pads")) as running:
        yield running
