"""What one call sees of a range, sorted out but not yet judged."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from msgspec import Raw

from hooks import names, namespaces, network
from hooks.children import spec_as_it_came
from hooks.ledger import Ledger, Sightings, read_ledger
from hooks.wire import (
    AllocationObject,
    NamespaceObject,
    Network,
    RangeBody,
    RangeSpec,
    RequestObject,
    RequestSpec,
    decode_objects,
    decode_spec,
    encode,
)
from ipam.pool import InvalidPool, Pool, parse_pool


class Observed:
    """The picture of one call: the ledger, the requests of this range, the answers that exist.

    A request of a namespace that the range does not allow is none of its requests, unless the ledger or an answer knows
    it, from when it was allowed.

    Attributes:
        body: the call, as it came.
        namespace, name: of the range; `range_text` is "namespace/name".
        is_deleted: whether the range is being deleted.
        spec: the range's, or a text that says why it can't be read.
        ledger: as committed, or as committed once: a cache may be stale.
        pool: what the spec describes, or a text that says why it describes nothing.
        cooldown: for how long a released block can't be granted again.
        alive: requests of this range that are not released, by uid.
        released: requests of this range that are (S5 a), by uid.
        request_specs: the specs of both, or why they can't be read, by uid.
        answers: the specs of the allocations that exist, by uid of the request.
        answer_names: their names, by the same.
        unreadable_requests: keys ("namespace/name") of requests that can't be read, which may be of this range: those
            of namespaces that it allows, or of holders.
        unread_answers: allocations that can't be read, as children to be returned: leaving one out would delete it.
    """

    def __init__(self, body: RangeBody) -> None:
        """Read everything that can be read.

        Raises:
            ProtocolError: if the ledger can't be.
        """
        self.body = body
        meta = body.parent.metadata
        self.namespace = meta.namespace
        self.name = meta.name
        self.range_text = f"{meta.namespace}/{meta.name}"
        self.is_deleted = meta.deletion_timestamp is not None
        self.spec = decode_spec(body.parent.spec, RangeSpec)
        self.pool = _pool_of(self.range_text, self.spec)
        self.cooldown = timedelta(seconds=self.spec.cooldown_seconds if isinstance(self.spec, RangeSpec) else 0)
        range_bytes = len(bytes(body.parent.spec)) + len(encode(meta.annotations))
        family = self.pool.family if isinstance(self.pool, Pool) else None
        self.ledger = read_ledger(body.parent.status, family, range_bytes)
        self._namespaces, _ = decode_objects(body.related.get(names.NAMESPACE_KEY, {}), NamespaceObject)
        self._allowed = namespaces.allowed_names(
            namespaces.allowed_by(self.spec), self.namespace, self._namespaces.values()
        )
        group = body.children.get(names.ALLOCATION_KEY, {})
        allocations, unreadable = decode_objects(group, AllocationObject)
        ours = [each for each in allocations.values() if self._is_our_answer(each)]
        self.answers = {each.spec.request.uid: each.spec for each in ours}
        self.answer_names = {each.spec.request.uid: each.metadata.name for each in ours}
        self.unread_answers = [_as_it_came(key, group[key]) for key in sorted(unreadable)]
        requests, unreadable = decode_objects(body.related.get(names.REQUEST_KEY, {}), RequestObject)
        holders = {entry.request for entry in self.ledger.entries.values()} if unreadable else set()
        self.unreadable_requests = frozenset(
            key for key in unreadable if self.allows(key.partition("/")[0]) or key in holders
        )
        self.request_specs: dict[str, RequestSpec | str] = {}
        self.alive: dict[str, RequestObject] = {}
        self.released: dict[str, RequestObject] = {}
        for request in requests.values():
            self._sort_in(request)

    def allows(self, namespace: str) -> bool:
        """Whether requests of a namespace are served."""
        return self._allowed is None or namespace in self._allowed

    @cached_property
    def _known(self) -> frozenset[str]:
        """Whom the ledger or an answer knows, by uid."""
        return frozenset([*self.ledger.entries, *self.ledger.released, *self.answers])

    def _sort_in(self, request: RequestObject) -> None:
        meta = request.metadata
        if not self.allows(meta.namespace) and meta.uid not in self._known:
            return
        spec = decode_spec(request.spec, RequestSpec)
        if isinstance(spec, RequestSpec):
            named = (spec.ipam.namespace or meta.namespace, spec.ipam.name)
            if named != (self.namespace, self.name):
                return  # it carries our label, but asks another range
        self.request_specs[meta.uid] = spec
        (self.released if is_released(request) else self.alive)[meta.uid] = request

    def _is_our_answer(self, allocation: AllocationObject) -> bool:
        """Whether an allocation is one that we would write: answers go by their name."""
        key = allocation.spec.request
        expected = names.allocation_name(self.namespace, self.name, key.namespace, key.name, key.uid)
        return (allocation.metadata.name, allocation.spec.range) == (expected, self.name)

    @property
    def network(self) -> Network | None:
        """What each holder of a block is told besides: for good, even if the range grows into an invalid one."""
        return self.spec.network if isinstance(self.spec, RangeSpec) else None

    @cached_property
    def sightings(self) -> Sightings:
        """The proofs of release that are seen."""
        unread = {each.uid for each in self.ledger.entries.values() if each.request in self.unreadable_requests}
        reclaim = self.body.parent.metadata.annotations.get(names.RECLAIM_ANNOTATION, "")
        return Sightings(
            present=self.alive.keys() | unread,
            released=self.released.keys(),
            reclaimed={uid.strip() for uid in reclaim.split(",")},
            answered=self.answers.keys(),
            on_hold=self.body.parent.metadata.annotations.get(names.HOLD_ANNOTATION) == "true",
            closing=self.is_deleted,
        )

    @cached_property
    def referring(self) -> list[str]:
        """The readable requests that refer to this range, as sorted "namespace/name"."""
        return sorted("/".join(request_key(each)) for each in [*self.alive.values(), *self.released.values()])

    @cached_property
    def namespace_is_terminating(self) -> bool:
        """Whether the API server would refuse new objects in the range's namespace."""
        return any(
            each.metadata.name == self.namespace and each.metadata.deletion_timestamp
            for each in self._namespaces.values()
        )

    def waiting(self, kept: Ledger) -> list[RequestObject]:
        """The requests that may be granted a block now, in the order in which they are served (S6).

        First those that show a block already, as after the loss of a range: it is theirs. Then in the order in which
        they came. (`allocate` prefers those whose address is recorded.)
        Only those that carry our finalizer: another one could vanish unseen. And none that was released.
        """
        released = set(kept.released)
        waiting = [
            request
            for uid, request in self.alive.items()
            if uid not in kept.entries
            and request.metadata.deletion_timestamp is None
            and self.allows(request.metadata.namespace)
            and names.REQUEST_FINALIZER in request.metadata.finalizers
            and uid not in released
        ]
        waiting.sort(key=_order)
        return waiting


