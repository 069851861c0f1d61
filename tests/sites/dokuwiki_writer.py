"""Writes a DokuWiki's data in its own file formats, and remembers what it wrote: the truth of the tests.

Sources of the formats: inc/ChangeLog, inc/pageutils.php.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import struct
import urllib.parse
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.sites.dokuwiki_releases import Release
from tests.sites.wiki_host import Mount

DAY = 86_400
SPRING = 1_617_235_200  # 2021-04-01T00:00:00Z, when most pages of the wikis were written


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


class Writer:
    """Writes one wiki's `conf/` and `data/` and remembers what it wrote."""

    def __init__(self, folder: Path, name: str, setup: Setup) -> None:
        self.name, self.setup = name, setup
        self.data, self.conf = folder / name / "data", folder / name / "conf"
        self.pages: list[Page] = []
        self.files: list[Media] = []
        self.private: list[Page | Media] = []
        for part in _DATA_FOLDERS:
            (self.data / part).mkdir(parents=True)
        self.conf.mkdir()
        (self.conf / "local.php").write_text(_local_php(name, self.data, setup))
        for given in ("plugins.php", "plugins.required.php"):
            shutil.copy(setup.release.conf / given, self.conf)
        # As on many wikis of the kind we mirror, anybody may edit: following an edit link takes a lock.
        (self.conf / "acl.auth.php").write_text(f"# <?php exit()?>\n*\t@ALL\t8\n{setup.acl}")
        (self.conf / "users.auth.php").write_text("# <?php exit()?>\n")
        (self.conf / "plugins").mkdir()
        for plugin in setup.release.plugins.iterdir():
            (self.conf / "plugins" / plugin.name).symlink_to(plugin)
        (self.conf / "plugins" / "agenda").mkdir()
        (self.conf / "plugins" / "agenda" / "syntax.php").write_text(_AGENDA)

    def page(
        self,
        id: str,
        *texts: str,
        at: int | None = None,
        deleted: bool = False,
        reverted: bool = False,
        bare: bool = False,
        private: bool = False,
    ) -> None:
        """Write a page whose revisions have these texts, each with a marker of its own added.

        at: time of the last. deleted: afterwards. reverted: afterwards to the first. bare: the last text
        stands there as it is, without a marker.
        """
        first = SPRING + len(self.pages) * DAY if at is None else at - (len(texts) - 1) * DAY
        revisions: list[Revision] = []
        before = 0
        for number, text in enumerate(texts):
            marker = None if bare and number == len(texts) - 1 else self._marker(id, number)
            content = f"{text}\n{marker}\n".encode() if marker else text.encode()
            kind = "C" if number == 0 else "e" if number % 10 == 9 else "E"
            revisions.append(
                Revision(
                    time=first + number * DAY,
                    kind=kind,
                    content=content,
                    marker=marker,
                    user="zoé" if number % 3 else "",
                    summary="créée" if number == 0 else f"résumé n° {number} : l'été",
                    growth=len(content) - before,
                )
            )
            before = len(content)
        time = revisions[-1].time + DAY
        if reverted:
            old = revisions[0]
            revisions.append(
                replace(old, time=time, kind="R", marker=None, extra=str(old.time), summary="restaurée")
            )
        if deleted:
            last = revisions[-1]
            revisions.append(Revision(time, "D", last.content, None, summary="supprimée", growth=-before))
        page = Page(id, tuple(revisions))
        current = None if page.gone else self.data / "pages" / f"{_file_name(id)}.txt"
        for revision in revisions:
            # mtime=0: the same wiki is the same bytes every time it is written.
            attic = self.data / "attic" / f"{_file_name(id)}.{revision.time}.txt.gz"
            _write(attic, gzip.compress(revision.content, mtime=0), revision.time)
        if current is not None:
            _write(current, revisions[-1].content, revisions[-1].time)
        self._changes(f"meta/{_file_name(id)}.changes", id, revisions)
        if private:
            self.private.append(page)
        else:
            self.pages.append(page)

    def media(self, id: str, *kinds: str, private: bool = False, deleted: int = 0) -> None:
        """Write a media file whose versions are of these kinds (`png`, `pdf`); deleted: when, 0 for never."""
        versions: list[Revision] = []
        for number, kind in enumerate(kinds):
            marker = self._marker(f"media:{id}", number)
            content = png(marker, shade=64 * number) if kind == "png" else pdf(marker)
            time = SPRING + (50 + 10 * number) * DAY
            grown = len(content) - (len(versions[-1].content) if versions else 0)
            versions.append(
                Revision(time, "E" if number else "C", content, marker, summary="téléversé", growth=grown)
            )
        *before, current = versions
        base, extension = _file_name(id).rsplit(".", 1)
        for old in versions if deleted else before:
            _write(self.data / "media_attic" / f"{base}.{old.time}.{extension}", old.content, old.time)
        if deleted:
            versions.append(Revision(deleted, "D", b"", None, summary="enlevé", growth=-len(current.content)))
        else:
            _write(self.data / "media" / _file_name(id), current.content, current.time)
        self._changes(f"media_meta/{_file_name(id)}.changes", id, versions)
        media = Media(id, tuple(versions))
        if private:
            self.private.append(media)
        else:
            self.files.append(media)

    def done(self, path: str) -> DokuWiki:
        """Write the wiki-wide logs of recent changes (`do=recent` reads them) and hand over the truth.

        DokuWiki's tasks keep a week of them; here everything of 2021 has left them.
        """
        private_pages = [thing for thing in self.private if isinstance(thing, Page)]
        private_media = [thing for thing in self.private if isinstance(thing, Media)]
        recent = [(page.id, r) for page in [*self.pages, *private_pages] for r in page.revisions]
        files = [(media.id, r) for media in [*self.files, *private_media] for r in media.versions]
        for log, entries in (("_dokuwiki.changes", recent), ("_media.changes", files)):
            kept = [(id, r) for id, r in entries if r.time > SPRING + 365 * DAY]
            lines = [_line(id, r) for id, r in sorted(kept, key=lambda entry: entry[1].time)]
            (self.data / "meta" / log).write_text("".join(lines), "utf-8")
        return DokuWiki(
            path,
            self.setup,
            self.data,
            self.conf,
            tuple(self.pages),
            tuple(self.files),
            tuple(self.private),
        )

    def _marker(self, what: str, number: int) -> str:
        # Hexadecimal only: DokuWiki's typography turns "64x48" and "--" into other characters.
        return "mark" + hashlib.sha1(f"{self.name}/{what}/{number}".encode()).hexdigest()[:16]

    def _changes(self, path: str, id: str, revisions: Iterable[Revision]) -> None:
        file = self.data / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(_line(id, revision) for revision in revisions), "utf-8")


