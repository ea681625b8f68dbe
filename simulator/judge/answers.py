"""The invariants of answers: of the items of slices, and of the blocks that the statuses of requests show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.judge.facts import decoded
from simulator.judge.holdings import ANSWER, LEDGER
from simulator.judge.lives import Ledger
from simulator.kubernetes.objects import uid_of
from simulator.names import RANGE_SYNC_PATH, REQUESTS_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.facts import Grant
    from simulator.judge.history import History
    from simulator.judge.holdings import Holding
    from simulator.judge.lives import RangeLife, RequestLife
    from simulator.judge.slices import Answer
    from simulator.kubernetes.objects import Obj

#: How a refusal names the holder of the block that is in the way.
HELD_BY = re.compile(r"(?P<wanted>\S+) is not free: (?P<part>\S+) was held by (?P<holder>\S+/\S+) when last checked")


# --- NoOverlap


def no_overlap(history: History) -> Iterator[str]:
    """NoOverlap: no two holders' blocks overlap in a domain, in ledgers, Ready answers and published statuses."""
    reported: set[frozenset[Holding]] = set()
    for holding in history.facts.holdings:
        if not history.is_current(holding):
            continue
        for other in history.holdings.overlapping(holding.block):
            pair = frozenset({holding, other})
            if pair not in reported and _conflicts(history, holding, other):
                reported.add(pair)
                yield f"{_described(history, holding)} and {_described(history, other)} overlap"


def _conflicts(history: History, holding: Holding, other: Holding) -> bool:
    if other.holder == holding.holder or not history.is_current(other):
        return False
    one, two = (history.ranges[each.range_uid] for each in (holding, other))
    if one.name == two.name:
        return True
    return one.domain == two.domain and not (one.was_tampered or two.was_tampered)


def _described(history: History, holding: Holding) -> str:
    life = history.ranges[holding.range_uid]
    if holding.place == LEDGER:
        return f"{life.ledger.cidr_of(holding.holder)} of {holding.holder} in the ledger of {life.name}"
    if holding.place == ANSWER:
        answer = history.slices[holding.slice_name].answers[holding.holder]
        return f"{answer.cidr} of {holding.holder} in its answer by {life.name}"
    return f"{history.requests[holding.holder].cidr} of {holding.holder} in its status, granted by {life.name}"


# --- Stable


def stable(history: History) -> Iterator[str]:
    """Stable: the block of a request never changes while the request lives: in ledger, answer and status.

    A range that was removed by force took its ledger with it. The next range of its name gives each request the block
    that it sees in the status of that request; it can't know a block that it does not see there yet.
    """
    yield from _moved_in_status(history)
    yield from _moved_in_answer(history)
    for grant in history.facts.grants:
        yield from _moved(history, grant)
    for path, body, answered in history.calls.answered:
        if path == RANGE_SYNC_PATH:
            yield from _moved_by_proposal(history, decoded(body), decoded(answered))


def _moved_in_status(history: History) -> Iterator[str]:
    may_drop = history.schemas_changed and not history.has_policies  # then any write may drop the block
    for request, before, now in history.facts.published:
        if before and not request.is_deleted and not (may_drop and not now):
            yield f"the published cidr of {request.name} changed from {before} to {now or 'nothing'}"


def _moved_in_answer(history: History) -> Iterator[str]:
    for answer in history.facts.ready:
        if answer.life is not None and answer.life.answered[answer.uid] != answer.cidr:
            yield f"the answer to {answer.name} gave {answer.life.answered[answer.uid]}, now {answer.cidr}"


def _moved(history: History, grant: Grant) -> Iterator[str]:
    """A grant of another block than the holder had from this range, from an earlier life of it, or shows."""
    life, uid, cidr, _ = grant
    for each in history.lives_of_range(life.name):
        is_bound = each is life or not (each.is_lost or history.is_free_of(each, uid))
        if is_bound and each.granted.get(uid, cidr) != cidr:
            yield f"{uid} was granted {each.granted[uid]} by {life.name}, now {cidr}"
    holder = history.requests.get(uid)
    if holder is not None and holder.cidr not in {"", cidr} and not _may_lose(history, holder):
        yield f"{holder.name} shows {holder.cidr}, but {life.name} grants {cidr}"


def _may_lose(history: History, holder: RequestLife) -> bool:
    """Whether no range is bound by the block that a request shows."""
    return holder.is_written_by_person or history.is_lost(holder.published_by)


