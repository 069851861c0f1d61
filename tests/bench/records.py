"""What one exchange costs to record and to read: `python -m tests.bench.records [PAGES]`.

Pages of 20 kB of words; each becomes three records, an index line and rows in SQLite, as in a crawl. Prints
microseconds of CPU for each exchange, the best of three runs, and what deflating the answer alone takes: the
yardstick for how busy the machine is.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from crawler import database
from crawler.recorder import Recorder
from storage import warc
from tests.storage.exchanges import BEGAN, answer, exchange


def cost(work: Callable[[], None], count: int) -> float:
    """Microseconds of CPU for each of `count`."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


def main(count: int) -> None:
    """Record `count` pages in a folder of their own, read them, print both."""
    chance = random.Random(1)
    words = [
        bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(3000)
    ]
    headers = b'Date: Sun, 22 Nov 2026 03:15:00 GMT\r\nServer: nginx\r\nETag: "5f2a-1"\r\n'
    given = [
        exchange(
            f"http://example.org/forum/viewtopic.php?f=2&t={number}",
            answer(b" ".join(chance.choices(words, k=3600))[:20_000], headers=headers),
            BEGAN + timedelta(seconds=number),
            seconds=0.12,
            latency=0.1,
        )
        for number in range(count)
    ]
    writing, reading, deflating, size = [], [], [], 0

    def deflate() -> None:
        for made in given:
            warc._deflate.compress(b"".join(made.response.chunks()), warc._LEVEL, 31)

    for _ in range(3):
        deflating.append(cost(deflate, count))
        with tempfile.TemporaryDirectory() as name:
            db = database.open(Path(name) / "crawl.sqlite")
            recorder = Recorder(db, Path(name), "bench", {"software": "Jukni"})
            recorder.recover()

            async def record(recorder: Recorder = recorder) -> None:
                for row, made in enumerate(given):
                    await recorder.record(made, row=row, via="http://example.org/forum/", hops="L")

            writing.append(cost(lambda: asyncio.run(record()), count))
            recorder.finish()
            database.commit(db)
            (path,) = recorder.own_files()

            def read(path: Path = path) -> None:
                warc.whole_until(path, 0, 1 << 60)

            reading.append(cost(read, count))
            size = path.stat().st_size
            db.close()
    print(f"record {min(writing):.0f} µs, of which deflate {min(deflating):.0f} µs")
    print(f"read and check {min(reading):.0f} µs; {size / count:.0f} bytes each")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
