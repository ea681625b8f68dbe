"""Measure the commands of `kubectl ipam` with many requests on a real control plane, as multiples of kubectl.

The yardstick is `kubectl get ipamrequests -A -o json`, which reads the same requests in the same run. No hooks run: the
state of a range at rest is written, with as many holders as requests. Each command runs several times in a process of
its own, as kubectl starts it; the row has the medians.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import yaml

from bench.burst import markdown
from controlplane import cluster
from controlplane.api import RANGES
from controlplane.objects import namespace_object, range_object, request_object
from hooks.api import names
from hooks.api.names import NamespacedName, range_label, slice_name
from hooks.ranges.cells import cell_label, cell_of
from ipam.address import parse_prefix
from ipam.address_set import AddressSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controlplane.api import Api, Obj

NAMESPACE, RANGE = "bench", "net"
ADDRESSES = "10.0.0.0/16"
WRITERS = 16
ROUNDS = 5
ANSWERS_MAX = 900
COLUMNS = ("command", "median s", "kubectl get s", "ratio", "limit")
#: The limits of the ratio: a plan also runs a cluster in a box.
LIMIT, PLAN_LIMIT = 3, 10


def fill(api: Api, count: int) -> None:
    """Write a range at rest, with this many holders of one address each."""
    api.create(namespace_object(NAMESPACE))
    range_ = api.create(range_object(NAMESPACE, RANGE, ADDRESSES))
    with ThreadPoolExecutor(WRITERS) as pool:
        requests = list(pool.map(api.create, map(_request, range(count))))
        blocks = [f"10.0.{number >> 8 & 255}.{number & 255}/32" for number in range(count)]
        list(pool.map(api.put_status, map(_granted, requests, blocks)))
    _write_children(api, range_, list(zip(requests, blocks, strict=True)))
    ledger = [
        {"cidr": block, "request": f"{NAMESPACE}/{each['metadata']['name']}", "uid": each["metadata"]["uid"]}
        for each, block in zip(requests, blocks, strict=True)
    ]
    status = {"schemaV1": True, "revision": 1, "allocations": ledger, "state": "Ready", "observedGeneration": 1}
    finalizer = {"metadata": {"finalizers": [names.RANGE_FINALIZER]}}
    api.put_status(api.patch(RANGES, NAMESPACE, RANGE, finalizer) | {"status": status})


def _request(number: int) -> Obj:
    obj = request_object(NAMESPACE, f"request-{number:05}", RANGE)
    label = range_label(NamespacedName(NAMESPACE, RANGE))
    obj["metadata"] |= {
        "labels": {names.RANGE_LABEL: label},
        "finalizers": [names.REQUEST_FINALIZER],
        "annotations": {names.CIDR_ANNOTATION: f"10.0.{number >> 8 & 255}.{number & 255}/32"},
    }
    return obj


def _granted(request: Obj, block: str) -> Obj:
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Allocated",
        "message": "",
        "lastTransitionTime": request["metadata"]["creationTimestamp"],
    }
    address = block.partition("/")[0]
    status = {"schemaV1": True, "state": "Ready", "cidr": block, "address": address, "conditions": [condition]}
    return request | {"status": status}


def _write_children(api: Api, range_: Obj, granted: Iterable[tuple[Obj, str]]) -> None:
    """The extent and the slices of the range."""
    addresses = AddressSet(parse_prefix(ADDRESSES).family, [parse_prefix(ADDRESSES)])
    labels = {
        "controller-uid": range_["metadata"]["uid"],
        names.RANGE_LABEL: range_label(NamespacedName(NAMESPACE, RANGE)),
        names.DOMAIN_LABEL: NAMESPACE,
        names.CELL_LABEL: cell_label(cell_of(addresses)),
    }
    spec: Obj = {"range": RANGE, "domain": NAMESPACE, "ranges": addresses.texts, "schemaV1": True}
    extent = api.create(_child(range_, names.EXTENT_KIND, RANGE, spec, labels))
    extent["spec"]["number"] = int(extent["metadata"]["resourceVersion"])
    api.ask("PUT", f"/apis/{names.API_VERSION}/namespaces/{NAMESPACE}/ipamextents/{RANGE}", extent)
    slices: dict[str, list[Obj]] = {}
    for request, block in granted:
        meta = request["metadata"]
        name = slice_name(NamespacedName(NAMESPACE, RANGE), _moment(meta["creationTimestamp"]), meta["uid"])
        answer = {"uid": meta["uid"], "request": f"{NAMESPACE}/{meta['name']}", "state": "Ready"}
        slices.setdefault(name, []).append(answer | {"cidr": block, "revision": 1})
    for name, answers in slices.items():
        spec = {"range": RANGE, "answers": answers[:ANSWERS_MAX], "schemaV1": True}
        api.create(_child(range_, names.SLICE_KIND, name, spec, {"controller-uid": range_["metadata"]["uid"]}))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _child(range_: Obj, kind: str, name: str, spec: Obj, labels: dict[str, str]) -> Obj:
    meta = range_["metadata"]
    owner = {"apiVersion": names.API_VERSION, "kind": "IPAMRange", "name": meta["name"], "uid": meta["uid"]}
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": labels,
        "ownerReferences": [owner | {"controller": True}],
    }
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def commands(folder: Path) -> dict[str, list[str]]:
    """The command lines that are measured, by their name in the table."""
    manifest = folder / "request.yaml"
    manifest.write_text(yaml.safe_dump(request_object(NAMESPACE, "new", RANGE)))
    return {
        "show -A": ["show", "-A"],
        "show RANGE": ["show", RANGE],
        "map RANGE": ["map", RANGE],
        "map RANGE --svg": ["map", RANGE, "--svg", str(folder / "map.svg")],
        "get ADDRESS": ["get", "10.0.7.7"],
        "get TEXT": ["get", "request-0777"],
        "explain REQUEST": ["explain", "request-07777"],
        "tree": ["tree", "-A"],
        "check": ["check", "--settle", "0"],
        "plan": ["plan", "-f", str(manifest)],
    }


def seconds(command: Sequence[str]) -> float:
    """The duration of a process whose output is dropped."""
    began = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - began


def measured(kubeconfig: Path, folder: Path) -> list[list[str]]:
    """A row for each command. The yardstick runs before each round of each command."""
    yardstick = ["kubectl", f"--kubeconfig={kubeconfig}", "get", "ipamrequests", "-A", "-o", "json"]
    rows = []
    for name, arguments in commands(folder).items():
        command = [sys.executable, "-m", "kubectl_ipam", *arguments, f"--kubeconfig={kubeconfig}", "-n", NAMESPACE]
        pairs = [(seconds(yardstick), seconds(command)) for _ in range(ROUNDS)]
        base, own = median(each[0] for each in pairs), median(each[1] for each in pairs)
        ratio = median(one / other for other, one in pairs)
        limit = PLAN_LIMIT if name == "plan" else LIMIT
        rows.append([f"`{name}`", f"{own:.2f}", f"{base:.2f}", f"{ratio:.2f}", str(limit)])
        print(*rows[-1], file=sys.stderr)
    return rows


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000, help="number of requests (default: 10000)")
    options = parser.parse_args(arguments)
    running = cluster.start(tied_to_us=True, metacontroller=None)
    try:
        fill(running.api, options.count)
        with tempfile.TemporaryDirectory() as folder:
            rows = measured(running.kubeconfig, Path(folder))
    finally:
        running.stop()
    print(f"{options.count:,} requests\n\n{markdown(COLUMNS, rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