def _moved_by_proposal(history: History, body: Obj, answer: Obj) -> Iterator[str]:
    """New entries of a proposal for requests that show another block in the body."""
    recorded, proposed = Ledger.of(body["parent"]).kept, dict(Ledger.of(answer).kept)
    new = proposed.keys() - dict(recorded).keys()
    for obj in body["related"].get(REQUESTS_KEY, {}).values():
        request, shown = history.requests[uid_of(obj)], (obj.get("status") or {}).get("cidr")
        if request.uid not in new or not shown or request.is_written_by_person:
            continue
        if proposed[request.uid] != shown:
            yield f"{request.name} shows {shown}, but the proposal has {proposed[request.uid]}"


def informed_once(history: History) -> Iterator[str]:
    """Informed: the network settings of a holder never change."""
    for request in history.facts.networks_changed:
        if not (history.schemas_changed or request.uid in history.rewritten or request.is_edited):
            yield f"{request.name} shows {request.cidr} with other network settings than before"


# --- Committed


def committed(history: History) -> Iterator[str]:
    """Committed (S3): what an answer publishes, a block, a release or another holder, was in the ledger before.

    It was so in the ledger of the revision that the answer carries.
    """
    yield from _published_uncommitted(history)
    for answer in history.facts.ready:
        granted = answer.life.granted.get(answer.uid) if answer.life else None
        if granted != answer.cidr:
            yield f"the answer to {answer.name} gives {answer.cidr}, but its range granted {granted}"
        elif answer.life and not _is_granted_by(answer.life, answer) and not _may_be_changed(history, answer):
            yield f"the answer to {answer.name} rests on revision {answer.revision}, which has no such entry"
    yield from _refused_uncommitted(history)
    yield from _released_uncommitted(history)


def _is_granted_by(life: RangeLife, answer: Answer) -> bool:
    """Whether the ledger of the revision that a Ready answer carries has its entry."""
    first, end = life.granted_at[answer.uid], life.dropped_at.get(answer.uid, life.ledger.revision + 1)
    return first <= answer.revision < end


def _may_be_changed(history: History, answer: Answer) -> bool:
    """Whether a person, or an older schema, may have changed the revision that an answer carries."""
    return answer.uid in history.forged or history.schemas_changed


def _refused_uncommitted(history: History) -> Iterator[str]:
    for answer in history.facts.refused:
        named = HELD_BY.search(answer.message)
        if named and _named_holder(named) not in (answer.life.holders if answer.life else ()):
            yield f"the answer to {answer.name} says {named[0]}, but its range never granted that"


def _named_holder(named: re.Match[str]) -> tuple[str, str]:
    """The block that a refusal says is held, and its holder."""
    cidr = named["wanted"] if named["part"] == "it" else named["part"]
    return cidr, named["holder"]


def _released_uncommitted(history: History) -> Iterator[str]:
    for answer in history.facts.released:
        life = answer.life
        if life is None or answer.uid not in life.released:
            yield f"the answer to {answer.name} says that it is released, but its range has not recorded that"
        elif not _is_released_by(life, answer) and not _may_be_changed(history, answer):
            yield f"the answer to {answer.name} rests on revision {answer.revision}, which has no such release"


def _is_released_by(life: RangeLife, answer: Answer) -> bool:
    """Whether the ledger of the revision that a Released answer carries has the release."""
    return life.released[answer.uid] <= answer.revision <= life.ledger.revision


def _published_uncommitted(history: History) -> Iterator[str]:
    for request, _, cidr in history.facts.published:
        if not cidr or request.is_written_by_person:
            continue
        if not request.published_by:
            yield f"{request.name} shows {cidr}, which no range ever granted to it"
        elif all(each.answered.get(request.uid) != cidr for each in history.lives_of_range(request.range_name)):
            yield f"{request.name} shows {cidr}, which no answer of {request.range_name} ever gave to it"


# --- Standing and SameAnswer


def standing(history: History) -> Iterator[str]:
    """Standing: a Ready answer is not withdrawn while its holder lives and is in the ledger.

    An item in the slice of another request is no answer: a person wrote it.
    """
    for answer in history.facts.withdrawn:
        life, uid = answer.life, answer.uid
        if life is None or life.is_deleted or uid not in life.ledger.entries or history.is_free_of(life, uid):
            continue
        if uid in history.requests and history.requests[uid].slice_name != answer.slice_name:
            continue
        yield f"{life.name} withdraws its answer {answer.cidr} to {uid}, which holds that block"


def same_answer(history: History) -> Iterator[str]:
    """SameAnswer (S6): the same facts get the same answer, whatever their order on the wire."""
    yield from history.calls.differences
