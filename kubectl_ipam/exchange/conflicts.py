"""What is wrong with a book, before anything is applied: judged by the code of the hooks."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.json import encode

from hooks.api.conditions import listed
from hooks.api.kinds import RangeStatus
from hooks.api.names import DELEGATED_DOMAIN_PREFIX, RANGE_KIND, REQUEST_KIND, NamespacedName
from hooks.ranges.spec import DEFAULT_DOMAIN, Terms, read_terms
from ipam.address import Prefix
from kubectl_ipam.exchange.blocks import NoBlock, read_block
from kubectl_ipam.exchange.book import Book, BookRange, BookRequest, Finding, Severity, error, warning
from kubectl_ipam.exchange.naming import is_label, is_name, label_from, name_from
from kubectl_ipam.exchange.present import Present
from kubectl_ipam.exchange.specs import contradiction_of, rejection_of


class Assigned(NamedTuple):
    """A request that can be imported.

    Attributes:
        request: as it was read.
        range: its range.
        terms: what the spec of that range says.
        block: its block; None if it records none.
        spec: as in its manifest.
    """

    request: BookRequest
    range: NamespacedName
    terms: Terms
    block: Prefix | None
    spec: dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """A book after the check.

    Attributes:
        ranges: those that can be imported, without delegated ones, which their requests make again.
        requests: likewise; no two of them record the same address.
        findings: everything that is wrong, in order of places.
    """

    ranges: list[BookRange]
    requests: list[Assigned]
    findings: list[Finding]

    @property
    def is_clean(self) -> bool:
        """Whether everything can be imported."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def check(book: Book, present: Present | None = None) -> Checked:
    """Check a book by itself, and against what the cluster has already."""
    return _Check(book, present or Present()).result()


