"""How pages get in.

    site ──▶ exchange ──▶ WARC ──▶ snapshot ──▶ store(s) ──▶ proof
     ▲                     │
     └────── frontier ◀────┘

`crawl.py` holds one crawl together: it takes a URL from the frontier (`frontier.py`), visits it (`visit.py`:
robots, pace, `capture/` for the exact bytes, `recorder.py` for the WARC), learns the links of the page
(`engine/links.py`, judged by `scope.py` and `harm.py`) and commits all of it at once (`database.py`).
`engine/` is where Scrapy meets these parts; `cli.py` is `jukni`.
"""

__version__ = "0.1.0"
