"""Rules about ledgers: each alone, and of one domain against each other."""

from collections.abc import Iterator
from itertools import pairwise

from hooks.api.kinds import Entry
from ipam.address import InvalidAddress, Prefix, read_prefix
from ipam.interval import not_covered
from kubectl_ipam.audit.facts import Facts, named_range
from kubectl_ipam.audit.findings import Finding, error
from kubectl_ipam.resources import EXTENTS
from kubectl_ipam.views import RangeView

_RESTORE = (
    "create no more requests here; compare the requests of the range (kubectl ipam get CIDR) with a backup of the "
    "range, and delete the request that should not have the block"
)


def overlaps_within_a_range(facts: Facts) -> Iterator[Finding]:
    """Two blocks of one ledger that have addresses in common; such a ledger can't be read as a whole."""
    for view in facts.views.values():
        lines = sorted(_readable_lines(view), key=lambda each: (each[0].first, -each[0].length))
        for (one, holder), (other, other_holder) in pairwise(lines):
            if one.overlaps(other):
                message = f"{one} of {holder.holder} and {other} of {other_holder.holder} overlap in the ledger"
                yield error("OverlapInRange", named_range(view), message, _RESTORE, str(view.name))


def _readable_lines(view: RangeView) -> Iterator[tuple[Prefix, Entry]]:
    for line in view.range.status.allocations:
        try:
            yield read_prefix(line.cidr), line
        except InvalidAddress:
            continue


def ledgers_that_cannot_be_read(facts: Facts) -> Iterator[Finding]:
    """Ledgers by which the hooks decide nothing any more."""
    for view in facts.views.values():
        if view.fault:
            remedy = "restore the status of the range from a backup; until then it allocates and releases nothing"
            yield error("LedgerUnreadable", named_range(view), view.fault, remedy, str(view.name))


def overlaps_between_ranges(facts: Facts) -> Iterator[Finding]:
    """Blocks of two ranges of a domain that have addresses in common."""
    domains: dict[tuple[str, str], list[tuple[Prefix, str, RangeView]]] = {}
    for view, entry in facts.entries():
        key = (view.terms.domain.name, entry.prefix.family.name)
        domains.setdefault(key, []).append((entry.prefix, entry.holder, view))
    for (domain, _), blocks in domains.items():
        blocks.sort(key=lambda each: (each[0].first, each[0].length))
        wide, wide_holder, its_view = blocks[0]
        for block, holder, view in blocks[1:]:
            if block.first <= wide.last and view is not its_view:
                other = f"{block} of {holder} in range {view.name}"
                message = f"{wide} of {wide_holder} and {other} overlap in domain {domain}"
                yield error("OverlapInDomain", named_range(its_view), message, _RESTORE, str(its_view.name))
            if block.last > wide.last:
                wide, wide_holder, its_view = block, holder, view


def blocks_outside_their_range(facts: Facts) -> Iterator[Finding]:
    """Blocks that the range never had."""
    for view in facts.readable:
        if view.terms.invalid_reason:
            continue
        entries = view.ledger.entries.values()
        outside = set(not_covered((entry.prefix for entry in entries), view.addresses.intervals))
        for entry in entries if outside else ():
            if entry.prefix in outside:
                message = f"{entry.prefix} of {entry.holder} is in the ledger, but outside of the range"
                remedy = "add its addresses to spec.ranges if they belong to it; otherwise delete the request"
                yield error("BlockOutsideRange", named_range(view), message, remedy, str(view.name))


def holders_that_were_released(facts: Facts) -> Iterator[Finding]:
    """Uids that the ledger has both as holders and as released."""
    for view, entry in facts.entries():
        if entry.released_at is None and entry.uid in view.ledger.released:
            message = f"{entry.prefix} of {entry.holder} is in the ledger, but its release is recorded, too"
            remedy = f"delete the request {entry.holder} if it exists, and create it again"
            yield error("ReleasedHolder", named_range(view), message, remedy, str(view.name))


def holders_in_two_ranges(facts: Facts) -> Iterator[Finding]:
    """Requests that hold blocks of two ranges; each names one only."""
    for view, entry in facts.entries():
        other, _ = facts.entry_of[entry.uid]
        if other is not view:
            message = f"{entry.holder} holds {entry.prefix} here, and a block of range {other.name} as well"
            remedy = "delete the request and create it again: both ranges release it"
            yield error("HolderInTwoRanges", named_range(view), message, remedy, str(view.name))


def entries_without_a_revision(facts: Facts) -> Iterator[Finding]:
    """A ledger with holders that was never committed: its status was restored without its revision."""
    for view in facts.readable:
        if view.ledger.entries and not view.ledger.revision:
            message = f"the ledger has {len(view.ledger.entries)} holders, but no revision"
            remedy = "restore the whole status of the range, as docs/operating.md describes"
            yield error("RevisionMissing", named_range(view), message, remedy, str(view.name))


def blocks_that_are_not_announced(facts: Facts) -> Iterator[Finding]:
    """Held blocks that no extent of their range announces, so that another range could allocate them."""
    if not facts.snapshot.knows(EXTENTS):
        return
    for view in facts.readable:
        if view.terms.invalid_reason or view.range.metadata.deletion_timestamp:
            continue
        for interval in (view.in_ledger & view.addresses & view.extents.unannounced).intervals:
            message = f"{interval.text(view.family)} is allocated, but no extent of the range announces it"
            remedy = "restore the extent from a backup, or check that no other range of the domain has these addresses"
            yield error("BlockNotAnnounced", named_range(view), message, remedy, str(view.name))


def numbers_that_disagree(facts: Facts) -> Iterator[Finding]:
    """A status whose capacity is not that of its own ledger."""
    for view in facts.readable:
        status, capacity = view.range.status, view.range.status.capacity
        if capacity is None or view.terms.invalid_reason or not capacity.allocated:
            continue
        if status.observed_generation != view.range.metadata.generation or not view.ledger.entries:
            continue
        number = (view.in_ledger & view.terms.pool.usable).address_count
        if str(number) != capacity.allocated:
            message = f"the status counts {capacity.allocated} allocated addresses, its ledger has {number}"
            remedy = "wait for the next call of the hook; if it stays, report it as a bug with kubectl get -o yaml"
            yield error("CapacityWrong", named_range(view), message, remedy, str(view.name))


RULES = (
    overlaps_within_a_range,
    ledgers_that_cannot_be_read,
    overlaps_between_ranges,
    blocks_outside_their_range,
    holders_that_were_released,
    holders_in_two_ranges,
    entries_without_a_revision,
    blocks_that_are_not_announced,
    numbers_that_disagree,
)
