"""Big files go up in parts: interrupted, resumed, and finished by whoever comes next."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from storage.errors import BrokenData
from storage.stores import Bucket, Refused, StoreError, Unreachable, prove
from storage.stores.s3 import S3
from tests.sites.fault_proxy import Fault, FaultProxy
from tests.sites.seaweedfs import SeaweedFS

from .conftest import Local, Make

pytestmark = pytest.mark.real
MIB = 1 << 20
KEY = "forum/warcs/forum-20261122T031500Z-00000.warc.gz"


@pytest.fixture
def bucket(weed: SeaweedFS) -> Bucket:
    return weed.bucket()


def _through(bucket: Bucket, proxy: FaultProxy, *faults: Fault, part_size: int = 5 * MIB) -> S3:
    proxy.faults = faults
    proxy.seen.clear()
    return S3(replace(bucket, endpoint=proxy.endpoint), part_size=part_size, attempts=2, timeout=5)


def _put(store: S3, file: Local) -> None:
    store.put(KEY, file.path, file.sha256)
    prove(store, KEY, file.size, file.sha256)


def _uploads(weed: SeaweedFS, bucket: Bucket) -> int:
    return len(weed.client.list_multipart_uploads(Bucket=bucket.bucket).get("Uploads", []))


KILLED = """
import pathlib, sys
from storage.stores import Bucket
from storage.stores.s3 import S3
bucket, endpoint, key, secret, path, sha256, target = sys.argv[1:]
place = Bucket(name="garage", bucket=bucket, prefix="backup/jukni", endpoint=endpoint,
               access_key=key, secret_key=secret)
