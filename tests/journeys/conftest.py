"""The store of the journeys is the one of the store tests."""

from tests.storage.conftest import weed  # noqa: F401  a fixture, used by its name
