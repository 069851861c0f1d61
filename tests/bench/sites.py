"""What it costs to have a wiki or a forum whole: jukni beside wget's naive crawl of the same site.

    python -m tests.bench.sites                       every site
    python -m tests.bench.sites dokuwiki phpbb        those
    python -m tests.bench.sites --seconds 60          wget is stopped after that long (30)

Every figure comes from the server's own log and from what is in the WARC files, not from what a tool says:
requests, those of them that are traps (a copy, an order, something endless), useful items (pages of posts,
wiki pages, revisions, files: what the site's ground truth has), requests for each, and how much of what was
written into the site (a marker in each post or revision) is in the WARC, public and private. wget is asked
for what a careful person would ask: `--recursive --level=inf --page-requisites --no-parent`, with a WARC.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crawler.harm import harm
from crawler.software import Installed, Software
from crawler.software.registry import build
from crawler.traps import trap
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni
from tests.sites import dokuwiki, flarum, forum_model, mediawiki, nextcloud, spirit
from tests.sites.discourse import Forum as Discourse
from tests.sites.etherpad import etherpad
from tests.sites.flaskbb import flaskbb
from tests.sites.fluxbb import fluxbb
from tests.sites.mybb import mybb
from tests.sites.nextcloud import Cloud, share
from tests.sites.nodebb import nodebb
from tests.sites.phpbb import PhpBB
from tests.sites.punbb import punbb
from tests.sites.smf import Smf
from tests.sites.static import Part, Site
from tests.sites.vbulletin import vbulletin
from tests.sites.xenforo import xenforo


@dataclass(frozen=True)
class Case:
    """A running site. urls: where it begins. requests: targets asked for so far. useful: items it has."""

    urls: tuple[str, ...]
    requests: Callable[[], list[str]]
    public: set[str]
    private: set[str]
    useful: int


@dataclass(frozen=True)
class Figures:
    """Of one crawl of one site. there, told: public markers in the WARC, private ones."""

    requests: int
    traps: int
    there: int
    told: int
    seconds: float
    verdict: str


@contextmanager
def _dokuwiki() -> Iterator[Case]:
    with (
        tempfile.TemporaryDirectory() as folder,
        dokuwiki.wikis(Path(folder), now=int(time.time())) as running,
    ):
        wiki = running.wikhan
        useful = sum(1 + len(page.revisions) for page in wiki.pages)
        useful += sum(len(media.versions) for media in wiki.media)
        yield Case(
            (running.url(wiki.path),),
            lambda: [request.target for request in running.host.requests()],
            set(wiki.markers()),
            set(wiki.private_markers()),
            useful,
        )


@contextmanager
def _mediawiki() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder, mediawiki.mediawiki(Path(folder)) as wiki:
        useful = sum(1 + len(page.revisions) for page in wiki.pages) + len(wiki.files)
        yield Case(
            (wiki.url("Accueil"),),
            lambda: [request.target for request in wiki.host.requests()],
            wiki.public_markers(),
            wiki.private_markers(),
            useful,
        )


@contextmanager
def _spirit() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder, spirit.spirit(Path(folder)) as forum:
        posts = [comment.marker for topic in forum.public() for comment in topic.visible()]
        yield Case(
            (f"{forum.url}/",),
            lambda: [request.target for request in forum.requests()],
            {*posts, *forum.files().values()},
            forum.hidden_markers(),
            len(forum.pages()) + len(forum.files()),
        )


def _board(part: Callable[[forum_model.Forum], Part], start: str) -> AbstractContextManager[Case]:
    @contextmanager
    def serve() -> Iterator[Case]:
        forum = forum_model.seed()
        with Site(part(forum)) as site:
            yield Case(
                (site.url + start,),
                lambda: [request.target for request in site.requests],
                set(forum.markers()),
                set(forum.secrets()),
                forum.pages() + len(forum.files()),
            )

    return serve()


def _json_forum(forum: Discourse | flarum.Forum, pages: int) -> AbstractContextManager[Case]:
    """pages: forms in which each page of posts comes, as JSON and to look at."""

    @contextmanager
    def serve() -> Iterator[Case]:
        with Site(forum) as site:
            yield Case(
                (f"{site.url}/",),
                lambda: [request.target for request in site.requests],
                set(forum.markers()),
                set(forum.secrets()),
                pages * forum.pages() + len(forum.files),
            )

    return serve()


@contextmanager
def _flaskbb() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder, flaskbb(Path(folder)) as forum:
        yield Case(
            (f"{forum.url}/",),
            lambda: [request.target for request in forum.requests()],
            {post.marker for topic in forum.public() for post in topic.visible()},
            forum.hidden_markers(),
            len(forum.pages()),
        )


@contextmanager
def _nodebb() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder, nodebb(Path(folder)) as forum:
        yield Case(
            (f"{forum.base}/",),
            lambda: [request.target for request in forum.site.requests],
            forum.markers(),
            forum.secrets(),
            forum.pages() + len(forum.files),
        )


@contextmanager
def _pads() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder, etherpad(Path(folder)) as server:
        named = [pad for pad in server.pads if pad.name != "caché"]
        yield Case(
            tuple(server.address(pad.name) for pad in named),
            lambda: [line.partition(" ")[2] for line in server.requests()],
            {marker for pad in named for marker in pad.markers},
            set(server.pad("caché").markers),
            3 * len(named),  # each as history, text and page
        )


@contextmanager
def _shares() -> Iterator[Case]:
    shared = share("iZ8d2kQ4nB6xT7p", *(f"Été {n // 10}/plan n° {n} & co.txt" for n in range(60)))
    closed = share("pR1v3Zx9Qk2mN5s", "secret.txt", kind="password")
    with Site(Cloud((shared, closed))) as site:
        yield Case(
            (f"{site.url}/s/{shared.token}", f"{site.url}/s/{closed.token}"),
            lambda: [request.target for request in site.requests],
            {nextcloud.marker(shared.token, path) for path in shared.files},
            {nextcloud.marker(closed.token, path) for path in closed.files},
            len(shared.files),
        )


SITES: dict[str, Callable[[], AbstractContextManager[Case]]] = {
    "dokuwiki": _dokuwiki,
    "mediawiki": _mediawiki,
    "spirit": _spirit,
    "phpbb": lambda: _board(lambda forum: PhpBB(forum, "3.3").part(), "/forum/"),
    "smf": lambda: _board(lambda forum: Smf(forum).part(), "/forum/"),
    "mybb": lambda: _board(lambda forum: mybb(forum, base="/forum/"), "/forum/"),
    "fluxbb": lambda: _board(fluxbb, "/forum/"),
    "punbb": lambda: _board(punbb, "/"),
    "vbulletin": lambda: _board(vbulletin, "/"),
    "xenforo": lambda: _board(xenforo, "/community/"),
    "flaskbb": _flaskbb,
    "nodebb": _nodebb,
    "pads": _pads,
    "shares": _shares,
    "discourse": lambda: _json_forum(Discourse(), 2),
    "flarum": lambda: _json_forum(flarum.Forum(), 1),
}


def with_jukni(case: Case, folder: Path, lists: list[Software]) -> tuple[Iterable[bytes], str]:
    """Mirror it; gives what is in the WARC files, and the verdict. lists: what was recognised is added."""
    folder.mkdir()
    jukni = Jukni(folder)
    urls = ", ".join(f"'{url}'" for url in case.urls)
    jukni.configure(f"[site.bench]\nurls = [{urls}]\ndelay = 0.0\nconcurrency = 4\n")
    jukni.run("crawl", code=None)
    snapshot = mirrored.sealed(jukni.archive)
    said = mirrored.coverage(snapshot)
    lists += [build(Installed(one["name"], one["base"], one["settings"])) for one in said["software"]]
    return mirrored.bodies(snapshot), str(said["verdict"])


def with_wget(case: Case, folder: Path, seconds: float) -> tuple[Iterable[bytes], str]:
    """The naive crawl; gives what is in its WARC file, and whether it came to an end."""
    folder.mkdir(exist_ok=True)
    command = [
        *("wget", "--recursive", "--level=inf", "--page-requisites", "--no-parent", "--quiet", "--no-proxy"),
        *(
            "--execute=robots=off",
            f"--directory-prefix={folder / 'files'}",
            f"--warc-file={folder / 'naive'}",
        ),
        *("--no-warc-compression", "--tries=1", *case.urls),
    ]
    try:
        subprocess.run(command, cwd=folder, timeout=seconds, check=False)
        ended = "ended"
    except subprocess.TimeoutExpired:
        ended = "stopped"
    return (path.read_bytes() for path in folder.glob("naive*.warc")), ended


def _is_trap(url: str, lists: list[Software]) -> bool:
    software = {one.name for one in lists}  # a topic may be called "Login"
    if harm(url, software):
        return True
    found = trap(url)  # by its shape alone: styles and scripts of a known software are no copies
    # The size in which a page shows a picture is no other copy of it.
    return found is not None and found.name != "dokuwiki-thumbnail" and not _kept(url, lists)


def _kept(url: str, lists: list[Software]) -> bool:
    found = [one.classify(url) for one in lists if url.startswith(one.base)]
    return any(place is not None and place.keep for place in found)


def measure(case: Case, lists: list[Software], crawl: Callable[[], tuple[Iterable[bytes], str]]) -> Figures:
    """Crawl, and look at the server's log and at the WARC.

    lists: a URL that is a trap by its general shape is none where its software has no other way to a list.
    """
    before = len(case.requests())
    began = time.monotonic()
    bodies, verdict = crawl()
    seconds = time.monotonic() - began
    asked = case.requests()[before:]
    base = case.urls[0].partition("://")[2].partition("/")[0]
    urls = [f"http://{base}{target}" for target in asked]
    traps = sum(_is_trap(url, lists) for url in urls)
    everything = b"\n".join(bodies)
    return Figures(
        len(asked),
        traps,
        sum(marker.encode() in everything for marker in case.public),
        sum(marker.encode() in everything for marker in case.private),
        seconds,
        verdict,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sites", description=__doc__)
    parser.add_argument("sites", nargs="*", choices=[*SITES, []], help="all of them")
    parser.add_argument("--seconds", type=float, default=30.0, help="after which wget is stopped")
    given = parser.parse_args()
    print(
        "site       tool    requests  traps  useful  requests/useful  public markers  private  s      verdict"
    )
    for name in given.sites or SITES:
        lists: list[Software] = []
        with tempfile.TemporaryDirectory(prefix="bench-sites-") as place, SITES[name]() as case:
            tools = {
                "jukni": partial(with_jukni, case, Path(place) / "jukni", lists),
                "wget": partial(with_wget, case, Path(place) / "wget", given.seconds),
            }
            for tool, crawl in tools.items():
                found = measure(case, lists, crawl)
                print(
                    f"{name:10} {tool:6} {found.requests:9,} {found.traps:6,} {case.useful:7,}"
                    f" {found.requests / case.useful:16.2f}"
                    f" {found.there:7,} of {len(case.public):4,} {found.told:8,} {found.seconds:6.1f}"
                    f"  {found.verdict}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
