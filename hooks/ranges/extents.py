"""Extents: which addresses of a range are its own where ranges of one domain overlap. The first announcement wins.

A range announces its addresses by IPAMExtents: children that are created once, get a number, and stay until the range
is deleted and empty, or has given up their addresses. It observes the extents of its domain with which it may have
addresses in common (cells.py), so it is synced when one of them is created or deleted, and not when other ranges grant
blocks.

As in Lamport's bakery each takes a number before it enters: the resourceVersion of its extent, which is its place in
the order in which the API server stored all of them. The next call writes it into the extent, because rewriting a
stored object gives it another resourceVersion; the API server refuses that write if the object was rewritten in
between. A range grants

    only what an extent of its own announces that it observes, with its number, in the list of the domain,
    minus what extents of other ranges announce that have lower numbers.

A list shows the state at one moment, and a cache passes through such states in their order. So a range that observes
the number of its own extent observes all extents with lower numbers that still exist, be the cache ever so stale; and
those that come later will observe this one. An extent without a number will get its resourceVersion or a higher one, so
that stands for it. The own extent is looked for in that list, not among the children, which are read at another moment.

An extent that is being deleted keeps its number, but its range grants nothing by it: it may not exist any more in the
next moment.

The number is also read from what Metacontroller recorded when it wrote the extent: an API server with an older schema
shows no number, and that must not make an old range a young one.

An entry of `ranges` that is taken back is withdrawn from its extents, which keep their numbers (withdrawals.py). One
that has given up all of its addresses is deleted, because every other range of its cells would receive it for nothing.

On hold a range announces only the addresses that its requests record. So ranges that share addresses can be restored in
any order: none of them takes what another one had granted. The rest is announced when the hold ends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.structs import replace

from hooks.api import names
from hooks.api.kinds import AllowedNamespaces, ExtentObject, ExtentSpec
from hooks.protocol.children import child_as_it_was
from hooks.ranges.announcements import Announcement, announcements, number_of, seniority
from hooks.ranges.cells import by_cell, cell_label, cell_of
from hooks.ranges.former_blocks import is_for_former_holder
from hooks.ranges.ledger import entries_within
from hooks.ranges.observed import Observed
from hooks.ranges.spec import Domain, Terms
from hooks.ranges.withdrawals import former_numbers, remaining, withdrawn_from
from ipam.address import Family
from ipam.address_set import AddressSet

#: A range whose addresses lie in more cells announces them together ...
_EXTENTS_AT_ONCE_MAX = 16
#: ... and so does one that has so many extents already, as every other range in its cells receives them.
_EXTENT_COUNT_TO_SPLIT_MAX = 32
#: The most intervals of one extent that the CRD admits (crds/ipamextents.yaml).
INTERVAL_COUNT_MAX = 512
#: On hold recorded addresses are announced as they come, but not each by an extent of its own: the next one waits for
#: this time, or an eighth of the time since the first one if that is longer.
_BATCH_SECONDS_MIN = 10.0
_BATCH_SHARE = 8


class OlderRange(NamedTuple):
    """An older range of the domain, and what it has of this range's pool."""

    range_name: str
    addresses: AddressSet


@dataclass(frozen=True, slots=True)
class Extents:
    """What one call knows of a range's place in its domain.

    Attributes:
        domain: the domain.
        children: the extents of this range that should exist, as children.
        unannounced: addresses that the range may have, and no numbered extent of its own announces that is observed.
        pending: those of them that are to be announced now.
        owned_by_older: addresses that older ranges have, by range.
        unreadable: extents of the domain that may announce anything, as sorted "namespace/name"; then all addresses are
            unannounced.
    """

    domain: Domain
    children: list[dict[str, Any]]
    unannounced: AddressSet
    pending: AddressSet
    owned_by_older: list[OlderRange]
    unreadable: list[str]


