"""How gently a site is asked, as the site itself sees it: delay, concurrency, refusals, robots.txt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from storage.warc import read
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror
from tests.sites import parts
from tests.sites.static import Part, Request, Response, Site

JITTER = 0.25
"""Seconds by which a request may be seen later than it was sent, on a busy machine."""


def test_the_delay_lies_between_two_requests(tmp_path: Path) -> None:
    with Site(parts.pages(5)) as site:
        Jukni(tmp_path).run(*mirror(site.url, delay=0.5))
        starts = [request.began for request in site.requests]
    assert len(starts) == 7
    assert site.most_active == 1
    assert all(after - before >= 0.5 - JITTER for before, after in pairwise(starts))
    assert starts[-1] - starts[0] >= 6 * 0.5 - JITTER


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_at_once_than_was_said(tmp_path: Path, concurrency: int) -> None:
    with Site(parts.slow(parts.pages(40), 0.05)) as site:
        Jukni(tmp_path).run(*mirror(site.url, concurrency=concurrency))
        assert site.most_active == concurrency
        # Nor more connections than are needed for that.
        assert len({request.connection for request in site.requests}) <= concurrency


def in_seconds() -> str:
    return "2"


def as_a_date() -> str:
    # Whole seconds only: 2 to 3 s from now.
    return format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)


@pytest.mark.parametrize(("status", "retry_after"), [(503, in_seconds), (429, as_a_date)])
def test_a_refusal_stops_the_whole_host(tmp_path: Path, status: int, retry_after: Callable[[], str]) -> None:
    jukni = Jukni(tmp_path)
    page = parts.page_path(3)
    with Site(refusing_once(page, parts.pages(6), status, retry_after)) as site:
        jukni.run(*mirror(site.url, concurrency=2))
    snapshot = mirrored.sealed(jukni.archive)
    refused, captured = [request for request in site.requests if request.target == page]
    assert (refused.status, captured.status) == (status, 200)
    assert refused.ended is not None
    ended = refused.ended
    after = [request.began - ended for request in site.requests if request.began > ended]
    assert len(after) > 2
    # The other connection may have been asking in that very moment.
    assert len([one for one in after if one < 2 - JITTER]) <= 1
    assert not [one for one in after if JITTER < one < 2 - JITTER]
    statuses = mirrored.statuses(snapshot)
    assert statuses[page] == [200]
    assert status not in {one for several in statuses.values() for one in several}
    (own,) = snapshot.manifest().warcs
    # Kept all the same, though not as the page.
    refusals = [
        record.uri
        for record in read(snapshot.root / own.path)
        if record.type == "response" and b"".join(record.chunks()).startswith(b"HTTP/1.1 %d " % status)
    ]
    assert refusals == [site.url + page]
    assert mirrored.coverage(snapshot)["missing"] == 0
    mirrored.proved(snapshot)


def refusing_once(page: str, site: Part, status: int, retry_after: Callable[[], str]) -> Part:
    """Refuse this page the first time it is asked for."""
    first = parts.first(1)

    def part(request: Request) -> Response | None:
        response = site(request)
        if response is None or request.target != page or not first(request):
            return response
        wait = ("Retry-After", retry_after())
        return replace(response, body=b"<title>Busy</title>", status=status, headers=(wait,))

    return part


RULES = "User-agent: *\nDisallow: /page/2.html\nDisallow: /cach%C3%A9/\n"


@pytest.mark.parametrize("obey", [False, True])
def test_the_sites_own_robots_txt(tmp_path: Path, obey: bool) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.robots(RULES), parts.pages(12)) as site:
        jukni.run(*mirror(site.url, concurrency=2), *(["--obey-robots"] if obey else []))
    snapshot = mirrored.sealed(jukni.archive)
    statuses = mirrored.statuses(snapshot)
    assert 200 in statuses["/robots.txt"]
    assert (parts.page_path(2) in site.times_asked()) is not obey
    assert (statuses.get(parts.page_path(2)) == [200]) is not obey
    assert mirrored.skipped(snapshot) == ({"own-robots": 1} if obey else {})
    mirrored.proved(snapshot)


def test_a_crawl_delay_is_kept_when_robots_are_obeyed(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.robots("User-agent: *\nCrawl-delay: 0.4\n"), parts.pages(4)) as site:
        jukni.run(*mirror(site.url, concurrency=2), "--obey-robots")
        times = sorted(request.began for request in site.requests if request.target.startswith("/page"))
    assert len(times) >= 3
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.39


def test_the_robots_txt_of_another_host_is_obeyed(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    image = ("image/png", b"\x89PNG une image")
    images = parts.files({"/caché/a.png": image, "/ouvert/b.png": image, "/ouvert/c.png": image})
    with Site(parts.robots(RULES), images) as other:
        tags = "".join(
            f'<img src="{other.url}{path}">'
            for path in ("/cach%C3%A9/a.png", "/ouvert/b.png", "/ouvert/c.png")
        )
        page = parts.files({"/": ("text/html; charset=utf-8", f"<title>Été</title>{tags}".encode())})
        with Site(page) as site:
            jukni.configure(
                f"[site.wiki]\nurl = '{site.url}/'\ndelay = 0.0\nconcurrency = 2\n"
                f"also_private = ['{other.url.partition('//')[2]}']\n"
            )
            jukni.run("crawl")
    snapshot = mirrored.sealed(jukni.archive)
    assert [request.target for request in other.requests].count("/robots.txt") == 1
    assert other.requests[0].target == "/robots.txt"
    assert {request.target for request in other.requests[1:]} == {"/ouvert/b.png", "/ouvert/c.png"}
    assert mirrored.skipped(snapshot) == {"robots": 1}
    captured = {line.url for line in mirrored.lines(snapshot)}
    assert {other.url + "/robots.txt", other.url + "/ouvert/b.png"} <= captured
    mirrored.proved(snapshot)
