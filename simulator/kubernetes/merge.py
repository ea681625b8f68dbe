"""The three-way merge by which `kubectl apply` and Metacontroller change an object that others change too.

Fields that were applied last and are not wanted any more are removed, wanted fields are set, and all others stay. Both
programs record what they applied in an annotation of the object.
"""

from __future__ import annotations

import json
from typing import Any

from simulator.kubernetes.objects import Obj, annotations_of, copied, meta

KUBECTL_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
METACONTROLLER_ANNOTATION = "metacontroller.k8s.io/last-applied-configuration"
#: Metacontroller merges lists item by item if all items have one of these fields; the first such field is the key.
MERGE_KEYS = ("containerPort", "port", "mountPath", "name", "uid", "ip", "path")


class BadMerge(Exception):
    """A value can't be merged with a value of another type."""


def last_applied(obj: Obj, annotation: str) -> Obj:
    """The object that this annotation records as applied last; empty without the annotation."""
    text = annotations_of(obj).get(annotation)
    result: Obj = json.loads(text) if text else {}
    return result


def with_last_applied(obj: Obj, applied: Obj, annotation: str) -> Obj:
    """The object with an annotation that records what was applied."""
    text = json.dumps(applied, separators=(",", ":"), sort_keys=True)
    if annotation == KUBECTL_ANNOTATION:
        text += "\n"
    return obj | {"metadata": meta(obj) | {"annotations": annotations_of(obj) | {annotation: text}}}


def merged(observed: Any, last: Any, desired: Any, *, by_item: bool) -> Any:
    """`observed` with the changes from `last` to `desired`. Raises BadMerge.

    With `by_item`, lists of objects with a common key field are merged item by item; other lists are replaced.
    """
    if isinstance(observed, dict):
        return _merged_object(observed, _same(dict, last) or {}, _same(dict, desired) or {}, by_item=by_item)
    if isinstance(observed, list) and by_item:
        return _merged_list(observed, _same(list, last) or [], _same(list, desired) or [])
    return copied(desired)


def _same(kind: type, value: Any) -> Any:
    if value is not None and not isinstance(value, kind):
        raise BadMerge(f"can't merge desired changes: expecting {kind.__name__}, got {value!r:.60}")
    return value


def _merged_object(observed: Obj, last: Obj, desired: Obj, *, by_item: bool) -> Obj:
    result = {name: value for name, value in observed.items() if name not in last or name in desired}
    for name, value in desired.items():
        result[name] = merged(result.get(name), last.get(name), value, by_item=by_item)
    return result


def _merged_list(observed: list[Any], last: list[Any], desired: list[Any]) -> list[Any]:
    key = _merge_key([*observed, *last, *desired])
    if key is None:
        return copied(desired)
    before, applied, wanted = ({str(item[key]): item for item in items} for items in (observed, last, desired))
    result = _merged_object(before, applied, wanted, by_item=True)
    order = dict.fromkeys([*before, *wanted])
    return [result[name] for name in order if name in result]


def _merge_key(items: list[Any]) -> str | None:
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    return next((key for key in MERGE_KEYS if all(key in item for item in items)), None)
