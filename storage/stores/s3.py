"""An S3 bucket as a store; the only importer of boto3.

Written for every store that speaks S3, so with as little of it as can be: no checksum headers (several
stores answer 400 or 501 to them, or keep them unchecked), no conditions, no versions. Each body goes up with
a Content-MD5, which every store checks, and what is there is proved by reading it back (`prove`).
Keys come as arguments; no profile, credentials file or instance metadata is looked at.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from storage.stores import (
    PIECE,
    Bucket,
    Missing,
    Refused,
    Stat,
    StoreError,
    Unreachable,
    check_key,
    pieces_of,
)

MIB = 1 << 20
_MOST_PARTS = 1000  # of one multipart upload; AWS takes 10,000, Scaleway 1,000
_MISSING = {"NoSuchKey", "NoSuchUpload", "NotFound"}
_CAUSES = {
    "NoSuchBucket": "the bucket does not exist",
    "AccessDenied": "the key may not do this",
    "AllAccessDisabled": "the store closed this account or bucket",
    "InvalidAccessKeyId": "the store does not know this access key",
    "SignatureDoesNotMatch": "the secret key is wrong, or something on the way changed the request",
    "ExpiredToken": "the session token has expired",
    "RequestTimeTooSkewed": "this machine's clock and the store's are too far apart",
    "AuthorizationHeaderMalformed": "the region is another one",
    "PermanentRedirect": "the bucket is in another region",
    "InvalidObjectState": "the object lies in cold storage and must be brought back first",
    "QuotaExceeded": "the quota is used up",
    "EntityTooLarge": "the store takes no files of this size",
}
_DAMAGED = {"BadDigest", "InvalidDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"}
_NO_STORE = "what answered is no S3 store (a proxy, a login page?)"


class S3:
    """See the module. part_size: bytes from which a file goes up in parts, at least 5 MiB.

    timeout: seconds without a byte. attempts: how often one request is tried, with growing pauses.
    """

    def __init__(
        self, place: Bucket, *, part_size: int = 8 * MIB, timeout: float = 60.0, attempts: int = 6
    ) -> None:
        self.name = place.name
        self.bucket = place.bucket
        self.prefix = f"{check_key(place.prefix)}/" if place.prefix else ""
        self._where = f"s3://{place.bucket}/{self.prefix}"
        self.identity = f"{place.endpoint or 'https://s3.amazonaws.com'}/{place.bucket}/{self.prefix}"
        self._part_size = part_size
        self._anonymous = not place.access_key
        self._client = _client(place, timeout, attempts)

    def address(self, key: str = "") -> str:
        return self._where + key

    def begin(self, first: bool) -> None:
        self.stat("archive.json")

    def put(self, key: str, path: Path, sha256: str) -> None:
        size = path.stat().st_size if path.is_file() else 0
        try:
            if size < self._part_size:
                body = b"".join(pieces_of(path, sha256))
                self._send("put_object", key, body, Metadata={"sha256": sha256})
            else:
                self._put_parts(key, path, size, sha256)
        except StoreError:
            # The answer may have been lost, or be a 412 to our own first try: what does the store say it has?
            if not self._arrived(key, size, sha256):
                raise

    def get(self, key: str, start: int = 0) -> Iterator[bytes]:
        try:
            answer = self.call("get_object", key, **({"Range": f"bytes={start}-"} if start else {}))
        except Refused as error:
            if start and error.code == "InvalidRange":
                return
            raise
        _etag(answer, self.address(key))
        # Some stores answer a ranged request with everything.
        skip = 0 if str(answer.get("ContentRange", "")).startswith(f"bytes {start}-") else start
        with self._translated("GetObject", key), closing(answer["Body"]) as body:
            for piece in body.iter_chunks(PIECE):
                if skip < len(piece):
                    yield piece[skip:]
                skip = max(0, skip - len(piece))

    def stat(self, key: str) -> Stat | None:
        try:
            answer = self.call("head_object", key)
        except (Missing, Refused) as error:
            # The answer to a HEAD has no body that could say why; a GET has.
            try:
                got = self.call("get_object", key)
            except Missing:
                return None
            got["Body"].close()
            _etag(got, self.address(key))
            raise Unreachable("HEAD is refused where GET is not", where=self.address(key)) from error
        _etag(answer, self.address(key))
        notes = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
        return Stat(answer.get("ContentLength", -1), notes.get("sha256"))

    def list(self, prefix: str = "") -> Iterator[str]:
        for page in self._pages("list_objects_v2", None, Prefix=self.prefix + prefix):
            for entry in page.get("Contents", ()):
                yield entry["Key"][len(self.prefix) :]

    def call(self, operation: str, key: str | None, **values: Any) -> dict[str, Any]:
        """One S3 operation, by its name in boto3, on this bucket or one object in it; errors translated."""
        if key is not None:
            values["Key"] = self.prefix + check_key(key)
        with self._translated(operation, key):
            answer: dict[str, Any] = getattr(self._client, operation)(**{"Bucket": self.bucket} | values)
        return answer

    def part_size(self, size: int) -> int:
        """Bytes in each part, but the last, of a file of `size`: whole MiB, at most 1000 parts."""
        return -(-max(self._part_size, -(-size // _MOST_PARTS)) // MIB) * MIB

    def _put_parts(self, key: str, path: Path, size: int, sha256: str) -> None:
        """A file in parts. Parts that an interrupted upload of this key left there are not sent again when
        their MD5 is the one of our bytes."""
        uploads: Sequence[str] = self._unfinished(key)
        while True:
            upload = uploads[-1] if uploads else self._new_upload(key, sha256)
            try:
                there = self._parts(key, upload) if uploads else {}
                sent = []
                for number, body in enumerate(pieces_of(path, sha256, self.part_size(size)), 1):
                    etag = there.get(
                        (number, len(body), hashlib.md5(body, usedforsecurity=False).hexdigest())
                    )
                    etag = etag or self._send("upload_part", key, body, UploadId=upload, PartNumber=number)
                    sent.append({"PartNumber": number, "ETag": etag})
                answer = self.call(
                    "complete_multipart_upload", key, UploadId=upload, MultipartUpload={"Parts": sent}
                )
                _etag(answer, self.address(key))
                break
            except (Missing, Refused):
                # The upload taken up is of no use: somebody ended it, or the store lost a part of it.
                if not uploads or self._arrived(key, size, sha256):
                    raise
                uploads = ()
        for upload in uploads[:-1]:
            with suppress(Refused, Missing):
                self.call("abort_multipart_upload", key, UploadId=upload)

    def _new_upload(self, key: str, sha256: str) -> str:
        answer = self.call("create_multipart_upload", key, Metadata={"sha256": sha256})
        if not answer.get("UploadId"):
            raise Unreachable(_NO_STORE, where=self.address(key))
        return str(answer["UploadId"])

    def _unfinished(self, key: str) -> Sequence[str]:
        """Uploads of this very key that were begun and not ended, oldest first."""
        try:
            pages = list(self._pages("list_multipart_uploads", None, Prefix=self.prefix + key))
        except Refused:
            return ()  # a store or key without this only sends the parts again
        found = [u for page in pages for u in page.get("Uploads", ()) if u["Key"] == self.prefix + key]
        return [u["UploadId"] for u in sorted(found, key=lambda u: u["Initiated"])]

    def _parts(self, key: str, upload: str) -> dict[tuple[int, int, str], str]:
        """(number, size, MD5) of each part that is there, and its ETag as the store writes it."""
        pages = self._pages("list_parts", key, UploadId=upload)
        parts = [part for page in pages for part in page.get("Parts", ())]
        return {(p["PartNumber"], p["Size"], p["ETag"].strip('"').lower()): p["ETag"] for p in parts}

    def _pages(self, operation: str, key: str | None, **values: Any) -> Iterator[Mapping[str, Any]]:
        """All pages of a listing. What is no listing at all (an empty body, a login page) is Unreachable."""
        if key is not None:
            values["Key"] = self.prefix + key
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self.bucket, **values))
        while True:
            with self._translated(operation, key):
                page = next(pages, None)
            if page is None:
                return
            if "IsTruncated" not in page:
                raise Unreachable(_NO_STORE, where=self.address(key or ""))
            yield page

    def _send(self, operation: str, key: str, body: bytes, **values: Any) -> str:
        """Send a body with its MD5; the ETag of the answer. Damage on the way is sent once more."""
        values |= {"Body": body, "ContentMD5": base64.b64encode(_md5(body)).decode()}
        try:
            answer = self.call(operation, key, **values)
        except Refused as error:
            if error.code not in _DAMAGED:
                raise
            answer = self.call(operation, key, **values)
        return _etag(answer, self.address(key))

    def _arrived(self, key: str, size: int, sha256: str) -> bool:
        try:
            return self.stat(key) == Stat(size, sha256)
        except StoreError:
            return False

    @contextmanager
    def _translated(self, operation: str, key: str | None) -> Iterator[None]:
        """The one place where a foreign error becomes one of ours."""
        where = self.address(key or "")
        try:
            yield
        except ClientError as error:
            raise _said_no(error, where, self._anonymous) from error
        except ResponseParserError as error:
            raise Unreachable(_NO_STORE, where=where) from error
        except ParamValidationError as error:
            raise Refused(str(error), where=where) from error
        except (BotoCoreError, HTTPError, OSError) as error:
            raise Unreachable(f"{_why(error)} ({self.identity})", where=where) from error


def _client(place: Bucket, timeout: float, attempts: int) -> Any:
    session = botocore.session.Session(
        {
            # name: (in a configuration file, in the environment, otherwise, conversion)
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ca_bundle": (None, None, None, None),
            "ignore_configured_endpoint_urls": (None, None, True, None),
        }
    )
    config = Config(
        signature_version="s3v4" if place.access_key else UNSIGNED,
        s3={"addressing_style": "path" if place.endpoint else "auto"},
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=min(10.0, timeout),
        read_timeout=timeout,
        tcp_keepalive=True,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent="jukni",
    )
    return boto3.Session(botocore_session=session).client(
        "s3",
        region_name=place.region or "us-east-1",
        endpoint_url=place.endpoint or None,
        verify=place.ca_bundle or None,
        aws_access_key_id=place.access_key or None,
        aws_secret_access_key=place.secret_key or None,
        aws_session_token=place.session_token or None,
        config=config,
    )


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()


def _etag(answer: Mapping[str, Any], where: str) -> str:
    """The ETag. Every S3 store sends one with an object; a captive portal that answers 200 does not."""
    etag = answer.get("ETag")
    if not isinstance(etag, str) or not etag:
        raise Unreachable(_NO_STORE, where=where)
    return etag


def _said_no(error: ClientError, where: str, anonymous: bool) -> StoreError:
    """What the store answered, as one of our errors, with the cause in words."""
    said = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(said.get("Code") or status)
    on = f"{code} on {error.operation_name}"
    if code in _MISSING or (code == "404" and error.operation_name == "HeadObject"):
        return Missing(on, where=where, code=code)
    if (status >= 500 and status != 501) or status == 429 or code in ("SlowDown", "RequestTimeout"):
        return Unreachable(f"the store is overloaded or broken: {status} {on}", where=where, code=code)
    cause = _CAUSES.get(code) or str(said.get("Message") or "no reason was given")[:200]
    if anonymous and status in (401, 403):
        cause = "no keys were given, and the store does not let everyone do this"
    advice = ("timedatectl",) if code == "RequestTimeTooSkewed" else ()
    return Refused(f"{cause} ({on})", where=where, code=code, next=advice)


def _why(error: BaseException) -> str:
    """The cause of a failure below HTTP, in words."""
    for cause in _chain(error):
        if isinstance(cause, socket.gaierror):
            return "the name of the store cannot be resolved (DNS)"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the store's certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason}"
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there (connection refused)"
        if isinstance(cause, TimeoutError):
            return "no answer in time"
        if isinstance(cause, ConnectionResetError):
            return "the connection was cut"
    return str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and everything it was made from; botocore and urllib3 also keep some as values."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        cause = todo.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        todo += [cause.__context__, cause.__cause__, *cause.args, getattr(cause, "reason", None)]
        kwargs = getattr(cause, "kwargs", None)
        todo += kwargs.values() if isinstance(kwargs, dict) else []
