"""The plugin as users get it: from a wheel, in an environment that has nothing but its requirements."""

import json
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.kubectl_ipam.clusters import cluster_of, dump_of, range_, request

ROOT = Path(__file__).parents[2]


def required(requirements: list[str], extra: str = "") -> Iterator[Distribution]:
    """The distributions that these requirements need, directly or not; those of other platforms are left out."""
    for text in requirements:
        needed = Requirement(text)
        if needed.marker and not needed.marker.evaluate({"extra": extra}):
            continue
        try:
            found = distribution(needed.name)
        except PackageNotFoundError:
            pytest.fail(f"{needed.name} is required, but not among the requirements of the checkout")
        yield found
        for each in needed.extras or {""}:
            yield from required(found.requires or [], each)


@pytest.fixture(name="wheel", scope="module")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(name="environment", scope="module")
def _environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and links to what its metadata require with the extra `cli`: nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    python, flags = (
        str(folder / "bin" / "python"),
        ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"],
    )
    subprocess.run([python, "-m", "pip", "install", *flags, str(wheel)], check=True, capture_output=True, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (metadata,) = packages.glob("ipam-*.dist-info")
    wanted = Distribution.at(metadata).requires or []
    for each in required(wanted, "cli"):
        for top in {Path(file).parts[0] for file in each.files or [] if ".." not in Path(file).parts}:
            target = packages / top
            if top != "__pycache__" and not target.exists():
                target.symlink_to(Path(str(each.locate_file(top))))
    return folder


def run(environment: Path, *arguments: str, code: int = 0) -> str:
    program = environment / "bin" / "kubectl-ipam"
    done = subprocess.run([program, *arguments], cwd=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(name="dump", scope="module")
def _dump(tmp_path_factory: pytest.TempPathFactory) -> str:
    box = cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("web"))
    return dump_of(box, tmp_path_factory.mktemp("dump"))


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["show"], "net"),
        (["show", "net"], "10.0.0.0/28   default/web"),
        (["map", "net"], "#..............."),
        (["map", "net", "--svg", "-"], "10.0.0.0/28 is held by default/web"),
        (["map", "net", "--html", "-"], "<!doctype html>"),
        (["get", "10.0.0.3"], "is held by default/web"),
        (["explain", "web"], "next: kubectl get ipamrequest -n default web"),
        (["check"], "OK: 1 range and 1 request"),
        (["tree"], "`- 10.0.0.0/28 default/web"),
    ],
)
def test_each_command_runs_outside_of_the_checkout(
    arguments: list[str], shown: str, environment: Path, dump: str
) -> None:
    assert shown in run(environment, *arguments, "-f", dump)


def test_a_plan_needs_nothing_of_the_checkout(environment: Path, dump: str, tmp_path: Path) -> None:
    manifest = tmp_path / "request.json"
    manifest.write_text(json.dumps(request("new")))

    assert "10.0.0.16/28" in run(environment, "plan", "-f", str(manifest), "--state", dump)
    assert "Pending" in run(environment, "plan", "-f", str(manifest), "--empty", code=3)
    services = str(ROOT / "examples" / "integrations" / "services.yaml")
    assert "Service default/web " in run(environment, "plan", "-f", services, "--empty")


def test_each_command_explains_itself(environment: Path) -> None:
    verbs = re.findall(r"^  ([a-z]+)  ", run(environment, "--help"), flags=re.MULTILINE)

    assert len(verbs) >= 8
    for verb in verbs:
        shown = run(environment, verb, "--help")
        assert "exit code" in shown, verb
        assert f"usage: kubectl ipam {verb}" in shown


def test_the_version_is_that_of_the_project(environment: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    for flag in ("--version", "version"):
        assert run(environment, flag) == f"kubectl ipam {project}\n"


def test_the_program_that_kubectl_calls_for_completion_is_installed(environment: Path) -> None:
    program = environment / "bin" / "kubectl_complete-ipam"

    done = subprocess.run([program, "expl"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("explain\t")
    assert done.stdout.endswith(":4\n")


def test_the_wheel_has_what_the_plugin_compares_and_tries(environment: Path) -> None:
    (installed,) = environment.glob("lib/python*/site-packages/kubectl_ipam/installed")

    for folder in ("crds", "metacontroller", "deploy/admission", "deploy/cluster-api", "deploy/services"):
        names = sorted(path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.yaml"))
        assert sorted(path.relative_to(installed) for path in (installed / folder).rglob("*.yaml")) == names
