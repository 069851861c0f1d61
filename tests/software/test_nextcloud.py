"""Addresses of shares, and what their lists tell; the answers are SabreDAV's and Nextcloud's."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from crawler.harm import harm
from crawler.software import Accepted, Ask, Found, Heard, Installed, Item, Page, Setting
from crawler.software.nextcloud import Entry, Nextcloud, entries
from tests.software.walker import Known, Walked

BASE = "https://nuage.example/nextcloud/"
TOKEN = "aBcDeFgHiJ12345"
LISTS = f"{BASE}public.php/dav/files/"
NEW = Nextcloud(BASE, {"dav": "files"})
OLD = Nextcloud(BASE, {"dav": "webdav"})


def page(url: str, body: str = "", mime: str = "text/html") -> Page:
    data = body.encode()
    return Page(url, 200, mime, data, datetime(2026, 11, 22, tzinfo=UTC), (), len(data))


def listed(url: str, *responses: str, prefix: str = "/nextcloud/public.php/dav/files/") -> Page:
    body = "".join(response.replace("{}", prefix) for response in responses)
    text = f'<?xml version="1.0"?>\n<d:multistatus xmlns:d="DAV:">{body}</d:multistatus>'
    return page(url, text, "application/xml")


def folder(path: str) -> str:
    return _response(path, "<d:resourcetype><d:collection/></d:resourcetype>")


def file(path: str, size: int) -> str:
    return _response(path, f"<d:getcontentlength>{size}</d:getcontentlength><d:resourcetype/>")


def _response(path: str, props: str) -> str:
    ok = "<d:status>HTTP/1.1 200 OK</d:status>"
    return (
        f"<d:response><d:href>{{}}{path}</d:href>"
        f"<d:propstat><d:prop>{props}<d:getetag>&quot;a1&quot;</d:getetag></d:prop>{ok}</d:propstat></d:response>"
    )


def status(version: str) -> Page:
    says = {"installed": True, "maintenance": False, "version": version, "versionstring": version}
    return page(f"{BASE}status.php", json.dumps(says), "application/json")


def read(cloud: Nextcloud, of: Page, inventory: Walked | None = None) -> list[Found]:
    return list(cloud.read(of, inventory or Walked()))


# --- addresses


@pytest.mark.parametrize(
    "path",
    [
        f"index.php/s/{TOKEN}",
        f"s/{TOKEN}/",
        f"s/{TOKEN}?path=%2FPhotos&openfile=12",
        f"s/{TOKEN}/download",
        f"index.php/s/{TOKEN}/download/carte.pdf",
        f"s/{TOKEN}/download?path=%2F&files=carte.pdf",
    ],
)
def test_whoever_links_to_a_part_links_to_the_share(path: str) -> None:
    said = NEW.classify(BASE + path)
    assert said is not None
    assert (said.kind, said.id, said.keep, said.item) == ("share", TOKEN, True, True)
    assert said.url in (f"{BASE}s/{TOKEN}", f"{BASE}index.php/s/{TOKEN}")
    assert harm(said.url, {"nextcloud"}) is None


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (f"s/{TOKEN}/preview", "nextcloud:preview"),
        (f"index.php/apps/files_sharing/publicpreview/{TOKEN}?x=64", "nextcloud:preview"),
        ("index.php/login", "nextcloud:other"),
        ("apps/calendar/p/abc", "nextcloud:other"),
        ("remote.php/dav/files/zoe/", "nextcloud:other"),
    ],
)
def test_what_is_left_out_says_why(path: str, rule: str) -> None:
    said = NEW.classify(BASE + path)
    assert said is not None
    assert (said.keep, said.rule) == (False, rule)
    assert said.reason


@pytest.mark.parametrize("path", ["", "wiki/doku.php", "sites/x", "blog/apps"])
def test_what_lies_beside_it_is_not_its_own(path: str) -> None:
    assert NEW.classify(BASE + path) is None


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (f"https://nuage.example/s/{TOKEN}", "https://nuage.example/"),
        (f"https://nuage.example/index.php/s/{TOKEN}", "https://nuage.example/"),
        (f"https://nuage.example/nextcloud/index.php/s/{TOKEN}?path=/", "https://nuage.example/nextcloud/"),
        (f"https://nuage.example/cloud/s/{TOKEN}/download", "https://nuage.example/cloud/"),
    ],
)
def test_the_address_of_a_share_gives_the_cloud_away(url: str, base: str) -> None:
    assert Nextcloud.claims(url) == Installed("nextcloud", base)


@pytest.mark.parametrize(
    "url",
    [
        "https://nuage.example/s/court",
        f"https://nuage.example/x?s/{TOKEN}",
        f"https://wiki.example/s/{TOKEN}x",
    ],
)
def test_other_addresses_are_nobodys(url: str) -> None:
    assert Nextcloud.claims(url) is None


@pytest.mark.parametrize(
    "name", ["admin", "search", "delete/logout", "register.php", "Spécial:Connexion", "cron.php"]
)
def test_a_folder_may_bear_any_name(name: str) -> None:
    of = listed(
        f"{LISTS}{TOKEN}/", folder(f"{TOKEN}/"), folder(f"{TOKEN}/{name}/"), file(f"{TOKEN}/{name}", 1)
    )
    asked = [one.url for one in read(NEW, of) if isinstance(one, Ask)]
    asked += [one.url for one in read(NEW, of) if isinstance(one, Item)]
    assert len(asked) == 3
    assert [url for url in asked if url and harm(url, {"nextcloud"})] == []
    old = f"{BASE}public.php/webdav/?share={TOKEN}"
    of = listed(old, folder(""), folder(f"{name}/"), prefix="/nextcloud/public.php/webdav/")
    (asked_old,) = [one.url for one in read(OLD, of) if isinstance(one, Ask)]
    assert harm(asked_old, {"nextcloud"}) is None


@pytest.mark.parametrize("path", [f"s/{TOKEN}/download", f"public.php/dav/files/{TOKEN}/?accept=zip"])
def test_what_packs_is_refused(path: str) -> None:
    assert harm(BASE + path) is not None


@pytest.mark.parametrize(
    ("url", "head", "base"),
    [
        (BASE, '<link href="/nextcloud/core/css/server.css"></head>', BASE),
        (f"{BASE}index.php/login", '<script src="/nextcloud/dist/core-main.js?v=1"></script></head>', BASE),
        (f"{BASE}s/choisi-a-la-main", '<script src="/nextcloud/index.php/apps/theming/x.js">', BASE),
        (f"{BASE}s/{TOKEN}", "", BASE),
    ],
)
def test_it_is_recognised(url: str, head: str, base: str) -> None:
    assert Nextcloud.detect(page(url, f'<head data-requesttoken="a:b=">{head}')) == Installed(
        "nextcloud", base
    )


def test_it_is_recognised_by_its_status() -> None:
    assert Nextcloud.detect(status("30.0.1.2")) == Installed("nextcloud", BASE)


@pytest.mark.parametrize(
    "of",
    [
        page(BASE, "<head><title>Nextcloud, notre nuage</title>"),
        page(BASE, '<head data-requesttoken="a"><link href="/ailleurs/core/x.css">'),
        page(f"{BASE}status.php", "{}", "application/json"),
        page(f"{BASE}autre.json", '{"installed":true,"version":"1.0"}', "application/json"),
    ],
)
def test_others_are_not_taken_for_it(of: Page) -> None:
    assert Nextcloud.detect(of) is None


# --- from the version to the list


@pytest.mark.parametrize(
    ("version", "url"),
    [("29.0.0.1", f"{LISTS}{TOKEN}/"), ("28.0.9.1", f"{BASE}public.php/webdav/?share={TOKEN}")],
)
def test_the_version_says_where_the_list_is(version: str, url: str) -> None:
    known = Walked({("share", TOKEN): Known("captured"), ("share", "perdu"): Known("missing")})
    found = read(Nextcloud(BASE), status(version), known)
    assert [one for one in found if isinstance(one, Ask)] == [Ask(url, method="PROPFIND")]
    assert Item("folder", f"{TOKEN}/", "share") in found
    (setting,) = [one for one in found if isinstance(one, Setting)]
    later = Nextcloud(BASE, {setting.name: setting.value})
    share_page = page(f"{BASE}s/{TOKEN}", "<head data-requesttoken=x>")
    assert [one for one in read(later, share_page) if isinstance(one, Ask)] == [Ask(url, method="PROPFIND")]
    assert read(Nextcloud(BASE), share_page) == []


def test_without_a_version_both_ways_are_tried() -> None:
    known = Walked({("share", TOKEN): Known("captured")})
    cloud = Nextcloud(BASE)
    assert [ask.url for ask in cloud.again(known)] == [f"{LISTS}{TOKEN}/"]
    known.items["folder", f"{TOKEN}/"] = Known("missing")
    assert [ask.url for ask in cloud.again(known)] == [f"{BASE}public.php/webdav/?share={TOKEN}"]
    known.items["folder", f"{TOKEN}/"] = Known("captured")
    assert list(cloud.again(known)) == []


def test_a_list_is_asked_for_as_a_browser_does() -> None:
    headers = dict(NEW.headers(f"{LISTS}{TOKEN}/", "PROPFIND"))
    assert headers == {b"Depth": b"1", b"X-Requested-With": b"XMLHttpRequest"}
    old = dict(OLD.headers(f"{BASE}public.php/webdav/?share={TOKEN}", "PROPFIND"))
    assert old[b"Authorization"] == b"Basic " + base64.b64encode(f"{TOKEN}:".encode())
    assert NEW.headers(f"{LISTS}{TOKEN}/carte.pdf", "GET") == ()


@pytest.mark.parametrize(
    "body",
    [
        '<input type="hidden" id="initial-state-files_sharing-view" value="InB1YmxpYy1maWxlLWRyb3Ai">',
        '<div id="public-upload">Glissez vos fichiers</div>',
    ],
)
def test_where_visitors_bring_files_none_can_be_had(body: str) -> None:
    (item,) = read(NEW, page(f"{BASE}s/{TOKEN}", body))
    assert isinstance(item, Item)
    assert (item.kind, item.id, item.state) == ("folder", f"{TOKEN}/", "denied")
    assert item.why


# --- what a list tells

AWKWARD = "Photos d’été/n° 1 #2 (100 %) + l'été ?.pdf"
ESCAPED = (
    "Photos%20d%e2%80%99%c3%a9t%c3%a9/n%c2%b0%201%20%232%20(100%20%25)%20%2b%20l%27%c3%a9t%c3%a9%20%3f.pdf"
)


def test_a_list_tells_files_and_folders() -> None:
    of = listed(
        f"{LISTS}{TOKEN}/Photos%20d%E2%80%99%C3%A9t%C3%A9/",
        folder(f"{TOKEN}/Photos%20d%e2%80%99%c3%a9t%c3%a9/"),
        folder(f"{TOKEN}/Photos%20d%e2%80%99%c3%a9t%c3%a9/2024/"),
        file(f"{TOKEN}/{ESCAPED}", 123),
    )
    found = read(NEW, of)
    parent = f"{TOKEN}/Photos d’été/"
    (asked,) = [one for one in found if isinstance(one, Ask)]
    assert asked == Ask(f"{LISTS}{TOKEN}/Photos%20d%E2%80%99%C3%A9t%C3%A9/2024/", method="PROPFIND")
    items = {one.kind: one for one in found if isinstance(one, Item)}
    assert items["folder"].id == f"{parent}2024/"
    assert (items["file"].id, items["file"].group) == (f"{TOKEN}/{AWKWARD}", parent)
    said = NEW.classify(items["file"].url)
    assert said is not None
    assert (said.kind, said.id, said.item) == ("file", f"{TOKEN}/{AWKWARD}", True)
    assert Heard("file", "tree") in found
    assert items["file"].size == 123
    assert Setting("dav", "files") in found


def test_an_older_cloud_gives_its_files_by_name() -> None:
    of = listed(
        f"{BASE}public.php/webdav/Photos%20d%E2%80%99%C3%A9t%C3%A9/?share={TOKEN}",
        folder("Photos%20d%e2%80%99%c3%a9t%c3%a9/"),
        file(ESCAPED, 123),
        prefix="/nextcloud/public.php/webdav/",
    )
    (item,) = [one for one in read(OLD, of) if isinstance(one, Item)]
    assert item.id == f"{TOKEN}/{AWKWARD}"
    assert item.url.startswith(
        f"{BASE}index.php/s/{TOKEN}/download?path=/Photos%20d%E2%80%99%C3%A9t%C3%A9&files=n"
    )
    said = OLD.classify(item.url)
    assert said is not None
    assert (said.kind, said.id) == ("file", item.id)
    assert harm(item.url, {"nextcloud"}) is None


@pytest.mark.parametrize(
    ("cloud", "url", "path", "prefix"),
    [
        (NEW, f"{LISTS}{TOKEN}/", f"{TOKEN}/", "/nextcloud/public.php/dav/files/"),
        (NEW, f"{LISTS}{TOKEN}/", TOKEN, "/nextcloud/public.php/dav/files/"),
        (OLD, f"{BASE}public.php/webdav/?share={TOKEN}", "", "/nextcloud/public.php/webdav/"),
    ],
)
def test_a_share_may_be_one_file(cloud: Nextcloud, url: str, path: str, prefix: str) -> None:
    found = read(cloud, listed(url, file(path, 9), prefix=prefix))
    (item,) = [one for one in found if isinstance(one, Item)]
    assert (item.kind, item.id) == ("file", TOKEN)
    said = cloud.classify(item.url)
    assert said is not None
    assert (said.kind, said.id) == ("file", TOKEN)
    assert harm(item.url, {"nextcloud"}) is None


def test_a_list_that_broke_off_is_none() -> None:
    whole = listed(f"{LISTS}{TOKEN}/", folder(f"{TOKEN}/"), file(f"{TOKEN}/x", 1))
    assert NEW.accept(whole) == Accepted()
    for body in (whole.text[:-5], "<d:error xmlns:d='DAV:'/>", "<html>Zip", ""):
        assert NEW.accept(page(whole.url, body, "application/xml")).verdict == "challenge", body


def test_the_size_of_what_tells_none_is_unknown() -> None:
    of = listed(f"{LISTS}{TOKEN}/", _response(f"{TOKEN}/x", "<d:resourcetype/>"))
    assert entries(of.body, f"{TOKEN}/") == [Entry(f"{TOKEN}/x", None)]
    assert [one.size for one in read(NEW, of) if isinstance(one, Item)] == [None]


def test_what_was_lost_is_looked_for_in_its_folder_again() -> None:
    known = Walked(
        {("folder", f"{TOKEN}/"): Known("captured"), ("folder", f"{TOKEN}/2024/"): Known("captured")}
    )
    for name, state in (
        ("a", "captured"),
        ("2024/b", "missing"),
        ("2024/c", "expected"),
        ("2024/d", "denied"),
    ):
        known.items["file", f"{TOKEN}/{name}"] = Known(state)  # type: ignore[arg-type]
    (ask,) = NEW.again(known)
    assert ask == Ask(f"{LISTS}{TOKEN}/2024/", again=True, method="PROPFIND")
    of = listed(ask.url, folder(f"{TOKEN}/2024/"), *(file(f"{TOKEN}/2024/{name}", 1) for name in "bcde"))
    again = [one.url for one in read(NEW, of, known) if isinstance(one, Ask)]
    assert again == [f"{LISTS}{TOKEN}/2024/b", f"{LISTS}{TOKEN}/2024/c"]


# --- what an answer is


@pytest.mark.parametrize(
    ("of", "verdict"),
    [
        (page(f"{BASE}s/{TOKEN}", "<form><input type='password' name='password'></form>"), "denied"),
        (page(f"{BASE}s/{TOKEN}", "<p>Vos fichiers"), "ok"),
        (status("30.0.1.2"), "ok"),
        (page(f"{BASE}status.php", "<p>Accueil"), "missing"),
    ],
)
def test_an_answer_is_what_it_is_whatever_its_status(of: Page, verdict: str) -> None:
    accepted = NEW.accept(of)
    assert accepted.verdict == verdict
    assert bool(accepted.why) == (verdict != "ok")
