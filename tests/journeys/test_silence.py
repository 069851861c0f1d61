"""A server that goes away: waited for, then left alone, and gone on with when it is back."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, wait_for_requests, wait_until
from tests.sites import parts
from tests.sites.static import Part, Request, Response, Site

PAGES = 60
CONCURRENCY = 2


def config(site: Site, more: str = "") -> str:
    return (
        f"[site.forum]\nurl = '{site.url}/'\ndelay = 0.0\nconcurrency = {CONCURRENCY}\n"
        f"patience = 2.5\nretry_wait = 0.5\n{more}"
    )


def port_of(site: Site) -> int:
    return int(site.url.rpartition(":")[2])


def test_the_site_goes_away(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    pages = parts.slow(parts.pages(PAGES), 0.02)
    with Site(pages) as before:
        jukni.configure(config(before))
        run = jukni.start("crawl")
        assert wait_for_requests(before, 20, run)
    ended = run.wait()
    assert ended.code == 4
    snapshot = mirrored.open_one(jukni.archive)
    known = mirrored.known_is_whole(snapshot)
    assert f"{snapshot} is not finished" in ended.err
    assert "nothing but failures or refusals for " in ended.err
    assert (
        f"{len(mirrored.done(snapshot))} URLs are captured; the crawl goes on where it stopped" in ended.err
    )
    assert known >= 18
    with Site(pages, port=port_of(before)) as after:
        jukni.go_on(ended)
    snapshot = mirrored.sealed(jukni.archive)
    mirrored.proved(snapshot)
    assert mirrored.coverage(snapshot)["missing"] == 0
    assert mirrored.manifest_counts(snapshot)["pages"] == PAGES
    twice = set(before.times_asked()) & set(after.times_asked())
    assert len(twice) <= CONCURRENCY


def test_the_site_is_back_in_a_moment(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    pages = parts.slow(parts.pages(PAGES), 0.02)
    with Site(pages) as before:
        # The connection that breaks may cost an attempt; what is refused after that is nobody's.
        jukni.configure(config(before, "attempts = 2\n").replace("patience = 2.5", "patience = 60.0"))
        run = jukni.start("crawl")
        assert wait_for_requests(before, 20, run)
    assert wait_until(lambda: _log(jukni).count("refused") >= 4, run)
    with Site(pages, port=port_of(before)):
        ended = run.wait()
    assert ended.code == 0, ended.err
    snapshot = mirrored.sealed(jukni.archive)
    mirrored.proved(snapshot)
    assert mirrored.manifest_counts(snapshot)["pages"] == PAGES


def test_the_site_is_under_maintenance(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    closed = True

    def closing(request: Request) -> Response | None:
        response = parts.pages(PAGES)(request)
        if response is None or not closed or request.number < 15:
            return response
        return replace(
            response, body=b"<title>Maintenance</title>", status=503, headers=(("Retry-After", "1"),)
        )

    with Site(closing) as site:
        jukni.configure(config(site))
        ended = jukni.run("crawl", code=4)
        assert "HTTP 503: the server asked to wait" in ended.err
        assert len(site.requests) < 30
        closed = False
        jukni.go_on(ended)
    snapshot = mirrored.sealed(jukni.archive)
    mirrored.proved(snapshot)
    assert {code for codes in mirrored.statuses(snapshot).values() for code in codes} == {200, 404}
    assert mirrored.manifest_counts(snapshot)["pages"] == PAGES


def test_another_host_is_dead(tmp_path: Path) -> None:
    """Its images are missing, the site is whole, and nobody waits for hours."""
    jukni = Jukni(tmp_path)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{nobody.getsockname()[1]}"
        with Site(gallery(dead, 40), parts.pages(5)) as site:
            jukni.configure(config(site, f"also_private = ['{dead}']\n"))
            began = time.monotonic()
            jukni.run("crawl")
            print(f"took {time.monotonic() - began:.1f} s")
    snapshot = mirrored.sealed(jukni.archive)
    mirrored.proved(snapshot)
    report = mirrored.coverage(snapshot)
    assert (report["missing"], report["gaps"], report["skipped"]) == (0, [], [])
    assert {gap["url"] for gap in report["elsewhere"]} == {f"http://{dead}/image:{n}.png" for n in range(40)}
    assert {gap["reason"] for gap in report["elsewhere"]} == {"robots.txt of that host could not be had"}


def gallery(host: str, count: int) -> Part:
    tags = "".join(f'<img src="http://{host}/image:{number}.png">' for number in range(count))
    page = f"<title>Été</title>{tags}<a href='/page/1.html'>1</a>".encode()
    return parts.files({"/": ("text/html; charset=utf-8", page)})


def _log(jukni: Jukni) -> str:
    return "".join(path.read_text("utf-8") for path in jukni.archive.glob("*/snapshots/*/crawl.log"))
