"""A real forum: NodeBB 1.4.0, the newest there is on npm (2016), on Redis, with content known exactly.

Its pages carry their JSON, /api mirrors them and the sitemaps are as today's, so that it stands for its
successors; what those do otherwise is told by pages in tests/software/test_nodebb.py. It is installed and
seeded once, below the user's cache folder (network needed then). It is reached through a `Site` that logs the
requests and may get in the way.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.sites.static import Request, Response, Site
from tests.sites.wiki_host import free_port

VERSION = "1.4.0"
PER_PAGE = 20
TRAPS = re.compile(
    r"^(?!/api/)/(?:recent|popular|top|unread|tags|users?|groups|post)(?:/|$)|\.rss|sort="
    r"|/topic/\d+/[^/]+/\d|socket\.io"
)
_SEED = Path(__file__).with_name("nodebb_seed.js")
_NEXT_DOOR = "127.0.0.2"
_NOWHERE = "http://127.0.0.1:4567"
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date"}


class Unavailable(Exception):
    """NodeBB could not be installed, or there is no Redis or Node."""


def mark(*what: object) -> str:
    """What stands in one post and nowhere else."""
    return "mark" + hashlib.sha1(repr(what).encode()).hexdigest()[:14]


@dataclass
class Topic:
    """One topic; deleted: places of posts that were deleted, gone: so was the topic."""

    title: str
    category: str
    posts: list[str]
    deleted: list[int] = field(default_factory=list)
    gone: bool = False
    tid: int = 0
    cid: int = 0
    slug: str = ""

    @property
    def path(self) -> str:
        """Its first page, below the forum."""
        return "topic/" + quote(self.slug)

    @property
    def private(self) -> bool:
        return self.category == "L'équipe" or self.gone


@dataclass
class Forum:
    """A running NodeBB behind `site`. down: targets that answer with 500; refuse: with a 429, once each."""

    site: Site
    base: str
    port: int
    topics: list[Topic]
    files: dict[str, bytes]
    down: set[str] = field(default_factory=set)
    refuse: set[str] = field(default_factory=set)
    without: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    """Target → what to replace in its answer, and by what."""

    def public(self) -> list[Topic]:
        return [topic for topic in self.topics if not topic.private]

    def markers(self) -> set[str]:
        return {
            mark(topic.title, n)
            for topic in self.public()
            for n in range(len(topic.posts))
            if n not in topic.deleted
        }

    def secrets(self) -> set[str]:
        return {mark(t.title, n) for t in self.topics for n in range(len(t.posts))} - self.markers()

    def pages(self) -> int:
        return sum(-(-len(topic.posts) // PER_PAGE) for topic in self.public())

    def __call__(self, request: Request) -> Response | None:
        """What NodeBB answers, or what stands in its way."""
        if request.target in self.down:
            return Response(b"<title>Internal error</title>", status=500)
        if request.target in self.refuse:
            self.refuse.discard(request.target)
            return Response(b"Too many requests", "text/plain", 429, (("Retry-After", "1"),))
        connection = http.client.HTTPConnection(_NEXT_DOOR, self.port, timeout=60)
        passed = {k: v for k, v in request.headers.items() if k not in ("connection", "accept-encoding")}
        connection.request(request.method, request.target, headers=passed)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        body = body.replace(b"https://fonts.googleapis.com", b"/fonts")
        before, after = self.without.get(request.target, (b"", b""))
        headers = tuple(
            (k, v) for k, v in answer.getheaders() if k.lower() not in {*_HOP, "content-type", "etag"}
        )
        kind = answer.headers.get("content-type", "")
        return Response(body.replace(before, after) if before else body, kind, answer.status, headers)


@contextmanager
def nodebb(folder: Path, *, small: bool = False, cache: Path | None = None) -> Iterator[Forum]:
    """Serve the seeded forum, or one with few topics, from an empty folder. Unavailable: it cannot be had."""
    wanted = _wanted(small)
    package, content = _installed(cache or _cache(), wanted)
    made = json.loads((content / "made.json").read_bytes())
    topics = [Topic(**topic) for topic in wanted["topics"]]
    for topic, one in zip(topics, made["topics"], strict=True):
        topic.tid, topic.slug = int(one["tid"]), one["slug"]
        topic.cid = int(made["categories"][topic.category])
    shutil.copy(content / "dump.rdb", folder)
    with Site() as site, _redis(folder) as redis:
        # NodeBB listens on the port that its address names, so it does so next door.
        port = int(site.url.rpartition(":")[2])
        config = _config(folder, site.url, port, redis)
        log = (folder / "nodebb.log").open("wb")
        command = ["node", "app.js", "--config", str(config)]
        server = subprocess.Popen(command, cwd=package, stdout=log, stderr=log)
        try:
            _wait(port, server, folder)
            forum = Forum(site, f"{site.url}/", port, topics, _files())
            site.parts.append(forum)
            yield forum
        finally:
            server.terminate()
            server.wait(30)
            log.close()


def _wanted(small: bool) -> dict[str, Any]:
    """What nodebb_seed.js is to make."""
    topics: list[dict[str, Any]] = []

    def topic(title: str, category: str, posts: int, **more: Any) -> None:
        texts = [f"Réponse {n} : l’été & après. {mark(title, n)}" for n in range(posts)]
        topics.append({"title": title, "category": category, "posts": texts, **more})

    names = ("Général", "Jardin & forêt", "Semis d’été")
    for n in range(8 if small else 150):
        topic(f"L’été {n} : où & quand ?", names[n % 3], 1 + n % 5)
    for n in range(1 if small else 20):
        topic(f"Deux pages ({n})", names[n % 3], 21 + n % 7)
    topic("La forêt en été : ça brûle ?", "Jardin & forêt", 65 if small else 405, deleted=[7, 33])
    topic("Exactement une page", "Général", PER_PAGE)
    topic("Update", "Général", 2)  # at /topic/ID/update, which orders nothing
    topic("Retiré", "Général", 2, gone=True)
    topic("Entre nous", "L'équipe", 3)
    for one, path in zip(topics, _files(), strict=False):
        one["posts"][0] += f"\n\n[plan](/{path})"
    topics[1]["posts"][0] += (
        "\n\n[un message](/post/7) [plus loin](/topic/101/x/44) [tri](/category/1?sort=votes)"
    )
    categories: list[dict[str, Any]] = [{"name": name} for name in names[:2]]
    categories += [{"name": names[2], "above": names[1]}, {"name": "L'équipe", "private": True}]
    return {"categories": categories, "topics": topics}


def _files() -> dict[str, bytes]:
    """Uploads: path below the forum → content."""
    return {f"uploads/files/{n}-plan.pdf": b"%PDF-1.4 " + mark("file", n).encode() for n in range(30)}


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "jukni-tests" / f"nodebb-{VERSION}"


def _installed(cache: Path, forum: dict[str, Any]) -> tuple[Path, Path]:
    """Folders of the program and of its content, made where missing. Two at once: the second waits."""
    for program in ("node", "npm", "redis-server"):
        if shutil.which(program) is None:
            raise Unavailable(f"there is no {program}")
    package = cache / "package"
    wanted = json.dumps(forum)
    content = cache / hashlib.sha256((wanted + _SEED.read_text()).encode()).hexdigest()[:12]
    content.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / "dump.rdb").exists():
            _install(package)
        if not (content / "made.json").exists():
            (content / "wanted.json").write_text(wanted)
            _fill(package, content)
    return package, content


def _install(package: Path) -> None:
    """NodeBB from npm, built, with an empty forum in dump.rdb beside it."""
    cache = package.parent
    shutil.rmtree(package, ignore_errors=True)
    _run(cache, "npm", "pack", f"nodebb@{VERSION}")
    _run(cache, "tar", "xzf", f"nodebb-{VERSION}.tgz")
    _run(package, "npm", "install", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts")
    (package / "public/uploads/sounds").mkdir(parents=True)
    (package / "public/uploads/files").mkdir()
    with _redis(cache) as redis:
        said = {"url": _NOWHERE, "port": "4567", "secret": "x", "database": "redis", "redis:password": ""}
        said |= {"redis:host": "127.0.0.1", "redis:port": str(redis), "redis:database": "0"}
        said |= {f"admin:{name}": "racine-1" for name in ("username", "password", "password:confirm")}
        said |= {"admin:email": "racine@example.org"}
        told = _run(package, "node", "app", "--setup", json.dumps(said))
        if "Setup Completed" not in told:
            raise Unavailable(f"NodeBB was not set up:\n{told[-2000:]}")
        _run(cache, "redis-cli", "-p", str(redis), "save")


def _fill(package: Path, content: Path) -> None:
    """The topics and files; who has which id into made.json."""
    for path, data in _files().items():
        (package / "public" / path).write_bytes(data)
    shutil.copy(package.parent / "dump.rdb", content)
    with _redis(content) as redis:
        config = _config(content, _NOWHERE, 4567, redis)
        said = _run(package, "node", str(_SEED), str(package), str(config), str(content / "wanted.json"))
        _run(content, "redis-cli", "-p", str(redis), "save")
    (content / "made.json").write_text(said.splitlines()[-1])


@contextmanager
def _redis(folder: Path) -> Iterator[int]:
    """A Redis on a free port, with the dump.rdb in that folder if there is one."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(lambda: _run(folder, "redis-cli", "-p", str(port), "ping").startswith("PONG"), server)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def _config(folder: Path, url: str, port: int, redis: int) -> Path:
    path = folder / "config.json"
    database = {"host": "127.0.0.1", "port": redis, "database": 0}
    said = {"url": url, "port": port, "bind_address": _NEXT_DOOR, "secret": "x", "database": "redis"}
    path.write_text(json.dumps({**said, "redis": database}))
    return path


def _wait(port: int, server: subprocess.Popen[bytes], folder: Path) -> None:
    def answers() -> bool:
        connection = http.client.HTTPConnection(_NEXT_DOOR, port, timeout=5)
        connection.request("GET", "/api/config")
        return connection.getresponse().status == 200

    try:
        _wait_for(answers, server)
    except RuntimeError as error:
        raise RuntimeError(f"{error}:\n{(folder / 'nodebb.log').read_text()}") from None


def _wait_for(happened: Any, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if happened():
                return
        except (OSError, Unavailable):
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{server.args!r} did not start")


def _run(folder: Path, *command: str) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if ended.returncode:
        raise Unavailable(f"{' '.join(command)[:200]} failed:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return ended.stdout
