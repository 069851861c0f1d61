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
from dataclasses import replace
from pathlib import Path

from tests.sites.dokuwiki_truth import DokuWiki, Media, Page, Revision, Setup

__all__ = ["DAY", "SPRING", "Setup", "Writer", "pdf", "png"]
DAY = 86_400
SPRING = 1_617_235_200  # 2021-04-01T00:00:00Z, when most pages of the wikis were written


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
