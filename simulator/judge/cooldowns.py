"""The invariant of cool-downs: to which requests a released block is returned, and how its wait is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import block_of, covers
from simulator.judge.facts import decoded
from simulator.judge.lives import Ledger, pool_of
from simulator.judge.reservations import reservations_of
from simulator.judge.reserved import is_reserved
from simulator.kubernetes.objects import annotations_of, joined, key_of, uid_of
from simulator.names import CIDR_ANNOTATION, END_COOLDOWN_ANNOTATION, RANGE_SYNC_PATH, REQUESTS_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.history import History
    from simulator.kubernetes.objects import Obj


def cooled(history: History) -> Iterator[str]:
    """Cooled: a call returns a block that cools down to a request of the namespace and name of its former holder.

    It returns it to a request that wants any block of that length, and would get another one. And no block cools down
    any longer once the owner of the range names its former holder.
    """
    for path, body, answered in history.calls.answered:
        if path == RANGE_SYNC_PATH and Ledger.of(decoded(body)["parent"]).cooling:
            yield from _not_returned(decoded(body), decoded(answered))
            yield from _not_ended(decoded(body)["parent"], decoded(answered))


def _not_returned(body: Obj, answer: Obj) -> Iterator[str]:
    parent, before, after = body["parent"], Ledger.of(body["parent"]), Ledger.of(answer)
    requests = {uid_of(obj): obj for obj in body["related"].get(REQUESTS_KEY, {}).values()}
    for uid, entry in after.entries.items():
        if uid in before.entries or uid not in requests or not _takes_any_block(requests[uid]):
            continue
        for former, cooling in before.cooling.items():
            is_kept = former in after.cooling and cooling.request == joined(key_of(requests[uid]))
            same_size = block_of(cooling.cidr).size == block_of(entry.cidr).size
            if is_kept and same_size and _is_available(parent, answer, cooling.cidr):
                yield f"{joined(key_of(parent))} grants {entry.cidr} to {entry.request}, which had {cooling.cidr}"


def _takes_any_block(request: Obj) -> bool:
    """Whether a request neither names nor records nor shows a block."""
    is_free = CIDR_ANNOTATION not in annotations_of(request) and "request" not in request["spec"]
    return is_free and not (request.get("status") or {}).get("cidr")


def _is_available(parent: Obj, answer: Obj, cidr: str) -> bool:
    """Whether nothing keeps a range from granting a block to its former holder."""
    if reservations_of(parent) or answer["status"].get("capacity", {}).get("unavailable"):
        return False
    spec, block = parent["spec"], block_of(cidr)
    is_granted = covers(pool_of(spec, Ledger.of(parent).withheld), block) and not is_reserved(spec, block)
    return is_granted and not spec.get("closed")


def _not_ended(parent: Obj, answer: Obj) -> Iterator[str]:
    named = annotations_of(parent).get(END_COOLDOWN_ANNOTATION, "").replace(",", " ").split()
    for uid, cooling in Ledger.of(answer).cooling.items():
        if uid in named:
            yield f"{joined(key_of(parent))} lets {cooling.cidr} cool down, although its owner names {uid}"
