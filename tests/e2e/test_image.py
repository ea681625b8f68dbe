"""The image: the steps of the Dockerfile in a clean root, and the server as a pod runs it.

The root is Debian with the Python version of the base image, made by debootstrap, so these tests need to be root.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from controlplane import images, revisions
from controlplane.binaries import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PYTHON, DEBIAN = images.base_of(DOCKERFILE)
START_SECONDS_MAX = 60
#: The tags of wheels that Debian can use, for each platform of the image.
TAGS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
#: A package of the lock, and the condition on which it is installed.
PIN = re.compile(r"^([\w.-]+)==\S+(?: ; (.*?))? \\$", re.MULTILINE)

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def clean_root() -> Path:
    """The root that stands for the base image."""
    return images.base_root(cache_folder().parent, DEBIAN)


@pytest.fixture(scope="module")
def image(clean_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[images.Stage]:
    """The last stage of the Dockerfile."""
    work = tmp_path_factory.mktemp("image")
    yield images.build(ROOT, clean_root, work)
    shutil.rmtree(work)


def run(image: images.Stage, *command: str, read_only: bool = True) -> str:
    line = images.command_in(image, list(command), read_only=read_only)
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
    return done.stdout


def test_the_base_has_the_python_version_that_the_dockerfile_names(image: images.Stage) -> None:
    assert run(image, "python", "-c", "import sys; print(sys.version)").startswith(f"{PYTHON}.")


def test_the_root_contains_the_locked_packages_and_no_others(image: images.Stage) -> None:
    code = "import importlib.metadata as m; print(*{d.name for d in m.distributions()})"
    installed = {re.sub(r"[-_.]+", "-", name).lower() for name in run(image, "python", "-c", code).split()} - {"pip"}
    locked = dict(PIN.findall((ROOT / "requirements-hooks.txt").read_text()))
    assert installed <= set(locked)
    assert {name for name, condition in locked.items() if not condition} <= installed


def test_the_root_has_no_tests_and_no_sources_that_the_hooks_do_not_need(image: images.Stage) -> None:
    copied = {path.name for path in (image.root / "srv/ipam").iterdir()}
    assert copied - {"__pycache__"} == {"gunicorn.conf.py", "hooks", "ipam"}


def test_the_hooks_serve_as_another_user_with_a_read_only_root(image: images.Stage) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert image.user == "65532:65532"
    image.environment["IPAM_BIND"] = f"127.0.0.1:{port}"
    command = images.command_in(image, image.command, read_only=True)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as server:
        try:
            wait_ready(port)
            body = (ROOT / "examples/bodies/ipamrange-sync.json").read_bytes()
            answer = requests.post(f"http://127.0.0.1:{port}/ipamrange/sync", data=body, timeout=30)
            assert answer.status_code == 200
            assert "192.168.0.0/24" in answer.text
        finally:
            os.killpg(server.pid, 15)


def test_nothing_in_the_root_can_be_written(image: images.Stage) -> None:
    with pytest.raises(AssertionError, match="Read-only file system"):
        run(image, "sh", "-c", "echo x > /tmp/x")
    run(image, "sh", "-c", "echo x > /dev/shm/x")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_locked_package_has_a_wheel_for_each_platform(clean_root: Path, machine: str, tmp_path: Path) -> None:
    del clean_root
    platforms = [f"--platform={tag}_{machine}" for tag in TAGS]
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", f"--python-version={PYTHON}"]
    lock = ["-r", str(ROOT / "requirements-hooks.txt"), "-d", str(tmp_path)]
    command = [sys.executable, "-m", "pip", "download", *options, *platforms, *lock]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_unit_tests_pass_on_the_python_version_of_the_image(image: images.Stage) -> None:
    checkout = image.root / "srv/checkout"
    checkout.mkdir()
    revisions.extract(ROOT, "HEAD", checkout)
    builder = images.Stage(image.root, environment=image.environment, folder="/srv/checkout")
    install = ("python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt")
    images.lend_network(builder)
    run(builder, *install, read_only=False)
    printed = run(builder, "python", "-m", "pytest", "tests/ipam", "tests/hooks", "-q", "-x", read_only=False)
    assert re.search(r"\d{3,} passed", printed)


def wait_ready(port: int) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
        except requests.ConnectionError:
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.2)
        else:
            return
