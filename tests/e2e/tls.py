"""An installation with TLS as docs/security.md describes it, and the certificates that its pods serve."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from controlplane.pods import NAMESPACE, Pods

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.plane import ControlPlane

SECRET = "ipam-hooks-tls"


class Checkout:
    """The parts of a checkout that `kubectl apply -k deploy/tls` reads, and the certificates of its script."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane, self._root = plane, plane.folder / "checkout"
        shutil.rmtree(self._root, ignore_errors=True)
        for name in ("crds", "metacontroller", "deploy/tls"):
            shutil.copytree(plane.root / name, self._root / name)

    @property
    def tls(self) -> Path:
        return self._root / "deploy/tls"

    def make_certificates(self) -> None:
        """Creates or renews the certificate of the hooks."""
        subprocess.run([str(self.tls / "certificates.sh"), str(self.tls)], check=True, capture_output=True)

    def apply_secret(self) -> None:
        """What docs/security.md says."""
        files = (f"--cert={self.tls / 'tls.crt'}", f"--key={self.tls / 'tls.key'}")
        create = ("-n", NAMESPACE, "create", "secret", "tls", SECRET, *files, "--dry-run=client", "-o", "yaml")
        self._plane.kubectl("apply", "-f", "-", stdin=self._plane.kubectl(*create))

    def apply(self) -> None:
        self._plane.kubectl("apply", "-k", str(self.tls))


@contextmanager
def running_pods(plane: ControlPlane, metacontroller: Path) -> Iterator[Pods]:
    """The pods of an installation, for a `with` block."""
    pods = Pods(plane, metacontroller)
    try:
        pods.start()
        yield pods
    finally:
        pods.stop()


def serial_numbers(pods: Pods, checkout: Checkout) -> set[str]:
    """The serial numbers of the certificates that new connections to each pod get; each must be of the CA."""
    found = set()
    for pod in pods.hooks:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{pod.port}", "-CAfile", str(checkout.tls / "ca.crt")]
        shown = subprocess.run(
            [*command, "-verify_return_error", "-verify_hostname", f"ipam-hooks.{NAMESPACE}"],
            input="",
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        found.add(
            subprocess.run(
                ["openssl", "x509", "-noout", "-serial"], input=shown, check=True, capture_output=True, text=True
            ).stdout
        )
    return found
