"""The small server does what its parts say."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from tests.sites import parts
from tests.sites.static import Site


def get(
    site: Site, target: str, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=20)
    try:
        connection.request("GET", target, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def links(body: bytes) -> list[str]:
    return re.findall(r'href="([^"]*)"', body.decode())


def test_every_page_is_reachable_and_carries_its_marker() -> None:
    with Site(parts.pages(60)) as site:
        known, todo = {"/"}, ["/"]
        while todo:
            status, _, body = get(site, todo.pop())
            assert status == 200
            new = set(links(body)) - known
            known |= new
            todo += new
            assert len(re.findall(r"mark[0-9a-f]{16}", body.decode())) == 1
    assert known == {parts.page_path(number) for number in range(60)}
    assert site.times_asked() == dict.fromkeys(known, 1)
    assert site.most_active == 1
    assert all(request.status == 200 and request.ended is not None for request in site.requests)


def test_pages_are_the_same_in_every_run_and_have_their_size() -> None:
    shape = parts.Shape(size=20_000, navigation=20, children=4, random=30)
    body = parts.page.__wrapped__(7, 5000, shape)
    assert body == parts.page.__wrapped__(7, 5000, shape)
    assert 19_500 < len(body) < 22_000
    assert len(links(body)) == 54


def test_unknown_urls_are_404_and_spellings_of_known_ones_too() -> None:
    with Site(parts.pages(3)) as site:
        assert [get(site, target)[0] for target in ("/page/3.html", "/page/01.html", "/?a=b", "/x")] == [
            404
        ] * 4


def test_concurrent_requests_are_counted() -> None:
    with Site(parts.slow(parts.pages(9), 0.3)) as site:
        threads = [threading.Thread(target=get, args=(site, parts.page_path(n))) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert site.most_active == 5


def test_refusals_dying_connections_and_validators() -> None:
    with Site(parts.refusing(parts.pages(3), parts.first(2), status=503, retry_after="7")) as site:
        answers = [get(site, "/") for _ in range(3)]
        assert [answer[0] for answer in answers] == [503, 503, 200]
        assert answers[0][1]["Retry-After"] == "7"
        site.parts[:] = [parts.dying(parts.pages(3), parts.every(2), after=10)]
        with pytest.raises(http.client.IncompleteRead):
            get(site, "/")
        assert get(site, "/")[0] == 200
        site.parts[:] = [parts.dying(parts.pages(3), parts.every(1))]
        with pytest.raises(http.client.RemoteDisconnected):
            get(site, "/")
        site.parts[:] = [parts.validated(parts.pages(3))]
        etag = get(site, "/")[1]["ETag"]
        assert get(site, "/", {"If-None-Match": etag})[::2] == (304, b"")


def test_session_ids_stay_in_links_until_a_cookie_returns() -> None:
    with Site(parts.sessions(parts.pages(5), "sid")) as site:
        status, headers, body = get(site, "/")
        assert status == 200
        first = set(links(body))
        assert all("?sid=" in link for link in first)
        assert first.isdisjoint(links(get(site, "/")[2]))
        assert get(site, first.pop())[0] == 200
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert not any("sid=" in link for link in links(get(site, "/", {"Cookie": cookie})[2]))


def test_traps_redirects_and_big_files() -> None:
    with Site(
        parts.calendar(),
        parts.redirects({"/a": "/b", "/b": "/a"}),
        parts.big_file("/gros.bin", 3_000_000),
        parts.robots("User-agent: *\nDisallow: /agenda"),
    ) as site:
        assert links(get(site, "/agenda?month=5")[2]) == ["/agenda?month=4", "/agenda?month=6"]
        assert get(site, "/a")[1]["Location"] == "/b"
        assert len(get(site, "/gros.bin")[2]) == 3_000_000
        assert get(site, "/robots.txt")[2].startswith(b"User-agent")
