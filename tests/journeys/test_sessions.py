"""A site that puts session ids into its links until a cookie returns; passwords that must not be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.warc import read
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror
from tests.sites import parts
from tests.sites.static import Request, Response, Site

PAGES = 40


@pytest.mark.parametrize("parameter", ["PHPSESSID", "sid", "s"])
def test_session_ids_make_no_copies(tmp_path: Path, parameter: str) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.sessions(parts.pages(PAGES), parameter)) as site:
        jukni.run(*mirror(site.url))
    snapshot = mirrored.sealed(jukni.archive)
    statuses = mirrored.statuses(snapshot)
    assert {target for target, codes in statuses.items() if codes == [200]} == {
        parts.page_path(number) for number in range(PAGES)
    }
    assert set(site.times_asked().values()) == {1}
    assert not [request.target for request in site.requests if f"{parameter}=" in request.target]
    # The first page shows that cookies are needed; the second brings one; from then on it goes back.
    pages = [request for request in site.requests if request.status == 200]
    with_cookie = [f"{parameter}=" in request.headers.get("cookie", "") for request in pages]
    assert all(with_cookie[3:])
    assert len({request.headers["cookie"] for request in pages[3:]}) == 1
    for line in mirrored.lines(snapshot):
        block = mirrored.block(snapshot, line) if line.status == 200 else b""
        assert (f"?{parameter}=".encode() in block.partition(b"\r\n\r\n")[2]) is (
            line.status == 200 and not with_cookie[_order(pages, line.url)]
        )
    mirrored.proved(snapshot)


def test_a_page_that_redirects_to_itself_with_a_session_id_is_captured(tmp_path: Path) -> None:
    session = "0123456789abcdef0123456789abcdef"

    def door(request: Request) -> Response | None:
        if request.target != "/" or "sid=" in request.headers.get("cookie", ""):
            return None
        away = (("Location", f"/?sid={session}"), ("Set-Cookie", f"sid={session}; path=/"))
        return Response(b"", status=302, headers=away)

    jukni = Jukni(tmp_path)
    with Site(door, parts.pages(5)) as site:
        jukni.run(*mirror(site.url))
        assert [request.status for request in site.requests if request.target == "/"] == [302, 200]
    statuses = mirrored.statuses(mirrored.sealed(jukni.archive))
    assert statuses["/"] == [200], "the redirect is not the page"
    assert {target for target, codes in statuses.items() if 200 in codes} >= {
        parts.page_path(number) for number in range(5)
    }


def _order(pages: list[Request], url: str) -> int:
    return [request.target for request in pages].index(mirrored.target(url))


def test_no_password_reaches_a_request_or_a_log(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(parts.pages(3)) as site:
        host = site.url.partition("//")[2]
        text = f"<a href='http://ada:s3cret@{host}/page/1.html'>café</a>".encode()
        site.parts.insert(0, parts.files({"/": ("text/html; charset=utf-8", text)}))
        ended = jukni.run(*mirror(site.url))
        refused = jukni.run("mirror", f"http://ada:s3cret@{host}/", code=2)
    snapshot = mirrored.sealed(jukni.archive)
    assert mirrored.statuses(snapshot)["/page/1.html"] == [200]
    assert not [request for request in site.requests if "authorization" in request.headers]
    (own,) = snapshot.manifest().warcs
    for record in read(snapshot.root / own.path):
        about = f"{record.fields}".encode()
        block = b"".join(record.chunks())
        # What the page itself says is kept as it is.
        assert b"s3cret" not in about
        assert b"s3cret" not in block or (record.type == "response" and record.uri == f"{site.url}/")
    for said in (ended, refused):
        assert "s3cret" not in said.out + said.err
    for file in snapshot.folder.iterdir():
        assert b"s3cret" not in (mirrored.inflated(file))
