# mypy: ignore-errors
"""Fills a Spirit forum from a JSON file and prints what was made. Runs in Spirit's own environment."""

import datetime
import json
import sys
from pathlib import Path

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from spirit.category.models import Category  # noqa: E402
from spirit.comment.models import Comment  # noqa: E402
from spirit.core.conf import settings  # noqa: E402
from spirit.core.utils.markdown import Markdown  # noqa: E402
from spirit.topic.models import Topic  # noqa: E402
from spirit.topic.private.models import TopicPrivate  # noqa: E402

wanted = json.loads(Path(sys.argv[1]).read_text("utf-8"))
users = {name: get_user_model().objects.create(username=name) for name in ("zoé", "Jörg")}
categories = {title: Category.objects.create(title=title) for title in wanted["categories"]}
private = Category.objects.get(pk=settings.ST_TOPIC_PRIVATE_CATEGORY_PK)
topics = []
for one in wanted["topics"]:
    comments = one["comments"]
    dates = [datetime.datetime.fromtimestamp(comment["time"], datetime.UTC) for comment in comments]
    topic = Topic.objects.create(
        user=users[comments[0]["user"]],
        category=private if one["hidden"] == "private" else categories[one["category"]],
        title=one["title"],
        date=dates[0],
        last_active=dates[-1],
        comment_count=len(comments),
        is_removed=one["hidden"] == "removed",
    )
    if one["hidden"] == "private":
        for user in users.values():
            TopicPrivate.objects.create(user=user, topic=topic)
    for comment, date in zip(comments, dates, strict=True):
        saved = Comment.objects.create(
            user=users[comment["user"]],
            topic=topic,
            comment=comment["text"],
            comment_html=Markdown().render(comment["text"]),
            date=date,
        )
        comment["id"] = saved.pk
    made = {**one, "id": topic.pk, "path": topic.get_absolute_url(), "hidden": bool(one["hidden"])}
    topics.append(made)
paths = [[category.get_absolute_url(), title] for title, category in categories.items()]
print(json.dumps({"categories": paths, "topics": topics}))
