"""Build the API server of an older Kubernetes version, from its Go module.

A small module in the cache requires `k8s.io/kubernetes` of that version, and names the versions of its staging modules,
which the module itself takes from its own tree. Go checks all downloads by its checksum database.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

MODULE = "k8s.io/kubernetes"
PACKAGE = f"{MODULE}/cmd/kube-apiserver"
STAGING = re.compile(r"^\s*(?:replace )?(k8s\.io/\S+) => \./staging", re.MULTILINE)
GO = re.compile(r"^go (\S+)", re.MULTILINE)


def write_module(folder: Path, version: str) -> str:
    """Write the module that builds a version such as 1.31, in its latest release; return that release (v1.31.14)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text("module ipam.mandelsoft.org/older\n")
    downloaded: dict[str, Any] = json.loads(_go(folder, "mod", "download", "-json", f"{MODULE}@v{version}"))
    release = str(downloaded["Version"])
    (folder / "go.mod").write_text(module_text(Path(downloaded["GoMod"]).read_text(), release))
    return release


def module_text(text: str, release: str) -> str:
    """The go.mod that builds a release of Kubernetes, from the go.mod of that release."""
    go = GO.search(text)
    assert go is not None
    staging = f"v0.{release.partition('.')[2]}"
    replaced = "".join(f"\t{name} => {name} {staging}\n" for name in STAGING.findall(text))
    head = f"module ipam.mandelsoft.org/older\n\ngo {go[1]}\n\nrequire {MODULE} {release}\n\n"
    return f"{head}replace (\n{replaced})\n"


def environment() -> dict[str, str]:
    """The environment of the go commands: they complete go.mod and go.sum."""
    return os.environ | {"GOFLAGS": "-mod=mod"}


def _go(folder: Path, *arguments: str) -> str:
    command = ["go", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True, text=True).stdout
