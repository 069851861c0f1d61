"""A real MediaWiki (Debian's, 1.39 on bookworm) on SQLite, in French, whose content is known exactly.

MediaWiki's own maintenance scripts install it and import the pages (XML, export-0.11) and files; the code
stays where the Debian package put it. The same content is served four ways: with long addresses, with short
ones, with neither API nor links to it, and to members only.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from tests.sites.dokuwiki import DAY, SPRING, pdf, png
from tests.sites.wiki_host import Missing, Mount, WikiHost, serve

PACKAGES = ("mediawiki", "php-cli", "php-sqlite3", "php-intl", "php-mbstring", "php-xml", "php-gd")
CODE = Path("/usr/share/mediawiki")
PATH = "/mediawiki/"
SHORT = "/w/"
"""Where the scripts of the wiki with short addresses lie; its pages are /wiki/Forêt."""
WITHOUT_API = "/sansapi/"
CLOSED = "/ferme/"


@dataclass(frozen=True)
class Revision:
    """One saved version of a page; `marker` stands in its text and in no other. hidden: its text is."""

    id: int
    time: int
    user: str
    comment: str
    text: str
    marker: str
    hidden: bool = False


@dataclass(frozen=True)
class Page:
    """One page by its full title with spaces ("Catégorie:Bois"), revisions oldest first."""

    title: str
    revisions: tuple[Revision, ...]
    redirect: bool = False


@dataclass(frozen=True)
class File:
    """One uploaded file by its name. Versions oldest first as (time, bytes).

    MediaWiki named the `archived` ones (all but the last) after the moment their successor came.
    hidden: times of those that an administrator hid.
    """

    name: str
    versions: tuple[tuple[int, bytes], ...]
    archived: tuple[str, ...] = ()
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True)
class MediaWiki:
    """A running MediaWiki and what is in it. `deleted` are titles that were there once."""

    host: WikiHost
    pages: tuple[Page, ...]
    files: tuple[File, ...]
    deleted: tuple[str, ...]

    def page(self, title: str) -> Page:
        return next(page for page in self.pages if page.title == title)

    def url(self, title: str, **query: str | int) -> str:
        """Address of a page as the wiki itself links it."""
        more = "&" + urllib.parse.urlencode(query) if query else ""
        return f"{self.host.url}{PATH}index.php?title={_encoded(title)}{more}"

    def short_url(self, title: str) -> str:
        """Address of a page in the wiki with short addresses."""
        return f"{self.host.url}/wiki/{_encoded(title)}"

    def file_urls(self, name: str) -> list[str]:
        """Addresses of all versions of a file, oldest first."""
        stored = name.replace(" ", "_")
        digest = hashlib.md5(stored.encode()).hexdigest()
        folder = f"{digest[0]}/{digest[:2]}"
        file = next(file for file in self.files if file.name == name)
        paths = [*(f"archive/{folder}/{urllib.parse.quote(old)}" for old in file.archived)]
        paths.append(f"{folder}/{urllib.parse.quote(stored)}")
        return [f"{self.host.url}{PATH}images/{path}" for path in paths]

    def current_markers(self) -> dict[str, str]:
        """Marker → title, for every page that is not a redirect."""
        return {page.revisions[-1].marker: page.title for page in self.pages if not page.redirect}

    def public_markers(self) -> set[str]:
        """Those of all revisions and file versions that anybody may read."""
        revisions = {r.marker for page in self.pages for r in page.revisions if not r.hidden}
        return revisions | {
            _marker(content)
            for file in self.files
            for time, content in file.versions
            if time not in file.hidden
        }

    def private_markers(self) -> set[str]:
        """Those of hidden revisions, hidden file versions and deleted pages."""
        gone = {_marker_of(title, 0) for title in self.deleted}
        gone |= {r.marker for page in self.pages for r in page.revisions if r.hidden}
        return gone | {
            _marker(content) for file in self.files for time, content in file.versions if time in file.hidden
        }


_TEXTS: dict[str, tuple[str, ...]] = {
    "Accueil": (
        "Bienvenue. [[Forêt]]",
        "Bienvenue : [[Forêt]], [[Été à la ferme]], [[Wikhan:À propos]], [[:Catégorie:Bois]], [[Chêne]]\n"
        "[[Fichier:Carte du bois.png|vignette|La carte]] [[Média:Règlement.pdf]] [[Page jamais écrite]]\n"
        "[http://exterieur.invalid/une/page?x=1&y=2 un autre site]",
    ),
    "Forêt": tuple(f"== État {day} ==\nDes arbres. [[Accueil]] [[Catégorie:Bois]]" for day in range(12)),
    "Été à la ferme": ("La ''moisson'' & les « foins » <nowiki>[[rien]]</nowiki> [[Forêt]]",),
    "Chêne": ("#REDIRECTION [[Forêt]]",),
    "Orpheline": ("Aucune page ne mène ici.",),
    "Discussion:Forêt": ("Et les ''sangliers'' ? ~ [[Forêt]]",),
    "Catégorie:Bois": ("Ce qui pousse. [[Catégorie:Nature]]",),
    "Wikhan:À propos": ("Qui nous sommes.",),
    "Qui ? Où : & l’été": ("Des questions, 100 % sûres. [[C++ pour l’été]]",),
    "C++ pour l’été": ("Un langage.", "Un langage. [[Qui ? Où : & l’été]] [[Aide:Sommaire/Écrire]]"),
    "Aide:Sommaire/Écrire": ("Comment écrire. [[Catégorie:Sans page]]",),
    # Nothing links to these: they are found by asking the wiki what it has.
    **{f"Fiche n° {n}": tuple(f"Fiche {n}, version {v}." for v in range(3)) for n in range(25)},
}
_DELETED = "Page disparue"
_HIDDEN = ("Forêt", 1)
_HIDDEN_FILE = "Plan & légende.png"


@contextmanager
def mediawiki(folder: Path, *, title: str = "Wikhan", code: Path | None = None) -> Iterator[MediaWiki]:
    """Install, seed and serve a MediaWiki in an empty folder; stopped at the end.

    code: where its files lie, for another release than the installed one.
    Raises Missing when the Debian packages are not there, RuntimeError with the output of the script of
    MediaWiki that failed.
    """
    code = code or CODE
    if not (code / "maintenance/install.php").exists() or shutil.which("php") is None:
        raise Missing(PACKAGES)
    for part in ("db", "images", "cache", "uploads", "old"):
        (folder / part).mkdir()
    conf = folder / "LocalSettings.php"
    server = ("--server", "http://127.0.0.1", "--scriptpath", PATH.rstrip("/"))
    database = ("--dbtype", "sqlite", "--dbpath", f"{folder}/db", "--confpath", str(folder))
    _script(code, folder, "install", *server, *database, "--lang", "fr", "--skins", "Vector",
            "--pass", "loopback-only-1", title, "Intendance")  # fmt: skip
    conf.write_text(conf.read_text("utf-8") + _settings(folder), "utf-8")
    _script(code, folder, "createAndPromote", "Zoé", "loopback-only-2")
    (folder / "titles.txt").write_text(f"{_DELETED}\n", "utf-8")
    (folder / "stock.txt").write_text("Accueil\n", "utf-8")
    # The page the installer wrote is newer than everything imported and would stay on top of it.
    _script(code, folder, "deleteBatch", str(folder / "stock.txt"))
    (folder / "pages.xml").write_text(_xml(), "utf-8")
    _script(code, folder, "importDump", str(folder / "pages.xml"))
    files = tuple(_upload(code, folder, name, contents) for name, contents in _files().items())
    _script(code, folder, "deleteBatch", str(folder / "titles.txt"))
    _script(code, folder, "rebuildrecentchanges")
    _script(code, folder, "initSiteStats", "--update")
    _script(code, folder, "runJobs")
    with closing(sqlite3.connect(f"{folder}/db/my_wiki.sqlite")) as db:
        pages, files = _with_ids(db), _with_archived(db, files)
        files = _hide(db, folder, pages, files)
    web = folder / "web"
    web.mkdir()
    with serve(web, list(_mounts(code, folder)), php_workers=2) as host:
        yield MediaWiki(host, pages, files, (_DELETED,))


def _encoded(title: str) -> str:
    """A title as MediaWiki writes it in addresses: includes/GlobalFunctions.php wfUrlencode."""
    return urllib.parse.quote(title.replace(" ", "_"), safe=":/,;@$!*().-_~")


def _mounts(code: Path, folder: Path) -> Iterator[Mount]:
    for path in (PATH, SHORT, WITHOUT_API, CLOSED):
        conf = folder / "LocalSettings.php"
        locations = _LOCATIONS
        if path != PATH:
            conf = folder / f"{path.strip('/')}.php"
            conf.write_text(_OTHERS.format(folder=folder, path=path.rstrip("/"), more=_MORE[path]), "utf-8")
        if path == SHORT:
            locations += "    location /wiki/ {{ rewrite ^ {{path}}index.php last; }}\n"
        if path == WITHOUT_API:
            locations += "    location = {{path}}api.php {{ return 403; }}\n"
        yield Mount(path, code, locations.format(folder=folder), {"MW_CONFIG_FILE": str(conf)})


def _hide(
    db: sqlite3.Connection, folder: Path, pages: Sequence[Page], files: Sequence[File]
) -> tuple[File, ...]:
    """What Special:RevisionDelete does to a revision's text and to an old version of a file."""
    (hidden,) = (r.id for page in pages for r in page.revisions if r.hidden)
    db.execute("UPDATE revision SET rev_deleted = 1 WHERE rev_id = ?", (hidden,))
    stored = _HIDDEN_FILE.replace(" ", "_")
    db.execute("UPDATE oldimage SET oi_deleted = 1 WHERE oi_name = ?", (stored,))
    db.commit()
    for file in (folder / "images/archive").rglob(f"*!{stored}"):
        file.unlink()
    return tuple(
        replace(file, hidden=(file.versions[0][0],)) if file.name == _HIDDEN_FILE else file for file in files
    )


