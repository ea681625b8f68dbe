"""Find promtool, which checks and evaluates rules of Prometheus, or build it.

PROMTOOL names an existing one. Otherwise it is built from `prometheus/go.mod` into the cache of the other programs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from controlplane.binaries import BuildFailed, cache_folder

_MODULE = Path(__file__).parent / "prometheus"
_PACKAGE = "github.com/prometheus/prometheus/cmd/promtool"
BUILD_SECONDS_MAX = 1800


def find_or_build_promtool() -> Path | None:
    """Returns promtool, and builds it if it is missing, which takes some minutes; None without Go.

    Raises:
        FileNotFoundError: PROMTOOL names no program.
        BuildFailed: it cannot be built.
    """
    if named := os.environ.get("PROMTOOL"):
        if not os.access(named, os.X_OK):
            raise FileNotFoundError(f"PROMTOOL={named} is not a program")
        return Path(named).resolve()
    digest = hashlib.sha256((_MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    built = cache_folder().parent / digest / "promtool"
    if not built.exists():
        if shutil.which("go") is None:
            return None
        _build(built)
    return built


def _build(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"promtool.{os.getpid()}")
    print(f"building promtool from {_MODULE}/go.mod (some minutes the first time)", file=sys.stderr, flush=True)
    command = ["go", "build", "-o", str(unfinished), _PACKAGE]
    done = subprocess.run(command, cwd=_MODULE, capture_output=True, text=True, timeout=BUILD_SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise BuildFailed(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    unfinished.rename(target)
