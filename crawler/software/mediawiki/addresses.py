"""The addresses of one MediaWiki: where it shows a page, where it answers programs, and back again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

from crawler.software.mediawiki.titles import FILE, Namespaces, encoded

SPECIALS = (
    *("Allpages", "Categories", "Export", "Listfiles", "Recentchanges", "Specialpages"),
    *("Statistics", "Version"),
)
"""Special pages that are kept or asked, by the names MediaWiki's code gives them."""
_LENGTH = 1900  # of an address; some servers and our own scope end at 2000
_STORED = re.compile(r"/(archive/)?([0-9a-f])/(\2[0-9a-f])/([^/?]+)(?:\?[^?]*)?$")
_THUMB = re.compile(r"/thumb/(?:archive/)?[0-9a-f]/[0-9a-f]{2}/[^/]+/[^/]+$|/thumb\.php(?:[/?]|$)")
# Where an article is /Title, the wiki's own folders and other software lie beside it.
_NO_ARTICLE = re.compile(
    r"(?:images|skins|extensions|resources|includes|maintenance|vendor|static|cache)/"
    r"|(?:.*/)?[^/]*\.(?:php5?|txt|ico)(?:/|$)"
)


class View(NamedTuple):
    """A page and how it is to be shown. namespace, title: see `Namespaces.split`."""

    namespace: int
    title: str
    query: dict[str, str]


@dataclass(frozen=True)
class Addresses:
    """script: the folder of index.php and api.php, ends in "/". article: an address with $1 for the title.

    front: the title of the page that is shown at the server's root ("" if none is). specials: name in the
    code → full title in the wiki's language.
    """

    script: str
    article: str
    namespaces: Namespaces = field(default_factory=Namespaces)
    front: str = ""
    specials: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Addresses:
        """As the settings of an installation tell; see `Setting`s in `reading` and `detection`."""
        spaces = settings.get("namespaces")
        namespaces = Namespaces.of(spaces) if spaces else Namespaces().called(-1, settings.get("special", ""))
        specials = {name: settings[f"special:{name}"] for name in SPECIALS if f"special:{name}" in settings}
        return cls(settings["script"], settings["article"], namespaces, settings.get("front", ""), specials)

    @property
    def base(self) -> str:
        """The shortest folder that all of it lies under, ends in "/"."""
        return common_folder(self.script, self.article.partition("$1")[0])

    # --- to

    def page(self, title: str) -> str:
        """Where the wiki itself links a page."""
        if self.front and title == self.front:
            return "/".join(self.script.split("/", 3)[:3]) + "/"
        return self.article.replace("$1", encoded(title))

    def index(self, title: str, **query: str) -> str:
        """A page shown in another way."""
        more = "&" + urlencode(query, quote_via=quote) if query else ""
        return f"{self.script}index.php?title={encoded(title)}{more}"

    def special(self, name: str, **query: str) -> str:
        """A special page; the wiki redirects to its own name for it where that is not known yet."""
        return self.index(self.specials.get(name, f"Special:{name}"), **query)

    def api(self, **query: str) -> str:
        """A question to the interface for programs."""
        fixed = {"action": "query", "format": "json", "formatversion": "2"}
        return f"{self.script}api.php?{urlencode({**fixed, **query}, quote_via=quote, safe='*')}"

    def exports(self, titles: Sequence[tuple[str, int]], budget: int) -> Iterator[str]:
        """Addresses that bring pages with their whole history, as few as lengths and weights allow.

        titles: with a weight each; those of one address stay within the budget (but for a single one).
        """
        batch, length, weight = list[str](), 0, 0
        room = _LENGTH - len(self.special("Export", pages="", history="1"))
        for title, size in titles:
            cost = len(quote(title, safe="")) + 3
            if batch and (length + cost > room or weight + size > budget):
                yield self.export(batch)
                batch, length, weight = [], 0, 0
            batch.append(title)
            length, weight = length + cost, weight + size
        if batch:
            yield self.export(batch)

    def export(self, titles: Sequence[str]) -> str:
        """The address that brings these pages with their whole history."""
        return self.special("Export", pages="\n".join(titles), history="1")

    # --- from

    def view(self, url: str) -> View | None:
        """What a canonical URL shows; None for what is no view of a page (title "": the front page)."""
        index = self.script + "index.php"
        if url.startswith(index) and url[len(index) : len(index) + 1] in ("", "/", "?"):
            path, _, query = url[len(index) :].partition("?")
            return self._view(path[1:], query)
        start = self.article.partition("$1")[0]
        if self.front and url == self.page(self.front):
            return self._view(encoded(self.front), "")
        if "?" in start or not url.startswith(start):
            return None
        path, _, query = url[len(start) :].partition("?")
        if start == self.base and _NO_ARTICLE.match(path):
            return None
        return self._view(path, query)

    def _view(self, path: str, query: str) -> View:
        given = dict(parse_qsl(query, keep_blank_values=True))
        title = given.pop("title", "")
        return View(*self.namespaces.split(unquote(path) or title), given)  # WebRequest::interpolateTitle

    def file(self, name: str) -> str:
        """The page about a file, of which `name` is the stored name."""
        return self.namespaces.split(f"{self.namespaces[FILE].name}:{name}")[1]


def stored_file(url: str) -> str:
    """The name of the file version that lies at an address, "" when there is none.

    "Forêt.png" for the current one, "20260101000000!Forêt.png" for an old one. The folder is the start of a
    digest of the name (includes/filerepo/FileRepo.php getHashPathForLevel): nothing else looks like that.
    """
    found = _STORED.search(url)
    if found is None:
        return ""
    old, first, both, name = found.groups()
    name = unquote(name)
    current = name.partition("!")[2] if old else name
    digest = hashlib.md5(current.encode(), usedforsecurity=False).hexdigest()
    return name if digest.startswith(both) and both[0] == first else ""


def is_thumb(url: str) -> bool:
    """Whether another size of a picture lies there."""
    return _THUMB.search(url) is not None


def common_folder(one: str, other: str) -> str:
    """The longest folder that both URLs of one server lie under."""
    folder = one[: one.rindex("/") + 1]
    while not other.startswith(folder) and folder.count("/") > 3:
        folder = folder[: folder.rstrip("/").rindex("/") + 1]
    return folder
