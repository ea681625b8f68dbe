"""What one call sees of a range, sorted but not yet judged."""

from collections.abc import Collection
from functools import cached_property
from itertools import chain
from typing import Any

from hooks.api import names, namespaces
from hooks.api.kinds import (
    Answer,
    ExtentObject,
    NamespaceObject,
    RangeReference,
    RequestObject,
    RequestSpec,
    RequestWithBadSpec,
)
from hooks.api.names import NamespacedName
from hooks.api.ownership import controller_of
from hooks.api.shards import is_request_finalizer
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_objects, decode_spec, encode
from hooks.ranges.announcements import Announcement, announcements
from hooks.ranges.delegation import observe_delegation
from hooks.ranges.ledger import Ledger, read_ledger
from hooks.ranges.releases import Evidence
from hooks.ranges.reservations import Holder, holders_of
from hooks.ranges.slices import Slices
from hooks.ranges.spec import read_terms
from ipam.address import Prefix, block_named_by

_NO_SPEC = RequestSpec(RangeReference(""))


class Observed:
    """The picture of one call: the ledger, the requests of this range, the answers that exist.

    A request of a namespace that the range does not allow is not one of its requests, unless the ledger or an answer
    knows it, from when it was allowed.

    Attributes:
        body: the call, as it came.
        name: the range.
        is_deleted: whether the range is being deleted, or the request from whose block it was made.
        delegation: what the call says about that request; None if the range was made by its owner.
        is_marked: whether its status was written and is served with this version of the schema.
        terms: what its spec says.
        ledger: as committed, or as committed once: a cache may be stale.
        requests: the requests of this range, by uid.
        bad_specs: why the specs of some of them can't be read, by uid.
        deleted: when those that are deleted and released (S5 a) were deleted, by uid.
        wants_hold: whether the range's owner wants it on hold.
        slices: the slices that exist.
        answers: those of their items that are answers, by uid of the request.
        unreadable_requests: names of requests that can't be read, which may be of this range: those of namespaces that
            it allows, or of holders.
        extents: those of its domain with which this range may have addresses in common, by "namespace/name"; None if
            the call does not say.
        unreadable_extents: keys of those that can't be read.
        own_extents: its children of that kind, by "namespace/name".
        unreadable_own_extents: keys of those that can't be read.
    """

    def __init__(self, body: RangeBody) -> None:
        """Read everything that can be read.

        Raises:
            ProtocolError: if the ledger can't be.
        """
        meta, spec = body.parent.metadata, body.parent.spec
        self.body = body
        self.name = meta.namespaced_name
        self.is_marked = body.parent.status.schema_v1
        self.terms = read_terms(self.name, spec, body.parent.status)
        range_bytes = len(bytes(spec)) + len(encode(meta.annotations))
        self.ledger: Ledger = read_ledger(body.parent.status, self.terms.family, range_bytes)
        self.delegation = observe_delegation(body, self.terms.delegated_from)
        is_ended = self.delegation is not None and (self.delegation.is_ended or self.ledger.closing)
        self.is_deleted = meta.deletion_timestamp is not None or is_ended
        self._namespaces, _ = decode_objects(body.namespaces, NamespaceObject)
        self._allowed = namespaces.allowed_names(self.terms.allowed, self.name.namespace, self._namespaces.values())
        self.slices = Slices(self.name, body.children.get(names.SLICE_KEY, {}))
        self.extents: dict[str, ExtentObject] | None = None
        self.unreadable_extents: list[str] = []
        self.own_extents, self.unreadable_own_extents = decode_objects(
            body.children.get(names.EXTENT_KEY, {}), ExtentObject
        )
        if body.extents is not None:
            self.extents, self.unreadable_extents = decode_objects(body.extents, ExtentObject)
        self.requests: dict[str, RequestObject] = {}
        self.bad_specs: dict[str, str] = {}
        self.unreadable_requests = self._read_requests(body)
        self.answers: dict[str, Answer] = self.slices.answers(self.requests)
        self.deleted = {
            uid: request.metadata.deletion_timestamp
            for uid, request in self.requests.items()
            if request.metadata.deletion_timestamp and is_released(request, self.reclaimed)
        }
        self.wants_hold = names.HOLD_ANNOTATION in meta.annotations

    @cached_property
    def outdated_kinds(self) -> list[str]:
        """The kinds of which an object was served by an API server that does not know this version of their schema.

        It may have dropped fields of which these hooks know, so nothing is decided by what it shows. A range without a
        status shows nothing yet: it announces nothing until it is marked.
        """
        is_current = {
            names.RANGE_KIND: self.is_marked or not self.body.parent.status.state,
            names.REQUEST_KIND: all(each.status.schema_v1 for each in self.requests.values()),
            names.SLICE_KIND: all(each.spec.schema_v1 for each in self.slices.own.values()),
            names.EXTENT_KIND: all(
                each.spec.schema_v1
                for each in chain(self.own_extents.values(), (self.extents or {}).values())
                if controller_of(each.metadata)
            ),
        }
        return [kind for kind, value in is_current.items() if not value]

    @property
    def is_spec_committed(self) -> bool:
        """Whether the ledger was proposed by this spec."""
        return self.ledger.generation == self.body.parent.metadata.generation

    def allows(self, namespace: str) -> bool:
        """Whether requests of a namespace are served."""
        return self._allowed is None or namespace in self._allowed

    def is_alive(self, uid: str) -> bool:
        """Whether a request of this range exists and is not released."""
        return uid in self.requests and uid not in self.deleted

    def reserved_for(self, request: RequestObject) -> list[Prefix]:
        """The blocks that are reserved for a request, in order of addresses."""
        if not self.terms.reservations:
            return []
        return [block for holder in holders_of(request) for block in self._reserved_blocks.get(holder, ())]

    @cached_property
    def _reserved_blocks(self) -> dict[Holder, list[Prefix]]:
        blocks: dict[Holder, list[Prefix]] = {}
        for block, holder in self.terms.reservations:
            blocks.setdefault(holder, []).append(block)
        return blocks

    @cached_property
    def evidence(self) -> Evidence:
        """What this call says about holders."""
        keys = {str(name) for name in self.unreadable_requests}
        unreadable = {each.uid for each in self.ledger.entries.values() if each.holder in keys} if keys else set()
        return Evidence(
            present=(self.requests.keys() - self.deleted.keys()) | unreadable,
            deleted=self.deleted,
            reclaimed=self.reclaimed,
            cooled=self._uids_in(names.END_COOLDOWN_ANNOTATION),
            answered=self.answers.keys(),
            closing=self.is_deleted,
        )

    @cached_property
    def knows_all_holders(self) -> bool:
        """Whether this call shows the request of each holder, or an answer to it."""
        return all(
            uid in self.requests or uid in self.answers or entry.written.released_at
            for uid, entry in self.ledger.entries.items()
        )

    @cached_property
    def slices_with_requests(self) -> frozenset[str]:
        """The names of the slices in which the observed requests are answered, whether they are by now or not."""
        return frozenset(map(self.slices.name_for, self.requests.values()))

    @cached_property
    def own_announcements(self) -> list[Announcement]:
        """What its extents announce that are children; nothing as long as the spec is invalid."""
        if self.terms.invalid_reason:
            return []
        return announcements(self.own_extents, self.terms.domain, self.terms.pool.family)[0]

    @cached_property
    def reclaimed(self) -> frozenset[str]:
        """The uids that the range's owner declares gone."""
        return self._uids_in(names.RECLAIM_ANNOTATION)

    def _uids_in(self, annotation: str) -> frozenset[str]:
        """What an annotation of the range lists, separated by commas or spaces."""
        text = self.body.parent.metadata.annotations.get(annotation, "")
        return frozenset(text.replace(",", " ").split())

    @cached_property
    def blockers(self) -> list[NamespacedName]:
        """The requests for which a range that is being deleted waits: those that hold or show a block or are released.

        All others get nothing from it any more, and could otherwise keep it forever.
        """
        return sorted(
            request.metadata.namespaced_name
            for uid, request in self.requests.items()
            if uid in self.ledger.entries or request.status.cidr or uid in self.deleted
        )

    @cached_property
    def namespace_is_terminating(self) -> bool:
        """Whether the API server would refuse new objects in the range's namespace."""
        return any(
            each.metadata.name == self.name.namespace and each.metadata.deletion_timestamp
            for each in self._namespaces.values()
        )

    def blocks_without_entry(self, ledger: Ledger) -> list[Prefix]:
        """The blocks of the range's family that requests without an entry show; on hold also those that they record."""
        waiting = (request for uid, request in self.requests.items() if uid not in ledger.entries)
        texts = (each.status.cidr or (each.metadata.annotations.cidr if self.wants_hold else "") for each in waiting)
        blocks = (block_named_by(text) for text in texts if text)
        return [block for block in blocks if block and block.family is self.terms.pool.family]

    def waiting(self, kept: Ledger) -> list[RequestObject]:
        """The requests that may be granted a block now, in the order in which they are served (S6).

        First those that show a block already, as after the loss of a range: it is theirs. Then by age. Only those that
        carry a finalizer of ours: another one could disappear without being observed. And none that was released.
        """
        recorded_releases = set(kept.released)
        waiting = [
            request
            for uid, request in self.requests.items()
            if uid not in kept.entries
            and request.metadata.deletion_timestamp is None
            and self.allows(request.metadata.namespace)
            and any(map(is_request_finalizer, request.metadata.finalizers))
            and uid not in recorded_releases
        ]
        waiting.sort(key=_seniority)
        return waiting

    def _read_requests(self, body: RangeBody) -> frozenset[NamespacedName]:
        """Sort in the requests of this range; gives the names of those that can't be read and may be of it."""
        raw = body.raw_requests
        requests, unreadable = decode_objects(raw, RequestObject)
        bad, unreadable = decode_objects({key: raw[key] for key in unreadable}, RequestWithBadSpec)
        for request in chain(body.requests.values(), requests.values()):
            if self._is_named_by(request) and self._is_served(request):
                self.requests[request.metadata.uid] = request
        for request_with_bad_spec in bad.values():
            request = RequestObject(request_with_bad_spec.metadata, _NO_SPEC, request_with_bad_spec.status)
            if self._is_served(request):
                self.requests[request.metadata.uid] = request
                self.bad_specs[request.metadata.uid] = str(decode_spec(request_with_bad_spec.spec, RequestSpec))
        holders = {entry.holder for entry in self.ledger.entries.values()} if unreadable else set()
        keys = ((key, NamespacedName.parse(key)) for key in unreadable)
        return frozenset(name for key, name in keys if self.allows(name.namespace) or key in holders)

    def _is_named_by(self, request: RequestObject) -> bool:
        """Whether a request names this range: others may carry our label."""
        ipam = request.spec.ipam
        return (ipam.namespace or request.metadata.namespace, ipam.name) == self.name

    def _is_served(self, request: RequestObject) -> bool:
        return self.allows(request.metadata.namespace) or request.metadata.uid in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        """The uids that the ledger or an item of a slice knows."""
        return self.slices.uids.union(self.ledger.entries, self.ledger.released)


def is_released(request: RequestObject, reclaimed: Collection[str]) -> bool:
    """S5 (a): it is being deleted, no finalizer but ours (of any shard) holds it back, and no range (see releases.py).

    Args:
        request: the request.
        reclaimed: uids of requests whose ranges do not exist any more, as the owner of this range declares.
    """
    meta, delegated = request.metadata, request.status.range
    is_held = delegated is not None and not delegated.finished and meta.uid not in reclaimed
    return meta.deletion_timestamp is not None and not is_held and all(map(is_request_finalizer, meta.finalizers))


def _seniority(request: RequestObject) -> tuple[Any, ...]:
    meta = request.metadata
    return not request.status.cidr, meta.creation_timestamp, meta.namespace, meta.name, meta.uid
