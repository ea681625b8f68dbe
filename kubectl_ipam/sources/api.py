"""A cluster behind something that answers GET requests; `live` and `kubectl` differ in how they ask."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import msgspec
from msgspec import Raw

from hooks.api.names import GROUP
from hooks.protocol.decoding import UNREADABLE
from hooks.protocol.nesting import without_deep_metadata
from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.resources import IPAM, RANGES, Resource
from kubectl_ipam.snapshot import Snapshot, objects_of_list


class Answer(NamedTuple):
    """What came back for a GET.

    Attributes:
        status: HTTP status code.
        body: as it came.
        date: the header `Date`; "" if it is not known.
    """

    status: int
    body: bytes
    date: str = ""


#: Asks for a URL path.
Get = Callable[[str], Answer]
#: Asks for a URL path whose answer does not end, line by line.
Stream = Callable[[str], Iterator[bytes]]

#: What to do without a cluster. The flag differs: -f of most commands, --state of those that read manifests.
FILES_INSTEAD = "or read files instead (--help says how)"
_NOT_INSTALLED = (
    f"does not serve {GROUP}: is ipam installed there? List contexts: kubectl config get-contexts; "
    f"name another one by --context, {FILES_INSTEAD}"
)


class ApiSource:
    """A cluster, asked by a function."""

    is_live = True

    def __init__(self, get: Get, stream: Stream, origin: str, default_namespace: str) -> None:
        """`get` and `stream` raise Unanswerable if nothing answers."""
        self._get = get
        self._stream = stream
        self.origin = origin
        self.default_namespace = default_namespace

    def get(self, path: str) -> Answer:
        """What the API server answers. Raises Unanswerable if it does not."""
        answer = self._get(path)
        return answer._replace(body=_shallow(answer.body))

    def stream(self, path: str) -> Iterator[bytes]:
        """The lines of an answer that does not end. Raises Unanswerable if there is none."""
        return map(_shallow, self._stream(path))

    def read(self, kinds: Iterable[Resource] = IPAM, *, fallback: str = "") -> Snapshot:
        """Read all objects of these kinds; with rights for one namespace only, those of `fallback`.

        Raises Unanswerable.
        """
        reading = _Reading(self, fallback or self.default_namespace)
        for resource in kinds:
            reading.add(resource)
        if RANGES in reading.absent:
            raise Unanswerable(f"{self.origin} {_NOT_INSTALLED}")
        return reading.snapshot()


class _Reading:
    """One pass over the kinds."""

    def __init__(self, source: ApiSource, fallback: str) -> None:
        self._source, self._fallback = source, fallback
        self._namespace: str | None = None
        self._began = datetime.now(UTC)
        self._server_time: datetime | None = None
        self._raw: dict[Resource, dict[str, Raw]] = {}
        self.absent: set[Resource] = set()
        self._denied: dict[Resource, str] = {}

    def add(self, resource: Resource) -> None:
        namespace = self._namespace if resource.namespaced else None
        answer = self._source.get(resource.path(namespace))
        if answer.status == 404 and resource.older:
            answer = self._source.get(resource.before.path(namespace))
        self._note_time(answer.date)
        if answer.status == 403 and resource.namespaced and self._namespace is None and not self._raw:
            self._namespace = self._fallback
            self.add(resource)
        elif answer.status == 200:
            self._raw[resource] = _objects(answer.body, resource)
        elif answer.status == 404:
            self.absent.add(resource)
        elif answer.status == 403 and resource is not RANGES:
            self._denied[resource] = _message(answer.body)
        else:
            raise Unanswerable(refusal(self._source.origin, answer))

    def _note_time(self, date: str) -> None:
        if date and self._server_time is None:
            self._server_time = parsedate_to_datetime(date)

    def snapshot(self) -> Snapshot:
        ahead = (self._began - self._server_time).total_seconds() if self._server_time else None
        return Snapshot(
            self._raw,
            (self._server_time or self._began).replace(microsecond=0),
            self._source.origin,
            frozenset(self.absent),
            self._denied,
            self._namespace,
            ahead,
        )


def _shallow(body: bytes) -> bytes:
    """The body, without managedFields that would make all of it unreadable (hooks/protocol/nesting.py)."""
    try:
        msgspec.json.decode(body, type=Raw)
    except RecursionError:
        return without_deep_metadata(body)
    except msgspec.MsgspecError:
        pass  # whoever reads it reports that
    return body


def _objects(body: bytes, resource: Resource) -> dict[str, Raw]:
    try:
        return objects_of_list(body)
    except UNREADABLE as error:
        raise Unanswerable(f"the list of {resource.plural} can't be read: {error}") from error


def refusal(origin: str, answer: Answer) -> str:
    """What an answer other than 200 means, and what to do."""
    said = f"{origin} answered {answer.status}: {_message(answer.body)}"
    hints = {
        401: ": log in again; kubectl auth whoami shows the user",
        403: ": name a namespace in which you have the ClusterRole view by -n, or ask for it",
    }
    return said + hints.get(answer.status, "")


class _Status(msgspec.Struct):
    message: str = ""


def _message(body: bytes) -> str:
    """What the API server says about an error."""
    try:
        return msgspec.json.decode(body, type=_Status).message or body.decode(errors="replace")[:200]
    except UNREADABLE:
        return body.decode(errors="replace")[:200]
