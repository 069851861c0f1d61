"""Time to read the links of a 20 KB forum page: `python tests/bench/links.py` (least CPU of 15 series).

54 links, all but a few known after the first page, as on a real forum. Beside it the time Lexbor alone needs.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

sys.path.insert(0, str(Path(__file__).parents[2]))

from crawler.engine.charset import charset_of
from crawler.engine.links import links
from crawler.harm import harm
from crawler.novelty import Novelty
from crawler.scope import Scope
from crawler.traps import trap

WORDS = [
    *(
        "le",
        "forum",
        "archive",
        "wiki",
        "page",
        "sujet",
        "réponse",
        "été",
        "message",
        "lien",
        "image",
        "rien",
    ),
]
URL = "http://forum.example/topic.php?id={}"


def page(n: int) -> bytes:
    """A topic page of 20 KB with 54 links."""
    chance = random.Random(n)
    menu = "".join(f'<li><a href="/section/{i}.php">Section {i}</a></li>' for i in range(20))
    posts = "".join(
        f'<div class="post" id="p{i}"><p class="author"><a href="/user.php?id={chance.randrange(50)}">nom</a>'
        f'<time datetime="2024-01-01">hier</time></p><div class="content">{prose(chance, 300)}</div></div>'
        for i in range(10)
    )
    topics = "".join(
        f'<li><a href="topic.php?id={chance.randrange(400)}#p1">sujet</a></li>' for _ in range(24)
    )
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Sujet</title><link rel="stylesheet" '
        f'href="/style.css"><script src="/app.js"></script></head><body><ul>{menu}</ul>'
        f'<img src="/logo.png" alt="">{posts}<ul>{topics}</ul></body></html>'
    ).encode()


def prose(chance: random.Random, words: int) -> str:
    """A line of text."""
    return " ".join(chance.choices(WORDS, k=words)) + f" {chance.getrandbits(64):x}"


def main() -> None:
    """Measure and print."""
    pages = [(URL.format(n), page(n)) for n in range(200)]
    size = sum(len(body) for _, body in pages) // len(pages)
    found = list(links(pages[0][1], pages[0][0], "text/html", "utf-8"))
    print(f"{size:,} bytes a page, {len(found)} different links on the first")
    scope = Scope((URL.format(1),)).with_software("phpbb")
    novelty = [Novelty()]
    new = [f"http://forum.example/viewtopic.php?f=3&t={n}&start=20" for n in range(200)]
    tests: dict[str, Callable[[int], object]] = {
        "links()": lambda n: list(links(pages[n][1], pages[n][0], "text/html", "utf-8")),
        "  of which Lexbor": lambda n: LexborHTMLParser(pages[n][1]),
        "charset_of()": lambda n: charset_of(b"text/html", pages[n][1]),
        "novelty.seen(), 200 pages": lambda n: novelty[-1].seen(*pages[n]),
        "scope.judge(), one new URL": lambda n: scope.judge(new[n]),
        "  of which harm()": lambda n: harm(new[n]),
        "  of which trap()": lambda n: trap(new[n], scope.software),
    }
    for name, test in tests.items():
        best = 1e9
        for _ in range(15):
            novelty.append(Novelty())
            start = time.process_time()
            for n in range(200):
                test(n)
            best = min(best, (time.process_time() - start) / 200)
        print(f"{name:<28}{best * 1e6:>8.1f} µs")


if __name__ == "__main__":
    main()
