"""robots.txt: asked for once a host, failures read as RFC 9309 says."""

from __future__ import annotations

import asyncio

import pytest

from crawler.robots import Answer, Robots, parse, sitemaps

RULES = b"User-agent: *\nDisallow: /priv\xc3\xa9/\nSitemap: https://a.example/sitemap.xml\n"


class Server:
    def __init__(self, answer: Answer, pause: float = 0.0) -> None:
        self.answer = answer
        self.pause = pause
        self.asked: list[str] = []

    async def __call__(self, url: str) -> Answer:
        self.asked.append(url)
        await asyncio.sleep(self.pause)
        return self.answer


def allowed(answer: Answer, url: str) -> bool:
    return asyncio.run(Robots(Server(answer), "jukni").allows(url))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, RULES), False),
        ((200, b"User-agent: jukni\nAllow: /\nUser-agent: *\nDisallow: /"), True),
        ((200, b"\xff\xfe garbage"), True),
        ((404, b"User-agent: *\nDisallow: /"), True),
        ((403, b""), True),
        ((500, b""), False),
        ((503, b""), False),
        ((429, b""), False),
        ((0, b""), False),
    ],
)
def test_status_decides(answer: Answer, expected: bool) -> None:
    assert allowed(answer, "https://a.example/priv%C3%A9/page") is expected


def test_other_paths_are_free() -> None:
    assert allowed((200, RULES), "https://a.example/public")


def test_a_host_is_asked_once_even_by_many_at_once() -> None:
    server = Server((200, RULES), pause=0.01)
    robots = Robots(server, "jukni")

    async def many() -> list[bool]:
        return await asyncio.gather(*(robots.allows(f"https://a.example/{n}") for n in range(20)))

    assert asyncio.run(many()) == [True] * 20
    assert server.asked == ["https://a.example/robots.txt"]


def test_the_port_is_part_of_the_host() -> None:
    server = Server((404, b""))
    robots = Robots(server, "jukni")

    async def both() -> None:
        await robots.allows("http://a.example/")
        await robots.allows("http://a.example:8080/")

    asyncio.run(both())
    assert server.asked == ["http://a.example/robots.txt", "http://a.example:8080/robots.txt"]


def test_a_question_that_was_cancelled_is_asked_again() -> None:
    server = Server((200, RULES), pause=0.05)
    robots = Robots(server, "jukni")

    async def twice() -> bool:
        first = asyncio.create_task(robots.allows("https://a.example/x"))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        return await robots.allows("https://a.example/x")

    assert asyncio.run(twice())
    assert len(server.asked) == 2


def test_sitemaps_are_read() -> None:
    assert sitemaps(RULES) == ["https://a.example/sitemap.xml"]


def test_parse_of_a_redirect_allows() -> None:
    assert parse(301, b"") is True


def test_a_crawl_delay_is_told_once_it_is_known() -> None:
    robots = Robots(Server((200, b"User-agent: *\nCrawl-delay: 2.5\n")), "jukni")
    assert robots.delay("https://a.example/x") == 0
    assert asyncio.run(robots.allows("https://a.example/x"))
    assert robots.delay("https://a.example/y") == 2.5
    assert robots.delay("https://b.example/y") == 0
