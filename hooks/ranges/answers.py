"""The answers of a range, and how each of them changes. In which slice an answer lies is decided by placement.py.

An answer that is missing here is dropped, so leaving one out is a decision like any other:

    S3  Ready and Released come from the observed ledger only, never from the proposal of the same call. And a call that
        proposes grants publishes no refusal for lack of room: that would rest on them (`Grants.publishable_refusals`).
    Both carry the revision of the ledger on which they rest. If the observed ledger is older than that, the cache is
    stale, and the answer stays as it is. If it is as new or newer, it is right.

Life of an answer, with the revision r of the observed ledger and the revision a of the answer:

    nothing ── entry in the ledger, request not observed ────────────────────────────► nothing: its slice is not known
    nothing, Busy, Invalid ── entry in the ledger ───────────────────────────────────► Ready(a = r)
    nothing, Busy, Invalid, Ready ── release in the ledger, request observed ────────► Released(a = r)
    Ready ── neither of them, request observed as released: it is being committed ───► Ready(a as it was)
    Ready ── neither of them, r >= a, request alive or not observed ─────────────────► nothing: the range was lost
    Released ── entry in the ledger, request alive ──────────────────────────────────► Ready: a stranger wrote it
    Ready, Released ── release in the ledger, request not observed ──────────────────► nothing
    Busy, Invalid ── request not observed, or its namespace no longer allowed ───────► nothing

The request's hook removes the finalizer of a deleted request when it observes Released.

An answer ends by an update of its slice, which is refused if the slice has changed since it was observed. So a refusal
that is Ready already, while the caches lag, does not end.
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from hooks.api.conditions import ANSWER_MESSAGE_LENGTH_MAX, JOINT, truncated
from hooks.api.kinds import Answer, Network, RequestObject
from hooks.ranges.claims import claim_of, not_wanted
from hooks.ranges.ledger import LedgerEntry
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy
from hooks.ranges.records import unused_record_of
from ipam.address import Prefix
from ipam.allocate import ALREADY_HELD, NOT_FREE, WHEN_LAST_CHECKED, Claim, Refused

Answers = dict[str, Answer]  # by uid of the request

#: What a message says of what a namespace holds.
_COUNT = re.compile(rf"{re.escape(ALREADY_HELD)}\d+")


def published(observed: Observed, refusals: Mapping[str, Refused], occupancy: Occupancy) -> Answers:
    """The answers that should exist, by uid; `refusals` has the reasons of requests without an entry, by uid."""
    entries, released = observed.ledger.entries, set(observed.ledger.released)
    answers: Answers = {}
    for uid, entry in entries.items():
        if uid not in released and not entry.written.released_at and (kept := _for_entry(entry, observed, occupancy)):
            answers[uid] = kept
    for uid, existing in observed.answers.items():
        if uid not in entries and uid not in released and (kept := _without_entry(existing, observed)):
            answers[uid] = kept
    for uid in observed.ledger.released:
        if request := observed.requests.get(uid):
            answers[uid] = _for_release(request, observed)
    for uid, refusal in refusals.items():
        answer = observed.answers.get(uid)
        if answer is None or is_refusal(answer):
            answers[uid] = _for_refusal(refusal, observed.requests[uid], observed)
    return answers


def _for_refusal(refusal: Refused, request: RequestObject, observed: Observed) -> Answer:
    """The answer to a request that is refused.

    While a block that is not free is in the way, the answer says what had it at first, and does not change when the
    block gets another holder; and while a quota is, it says how much its namespace held at first. Otherwise one release
    would rewrite the answers to all requests that wait, and each update of a slice triggers all requests that it
    answers.
    """
    meta, message = request.metadata, truncated(refusal.message, ANSWER_MESSAGE_LENGTH_MAX)
    answer = observed.answers.get(meta.uid)
    if answer and _has_said(answer, refusal.verdict, refusal.reason, message):
        return answer
    text = _request_text(answer, meta.namespaced_name)
    return Answer(meta.uid, text, refusal.verdict, reason=refusal.reason, message=message)


def _has_said(answer: Answer, state: str, reason: str, message: str) -> bool:
    """Whether an answer says this, apart from the present holder of a block, and what a namespace holds at present.

    What it says of a former holder stays true. That the block is cooling down does not: it may be returned at any time.
    """
    if answer.state != state or answer.reason != reason:
        return False
    if answer.message == message:
        return True
    said, now = answer.message.split(JOINT), message.split(JOINT)
    return len(said) == len(now) and all(map(_still_holds, said, now))


def _still_holds(said: str, now: str) -> bool:
    """Whether a sentence of an answer stays as it is, although it would be another one now."""
    return said == now or (WHEN_LAST_CHECKED in said and _subject(said) == _subject(now))


def _subject(sentence: str) -> str:
    """A sentence without what it says of the present holder of a block, and of what a namespace holds at present."""
    return _COUNT.sub("", sentence.partition(NOT_FREE)[0])


def _for_entry(entry: LedgerEntry, observed: Observed, occupancy: Occupancy) -> Answer | None:
    """The answer to a holder of a block; None ends one that only a stranger can have written."""
    uid, cidr = entry.written.uid, entry.written.cidr
    answer = observed.answers.get(uid)
    if answer and answer.state == "Ready" and answer.cidr == cidr:
        return replace(answer, reason="") if answer.reason else answer
    if answer and answer.cidr not in ("", cidr):
        return None
    if answer and answer.state == "Released" and _is_newer(answer, observed):
        return answer
    request = observed.requests.get(uid)
    # The network settings are published once and for all: not before the spec can be read, and only if the ledger shows
    # it. So answers with one revision have the settings of one spec, and a request sees whether an answer was written
    # again by another.
    if not observed.terms.is_readable or not observed.is_spec_committed or not (answer or request):
        return answer
    message = _unused_by(request, entry.prefix, observed, occupancy) if request else ""
    # What is published with a block is immutable, and a refused update would stop the whole slice.
    network = _network(answer, request, observed)
    return Answer(
        uid,
        _request_text(answer, entry.holder),
        "Ready",
        cidr=cidr,
        network=network,
        revision=observed.ledger.revision,
        message=truncated(message, ANSWER_MESSAGE_LENGTH_MAX),
    )


def _network(answer: Answer | None, request: RequestObject | None, observed: Observed) -> Network | None:
    """The network settings for a holder: those that it has got, whatever the spec says by now."""
    if answer and answer.cidr and (answer.network or request is None):
        return answer.network
    return request.status.network if request and request.status.cidr else observed.terms.network


def _unused_by(request: RequestObject, granted: Prefix, observed: Observed, occupancy: Occupancy) -> str:
    """Why a holder did not get the block that it records, and why not one that is reserved for it."""
    claim = claim_of(request, observed)
    reserved = not_wanted(observed.reserved_for(request), claim) if isinstance(claim, Claim) else ""
    return JOINT.join(filter(None, (unused_record_of(request, granted, observed, occupancy), reserved)))


def _without_entry(answer: Answer, observed: Observed) -> Answer | None:
    """The next answer to a request that the ledger does not mention; None ends it."""
    if answer.uid in observed.deleted or _is_newer(answer, observed):
        return answer
    request = observed.requests.get(answer.uid)
    return answer if is_refusal(answer) and request and observed.allows(request.metadata.namespace) else None


def _for_release(request: RequestObject, observed: Observed) -> Answer:
    """The answer to a request that is released; an answer's cidr never changes."""
    uid = request.metadata.uid
    answer = observed.answers.get(uid)
    if answer and answer.state == "Released":
        return answer
    text = _request_text(answer, request.metadata.namespaced_name)
    cidr, network = (answer.cidr, answer.network) if answer else ("", None)
    return Answer(uid, text, "Released", cidr=cidr, network=network, revision=observed.ledger.revision)


def _request_text(answer: Answer | None, request: object) -> str:
    """The name of a request in its answer, where it is immutable."""
    return answer.request if answer else str(request)


def is_refusal(answer: Answer) -> bool:
    """Whether an answer may become any other one; a stranger who gives it a cidr ends that."""
    return answer.state in ("Busy", "Invalid") and not answer.cidr


def _is_newer(answer: Answer, observed: Observed) -> bool:
    """Whether an answer rests on a later ledger than the observed one; only a stranger's can do so in vain."""
    if answer.revision <= observed.ledger.revision:
        return False
    if answer.state == "Released":
        return not observed.is_alive(answer.uid)
    return bool(answer.cidr) and not observed.ledger.closing  # a stranger may have changed the state of a Ready one
