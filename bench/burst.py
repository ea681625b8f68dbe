"""Measure the duration and the cost of a burst of requests on a real control plane: `make burst N=1000`.

It uses the cluster that `make cluster` has started, or starts its own. After the burst, all its requests are deleted at
once, and this is measured too. Then everything is audited: figures with a violation are not printed. The history is
read at the end, so that the audit slows down nothing. At last, a bare client (bench/bare.py) writes as many requests;
the row has its time, and the ratio to it. METACONTROLLER_FLAGS= adds flags to those of controlplane/loop.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import requests

from bench.bare import bare_seconds
from bench.readings import Readings, read
from controlplane import cluster
from controlplane.api import RANGES, REQUESTS, Refused, kubectl, objects_path
from controlplane.at_rest import differences_at_rest
from controlplane.audit import audit_history
from controlplane.history import current_revision, read_history
from controlplane.load import CREATORS, Load
from controlplane.processes import wait_until
from controlplane.team import Team

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from controlplane.api import Api, Obj

RANGE = "10.0.0.0/8"
#: The resource whose writes are those of the ledger.
LEDGER = f"{RANGES}/status"
#: Enough for 10,000 requests on a slow machine; a burst that takes longer hangs.
BURST_SECONDS_MAX = 3600.0
#: A new policy takes effect some time after its creation, and the API server does not report when.
POLICY_SECONDS = 5.0
COLUMNS = (
    *("requests", "standing", "total s", "bare s", "ratio", "per s", "p50 s", "p99 s", "max s"),
    *("API writes", "hook calls", "CPU s"),
)
DELETION_COLUMNS = ("requests", "delete s", "delete writes", "delete CPU s")
#: The request that is not measured.
WARM_UP = "warm-up"
#: Nothing happens any more if nothing was written, and no hook called, for this time.
QUIET_SECONDS = 5.0
#: The programs whose CPU seconds have their own columns.
PROGRAMS = ("metacontroller", "kube-apiserver", "hooks", "etcd")


@dataclass
class Watch:
    """Records when each object at a path was first as it should be, by a watch in its own thread.

    Attributes:
        seen_at: when, by name.
    """

    api: Api
    path: str
    is_served: Callable[[Obj], bool]
    seen_at: dict[str, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Starts the watch."""
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Ends the watch with its next event."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                answer = self.api.ask_patiently("GET", self.path)
                for obj in answer["items"]:
                    self._see(obj)
                for _, obj in self.api.watch(self.path, answer["metadata"]["resourceVersion"]):
                    self._see(obj)
                    if self._stopped.is_set():
                        return
            except (requests.RequestException, Refused):
                time.sleep(0.2)

    def _see(self, obj: Obj) -> None:
        if self.is_served(obj):
            self.seen_at.setdefault(obj["metadata"]["name"], time.monotonic())


def ready_watch(team: Team) -> Watch:
    """Records when each request of a team became Ready."""
    path = objects_path(REQUESTS, team.namespace)
    return Watch(team.api, path, is_ready)


def is_ready(request: Obj) -> bool:
    """Whether a request has its block."""
    return bool(request.get("status", {}).get("state") == "Ready")


