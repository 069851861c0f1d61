"""Runs that die, a second crawl, an older snapshot, two runs at once."""

from __future__ import annotations

from pathlib import Path

from storage.warc import read
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror, wait_for_requests
from tests.sites import parts
from tests.sites.static import Site


def test_the_second_crawl_points_back_to_the_first(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.pages(40)) as site:
        jukni.run(*mirror(site.url, concurrency=4))
        first = mirrored.sealed(jukni.archive)
        jukni.run(*mirror(site.url, concurrency=4))
        second = mirrored.sealed(jukni.archive)
    assert second.name > first.name
    assert second.manifest().previous == first.name
    # All pages are over a kilobyte; the two that are missing are no capture to point to.
    revisits = [line for line in mirrored.lines(second) if line.kind == "revisit"]
    assert len(revisits) == 40
    originals = {line.id: line for line in mirrored.lines(first)}
    (own,) = (warc.path for warc in second.manifest().warcs if warc.own)
    (earlier,) = (warc.path for warc in second.manifest().warcs if not warc.own)
    assert earlier == first.manifest().warcs[0].path
    fields = {
        record.id: (record.get("WARC-Refers-To-Target-URI"), record.get("WARC-Refers-To-Date"))
        for record in read(second.root / own)
        if record.type == "revisit"
    }
    by_capture = {(line.url, line.date): line for line in originals.values()}
    for line in revisits:
        original = by_capture[fields[line.id]]
        assert (original.url, original.digest, original.kind) == (line.url, line.digest, "response")
    for snapshot in (first, second):
        mirrored.proved(snapshot)


def test_a_third_crawl_points_to_originals_not_to_revisits(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    # Alike; the one fetched later comes first in the index, and is a revisit in the first crawl already.
    alike = ("text/plain; charset=utf-8", "même contenu\n".encode() * 200)
    entrance = ("text/html", b"<title>x</title><a href='/z:1.txt'>z</a> <a href='/a:1.txt'>a</a>")
    with Site(parts.files({"/": entrance, "/z:1.txt": alike, "/a:1.txt": alike})) as site:
        for _ in range(3):
            jukni.run(*mirror(site.url))
    first, second, third = mirrored.collection(jukni.archive).sealed()
    needed = {warc.path for warc in third.manifest().warcs if not warc.own}
    assert needed == {warc.path for warc in first.manifest().warcs}
    assert [mirrored.target(line.url) for line in mirrored.lines(third) if line.kind == "response"] == [
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/z:1.txt",
    ]
    for snapshot in (first, second, third):
        mirrored.proved(snapshot)


def test_a_run_dies_a_newer_one_is_made_an_older_one_is_whole(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.slow(parts.pages(60), 0.005)) as site:
        jukni.run(*mirror(site.url, concurrency=4))
        oldest = mirrored.sealed(jukni.archive)
        asked = len(site.requests)
        run = jukni.start(*mirror(site.url, concurrency=2))
        assert wait_for_requests(site, asked + 20, run)
        run.kill()
        died = mirrored.open_one(jukni.archive)
        known = mirrored.known_is_whole(died)
        jukni.run(*mirror(site.url, concurrency=4), "--new")
        newest = mirrored.sealed(jukni.archive)
        assert oldest.name < died.name < newest.name
        assert newest.manifest().previous == oldest.name
        assert mirrored.known_is_whole(died) == known
        for snapshot in (oldest, newest):
            mirrored.proved(snapshot)
        # Left behind, it stays as it is: to go on with it would mix two times in one snapshot.
        jukni.run(*mirror(site.url, concurrency=4))
        last = mirrored.sealed(jukni.archive)
        assert last.manifest().previous == newest.name
        assert mirrored.collection(jukni.archive).open() == [died]
        assert mirrored.known_is_whole(died) == known
        for snapshot in (oldest, newest, last):
            mirrored.proved(snapshot)
    listed = jukni.run("list", "--into", str(jukni.archive)).out
    assert all(str(snapshot) in listed for snapshot in (oldest, died, newest, last))


def test_a_second_run_is_locked_out(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.pages(20)) as site:
        run = jukni.start(*mirror(site.url, delay=30))
        assert wait_for_requests(site, 1, run)
        second = jukni.run(*mirror(site.url), code=7)
        assert run.alive
        assert f"process {run.process.pid} on " in second.err
        assert second.next == [f"ps -o pid,lstart,args -p {run.process.pid}"]
        run.kill()
        # The lock went with the process that had it.
        jukni.run(*mirror(site.url, concurrency=4))
        assert len(mirrored.collection(jukni.archive).all()) == 1
        mirrored.proved(mirrored.sealed(jukni.archive))
