"""Children that are returned as they were: leaving one out would delete it."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from hooks.api import names
from hooks.api.names import NamespacedName
from hooks.protocol.decoding import UNREADABLE
from hooks.protocol.errors import ProtocolError

_SORTED = msgspec.json.Encoder(order="sorted")


def child_as_it_was(
    kind_key: str,
    key: str,
    raw: Raw,
    *,
    group: str = "children",
    marker: Mapping[str, object] | None = None,
    annotations: Mapping[str, str] | None = None,
    **added: object,
) -> dict[str, Any]:
    """A child that stays, as a child to be returned.

    It is returned as it was written last, which Metacontroller records in an annotation: an API server with an older
    schema may show less of it, and later hooks may have written more than these know.

    Args:
        kind_key: its kind as Metacontroller writes it, such as `IPAMExtent.ipam.mandelsoft.org/v1alpha1`.
        key: its "namespace/name".
        raw: the child.
        group: where the body has it.
        marker: that of the schema, to be set in its spec where it is recorded what was written. It may lack there
            because the writer was older; but what is recorded is complete, as no schema drops annotations.
        annotations: annotations that it should have.
        added: fields to be set in its spec, where that is known to be an object.

    Raises:
        ProtocolError: if it is no object, or is nested too deeply to be written.
    """
    path = f'$.{group}["{kind_key}"]["{key}"]'
    plain, name = _plain_object(raw, path), NamespacedName.parse(key)
    applied = _last_applied(plain)
    written = applied or plain
    if applied and marker:
        added = {**added, **marker}
    spec = written.get("spec", {})
    metadata: dict[str, Any] = {"namespace": name.namespace, "name": name.name}
    if labels := _our_labels(written):
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind_key.partition(".")[0],
        "metadata": metadata,
        "spec": in_canonical_order(spec | added if added else spec, path),
    }


def _our_labels(written: dict[str, Any]) -> dict[str, str]:
    metadata = written.get("metadata", {})
    labels = metadata.get("labels", {}) if isinstance(metadata, dict) else {}
    items = labels.items() if isinstance(labels, dict) else ()
    return {key: value for key, value in sorted(items) if key.startswith(f"{names.GROUP}/") and isinstance(value, str)}


def _plain_object(raw: Raw, path: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except UNREADABLE as error:
        raise ProtocolError(path, str(error)) from error


def _last_applied(plain: dict[str, Any]) -> dict[str, Any]:
    """What Metacontroller wrote last; empty if it is not recorded."""
    try:
        text = plain["metadata"]["annotations"][names.LAST_APPLIED_ANNOTATION]
        applied = msgspec.json.decode(text, type=dict[str, Any])
    except (KeyError, TypeError, *UNREADABLE):
        return {}
    return applied if isinstance(applied.get("spec"), dict) else {}


def in_canonical_order(value: object, path: str) -> Raw:
    """A part of an answer whose fields must not appear in the order of the wire (S6).

    Raises:
        ProtocolError: if it is nested too deeply to be written.
    """
    try:
        return Raw(_SORTED.encode(value))
    except UNREADABLE as error:
        raise ProtocolError(path, str(error)) from error
