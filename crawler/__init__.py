"""How pages get in.

    site ──▶ exchange ──▶ WARC ──▶ snapshot ──▶ store(s) ──▶ proof
     ▲  inventory │                 │  coverage verdict
     └─ frontier ◀┘                 └──▶ browse · submit

`crawl.py` holds one crawl together: it takes a URL from the frontier (`frontier.py`), visits it (`visit.py`:
robots, pace, `capture/` for the exact bytes, `accept.py` for what the body is, `recorder.py` for the WARC),
learns from it (`learn.py`) and commits all of it at once (`database.py`).

Learning: `installations.py` tells which software a page belongs to, its module in `software/` reads what the
site says it has, `inventory.py` remembers that and what became of it; the links of the page
(`engine/links.py`) are judged by the software's own rules, by `scope.py`, `harm.py` and `traps.py`.

At the end: `closing.py` asks again for what failed or changed, `resolve.py` looks up every link in the view,
`coverage.py` makes the verdict, and `storage.seal` writes the manifest. `engine/` is where Scrapy meets these
parts; `cli.py` is `jukni`.
"""

__version__ = "0.1.0"
