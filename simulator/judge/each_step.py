"""What must be true after every step; one function for each invariant, named as in DESIGN.md.

A checker gets the true history, with what the last step has changed, and gives a sentence for each violation. It knows
nothing of how the hooks decide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from simulator.judge.addresses import BITS, Block, address_of, block_of, covers, fits, places, within, without
from simulator.judge.extents import domain_of
from simulator.judge.history import History, RangeLife, controlling_range, named_range
from simulator.kubernetes.objects import Obj, is_deleting, meta, uid_of
from simulator.names import RANGE_SYNC_PATH, REQUESTS_KEY

Checker = Callable[[History], Iterator[str]]

#: S5 (c): how long a holder must have been missing from a range that is being deleted.
ABSENCE = timedelta(minutes=1)
#: How a refusal names whose block is in the way.
HELD_BY = re.compile(r"(?P<cidr>\S+) is held by (?P<holder>\S+/\S+)$")


def no_overlap(history: History) -> Iterator[str]:
    """NoOverlap: no two holders' blocks overlap, over ledger, Ready allocations and published statuses."""
    facts = history.facts
    touched = [life.name for life in facts.changed.values()]
    touched += [named_range(request.obj) for request, _, _ in facts.published]
    touched += [life.name for obj in facts.allocations if (life := history.ranges.get(controlling_range(obj)))]
    for name in dict.fromkeys(touched):
        holdings = sorted(_holdings(history, name))
        highest = holdings[0] if holdings else None
        for holding in holdings[1:]:
            assert highest is not None
            if holding[0].overlaps(highest[0]) and holding[1] != highest[1]:
                yield f"{holding[2]} and {highest[2]} of range {name} overlap"
            if holding[0].last > highest[0].last or holding[0].version != highest[0].version:
                highest = holding


def _holdings(history: History, name: str) -> Iterator[tuple[Block, str, str]]:
    """(block, holder's uid, words) of everything that somebody holds of a range, by all lives of that range."""
    for life in history.lives_of_range(name):
        if not life.is_gone:
            for uid, (cidr, _) in life.ledger.items():
                yield block_of(cidr), uid, f"{cidr} of {uid} in the ledger"
        if not life.is_gone or not life.is_forced:
            yield from _published(history, life)


def _published(history: History, life: RangeLife) -> Iterator[tuple[Block, str, str]]:
    """What requests that are not proven to be gone were told."""
    for obj in history.allocations.values():
        spec = obj["spec"]
        uid = spec["request"]["uid"]
        if controlling_range(obj) == life.uid and spec["state"] == "Ready" and not history.is_free_of(life, uid):
            yield block_of(spec["cidr"]), uid, f"{spec['cidr']} of {uid} in its allocation"
    for request in history.requests.values():
        if request.published_by == life.uid and not history.is_free_of(life, request.uid):
            yield block_of(request.cidr), request.uid, f"{request.cidr} of {request.uid} in its status"


def inside_range(history: History) -> Iterator[str]:
    """InsideRange: a granted block lies inside its range."""
    for life, uid, cidr in history.facts.grants:
        if not covers(life.pool, block_of(cidr)):
            yield f"{cidr} of {uid} is not inside {life.name}"


def allowed(history: History) -> Iterator[str]:
    """Allowed: a block is granted only to a request of a namespace that the range serves, or once served."""
    for life, uid, cidr in history.facts.grants:
        request = history.requests.get(uid)
        if request is not None and not history.allows(life, request.obj, ever=True):
            yield f"{life.name} grants {cidr} to {request.name}, whose namespace it does not allow"


def stable(history: History) -> Iterator[str]:
    """Stable: a block that somebody was given never changes while he lives; nor does a published cidr.

    A range that was taken away by force took its ledger with it. The next one of its name gives each request the block
    that it sees it show; what it doesn't see yet, it can't know.
    """
    for request, before, now in history.facts.published:
        if before and not request.is_gone:
            yield f"the published cidr of {request.name} changed from {before} to {now or 'nothing'}"
    for life, uid, cidr in history.facts.grants:
        if life.granted[uid] != cidr:
            yield f"{uid} was granted {life.granted[uid]} by {life.name}, now {cidr}"
        holder = history.requests.get(uid)
        is_shown = holder is not None and not holder.is_written_by_person and not history.is_lost(holder.published_by)
        if holder and is_shown and holder.cidr not in {"", cidr}:
            yield f"{holder.name} shows {holder.cidr}, but {life.name} grants {cidr}"

    for path, body, answer in history.world.answered:
        if path == RANGE_SYNC_PATH:
            yield from _regrants(history, json.loads(body), json.loads(answer))


def _regrants(history: History, body: Obj, answer: Obj) -> Iterator[str]:
    """New entries of a proposal for requests that show another block in the body."""
    held, proposed = (
        {entry["uid"]: entry["cidr"] for entry in (obj.get("status") or {}).get("allocations") or []}
        for obj in (body["parent"], answer)
    )
    for obj in body["related"].get(REQUESTS_KEY, {}).values():
        request, shown = history.requests[uid_of(obj)], (obj.get("status") or {}).get("cidr")
        is_new = request.uid in proposed.keys() - held.keys()
        if is_new and shown and not request.is_written_by_person and proposed[request.uid] != shown:
            yield f"{request.name} shows {shown}, but is proposed {proposed[request.uid]}"


