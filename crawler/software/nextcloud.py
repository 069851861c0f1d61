"""Nextcloud's public shares: the page as visitors see it, the tree, and each file by itself.

Nobody is told which shares there are: tokens come from the configuration and from links, and are never tried
(wrong ones are held against the asker). The tree is asked for folder by folder with PROPFIND; the answers are
the manifest: names, sizes, times and ETags.
Sources: nextcloud/server:apps/dav/appinfo/v2/publicremote.php and v1/publicwebdav.php,
apps/files_sharing/lib/Controller/ShareController.php, apps/dav/lib/Files/Sharing/FilesDropPlugin.php.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qs, quote, unquote
from xml.etree import ElementTree

from crawler.canonical import canonical
from crawler.software import (
    Accepted,
    Ask,
    Classified,
    Found,
    Heard,
    Installed,
    Inventory,
    Item,
    Setting,
    Software,
)
from crawler.software.page import Page

_FILES = "public.php/dav/files/"
_OLD = "public.php/webdav/"
_FIRST = 29
"""The major version from which each file has an address of its own, below `_FILES`."""
# A token is 15 letters and digits; since version 31 another may be chosen by hand.
_SHARE = re.compile(r"(https?://[^/?]+/(?:[^?]*?/)??)(?:index\.php/)?s/[A-Za-z0-9]{15}(?:[/?].*)?")
_PAGE = re.compile(r"((?:index\.php/)?s/([\w-]+))(?:/?|/download(?:/.*)?)")
_PREVIEW = re.compile(r"(?:index\.php/)?(?:s/[\w-]+/preview|apps/files_sharing/publicpreview/|core/preview)")
_OURS = re.compile(
    r"(?:index\.php|public\.php|remote\.php|apps|ocs|ocs-provider|ocm-provider|core|login|settings"
    r"|logout|lostpassword|f|s|call|u|error)(?:/|$)"
)
_MARKS = re.compile(r"(?i)<head[^>]* data-requesttoken=|<meta name=\"application-name\" content=\"nextcloud")
_WEBROOT = re.compile(
    r"(?:href|src)=\"((?:https?://[^/\"]+)?/(?:[^\"?]*?/)?)(?:index\.php/)?(?:apps|core|dist)/"
)
_DROP = '"public-file-drop"'
_DAV = "{DAV:}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder's list says of one thing. id: as of its item. size: bytes, None when it tells none."""

    id: str
    size: int | None


