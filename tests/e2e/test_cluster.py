"""No program keeps running after `make cluster-down`, or after Ctrl-C in a test run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controlplane.api import kubectl
from controlplane.binaries import find_or_build
from controlplane.cluster import ROOT
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.plane import ControlPlane

SECONDS_MAX = 90.0
PROGRAMS = {"etcd", "kube-apiserver", "kube-controller-manager"}


@pytest.fixture
def environment(control_plane: ControlPlane, tmp_path: Path) -> dict[str, str]:
    """An environment that uses the programs of this run and writes to a folder of the test only."""
    del control_plane  # its programs are built
    ready = find_or_build()
    paths = {"ETCD": ready.etcd, "KUBE_APISERVER": ready.apiserver, "KUBE_CONTROLLER_MANAGER": ready.controller_manager}
    folders = {"XDG_CACHE_HOME": tmp_path / "cache", "TMPDIR": tmp_path}
    ours = {name: str(path) for name, path in (paths | folders).items()}
    return {name: text for name, text in os.environ.items() if name != "METACONTROLLER"} | ours


def test_a_cluster_keeps_running_until_it_is_stopped(environment: dict[str, str], tmp_path: Path) -> None:
    try:
        printed = _cluster("up", environment)
        name, _, kubeconfig = printed.strip().removeprefix("export ").partition("=")
        assert name == "KUBECONFIG"
        assert "ipamranges" in kubectl(Path(kubeconfig), "api-resources", "--api-group=ipam.mandelsoft.org")
        assert _cluster("up", environment) == printed
        assert _running_in(tmp_path) == PROGRAMS
    finally:
        _cluster("down", environment)
    assert _running_in(tmp_path) == set()
    assert not Path(kubeconfig).parent.exists()


def test_ctrl_c_ends_a_test_run_and_all_its_programs(environment: dict[str, str], tmp_path: Path) -> None:
    test = "tests/e2e/test_ledger.py::test_of_two_to_eight_racing_writers_exactly_one_wins"
    # Background jobs of a shell and their children ignore SIGINT unless its default handling is restored.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "pytest", test, f"--basetemp={tmp_path / 'run'}"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        wait_until(lambda: _running_in(tmp_path) == PROGRAMS, what="all programs run", seconds=SECONDS_MAX)
        run.send_signal(signal.SIGINT)
        printed, _ = run.communicate(timeout=SECONDS_MAX)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, printed
    assert _running_in(tmp_path) == set()


def _cluster(command: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "controlplane.cluster", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _running_in(folder: Path) -> set[str]:
    """The names of the control plane's programs that run with an argument in this folder."""
    found = set()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            program, *arguments = process.read_bytes().decode().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if Path(program).name in PROGRAMS and any(str(folder) in argument for argument in arguments):
            found.add(Path(program).name)
    return found
