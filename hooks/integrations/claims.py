"""The hooks of an IPAddressClaim: a request attached to it, and an IPAddress once that is allocated.

Cluster API's contract for providers of addresses: a controller of machines creates a claim that names a pool, and waits
until its status names an IPAddress. Our pools are ranges in the namespace of the claim, and aliases of ranges of other
namespaces. For claims of other pools nothing is written.

    no request          -> attach one
    request allocated   -> attach the IPAddress
    IPAddress observed  -> name it in the status

An IPAddress is never changed or replaced. After a restore or a move, the request asks for exactly the address in an
existing IPAddress, or the one that the claim records.
"""

from datetime import datetime, timedelta
from typing import Any

from hooks.api import foreign, names
from hooks.api.conditions import Fact
from hooks.api.names import NamespacedName
from hooks.integrations.attachments import (
    PATIENCE,
    Obj,
    Outcome,
    State,
    as_observed,
    new_request,
    outcome_of,
)
from hooks.integrations.claim_status import FAILED, NOT_READY, allocated, claim_status, not_ready, unserved
from hooks.integrations.claim_view import ClaimView, cluster_name, spec_of
from hooks.protocol.bodies import ClaimBody, ClaimCustomizeBody

#: Events can be lost, and Metacontroller does not report that a creation failed because the name was taken: a claim
#: that waits for an attachment is synced again after this many seconds ...
RECHECK_SOON_SECONDS = 10.0
#: ... one that waits for something else after this many ...
RECHECK_SECONDS = 60.0
#: ... and one that waits for room after this many.
RECHECK_BUSY_SECONDS = 300.0
#: An IPAddress that is missing for longer than this after its address was allocated is reported.
MISSING_PATIENCE = timedelta(seconds=30)


def customize(body: ClaimCustomizeBody) -> dict[str, Any]:
    """What else the sync of a claim must observe: its Cluster, and its alias. Claims of other pools need nothing.

    A range is not among it. Its status changes with each grant, and would trigger all its claims each time.
    """
    claim = body.parent
    spec = spec_of(claim)
    if spec is None:
        return {"relatedResources": []}
    rules: list[Obj] = []
    if spec.pool_ref.kind == names.ALIAS_KIND:
        rules.append(_rule(names.API_VERSION, "ipamrangealiases", names=[spec.pool_ref.name]))
    if cluster := cluster_name(claim, spec):
        version = f"{foreign.CLUSTER_GROUP}/{claim.version}"
        rules.append(_rule(version, "clusters", namespace=claim.metadata.namespace, names=[cluster]))
    return {"relatedResources": rules}


def _rule(api_version: str, resource: str, **selection: object) -> Obj:
    return {"apiVersion": api_version, "resource": resource, **selection}


def sync(body: ClaimBody, now: datetime) -> dict[str, Any]:
    """The attachments and the next status of a claim; a status of null leaves it as it is.

    Raises:
        ProtocolError: if an attachment can't be read.
    """
    kept = as_observed(body.attachments)
    spec = spec_of(body.object)
    if spec is None or body.object.metadata.deletion_timestamp:
        return {"attachments": kept, "status": None}
    answer = _answer(ClaimView(body, spec), now)
    return answer | {"attachments": [*kept, *answer.get("attachments", [])]}


def _answer(view: ClaimView, now: datetime) -> dict[str, Any]:
    """What is to be added to the attachments, and the rest of the answer."""
    if view.is_paused:
        if view.recorded and view.request is None and isinstance(view.range_name, NamespacedName):
            return _unchanged(RECHECK_SECONDS, _request_for(view, view.range_name))
        return _unchanged(RECHECK_SECONDS)
    if view.former_address and not view.recorded:
        source = f"IPAddress {view.name}" if view.address else f"annotation {names.ADDRESSES_ANNOTATION}"
        message = f'{source} "{view.former_address}": must be one address'
        return _reported(view, not_ready(FAILED, message), now)
    return _with_request(view, now) if view.request is None else _with_outcome(view, outcome_of(view.request, now), now)


