"""The bodies of the calls. Objects stay raw: they are decoded one by one, where they are needed.

Except the requests of a range, which come by the ten thousand: they are read together with the body as long as all of
them can be read. If one can't, the body is read again and they are decoded one by one, too (`decode_body`).
"""

from collections.abc import Mapping

from msgspec import UNSET, Raw, Struct, UnsetType, field

from hooks.api import names
from hooks.api.foreign import ClaimParent, ServiceParent
from hooks.api.kinds import RangeObject, RequestObject, RequestParent


class RangeBody(Struct, frozen=True, gc=False):
    """What a call of a range says, whichever way its body was read.

    Attributes:
        parent: the range.
        children: by kind and "namespace/name".
        requests: those that are read already, by "namespace/name".
        raw_requests: the others.
        namespaces: the related ones, by name.
        extents: those of its domain; None if the call does not say.
        finalizing: whether the range is being deleted.
    """

    parent: RangeObject
    children: Mapping[str, Mapping[str, Raw]]
    requests: Mapping[str, RequestObject]
    raw_requests: Mapping[str, Raw]
    namespaces: Mapping[str, Raw]
    extents: Mapping[str, Raw] | None
    finalizing: bool


class RawRangeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrange/{sync,finalize}."""

    parent: RangeObject
    children: dict[str, dict[str, Raw]]
    related: dict[str, dict[str, Raw]]
    finalizing: bool = False

    def sorted_out(self) -> RangeBody:
        """The same by kinds."""
        requests, namespaces = self.related.get(names.REQUEST_KEY, {}), self.related.get(names.NAMESPACE_KEY, {})
        extents = self.related.get(names.EXTENT_KEY)
        return RangeBody(self.parent, self.children, {}, requests, namespaces, extents, self.finalizing)


class _Related(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The kinds that a range asks for. With another one the body is read the other way, which checks its form."""

    requests: dict[str, RequestObject] = field(default_factory=dict, name=names.REQUEST_KEY)
    namespaces: dict[str, Raw] = field(default_factory=dict, name=names.NAMESPACE_KEY)
    extents: dict[str, Raw] | UnsetType = field(default=UNSET, name=names.EXTENT_KEY)


class ReadableRangeBody(Struct, frozen=True, gc=False):
    """The same body, if all requests in it can be read."""

    parent: RangeObject
    children: dict[str, dict[str, Raw]]
    related: _Related
    finalizing: bool = False

    def sorted_out(self) -> RangeBody:
        """The same by kinds."""
        requests, namespaces = self.related.requests, self.related.namespaces
        extents = None if self.related.extents is UNSET else self.related.extents
        return RangeBody(self.parent, self.children, requests, {}, namespaces, extents, self.finalizing)


class RequestBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrequest/{sync,finalize} and /claimedrequest/{sync,finalize}."""

    object: RequestParent
    related: dict[str, dict[str, Raw]]
    attachments: dict[str, dict[str, Raw]] = {}
    finalizing: bool = False


class RangeCustomizeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrange/customize."""

    parent: RangeObject


class RequestCustomizeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipamrequest/customize and /claimedrequest/customize."""

    parent: RequestParent


class ClaimBody(Struct, frozen=True, gc=False):
    """Body of POST /ipaddressclaim/sync."""

    object: ClaimParent
    attachments: dict[str, dict[str, Raw]]
    related: dict[str, dict[str, Raw]]


class ClaimCustomizeBody(Struct, frozen=True, gc=False):
    """Body of POST /ipaddressclaim/customize."""

    parent: ClaimParent


class ServiceBody(Struct, frozen=True, gc=False):
    """Body of POST /service/sync."""

    object: ServiceParent
    attachments: dict[str, dict[str, Raw]]
