"""Nothing that users or other programs rely on was removed since the last release: fields, names, endpoints."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane import revisions
from hooks.app import create_app
from hooks.settings import Settings

ROOT = Path(__file__).parent.parent
LAST = revisions.last_release(ROOT)
Obj = dict[str, Any]
#: An annotation, label or finalizer, or the name of a role.
NAMES = re.compile(r'"((?:ipam\.mandelsoft\.org|metacontroller\.io)/[\w-]+)"|^  name: (ipam-[\w-]+)$', re.MULTILINE)


def promises_of(crd: Obj) -> set[str]:
    """What objects of a kind may contain: served versions, fields, values of enumerations, what is optional."""
    found = set()
    for version in crd["spec"]["versions"]:
        name = f"{crd['metadata']['name']} {version['name']}"
        if version["served"]:
            found |= {name, *(f"{name}{each}" for each in fields_of(version["schema"]["openAPIV3Schema"], ""))}
    for short in crd["spec"]["names"].get("shortNames", ()):
        found.add(f"{crd['metadata']['name']} short name {short}")
    return found


def fields_of(schema: Obj, path: str) -> set[str]:
    required = set(schema.get("required", ()))
    found = {f"{path}={value}" for value in schema.get("enum", ())}
    for name, inner in schema.get("properties", {}).items():
        found |= {f"{path}.{name}", *fields_of(inner, f"{path}.{name}")}
        if name not in required:
            found.add(f"{path}.{name} is optional")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found |= fields_of(schema[name], f"{path}[]")
    return found


def names_in(root: Path) -> set[str]:
    """Annotations, labels, finalizers and roles, as hooks and policies name them."""
    found = set()
    for folder in ("hooks/api", "metacontroller"):
        text = "\n".join(path.read_text() for path in (root / folder).iterdir() if path.is_file())
        text = text.replace("{GROUP}", "ipam.mandelsoft.org")
        names = NAMES.findall(text)
        found |= {f"{folder}: {annotation or role}" for annotation, role in names}
    return found


def removed(old: Path, new: Path) -> list[str]:
    """What the old tree promises and the new one does not."""

    def promises(root: Path) -> set[str]:
        crds = [yaml.safe_load(path.read_text()) for path in sorted((root / "crds").glob("ipam*.yaml"))]
        return names_in(root).union(*map(promises_of, crds))

    return sorted(promises(old) - promises(new))


@pytest.mark.skipif(LAST is None, reason="there is no release yet")
def test_nothing_was_removed_since_the_last_release(tmp_path: Path) -> None:
    assert LAST is not None
    revisions.extract(ROOT, LAST, tmp_path, "crds", "hooks/api", "metacontroller")
    assert removed(tmp_path, ROOT) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "missing"),
    [
        (
            "crds/ipamrequests.yaml",
            "shortNames:",
            "shortNames: []\n    others:",
            "ipamrequests.ipam.mandelsoft.org short",
        ),
        ("crds/ipamranges.yaml", "cooldownSeconds:", "cooldown:", ".spec.cooldownSeconds"),
        ("crds/ipamranges.yaml", "RoundRobin", "Cyclic", ".spec.mode=RoundRobin"),
        ("hooks/api/names.py", "/reclaim", "/release", "ipam.mandelsoft.org/reclaim"),
        ("metacontroller/rbac.yaml", "ipam-restore", "ipam-import", "ipam-restore"),
    ],
)
def test_a_removal_is_noticed(tmp_path: Path, file: str, before: str, after: str, missing: str) -> None:
    for name in ("crds", "hooks/api", "metacontroller"):
        shutil.copytree(ROOT / name, tmp_path / name)
    changed = tmp_path / file
    assert before in changed.read_text()
    changed.write_text(changed.read_text().replace(before, after))
    assert any(missing in each for each in removed(ROOT, tmp_path))
    assert removed(ROOT, ROOT) == []


def test_the_endpoints_are_those_that_the_shipped_controllers_call() -> None:
    served = {rule.rule for rule in create_app(Settings()).url_map.iter_rules()}
    files = ("metacontroller/ipamrange.yaml", "metacontroller/ipamrequest.yaml")
    called = {path for file in files for path in re.findall(r"path: (\S+)", (ROOT / file).read_text())}
    assert called <= served
