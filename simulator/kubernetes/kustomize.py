"""The objects of a kustomization, as far as the folders of `deploy/` need it: resources, and JSON patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from simulator.kubernetes.json_patch import patched
from simulator.kubernetes.manifests import read_manifests

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.kubernetes.objects import Obj


def kustomized(folder: Path) -> list[Obj]:
    """The objects of the kustomization in a folder. Raises BadManifest, BadPatch."""
    kustomization: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    objects: list[Obj] = []
    for name in kustomization["resources"]:
        path = folder / name
        objects += kustomized(path) if path.is_dir() else [item.obj for item in read_manifests(path)]
    for patch in kustomization.get("patches", ()):
        operations = yaml.safe_load(patch["patch"])
        objects = [patched(obj, operations) if _is_target(patch["target"], obj) else obj for obj in objects]
    return objects


def _is_target(target: dict[str, str], obj: Obj) -> bool:
    return (target["kind"], target["name"]) == (obj["kind"], obj["metadata"]["name"])