def is_released(request: RequestObject) -> bool:
    """S5 (a): it is being deleted, and nobody but us holds it back. Neither ever turns back."""
    meta = request.metadata
    return meta.deletion_timestamp is not None and all(each == names.REQUEST_FINALIZER for each in meta.finalizers)


def _order(request: RequestObject) -> tuple[bool, datetime, str, str, str]:
    meta = request.metadata
    return not request.status.cidr, meta.creation_timestamp, meta.namespace, meta.name, meta.uid


def _pool_of(range_text: str, spec: RangeSpec | str) -> Pool | str:
    """The pool that a spec describes, or what is wrong with it."""
    if isinstance(spec, str):
        return spec
    try:
        pool = parse_pool(range_text, spec.ranges, spec.excludes)
    except InvalidPool as error:
        return str(error)
    if not 0 <= spec.chunk_size <= pool.family.bits:
        return f"chunkSize {spec.chunk_size}: {pool.family.name} prefix lengths are 0..{pool.family.bits}"
    if spec.network and (fault := network.fault_of(spec.network, pool)):
        return fault
    gateway = network.gateway_of(spec.network)
    return namespaces.fault_of(spec.allowed_namespaces) or (pool.excluding(gateway) if gateway else pool)


def request_key(request: RequestObject) -> tuple[str, str]:
    """Namespace and name."""
    return request.metadata.namespace, request.metadata.name


def _as_it_came(key: str, raw: Raw) -> dict[str, Any]:
    """An allocation of which nothing is known but that it exists."""
    namespace, _, name = key.rpartition("/")
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.ALLOCATION_KIND,
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec_as_it_came(raw, f'$.children["{names.ALLOCATION_KEY}"]["{key}"]'),
    }
