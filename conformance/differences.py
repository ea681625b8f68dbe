"""Where two JSON values differ."""

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A place at which the answer is not the expected one; None for the text of a value that is not there."""

    path: str
    expected: str | None
    actual: str | None


def differences(expected: Any, actual: Any, path: str = "$") -> Iterator[Difference]:
    """Where two JSON values differ, outermost places only, in order of their paths."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            place = f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"
            if key not in actual:
                yield Difference(place, _text(expected[key]), None)
            elif key not in expected:
                yield Difference(place, None, _text(actual[key]))
            else:
                yield from differences(expected[key], actual[key], place)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _list_differences(expected, actual, path)
    elif _text(expected) != _text(actual):
        yield Difference(path, _text(expected), _text(actual))


def _list_differences(expected: list[Any], actual: list[Any], path: str) -> Iterator[Difference]:
    """Items that are equal in both are matched first, so that one that is missing does not shift all others."""
    matcher = SequenceMatcher(
        None, [_text(each) for each in expected], [_text(each) for each in actual], autojunk=False
    )
    for tag, start, end, actual_start, actual_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        paired = min(end - start, actual_end - actual_start)
        for offset in range(paired):
            place = f"{path}[{start + offset}]"
            yield from differences(expected[start + offset], actual[actual_start + offset], place)
        for index in range(start + paired, end):
            yield Difference(f"{path}[{index}]", _text(expected[index]), None)
        for index in range(actual_start + paired, actual_end):
            yield Difference(f"{path}[{index}]", None, _text(actual[index]))


def _text(value: Any) -> str:
    """The one text of a JSON value: sorted keys, and 10 for 10.0, which are the same number."""
    return json.dumps(_normal(value), sort_keys=True, ensure_ascii=False)


def _normal(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _normal(each) for key, each in value.items()}
    return [_normal(each) for each in value] if isinstance(value, list) else value
