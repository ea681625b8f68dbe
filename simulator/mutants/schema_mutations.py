"""Mutations of what hooks do where an API server serves an older schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator.kubernetes.objects import annotations_of
from simulator.kubernetes.versions import MARKER
from simulator.mutants.mutations import requests_of
from simulator.names import EXTENTS_KEY, LAST_APPLIED_ANNOTATION, SLICES_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def ignore_markers(_: str, body: Obj, ask: Ask) -> Obj:
    """The objects that an API server with an older schema serves count as complete."""
    body["parent"].setdefault("status", {})[MARKER] = True
    for obj in requests_of(body).values():
        obj.setdefault("status", {})[MARKER] = True
    for key in (SLICES_KEY, EXTENTS_KEY):
        for obj in _served(body, key):
            obj["spec"][MARKER] = True
    return ask(body)


def renumber_extents(_: str, body: Obj, ask: Ask) -> Obj:
    """An extent without its number gets another one, whatever was written before."""
    for obj in _served(body, EXTENTS_KEY):
        obj["spec"][MARKER] = True
        if "number" not in obj["spec"] and LAST_APPLIED_ANNOTATION in annotations_of(obj):
            applied = json.loads(annotations_of(obj)[LAST_APPLIED_ANNOTATION])
            applied["spec"].pop("number", None)
            obj["metadata"]["annotations"][LAST_APPLIED_ANNOTATION] = json.dumps(applied)
    return ask(body)


def write_nothing_again(_: str, body: Obj, ask: Ask) -> Obj:
    """Children that an API server with an older schema has shown are not changed, so a cache keeps them."""
    answer = ask(body)
    for child in answer["children"]:
        child["metadata"].pop("annotations", None)
    return answer


def _served(body: Obj, key: str) -> Iterator[Obj]:
    """The slices or extents that a call sees, as children or as related objects."""
    for group in (body["children"], body["related"]):
        yield from group.get(key, {}).values()
