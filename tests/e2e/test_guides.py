"""The commands of the pages in docs/, run as they are written, with what their comments show as output."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.pages import ROOT, blocks, section

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.loop import Loop
    from controlplane.team import Team

DOCS = ROOT / "docs"
RUNBOOKS = DOCS / "runbooks.md"
ALERTS = re.findall(r"^## (IPAM\w+)$", RUNBOOKS.read_text(), flags=re.MULTILINE)
#: A command that prints one value, and the value that its comment shows.
SHOWN = re.compile(r"^(kubectl .*-o jsonpath=.*?)    # (.*)$", re.MULTILINE)


class Shell:
    """A person that copies commands from a page to a shell, in the folder of the checkout."""

    def __init__(self, loop: Loop, folder: Path, **variables: str) -> None:
        self._environment = os.environ | {"KUBECONFIG": str(loop.plane.kubeconfig), "HOME": str(folder)} | variables

    def run(self, command: str) -> str:
        """The output of a command."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def follow(self, text: str) -> None:
        """Run all blocks of a text, and compare what is shown."""
        for block in blocks(text, "sh"):
            printed = self.run(SHOWN.sub(r"printf 'SHOWN:'; \1; echo", block))
            assert re.findall(r"^SHOWN:(.*)$", printed, re.MULTILINE) == [shown for _, shown in SHOWN.findall(block)]


@pytest.fixture
def shell(loop: Loop, tmp_path: Path) -> Iterator[Shell]:
    """A shell; the examples that a page uses are removed at the end."""
    shell = Shell(loop, tmp_path)
    yield shell
    shell.run("kubectl delete ipamrequests -n default --all --timeout=1m")
    shell.run("kubectl delete ipamranges -n default --all --timeout=1m")


def test_the_first_addresses_are_allocated_as_the_page_shows(shell: Shell) -> None:
    for heading in ("First addresses", "When it does not fit", "Releasing"):
        shell.follow(section(DOCS / "getting-started.md", heading))


def test_a_range_grows_as_the_guide_says(shell: Shell) -> None:
    shell.run("kubectl apply -f examples/growth.yaml")
    shell.follow((DOCS / "guides/growth.md").read_text())


def test_addresses_are_retired_as_the_guide_says(shell: Shell) -> None:
    shell.run("kubectl apply -f examples/retire.yaml")
    shell.follow(section(DOCS / "guides/retire.md", "A part of a range"))
    shell.run("kubectl delete ipamrequest rack-1 --timeout=1m")
    shell.follow(section(DOCS / "guides/retire.md", "A whole range"))


def test_recorded_addresses_return_as_the_guide_says(shell: Shell) -> None:
    shell.follow((DOCS / "guides/restore.md").read_text())


@pytest.mark.parametrize("alert", ALERTS)
def test_the_commands_of_a_runbook_work(loop: Loop, team: Team, tmp_path: Path, alert: str) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    team.create_request("web")
    team.wait_state("web", "Ready")
    Shell(loop, tmp_path, NAMESPACE=team.namespace, RANGE="net", REQUEST="web").follow(section(RUNBOOKS, alert))
