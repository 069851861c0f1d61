"""One SeaweedFS for all tests of stores, started on first use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sites.fault_proxy import FaultProxy, fault_proxy
from tests.sites.seaweedfs import NotInstalled, SeaweedFS, seaweedfs


@pytest.fixture(scope="session")
def weed() -> Iterator[SeaweedFS]:
    """A running SeaweedFS."""
    try:
        with seaweedfs() as running:
            yield running
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture
def proxy(weed: SeaweedFS) -> Iterator[FaultProxy]:
    """A fault proxy in front of it, without faults yet."""
    with fault_proxy(weed.endpoint) as running:
        yield running
