"""Bytes to typed values and back.

The objects of a body are decoded one by one (`Raw`): one malformed request among thousands must not stop the others.
Only if none of a range's requests is malformed, all are decoded at once, with the body.
What can't be understood as a whole raises `ProtocolError`. An answer that is computed from half a body would delete
slices, because Metacontroller deletes every child that is missing from an answer.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from hooks.api import names
from hooks.api.foreign import AddressObject, AliasObject, ClaimObject, ClaimSpec, ClusterObject
from hooks.api.kinds import (
    AttachedRange,
    ExtentObject,
    NamespaceObject,
    OwnedSliceObject,
    RangeSpec,
    RequestObject,
    RequestParent,
    RequestSpec,
    RequestWithBadSpec,
    SliceObject,
)
from hooks.protocol.bodies import (
    ClaimBody,
    ClaimCustomizeBody,
    RangeBody,
    RangeCustomizeBody,
    RawRangeBody,
    ReadableRangeBody,
    RequestBody,
    RequestCustomizeBody,
    ServiceBody,
)
from hooks.protocol.errors import ProtocolError, excerpt, explained
from hooks.protocol.nesting import without_deep_metadata

#: What msgspec raises for bytes that are not what they should be.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Body = TypeVar(
    "Body",
    RangeBody,
    RequestBody,
    ClaimBody,
    ServiceBody,
    RangeCustomizeBody,
    RequestCustomizeBody,
    ClaimCustomizeBody,
)
Object = TypeVar(
    "Object",
    RequestObject,
    RequestWithBadSpec,
    SliceObject,
    OwnedSliceObject,
    ExtentObject,
    NamespaceObject,
    RequestParent,
    ClusterObject,
    AddressObject,
    AliasObject,
    ClaimObject,
    AttachedRange,
)
Spec = TypeVar("Spec", RangeSpec, RequestSpec, ClaimSpec)
#: The kind of the object that a call is about.
_PARENT_KINDS: dict[type, str] = {
    RangeBody: names.RANGE_KIND,
    RangeCustomizeBody: names.RANGE_KIND,
    RequestBody: names.REQUEST_KIND,
    RequestCustomizeBody: names.REQUEST_KIND,
    ClaimBody: names.CLAIM_KIND,
    ClaimCustomizeBody: names.CLAIM_KIND,
    ServiceBody: names.SERVICE_KIND,
}


#: All decoders, created when the module is imported: msgspec completes what it knows of a struct when the first decoder
#: for it is created, and two threads that do so at once crash the process (a segmentation fault, seen with msgspec
#: 0.22).
_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {
    each: msgspec.json.Decoder(each)
    for each in (
        RawRangeBody,
        ReadableRangeBody,
        *(body for body in Body.__constraints__ if body is not RangeBody),
        *Object.__constraints__,
        *Spec.__constraints__,
    )
}


def decode_body(data: bytes, body_type: type[Body]) -> Body:
    """Read the body of a hook call.

    Raises:
        ProtocolError: if it is not JSON, not of this shape, or its parent is of another kind.
    """
    wire_type = RawRangeBody if body_type is RangeBody else body_type
    try:
        if not data.isascii():
            data.decode()  # msgspec does not look at the text that it skips
        body: Body = _decode_whole(data, body_type)
    except UNREADABLE as error:
        raise explained(data, wire_type, str(error)) from error
    wanted, path = _PARENT_KINDS[body_type], "object" if hasattr(body, "object") else "parent"
    kind: str = getattr(body, path).kind
    if kind != wanted:
        raise ProtocolError(f"$.{path}.kind", f"must be {wanted}", excerpt(kind))
    return body


def _decode_whole(data: bytes, body_type: type) -> Any:
    read = _range_body if body_type is RangeBody else _DECODERS[body_type].decode
    try:
        return read(data)
    except RecursionError:
        return read(without_deep_metadata(data))


def _range_body(data: bytes) -> Any:
    """The body of a range's call: with its requests, or without them if one of them can't be read."""
    readable: ReadableRangeBody | RawRangeBody
    try:
        readable = _DECODERS[ReadableRangeBody].decode(data)
    except UNREADABLE:
        readable = _DECODERS[RawRangeBody].decode(data)
    return readable.sorted_out()


def decode_objects(group: Mapping[str, Raw], object_type: type[Object]) -> tuple[dict[str, Object], list[str]]:
    """Read one kind's objects: those that can be read, by "namespace/name", and the keys of those that can't."""
    decoder: msgspec.json.Decoder[Object] = _DECODERS[object_type]
    objects: dict[str, Object] = {}
    unreadable: list[str] = []
    for key, raw in group.items():
        try:
            objects[key] = decoder.decode(raw)
        except UNREADABLE:
            unreadable.append(key)
    return objects, unreadable


def decode_spec(raw: Raw, spec_type: type[Spec]) -> Spec | str:
    """Read a spec; a text that says what is wrong with it, where it can't be read."""
    try:
        spec: Spec = _DECODERS[spec_type].decode(raw)
    except UNREADABLE as error:
        return str(error).replace("`$.", "`spec.").replace("`$`", "`spec`")
    return spec


class _NumberedSpec(Struct, frozen=True, gc=False):
    number: int | None = None


class _Applied(Struct, frozen=True, gc=False):
    spec: _NumberedSpec = _NumberedSpec()


_APPLIED_DECODER = msgspec.json.Decoder(_Applied)


def applied_number(last_applied: str) -> int | None:
    """The number that an extent had when Metacontroller wrote it last; None if it had none."""
    try:
        number = _APPLIED_DECODER.decode(last_applied).spec.number
    except UNREADABLE:
        return None
    return number if number is not None and 0 < number < 1 << 63 else None


class _AppliedAnswer(Struct, frozen=True, gc=False):
    uid: str = ""


class _AppliedSliceSpec(Struct, frozen=True, gc=False):
    answers: list[_AppliedAnswer] = []


class _AppliedSlice(Struct, frozen=True, gc=False):
    spec: _AppliedSliceSpec = _AppliedSliceSpec()


_TEXT_DECODER = msgspec.json.Decoder(str)
_APPLIED_SLICE_DECODER = msgspec.json.Decoder(_AppliedSlice)


def applied_uids(last_applied: Raw) -> frozenset[str]:
    """The uids of the answers that a slice had when Metacontroller wrote it last, by the annotation as it came.

    Metacontroller removes only these from a slice, not what others have written.
    """
    try:
        applied = _APPLIED_SLICE_DECODER.decode(_TEXT_DECODER.decode(last_applied))
    except UNREADABLE:
        return frozenset()
    return frozenset(answer.uid for answer in applied.spec.answers)


def encode(answer: Any) -> bytes:
    """Write an answer."""
    return msgspec.json.encode(answer)
