"""History, export, import and the page of the kubectl plugin, on a real control plane with hooks that log events."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from controlplane.api import REQUESTS
from controlplane.loop import Loop
from tests.kubectl_ipam.exchange.inputs import IN_CLUSTER, blocks_of, checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.plane import ControlPlane
    from controlplane.team import Team

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", name="log")
def _log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history") / "history.log"


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path, log: Path) -> Iterator[Loop]:
    """Hooks whose processes log to one file."""
    made = Loop(control_plane, metacontroller_path, IPAM_HISTORY_LOG=str(log))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def start(loop: Loop, *arguments: str) -> subprocess.Popen[str]:
    """The plugin with the kubeconfig of the administrator, or, for `history`, without one."""
    flags = [] if arguments[0] == "history" else [f"--kubeconfig={loop.plane.kubeconfig}"]
    command = [sys.executable, "-m", "kubectl_ipam", *arguments, *flags]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(loop: Loop, *arguments: str, code: int = 0) -> str:
    process = start(loop, *arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err
    return out


def test_the_history_that_the_hooks_log_is_that_of_the_ledger(loop: Loop, team: Team, log: Path) -> None:
    team.create_range("net", "10.90.0.0/28", chunkSize=30)
    for name in ("a", "b", "c"):
        team.create_request(name)
        team.wait_state(name, "Ready")
    cidr = team.request("b")["status"]["cidr"]
    team.delete_request("b")
    team.wait_deleted(REQUESTS, "b")
    team.create_request("d")
    assert team.wait_state("d", "Ready")["status"]["cidr"] == cidr
    team.wait_at_rest()

    document = json.loads(run(loop, "history", cidr, "-f", str(log), "-o", "json"))
    events = [each for each in document["events"] if each["range"] == f"{team.namespace}/net"]

    assert [(each["message"], each["request"].rpartition("/")[2]) for each in events] == [
        ("granted", "b"),
        ("released", "b"),
        ("granted", "d"),
    ]
    assert [each["revision"] for each in events] == sorted({each["revision"] for each in events})


def test_an_export_is_restored_with_the_same_blocks(loop: Loop, team: Team, tmp_path: Path) -> None:
    team.create_range("net", "10.91.0.0/24", chunkSize=28)
    for number in range(6):
        team.create_request(f"web-{number}", size=29 if number % 2 else 28)
    team.wait_ready_count(6)
    team.delete_request("web-2")
    team.wait_deleted(REQUESTS, "web-2")
    team.wait_at_rest()
    before = addresses(team)
    export = tmp_path / "export.json"
    export.write_text(run(loop, "export", "-n", team.namespace, "-o", "json"))
    assert "exists already" in failure(loop, "import", str(export), "--compare")
    team.delete_all(REQUESTS)
    team.delete_range()
    team.wait_empty()

    manifests = tmp_path / "import.yaml"
    manifests.write_text(run(loop, "import", str(export), "--compare"))
    loop.plane.kubectl("apply", "--server-side", "--field-manager=ipam-import", "-f", str(manifests))

    team.wait_ready_count(5)
    assert addresses(team) == before


def test_pools_of_the_in_cluster_provider_are_imported_with_their_addresses(
    loop: Loop, team: Team, tmp_path: Path
) -> None:
    text = IN_CLUSTER
    for name in ("infra", "tenant"):
        text = text.replace(f"namespace: {name}", f"namespace: {team.namespace}")
    pools, manifests = tmp_path / "pools.yaml", tmp_path / "import.yaml"
    pools.write_text(text)
    manifests.write_text(run(loop, "import", str(pools), "-n", team.namespace))
    loop.plane.kubectl("apply", "--server-side", "--field-manager=ipam-import", "-f", str(manifests))

    recorded = {name.partition("/")[2]: cidr for name, (_, cidr) in blocks_of(checked(text)).items() if cidr}
    team.wait_ready_count(len(recorded))
    assert {name: cidr for name, cidr in addresses(team).items() if cidr} == recorded


def test_the_page_shows_the_cluster_with_the_rights_of_the_user(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.92.0.0/31")
    for number in range(3):
        team.create_request(f"web-{number}")
    team.wait_ready_count(2)
    process = start(loop, "serve", "--every", "1", "-n", team.namespace)
    assert process.stdout
    try:
        url = process.stdout.readline().split()[-1]
        row = requests.get(f"{url}api/rows?name={team.namespace}/net", timeout=30).json()["rows"][0]
        assert (row["kind"], row["state"]) == ("waiting", "Busy")
        assert requests.get(f"{url}map.svg?name={team.namespace}/net", timeout=30).text.startswith("<svg")
        assert requests.get(url, headers={"Host": "rebound.example"}, timeout=30).status_code == 421
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def addresses(team: Team) -> dict[str, Any]:
    return {each["metadata"]["name"]: each.get("status", {}).get("cidr", "") for each in team.requests()}


def failure(loop: Loop, *arguments: str) -> str:
    """What a command reports that ends with exit code 1."""
    process = start(loop, *arguments)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    return err
