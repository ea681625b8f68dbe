"""Find the programs of a control plane and the tools of its tests, or build them.

So `make e2e` needs only Linux, Go, kubectl, openssl and a checkout.

KUBE_APISERVER, ETCD and KUBE_CONTROLLER_MANAGER name existing programs, and HELM, KUBECONFORM, ACTIONLINT, CLUSTERCTL,
CLUSTER_API_WEBHOOKS and CERT_MANAGER existing tools. The others are built from the Go modules beside this file into a
cache outside the tree, in a folder for each go.sum. KUBERNETES=1.31 builds the API server of that version.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from controlplane import older

MODULE = Path(__file__).parent / "programs"
TOOLS_MODULE = Path(__file__).parent / "tools"
VERSION_PACKAGE = "k8s.io/component-base/version"

#: Program, the variable that names an existing one, and the package that it is built from.
PROGRAMS = (
    ("etcd", "ETCD", "go.etcd.io/etcd/server/v3"),
    ("kube-apiserver", "KUBE_APISERVER", "k8s.io/kubernetes/cmd/kube-apiserver"),
    ("kube-controller-manager", "KUBE_CONTROLLER_MANAGER", "k8s.io/kubernetes/cmd/kube-controller-manager"),
)

#: The same for the tools of the tests.
TOOLS = {
    "helm": ("HELM", "helm.sh/helm/v4/cmd/helm"),
    "kubeconform": ("KUBECONFORM", "github.com/yannh/kubeconform/cmd/kubeconform"),
    "actionlint": ("ACTIONLINT", "github.com/rhysd/actionlint/cmd/actionlint"),
    "clusterctl": ("CLUSTERCTL", "sigs.k8s.io/cluster-api/cmd/clusterctl"),
    "cluster-api-webhooks": ("CLUSTER_API_WEBHOOKS", "ipam.mandelsoft.org/webhooks"),
    "cert-manager": ("CERT_MANAGER", "ipam.mandelsoft.org/certmanager"),
}
#: The module whose version a tool of ours has.
MODULES = {
    "cluster-api-webhooks": "sigs.k8s.io/cluster-api",
    "cert-manager": "github.com/cert-manager/cert-manager",
}

#: The number of packages for each line of progress; the API server has about 2,000.
PROGRESS_STEP_PACKAGES = 200


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of the programs of a control plane."""

    etcd: Path
    apiserver: Path
    controller_manager: Path


class BuildFailed(Exception):
    """A program could not be built; the message ends with the last lines of the compiler."""


def find_or_build() -> Binaries:
    """Returns the programs, and builds missing ones, which takes some minutes the first time."""
    etcd, apiserver, controller_manager = (_find_or_build_one(*program) for program in PROGRAMS)
    return Binaries(etcd, apiserver, controller_manager)


def find_or_build_tool(name: str, tools: Path = TOOLS_MODULE) -> Path:
    """Returns a tool of that module, and builds it if it is missing, which takes a minute or two the first time."""
    variable, package = TOOLS[name]
    if named := os.environ.get(variable):
        return _executable(Path(named), variable)
    built = cache_folder(tools) / name
    if not built.exists():
        module = MODULES.get(name, package.partition("/cmd/")[0])
        _build(name, package, built, tools, _release(tools, module))
    return built


def cache_folder(module: Path = MODULE) -> Path:
    """The folder of the built programs of a module; the file of `make cluster` is beside it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    sources = (module / "go.sum", *sorted(module.glob("*.go")))
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()[:16]
    return Path(base) / "ipam-e2e" / digest


def module_folder(module: Path, path: str) -> Path:
    """The sources of a Go module in the version that another one names; they are downloaded the first time."""
    command = ["go", "mod", "download", "-json", path]
    shown = subprocess.run(command, cwd=module, capture_output=True, text=True, check=True).stdout
    return Path(json.loads(shown)["Dir"])


def _find_or_build_one(name: str, variable: str, package: str) -> Path:
    if named := os.environ.get(variable):
        return _executable(Path(named), variable)
    version = os.environ.get("KUBERNETES")
    if version and name == "kube-apiserver":
        return _find_or_build_older(version)
    built = cache_folder() / name
    if not built.exists():
        _build(name, package, built, MODULE, _release(MODULE, "k8s.io/kubernetes"))
    return built


def _release(module: Path, name: str) -> str:
    found = re.search(rf"{re.escape(name)} (v\d+\.\d+\.\d+)", (module / "go.mod").read_text())
    assert found is not None, f"{module}/go.mod names no version of {name}"
    return found[1]


def _find_or_build_older(version: str) -> Path:
    folder = cache_folder().parent / f"kubernetes-{version}"
    built = folder / "kube-apiserver"
    if not built.exists():
        try:
            release = older.write_module(folder, version)
        except subprocess.CalledProcessError as error:
            raise BuildFailed(f"KUBERNETES={version}: {error.stderr or error.stdout}") from error
        _build("kube-apiserver", older.PACKAGE, built, folder, release)
    return built


def _executable(path: Path, variable: str) -> Path:
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{variable}={path} is not a program")
    return path.resolve()


def _build(name: str, package: str, target: Path, module: Path, release: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{name}.{os.getpid()}")
    command = ["go", "build", "-v", "-ldflags", _ldflags(release), "-o", str(unfinished), package]
    _say(f"building {name} {release} from {module}/go.mod (some minutes the first time)")
    environment = older.environment() if package == older.PACKAGE else os.environ
    with subprocess.Popen(command, cwd=module, env=environment, stderr=subprocess.PIPE, text=True) as compiler:
        last_lines = _show_progress(name, compiler)
    if compiler.returncode != 0:
        raise BuildFailed(f"{' '.join(command)}\n" + "\n".join(last_lines))
    unfinished.rename(target)


def _show_progress(name: str, compiler: subprocess.Popen[str]) -> list[str]:
    lines: list[str] = []
    assert compiler.stderr is not None
    for line in compiler.stderr:
        lines.append(line.rstrip())
        if len(lines) % PROGRESS_STEP_PACKAGES == 0:
            _say(f"  {name}: {len(lines)} packages")
    return lines[-20:]


def _ldflags(release: str) -> str:
    major, minor, _ = release.removeprefix("v").split(".")
    values = {"gitVersion": release, "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X {VERSION_PACKAGE}.{key}={value}" for key, value in values.items())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(find_or_build())
