"""Run the steps of the Dockerfile without a container engine, in a root that debootstrap makes.

It stands for the base image: the same Debian release with the same Python version. Only what our Dockerfile uses is
understood; another instruction is an error.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

BASE = re.compile(r"^ARG BASE=python:(?P<python>[\d.]+)-slim-(?P<debian>\w+)$", re.MULTILINE)
PACKAGES = "python3,python3-venv,ca-certificates"
#: What pip needs on this machine to reach its index.
NETWORK_FILES = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt")
PASSED = re.compile(r"(PIP_|UV_|SSL_CERT_|REQUESTS_CA_|.*_proxy$|.*_PROXY$)")


class BuildFailed(Exception):
    """An instruction failed, or is none that is understood; the message has it and its output."""


@dataclass
class Stage:
    """A stage of the Dockerfile: its root, and what instructions have set."""

    root: Path
    arguments: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin"})
    folder: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, with their continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def base_of(text: str) -> tuple[str, str]:
    """The Python version and the Debian release of the base image."""
    found = BASE.search(text)
    assert found is not None, "the Dockerfile has no ARG BASE=python:VERSION-slim-RELEASE"
    return found["python"], found["debian"]


def base_root(folder: Path, debian: str) -> Path:
    """A root with this Debian release and its Python, made once; it needs root and the packages of Debian.

    Raises:
        BuildFailed: debootstrap failed.
    """
    root = folder / f"{debian}-root"
    if not root.exists():
        unfinished = root.with_name(f"{root.name}.{os.getpid()}")
        folder.mkdir(parents=True, exist_ok=True)
        # Its mounts end with it, even if it is killed, so that nothing outside can be reached through the root.
        options = ["--variant=minbase", f"--include={PACKAGES}"]
        command = ["unshare", "--mount", "debootstrap", *options, debian, str(unfinished)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildFailed(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        unfinished.rename(root)
    return root


def build(context: Path, base: Path, work: Path) -> Stage:
    """Runs all instructions; returns the last stage.

    Raises:
        BuildFailed: an instruction failed or is unknown.
    """
    stages: dict[str, Stage] = {}
    stage = Stage(work)
    for name, text in instructions((context / "Dockerfile").read_text()):
        match name:
            case "FROM":
                alias = text.partition(" AS ")[2] or "final"
                stage = stages[alias] = Stage(work / alias, {"PATH": stage.environment["PATH"]})
                stage.root.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "--archive", str(base), str(stage.root)], check=True)  # devices, too
            case "RUN":
                _run(stage, text)
            case "COPY":
                _copy(stage, stages, context, text)
            case "WORKDIR":
                stage.folder = text
            case "USER":
                stage.user = text
            case "ENV":
                _set(stage, text)
            case "CMD":
                stage.command = [word.strip('"') for word in text.strip("[]").split(", ")]
            case "ARG" | "LABEL" | "EXPOSE":
                continue
            case _:
                raise BuildFailed(f"{name} is no instruction that is understood here")
    return stage


def command_in(stage: Stage, command: list[str], *, read_only: bool) -> list[str]:
    """The command line that runs a command in a stage, as a container would: with an own /dev/shm, and nothing else."""
    writable = "" if not read_only else f"mount -o remount,bind,ro {stage.root} && "
    script = (
        f"mount --bind {stage.root} {stage.root} && mount -t proc proc {stage.root}/proc && "
        f"mount --bind /dev {stage.root}/dev && {writable}mount -t tmpfs tmpfs {stage.root}/dev/shm && "
        f"exec chroot --userspec={stage.user} {stage.root} "
        f"/usr/bin/env -i -C {stage.folder} {shlex.join(f'{name}={value}' for name, value in _environment(stage))} "
        f"{shlex.join(command)}"
    )
    return ["unshare", "--mount", "sh", "-ec", script]


def _environment(stage: Stage) -> list[tuple[str, str]]:
    passed = {name: value for name, value in os.environ.items() if PASSED.match(name)}
    return list((passed | stage.environment).items())


def _run(stage: Stage, text: str) -> None:
    lend_network(stage)
    done = subprocess.run(
        command_in(stage, ["sh", "-ec", text], read_only=False), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildFailed(f"RUN {text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def lend_network(stage: Stage) -> None:
    """Lets programs in the stage use the network as those of this machine do."""
    for name in NETWORK_FILES:
        if (found := Path("/") / name).exists():
            shutil.copy(found, stage.root / name)


def _copy(stage: Stage, stages: dict[str, Stage], context: Path, text: str) -> None:
    *options, source, target = text.split()
    origin = context
    for option in options:
        origin = stages[option.removeprefix("--from=")].root
    path, goal = origin / source.lstrip("/"), stage.root / target.lstrip("/")
    if target.endswith("/"):
        goal /= path.name
    goal.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(
            path, goal, symlinks=True, ignore=shutil.ignore_patterns("__pycache__") if not options else None
        )
    else:
        shutil.copy(path, goal)


def _set(stage: Stage, text: str) -> None:
    for word in text.split():
        name, _, value = word.partition("=")
        stage.environment[name] = value.replace("$PATH", stage.environment["PATH"])
