"""A large cluster, as a dump: made directly, because serving ten thousand requests takes a while even in a box."""

import json
from pathlib import Path
from typing import Any

from hooks.api.names import API_VERSION, RANGE_FINALIZER, REQUEST_FINALIZER

Document = dict[str, Any]
CREATED = "2026-11-20T10:00:00Z"


def _object(kind: str, name: str, spec: Document, status: Document | None = None, **metadata: Any) -> Document:
    meta = {
        "namespace": "default", "name": name, "uid": f"uid-{kind}-{name}", "creationTimestamp": CREATED,
        "resourceVersion": "7", "generation": 1, **metadata,
    }  # fmt: skip
    made: Document = {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec}
    return made | ({"status": status} if status is not None else {})


def _block(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/32"


def large_cluster(holders: int, waiting: int = 0) -> list[Document]:
    """The range net whose addresses all these requests hold, and others that wait for one."""
    names = [f"web-{number:05}" for number in range(holders)]
    lines = [
        {"cidr": _block(number), "request": f"default/{name}", "uid": f"uid-IPAMRequest-{name}"}
        for number, name in enumerate(names)
    ]
    spec = {"ranges": [f"10.0.0.0-{_block(holders - 1).removesuffix('/32')}"]}
    status = {"schemaV1": True, "revision": 9, "allocations": lines, "observedGeneration": 1, "state": "Ready"}
    range_ = _object("IPAMRange", "net", spec, status, finalizers=[RANGE_FINALIZER])
    owner = {
        "apiVersion": API_VERSION,
        "kind": "IPAMRange",
        "name": "net",
        "uid": "uid-IPAMRange-net",
        "controller": True,
    }
    extent = _object(
        "IPAMExtent", "net-1",
        {"range": "net", "domain": "default", "ranges": spec["ranges"], "number": 3, "schemaV1": True},
        ownerReferences=[owner],
    )  # fmt: skip
    conditions = [
        {"type": "Ready", "status": "True", "reason": "Allocated", "message": "", "lastTransitionTime": CREATED}
    ]
    requests = [
        _request(name, {"schemaV1": True, "state": "Ready", "cidr": _block(number), "conditions": conditions})
        for number, name in enumerate(names)
    ]
    requests += [_request(f"late-{number:03}", {"schemaV1": True, "state": "Busy"}) for number in range(waiting)]
    namespace = {
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "default", "uid": "uid-default", "creationTimestamp": CREATED},
    }  # fmt: skip
    return [namespace, range_, extent, *requests]


def _request(name: str, status: Document) -> Document:
    return _object("IPAMRequest", name, {"ipam": {"name": "net"}}, status, finalizers=[REQUEST_FINALIZER])


def large_dump(folder: Path, holders: int, waiting: int = 0) -> str:
    """A file with such a cluster; gives its path."""
    path = folder / "large.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": large_cluster(holders, waiting)}))
    return str(path)
