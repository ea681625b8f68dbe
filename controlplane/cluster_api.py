"""Cluster API's own kinds, its webhooks and its program clusterctl, from its Go module, which is not copied.

`clusterctl/go.mod` names the version. The webhooks are served by a small program around them (`webhooks/`), because the
manager of Cluster API needs all of its kinds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from controlplane.binaries import find_or_build_tool, module_folder

if TYPE_CHECKING:
    from controlplane.api import Obj
    from controlplane.plane import ControlPlane

MODULE = Path(__file__).parent / "clusterctl"
WEBHOOKS_MODULE = Path(__file__).parent / "webhooks"
PATH = "sigs.k8s.io/cluster-api"
CRDS = (
    "ipam.cluster.x-k8s.io_ipaddressclaims.yaml",
    "ipam.cluster.x-k8s.io_ipaddresses.yaml",
    "cluster.x-k8s.io_clusters.yaml",
)


def crd_files() -> list[Path]:
    """The CRDs of claims, addresses and Clusters."""
    folder = _config_folder() / "crd" / "bases"
    return [folder / name for name in CRDS]


def webhooks_at(url: str, ca_bundle: str) -> Obj:
    """The configuration of the webhooks that validate claims and addresses, at this URL."""
    documents: list[Obj] = list(yaml.safe_load_all((_config_folder() / "webhook" / "manifests.yaml").read_text()))
    (given,) = [each for each in documents if each["kind"] == "ValidatingWebhookConfiguration"]
    ours = [each for each in given["webhooks"] if "ipam.cluster.x-k8s.io" in each["rules"][0]["apiGroups"]]
    for each in ours:
        path = each["clientConfig"]["service"]["path"]
        each["clientConfig"] = {"url": url + path, "caBundle": ca_bundle}
    return given | {"metadata": {"name": "cluster-api"}, "webhooks": ours}


def install_crds(plane: ControlPlane) -> None:
    """Installs these CRDs, and waits until their kinds are served."""
    for file in crd_files():
        plane.kubectl("apply", "--server-side", "-f", str(file))
    plane.wait_served()


def install_older_crds(plane: ControlPlane) -> None:
    """Installs them as Cluster API 1.10 has them: v1beta1 is stored, and v1beta2 does not exist."""
    for file in crd_files():
        plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(_older(yaml.safe_load(file.read_text()))))
    plane.wait_served()


def _older(crd: Obj) -> Obj:
    versions = [each | {"storage": True} for each in crd["spec"]["versions"] if each["name"] == "v1beta1"]
    return crd | {"spec": crd["spec"] | {"versions": versions}}


def clusterctl() -> Path:
    """The program, which is built the first time."""
    return find_or_build_tool("clusterctl", MODULE)


def webhooks() -> Path:
    """The program that serves the webhooks, which is built the first time."""
    return find_or_build_tool("cluster-api-webhooks", WEBHOOKS_MODULE)


def _config_folder() -> Path:
    """The manifests of Cluster API; the module is downloaded the first time."""
    return module_folder(MODULE, PATH) / "core" / "config"
