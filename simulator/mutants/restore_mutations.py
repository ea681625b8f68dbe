"""Mutations of restores: the addresses that requests record, and ranges on hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.claim_forms import wanted_by
from simulator.judge.lives import pool_of
from simulator.kubernetes.objects import annotations_of, copied
from simulator.mutants.mutations import extents_of, requests_of
from simulator.names import CIDR_ANNOTATION, HOLD_ANNOTATION

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def ignore_records(_: str, body: Obj, ask: Ask) -> Obj:
    """The address that a request records is not used."""
    for obj in requests_of(body).values():
        obj["metadata"].get("annotations", {}).pop(CIDR_ANNOTATION, None)
    return ask(body)


def ignore_records_by_index(_: str, body: Obj, ask: Ask) -> Obj:
    """A request that names a block by its index gets that block, whatever it records."""
    for obj in requests_of(body).values():
        if obj["spec"].get("request", "").partition("/")[0].isdecimal():
            obj["metadata"].get("annotations", {}).pop(CIDR_ANNOTATION, None)
    return ask(body)


def ignore_records_beyond_the_pool(_: str, body: Obj, ask: Ask) -> Obj:
    """What a request records is not used if its range has fewer blocks than its index by now."""
    status, spec = body["parent"].get("status", {}), body["parent"]["spec"]
    pool = pool_of(spec, tuple(status.get("gateways", ())))
    for obj in requests_of(body).values():
        if pool and wanted_by(obj["spec"], spec, pool) is None:
            obj["metadata"].get("annotations", {}).pop(CIDR_ANNOTATION, None)
    return ask(body)


def serve_records_first(_: str, body: Obj, ask: Ask) -> Obj:
    """Requests that record an address are served before all others."""
    for obj in requests_of(body).values():
        if CIDR_ANNOTATION in annotations_of(obj):
            obj["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    return ask(body)


def ignore_holds(_: str, body: Obj, ask: Ask) -> Obj:
    """A range on hold serves every request."""
    _end_hold(body)
    return ask(body)


def announce_all_on_hold(_: str, body: Obj, ask: Ask) -> Obj:
    """A range on hold announces all its addresses."""
    as_if_not_on_hold = copied(body)
    _end_hold(as_if_not_on_hold)
    answer = ask(body)
    extents = {obj["metadata"]["name"]: obj for obj in extents_of(ask(as_if_not_on_hold))}
    known = {obj["metadata"]["name"] for obj in answer["children"]}
    return answer | {"children": answer["children"] + [extents[name] for name in sorted(extents.keys() - known)]}


def _end_hold(body: Obj) -> None:
    body["parent"]["metadata"].get("annotations", {}).pop(HOLD_ANNOTATION, None)
