"""DokuWiki's addresses: one id for every spelling of a page, and the spelling the wiki itself links.

Sources: inc/pageutils.php (getID, cleanID), inc/common.php (wl, ml, exportlink, idfilter), .htaccess.dist.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, unquote, unquote_plus, urlencode

View = Literal[
    "show",  # a page, current or of a revision
    "do",  # a page under another action
    "file",  # a media file
    "detail",  # a media file's own page
    "feed",
    "asset",  # css.php and its like, files of the skin
    "script",  # any other of its programs
]
_ASSETS = frozenset(("css.php", "js.php", "jquery.php", "manifest.php", "opensearch.php"))
_LIB = re.compile(r"lib/(?:exe|images|plugins|scripts|styles|tpl)/")
_EXPORT = re.compile(r"_export/([^/]+)/(.*)", re.DOTALL)
# What may be a file that lies beside the wiki, or a page with such a name
_FILE = re.compile(r"\.(?:css|js|txt|xml|gz|html?|php|ico|png|jpe?g|gif|svg|webp|pdf|zip|json|webmanifest)$")


@dataclass(frozen=True, slots=True)
class Address:
    """What an address asks for. id: cleaned, of the page or file; "" for the start page's.

    action: of "do" ("revisions", "export_raw"; "show" where that stands there). rest: the other parameters.
    namespace: the id ended in a colon: the wiki redirects to the namespace's start page. again: "do=" stands
    there for nothing, as in the links that lead back to the page from its other views. loose: a file beside
    the wiki, perhaps.
    """

    view: View
    id: str = ""
    action: str = ""
    rest: Mapping[str, str] = field(default_factory=dict)
    namespace: bool = False
    again: bool = False
    loose: bool = False


class Addresses:
    """The addresses of one wiki.

    base: ends in "/". rewrite: `userewrite` "0", "1" or "2". slash: `useslash` "0", "1", "" unknown.
    start: id of the start page, "" unknown. folded: `deaccent`, ids have no accents.
    """

    def __init__(self, base: str, rewrite: str, slash: str, start: str, folded: bool = False) -> None:
        self.base, self.rewrite, self.slash, self.start = base, rewrite, slash, start
        self.folded = folded

    # --- reading them

    def parse(self, url: str) -> Address | None:
        """A canonical URL under `base` taken apart; None: not the wiki's."""
        path, _, query = url[len(self.base) :].partition("?")
        rest = _parameters(query)
        script, _, tail = path.partition("/")
        if path in ("", "doku.php", "index.php"):
            return self._page(rest.pop("id", ""), rest)
        if script == "doku.php":
            return self._page(rest.pop("id", "") or unquote(tail), rest)
        if path == "feed.php":
            return Address("feed", rest=rest)
        for prefix, view in _MEDIA:
            if path == prefix.rstrip("/") or path.startswith(prefix):
                if view == "detail":
                    rest.pop("id", "")
                id = rest.pop("media", "") or unquote(path[len(prefix) :])
                return Address(view, self.clean(id), rest=rest)
        if found := _EXPORT.fullmatch(path):
            return self._page(unquote(found[2]), {**rest, "do": f"export_{found[1]}"})
        if _LIB.match(path):
            known = not path.endswith(".php") or path.rpartition("/")[2] in _ASSETS
            return Address("asset" if known else "script", path, rest=rest)
        if self.rewrite != "1":
            return None
        found_page = self._page(rest.pop("id", "") or unquote(path), rest)
        return replace(found_page, loose=bool(_FILE.search(path.lower())))

    def _page(self, id: str, rest: dict[str, str]) -> Address:
        again = rest.get("do") == ""
        action = rest.pop("do", "")
        if not action and "idx" in rest:
            action = "index"
        namespace = id.endswith(":") or (id.endswith("/") and self.slash != "0")
        view: View = "do" if action not in ("", "show") else "show"
        namespace = namespace and id != "/"
        return Address(view, self.clean(id), action, rest, namespace, again)

    def clean(self, id: str) -> str:
        """The id as the wiki stores it (cleanID)."""
        return _clean(fold(id) if self.folded else id, self.slash != "0")

    # --- writing them

    def page(self, id: str, *query: tuple[str, str]) -> str:
        """A page's view, parameters in the order given (wl)."""
        id = id or self.start
        if self.rewrite == "0" or not id:
            return self._with(f"{self.base}doku.php", *((("id", id),) if id else ()), *query)
        folder = "doku.php/" if self.rewrite == "2" else ""
        return self._with(f"{self.base}{folder}{self._spelled(id)}", *query)

    def raw(self, id: str, rev: str = "") -> str:
        """A page's source (exportlink)."""
        more = (("rev", rev),) if rev else ()
        if self.rewrite == "1":
            return self._with(f"{self.base}_export/raw/{self._spelled(id)}", *more)
        if self.rewrite == "2":
            return self.page(id, ("do", "export_raw"), *more)
        return self._with(f"{self.base}doku.php", ("do", "export_raw"), ("id", id), *more)

    def media(self, id: str, rev: str = "") -> str:
        """A media file in full size (ml)."""
        more = (("rev", rev),) if rev else ()
        if self.rewrite == "0":
            return self._with(f"{self.base}lib/exe/fetch.php", *more, ("media", id))
        folder = "_media" if self.rewrite == "1" else "lib/exe/fetch.php"
        return self._with(f"{self.base}{folder}/{self._spelled(id)}", *more)

    def history(self, id: str, first: int = 0) -> str:
        """A page's revisions, without the `first` newest."""
        return self.page(id, ("do", "revisions"), *((("first", str(first)),) if first else ()))

    def index(self, namespace: str = "") -> str:
        """The page index with one namespace open."""
        if not namespace:
            return self.page("", ("do", "index"))
        return self.page("", ("idx", namespace))

    def media_list(self, namespace: str = "") -> str:
        """The media files of one namespace, under the start page."""
        if not namespace:
            return self.page("", ("do", "media"), ("ns", ""))
        return self.page("", ("ns", namespace), ("tab_files", "files"), ("do", "media"))

    def media_history(self, id: str, first: int = 0) -> str:
        """The versions of a media file, under the start page."""
        more = (("first", str(first)),) if first else ()
        named = (("tab_details", "history"), ("ns", id.rpartition(":")[0]), ("image", id), ("do", "media"))
        return self.page("", *named, *more)

    def recent(self, first: int = 0) -> str:
        """Recent changes of pages and media, without the `first` newest."""
        return self.page("", ("do", "recent"), *(((f"first[{first}]", ""),) if first else ()))

    def _spelled(self, id: str) -> str:
        return quote(id.replace(":", "/") if self.slash == "1" else id, safe=":/_-.~")

    def _with(self, address: str, *query: tuple[str, str]) -> str:
        if not query:
            return address
        # As PHP writes them: the page's own id keeps its colons, all other values do not.
        first, *rest = query
        told = [f"{first[0]}={quote(first[1], safe=':_-.~')}"] if first[0] == "id" else []
        told += [
            f"{name}={quote(value, safe=':_-.~')}" if name in ("media", "id") else urlencode({name: value})
            for name, value in (rest if told else query)
        ]
        return f"{address}?{'&'.join(told)}"


