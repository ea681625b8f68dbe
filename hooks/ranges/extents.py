"""Extents: which addresses of a range are its own where ranges of one domain overlap. The first announcement wins.

A range announces its addresses by IPAMExtents: children that are created once, get a number, and are deleted with it.
It observes the extents of all ranges of its domain, so it is synced when one is created or deleted, and not when they
grant blocks.

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

Where Metacontroller shows no extents at all, because its controller does not ask for them, nothing of this applies.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from hooks.api import names
from hooks.api.kinds import ExtentObject, ExtentSpec
from hooks.api.names import NamespacedName
from hooks.api.ownership import controller_of
from hooks.protocol.children import plain_object, spec_as_it_came
from hooks.protocol.decoding import UNREADABLE, decode_objects
from hooks.ranges.observed import Observed
from hooks.ranges.spec import Domain
from ipam.address import Family, InvalidAddress
from ipam.address_set import AddressSet
from ipam.interval import parse_interval


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
        unannounced: addresses that no numbered extent of its own announces that is observed.
        owned_by_older: addresses that older ranges have, by range.
        unreadable: extents of the domain that may announce anything, as sorted "namespace/name"; then all addresses are
            unannounced.
    """

    domain: Domain
    children: list[dict[str, Any]]
    unannounced: AddressSet
    owned_by_older: list[OlderRange]
    unreadable: list[str]


class _OwnExtent(NamedTuple):
    """A child of this range: its place in the body, as it came, and as it is read, if it can be."""

    path: str
    plain: dict[str, Any]
    extent: ExtentObject | None


@dataclass(frozen=True, slots=True)
class _Announcement:
    """An extent that counts.

    Attributes:
        owner_uid, range_name: of the range that it belongs to.
        seniority: its place in the order of age, the oldest first.
        serves_its_range: whether that may grant what it announces.
        addresses: what it announces.
    """

    owner_uid: str
    range_name: str
    seniority: tuple[bool, int, str]
    serves_its_range: bool
    addresses: AddressSet


def observe_extents(observed: Observed) -> Extents:
    """What a call knows of the range's place in its domain.

    Raises:
        ProtocolError: if an extent of this range is no object.
    """
    domain, pool = observed.terms.domain, observed.terms.pool
    nothing = AddressSet(pool.family)
    group = observed.body.children.get(names.EXTENT_KEY)
    own = {key: _own_extent(key, raw) for key, raw in sorted((group or {}).items())}
    children = [_kept(observed, NamespacedName.parse(key), each) for key, each in own.items()]
    if observed.terms.invalid_reason:
        return Extents(domain, children, nothing, [], [])
    listed, unreadable = decode_objects(observed.body.related.get(names.EXTENT_KEY, {}), ExtentObject)
    announced, without_addresses = _announcements(listed, domain, pool.family)
    if group is not None and _may_announce(observed):
        readable = {key: each.extent for key, each in own.items() if each.extent}
        known, _ = _announcements(readable, domain, pool.family)
        children += _additions(observed, [*announced, *known], {each["metadata"]["name"] for each in children})
    if names.EXTENT_KEY not in observed.body.related:
        return Extents(domain, children, nothing, [], [])
    if unreadable := sorted([*unreadable, *without_addresses]):
        return Extents(domain, children, pool.usable, [], unreadable)
    unannounced, owned_by_older = _divided(pool.usable, observed.body.parent.metadata.uid, announced)
    return Extents(domain, children, unannounced, owned_by_older, [])


def _divided(pool: AddressSet, owner_uid: str, announced: list[_Announcement]) -> tuple[AddressSet, list[OlderRange]]:
    """Of the pool, what no own extent announces by which it may serve, and what others announced before."""
    own = [each for each in announced if each.owner_uid == owner_uid and each.serves_its_range]
    others = [each for each in announced if each.owner_uid != owner_uid]
    usable = mine = AddressSet(pool.family)
    for extent in own:
        older = _union(pool.family, (other for other in others if other.seniority < extent.seniority))
        usable |= extent.addresses - older
        mine |= extent.addresses
    unannounced = pool - mine
    remainder = pool - usable - unannounced
    owned_by_older: list[OlderRange] = []
    for other in sorted(others, key=attrgetter("seniority")):
        if overlap := remainder & other.addresses:
            owned_by_older.append(OlderRange(other.range_name, overlap))
            remainder -= overlap
    assert not remainder, "addresses belong neither to this range nor to another one"
    return unannounced, owned_by_older


