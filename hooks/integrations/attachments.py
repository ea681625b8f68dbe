"""IPAMRequests that are attached to an object of another kind, one for each address that it is to get.

An attached request is an ordinary one: its range finds, serves and releases it as all others. Metacontroller makes the
object its controller, so it is deleted with the object. Attachments are never updated, only created, so an answer has
each of them that is to stay, with its name and its spec.

A request for an address that the object is known to have already (of a former life, or because it shows it) asks for
exactly this one. It waits for it, rather than get another one that would be in vain.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from hooks.api import names
from hooks.api.conditions import ready_since
from hooks.api.kinds import Network, RequestParent
from hooks.api.metadata import ParentMetadata
from hooks.api.names import NamespacedName
from hooks.api.ownership import GroupKind, is_controlled_by
from hooks.protocol.children import in_canonical_order
from hooks.protocol.decoding import UNREADABLE, decode_objects
from hooks.protocol.errors import ProtocolError
from ipam.address import block_named_by, parse_prefix

#: What `attachments` of a call and of an answer hold.
Attachments = Mapping[str, Mapping[str, Raw]]
Obj = dict[str, Any]

#: For this long nothing is reported of what is still on its way: in a burst each report would cost two writes.
PATIENCE = timedelta(seconds=10)
#: The same for the answer to a request, which itself says after ten seconds that there is no range.
ANSWER_PATIENCE = timedelta(seconds=20)
#: The reasons of a request whose range has room, perhaps, but grants nothing.
_NOT_SERVING = frozenset({"OnHold", "Closed", "NotDelegated"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: One address, whatever the default size of the range is.
ONE_ADDRESS = "#1"


class State(Enum):
    """The state of an attached request."""

    ALLOCATED = auto()
    ON_ITS_WAY = auto()
    UNANSWERED = auto()
    BUSY = auto()
    NOT_SERVING = auto()
    INVALID = auto()
    UNSUITABLE = auto()
    DELETED = auto()


class Outcome(NamedTuple):
    """The state of an attached request: its address if it is allocated, and since when; otherwise why it is not."""

    state: State
    address: str = ""
    network: Network = Network()
    message: str = ""
    since: datetime = EPOCH


class _Identity(Struct, frozen=True, gc=False):
    name: Annotated[str, Meta(min_length=1)]
    namespace: str = ""


class _Attachment(Struct, frozen=True, gc=False, rename="camel"):
    api_version: str
    kind: str
    metadata: _Identity
    spec: dict[str, Any]


_ATTACHMENT_DECODER = msgspec.json.Decoder(_Attachment)


def as_observed(attachments: Attachments) -> list[Obj]:
    """All attachments, to be returned: one that is left out would be deleted.

    Raises:
        ProtocolError: if one of them is no object.
    """
    return [_as_observed(kind_key, key, raw) for kind_key, group in sorted(attachments.items())
            for key, raw in sorted(group.items())]  # fmt: skip


def _as_observed(kind_key: str, key: str, raw: Raw) -> Obj:
    try:
        attachment = _ATTACHMENT_DECODER.decode(raw)
    except UNREADABLE as error:
        raise ProtocolError(f'$.attachments["{kind_key}"]["{key}"]', str(error)) from error
    metadata = {"name": attachment.metadata.name, "namespace": attachment.metadata.namespace}
    return {
        "apiVersion": attachment.api_version,
        "kind": attachment.kind,
        "metadata": {name: value for name, value in metadata.items() if value},
        "spec": in_canonical_order(attachment.spec, f'$.attachments["{kind_key}"]["{key}"].spec'),
    }


def observed_requests(attachments: Attachments, owner: ParentMetadata, kind: GroupKind) -> list[RequestParent]:
    """The attached requests, by name; only those that belong to the owner by their complete owner reference.

    Args:
        attachments: those of the call.
        owner: the metadata of the object that the call is about.
        kind: its kind.

    Raises:
        ProtocolError: if one of them can't be read: without it, a second one could be created.
    """
    requests, unreadable = decode_objects(attachments.get(names.REQUEST_KEY, {}), RequestParent)
    if unreadable:
        path = f'$.attachments["{names.REQUEST_KEY}"]["{min(unreadable)}"]'
        raise ProtocolError(path, f"must be an {names.REQUEST_KIND}")
    return [each for _, each in sorted(requests.items()) if is_controlled_by(each.metadata, owner, kind)]


def new_request(kind: str, owner: ParentMetadata, range_name: NamespacedName, address: str, *, had_it: bool) -> Obj:
    """A request for one address, to be attached to an object.

    Args:
        kind: that of the object.
        owner: its metadata.
        range_name: the range.
        address: the address that it is to get; "" for any.
        had_it: whether the object had this address before. Then it is served while the range is on hold, too.
    """
    metadata: Obj = {
        "name": names.attached_name(kind, owner.namespaced_name, owner.uid, range_name),
        "namespace": owner.namespace,
        "labels": dict(names.NOT_IN_BACKUPS),
    }
    if had_it:
        metadata["annotations"] = {names.CIDR_ANNOTATION: str(parse_prefix(address))}
    spec = {"ipam": range_name._asdict(), "request": address or ONE_ADDRESS}
    return {"apiVersion": names.API_VERSION, "kind": names.REQUEST_KIND, "metadata": metadata, "spec": spec}


def outcome_of(request: RequestParent, now: datetime) -> Outcome:
    """The outcome of an attached request so far.

    One that is being deleted counts as not allocated, because its range may have released its address already. So does
    one that an API server with an older schema has served, because it may show only a part of it.
    """
    status, name = request.status, request.metadata.namespaced_name
    if request.metadata.deletion_timestamp:
        return Outcome(State.DELETED, message=f"{names.REQUEST_KIND} {name} is being deleted")
    if not status.schema_v1:
        return Outcome(State.ON_ITS_WAY)
    if status.state == "Ready" and status.address:
        return Outcome(
            State.ALLOCATED, status.address, status.network or Network(), since=ready_since(status.conditions) or EPOCH
        )
    if status.state == "Ready":
        return Outcome(State.UNSUITABLE, message=f"{names.REQUEST_KIND} {name} has {status.cidr}, not a single address")
    return Outcome(_unserved_state(request, now), message=status.message)


def _unserved_state(request: RequestParent, now: datetime) -> State:
    """The state of a request that has no block."""
    status = request.status
    reasons = {each.reason for each in status.conditions if each.type == "Ready"}
    if status.state in ("", "Pending"):
        is_recent = now - request.metadata.creation_timestamp < ANSWER_PATIENCE
        return State.ON_ITS_WAY if is_recent and "NoAnswer" not in reasons else State.UNANSWERED
    if status.state == "Busy":
        return State.NOT_SERVING if reasons & _NOT_SERVING else State.BUSY
    return State.INVALID


def single_address(text: str) -> str:
    """An address that a user or another controller wrote in any form, in canonical form; "" if the text is none.

    Kubernetes accepts `2001:DB8:0::5` and `::ffff:10.0.0.5` in a status.
    """
    text = text.strip()
    if block := block_named_by(text):
        return str(block).partition("/")[0] if block.address_count == 1 else ""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return "" if "%" in text else str(mapped or address)
