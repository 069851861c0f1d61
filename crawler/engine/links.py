"""What a page names: links to follow, requisites to show it with, feeds.

One function a kind of document; every address comes out canonical, without session ids, once. Never raises
on what a server sends. `nofollow` is not obeyed: DokuWiki marks its newest pages so.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Literal

from selectolax.lexbor import LexborHTMLParser

from crawler.canonical import canonical, without_session
from crawler.engine.charset import charset_of

__all__ = ["charset_of", "deep", "links"]

Kind = Literal["page", "requisite", "feed"]

# --- where things are: tag → attributes and what their addresses are for

_LISTS = frozenset(("srcset", "imagesrcset", "data-srcset", "data-lazy-srcset"))
_PICTURE = (
    *("src", "srcset", "data-src", "data-srcset", "data-original"),
    *("data-lazy", "data-lazy-src", "data-lazy-srcset"),
)
_TAGS: dict[str, tuple[tuple[str, Kind], ...]] = {
    tag: tuple(
        (name, "page" if tag in ("area", "iframe", "frame") or name == "longdesc" else "requisite")
        for name in names
    )
    for tags, names in (
        (("area",), ("href",)),
        (("iframe",), ("src", "data-src")),
        (("frame", "script", "track", "embed", "input"), ("src",)),
        (("img",), (*_PICTURE, "longdesc")),
        (("source",), _PICTURE),
        (("video", "audio"), ("src", "poster", "data-src")),
        (("image", "use", "feimage"), ("href", "xlink:href", "src")),
        (("body", "table", "tr", "td", "th"), ("background",)),
        (("div", "section", "figure"), ("data-bg", "data-background")),
        (("object",), ("data",)),
    )
    for tag in tags
}
_REQUISITE_RELS = frozenset(
    (
        *(
            "stylesheet",
            "icon",
            "apple-touch-icon",
            "apple-touch-icon-precomposed",
            "apple-touch-startup-image",
        ),
        *("mask-icon", "fluid-icon", "image_src", "manifest", "preload", "modulepreload", "search"),
    )
)
_PAGE_RELS = frozenset(
    (
        *("canonical", "next", "prev", "previous", "first", "last", "start", "home", "contents", "index"),
        *("up", "top", "chapter", "section", "license", "copyright", "help", "author", "archives"),
    )
)
_FEED_TYPES = frozenset(
    ("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json")
)
_META_IMAGES = frozenset(
    (
        *("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"),
        *("msapplication-tileimage", "msapplication-config", "thumbnail"),
    )
)
_REFRESH = re.compile(r"\s*[\d.]*\s*[\s;,]\s*(?:url\s*=\s*)?[\"']?([^\"']+)", re.IGNORECASE)

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_URL = re.compile(
    r"@namespace[^;]*;"
    r"|@import\s+[\"']([^\"'\n]*)"
    r"|url\(\s*(?:\"([^\"\n]*)\"|'([^'\n]*)'|((?:\\[0-9a-f]{1,6}\s?|\\.|[^\"'()\s\\])+))\s*\)"
    r"|image-set\(((?:[^()\"']|\"[^\"\n]*\"|'[^'\n]*'|\([^()]*\))*)\)",
    re.IGNORECASE,
)
_CSS_STRING = re.compile(r"(?<!type\()[\"']([^\"'\n]+)[\"']")
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)

_XML_ROOT = re.compile(r"<\s*(?:\w+:)?(rss|feed|rdf|urlset|sitemapindex|svg|html)[\s>/:]", re.IGNORECASE)
_STYLESHEET = re.compile(r"<\?xml-stylesheet\s[^<>]{0,200}?href\s*=\s*[\"']([^\"'<>]*)", re.IGNORECASE)
_ELEMENT = re.compile(
    r"<(?:\w+:)?(link|loc|url|guid|icon|logo|enclosure|content|thumbnail|image)((?:\s[^<>]*)?)>"
    r"(?:\s*(?:<!\[CDATA\[)?\s*([^<\]\s]+))?",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"([\w:]+)\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")
_UNCLOSED = 1000
_MARKUP_MIMES = frozenset({"text/html", "application/xhtml+xml", ""})


def links(
    body: bytes, url: str, mime: str, charset: str, named: Named | None = None
) -> Iterator[tuple[str, Kind]]:
    """(canonical URL, kind) of everything a document names, each pair once, in the order found.

    named: with it, what it remembers is left out, and what is found here is remembered.

    body: decoded of its content coding. url: canonical, of the document. mime: lower case, without
    parameters, "" when there was none. charset: a Python codec, see `charset_of`.
    kind: "page" (may lead on), "requisite" (needed to show this one), "feed". Fragments of the document
    itself are left out; so are forms, which are for people to send.
    """
    found = _Found(url, charset, named)
    read = _reader(body, url, mime)
    if read:
        read(body, found)
    return iter(found.pairs)


def _reader(body: bytes, url: str, mime: str) -> Callable[[bytes, _Found], None] | None:
    if mime == "text/css":
        return _from_stylesheet
    if mime in ("application/manifest+json", "application/x-web-app-manifest+json"):
        return _from_manifest
    if mime in ("application/json", "text/plain", "application/octet-stream"):
        name = url.partition("?")[0].rpartition("/")[2]
        return _from_manifest if name in ("manifest.json", "manifest.php", "site.webmanifest") else None
    if mime == "text/xml" or mime.endswith(("/xml", "+xml")) or mime in _MARKUP_MIMES:
        if mime == "text/html" and body[:9].lower() == b"<!doctype":
            return _from_html
        root = _XML_ROOT.search(body[:2000].decode("latin-1").replace("\x00", ""))
        kind = root[1].lower() if root else ""
        if kind in ("rss", "feed", "rdf", "urlset", "sitemapindex"):
            return _from_sitemap if kind in ("urlset", "sitemapindex") else _from_feed
        if mime in ("text/html", "application/xhtml+xml") or kind == "html":
            return _from_html
        if mime:
            return _from_xml
        return _from_html if body[:200].lstrip()[:1] == b"<" else None
    return None


# --- HTML


def _from_html(body: bytes, find: _Found, *, favicon: bool = True) -> None:
    if find.charset != "utf-8":
        body = body.decode(find.charset, "replace").encode()
    if b"<?xml-stylesheet" in body[:2000]:
        _from_processing(body.decode("utf-8", "replace"), find)
    icon = False
    if deep(body):
        starts = body.split(b"<")
        for n in range(0, len(starts), _UNCLOSED):
            icon = _from_tree(b"<" + b"<".join(starts[n : n + _UNCLOSED]), find) or icon
    else:
        icon = _from_tree(body, find)
    if favicon and not icon:
        find("/favicon.ico", "requisite")


def deep(body: bytes) -> bool:
    """Whether elements may be nested so deep that Lexbor would hang: its time grows with the square of it."""
    if len(body) < 32_000 or body.count(b"<") < 4000:
        return False
    unclosed = 0
    for start in range(0, len(body), 1 << 13):
        block = body[start : start + (1 << 13)]
        unclosed += block.count(b"<") - 2 * block.count(b"</")
        if unclosed > _UNCLOSED:
            return True
    return False


def _from_tree(body: bytes, find: _Found) -> bool:
    """Take what the elements name; says whether the site's icon was among it."""
    tree = LexborHTMLParser(body)
    styled = _mentions_url(body)
    icon = based = False
    for node in tree.root.traverse(include_text=False) if tree.root else ():
        tag = node.tag
        if tag == "a":
            attributes = node.attributes
            if target := attributes.get("href") or attributes.get("xlink:href"):
                find(target, "page")
        elif tag in _TAGS:
            attributes = node.attributes
            for name, kind in _TAGS[tag]:
                if not (target := attributes.get(name)):
                    continue
                if name == "href" or name == "src":
                    find(target, kind)
                else:
                    find.attribute(name, target, kind)
        elif tag == "link":
            icon = _from_link(node.attributes, find) or icon
        elif tag == "meta":
            _from_meta(node.attributes, find)
        elif tag == "style":
            _from_css(node.text(), find)
        elif tag == "base" and not based and (target := node.attributes.get("href")):
            based = True
            find.relative_to(target)
        if styled and (style := node.attributes.get("style")):
            _from_css(style, find)
    return icon


