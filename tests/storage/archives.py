"""Real small archives for the tests of storage: written through storage.warc and sealed like a crawl's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.cdxj import Line, surt
from storage.collection import Archive, Collection, make_archive
from storage.exchange import Exchange
from storage.http import parse_head
from storage.manifest import Manifest, Tool
from storage.records import Held, date_of, digest_of, records_of, warcinfo
from storage.seal import Crawl, seal
from storage.snapshot import Snapshot
from storage.warc import Writer

TOOL = Tool("jukni", "0.1.0")
BEGAN = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
HOST = "http://forum.example"

DAY_ONE: dict[str, bytes] = {
    f"{HOST}/": b"<title>Accueil</title><a href='/wiki/D%C3%A9but:%C3%A9t%C3%A9'>x</a>"
    b"<img src='/i%20mage.png'>",
    f"{HOST}/wiki/D%C3%A9but:%C3%A9t%C3%A9": "<title>Été</title>".encode() * 200,
    f"{HOST}/i%20mage.png": bytes(range(256)) * 40,
    f"{HOST}/chunked": b"<title>en morceaux</title>" * 90,
}
"""What the site answers; `/chunked` has a transfer coding, `/comprim%C3%A9` a content coding."""

DAY_TWO = {
    **DAY_ONE,
    f"{HOST}/": b"<title>Accueil, second jour</title>",
    f"{HOST}/neuf": b"<title>neuf</title>",
}


def new_id() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def exchange(url: str, body: bytes, at: datetime, status: int = 200) -> Exchange:
    """One request and its answer, as the client would hand it over; `/parti` is gone."""
    status = 404 if url.endswith("/parti") else status
    fields = b"Content-Type: " + (b"image/png" if url.endswith(".png") else b"text/html; charset=utf-8")
    if url.endswith("/comprim%C3%A9"):
        fields += b"\r\nContent-Encoding: gzip"
    if url.endswith("/chunked"):
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
        wire = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        fields += b"\r\nTransfer-Encoding: chunked"
    else:
        wire = body
        fields += b"\r\nContent-Length: %d" % len(body)
    raw = b"HTTP/1.1 %d Vu\r\n%s\r\n\r\n" % (status, fields)
    return Exchange(
        url=url,
        began=at,
        seconds=0.02,
        request=b"GET / HTTP/1.1\r\nHost: forum.example\r\n\r\n",
        response=Held(raw + wire),
        head=parse_head(raw),
        block_digest=digest_of(raw + wire),
        payload_digest=digest_of(body),
        payload_size=len(body),
    )


@dataclass
class Made:
    """An archive with one site, to which whole crawls are added one after the other."""

    archive: Archive
    site: str = "forum"
    view: dict[str, Line] = field(default_factory=dict)
    originals: dict[str, Line] = field(default_factory=dict)

    @property
    def collection(self) -> Collection:
        return self.archive.collection(self.site)

    def crawl(
        self, pages: Mapping[str, bytes], day: int = 0, aside: Sequence[tuple[Exchange, str]] = ()
    ) -> tuple[Snapshot, list[Path]]:
        """An open snapshot whose WARC is finished: everything `seal_it` needs is on disk.

        aside: exchanges that get no index line, each with its not-indexed note or "".
        """
        snapshot = self.collection.create(BEGAN + timedelta(days=day))
        snapshot.database.touch()
        snapshot.open_log.write_text("2026-11-21T03:15:00Z ouvert\n")
        name = f"{self.site}-{snapshot.name}-00000.warc.gz"
        writer = Writer(snapshot.warcs / name)
        info = new_id()
        at = BEGAN + timedelta(days=day)
        writer.append(warcinfo({"software": "Jukni/0.1.0"}, filename=name, date=date_of(at), id=info))
        for number, (url, body) in enumerate(pages.items()):
            self._capture(writer, info, exchange(url, body, at + timedelta(seconds=number)))
        for seen, note in aside:
            for draft in records_of(seen, ids=new_id, warcinfo=info, note={"not-indexed": note}):
                writer.append(draft)
        return snapshot, [writer.finish()]

    def _capture(self, writer: Writer, info: str, seen: Exchange) -> None:
        original = self.originals.get(seen.payload_digest)
        for draft in records_of(seen, ids=new_id, warcinfo=info, original=original):
            offset, length = writer.append(draft)
            if draft.type not in ("response", "revisit"):
                continue
            head = seen.head
            assert head is not None
            line = Line(
                key=surt(seen.url),
                timestamp=f"{seen.began:%Y%m%d%H%M%S}",
                url=seen.url,
                mime=head.mime,
                status=head.status,
                digest=seen.payload_digest,
                length=length,
                offset=offset,
                filename=writer.path.name,
                kind="revisit" if draft.type == "revisit" else "response",
                id=draft.id,
                date=date_of(seen.began),
                coding="chunked" if head.transfer_coded else "",
            )
            self.view[seen.url] = line
            if draft.type == "response":
                self.originals[seen.payload_digest] = line

    def lines(self) -> Iterator[Line]:
        """The whole view: the newest line of each URL, and beside each revisit its original."""
        wanted = {line.digest for line in self.view.values() if line.kind == "revisit"}
        beside = [self.originals[digest] for digest in wanted]
        return iter(sorted({*self.view.values(), *beside}, key=Line.to_text))

    def seal_it(self, snapshot: Snapshot, own: Sequence[Path]) -> Manifest:
        previous = self.collection.latest()
        pages = [line for line in self.view.values() if line.mime == "text/html"]
        return seal(
            snapshot,
            Crawl(
                seeds=(f"{HOST}/",),
                began=BEGAN,
                tool=TOOL,
                config="sha256:" + "0" * 64,
                label=None,
                previous=previous.name if previous else None,
                verdict="complete",
                counts={"fetched": len(pages)},
            ),
            now=BEGAN + timedelta(hours=1),
            own=own,
            view=self.lines(),
            pages=['{"format":"json-pages-1.0"}', *(f'{{"url":"{p.url}","ts":"{p.date}"}}' for p in pages)],
            coverage={"verdict": "complete", "erwartet": "Übersicht"},
        )

    def day(self, pages: Mapping[str, bytes], day: int = 0) -> Snapshot:
        """A crawl from beginning to end."""
        snapshot, own = self.crawl(pages, day)
        self.seal_it(snapshot, own)
        snapshot.tidy()
        return snapshot


def made(root: Path) -> Made:
    """An archive with nothing in it."""
    return Made(make_archive(root, TOOL, BEGAN))


def two_days(root: Path) -> Made:
    """Two nights: the second has a changed page, a new one, and revisits of the rest."""
    archive = made(root)
    archive.day(DAY_ONE)
    archive.day(DAY_TWO, 1)
    return archive
