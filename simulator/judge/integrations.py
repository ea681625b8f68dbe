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

from typing import TYPE_CHECKING

from simulator.judge.facts import decoded
from simulator.judge.foreign import address_given, is_attached_to, is_living, items_of
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
        if owner["kind"] == "IPAddressClaim" and shown and shown == address_given(request):
            yield f"{joined(key_of(request))} is released, but {shown} is still claimed by {joined(key_of(owner))}"


def written(history: History) -> Iterator[str]:
    """See the docstring of this module."""
    for before, now in history.facts.served:
        yield from _rewritten(history, before, now)
    for owner, request in history.facts.pulled:
        address = address_given(request)
        if owner["kind"] == "Service" and address in _in_use(history, owner) and not _is_held(history, owner, address):
            name = joined(key_of(owner))
            yield f"{joined(key_of(request))} is released, but {address} is still that of Service {name}"


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
    right = {address_given(obj) for obj in requests if not is_deleting(obj)} - {""}
    for obj in answer["attachments"]:
        if obj["kind"] == "IPAddress" and not has_address and obj["spec"]["address"] not in right:
            yield f"claim {name} gets {obj['spec']['address']}, but its requests have {', '.join(right) or 'nothing'}"


def _rewritten(history: History, before: Obj, now: Obj) -> Iterator[str]:
    name, recorded = joined(key_of(now)), items_of(before, ADDRESSES_ANNOTATION)
    new, shown = items_of(now, ADDRESSES_ANNOTATION), items_of(now, METALLB_ANNOTATION)
    was_shown = items_of(before, METALLB_ANNOTATION)
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
    return any(not each.is_released and address_given(each.obj) == address for each in attached)


def _in_use(history: History, service: Obj) -> list[str]:
    """The addresses of a Service, and those at which its load balancer serves, if no person has misled it."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress", [])
    served = [] if uid_of(service) in history.foreign.misled else [each["ip"] for each in ingress]
    return items_of(service, ADDRESSES_ANNOTATION) + served
