"""The answers of a range: the IPAMAllocations that Metacontroller shall have as its children.

Metacontroller deletes each child that is missing here, so leaving one out is a decision like any other:

    S3  A Ready answer comes from the observed ledger only, never from the proposal of the same call.
    A Ready or Released answer carries the revision of the ledger on which it rests. If the ledger seen now is older
    than that, the cache is stale, and the answer stays as it is. If it is as new or newer, it is right.

Life of an answer, with the revision r of the ledger seen and the revision a of the answer:

    nothing, Busy, Invalid ── entry in the ledger ──────────────────► Ready(a = r)
    Ready ── no entry, r >= a, request seen released ───────────────► Released(a as it was)
    Ready ── no entry, r >= a, request not seen ────────────────────► nothing (reclaimed, or the range is closing)
    Released ── entry, request seen alive ──────────────────────────► Ready: a stranger wrote it, or the cache is old
    nothing, Busy, Invalid ── no entry, request seen released ──────► Released(a = r); then r + 1 is committed
    Released ── no entry, r > a, request not seen ──────────────────► nothing

The request's hook lets a request go when it sees Released. For a request that never had a block this rests on the
absence of an entry, which a stale cache may pretend: the grant may be committed already. Therefore Released stays until
a later revision is seen. Should that one hold an entry for it, the answer itself is the proof that the entry goes by
(S5 a), and nothing leaks.
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


def published(seen: Observed, refusals: Mapping[str, Refused]) -> Answers:
    """What shall be published, by uid; `refusals` says by uid why requests without an entry get none."""
    answers: Answers = {}
    for uid, entry in seen.ledger.entries.items():
        if kept := _for_entry(entry, seen.answers.get(uid), seen):
            answers[uid] = kept
    for uid, answer in seen.answers.items():
        if uid not in seen.ledger.entries and (kept := _without_entry(answer, seen)):
            answers[uid] = kept
    for uid, request in seen.released.items():
        if uid not in seen.answers and uid not in answers:
            answers[uid] = AllocationSpec(
                range=seen.name, request=_key_of(request), state="Released", revision=seen.ledger.revision
            )
    for uid, refusal in refusals.items():
        if uid not in seen.answers or seen.answers[uid].state in ("Busy", "Invalid"):
            answers[uid] = AllocationSpec(
                range=seen.name,
                request=_key_of(seen.alive[uid]),
                state=refusal.verdict,
                reason=refusal.reason,
                message=fitted(refusal.message),
            )
    return answers


def rests_on(answers: Mapping[str, AllocationSpec], revision: int) -> bool:
    """Whether a Released answer that exists needs a later revision than this one, to end."""
    return any(answer.state == "Released" and answer.revision >= revision for answer in answers.values())


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
    if answer and answer.state == "Released" and entry.uid not in seen.alive:
        return answer  # granted after it was let go: the entry goes by this answer
    if answer and answer.cidr not in ("", entry.cidr):
        return None
    if answer and answer.state == "Ready" and answer.cidr:
        return replace(answer, reason="", message="") if answer.reason or answer.message else answer
    namespace, _, name = entry.request.partition("/")
    key = RequestKey(namespace, name, entry.uid)
    return AllocationSpec(range=seen.name, request=key, state="Ready", cidr=entry.cidr, revision=seen.ledger.revision)


def _without_entry(answer: AllocationSpec, seen: Observed) -> AllocationSpec | None:
    """What becomes of an answer to a request that is not in the ledger; None ends it."""
    revision = seen.ledger.revision
    is_alive, is_released = answer.request.uid in seen.alive, answer.request.uid in seen.released
    match answer.state:
        case "Ready":
            if answer.revision > revision and not seen.ledger.closing:
                return answer  # the ledger that is seen is older than the answer
            return replace(answer, state="Released") if is_released else None
        case "Released":
            return answer if is_released or is_alive or answer.revision >= revision else None
        case _:  # Busy, Invalid
            if is_released:
                return replace(answer, state="Released", revision=revision, reason="", message="")
            return answer if is_alive else None


def _key_of(request: RequestObject) -> RequestKey:
    meta = request.metadata
    return RequestKey(meta.namespace, meta.name, meta.uid)
