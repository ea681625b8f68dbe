"""Measure claims of Cluster API and Services beside as many plain requests: `make integrations N=300`.

It starts its own control plane with both integrations and deploy/admission. For each kind in turn, it creates the
objects at once, waits until each has its address, and deletes them. Figures are printed only if no address was given
twice and the ledger has exactly these addresses. METACONTROLLER_FLAGS= adds flags to those of controlplane/loop.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.burst import BURST_SECONDS_MAX, POLICY_SECONDS, PROGRAMS, Watch, details, is_ready, markdown, wait_quiet
from bench.readings import CLUSTER_API_GROUP, Readings, read
from controlplane import cluster
from controlplane.api import REQUESTS, kubectl, objects_path
from controlplane.load import CREATORS
from controlplane.objects import request_object
from controlplane.processes import wait_until
from controlplane.team import Team

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from controlplane.api import Obj

ADDITIONS = ("cluster-api", "services/metallb")
RANGE = "10.0.0.0/8"
NETWORK = {"gateway": "10.0.0.1", "prefixLength": 8}
CLAIM_VERSION = f"{CLUSTER_API_GROUP}/v1beta2"
METALLB = "metallb.io/loadBalancerIPs"
#: The object of each kind that is not measured: the first one waits for Metacontroller's informers.
WARM_UP = "warm-up"
COLUMNS = ("objects", "number", "total s", "ratio", "p50 s", "API writes", "hook calls", "CPU s", *PROGRAMS)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of objects that get addresses.

    Attributes:
        name: of the kind.
        path: of these objects in a namespace.
        make: an object for the range `net`, of a namespace and a name.
        is_served: whether an object has its address, as its consumer sees it.
    """

    name: str
    path: Callable[[str], str]
    make: Callable[[str, str], Obj]
    is_served: Callable[[Obj], bool]


@dataclass(frozen=True, slots=True)
class Result:
    """A measured burst of one kind: seconds from the first creation to each answer, and the cost until all had one."""

    kind: str
    seconds: list[float]
    cost: Readings

    @property
    def total_seconds(self) -> float:
        """Until the last answer."""
        return max(self.seconds)


def _claim(namespace: str, name: str) -> Obj:
    reference = {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "net"}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": CLAIM_VERSION, "kind": "IPAddressClaim", "metadata": metadata, "spec": {"poolRef": reference}}


def _service(namespace: str, name: str) -> Obj:
    metadata = {"name": name, "namespace": namespace, "annotations": {"ipam.mandelsoft.org/range": "net"}}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "allocateLoadBalancerNodePorts": False}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


KINDS = (
    Kind(
        "IPAMRequest",
        lambda namespace: objects_path(REQUESTS, namespace),
        lambda namespace, name: request_object(namespace, name, "net"),
        is_ready,
    ),
    Kind(
        "IPAddressClaim",
        lambda namespace: f"/apis/{CLAIM_VERSION}/namespaces/{namespace}/ipaddressclaims",
        _claim,
        lambda obj: "addressRef" in obj.get("status", {}),
    ),
    Kind(
        "Service",
        lambda namespace: f"/api/v1/namespaces/{namespace}/services",
        _service,
        lambda obj: METALLB in obj["metadata"].get("annotations", {}),
    ),
)


def measure(running: cluster.Running, kind: Kind, count: int) -> tuple[Result, list[str]]:
    """Measures a burst of one kind in a namespace of its own; finds addresses that were given twice, or are lost."""
    api, namespace = running.api, f"{kind.name.lower()}-{os.getpid()}"
    team, path = Team(api, namespace), kind.path(namespace)
    team.create_namespace()
    team.create_range("net", RANGE, network=NETWORK)
    watch = Watch(api, path, kind.is_served)
    watch.start()
    api.ask("POST", path, kind.make(namespace, WARM_UP))
    _wait_served(watch, 1)
    before, began = wait_quiet(running), time.monotonic()
    with ThreadPoolExecutor(CREATORS, thread_name_prefix="creator") as pool:
        list(pool.map(lambda number: api.ask("POST", path, kind.make(namespace, f"{number:05}")), range(count)))
    _wait_served(watch, count + 1)
    result = Result(kind.name, [at - began for name, at in watch.seen_at.items() if name != WARM_UP],
                    read(running).since(before))  # fmt: skip
    watch.stop()
    wait_quiet(running)
    faults = [f"{kind.name}: {fault}" for fault in _faults(team, count + 1)]
    api.ask("DELETE", path)
    requests = objects_path(REQUESTS, namespace)
    wait_until(lambda: not api.ask_patiently("GET", requests)["items"], what="all are deleted",
               seconds=BURST_SECONDS_MAX, step_seconds=1)  # fmt: skip
    wait_quiet(running)
    return result, faults


def _wait_served(watch: Watch, count: int) -> None:
    what = f"{count} objects have their addresses"
    wait_until(lambda: len(watch.seen_at) >= count, what=what, seconds=BURST_SECONDS_MAX, step_seconds=0.02)


def _faults(team: Team, count: int) -> list[str]:
    given = Counter(request["status"].get("cidr", "") for request in team.requests())
    twice = [f"{cidr or 'no address'} was given {times} times" for cidr, times in given.items() if times > 1]
    held = {entry["cidr"] for entry in team.ledger()}
    lost = [] if held == set(given) else [f"the ledger has {len(held)} blocks, and requests have {len(given)}"]
    missing = [] if len(given) == count else [f"{len(given)} requests have addresses, not {count}"]
    return twice + lost + missing


def tables(results: Sequence[Result]) -> str:
    """Markdown tables: the cost of each kind, the first of which is the yardstick, and the writes by resource."""
    resources = sorted({name for each in results for name in each.cost.writes_by_resource})
    writes = [
        [each.kind, *(f"{each.cost.writes_by_resource[name] / len(each.seconds):.2f}" for name in resources)]
        for each in results
    ]
    rows = [_row(each, results[0].total_seconds) for each in results]
    return "\n\n".join([markdown(COLUMNS, rows), markdown(("objects", *resources), writes)])


def _row(each: Result, yardstick: float) -> list[str]:
    count, cost = len(each.seconds), each.cost
    return [
        each.kind,
        f"{count:,}",
        f"{each.total_seconds:.1f}",
        f"{each.total_seconds / yardstick:.2f}",
        f"{sorted(each.seconds)[count // 2]:.1f}",
        f"{cost.writes.total() / count:.2f} each",
        f"{cost.hook_calls.total() / count:.2f} each",
        f"{sum(cost.cpu_seconds.values()):.1f}",
        *(f"{cost.cpu_seconds[name]:.1f}" for name in PROGRAMS),
    ]


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="number of objects of each kind")
    options: Any = parser.parse_args(arguments)
    metacontroller = os.environ.get("METACONTROLLER")
    if not metacontroller:
        sys.exit("claims and Services need a Metacontroller: set METACONTROLLER=/path/to/it")
    running = cluster.start(tied_to_us=True, metacontroller=metacontroller, additions=ADDITIONS)
    try:
        kubectl(running.kubeconfig, "apply", "-k", str(cluster.ROOT / "deploy/admission"))
        time.sleep(POLICY_SECONDS)
        measured = [measure(running, kind, options.count) for kind in KINDS]
    finally:
        running.stop()
    if faults := [fault for _, found in measured for fault in found]:
        print("\n".join(faults[:20]))
        return 1
    results = [result for result, _ in measured]
    for each in results:
        print(details(f"{len(each.seconds):,} of kind {each.kind}", each.cost))
    print(tables(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
