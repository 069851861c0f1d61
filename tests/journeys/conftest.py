"""The store of the journeys is the one of the store tests; the wikis are mirrored once for all that look."""

from __future__ import annotations

import pytest

from tests.journeys.wiki import Mirrored, mirrored_wiki
from tests.sites.dokuwiki import Wikis
from tests.storage.conftest import weed  # noqa: F401  a fixture, used by its name


@pytest.fixture(scope="session")
def big(wikis: Wikis, tmp_path_factory: pytest.TempPathFactory) -> Mirrored:
    """The bigger DokuWiki, mirrored."""
    return mirrored_wiki(tmp_path_factory.mktemp("wikhan"), wikis, wikis.wikhan)


@pytest.fixture(scope="session")
def small(wikis: Wikis, tmp_path_factory: pytest.TempPathFactory) -> Mirrored:
    """The other DokuWiki of its host, mirrored."""
    return mirrored_wiki(tmp_path_factory.mktemp("autre wiki"), wikis, wikis.autre)
