"""What pages, stylesheets, feeds, sitemaps and drawings name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.canonical import canonical
from crawler.engine.charset import charset_of
from crawler.engine.links import links

PAGE = "http://wiki.example/fr/doku.php?id=fr:début"
BASE = "http://wiki.example/fr/"
HEX = "0123456789abcdef0123456789abcdef"
ICON = ("http://wiki.example/favicon.ico", "requisite")


def of(
    text: str | bytes, mime: str = "text/html", charset: str = "utf-8", url: str = PAGE
) -> list[tuple[str, str]]:
    page = canonical(url)
    assert page is not None
    body = text if isinstance(text, bytes) else text.encode(charset)
    found: list[tuple[str, str]] = list(links(body, page, mime, charset))
    return found


def named(text: str, *, base: str = BASE) -> dict[str, str]:
    """Addresses below `base`, shortened, with their kinds; without the icon every page has."""
    return {url.removeprefix(base): kind for url, kind in of(text) if (url, kind) != ICON}


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ('<a href="a">', {"a": "page"}),
        ('<A HREF=a rel="nofollow ugc">', {"a": "page"}),
        ('<map><area href="a"></map>', {"a": "page"}),
        ('<iframe src="a"></iframe>', {"a": "page"}),
        ("<frameset><frame src=a></frameset>", {"a": "page"}),
        ('<a href="?id=fr:faq&amp;do=revisions">', {"doku.php?id=fr:faq&do=revisions": "page"}),
        ('<a href="  b c\n">', {"b%20c": "page"}),
        ('<a href="é:à">', {"%C3%A9:%C3%A0": "page"}),
        ('<a href="#top"><a href=""><a href><a href="  ">', {}),
        ('<a href="javascript:x()"><a href="mailto:a@b.example"><a href="tel:1">', {}),
        ('<a href=" JavaScript:x()"><a href="http://[">', {}),
        (f'<a href="t?sid={HEX}&a=1">', {"t?a=1": "page"}),
        ('<form action="a" method="post"><button formaction="b"></form>', {}),
        ('<img src="a.png" srcset="b.png 1x, c,1.png 2x,d.png 300w">', {
            "a.png": "requisite", "b.png": "requisite", "c,1.png": "requisite", "d.png": "requisite"}),
        ('<img srcset="data:image/png;base64,AAAA 1x, b.png 2x">', {"b.png": "requisite"}),
        ('<picture><source srcset="a.webp"><img data-src="b.png" data-srcset="c.png 2x"></picture>', {
            "a.webp": "requisite", "b.png": "requisite", "c.png": "requisite"}),
        ('<img data-src="{json: /x/}"><img data-src="word"><img data-original="/lazy.png">', {
            "http://wiki.example/lazy.png": "requisite"}),
        ('<noscript><img src="a.png"></noscript>', {"a.png": "requisite"}),
        ('<script src="a.js"></script><script>var x = "<a href=b>";</script>', {"a.js": "requisite"}),
        ('<!-- <a href="a"> --><textarea><a href="b"></textarea>', {}),
        ('<video src="a.mp4" poster="b.png"><source src="c.webm"><track src="d.vtt"></video>', {
            "a.mp4": "requisite", "b.png": "requisite", "c.webm": "requisite", "d.vtt": "requisite"}),
        ('<audio src="a.ogg"></audio><embed src="b.swf"><object data="c.pdf"></object>', {
            "a.ogg": "requisite", "b.swf": "requisite", "c.pdf": "requisite"}),
        ('<input type="image" src="a.png">', {"a.png": "requisite"}),
        ('<body background="a.png"><table background="b.png"><tr><td background="c.png">', {
            "a.png": "requisite", "b.png": "requisite", "c.png": "requisite"}),
        ('<svg><use xlink:href="a.svg#x"/><use href="#y"/><image href="b.png"/><a href="c"></a></svg>', {
            "a.svg": "requisite", "b.png": "requisite", "c": "page"}),
        ('<link rel="stylesheet" href="a.css"><link rel="Shortcut Icon" href="b.ico">', {
            "a.css": "requisite", "b.ico": "requisite"}),
        ('<link rel="apple-touch-icon" href="a.png"><link rel=preload href=b.woff2 as=font>', {
            "a.png": "requisite", "b.woff2": "requisite"}),
        ('<link rel=manifest href="lib/exe/manifest.php">', {"lib/exe/manifest.php": "requisite"}),
        ('<link rel="preload" as="image" imagesrcset="a.png 1x, b.png 2x">', {
            "a.png": "requisite", "b.png": "requisite"}),
        ('<link rel="alternate stylesheet" href="a.css">', {"a.css": "requisite"}),
        ('<link rel="alternate" type="application/rss+xml" href="feed.php">', {"feed.php": "feed"}),
        ('<link rel="alternate" type="application/atom+xml; charset=utf-8" href="a">', {"a": "feed"}),
        ('<link rel="alternate" hreflang="en" href="../en/">', {"http://wiki.example/en/": "page"}),
        ('<link rel="alternate" type="text/plain" title="Wiki Markup" href="?do=export_raw">', {}),
        ('<link rel="canonical" href="a"><link rel=next href=b><link rel=prev href=c>', {
            "a": "page", "b": "page", "c": "page"}),
        ('<link rel="dns-prefetch" href="//cdn.example"><link rel=edit href="?do=edit"><link href=x>', {}),
        ('<meta http-equiv="Refresh" content="5; URL=\'a b\'">', {"a%20b": "page"}),
        ('<meta http-equiv=refresh content="0;b">', {"b": "page"}),
        ('<meta http-equiv=refresh content="30">', {}),
        ('<meta property="og:image" content="a.png"><meta name="twitter:image" content="b.png">', {
            "a.png": "requisite", "b.png": "requisite"}),
        ('<meta name="description" content="http://wiki.example/fr/x">', {}),
        ('<p style="background: url(&quot;a.png&quot;)">', {"a.png": "requisite"}),
        ('<style>@import "a.css"; b { background: url(b.png) }</style>', {
            "a.css": "requisite", "b.png": "requisite"}),
        ('<div data-bg="a.png">', {"a.png": "requisite"}),
        ('<img longdesc="a" src=b>', {"b": "requisite", "a": "page"}),
        ('<?xml-stylesheet href="a.xsl"?><html>', {"a.xsl": "requisite"}),
    ],
)  # fmt: skip
def test_html(html: str, wanted: dict[str, str]) -> None:
    assert named(html) == wanted


def test_base() -> None:
    html = '<base href="/wiki/"><base href="/no/"><a href="fr:faq/x"><a href="./fr:faq"><a href="?x">'
    assert [url for url, kind in of(html) if kind == "page"] == [
        "http://wiki.example/wiki/fr:faq",
        "http://wiki.example/wiki/?x",
    ]
    assert named('<base href="javascript:"><a href="a">') == {"a": "page"}


def test_the_icon_nobody_names() -> None:
    assert ICON in of("<p>x</p>")
    assert ICON not in of('<link rel="icon" href="/a.png">')


def test_each_once_and_in_order() -> None:
    found = of('<a href="b"><a href="a#x"><a href="a#y"><img src="a"><a href="b">')
    assert found == [(BASE + "b", "page"), (BASE + "a", "page"), (BASE + "a", "requisite"), ICON]


@pytest.mark.parametrize(
    ("css", "wanted"),
    [
        ('@import "a.css" screen; @import url(b.css); @IMPORT URL( "c.css" );', ["a.css", "b.css", "c.css"]),
        ("a{background:url(a.png)} b{background:url( 'b c.png' )}", ["a.png", "b%20c.png"]),
        ("/* url(no.png) */ a{src:url(a.woff2?#iefix) format('woff2')}", ["a.woff2"]),
        ('a{background:image-set("a.png" 1x, url(b.png) 2x type("image/png"))}', ["b.png", "a.png"]),
        ("a{background:-webkit-image-set(url(a.png) 1x)}", ["a.png"]),
        ("@namespace svg url(http://www.w3.org/2000/svg); a{b:url(a.png)}", ["a.png"]),
        ("a{b:url(data:image/png;base64,AA==)} c{d:url(#clip)} e{f:url()}", []),
        (r"a{b:url(a\28 1\29.png)} c{d:url('b\26 c.png')}", ["a(1).png", "b&c.png"]),
        ("a{b:url(été.png)}", ["%C3%A9t%C3%A9.png"]),
    ],
)
def test_css(css: str, wanted: list[str]) -> None:
    found = of(css, "text/css", url="http://wiki.example/fr/lib/exe/css.php?t=été")
    assert found == [("http://wiki.example/fr/lib/exe/" + url, "requisite") for url in wanted]


RSS = """<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="feed.xsl"?>
<rss xmlns:atom="http://www.w3.org/2005/Atom"><channel><link>http://wiki.example/fr/</link>
<atom:link rel="self" href="http://wiki.example/fr/feed.php?a=1&amp;b=2"/>
<image><url>logo.png</url></image>
<item><link><![CDATA[http://wiki.example/fr/a?b&c]]></link><guid isPermaLink="false">urn:x</guid>
<enclosure url="a.mp3" type="audio/mpeg"/><url>not this</url></item>
<item><guid>http://wiki.example/fr/b</guid><media:thumbnail url="t.png"/></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link href="./"/><icon>i.png</icon>
<link rel="next" href="feed.php?page=2"/><entry><link rel="alternate" href="été"/><id>http://no.example/</id>
<link rel="enclosure" href="a.ogg"/><link rel="edit" href="no"/><content type="html">x</content></entry>
</feed>"""
SITEMAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url>
<loc> http://wiki.example/fr/a?b=1&amp;c=2 </loc><image:image><image:loc>a.png</image:loc></image:image>
<xhtml:link rel="alternate" hreflang="en" href="/en/a"/></url></urlset>"""


def test_feeds_and_sitemaps() -> None:
    feed = [
        ("feed.xsl", "requisite"),
        ("", "page"),
        ("feed.php?a=1&b=2", "feed"),
        ("logo.png", "requisite"),
        ("a?b&c", "page"),
        ("a.mp3", "page"),
        ("b", "page"),
        ("t.png", "requisite"),
    ]
    for mime in ("application/rss+xml", "text/xml", "text/html", ""):
        assert of(RSS, mime) == [(BASE + url, kind) for url, kind in feed]
    atom = [("", "page"), ("i.png", "requisite"), ("feed.php?page=2", "feed")]
    atom += [("%C3%A9t%C3%A9", "page"), ("a.ogg", "page")]
    assert of(ATOM, "application/atom+xml") == [(BASE + url, kind) for url, kind in atom]
    assert of(SITEMAP, "application/xml") == [
        (BASE + "a?b=1&c=2", "page"),
        (BASE + "a.png", "requisite"),
        ("http://wiki.example/en/a", "page"),
    ]
    index = "<sitemapindex><sitemap><loc>http://wiki.example/fr/sitemap_1.xml</loc></sitemap></sitemapindex>"
    assert of(index, "text/xml") == [(BASE + "sitemap_1.xml", "page")]


def test_drawings_and_manifests() -> None:
    svg = '<?xml-stylesheet href="a.css"?><svg><style>@import url(b.css);</style><image xlink:href="c.png"/>'
    assert set(of(svg, "image/svg+xml")) == {(BASE + n, "requisite") for n in ("a.css", "b.css", "c.png")}
    manifest = '{"start_url": "./", "icons": [{"src": "a.png"}, {"src": 5}, "x"], "screenshots": {}}'
    assert of(manifest, "application/manifest+json") == [(BASE, "page"), (BASE + "a.png", "requisite")]
    assert of(manifest, "application/json", url="http://wiki.example/fr/manifest.json") != []
    assert of(manifest, "application/json") == []
    assert of("[" * 100_000, "application/manifest+json") == []


@pytest.mark.parametrize(
    "mime", ["image/png", "application/pdf", "text/javascript", "text/plain", "video/mp4"]
)
def test_nothing_is_looked_for_where_nothing_can_be(mime: str) -> None:
    assert of('<a href="a">', mime) == []


def test_a_page_that_does_not_say_what_it_is() -> None:
    assert (BASE + "a", "page") in of('\n <a href="a">', "")
    assert of("PK\x03\x04", "") == []


@pytest.mark.parametrize(
    ("header", "body", "wanted"),
    [
        (b"text/html; charset=UTF-8", b"", "utf-8"),
        (b'text/html; charset="iso-8859-1"', b"", "cp1252"),
        (b"text/html; charset=koi8-r", b"<meta charset=utf-8>", "koi8-r"),
        (b"text/html; charset=nonsense", b'<meta charset="windows-1251">', "cp1251"),
        (b"text/html; charset=hex", b"", "utf-8"),
        (b"text/html; charset=\x00\xff", b"", "utf-8"),
        (b"text/html; charset=iso-8859-1", b"\xef\xbb\xbf<p>", "utf-8"),
        (None, b"\xff\xfe<\x00", "utf-16-le"),
        (None, b"\xfe\xff\x00<", "utf-16-be"),
        (b"text/html", b'<meta http-equiv="Content-Type" content="text/html; charset=gb2312">', "gb18030"),
        (b"text/html", b'<META CHARSET=shift_jis>', "cp932"),
        (b"text/xml", b'<?xml version="1.0" encoding="ISO-8859-15"?>', "iso8859-15"),
        (b"text/css", b'@charset "windows-1252";', "cp1252"),
        (b"text/html", b"<meta charset=utf-16>", "utf-8"),
        (b"text/html", "<p>été".encode(), "utf-8"),
        (b"text/html", "<p>été".encode()[:-1], "utf-8"),
        (b"text/html", b"<p>\xe9t\xe9", "cp1252"),
        (None, b"", "utf-8"),
    ],
)  # fmt: skip
def test_the_encoding_comes_from_rules(header: bytes | None, body: bytes, wanted: str) -> None:
    assert charset_of(header, body) == wanted


def test_queries_are_written_as_the_page_would() -> None:
    body = '<a href="é?q=é">'
    assert of(body, charset="cp1252")[0][0] == BASE + "%C3%A9?q=%E9"
    assert of(body, charset="utf-8")[0][0] == BASE + "%C3%A9?q=%C3%A9"
    assert of("\ufeff" + body, charset="utf-16-le")[0][0] == BASE + "%C3%A9?q=%C3%A9"


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 50_000 + b'<a href="a">',
        b"<div>" * 50_000 + b"</div>" * 50_000,
        b'<a href="' + b"x" * 1_000_000 + b'">',
        b"<style>" + b"url(" * 100_000,
        b"<style>" + b"image-set(" * 20_000,
        b"<style>" + b"/*" * 200_000,
        b'<img srcset="' + b"," * 300_000 + b'">',
        b'<img srcset="' + b"(" * 100_000 + b'">',
        b'<meta http-equiv=refresh content="' + b"1;" * 100_000 + b'">',
        b"<rss>" + b"<link " * 50_000,
        b"<rss>" + b"<link><![CDATA[" * 20_000,
        b"<rss><link " + b"a=" * 100_000 + b">",
        b"<?xml-stylesheet " * 20_000,
    ],
)
def test_hostile_pages_take_no_time(body: bytes) -> None:
    mime = "text/xml" if body.startswith((b"<rss", b"<?")) else "text/html"
    assert all(len(url) < 20_000 for url, _ in links(body, BASE, mime, charset_of(None, body)))


