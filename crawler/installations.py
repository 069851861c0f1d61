"""The software installations found on a site: which of them an address or a page belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from crawler.frontier import Frontier, Json
from crawler.scope import Place
from crawler.sniff import sniff
from crawler.software import OK, Accepted, Classified, Installed, Page, Setting, Software
from crawler.software.registry import build, software

_LOOKED_AT = 20  # pages of a host
_FOLDER = 3  # pages of each top folder looked at beyond those


class Installations:
    """What is installed where; kept with the crawl, so that a resumed one knows it from the start.

    added: called with each installation that is new, once. sniffed: called with the name of a software that
    a page bears marks of, whether or not its base could be told.
    """

    def __init__(
        self, frontier: Frontier, added: Callable[[Software], None], sniffed: Callable[[str], None]
    ) -> None:
        self._frontier = frontier
        self._added = added
        self._sniffed = sniffed
        self._all: list[Software] = []
        self._looked: dict[str, int] = {}
        self._latest: tuple[Page, str | None, Installed | None] | None = None
        for one in cast("list[dict[str, Json]]", frontier.fact("installations") or []):
            settings = cast("dict[str, str]", one["settings"])
            self._put(build(Installed(str(one["name"]), str(one["base"]), settings)))

    def __iter__(self) -> Iterator[Software]:
        return iter(self._all)

    def owner(self, url: str) -> Software | None:
        """The installation a URL lies under: of the longest base."""
        return next((one for one in self._all if url.startswith(one.base)), None)

    def classify(self, url: str) -> tuple[Software, Classified] | None:
        """What a URL is to the installation it lies under; None when it is nobody's."""
        for one in self._all:
            if url.startswith(one.base) and (found := one.classify(url)) is not None:
                return one, found
        return None

    def accept(self, page: Page) -> Accepted:
        """What its software says of a page; whatever nobody claims is what it is.

        The page that gives an installation away may be its login wall: it is asked before it is taken in.
        """
        found = self.classify(page.url)
        if found is None and self._looks_at(page) and (installed := self._recognised(page)[1]):
            one = build(installed)
            found = (one, place) if (place := one.classify(page.url)) else None
        return found[0].accept(page) if found else OK

    def add(self, installed: Installed) -> bool:
        """Take in an installation; whether it is new."""
        if any(one.name == installed.name and one.base == installed.base for one in self._all):
            return False
        one = build(installed)
        self._put(one)
        self._save()
        self._added(one)
        return True

    def move(self, one: Software, base: str) -> bool:
        """An installation turns out to lie elsewhere; False when there is one already."""
        if any(other.name == one.name and other.base == base for other in self._all):
            return False
        one.base = base
        self._all.sort(key=lambda other: (-len(other.base), other.name))
        self._save()
        return True

    def look(self, page: Page, owner: Software | None = None) -> bool:
        """Look which software made a page; whether an installation was found that nobody knew of.

        Only the first pages of a host and of each folder at its top are looked at. owner: who claims the
        page: a wiki that rewrites its addresses claims whatever lies under it, other software's pages too.
        """
        if not self._looks_at(page):
            return False
        for place in _places(page):
            self._looked[place] = self._looked.get(place, 0) + 1
        name, installed = self._recognised(page)
        if name:
            self._sniffed(name)
        if (
            owner
            and installed
            and not (installed.base != owner.base and installed.base.startswith(owner.base))
        ):
            return False
        return installed is not None and self.add(installed)

    def _looks_at(self, page: Page) -> bool:
        host, folder = _places(page)
        return self._looked.get(host, 0) < _LOOKED_AT or self._looked.get(folder, 0) < _FOLDER

    def _recognised(self, page: Page) -> tuple[str | None, Installed | None]:
        """The name a page bears marks of, and the installation it tells; asked twice of each page."""
        if self._latest is None or self._latest[0] is not page:
            name = sniff(page.body, page.headers)
            installed = software(name).detect(page) if name else None
            if installed is None and page.body.lstrip()[:1] in (b"<", b"{"):
                installed = software("generic").detect(page)
            # A page may say what it likes of another server: that is not the one we were asked to mirror.
            here = installed is not None and Place.of(page.url).same_site(Place.of(installed.base))
            self._latest = (page, name, installed if here else None)
        return self._latest[1:]

    def learn(self, one: Software, setting: Setting) -> None:
        """Remember something learnt about an installation."""
        if one.settings.get(setting.name) != setting.value:
            one.settings[setting.name] = setting.value
            self._save()

    def _put(self, one: Software) -> None:
        self._all.append(one)
        self._all.sort(key=lambda other: (-len(other.base), other.name))

    def _save(self) -> None:
        self._frontier.set_fact(
            "installations",
            [{"name": one.name, "base": one.base, "settings": dict(one.settings)} for one in self._all],
        )


def _places(page: Page) -> tuple[str, str]:
    """The host of a page, and with it the folder at its top; a page beside the front page is in none."""
    host, _, path = page.url.partition("://")[2].partition("?")[0].partition("/")
    folder, inside, _ = path.partition("/")
    return host, f"{host}/{folder if inside else ''}"
