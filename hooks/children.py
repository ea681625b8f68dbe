"""Children that are returned as they came, whatever they say: leaving one out would delete it."""

from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from hooks.explain import ProtocolError
from hooks.wire import UNREADABLE


class _WrittenObject(Struct, frozen=True, gc=False):
    """An object of which nothing is known but that it may have a spec."""

    spec: Any = field(default_factory=dict)


_WRITTEN = msgspec.json.Decoder(_WrittenObject)
_SORTED = msgspec.json.Encoder(order="sorted")


def spec_as_it_came(raw: Raw, path: str, **added: Any) -> Raw:
    """The spec of the child that is found at this path, and what is added to it; never in the order of the wire (S6).

    Args:
        raw: the child.
        path: its place in the body, for errors.
        added: fields to be added, where the spec is known to be an object.

    Raises:
        ProtocolError: if the child is no object.
    """
    try:
        spec = _WRITTEN.decode(raw).spec
        return Raw(_SORTED.encode(spec | added if added else spec))
    except UNREADABLE as error:
        raise ProtocolError(path, str(error)) from error
