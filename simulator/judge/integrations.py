"""The invariants of claims and Services, whose addresses come from requests that are attached to them.

    Claimed   an IPAddress is made of a request that has its address, and never changes; no other request gets that
              address while the claim exists
    Written   the address that is written to a Service is that of its request, and never changes while the Service names
              a range; no other request gets it before the Service has given it up, or does not exist any more

What happens to an owner is excused if a person has written or deleted its attached request, as only a cluster
administrator can do where the policies are installed. Where they are not, also what happens once the owner or its
namespace is being deleted; and if nothing but the garbage collector keeps a claim, which is deleted after its request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.judge.facts import decoded
from simulator.judge.foreign import is_attached_to, is_living
from simulator.kubernetes.objects import annotations_of, is_deleting, joined, key_of, meta, uid_of
from simulator.names import (
    ADDRESSES_ANNOTATION,
    CLAIM_SYNC_PATH,
    METALLB_ANNOTATION,
    RANGES_ANNOTATION,
    REQUESTS_KEY,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.history import History
    from simulator.kubernetes.objects import Obj


def claimed(history: History) -> Iterator[str]:
    """See the docstring of this module."""
    for path, body, answer in history.calls.answered:
        if path == CLAIM_SYNC_PATH:
            yield from _made_of_nothing(decoded(body), decoded(answer))
    for before, now in history.facts.readdressed:
        yield f"IPAddress {joined(key_of(now))} changes from {before['spec']['address']} to {now['spec']['address']}"
    for address, owner in history.facts.made:
        if not _has(history, owner, address["spec"]["address"]):
            name, given = joined(key_of(address)), address["spec"]["address"]
            yield f"IPAddress {name} has {given}, but no request of its claim has it"
    for owner, request in history.facts.pulled:
        found = history.foreign.addresses.get(joined(key_of(owner)))
        recorded = annotations_of(owner).get(ADDRESSES_ANNOTATION, "")
        shown = found["spec"]["address"] if found and is_attached_to(found, uid_of(owner)) else recorded
        if owner["kind"] == "IPAddressClaim" and shown and shown == _address_of(request):
            yield f"{joined(key_of(request))} is released, but {shown} is still claimed by {joined(key_of(owner))}"


def written(history: History) -> Iterator[str]:
    """See the docstring of this module."""
    for before, now in history.facts.served:
        yield from _rewritten(history, before, now)
    for owner, request in history.facts.pulled:
        address = _address_of(request)
        if owner["kind"] == "Service" and address in _in_use(history, owner) and not _is_held(history, owner, address):
            name = joined(key_of(owner))
            yield f"{joined(key_of(request))} is released, but {address} is still that of Service {name}"


def at_rest(history: History) -> Iterator[str]:
    """Live: a claim whose request is allocated has its IPAddress, and a Service its annotation."""
    if history.was_forged or history.schemas_changed:
        return
    for request in history.judged_requests():
        owner = history.foreign.owner_of(request.obj)
        address = _address_of(request.obj)
        if owner is None or not address or is_deleting(request.obj) or not is_living(history, owner):
            continue
        if owner["kind"] == "Service":
            yield from _unwritten(owner, address, request.uid)
        elif "prefixLength" in request.obj["status"].get("network", {}):
            yield from _unanswered(history, owner, address)


def _made_of_nothing(body: Obj, answer: Obj) -> Iterator[str]:
    """What a call adds to the attachments of a claim must follow from them, and none may be left out."""
    observed = [obj for group in body["attachments"].values() for obj in group.values()]
    returned = {(obj["kind"], meta(obj)["name"]) for obj in answer["attachments"]}
    name = joined(key_of(body["object"]))
    for obj in observed:
        if (obj["kind"], meta(obj)["name"]) not in returned:
            yield f"an answer to claim {name} leaves out {obj['kind']} {meta(obj)['name']}"
    has_address = any(obj["kind"] == "IPAddress" for obj in observed)
    requests = body["attachments"].get(REQUESTS_KEY, {}).values()
    right = {_address_of(obj) for obj in requests if not is_deleting(obj)} - {""}
    for obj in answer["attachments"]:
        if obj["kind"] == "IPAddress" and not has_address and obj["spec"]["address"] not in right:
            yield f"claim {name} gets {obj['spec']['address']}, but its requests have {', '.join(right) or 'nothing'}"


def _rewritten(history: History, before: Obj, now: Obj) -> Iterator[str]:
    name, recorded = joined(key_of(now)), _items(before, ADDRESSES_ANNOTATION)
    new, shown = _items(now, ADDRESSES_ANNOTATION), _items(now, METALLB_ANNOTATION)
    was_shown = _items(before, METALLB_ANNOTATION)
    wants = RANGES_ANNOTATION in annotations_of(before) and before["spec"].get("type") == "LoadBalancer"
    if recorded and new and new != recorded:
        yield f"Service {name} changes from {recorded} to {new}"
    if recorded and shown != was_shown and shown not in ([], recorded):
        yield f"Service {name} has {recorded} and gets {shown}"
    if recorded and wants and not (new and (shown or not was_shown)):
        yield f"Service {name} loses {recorded} although it names a range"
    for address in new if not recorded else ():
        if not _has(history, now, address):
            yield f"Service {name} gets {address}, but no request of it has that"


def _has(history: History, owner: Obj, address: str) -> bool:
    """Whether a request that is attached to an object has this address, as far as that is judged."""
    if history.was_forged or history.schemas_changed or not is_living(history, owner):
        return True
    return _is_held(history, owner, address)


def _is_held(history: History, owner: Obj, address: str) -> bool:
    """Whether a request that is attached to an object has this address; ranges of two domains may have the same."""
    attached = (each for each in history.requests.values() if is_attached_to(each.obj, uid_of(owner)))
    return any(not each.is_released and _address_of(each.obj) == address for each in attached)


def _in_use(history: History, service: Obj) -> list[str]:
    """The addresses of a Service, and those at which its load balancer serves, if no person has misled it."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress", [])
    served = [] if uid_of(service) in history.foreign.misled else [each["ip"] for each in ingress]
    return _items(service, ADDRESSES_ANNOTATION) + served


def _unwritten(service: Obj, address: str, uid: str) -> Iterator[str]:
    wants = RANGES_ANNOTATION in annotations_of(service) and service["spec"].get("type") == "LoadBalancer"
    is_shown = address in _items(service, METALLB_ANNOTATION) and address in _items(service, ADDRESSES_ANNOTATION)
    has_message = "ipam.mandelsoft.org/message" in annotations_of(service)
    if wants and not is_shown and not has_message:
        yield f"Service {joined(key_of(service))} has {address} by {uid}, and neither shows it nor says why"


def _unanswered(history: History, claim: Obj, address: str) -> Iterator[str]:
    if history.foreign.is_paused(claim):
        return
    name = joined(key_of(claim))
    found = history.foreign.addresses.get(name)
    shown = found["spec"]["address"] if found else "nothing"
    status: dict[str, Any] = claim.get("status") or {}
    ready = next((each["status"] for each in status.get("conditions", ()) if each["type"] == "Ready"), "")
    is_served = shown == address and status.get("addressRef") == {"name": key_of(claim)[1]} and ready == "True"
    if not is_served and ready != "False":
        yield f"claim {name} has {address}, and its IPAddress {shown}; its status is {status}"


def _address_of(request: Obj) -> str:
    status = request.get("status") or {}
    return str(status.get("address", "")) if status.get("state") == "Ready" else ""


def _items(obj: Obj, annotation: str) -> list[str]:
    return [item for item in annotations_of(obj).get(annotation, "").split(",") if item]
