"""A real DokuWiki (Debian's, Igor 2022-07-31 on bookworm) whose content is known exactly.

Pages, histories and media are written in DokuWiki's own file formats (inc/ChangeLog, inc/pageutils.php), so
that times, authors and kinds of change are ours to choose. What was written is the `DokuWiki` value: the
truth the tests hold a crawl against.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import struct
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sites.wiki_host import Missing, Mount, WikiHost, serve

PACKAGES = ("dokuwiki", "php-gd", "php-xml")
CODE = Path("/usr/share/dokuwiki")
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
    """One media file by its id, versions oldest first."""

    id: str
    versions: tuple[Revision, ...]


@dataclass(frozen=True)
class DokuWiki:
    """What a wiki holds, and where each thing is to be asked for.

    `path` ("/wikhan/") is the wiki's base on its host; `rewrite` is DokuWiki's `userewrite` (0 or 1);
    `data` its data folder. `pages` and `media` leave out what the `private` ones hold: an anonymous visitor
    must never see a marker of those.
    """

    path: str
    rewrite: int
    data: Path
    conf: Path
    pages: tuple[Page, ...]
    media: tuple[Media, ...]
    private: tuple[Page | Media, ...]

    def page(self, id: str) -> Page:
        return next(page for page in self.pages if page.id == id)

    def page_path(self, id: str, **query: str | int) -> str:
        """Path and query of a page's view, as the wiki itself links it."""
        name = urllib.parse.quote(id, safe=":_-.")
        if self.rewrite:
            return f"{self.path}{name}" + ("?" + urllib.parse.urlencode(query) if query else "")
        return f"{self.path}doku.php?id={name}" + ("&" + urllib.parse.urlencode(query) if query else "")

    def raw_path(self, id: str, **query: str | int) -> str:
        """Path and query of a page's source (`do=export_raw`)."""
        if not self.rewrite:
            return self.page_path(id, do="export_raw", **query)
        name = urllib.parse.quote(id, safe=":_-.")
        return f"{self.path}_export/raw/{name}" + ("?" + urllib.parse.urlencode(query) if query else "")

    def media_path(self, id: str, **query: str | int) -> str:
        """Path and query of a media file in full size."""
        name = urllib.parse.quote(id, safe=":_-.")
        if self.rewrite:
            return f"{self.path}_media/{name}" + ("?" + urllib.parse.urlencode(query) if query else "")
        return f"{self.path}lib/exe/fetch.php?media={name}" + (
            "&" + urllib.parse.urlencode(query) if query else ""
        )

    def current_markers(self) -> dict[str, str]:
        """Marker → page id, for every page there is now."""
        return {_marker_of(page): page.id for page in self.pages if not page.gone}

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
        rewrites = _REWRITES if self.rewrite else ""
        return Mount(self.path, CODE, _LOCATIONS + rewrites, {"DOKU_CONF": f"{self.conf}/"})


def wikhan(folder: Path, *, now: int) -> DokuWiki:
    """The bigger wiki, at /wikhan/ with rewritten URLs; `now` (UNIX time) dates its one recent page.

    Raises Missing when the Debian package is not installed.
    """
    write = _Writer(folder, "wikhan", rewrite=1, acl="prive:*\t@ALL\t0\nprive:*\t@user\t16\n")
    write.page("start", _WIKHAN_START)
    write.page(
        "fr:start", "====== Accueil ======\n  * [[fr:faq]]\n  * [[fr:été:forêt]]\n  * [[fr:histoire]]\n"
    )
    write.page("fr:faq", _WIKHAN_FAQ, "====== FAQ ======\nPremière version, à compléter.\n")
    write.page("fr:été:forêt", "====== La forêt en été ======\nL'ombre {{fr:carte.png?120}} [[..:faq]]\n")
    write.page("fr:page_avec_espaces", "====== Page avec espaces ======\nRetour : [[start]]\n")
    write.page("fr:orpheline", "====== Orpheline ======\nAucune page ne mène ici.\n")
    write.page(
        "projets:jardin:potager", "====== Potager ======\n<code php semis.php>\n<?php echo 1;\n</code>\n"
    )
    write.page("fr:histoire", *(f"====== Histoire ======\nÉtat du jour {day}.\n" for day in range(45)))
    write.page("fr:disparue", "====== Disparue ======\nVue une dernière fois.\n", deleted=True)
    write.page("fr:actualités", "====== Actualités ======\nHier encore : [[fr:faq]]\n", at=now - 3600)
    write.page("prive:secret", "====== Secret ======\nNe regarde personne.\n", private=True)
    write.media("logo.png", "png")
    write.media("fr:carte.png", "png", "png")
    write.media("fr:règlement_intérieur.pdf", "pdf")
    write.media("prive:plan.png", "png", private=True)
    return write.done("/wikhan/")


def autre_wiki(folder: Path) -> DokuWiki:
    """A second, small wiki at /autre-wiki/ with plain `doku.php?id=` URLs. Some ids are those of `wikhan`.

    Raises Missing when the Debian package is not installed.
    """
    write = _Writer(folder, "autre-wiki", rewrite=0, acl="")
    write.page("start", "====== Autre wiki ======\n[[fr:faq]] [[de:übersicht]] {{logo.png}}\n")
    write.page("fr:faq", "====== Une autre FAQ ======\n[[start|Accueil]]\n", "====== FAQ ======\nBis.\n")
    write.page("de:übersicht", "====== Übersicht ======\n[[fr:faq]]\n")
    write.media("logo.png", "png")
    return write.done("/autre-wiki/")


