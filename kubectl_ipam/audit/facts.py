"""What the rules of the audit see: a snapshot, and each of its ranges as a call of its hook would see it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from hooks.api.kinds import Answer
from hooks.ranges.ledger import LedgerEntry
from kubectl_ipam.objects import Range, Request, Slice
from kubectl_ipam.resources import RANGES, REQUESTS
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.views import RangeView


@dataclass(frozen=True)
class Facts:
    """The facts of one snapshot."""

    snapshot: Snapshot

    @property
    def now(self) -> datetime:
        """When it was read."""
        return self.snapshot.taken_at

    @cached_property
    def views(self) -> dict[str, RangeView]:
        """All ranges, by "namespace/name"."""
        return {key: RangeView(self.snapshot, each) for key, each in self.snapshot.ranges.items()}

    @cached_property
    def readable(self) -> list[RangeView]:
        """The ranges whose ledger can be read."""
        return [view for view in self.views.values() if not view.fault]

    @cached_property
    def ranges_by_uid(self) -> dict[str, Range]:
        """The ranges by uid."""
        return {each.metadata.uid: each for each in self.snapshot.ranges.values()}

    def lacks_range(self, uid: str, key: str) -> bool:
        """Whether no range has this uid; not if ranges were not read, or if the one of this name can't be read."""
        return uid not in self.ranges_by_uid and self.snapshot.lacks(RANGES, key, uid)

    def lacks_request(self, uid: str, key: str) -> bool:
        """Whether no request has this uid; not if requests were not read, or if the one of this name can't be read."""
        is_seen = uid in self.snapshot.requests_by_uid
        return not is_seen and self.snapshot.knows(REQUESTS) and self.snapshot.lacks(REQUESTS, key, uid)

    def entries(self) -> Iterator[tuple[RangeView, LedgerEntry]]:
        """All lines of all ledgers that can be read."""
        for view in self.readable:
            for entry in view.ledger.entries.values():
                yield view, entry

    @cached_property
    def entry_of(self) -> dict[str, tuple[RangeView, LedgerEntry]]:
        """The line of the ledger of each holder, by its uid."""
        return {entry.uid: (view, entry) for view, entry in self.entries()}

    @cached_property
    def slices_of(self) -> dict[str, list[Slice]]:
        """The slices that each range controls, by "namespace/name" of the range."""
        found: dict[str, list[Slice]] = {}
        for each in self.snapshot.slices.values():
            owner = each.metadata.controller
            range_ = self.ranges_by_uid.get(owner.uid) if owner else None
            if range_ is not None:
                found.setdefault(str(range_.metadata.namespaced_name), []).append(each)
        return found

    def answers(self) -> Iterator[tuple[RangeView, Slice, Answer]]:
        """All items of the slices that a readable range controls."""
        for view in self.readable:
            for each in self.slices_of.get(str(view.name), ()):
                for answer in each.spec.answers:
                    yield view, each, answer

    @cached_property
    def answer_of(self) -> dict[str, Answer]:
        """The answer to each request, by its uid."""
        return {answer.uid: answer for _, _, answer in self.answers()}

    def view_for(self, request: Request) -> RangeView | None:
        """The range that a request names, if it exists and can be read."""
        view = self.views.get(str(request.range_name))
        return None if view is None or view.fault else view

    def fingerprint(self, range_name: str) -> tuple[str, ...]:
        """The versions of all objects of a range: equal ones mean that nothing has changed."""
        snapshot, range_ = self.snapshot, self.snapshot.ranges.get(range_name)
        objects = [range_] if range_ else []
        versions = [each.metadata.resource_version for each in objects]
        versions += [each.metadata.resource_version for each in self.slices_of.get(range_name, ())]
        requests = snapshot.requests_by_range.get(range_name, ())
        return tuple(sorted([*versions, *(each.metadata.resource_version for each in requests)]))


def named(request: Request) -> str:
    """A request as the subject of a finding."""
    return f"IPAMRequest {request.metadata.namespaced_name}"


def named_range(view: RangeView) -> str:
    """A range as the subject of a finding."""
    return f"IPAMRange {view.name}"
