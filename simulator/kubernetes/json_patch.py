"""Patches of JSON: merge patches (RFC 7386) of users, and JSON patches (RFC 6902) of mutating admission policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.kubernetes.objects import copied

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj


class BadPatch(Exception):
    """An operation of a patch can't be done."""


def patched(obj: Obj, operations: list[dict[str, Any]]) -> Obj:
    """A copy of the object with these operations done. Raises BadPatch."""
    result = copied(obj)
    for operation in operations:
        try:
            _do(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise BadPatch(f"{operation}: {error!r}") from None
    return result


def _do(obj: Obj, operation: dict[str, Any]) -> None:
    word = operation["op"]
    parent, name = _place(obj, operation["path"])
    if word not in {"add", "replace", "remove", "test"}:
        raise ValueError(f"{word} is not simulated")
    if word == "test":
        if parent[name] != operation["value"]:
            raise ValueError("the test fails")
    elif word == "add" and isinstance(parent, list):
        parent.insert(len(parent) if name == "-" else name, copied(operation["value"]))
    elif word == "add":
        parent[name] = copied(operation["value"])
    else:
        del parent[name]
        if word == "replace":
            _do(obj, {**operation, "op": "add"})


def _place(obj: Any, path: str) -> tuple[Any, Any]:
    """The object or list that a path leads into, and the last key or index."""
    _, *words = path.split("/")
    words = [word.replace("~1", "/").replace("~0", "~") for word in words]
    for word in words[:-1]:
        obj = obj[_key(obj, word)]
    return obj, _key(obj, words[-1])


def _key(parent: Any, word: str) -> Any:
    return int(word) if isinstance(parent, list) and word != "-" else word


def merge_patched(target: Any, patch: Any) -> Any:
    """A copy of `target` with a JSON merge patch (RFC 7386) applied."""
    if not isinstance(patch, dict):
        return copied(patch)
    result = copied(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patched(result.get(name), value)
    return result
