"""A real forum: Spirit (django-spirit 0.14 on Django 5.2) behind gunicorn, with content known exactly.

Spirit's own code saves posts, polls, edits, uploads and avatars, so that slugs, counters, HTML and names of
files are what Spirit makes. See `tests.sites.wsgi` for where its packages live.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sites import wsgi
from tests.sites.dokuwiki import SPRING, pdf, png
from tests.sites.wsgi import Unavailable

__all__ = [
    "COMMENTS_PER_PAGE",
    "TOPICS_PER_PAGE",
    "Category",
    "Comment",
    "Forum",
    "Topic",
    "Unavailable",
    "spirit",
]

REQUIREMENTS = ("django-spirit==0.14.3", "Django>=5.2,<5.3", "gunicorn>=23", "setuptools<80", "wheel")
COMMENTS_PER_PAGE = 20
TOPICS_PER_PAGE = 20
VARIABLES = {"DJANGO_SETTINGS_MODULE": "forum.settings.loopback"}


@dataclass(frozen=True)
class Comment:
    """One entry of a topic. `time` is its UNIX time. `marker` stands in its text and nowhere else.

    hidden: of a removed one only a note is shown. note: what a moderator's act leaves, without a marker.
    first: the marker of its first wording, which no visitor may see. files: path of each upload → its marker.
    """

    id: int
    user: str
    time: int
    marker: str
    hidden: bool = False
    note: bool = False
    first: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


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

    def visible(self) -> list[Comment]:
        """The posts a visitor sees."""
        return [] if self.hidden else [c for c in self.comments if not c.hidden and not c.note]


@dataclass(frozen=True)
class Category:
    """A board. A `hidden` one is private or removed."""

    path: str
    title: str
    hidden: bool


@dataclass(frozen=True)
class Forum:
    """A running forum. `url` has no slash at its end."""

    url: str
    folder: Path
    categories: tuple[Category, ...]
    topics: tuple[Topic, ...]
    picture: bytes

    def topic(self, title: str) -> Topic:
        return next(topic for topic in self.topics if topic.title == title)

    def public(self) -> list[Topic]:
        return [topic for topic in self.topics if not topic.hidden]

    def pages(self) -> list[str]:
        """Paths of all pages of posts a visitor may read."""
        return [path for topic in self.public() for path in topic.pages()]

    def files(self, *, hidden: bool = False) -> dict[str, str]:
        """Path of each upload → the marker in it."""
        return {
            path: marker
            for topic in self.topics
            if topic.hidden == hidden
            for comment in topic.comments
            for path, marker in comment.files.items()
        }

    def hidden_markers(self) -> set[str]:
        """Markers no anonymous visitor may ever see."""
        comments = [(topic, comment) for topic in self.topics for comment in topic.comments]
        return {
            *(c.marker for topic, c in comments if (topic.hidden or c.hidden) and c.marker),
            *(c.first for _, c in comments if c.first),
            *self.files(hidden=True).values(),
        }

    def requests(self) -> list[wsgi.Request]:
        """Every request answered so far."""
        return wsgi.Served(self.url, self.folder).requests()

    def execute(self, statement: str, *values: object) -> None:
        """Change the database behind Spirit's back."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=30)) as database, database:
            database.execute(statement, values)

    def answer(self, topic: Topic, marker: str) -> None:
        """A new post in a topic, with its counter and its time, as if a member had just written it."""
        self.execute(
            "INSERT INTO spirit_comment_comment (user_id, topic_id, comment, comment_html, action, date,"
            " is_removed, is_modified, modified_count, likes_count)"
            " SELECT user_id, topic_id, ?, ?, 0, datetime('now'), 0, 0, 0, 0 FROM spirit_comment_comment"
            " WHERE id = ?",
            *(marker, f"<p>{marker}</p>", topic.comments[0].id),
        )
        self.execute(
            "UPDATE spirit_topic_topic SET comment_count = comment_count + 1, last_active = datetime('now')"
            " WHERE id = ?",
            topic.id,
        )

    @contextmanager
    def copied(self, folder: Path) -> Iterator[Forum]:
        """The same forum once more, served from a copy that may be changed."""
        shutil.copytree(
            self.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("static", "*.log")
        )
        (folder / "static").symlink_to(self.folder / "static")
        with _served(folder, json.loads((folder / "made.json").read_text("utf-8")), self.picture) as forum:
            yield forum


@contextmanager
def spirit(folder: Path) -> Iterator[Forum]:
    """Seed a forum in an empty folder and serve it. Unavailable when its packages cannot be had."""
    python = wsgi.environment("spirit", REQUIREMENTS)
    picture = png("spirit", shade=30)
    (folder / "media").mkdir()
    (folder / "media" / "carte d'été.png").write_bytes(picture)
    (folder / "avatar.png").write_bytes(png("avatar", shade=90))
    wsgi.run(python, folder, str(python.with_name("spirit")), "startproject", "forum", "--path", str(folder))
    (folder / "forum/settings/loopback.py").write_text(_SETTINGS)
    (folder / "forum/loopback_urls.py").write_text(_URLS)
    (folder / "wanted.json").write_text(json.dumps(_wanted()), "utf-8")
    seed = Path(__file__).with_name("spirit_seed.py")
    # -P: the script's folder stays off the path, where this very module would be taken for Spirit itself.
    made = wsgi.run(python, folder, str(python), "-P", str(seed), "wanted.json", **VARIABLES)
    (folder / "made.json").write_text(made, "utf-8")
    with _served(folder, json.loads(made), picture) as forum:
        yield forum


