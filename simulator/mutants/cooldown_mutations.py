"""Mutations of cool-downs: to which requests a released block is returned, and how its wait ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.objects import annotations_of, joined, key_of, uid_of
from simulator.mutants.mutations import entries_of, requests_of
from simulator.names import END_COOLDOWN_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def return_to_a_namespace(_: str, body: Obj, ask: Ask) -> Obj:
    """A block that cools down is returned to the first waiting request in the namespace of its former holder."""
    held = {entry["uid"] for entry in entries_of(body["parent"])}
    waiting: dict[str, str] = {}
    for obj in requests_of(body).values():
        if uid_of(obj) not in held:
            waiting.setdefault(key_of(obj)[0], joined(key_of(obj)))
    names = {}
    for entry in _cooling(body["parent"]):
        names[entry["uid"]] = entry["request"]
        entry["request"] = waiting.get(entry["request"].partition("/")[0], entry["request"])
    return _renamed(ask(body), names)


def return_nothing(_: str, body: Obj, ask: Ask) -> Obj:
    """A block that cools down is returned to no request."""
    names = {entry["uid"]: entry["request"] for entry in _cooling(body["parent"])}
    for entry in _cooling(body["parent"]):
        entry["request"] = "none/none"
    return _renamed(ask(body), names)


def _renamed(answer: Obj, names: dict[str, str]) -> Obj:
    """The answer with the former holders' names, by uid."""
    for entry in entries_of(answer):
        entry["request"] = names.get(entry["uid"], entry["request"])
    return answer


def end_all(_: str, body: Obj, ask: Ask) -> Obj:
    """The annotation that ends one cool-down ends all of the range."""
    annotations = annotations_of(body["parent"])
    if END_COOLDOWN_ANNOTATION in annotations:
        annotations[END_COOLDOWN_ANNOTATION] = ",".join(entry["uid"] for entry in _cooling(body["parent"]))
    return ask(body)


def end_none(_: str, body: Obj, ask: Ask) -> Obj:
    """The annotation that ends a cool-down is ignored."""
    body["parent"]["metadata"].get("annotations", {}).pop(END_COOLDOWN_ANNOTATION, None)
    return ask(body)


def _cooling(obj: Obj) -> Iterator[Obj]:
    """The entries of a ledger that cool down."""
    return (entry for entry in entries_of(obj) if "releasedAt" in entry)
