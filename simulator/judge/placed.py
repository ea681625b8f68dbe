"""The invariant of slices: where answers lie, how many of them, and for how long a slice without answers stays."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.judge.facts import decoded
from simulator.judge.lives import Ledger
from simulator.judge.slices import items_of
from simulator.kubernetes.clock import parse_rfc3339
from simulator.kubernetes.objects import is_deleting, joined, key_of, meta, uid_of
from simulator.names import RANGE_FINALIZE_PATH, RANGE_SYNC_PATH, REQUESTS_KEY, SLICES_KEY, slice_name, slot_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from simulator.judge.history import History
    from simulator.judge.slices import Slice
    from simulator.kubernetes.objects import Obj

#: The most items of a slice, and the most bytes of all of them, with another new answer; more if that is a release.
ROOM, ROOM_FOR_RELEASES = (1000, 200_000), (1024, 250_000)
#: A slice without answers stays for at least this long after its creation, as requests of its second may still come ...
KEPT_MIN = timedelta(minutes=10)
#: ... and for at most this long: its range is synced every five minutes.
KEPT_MAX = KEPT_MIN + timedelta(minutes=6)


def placed(history: History) -> Iterator[str]:
    """Placed: an answer is added to the slice of its request, while there is room; no slice is deleted too early."""
    yield from _misplaced(history)
    yield from _overfull(history)
    yield from _deleted_early(history)
    for path, body, answered in history.calls.answered:
        if path in {RANGE_SYNC_PATH, RANGE_FINALIZE_PATH}:
            yield from _left_out(decoded(body), decoded(answered), history.forged)


def _misplaced(history: History) -> Iterator[str]:
    for answer in history.facts.added:
        request = history.requests.get(answer.uid)
        if request is None:
            yield f"an answer is added to {answer.name}, which no request ever had"
        elif answer.slice_name != request.slice_name:
            yield f"an answer is added to {answer.name}, but belongs in {request.slice_name}"
        elif answer.item["request"] != request.name:
            yield f"an answer is added to {answer.name}, but is one to {request.name}"


def _overfull(history: History) -> Iterator[str]:
    """The slices to which an answer was added although they have no room."""
    added: dict[str, set[str]] = {}
    for answer in history.facts.added:
        added.setdefault(answer.slice_name, set()).add(answer.state)
    for name, states in added.items():
        answers = history.slices[name].answers if name in history.slices else {}
        size = sum(len(encoded(answer.item)) for answer in answers.values())
        count_max, size_max = ROOM_FOR_RELEASES if states == {"Released"} else ROOM
        if len(answers) > count_max or size > size_max:
            yield f"an answer is added to {name}, which has {len(answers)} answers of {size} bytes"


def encoded(item: Obj) -> bytes:
    """An item of a slice as JSON."""
    return json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode()


def _deleted_early(history: History) -> Iterator[str]:
    """The slices whose second is not long past; one that is not of the range is no slice of it."""
    for found in history.facts.left_out:
        life, age = found.life, _age(history, found)
        if life is None or life.is_deleted or "closing" in life.ledger.fields or not _is_of(found.obj, life.obj):
            continue
        if age is not None and age < KEPT_MIN - history.skews[1] and not history.clocks_were_wrong:
            yield f"{life.name} deletes the slice {found.name}, which is {age} old"


def _age(history: History, found: Slice) -> timedelta | None:
    """The time since the creation of a slice; None if times are not known."""
    if history.now is None:
        return None
    return history.now - parse_rfc3339(meta(found.obj)["creationTimestamp"])


def _is_of(obj: Obj, parent: Obj) -> bool:
    """Whether a slice names this range."""
    return bool(obj["spec"].get("range") == key_of(parent)[1])


def _left_out(body: Obj, answer: Obj, forged: Collection[str]) -> Iterator[str]:
    """The slices that a call leaves out although it sees answers in them, or does not see a holder of the range.

    Of a request to which a person wrote an answer, a call that sees two of them counts one.
    """
    parent, observed = body["parent"], body["children"].get(SLICES_KEY, {})
    kept = {joined(key_of(child)) for child in answer.get("children", ()) if child["kind"] == "IPAMAllocationSlice"}
    for name, obj in observed.items():
        if name in kept or not _is_of(obj, parent):
            continue
        is_forged = all(item["uid"] in forged for item in items_of(obj))
        if items_of(obj) and not is_forged and not _is_ended(body, name):
            yield f"{joined(key_of(parent))} leaves out the slice {name}, in which it sees {len(items_of(obj))} answers"
        elif not items_of(obj) and "closing" not in Ledger.of(parent).fields and (unseen := _unseen(body)):
            yield f"{joined(key_of(parent))} leaves out the slice {name}, but does not see {', '.join(unseen)}"


def _is_ended(body: Obj, name: str) -> bool:
    """Whether a slice has only refusals, of a range that ends: no request holds a block of it, or will."""
    parent, ledger = body["parent"], Ledger.of(body["parent"])
    refuses = all(item["state"] in {"Busy", "Invalid"} and "cidr" not in item for item in _answers_in(body, name))
    return refuses and is_deleting(parent) and "closing" in ledger.fields and not ledger.kept


def _answers_in(body: Obj, name: str) -> list[Obj]:
    """The items of a slice without those that a call sees to be none: their requests are answered in other slices."""
    range_name, requests = joined(key_of(body["parent"])), body["related"].get(REQUESTS_KEY, {}).values()
    names = {
        uid_of(obj): slice_name(range_name, meta(obj)["creationTimestamp"], slot_of(uid_of(obj))) for obj in requests
    }
    return [item for item in items_of(body["children"][SLICES_KEY][name]) if names.get(item["uid"], name) == name]


def _unseen(body: Obj) -> list[str]:
    """The holders of a range that a call sees neither as requests nor as answers."""
    requests = body["related"].get(REQUESTS_KEY, {})
    seen = {uid_of(obj) for obj in requests.values()}
    seen |= {item["uid"] for obj in body["children"].get(SLICES_KEY, {}).values() for item in items_of(obj)}
    entries = Ledger.of(body["parent"]).entries
    return [entry.request for uid, entry in entries.items() if uid not in seen and entry.request not in requests]


# --- at rest


def in_their_slices(history: History) -> Iterator[str]:
    """Placed at rest: each answer to a request that exists lies in the slice of that request."""
    for answer in history.judged_answers():
        request = history.requests.get(answer.uid)
        if request is not None and not request.is_deleted and answer.slice_name != request.slice_name:
            yield f"the answer to {answer.name} lies there, but belongs in {request.slice_name}"


def none_outlived(history: History) -> Iterator[str]:
    """Gone: a slice without answers is deleted after a while, unless its range does not see all its holders."""
    for found in history.judged_slices():
        life, age = found.life, _age(history, found)
        if life is None or found.answers or age is None or age < KEPT_MAX:
            continue
        if all(_is_seen(history, uid) for uid, _ in life.ledger.kept):
            yield f"the slice {found.name} of {life.name} has no answers, and is {age} old"


def _is_seen(history: History, uid: str) -> bool:
    request = history.requests.get(uid)
    return (request is not None and not request.is_deleted) or bool(history.answers_to(uid))
