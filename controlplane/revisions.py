"""An older state of the checkout, from its repository."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def last_release(root: Path) -> str | None:
    """The tag of the last release before this commit, or None if there is none."""
    found = _git(root, "describe", "--tags", "--abbrev=0", "--match=v*")
    return found.stdout.decode().strip() if found.returncode == 0 else None


def previous(root: Path) -> str | None:
    """The last release; before the first one, the previous commit. None if the repository does not have it."""
    if tag := last_release(root):
        return tag
    return "HEAD^" if _git(root, "rev-parse", "--verify", "--quiet", "HEAD^").returncode == 0 else None


def extract(root: Path, revision: str, folder: Path, *names: str) -> None:
    """Writes files and folders of a revision into a folder."""
    archive = _git(root, "archive", "--format=tar", revision, *names)
    assert archive.returncode == 0, archive.stderr.decode()
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
