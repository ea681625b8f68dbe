"""The answers of a range: the IPAMAllocations that Metacontroller shall have as its children.

Metacontroller deletes each child that is missing here, so leaving one out is a decision like any other:

    S3  Ready and Released come from the observed ledger only, never from the proposal of the same call. And a call that
        proposes grants tells nobody that there is no room: that, too, would rest on them (`Service.told`).
    Both carry the revision of the ledger on which they rest. If the ledger seen now is older than that, the cache is
    stale, and the answer stays as it is. If it is as new or newer, it is right.

Life of an answer, with the revision r of the ledger seen and the revision a of the answer:

    nothing, Busy, Invalid ── entry in the ledger ────────────────────────────► Ready(a = r)
    nothing, Busy, Invalid, Ready ── release in the ledger, request seen ─────► Released(a = r)
    Ready ── neither of them, request seen released: it is being committed ───► Ready(a as it was)
    Ready ── neither of them, r >= a, request alive or not seen ──────────────► nothing: the range was lost
    Released ── entry in the ledger, request alive ───────────────────────────► Ready: a stranger wrote it
    Ready, Released ── release in the ledger, request not seen ───────────────► nothing
    Busy, Invalid ── request not seen, or its namespace not allowed any more ─► the same(Withdrawn)
    the same(Withdrawn) ── still so ──────────────────────────────────────────► nothing

The request's hook lets a request go when it sees Released.

Why a refusal ends in two steps: Metacontroller deletes an answer whatever it says by now, but updates one only as it
was seen. If it is Ready already, and only the caches lag, the first step is refused.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from hooks import names
from hooks.conditions import fitted
from hooks.observed import Observed
from hooks.wire import AllocationSpec, Entry, RequestKey, RequestObject
from ipam.allocate import Refused

Answers = dict[str, AllocationSpec]  # by uid of the request

#: The reason of a refusal that is about to end.
_WITHDRAWN = "Withdrawn"


def published(seen: Observed, refusals: Mapping[str, Refused]) -> Answers:
    """What shall be published, by uid; `refusals` says by uid why requests without an entry get none."""
    entries, released = seen.ledger.entries, set(seen.ledger.released)
    answers: Answers = {}
    for uid, entry in entries.items():
        if uid not in released and not entry.released_at and (kept := _for_entry(entry, seen.answers.get(uid), seen)):
            answers[uid] = kept
    for uid, answer in seen.answers.items():
        if uid not in released and uid not in entries and (kept := _without_entry(answer, seen)):
            answers[uid] = kept
    for uid in seen.ledger.released:
        if request := seen.released.get(uid) or seen.alive.get(uid):
            answers[uid] = _for_release(request, seen.answers.get(uid), seen)
    for uid, refusal in refusals.items():
        if uid not in seen.answers or _is_refusal(seen.answers[uid]):
            answers[uid] = AllocationSpec(
                range=seen.name,
                request=_key_of(seen.alive[uid]),
                state=refusal.verdict,
                reason=refusal.reason,
                message=fitted(refusal.message),
            )
    return answers


def allocation_objects(answers: Answers, seen: Observed) -> list[dict[str, Any]]:
    """The answers as desired children, sorted by name; without new ones where the namespace takes none."""
    objects = {}
    for uid, spec in answers.items():
        name = seen.answer_names.get(uid)
        if name is None and not seen.namespace_is_terminating:
            name = names.allocation_name(seen.namespace, seen.name, spec.request.namespace, spec.request.name, uid)
        if name:
            objects[name] = {
                "apiVersion": names.API_VERSION,
                "kind": names.ALLOCATION_KIND,
                "metadata": {"namespace": seen.namespace, "name": name},
                "spec": spec,
            }
    objects |= {each["metadata"]["name"]: each for each in seen.unread_answers}
    return [objects[name] for name in sorted(objects)]


def _for_entry(entry: Entry, answer: AllocationSpec | None, seen: Observed) -> AllocationSpec | None:
    """The answer to a holder of a block; None ends one that only a stranger can have written."""
    if answer and answer.cidr not in ("", entry.cidr):
        return None
    if answer and answer.state == "Released" and _is_newer(answer, seen):
        return answer
    if answer and answer.state == "Ready" and answer.cidr:
        return replace(answer, reason="", message="") if answer.reason or answer.message else answer
    if isinstance(seen.spec, str):
        return answer  # what the spec says of the network is told once and for all: not before it can be read
    namespace, _, name = entry.request.partition("/")
    key = RequestKey(namespace, name, entry.uid)
    return AllocationSpec(
        range=seen.name,
        request=key,
        state="Ready",
        cidr=entry.cidr,
        network=seen.network,
        revision=seen.ledger.revision,
    )


def _without_entry(answer: AllocationSpec, seen: Observed) -> AllocationSpec | None:
    """What becomes of an answer to a request of which the ledger says nothing; None ends it."""
    uid = answer.request.uid
    if uid in seen.released or _is_newer(answer, seen):
        return answer
    if not _is_refusal(answer):
        return None
    if uid in seen.alive and seen.allows(answer.request.namespace):
        return answer
    if answer.reason == _WITHDRAWN:
        return None
    return replace(answer, reason=_WITHDRAWN, message="the range does not answer this request any more")


def _for_release(request: RequestObject, answer: AllocationSpec | None, seen: Observed) -> AllocationSpec:
    """The answer to a request that is released; an answer's cidr never changes."""
    if answer and answer.state == "Released":
        return answer
    cidr, network = (answer.cidr, answer.network) if answer else ("", None)
    revision = seen.ledger.revision
    return AllocationSpec(seen.name, _key_of(request), "Released", cidr=cidr, network=network, revision=revision)


def _is_refusal(answer: AllocationSpec) -> bool:
    """Whether an answer may become any other one; a stranger who gives it a cidr ends that."""
    return answer.state in ("Busy", "Invalid") and not answer.cidr


def _is_newer(answer: AllocationSpec, seen: Observed) -> bool:
    """Whether an answer rests on a later ledger than that which is seen; only a stranger's can do so in vain."""
    if answer.revision <= seen.ledger.revision:
        return False
    if answer.state == "Released":
        return answer.request.uid not in seen.alive
    return answer.state == "Ready" and not seen.ledger.closing


def _key_of(request: RequestObject) -> RequestKey:
    meta = request.metadata
    return RequestKey(meta.namespace, meta.name, meta.uid)
