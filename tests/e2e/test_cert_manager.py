"""deploy/tls with the certificates of cert-manager, whose controllers run: issued, used in the full loop, renewed."""

from __future__ import annotations

import base64
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from controlplane import cert_manager, metacontroller
from controlplane.api import RANGES, REQUESTS
from controlplane.binaries import BuildFailed
from controlplane.pods import NAMESPACE, Pods
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.e2e.tls import SECRET, Checkout, running_pods, serial_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.plane import ControlPlane

#: The controllers are built the first time.
pytestmark = pytest.mark.timeout(1800)
NAMES = {f"ipam-hooks.{NAMESPACE}{suffix}" for suffix in ("", ".svc", ".svc.cluster.local")}


@pytest.fixture(scope="module")
def issuer(control_plane: ControlPlane) -> Iterator[Checkout]:
    """A checkout that was installed as docs/security.md says, with cert-manager running."""
    if shutil.which("go") is None:
        pytest.skip("needs Go, which builds the controllers of cert-manager")
    try:
        program = cert_manager.controllers(control_plane)
    except BuildFailed as error:
        pytest.skip(f"the controllers of cert-manager can't be built here: {error}")
    cert_manager.install_crds(control_plane)
    metacontroller.install(control_plane)
    checkout, root = Checkout(control_plane), control_plane.root
    program.start()
    try:
        control_plane.kubectl(
            "apply", "-f", str(root / "metacontroller/namespace.yaml"), "-f", str(root / "deploy/tls/cert-manager.yaml")
        )
        wait = ("wait", "--timeout=2m", "--for=condition=Ready", "certificate/ipam-hooks")
        control_plane.kubectl("-n", NAMESPACE, *wait)
        (checkout.tls / "ca.crt").write_bytes(part_of_secret(control_plane, "ca.crt"))
        checkout.apply()
        yield checkout
    finally:
        program.stop()
        cert_manager.remove_crds(control_plane)
        control_plane.kubectl("apply", "-k", str(root / "metacontroller"))
        control_plane.kubectl("-n", NAMESPACE, "delete", "secret", SECRET, "ipam-ca", "--ignore-not-found")


@pytest.fixture
def pods(control_plane: ControlPlane, issuer: Checkout, metacontroller_path: Path) -> Iterator[Pods]:
    """The pods of this installation."""
    del issuer
    with running_pods(control_plane, metacontroller_path) as pods:
        yield pods


def part_of_secret(plane: ControlPlane, key: str) -> bytes:
    """A file of the Secret of the hooks; empty while there is none."""
    path = f"-o=jsonpath={{.data.{key.replace('.', chr(92) + '.')}}}"
    return base64.b64decode(plane.kubectl("-n", NAMESPACE, "get", "secret", SECRET, "--ignore-not-found", path))


def certificate(plane: ControlPlane, name: str) -> Obj:
    found: Obj = plane.api.ask("GET", f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates/{name}")
    return found


def openssl(*arguments: str, stdin: bytes = b"") -> str:
    return subprocess.run(["openssl", *arguments], input=stdin, check=True, capture_output=True).stdout.decode()


def test_the_certificate_has_the_names_the_purpose_and_the_lifetime_that_the_hooks_need(
    control_plane: ControlPlane, issuer: Checkout, tmp_path: Path
) -> None:
    leaf = tmp_path / "tls.crt"
    leaf.write_bytes(part_of_secret(control_plane, "tls.crt"))

    verified = openssl("verify", "-purpose", "sslserver", "-CAfile", str(issuer.tls / "ca.crt"), str(leaf))
    shown = openssl("x509", "-noout", "-text", "-in", str(leaf))

    assert verified.strip().endswith(": OK")
    assert {
        each.strip().removeprefix("DNS:") for each in shown.split("Alternative Name:")[1].split("\n")[1].split(",")
    } == NAMES
    assert "TLS Web Server Authentication" in shown
    assert "CA:TRUE" not in shown
    assert "CA:TRUE" in openssl("x509", "-noout", "-text", "-in", str(issuer.tls / "ca.crt"))
    day = 24 * 3600
    assert "will not expire" in openssl("x509", "-noout", "-checkend", str(89 * day), "-in", str(leaf))
    assert certificate(control_plane, "ipam-hooks")["status"]["renewalTime"]


def test_the_loop_runs_with_a_certificate_of_cert_manager_and_with_the_renewed_one(
    control_plane: ControlPlane, issuer: Checkout, pods: Pods, namespace: str
) -> None:
    team = Team(control_plane.api, namespace)
    team.create_range("net", "10.0.0.0/24")
    team.create_request("before")
    team.wait_state("before", "Ready")
    before, authority = serial_numbers(pods, issuer), part_of_secret(control_plane, "ca.crt")
    processes = [pod.program.pid for pod in pods.hooks]
    old = part_of_secret(control_plane, "tls.crt")

    control_plane.kubectl("-n", NAMESPACE, "delete", "secret", SECRET)
    wait_until(
        lambda: part_of_secret(control_plane, "tls.crt") not in (b"", old), what="cert-manager renews it", seconds=120
    )
    pods.mount()
    wait_until(lambda: serial_numbers(pods, issuer).isdisjoint(before), what="the hooks serve it", seconds=60)

    assert [pod.program.pid for pod in pods.hooks] == processes, "without a restart"
    assert part_of_secret(control_plane, "ca.crt") == authority, "by the same CA, which the controllers trust"
    for each in pods.metacontrollers:  # so that its next call begins with a handshake
        each.program.restart()
    team.create_request("after")
    team.wait_state("after", "Ready", seconds=120)
    team.delete_all(REQUESTS)
    team.delete_all(RANGES)