def _mentions_url(body: bytes) -> bool:
    """Whether "url(" stands anywhere, in any case: far faster than looking for it in lower case."""
    at = body.find(b"(")
    while at >= 0:
        if body[max(at - 3, 0) : at].lower() == b"url":
            return True
        at = body.find(b"(", at + 1)
    return False


def _from_link(attributes: dict[str, str | None], find: _Found) -> bool:
    """Take what a <link> names; says whether it was the site's icon."""
    kind = _link_kind(attributes)
    if kind:
        for name in ("href", "imagesrcset"):
            find.attribute(name, attributes.get(name), kind)
    return kind == "requisite" and "icon" in (attributes["rel"] or "").lower()


def _link_kind(attributes: dict[str, str | None]) -> Kind | None:
    """What a <link> is for; None: a name, an edit form, another format, nothing to fetch."""
    relations = (attributes.get("rel") or "").lower().split()
    if not _REQUISITE_RELS.isdisjoint(relations):
        return "requisite"
    if "alternate" in relations:
        if (attributes.get("type") or "").partition(";")[0].strip().lower() in _FEED_TYPES:
            return "feed"
        return "page" if "hreflang" in attributes or "media" in attributes else None
    return None if _PAGE_RELS.isdisjoint(relations) else "page"


def _from_meta(attributes: dict[str, str | None], find: _Found) -> None:
    content = attributes.get("content") or ""
    name = (attributes.get("property") or attributes.get("name") or "").strip().lower()
    if name in _META_IMAGES and content:
        find(content, "requisite")
    elif (attributes.get("http-equiv") or "").strip().lower() == "refresh":
        found = _REFRESH.match(content)
        if found:
            find(found[1], "page")


