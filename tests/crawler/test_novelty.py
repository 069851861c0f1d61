"""Endless pages are noticed, long ones are left alone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from crawler.novelty import Novelty, Trip, pattern_of

WORDS = [
    *(
        "le",
        "la",
        "un",
        "des",
        "forum",
        "wiki",
        "sujet",
        "réponse",
        "été",
        "message",
        "lien",
        "image",
        "rien",
    ),
    *("encore", "toujours", "peut-être", "serveur", "noyau", "paquet", "version", "mise", "jour", "erreur"),
    *("disque", "clavier", "écran", "réseau", "fichier", "dossier", "commande", "utilisateur", "droits"),
]
MONTHS = [
    *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre"),
    *("novembre", "décembre"),
]


def template(title: str, inside: str, n: int) -> bytes:
    """A page with a menu, counters, tokens and one line that change at every fetch."""
    noise = random.Random(-n - 1)
    chatter = " ".join(noise.choices(WORDS, k=8))
    menu = "".join(f'<li><a href="/f{i}">Rubrique {WORDS[i]}</a></li>' for i in range(20))
    return (
        f"<!DOCTYPE html><html><head><title>{title} - Mon forum</title>"
        f"<script>var token = '{noise.getrandbits(128):x}', x = '{chatter}';</script></head>"
        f'<body><ul>{menu}</ul><h1>{title}</h1>{inside}<img src="/cron.php?{1_700_000_000 + n}">'
        f"<p>Page générée en 0.{noise.randrange(1000):03} s, {noise.randrange(90)} invités en ligne</p>"
        f"<p>session {noise.getrandbits(128):032x}</p><p>Au hasard : {chatter}</p></body></html>"
    ).encode()


def calendar(n: int) -> bytes:
    """Month n since 1970, with its neighbours."""
    name = [f"{MONTHS[m % 12]} {1970 + m // 12}" for m in (n - 1, n, n + 1)]
    days = "".join(f'<td><a href="?m={n}&d={d}">{d}</a></td>' for d in range(1, 32))
    links = f'<a href="?y={n // 12}&m={n % 12}">« {name[0]}</a><a href="?m={n + 1}">{name[2]} »</a>'
    return template(f"Calendrier : {name[1]}", f"{links}<table>{days}</table>", n)


def topic(n: int) -> bytes:
    """A topic with one to five short posts by one of 20 people."""
    chance = random.Random(n)
    title = " ".join(chance.choices(WORDS, k=4))
    posts = "".join(
        f"<div><b>{WORDS[chance.randrange(20)]}</b> 3 mai 2024 {' '.join(chance.choices(WORDS, k=9))}</div>"
        for _ in range(chance.randrange(1, 6))
    )
    return template(title, posts, n)


def feed(novelty: Novelty, pages: Iterator[tuple[str, bytes]]) -> tuple[int, Trip] | None:
    """Pages until a trip: how many it took, and the trip."""
    for n, (url, body) in enumerate(pages, 1):
        trip = novelty.seen(url, body)
        if trip:
            return n, trip
    return None


def test_a_calendar_trips() -> None:
    url = "http://forum.example/calendar.php?y={}&m={}"
    found = feed(Novelty(), ((url.format(1970 + n // 12, n % 12), calendar(n)) for n in range(400)))
    assert found is not None
    fetched, trip = found
    assert 60 <= fetched <= 120
    assert trip.pattern == "http://forum.example/calendar.php?m&y"
    assert trip.key == "y"
    assert str(fetched) in trip.reason and "y=" in trip.reason and trip.pattern in trip.reason
    assert trip.matches("http://forum.example/calendar.php?m=7&y=9999")
    assert not trip.matches("http://forum.example/calendar.php?m=7&y=9999&topic=5")
    assert not trip.matches("http://forum.example/showthread.php?m=7&y=9999")


def test_a_calendar_of_paths_trips() -> None:
    found = feed(Novelty(), ((f"http://a.example/cal/{n // 12}/{n % 12}/", calendar(n)) for n in range(400)))
    assert found is not None
    assert found[1].pattern == "http://a.example/cal/N/N/"
    assert found[1].key is None and "path" in found[1].reason


def test_noise_in_a_parameter_trips() -> None:
    """The same 20 pages again and again under a parameter that means nothing."""
    pages = ((f"http://a.example/t.php?id={n % 20}&zz={n * 7919:x}", topic(n % 20)) for n in range(300))
    found = feed(Novelty(), pages)
    assert found is not None and found[0] <= 100
    assert found[1].key == "zz"


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://forum.example/viewtopic.php?t={}", topic),
        ("http://forum.example/topic-{}.html", topic),
        ("http://wiki.example/doku.php?id=été:page{}", topic),
        ("http://a.example/photo.php?id={}", lambda n: template("Photo", f'<img src="/img/{n}.jpg">', n)),
        ("http://a.example/log/{}/", lambda n: template("Index", f'<a href="{n}.log">{n}.log</a>', n)),
        ("http://a.example/api.php?n={}", lambda n: b'{"id": %d}' % n),
        ("http://wiki.example/doku.php?id=a&rev={}", lambda n: template("Page", "<p>rien</p>", n)),
    ],
)
def test_new_pages_do_not_trip(url: str, page: object) -> None:
    assert callable(page)
    assert feed(Novelty(), ((url.format(n), page(n)) for n in range(400))) is None


def test_topic_lists_do_not_trip() -> None:
    """300 pages of a topic list: every title on it is new."""

    def listing(n: int) -> bytes:
        chance = random.Random(n)
        rows = "".join(f"<tr><td>{' '.join(chance.choices(WORDS, k=5))}<td>{i}</tr>" for i in range(25))
        return template("Rubrique", f"<table>{rows}</table>", n)

    pages = ((f"http://f.example/viewforum.php?f=1&start={n * 25}", listing(n)) for n in range(300))
    assert feed(Novelty(), pages) is None


def test_a_pattern_in_good_health_can_still_trip() -> None:
    novelty = Novelty()
    url = "http://a.example/x.php?n={}"
    assert feed(novelty, ((url.format(n), topic(n)) for n in range(200))) is None
    found = feed(novelty, ((url.format(n), topic(n % 10)) for n in range(200, 400)))
    assert found is not None


def test_a_pattern_trips_once() -> None:
    novelty = Novelty()
    url = "http://a.example/x.php?n={}"
    assert feed(novelty, ((url.format(n), calendar(1)) for n in range(100)))
    assert feed(novelty, ((url.format(n), calendar(1)) for n in range(100))) is None


def test_memory_is_bounded() -> None:
    novelty = Novelty(lines=5000)
    for n in range(600):
        novelty.seen(f"http://a.example/{WORDS[n % 30]}.php?t={n}", topic(n))
    held = sum(len(r.old) + len(r.new) for r in novelty._records.values())
    assert held == novelty._held <= 5000


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("http://a1.example:8080/x12/y3.php?b=1&a=2&b=3", "http://a1.example:8080/xN/yN.php?a&b"),
        ("http://a.example/index.php?topic=5.0;all", "http://a.example/index.php?all&topic"),
        (
            "http://a.example/index.php?action=calendar;year=5",
            "http://a.example/index.php?action=calendar&year",
        ),
        ("http://a.example/0123456789abcdef0/a", "http://a.example/N/a"),
        ("http://a.example/", "http://a.example/"),
        ("http://a.example/?f%5B0%5D=20&f%5B1%5D=3", "http://a.example/?f[N]"),
    ],
)
def test_patterns(url: str, pattern: str) -> None:
    assert pattern_of(url) == pattern
