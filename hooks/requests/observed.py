"""What one call sees of a request: the range that it names, and the answer of that range."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from hooks.api import names
from hooks.api.kinds import AllowedNamespaces, Answer, ExtentObject, NamespaceObject, OwnedSliceObject, RequestSpec
from hooks.api.namespaces import allowed_names
from hooks.api.ownership import is_child_of
from hooks.protocol.bodies import RequestBody
from hooks.protocol.decoding import decode_objects
from hooks.requests.delegation import with_range

if TYPE_CHECKING:
    from hooks.api.names import NamespacedName


#: If a request sees no extent of its range for this long, there is no such range, as far as can be observed.
NO_ANSWER_TIMEOUT = timedelta(seconds=10)


class Observed:
    """The picture of one call about a request whose spec can be read.

    Attributes:
        request: the request; its status names its range as the next status will.
        spec: its spec.
        has_range: whether a range that was made from its block was observed.
        range_name: the range that it names.
        answer: the answer of that range; None if there is none. A slice that this range does not control has no
            answers.
        outdated_kinds: the kinds of which an object was served by an API server that does not know this version of
            their schema, and may have dropped a part of it.
        foreign_slice: the slice that should have the answer, if it exists but does not belong to that range.
        has_seen_end: whether the call shows that the range to which it delegates is finished, and its status does not.
        shows_no_range: whether the call asked for extents of that range, and shows none.
    """

    def __init__(self, body: RequestBody, spec: RequestSpec) -> None:
        """Read the slice that should have the answer, and the extents."""
        self.outdated_kinds = [] if body.object.status.schema_v1 else [names.REQUEST_KIND]
        self._related = body.related
        attached = body.attachments.get(names.RANGE_KEY, {})
        self.has_range = bool(attached)
        ranges = {**body.related.get(names.RANGE_KEY, {}), **attached}
        self.request = body.object if self.outdated_kinds else with_range(body.object, ranges)
        shown, named = body.object.status.range, self.request.status.range
        self.has_seen_end = shown is not None and named is not None and named.finished and not shown.finished
        self.spec = spec
        self.range_name = spec.range_name(body.object.metadata.namespace)
        self.answer: Answer | None = None
        self.foreign_slice: NamespacedName | None = None
        meta = body.object.metadata
        slice_name = names.slice_name(self.range_name, meta.creation_timestamp, meta.uid)
        slices, _ = decode_objects(body.related.get(names.SLICE_KEY, {}), OwnedSliceObject)
        for each in slices.values():
            if each.metadata.namespaced_name != (self.range_name.namespace, slice_name):
                continue
            if is_child_of(each.metadata, self.range_name):
                self.answer = next((item for item in each.spec.answers if item.uid == meta.uid), None)
                if not each.spec.schema_v1:
                    self.outdated_kinds.append(names.SLICE_KIND)
            else:
                self.foreign_slice = each.metadata.namespaced_name
        extents, _ = decode_objects(body.related.get(names.EXTENT_KEY, {}), ExtentObject)
        self._extents = [each for each in extents.values() if is_child_of(each.metadata, self.range_name)]
        # A living request needs to know only that there are extents, and not what they say.
        if meta.deletion_timestamp and not all(each.spec.schema_v1 for each in self._extents):
            self.outdated_kinds.append(names.EXTENT_KIND)
        self.shows_no_range = body.related.get(names.EXTENT_KEY) == {}

    def patience(self, now: datetime) -> timedelta:
        """For how much longer a request that sees no range waits before it says so; not positive if it does."""
        return min(NO_ANSWER_TIMEOUT - (now - self.request.metadata.creation_timestamp), NO_ANSWER_TIMEOUT)

    @cached_property
    def will_be_answered(self) -> bool:
        """Whether a range exists that serves this request, and nothing prevents it from creating its answer.

        That may take long: a range writes all slices of a burst before it is synced again. A foreign slice of the
        same name prevents it, and the deletion of its namespace.
        """
        if self.answer or self.foreign_slice:
            return False
        namespaces, _ = decode_objects(self._related.get(names.NAMESPACE_KEY, {}), NamespaceObject)
        if any(
            each.metadata.name == self.range_name.namespace and each.metadata.deletion_timestamp
            for each in namespaces.values()
        ):
            return False
        specified = [each.spec.allowed_namespaces for each in self._extents if each.spec.allowed_namespaces]
        if self._extents and not specified:
            specified.append(AllowedNamespaces())
        served = [allowed_names(each, self.range_name.namespace, namespaces.values()) for each in specified]
        return any(allowed is None or self.request.metadata.namespace in allowed for allowed in served)
