"""Mutations of claims and Services: when an address is published, and when it is released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.objects import meta
from simulator.names import ADDRESSES_ANNOTATION, GIVEN_UP_ANNOTATION, METALLB_ANNOTATION, REQUESTS_KEY

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask


def trust_deleted_requests(_: str, body: Obj, ask: Ask) -> Obj:
    """The address of a request that is being deleted counts as allocated."""
    for request in body["attachments"].get(REQUESTS_KEY, {}).values():
        meta(request).pop("deletionTimestamp", None)
    return ask(body)


def keep_waiting(_: str, body: Obj, ask: Ask) -> Obj:
    """A request that is allocated counts as one that waits for room."""
    for request in body["attachments"].get(REQUESTS_KEY, {}).values():
        if (request.get("status") or {}).get("state") == "Ready":
            request["status"] |= {"state": "Busy", "message": "no address is free"}
    return ask(body)


def attach_nothing(_: str, body: Obj, ask: Ask) -> Obj:
    """No request is attached."""
    answer, existing = ask(body), body["attachments"].get(REQUESTS_KEY, {})
    names = {meta(each)["name"] for each in existing.values()}
    kept = [each for each in answer["attachments"] if each["kind"] != "IPAMRequest" or meta(each)["name"] in names]
    return answer | {"attachments": kept}


def give_up_claims(_: str, body: Obj, ask: Ask) -> Obj:
    """A claim that has its IPAddress gives up its request."""
    answer = ask(body)
    if (body["object"].get("status") or {}).get("addressRef"):
        answer["attachments"] = [each for each in answer["attachments"] if each["kind"] != "IPAMRequest"]
    return answer


def give_up_deleted_requests(_: str, body: Obj, ask: Ask) -> Obj:
    """The request of a claim is released when it is deleted, whether a machine still uses its address or not."""
    return ask(body) | {"finalized": True}


def follow_ranges(_: str, body: Obj, ask: Ask) -> Obj:
    """A Service that names another range gets an address of that, although it has one."""
    _forget(body, ADDRESSES_ANNOTATION, METALLB_ANNOTATION)
    return ask(body)


def note_nothing(_: str, body: Obj, ask: Ask) -> Obj:
    """A Service does not remember the requests that it has given up."""
    _forget(body, GIVEN_UP_ANNOTATION)
    answer = ask(body)
    (answer.get("annotations") or {}).pop(GIVEN_UP_ANNOTATION, None)
    return answer


def release_what_is_in_use(_: str, body: Obj, ask: Ask) -> Obj:
    """A Service gives up an address although its load balancer still serves there."""
    body["object"].pop("status", None)
    return ask(body)


def _forget(body: Obj, *annotations: str) -> None:
    for annotation in annotations:
        meta(body["object"]).get("annotations", {}).pop(annotation, None)
