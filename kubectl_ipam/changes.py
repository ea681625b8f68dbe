"""What happens to requests, from the events of a watch: granted, released, waiting."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from hooks.protocol.decoding import UNREADABLE
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.objects import Request
from kubectl_ipam.resources import REQUESTS
from kubectl_ipam.snapshot import decoded, objects_of_list
from kubectl_ipam.sources.api import ApiSource, refusal

#: The API server ends a watch after this time, and another one begins where it ended.
WATCH_SECONDS = 300
GONE = 410


class Change(NamedTuple):
    """Something that happened.

    Attributes:
        time: when it was observed.
        what: "asked", "granted", "waits", "invalid", "deleting"; at the end "released", or "deleted" without a block.
        request: "namespace/name".
        range_name: the range that the request names.
        cidr: the block; "" if there is none.
        message: why it has none.
    """

    time: datetime
    what: str
    request: str
    range_name: str
    cidr: str
    message: str


def change_between(before: Request | None, after: Request | None, now: datetime) -> Change | None:
    """What a new state of a request means; None if it is of no interest.

    Args:
        before: its last known state; None if it is new.
        after: its new state; None if it was removed.
        now: when that was observed.
    """
    known = after or before
    assert known is not None, "one of the two states is known"
    what = _what(before, after)
    cidr = known.status.cidr or (before.status.cidr if before else "")
    message = known.status.message if what in ("waits", "invalid") else ""
    name = str(known.metadata.namespaced_name)
    return Change(now, what, name, str(known.range_name), cidr, message) if what else None


def _what(before: Request | None, after: Request | None) -> str:
    if after is None:
        return "released" if before and before.status.cidr else "deleted"
    if after.metadata.deletion_timestamp:
        return "" if before and before.metadata.deletion_timestamp else "deleting"
    if after.status.cidr:
        return "" if before and before.status.cidr else "granted"
    state = after.status.state
    if before and before.status.state == state and before.status.message == after.status.message:
        return ""
    return {"Busy": "waits", "Invalid": "invalid"}.get(state, "" if before else "asked")


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _Listed(msgspec.Struct):
    metadata: _ListMetadata


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


def watched(source: ApiSource, namespace: str | None) -> Iterator[Change]:
    """The changes of requests from now on, without an end.

    Requests that can't be read are left out: `kubectl ipam check` reports them.

    Raises:
        Unanswerable: if the cluster can't be watched.
    """
    path = REQUESTS.path(namespace)
    version, known = _listed(source, path)
    while True:
        yield from _until_gone(source, path, version, known)
        version, present = _listed(source, path)
        yield from _missed(known, present)
        known = present


def _listed(source: ApiSource, path: str) -> tuple[str, dict[str, Request]]:
    """The version at which a watch begins, and the requests at that time."""
    answer = source.get(path)
    if answer.status != 200:
        raise Unanswerable(refusal(source.origin, answer))
    version = msgspec.json.decode(answer.body, type=_Listed).metadata.resource_version
    return version, decoded(REQUESTS, objects_of_list(answer.body))[0]


def _missed(known: dict[str, Request], present: dict[str, Request]) -> Iterator[Change]:
    """What happened between two lists, between which there was no watch."""
    now = datetime.now(UTC).replace(microsecond=0)
    for key in sorted(known.keys() | present.keys()):
        before, after = known.get(key), present.get(key)
        states = [(before, after)]
        if before and after and before.metadata.uid != after.metadata.uid:
            states = [(before, None), (None, after)]
        yield from filter(None, (change_between(*each, now) for each in states))


def _until_gone(source: ApiSource, path: str, version: str, known: dict[str, Request]) -> Iterator[Change]:
    """The changes until the API server no longer knows the version at which a watch is to begin."""
    decoder = msgspec.json.Decoder(Request)
    while True:
        query = f"?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}"
        for line in source.stream(path + query):
            event = _event(line)
            if event.type == "ERROR":
                status = msgspec.json.decode(event.object, type=_Status)
                if status.code == GONE:
                    return
                raise Unanswerable(f"{source.origin} ended the watch: {status.message}")
            version = msgspec.json.decode(event.object, type=_Listed).metadata.resource_version
            if event.type != "BOOKMARK" and (change := _changed(event, decoder, known)):
                yield change


def _event(line: bytes) -> _Event:
    try:
        return msgspec.json.decode(line, type=_Event)
    except UNREADABLE as error:
        raise Unanswerable(f"the watch sent something else than events: {line[:200]!r}") from error


def _changed(event: _Event, decoder: "msgspec.json.Decoder[Request]", known: dict[str, Request]) -> Change | None:
    try:
        request = decoder.decode(event.object)
    except UNREADABLE:
        return None
    key, now = str(request.metadata.namespaced_name), datetime.now(UTC).replace(microsecond=0)
    if event.type == "DELETED":
        known.pop(key, None)
        return change_between(request, None, now)
    before, known[key] = known.get(key), request
    return change_between(before, request, now)


def change_document(change: Change) -> dict[str, Any]:
    """A change as plain data."""
    document = change._asdict() | {"time": change.time.isoformat().replace("+00:00", "Z")}
    return {("range" if name == "range_name" else name): value for name, value in document.items() if value}
