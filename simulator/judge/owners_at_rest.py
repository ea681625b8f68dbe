"""Live, for claims and Services: each has a request and shows its address, or something is true that prevents it.

What may prevent it, whatever a condition or a message says:

    claim      an IPAddress of its name exists that was not made for it; or what it records is no address
    Service    the ranges that it names can't be read; it has addresses of other ranges or another number of them;
               another request of it has no address; all addresses are of one family; a person wrote another address

A claim or Service that shows no address must also say so. Why it has no request, a Service only has to say.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from simulator.judge.foreign import address_given, is_attached_to, is_living, items_of
from simulator.kubernetes.objects import annotations_of, controller_of, is_deleting, joined, key_of, uid_of
from simulator.names import (
    ADDRESSES_ANNOTATION,
    GIVEN_UP_ANNOTATION,
    GROUP,
    MESSAGE_ANNOTATION,
    METALLB_ANNOTATION,
    RANGES_ANNOTATION,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.history import History
    from simulator.judge.lives import RequestLife
    from simulator.kubernetes.objects import Obj

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
#: A Service has at most one address of each family.
_RANGES_MAX = 2


def served(history: History) -> Iterator[str]:
    """Live: claims and Services have requests; if these are allocated, claims an IPAddress, Services the annotation."""
    if history.was_forged or history.schemas_changed:
        return
    yield from _unattached(history)
    for request in history.judged_requests():
        owner = history.foreign.owner_of(request.obj)
        address = address_given(request.obj)
        if owner is None or not address or is_deleting(request.obj) or not is_living(history, owner):
            continue
        if owner["kind"] == "Service":
            yield from _unwritten(history, owner, address, request.uid)
        elif "prefixLength" in request.obj["status"].get("network", {}):
            yield from _unanswered(history, owner, address)


def _unattached(history: History) -> Iterator[str]:
    """The claims and Services that want an address and have no request, which nothing prevents."""
    controllers = (controller_of(each.obj) for each in history.requests.values() if not each.is_deleted)
    attached = {each["uid"] for each in controllers if each}
    for owner in history.judged_owners():
        if uid_of(owner) not in attached and is_living(history, owner) and _wants_requests(history, owner):
            yield f"{owner['kind']} {joined(key_of(owner))} has no request, which nothing prevents"


def _wants_requests(history: History, owner: Obj) -> bool:
    if owner["kind"] == "Service":
        says_why = MESSAGE_ANNOTATION in annotations_of(owner)
        return _wants_addresses(owner) and _named_ranges(owner) is not None and not says_why
    pool = owner["spec"]["poolRef"]
    is_ours = (pool.get("apiGroup"), pool["kind"]) == (GROUP, "IPAMRange")
    return is_ours and not history.foreign.is_paused(owner) and not _is_claim_prevented(history, owner)


# --- claims


def _unanswered(history: History, claim: Obj, address: str) -> Iterator[str]:
    if history.foreign.is_paused(claim):
        return
    name = joined(key_of(claim))
    found = history.foreign.addresses.get(name)
    own = found if found and _is_made_for(found, claim) else None
    shown = found["spec"]["address"] if found else "nothing"
    status: dict[str, Any] = claim.get("status") or {}
    ready = next((each["status"] for each in status.get("conditions", ()) if each["type"] == "Ready"), "")
    is_served = own and shown == address and status.get("addressRef") == {"name": key_of(claim)[1]} and ready == "True"
    if not is_served and not (ready == "False" and _is_claim_prevented(history, claim)):
        yield f"claim {name} has {address}, and its IPAddress {shown}; its status is {status}"


def _is_claim_prevented(history: History, claim: Obj) -> bool:
    """Whether an IPAddress of its name exists that was not made for it, or what it records is no address."""
    found = history.foreign.addresses.get(joined(key_of(claim)))
    if found and not _is_made_for(found, claim):
        return True
    recorded = found["spec"]["address"] if found else annotations_of(claim).get(ADDRESSES_ANNOTATION)
    return recorded is not None and not _is_address(recorded)


def _is_made_for(address: Obj, claim: Obj) -> bool:
    """Whether a claim controls an IPAddress, and it names this claim and its pool."""
    named = address["spec"].get("claimRef", {}).get("name"), address["spec"].get("poolRef")
    return is_attached_to(address, uid_of(claim)) and named == (key_of(claim)[1], claim["spec"]["poolRef"])


# --- Services


def _unwritten(history: History, service: Obj, address: str, uid: str) -> Iterator[str]:
    is_shown = address in items_of(service, METALLB_ANNOTATION) and address in items_of(service, ADDRESSES_ANNOTATION)
    if not _wants_addresses(service) or is_shown:
        return
    name, message = joined(key_of(service)), annotations_of(service).get(MESSAGE_ANNOTATION)
    if message is None:
        yield f"Service {name} has {address} by {uid}, and neither shows it nor says why"
    elif not _is_prevented(history, service):
        yield f"Service {name} has {address} by {uid} and does not show it, which nothing prevents: {message}"


def _wants_addresses(service: Obj) -> bool:
    return RANGES_ANNOTATION in annotations_of(service) and service["spec"].get("type") == "LoadBalancer"


def _is_prevented(history: History, service: Obj) -> bool:
    """Whether something true prevents that the addresses of a Service are written."""
    named = _named_ranges(service)
    if named is None:
        return True
    requests = _requests_of(history, service)
    recorded = items_of(service, ADDRESSES_ANNOTATION)
    if superfluous := [each for each in requests if each.range_name not in named]:
        return bool(recorded) or any(_serves_at(service, address_given(each.obj)) for each in superfluous)
    if recorded and (len(recorded) != len(named) or not all(map(_is_address, recorded))):
        return True
    written = items_of(service, METALLB_ANNOTATION) if uid_of(service) in history.foreign.misled else []
    outcomes = {each.range_name: "" if is_deleting(each.obj) else address_given(each.obj) for each in requests}
    right = [outcomes[name] for name in named if name in outcomes]
    is_waiting, is_of_one_family = "" in right, len({":" in each for each in right}) < len(right)
    return is_waiting or is_of_one_family or any(each and each != right for each in (recorded, written))


def _named_ranges(service: Obj) -> list[str] | None:
    """The `namespace/name` of each range that a Service names; None if they can't be read."""
    ranges: list[str] = []
    for item in items_of(service, RANGES_ANNOTATION):
        namespace, dot, name = item.partition(".")
        namespace, name = (namespace, name) if dot else (key_of(service)[0], item)
        if not all(map(_LABEL.fullmatch, (namespace, *name.split(".")))):
            return None
        ranges.append(f"{namespace}/{name}")
    return ranges if 0 < len(ranges) == len(set(ranges)) <= _RANGES_MAX else None


def _requests_of(history: History, service: Obj) -> list[RequestLife]:
    """The requests of a Service that exist, and that it has not given up."""
    given_up = items_of(service, GIVEN_UP_ANNOTATION)
    attached = (each for each in history.requests.values() if is_attached_to(each.obj, uid_of(service)))
    return [each for each in attached if not each.is_deleted and each.uid not in given_up]


def _serves_at(service: Obj, address: str) -> bool:
    """Whether the load balancer of a Service serves at an address, or may do so because it names no address."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress", [])
    served_at = [each["ip"] for each in ingress if each.get("ip")]
    return address != "" and any(each == address or not _is_address(each) for each in served_at)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
