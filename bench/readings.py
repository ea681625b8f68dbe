"""The cost of a burst: API writes, hook calls and CPU time, as differences between two readings."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from controlplane.api import GROUP
from controlplane.processes import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.cluster import Running

SAMPLE = re.compile(r"^(\w+)\{(.*)\} ([0-9.e+]+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
WRITES = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})
CLUSTER_API_GROUP = "ipam.cluster.x-k8s.io"
#: The API groups whose writes count, and what counts of the groups of Kubernetes itself: events, and Services.
GROUPS = frozenset({GROUP, CLUSTER_API_GROUP})
RESOURCES = frozenset({("", "events"), ("events.k8s.io", "events"), ("", "services"), ("", "services/status")})
HOOK_CALLS = re.compile(r"^metacontroller_(customize|sync|finalize)_requests_total$")


@dataclass(frozen=True, slots=True)
class Readings:
    """The counters at one moment; the difference of two readings is the cost in between.

    Attributes:
        writes: by verb, resource and HTTP code, such as "PUT ipamrequests/status 200".
        hook_calls: by controller, hook and HTTP code.
        cpu_seconds: by program.
    """

    writes: Counter[str]
    hook_calls: Counter[str]
    cpu_seconds: dict[str, float]

    @property
    def writes_by_resource(self) -> Counter[str]:
        """The writes by resource, accepted or not."""
        counts: Counter[str] = Counter()
        for name, count in self.writes.items():
            counts[name.split()[1]] += count
        return counts

    def refused_share(self, resource: str) -> float:
        """The share of the writes to a resource that the API server refused."""
        codes: Counter[str] = Counter()
        for name, count in self.writes.items():
            _, written, code = name.split()
            codes[code] += count if written == resource else 0
        return sum(count for code, count in codes.items() if code >= "400") / (codes.total() or 1)

    def since(self, before: Readings) -> Readings:
        """The counts since an earlier reading."""
        cpu = {name: seconds - before.cpu_seconds.get(name, 0.0) for name, seconds in self.cpu_seconds.items()}
        return Readings(self.writes - before.writes, self.hook_calls - before.hook_calls, cpu)


def read(running: Running) -> Readings:
    """The present counters."""
    calls = _samples(requests.get(running.metrics_url, timeout=30).text) if running.metrics_url else iter(())
    hooks: Counter[str] = Counter()
    for name, labels, value in calls:
        if match := HOOK_CALLS.match(name):
            hooks[f"{labels['controller_name']} {match.group(1)} {labels['code']}"] += round(value)
    cpu = {program.name: cpu_seconds(program.pid) for program in running.programs}
    return Readings(counted_writes(running.api.call("GET", "/metrics", accept="text/plain").text), hooks, cpu)


def counted_writes(metrics: str) -> Counter[str]:
    """The writes that count, in the metrics of an API server."""
    writes: Counter[str] = Counter()
    for name, labels, value in _samples(metrics):
        if name == "apiserver_request_total" and labels["verb"] in WRITES:
            group = labels.get("group", "")
            resource = "/".join(part for part in (labels["resource"], labels["subresource"]) if part)
            if group in GROUPS or (group, resource) in RESOURCES:
                writes[f"{labels['verb']} {resource} {labels['code']}"] += round(value)
    return writes


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for name, labels, value in SAMPLE.findall(text):
        yield name, dict(LABEL.findall(labels)), float(value)