def _with_outcome(view: ClaimView, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The answer to a claim that has a request."""
    if outcome.state is not State.ALLOCATED:
        return _waiting(view, outcome, now)
    if view.address is None:
        return _with_address(view, outcome, now)
    if view.recorded != outcome.address:
        shown = (
            f"IPAddress {view.name} has {view.address.spec.address}, and keeps it, but {outcome.address} is allocated"
        )
        return _reported(view, not_ready(FAILED, f"{shown}: delete the claim to get another address"), now)
    status = claim_status(view.claim, allocated(), now, view.address.metadata.name)
    return {"annotations": {names.ADDRESSES_ANNOTATION: outcome.address}, "status": status}


def _unchanged(seconds: float, added: Obj | None = None) -> dict[str, Any]:
    """Nothing to report yet."""
    return {"attachments": [added] if added else [], "status": None, "resyncAfterSeconds": seconds}


def _reported(view: ClaimView, fact: Fact, now: datetime, seconds: float = RECHECK_SECONDS) -> dict[str, Any]:
    """Why the claim has no address."""
    return {"status": claim_status(view.claim, fact, now), "resyncAfterSeconds": seconds}


def _with_request(view: ClaimView, now: datetime) -> dict[str, Any]:
    """A request is attached. It is reported only if that lasts."""
    if isinstance(view.range_name, str):
        return _reported(view, not_ready(NOT_READY, view.range_name), now)
    request = _request_for(view, view.range_name)
    if now - view.claim.metadata.creation_timestamp < PATIENCE:
        return _unchanged(RECHECK_SOON_SECONDS, request)
    name = f"{names.REQUEST_KIND} {request['metadata']['name']}"
    message = f"{name} is not there yet: if this lasts, the events of this claim say why"
    return _reported(view, not_ready(NOT_READY, message), now, RECHECK_SOON_SECONDS) | {"attachments": [request]}


def _waiting(view: ClaimView, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The request has no address. If there is an IPAddress nevertheless, it may be in use by another object."""
    if outcome.state is State.ON_ITS_WAY:
        return _unchanged(RECHECK_SOON_SECONDS)
    fact = unserved(outcome)
    if view.address:
        shown = f"IPAddress {view.name} has {view.address.spec.address}, which is not allocated to it"
        fact = not_ready(FAILED, f"{shown}: {outcome.message}")
    seconds = {State.BUSY: RECHECK_BUSY_SECONDS, State.DELETED: RECHECK_SOON_SECONDS}
    return _reported(view, fact, now, seconds.get(outcome.state, RECHECK_SECONDS))


def _with_address(view: ClaimView, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The IPAddress is attached. It is reported only if that lasts."""
    length = outcome.network.prefix_length
    if length is None:
        missing = f"range {view.range_name} had no network.prefixLength when it allocated {outcome.address}"
        return _reported(view, not_ready(NOT_READY, f"{missing}: set it, and then create the claim again"), now)
    address = _address_for(view, outcome, length)
    if now - outcome.since < MISSING_PATIENCE:
        return _unchanged(RECHECK_SOON_SECONDS, address)
    message = (
        f"IPAddress {view.name} is not there yet: if this lasts, delete an IPAddress of that name that the claim does"
        " not control; if there is none, the events of this claim say why"
    )
    return _reported(view, not_ready(FAILED, message), now, RECHECK_SOON_SECONDS) | {"attachments": [address]}


def _request_for(view: ClaimView, range_name: NamespacedName) -> Obj:
    """The request; for the address that the claim had, if it had one."""
    meta, address = view.claim.metadata, view.recorded
    request = new_request(names.CLAIM_KIND, meta, range_name, address, had_it=bool(address))
    request["metadata"]["labels"] |= _cluster_label(view) | {names.ATTACHED_TO_LABEL: names.CLAIM_KIND}
    request["metadata"]["finalizers"] = [names.CLAIMED_FINALIZER]  # see claimed_requests.py
    return request


def _address_for(view: ClaimView, outcome: Outcome, prefix_length: int) -> Obj:
    """The IPAddress, which Metacontroller gives the claim as owner.

    The pool is not an owner, as the contract demands: the garbage collector would keep an IPAddress whose claim was
    deleted as long as its pool exists (docs/decisions/0036-cluster-api.md).
    """
    meta, pool = view.claim.metadata, view.pool_ref
    metadata = {"name": meta.name, "namespace": meta.namespace, "labels": names.NOT_IN_BACKUPS | _cluster_label(view)}
    spec = {
        "claimRef": {"name": meta.name},
        "poolRef": {"apiGroup": names.GROUP, "kind": pool.kind, "name": pool.name},
        "address": outcome.address,
        "prefix": prefix_length,
    }
    if outcome.network.gateway:
        spec["gateway"] = outcome.network.gateway
    return {
        "apiVersion": view.claim.api_version,
        "kind": foreign.ADDRESS_KIND,
        "metadata": metadata,
        "spec": spec,
    }


def _cluster_label(view: ClaimView) -> dict[str, str]:
    """The label by which the objects of a Cluster are found, if the claim has it."""
    label = view.claim.metadata.labels.get(foreign.CLUSTER_LABEL)
    return {} if label is None else {foreign.CLUSTER_LABEL: label}
