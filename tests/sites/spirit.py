"""A real forum: Spirit (django-spirit 0.14 on Django 5.2) behind gunicorn, with content known exactly.

Its packages live in an environment of their own, made on first use below the user's cache folder (network
needed once). Spirit's own models save the posts, so that counters, slugs and HTML are what Spirit makes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.sites.dokuwiki import SPRING, png
from tests.sites.wiki_host import fetch, free_port

REQUIREMENTS = ("django-spirit==0.14.3", "Django>=5.2,<5.3", "gunicorn>=23", "setuptools", "wheel")
COMMENTS_PER_PAGE = 20
TOPICS_PER_PAGE = 20


@dataclass(frozen=True)
class Comment:
    """One post; `marker` stands in its text and nowhere else. `time` is its UNIX time."""

    id: int
    user: str
    time: int
    text: str
    marker: str


@dataclass(frozen=True)
class Topic:
    """One topic, comments oldest first. `path` is its first page. A `hidden` one is private or removed."""

    id: int
    path: str
    title: str
    category: str
    comments: tuple[Comment, ...]
    hidden: bool

    def pages(self) -> list[str]:
        """Paths of all its pages, as the forum links them."""
        count = -(-len(self.comments) // COMMENTS_PER_PAGE)
        return [self.path, *(f"{self.path}?page={number}" for number in range(2, count + 1))]


@dataclass(frozen=True)
class Forum:
    """A running forum. `url` has no slash at its end; `categories` are (path, title)."""

    url: str
    categories: tuple[tuple[str, str], ...]
    topics: tuple[Topic, ...]
    picture: bytes

    def topic(self, title: str) -> Topic:
        return next(topic for topic in self.topics if topic.title == title)

    def public(self) -> list[Topic]:
        return [topic for topic in self.topics if not topic.hidden]

    def hidden_markers(self) -> set[str]:
        """Markers no anonymous visitor may ever see."""
        return {c.marker for topic in self.topics if topic.hidden for c in topic.comments}


class Unavailable(Exception):
    """Spirit's packages could not be installed."""


@contextmanager
def spirit(folder: Path, cache: Path | None = None) -> Iterator[Forum]:
    """Seed a forum in an empty folder and serve it. Unavailable when its packages cannot be had."""
    python = _environment(cache or _cache())
    picture = png("spirit", shade=30)
    (folder / "media").mkdir()
    (folder / "media" / "carte d'été.png").write_bytes(picture)
    _run(python, folder, str(python.with_name("spirit")), "startproject", "forum", "--path", str(folder))
    (folder / "forum/settings/loopback.py").write_text(_SETTINGS)
    (folder / "forum/loopback_urls.py").write_text(_URLS)
    manage = (str(python), str(folder / "manage.py"))
    _run(python, folder, *manage, "migrate", "--verbosity=0")
    _run(python, folder, *manage, "collectstatic", "--noinput", "--verbosity=0")
    (folder / "wanted.json").write_text(json.dumps(_wanted()), "utf-8")
    seed = Path(__file__).with_name("spirit_seed.py")
    # -P: the script's folder stays off the path, where this very module would be taken for Spirit itself.
    made = json.loads(_run(python, folder, str(python), "-P", str(seed), "wanted.json"))
    port = free_port()
    command = [
        *(str(python), "-m", "gunicorn", "forum.wsgi:application", f"--bind=127.0.0.1:{port}"),
        *("--worker-class=gthread", "--workers=1", "--threads=4", "--log-file=gunicorn.log"),
    ]
    server = subprocess.Popen(command, cwd=folder, env=_variables(python, folder))
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, server, folder)
        topics = tuple(
            Topic(**{**topic, "comments": tuple(Comment(**comment) for comment in topic["comments"])})
            for topic in made["topics"]
        )
        yield Forum(url, tuple(map(tuple, made["categories"])), topics, picture)
    finally:
        server.terminate()
        server.wait(30)


def _wanted() -> dict[str, object]:
    """What spirit_seed.py is to make."""
    topics: list[dict[str, object]] = []

    def topic(title: str, category: str, posts: int, hidden: str = "") -> None:
        comments = []
        for number in range(posts):
            marker = "mark" + hashlib.sha1(f"spirit/{title}/{number}".encode()).hexdigest()[:16]
            text = f"Réponse n° {number}, *l'été*. {marker}"
            if number == 1:
                text += "\n\n![La carte](/media/carte%20d'%C3%A9t%C3%A9.png)"
            at = SPRING + len(topics) * 86_400 + number * 60
            comments.append(asdict(Comment(0, ("zoé", "Jörg")[number % 2], at, text, marker)))
        topics.append({"title": title, "category": category, "comments": comments, "hidden": hidden})

    topic("La forêt en été : ça brûle ?", "Général", 45)
    topic("Question sans réponse", "Général", 1)
    topic("Exactement une page", "Jardin & forêt", COMMENTS_PER_PAGE)
    topic("Une page et une réponse", "Jardin & forêt", COMMENTS_PER_PAGE + 1)
    topic("L'équipe entre elle", "Général", 3, hidden="private")
    topic("Retiré par l'équipe", "Général", 2, hidden="removed")
    for number in range(TOPICS_PER_PAGE + 3):
        topic(f"Petite annonce {number}", "Annonces", 1)
    return {"categories": ["Général", "Jardin & forêt", "Annonces"], "topics": topics}


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(repr((REQUIREMENTS, sys.version_info[:2])).encode()).hexdigest()[:12]
    return base / "jukni-tests" / f"spirit-{key}"


def _environment(cache: Path) -> Path:
    """Its Python, after installing what is missing. Two test workers at once: the second waits."""
    python, done = cache / "bin/python", cache / "installed"
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            # setuptools and wheel first: some of the packages are old and build with what is there.
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(cache)],
                [*pip, "--upgrade", "setuptools", "wheel"],
                [*pip, *REQUIREMENTS],
            ):
                ended = subprocess.run(command, capture_output=True, text=True)
                if ended.returncode:
                    raise Unavailable(f"{' '.join(command)} failed:\n{ended.stderr[-2000:]}")
            done.touch()
    return python


def _variables(python: Path, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "forum.settings.loopback",
        "PYTHONPATH": str(folder),
        "PATH": f"{python.parent}:{os.environ.get('PATH', '')}",
    }


def _run(python: Path, folder: Path, *command: str) -> str:
    ended = subprocess.run(
        command, cwd=folder, env=_variables(python, folder), capture_output=True, text=True, timeout=300
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def _wait(url: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if fetch(f"{url}/category/")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    log = folder / "gunicorn.log"
    raise RuntimeError(f"the forum did not start:\n{log.read_text() if log.exists() else ''}")


_SETTINGS = """
from .dev import *
DEBUG = False
TEMPLATES[0]['OPTIONS']['debug'] = False
ROOT_URLCONF = 'forum.loopback_urls'
LANGUAGE_CODE = 'fr'
LOGGING = {'version': 1, 'disable_existing_loggers': True}
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
"""

_URLS = """
from django.conf import settings
from django.urls import re_path
from django.views.static import serve
from forum.urls import urlpatterns
urlpatterns = [
    re_path('^static/(?P<path>.*)$', serve, {'document_root': settings.STATIC_ROOT}),
    re_path('^media/(?P<path>.*)$', serve, {'document_root': settings.MEDIA_ROOT}),
    *urlpatterns,
]
"""
