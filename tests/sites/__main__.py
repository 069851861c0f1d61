"""Start a site by hand and keep it running until Ctrl-C:  python -m tests.sites wikis"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.sites import dokuwiki, etherpad, flaskbb, mediawiki, nextcloud, parts, spirit, static


@contextmanager
def _wikis(folder: Path) -> Iterator[list[str]]:
    with dokuwiki.wikis(folder, now=int(time.time())) as running:
        yield [running.url(running.wikhan.path), running.url(running.autre.path)]


@contextmanager
def _mediawiki(folder: Path) -> Iterator[list[str]]:
    with mediawiki.mediawiki(folder) as running:
        yield [running.url("Accueil")]


@contextmanager
def _spirit(folder: Path) -> Iterator[list[str]]:
    with spirit.spirit(folder) as running:
        yield [f"{running.url}/"]


@contextmanager
def _flaskbb(folder: Path) -> Iterator[list[str]]:
    with flaskbb.flaskbb(folder) as running:
        yield [f"{running.url}/"]


@contextmanager
def _pads(folder: Path) -> Iterator[list[str]]:
    with etherpad.etherpad(folder, exports=10) as running:
        yield [running.address(pad.name) for pad in running.pads]


@contextmanager
def _shares() -> Iterator[list[str]]:
    one = nextcloud.share("aBcDeFgHiJ12345", "Lisez-moi.txt", "Photos d’été/plage & forêt.txt")
    with static.Site(nextcloud.Cloud((one,))) as site:
        yield [f"{site.url}/s/{one.token}"]


@contextmanager
def _generated(count: int, latency: float, port: int) -> Iterator[list[str]]:
    shape = parts.Shape(size=20_000, navigation=20, children=4, random=30)
    with static.Site(parts.slow(parts.pages(count, shape), latency), port=port) as site:
        yield [f"{site.url}/"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sites", description=__doc__)
    known = ["wikis", "mediawiki", "spirit", "flaskbb", "pads", "shares", "generated"]
    parser.add_argument("site", choices=known)
    parser.add_argument("--pages", type=int, default=5_000, help="of the generated site")
    parser.add_argument("--latency", type=float, default=0.0, help="of the generated site, in seconds")
    parser.add_argument("--port", type=int, default=0, help="of the generated site (0: any)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        site: AbstractContextManager[list[str]]
        match given.site:
            case "wikis":
                site = _wikis(Path(folder))
            case "mediawiki":
                site = _mediawiki(Path(folder))
            case "spirit":
                site = _spirit(Path(folder))
            case "flaskbb":
                site = _flaskbb(Path(folder))
            case "pads":
                site = _pads(Path(folder))
            case "shares":
                site = _shares()
            case _:
                site = _generated(given.pages, given.latency, given.port)
        with site as urls:
            print(*urls, sep="\n", flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    # Blocked before any thread starts, so that the signal reaches `sigwait` above.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
