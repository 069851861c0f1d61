"""What a made-up forum holds: boards, topics, posts and files, each post and file with a marker of its own.

Drawn by `tests/sites/{mybb,fluxbb,punbb,…}.py` as the software would. Nothing here depends on the clock but
the posts of "today" and "yesterday", which are as fresh as the forum.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MEMBERS = ("Élodie", "Jean-François", "Zoë d’Aulnay", "naïf_42", "Ülkü & fils", "admin")
TITLES = (
    "Présentations : qui êtes-vous ?",
    "Compost & paillage, l’été",
    "Où trouver des graines « anciennes » ?",
    "Réunion du 12/03 : compte rendu",
    "Fermeture de l'atelier <provisoire>",
    "Ça marche ! (ou pas)",
)
TEXT = (
    "J’ai essayé la méthode décrite hier, et le résultat dépasse mes espérances.",
    "Attention : le lien ne marche plus, quelqu'un a-t-il une copie ?",
    "À l’association, nous avons 3 > 2 raisons de continuer & d’espérer.",
)


@dataclass(frozen=True)
class File:
    id: int
    name: str
    marker: str


@dataclass(frozen=True)
class Post:
    """number: its place in the topic, from 1."""

    id: int
    number: int
    author: int
    posted: datetime
    marker: str
    file: File | None = None

    @property
    def text(self) -> str:
        return TEXT[self.id % len(TEXT)]


@dataclass
class Topic:
    id: int
    title: str
    posts: list[Post]
    sticky: bool = False


@dataclass
class Board:
    """left: topics that went to another board and are still shown here. parent: the board it lies in."""

    id: int
    name: str
    topics: list[Topic]
    private: bool = False
    parent: int | None = None
    left: list[Topic] = field(default_factory=list)


@dataclass
class Forum:
    """posts, topics: how many a page shows."""

    boards: list[Board]
    posts: int = 10
    topics: int = 15
    miscounted: dict[int, int] = field(default_factory=dict)
    """Topic id → how many posts more its row in the board claims."""

    def public(self) -> Iterator[Topic]:
        return (topic for board in self.boards if not board.private for topic in board.topics)

    def pages(self) -> int:
        """How many pages of posts a visitor may read."""
        return sum(self.last(topic) for topic in self.public())

    def last(self, topic: Topic) -> int:
        """How many pages a topic has."""
        return max(1, -(-len(topic.posts) // self.posts))

    def files(self) -> list[File]:
        return [post.file for topic in self.public() for post in topic.posts if post.file]

    def markers(self) -> list[str]:
        """Of everything public."""
        return [p.marker for t in self.public() for p in t.posts] + [f.marker for f in self.files()]

    def secrets(self) -> list[str]:
        """Of everything that visitors must not see."""
        found = []
        for board in self.boards:
            for topic in board.topics if board.private else ():
                found += [p.marker for p in topic.posts] + [p.file.marker for p in topic.posts if p.file]
        return found

    def board(self, id: int) -> Board | None:
        return next((board for board in self.boards if board.id == id), None)

    def topic(self, id: int) -> tuple[Board, Topic] | None:
        return next(((b, t) for b in self.boards for t in b.topics if t.id == id), None)

    def reply(self, topic: Topic, count: int = 1) -> None:
        """Someone answers now."""
        highest = max(post.id for board in self.boards for t in board.topics for post in t.posts)
        for n in range(count):
            id = highest + 1 + n
            moment = datetime.now(UTC).replace(microsecond=0)
            topic.posts.append(Post(id, len(topic.posts) + 1, id % len(MEMBERS), moment, marker("post", id)))


def marker(kind: str, id: int) -> str:
    return "mark" + hashlib.sha1(f"forum/{kind}/{id}".encode()).hexdigest()[:16]


def seed(share: float = 1.0) -> Forum:
    """About 60 public topics on 150 pages, 20 files, a private board, a moved topic; always the same.

    share: of the topics, for tests that need few. One board lies in another.
    """
    dice = random.Random("forum")
    now = datetime.now(UTC).replace(microsecond=0)
    long = iter((231, 118, 97, 188, 51, 45, 33, 131, 30, 28, 22, 21, 20, 11))
    ids = iter(range(7, 5_000, 3))
    posts = iter(range(1001, 9_000))
    files = iter(range(1, 99))
    boards: list[Board] = []
    for id, (name, count, private) in enumerate(_BOARDS, start=2):
        board = Board(id, name, [], private, parent=2 if name.startswith("Sous") else None)
        for n in range(round(count * share)):
            length = next(long, 0) if n % 4 == 1 and not private else 0
            topic = Topic(next(ids), f"{TITLES[dice.randrange(len(TITLES))]} #{n}", [], sticky=n == 0)
            for number in range(1, (length or dice.randint(1, 9)) + 1):
                moment = now - timedelta(days=dice.randint(2, 2_000), seconds=dice.randint(0, 86_000))
                file = None
                if number == 2 and (n % 3 == 0 or n == 1):
                    key = next(files)
                    file = File(key, f"plan été {key}.txt", marker("file", key))
                key = next(posts)
                topic.posts.append(
                    Post(key, number, dice.randrange(len(MEMBERS)), moment, marker("post", key), file)
                )
            board.topics.append(topic)
        boards.append(board)
    last = boards[0].topics[1].posts
    last[-1] = Post(
        last[-1].id, len(last), 0, now - timedelta(minutes=7), last[-1].marker
    )  # "Today", or "Yesterday"
    boards[1].left.append(boards[0].topics[2])
    return Forum(boards)


_BOARDS = (
    ("Général : l’accueil", 22, False),
    ("Le jardin & la forêt", 17, False),
    ("Sous-forum « outils »", 6, False),
    ("Bureau (privé)", 9, True),
    ("Archives 2009-2014", 13, False),
    ("Vide", 0, False),
)