def _script(code: Path, folder: Path, name: str, *arguments: str) -> None:
    """Run one of MediaWiki's maintenance scripts on our own configuration."""
    done = subprocess.run(
        ["php", f"{code}/maintenance/{name}.php", *arguments],
        env={**os.environ, "MW_CONFIG_FILE": str(folder / "LocalSettings.php")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"MediaWiki's {name}.php failed ({done.returncode}):\n{done.stdout}")


def _settings(folder: Path) -> str:
    return f"""
$wgServer = 'http://' . ( $_SERVER['HTTP_HOST'] ?? '127.0.0.1' );
$wgEnableUploads = true;
$wgFileExtensions[] = 'pdf';
$wgUploadDirectory = '{folder}/images';
$wgCacheDirectory = '{folder}/cache';
$wgUseImageMagick = false;
$wgJobRunRate = 0;
$wgShowExceptionDetails = true;
"""


# The parser's cache holds pages with their links: each way of writing these needs its own.
_OTHERS = """<?php
require '{folder}/LocalSettings.php';
$wgScriptPath = '{path}';
$wgResourceBasePath = '{path}';
$wgCachePrefix = 'wiki{path}';
$wgUploadPath = '{path}/images';
{more}
"""
_MORE = {
    SHORT: "$wgArticlePath = '/wiki/$1';",
    WITHOUT_API: "$wgArticlePath = $wgScriptPath . '/index.php/$1'; $wgUsePathInfo = true;",
    CLOSED: "$wgGroupPermissions['*']['read'] = false;",
}
_LOCATIONS = """
    location ^~ {{path}}images/ {{ alias {folder}/images/; }}
    location ~ ^{{path}}(?:cache|config|includes|languages|maintenance|vendor)/ {{ return 403; }}
    location ~ ^{{path}}[^/]+\\.php(?:/|$) {{
      fastcgi_split_path_info ^({{path}}[^/]+\\.php)(.*)$;
      {{php}}
    }}
    location {{path}} {{ index index.php; }}
"""


def _seeded() -> Iterator[tuple[str, list[Revision]]]:
    """Titles and their revisions (ids still 0), as the import is to make them."""
    texts = {**_TEXTS, _DELETED: ("Vue une dernière fois.",)}
    for place, (title, versions) in enumerate(texts.items()):
        revisions = []
        for number, text in enumerate(versions):
            marker = _marker_of(title, number)
            user = "Zoé" if number % 2 else "192.0.2.7"
            comment = f"résumé n° {number}"
            time = SPRING + place * DAY + number * 3600
            hidden = (title, number) == _HIDDEN
            revisions.append(Revision(0, time, user, comment, f"{text}\n\n{marker}", marker, hidden))
        yield title, revisions


def _marker_of(title: str, number: int) -> str:
    return "mark" + hashlib.sha1(f"mediawiki/{title}/{number}".encode()).hexdigest()[:16]


def _marker(content: bytes) -> str:
    """The marker in a file's bytes."""
    found = re.search(rb"mw[a-z]+\d", content)
    assert found is not None
    return found[0].decode()


def _xml() -> str:
    pages = []
    for title, revisions in _seeded():
        versions = []
        for revision in revisions:
            who = "ip" if revision.user[0].isdigit() else "username"
            versions.append(
                f"<revision><timestamp>{_utc(revision.time):%Y-%m-%dT%H:%M:%SZ}</timestamp>"
                f"<contributor><{who}>{revision.user}</{who}></contributor>"
                f"<comment>{escape(revision.comment)}</comment>"
                f"<model>wikitext</model><format>text/x-wiki</format>"
                f'<text xml:space="preserve">{escape(revision.text)}</text></revision>'
            )
        pages.append(f"<page><title>{escape(title)}</title>{''.join(versions)}</page>")
    return (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="fr">'
        + "\n".join(pages)
        + "</mediawiki>\n"
    )


def _with_ids(db: sqlite3.Connection) -> tuple[Page, ...]:
    """The seeded pages with the revision ids the import gave them, found by their times (all different)."""
    ids = {str(stamp): id for id, stamp in db.execute("SELECT rev_id, rev_timestamp FROM revision")}
    return tuple(
        Page(
            title,
            tuple(replace(revision, id=ids[_stamp(revision.time)]) for revision in revisions),
            redirect=revisions[-1].text.startswith("#REDIRECTION"),
        )
        for title, revisions in _seeded()
        if title != _DELETED
    )


def _with_archived(db: sqlite3.Connection, files: Sequence[File]) -> tuple[File, ...]:
    names: dict[str, list[str]] = {}
    query = "SELECT oi_name, oi_archive_name FROM oldimage ORDER BY oi_timestamp"
    for name, archived in db.execute(query):
        names.setdefault(name, []).append(archived)
    return tuple(replace(file, archived=tuple(names.get(file.name.replace(" ", "_"), ()))) for file in files)


def _files() -> dict[str, Sequence[bytes]]:
    return {
        "Carte du bois.png": (png("mwcarte0", shade=10), png("mwcarte1", shade=90)),
        "Règlement.pdf": (pdf("mwreglement0"),),
        _HIDDEN_FILE: (png("mwplan0", shade=20), png("mwplan1", shade=120)),
    }


def _upload(code: Path, folder: Path, name: str, contents: Sequence[bytes]) -> File:
    versions = []
    for number, content in enumerate(contents):
        time = SPRING + (60 + number) * DAY
        place = folder / "uploads" / f"{number}-{hashlib.sha1(name.encode()).hexdigest()[:8]}"
        place.mkdir()
        (place / name).write_bytes(content)
        _script(code, folder, "importImages", "--overwrite", "--user", "Zoé", "--comment", "téléversé",
                "--timestamp", _stamp(time), "--extensions", "png,pdf", str(place))  # fmt: skip
        versions.append((time, content))
    return File(name, tuple(versions))


def _utc(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def _stamp(time: int) -> str:
    return f"{_utc(time):%Y%m%d%H%M%S}"
