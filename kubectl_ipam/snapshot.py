"""A snapshot: what was read at one time, typed.

The objects are kept as they came, as slices of the answers of the API server, and are decoded when a command asks for
them. An object that can't be decoded is listed in `unreadable` and stops nothing: the audit reports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Raw

from hooks.api import names
from hooks.protocol.decoding import UNREADABLE
from kubectl_ipam import resources
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.objects import Extent, Namespace, Range, Request, Slice
from kubectl_ipam.resources import Resource
from simulator.kubernetes.manifests import fault_of_list

Typed = TypeVar("Typed", Range, Request, Slice, Extent, Namespace)

_TYPES: dict[Resource, type[Any]] = {
    resources.RANGES: Range,
    resources.REQUESTS: Request,
    resources.SLICES: Slice,
    resources.EXTENTS: Extent,
    resources.NAMESPACES: Namespace,
}


class Unreadable(NamedTuple):
    """An object that can't be decoded.

    Attributes:
        resource: its kind.
        key: "namespace/name".
        reason: what is wrong with it, with the path of the field.
    """

    resource: Resource
    key: str
    reason: str


@dataclass(frozen=True)
class Snapshot:
    """What was read.

    Attributes:
        raw: by kind, the objects as JSON by "namespace/name" (by name alone, if they have no namespace). A kind that is
            missing here was not asked for, or could not be read.
        taken_at: when reading began, by the clock of the API server if it was asked, in whole seconds of UTC.
        origin: where it was read, for messages: "context kind-dev", "dump.json".
        absent: kinds that the API server does not serve.
        denied: by kind, why it could not be read.
        namespace: the only namespace that was read; None if all were.
        clock_difference: by how many seconds the clock of this machine is ahead of that of the API server; None if that
            was not asked.
        is_dump: whether a dump was read, not a cluster, and not manifests as an empty cluster would serve them.
    """

    raw: Mapping[Resource, Mapping[str, Raw]]
    taken_at: datetime
    origin: str
    absent: frozenset[Resource] = frozenset()
    denied: Mapping[Resource, str] = field(default_factory=dict)
    namespace: str | None = None
    clock_difference: float | None = None
    is_dump: bool = False

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """All ranges that can be read, by "namespace/name"."""
        return self._readable(resources.RANGES, Range)

    @cached_property
    def requests(self) -> dict[str, Request]:
        """All requests that can be read, by "namespace/name"."""
        return self._readable(resources.REQUESTS, Request)

    @cached_property
    def slices(self) -> dict[str, Slice]:
        """All slices that can be read, by "namespace/name"."""
        return self._readable(resources.SLICES, Slice)

    @cached_property
    def extents(self) -> dict[str, Extent]:
        """All extents that can be read, by "namespace/name"."""
        return self._readable(resources.EXTENTS, Extent)

    @cached_property
    def namespaces(self) -> dict[str, Namespace]:
        """All namespaces that can be read, by name."""
        return self._readable(resources.NAMESPACES, Namespace)

    @cached_property
    def requests_by_uid(self) -> dict[str, Request]:
        """The requests by uid."""
        return {each.metadata.uid: each for each in self.requests.values()}

    @cached_property
    def requests_by_range(self) -> dict[str, list[Request]]:
        """The requests by "namespace/name" of the range that they name."""
        found: dict[str, list[Request]] = {}
        for request in self.requests.values():
            found.setdefault(str(request.range_name), []).append(request)
        return found

    @cached_property
    def ranges_by_delegator(self) -> dict[str, list[Range]]:
        """The ranges that were made from blocks of requests, by uid of the request."""
        found: dict[str, list[Range]] = {}
        for _, range_ in sorted(self.ranges.items()):
            if delegator := range_.delegated_from:
                found.setdefault(delegator.uid, []).append(range_)
        return found

    def range_below(self, request: Request) -> Range | None:
        """The range that was made from the block of a request: the one that it names, or else any."""
        found = self.ranges_by_delegator.get(request.metadata.uid, [])
        named = request.status.range
        return next((each for each in found if named and each.metadata.uid == named.uid), next(iter(found), None))

    @cached_property
    def extents_by_cell(self) -> dict[tuple[str, str], list[str]]:
        """The keys of the extents by their labels of domain and cell, as API servers select them."""
        found: dict[tuple[str, str], list[str]] = {}
        for key, raw in self.raw.get(resources.EXTENTS, {}).items():
            labels = _labels_of(raw)
            place = labels.get(names.DOMAIN_LABEL, ""), labels.get(names.CELL_LABEL, "")
            found.setdefault(place, []).append(key)
        return found

    @cached_property
    def unreadable(self) -> list[Unreadable]:
        """The objects that can't be decoded, in order of kind and name."""
        return self.unreadable_of(*_TYPES)

    def unreadable_of(self, *kinds: Resource) -> list[Unreadable]:
        """The objects of these kinds that can't be decoded."""
        return [each for kind in kinds if kind in self.raw for each in self._decoded(kind)[1]]

    def knows(self, *kinds: Resource) -> bool:
        """Whether all objects of these kinds were read, in all namespaces: that one is missing means something."""
        return self.namespace is None and all(kind in self.raw for kind in kinds)

    def lacks(self, resource: Resource, key: str, uid: str = "") -> bool:
        """Whether an object does not exist; not if those of its namespace were not read, or if it can't be decoded.

        Args:
            resource: its kind.
            key: "namespace/name".
            uid: one with this name and another uid is not meant; "" if any is.
        """
        group = self.raw.get(resource)
        if group is None or self.namespace not in (None, key.partition("/")[0]):
            return False
        found = self._decoded(resource)[0].get(key)
        return key not in group or bool(uid and found and found.metadata.uid != uid)

    def documents(self, resource: Resource) -> dict[str, dict[str, Any]]:
        """The objects of a kind as plain data, by key; with their kind, which lists of built-in kinds leave out."""
        type_ = {"apiVersion": resource.api_version, "kind": resource.kind}
        return {key: type_ | msgspec.json.decode(raw) for key, raw in self.raw.get(resource, {}).items()}

    def _readable(self, resource: Resource, object_type: type[Typed]) -> dict[str, Typed]:
        objects: dict[str, Typed] = self._decoded(resource)[0]
        del object_type
        return objects

    def _decoded(self, resource: Resource) -> tuple[dict[str, Any], list[Unreadable]]:
        if resource not in self._cache:
            self._cache[resource] = decoded(resource, self.raw.get(resource, {}))
        return self._cache[resource]

    @cached_property
    def _cache(self) -> dict[Resource, tuple[dict[str, Any], list[Unreadable]]]:
        return {}


