"""The hook of a Service: a request for each range that it names, and their addresses for its load balancer.

    ranges named, no request      -> attach the requests
    all of them are allocated     -> write the addresses for the load balancer, and record them
    no range named any more       -> remove what was written
    not used any more            -> release the addresses

What was written is never changed while the Service names a range. The record is the memory of that: it is written and
removed in one update with the rest, which the API server rejects if the Service has changed since it was observed.

A request that the Service gives up is deleted, and its uid is noted before in the same way. So a cache of requests that
is older than that of Services can't make the Service show an address that is released.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hooks.api import names
from hooks.api.conditions import listed, truncated
from hooks.api.kinds import RequestParent
from hooks.api.names import NamespacedName
from hooks.integrations.attachments import (
    ONE_ADDRESS,
    Obj,
    State,
    as_observed,
    new_request,
    outcome_of,
    single_address,
)
from hooks.integrations.service_view import ServiceView, asks_for
from hooks.protocol.bodies import ServiceBody

#: As for claims: a Service that waits for an attachment is synced again after this many seconds ...
RECHECK_SOON_SECONDS = 10.0
#: ... and one that waits for something else after this many.
RECHECK_SECONDS = 60.0
#: So many uids of requests are remembered, the latest ones: a cache is not older than all of these.
GIVEN_UP_COUNT_MAX = 20

Annotations = dict[str, str | None]


def sync(body: ServiceBody, key: str, now: datetime) -> dict[str, Any]:
    """The attachments and annotations of a Service.

    Args:
        body: the call.
        key: the annotation in which the load balancer reads the addresses, such as metallb.io/loadBalancerIPs.
        now: the time of the call.

    Raises:
        ProtocolError: if an attachment can't be read.
    """
    kept = as_observed(body.attachments)
    if body.object.metadata.deletion_timestamp:
        return {"attachments": kept}
    view = ServiceView(body, key)
    kept = [each for each in kept if each["metadata"]["name"] not in view.names_given_up]
    if view.ranges == []:
        return _released(view, kept)
    if isinstance(view.ranges, str):
        return _reported(view, kept, view.ranges)
    if superfluous := {name: each for name, each in view.requests.items() if name not in view.ranges}:
        return _with_other_ranges(view, superfluous, kept)
    return _served(view, view.ranges, kept, now)


def _reported(view: ServiceView, attachments: list[Obj], message: str) -> dict[str, Any]:
    """Everything stays, and the Service says why; cut, as all annotations of an object have 256 KiB together."""
    message = truncated(message)
    annotations: Annotations = {} if view.message == message else {names.MESSAGE_ANNOTATION: message}
    return {"attachments": attachments, "annotations": annotations, "resyncAfterSeconds": RECHECK_SECONDS}


def _released(view: ServiceView, kept: list[Obj]) -> dict[str, Any]:
    """The answer to a Service that names no range: most Services, or one that has named a range before.

    Its load balancer may go on to use an address that is no longer written. So the address is released only when the
    Service does not show it any more.
    """
    if view.recorded and view.written == view.recorded:
        answer = _reported(view, kept, f"the load balancer has to give up {listed(view.recorded)}")
        answer["annotations"] |= {view.key: None}
        return answer
    if used := view.used([*view.recorded, *(each.status.address for each in view.requests.values())]):
        return _reported(view, kept, f"{listed(used)} will be released once the load balancer no longer serves there")
    removed: Annotations = {names.ADDRESSES_ANNOTATION: None} if view.recorded else {}
    return _without(view, view.requests, kept, removed)


def _without(
    view: ServiceView, given_up: Mapping[NamespacedName, RequestParent], kept: list[Obj], removed: Annotations
) -> dict[str, Any]:
    """The answer that gives up requests: they are no attachments any more, and noted."""
    annotations = dict(removed)
    if view.message is not None:
        annotations[names.MESSAGE_ANNOTATION] = None
    if given_up:
        noted = [*view.given_up, *(each.metadata.uid for each in given_up.values())]
        annotations[names.GIVEN_UP_ANNOTATION] = ",".join(noted[-GIVEN_UP_COUNT_MAX:])
    left_out = {each.metadata.name for each in given_up.values()}
    return {
        "attachments": [each for each in kept if each["metadata"]["name"] not in left_out],
        "annotations": annotations,
    }


def _with_other_ranges(
    view: ServiceView, superfluous: dict[NamespacedName, RequestParent], kept: list[Obj]
) -> dict[str, Any]:
    """The answer if the Service named other ranges before: these can change only until its addresses are written."""
    if view.recorded:
        return _reported(view, kept, _changed(view))
    if used := view.used(each.status.address for each in superfluous.values()):
        return _reported(view, kept, f"{listed(used)} will be released once the load balancer no longer serves there")
    return _without(view, superfluous, kept, {})


def _changed(view: ServiceView) -> str:
    shown = f"{listed(view.recorded)} {'is' if len(view.recorded) == 1 else 'are'} written and cannot change"
    return f"{shown}: set {names.RANGES_ANNOTATION} back, or remove it and wait until the addresses are released"


def _served(view: ServiceView, ranges: list[NamespacedName], kept: list[Obj], now: datetime) -> dict[str, Any]:
    """The answer to a Service that has requests for the ranges that it names only."""
    wanted = view.recorded or view.written
    if wanted and (fault := _fault_of(view, wanted, ranges)):
        return _reported(view, kept, fault)
    if outdated := _outdated(view, wanted, ranges):
        return _without(view, outdated, kept, {})
    if missing := [index for index, name in enumerate(ranges) if name not in view.requests]:
        meta, had_it = view.service.metadata, bool(view.recorded)
        new = [
            new_request(names.SERVICE_KIND, meta, ranges[index], wanted[index] if wanted else "", had_it=had_it)
            for index in missing
        ]
        # One that was given up may still exist under the same name, and is deleted only if no attachment has this name.
        added = [each for each in new if each["metadata"]["name"] not in view.names_given_up]
        return {"attachments": [*kept, *added], "resyncAfterSeconds": RECHECK_SOON_SECONDS}
    outcomes = [outcome_of(view.requests[name], now) for name in ranges]
    if any(each.state is State.ON_ITS_WAY for each in outcomes):
        return {"attachments": kept, "resyncAfterSeconds": RECHECK_SOON_SECONDS}
    if unserved := next((each for each in outcomes if each.state is not State.ALLOCATED), None):
        reason = unserved.message or f"its request is {unserved.state.name.lower()}"
        shown = f"{listed(view.recorded)} is written, but not allocated: " if view.recorded else ""
        return _reported(view, kept, shown + reason)
    return _allocated(view, [each.address for each in outcomes], kept)


def _outdated(
    view: ServiceView, wanted: list[str], ranges: list[NamespacedName]
) -> dict[NamespacedName, RequestParent]:
    """The requests without a block that ask for another address than the owner of the Service wants by now.

    Once addresses are written they stay, and so do the requests for them.
    """
    if view.recorded:
        return {}
    texts = dict(zip(ranges, wanted or [ONE_ADDRESS] * len(ranges), strict=True))
    # Without the marker an older schema may have dropped the block, or what the request asks for.
    waiting = {name: each for name, each in view.requests.items() if each.status.schema_v1 and not each.status.cidr}
    return {name: each for name, each in waiting.items() if asks_for(each) != texts[name]}


def _fault_of(view: ServiceView, wanted: list[str], ranges: list[NamespacedName]) -> str:
    """Why the addresses that a Service has can't be those of its ranges; "" if they can."""
    key = names.ADDRESSES_ANNOTATION if view.recorded else view.key
    annotation = f'annotation {key} "{",".join(wanted)}"'
    if any(not single_address(each) for each in wanted):
        return f"{annotation}: must be addresses, separated by commas"
    if len(wanted) != len(ranges):
        if view.recorded and view.requests:
            return _changed(view)
        return f"{annotation}: must be one address for each range ({listed(ranges)})"
    return ""


def _allocated(view: ServiceView, addresses: list[str], kept: list[Obj]) -> dict[str, Any]:
    """The answer to a Service whose requests have their addresses: these are written in the order of its ranges."""
    if view.recorded and sorted(view.recorded) != sorted(addresses):
        return _reported(
            view, kept, f"{listed(view.recorded)} is written and stays, but {listed(addresses)} is allocated"
        )
    if len({":" in each for each in addresses}) < len(addresses):
        return _reported(view, kept, f"{listed(addresses)} are of one family: name one range for each family")
    if view.written and sorted(view.written) != sorted(addresses):
        shown = f'annotation {view.key} "{",".join(view.written)}"'
        return _reported(view, kept, f"{shown}: {listed(addresses)} is allocated: write this, or remove the annotation")
    text = ",".join(addresses)
    annotations: Annotations = {view.key: text, names.ADDRESSES_ANNOTATION: text}
    if view.message is not None:
        annotations[names.MESSAGE_ANNOTATION] = None
    return {"attachments": kept, "annotations": annotations}