def _address_like(value: str) -> bool:
    """Scripts keep more than addresses in data- attributes."""
    return len(value) < 2000 and value[0] not in "{[<" and ("/" in value or "." in value) and " " not in value


def _candidates(text: str) -> Iterator[str]:
    """The addresses of a srcset."""
    expecting = True
    for word in text.split():
        if expecting:
            word = word.lstrip(",")
            if word.rstrip(","):
                yield word.rstrip(",")
                expecting = word.endswith(",")
        elif "," in word:
            rest = word.rpartition(",")[2] if "(" not in word else ""
            if rest:
                yield rest
            expecting = not rest


# --- CSS


def _from_stylesheet(body: bytes, find: _Found) -> None:
    _from_css(body.decode(find.charset, "replace"), find)


def _from_css(text: str, find: _Found) -> None:
    if "/*" in text:
        text = _CSS_COMMENT.sub(" ", text)
    if "(" not in text and "@" not in text:
        return
    for found in _CSS_URL.finditer(text):
        images = found[5]
        if images is not None:
            _from_css(images, find)
            targets = _CSS_STRING.findall(re.sub(r"url\([^)]*\)", " ", images))
        else:
            targets = [found[1] or found[2] or found[3] or found[4] or ""]
        for target in targets:
            if "\\" in target:
                target = _CSS_ESCAPE.sub(_unescape, target)
            find(target, "requisite")


def _unescape(found: re.Match[str]) -> str:
    if not found[1]:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


# --- XML, feeds, sitemaps, manifests


def _from_processing(text: str, find: _Found) -> None:
    for target in _STYLESHEET.findall(text):
        find(html.unescape(target), "requisite")


def _from_xml(body: bytes, find: _Found) -> None:
    """SVG and any other XML: its stylesheets and what it draws."""
    _from_html(body, find, favicon=False)


def _from_feed(body: bytes, find: _Found) -> None:
    text = body.decode(find.charset, "replace")
    _from_processing(text, find)
    in_image = False
    for found in _ELEMENT.finditer(text):
        name, attributes, content = found[1].lower(), _attributes(found[2]), html.unescape(found[3] or "")
        if name == "image":
            in_image = True
            find(attributes.get("href", ""), "requisite")
        elif name == "link":
            relation = attributes.get("rel", "alternate").lower()
            if relation in (
                "self",
                "next",
                "previous",
                "prev",
                "first",
                "last",
                "prev-archive",
                "next-archive",
            ):
                find(attributes.get("href", ""), "feed")
            elif relation in ("alternate", "enclosure", "related", "via"):
                find(attributes.get("href") or content, "page")
        elif name == "enclosure" or (name == "content" and "url" in attributes):
            find(attributes.get("url", ""), "page")
        elif name == "guid" and attributes.get("ispermalink", "true").lower() == "true":
            if content.startswith(("http://", "https://")):
                find(content, "page")
        elif name in ("icon", "logo") or (name == "url" and in_image):
            in_image = False
            find(content, "requisite")
        elif name == "thumbnail":
            find(attributes.get("url", ""), "requisite")


