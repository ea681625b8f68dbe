"""The hook calls of a story, with the uids and times of the story, in a short form.

Calls pass through a `Recording` on their way to the hooks. It replaces uids and times in each body *before* the hooks
get it. So the answers depend only on these, and two recordings of a story have the same uids, the same slices (their
names are hashes over uids and times) and the same times:

uids     `uid-<name>`; `uid-<name>-2` for the second object of that name in its namespace.
times    all of a step happens at one time, `Step.seconds` after the step before, which is also the time for the hooks.
         Times that the hooks write (lastTransitionTime) are not changed.
numbers  the resourceVersion of an extent is its number in the order of their creation.

Only the parts of a body on which a hook may depend are kept (`shortened`). A repeated call is not kept again.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Obj
    from tests.e2e.stories import Step

START = datetime(2026, 1, 1, tzinfo=UTC)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
#: Annotations with copies of the object, for the next three-way merge.
KUBECTL_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
METACONTROLLER_APPLIED = "metacontroller.k8s.io/last-applied-configuration"
BOOKKEEPING = ("managedFields", "resourceVersion")

#: Makes a call (path, body, time); returns status and body of the answer.
Send = Callable[[str, bytes, str], tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a hook in the short form, and its answer."""

    fact: str
    path: str
    now: str
    request: Obj
    status: int
    answer: Any

    @property
    def parent(self) -> tuple[str, str]:
        """Namespace and name of the object of the call."""
        meta = (self.request.get("object") or self.request["parent"])["metadata"]
        return meta["namespace"], meta["name"]

    @property
    def text(self) -> str:
        """The canonical text of its path and body, for comparisons."""
        return text_of(self.path, self.request)


class Recording:
    """The calls of one story, in the order of their answers."""

    def __init__(self, namespace: str, send: Send) -> None:
        """Records the calls about objects of this namespace; `send` makes the calls."""
        self.calls: list[Call] = []
        self._namespace, self._send = namespace, send
        self._fact, self._now = "", START
        self._moments: list[tuple[datetime, datetime]] = []
        self._uids: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._taken: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def begin(self, step: Step, at: datetime) -> None:
        """Begins a step at this time of the cluster's clock."""
        with self._lock:
            self._now += timedelta(seconds=step.seconds)
            self._fact = step.fact
            self._moments.append((at, self._now))

    def call(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Forwards a call and records it."""
        with self._lock:
            fact, now = self._fact, rfc3339(self._now)
            translated = self._translated(body)
        status, answer = self._send(path, translated.encode(), now)
        call = Call(fact, path, now, shortened(json.loads(translated)), status, json.loads(answer))
        with self._lock:
            if call.parent[0] == self._namespace:
                self.calls.append(call)
        return status, answer

    def distinct(self) -> list[Call]:
        """The calls without repetitions of a call with the same answer."""
        first: dict[tuple[str, str], Call] = {}
        for call in self.calls:
            first.setdefault((call.text, text_of(call.path, call.answer)), call)
        return list(first.values())

    def _translated(self, body: bytes) -> str:
        """The body with the story's uids, times and numbers."""
        story = json.loads(body)
        for obj in _all_objects(story):
            self._name(obj["metadata"])
            if obj["kind"] == "IPAMExtent":
                obj["metadata"]["resourceVersion"] = self._number(obj["metadata"]["uid"])
        text = UUID.sub(lambda found: self._uids.get(found[0], found[0]), json.dumps(story))
        return TIME.sub(lambda found: self._moment(found[0]), text)

    def _name(self, meta: Obj) -> None:
        if meta["uid"] in self._uids or not UUID.fullmatch(meta["uid"]):
            return
        base, namespace = f"uid-{meta['name']}", meta.get("namespace", "")
        name, count = base, 1
        while (namespace, name) in self._taken:
            count += 1
            name = f"{base}-{count}"
        self._taken.add((namespace, name))
        self._uids[meta["uid"]] = name

    def _number(self, uid: str) -> str:
        return str(self._numbers.setdefault(uid, len(self._numbers) + 1))

    def _moment(self, text: str) -> str:
        at = datetime.fromisoformat(text)
        begun = [moment for start, moment in self._moments if start <= at]
        return rfc3339(begun[-1]) if begun else text


def shortened(body: Obj) -> Obj:
    """The body without parts on which no hook may depend: the controller, versions, managed fields, copies of specs.

    Extents keep their versions, and slices the copy that Metacontroller made: it shows which items it has written.
    """
    short = {key: value for key, value in body.items() if key != "controller"}
    for obj in _all_objects(short):
        meta = obj["metadata"]
        for field in BOOKKEEPING:
            if (obj["kind"], field) != ("IPAMExtent", "resourceVersion"):
                meta.pop(field, None)
        annotations = meta.get("annotations", {})
        annotations.pop(KUBECTL_APPLIED, None)
        applied = annotations.pop(METACONTROLLER_APPLIED, None)
        if applied and obj["kind"] == "IPAMAllocationSlice":
            annotations[METACONTROLLER_APPLIED] = json.dumps(json.loads(applied), sort_keys=True)
        if meta.get("annotations") == {}:
            del meta["annotations"]
    return short


def text_of(path: str, body: Any) -> str:
    """The canonical text of a path and a JSON value."""
    return f"{path} {json.dumps(body, sort_keys=True)}"


def rfc3339(moment: datetime) -> str:
    """A moment as Kubernetes writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _all_objects(value: Any) -> Iterator[Obj]:
    """Each stored object in a body."""
    if isinstance(value, list):
        for item in value:
            yield from _all_objects(item)
    elif isinstance(value, dict):
        meta = value.get("metadata")
        if isinstance(meta, dict) and "uid" in meta:
            yield value
        for item in value.values():
            yield from _all_objects(item)
