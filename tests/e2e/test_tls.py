"""TLS between Metacontroller and the hooks, as deploy/tls installs it, on the full loop.

Metacontroller calls the hooks by the name of their Service, as in a cluster, so the name in the certificate is checked.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import requests

from controlplane import history, metacontroller
from controlplane.api import RANGES, REQUESTS
from controlplane.audit import audit_history
from controlplane.loop import CONTROLLER_KINDS
from controlplane.pods import NAMESPACE, Pods
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.e2e.tls import SECRET, Checkout, running_pods, serial_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.plane import ControlPlane

REQUEST_COUNT = 300
CREATED_AT_RENEWAL = 100

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def checkout(control_plane: ControlPlane) -> Iterator[Checkout]:
    """An installation with TLS; afterwards the shipped one without it."""
    metacontroller.install(control_plane)
    checkout = Checkout(control_plane)
    checkout.make_certificates()
    checkout.apply_secret()
    checkout.apply()
    yield checkout
    control_plane.kubectl("-n", NAMESPACE, "delete", "secret", SECRET)  # cert-manager would keep it
    control_plane.kubectl("apply", "-k", str(control_plane.root / "metacontroller"))
    for kind in CONTROLLER_KINDS:
        assert "endpointConfigs" not in control_plane.kubectl("get", kind, "-o", "yaml").split("last-applied")[0]


@pytest.fixture(scope="module")
def pods(control_plane: ControlPlane, checkout: Checkout, metacontroller_path: Path) -> Iterator[Pods]:
    """The pods of this installation."""
    del checkout
    with running_pods(control_plane, metacontroller_path) as pods:
        yield pods


@pytest.fixture
def own_team(pods: Pods, namespace: str) -> Iterator[Team]:
    """A team, and the audit of the whole history after the test."""
    start = history.current_revision(pods.plane.etcd_url)
    team = Team(pods.plane.api, namespace)
    yield team
    team.stop_loads()
    team.wait_at_rest()
    assert audit_history(history.read_history(pods.plane.etcd_url, start), team.tampered).violations == []
    team.delete_all(REQUESTS)
    team.delete_all(RANGES)


def test_a_certificate_is_renewed_in_the_middle_of_a_burst_without_restart(
    pods: Pods, checkout: Checkout, own_team: Team
) -> None:
    own_team.create_range("net", "10.0.0.0/16")
    before = serial_numbers(pods, checkout)
    processes = [pod.program.pid for pod in pods.hooks]
    load = own_team.start_load(REQUEST_COUNT)
    load.wait_created(CREATED_AT_RENEWAL)
    checkout.make_certificates()
    checkout.apply_secret()
    pods.mount()
    assert len(own_team.requests("Ready")) < REQUEST_COUNT, "the renewal came after the burst"
    load.wait_created()
    own_team.wait_ready_count(REQUEST_COUNT)
    assert serial_numbers(pods, checkout).isdisjoint(before)
    assert [pod.program.pid for pod in pods.hooks] == processes
    # Connections that existed are closed; the next calls begin with a handshake.
    for each in pods.metacontrollers:
        each.program.restart()
    own_team.create_request("after")
    own_team.wait_state("after", "Ready")


def test_calls_without_tls_are_not_answered(pods: Pods) -> None:
    for pod in pods.hooks:
        with pytest.raises(requests.RequestException):
            requests.get(f"http://127.0.0.1:{pod.port}/healthz", timeout=10)
    assert list(pods.proxy.backends) == [f"ipam-hooks.{NAMESPACE}:443"]


def test_metacontroller_obeys_no_hooks_with_a_certificate_of_another_ca(
    pods: Pods, checkout: Checkout, own_team: Team, tmp_path: Path
) -> None:
    own_team.create_range("net", "10.0.0.0/24")
    own_team.create_request("before")
    own_team.wait_state("before", "Ready")
    subprocess.run([str(checkout.tls / "certificates.sh"), str(tmp_path)], check=True, capture_output=True)
    true = {name: (checkout.tls / name).read_bytes() for name in ("tls.crt", "tls.key")}
    try:
        for name in true:
            shutil.copy(tmp_path / name, checkout.tls / name)
        checkout.apply_secret()
        pods.mount()
        for pod in pods.hooks:  # so that no connection of the former certificate is left
            pod.program.restart()
        own_team.create_request("web")
        wait_until(
            lambda: any("unknown authority" in each.program.log.read_text() for each in pods.metacontrollers),
            what="Metacontroller rejects the certificate",
            seconds=60,
        )
        assert own_team.request("web")["status"]["state"] == "Pending"
    finally:
        for name, content in true.items():
            (checkout.tls / name).write_bytes(content)
        checkout.apply_secret()
        pods.mount()
    own_team.wait_state("web", "Ready", seconds=180)