_MEDIA: tuple[tuple[str, View], ...] = (
    ("lib/exe/fetch.php/", "file"),
    ("lib/exe/detail.php/", "detail"),
    ("_media/", "file"),
    ("_detail/", "detail"),
)


def _parameters(query: str) -> dict[str, str]:
    """Parameters by name, the last of a name wins as in PHP; `do[recent]=1` reads as do=recent."""
    found = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        if name.startswith("do["):
            name, value = "do", name[3:].rstrip("]")
        found[name] = value
    return found


def fold(id: str) -> str:
    """Without accents (inc/Utf8/tables/loweraccents.php)."""
    return id if id.isascii() else "".join(map(_folded, id.lower()))


def _folded(char: str) -> str:
    if char in _LETTERS:
        return _LETTERS[char]
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() else char


_LETTERS = {
    **{"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "dh"},
    **{"þ": "th", "ħ": "h", "ŧ": "t", "ı": "i", "ƒ": "f", "µ": "u"},
}


@lru_cache(maxsize=1 << 14)
def _clean(id: str, slash: bool) -> str:
    id = id.strip().lower().replace(";", ":").replace("/", ":" if slash else "_")
    id = "".join(map(_letter, id))
    id = re.sub(r"_+", "_", id)
    id = re.sub(r":+", ":", id).strip(":._-")
    return re.sub(r"[:._-]*:[:._-]*", ":", id)


def _letter(char: str) -> str:
    if char.isascii():
        return char if char.isalnum() or char in ":._-" else "_"
    return char if unicodedata.category(char)[0] in "LMN" else "_"