_DATA_FOLDERS = (
    *("attic", "cache", "index", "locks", "media", "media_attic", "media_meta", "meta", "pages", "tmp"),
    "log",
)


def _local_php(title: str, data: Path, setup: Setup) -> str:
    more = "\n".join(setup.settings)
    return f"""<?php
$conf['title'] = '{title}';
$conf['savedir'] = '{data}';
$conf['useacl'] = 1;
$conf['deaccent'] = 0;
$conf['userewrite'] = {setup.rewrite};
$conf['useslash'] = {int(setup.slash)};
$conf['updatecheck'] = 0;
{more}
"""


# A page with ~~AGENDA~~ links to the month before and after, as calendar plugins do: without end.
_AGENDA = """<?php
class syntax_plugin_agenda extends \\dokuwiki\\Extension\\SyntaxPlugin {
    public function getType() { return 'substition'; }
    public function getSort() { return 155; }
    public function connectTo($mode) {
        $this->Lexer->addSpecialPattern('~~AGENDA~~', $mode, 'plugin_agenda');
    }
    public function handle($match, $state, $pos, Doku_Handler $handler) { return []; }
    public function render($mode, Doku_Renderer $renderer, $data) {
        global $ID, $INPUT;
        if ($mode !== 'xhtml') return false;
        $renderer->nocache();
        $month = $INPUT->int('mois', 24311);
        foreach ([$month - 1, $month + 1] as $other) {
            $renderer->doc .= '<a href="' . wl($ID, ['mois' => $other]) . '">' . $other . '</a> ';
        }
        return true;
    }
}
"""


def _line(id: str, revision: Revision) -> str:
    r = revision
    return "\t".join([str(r.time), r.address, r.kind, id, r.user, r.summary, r.extra, str(r.growth)]) + "\n"


def _file_name(id: str) -> str:
    """Path of an id below its folder, as DokuWiki's default `fnencode = url` spells it."""
    return "/".join(urllib.parse.quote(part, safe="_-.") for part in id.split(":"))


def _write(path: Path, content: bytes, time: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time, time))


def png(text: str, *, shade: int = 0, size: int = 200) -> bytes:
    """A grey picture carrying `text` in a tEXt chunk."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + bytes((shade + column) % 256 for column in range(size))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)),
            chunk(b"tEXt", b"Comment\0" + text.encode("ascii")),
            chunk(b"IDAT", zlib.compress(row * size)),
            chunk(b"IEND", b""),
        )
    )


def pdf(text: str) -> bytes:
    """Something that says it is a PDF and carries `text`."""
    return (
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + f"% {text}\n".encode("ascii") + bytes(range(256)) * 16 + b"%%EOF\n"
    )
