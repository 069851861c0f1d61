"""A stand-in for archive.org on loopback: Save Page Now 2, the CDX server, captures; and their failures.

    with ArchiveOrg() as service:
        service.scripts["https://forum.exemple.org/"] = "429; pending2, success"
        …submit to service.save_url, service.cdx_url, service.web_url…
        assert service.most_active <= 2

A URL's script has a part for each time it is asked for (the last one for all that follow), separated by ";".
A part is one word about the ask, or words about the job, separated by ",":

    429  429:SECONDS  502  empty  html  400  401  cut  refuse:CODE  say:MESSAGE        no job, no capture
    502archived  cutarchived                                                       no job, but a capture
    delayed:WORDS  pendingN  success  lost  late  error:CODE  archived:CODE  forgotten  led:URL      a job

`lost`: success, and a capture nowhere. `late`: success, the capture has its address, and is never in the
index.
`archived:CODE`: an error, and a capture all the same. Without a script: `pending1, success`.

Source: "Save Page Now 2 Public API Docs Draft" (2025-10-22), wayback-cdx-server/README.md, IAS3API.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from storage.cdxj import surt

ACCESS, SECRET = "clef-d-essai", "tr0p-secret-pour-un-journal"
HTML_429 = b"<html><body><h1>429 Too Many Requests</h1>You have sent too many requests.</body></html>"


@dataclass
class Row:
    """One capture. shown: from when on the index has it; None: never."""

    url: str
    at: datetime
    digest: str
    status: str = "200"
    mime: str = "text/html"
    shown: datetime | None = None

    @property
    def timestamp(self) -> str:
        return f"{self.at:%Y%m%d%H%M%S}"


@dataclass
class Job:
    id: str
    url: str
    words: list[str]
    begun: datetime
    over: bool = False
    end: dict[str, Any] = field(default_factory=dict)


class ArchiveOrg:
    """The service; what came is in `asks` (time, URL), `requests` (method, target) and the counters."""

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        per_minute: int = 7,
        sessions: int = 12,
        a_day: int = 30_000,
        lag: timedelta = timedelta(0),
    ) -> None:
        """per_minute, sessions, a_day: what it lets through. lag: after which the index shows a capture."""
        self.now = now
        self.per_minute = per_minute
        self.sessions = sessions
        self.a_day = a_day
        self.lag = lag
        self.scripts: dict[str, str] = {}
        self.digests: dict[str, str] = {}
        self.rows: list[Row] = []
        self.asks: list[tuple[datetime, str]] = []
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.turned_away = 0
        self.most_active = 0
        self.secret = SECRET
        self.system: tuple[int, bytes] = (200, b'{"status":"ok"}')
        self.user: tuple[int, bytes] | None = None
        self.broken_index: list[tuple[int, bytes]] = []
        self.index_rows = 100_000
        self.items: dict[str, dict[str, Any]] = {}
        self.item_answers: list[tuple[int, bytes]] = []
        self.item_lists: Callable[[list[dict[str, str]]], list[dict[str, str]]] = lambda files: files
        self.jobs: dict[str, Job] = {}
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()

    # -- the server

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"archive_org": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.save_url, self.web_url = f"{self.url}/save", f"{self.url}/web"
        self.cdx_url = f"{self.url}/cdx/search/cdx"
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # -- what tests look at

    @property
    def most_in_a_minute(self) -> int:
        times, minute = [at for at, _ in self.asks], timedelta(minutes=1)
        return max((sum(one <= other < one + minute for other in times) for one in times), default=0)

    def times_asked(self, url: str) -> int:
        return sum(asked == url for _, asked in self.asks)

    def has(self, url: str, at: datetime, digest: str = "", **more: Any) -> None:
        """Put a capture there, made and shown at that time. digest: as ours, "sha1:…"."""
        self.rows.append(Row(url, at, digest.removeprefix("sha1:") or _other(url), **{"shown": at, **more}))

    # -- Save Page Now

    def save(self, form: dict[str, str]) -> tuple[int, bytes, dict[str, str]] | None:
        now, url = self.now(), form["url"]
        with self._lock:
            self.asks.append((now, url))
            recent = [at for at, _ in self.asks if at > now - timedelta(minutes=1)]
            if len(recent) > self.per_minute:
                self.turned_away += 1
                return 429, HTML_429, {}
            if len([one for one in self.jobs.values() if not one.over]) >= self.sessions:
                return self._error("user-session-limit", _SESSIONS)
            if self._captures_today() >= self.a_day:
                text = f"You cannot make more than {self.a_day} captures per day"
                return 200, json.dumps({"message": text}).encode(), {}
            parts = [part.strip() for part in self._script(url).split(";")]
            number = self._asked.get(url, 0)
            self._asked[url] = number + 1
            words = [word.strip() for word in parts[min(number, len(parts) - 1)].split(",")]
            return self._first(words, url, now)

    def _first(self, words: list[str], url: str, now: datetime) -> tuple[int, bytes, dict[str, str]] | None:
        word, _, value = words[0].partition(":")
        match word:
            case "429":
                return 429, HTML_429, {"Retry-After": value} if value else {}
            case "401":
                return 401, b'{"message": "You need to be logged in to use Save Page Now."}', {}
            case "400":
                return 400, b"<html><h1>400 Bad Request</h1></html>", {}
            case "502":
                return 502, b"<html><h1>502 Bad Gateway</h1></html>", {}
            case "502archived":
                self._capture(url, now)
                return 502, b"<html><h1>502 Bad Gateway</h1></html>", {}
            case "cut" | "cutarchived":
                if word == "cutarchived":
                    self._capture(url, now)
                return None
            case "empty":
                return 200, b"", {}
            case "html":
                return 200, b"<html>maintenance</html>", {}
            case "refuse":
                return self._error(value, f"because of {value}")
            case "say":
                return 200, json.dumps({"status": "error", "message": value}).encode(), {}
        more: dict[str, Any] = {}
        if word == "delayed":
            text = f"The capture will start in ~{value} because our service is currently overloaded."
            more, words = {"message": text}, words[1:]
        job = Job(f"spn2-{hashlib.sha1(f'{url}{len(self.jobs)}'.encode()).hexdigest()}", url, words, now)
        self.jobs[job.id] = job
        self.most_active = max(self.most_active, sum(not one.over for one in self.jobs.values()))
        return 200, json.dumps({"url": url, "job_id": job.id, **more}).encode(), {}

    def status(self, id: str) -> tuple[int, bytes, dict[str, str]]:
        with self._lock:
            now = self.now()
            job = self.jobs.get(id)
            if job is None or job.begun < now - timedelta(hours=1):
                return 404, b'{"status": "error", "message": "no such job"}', {}
            if not job.over:
                self._advance(job, now)
            return 200, json.dumps({"job_id": job.id, "resources": [], **job.end}).encode(), {}

    def _advance(self, job: Job, now: datetime) -> None:
        word, _, value = (job.words[0] if job.words else "success").partition(":")
        if word.startswith("pending"):
            left = int(word.removeprefix("pending") or 1) - 1
            job.words = [f"pending{left}", *job.words[1:]] if left else job.words[1:]
            job.end = {"status": "pending"}
            return
        job.over = True
        match word:
            case "success" | "lost" | "late" | "led":
                url = value or job.url
                row = Row(url, now, "", shown=now + self.lag)
                if word == "success" or word == "led":
                    row = self._capture(url, now)
                elif word == "late":
                    row = self._capture(url, now, shown=False)
                job.end = {"status": "success", "original_url": url, "timestamp": row.timestamp}
            case "forgotten":
                del self.jobs[job.id]
            case _:
                if word == "archived":
                    self._capture(job.url, now)
                code = f"error:{value}"
                job.end = {"status": "error", "status_ext": code, "message": f"because of {value}"}

    def _capture(self, url: str, at: datetime, *, shown: bool = True) -> Row:
        row = Row(url, at, self.digests.get(url, "").removeprefix("sha1:") or _other(url))
        row.shown = at + self.lag if shown else None
        self.rows.append(row)
        return row

    def _script(self, url: str) -> str:
        told = parse_qs(urlsplit(url).query).get("spn")
        return self.scripts.get(url) or (told[0] if told else "pending1, success")

    def _error(self, code: str, message: str) -> tuple[int, bytes, dict[str, str]]:
        plain = {"status": "error", "status_ext": f"error:{code}", "message": message}
        return 200, json.dumps(plain).encode(), {}

    def _captures_today(self) -> int:
        return sum(job.begun.date() == self.now().date() for job in self.jobs.values())

    def user_status(self) -> tuple[int, bytes, dict[str, str]]:
        if self.user is not None:
            return (*self.user, {})
        with self._lock:
            running = sum(not job.over for job in self.jobs.values())
            plain = {
                "available": max(0, self.sessions - running),
                "processing": running,
                "daily_captures": self._captures_today(),
                "daily_captures_limit": self.a_day,
            }
        return 200, json.dumps(plain).encode(), {}

    # -- the index and captures

    def index(self, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        if self.broken_index:
            return (*self.broken_index.pop(0), {})
        with self._lock:
            rows = [(surt(row.url), row) for row in self.rows if row.shown and row.shown <= self.now()]
        rows.sort(key=lambda pair: (pair[0], pair[1].timestamp))
        wanted = surt("http://" + query["url"].removeprefix("http://").removeprefix("https://"))
        if query.get("matchType") == "prefix":
            rows = [pair for pair in rows if pair[0].startswith(wanted)]
        else:
            rows = [pair for pair in rows if pair[0] == wanted]
        rows = [pair for pair in rows if pair[1].timestamp >= query.get("from", "")]
        if query.get("collapse") == "urlkey":
            rows = list({key: (key, row) for key, row in reversed(rows)}.values())[::-1]
        begin = int(unquote(query.get("resumeKey", "0")))
        end = begin + min(int(query.get("limit", self.index_rows)), self.index_rows)
        fields = query["fl"].split(",")
        table: list[list[str]] = [[_cell(key, row, name) for name in fields] for key, row in rows[begin:end]]
        answer: list[list[str]] = [fields, *table] if table else []
        if end < len(rows) and query.get("showResumeKey") == "true":
            answer += [[], [quote(str(end))]]
        return 200, json.dumps(answer).encode(), {}

    def capture(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        found = re.fullmatch(r"/web/(\d{14})(?:id_)?/(.+)", path)
        if found is None:
            return 404, b"", {}
        alike = [row for row in self.rows if surt(row.url) == surt(unquote(found[2]))]
        if any(row.timestamp == found[1] for row in alike):
            return 200, b"<title>capture</title>", {}
        if alike:
            return 302, b"", {"Location": f"{self.web_url}/{alike[-1].timestamp}id_/{alike[-1].url}"}
        return 404, b"", {}

    # -- items

    def put(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        if self.item_answers:
            return (*self.item_answers.pop(0), {})
        identifier, _, key = unquote(path.removeprefix("/")).partition("/")
        md5 = hashlib.md5(body).hexdigest()
        if headers.get("content-md5") not in (None, md5):
            return 400, b"<Error><Code>BadDigest</Code></Error>", {}
        item = self.items.setdefault(identifier, {"files": {}, "headers": headers})
        item["files"][key] = {"name": key, "size": str(len(body)), "md5": md5}
        return 200, b"", {}

    def metadata(self, identifier: str) -> tuple[int, bytes, dict[str, str]]:
        item = self.items.get(identifier)
        if item is None:
            return 200, b"{}", {}
        meta = {"identifier": identifier}
        return (
            200,
            json.dumps({"metadata": meta, "files": self.item_lists(list(item["files"].values()))}).encode(),
            {},
        )


_SESSIONS = (
    "You have already reached the limit of active Save Page Now sessions. "
    "Please wait for a minute and then try again."
)


class _Handler(BaseHTTPRequestHandler):
    archive_org: ArchiveOrg
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._do()

    def do_HEAD(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def do_PUT(self) -> None:
        self._do()

    def log_message(self, *_: Any) -> None:
        pass

    def _do(self) -> None:
        service = self.archive_org
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        service.requests.append((self.command, self.path))
        service.headers.append(headers)
        service.bodies.append(body)
        answer = self._answer(service, headers, body)
        if answer is None:
            self.close_connection = True
            return
        status, content, more = answer
        if "gzip" in headers.get("accept-encoding", "") and status == 200:
            content, more = gzip.compress(content), {**more, "Content-Encoding": "gzip"}
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **more}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _answer(
        self, service: ArchiveOrg, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]] | None:
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        path = parts.path
        if path.startswith("/save") and headers.get("authorization") != f"LOW {ACCESS}:{service.secret}":
            return 401, b'{"message": "You need to be logged in to use Save Page Now."}', {}
        match self.command, path:
            case "POST", "/save":
                return service.save({key: values[-1] for key, values in parse_qs(body.decode()).items()})
            case "GET", "/save/status/user":
                return service.user_status()
            case "GET", "/save/status/system":
                return (*service.system, {})
            case "GET", _ if path.startswith("/save/status/"):
                return service.status(path.rpartition("/")[2])
            case "GET", _ if path.startswith("/save/"):
                return 429, HTML_429, {}
            case "GET", "/cdx/search/cdx":
                return service.index(query)
            case "GET", _ if path.startswith("/metadata/"):
                return service.metadata(path.rpartition("/")[2])
            case "GET", "/s3" | "/s3/":
                return 200, b'{"over_limit": 0}', {}
            case "PUT", _ if path.startswith("/s3/"):
                return service.put(path.removeprefix("/s3"), headers, body)
            case _ if path.startswith("/web/"):
                return service.capture(self.path)
        return 404, b"", {}


def _cell(key: str, row: Row, name: str) -> str:
    values = {
        "urlkey": key,
        "timestamp": row.timestamp,
        "original": row.url,
        "mimetype": row.mime,
        "statuscode": row.status,
        "digest": row.digest,
        "length": "1234",
    }
    return values[name]


def _other(url: str) -> str:
    """A digest that is not ours, as most are: theirs came at another time, or with another coding."""
    return base64.b32encode(hashlib.sha1(f"{url}{time.monotonic_ns()}".encode()).digest()).decode()