def observe_extents(observed: Observed, now: datetime) -> Extents:
    """What a call knows of the range's place in its domain.

    Raises:
        ProtocolError: if an extent of this range is no object.
    """
    domain, family = observed.terms.domain, observed.terms.pool.family
    nothing = AddressSet(family)
    group = observed.body.children.get(names.EXTENT_KEY, {})
    own = observed.own_extents
    carriers = _carriers(own, observed.terms)
    known = observed.own_announcements
    given_up = {each.key: each.addresses & withdrawn_from(each, observed.ledger) for each in known}
    children = [
        _kept(key, group[key], own[key], observed.terms.allowed if key in carriers else None, given_up.get(key))
        for key in sorted(own.keys() - _spent(observed))
    ]
    children += [child_as_it_was(names.EXTENT_KEY, key, group[key]) for key in sorted(observed.unreadable_own_extents)]
    if observed.terms.invalid_reason:
        return Extents(domain, children, nothing, nothing, [], [])
    announced, without_addresses = announcements(observed.extents or {}, domain, family)
    space = _space(observed)
    wanted = _wanted(observed, space)
    if _may_announce(observed) and _is_next_batch_due(observed, own.values(), now):
        children += _additions(observed, wanted, [*announced, *known], {key.rpartition("/")[2] for key in group})
    if observed.is_deleted:
        return Extents(domain, children, nothing, nothing, [], [])
    unreadable = sorted([*observed.unreadable_extents, *without_addresses])
    if unreadable or observed.extents is None or not observed.is_marked:
        return Extents(domain, children, space, wanted, [], unreadable)
    unannounced, owned_by_older = _divided(space, observed, announced)
    return Extents(domain, children, unannounced, unannounced & wanted, owned_by_older, [])


def _spent(observed: Observed) -> set[str]:
    """The extents of this range that can be deleted, because they have given up all of their addresses.

    The ledger that withdrew these must be seen, and a spec without them: otherwise they would be announced once more.
    One that gives the allowed namespaces stays, and all stay as long as there is no other: requests see by an extent
    that a range exists.
    """
    known = observed.own_announcements
    if observed.is_deleted or all(each.is_spent for each in known):
        return set()
    return {
        each.key
        for each in known
        if each.is_spent
        and not each.given_up - withdrawn_from(each, observed.ledger)
        and not each.given_up & observed.terms.pool.addresses
        and observed.own_extents[each.key].spec.allowed_namespaces is None
    }


def _space(observed: Observed) -> AddressSet:
    """The addresses that the range may have: its pool, and retired addresses that holders have or get again."""
    pool = observed.terms.pool
    if not pool.retired:
        return pool.usable
    held = [entry.prefix for entry in entries_within(observed.ledger, pool.retired)]
    shown = observed.blocks_without_entry(observed.ledger)
    former = [block for block in shown if is_for_former_holder(block, observed)]
    return pool.usable | (pool.retired & AddressSet(pool.family, [*held, *former]))


def _wanted(observed: Observed, space: AddressSet) -> AddressSet:
    """The addresses to be announced: all; on hold those that the ledger has, and those that requests show or record."""
    if not observed.wants_hold:
        return space
    held = [entry.prefix for entry in observed.ledger.entries.values()]
    return space & AddressSet(space.family, [*held, *observed.blocks_without_entry(observed.ledger)])


def _is_next_batch_due(observed: Observed, own: Iterable[ExtentObject], now: datetime) -> bool:
    """Whether it is time for another extent; always, but on hold."""
    created = sorted(each.metadata.creation_timestamp for each in own)
    if not observed.wants_hold or not created:
        return True
    pause = max(timedelta(seconds=_BATCH_SECONDS_MIN), (created[-1] - created[0]) / _BATCH_SHARE)
    return now - created[-1] >= pause


def _divided(
    space: AddressSet, observed: Observed, announced: list[Announcement]
) -> tuple[AddressSet, list[OlderRange]]:
    """Of these addresses, what no own extent announces by which it may serve, and what others announced before."""
    uid = observed.body.parent.metadata.uid
    own = [(each, remaining(each, observed.ledger)) for each in announced if each.owner_uid == uid]
    others = [each for each in announced if each.owner_uid != uid]
    serving = [(extent, addresses) for extent, addresses in own if extent.serves_its_range]
    usable_parts = [addresses - _older_in(extent, others) for extent, addresses in serving]
    unannounced = space - _union(space.family, (addresses for _, addresses in serving))
    remainder = space - _union(space.family, usable_parts) - unannounced
    by_age = sorted(others, key=attrgetter("seniority"))
    shares = remainder.divided_among(each.addresses for each in by_age)
    by_range: dict[str, list[AddressSet]] = {}
    for other, share in zip(by_age, shares, strict=True):
        if share:
            by_range.setdefault(other.range_name, []).append(share)
    owned_by_older = [OlderRange(name, _union(space.family, parts)) for name, parts in by_range.items()]
    assert sum(each.addresses.address_count for each in owned_by_older) == remainder.address_count, (
        "addresses belong neither to this range nor to another one"
    )
    return unannounced, owned_by_older


