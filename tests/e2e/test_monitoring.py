"""A real Metacontroller has the metrics that the alerts and the dashboard of deploy/monitoring use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests

from controlplane.api import REQUESTS
from controlplane.processes import wait_until
from tests.metacontroller_metrics import COUNTERS, METRICS

if TYPE_CHECKING:
    from controlplane.loop import Loop
    from controlplane.team import Team

SAMPLE = re.compile(r"^(\w+)\{(.*)\} [0-9.e+]+$", re.MULTILINE)
WAIT_SECONDS_MAX = 60.0


def test_metacontroller_counts_the_calls_of_each_hook(team: Team, loop: Loop) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    team.create_request("web")
    team.wait_state("web", "Ready")
    team.delete_all(REQUESTS)
    wait_until(lambda: set(_counted(loop)) == set(METRICS), what="each hook was called", seconds=WAIT_SECONDS_MAX)
    for name, labels in _counted(loop).items():
        assert set(labels) == METRICS[name]
        if name in COUNTERS:
            assert (labels["code"], labels["controller_name"]) in {("200", "ipamrange"), ("200", "ipamrequest")}


def _counted(loop: Loop) -> dict[str, dict[str, str]]:
    """The labels of a sample of each metric, by the name of the metric."""
    text = requests.get(loop.metacontroller.metrics_url, timeout=30).text
    samples = SAMPLE.findall(text)
    return {name: dict(re.findall(r'(\w+)="(.*?)"', labels)) for name, labels in samples if name in METRICS}