class Nextcloud(Software):
    """A cloud with shares. Kinds: "share" (its page), "folder" (its list), "file".

    Ids: the token, "/" and the path, decoded; a folder's ends in "/"; the only file of a share has none.
    settings: "dav" is "files" or, before version 29, "webdav".
    """

    name = "nextcloud"
    family = "shares"
    listed = frozenset({"share"})
    useful = frozenset({"share", "file"})
    proofs: ClassVar = {"file": ("tree",)}

    @classmethod
    def detect(cls, page: Page) -> Installed | None:
        """From a share, any other page, or status.php."""
        here = page.url.partition("?")[0]
        if page.mime == "application/json":
            is_status = here.endswith("/status.php") and _version(page) is not None
            return Installed(cls.name, here.removesuffix("status.php")) if is_status else None
        if not page.is_html or not _MARKS.search(page.text):
            return None
        if shared := cls.claims(here):
            return shared
        root = _WEBROOT.search(page.text)
        base = canonical(root[1], page.url) if root else None
        return Installed(cls.name, base) if base and page.url.startswith(base) else None

    @classmethod
    def claims(cls, url: str) -> Installed | None:
        found = _SHARE.fullmatch(url)
        return Installed(cls.name, found[1]) if found else None

    def seeds(self) -> Iterable[Ask | Item]:
        yield Ask(self.base + "status.php")

    def classify(self, url: str) -> Classified | None:
        rest, _, query = url[len(self.base) :].partition("?")
        given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        if rest == "status.php":
            return Classified("status")
        if rest.startswith(_FILES) and len(rest) > len(_FILES):
            return _place(unquote(rest[len(_FILES) :]))
        if rest.startswith(_OLD) and "share" in given:
            return _place(given["share"] + "/" + unquote(rest[len(_OLD) :]))
        if _PREVIEW.match(rest):
            return Classified("preview", "", False, "nextcloud:preview", "a file that is kept, made smaller")
        if found := _PAGE.fullmatch(rest):
            if "files" in given and self.settings.get("dav") == "webdav":
                path = given.get("path", "").strip("/")
                return _place("/".join(part for part in (found[2], path, given["files"]) if part))
            # Whoever links to a part of a share has shared it all.
            return Classified("share", found[2], item=True, url=self.base + found[1])
        if not _OURS.match(rest):
            return None
        return Classified("other", "", False, "nextcloud:other", "nothing that was shared with everybody")

    def headers(self, url: str, method: str) -> tuple[tuple[bytes, bytes], ...]:
        """A share's token is the user name there, without a password: no more a secret than its address."""
        if method != "PROPFIND":
            return ()
        headers = [(b"Depth", b"1"), (b"X-Requested-With", b"XMLHttpRequest")]
        place = self.classify(url)
        if place and url.startswith(self.base + _OLD):
            token = place.id.partition("/")[0]
            headers.append((b"Authorization", b"Basic " + base64.b64encode(f"{token}:".encode())))
        return tuple(headers)

    def accept(self, page: Page) -> Accepted:
        said = self.classify(page.url)
        kind = said.kind if said else ""
        if kind == "share" and page.is_html and page.tree.css_first("input[type=password]"):
            return Accepted("denied", "the share asks for a password")
        if said and kind == "folder" and entries(page.body, said.id) is None:
            return Accepted("challenge", "the list of the folder broke off, or is none")
        if kind == "status" and _version(page) is None:
            return Accepted("missing", "no cloud tells its version here")
        return Accepted()

    def read(self, page: Page, inventory: Inventory) -> Iterable[Found]:
        said = self.classify(page.url)
        if said is None:
            return
        if said.kind == "status":
            dav = "files" if (_version(page) or 0) >= _FIRST else "webdav"
            yield Setting("dav", dav)
            for token in inventory.ids("share", "captured"):
                if not inventory.knows("folder", f"{token}/"):
                    yield from self._list(f"{token}/", "share", dav)
        elif said.kind == "share":
            if _is_drop(page):
                why = "visitors may bring files, and not see any"
                yield Item("folder", f"{said.id}/", "share", state="denied", why=why)
            elif dav := self.settings.get("dav", ""):
                yield from self._list(f"{said.id}/", "share", dav)
        elif said.kind == "folder":
            yield from self._read_folder(said.id, page, inventory)

    def again(self, inventory: Inventory) -> Iterable[Ask]:
        """The list of each folder whose files could not all be had; shares whose list was not found yet."""
        for token in inventory.ids("share", "captured"):
            state = inventory.state("folder", f"{token}/")
            if state is None:
                yield Ask(self._list_url(f"{token}/", "files"), method="PROPFIND")
            elif state == "missing" and "dav" not in self.settings:
                yield Ask(self._list_url(f"{token}/", "webdav"), method="PROPFIND")
        lost = [*inventory.ids("file", "expected"), *inventory.ids("file", "missing")]
        for folder in dict.fromkeys(_folder(file) for file in lost):
            if inventory.state("folder", folder) == "captured":
                yield Ask(
                    self._list_url(folder, self.settings.get("dav", "files")), method="PROPFIND", again=True
                )

    # --- within

    def _read_folder(self, folder: str, page: Page, inventory: Inventory) -> Iterator[Found]:
        dav = "webdav" if page.url.startswith(self.base + _OLD) else "files"
        found = entries(page.body, folder) or []
        yield Setting("dav", dav)
        yield Heard("file", "tree")
        lost = {entry.id for entry in found if inventory.state("file", entry.id) in ("expected", "missing")}
        for entry in found:
            if entry.id == folder:
                continue
            if entry.id.endswith("/"):
                yield from self._list(entry.id, "tree", dav)
                continue
            url = self._file_url(entry.id, dav)
            yield Item("file", entry.id, "tree", url, folder, size=entry.size)
            if entry.id in lost:
                yield Ask(url, again=True)

    def _list(self, folder: str, source: str, dav: str) -> Iterator[Found]:
        yield Item("folder", folder, source)
        yield Ask(self._list_url(folder, dav), method="PROPFIND")

    def _list_url(self, folder: str, dav: str) -> str:
        if dav == "files":
            return self.base + _FILES + _quoted(folder)
        # All shares have the same addresses there: the token keeps them apart for us, the server ignores it.
        token, _, path = folder.partition("/")
        return f"{self.base}{_OLD}{_quoted(path)}?share={token}"

    def _file_url(self, file: str, dav: str) -> str:
        if dav == "files":
            return self.base + _FILES + _quoted(file)
        token, _, path = file.partition("/")
        folder, _, name = path.rpartition("/")
        query = f"path=/{_quoted(folder)}&files={quote(name, safe=_PLAIN)}" if path else "files="
        return f"{self.base}index.php/s/{token}/download?{query}"


_PLAIN = "!()*~"  # what a browser's encodeURIComponent leaves, less the quote, which it escapes in a query


def entries(body: bytes, folder: str) -> list[Entry] | None:
    """What a PROPFIND answer lists, the folder itself among it; None when it is none, or not whole.

    folder: the id of the one that was asked for.
    """
    try:
        tree = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    if tree.tag != f"{_DAV}multistatus":
        return None
    found = []
    for response in tree.iter(f"{_DAV}response"):
        path = unquote(response.findtext(f"{_DAV}href", "")).rstrip("/") + "/"
        token, old, below = folder.partition("/")[0], f"/{_OLD}", path.partition(f"/{_FILES}")[2]
        id = f"{token}/{path.partition(old)[2]}" if old in path else below
        if response.find(f".//{_DAV}resourcetype/{_DAV}collection") is None:
            id = id[:-1]
        size = response.findtext(f".//{_DAV}getcontentlength", "")
        found.append(Entry(id, int(size) if size.isdigit() and not id.endswith("/") else None))
    return found


def _place(id: str) -> Classified:
    return Classified("folder" if id.endswith("/") else "file", id, item=True)


def _folder(file: str) -> str:
    """The folder a file is listed in."""
    folder, slash, _ = file.rpartition("/")
    return folder + "/" if slash else file + "/"


def _quoted(path: str) -> str:
    return quote(path, safe="/" + _PLAIN)


def _version(page: Page) -> int | None:
    """The major version that status.php tells."""
    says = page.json
    if not isinstance(says, dict) or "installed" not in says:
        return None
    major = str(says.get("version", "")).partition(".")[0]
    return int(major) if major.isdigit() else None


def _is_drop(page: Page) -> bool:
    """Whether visitors may only bring files."""
    if page.tree.css_first("#public-upload"):
        return True
    view = page.tree.css_first("#initial-state-files_sharing-view")
    value = (view.attributes.get("value") or "") if view else ""
    return value == base64.b64encode(_DROP.encode()).decode()
