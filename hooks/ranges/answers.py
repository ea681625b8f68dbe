"""The answers of a range: the IPAMAllocations that Metacontroller should have as its children.

Metacontroller deletes each child that is missing here, so leaving one out is a decision like any other:

    S3  Ready and Released come from the observed ledger only, never from the proposal of the same call. And a call that
        proposes grants publishes no refusal for lack of room: that would rest on them (`Grants.publishable_refusals`).
    Both carry the revision of the ledger on which they rest. If the observed ledger is older than that, the cache is
    stale, and the answer stays as it is. If it is as new or newer, it is right.

Life of an answer, with the revision r of the observed ledger and the revision a of the answer:

    nothing, Busy, Invalid ── entry in the ledger ───────────────────────────────────► Ready(a = r)
    nothing, Busy, Invalid, Ready ── release in the ledger, request observed ────────► Released(a = r)
    Ready ── neither of them, request observed as released: it is being committed ───► Ready(a as it was)
    Ready ── neither of them, r >= a, request alive or not observed ─────────────────► nothing: the range was lost
    Released ── entry in the ledger, request alive ──────────────────────────────────► Ready: a stranger wrote it
    Ready, Released ── release in the ledger, request not observed ──────────────────► nothing
    Busy, Invalid ── request not observed, or its namespace no longer allowed ───────► the same(Withdrawn)
    the same(Withdrawn) ── still so ─────────────────────────────────────────────────► nothing

The request's hook removes the finalizer of a deleted request when it observes Released.

A refusal ends in two steps because Metacontroller deletes an answer whatever it says by now, but updates one only as it
was observed. If it is Ready already, and only the caches lag, the first step is refused.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from hooks.api import names
from hooks.api.conditions import truncated
from hooks.api.kinds import AllocationSpec, RequestKey, RequestObject
from hooks.api.names import NamespacedName
from hooks.ranges.ledger import LedgerEntry
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy
from hooks.ranges.records import unused_record_of
from ipam.allocate import TAKEN, Refused

Answers = dict[str, AllocationSpec]  # by uid of the request

#: The reason of a refusal that is about to end.
_WITHDRAWN = "Withdrawn"


def published(observed: Observed, refusals: Mapping[str, Refused], occupancy: Occupancy) -> Answers:
    """The answers that should exist, by uid; `refusals` has the reasons of requests without an entry, by uid."""
    entries, released = observed.ledger.entries, set(observed.ledger.released)
    answers: Answers = {}
    for uid, entry in entries.items():
        if uid not in released and not entry.written.released_at and (kept := _for_entry(entry, observed, occupancy)):
            answers[uid] = kept
    for uid, existing in observed.answers.items():
        if uid not in released and uid not in entries and (kept := _without_entry(existing.spec, observed)):
            answers[uid] = kept
    for uid in observed.ledger.released:
        if request := observed.requests.get(uid):
            answers[uid] = _for_release(request, observed)
    for uid, refusal in refusals.items():
        answer = _answer(observed, uid)
        if answer is None or _is_refusal(answer):
            answers[uid] = _for_refusal(refusal, observed.requests[uid], observed)
    return answers


def are_published(answers: Answers, observed: Observed) -> bool:
    """Whether these answers, and no others, exist already."""
    return answers == {uid: existing.spec for uid, existing in observed.answers.items()}


def allocation_objects(answers: Answers, observed: Observed) -> list[dict[str, Any]]:
    """The answers as desired children, sorted by name; without new ones if the namespace is terminating."""
    objects = {}
    for uid, spec in answers.items():
        if uid in observed.answers:
            name = observed.answers[uid].metadata.name
        elif observed.namespace_is_terminating:
            continue
        else:
            name = names.allocation_name(observed.name, spec.request.namespaced_name, uid)
        objects[name] = {
            "apiVersion": names.API_VERSION,
            "kind": names.ALLOCATION_KIND,
            "metadata": {"namespace": observed.name.namespace, "name": name},
            "spec": spec,
        }
    objects |= {each["metadata"]["name"]: each for each in observed.unreadable_answers}
    return [objects[name] for name in sorted(objects)]


def _answer(observed: Observed, uid: str) -> AllocationSpec | None:
    existing = observed.answers.get(uid)
    return existing.spec if existing else None


def _for_refusal(refusal: Refused, request: RequestObject, observed: Observed) -> AllocationSpec:
    """The answer to a request that is refused.

    The answer to a request that waits for a certain block says what was in the way at first, and does not change when
    that gets another holder: otherwise one release would rewrite the answers to all requests that wait for the block.
    """
    answer = _answer(observed, request.metadata.uid)
    if answer and answer.reason == refusal.reason == TAKEN and _first_word(answer) == _first_word(refusal):
        return answer
    return AllocationSpec(
        range=observed.name.name,
        request=_key_of(request),
        state=refusal.verdict,
        reason=refusal.reason,
        message=truncated(refusal.message),
        schema_v1=True,
    )


def _first_word(refusal: AllocationSpec | Refused) -> str:
    """Of the message; for a taken block that is the block. After a hold a request by index may wait for another one."""
    return refusal.message.partition(" ")[0]


def _for_entry(entry: LedgerEntry, observed: Observed, occupancy: Occupancy) -> AllocationSpec | None:
    """The answer to a holder of a block; None ends one that only a stranger can have written."""
    cidr, answer = entry.written.cidr, _answer(observed, entry.uid)
    if answer and answer.cidr not in ("", cidr):
        return None
    if answer and answer.state == "Released" and _is_newer(answer, observed):
        return answer
    if answer and answer.state == "Ready" and answer.cidr:
        return replace(answer, reason="") if answer.reason else answer
    if not observed.terms.is_readable:
        return answer  # the network settings are published once and for all: not before the spec can be read
    holder, request = NamespacedName.parse(entry.holder), observed.requests.get(entry.uid)
    message = unused_record_of(request, entry.prefix, observed, occupancy) if request else ""
    return AllocationSpec(
        range=observed.name.name,
        request=RequestKey(holder.namespace, holder.name, entry.uid),
        state="Ready",
        cidr=cidr,
        network=observed.terms.network,
        revision=observed.ledger.revision,
        message=truncated(message),
        schema_v1=True,
    )


def _without_entry(answer: AllocationSpec, observed: Observed) -> AllocationSpec | None:
    """The next answer to a request that the ledger does not mention; None ends it."""
    uid = answer.request.uid
    if uid in observed.deleted or _is_newer(answer, observed):
        return answer
    if not _is_refusal(answer):
        return None
    if observed.is_alive(uid) and observed.allows(answer.request.namespace):
        return answer
    if answer.reason == _WITHDRAWN:
        return None
    return replace(answer, reason=_WITHDRAWN, message="the range no longer answers this request")


def _for_release(request: RequestObject, observed: Observed) -> AllocationSpec:
    """The answer to a request that is released; an answer's cidr never changes."""
    answer = _answer(observed, request.metadata.uid)
    if answer and answer.state == "Released":
        return answer
    cidr, network = (answer.cidr, answer.network) if answer else ("", None)
    revision = observed.ledger.revision
    return AllocationSpec(
        observed.name.name, _key_of(request), "Released", cidr=cidr, network=network, revision=revision, schema_v1=True
    )


def _is_refusal(answer: AllocationSpec) -> bool:
    """Whether an answer may become any other one; a stranger who gives it a cidr ends that."""
    return answer.state in ("Busy", "Invalid") and not answer.cidr


def _is_newer(answer: AllocationSpec, observed: Observed) -> bool:
    """Whether an answer rests on a later ledger than the observed one; only a stranger's can do so in vain."""
    if answer.revision <= observed.ledger.revision:
        return False
    if answer.state == "Released":
        return not observed.is_alive(answer.request.uid)
    return bool(answer.cidr) and not observed.ledger.closing  # a stranger may have changed the state of a Ready one


def _key_of(request: RequestObject) -> RequestKey:
    meta = request.metadata
    return RequestKey(meta.namespace, meta.name, meta.uid)
