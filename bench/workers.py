"""Compare gunicorn's worker models: four callers post the body of many waiting requests during probes.

The models take turns and serve the same number of calls, so that a noisy minute affects all of them. The table has the
medians and maxima of calls and probes, in milliseconds of wall time, and the memory of all processes at the end.

    python -m bench.workers [COUNT]
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import requests

from bench.bodies import sync_body

OURS = "hooks.worker.HookWorker"
MODELS = (("sync", 1), ("sync", 2), (OURS, 1), (OURS, 2))
CALLERS = 4
CALLS_PER_ROUND = 12
ROUNDS = 3
PROBE_SECONDS = 0.05


def main(count: int) -> None:
    """Print one Markdown table."""
    body = sync_body(count, "waiting")  # the answer to settled ones would be kept back
    calls: dict[tuple[str, int], list[float]] = {model: [] for model in MODELS}
    probes: dict[tuple[str, int], list[float]] = {model: [] for model in MODELS}
    memory: dict[tuple[str, int], int] = {}
    for _ in range(ROUNDS):
        for model in MODELS:
            with served(*model) as (url, pid), probing(url, probes[model]), ThreadPoolExecutor(CALLERS) as pool:
                calls[model] += pool.map(lambda _, url=url: post(url, body), range(CALLS_PER_ROUND))
                memory[model] = resident_bytes(pid)
    print(f"body: {len(body) / 1e6:.1f} MB, {CALLERS} callers, {ROUNDS * CALLS_PER_ROUND} calls each")
    print("| worker class | processes | call median | call worst | probe median | probe worst | memory |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for model in MODELS:
        worker_class, workers = model
        print(
            f"| {worker_class} | {workers} | {median(calls[model]):.0f} ms | {max(calls[model]):.0f} ms "
            f"| {median(probes[model]):.0f} ms | {max(probes[model]):.0f} ms | {memory[model] / 1e6:.0f} MB |"
        )


@contextmanager
def served(worker_class: str, workers: int) -> Iterator[tuple[str, int]]:
    """Run the hooks under gunicorn on a free port; yield their URL and the process id of the arbiter."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{probe.getsockname()[1]}"
    options = ["--worker-class", worker_class, "--workers", str(workers)]
    command = [str(Path(sys.executable).with_name("gunicorn")), *options, "--log-level", "error"]
    process = subprocess.Popen(command, env={**os.environ, "IPAM_BIND": bind})
    try:
        wait_until_ready(f"http://{bind}")
        yield f"http://{bind}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=40)


def wait_until_ready(url: str) -> None:
    """Return once the server answers; give up after 20 s."""
    for _ in range(200):
        try:
            get(url)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{url} does not answer")


@contextmanager
def probing(url: str, latencies: list[float]) -> Iterator[None]:
    """Probe /healthz repeatedly in the background."""
    done = threading.Event()

    def probe() -> None:
        while not done.wait(PROBE_SECONDS):
            latencies.append(get(url))

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def get(url: str) -> float:
    """Send one probe; return its milliseconds."""
    start = time.perf_counter()
    requests.get(f"{url}/healthz", timeout=60).raise_for_status()
    return (time.perf_counter() - start) * 1000


def post(url: str, body: bytes) -> float:
    """Make one call; return its milliseconds."""
    start = time.perf_counter()
    requests.post(f"{url}/ipamrange/sync", data=body, timeout=60).raise_for_status()
    return (time.perf_counter() - start) * 1000


def resident_bytes(pid: int) -> int:
    """Memory of a process and its children; shared pages count in each."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = (int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in [str(pid), *children])
    return sum(pages) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
