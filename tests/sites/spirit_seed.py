# mypy: ignore-errors
"""Fills a Spirit forum from a JSON file and prints what was made. Runs in Spirit's own environment."""

import datetime
import io
import json
import sys
from pathlib import Path

import django
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

django.setup()
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import transaction  # noqa: E402
from PIL import Image  # noqa: E402
from spirit.category.models import Category  # noqa: E402
from spirit.comment.forms import CommentForm, CommentImageForm, save_user_file  # noqa: E402
from spirit.comment.models import Comment  # noqa: E402
from spirit.comment.poll.models import CommentPollChoice, CommentPollVote  # noqa: E402
from spirit.comment.utils import post_comment_update, pre_comment_update  # noqa: E402
from spirit.core import tasks  # noqa: E402
from spirit.core.conf import settings  # noqa: E402
from spirit.topic.models import Topic  # noqa: E402
from spirit.topic.private.models import TopicPrivate  # noqa: E402


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def upload(user, file):
    """Markdown of an uploaded file; pictures go through the members' form, as GIF."""
    data = bytes.fromhex(file["data"])
    if file["kind"] == "images":
        gif = io.BytesIO()
        marker = Image.open(io.BytesIO(data)).text["Comment"]
        Image.open(io.BytesIO(data)).save(gif, "GIF", comment=marker.encode())
        form = CommentImageForm(user=user, files={"image": SimpleUploadedFile(file["name"], gif.getvalue())})
        assert form.is_valid(), form.errors
        return "!", form.save().url
    return "", save_user_file(user, SimpleUploadedFile(file["name"], data), "files").url


def fill(topic, entry, user, date):
    """One entry of a topic, written by Spirit; tells its id and the paths of its files."""
    text, files = entry["text"], {}
    for file in entry["files"]:
        mark, url = upload(user, file)
        text += f"\n\n{mark}[{file['name']}]({url})"
        files[url] = file["marker"]
    first = entry.get("first", "")
    form = CommentForm(user=user, topic=topic, data={"comment": first or text})
    assert form.is_valid(), form.errors
    comment = form.save()
    if first:
        pre_comment_update(comment=Comment.objects.get(pk=comment.pk))
        form = CommentForm(data={"comment": text}, instance=comment)
        assert form.is_valid(), form.errors
        post_comment_update(comment=form.save())
    for name, number in entry.get("votes", ()):
        choice = CommentPollChoice.objects.get(poll__comment=comment, number=number)
        CommentPollVote.objects.create(voter=users[name], choice=choice)
        CommentPollChoice.increase_vote_count(poll=choice.poll, voter=users[name])
    Comment.objects.filter(pk=comment.pk).update(date=date, is_removed=entry.get("removed", False))
    return {"id": comment.pk, "first": first, "files": files, "hidden": entry.get("removed", False)}


def make(one):
    entries = one["comments"]
    hidden = one["hidden"]
    topic = Topic.objects.create(
        user=users[entries[0]["user"]],
        category=private if hidden == "private" else categories[one["category"]],
        title=one["title"],
        date=moment(entries[0]["time"]),
        last_active=moment(entries[-1]["time"]),
        comment_count=len(entries),
        is_removed=hidden == "removed",
        is_pinned=one.get("pinned", False),
        is_globally_pinned=one.get("globally", False),
        is_closed=one.get("closed", False),
    )
    if hidden == "private":
        TopicPrivate.objects.create(user=users["zoé"], topic=topic)
    made = []
    for entry in entries:
        kept = {key: entry[key] for key in ("user", "time", "marker")}
        made.append(kept | fill(topic, entry, users[entry["user"]], moment(entry["time"])))
    if topic.is_closed:
        note = Comment.create_moderation_action(user=users["zoé"], topic=topic, action=Comment.CLOSED)
        Comment.objects.filter(pk=note.pk).update(date=moment(entries[-1]["time"] + 60))
        made.append({"id": note.pk, "user": "zoé", "time": 0, "marker": "", "note": True})
    path = topic.get_absolute_url()
    kept = {key: one[key] for key in ("title", "category")}
    return kept | {"id": topic.pk, "path": path, "hidden": bool(hidden), "comments": made}


wanted = json.loads(Path(sys.argv[1]).read_text("utf-8"))
with transaction.atomic():
    users = {name: get_user_model().objects.create(username=name) for name in ("zoé", "Jörg", "L’Équipe")}
    users["zoé"].st.avatar.save("pic.png", SimpleUploadedFile("pic.png", Path("avatar.png").read_bytes()))
    categories = {}
    for one in wanted["categories"]:
        parent = categories.get(one.pop("parent", None))
        categories[one["title"]] = Category.objects.create(parent=parent, **one)
    private = Category.objects.get(pk=settings.ST_TOPIC_PRIVATE_CATEGORY_PK)
    topics = [make(one) for one in wanted["topics"]]
    tasks.make_avatars(users["zoé"].pk)
paths = [
    {"path": one.get_absolute_url(), "title": title, "hidden": one.is_private or one.is_removed}
    for title, one in categories.items()
]
print(json.dumps({"categories": paths, "topics": topics}))