S3(place).put(target, pathlib.Path(path), sha256)
"""


def test_killed_in_mid_upload_finished_parts_are_not_sent_again(
    weed: SeaweedFS, bucket: Bucket, proxy: FaultProxy, make: Make
) -> None:
    file = make(40 * MIB + 12345)  # six parts of 8 MiB
    proxy.faults = [Fault("PUT", "partNumber=4", "stall")]
    place = (bucket.bucket, proxy.endpoint, bucket.access_key, bucket.secret_key)
    command = [sys.executable, "-c", KILLED, *place, str(file.path), file.sha256, KEY]
    run = subprocess.Popen(command)
    try:
        assert proxy.stalled.wait(30)
    finally:
        run.kill()
        run.wait()
    assert _uploads(weed, bucket) == 1
    store = S3(replace(bucket, endpoint=proxy.endpoint))
    assert store.stat(KEY) is None

    proxy.seen.clear()
    _put(store, file)
    sent = [one.target.partition("partNumber=")[2][0] for one in proxy.seen if one.method == "PUT"]
    assert sent == ["4", "5", "6"]
    assert proxy.count("POST", "?uploads") == 0
    assert _uploads(weed, bucket) == 0


def test_parts_of_other_bytes_are_not_taken_up(
    weed: SeaweedFS, bucket: Bucket, proxy: FaultProxy, make: Make
) -> None:
    """An upload of this key was left by a file that was a little different in its second part."""
    file = make(12 * MIB)
    other = make(12 * MIB)
    data = bytearray(file.data)
    data[6 * MIB] ^= 1
    other.path.write_bytes(data)
    with pytest.raises(BrokenData):
        _through(bucket, proxy).put(KEY, other.path, file.sha256)
    assert _uploads(weed, bucket) == 1
    _put(_through(bucket, proxy), file)
    assert proxy.count("PUT", "partNumber=2") == 1
    assert proxy.count("PUT", "partNumber=1") == proxy.count("PUT", "partNumber=3") == 0


def test_an_upload_with_another_part_size_is_of_no_use_and_no_harm(
    bucket: Bucket, proxy: FaultProxy, make: Make
) -> None:
    file = make(17 * MIB)
    with pytest.raises(StoreError):
        _through(bucket, proxy, Fault("POST", "uploadId", "answer", times=9, status=403)).put(
            KEY, file.path, file.sha256
        )
    _put(_through(bucket, proxy, part_size=8 * MIB), file)
    assert proxy.count("PUT") == 3


def test_only_the_newest_upload_is_taken_up_and_the_others_go(
    weed: SeaweedFS, bucket: Bucket, proxy: FaultProxy, make: Make
) -> None:
    file = make(6 * MIB)
    other = f"{bucket.prefix}/{KEY}-of-someone-else"
    for key in (f"{bucket.prefix}/{KEY}", f"{bucket.prefix}/{KEY}", other):
        weed.client.create_multipart_upload(Bucket=bucket.bucket, Key=key)
    _put(_through(bucket, proxy), file)
    left = weed.client.list_multipart_uploads(Bucket=bucket.bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == [other]


def test_parts_grow_with_the_file(bucket: Bucket, make: Make) -> None:
    """No more than 1000 parts, all of one size but the last: asked of the arithmetic, not of 9 GB."""
    store = S3(bucket)
    for size in (8 * MIB, 40 * MIB, 1000 * 8 * MIB, 1000 * 8 * MIB + 1, 10**12, 5 * 10**12):
        part = store.part_size(size)
        assert part % MIB == 0
        assert part >= 8 * MIB
        assert -(-size // part) <= 1000


MISHAPS: dict[str, Callable[[], Fault]] = {
    "the acknowledgement of the beginning is lost": lambda: Fault("POST", "?uploads", "drop_ack"),
    "the acknowledgement of a part is lost": lambda: Fault("PUT", "partNumber=2", "drop_ack"),
    "the acknowledgement of the end is lost": lambda: Fault("POST", "uploadId", "drop_ack"),
    "every acknowledgement of the end is lost": lambda: Fault("POST", "uploadId", "drop_ack", times=2),
    "the end is answered 412": lambda: Fault("POST", "uploadId", "answer_after", status=412),
    "a part is cut": lambda: Fault("PUT", "partNumber=2", "cut_up", at=3 * MIB),
    "a bit of a part flips": lambda: Fault("PUT", "partNumber=2", "flip_up", at=3 * MIB),
    "uploads may not be listed": lambda: Fault("GET", "?uploads", "answer", status=403),
    "uploads cannot be listed": lambda: Fault("GET", "?uploads", "answer", status=501),
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_mishap_is_got_over(bucket: Bucket, proxy: FaultProxy, make: Make, mishap: str) -> None:
    _put(_through(bucket, proxy, MISHAPS[mishap]()), make(11 * MIB))
    assert any(one.did for one in proxy.seen)


PAGE, CUT_PAGE = b"<html><body>Please log in</body></html>", b"<html><br>Please"


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "?uploads", PAGE),
        ("POST", "?uploads", CUT_PAGE),
        ("PUT", "partNumber=2", PAGE),
        ("POST", "uploadId", PAGE),
        ("POST", "uploadId", b""),
        ("GET", "?uploads", PAGE),
        ("GET", "?uploads", b""),
    ],
)
def test_a_login_page_is_not_taken_for_the_store(
    bucket: Bucket, proxy: FaultProxy, make: Make, method: str, target: str, body: bytes
) -> None:
    file = make(11 * MIB)
    fault = Fault(method, target, "answer", times=9, headers={"Content-Type": "text/html"}, body=body)
    with pytest.raises(Unreachable):
        _through(bucket, proxy, fault).put(KEY, file.path, file.sha256)
    assert S3(bucket).stat(KEY) is None
    _put(_through(bucket, proxy), file)


def test_an_upload_that_ended_meanwhile_is_begun_anew(
    weed: SeaweedFS, bucket: Bucket, proxy: FaultProxy, make: Make
) -> None:
    """The store's own cleaning took it away between our look and our next part."""
    file = make(11 * MIB)
    with pytest.raises(Unreachable):
        _through(bucket, proxy, Fault("PUT", "partNumber=2", "cut_up", times=9, at=1)).put(
            KEY, file.path, file.sha256
        )
    gone = b"<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>"
    _put(
        _through(bucket, proxy, Fault("PUT", "partNumber=2", "answer", status=404, body=gone)),
        file,
    )
    assert proxy.count("POST", "?uploads") == 1


def test_a_store_that_lost_a_part_gets_the_file_anew(bucket: Bucket, proxy: FaultProxy, make: Make) -> None:
    file = make(11 * MIB)
    lost = b"<Error><Code>InvalidPart</Code><Message>lost</Message></Error>"
    with pytest.raises(Refused, match="InvalidPart"):
        _through(bucket, proxy, Fault("POST", "uploadId", "answer", times=9, status=400, body=lost)).put(
            KEY, file.path, file.sha256
        )
    _put(_through(bucket, proxy, Fault("POST", "uploadId", "answer", status=400, body=lost)), file)
    assert proxy.count("PUT") == 3
