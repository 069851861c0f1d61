"""`jukni why` and the check of links, on a small site mirrored for real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from crawler.canonical import canonical
from crawler.known import Known
from crawler.resolve import resolve
from crawler.why import explain, speaks_for
from storage.errors import BrokenData, UsageError
from storage.snapshot import COVERAGE, Snapshot
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror, wait_for_requests
from tests.sites.static import Request, Response, Site

PAGES = {
    "/wiki/": '<a href="été">1</a> <a href="perdu">2</a> <a href="casse">3</a> <a href="/dehors">4</a>'
    '<a href="?do=edit">5</a><link rel="icon" href="icon.png"><a href="http://loin.example/">6</a>',
    "/wiki/%C3%A9t%C3%A9": '<img src="image.png"><link rel="icon" href="icon.png">',
    "/wiki/image.png": "png",
    "/wiki/icon.png": "icon",
}


def wiki(request: Request) -> Response | None:
    if request.path == "/wiki/casse":
        return Response(b"non", status=500)
    body = PAGES.get(request.path)
    return None if body is None else Response(body.encode())


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    jukni = Jukni(tmp_path_factory.mktemp("pourquoi"))
    with Site(wiki) as site:
        jukni.configure(
            f"[site.wiki]\nurl = '{site.url}/wiki/'\ndelay = 0.0\nattempts = 1\nretry_wait = 0.05\n"
        )
        jukni.run("crawl", code=3)
    return mirrored.sealed(jukni.archive)


def base(snapshot: Snapshot) -> str:
    return snapshot.manifest().seeds[0]


@pytest.mark.parametrize(
    ("name", "verdict", "rule"),
    [
        ("", "captured", ""),
        ("été", "captured", ""),
        ("perdu", "missing", ""),
        ("casse", "gap", ""),
        ("../dehors", "skipped", "outside-folder"),
        ("?do=edit", "skipped", "harm:edits"),
        ("jamais", "never found", ""),
    ],
)
def test_of_a_sealed_snapshot(snapshot: Snapshot, name: str, verdict: str, rule: str) -> None:
    url = canonical(name, base(snapshot))
    assert url is not None
    found = explain(snapshot, url, None)
    assert (found.verdict, found.rule) == (verdict, rule)
    assert found.reason
    assert bool(found.at) == (verdict in ("captured", "missing"))


def test_what_fits_best(snapshot: Snapshot) -> None:
    inside, beside = f"{base(snapshot)}x", base(snapshot).replace("/wiki/", "/")
    assert speaks_for(snapshot, inside) > speaks_for(snapshot, beside) > 0
    assert speaks_for(snapshot, "http://loin.example/") == 0


def test_what_is_no_address(snapshot: Snapshot) -> None:
    with pytest.raises(UsageError):
        explain(snapshot, "ftp://jardin/", None)


def test_a_broken_coverage(snapshot: Snapshot, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    shutil.copytree(snapshot.root, root)
    copy = Snapshot(root, snapshot.site, snapshot.name)
    (copy.folder / COVERAGE).write_text("[]")
    with pytest.raises(BrokenData):
        explain(copy, base(snapshot), None)


def test_the_verb(snapshot: Snapshot) -> None:
    jukni = Jukni(snapshot.root.parent)
    ended = jukni.run("why", f"{base(snapshot)}casse", "--json")
    assert json.loads(ended.out)["verdict"] == "gap"
    assert "on no site" in jukni.run("why", "http://loin.example/", code=2).err


def test_of_an_open_snapshot(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(wiki) as site:
        url = f"{site.url}/wiki/"
        running = jukni.start(*mirror(url, delay=5))
        wait_for_requests(site, 2, running)
        while "1 of" not in running.said() and running.alive:
            ended = jukni.run("why", url, "--into", str(jukni.archive), "--json")
            if json.loads(ended.out)["verdict"] == "captured":
                break
        running.kill()
    waiting = json.loads(jukni.run("why", f"{url}été", "--into", str(jukni.archive), "--json").out)
    assert (waiting["verdict"], waiting["via"]) == ("waiting", [url])


# --- links looked up


def resolved(snapshot: Snapshot, without: str = "", known: Known | None = None) -> list[str]:
    lines = [line for line in mirrored.lines(snapshot) if not without or without not in line.url]
    done = resolve(lambda: lines, snapshot.warcs, lambda url: "loin.example" not in url, lambda url: known)
    assert done.checked == done.found + done.explained + done.hanging
    assert done.found > 0
    return [url.rpartition("/")[2] for url, _ in done.dangling]


def test_links_of_captured_pages_are_looked_up_in_the_view(snapshot: Snapshot) -> None:
    assert set(resolved(snapshot)) == {"dehors", "?do=edit"}
    assert "image.png" in resolved(snapshot, without="image.png")


def test_what_a_rule_left_out_is_explained(snapshot: Snapshot) -> None:
    row = Known(1, "", "skipped", "page", "", 0, None, None, None, None, "rule", "reason", ())
    assert resolved(snapshot, known=row) == []
    done = Known(1, "", "done", "page", "", 0, None, "captured", 200, None, None, None, ())
    assert resolved(snapshot, known=done) != [], "what the crawl believes to have is not believed"
