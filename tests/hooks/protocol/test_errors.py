"""The explanation of a refused body: where, what is there and what would be right; never megabytes of it."""

import json
import sys

import pytest

from hooks.protocol.bodies import RawRangeBody
from hooks.protocol.errors import ProtocolError, excerpt, explained
from tests.hooks.build import range_body, range_object


def test_an_error_reads_as_path_and_message() -> None:
    error = ProtocolError("$.parent.kind", "must be IPAMRange", "Pod")
    assert str(error) == "$.parent.kind: must be IPAMRange"
    assert (error.path, error.message, error.value) == ("$.parent.kind", "must be IPAMRange", "Pod")


@pytest.mark.parametrize(
    ("data", "path", "message", "value"),
    [
        (b"", "$", "not JSON: Expecting value at line 1, column 1", ""),
        (b'{"a": }', "$", "not JSON: Expecting value at line 1, column 7", '{"a": }'),
        (b'{\n"a" 1}', "$", "not JSON: Expecting ':' delimiter at line 2, column 5", '{\n"a" 1}'),
        (b'"\xff12345678"', "$", "not UTF-8 at byte 1", "ff31323334353637"),
        (b"[" * 99_999, "$", "nested too deeply: hook requests have fewer than 100 levels", None),
        (b"[1]", "$", "must be of type object", "[1]"),
    ],
    ids=["empty", "a value is missing", "on the second line", "not UTF-8", "too deep", "a list"],
)
def test_text_that_is_not_json_is_refused_with_the_position_of_the_fault(
    data: bytes, path: str, message: str, value: str | None
) -> None:
    error = explained(data, RawRangeBody, "refused")
    assert (error.path, error.message, error.value) == (path, message, value)


def test_a_key_that_is_no_text_can_be_written_in_an_answer() -> None:
    body = range_body(range_object()) | {"children": {"\ud800": 5}}
    error = explained(json.dumps(body).encode(), RawRangeBody, "refused")
    assert error.path.encode() == b"$.children['\\ud800']" or error.path.encode() == b"$.children.\\ud800"


def test_a_body_in_which_no_fault_is_found_is_refused_with_the_message_of_the_decoder() -> None:
    error = explained(json.dumps(range_body(range_object())).encode(), RawRangeBody, "the decoder's words")
    assert (error.path, error.message) == ("$", "the decoder's words")


def test_the_deepest_fault_is_reported_with_its_path() -> None:
    body = range_body(range_object())
    body["parent"]["metadata"]["finalizers"] = ["a", 5]
    error = explained(json.dumps(body).encode(), RawRangeBody, "refused")
    assert error.path == "$.parent.metadata.finalizers[1]"
    assert (error.message, error.value) == ("must be of type string", "5")


@pytest.mark.parametrize(
    ("path", "value"),
    [("$.parent.metadata.creationTimestamp", "yesterday"), ("$.parent.metadata.finalizers[1]", "b"), ("$", None)],
)
def test_a_fault_that_only_the_decoder_finds_is_shown_with_its_value(path: str, value: str | None) -> None:
    body = range_body(range_object())
    body["parent"]["metadata"] |= {"creationTimestamp": "yesterday", "finalizers": ["a", "b"]}

    error = explained(json.dumps(body).encode(), RawRangeBody, f"Invalid - at `{path}`")

    assert (error.path, error.message, error.value) == (path, "Invalid", value)


def test_the_value_of_a_path_that_names_no_field_is_left_out() -> None:
    body = json.dumps(range_body(range_object())).encode()

    for path in ("$.parent.nowhere", "$.parent[7]", "$.children[...].spec"):
        assert explained(body, RawRangeBody, f"Invalid - at `{path}`").value is None


def test_a_large_body_is_not_read_again() -> None:
    """That would take 26 times its size in memory."""
    error = explained(b"x" * 4_000_001, RawRangeBody, "Expected `str`, got `int` - at `$.parent.kind`")
    assert (error.path, error.message, error.value) == ("$.parent.kind", "Expected `str`, got `int`", None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("web", "web"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ("x" * 120, "x" * 120),
        ("x" * 121, "x" * 120 + "... (121 characters)"),
        (["x" * 200], '["' + "x" * 118 + "... (204 characters)"),
    ],
    ids=["a text", "an object", "just short enough", "too long", "a long list"],
)
def test_an_excerpt_is_json_cut_to_a_readable_length(value: object, text: str) -> None:
    assert excerpt(value) == text


def test_a_value_in_a_wrong_place_is_explained_at_any_depth_of_nesting() -> None:
    limit = sys.getrecursionlimit()
    for depth in (*range(1, 100), *range(100, limit, 977), *range(limit - 20, limit + 20, 5)):
        data = b'{"children": {}, "related": {}, "parent": ' + b"[" * depth + b"]" * depth + b"}"
        error = explained(data, RawRangeBody, "refused")
        assert error.path.startswith("$")
        assert len(error.value or "") < 200