@dataclass(frozen=True)
class Wikis:
    """Both wikis under the two paths of one running host."""

    host: WikiHost
    wikhan: DokuWiki
    autre: DokuWiki

    def url(self, path: str) -> str:
        """Absolute URL of a path the wikis' methods gave."""
        return self.host.url + path


@contextmanager
def wikis(folder: Path, *, now: int) -> Iterator[Wikis]:
    """Seed both wikis in an empty folder and serve them on one host. Raises Missing as `serve` does."""
    big, small = wikhan(folder, now=now), autre_wiki(folder)
    with serve(folder, [big.mount(), small.mount()]) as host:
        yield Wikis(host, big, small)


_WIKHAN_START = """====== Wikhan ======
  * [[fr:start|En français]], [[fr:page avec espaces]], [[projets:jardin:potager]], [[fr:actualités]]
  * [[prive:secret|réservé]], [[pas:encore:écrite]]
  * [[http://exterieur.invalid/une/page?x=1&y=2|un autre site]] et [[/autre-wiki/|l'autre wiki]]

{{logo.png?64|Le logo}} {{fr:règlement intérieur.pdf|Règlement}}
"""

_WIKHAN_FAQ = """====== Foire aux questions ======
===== Où est la carte ? =====
{{fr:carte.png|La carte}}
===== Et la page disparue ? =====
[[fr:disparue]], [[fr:été:forêt#ombre]], [[:start]]
"""

_LOCATIONS = """
    location ~ ^{path}(?:data|conf|bin|inc|vendor|install\\.php) { return 403; }
    location ~ ^{path}.*\\.php$ { try_files $uri =404; {php} }
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


class _Writer:
    """Writes one wiki's `conf/` and `data/` and remembers what it wrote."""

    def __init__(self, folder: Path, name: str, *, rewrite: int, acl: str) -> None:
        if not (CODE / "doku.php").exists() or not Path("/etc/dokuwiki/dokuwiki.php").exists():
            raise Missing(PACKAGES)
        self.name, self.rewrite = name, rewrite
        self.data, self.conf = folder / name / "data", folder / name / "conf"
        self.pages: list[Page] = []
        self.files: list[Media] = []
        self.private: list[Page | Media] = []
        for part in _DATA_FOLDERS:
            (self.data / part).mkdir(parents=True)
        self.conf.mkdir()
        (self.conf / "local.php").write_text(_local_php(name, self.data, rewrite))
        for given in ("plugins.php", "plugins.required.php"):
            shutil.copy(Path("/etc/dokuwiki", given), self.conf)
        # As on many wikis of the kind we mirror, anybody may edit: following an edit link takes a lock.
        (self.conf / "acl.auth.php").write_text(f"# <?php exit()?>\n*\t@ALL\t8\n{acl}")
        (self.conf / "users.auth.php").write_text("# <?php exit()?>\n")

    def page(
        self, id: str, *texts: str, at: int | None = None, deleted: bool = False, private: bool = False
    ) -> None:
        """Write a page whose revisions have these texts, each with a marker of its own added."""
        first = SPRING + len(self.pages) * DAY if at is None else at - (len(texts) - 1) * DAY
        revisions = []
        before = 0
        for number, text in enumerate(texts):
            marker = self._marker(id, number)
            content = f"{text}\n{marker}\n".encode()
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
        if deleted:
            last = revisions[-1]
            revisions.append(
                Revision(last.time + DAY, "D", last.content, None, summary="supprimée", growth=-before)
            )
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

    def media(self, id: str, *kinds: str, private: bool = False) -> None:
        """Write a media file whose versions are of these kinds (`png`, `pdf`)."""
        versions: list[Revision] = []
        for number, kind in enumerate(kinds):
            marker = self._marker(f"media:{id}", number)
            content = png(marker, shade=64 * number) if kind == "png" else pdf(marker)
            time = SPRING + (50 + 10 * number) * DAY
            grown = len(content) - (len(versions[-1].content) if versions else 0)
            versions.append(
                Revision(time, "E" if number else "C", content, marker, summary="téléversé", growth=grown)
            )
        base, extension = _file_name(id).rsplit(".", 1)
        for old in versions[:-1]:
            _write(self.data / "media_attic" / f"{base}.{old.time}.{extension}", old.content, old.time)
        _write(self.data / "media" / _file_name(id), versions[-1].content, versions[-1].time)
        self._changes(f"media_meta/{_file_name(id)}.changes", id, versions)
        media = Media(id, tuple(versions))
        if private:
            self.private.append(media)
        else:
            self.files.append(media)

    def done(self, path: str) -> DokuWiki:
        """Write the wiki-wide logs of recent changes (`do=recent` reads them) and hand over the truth."""
        private_pages = [thing for thing in self.private if isinstance(thing, Page)]
        private_media = [thing for thing in self.private if isinstance(thing, Media)]
        recent = [(page.id, r) for page in [*self.pages, *private_pages] for r in page.revisions]
        files = [(media.id, r) for media in [*self.files, *private_media] for r in media.versions]
        for log, entries in (("_dokuwiki.changes", recent), ("_media.changes", files)):
            lines = [_line(id, r) for id, r in sorted(entries, key=lambda entry: entry[1].time)]
            (self.data / "meta" / log).write_text("".join(lines), "utf-8")
        return DokuWiki(
            path,
            self.rewrite,
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


def _local_php(title: str, data: Path, rewrite: int) -> str:
    return f"""<?php
$conf['title'] = '{title}';
$conf['savedir'] = '{data}';
$conf['useacl'] = 1;
$conf['deaccent'] = 0;
$conf['userewrite'] = {rewrite};
$conf['updatecheck'] = 0;
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


def _marker_of(page: Page) -> str:
    marker = page.revisions[-1].marker
    assert marker is not None
    return marker


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
