"""Commands of the documents, as a person copies them to a shell."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS_MAX = 180


def blocks(document: str, heading: str) -> list[str]:
    """The shell blocks below a heading, up to the next heading of any level."""
    text = (ROOT / document).read_text()
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"{document} has no heading {heading!r}"
    shown = re.findall(r"^( *)```sh\n(.*?)^\1```$", found[1], re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for _, text in shown]


@dataclass(frozen=True)
class Shell:
    """A shell of an administrator, in a checkout.

    Attributes:
        programs: folders of programs such as helm.
    """

    kubeconfig: Path
    folder: Path
    programs: tuple[Path, ...] = ()

    def run(self, command: str) -> str:
        """The output of a command, which must succeed."""
        done = self._done(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def succeeds(self, command: str) -> bool:
        """Whether a command succeeds."""
        return self._done(command).returncode == 0

    def _done(self, command: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([*map(str, self.programs), os.environ["PATH"]])
        home = str(self.kubeconfig.parent)
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig), "HOME": home, "PATH": path}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
