"""Hypothesis profiles, and the end of the silence of the simulator.

The profiles have the same examples each time, or fresh ones, without a deadline, because machines are shared.

`.ci/run` uses fresh examples (`--hypothesis-profile=ci`) and prints the `--hypothesis-seed` that repeats them.
"""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, database=None, max_examples=100)
settings.register_profile("ci", derandomize=False, deadline=None, database=None, max_examples=100, print_blob=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def silence_that_ends() -> Iterator[None]:
    """The simulator silences logging for its process; the next test has it again."""
    yield
    logging.disable(logging.NOTSET)