def committed(history: History) -> Iterator[str]:
    """Committed (S3): what is published was in the ledger first, and so was whoever a refusal names."""
    for request, _, cidr in history.facts.published:
        if cidr and not request.published_by and not request.is_written_by_person:
            yield f"{request.name} shows {cidr}, which no range ever granted to it"
    for obj in history.facts.allocations:
        life = history.ranges.get(controlling_range(obj))
        uid, cidr = obj["spec"]["request"]["uid"], obj["spec"].get("cidr")
        if life is not None and life.granted.get(uid) != cidr:
            yield f"an allocation says {cidr} to {uid}, but {life.name} granted {life.granted.get(uid)}"
    for obj in history.facts.refused:
        life, named = history.ranges.get(controlling_range(obj)), HELD_BY.search(obj["spec"].get("message", ""))
        if life is not None and named is not None:
            granted = [(cidr, history.requests[uid].name) for uid, cidr in life.granted.items()]
            if named.groups() not in granted:
                yield f"a refusal says {named[0]}, to whom {life.name} never granted that"
    for obj in history.facts.let_go:
        life = history.ranges.get(controlling_range(obj))
        if life is not None and (uid := obj["spec"]["request"]["uid"]) not in life.released:
            yield f"an allocation lets {uid} go, which {life.name} has not released"


def no_early_reuse(history: History) -> Iterator[str]:
    """NoEarlyReuse: a block is not granted again before its holder's release was proven and it has cooled down."""
    for life, uid, cidr in history.facts.grants:
        for holder, held in life.granted.items():
            if holder != uid and block_of(held).overlaps(block_of(cidr)) and not history.is_free_of(life, holder):
                yield f"{life.name} grants {cidr} to {uid}, but {holder} holds {held}"
        for cooling, _ in life.cooling.values():
            if block_of(cooling).overlaps(block_of(cidr)):
                yield f"{life.name} grants {cidr} to {uid}, but {cooling} cools down"
    for life, cidr, since in history.facts.cooled:
        lasted = history.world.clock.now() - since
        if lasted < life.cooldown and not is_deleting(life.obj) and not history.clocks_were_wrong:
            yield f"{life.name} lets {cidr} cool down for {lasted} instead of {life.cooldown}"
    for life, uid, cidr in history.facts.drops:
        if life.cooldown and uid not in life.cooling and not is_deleting(life.obj):
            yield f"{life.name} frees {cidr} of {uid} without a cool-down"


def proven(history: History) -> Iterator[str]:
    """Proven (S5): an entry leaves the ledger only with proof that its holder is gone, and a range only without any."""
    now = history.world.clock.now()
    for life, uid, cidr in history.facts.drops:
        request = history.requests.get(uid)
        if request is not None and request.is_released:
            continue
        since = life.marked.pop(uid, now)
        if uid in life.reclaimed or (
            is_deleting(life.obj) and since and (history.clocks_were_wrong or now - since >= ABSENCE)
        ):
            life.given_up.add(uid)
        else:
            yield f"{life.name} drops {cidr} of {uid} without proof"
    for life in history.facts.ended:
        if life.ledger and not life.is_forced:
            yield f"{life.name} is gone with {len(life.ledger)} entries in its ledger"


def accounted(history: History) -> Iterator[str]:
    """Accounted: free + allocated + shared = total, and each but shared is what the ledger and the spec say."""
    for life in history.facts.changed.values():
        capacity = life.status.get("capacity")
        if not capacity or not life.is_up_to_date:
            continue
        held = life.taken
        total, allocated = (sum(block.size for block in blocks) for blocks in (life.pool, held))
        told = tuple(capacity.get(name) for name in ("total", "allocated", "free"))
        shared = int(capacity.get("unavailable", "0"))
        if told != (str(total), str(allocated), str(total - allocated - shared)):
            yield f"{life.name} counts {told} (total, allocated, free) and {shared}, but has {total} and {allocated}"
        largest = capacity.get("largestFree", "")
        free = without(life.pool, held)
        right = fits(free, int(largest[1:])) if largest else shared or not free
        larger = int(largest[1:]) - 1 if largest else -1
        if not right or (larger >= 0 and not shared and fits(free, larger)):
            yield f"{life.name} says that its largest free block is {largest or 'none'}"
        if not shared:
            yield from _blocks_accounted(life, capacity, free)


