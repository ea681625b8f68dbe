"""The kubectl plugin as its users start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Plugin:
    """The command line with the kubeconfig of a user, in a process of its own as kubectl starts it."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._flags = [f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]

    def start(self, verb: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "kubectl_ipam", verb, *arguments, *self._flags]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        )

    def run(self, verb: str, *arguments: str, code: int = 0) -> str:
        process = self.start(verb, *arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        return out

    def document(self, verb: str, *arguments: str, code: int = 0) -> dict[str, Any]:
        return dict(json.loads(self.run(verb, *arguments, "-o", "json", code=code)))