def _older_in(extent: Announcement, others: list[Announcement]) -> AddressSet:
    """The addresses of an extent that others announced before; each of these may have hundreds of intervals."""
    older = (other.addresses & extent.addresses for other in others if other.seniority < extent.seniority)
    return _union(extent.addresses.family, older)


def _union(family: Family, sets: Iterable[AddressSet]) -> AddressSet:
    return AddressSet(family, (span for each in sets for span in each.intervals))


def _may_announce(observed: Observed) -> bool:
    """Whether a new extent can be created and is of use: a range that is being deleted only keeps what it holds."""
    is_draining = observed.is_deleted and not observed.ledger.entries
    return observed.is_marked and not observed.namespace_is_terminating and not is_draining


def _additions(
    observed: Observed, wanted: AddressSet, announced: list[Announcement], names_taken: set[str]
) -> list[dict[str, Any]]:
    """Extents for the wanted addresses that no extent of this range announces, if there are any."""
    uid, terms = observed.body.parent.metadata.uid, observed.terms
    own = (remaining(each, observed.ledger) for each in announced if each.owner_uid == uid)
    missing = wanted - _union(wanted.family, own)
    additions: list[dict[str, Any]] = []
    at_once_max = _EXTENTS_AT_ONCE_MAX if len(names_taken) < _EXTENT_COUNT_TO_SPLIT_MAX else 1
    for addresses in _parts(missing, at_once_max) if missing else []:
        texts = addresses.texts
        name = names.extent_name(observed.name.name, uid, [*texts, *former_numbers(addresses, observed.ledger)])
        if name in names_taken:
            continue
        spec = ExtentSpec(observed.name.name, terms.domain.name, texts, schema_v1=True)
        if not (names_taken or additions) and terms.allowed != AllowedNamespaces():
            spec = replace(spec, allowed_namespaces=terms.allowed)
        additions.append(_child(observed, name, spec, cell_label(cell_of(addresses))))
    return additions


def _parts(addresses: AddressSet, at_once_max: int) -> list[AddressSet]:
    """The addresses as extents announce them: by cells, and each with so many intervals as the CRD admits."""
    return [
        AddressSet(group.family, group.intervals[start : start + INTERVAL_COUNT_MAX])
        for group in by_cell(addresses, at_once_max)
        for start in range(0, len(group.intervals), INTERVAL_COUNT_MAX)
    ]


def _carriers(own: Mapping[str, ExtentObject], terms: Terms) -> set[str]:
    """The extents that get the allowed namespaces: those that have former ones; if none has any, the oldest extent.

    Also if the rest of the spec is invalid: deleted requests of other namespaces wait for an answer otherwise.
    """
    if not own or not terms.knows_allowed:
        return set()
    carriers = {key for key, each in own.items() if each.spec.allowed_namespaces is not None}
    if carriers or terms.allowed == AllowedNamespaces():
        return {key for key in carriers if own[key].spec.allowed_namespaces != terms.allowed}
    return {min(own, key=lambda key: seniority(own[key]))}


def _kept(
    key: str, raw: Raw, extent: ExtentObject, allowed: AllowedNamespaces | None, given_up: AddressSet | None
) -> dict[str, Any]:
    """An extent that exists, as a child to be returned: leaving it out would delete it. With its number from now on.

    If namespaces are given, it gets these as well, and if it gives up addresses, these are added to the former ones.
    """
    number = number_of(extent) or int(extent.metadata.resource_version)
    added: dict[str, Any] = {"allowedNamespaces": allowed} if allowed else {}
    if given_up:
        added["withdrawn"] = [*extent.spec.withdrawn, *given_up.texts]
    return child_as_it_was(names.EXTENT_KEY, key, raw, number=number, **added)


def _child(observed: Observed, name: str, spec: ExtentSpec, cell: str) -> dict[str, Any]:
    labels = {
        names.CELL_LABEL: cell,
        names.DOMAIN_LABEL: names.domain_label(spec.domain),
        names.RANGE_LABEL: names.range_label(observed.name),
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.EXTENT_KIND,
        "metadata": {"namespace": observed.name.namespace, "name": name, "labels": labels},
        "spec": spec,
    }
