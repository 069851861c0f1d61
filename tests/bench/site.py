"""The site the benchmarks crawl: 5,000 static pages of 20 kB with 54 links each, served by nginx.

The pages are those of `tests.sites.parts.pages`, written to files: 20 links of a menu, 4 to pages not seen
before, 30 to any page. nginx is a process of its own, so its CPU is not counted against the crawler.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sites import parts
from tests.sites.wiki_host import free_port

SHAPE = parts.Shape(size=20_000, navigation=20, children=4, random=30)
BIG_FILE = "gros fichier.bin"


@dataclass(frozen=True)
class BenchSite:
    """A served site; `url` ends in a slash."""

    url: str
    log: Path

    def pages_asked(self) -> int:
        """How many pages were answered with 200 so far, however often."""
        answered = (line.split(" ", 1) for line in self.log.read_text().splitlines())
        return sum(status == "200" and parts.page_number(target) is not None for status, target in answered)


def write(folder: Path, count: int, *, big_megabytes: int = 0) -> None:
    """Write `count` pages below `folder`, and a file of so many MB (10^6 bytes) that the first one links."""
    (folder / "page").mkdir(parents=True)
    for number in range(count):
        body = parts.page(number, count, SHAPE)
        if number == 0:
            if big_megabytes:
                link = f'<p><a href="/{BIG_FILE.replace(" ", "%20")}">La sauvegarde</a></p></body>'
                body = body.replace(b"</body>", link.encode())
            (folder / "index.html").write_bytes(body)
        else:
            (folder / "page" / f"{number}.html").write_bytes(body)
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /prive/\n")
    if big_megabytes:
        block = random.Random(1).randbytes(10**6)
        with (folder / BIG_FILE).open("wb") as file:
            for _ in range(big_megabytes):
                file.write(block)


@contextmanager
def serve(folder: Path, pages: Path) -> Iterator[BenchSite]:
    """Serve `pages` with nginx, its own files in `folder`."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is None:
        raise SystemExit("nginx is not installed, run:  sudo apt install nginx-light")
    port, log = free_port(), folder / "access.log"
    (folder / "nginx.conf").write_text(f"""
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
pid {folder}/nginx.pid;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
  types {{ text/html html; text/plain txt; application/octet-stream bin; }}
  charset utf-8;
  gzip on;
  log_format plain '$status $request_uri';
  access_log {log} plain;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root "{pages}"; }}
}}
""")
    command = [nginx, "-e", f"{folder}/nginx.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    server = subprocess.Popen(command)
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait(url)
        yield BenchSite(url, log)
    finally:
        server.terminate()
        server.wait()


def _wait(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nginx did not answer at {url}")
