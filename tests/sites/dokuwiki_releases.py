"""DokuWiki's releases as Debian has them: the installed one, and those of newer suites, unpacked beside it.

A newer release is downloaded once with apt (network needed) and kept below the user's cache folder; nothing
of it is installed. It finds its libraries there too, as its package's paths are rewritten.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sites.wiki_host import Missing

PACKAGES = ("dokuwiki", "php-gd", "php-xml")
# Its scripts are those of the installed packages.
_LIBRARIES = (
    *("php-constant-time", "php-geshi", "php-kissifrot-php-ixr", "php-phpseclib3", "php-random-compat"),
    "libphp-simplepie",
)
NEWER = ("trixie", "forky")
"""Debian's suites that have newer releases: 2024-02-06b, and 2026-07-14c or later."""


@dataclass(frozen=True)
class Release:
    """A release's files. conf: the folder of its defaults; plugins: of its plugins; version: "2022-07-31"."""

    code: Path
    conf: Path
    plugins: Path

    @property
    def version(self) -> str:
        return (self.code / "VERSION").read_text()[:10]


def installed(code: Path) -> Release:
    """The one that is installed. Raises Missing when it is not."""
    release = Release(code, Path("/etc/dokuwiki"), Path("/var/lib/dokuwiki/lib/plugins"))
    if not (code / "doku.php").exists() or not (release.conf / "dokuwiki.php").exists():
        raise Missing(PACKAGES)
    return release


def newer(suite: str, cache: Path | None = None) -> Release:
    """The one of another suite. Raises Missing when apt cannot get it."""
    folder = (cache or _cache()) / f"dokuwiki-{suite}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _unpack(folder, suite)
            shutil.rmtree(folder / "lists")
            (folder / "done").touch()
    return Release(
        folder / "usr/share/dokuwiki", folder / "etc/dokuwiki", folder / "var/lib/dokuwiki/lib/plugins"
    )


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jukni-tests"


def _unpack(folder: Path, suite: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("lists/partial", "debs/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb {_archive()} {suite} main\n")
    apt = (
        *("apt-get", "-qq", "-o", f"Dir::Etc::SourceList={folder}/sources.list"),
        *("-o", "Dir::Etc::SourceParts=-", "-o", f"Dir::State::Lists={folder}/lists"),
        *("-o", f"Dir::Cache={folder}/debs", "-o", "APT::Sandbox::User=root"),
        # Only the list of packages; from oldstable's point of view newer suites have unknown components.
        *(
            "-o",
            "Acquire::Languages=none",
            "-o",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=0",
        ),
    )
    _run((*apt, "update"), folder)
    _run((*apt, "download", "dokuwiki", *_LIBRARIES), folder / "debs")
    for package in sorted((folder / "debs").glob("*.deb")):
        _run(("dpkg", "--extract", str(package), str(folder)), folder)
    for link in [path for path in folder.rglob("*") if path.is_symlink()]:
        target = str(link.readlink())
        if target.startswith("/") and (folder / target[1:]).exists():
            link.unlink()
            link.symlink_to(folder / target[1:])
    for place in ("vendor/composer", "inc"):
        for path in (folder / "usr/share/dokuwiki" / place).glob("*.php"):
            text = path.read_text("utf-8")
            path.write_text(
                text.replace("'/usr/share/", f"'{folder}/usr/share/").replace("'/etc/", f"'{folder}/etc/")
            )


def _archive() -> str:
    """Where this machine has its Debian packages from, told by apt without asking the network."""
    for uri, suite in re.findall(
        r"'(\S+/debian)/dists/([^/]+)/", _run(("apt-get", "--print-uris", "update"))
    ):
        if "-" not in suite:
            return str(uri)
    raise Missing(PACKAGES)


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if ended.returncode:
        raise Missing((f"dokuwiki  # {' '.join(command[:1])}: {ended.stderr[-500:]}",))
    return ended.stdout
