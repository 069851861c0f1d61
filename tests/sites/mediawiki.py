"""A real MediaWiki (Debian's, 1.39 on bookworm) on SQLite, in French, whose content is known exactly.

MediaWiki's own maintenance scripts install it and import the pages (XML, export-0.11) and files; the code
stays where the Debian package put it.
"""

from __future__ import annotations

import hashlib
import os
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


@dataclass(frozen=True)
class Revision:
    """One saved version of a page; `marker` stands in its text and in no other."""

    id: int
    time: int
    user: str
    comment: str
    text: str
    marker: str


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
    """

    name: str
    versions: tuple[tuple[int, bytes], ...]
    archived: tuple[str, ...] = ()


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
        name = urllib.parse.quote(title.replace(" ", "_"), safe=":/,;@$!*().-_~")
        more = "&" + urllib.parse.urlencode(query) if query else ""
        return f"{self.host.url}{PATH}index.php?title={name}{more}"

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
}
_DELETED = "Page disparue"


@contextmanager
def mediawiki(folder: Path, *, title: str = "Wikhan") -> Iterator[MediaWiki]:
    """Install, seed and serve a MediaWiki in an empty folder; stopped at the end.

    Raises Missing when the Debian packages are not there, RuntimeError with the output of the script of
    MediaWiki that failed.
    """
    if not (CODE / "maintenance/install.php").exists() or shutil.which("php") is None:
        raise Missing(PACKAGES)
    for part in ("db", "images", "cache", "uploads", "old"):
        (folder / part).mkdir()
    conf = folder / "LocalSettings.php"
    server = ("--server", "http://127.0.0.1", "--scriptpath", PATH.rstrip("/"))
    database = ("--dbtype", "sqlite", "--dbpath", f"{folder}/db", "--confpath", str(folder))
    _script(folder, "install", *server, *database, "--lang", "fr", "--skins", "Vector",
            "--pass", "loopback-only-1", title, "Intendance")  # fmt: skip
    conf.write_text(conf.read_text("utf-8") + _settings(folder), "utf-8")
    _script(folder, "createAndPromote", "Zoé", "loopback-only-2")
    (folder / "titles.txt").write_text(f"{_DELETED}\n", "utf-8")
    (folder / "stock.txt").write_text("Accueil\n", "utf-8")
    # The page the installer wrote is newer than everything imported and would stay on top of it.
    _script(folder, "deleteBatch", str(folder / "stock.txt"))
    (folder / "pages.xml").write_text(_xml(), "utf-8")
    _script(folder, "importDump", str(folder / "pages.xml"))
    files = tuple(_upload(folder, name, contents) for name, contents in _files().items())
    _script(folder, "deleteBatch", str(folder / "titles.txt"))
    _script(folder, "rebuildrecentchanges")
    _script(folder, "initSiteStats", "--update")
    _script(folder, "runJobs")
    web = folder / "web"
    web.mkdir()
    mount = Mount(PATH, CODE, _LOCATIONS.format(folder=folder), {"MW_CONFIG_FILE": str(conf)})
    with serve(web, [mount], php_workers=2) as host:
        with closing(sqlite3.connect(f"file:{folder}/db/my_wiki.sqlite?mode=ro", uri=True)) as db:
            pages, files = _with_ids(db), _with_archived(db, files)
        yield MediaWiki(host, pages, files, (_DELETED,))


def _script(folder: Path, name: str, *arguments: str) -> None:
    """Run one of MediaWiki's maintenance scripts on our own configuration."""
    done = subprocess.run(
        ["php", f"{CODE}/maintenance/{name}.php", *arguments],
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
            marker = "mark" + hashlib.sha1(f"mediawiki/{title}/{number}".encode()).hexdigest()[:16]
            user = "Zoé" if number % 2 else "192.0.2.7"
            comment = f"résumé n° {number}"
            time = SPRING + place * DAY + number * 3600
            revisions.append(Revision(0, time, user, comment, f"{text}\n\n{marker}", marker))
        yield title, revisions


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
    }


def _upload(folder: Path, name: str, contents: Sequence[bytes]) -> File:
    versions = []
    for number, content in enumerate(contents):
        time = SPRING + (60 + number) * DAY
        place = folder / "uploads" / f"{number}-{hashlib.sha1(name.encode()).hexdigest()[:8]}"
        place.mkdir()
        (place / name).write_bytes(content)
        _script(folder, "importImages", "--overwrite", "--user", "Zoé", "--comment", "téléversé",
                "--timestamp", _stamp(time), "--extensions", "png,pdf", str(place))  # fmt: skip
        versions.append((time, content))
    return File(name, tuple(versions))


def _utc(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def _stamp(time: int) -> str:
    return f"{_utc(time):%Y%m%d%H%M%S}"
