"""The children of a range while objects arrive without the marker of their schema.

After a change of a CRD an API server serves open watches by the former schema for about a second. A cache that gets an
object in this way keeps it as it is: the object in the store is complete and does not change any more. So it is written
again with an annotation that makes a difference. As long as the CRD is older, the API server refuses that
(metacontroller/policies.yaml), and nothing in the store is lost.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from hooks.api import names
from hooks.api.times import rewriting_time, timestamp
from hooks.protocol.children import child_as_it_was
from hooks.ranges.observed import Observed

#: So many children are written again by one call. Those that are served in full then are not among them the next time.
REWRITTEN_COUNT_MAX = 100


def children_as_they_were(observed: Observed, now: datetime) -> list[dict[str, Any]]:
    """All children as Metacontroller wrote them last, and some of those without the marker changed by an annotation."""
    groups = {kind: observed.body.children.get(kind, {}) for kind in (names.SLICE_KEY, names.EXTENT_KEY)}
    rewritten = set(islice(sorted(_unmarked(observed)), REWRITTEN_COUNT_MAX))
    marker = {"schemaV1": True}
    mark = {names.REWRITTEN_ANNOTATION: timestamp(rewriting_time(now))}
    return [
        child_as_it_was(kind, key, group[key], marker=marker, annotations=mark if (kind, key) in rewritten else None)
        for kind, group in groups.items()
        for key in sorted(group)
    ]


def _unmarked(observed: Observed) -> Iterator[tuple[str, str]]:
    """The children without the marker, as kind and "namespace/name"."""
    for each in observed.slices.own.values():
        if not each.spec.schema_v1:
            yield names.SLICE_KEY, str(each.metadata.namespaced_name)
    yield from ((names.EXTENT_KEY, key) for key, each in observed.own_extents.items() if not each.spec.schema_v1)