def _union(family: Family, announcements: Iterable[_Announcement]) -> AddressSet:
    return AddressSet(family, (span for each in announcements for span in each.addresses.intervals))


def _announcements(
    extents: Mapping[str, ExtentObject], domain: Domain, family: Family
) -> tuple[list[_Announcement], list[str]]:
    """The extents of a domain that a range controls, and the keys of those whose addresses can't be read."""
    announced: list[_Announcement] = []
    unreadable: list[str] = []
    for key, extent in extents.items():
        controller = controller_of(extent.metadata)
        if controller is None or extent.spec.domain != domain.text:
            continue
        try:
            parsed = [parse_interval(text) for text in extent.spec.ranges]
        except InvalidAddress:
            unreadable.append(key)
            continue
        announced.append(
            _Announcement(
                owner_uid=controller.uid,
                range_name=f"{extent.metadata.namespace}/{extent.spec.range}",
                seniority=_seniority(extent),
                serves_its_range=extent.spec.number is not None and extent.metadata.deletion_timestamp is None,
                addresses=AddressSet(family, (interval for interval, its_family in parsed if its_family is family)),
            )
        )
    return announced, unreadable


def _seniority(extent: ExtentObject) -> tuple[bool, int, str]:
    """Where an extent stands in the order of age: by its number, or the least that it can get.

    A number above the resourceVersion of its own extent was given by another store, from which this one was copied: all
    that are numbered by this one are younger. Only such a copy can give two extents the same number.
    """
    version = int(extent.metadata.resource_version)
    number = extent.spec.number or version
    return number <= version, number, extent.metadata.uid


def _may_announce(observed: Observed) -> bool:
    """Whether a new extent can be created and is of use: a range that is being deleted only keeps what it holds."""
    is_draining = observed.is_deleted and not observed.ledger.entries
    return not observed.namespace_is_terminating and not is_draining


def _additions(observed: Observed, announced: list[_Announcement], names_taken: set[str]) -> list[dict[str, Any]]:
    """An extent for the addresses that no extent of this range announces, if there are any."""
    uid, pool = observed.body.parent.metadata.uid, observed.terms.pool
    own = _union(pool.family, (each for each in announced if each.owner_uid == uid))
    texts = (pool.usable - own).texts
    name = names.extent_name(observed.name.name, uid, texts)
    if not texts or name in names_taken:
        return []
    spec = ExtentSpec(observed.name.name, observed.terms.domain.text, texts)
    if observed.terms.allowed != spec.allowed_namespaces:
        spec = replace(spec, allowed_namespaces=observed.terms.allowed)
    return [_child(observed, name, observed.terms.domain.text, spec)]


def _own_extent(key: str, raw: Raw) -> _OwnExtent:
    path = f'$.children["{names.EXTENT_KEY}"]["{key}"]'
    plain = plain_object(raw, path)
    try:
        return _OwnExtent(path, plain, msgspec.convert(plain, ExtentObject))
    except UNREADABLE:
        return _OwnExtent(path, plain, None)


def _kept(observed: Observed, name: NamespacedName, own: _OwnExtent) -> dict[str, Any]:
    """An extent that exists, as a child to be returned: leaving it out would delete it. With its number from now on."""
    extent = own.extent
    added = {"number": int(extent.metadata.resource_version)} if extent and extent.spec.number is None else {}
    domain_text = extent.spec.domain if extent else observed.terms.domain.text
    return _child(observed, name.name, domain_text, spec_as_it_came(own.plain, own.path, **added))


def _child(observed: Observed, name: str, domain_text: str, spec: object) -> dict[str, Any]:
    labels = {
        names.DOMAIN_LABEL: names.domain_label(domain_text),
        names.RANGE_LABEL: names.range_label(observed.name),
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.EXTENT_KIND,
        "metadata": {"namespace": observed.name.namespace, "name": name, "labels": labels},
        "spec": spec,
    }
