"""What would have to be released, or changed, for a request that waits for room."""

from collections.abc import Iterator

from hooks.api import names
from hooks.ranges.claims import claim_of
from hooks.ranges.quotas import Quotas
from ipam.address import Prefix
from ipam.allocate import Claim
from kubectl_ipam.objects import Request
from kubectl_ipam.views import Piece, RangeView, State


def releases_for(request: Request, view: RangeView) -> Iterator[str]:
    """What would have to be released, or end, as sentences; none if the request asks for nothing that can be free."""
    claim = claim_of(request.for_hooks, view.observed)
    if view.ledger.on_hold:
        yield f"the hold of the range must end: its annotation {names.HOLD_ANNOTATION} must be removed"
    if view.terms.is_closed:
        yield "the range must be opened again: closed: false"
    if not isinstance(claim, Claim):
        return
    over_quota = _quota_remedy(request, view, claim)
    if over_quota:
        yield over_quota
    if not claim.exact and (view.ledger.on_hold or view.terms.is_closed or over_quota):
        return  # room does not help as long as one of these lasts
    block = claim.exact or _cheapest_block(view, claim.prefix_length)
    if block is None:  # what no request releases is in the way everywhere
        yield _more_addresses(view)
        yield from _other_remedies({piece.state for piece in view.pieces}, view)
        return
    pieces = [piece for piece in view.pieces if piece.first <= block.last and block.first <= piece.last]
    pieces = [piece for piece in pieces if piece.state is not State.FREE]
    if pieces:
        words = f"{block} must be free" if claim.exact else f"the block with the fewest holders is {block}"
        yield f"{words}: {'; '.join(map(_obstacle, pieces[:5]))}{_more(pieces)}"
        yield from _cooldown_remedy(pieces, view)
        yield from _other_remedies({piece.state for piece in pieces}, view)
    if not claim.exact:
        yield f"or {_more_addresses(view)}"


def _more_addresses(view: RangeView) -> str:
    """What makes room although no request releases a block."""
    if view.delegation:
        return f"delegate another block: the addresses of range {view.name} are those of one request, and cannot grow"
    return f"add addresses: kubectl edit iprange -n {view.name.namespace} {view.name.name}, spec.ranges"


def _quota_remedy(request: Request, view: RangeView, claim: Claim) -> str:
    """What would make room in the quota of its namespace; "" if the request does not wait for that."""
    refusal = view.grants.refusals.get(request.metadata.uid)
    namespace, quota = request.metadata.namespace, view.terms.quota
    budget = Quotas(quota, view.ledger).budget_of(namespace) if quota else None
    if budget is None or refusal is None or refusal.reason != "QuotaExceeded":
        return ""
    wanted_count = 1 << (view.family.bits - claim.prefix_length)
    edit = f"kubectl edit iprange -n {view.name.namespace} {view.name.name}, spec.quota"
    if wanted_count > budget.limit:
        return f"the quota of namespace {namespace} must be at least {wanted_count}: {edit}"
    missing = budget.held + wanted_count - budget.limit
    return f"namespace {namespace} must release {missing} addresses, or get a larger quota: {edit}"


def _cooldown_remedy(pieces: list[Piece], view: RangeView) -> Iterator[str]:
    """How the cool-downs among these obstacles can be ended."""
    blocks = {piece.block for piece in pieces if piece.state is State.COOLING}
    uids = [entry.uid for entry in view.ledger.entries.values() if entry.prefix in blocks]
    if uids:
        end = f"{names.END_COOLDOWN_ANNOTATION}={','.join(uids)}"
        yield (
            "or end the cool-down, if no client knows the former holder any more: "
            f"kubectl annotate --overwrite iprange -n {view.name.namespace} {view.name.name} {end}"
        )


def _other_remedies(states: set[State], view: RangeView) -> Iterator[str]:
    """What helps against obstacles that no request releases."""
    if State.RESERVED in states:
        edit = f"kubectl edit iprange -n {view.name.namespace} {view.name.name}, spec.reservations"
        yield f"or remove the reservation: {edit}"
    if State.OLDER in states:
        yield "or create another request, which asks the older range for it: spec.ipam"


def _obstacle(piece: Piece) -> str:
    return f"{piece.block or 'a part of it'} {piece.fate}"


def _more(pieces: list[Piece]) -> str:
    return f"; and {len(pieces) - 5} more" if len(pieces) > 5 else ""


def _cheapest_block(view: RangeView, length: int) -> Prefix | None:
    """The block of this length for which the fewest holders would have to release something; None if none can."""
    size = view.family.bits - length
    if not 0 <= size <= view.family.bits:
        return None
    pool, counts = view.terms.pool.usable, dict[int, tuple[int, int]]()
    for piece in view.pieces:
        if piece.block is None:
            continue
        # A block that cools down has no holder, and becomes free by itself.
        cost = {State.HELD: 1, State.COOLING: 0}.get(piece.state, 1_000_000)
        # A block that is larger than the wanted one frees several of them, of which the lowest is as good as any.
        index = piece.first >> size
        count, addresses = counts.get(index, (0, 0))
        counts[index] = (count + cost, addresses + piece.address_count)
    blocks = {index: Prefix(index << size, length, view.family) for index in counts}
    possible = [index for index, block in blocks.items() if pool.covers(block) and counts[index][0] < 1_000_000]
    return blocks[min(possible, key=lambda index: (*counts[index], index))] if possible else None
