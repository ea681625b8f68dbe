"""The bodies that are measured are those of ranges at work."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from bench.bodies import State, sync_body
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_body, encode
from hooks.ranges.sync import sync

COUNT = 10


@pytest.mark.parametrize("state", get_args(State))
def test_a_measured_body_is_served(state: State) -> None:
    answer = _answer(sync_body(COUNT, state))

    held_count = COUNT // 2 if state == "exhausted" else COUNT
    assert answer["status"].state == "Ready"
    assert len(answer["status"].allocations) == held_count
    assert answer["status"].pending == COUNT - held_count


@pytest.mark.parametrize("state", ["settled", "exhausted"])
def test_the_answers_of_a_measured_body_are_right(state: State) -> None:
    data = sync_body(COUNT, state)
    observed = json.loads(data)["children"].values()
    specs = {name: child["spec"] for children in observed for name, child in children.items()}
    desired = json.loads(encode(_answer(data)["children"]))
    assert {f"team-a/{child['metadata']['name']}": child["spec"] for child in desired} == specs


def _answer(data: bytes) -> dict[str, Any]:
    return sync(decode_body(data, RangeBody), datetime(2026, 11, 23, 20, tzinfo=UTC))
