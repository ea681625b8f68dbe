"""The invariants that must hold once all faults have ended and nothing happens any more.

Exceptions are facts of the history, not guesses. A holder may stay in the ledger without a request only if a person
removed the finalizer by which its release would have been observed, or if its hook removed it after the no-answer
timeout (no answer was observed for 10 seconds, although there was a range); and the holder must be marked as absent.
Such holders are counted, and `reclaim` removes them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from simulator.judge import owners_at_rest
from simulator.judge.addresses import block_of
from simulator.judge.capacity import unavailable_accounted
from simulator.judge.extents import useless
from simulator.judge.foreign import is_claim_in_use
from simulator.judge.placed import in_their_slices, none_outlived
from simulator.judge.restores import restored
from simulator.judge.verdicts import FreeSpace, right_answers
from simulator.kubernetes.objects import controller_of, is_deleting, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from simulator.judge.history import History
    from simulator.judge.lives import Entry, RangeLife, RequestLife
    from simulator.judge.slices import Answer


# --- Live and Informed


def live(history: History, attacked: Collection[str] = ()) -> Iterator[str]:
    """Live: every request that fits is Ready, and each other one is rightly Busy, Invalid or Pending.

    Requests that are being attacked are not judged.
    """
    free = FreeSpace(history)
    for request in history.judged_requests():
        if is_deleting(request.obj) or request.name in attacked:
            continue
        status = request.obj.get("status") or {}
        shown = (status.get("state", "Pending"), status.get("cidr", ""))
        right = right_answers(history, request, free)
        if shown not in right:
            yield f"{request.name} is {shown}, right is {' or '.join(map(str, right))}: {status.get('message')}"


def answered(history: History) -> Iterator[str]:
    """Live: every living holder has one answer, which gives its block, and no other request has a Ready one."""
    for life in history.judged_ranges():
        answers = [answer for answer in history.judged_answers() if answer.life is life]
        yield from _answered_twice(answers)
        yield from _answered_unrecorded(life, answers)
        if not history.takes_no_answers(life):
            yield from _unanswered(history, life, answers)


def recorded(history: History) -> Iterator[str]:
    """Live: a request shows no other block than the one that its range records, unless the range can't know it."""
    for request in history.judged_requests():
        life = history.range_of(request)
        if life is None or not request.cidr or _may_be_unknown(history, request):
            continue
        kept = life.ledger.cidr_of(request.uid)
        if kept != request.cidr:
            yield f"{request.name} shows {request.cidr}, but {life.name} keeps {kept or 'nothing'} for it"


def _may_be_unknown(history: History, request: RequestLife) -> bool:
    """Whether a person wrote the block that a request shows, or the range that granted it is not bound any more."""
    publisher = history.ranges.get(request.published_by)
    is_unbound = publisher is not None and (publisher.is_lost or history.is_free_of(publisher, request.uid))
    return request.is_written_by_person or is_unbound


def _answered_twice(answers: list[Answer]) -> Iterator[str]:
    counts = Counter(answer.uid for answer in answers)
    for uid, count in counts.items():
        if count > 1:
            yield f"there are {count} answers to {uid}"


def _answered_unrecorded(life: RangeLife, answers: list[Answer]) -> Iterator[str]:
    for answer in answers:
        kept = life.ledger.cidr_of(answer.uid)
        if answer.state == "Ready" and kept != answer.cidr:
            yield f"the answer to {answer.name} gives {answer.cidr}, but {life.name} has recorded {kept or 'nothing'}"


def _unanswered(history: History, life: RangeLife, answers: list[Answer]) -> Iterator[str]:
    answered_uids = {answer.uid for answer in answers if answer.state == "Ready"}
    for uid, entry in life.ledger.entries.items():
        request = history.requests.get(uid)
        is_waiting = request is not None and not request.is_deleted and not is_deleting(request.obj)
        if is_waiting and uid not in answered_uids:
            yield f"{life.name} keeps {entry.cidr} for {entry.request}, but does not answer it"