class _Check:
    """One pass over a book."""

    def __init__(self, book: Book, present: Present) -> None:
        self._book, self._present = book, present
        self._findings = list(book.findings)
        self._ranges: dict[NamespacedName, tuple[BookRange, Terms]] = {}

    def result(self) -> Checked:
        for each in self._book.ranges:
            self._add_range(each)
        for name in self._overlapping_ranges():
            del self._ranges[name]
        seen: dict[NamespacedName, BookRequest] = {}
        assigned = [found for each in self._book.requests if (found := self._assign(each, seen))]
        kept = list(self._without_overlaps(assigned))
        served: dict[NamespacedName, set[str]] = {}
        for found in kept:
            served.setdefault(found.range, set()).add(found.request.name.namespace)
        self._check_makers({found.request.name for found in kept if found.spec.get("delegate")})
        ranges = [
            _serving(each, served.get(name, set()))
            for name, (each, terms) in self._ranges.items()
            if not terms.delegated_from
        ]
        return Checked(ranges, kept, self._findings)

    def _check_makers(self, delegating: Set[NamespacedName]) -> None:
        """A delegated range is not imported: its request makes it again, with its own uid in it."""
        for name, (each, terms) in self._ranges.items():
            if not terms.delegated_from:
                continue
            maker = NamespacedName(name.namespace, terms.delegated_from.name)
            if maker not in delegating:
                text = f"range {name} was made by request {maker}, which is missing: export the range of that, too"
                self._error(each.place, text)

    def _error(self, place: str, message: str) -> None:
        self._findings.append(error(place, message))

    def _add_range(self, each: BookRange) -> None:
        name = each.name
        if not self._is_well_named("range", name, each.place):
            return
        if name in self._ranges:
            self._error(each.place, f"range {name} is listed twice, first in {self._ranges[name][0].place}")
            return
        if name in self._present.ranges:
            self._error(each.place, f"range {name} exists already: leave it out, or give this one another name")
            return
        domain = str(each.spec.get("domain", ""))
        if domain.startswith(DELEGATED_DOMAIN_PREFIX) and "delegatedFrom" not in each.spec:
            text = "was made from the block of a request, which CSV does not keep: use kubectl ipam export -o json"
            self._error(each.place, f"range {name} (domain {domain}) {text}")
            return
        terms = read_terms(name, Raw(encode(each.spec)), RangeStatus())
        reason = terms.invalid_reason or listed(terms.pool.ignored)
        if reason := reason or rejection_of(RANGE_KIND, name, each.spec):
            self._error(each.place, f"range {name}: {reason}")
            return
        self._findings += [warning(each.place, f"range {name}: {remark}") for remark in terms.remarks]
        self._ranges[name] = each, terms

    def _is_well_named(self, kind: str, name: NamespacedName, place: str) -> bool:
        if not is_label(name.namespace):
            better = label_from(name.namespace) or "default"
            self._error(place, f'{kind}: "{name.namespace}" is no namespace: write {better}')
        elif not is_name(name.name):
            better = name_from(name.name) or "a name of lower-case letters, digits and -"
            self._error(place, f'{kind}: "{name.name}" is no name of an object: write {better}')
        else:
            return True
        return False

    def _overlapping_ranges(self) -> set[NamespacedName]:
        """Those that can't be imported, because two ranges of a domain never allocate the same address."""
        members = [_Member(name, each.terms, "the cluster") for name, each in self._present.ranges.items()]
        members += [_Member(name, terms, each.place) for name, (each, terms) in self._ranges.items()]
        groups: dict[tuple[str, int], list[_Span]] = {}
        for member in members:
            key = member.terms.domain.name, member.terms.pool.family.bits
            spans = groups.setdefault(key, [])
            spans += [_Span(each.first, each.last, member) for each in member.terms.pool.usable.intervals]
        reported = set[frozenset[NamespacedName]]()
        left_out = set[NamespacedName]()
        for spans in groups.values():
            for one, other in _overlapping(sorted(spans)):
                pair = frozenset({one.name, other.name})
                ours, its = (other, one) if other.name in self._ranges else (one, other)
                if len(pair) == 2 and pair not in reported and ours.name in self._ranges:
                    left_out.add(ours.name)
                    self._report_overlap(ours, its)
                reported.add(pair)
        return left_out

    def _report_overlap(self, ours: "_Member", its: "_Member") -> None:
        common = ours.terms.pool.usable & its.terms.pool.usable
        text = f"range {ours.name} and range {its.name} ({its.place}) both have {common}"
        self._error(ours.place, f"{text}: exclude it from one of them, or give one another domain")

    def _assign(self, each: BookRequest, seen: dict[NamespacedName, BookRequest]) -> Assigned | None:
        """Find the range and the block of a request; None if there is something wrong."""
        if not self._is_well_named("request", each.name, each.place):
            return None
        if first := seen.get(each.name):
            self._error(each.place, f"request {each.name} is listed twice, first in {first.place}")
            return None
        seen[each.name] = each
        if each.name in self._present.requests:
            self._error(each.place, f"request {each.name} exists already, so its block can't be recorded: leave it out")
            return None
        try:
            block = read_block(each.cidr) if each.cidr else None
        except NoBlock as fault:
            self._error(each.place, f"request {each.name}: {fault}")
            return None
        found = self._range_for(each, block)
        if found is None or not self._serves(each, *found):
            return None
        assigned = Assigned(each, *found, block, _spec_of(each, block, *found))
        return assigned if self._fits(assigned) else None

    def _range_for(self, each: BookRequest, block: Prefix | None) -> tuple[NamespacedName, Terms] | None:
        if each.ranges:
            known = [(name, terms) for name in each.ranges if (terms := self._terms_of(name))]
            if not known:
                text = f"there is no range {each.ranges[0]} that can be imported: add it, or mend it"
                self._error(each.place, f"request {each.name}: {text}")
            return next((found for found in known if _has(found[1], block)), known[0] if known else None)
        if block is None:
            self._error(each.place, f"request {each.name} has neither a range nor a block: add one of them")
            return None
        domain = each.domain or DEFAULT_DOMAIN.name
        for name, terms in self._all_terms():
            if terms.domain.name == domain and _has(terms, block):
                return name, terms
        self._error(
            each.place,
            f"request {each.name}: {block} is outside every range: add one that has it, in CSV a row with addresses",
        )
        return None

    def _terms_of(self, name: NamespacedName) -> Terms | None:
        if name in self._ranges:
            return self._ranges[name][1]
        return self._present.ranges[name].terms if name in self._present.ranges else None

    def _all_terms(self) -> Iterator[tuple[NamespacedName, Terms]]:
        yield from ((name, terms) for name, (_, terms) in self._ranges.items())
        yield from ((name, each.terms) for name, each in self._present.ranges.items())

    def _serves(self, each: BookRequest, range_: NamespacedName, terms: Terms) -> bool:
        """Whether a range serves the namespace of a request, as far as its labels do not matter."""
        is_open = range_ in self._ranges and "allowedNamespaces" not in self._ranges[range_][0].spec
        if is_open or terms.allowed.source != "Same" or each.name.namespace == range_.namespace:
            return True
        text = f"range {range_} serves only its own namespace: change its allowedNamespaces"
        self._error(each.place, f"request {each.name}: {text}")
        return False

    def _fits(self, assigned: Assigned) -> bool:
        """Whether a request can be created, and its range restores its block."""
        each, range_, terms, block, spec = assigned
        reason = rejection_of(REQUEST_KIND, each.name, spec)
        if block and not reason:
            reason = _outside(block, range_, terms) or self._present.refusal_of(each.name, block, range_, terms.domain)
            reason = reason or contradiction_of(spec, block, terms)
        if reason:
            self._error(each.place, f"request {each.name}: {reason}")
        elif block and not terms.pool.has(block):
            text = f"{block} is excluded or reserved in range {range_}: it is restored, but not allocated again"
            self._findings.append(warning(each.place, f"request {each.name}: {text}"))
        return not reason

    def _without_overlaps(self, assigned: list[Assigned]) -> Iterator[Assigned]:
        """The requests of which no other one has an address."""
        yield from (each for each in assigned if each.block is None)
        domains: dict[str, list[tuple[Prefix, Assigned]]] = {}
        for each in assigned:
            if each.block is not None:
                domains.setdefault(each.terms.domain.name, []).append((each.block, each))
        for items in domains.values():
            yield from self._disjoint(items)

    def _disjoint(self, items: list[tuple[Prefix, Assigned]]) -> Iterator[Assigned]:
        items.sort(key=lambda item: (item[0].family.bits, item[0].first, item[0].length))
        last: tuple[Prefix, Assigned] | None = None
        for block, each in items:
            if last is None or not last[0].overlaps(block):
                last = block, each
                yield each
                continue
            other, request = last[1].request, each.request
            what = "is the block of" if last[0] == block else f"lies in {last[0]}, the block of"
            text = f"request {request.name}: {block} {what} {other.name} ({other.place}): remove one of them"
            self._error(request.place, text)