@contextmanager
def _served(folder: Path, made: Mapping[str, Any], picture: bytes) -> Iterator[Forum]:
    python = wsgi.environment("spirit", REQUIREMENTS)
    topics = []
    for topic in made["topics"]:
        comments = tuple(Comment(**one) for one in topic["comments"])
        topics.append(Topic(**{**topic, "comments": comments}))
    categories = tuple(Category(**category) for category in made["categories"])
    with wsgi.serve(python, folder, "forum.wsgi:application", "/category/", **VARIABLES) as served:
        yield Forum(served.url, folder, categories, tuple(topics), picture)


def _marker(text: str) -> str:
    return "mark" + hashlib.sha1(f"spirit/{text}".encode()).hexdigest()[:16]


_POLL = """

[poll name=bois]
# Quel bois brûle & chauffe ?
1. Le chêne
2. Le bouleau
[/poll]"""


def _wanted() -> dict[str, object]:
    """What spirit_seed.py is to make."""
    topics: list[dict[str, Any]] = []

    def topic(title: str, category: str, posts: int, hidden: str = "", **marks: bool) -> list[dict[str, Any]]:
        comments: list[dict[str, Any]] = []
        for number in range(posts):
            marker = _marker(f"{title}/{number}")
            text = f"Réponse n° {number}, *l’été*. {marker}"
            at = SPRING + len(topics) * 86_400 + number * 60
            user = ("zoé", "Jörg", "L’Équipe")[number % 3]
            comments.append({"user": user, "time": at, "text": text, "marker": marker, "files": []})
        topics.append({"title": title, "category": category, "comments": comments, "hidden": hidden, **marks})
        return comments

    def attach(comment: dict[str, Any], kind: str, name: str) -> None:
        marker = _marker(name)
        data = pdf(marker) if name.endswith(".pdf") else png(marker)
        comment["files"].append({"kind": kind, "name": name, "marker": marker, "data": data.hex()})

    long = topic("La forêt en été : ça brûle ?", "Général", 45)
    long[1]["text"] += "\n\n![La carte](/media/carte%20d'%C3%A9t%C3%A9.png)"
    long[3]["removed"] = True
    long[5]["text"] += " :smile: :+1: :heart_eyes:"
    long[22]["text"] += _POLL
    long[22]["votes"] = [["zoé", 1], ["Jörg", 1], ["L’Équipe", 2]]
    long[30]["first"] = _marker("first wording")
    attach(long[2], "images", "carte-2.gif")
    attach(long[40], "files", "règlement-d-été.pdf")
    topic("Question sans réponse", "Général", 1)
    topic("Exactement une page", "Jardin & forêt", COMMENTS_PER_PAGE)
    topic("Une page et une réponse", "Jardin & forêt", COMMENTS_PER_PAGE + 1)
    topic("Le potager : semis & récoltes", "Potager d’été", 61)
    topic("Bienvenue à tous", "Annonces", 2, globally=True)
    topic("Règles & usages", "Annonces", 1, pinned=True)
    topic("Sujet clos", "Annonces", COMMENTS_PER_PAGE, closed=True)
    topic("Dix pages d’histoire", "Hors du fil", 10 * COMMENTS_PER_PAGE)
    attach(topic("L'équipe entre elle", "", 3, hidden="private")[0], "files", "comptes.pdf")
    topic("Retiré par l'équipe", "Général", 2, hidden="removed")
    topic("Entre modérateurs", "Équipe", 2, hidden="category")
    topic("D’un autre temps", "Ancien", 2, hidden="category")
    topic("Login", "Annonces", 1)  # addresses that would be orders elsewhere
    topic("Update", "Annonces", COMMENTS_PER_PAGE + 1)
    for number in range(120):
        topic(f"Petite annonce {number}", ("Annonces", "Annonces", "Potager d’été")[number % 3], 1)
    categories = [
        {"title": "Général"},
        {"title": "Jardin & forêt"},
        {"title": "Potager d’été", "parent": "Jardin & forêt"},
        {"title": "Annonces"},
        {"title": "Hors du fil", "is_global": False},
        {"title": "Vide"},
        {"title": "Équipe", "is_private": True},
        {"title": "Ancien", "is_removed": True},
    ]
    return {"categories": categories, "topics": topics}


_SETTINGS = """
from .dev import *
DEBUG = False
TEMPLATES[0]['OPTIONS']['debug'] = False
ROOT_URLCONF = 'forum.loopback_urls'
LANGUAGE_CODE = 'fr'
LOGGING_CONFIG = None
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
ST_RATELIMIT_ENABLE = False
ST_ALLOWED_UPLOAD_IMAGE_FORMAT = ('jpeg', 'jpg', 'gif')
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