def _blocks_accounted(life: RangeLife, capacity: dict[str, Any], free: list[Block]) -> Iterator[str]:
    default = life.obj["spec"].get("chunkSize") or BITS[life.pool[0].version]
    first = max(min(int(capacity.get("largestFree", "")[1:] or default), default), default - 32)
    counts = {f"/{length}": str(places(free, length)) for length in range(first, default + 1)}
    if capacity.get("freeBlocks") != counts:
        yield f"{life.name} counts free blocks as {capacity.get('freeBlocks')}, but has {counts}"
    if capacity.get("room") != f"{counts[f'/{default}']} more /{default}":
        yield f"{life.name} says {capacity.get('room')}, but has {counts[f'/{default}']} blocks of its default length"


def disjoint(history: History) -> Iterator[str]:
    """Disjoint: no two living ranges of one domain hold an address, unless others took an extent from one of them."""
    for life, uid, cidr in history.facts.grants:
        for other in history.ranges.values():
            if other is life or other.is_gone or other.was_tampered or domain_of(other) != domain_of(life):
                continue
            for taken in other.taken:
                if taken.overlaps(block_of(cidr)):
                    yield f"{life.name} grants {cidr} to {uid}, of which {other.name} holds a part in {domain_of(life)}"
    for life in history.facts.unannounced:
        yield f"an extent of {life.name} is changed or deleted, though the range is there"


def monotone(history: History) -> Iterator[str]:
    """Monotone (S2): a ledger changes only with its revision, which grows by one and never goes back."""
    for life, before, now, is_changed in history.facts.revisions:
        if now not in {before, before + 1} or (is_changed and now == before):
            yield f"{life.name} went from revision {before} to {now}{' with another ledger' if is_changed else ''}"


def standing(history: History) -> Iterator[str]:
    """Standing: a Ready answer is not withdrawn while its holder lives and is in the ledger."""
    for obj in history.facts.withdrawn:
        life = history.ranges.get(controlling_range(obj))
        uid = obj["spec"]["request"]["uid"]
        if life is not None and uid in life.ledger and not life.is_gone and not history.is_free_of(life, uid):
            yield f"{life.name} withdraws its answer {obj['spec']['cidr']} to {uid}, who holds it"


def in_turn(history: History) -> Iterator[str]:
    """InTurn: round robin grants the next free place behind the last grant of a length; only grants move a cursor.

    Of the grants of one step the order is not known. But whatever was passed over on the way from the cursor before to
    the cursor now was not free then, and free space only shrinks while grants are made.
    """
    for life, length, before, now in history.facts.turns:
        grants = [cidr for each, _, cidr in history.facts.grants if each is life]
        start, end = (address_of(text) for text in (before, now))
        if not now or end not in {each for cidr in grants for each in _behind(cidr, str(length))}:
            yield f"{life.name} moves the cursor of /{length} to {now or 'nothing'}, where no new /{length} ends"
        free = without(_uncontested(history, life), life.taken)
        passed = [(start, end)] if start <= end else [(start, 1 << BITS[life.pool[0].version]), (0, end)]
        if any(fits(within(free, first, last - 1), length) for first, last in passed):
            yield f"{life.name} passes over a free /{length} between {before or 'the start'} and {now}"
    for life, uid, cidr in history.facts.grants:
        if life.obj["spec"].get("mode") == "RoundRobin" and history.takes_any_block(uid):
            size = cidr.partition("/")[2]
            behind = {end for each, _, other in history.facts.grants if each is life for end in _behind(other, size)}
            if address_of(life.cursors.get(size, "")) not in behind:
                yield f"{life.name} grants {cidr} to {uid}, but its cursor does not stand behind a new /{size}"


def _uncontested(history: History, life: RangeLife) -> list[Block]:
    """The addresses that no call can have thought to be another range's, or not announced yet."""
    if meta(life.obj)["generation"] > 1:  # it has grown, or is being deleted
        return []
    others = [each for each in history.ranges.values() if each is not life and domain_of(each) == domain_of(life)]
    return without(life.pool, [block_of(text) for each in others for text in each.obj["spec"]["ranges"]])


def _behind(cidr: str, length: str) -> list[int]:
    """The address one past a block of this length, round the address space; nothing for another length."""
    block = block_of(cidr)
    return [(block.last + 1) % (1 << BITS[block.version])] if cidr.endswith(f"/{length}") else []


def same_answer(history: History) -> Iterator[str]:
    """SameAnswer (S6): the same facts get the same answer, whatever their order on the wire."""
    yield from history.world.differences


#: In this order: others read whom `proven` has found to be given up.
CHECKERS: dict[str, Checker] = {
    "Proven": proven,
    "NoEarlyReuse": no_early_reuse,
    "Stable": stable,
    "Committed": committed,
    "NoOverlap": no_overlap,
    "Disjoint": disjoint,
    "Monotone": monotone,
    "Standing": standing,
    "InsideRange": inside_range,
    "Allowed": allowed,
    "Accounted": accounted,
    "InTurn": in_turn,
    "SameAnswer": same_answer,
}


def checked(history: History) -> list[str]:
    """All violations of the last step, each with the name of its invariant; the step's facts are forgotten."""
    found = [f"{name}: {text}" for name, check in CHECKERS.items() for text in check(history)]
    history.facts = type(history.facts)()
    history.world.differences.clear()
    history.world.answered.clear()
    return found
