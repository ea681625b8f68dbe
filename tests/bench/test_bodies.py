"""The bodies that are measured are those of ranges at work."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from bench.bodies import State, sync_body
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_body
from hooks.ranges.sync import sync

COUNT = 10


@pytest.mark.parametrize("state", get_args(State))
def test_a_measured_body_is_served(state: State) -> None:
    answer = sync(decode_body(sync_body(COUNT, state), RangeBody), datetime(2026, 11, 23, 20, tzinfo=UTC))

    held_count = COUNT // 2 if state == "exhausted" else COUNT
    assert answer["status"].state == "Ready"
    assert len(answer["status"].allocations) == held_count
    assert answer["status"].pending == COUNT - held_count
