"""A real forum of another kind: FlaskBB 2.0.2 (2018) behind gunicorn, with content known exactly.

It runs on today's Python with the last releases of what it was written for, which pip would not choose by
itself. FlaskBB's own models save the posts, hide some of them and count.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sites import wsgi
from tests.sites.dokuwiki import SPRING

REQUIREMENTS = (
    *("FlaskBB==2.0.2", "Flask==1.1.4", "Werkzeug==0.16.1", "Jinja2==2.11.3", "MarkupSafe==2.0.1"),
    *("itsdangerous==0.24", "click==7.1.2", "click-log==0.3.2", "WTForms==2.2.1", "Flask-WTF==0.14.3"),
    *("SQLAlchemy==1.3.24", "SQLAlchemy-Utils==0.37.9", "Flask-SQLAlchemy==2.4.4", "alembic==1.4.3"),
    *("Mako==1.1.6", "python-editor==1.0.4", "Flask-Alembic==2.0.1", "flask-allows==0.4.0"),
    *("Flask-BabelPlus==2.2.0", "Babel==2.9.1", "speaklater==1.3", "pytz", "Flask-Caching==1.10.1"),
    *("Flask-DebugToolbar==0.11.0", "Flask-Limiter==1.4", "limits==1.6", "Flask-Login==0.4.1"),
    *("Flask-Mail==0.9.1", "blinker==1.4", "Flask-Redis==0.4.0", "redis==3.5.3", "Flask-Themes2==0.1.5"),
    *("flask-whooshee==0.8.1", "Whoosh==2.7.4", "celery==5.3.6", "kombu==5.3.5", "billiard==4.2.1"),
    *("vine==5.1.0", "amqp==5.2.0", "click-didyoumean==0.3.0", "click-plugins==1.1.1", "click-repl==0.3.0"),
    *("prompt-toolkit", "wcwidth", "tzdata", "mistune==0.8.4", "pluggy==0.13.1", "Pygments", "Pillow"),
    *("python-dateutil", "attrs", "requests", "urllib3", "certifi", "chardet", "idna", "six"),
    *("Unidecode", "gunicorn>=23", "packaging"),
)
POSTS_PER_PAGE = 10
TOPICS_PER_PAGE = 10


@dataclass(frozen=True)
class Post:
    """One post. `marker` stands in its text and nowhere else; a `hidden` one no visitor may see."""

    id: int
    user: str
    time: int
    marker: str
    hidden: bool = False


@dataclass(frozen=True)
class Topic:
    """One topic, posts oldest first. `path` is its first page. A `hidden` one is hidden, or its board."""

    id: int
    path: str
    title: str
    forum: str
    posts: tuple[Post, ...]
    hidden: bool

    def visible(self) -> list[Post]:
        return [] if self.hidden else [post for post in self.posts if not post.hidden]

    def pages(self) -> list[str]:
        """Paths of all its pages, as the topic itself links them."""
        count = -(-len(self.visible()) // POSTS_PER_PAGE)
        return [self.path, *(f"{self.path}?page={number}" for number in range(2, count + 1))]


@dataclass(frozen=True)
class FlaskBB:
    """A running forum. `url` has no slash at its end."""

    url: str
    folder: Path
    topics: tuple[Topic, ...]

    def topic(self, title: str) -> Topic:
        return next(topic for topic in self.topics if topic.title == title)

    def public(self) -> list[Topic]:
        return [topic for topic in self.topics if not topic.hidden]

    def pages(self) -> list[str]:
        """Paths of all pages of posts a visitor may read."""
        return [path for topic in self.public() for path in topic.pages()]

    def hidden_markers(self) -> set[str]:
        """Markers no anonymous visitor may ever see."""
        return {p.marker for topic in self.topics for p in topic.posts if topic.hidden or p.hidden}

    def requests(self) -> list[wsgi.Request]:
        """Every request answered so far."""
        return wsgi.Served(self.url, self.folder).requests()

    def execute(self, statement: str, *values: object) -> None:
        """Change the database behind FlaskBB's back."""
        with closing(sqlite3.connect(self.folder / "forum.sqlite", timeout=30)) as database, database:
            database.execute(statement, values)

    @contextmanager
    def copied(self, folder: Path) -> Iterator[FlaskBB]:
        """The same forum once more, served from a copy that may be changed."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.log"))
        with _served(folder, self.topics) as forum:
            yield forum


@contextmanager
def flaskbb(folder: Path) -> Iterator[FlaskBB]:
    """Seed a forum in an empty folder and serve it. wsgi.Unavailable when its packages cannot be had."""
    if sys.version_info >= (3, 14):
        raise wsgi.Unavailable("FlaskBB 2.0.2 and its Flask run on no Python newer than 3.13")
    python = wsgi.environment("flaskbb", REQUIREMENTS, closed=True)
    shutil.copy(Path(__file__).with_name("flaskbb_seed.py"), folder / "forum.py")
    (folder / "wanted.json").write_text(json.dumps(_wanted()), "utf-8")
    made = json.loads(wsgi.run(python, folder, str(python), "-W", "ignore", "forum.py", "wanted.json"))
    topics = []
    for topic in made["topics"]:
        topics.append(Topic(**{**topic, "posts": tuple(Post(**post) for post in topic["posts"])}))
    with _served(folder, tuple(topics)) as forum:
        yield forum


@contextmanager
def _served(folder: Path, topics: tuple[Topic, ...]) -> Iterator[FlaskBB]:
    python = wsgi.environment("flaskbb", REQUIREMENTS, closed=True)
    with wsgi.serve(python, folder, "forum:app", "/", PYTHONWARNINGS="ignore") as served:
        yield FlaskBB(served.url, folder, topics)


def _wanted() -> dict[str, object]:
    """What flaskbb_seed.py is to make."""
    topics: list[dict[str, Any]] = []

    def topic(title: str, forum: str, posts: int, hidden: str = "", **marks: bool) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for number in range(posts):
            marker = "mark" + hashlib.sha1(f"flaskbb/{title}/{number}".encode()).hexdigest()[:16]
            at = SPRING + len(topics) * 86_400 + number * 60
            text = f"Réponse n° {number}, *l’été*. {marker}"
            made.append({"user": ("Zoé", "Jörg")[number % 2], "time": at, "text": text, "marker": marker})
        topics.append({"title": title, "forum": forum, "posts": made, "hidden": hidden, **marks})
        return made

    topic("Été & forêt : « ça brûle » ?", "Général", 23)[4]["hidden"] = True
    topic("Question sans réponse", "Général", 1)
    topic("Exactement une page", "Général", POSTS_PER_PAGE, locked=True)
    topic("Une page et une réponse", "Jardin & forêt", POSTS_PER_PAGE + 1, important=True)
    topic("Quinze pages d’histoire", "Jardin & forêt", 15 * POSTS_PER_PAGE)
    topic("Retiré par l’équipe", "Général", 2, hidden="topic")
    topic("Entre nous", "Équipe", 3, hidden="board")
    for number in range(130):
        topic(f"Petite annonce {number}", "Annonces", 1)
    forums: list[dict[str, object]] = [
        {"title": "Général", "category": "Le forum"},
        {"title": "Jardin & forêt", "category": "Le forum"},
        {"title": "Équipe", "category": "Le forum", "hidden": True},
        {"title": "Annonces", "category": "À côté"},
        {"title": "Vide", "category": "À côté"},
        {"title": "Ailleurs", "category": "À côté", "external": "http://127.0.0.1:9/"},
    ]
    return {"forums": [{"hidden": False, **forum} for forum in forums], "topics": topics}