def _spec_of(each: BookRequest, block: Prefix | None, range_: NamespacedName, terms: Terms) -> dict[str, Any]:
    """The spec of the manifest: one that asks for nothing asks for the length of the block."""
    reference = {"name": range_.name}
    if range_.namespace != each.name.namespace:
        reference["namespace"] = range_.namespace
    spec = {**each.spec, "ipam": reference}
    if block and block.length != terms.default_length and not (spec.get("size") or spec.get("request")):
        spec["size"] = block.length
    return spec


def _outside(block: Prefix, range_: NamespacedName, terms: Terms) -> str:
    """Why a range never has a block; "" if it may have it."""
    if terms.invalid_reason:
        return f"range {range_} of the cluster is invalid: {terms.invalid_reason}"
    if not terms.pool.addresses.covers(block):
        inside = f"a part of {block}" if terms.pool.addresses.overlap_with(block) else f"{block}"
        return f"{inside} is outside range {range_}, which has {terms.pool.addresses}"
    if terms.gateway and terms.gateway.overlaps(block):
        gateway = str(terms.gateway).partition("/")[0]
        return f"{block} has the gateway {gateway} of range {range_}, which is never allocated"
    return ""


def _has(terms: Terms, block: Prefix | None) -> bool:
    return block is not None and terms.pool.addresses.covers(block)


def _serving(range_: BookRange, namespaces: Set[str]) -> BookRange:
    """A range that serves the namespaces of its requests, unless its spec says which ones it serves."""
    if namespaces <= {range_.name.namespace} or "allowedNamespaces" in range_.spec:
        return range_
    values = sorted({range_.name.namespace, *namespaces})
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": values}
    allowed = {"from": "Selector", "selector": {"matchExpressions": [expression]}}
    return replace(range_, spec={**range_.spec, "allowedNamespaces": allowed})


class _Member(NamedTuple):
    """A range, with where it was read."""

    name: NamespacedName
    terms: Terms
    place: str


class _Span(NamedTuple):
    """Addresses of a range, compared by the first of them."""

    first: int
    last: int
    member: _Member

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        return self[:2] < other[:2]


def _overlapping(spans: list[_Span]) -> Iterator[tuple[_Member, _Member]]:
    """Of each span that overlaps one before it: the range of that which reaches furthest, and its own."""
    furthest = spans[0] if spans else None
    for span in spans[1:]:
        assert furthest
        if span.first <= furthest.last:
            yield furthest.member, span.member
        furthest = span if span.last > furthest.last else furthest
