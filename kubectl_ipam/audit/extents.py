"""Rules about extents: the announcements by which ranges of a domain keep apart."""

from collections.abc import Iterator

from hooks.api import names
from hooks.api.names import NamespacedName, domain_label
from hooks.ranges.cells import cell_label, cell_of
from hooks.ranges.spec import DEFAULT_DOMAIN
from ipam.address import InvalidAddress
from ipam.address_set import AddressSet
from ipam.interval import parse_interval
from kubectl_ipam.audit.facts import Facts, named_range
from kubectl_ipam.audit.findings import Finding, error, unless_delayed, warning
from kubectl_ipam.objects import Extent
from kubectl_ipam.resources import EXTENTS

_TAMPERED = "only Metacontroller may write extents; restore it from a backup, before its range or another one is edited"


def extents_of_no_range(facts: Facts) -> Iterator[Finding]:
    """Extents that belong to no range, or to another one than they say."""
    for extent in facts.snapshot.extents.values():
        subject, owner = _subject(extent), extent.metadata.controller
        name = str(NamespacedName(extent.metadata.namespace, extent.spec.range))
        if owner is None:
            message = "no range controls it, so its addresses are not protected"
            yield error("ExtentWithoutOwner", subject, message, _TAMPERED, name)
        elif facts.lacks_range(owner.uid, f"{extent.metadata.namespace}/{owner.name}"):
            message = f"the range {owner.name} that controls it (uid {owner.uid}) does not exist"
            remedy = "wait for the garbage collector; if it stays, delete the extent: it blocks its addresses"
            yield unless_delayed(warning("ExtentOfNoRange", subject, message, remedy, name))


def wrong_extents(facts: Facts) -> Iterator[Finding]:
    """Extents that announce something else than their range has, or where no other range looks for it."""
    for extent in facts.snapshot.extents.values():
        subject, owner = _subject(extent), extent.metadata.controller
        view = facts.views.get(str(NamespacedName(extent.metadata.namespace, extent.spec.range)))
        if owner is None or view is None or view.terms.invalid_reason:
            continue
        domain, name = extent.spec.domain or DEFAULT_DOMAIN.name, str(view.name)
        if domain != view.terms.domain.name:
            message = f"it announces in domain {domain}, but its range is in domain {view.terms.domain.name}"
            yield error("ExtentInOtherDomain", subject, message, _TAMPERED, name)
        addresses = _addresses_of(extent.spec.ranges, view.addresses)
        withdrawn = _addresses_of(extent.spec.withdrawn, view.addresses)
        if addresses is None or withdrawn is None:
            message = f"its addresses can't be read: {', '.join([*extent.spec.ranges, *extent.spec.withdrawn])[:80]}"
            yield error("ExtentUnreadable", subject, message, _TAMPERED, name)
        elif foreign := addresses - withdrawn - view.addresses:
            message = f"it announces {', '.join(foreign.texts)}, which its range does not have"
            yield error("ExtentTooLarge", subject, message, _TAMPERED, name)
        elif addresses and _labels_are_wrong(extent, addresses):
            message = "its labels do not fit its domain and addresses, so that other ranges do not see it"
            yield error("ExtentHidden", subject, message, _TAMPERED, name)


def _addresses_of(texts: list[str], like: AddressSet) -> AddressSet | None:
    try:
        parsed = [parse_interval(text) for text in texts]
    except InvalidAddress:
        return None
    return AddressSet(like.family, (interval for interval, family in parsed if family is like.family))


def _labels_are_wrong(extent: Extent, addresses: AddressSet) -> bool:
    labels, domain = extent.metadata.labels, extent.spec.domain
    expected = {names.DOMAIN_LABEL: domain_label(domain), names.CELL_LABEL: cell_label(cell_of(addresses))}
    return any(labels.get(key) != value for key, value in expected.items())


def extents_without_a_number(facts: Facts) -> Iterator[Finding]:
    """Extents that have no place in the order of age, and two that have the same."""
    taken: dict[tuple[str, int], Extent] = {}
    for extent in facts.snapshot.extents.values():
        subject, number = _subject(extent), extent.spec.number
        name = str(NamespacedName(extent.metadata.namespace, extent.spec.range))
        if number is None:
            message = "it has no number, so its range allocates none of its addresses"
            remedy = "check that the CompositeController ipamrange runs, and the log of the hooks"
            created = extent.metadata.creation_timestamp
            yield unless_delayed(warning("ExtentWithoutNumber", subject, message, remedy, name), created)
            continue
        other = taken.setdefault((extent.spec.domain, number), extent)
        if other is not extent:
            message = f"it has number {number}, as {other.metadata.namespaced_name} has: their age can't be compared"
            yield error("SameNumber", subject, message, _TAMPERED, name)


def ranges_without_extents(facts: Facts) -> Iterator[Finding]:
    """Ranges that can't allocate because something is not announced."""
    if not facts.snapshot.knows(EXTENTS):
        return
    for view in facts.readable:
        if view.terms.invalid_reason or view.range.metadata.deletion_timestamp:
            continue
        if view.extents.unreadable:
            message = f"it allocates nothing, because these extents can't be read: {', '.join(view.extents.unreadable)}"
            yield error("DomainUnreadable", named_range(view), message, _TAMPERED, str(view.name))
        elif view.extents.pending:
            message = f"{', '.join(view.extents.pending.texts[:3])} is not announced, so none of it is allocated"
            remedy = "check that the CompositeController ipamrange runs, and the log of the hooks"
            yield unless_delayed(warning("NotAnnounced", named_range(view), message, remedy, str(view.name)))


def _subject(extent: Extent) -> str:
    return f"IPAMExtent {extent.metadata.namespaced_name}"


RULES = (extents_of_no_range, wrong_extents, extents_without_a_number, ranges_without_extents)
