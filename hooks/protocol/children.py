"""Children that are returned as they came, whatever they say: leaving one out would delete it."""

from typing import Any

import msgspec
from msgspec import Raw

from hooks.protocol.decoding import UNREADABLE
from hooks.protocol.errors import ProtocolError

_SORTED = msgspec.json.Encoder(order="sorted")


def plain_object(raw: Raw, path: str) -> dict[str, Any]:
    """A child as plain JSON.

    Args:
        raw: the child.
        path: its place in the body, for errors.

    Raises:
        ProtocolError: if the child is no object.
    """
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except UNREADABLE as error:
        raise ProtocolError(path, str(error)) from error


def spec_as_it_came(plain: dict[str, Any], path: str, **added: Any) -> Raw:
    """The spec of a child and what is added to it; its fields must not appear in the order of the wire (S6).

    Args:
        plain: the child.
        path: its place in the body, for errors.
        added: fields to be added, where the spec is known to be an object.

    Raises:
        ProtocolError: if the spec is nested too deeply to be written.
    """
    spec = plain.get("spec", {})
    try:
        return Raw(_SORTED.encode(spec | added if added else spec))
    except UNREADABLE as error:
        raise ProtocolError(path, str(error)) from error