@dataclass(frozen=True, slots=True)
class Result:
    """A measured burst: the times of creation and answer of each request, and the cost."""

    count: int
    standing: int
    spans: list[tuple[float, float]]
    cost: Readings
    bare_seconds: float = 0.0

    @property
    def total_seconds(self) -> float:
        """From the first creation to the last answer."""
        return max(ready for _, ready in self.spans) - min(created for created, _ in self.spans)

    def quantile(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        latencies = sorted(ready - created for created, ready in self.spans)
        return latencies[min(int(share * len(latencies)), len(latencies) - 1)]


@dataclass(frozen=True, slots=True)
class Deletion:
    """The measured deletion of many requests at once."""

    count: int
    #: Until no request was left; the cost is counted until nothing was written any more.
    seconds: float
    cost: Readings

    @property
    def write_count(self) -> int:
        """The writes without those of the user, which delete the requests."""
        return sum(count for name, count in self.cost.writes.items() if not name.startswith(f"DELETE {REQUESTS} "))


def run(running: cluster.Running, team: Team, counts: list[int]) -> tuple[list[Result], Deletion, list[str]]:
    """Measures bursts of these sizes, each on top of those before it, and the deletion of all; finds violations."""
    start = current_revision(running.etcd_url)
    team.create_namespace()
    team.create_range("net", RANGE)
    # The first request after a start waits for Metacontroller's informers, so it is not measured.
    team.create_request(WARM_UP)
    team.wait_state(WARM_UP, "Ready")
    watch = ready_watch(team)
    watch.start()
    results = []
    for index, count in enumerate(counts):
        results.append(_burst(running, team, watch, sum(counts[:index]), count))
        wait_quiet(running)  # Metacontroller still looks at requests that are Ready
    watch.stop()
    faults = differences_at_rest(team.api, {team.namespace})
    deletion = _delete_all(running, team)
    faults += differences_at_rest(team.api, {team.namespace})
    audit = audit_history(read_history(running.etcd_url, start))
    faults += audit.violations
    grants = len(audit.published)
    if grants != sum(counts) + 1:
        faults.append(f"the audit saw {grants} grants of {sum(counts) + 1}")
    print(f"audit: {grants} grants in {audit.commits} commits, {len(faults)} faults")
    return results, deletion, faults


def details(what: str, cost: Readings) -> str:
    """The writes, hook calls and CPU seconds of a burst or a deletion, a line for each."""
    lines = [f"{what}:"]
    lines += [f"  {name:<40} {number:>9,}" for name, number in sorted((cost.writes + cost.hook_calls).items())]
    lines += [f"  {'CPU ' + name:<40} {seconds:>9.1f} s" for name, seconds in cost.cpu_seconds.items()]
    return "\n".join(lines)


def tables(results: list[Result], deletion: Deletion) -> str:
    """Markdown tables: of the bursts, of their writes by resource, and of the deletion."""
    resources = sorted({name for result in results for name in result.cost.writes_by_resource})
    return "\n\n".join(
        [
            markdown((*COLUMNS, *PROGRAMS), map(_row, results)),
            markdown(
                ("requests", "standing", *resources, "ledger writes refused"),
                [_writes_row(each, resources) for each in results],
            ),
            markdown(DELETION_COLUMNS, [_deletion_row(deletion)]),
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="number of requests in the burst")
    parser.add_argument("--standing", type=int, default=0, help="number of requests in an earlier burst")
    parser.add_argument(
        "--without-policy", action="store_true", help="do not install deploy/admission, if the cluster is started here"
    )
    options = parser.parse_args(arguments)
    running, own = _cluster()
    try:
        if own and not options.without_policy:
            kubectl(running.kubeconfig, "apply", "-k", str(cluster.ROOT / "deploy/admission"))
            time.sleep(POLICY_SECONDS)
        team = Team(running.api, f"burst-{os.getpid()}")
        counts = [options.standing, options.count] if options.standing else [options.count]
        results, deletion, faults = run(running, team, counts)
        bare = bare_seconds(running.api, running.kubeconfig, team.namespace, [each.count for each in results])
        results = [replace(each, bare_seconds=seconds) for each, seconds in zip(results, bare, strict=True)]
        if not own:
            for resource in (REQUESTS, RANGES):
                team.delete_all(resource, seconds=BURST_SECONDS_MAX)
    finally:
        if own:
            running.stop()
    if faults:
        print("\n".join(faults[:20]))
        return 1
    for each in results:
        print(details(f"{each.count:,} requests on top of {each.standing:,}", each.cost))
    print(details(f"{deletion.count:,} requests deleted at once", deletion.cost))
    print(tables(results, deletion))
    return 0


def _cluster() -> tuple[cluster.Running, bool]:
    running = cluster.standing()
    if running is not None and running.metrics_url:
        return running, False
    metacontroller = os.environ.get("METACONTROLLER")
    if not metacontroller:
        sys.exit("a burst needs a Metacontroller: set METACONTROLLER=/path/to/it here or for `make cluster`")
    return cluster.start(tied_to_us=True, metacontroller=metacontroller), True


def _burst(running: cluster.Running, team: Team, watch: Watch, standing: int, count: int) -> Result:
    before = read(running)
    load = Load(team.api, team.namespace, "net", count, prefix=f"on-{standing}")
    load.start()
    load.wait_created()
    wait_until(
        lambda: sum(name in watch.seen_at for name in load.names) == count,
        what=f"{count} requests are Ready",
        seconds=BURST_SECONDS_MAX,
        step_seconds=0.05,
    )
    cost = read(running).since(before)
    return Result(count, standing, [(load.created_at[name], watch.seen_at[name]) for name in load.names], cost)


def wait_quiet(running: cluster.Running) -> Readings:
    """Waits until nothing is written and no hook is called any more; returns the counters."""
    last = read(running)
    while True:
        time.sleep(QUIET_SECONDS)
        now = read(running)
        if (now.writes, now.hook_calls) == (last.writes, last.hook_calls):
            return now
        last = now


def _delete_all(running: cluster.Running, team: Team) -> Deletion:
    """Deletes all requests but that of the warm-up, by as many threads as have created them."""
    names = [name for obj in team.requests() if (name := obj["metadata"]["name"]) != WARM_UP]
    before, began = read(running), time.monotonic()
    with ThreadPoolExecutor(CREATORS, thread_name_prefix="deleter") as pool:
        list(pool.map(team.delete_request, names))
    path = objects_path(REQUESTS, team.namespace)
    wait_until(
        lambda: len(team.api.ask_patiently("GET", path, limit="2")["items"]) == 1,
        what=f"{len(names)} requests are deleted",
        seconds=BURST_SECONDS_MAX,
    )
    seconds = time.monotonic() - began
    return Deletion(len(names), seconds, wait_quiet(running).since(before))


def markdown(columns: Sequence[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table of numbers."""
    lines = [f"| {' | '.join(columns)} |", f"|{' ---: |' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows)])


def _row(result: Result) -> list[str]:
    return [
        f"{result.count:,}",
        f"{result.standing:,}",
        f"{result.total_seconds:.1f}",
        f"{result.bare_seconds:.1f}",
        f"{result.total_seconds / result.bare_seconds:.2f}",
        f"{result.count / result.total_seconds:.0f}",
        *(f"{result.quantile(share):.2f}" for share in (0.5, 0.99, 1.0)),
        f"{result.cost.writes.total() / result.count:.2f} each",
        f"{result.cost.hook_calls.total() / result.count:.2f} each",
        f"{sum(result.cost.cpu_seconds.values()):.0f}",
        *(f"{result.cost.cpu_seconds[name]:.0f}" for name in PROGRAMS),
    ]


def _writes_row(result: Result, resources: Sequence[str]) -> list[str]:
    """The writes for each request by resource, and the share of the writes of the ledger that were refused."""
    writes = result.cost.writes_by_resource
    each = [f"{writes[name] / result.count:.3f}" for name in resources]
    return [f"{result.count:,}", f"{result.standing:,}", *each, f"{result.cost.refused_share(LEDGER):.0%}"]


def _deletion_row(deletion: Deletion) -> list[str]:
    return [
        f"{deletion.count:,}",
        f"{deletion.seconds:.1f}",
        f"{deletion.write_count / deletion.count:.2f} each",
        f"{sum(deletion.cost.cpu_seconds.values()):.0f}",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
