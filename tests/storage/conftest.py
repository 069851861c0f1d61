"""One SeaweedFS for all tests of stores, started on first use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.sites.fault_proxy import FaultProxy, fault_proxy
from tests.sites.seaweedfs import NotInstalled, SeaweedFS, seaweedfs


@contextmanager
def started(identities: Sequence[Mapping[str, Any]] = ()) -> Iterator[SeaweedFS]:
    """A running SeaweedFS; the test is skipped where it is not installed."""
    try:
        with seaweedfs(identities) as running:
            yield running
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def weed() -> Iterator[SeaweedFS]:
    """One for all tests."""
    with started() as running:
        yield running


@pytest.fixture
def proxy(weed: SeaweedFS) -> Iterator[FaultProxy]:
    """A fault proxy in front of it, without faults yet."""
    with fault_proxy(weed.endpoint) as running:
        yield running
