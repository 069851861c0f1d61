"""The probe: what a key can do is found out by doing it, to one object of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.stores import Bucket, Folder, open_store
from storage.stores.directory import MARKER
from storage.stores.probe import KEY, probe
from storage.stores.s3 import S3
from tests.sites.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.sites.seaweedfs import SeaweedFS
from tests.storage.conftest import started


@pytest.fixture(scope="module")
def strict() -> Iterator[SeaweedFS]:
    """A SeaweedFS with two further keys: one of a crawler, one that may only read."""

    def identity(name: str, *actions: str) -> dict[str, object]:
        keys = {"accessKey": f"{name}-key", "secretKey": f"{name}-secret"}
        return {"name": name, "credentials": [keys], "actions": actions}

    with started(
        [identity("crawler", "Read", "List", "Write"), identity("reader", "Read", "List")]
    ) as running:
        yield running


def _as(place: Bucket, name: str) -> Bucket:
    return replace(place, access_key=f"{name}-key", secret_key=f"{name}-secret")


def _trials(place: Bucket | Folder) -> dict[str, tuple[str, str]]:
    store = S3(place, attempts=2, timeout=5) if isinstance(place, Bucket) else open_store(place)
    trials = list(probe(store))
    assert all(trial.advice for trial in trials if trial.verdict == "wrong")
    assert not any(trial.advice for trial in trials if trial.verdict == "well")
    return {trial.what: (trial.verdict, trial.found) for trial in trials}


def _left(weed: SeaweedFS, place: Bucket) -> int:
    answer = weed.client.list_object_versions(Bucket=place.bucket)
    return len(answer.get("Versions", [])) + len(answer.get("DeleteMarkers", []))


@pytest.mark.real
def test_an_administrators_key_is_no_key_for_a_crawler(strict: SeaweedFS) -> None:
    place = strict.bucket()
    before = {bucket["Name"] for bucket in strict.client.list_buckets()["Buckets"]}
    trials = _trials(place)
    assert trials["write and read"][0] == trials["list"][0] == "well"
    assert trials["older versions"][0] == "wrong"
    assert trials["delete"] == ("wrong", "this key can delete files for good")
    assert trials["expiry rules"][0] == "wrong"
    assert trials["buckets"][0] == "wrong"
    assert trials["protection"][0] == "wrong"
    assert _left(strict, place) == 0
    assert {bucket["Name"] for bucket in strict.client.list_buckets()["Buckets"]} == before
    with pytest.raises(strict.client.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        strict.client.get_bucket_lifecycle_configuration(Bucket=place.bucket)


@pytest.mark.real
def test_a_key_that_may_only_read(strict: SeaweedFS) -> None:
    trials = _trials(_as(strict.bucket(), "reader"))
    assert trials == {"write and read": ("wrong", "the key may not do this (AccessDenied on PutObject)")}


@pytest.mark.real
def test_versions_alone_do_not_protect_from_a_key_that_deletes_them(strict: SeaweedFS) -> None:
    place = strict.bucket()
    strict.client.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    trials = _trials(_as(place, "crawler"))
    assert trials["older versions"][0] == "well"
    assert trials["delete"] == ("well", "this key may delete, which hides a file and keeps its versions")
    assert trials["delete for good"][0] == "wrong"
    assert trials["buckets"][0] == "well"
    assert trials["protection"][0] == "wrong"
    assert _left(strict, place) == 0


@pytest.mark.real
@pytest.mark.parametrize("by", ["policy", "lock"])
def test_protection_that_is_there_is_proved(strict: SeaweedFS, by: str) -> None:
    """By a policy that denies every delete, or by an object lock."""
    place = strict.bucket()
    client = strict.client
    client.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    if by == "lock":
        retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
        client.put_object_lock_configuration(
            Bucket=place.bucket,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention},
        )
    denied = ["s3:PutLifecycleConfiguration"]
    denied += ["s3:DeleteObject", "s3:DeleteObjectVersion"] if by == "policy" else []
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/crawler"},
        "Action": denied,
        "Resource": [f"arn:aws:s3:::{place.bucket}", f"arn:aws:s3:::{place.bucket}/*"],
    }
    client.put_bucket_policy(
        Bucket=place.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    trials = _trials(_as(place, "crawler"))
    assert trials["delete for good"] == ("well", "older versions cannot be deleted with this key")
    assert trials["expiry rules"] == ("well", "this key may not set rules that delete files")
    assert trials["protection"][0] == "well"
    keys = {version["Key"] for version in client.list_object_versions(Bucket=place.bucket)["Versions"]}
    assert keys == {f"{place.prefix}/{KEY}"}


@pytest.mark.real
def test_what_could_not_be_tried_is_not_said_to_be_well(strict: SeaweedFS) -> None:
    """There are expiry rules already, which a trial must not disturb."""
    place = strict.bucket()
    rule = {"ID": "own", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}}
    strict.client.put_bucket_lifecycle_configuration(
        Bucket=place.bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    trials = _trials(place)
    assert trials["expiry rules"][0] == "unknown"
    rules = strict.client.get_bucket_lifecycle_configuration(Bucket=place.bucket)["Rules"]
    assert [one["ID"] for one in rules] == ["own"]


@pytest.fixture
def lies(strict: SeaweedFS) -> Iterator[FaultProxy]:
    with fault_proxy(strict.endpoint) as running:
        yield running


@pytest.mark.real
def test_a_store_that_only_says_no_is_not_believed(strict: SeaweedFS, lies: FaultProxy) -> None:
    """It answers 403 to the delete, and deletes."""
    place = strict.bucket()
    lies.faults = [Fault("DELETE", KEY, "answer_after", status=403)]
    trials = _trials(replace(place, endpoint=lies.endpoint))
    assert trials["delete"] == ("unknown", "refused, yet the object cannot be read any more")
    assert trials["protection"][0] != "well"


@pytest.mark.real
def test_a_store_that_only_says_yes_is_not_believed(strict: SeaweedFS, lies: FaultProxy) -> None:
    """It answers 204 to the delete, and keeps the object; nothing is protected by that."""
    place = strict.bucket()
    lies.faults = [Fault("DELETE", KEY, "answer", status=204)]
    trials = _trials(replace(place, endpoint=lies.endpoint))
    assert trials["delete"] == ("unknown", "accepted, but the object is still there")
    assert trials["protection"][0] != "well"


def test_a_folder(tmp_path: Path) -> None:
    place = Folder(name="disk", path=tmp_path)
    assert _trials(place)["folder"][0] == "unknown"
    assert list(tmp_path.iterdir()) == []
    assert _trials(Folder(name="disk", path=tmp_path / "none"))["folder"][0] == "wrong"
    open_store(place).begin(True)
    trials = _trials(place)
    assert trials["write and read"][0] == trials["list"][0] == "well"
    assert trials["protection"][0] == "unknown"
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]
    (tmp_path / MARKER).unlink()
    (tmp_path / "photos").mkdir()
    assert _trials(place)["folder"] == (
        "wrong",
        f"the folder is neither empty nor a store of ours (it has no {MARKER})",
    )
