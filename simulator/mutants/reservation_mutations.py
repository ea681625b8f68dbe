"""Mutations of reservations: which requests get a reserved block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.objects import key_of, owners_of, uid_of
from simulator.mutants.mutations import entries_of, requests_of

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def ignore_reservations(_: str, body: Obj, ask: Ask) -> Obj:
    """Reserved blocks are allocated to any request."""
    body["parent"]["spec"].pop("reservations", None)
    return ask(body)


def reserve_for_a_namespace(_: str, body: Obj, ask: Ask) -> Obj:
    """A reserved block is allocated to the first waiting request in the namespace of its holder."""
    waiting: dict[str, str] = {}
    for obj in requests_of(body).values():
        if not (obj.get("status") or {}).get("cidr"):
            waiting.setdefault(*key_of(obj))
    for item in body["parent"]["spec"].get("reservations", ()):
        holder = item["holder"]
        namespace = holder.get("namespace") or key_of(body["parent"])[0]
        if namespace in waiting:
            item["holder"] = {"kind": "IPAMRequest", "namespace": namespace, "name": waiting[namespace]}
    return ask(body)


def take_any_owner(_: str, body: Obj, ask: Ask) -> Obj:
    """An owner of a request is its holder, even if it is not its controller."""
    for obj in requests_of(body).values():
        for owner in owners_of(obj):
            owner["controller"] = True
    return ask(body)


def leave_out_holders(_: str, body: Obj, ask: Ask) -> Obj:
    """A request for which a block is reserved is not served."""
    requests, held = requests_of(body), {entry["uid"] for entry in entries_of(body["parent"])}
    for item in body["parent"]["spec"].get("reservations", ()):
        namespace = item["holder"].get("namespace") or key_of(body["parent"])[0]
        found = requests.get(f"{namespace}/{item['holder']['name']}")
        if found and uid_of(found) not in held and "deletionTimestamp" not in found["metadata"]:
            del requests[f"{namespace}/{item['holder']['name']}"]
    return ask(body)


def reserve_for_nothing(_: str, body: Obj, ask: Ask) -> Obj:
    """A request that needs a reserved block does not get it."""
    for item in body["parent"]["spec"].get("reservations", ()):
        item["holder"]["name"] = "none"
    return ask(body)
