"""S3: each thing that can go wrong before an object is touched has its own clear cause."""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
import urllib3.util.connection

from storage.stores import Bucket, Refused, StoreError, Unreachable, prove
from storage.stores.s3 import S3
from tests.sites.fault_proxy import FaultProxy
from tests.sites.seaweedfs import ADMIN, SeaweedFS

from .conftest import Make

pytestmark = pytest.mark.real


def _quick(place: Bucket) -> S3:
    return S3(place, attempts=1, timeout=5)


def _everything(store: S3, make: Make) -> list[Callable[[], object]]:
    file = make(10)
    return [
        lambda: store.begin(True),
        lambda: store.put("a", file.path, file.sha256),
        lambda: store.stat("a"),
        lambda: list(store.get("a")),
        lambda: list(store.list()),
    ]


def _fails(store: S3, make: Make, kind: type[StoreError], said: str) -> None:
    for ask in _everything(store, make):
        with pytest.raises(kind, match=said) as caught:
            ask()
        assert "admin-secret" not in str(caught.value.__dict__)


def test_the_bucket_does_not_exist(weed: SeaweedFS, make: Make) -> None:
    place = replace(weed.bucket(), bucket="no-such-bucket")
    _fails(_quick(place), make, Refused, "the bucket does not exist")


def test_the_bucket_cannot_exist(weed: SeaweedFS, make: Make) -> None:
    _fails(_quick(replace(weed.bucket(), bucket="no such bucket")), make, Refused, "Invalid bucket name")


def test_wrong_keys(weed: SeaweedFS, make: Make) -> None:
    place = weed.bucket()
    _fails(_quick(replace(place, access_key="nobody")), make, Refused, "does not know this access key")
    _fails(_quick(replace(place, secret_key="wrong")), make, Refused, "the secret key is wrong")


def test_the_clock_is_wrong(weed: SeaweedFS, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    store = _quick(weed.bucket())
    monkeypatch.setattr(
        botocore.auth,
        "get_current_datetime",
        lambda: datetime.datetime.utcnow() - datetime.timedelta(minutes=20),
    )
    _fails(store, make, Refused, "clock")


def test_nothing_listens(weed: SeaweedFS, make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = replace(weed.bucket(), endpoint=f"http://127.0.0.1:{free.getsockname()[1]}")
        _fails(_quick(place), make, Unreachable, r"connection refused.*http://127\.0\.0\.1")


def test_the_name_has_no_address(weed: SeaweedFS, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask no name server, so the resolver's answer is made up."""
    store = _quick(replace(weed.bucket(), endpoint="https://store.example:1"))

    def no_such_name(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    _fails(store, make, Unreachable, r"cannot be resolved \(DNS\)")


def test_the_certificate_is_not_trusted(weed: SeaweedFS, make: Make) -> None:
    place = replace(weed.over_tls(weed.bucket()), ca_bundle="")
    _fails(_quick(place), make, Unreachable, "certificate is not trusted: unable to get local issuer")


def test_no_tls_where_tls_is_spoken(weed: SeaweedFS, make: Make) -> None:
    place = replace(weed.bucket(), endpoint=weed.endpoint.replace("http:", "https:"))
    _fails(_quick(place), make, Unreachable, "TLS failed")


def test_the_surroundings_do_not_matter(
    weed: SeaweedFS, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that does not exist, another endpoint, another CA: only what was given counts."""
    config = tmp_path / "config"
    config.write_text("[default]\nendpoint_url = http://127.0.0.1:1\ns3 =\n  addressing_style = virtual\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "else")
    file = make(10)
    place = weed.bucket()
    for store in (_quick(place), _quick(weed.over_tls(place))):
        store.put("a", file.path, file.sha256)
        prove(store, "a", file.size, file.sha256)
    amazon = S3(Bucket(name="aws", bucket="mirror", region="eu-west-3", access_key="k", secret_key="s"))
    assert "eu-west-3.amazonaws.com" in amazon._client.meta.endpoint_url


def test_without_keys_nobody_looks_for_others(
    weed: SeaweedFS, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No keys given: the store is asked without any, and neither the environment nor a metadata service."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ADMIN[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ADMIN[1])
    asked: list[Any] = []
    real = urllib3.util.connection.create_connection

    def note(address: Any, *more: Any, **named: Any) -> Any:
        asked.append(address[0])
        return real(address, *more, **named)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", note)
    _fails(_quick(replace(weed.bucket(), access_key="", secret_key="")), make, Refused, "no keys were given")
    assert set(asked) == {"127.0.0.1"}


def test_what_goes_over_the_wire(weed: SeaweedFS, proxy: FaultProxy, make: Make) -> None:
    """No checksum header that stores choke on, a Content-MD5 always, and no word about this machine."""
    store = S3(replace(weed.bucket(), endpoint=proxy.endpoint), part_size=5 << 20)
    for size in (0, 100, 11 << 20):
        file = make(size)
        store.put(f"file-{size}", file.path, file.sha256)
        prove(store, f"file-{size}", file.size, file.sha256)
    bodies = [one for one in proxy.seen if one.method == "PUT"]
    assert len(bodies) == 5
    for one in proxy.seen:
        names = {name.lower(): value for name, value in one.headers.items()}
        assert not [name for name in names if name.startswith(("x-amz-checksum", "x-amz-sdk-checksum"))]
        assert "x-amz-trailer" not in names
        assert names["user-agent"].startswith("jukni")
        assert os.uname().release not in names["user-agent"]
        assert one.method != "PUT" or names["content-md5"]