TOKENS = st.sampled_from(
    [
        *(b"<", b">", b"</", b"/>", b"=", b'"', b"'", b"&", b"&#x", b";", b"<!--", b"-->", b"<![CDATA["),
        *(b"<a href=", b"<img src=", b"srcset=", b"<link rel=", b"<base href=", b"<style>", b"url("),
        *(b"@import ", b"longdesc=", b"<body background=", b"<div style=", b"xlink:href=", b"<link "),
        *(b"<meta http-equiv=refresh content=", b"<svg>", b"<rss>", b"<loc>", b"<feed>", b"http://"),
        *(b"image-set(", b"\\", b"\xff", b"\x00", b"\xe9", b"\xc3", b"stylesheet ", b"data-bg="),
        *(b"%", b"//", b"[", b" ", b"<?xml-stylesheet href=", b"<enclosure url=", b"<script src="),
        *(b"<template>", b"<noscript>", b"<object data=", b"<iframe src=", b"{", b"}", b"(", b")", b","),
    ]
)  # fmt: skip
MESS = st.lists(TOKENS, max_size=25).map(b"".join) | st.binary(max_size=60)
MIMES = st.sampled_from(
    ["text/html", "text/css", "text/xml", "image/svg+xml", "application/manifest+json", ""]
)


@given(MESS, MIMES, st.none() | st.binary(max_size=30))
def test_whatever_a_server_sends_is_read(body: bytes, mime: str, content_type: bytes | None) -> None:
    charset = charset_of(content_type, body)
    for url, kind in links(body, "http://wiki.example/fr/", mime, charset):
        assert canonical(url) == url
        assert kind in ("page", "requisite", "feed")
