"""Returns: a request that was deleted by mistake and is created again gets its block back while that cools down.

The entry of its former life is replaced by its own in one step, so no moment exists in which the block is free. The two
are known to be the same consumer by namespace and name: users that may create requests in a namespace choose these, and
what one of them released another one of the same name may have.

This is safe however old a cache is. The former holder was released by proof (S5), which the ledger records, so nothing
that a call sees of it makes it a holder again; and if the block has been granted meanwhile, the ledger has changed, and
the API server rejects the proposal (S2). The new holder is one of the requests that could be granted any block. So a
closed range returns nothing, nor is a block returned that lies in retired addresses: it would be a new grant. The quota
of the namespace does not matter, because the block counted while it cooled down.
"""

from dataclasses import replace
from operator import attrgetter

from hooks.api.kinds import Entry, RequestObject
from hooks.ranges.claims import claim_of, is_wanted
from hooks.ranges.extents import Extents
from hooks.ranges.ledger import Ledger, LedgerEntry
from hooks.ranges.observed import Observed
from hooks.ranges.reservations import reservation_in
from ipam.address import Prefix
from ipam.allocate import Claim


def with_returns(kept: Ledger, observed: Observed, extents: Extents) -> Ledger:
    """The ledger after waiting requests got back the blocks that their former lives released and that cool down."""
    former: dict[str, list[LedgerEntry]] = {}
    for uid, entry in kept.entries.items():
        if entry.written.released_at and observed.ledger.entries[uid].written.released_at:  # its release is committed
            former.setdefault(entry.holder, []).append(entry)
    if not former or kept.closing or observed.terms.is_closed or observed.terms.invalid_reason:
        return kept
    returned: dict[str, LedgerEntry] = {}
    for request in observed.waiting(kept):
        entries = former.get(str(request.metadata.namespaced_name), [])
        for entry in sorted(entries, key=attrgetter("released_at"), reverse=True):
            if _may_return(entry.prefix, request, kept, observed, extents):
                line = Entry(cidr=entry.written.cidr, holder=entry.holder, uid=request.metadata.uid)
                returned[entry.uid] = LedgerEntry(entry.prefix, line)
                break
    lines = (returned.get(uid, entry) for uid, entry in kept.entries.items())
    return replace(kept, entries={entry.uid: entry for entry in lines}) if returned else kept


def _may_return(block: Prefix, request: RequestObject, kept: Ledger, observed: Observed, extents: Extents) -> bool:
    """Whether a request may be granted its former block."""
    claim = claim_of(request, observed)
    if not isinstance(claim, Claim) or not _is_claimed(block, claim, on_hold=kept.on_hold):
        return False
    is_usable = observed.terms.pool.has(block) and extents.unannounced.overlap_with(block) is None
    if not is_usable or any(older.addresses.overlaps(block) for older in extents.owned_by_older):
        return False
    reserved = observed.reserved_for(request)
    if found := reservation_in(observed.terms.reservations, block):
        return block in reserved and found.block == block
    return not any(is_wanted(each, claim) for each in reserved)


def _is_claimed(block: Prefix, claim: Claim, *, on_hold: bool) -> bool:
    """Whether a block is what a request wants: the block that it records, or shows; on hold nothing else."""
    if claim.previous or on_hold:
        return block == claim.previous
    return is_wanted(block, claim)
