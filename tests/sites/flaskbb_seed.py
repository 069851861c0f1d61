# mypy: ignore-errors
"""A FlaskBB application on Pythons newer than itself; as a script it fills one from a JSON file.

Runs in FlaskBB's own environment: `gunicorn forum:app`, `python forum.py wanted.json`.
"""

import collections
import collections.abc
import datetime
import json
import re
import sys
from pathlib import Path

for name in ("Callable", "Hashable", "Iterable", "Mapping", "MutableMapping", "MutableSet", "Sequence"):
    setattr(collections, name, getattr(collections.abc, name))  # where FlaskBB's time had them

from flaskbb.app import create_app  # noqa: E402
from flaskbb.configs.default import DefaultConfig  # noqa: E402
from flaskbb.extensions import db  # noqa: E402
from flaskbb.forum.models import Category, Forum, Post, Topic  # noqa: E402
from flaskbb.user.models import Group, User  # noqa: E402
from flaskbb.utils.populate import create_default_groups, create_default_settings  # noqa: E402

here = Path.cwd()
ELSEWHERE = re.compile(rb'<link href="https://fonts[^>]*>|<script src="https://twemoji[^>]*></script>')


class Config(DefaultConfig):
    SQLALCHEMY_DATABASE_URI = f"sqlite:///{here}/forum.sqlite"
    USE_DEFAULT_LOGGING = False
    LOG_PATH = str(here)
    WHOOSHEE_MEMORY_STORAGE = True
    CACHE_TYPE = "null"
    TESTING = True  # without the search index
    RATELIMIT_ENABLED = False


app = create_app(Config, instance_path=str(here / "instance"))


@app.after_request
def stay_here(response):
    """Without the font and the emojis that FlaskBB loads from elsewhere: tests talk to nobody."""
    if response.mimetype == "text/html":
        response.set_data(ELSEWHERE.sub(b"", response.get_data()))
    return response


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def make(one, users, forums):
    entries = one["posts"]
    topic = Topic(title=one["title"])
    saved = []
    for number, entry in enumerate(entries):
        post = Post(content=entry["text"])
        if number:
            post.save(user=users[entry["user"]], topic=topic)
        else:
            topic.save(user=users[entry["user"]], forum=forums[one["forum"]], post=post)
        saved.append(post)
    for post, entry in zip(saved, entries, strict=True):
        post.date_created = moment(entry["time"])
        entry["id"] = post.id
    topic.last_updated = saved[-1].date_created
    topic.locked, topic.important = one.get("locked", False), one.get("important", False)
    db.session.commit()
    for post, entry in zip(saved, entries, strict=True):
        if entry.get("hidden"):
            post.hide(users["admin"])
    if one["hidden"] == "topic":
        topic.hide(users["admin"])
    posts = [{key: entry[key] for key in entry if key != "text"} for entry in entries]
    path = f"/topic/{topic.id}-{topic.slug}"
    kept = {"title": one["title"], "forum": one["forum"], "hidden": bool(one["hidden"])}
    return {**kept, "id": topic.id, "path": path, "posts": posts}


def fill(wanted):
    db.session.execute("PRAGMA synchronous=OFF")
    db.create_all()
    create_default_groups()
    create_default_settings()
    groups = {group.name: group for group in Group.query.all()}
    users = {}
    for name in ("admin", "Zoé", "Jörg"):
        group = groups["Administrator" if name == "admin" else "Member"]
        email = f"{len(users)}@example.org"
        users[name] = User(
            username=name, email=email, password="x", primary_group_id=group.id, activated=True
        )
        users[name].signature = f"Signature de {name}"
        users[name].save()
    categories, forums = {}, {}
    for one in wanted["forums"]:
        if one["category"] not in categories:
            categories[one["category"]] = Category(title=one["category"]).save()
        category = categories[one["category"]].id
        forum = Forum(title=one["title"], description="", category_id=category, external=one.get("external"))
        forum.groups = [groups["Administrator"]] if one["hidden"] else list(groups.values())
        forums[one["title"]] = forum.save(groups=forum.groups)
    topics = [make(one, users, forums) for one in wanted["topics"]]
    for forum in forums.values():
        forum.recalculate(last_post=True)
    return {"topics": topics}


if __name__ == "__main__":
    with app.test_request_context("/"):
        print(json.dumps(fill(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
