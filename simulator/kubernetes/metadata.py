"""The metadata of objects: what the API server sets in it, and what it checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from simulator.kubernetes.errors import Fault, invalid
from simulator.kubernetes.objects import annotations_of, finalizers_of, is_deleting, labels_of, meta, owners_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.kubernetes.objects import Obj

#: Fields that only the API server sets; values from clients are dropped.
SYSTEM_FIELDS = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
#: Fields that the API server leaves out when they are empty.
OMITTED_WHEN_EMPTY = ("labels", "annotations", "finalizers", "ownerReferences")

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character"
)
_LABEL_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character"
)
_ANNOTATION_BYTES_MAX = 256 * 1024


def client_metadata(obj: Obj) -> dict[str, Any]:
    """The metadata that a client may set: without system fields and without empty fields."""
    dropped = {name for name in OMITTED_WHEN_EMPTY if not meta(obj).get(name)}
    return {name: value for name, value in meta(obj).items() if name not in {*SYSTEM_FIELDS, *dropped}}


def metadata_faults(obj: Obj, old: Obj | None) -> list[Fault]:
    """The faults in the metadata of an object; `old` is the object that it replaces, None for a new one."""
    return [*_name_faults(obj), *_label_faults(obj), *_annotation_faults(obj), *_owner_faults(obj),
            *_finalizer_faults(obj, old)]  # fmt: skip


def _name_faults(obj: Obj) -> Iterator[Fault]:
    name = meta(obj).get("name")
    if not name:
        yield Fault("metadata.name", "Required value", "", "name or generateName is required")
    elif len(name) > 253:
        yield invalid("metadata.name", name, "must be no more than 253 bytes")
    elif not _SUBDOMAIN.fullmatch(name):
        yield invalid("metadata.name", name, _SUBDOMAIN_RULE)


def _label_faults(obj: Obj) -> Iterator[Fault]:
    for name, value in labels_of(obj).items():
        prefix, slash, word = name.rpartition("/")
        if len(word) > 63 or not _QUALIFIED.fullmatch(word) or (slash and not _SUBDOMAIN.fullmatch(prefix)):
            yield invalid("metadata.labels", name, "not a valid label key")
        if not isinstance(value, str):
            yield invalid("metadata.labels", value, f"the value of {name} must be a string")
        elif len(value) > 63:
            yield invalid("metadata.labels", value, "must be no more than 63 bytes")
        elif value and not _QUALIFIED.fullmatch(value):
            yield invalid("metadata.labels", value, _LABEL_RULE)


def _annotation_faults(obj: Obj) -> Iterator[Fault]:
    annotations = annotations_of(obj)
    for name, value in annotations.items():
        if not isinstance(value, str):
            yield invalid("metadata.annotations", value, f"the value of {name} must be a string")
            return
    size = sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items())
    if size > _ANNOTATION_BYTES_MAX:
        yield Fault("metadata.annotations", "Too long", "", f"may not be more than {_ANNOTATION_BYTES_MAX} bytes")


def _owner_faults(obj: Obj) -> Iterator[Fault]:
    for index, owner in enumerate(owners_of(obj)):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield invalid(f"metadata.ownerReferences[{index}].{field}", owner.get(field, ""), "must not be empty")
    controllers = [owner.get("name") for owner in owners_of(obj) if owner.get("controller")]
    if len(controllers) > 1:
        yield invalid(
            "metadata.ownerReferences",
            controllers,
            "Only one reference can have Controller set to true",
        )


def _finalizer_faults(obj: Obj, old: Obj | None) -> Iterator[Fault]:
    if old is None or not is_deleting(old):
        return
    added = sorted(set(finalizers_of(obj)) - set(finalizers_of(old)))
    if added:
        yield Fault(
            "metadata.finalizers",
            "Forbidden",
            "",
            f"no new finalizers can be added if the object is being deleted, found new finalizers {added}",
        )
