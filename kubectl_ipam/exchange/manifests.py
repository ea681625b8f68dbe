"""A checked book as manifests: each request records its block, and ranges are on hold until all are restored.

So are the ranges that requests make of their blocks, by an annotation of the request.
"""

from typing import Any

from hooks.api import names
from kubectl_ipam.exchange.book import BookRange
from kubectl_ipam.exchange.conflicts import Assigned, Checked

#: On each imported object: the file and the line or the object that it comes from.
SOURCE_ANNOTATION = f"{names.GROUP}/imported-from"
_SOURCE_LENGTH_MAX = 200

Manifest = dict[str, Any]


def manifests(checked: Checked) -> list[Manifest]:
    """The manifests, ranges first. They can be applied in any order."""
    return [*map(_range, checked.ranges), *map(_request, checked.requests)]


def namespaces_of(checked: Checked) -> list[str]:
    """The namespaces that must exist before, sorted."""
    found = {each.name.namespace for each in checked.ranges}
    return sorted(found | {each.request.name.namespace for each in checked.requests})


def _range(each: BookRange) -> Manifest:
    annotations = {names.HOLD_ANNOTATION: "restore", SOURCE_ANNOTATION: each.place[:_SOURCE_LENGTH_MAX]}
    metadata = {**each.name._asdict(), "annotations": annotations}
    return {"apiVersion": names.API_VERSION, "kind": names.RANGE_KIND, "metadata": metadata, "spec": each.spec}


def _request(each: Assigned) -> Manifest:
    name, block = each.request.name, each.block
    annotations = {SOURCE_ANNOTATION: each.request.place[:_SOURCE_LENGTH_MAX]}
    if block is not None:
        annotations = {names.CIDR_ANNOTATION: str(block), **annotations}
    if "delegate" in each.spec:  # the range that it makes serves only recorded blocks, too
        annotations = {names.HOLD_ANNOTATION: "restore", **annotations}
    metadata = {**name._asdict(), "annotations": annotations}
    return {"apiVersion": names.API_VERSION, "kind": names.REQUEST_KIND, "metadata": metadata, "spec": each.spec}
