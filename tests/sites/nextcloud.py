"""A cloud with public shares, as Nextcloud answers visitors: pages, public DAV, refusals.

No registry has a Nextcloud: the answers are written after nextcloud/server (apps/files_sharing,
apps/dav/appinfo/v2/publicremote.php) and SabreDAV. Every file bears a marker; what must never be asked for
answers all the same, so that asking shows in the request log.

    with Site(Cloud(SHARES)) as site:
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from tests.sites.static import Request, Response

CHANGED = 1_700_000_000
"""Unix time at which the first file was changed; one second later for each further one."""


def marker(token: str, path: str) -> str:
    """What stands in that file and nowhere else."""
    return "mark" + hashlib.sha1(f"cloud/{token}/{path}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Share:
    """One public link. files: path → content; "" is the path when a single file is shared.

    kind: "open"; "password"; "drop" (visitors bring files); "no-download" (files are shown, not given).
    """

    token: str
    files: dict[str, bytes]
    kind: Literal["open", "password", "drop", "no-download"] = "open"
    title: str = "Documents"

    def folders(self) -> set[str]:
        """Paths of its folders; the share itself is "", folders without a file are not there."""
        found = {""}
        for path in self.files:
            parts = path.split("/")[:-1]
            found |= {"/".join(parts[: n + 1]) for n in range(len(parts))}
        return found


def text(token: str, path: str, size: int = 300) -> bytes:
    """A file's content: its marker, then letters."""
    start = f"{path}\n{marker(token, path)}\n".encode()
    return start + b"abcdefghijklmno\n" * ((size - len(start)) // 16 + 1)


def share(
    token: str, *paths: str, kind: Literal["open", "password", "drop", "no-download"] = "open"
) -> Share:
    return Share(token, {path: text(token, path) for path in paths}, kind)


@dataclass
class Cloud:
    """The part that answers. root: where it is installed, "" or "/nextcloud".

    version: before 29, files are behind public.php/webdav and /s/TOKEN/download. short: path of a file →
    bytes missing at its end, though the length told over HTTP is right. vanished: paths that are listed until
    they are asked for. grows: a file that is written to before it is asked for. status: whether status.php
    answers.
    """

    shares: tuple[Share, ...]
    root: str = ""
    version: int = 30
    short: dict[str, int] = field(default_factory=dict)
    vanished: set[str] = field(default_factory=set)
    grows: str | None = None
    status: bool = True

    def __call__(self, request: Request) -> Response | None:
        if not request.path.startswith(self.root + "/"):
            return None
        path = request.path[len(self.root) + 1 :]
        if path == "status.php":
            return self._status()
        if path == "":
            return Response(b"", status=302, headers=(("Location", f"{self.root}/login"),))
        if path == "login":
            return self._page(
                "Connexion", '<form method="post"><input type="password" name="password"></form>'
            )
        if path.startswith(("s/", "index.php/s/")):
            path = path.removeprefix("index.php/")
            return self._share(request, *path[2:].partition("/")[::2])
        if path.startswith("public.php/dav/files/") and self.version >= 29:
            token, _, below = path.removeprefix("public.php/dav/files/").partition("/")
            return self._dav(request, unquote(token), unquote(below), f"/public.php/dav/files/{token}/")
        if path.startswith("public.php/webdav/"):
            return self._webdav(request, unquote(path.removeprefix("public.php/webdav/")))
        if path.startswith(("dist/", "core/")):
            return Response(b"/* theme */", "text/css")
        return self._page("Introuvable", "<p>Fichier introuvable</p>", 404)

    def _find(self, token: str) -> Share | None:
        return next((one for one in self.shares if one.token == token), None)

    def _status(self) -> Response:
        if not self.status:
            return self._page("Interdit", "", 403)
        says: dict[str, object] = {"installed": True, "maintenance": False, "needsDbUpgrade": False}
        says |= {"version": f"{self.version}.0.1.2", "versionstring": f"{self.version}.0.1", "edition": ""}
        says |= {"productname": "Nextcloud", "extendedSupport": False}
        return Response(json.dumps(says).encode(), "application/json")

    def _page(self, title: str, body: str, status: int = 200) -> Response:
        page = (
            '<!DOCTYPE html>\n<html class="ng-csp" lang="fr" data-locale="fr">\n'
            '<head data-requesttoken="aGVs:bG8="><meta charset="utf-8">'
            f"<title>{escape(title)} - Nextcloud</title>"
            f'<link rel="stylesheet" href="{self.root}/core/css/server.css?v=a1b2"></head><body>{body}'
            f'<footer><a href="{self.root}/index.php/login">Connexion</a>'
            f' <a href="https://nextcloud.com/sharing">Nextcloud</a></footer></body></html>'
        )
        return Response(
            page.encode(), status=status, headers=(("Set-Cookie", "oc_sessionPassphrase=x%2By; path=/"),)
        )

    def _share(self, request: Request, token: str, rest: str) -> Response:
        found = self._find(token)
        if found is None:
            return self._page("Introuvable", "<p>Ce partage n'existe plus.</p>", 404)
        here = f"{self.root}/index.php/s/{token}"
        if found.kind == "password":
            form = f'<form method="post" action="{here}/authenticate"><input type="password"></form>'
            if rest.startswith("authenticate"):
                return self._page("Mot de passe", form)
            return Response(b"", status=303, headers=(("Location", f"{here}/authenticate/showShare"),))
        if rest == "":
            view = "public-file-drop" if found.kind == "drop" else "public-share"
            state = base64.b64encode(f'"{view}"'.encode()).decode()
            return self._page(
                found.title,
                f'<input type="hidden" id="initial-state-files_sharing-view" value="{state}">'
                f'<a href="{here}/download">Tout télécharger</a>'
                f'<a href="{self.root}/s/{token}?path=%2F&amp;view=grid">Grille</a>'
                f'<a href="{self.root}/index.php/apps/files_sharing/publicpreview/{token}?x=64">Aperçu</a>',
            )
        if rest == "download" and self.version < 29:
            if "files=" not in request.target:
                return Response(b"PK zip of everything", "application/zip")
            path = "/".join(
                p for p in (request.query.get("path", "").strip("/"), request.query.get("files")) if p
            )
            return self._file(request, found, path)
        if rest == "download":
            to = f"{self.root}/public.php/dav/files/{token}/?accept=zip"
            return Response(b"", status=303, headers=(("Location", to),))
        return self._page("Introuvable", "", 404)

    def _webdav(self, request: Request, path: str) -> Response:
        kind, _, coded = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic":
            return _refused(401, "NotAuthenticated", "No public access to this resource.")
        token = base64.b64decode(coded).decode().partition(":")[0]
        return self._dav(request, token, path, "/public.php/webdav/")

    def _dav(self, request: Request, token: str, path: str, prefix: str) -> Response:
        found = self._find(token)
        if request.method != "GET" and request.headers.get("x-requested-with") != "XMLHttpRequest":
            return _refused(401, "NotAuthenticated", "No public access to this resource.")
        if found is None:
            return _refused(404, "NotFound", "")
        if found.kind == "password":
            return _refused(401, "NotAuthenticated", "Cannot authenticate over ajax calls")
        if found.kind == "drop":
            return _refused(405, "MethodNotAllowed", "Only PUT is allowed on files drop")
        path = path.rstrip("/")
        if request.method == "PROPFIND":
            return self._list(found, path, self.root + prefix)
        if "accept=zip" in request.target:
            return Response(b"PK zip of everything", "application/zip")
        if path not in found.files and path in found.folders():
            return _refused(501, "NotImplemented", "GET is only implemented for File objects")
        if found.kind == "no-download":
            return _refused(403, "Forbidden", "its download permission is disabled")
        return self._file(request, found, path)

    def _list(self, found: Share, path: str, prefix: str) -> Response:
        if path not in found.folders():
            return _refused(404, "NotFound", f"File with name {path} could not be located")
        body = "".join(self._responses(found, path, prefix))
        text = (
            f'<?xml version="1.0"?>\n<d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">{body}'
        )
        return Response(f"{text}</d:multistatus>".encode(), "application/xml; charset=utf-8", 207)

    def _responses(self, found: Share, path: str, prefix: str) -> Iterator[str]:
        if "" in found.files:
            yield _response(prefix, None, found.files[""], CHANGED)
            return
        yield _response(prefix + _encoded(f"{path}/" if path else ""), "folder", b"", CHANGED)
        above = f"{path}/" if path else ""
        for folder in sorted(found.folders() - {""}):
            if folder.rpartition("/")[0] == path:
                yield _response(prefix + _encoded(folder) + "/", "folder", b"", CHANGED)
        for number, (name, content) in enumerate(found.files.items()):
            if name.startswith(above) and "/" not in name[len(above) :]:
                yield _response(prefix + _encoded(name), None, content, CHANGED + number)

    def _file(self, request: Request, found: Share, path: str) -> Response:
        if path == self.grows:
            found.files[path] += b"written since\n"
            self.grows = None
        if path in self.vanished:
            self.vanished.remove(path)
            del found.files[path]
        if path not in found.files:
            return _refused(404, "NotFound", f"File with name {path} could not be located")
        content = found.files[path]
        content = content[: len(content) - self.short.get(path, 0)]
        etag = _etag(content)
        headers = (
            ("ETag", etag),
            ("Last-Modified", formatdate(CHANGED + list(found.files).index(path), usegmt=True)),
            ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(path.rpartition('/')[2])}"),
            ("Content-Security-Policy", "default-src 'none';"),
        )
        if (
            request.headers.get("if-none-match") == etag
            or request.headers.get("if-modified-since") == headers[1][1]
        ):
            return Response(b"", status=304, headers=headers)
        kind = "text/plain;charset=UTF-8" if path.endswith(".txt") else "application/pdf"
        return Response(content, kind, headers=headers)


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha1(content).hexdigest()[:32]}"'


