"""Artifacts of a release that need tools or downloads: the list of packages in the image, and the workflows."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from controlplane.binaries import find_or_build_tool

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("control_plane")


def test_the_list_of_packages_is_the_lock_of_the_hooks() -> None:
    subprocess.run(["make", "sbom"], cwd=ROOT, check=True, capture_output=True)
    components = json.loads((ROOT / "build/sbom.json").read_text())["components"]
    lock = (ROOT / "requirements-hooks.txt").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, flags=re.MULTILINE))
    assert {each["name"]: each["version"] for each in components} == locked
    hashes = {
        each["content"]
        for component in components
        for reference in component["externalReferences"]
        for each in reference["hashes"]
    }
    assert hashes == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))


def test_actionlint_finds_nothing_in_the_workflows() -> None:
    command = [str(find_or_build_tool("actionlint")), "-shellcheck=", "-pyflakes="]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
