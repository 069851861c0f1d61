"""What a DokuWiki of the tests holds: the truth a crawl is held against, and how the wiki is served."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.sites.dokuwiki_releases import Release
from tests.sites.wiki_host import Mount


@dataclass(frozen=True)
class Revision:
    """One saved version of a page or media file.

    `kind` is DokuWiki's change type: C created, E edited, e minor edit, D deleted, R reverted (`extra` is
    then the time reverted to). `marker` stands in `content` and in no other revision of any site; a deletion
    keeps the last content and so has no marker of its own. `growth` is the size change in bytes.
    """

    time: int
    kind: str
    content: bytes
    marker: str | None
    user: str = ""
    address: str = "192.0.2.7"
    summary: str = ""
    extra: str = ""
    growth: int = 0


@dataclass(frozen=True)
class Page:
    """One page by its id (`ns:name`), revisions oldest first. Gone when the last one is a deletion."""

    id: str
    revisions: tuple[Revision, ...]

    @property
    def gone(self) -> bool:
        return self.revisions[-1].kind == "D"


@dataclass(frozen=True)
class Media:
    """One media file by its id, versions oldest first. Gone when the last one is a deletion."""

    id: str
    versions: tuple[Revision, ...]

    @property
    def gone(self) -> bool:
        return self.versions[-1].kind == "D"


@dataclass(frozen=True)
class Setup:
    """How a wiki is installed: its release, and what its URLs look like (`userewrite`, `useslash`).

    settings: further lines of local.php; acl: of acl.auth.php.
    """

    release: Release
    rewrite: int = 0
    slash: bool = False
    settings: tuple[str, ...] = ()
    acl: str = ""


@dataclass(frozen=True)
class DokuWiki:
    """What a wiki holds, and where each thing is to be asked for.

    `path` ("/wikhan/") is the wiki's base on its host; `data` its data folder. `pages` and `media` leave out
    what the `private` ones hold: an anonymous visitor must never see a marker of those.
    """

    path: str
    setup: Setup
    data: Path
    conf: Path
    pages: tuple[Page, ...]
    media: tuple[Media, ...]
    private: tuple[Page | Media, ...]

    def page(self, id: str) -> Page:
        return next(page for page in self.pages if page.id == id)

    def page_path(self, id: str, **query: str | int) -> str:
        """Path and query of a page's view, as the wiki itself links it."""
        return self._address("{}", "doku.php", "id", id, query)

    def raw_path(self, id: str, **query: str | int) -> str:
        """Path and query of a page's source (`do=export_raw`)."""
        if self.setup.rewrite == 0:
            return self._address("{}", "doku.php?do=export_raw", "id", id, query)
        if self.setup.rewrite == 2:
            return self._address("{}", "doku.php", "id", id, {"do": "export_raw", **query})
        return self._address("_export/raw/{}", "", "", id, query)

    def media_path(self, id: str, **query: str | int) -> str:
        """Path and query of a media file in full size."""
        return self._address("_media/{}", "lib/exe/fetch.php", "media", id, query)

    def _address(self, pretty: str, script: str, name: str, id: str, query: dict[str, str | int]) -> str:
        quoted = urllib.parse.quote(id, safe=":_-.")
        if self.setup.slash and self.setup.rewrite:
            quoted = quoted.replace(":", "/")
        more = urllib.parse.urlencode(query)
        if self.setup.rewrite == 0:
            mark = "&" if "?" in script else "?"
            return f"{self.path}{script}{mark}{name}={quoted}" + (f"&{more}" if more else "")
        path = pretty.format(quoted) if self.setup.rewrite == 1 else f"{script}/{quoted}"
        return f"{self.path}{path}" + (f"?{more}" if more else "")

    def current_markers(self) -> dict[str, str]:
        """Marker → page id, for every page there is now."""
        last = {page.id: page.revisions[-1].marker for page in self.pages if not page.gone}
        return {marker: id for id, marker in last.items() if marker}

    def markers(self) -> set[str]:
        """Every public marker: of all revisions of all pages, of all versions of all files."""
        pages = {revision.marker for page in self.pages for revision in page.revisions}
        files = {version.marker for media in self.media for version in media.versions}
        return {marker for marker in pages | files if marker}

    def useful(self) -> int:
        """How many things a visitor could come for: pages, old revisions, files, old versions."""
        lists = [page.revisions for page in self.pages] + [media.versions for media in self.media]
        return sum(map(len, lists))

    def private_markers(self) -> set[str]:
        """Markers no anonymous visitor may ever see."""
        revisions: Iterable[Revision] = (
            revision
            for thing in self.private
            for revision in (thing.revisions if isinstance(thing, Page) else thing.versions)
        )
        return {revision.marker for revision in revisions if revision.marker}

    def locks(self) -> list[str]:
        """Names of the edit locks visitors have taken: a polite crawler leaves none."""
        return sorted(path.name for path in (self.data / "locks").iterdir() if path.suffix == ".lock")

    def mount(self) -> Mount:
        """How a host serves this wiki (as dokuwiki.org's nginx recipe does)."""
        rewrites = _REWRITES if self.setup.rewrite == 1 else ""
        environment = {"DOKU_CONF": f"{self.conf}/", "DOKU_PLUGIN": f"{self.conf}/plugins/"}
        return Mount(self.path, self.setup.release.code, _LOCATIONS + rewrites, environment)


_LOCATIONS = """
    location ~ ^{path}(?:data|conf|bin|inc|vendor)/ { return 403; }
    location ~ ^{path}(?:[^?]*/)?[a-z]+\\.php(?:/|$) {
      fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
      set $info $fastcgi_path_info;
      try_files $fastcgi_script_name =404;
      {php}
      fastcgi_param PATH_INFO $info;
    }
    location {path} { index doku.php; try_files $uri $uri/ @{path}; }
"""

_REWRITES = """
    location @{path} {
      rewrite ^{path}_media/(.*) {path}lib/exe/fetch.php?media=$1 last;
      rewrite ^{path}_detail/(.*) {path}lib/exe/detail.php?media=$1 last;
      rewrite ^{path}_export/([^/]+)/(.*) {path}doku.php?do=export_$1&id=$2 last;
      rewrite ^{path}(.*) {path}doku.php?id=$1 last;
    }
"""