def decoded(resource: Resource, group: Mapping[str, Raw]) -> tuple[dict[str, Any], list[Unreadable]]:
    """The objects of a kind that can be read, by key, and the others."""
    decoder = msgspec.json.Decoder(_TYPES[resource])
    objects: dict[str, Any] = {}
    unreadable: list[Unreadable] = []
    for key, raw in group.items():
        try:
            objects[key] = decoder.decode(raw)
        except UNREADABLE as error:
            unreadable.append(Unreadable(resource, key, str(error)))
    return objects, unreadable


class _KeyMetadata(msgspec.Struct, frozen=True, gc=False):
    name: str
    namespace: str = ""


class _Keyed(msgspec.Struct, frozen=True, gc=False):
    metadata: _KeyMetadata


class _LabelledMetadata(msgspec.Struct, frozen=True, gc=False):
    labels: dict[str, str] = {}


class _Labelled(msgspec.Struct, frozen=True, gc=False):
    metadata: _LabelledMetadata


class _List(msgspec.Struct, frozen=True, gc=False):
    items: list[Raw]


_KEY_DECODER = msgspec.json.Decoder(_Keyed)
_LABELS_DECODER = msgspec.json.Decoder(_Labelled)
_LIST_DECODER = msgspec.json.Decoder(_List)


def key_of(raw: Raw | bytes) -> str:
    """The "namespace/name" of an object as JSON; its name alone if it has no namespace.

    Raises:
        msgspec.MsgspecError: if it has no name.
    """
    meta = _KEY_DECODER.decode(raw).metadata
    return f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name


def _labels_of(raw: Raw) -> dict[str, str]:
    """The labels of an object; none if they can't be read."""
    try:
        return _LABELS_DECODER.decode(raw).metadata.labels
    except UNREADABLE:
        return {}


def items_of(document: dict[str, Any], source: str) -> list[dict[str, Any]]:
    """The objects of a list as plain data.

    Raises:
        Unanswerable: if it has something else, or is one of several pages; the message names the source.
    """
    if fault := fault_of_list(document):
        raise Unanswerable(f'"{source}": {fault}')
    items: list[dict[str, Any]] = document.get("items") or []
    return items


def objects_of_list(data: bytes) -> dict[str, Raw]:
    """The objects of a list as the API server sends it, by key.

    Raises:
        msgspec.MsgspecError: if it is no list of objects.
    """
    return {key_of(raw): raw for raw in _LIST_DECODER.decode(data).items}
