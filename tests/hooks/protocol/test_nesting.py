"""managedFields that are nested too deeply are taken out of a body; everything else stays as it came."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.protocol.nesting import LEVELS_MAX, without_deep_metadata


def nested(levels: int) -> str:
    return '{"f:a":' * levels + "{}" + "}" * levels


def body_with(fields: str) -> bytes:
    return f'{{"a":[{{"metadata":{{"managedFields":[{fields}],"name":"x"}}}}],"b":{{"c":"}}]"}}}}'.encode()


def test_deep_managed_fields_are_replaced_by_null_and_their_neighbours_stay() -> None:
    assert json.loads(without_deep_metadata(body_with(nested(20_000)))) == {
        "a": [{"metadata": {"managedFields": None, "name": "x"}}],
        "b": {"c": "}]"},
    }


def test_each_of_several_deep_fields_is_replaced() -> None:
    two = b"[" + body_with(nested(5_000)) + b"," + body_with(nested(1)) + b"," + body_with(nested(5_000)) + b"]"
    found = [each["a"][0]["metadata"]["managedFields"] for each in json.loads(without_deep_metadata(two))]
    assert found == [None, [{"f:a": {}}], None]


@pytest.mark.parametrize("levels", [0, 1, LEVELS_MAX - 1])
def test_managed_fields_of_a_usual_depth_stay(levels: int) -> None:
    assert without_deep_metadata(body_with(nested(levels))) == body_with(nested(levels))


@pytest.mark.parametrize(
    "body",
    [
        nested(5_000).encode(),
        b'{"spec":' + nested(5_000).encode() + b"}",
        b'["managedFields",' + nested(5_000).encode() + b"]",
        b'{"x":"\\"managedFields\\":","spec":' + nested(5_000).encode() + b"}",
    ],
    ids=["alone", "a spec", "a text", "a quoted text"],
)
def test_what_is_deep_elsewhere_stays(body: bytes) -> None:
    assert without_deep_metadata(body) == body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("managedFields"), inner),
)


@given(JSON, st.booleans())
def test_any_json_that_is_not_deep_stays_as_it_came(value: Any, is_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii).encode()
    assert without_deep_metadata(body) == body


@given(st.binary())
def test_what_is_no_json_is_never_a_failure(body: bytes) -> None:
    assert without_deep_metadata(body) == body
