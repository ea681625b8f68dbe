"""The simulator silences logging for its process; the tests of others have it again."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def silence_that_ends() -> Iterator[None]:
    """No logging within a test of the simulator, and logging after it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