def informed(history: History) -> Iterator[str]:
    """Informed: a request that shows a block of a range shows network settings of it, as they were written once.

    A person who writes the block of a request tells it of no network.
    """
    for request in history.judged_requests():
        life = history.range_of(request)
        entry = life.ledger.entries.get(request.uid) if life else None
        if life is None or entry is None or request.cidr != entry.cidr:
            continue  # it shows a block that a person wrote and therefore no network
        if history.schemas_changed and request.uid in history.unrecorded:
            continue
        shown = request.obj["status"].get("network", {})
        written = [spec.get("network", {}) for each in history.lives_of_range(life.name) for spec in each.specs]
        if shown not in written and not (request.is_edited and not shown):
            yield f"{request.name} shows {shown}, but {life.name} has {life.spec.get('network')}"


def addressed(history: History) -> Iterator[str]:
    """Informed: a request whose block is a single address shows this address, and no other request shows one."""
    if history.schemas_changed or not history.knows_writers:
        return
    for request in history.judged_requests():
        if request.is_edited or not request.cidr:
            continue
        text, _, _ = request.cidr.partition("/")
        right = text if block_of(request.cidr).size == 1 else ""
        shown = request.obj["status"].get("address", "")
        if shown != right:
            yield f"{request.name} has {request.cidr} and shows the address {shown or 'none'}"


def informed_of_nothing(history: History) -> Iterator[str]:
    """Informed: a request whose range never existed names that range in its message."""
    if history.schemas_changed or not history.knows_writers:
        return
    for request in history.judged_requests():
        is_answerable = history.lives_of_range(request.range_name) or request.is_edited or is_deleting(request.obj)
        message = request.obj.get("status", {}).get("message", "")
        if not is_answerable and f"no range {request.range_name} answers" not in message:
            yield f"{request.name} does not say that there is no range {request.range_name}: {message}"


# --- NoLeak


def no_leak(history: History) -> Iterator[str]:
    """NoLeak: every entry has its request, except for holders that are marked as absent and have an excuse."""
    for life, uid, entry in _absent(history):
        if not (entry.absent_since and _is_excused(history, history.requests.get(uid))):
            yield _leak(history, life, uid, entry)


def nothing_absent(history: History) -> Iterator[str]:
    """NoLeak after all absent holders were reclaimed: every entry has its request, or a range of its block exists."""
    for life, uid, entry in _absent(history):
        if not all(each.is_deleted for each in history.made_from(uid)):
            continue
        yield _leak(history, life, uid, entry)


def _is_excused(history: History, request: RequestLife | None) -> bool:
    """Whether the deletion of a request may have gone unobserved; if writers are not known, it may always have."""
    is_missed = request is not None and (request.is_forced or request.is_removed_unanswered)
    return is_missed or not history.knows_writers


def _leak(history: History, life: RangeLife, uid: str, entry: Entry) -> str:
    request = history.requests.get(uid)
    return f"{life.name} keeps {entry.cidr} for {uid} ({request.name if request else 'unknown'}), which was deleted"


def excuses(history: History) -> dict[str, int]:
    """The number of holders that are absent at rest, by the reason."""
    counts = {"whose finalizer a person removed": 0, "removed after the no-answer timeout": 0}
    for _, uid, _ in _absent(history):
        request = history.requests.get(uid)
        counts["whose finalizer a person removed"] += bool(request and request.is_forced)
        counts["removed after the no-answer timeout"] += bool(
            request and not request.is_forced and request.is_removed_unanswered
        )
    return counts


def _absent(history: History) -> Iterator[tuple[RangeLife, str, Entry]]:
    for life in history.judged_ranges():
        for uid, entry in life.ledger.entries.items():
            request = history.requests.get(uid)
            if request is None or request.is_deleted:
                yield life, uid, entry


# --- Gone


def requests_gone(history: History) -> Iterator[str]:
    """Gone: no request is still being deleted, whatever prevents its answer, unless its range is in use or was lost.

    Or its claim is in use. Where no policy protects it, people delete it before its claim.
    """
    for request in history.judged_requests():
        owner = history.foreign.owner_of(request.obj)
        is_kept = (owner and is_claim_in_use(owner)) or _has_a_range_in_use(history, request)
        if is_deleting(request.obj) and not is_kept:
            yield f"{request.name} was deleted and is still there"


