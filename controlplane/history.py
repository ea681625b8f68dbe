"""Every stored revision of our objects, in the order in which they were stored.

The revisions are read from etcd and not by a watch of the API server, because a watch has a gap wherever it must list
again, as after a restart of the API server. etcd, which is never compacted here (see `plane.py`), has each write with
its revision, and revisions order the writes of all kinds.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from controlplane.api import GROUP, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Obj

PREFIX = f"/registry/{GROUP}/"
AFTER_PREFIX = f"/registry/{GROUP}0"  # "0" follows "/"
#: Written after the last event to read. No resource has this name, so the API server does not read it.
END_MARK = PREFIX + "end-of-history"
READ_SECONDS_MAX = 120


class IncompleteHistory(Exception):
    """etcd ended the stream of a history before its end."""


@dataclass(frozen=True, slots=True)
class Event:
    """One write: the object as it is from this revision on, or as it was when it was deleted."""

    revision: int
    resource: str
    obj: Obj
    deleted: bool


def current_revision(etcd_url: str) -> int:
    """The revision of etcd's last write."""
    answer = _call(etcd_url, "kv/range", {"key": _encode(END_MARK)})
    return int(answer["header"]["revision"])


def read_history(etcd_url: str, after: int) -> Iterator[Event]:
    """All writes from that revision until now to those of our objects that were created after it.

    An older object is left over from a failed test; it can't be judged, because its earlier writes are not read.

    Raises:
        IncompleteHistory: etcd has ended the stream before all of them were read.
    """
    mark = int(_call(etcd_url, "kv/put", {"key": _encode(END_MARK), "value": ""})["header"]["revision"])
    create = {"key": _encode(PREFIX), "range_end": _encode(AFTER_PREFIX), "start_revision": after + 1, "prev_kv": True}
    url = f"{etcd_url}/v3/watch"
    with requests.post(url, json={"create_request": create}, stream=True, timeout=READ_SECONDS_MAX) as answer:
        answer.raise_for_status()
        for line in lines(answer):
            for event in _events_of(line):
                revision = int(event["kv"]["mod_revision"])
                if revision >= mark:
                    return
                if _created_at(event) > after and _decode(event["kv"]["key"]) != END_MARK:
                    yield _event(event, revision)
    raise IncompleteHistory(f"etcd ended the watch after revision {after} before its last event, revision {mark}")


def _events_of(line: bytes) -> list[dict[str, Any]]:
    result = json.loads(line)["result"]
    assert not result.get("canceled"), f"etcd has no such history: {result}"
    return list(result.get("events", ()))


def _created_at(event: dict[str, Any]) -> int:
    """The revision at which the object was created; a deletion has it in the previous value."""
    return int(event["prev_kv" if event.get("type") == "DELETE" else "kv"]["create_revision"])


def _event(event: dict[str, Any], revision: int) -> Event:
    resource = _decode(event["kv"]["key"]).removeprefix(PREFIX).partition("/")[0]
    deleted = event.get("type") == "DELETE"
    value = event["prev_kv"]["value"] if deleted else event["kv"]["value"]
    return Event(revision, resource, json.loads(base64.b64decode(value)), deleted)


def _call(etcd_url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(f"{etcd_url}/v3/{path}", json=body, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decode(text: str) -> str:
    return base64.b64decode(text).decode()
