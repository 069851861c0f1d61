"""A site whose software nobody knows, held against its own sitemap; and one without."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.journeys import mirrored
from tests.journeys.jukni import Jukni
from tests.sites.static import Part, Request, Response, Site

PAGES = ("", "étang", "forêt", "orpheline")


def garden(packed: bool, broken: str = "") -> Part:
    """Pages of which one is linked from nowhere; the sitemap, in two parts, has them all."""

    def answer(request: Request) -> Response | None:
        base = f"http://{request.headers['host']}/jardin/"
        match request.path.removeprefix("/jardin/"):
            case "":
                return Response('<a href="étang">étang</a> <a href="forêt">forêt</a>'.encode())
            case "sitemap.xml":
                part = "part.xml.gz" if packed else "part.xml"
                return Response(
                    f"<sitemapindex><sitemap><loc>{base}{part}</loc></sitemap></sitemapindex>".encode(),
                    kind="application/xml",
                )
            case "part.xml" | "part.xml.gz":
                urls = "".join(f"<url><loc>{base}{name}</loc></url>" for name in PAGES)
                beside = base.replace("/jardin/", "/voisin/")
                body = f"<urlset>{urls}<url><loc>{beside}</loc></url></urlset>".encode()
                return (
                    Response(gzip.compress(body), kind="application/x-gzip")
                    if packed
                    else Response(body, kind="application/xml")
                )
            case "/robots.txt":
                return Response(f"Sitemap: {base}sitemap.xml".encode(), kind="text/plain")
            case name if name in ("%C3%A9tang", "for%C3%AAt", "orpheline"):
                return Response(status=404) if name == broken else Response(f"<p>{name}".encode())
        return None

    return answer


def crawl(folder: Path, part: Part, code: int = 0) -> tuple[dict[str, Any], set[str]]:
    jukni = Jukni(folder)
    with Site(part) as site:
        jukni.configure(f"[site.jardin]\nurl = '{site.url}/jardin/'\ndelay = 0.0\nretry_wait = 0.05\n")
        jukni.run("crawl", code=code)
        snapshot = mirrored.sealed(jukni.archive)
        return mirrored.coverage(snapshot), {request.path for request in site.requests}


@pytest.mark.parametrize("packed", [False, True])
def test_all_that_the_sitemap_has_is_there(tmp_path: Path, packed: bool) -> None:
    said, asked = crawl(tmp_path, garden(packed))
    assert said["verdict"] == "complete"
    assert [(one["kind"], one["captured"], one["expected"]) for one in said["items"]] == [("page", 4, 4)]
    assert "/jardin/orpheline" in asked
    assert "/voisin/" not in asked, "the sitemap speaks for more than was asked for"


def test_what_the_sitemap_has_and_the_site_has_not(tmp_path: Path) -> None:
    said, _ = crawl(tmp_path, garden(packed=False, broken="orpheline"), code=3)
    assert said["verdict"] == "gaps"
    (gap,) = said["gaps"]
    assert gap["url"].endswith("/jardin/orpheline")
    assert gap["reason"].startswith("named by sitemap")
    assert gap["next"] == "jukni crawl jardin"


def test_without_a_sitemap_nobody_knows(tmp_path: Path) -> None:
    def part(request: Request) -> Response | None:
        return None if "xml" in request.path or "robots" in request.path else garden(packed=False)(request)

    said, asked = crawl(tmp_path, part)
    assert said["verdict"] == "unknown"
    assert "/jardin/orpheline" not in asked