def _has_a_range_in_use(history: History, request: RequestLife) -> bool:
    """Whether a request waits for its range: a request has or shows a block of that, or it was removed by force."""
    if not request.awaits_range:
        return False
    life = history.ranges.get(str(request.delegated["uid"]))
    if life is None or life.is_deleted:
        return life is None or life.is_forced
    users = (each for each in history.requests.values() if history.range_of(each) is life)
    return bool(life.ledger.entries) or any(_is_served(history, each) for each in users)


def ranges_gone(history: History) -> Iterator[str]:
    """Gone: a range is still being deleted only if a request has a block of it, or a holder is absent."""
    awaited = {request.range_name for request in history.requests.values() if _is_served(history, request)}
    awaited |= {life.name for life, _, entry in _absent(history) if entry.absent_since}
    for life in history.judged_ranges():
        if is_deleting(life.obj) and life.name not in awaited:
            yield f"{life.name} was deleted and is still there: {life.status.get('message')}"


def _is_served(history: History, request: RequestLife) -> bool:
    """Whether a range still waits for a request: it holds a block, or shows one that it may have held before."""
    life = None if request.is_deleted else history.range_of(request)
    return life is not None and (bool(request.cidr) or request.uid in life.ledger.entries)


def answers_gone(history: History) -> Iterator[str]:
    """Gone: no answer exists without its request and its range."""
    for answer in history.judged_answers():
        request = history.requests.get(answer.uid)
        if answer.life is not None and answer.uid in answer.life.ledger.entries:
            continue  # `no_leak` judges it
        if request is None or request.is_deleted:
            yield f"the answer to {answer.name} ({answer.state}) exists, but its request does not"
        elif answer.life is None:
            yield f"the answer to {answer.name} belongs to no range"
        elif request.range_name != answer.life.name:
            yield f"the answer to {answer.name} is one of {answer.life.name}, but {request.name} names another range"


def extents_gone(history: History) -> Iterator[str]:
    """Gone: no range in use has an extent that announces nothing any more."""
    for life in history.judged_ranges():
        if is_deleting(life.obj) or life.status.get("state") != "Ready":
            continue
        for obj in useless(history, life):
            yield f"the extent {key_of(obj)} of {life.name} announces nothing any more and still exists"


def nothing_attached(history: History) -> Iterator[str]:
    """Gone, after all claims and Services were deleted: nothing that was attached to one is left."""
    uids = history.foreign.uids
    for request in history.judged_requests():
        controller = controller_of(request.obj)
        if controller and controller["uid"] in uids:
            yield f"{request.name} still exists, but its {controller['kind']} was deleted"
    for name, address in history.foreign.addresses.items():
        controller = controller_of(address)
        if controller and controller["uid"] in uids:
            yield f"IPAddress {name} still exists, but its claim was deleted"


def no_slices(history: History) -> Iterator[str]:
    """Gone, some time after all requests were deleted: no slice is left."""
    for each in history.judged_slices():
        yield f"all requests were deleted, but the slice {each.name} still exists ({len(each.answers)} answers)"


def empty(history: History) -> Iterator[str]:
    """Gone, after everything was deleted: nothing is left."""
    left = {
        "ipamrequests": [request.name for request in history.judged_requests()],
        "ipamallocationslices": list(history.slices),
        "ipamextents": list(history.extents),
        "ipamranges": [life.name for life in history.judged_ranges()],
    }
    for plural, names in left.items():
        for name in names:
            yield f"everything was deleted, but {plural} {name} still exists"


CHECKS: dict[str, tuple[Callable[[History], Iterator[str]], ...]] = {
    "Live": (live, answered, recorded, owners_at_rest.served),
    "Informed": (informed, addressed, informed_of_nothing),
    "Restored": (restored,),
    "NoLeak": (no_leak,),
    "Accounted": (unavailable_accounted,),
    "Gone": (requests_gone, ranges_gone, answers_gone, extents_gone, none_outlived),
    "Placed": (in_their_slices,),
}


def violations(history: History) -> list[str]:
    """All violations at rest, each with the name of its invariant."""
    return [f"{name}: {text}" for name, checks in CHECKS.items() for check in checks for text in check(history)]
