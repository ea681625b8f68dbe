"""A cluster, by kubectl: slower than the other way, but whatever login kubectl knows works."""

import re
import shutil
import subprocess
from collections.abc import Iterator

from kubectl_ipam.errors import Unanswerable
from kubectl_ipam.sources.api import Answer, ApiSource

_STATUS = re.compile(r"\((NotFound|Forbidden)\)")
_CODES = {"NotFound": 404, "Forbidden": 403}


def kubectl_source(kubeconfig: str | None, context: str | None) -> ApiSource:
    """A cluster as a source.

    Raises:
        Unanswerable: if there is no kubectl, or it has no such context.
    """
    program = shutil.which("kubectl")
    if program is None:
        raise Unanswerable("kubectl is not in PATH: install it, or leave --via-kubectl out")
    flags = [f"--{name}={value}" for name, value in (("kubeconfig", kubeconfig), ("context", context)) if value]

    def get(path: str) -> Answer:
        done = _run([program, *flags, "get", "--raw", path])
        if done.returncode == 0:
            return Answer(200, done.stdout)
        message = done.stderr.decode(errors="replace").strip()
        found = _STATUS.search(message)
        if found is None:
            raise Unanswerable(f"kubectl get --raw {path} failed: {message}")
        return Answer(_CODES[found[1]], done.stderr)

    def stream(path: str) -> Iterator[bytes]:
        command = [program, *flags, "get", "--raw", path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 (kubectl, without a shell)
            assert process.stdout is not None, "its output is a pipe"
            yield from process.stdout
            if process.wait():
                raise Unanswerable(f"kubectl get --raw {path} ended with {process.returncode}, for the reason above")

    view = "jsonpath={.contexts[0].name}{'\\n'}{.contexts[0].context.namespace}"
    done = _run([program, *flags, "config", "view", "--minify", "-o", view])
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip()
        raise Unanswerable(
            f"kubectl config view failed: {message}. Name a context by --context: kubectl config get-contexts"
        )
    name, _, namespace = done.stdout.decode().partition("\n")
    return ApiSource(get, stream, f"context {name}", namespace.strip() or "default")


def _run(command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (kubectl, without a shell)
