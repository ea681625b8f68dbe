"""What the plugin knows, as plain data: the same names in `-o json`, in `-o yaml` and behind the web page.

Numbers of addresses are decimal text, because those of IPv6 exceed what JSON readers keep. A field that has nothing to
say is left out. Names are stable; new ones may be added.
"""

from datetime import datetime
from typing import Any

from hooks.api.conditions import ready_since
from hooks.api.times import timestamp
from kubectl_ipam.objects import Request
from kubectl_ipam.output.words import rough
from kubectl_ipam.views import RangeView, State

Document = dict[str, Any]


def range_document(view: RangeView) -> Document:
    """A range in numbers."""
    meta, status = view.range.metadata, view.range.status
    document: Document = {
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "state": state_of(view),
        "notes": status.notes,
        "message": view.fault or view.terms.invalid_reason or status.message,
        "domain": view.terms.domain.name,
        "delegatedFrom": str(view.delegation.request) if view.delegation else "",
        "mode": view.terms.mode,
        "addresses": view.terms.pool.addresses.texts,
        "defaultLength": view.terms.default_length,
        "revision": 0 if view.fault else view.ledger.revision,
        **_capacity(view),
    }
    return {name: value for name, value in document.items() if value not in ("", None)}


def _capacity(view: RangeView) -> Document:
    if view.fault or view.decision is None:
        return {}
    decision, waiting = view.decision, view.waiting
    largest = decision.largest_free_length
    return {
        "total": str(decision.total_count),
        "free": str(decision.free_count),
        "allocated": str(allocated_count(view)),
        "largestFree": "" if largest is None else f"/{largest}",
        "room": room(view),
        "holders": len(view.occupancy.held),
        "coolingDown": len(view.occupancy.cooling),
        "waiting": len(waiting),
        "retired": str(view.terms.retired.address_count) if view.terms.retired else None,
        "retiredHeld": str(retired_held_count(view)) if view.terms.retired else None,
        "onHold": True if view.ledger.on_hold else None,
    }


def allocated_count(view: RangeView) -> int:
    """Number of addresses of the pool that are held or cool down."""
    decision, occupancy = view.decision, view.occupancy
    if decision is None:
        return 0
    other = occupancy.reserved_address_count + occupancy.unavailable_address_count
    return decision.total_count - decision.free_count - other


def retired_held_count(view: RangeView) -> int:
    """Number of retired addresses that are still held."""
    return sum(piece.address_count for piece in view.pieces if piece.state is State.RETIRED_HELD)


def room(view: RangeView) -> str:
    """The number of free blocks of the default length in words, such as "62 more /28"."""
    if view.decision is None:
        return ""
    return f"{rough(view.decision.free_block_counts[view.terms.default_length])} more /{view.terms.default_length}"


def state_of(view: RangeView) -> str:
    """The state of a range in one word; it is judged here, so that a range without a status has one, too."""
    if view.fault:
        return "Unreadable"
    if view.range.metadata.deletion_timestamp:
        return "Deleting"
    if view.delegation and view.delegation.is_ended:
        return "Deleting"
    is_unnamed = view.delegation is not None and not view.delegation.is_named
    is_unnamed = is_unnamed and (view.delegator is not None or view.lacks_delegator)
    return "Invalid" if view.terms.invalid_reason or is_unnamed else "Ready"


def request_document(request: Request) -> Document:
    """A request and what it shows."""
    meta, status = request.metadata, request.status
    document: Document = {
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "range": str(request.range_name),
        "wants": wanted(request),
        "state": status.state or "Pending",
        "cidr": status.cidr,
        "message": status.message,
        "created": timestamp(meta.creation_timestamp),
        "delegatedTo": str(request.delegated_name) if request.status.range else "",
        "deleting": None if meta.deletion_timestamp is None else timestamp(meta.deletion_timestamp),
    }
    return {name: value for name, value in document.items() if value not in ("", None)}


def wanted(request: Request) -> str:
    """What a request asks for, as text; "" for a block of the default size of its range."""
    return request.spec.wanted or (f"/{request.spec.size}" if request.spec.size else "")


def held_since(request: Request) -> datetime | None:
    """Since when a request has its block; None if it has none."""
    return ready_since(request.status.conditions) if request.status.cidr else None
