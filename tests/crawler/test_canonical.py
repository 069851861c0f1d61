"""One spelling for one address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.canonical import canonical, host_port, identity, without_session

HEX = "0123456789abcdef0123456789abcdef"
BASE = "http://wiki.example:8080/fr/doku.php?id=fr:début"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("http://example.org:80/a", "http://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("https://example.org:80/a", "https://example.org:80/a"),
        ("http://example.org:08080/", "http://example.org:8080/"),
        ("http://example.org./a", "http://example.org/a"),
        ("http://example.org/a#fr:faq", "http://example.org/a"),
        ("http://example.org/?", "http://example.org/"),
        ("http://example.org?a=1", "http://example.org/?a=1"),
        ("http://user:secret@example.org/a", "http://example.org/a"),
        ("http://us%65r@x@example.org/a", "http://example.org/a"),
        ("  http://example.org/a\n", "http://example.org/a"),
        ("http://example.org/a\tb\nc", "http://example.org/abc"),
        ("http://example.org/été à côté", "http://example.org/%C3%A9t%C3%A9%20%C3%A0%20c%C3%B4t%C3%A9"),
        ("http://example.org/?q=été bleu", "http://example.org/?q=%C3%A9t%C3%A9%20bleu"),
        ("http://example.org/%c3%a9", "http://example.org/%C3%A9"),
        ("http://example.org/100%/%zz%4", "http://example.org/100%/%zz%4"),
        ("http://example.org/a%2fb%3ac", "http://example.org/a%2Fb%3Ac"),
        ("http://example.org/fr:faq", "http://example.org/fr:faq"),
        (
            "http://example.org/index.php?topic=5.0;sort=a,b",
            "http://example.org/index.php?topic=5.0;sort=a,b",
        ),
        ("http://example.org/?first[0]=20", "http://example.org/?first%5B0%5D=20"),
        ("http://example.org/?a|b^c`d{e}", "http://example.org/?a%7Cb%5Ec%60d%7Be%7D"),
        ("http://example.org/it's?it's", "http://example.org/it's?it%27s"),
        ("http://example.org/a/./b/../c/%2e%2E/d", "http://example.org/a/d"),
        ("http://example.org/a/..", "http://example.org/"),
        ("http://example.org/../../a/.", "http://example.org/a/"),
        ("http://example.org/a//b/.hidden/...", "http://example.org/a//b/.hidden/..."),
        ("http://example.org\\a\\b?c\\d", "http://example.org/a/b?c%5Cd"),
        ("http:example.org/a", "http://example.org/a"),
        ("http:////example.org/a", "http://example.org/a"),
        ("http://été.example/", "http://xn--t-9fab.example/"),
        ("http://faß.example/", "http://xn--fa-hia.example/"),
        ("http://日本。example/", "http://xn--wgv71a.example/"),
        ("http://ex%61mple.org/", "http://example.org/"),
        ("http://my_host.example/", "http://my_host.example/"),
        ("http://[2001:DB8::0:1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://example.org/\ud800?\udfff", "http://example.org/%EF%BF%BD?%EF%BF%BD"),
    ],
)
def test_absolute(url: str, wanted: str) -> None:
    assert canonical(url) == wanted
    assert canonical(wanted) == wanted


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("", "http://wiki.example:8080/fr/doku.php?id=fr:d%C3%A9but"),
        ("#haut", "http://wiki.example:8080/fr/doku.php?id=fr:d%C3%A9but"),
        ("?id=fr:faq", "http://wiki.example:8080/fr/doku.php?id=fr:faq"),
        ("?", "http://wiki.example:8080/fr/doku.php"),
        ("lib/exe/css.php", "http://wiki.example:8080/fr/lib/exe/css.php"),
        ("./a", "http://wiki.example:8080/fr/a"),
        ("../a b", "http://wiki.example:8080/a%20b"),
        ("/a", "http://wiki.example:8080/a"),
        ("\\a", "http://wiki.example:8080/a"),
        ("//Other.example/a", "http://other.example/a"),
        ("\\\\other.example/a", "http://other.example/a"),
        ("http:page", "http://wiki.example:8080/fr/page"),
        ("http:/page", "http://wiki.example:8080/page"),
        ("https:other.example", "https://other.example/"),
        ("./fr:faq", "http://wiki.example:8080/fr/fr:faq"),
        ("fr:faq", None),
    ],
)
def test_relative(url: str, wanted: str | None) -> None:
    assert canonical(url, BASE) == wanted


@pytest.mark.parametrize(
    "url",
    [
        *("", "page", "/page", "javascript:void(0)", "data:,x", "mailto:a@b.example", "ftp://example.org/"),
        *("http://", "http:///", "http://@/", "http://exa mple.org/", "http://a..b/", "http://exa<mple/"),
        *("http://example.org:0/", "http://example.org:65536/", "http://example.org:8o/", "http://[::1/"),
        *("http://[fe80::1%25eth0]/", "http://1.2.3.4.5/", "http://999.1.1.1/", "http://[]/"),
    ],
)
def test_unusable(url: str) -> None:
    assert canonical(url) is None


def test_relative_to_nothing_usable() -> None:
    assert canonical("page", "about:blank") is None


def test_query_in_the_encoding_of_the_page() -> None:
    page = "http://example.org/é"
    assert canonical("?q=été", page, "cp1252") == "http://example.org/%C3%A9?q=%E9t%E9"
    assert canonical("?q=œ", page, "latin-1") == "http://example.org/%C3%A9?q=%26%23339%3B"
    assert canonical("?q=é", page, "no such encoding") == "http://example.org/%C3%A9?q=%C3%A9"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (f"viewtopic.php?t=5&sid={HEX}", "viewtopic.php?t=5"),
        (f"viewtopic.php?sid={HEX}&t=5", "viewtopic.php?t=5"),
        (f"index.php?PHPSESSID={HEX};topic=5.0", "index.php?topic=5.0"),
        (f"index.php?topic=5.0;PHPSESSID={HEX[:26]}", "index.php?topic=5.0"),
        (f"index.php?topic=5.0;PHPSESSID={HEX[:26]};all", "index.php?topic=5.0;all"),
        (f"?PHPSESSID={HEX}", ""),
        (f"?PHPSESSID={HEX}{HEX}", ""),
        (f"showthread.php?s={HEX}&t=5", "showthread.php?t=5"),
        ("page;jsessionid=1A2B3C4D5E6F708192A3B4C5D6E7F809.node1?a=1", "page?a=1"),
        (f"page?jsessionid={HEX.upper()}", "page"),
        ("default.asp?ASPSESSIONIDQADTCRBA=FGNLKMDALPPHCCPHKAHECPMM&a=1", "default.asp?a=1"),
        ("a.cfm?CFID=123456&CFTOKEN=98765432&b=1", "a.cfm?b=1"),
        (f"shop.php?osCsid={HEX}&p=1", "shop.php?p=1"),
        (f"shop.php?p=1&zenid={HEX[:26]}", "shop.php?p=1"),
        (f"doku.php?id=fr:faq&DokuWiki={HEX[:26]}", "doku.php?id=fr:faq"),
        (f"a?&b&sid={HEX}&&c", "a?&b&&c"),
        (f"a.cfm?cfid=5&sid={HEX}", "a.cfm?cfid=5"),
    ],
)
def test_session_ids_are_no_part_of_an_address(url: str, wanted: str) -> None:
    base = "http://forum.example/"
    full = canonical(base + url)
    assert full is not None
    assert without_session(full) == (base + wanted, True)
    assert without_session(base + wanted) == (base + wanted, False)


@pytest.mark.parametrize(
    "url",
    [
        *("?s=5", "?sid=short", "?sid=12", f"?sid={HEX}0", f"?s={HEX[:31]}", "?session=2024-05", "a;b=1?c"),
        *("?PHPSESSID=", "?cfid=5", f"?hash={HEX}", f"?files={HEX}", f"/session/{HEX}", "?s=été", "?&s=1"),
    ],
)
def test_parameters_that_mean_something_stay(url: str) -> None:
    full = canonical(url, "http://forum.example/index.php")
    assert full is not None
    assert without_session(full) == (full, False)


def test_identity_is_a_63_bit_number_that_never_changes() -> None:
    assert identity("http://example.org/") == 2327436883885762706


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("http://example.org/a:9", ("example.org", 80)),
        ("https://example.org/", ("example.org", 443)),
        ("http://example.org:8080/", ("example.org", 8080)),
        ("http://[::1]:8080/", ("::1", 8080)),
        ("https://[::1]/", ("::1", 443)),
    ],
)
def test_host_and_port(url: str, wanted: tuple[str, int]) -> None:
    assert host_port(url) == wanted


PIECES = st.sampled_from(
    [
        *("http:", "https:", "//", "/", "\\", "?", "#", "&", ";", "=", ":", "@", "%", "%2", "%2e", "%C3%a9"),
        *("..", ".", "a", "B", "é", "日", " ", "\t", "[", "]", "::1", "80", "443", "0", "1.2", "sid=", HEX),
        *("PHPSESSID=", "example.org", "faß", "'", '"', "|", "\x00", "\x7f", "\ud800", "\u3002", "xn--"),
    ]
)
MESS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=40)
URLS = st.builds("".join, st.tuples(st.sampled_from(["http://example.org", "https://a:1", "", "//"]), MESS))
ENCODINGS = st.sampled_from(["utf-8", "cp1252", "shift_jis", "iso2022_jp", "nonsense"])


@given(URLS, st.none() | URLS, ENCODINGS)
def test_canonical_twice_is_canonical_once(url: str, base: str | None, encoding: str) -> None:
    once = canonical(url, base, encoding)
    if once is None:
        return
    assert canonical(once) == once
    assert canonical(once, "https://elsewhere.example/a/", encoding) == once
    assert once.isascii() and not set(once) & set(' \t\r\n#"<>\\^`{|}\x00\x7f')
    assert once.partition("://")[2].count("/") >= 1
    bare, found = without_session(once)
    assert found == (bare != once)
    assert canonical(bare) == bare
    assert without_session(bare) == (bare, False)
    assert 0 <= identity(bare) < 1 << 63
    host, port = host_port(once)
    assert host and 0 < port < 65536
