"""A site without end comes to an end: the guilty pattern is named, the rest is fetched."""

from __future__ import annotations

from pathlib import Path

from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror, wait_until
from tests.sites import parts
from tests.sites.static import Part, Request, Response, Site

PAGES = 60
BOUND = 120
"""Far more requests than a pattern needs to be found out, far fewer than it has URLs."""


def noise(path: str, parameter: str) -> Part:
    """The same list of subjects under ever new values of a parameter."""
    subjects = "".join(f"<li>Sujet {number}: été à la forêt</li>" for number in range(20))

    def part(request: Request) -> Response | None:
        if request.path != path:
            return None
        number = int(request.query.get(parameter, "1"))
        links = "".join(f'<a href="?{parameter}={2 * number + step}">suite</a>' for step in (0, 1))
        return Response(f"<title>Sujets</title><ul>{subjects}</ul>{links}".encode())

    return part


def entrance(*targets: str) -> Part:
    """The first page, which leads everywhere."""
    links = "".join(f'<a href="{target}">{target}</a>' for target in targets)
    return parts.files({"/": ("text/html", f"<title>Entrée</title>{links}".encode())})


def endless() -> tuple[Part, ...]:
    first = [parts.page_path(number) for number in range(1, 5)]
    return (
        entrance("/agenda", "/sujets", *first),
        parts.calendar("/agenda"),
        noise("/sujets", "ref"),
        parts.pages(PAGES),
    )


def test_a_calendar_and_a_parameter_without_end(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(*endless()) as site:
        ended = jukni.run(*mirror(site.url, concurrency=4))
        snapshot = mirrored.sealed(jukni.archive)
        mirrored.proved(snapshot)
        statuses = mirrored.statuses(snapshot)
        assert all(statuses[parts.page_path(number)] == [200] for number in range(PAGES))
        asked = [request.path for request in site.requests]
        assert 20 < asked.count("/agenda") < BOUND
        assert 20 < asked.count("/sujets") < BOUND
        reasons = [s["reason"] for s in mirrored.coverage(snapshot)["skipped"] if s["rule"] == "novelty"]
        assert len(reasons) == 2
        for pattern, parameter in (("/agenda?month", "month="), ("/sujets?ref", "ref=")):
            (reason,) = (reason for reason in reasons if f"{site.url}{pattern} " in reason)
            assert f"the parameter {parameter} seems endless" in reason
            assert reason in ended.err


def test_what_was_found_endless_stays_so_in_the_next_run(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    stalls = True
    late = parts.files({"/tard": ("text/html", b"<title>Tard</title><a href='/sujets?ref=99999'>x</a>")})
    with Site(
        entrance("/tard", "/sujets"),
        noise("/sujets", "ref"),
        parts.stalling(late, lambda _: stalls, 10),
    ) as site:
        run = jukni.start(*mirror(site.url, concurrency=2))
        assert wait_until(lambda: "seems endless" in _log(jukni), run)
        run.kill()
        stalls = False
        asked = len(site.requests)
        jukni.run(*mirror(site.url))
        assert 1 <= len(site.requests) - asked <= 3
        snapshot = mirrored.sealed(jukni.archive)
        assert "/sujets?ref=99999" not in site.times_asked()
        mirrored.proved(snapshot)


def _log(jukni: Jukni) -> str:
    return "".join(path.read_text("utf-8") for path in jukni.archive.glob("*/snapshots/*/crawl.log"))
