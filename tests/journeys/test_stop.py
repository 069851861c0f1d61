"""Stopped by a person or by the system: once cleanly, twice at once, and it goes on without asking again."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from storage.warc import read
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror, wait_for_requests, wait_until
from tests.sites import parts
from tests.sites.static import Part, Site

CLEAN = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
PAGES = 120


@CLEAN
def test_stopped_once(tmp_path: Path, number: signal.Signals) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.slow(parts.pages(PAGES), 0.01)) as site:
        run = jukni.start(*mirror(site.url, concurrency=4))
        assert wait_for_requests(site, 40, run)
        run.send(number)
        ended = run.wait()
        snapshot = mirrored.open_one(jukni.archive)
        done = {mirrored.target(url) for url in mirrored.done(snapshot)}
        assert ended.code == 130
        assert done == {request.target for request in site.requests}
        assert mirrored.known_is_whole(snapshot) == len(done) == len(site.requests)
        assert f"{snapshot} is not finished" in ended.err
        assert f"{len(done)} URLs are captured; the crawl goes on where it stopped" in ended.err
        assert "Traceback" not in ended.err
        jukni.go_on(ended)
        assert set(site.times_asked().values()) == {1}
        assert len(site.requests) == PAGES + 2
        mirrored.proved(mirrored.sealed(jukni.archive))


@CLEAN
def test_stopped_twice(tmp_path: Path, number: signal.Signals) -> None:
    jukni = Jukni(tmp_path)
    page = parts.page_path(7)
    with Site(
        parts.stalling(parts.pages(PAGES), lambda request: request.target == page and stalls, 500)
    ) as site:
        stalls = True
        run = jukni.start(*mirror(site.url, concurrency=2))
        assert wait_until(lambda: len(site.times_asked()) == PAGES + 2, run)
        run.send(number)
        assert wait_until(lambda: "once more stops at once" in run.said(), run)
        run.send(number)
        ended = run.wait()
        snapshot = mirrored.open_one(jukni.archive)
        assert ended.code == 130
        assert ended.err.endswith("stopped at once; what was captured is on disk\n")
        assert mirrored.known_is_whole(snapshot) >= PAGES
        stalls = False
        jukni.run(*mirror(site.url))
        again = {target for target, times in site.times_asked().items() if times > 1}
        assert page in again
        assert len(again) <= 2
        mirrored.proved(mirrored.sealed(jukni.archive))


@pytest.mark.slow  # the ten seconds that a stop gives
def test_what_is_cut_by_a_stop_is_recorded_as_cut(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    page, image = parts.page_path(7), "/a:1.png"
    stalls = True

    def stalling(part: Part) -> Part:
        return parts.stalling(
            part, lambda request: stalls and request.target in (page, "/robots.txt"), len(b"User-agent: *")
        )

    images = parts.files(
        {image: ("image/png", b"png"), "/robots.txt": ("text/plain", b"User-agent: *\nDisallow:")}
    )
    with Site(stalling(images)) as other:
        tag = f"<title>0</title><img src='{other.url}{image}'><a href='/page/1.html'>1</a>".encode()
        entrance = parts.files({"/": ("text/html", tag)})
        with Site(entrance, stalling(parts.pages(20))) as site:
            jukni.configure(
                f"[site.wiki]\nurl = '{site.url}/'\ndelay = 0.0\nconcurrency = 2\n"
                f"also_private = ['{other.url.partition('//')[2]}']\n"
            )
            run = jukni.start("crawl")
            assert wait_until(lambda: len(site.times_asked()) == 22 and other.requests, run)
            run.send(signal.SIGINT)
            ended = run.wait()
            assert ended.code == 130
            (path,) = mirrored.open_one(jukni.archive).warcs.iterdir()
            assert {
                (record.uri, record.get("WARC-Truncated"))
                for record in read(path)
                if record.type == "response" and record.get("WARC-Truncated")
            } == {(site.url + page, "time"), (other.url + "/robots.txt", "time")}
            stalls = False
            jukni.go_on(ended)
    snapshot = mirrored.sealed(jukni.archive)
    assert {target for target, times in site.times_asked().items() if times > 1} == {page}
    assert mirrored.statuses(snapshot)[page] == mirrored.statuses(snapshot)[image] == [200]
    assert mirrored.skipped(snapshot) == {}
    assert not [line for line in mirrored.lines(snapshot) if line.truncated]
    mirrored.proved(snapshot)


def test_stopped_while_the_host_wants_a_pause(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.refusing(parts.pages(20), parts.first(3), status=503, retry_after="600")) as site:
        run = jukni.start(*mirror(site.url))
        assert wait_for_requests(site, 2, run)
        assert wait_until(lambda: site.requests[1].ended, run)
        run.send(signal.SIGTERM)
        ended = run.wait()
        assert ended.code == 130
        assert len(site.requests) == 2
        assert "1 URLs are captured" in ended.err
