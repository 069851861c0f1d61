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
    """A topic as Topic.save and Post.save leave it, without a commit for each post."""
    entries, forum = one["posts"], forums[one["forum"]]
    author = users[entries[0]["user"]]
    topic = Topic(title=one["title"], user=author)
    topic.forum_id, topic.username = forum.id, author.username
    topic.date_created, topic.last_updated = moment(entries[0]["time"]), moment(entries[-1]["time"])
    topic.locked, topic.important = one.get("locked", False), one.get("important", False)
    db.session.add(topic)
    db.session.flush()
    posts = [Post(content=entry["text"], user=users[entry["user"]], topic=topic) for entry in entries]
    for post, entry in zip(posts, entries, strict=True):
        post.date_created = moment(entry["time"])
    db.session.add_all(posts)
    db.session.flush()
    topic.first_post_id, topic.last_post_id, topic.post_count = posts[0].id, posts[-1].id, len(posts)
    for post, entry in zip(posts, entries, strict=True):
        entry["id"] = post.id
        if entry.get("hidden"):
            post.hide(users["admin"])
    if one["hidden"] == "topic":
        topic.hide(users["admin"])
    made = [{key: entry[key] for key in entry if key != "text"} for entry in entries]
    path = f"/topic/{topic.id}-{topic.slug}"
    kept = {"title": one["title"], "forum": one["forum"], "hidden": bool(one["hidden"])}
    return {**kept, "id": topic.id, "path": path, "posts": made}


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
