"""Extents: which addresses of a range are its own, where ranges of one domain overlap. Who announces first has them.

A range announces its addresses by IPAMExtents: children that are made once, get a number, and go with it. It sees the
extents of all ranges of its domain, so it is woken when one comes or goes, and not by what they grant.

As in Lamport's bakery each takes a number before it enters: the resourceVersion of its extent, which is its place in
the order in which the API server stored all of them. The next call writes it into the extent, for whoever stores an
object anew gives it another resourceVersion; the API server refuses that if somebody did so in between. A range grants

    only what an extent of its own announces that it sees, with its number, in the list of the domain,
    minus what extents of other ranges announce that have lower numbers.

A list shows the state at one moment, and a cache goes through such states in their order. So who sees the number of its
own extent sees all extents with lower ones that still exist, be the cache ever so stale; and those who come later will
see this one. One that has no number yet will get its resourceVersion or a higher one, so that stands for it. The own
extent is looked for in that list, not among the children, which are read at another moment.

An extent that is being deleted keeps its number, but serves its own range no more: it may be gone in the next moment.

Where Metacontroller shows no extents at all, because its controller does not ask for them, nothing of this applies.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from hooks import names
from hooks.children import spec_as_it_came
from hooks.ledger import Ledger
from hooks.namespaces import allowed_by
from hooks.observed import Observed
from hooks.wire import ExtentObject, ExtentSpec, RangeSpec, decode_objects
from ipam.address import Family, InvalidAddress, Prefix, read_prefix
from ipam.allocate import Allocation
from ipam.free_space import aligned_blocks
from ipam.interval import Interval, normalized, parse_interval, without
from ipam.pool import Pool


@dataclass(frozen=True, slots=True)
class Shared:
    """Addresses that an older range of the domain has; intervals in normal form."""

    range_text: str
    intervals: list[Interval]
    family: Family

    @property
    def text(self) -> str:
        """The addresses, as people write them."""
        return ", ".join(each.text(self.family) for each in self.intervals)


@dataclass(frozen=True, slots=True)
class Extents:
    """What one call knows of a range's place in its domain.

    Attributes:
        domain_words: the domain, for messages.
        objects: the extents of this range that shall exist, as children.
        awaited: addresses that no numbered extent of its own announces that is seen; in normal form.
        shared: addresses that older ranges have, by range.
        unreadable: extents of the domain that may announce anything, as sorted "namespace/name"; all is awaited then.
        family: of all of them; None if the range has no pool.
    """

    domain_words: str
    objects: list[dict[str, Any]]
    awaited: list[Interval]
    shared: list[Shared]
    unreadable: list[str]
    family: Family | None

    def awaits(self, block: Prefix) -> bool:
        """Whether a part of a block may be granted once it is announced."""
        return any(each.first <= block.last and block.first <= each.last for each in self.awaited)

    def withheld(self, ledger: Ledger) -> list[Allocation]:
        """The addresses that can't be granted, as held blocks; without those that the ledger holds already."""
        if self.family is None or not (self.awaited or self.shared):
            return []
        held = [read_prefix(entry.cidr) for entry in ledger.entries.values()]
        taken = normalized(Interval(block.first, block.last) for block in held)
        withheld = _blocks(
            without(self.awaited, taken), self.family, f"nobody: not announced yet in {self.domain_words}"
        )
        for each in self.shared:
            holder = f"range {each.range_text} (older in {self.domain_words})"
            withheld += _blocks(without(each.intervals, taken), self.family, holder)
        return withheld


@dataclass(frozen=True, slots=True)
class _Announced:
    """An extent that counts.

    Attributes:
        owner_uid, range_text: of the range that it belongs to.
        place: in the order of age, the oldest first.
        serves_its_range: whether that may grant what it announces.
        intervals: its addresses, in normal form.
    """

    owner_uid: str
    range_text: str
    place: tuple[bool, int, str]
    serves_its_range: bool
    intervals: list[Interval]


def observed_extents(seen: Observed) -> Extents:
    """What a call sees of the domain.

    Raises:
        ProtocolError: if an extent of this range is no object.
    """
    domain = seen.spec.domain if isinstance(seen.spec, RangeSpec) else ""
    domain_text = names.domain_text(seen.namespace, domain)
    domain_words = f"domain {domain}" if domain else f"namespace {seen.namespace}"
    existing = seen.body.children.get(names.EXTENT_KEY)
    objects = [_kept(seen, key, raw, domain_text) for key, raw in sorted((existing or {}).items())]
    if isinstance(seen.pool, str):
        return Extents(domain_words, objects, [], [], [], None)
    pool, listed = seen.pool, seen.body.related.get(names.EXTENT_KEY)
    announced, unreadable = _announced(listed or {}, domain_text, pool.family)
    if existing is not None and _may_announce(seen):
        own, _ = _announced(existing, domain_text, pool.family)
        names_taken = {each["metadata"]["name"] for each in objects}
        new = _additions(seen, pool, domain_text, [*announced, *own])
        objects += [each for each in new if each["metadata"]["name"] not in names_taken]
    if listed is None:
        return Extents(domain_words, objects, [], [], [], pool.family)
    if unreadable:
        return Extents(domain_words, objects, pool.intervals, [], unreadable, pool.family)
    awaited, shared = _awaited_and_shared(pool, seen.body.parent.metadata.uid, announced)
    return Extents(domain_words, objects, awaited, shared, [], pool.family)


