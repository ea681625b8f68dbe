"""Mutations of the fence between a request and the range that is made from its block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.mutants.mutations import requests_of
from simulator.names import RANGES_KEY, REQUESTS_KEY

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def _delegator(body: Obj) -> Obj | None:
    """The name and the uid of the request from whose block a range was made."""
    found: Obj | None = body["parent"]["spec"].get("delegatedFrom")
    return found


def name_every_range(_: str, body: Obj, ask: Ask) -> Obj:
    """A range grants blocks although no request names it."""
    if delegator := _delegator(body):
        meta = body["parent"]["metadata"]
        key = f"{meta['namespace']}/{delegator['name']}"
        named = {"name": meta["name"], "uid": meta["uid"]}
        request = {
            "metadata": {**delegator, "namespace": meta["namespace"], "creationTimestamp": meta["creationTimestamp"]},
            "spec": {"ipam": {"name": "any"}},
            "status": {"schemaV1": True, "range": named},
        }
        body["related"].setdefault(REQUESTS_KEY, {})[key] = request
    return ask(body)


def forget_ranges(_: str, body: Obj, ask: Ask) -> Obj:
    """The block of a request is released although its range may be in use."""
    if _delegator(body) is None:
        for obj in requests_of(body).values():
            (obj.get("status") or {}).pop("range", None)
    return ask(body)


def take_absence_as_proof(_: str, body: Obj, ask: Ask) -> Obj:
    """A deleted request calls its range finished if it does not observe it."""
    answer = ask(body)
    named = (answer.get("status") or {}).get("range")
    if (
        named
        and not body.get("attachments", {}).get(RANGES_KEY)
        and body["object"]["metadata"].get("deletionTimestamp")
    ):
        named["finished"] = True
    return answer


def finish_while_in_use(_: str, body: Obj, ask: Ask) -> Obj:
    """A range says that it is finished as soon as it ends."""
    answer = ask(body)
    if _delegator(body) and answer["status"].get("closing"):
        answer["status"]["finished"] = True
    return answer


def outlive_the_request(_: str, body: Obj, ask: Ask) -> Obj:
    """A range does not end with its request."""
    if (delegator := _delegator(body)) and "deletionTimestamp" not in body["parent"]["metadata"]:
        for obj in requests_of(body).values():
            if obj["metadata"]["uid"] == delegator["uid"]:
                obj["metadata"].pop("deletionTimestamp", None)
    return ask(body)


def leave_at_once(_: str, body: Obj, ask: Ask) -> Obj:
    """A range in deletion does not wait until its request knows that it is finished."""
    answer = ask(body)
    status = body["parent"].get("status", {})
    is_over = status.get("closing") and not status.get("allocations") and not any(body["children"].values())
    if body.get("finalizing") and _delegator(body) and is_over:
        answer["finalized"] = True
    return answer
