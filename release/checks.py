"""Whether everything that names the version of a checkout agrees, and whether its changelog is written."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADING = re.compile(r"^## (?P<version>\S+)(?: \((?P<date>[^)]*)\))?$", re.MULTILINE)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def version_of(root: Path) -> str:
    """The version of the project, such as 0.1.0."""
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


def notes(root: Path) -> str:
    """The section of the changelog about this version, without its heading; empty if there is none."""
    text = (root / "CHANGELOG.md").read_text()
    headings = list(HEADING.finditer(text))
    ends = [each.start() for each in headings[1:]] + [len(text)]
    sections = {each["version"]: text[each.end() : end] for each, end in zip(headings, ends, strict=True)}
    return sections.get(version_of(root), "").strip()


def named_versions(root: Path) -> Iterator[tuple[str, str]]:
    """Each place that names the version, and what it says."""
    chart = yaml.safe_load((root / "charts/ipam/Chart.yaml").read_text())
    yield "version in charts/ipam/Chart.yaml", str(chart["version"])
    yield "appVersion in charts/ipam/Chart.yaml", str(chart["appVersion"])
    kustomization = yaml.safe_load((root / "metacontroller/kustomization.yaml").read_text())
    (tag,) = [each["newTag"] for each in kustomization["images"] if each["name"] == "ipam-hooks"]
    yield "newTag in metacontroller/kustomization.yaml", str(tag)
    first = HEADING.search((root / "CHANGELOG.md").read_text())
    yield "first heading of CHANGELOG.md", first["version"] if first else "missing"


def disagreements(root: Path) -> list[str]:
    """A sentence for each place that names another version, and for a changelog without text."""
    version = version_of(root)
    found = [
        f'{place} is "{named}", but pyproject.toml has the version {version}'
        for place, named in named_versions(root)
        if named != version
    ]
    if not notes(root):
        found.append(f"CHANGELOG.md says nothing about {version}")
    return found


def obstacles(root: Path, tag: str) -> list[str]:
    """What must be done before this tag, or the tag of this version if it is empty, is released."""
    version = version_of(root)
    found = disagreements(root)
    heading = HEADING.search((root / "CHANGELOG.md").read_text())
    if heading is None or not DATE.fullmatch(heading["date"] or ""):
        found.append(f"CHANGELOG.md has no date: write ## {version} (YYYY-MM-DD)")
    if tag not in {"", f"v{version}"}:
        found.append(f'the tag is "{tag}", but pyproject.toml has the version {version}: the tag must be v{version}')
    if changed := _git(root, "status", "--porcelain"):
        found.append(f"there are changes that are not committed:\n{changed}")
    return found


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True
    ).stdout.rstrip()