def _awaited_and_shared(pool: Pool, owner_uid: str, announced: list[_Announced]) -> tuple[list[Interval], list[Shared]]:
    """Of the pool, what no own extent announces by which it may serve, and what others announced before."""
    own = [each for each in announced if each.owner_uid == owner_uid and each.serves_its_range]
    others = [each for each in announced if each.owner_uid != owner_uid]
    usable: list[Interval] = []
    for extent in own:
        older = normalized(part for other in others if other.place < extent.place for part in other.intervals)
        usable += without(extent.intervals, older)
    awaited = list(without(pool.intervals, normalized(part for extent in own for part in extent.intervals)))
    left = list(without(list(without(pool.intervals, normalized(usable))), awaited))
    shared: list[Shared] = []
    for other in sorted(others, key=attrgetter("place")):
        rest = list(without(left, other.intervals))
        if rest != left:
            shared.append(Shared(other.range_text, list(without(left, rest)), pool.family))
        left = rest
    assert not left, "addresses are neither own nor somebody else's"
    return awaited, shared


def _announced(group: dict[str, Raw], domain: str, family: Family) -> tuple[list[_Announced], list[str]]:
    """The extents of a domain that count, which are those that a range controls; and those that can't be read."""
    objects, unreadable = decode_objects(group, ExtentObject)
    result: list[_Announced] = []
    for key, obj in objects.items():
        meta = obj.metadata
        controllers = [each for each in meta.owner_references if each.controller and each.kind == names.RANGE_KIND]
        if not controllers or obj.spec.domain != domain:
            continue
        try:
            parsed = [parse_interval(text) for text in obj.spec.ranges]
        except InvalidAddress:
            unreadable.append(key)
            continue
        result.append(
            _Announced(
                owner_uid=controllers[0].uid,
                range_text=f"{meta.namespace}/{obj.spec.range}",
                place=_place(obj),
                serves_its_range=obj.spec.number is not None and meta.deletion_timestamp is None,
                intervals=normalized(interval for interval, bits in parsed if bits == family.bits),
            )
        )
    return result, sorted(unreadable)


def _place(extent: ExtentObject) -> tuple[bool, int, str]:
    """Where an extent stands in the order of age: by its number, or the least that it can get.

    A number above the resourceVersion of its own extent was given by another store, from which this one was copied: all
    that are numbered by this one are younger. No two have the same number but by such a copy.
    """
    version = int(extent.metadata.resource_version)
    number = extent.spec.number or version
    return number <= version, number, extent.metadata.uid


def _may_announce(seen: Observed) -> bool:
    """Whether a new extent can be made, and is of use: a range that is being deleted only keeps what it holds."""
    return not seen.namespace_is_terminating and not (seen.is_deleted and not seen.ledger.entries)


def _additions(seen: Observed, pool: Pool, domain: str, announced: list[_Announced]) -> list[dict[str, Any]]:
    """An extent for the addresses that no extent of this range announces, if there are any."""
    uid = seen.body.parent.metadata.uid
    own = normalized(part for each in announced if each.owner_uid == uid for part in each.intervals)
    texts = [each.text(pool.family) for each in without(pool.intervals, own)]
    if not texts:
        return []
    name = names.extent_name(seen.name, uid, texts)
    spec, allowed = ExtentSpec(seen.name, domain, texts), allowed_by(seen.spec)
    if allowed != spec.allowed_namespaces:
        spec = replace(spec, allowed_namespaces=allowed)
    return [_object(seen, name, domain, spec)]


def _kept(seen: Observed, key: str, raw: Raw, domain: str) -> dict[str, Any]:
    """An extent that exists, as a child to be returned: leaving it out would delete it. With its number from now on."""
    readable, _ = decode_objects({key: raw}, ExtentObject)
    extent = readable.get(key)
    added = {"number": int(extent.metadata.resource_version)} if extent and extent.spec.number is None else {}
    spec = spec_as_it_came(raw, f'$.children["{names.EXTENT_KEY}"]["{key}"]', **added)
    return _object(seen, key.rpartition("/")[2], extent.spec.domain if extent else domain, spec)


def _object(seen: Observed, name: str, domain: str, spec: object) -> dict[str, Any]:
    labels = {
        names.DOMAIN_LABEL: names.domain_label(domain),
        names.RANGE_LABEL: names.range_label(seen.namespace, seen.name),
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.EXTENT_KIND,
        "metadata": {"namespace": seen.namespace, "name": name, "labels": labels},
        "spec": spec,
    }


def _blocks(intervals: Iterable[Interval], family: Family, holder: str) -> list[Allocation]:
    """Intervals as held blocks."""
    return [
        Allocation(Prefix(first, length, family), holder)
        for interval in intervals
        for first, length in aligned_blocks(interval, family.bits)
    ]
