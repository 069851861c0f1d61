"""What is ours, what is not, and which rule says so."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.addresses import public_address
from crawler.canonical import canonical
from crawler.scope import Limits, Scope

WIKI = Scope(("http://wiki.example:8080/fr/doku.php?id=début",))


@pytest.mark.parametrize(
    ("url", "kind", "keep", "rule"),
    [
        ("http://wiki.example:8080/fr/doku.php?id=fr:faq", "page", True, "page"),
        ("http://wiki.example:8080/fr/", "page", True, "page"),
        ("http://wiki.example:8080/fr/feed.php", "feed", True, "feed"),
        ("http://wiki.example:8080/fr", "page", False, "outside-folder"),
        ("http://wiki.example:8080/en/", "page", False, "outside-folder"),
        ("http://wiki.example:8080/en/feed.php", "feed", False, "outside-folder"),
        ("http://wiki.example:8080/en/logo.png", "requisite", True, "requisite"),
        ("http://wiki.example/fr/", "page", False, "off-site"),
        ("https://wiki.example:8080/fr/", "page", False, "off-site"),
        ("http://other.example/fr/", "page", False, "off-site"),
        ("http://other.example/feed", "feed", False, "off-site"),
        ("http://other.example/été.png", "requisite", True, "requisite"),
        ("http://93.184.215.14/a.png", "requisite", True, "requisite"),
        ("http://192.168.0.1/a.png", "requisite", False, "private-address"),
        ("http://[::1]/a.png", "requisite", False, "private-address"),
        ("http://localhost/a.png", "requisite", False, "private-address"),
        ("http://other.example/robots.txt", "robots", True, "robots"),
        ("http://wiki.example:8080/fr/doku.php?id=x&do=edit", "page", False, "harm:"),
        ("http://wiki.example:8080/fr/doku.php?id=x&do=edit", "seed", False, "harm:"),
        ("http://other.example/lib/exe/taskrunner.php?id=x", "requisite", False, "harm:"),
        ("http://wiki.example:8080/fr/" + "x" * 2000, "page", False, "too-long"),
        ("http://wiki.example:8080/fr/a/b/a/b/a/b/a", "page", False, "repeated-path"),
        ("http://wiki.example:8080/fr/a/b/a/b/a", "page", True, "page"),
        ("http://wiki.example:8080/fr/11/11/11/11/11", "page", True, "page"),
        ("http://wiki.example:8080/fr/" + "/".join(map(str, range(20))), "page", False, "too-deep"),
    ],
)
def test_verdicts_name_their_rule(url: str, kind: str, keep: bool, rule: str) -> None:
    full = canonical(url)
    assert full is not None
    verdict = WIKI.judge(full, kind)
    assert verdict.keep == keep
    assert verdict.rule.startswith(rule) if rule.endswith(":") else verdict.rule == rule
    assert verdict.reason


@pytest.mark.parametrize(
    ("seed", "folder"),
    [
        ("http://a.example", "/"),
        ("http://a.example/wiki", "/"),
        ("http://a.example/wiki/", "/wiki/"),
        ("http://a.example/wiki/index.html?x=/y/", "/wiki/"),
        ("http://a.example/wiki/doku.php/fr:début", "/wiki/"),
        ("http://a.example/w/index.php/Main_Page/Sub", "/w/"),
        ("http://a.example/my.phpbb/board/", "/my.phpbb/board/"),
    ],
)
def test_the_folder_of_a_seed(seed: str, folder: str) -> None:
    assert [p.folder for p in Scope((seed,)).places] == [folder]


def test_several_seeds() -> None:
    scope = Scope(("http://a.example/wiki/", "http://b.example:81/forum/"))
    assert scope.judge("http://b.example:81/forum/x").keep
    assert not scope.judge("http://b.example:81/wiki/x").keep
    assert scope.own("http://b.example:81/robots.txt")
    assert not scope.own("http://b.example/forum/")


def test_include_and_exclude() -> None:
    scope = Scope(("http://a.example/wiki/",), include=(r"//docs\.example/",), exclude=(r"\.iso$", "/tmp/"))
    assert scope.judge("http://docs.example/a").rule == "include"
    assert not scope.own("http://docs.example/a")
    assert scope.judge("http://a.example/wiki/a.iso").rule == "exclude"
    assert scope.judge("http://docs.example/a.iso").rule == "exclude"
    assert scope.judge("http://cdn.example/tmp/a.png", "requisite").rule == "exclude"
    assert scope.judge("http://docs.example/?do=edit").rule.startswith("harm:")


@pytest.mark.parametrize("bad", ["ftp://a.example/", "wiki.example", ""])
def test_a_seed_that_is_no_address(bad: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        Scope((bad,))


def test_no_seed_and_no_expression() -> None:
    with pytest.raises(ValueError, match="no address"):
        Scope(())
    with pytest.raises(ValueError, match=r"not a regular expression: \(a"):
        Scope(("http://a.example/",), include=("(a",))


def test_hops() -> None:
    scope = Scope(("http://a.example/",), limits=Limits(hops=2))
    assert scope.judge("http://a.example/x", hops="LRL").keep
    assert scope.judge("http://a.example/x", hops="LLL").rule == "too-deep"
    assert WIKI.judge("http://wiki.example:8080/fr/x", hops="L" * 500).keep
    assert WIKI.judge("http://wiki.example:8080/fr/x", hops="L" + "R" * 11).rule == "too-deep"
    assert WIKI.judge("http://cdn.example/x.css", "requisite", hops="LEEEE", via_own=False).keep
    assert not WIKI.judge("http://cdn.example/x.css", "requisite", hops="LEEEEE", via_own=False).keep


@pytest.mark.parametrize(
    ("seed", "target", "now_ours", "still_ours", "not_ours"),
    [
        ("http://a.example/", "https://a.example/", ["https://a.example/x"], ["http://a.example/x"], []),
        ("http://a.example/", "https://www.a.example/wiki/", ["https://www.a.example/x"], [], []),
        ("https://www.a.example/f/", "https://a.example/f/", ["https://a.example/f/x"], [], ["https://a.example/g"]),
        ("http://a.example/wiki", "http://a.example/wiki/", [], ["http://a.example/wiki/x"], ["http://a.example/x"]),
        (
            "http://a.example/wiki",
            "https://www.a.example/wiki/",
            ["https://www.a.example/wiki/x"],
            ["http://a.example/wiki/x"],
            ["http://a.example/x", "https://www.a.example/x"],
        ),
    ],
)  # fmt: skip
def test_redirects_of_a_seed_that_are_followed(
    seed: str, target: str, now_ours: list[str], still_ours: list[str], not_ours: list[str]
) -> None:
    before = Scope((seed,), exclude=("tmp",))
    after, said = before.with_redirect(seed, target)
    assert seed in said and target in said
    for url in now_ours:
        assert not before.inside(url) and after.inside(url)
    for url in still_ours:
        assert before.inside(url) and after.inside(url)
    for url in not_ours:
        assert not after.inside(url)
    assert after.exclude == before.exclude
    assert after.with_redirect(seed, target) == (after, "")


@pytest.mark.parametrize(
    ("seed", "target"),
    [
        ("http://a.example/", "http://b.example/"),
        ("http://a.example/", "http://a.example.evil.example/"),
        ("http://a.example:8080/", "https://a.example/"),
        ("http://a.example:8080/", "http://a.example:9090/"),
        ("https://a.example/", "http://a.example/"),
        ("http://a.example/wiki/", "http://a.example/login"),
        ("http://a.example/wiki/", "https://a.example/other/"),
        ("http://a.example/wiki", "http://b.example/wiki/"),
    ],
)
def test_redirects_that_are_only_reported(seed: str, target: str) -> None:
    scope = Scope((seed,))
    after, said = scope.with_redirect(seed, target)
    assert after == scope
    assert target in said and "not followed" in said


def test_redirects_that_are_nothing_to_speak_of() -> None:
    assert WIKI.with_redirect(WIKI.seeds[0], "http://wiki.example:8080/fr/accueil") == (WIKI, "")
    assert WIKI.with_redirect("http://wiki.example:8080/fr/x", "https://evil.example/") == (WIKI, "")


def test_a_slash_does_not_narrow_what_another_seed_asks_for() -> None:
    scope, _ = Scope(("http://a.example/wiki", "http://a.example/forum")).with_redirect(
        "http://a.example/wiki", "http://a.example/wiki/"
    )
    assert scope.inside("http://a.example/forum/x")


def test_redirects_one_after_the_other() -> None:
    scope = Scope(("http://a.example/wiki", "http://a.example/forum/"))
    scope, _ = scope.with_redirect("http://a.example/wiki", "https://a.example/wiki")
    scope, said = scope.with_redirect("https://a.example/wiki", "https://a.example/wiki/")
    assert "/wiki/" in said
    assert {(p.scheme, p.folder) for p in scope.places} == {
        ("http", "/wiki/"),
        ("https", "/wiki/"),
        ("http", "/forum/"),
    }


@pytest.mark.parametrize(
    "ip",
    [
        *(
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.9.9",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
        ),
        *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::1", "2001::1", "2001:db8::1", "3fff::1"),
        *("fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1", "5f00::1"),
        *("", "localhost", "example.org", "1.2.3", "0x7f.1"),
    ],
)
def test_addresses_that_are_not_public(ip: str) -> None:
    assert not public_address(ip)


@pytest.mark.parametrize(
    "ip",
    [
        *("1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "192.1.0.1", "223.255.255.255"),
        *("2606:4700::1111", "2a01:e0a::1", "[2606:4700::1111]", "::ffff:93.184.215.14"),
        *("64:ff9b::93.184.215.14", "2002:5db8:d70e::1"),
    ],
)
def test_addresses_that_are_public(ip: str) -> None:
    assert public_address(ip)


def test_who_may_be_connected_to() -> None:
    scope = Scope(("http://wiki.lan/", "http://[fd00::5]:81/"), also_private=("Images.lan:8081", "cdn.lan"))
    assert scope.may_connect("anything.example", 443, "93.184.215.14")
    assert not scope.may_connect("anything.example", 443, "10.0.0.5")
    assert scope.may_connect("wiki.lan", 80, "10.0.0.5")
    assert scope.may_connect("WIKI.lan.", 80, "10.0.0.5")
    assert not scope.may_connect("wiki.lan", 22, "10.0.0.5")
    assert scope.may_connect("fd00::5", 81, "fd00::5")
    assert not scope.may_connect("fd00::6", 81, "fd00::6")
    assert scope.may_connect("images.lan", 8081, "10.0.0.6")
    assert not scope.may_connect("images.lan", 80, "10.0.0.6")
    assert scope.may_connect("cdn.lan", 9000, "10.0.0.7")
    assert scope.judge("http://10.0.0.8/a.png", "requisite").rule == "private-address"
    allowed = dataclasses.replace(scope, also_private=("10.0.0.8",))
    assert allowed.judge("http://10.0.0.8/a.png", "requisite").keep


NUMBER_4 = st.integers(0, 2**32 - 1)


@given(NUMBER_4)
def test_wrapping_an_address_does_not_make_it_public(number: int) -> None:
    plain = str(ipaddress.IPv4Address(number))
    wrapped = [0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1]
    for value in wrapped:
        assert public_address(str(ipaddress.IPv6Address(value))) == public_address(plain)


SEGMENTS = st.lists(st.sampled_from(["fr", "a", "..", ".", "é", "x.php", "", "%2e%2e"]), max_size=6).map(
    "/".join
)


@given(SEGMENTS, SEGMENTS, st.sampled_from(["page", "feed", "requisite"]))
def test_every_verdict_has_words_and_pages_stay_in_their_folder(seed_path: str, path: str, kind: str) -> None:
    scope = Scope((f"http://a.example/{seed_path}",))
    (place,) = scope.places
    url = canonical(f"http://a.example/{path}")
    assert url is not None
    verdict = scope.judge(url, kind)
    assert verdict.rule and verdict.reason
    if verdict.keep and kind != "requisite":
        assert url.startswith(place.door())
    assert scope.judge(scope.seeds[0], "seed").keep
    assert scope.inside(place.door())
