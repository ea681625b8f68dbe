"""Metacontroller as `deploy/metacontroller` installs it: with its service account, its rights and its flags.

No pods run on this control plane, so Metacontroller runs as a program, but as the user and with the arguments of the
StatefulSet.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import yaml

from controlplane.plane import METACONTROLLER_CRDS

if TYPE_CHECKING:
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.plane import ControlPlane

NAME = NAMESPACE = "metacontroller"
TOKEN_SECONDS = 24 * 3600


def manifests(plane: ControlPlane) -> list[Obj]:
    """The objects of deploy/metacontroller; the CRDs, which it downloads, are replaced by those of the tests."""
    folder = plane.folder / "deploy-metacontroller"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(plane.root / "deploy" / "metacontroller", folder)
    shutil.copy(METACONTROLLER_CRDS, folder / "crds.yaml")
    file = folder / "kustomization.yaml"
    kustomization = yaml.safe_load(file.read_text())
    kustomization["resources"] = [
        "crds.yaml" if each.startswith("https://") else each for each in kustomization["resources"]
    ]
    file.write_text(yaml.safe_dump(kustomization))
    return list(yaml.safe_load_all(plane.kubectl("kustomize", str(folder))))


def install(plane: ControlPlane) -> None:
    """Installs the objects of deploy/metacontroller."""
    plane.kubectl("apply", "-f", "-", stdin=_as_list(manifests(plane)))


def uninstall(plane: ControlPlane) -> None:
    """Deletes the objects of deploy/metacontroller, and waits until they are deleted."""
    plane.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=_as_list(manifests(plane)))


def kubeconfig(plane: ControlPlane) -> Path:
    """A kubeconfig of the service account of Metacontroller."""
    wanted = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    answer = plane.api.ask("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}/token", wanted)
    file = plane.folder / "metacontroller.kubeconfig"
    plane.write_kubeconfig(file, answer["status"]["token"])
    return file


def flags(plane: ControlPlane) -> list[str]:
    """The arguments of the StatefulSet, and the namespace of the lease, which is known by itself only in a pod."""
    (statefulset,) = (obj for obj in manifests(plane) if obj["kind"] == "StatefulSet")
    (container,) = statefulset["spec"]["template"]["spec"]["containers"]
    return [*container["args"], f"--leader-election-namespace={NAMESPACE}"]


def _as_list(objects: list[Obj]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
