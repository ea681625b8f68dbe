"""Withdrawals: addresses that a range announced once and has given up since, so that other ranges can grant them.

An entry of `ranges` is taken back in three steps, each of which rests on the one before:

    removable    the ledger names an entry of which `excludes` has every address and no holder has any. Nothing of such
                 an entry is granted, whatever the spec says by then, until a later revision no longer names it. The API
                 server lets the owner remove only entries that the ledger names.
    withdrawn    the spec does not have the addresses any more. The ledger says so, with the number of the youngest
                 extent that announced them. From then on the range grants nothing of them by that extent or an older
                 one, even if an old cache shows it as it was.
    given up     the extents list the addresses as withdrawn and keep their numbers, and thereby the place of the
                 remaining addresses in the domain. From then on other ranges may grant them.

If the owner adds the addresses again, they are announced by a new extent, with a number of its own.
"""

from collections.abc import Iterable
from dataclasses import replace

from hooks.api.kinds import Withdrawn
from hooks.protocol.errors import ProtocolError, excerpt
from hooks.ranges.announcements import Announcement, read_interval
from hooks.ranges.ledger import Ledger, entries_within
from hooks.ranges.observed import Observed
from ipam.address import Family, InvalidAddress
from ipam.address_set import AddressSet
from ipam.interval import Interval

#: The most intervals that a ledger can have withdrawn (crds/ipamranges.yaml).
WITHDRAWN_COUNT_MAX = 128
#: The most entries that the ledger names as removable at a time: with many texts of IPv6 it must not become too large.
REMOVABLE_COUNT_MAX = 16


def remaining(extent: Announcement, ledger: Ledger) -> AddressSet:
    """What an extent of this range announces, without what the ledger has withdrawn from it."""
    if not ledger.withdrawn:
        return extent.addresses
    return extent.addresses - withdrawn_from(extent, ledger)


def withdrawn_from(extent: Announcement, ledger: Ledger) -> AddressSet:
    """The addresses that the ledger has withdrawn from extents of this age, whether this one had them or not."""
    number = extent.number or extent.seniority[1]
    lines = (each for each in ledger.withdrawn if each.number >= number)
    return _addresses_of(lines, extent.addresses.family)


def former_numbers(addresses: AddressSet, ledger: Ledger) -> list[str]:
    """The numbers by which these addresses were announced before: a new extent for them needs another name."""
    lines = (each for each in ledger.withdrawn if addresses & _addresses_of([each], addresses.family))
    return sorted({str(each.number) for each in lines})


def _addresses_of(lines: Iterable[Withdrawn], family: Family) -> AddressSet:
    """The addresses in lines of the ledger.

    Raises:
        ProtocolError: if they can't be read.
    """
    intervals = list[Interval]()
    for line in lines:
        try:
            interval, its_family = read_interval(line.addresses)
        except InvalidAddress as error:
            raise ProtocolError("$.parent.status.withdrawn", str(error), excerpt(line.addresses)) from error
        intervals += [interval] if its_family is family else []
    return AddressSet(family, intervals)


def with_withdrawals(proposal: Ledger, observed: Observed) -> Ledger:
    """The proposed ledger with what it withdraws, and with the entries of `ranges` that may be removed next."""
    withdrawn = replace(proposal, withdrawn=_withdrawn(proposal, observed))
    return replace(withdrawn, removable=_removable(withdrawn, observed))


def _withdrawn(proposal: Ledger, observed: Observed) -> tuple[Withdrawn, ...]:
    """What the next ledger has withdrawn: also what own extents announce, but neither the spec nor a holder has."""
    if not _is_in_use(observed):
        return proposal.withdrawn
    pool, withdrawn = observed.terms.pool, proposal.withdrawn
    for extent in observed.own_announcements:
        given_up = remaining(extent, proposal) - pool.addresses
        if given_up and extent.number:
            held = AddressSet(pool.family, (entry.prefix for entry in entries_within(proposal, given_up)))
            withdrawn = _with(withdrawn, given_up - held, extent.number)
    return withdrawn


def _with(withdrawn: Iterable[Withdrawn], given_up: AddressSet, number: int) -> tuple[Withdrawn, ...]:
    """The list with further addresses, in order; they replace lines that say less.

    If it became too long, it stays as it is: what is not withdrawn is only not granted by other ranges.
    """
    family = given_up.family
    others = [each for each in withdrawn if each.number > number or _addresses_of([each], family) - given_up]
    lines = [*others, *(Withdrawn(text, number) for text in given_up.texts)]
    if len(lines) > WITHDRAWN_COUNT_MAX:
        return tuple(withdrawn)
    return tuple(sorted(lines, key=lambda line: (_addresses_of([line], family).intervals, line.number)))


def _removable(proposal: Ledger, observed: Observed) -> tuple[str, ...]:
    """The entries of `ranges` that the next ledger names as removable, in the order of the spec.

    On hold there are none: former holders may come back.
    """
    pool = observed.terms.pool
    if not pool.idle_ranges or not _is_in_use(observed) or observed.wants_hold or proposal.on_hold:
        return ()
    shown = AddressSet(pool.family, observed.blocks_without_entry(proposal))
    announced = [remaining(extent, proposal) for extent in observed.own_announcements]
    count, removable = len(proposal.withdrawn), list[str]()
    for text, interval in pool.idle_ranges:
        addresses = AddressSet(pool.family, [interval] if interval else [])
        if addresses - pool.excluded or addresses & shown or entries_within(proposal, addresses):
            continue
        count += sum(len((each & addresses).intervals) for each in announced)
        if count > WITHDRAWN_COUNT_MAX or len(removable) == REMOVABLE_COUNT_MAX:
            break
        removable.append(text)
    return tuple(removable)


def _is_in_use(observed: Observed) -> bool:
    """Whether the spec says which addresses the range has, they may change, and the range is not being deleted."""
    is_serving = observed.is_marked and not observed.is_deleted and not observed.terms.invalid_reason
    return is_serving and observed.delegation is None
