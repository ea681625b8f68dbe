"""Reservations: which blocks of a range wait for which holders, and the invariant that no other request gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from simulator.judge.addresses import BITS, Block, block_of, covers
from simulator.judge.facts import decoded
from simulator.judge.lives import Ledger, pool_of
from simulator.judge.reserved import is_reserved
from simulator.kubernetes.objects import annotations_of, joined, key_of, owners_of, uid_of
from simulator.names import CIDR_ANNOTATION, RANGE_SYNC_PATH, REQUESTS_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from simulator.judge.history import History
    from simulator.kubernetes.objects import Obj


class Reservation(NamedTuple):
    """A block that waits for an object of a kind in a namespace."""

    block: Block
    kind: str
    namespace: str
    name: str

    def is_for(self, request: Obj) -> bool:
        """Whether a request is the holder, or one that the holder controls."""
        namespace, name = key_of(request)
        found = [(each["kind"], each["name"]) for each in owners_of(request) if each.get("controller")]
        return namespace == self.namespace and (self.kind, self.name) in [("IPAMRequest", name), *found]


def reservations_of(parent: Obj, withheld: tuple[str, ...] | None = None) -> list[Reservation]:
    """The reservations of a range that count: blocks that it could grant, and beside the earlier ones.

    Without that, what its ledger withholds is not granted.
    """
    found: list[Reservation] = []
    pool = pool_of(parent["spec"], Ledger.of(parent).withheld if withheld is None else withheld)
    for item in parent["spec"].get("reservations", ()):
        holder = item.get("holder", {})
        if "cidr" not in item or not holder.get("name"):
            continue
        block = block_of(item["cidr"])
        is_granted = covers(pool, block) and not is_reserved(parent["spec"], block)
        if is_granted and not any(each.block.overlaps(block) for each in found):
            namespace = holder.get("namespace") or key_of(parent)[0]
            found.append(Reservation(block, holder.get("kind", "IPAMRequest"), namespace, holder["name"]))
    return found


def reserved_blocks(parent: Obj, withheld: tuple[str, ...] | None = None) -> list[Block]:
    """The blocks that others than their holders can't get."""
    return [each.block for each in reservations_of(parent, withheld)]


def named_blocks(range_spec: Obj) -> list[Block]:
    """The blocks that a spec reserves, whether these reservations count or not."""
    return [block_of(item["cidr"]) for item in range_spec.get("reservations", ()) if "cidr" in item]


def own_blocks(parent: Obj, request: Obj, holders: Iterable[tuple[str, Obj]] = ()) -> list[Block]:
    """The blocks that wait for a request; `holders` are requests with the blocks that they have."""
    met = [
        each.block
        for each in reservations_of(parent)
        for cidr, holder in holders
        if block_of(cidr) == each.block and each.is_for(holder)
    ]
    return [each.block for each in reservations_of(parent) if each.is_for(request) and each.block not in met]


def reserved(history: History) -> Iterator[str]:
    """Reserved: a call grants no part of a block that it sees as reserved, except the whole block to its holder.

    A block that a request shows is its own, and so is one that it records while the range is on hold.
    """
    for path, body, answered in history.calls.answered:
        if path == RANGE_SYNC_PATH and decoded(body)["parent"]["spec"].get("reservations"):
            yield from _misused(decoded(body), decoded(answered))


def _misused(body: Obj, answer: Obj) -> Iterator[str]:
    parent, before, after = body["parent"], Ledger.of(body["parent"]), Ledger.of(answer)
    if "onHold" in after.fields:
        return
    requests = {uid_of(obj): obj for obj in body["related"].get(REQUESTS_KEY, {}).values()}
    held = [(entry.cidr, requests[uid]) for uid, entry in before.entries.items() if uid in requests]
    for uid, entry in after.entries.items():
        request = requests.get(uid)
        if uid in before.entries or request is None or (request.get("status") or {}).get("cidr"):
            continue
        granted = f"{joined(key_of(parent))} grants {entry.cidr} to {entry.request}"
        for each in reservations_of(parent):
            block = block_of(entry.cidr)
            if each.block.overlaps(block) and not (each.block == block and each.is_for(request)):
                yield f"{granted}, which is reserved for {each.kind} {each.namespace}/{each.name}"
        if _is_passed_over(parent, request, block_of(entry.cidr), held):
            yield f"{granted}, although another block waits for it"


def _is_passed_over(parent: Obj, request: Obj, block: Block, held: list[tuple[str, Obj]]) -> bool:
    """Whether a request that wants any block of a length gets another one than the one that is reserved for it."""
    if CIDR_ANNOTATION in annotations_of(request) or "request" in request["spec"]:
        return False
    waiting = [each for each in own_blocks(parent, request, held) if each.size == block.size]
    return bool(waiting) and block not in waiting


def wanted_own(parent: Obj, request: Obj, wanted: Block | int, holders: Iterable[tuple[str, Obj]]) -> list[Block]:
    """The blocks that wait for a request and are what it wants."""
    found = own_blocks(parent, request, holders)
    if isinstance(wanted, Block):
        return [each for each in found if each == wanted]
    return [each for each in found if each.size == 1 << (BITS[each.version] - wanted)]