def _encoded(path: str) -> str:
    """As SabreDAV writes it: escapes in lower case."""
    safe = "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~()"
    return "".join(c if c in safe else "".join(f"%{byte:02x}" for byte in c.encode()) for c in path)


def _response(href: str, kind: str | None, content: bytes, changed: int) -> str:
    when = formatdate(changed, usegmt=True)
    if kind == "folder":
        props = "<d:resourcetype><d:collection/></d:resourcetype><d:quota-used-bytes>9</d:quota-used-bytes>"
        props += "<d:quota-available-bytes>-3</d:quota-available-bytes><d:getetag>&quot;65a&quot;</d:getetag>"
    else:
        props = f"<d:getcontentlength>{len(content)}</d:getcontentlength><d:resourcetype/>"
        props += (
            f"<d:getetag>{escape(_etag(content))}</d:getetag><d:getcontenttype>text/plain</d:getcontenttype>"
        )
    return (
        f"<d:response><d:href>{href}</d:href><d:propstat><d:prop><d:getlastmodified>{when}</d:getlastmodified>"
        f"{props}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )


def _refused(status: int, name: str, why: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">'
        f"<s:exception>Sabre\\DAV\\Exception\\{name}</s:exception><s:message>{escape(why)}</s:message></d:error>"
    )
    headers = (("WWW-Authenticate", 'Basic realm="sabre/dav"'),) if status == 401 else ()
    return Response(body.encode(), "application/xml; charset=utf-8", status, headers)
