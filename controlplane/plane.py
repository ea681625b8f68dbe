"""A real control plane on loopback: etcd, API server and controller manager, with the shipped manifests installed.

Ports are chosen once and data stays in the folder, so each part can be restarted in place. The API server creates its
own certificate, by which all clients here verify it. The history is never compacted, because the audit reads each
stored revision (`audit.py`).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import requests
import yaml

from controlplane.api import KINDS, Api, Refused, kubectl
from controlplane.processes import Program, free_port, wait_until

if TYPE_CHECKING:
    from controlplane.binaries import Binaries

TOKEN = "e2e-admin"  # of a server that listens on loopback only and stops with the test
ETCD_BYTES_MAX = 8 << 30
START_SECONDS_MAX = 90.0
AGGREGATED_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

#: Metacontroller's kinds, which a user installs before our controllers.
METACONTROLLER_CRDS = Path(__file__).parent / "metacontroller_crds.yaml"
#: The shipped kustomization with CRDs, roles, hooks and controllers.
SHIPPED = "metacontroller"

#: The controllers of the controller manager that our objects need: for dependents of deleted owners, namespaces,
#: aggregated roles, and quotas, whose status the API server's admission waits for.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "clusterrole-aggregation-controller",
    "resourcequota-controller",
)


class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager in one folder."""

    def __init__(self, folder: Path, binaries: Binaries, root: Path, *, tied_to_us: bool) -> None:
        self.folder, self.root, self.tied_to_us = folder, root, tied_to_us
        self.etcd_url = f"http://127.0.0.1:{free_port()}"
        self.api = Api(f"https://127.0.0.1:{free_port()}", TOKEN, folder / "certs" / "apiserver.crt")
        self.kubeconfig = folder / "kubeconfig"
        self.etcd = self.program("etcd", binaries.etcd, *self._etcd_flags())
        self.apiserver = self.program("kube-apiserver", binaries.apiserver, *self._apiserver_flags())
        self.controller_manager = self.program(
            "kube-controller-manager", binaries.controller_manager, *self._controller_manager_flags()
        )

    @property
    def etcd_folder(self) -> Path:
        """The folder with each revision of each object."""
        return self.folder / "etcd"

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs in the order of their start."""
        return self.etcd, self.apiserver, self.controller_manager

    def program(self, name: str, path: Path | str, *arguments: str, **environment: str) -> Program:
        """A program that is not started yet and logs to this folder."""
        log = self.folder / f"{name}.log"
        return Program(name, [str(path), *arguments], log, self.tied_to_us, environment, self.root)

    def start(self) -> None:
        """Starts all programs and installs the shipped manifests."""
        self.start_empty()
        self.install()

    def start_empty(self) -> None:
        """Starts all programs and installs nothing."""
        self._write_files()
        self.etcd.start()
        self.apiserver.start()
        self.wait_ready()
        self.controller_manager.start()

    def install(self) -> None:
        """Installs the shipped manifests."""
        self.kubectl("apply", "-f", str(METACONTROLLER_CRDS))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self.kubectl("apply", "-k", str(self.root / SHIPPED))
        self.wait_served()

    def stop(self) -> None:
        """Stops all programs."""
        for program in reversed(self.programs):
            program.stop()

    def restart_apiserver(self) -> None:
        """Kills the API server and starts it again."""
        self.apiserver.restart(hard=True)
        self.wait_ready()
        wait_until(self._is_discovered, what="discovery lists our kinds", seconds=START_SECONDS_MAX)

    def restart_etcd(self) -> None:
        """Kills etcd and starts it again on its data; the API server reconnects by itself."""
        self.etcd.restart(hard=True)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Waits until the API server serves."""
        wait_until(self._is_ready, what="the API server is ready", seconds=START_SECONDS_MAX)

    def wait_served(self) -> None:
        """Waits until every installed kind is served and discovered, and removes kubectl's discovery cache."""
        wait_until(self._is_established, what="all kinds are established", seconds=START_SECONDS_MAX)
        wait_until(self._is_discovered, what="discovery lists our kinds", seconds=START_SECONDS_MAX)
        shutil.rmtree(self.folder / "kubectl-cache", ignore_errors=True)

    def kubectl(self, *arguments: str, stdin: str | None = None, **environment: str) -> str:
        """Runs kubectl as the administrator."""
        return kubectl(self.kubeconfig, *arguments, stdin=stdin, **environment)

    def write_kubeconfig(self, path: Path, token: str) -> None:
        """Writes a kubeconfig for the user of a token."""
        cluster = {"server": self.api.url, "certificate-authority": str(self.api.ca_file)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "user"}}],
            "current-context": "e2e",
        }
        path.write_text(yaml.safe_dump(config))

    def _is_ready(self) -> bool:
        for program in (self.etcd, self.apiserver):
            program.check_runs()
        try:
            return self.api.call("GET", "/readyz").ok
        except (OSError, requests.RequestException):
            return False

    def _is_established(self) -> bool:
        """Whether all kinds are served. A new one has no conditions at first, which kubectl takes for an error."""
        try:
            self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        except Refused:
            return False
        return True

    def _is_discovered(self) -> bool:
        served = self.api.call("GET", "/apis", accept=AGGREGATED_DISCOVERY).text
        return all(f'"{resource}"' in served for resource in KINDS.values())

    def _write_files(self) -> None:
        (self.folder / "certs").mkdir(parents=True)
        (self.folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        key = self.folder / "service-accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        self.write_kubeconfig(self.kubeconfig, TOKEN)

    def _etcd_flags(self) -> list[str]:
        peers = f"http://127.0.0.1:{free_port()}"
        return [
            f"--data-dir={self.etcd_folder}",
            "--unsafe-no-fsync",
            f"--quota-backend-bytes={ETCD_BYTES_MAX}",
            f"--listen-client-urls={self.etcd_url}",
            f"--advertise-client-urls={self.etcd_url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--log-level=error",
        ]

    def _apiserver_flags(self) -> list[str]:
        key = self.folder / "service-accounts.key"
        return [
            f"--etcd-servers={self.etcd_url}",
            "--etcd-compaction-interval=0",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.api.url.rpartition(':')[2]}",
            f"--cert-dir={self.api.ca_file.parent}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
            # Beside v1 of MutatingAdmissionPolicy, for deploy/admission-v1beta1.
            "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
            # As in strict clusters: `blockOwnerDeletion` needs a right on the finalizers of the owner.
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
        ]

    def _controller_manager_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--controllers={','.join(CONTROLLERS)}",
            # By default a quota that is older than the discovery of its kind is counted after five minutes.
            "--resource-quota-sync-period=10s",
            "--leader-elect=false",
            "--secure-port=0",
        ]
