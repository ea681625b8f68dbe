"""A control plane that keeps running: `python -m controlplane.cluster up` starts it, `down` stops it.

With METACONTROLLER=/path/to/it, hooks and Metacontroller run as well. A state file in the cache has the id and the
start time of each process, so that `down` never stops another process with the same id.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from controlplane.api import Api
from controlplane.binaries import cache_folder, find_or_build
from controlplane.cluster_api import install_crds
from controlplane.loop import Loop
from controlplane.plane import TOKEN, ControlPlane
from controlplane.processes import started_at, stop_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlplane.processes import Program

ROOT = Path(__file__).parents[1]


@dataclass
class RunningProgram:
    """A process, identified by its id and its start time."""

    name: str
    pid: int
    started_at: int

    def is_running(self) -> bool:
        """Whether this process, and not another one with its id, runs."""
        return self.started_at != 0 and started_at(self.pid) == self.started_at


@dataclass
class Running:
    """A running cluster: its folder, its URLs and its processes."""

    folder: str
    api_url: str
    etcd_url: str
    metrics_url: str = ""
    programs: list[RunningProgram] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of its administrator."""
        return Path(self.folder) / "kubeconfig"

    @property
    def api(self) -> Api:
        """A client of its API server."""
        return Api(self.api_url, TOKEN, Path(self.folder) / "certs" / "apiserver.crt")

    def stop(self) -> None:
        """Stops its programs, the last one first, and removes its folder."""
        for program in reversed(self.programs):
            if program.is_running():
                stop_group(program.pid)
        shutil.rmtree(self.folder, ignore_errors=True)


def start(*, tied_to_us: bool, metacontroller: str | None, additions: tuple[str, ...] = ()) -> Running:
    """Starts a control plane, and the loop with these folders of deploy/ if a Metacontroller is given."""
    binaries = find_or_build()
    folder = Path(tempfile.mkdtemp(prefix="ipam-cluster-"))
    plane = ControlPlane(folder, binaries, ROOT, tied_to_us=tied_to_us)
    running = Running(str(folder), plane.api.url, plane.etcd_url)
    loop = Loop(plane, Path(metacontroller).resolve(), additions=additions) if metacontroller else None
    try:
        plane.start()
        if "cluster-api" in additions:
            install_crds(plane)
        if loop is not None:
            loop.start()
            running.metrics_url = loop.metacontroller.metrics_url
    except BaseException:
        plane.stop()
        if loop is not None:
            loop.stop()
        raise
    running.programs = _started([*plane.programs, *(loop.programs if loop else ())])
    return running


def standing() -> Running | None:
    """The cluster that `up` has started, if it still runs."""
    try:
        state = json.loads(_state_file().read_text())
    except FileNotFoundError:
        return None
    running = Running(**state | {"programs": [RunningProgram(**program) for program in state["programs"]]})
    return running if any(program.is_running() for program in running.programs) else None


def up() -> None:
    """Starts a cluster, unless one runs already, and prints how to reach it."""
    running = standing()
    if running is None:
        running = start(tied_to_us=False, metacontroller=os.environ.get("METACONTROLLER"))
        _state_file().parent.mkdir(parents=True, exist_ok=True)
        _state_file().write_text(json.dumps(asdict(running)))
    if not running.metrics_url:
        print("no hooks run: without METACONTROLLER=/path/to/it, requests stay Pending", file=sys.stderr)
    print(f"export KUBECONFIG={running.kubeconfig}")


def down() -> None:
    """Stops the cluster that `up` has started."""
    running = standing()
    if running is None:
        print("no cluster is running", file=sys.stderr)
    else:
        running.stop()
    _state_file().unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    commands = {"up": up, "down": down}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m controlplane.cluster up|down", file=sys.stderr)
        return 2
    commands[arguments[0]]()
    return 0


def _started(programs: list[Program]) -> list[RunningProgram]:
    return [
        RunningProgram(program.name, program.pid, started_at(program.pid)) for program in programs if program.is_started
    ]


def _state_file() -> Path:
    return cache_folder().parent / "cluster.json"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
