"""The metrics of a server with several workers: one sum, at an address of its own, served by a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from controlplane.processes import free_port, is_running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
WORKERS, CALLS = 3, 60
SECONDS_MAX = 60.0
BODY = (ROOT / "examples/bodies/ipamrange-sync.json").read_bytes()


class Server:
    """A server of the hooks with metrics."""

    def __init__(self, process: subprocess.Popen[str], port: int, metrics_port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.metrics_url = f"http://127.0.0.1:{metrics_port}"

    @property
    def folder(self) -> Path:
        return Path(f"/dev/shm/ipam-metrics-{self.process.pid}")

    def call(self) -> int:
        return requests.post(f"{self.url}/ipamrange/sync", data=BODY, timeout=60).status_code

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a time series."""
        families = text_string_to_metric_families(requests.get(f"{self.metrics_url}/metrics", timeout=10).text)
        (value,) = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and sample.labels.items() >= labels.items()
        ]
        return value

    def children(self, *, serving_metrics: bool) -> list[int]:
        """The processes that gunicorn has started: workers, or what serves the metrics."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in listed}
        return [pid for pid, command in commands.items() if ("hooks.exposition" in command) == serving_metrics]

    def is_up(self) -> bool:
        assert self.process.poll() is None
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def serves_metrics(self) -> bool:
        try:
            return requests.get(self.metrics_url, timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def serving(port: int | None = None, metrics_port: int | None = None, workers: int = WORKERS) -> Iterator[Server]:
    port, metrics_port = port or free_port(), metrics_port or free_port()
    own = {
        "IPAM_BIND": f"127.0.0.1:{port}",
        "IPAM_METRICS_BIND": f"127.0.0.1:{metrics_port}",
        "IPAM_WORKERS": f"{workers}",
    }
    command = [sys.executable, "-m", "gunicorn", "--log-level", "error"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | own, stderr=subprocess.PIPE, text=True) as process:
        server = Server(process, port, metrics_port)
        try:
            wait_until(server.is_up, what="the hooks listen", seconds=SECONDS_MAX)
            yield server
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS_MAX)


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    with serving() as server:
        wait_until(server.serves_metrics, what="metrics are served", seconds=SECONDS_MAX)
        yield server


def test_metrics_are_the_sum_of_all_workers_and_keep_what_a_worker_that_died_has_counted(server: Server) -> None:
    assert [server.call() for _ in range(CALLS)] == [200] * CALLS
    assert len(list(server.folder.glob("counter_*.db"))) > 1, "only one worker has counted"
    assert server.metric("ipam_hooks_calls_total", hook="/ipamrange/sync", code="200") == CALLS
    assert server.metric("ipam_hooks_proposals_total") == CALLS

    for worker in server.children(serving_metrics=False):
        os.kill(worker, signal.SIGKILL)
    wait_until(server.is_up, what="other workers answer", seconds=SECONDS_MAX)
    server.call()

    assert server.metric("ipam_hooks_calls_total", hook="/ipamrange/sync", code="200") == CALLS + 1
    assert server.metric("ipam_hooks_call_seconds_count", hook="/ipamrange/sync", part="decide") == CALLS + 1


def test_neither_address_serves_what_the_other_one_does(server: Server) -> None:
    assert requests.get(f"{server.url}/metrics", timeout=5).status_code == 404
    response = requests.post(f"{server.metrics_url}/ipamrange/sync", data=BODY, timeout=5)
    assert response.status_code == 405
    assert server.metric("ipam_hooks_proposals_total") == 0


def test_a_scrape_is_answered_while_all_workers_are_busy() -> None:
    """A worker that is stopped can't do anything else, however fast the machine is."""
    with serving(workers=1) as server:
        wait_until(server.serves_metrics, what="metrics are served", seconds=SECONDS_MAX)
        call = Thread(target=server.call)
        (worker,) = server.children(serving_metrics=False)
        os.kill(worker, signal.SIGSTOP)
        try:
            call.start()
            assert server.metric("ipam_hooks_call_seconds_count", hook="/ipamrange/sync", part="decide") == 0
            assert call.is_alive()
        finally:
            os.kill(worker, signal.SIGCONT)
        call.join()
        assert server.metric("ipam_hooks_call_seconds_count", hook="/ipamrange/sync", part="decide") == 1
        assert server.metric("ipam_hooks_body_bytes_sum", hook="/ipamrange/sync") > 0
        assert is_running(worker)


def test_nothing_is_left_behind_when_the_server_is_killed_and_its_ports_are_free_at_once() -> None:
    with serving() as server:
        wait_until(server.serves_metrics, what="metrics are served", seconds=SECONDS_MAX)
        (exposition,) = server.children(serving_metrics=True)
        workers = server.children(serving_metrics=False)
        port = int(server.url.rpartition(":")[2])
        for process in (server.process.pid, *workers):
            os.kill(process, signal.SIGKILL)
        start = monotonic()
        with serving(port=port):
            assert monotonic() - start < SECONDS_MAX
        wait_until(lambda: not is_running(exposition), what="the metrics end, too", seconds=SECONDS_MAX)
        wait_until(lambda: not server.folder.exists(), what="their folder is removed", seconds=SECONDS_MAX)


def test_an_address_that_is_in_use_is_reported_and_the_hooks_work_without_metrics() -> None:
    with serving() as first:
        wait_until(first.serves_metrics, what="metrics are served", seconds=SECONDS_MAX)
        taken = int(first.metrics_url.rpartition(":")[2])
        with serving(metrics_port=taken) as second:
            assert second.call() == 200
            wait_until(lambda: not second.children(serving_metrics=True), what="it gives up", seconds=SECONDS_MAX)
            second.process.terminate()
            _, printed = second.process.communicate(timeout=SECONDS_MAX)
    (line,) = printed.splitlines()
    assert json.loads(line).items() >= {"level": "critical", "logger": "ipam.metrics"}.items()
    assert re.search(rf"no metrics: can't listen at 127\.0\.0\.1:{taken}: Address already in use", line)