def _from_sitemap(body: bytes, find: _Found) -> None:
    text = body.decode(find.charset, "replace")
    _from_processing(text, find)
    for found in _ELEMENT.finditer(text):
        if found[1].lower() == "loc" and found[3]:
            image = found[0].lower().startswith("<image:")
            find(html.unescape(found[3]), "requisite" if image else "page")
        elif found[1].lower() == "link":
            find(_attributes(found[2]).get("href", ""), "page")


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): html.unescape(a or b) for name, a, b in _ATTRIBUTE.findall(text)}


def _from_manifest(body: bytes, find: _Found) -> None:
    try:
        manifest = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return
    if not isinstance(manifest, dict):
        return
    if isinstance(start := manifest.get("start_url"), str):
        find(start, "page")
    for key in ("icons", "screenshots"):
        pictures = manifest.get(key)
        for picture in pictures if isinstance(pictures, list) else ():
            if isinstance(picture, dict) and isinstance(source := picture.get("src"), str):
                find(source, "requisite")


# --- addresses


class Named:
    """Addresses that documents of one folder named before, as they stand there: the same few on every page.

    Bounded: everything is forgotten when `size` are remembered.
    """

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        self._folders: dict[tuple[str, str], dict[Kind, set[str]]] = {}

    def of(self, folder: str, charset: str) -> dict[Kind, set[str]]:
        """What documents in this folder named, by kind; to be added to."""
        before = self._folders.get((folder, charset))
        if before is None:
            if sum(len(some) for kinds in self._folders.values() for some in kinds.values()) > self._size:
                self.forget()
            before = self._folders[folder, charset] = {"page": set(), "requisite": set(), "feed": set()}
        elif len(before["page"]) > self._size:
            before["page"].clear()
        return before

    def forget(self) -> None:
        """Everything: what was named may not have been taken in."""
        self._folders.clear()


class _Found:
    """What one document names so far; called with each address as it stands there."""

    __slots__ = ("_before", "_folder", "_named", "_page", "charset", "pairs")

    def __init__(self, url: str, charset: str, named: Named | None) -> None:
        self.pairs: dict[tuple[str, Kind], None] = {}
        self.charset = charset
        self._named = named
        self._before: dict[Kind, set[str]] | None = None
        self._page = self._folder = ""
        self.relative_to(url)

    def relative_to(self, base: str) -> None:
        """From here on addresses are relative to this one; ignored if it is none."""
        url = canonical(base, self._page or None)
        if url:
            self._page = url.partition("?")[0]
            self._folder = self._page[: self._page.rindex("/") + 1]
            if self._named is not None:
                self._before = self._named.of(self._folder, self.charset)

    def __call__(self, target: str, kind: Kind) -> None:
        if self._before is not None and target[:1] != "?":
            before = self._before[kind]
            if target in before:
                return
            before.add(target)
        if target[:1] in _ODD:
            target = target.strip()
            if target[:1] in ("", "#"):
                return
        url = _resolved(self._page if target[0] == "?" else self._folder, target, self.charset)
        if url:
            self.pairs[url, kind] = None

    def attribute(self, name: str, value: str | None, kind: Kind) -> None:
        """Take the value of an attribute: one address, or several when its name says so."""
        if not value:
            return
        if name in _LISTS:
            for target in _candidates(value):
                self(target, kind)
        elif name[:5] != "data-" or _address_like(value):
            self(value, kind)


_ODD = frozenset(("", "#", " ", "\t", "\n", "\r", "\f", "\v", "\x00"))


@lru_cache(maxsize=1 << 15)
def _resolved(folder: str, target: str, charset: str) -> str | None:
    # Most links of a site are the same few, seen from the same few folders.
    if target[:5].lower() in ("data:", "javas", "mailt") or len(target) > 10_000:
        return None
    url = canonical(target, folder, charset)
    return without_session(url)[0] if url else None
