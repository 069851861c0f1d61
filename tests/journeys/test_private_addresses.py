"""A page must not make us ask its reader's machines: only public hosts, the site, and what was allowed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from crawler.addresses import public_address
from tests.journeys import mirrored
from tests.journeys.jukni import Jukni, mirror
from tests.sites import parts
from tests.sites.static import Part, Site

ROUTER = parts.files({"/état.png": ("image/png", b"secret"), "/robots.txt": ("text/plain", b"")})
STATE = "/%C3%A9tat.png"


def page_with(*images: str) -> Part:
    tags = "".join(f'<img src="{image}">' for image in images)
    return parts.files({"/": ("text/html; charset=utf-8", f"<title>Été</title>{tags}".encode())})


def spellings(port: int) -> list[str]:
    """Ways to write the address of this machine; its own name, when it has one, is only known by asking."""
    hosts = [
        "127.0.0.1",
        "localhost",
        "routeur.localhost",
        "0x7f.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "[::1]",
    ]
    name = socket.gethostname().lower()
    try:
        resolved = socket.gethostbyname(name)
    except OSError:
        resolved = ""
    if resolved and not public_address(resolved):
        hosts.append(name)
    return [f"http://{host}:{port}{STATE}" for host in hosts]


def port_of(site: Site) -> int:
    return int(site.url.rpartition(":")[2])


def test_an_image_on_another_port_is_never_asked_for(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(ROUTER) as router:
        images = spellings(port_of(router))
        with Site(page_with(*images, "/ici.png"), parts.files({"/ici.png": ("image/png", b"x")})) as site:
            jukni.run(*mirror(site.url, concurrency=2))
        assert router.requests == []
        assert router.connections == 0
    snapshot = mirrored.sealed(jukni.archive)
    # The spellings of 127.0.0.1 are one URL.
    assert mirrored.skipped(snapshot) == {"private-address": len(images) - 2}
    assert mirrored.statuses(snapshot)["/ici.png"] == [200]
    assert "captures" in jukni.run("list", "--into", str(jukni.archive)).out


@pytest.mark.parametrize("kind", ["image", "page"])
def test_nor_after_a_redirect(tmp_path: Path, kind: str) -> None:
    jukni = Jukni(tmp_path)
    tag = '<img src="/porte">' if kind == "image" else '<a href="/porte">porte</a>'
    page = parts.files({"/": ("text/html", tag.encode())})
    with Site(ROUTER) as router, Site(page, parts.redirects({"/porte": router.url + STATE})) as site:
        jukni.run(*mirror(site.url, concurrency=2))
        assert (router.requests, router.connections) == ([], 0)
    snapshot = mirrored.sealed(jukni.archive)
    assert mirrored.statuses(snapshot)["/porte"] == [302]
    assert mirrored.skipped(snapshot) == {"private-address" if kind == "image" else "off-site": 1}


def test_what_the_configuration_allows_is_asked_for(tmp_path: Path) -> None:
    jukni = Jukni(tmp_path)
    with Site(ROUTER) as router, Site(ROUTER) as other:
        with Site(page_with(router.url + STATE, other.url + STATE)) as site:
            jukni.configure(
                f"[site.wiki]\nurl = '{site.url}/'\ndelay = 0.0\n"
                f"also_private = ['127.0.0.1:{port_of(router)}']\n"
            )
            jukni.run("crawl")
        assert [request.target for request in router.requests] == ["/robots.txt", STATE]
        assert other.connections == 0
    snapshot = mirrored.sealed(jukni.archive)
    assert mirrored.skipped(snapshot) == {"private-address": 1}
    assert router.url + STATE in {line.url for line in mirrored.lines(snapshot)}
    mirrored.proved(snapshot)
