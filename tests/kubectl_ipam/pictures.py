"""Draws the pictures of docs/kubectl-ipam.md from true output: `make pictures`."""

import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from kubectl_ipam.cli import run

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
EXAMPLE = "examples/tour.yaml"
#: What is shown on a terminal: the name of the picture, and the command line.
TERMINALS = {"show.svg": ["show", "-A"], "map.svg": ["map", "plant"]}
#: What draws a picture itself.
DRAWINGS = {
    "plant.svg": ["map", "plant", "--svg", "-", "--no-hilbert"],
    "plant-hilbert.svg": ["map", "plant", "--svg", "-", "--hilbert"],
}
WIDTH = 120


class Terminal(StringIO):
    """A terminal with all colours."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Whether it is one."""
        return True


def output_of(arguments: Sequence[str], out: StringIO) -> str:
    """What a command line prints about the example."""
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(WIDTH)}
    os.environ.pop("NO_COLOR", None)
    with redirect_stdout(out):
        code = run([*arguments, "-f", str(ROOT / EXAMPLE)])
    assert code == 0, arguments
    return out.getvalue()


def terminal_picture(arguments: Sequence[str]) -> str:
    """A picture of a terminal in which a command was typed."""
    printed = output_of(arguments, Terminal())
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ kubectl ipam {' '.join(arguments)} -f {EXAMPLE}", "bold"))
    console.print(Text.from_ansi(printed))
    return console.export_svg(title="kubectl ipam", unique_id="ipam")


def pictures() -> dict[str, str]:
    """All pictures, by the names of their files."""
    drawn = {name: terminal_picture(arguments) for name, arguments in TERMINALS.items()}
    return drawn | {name: output_of(arguments, StringIO()) for name, arguments in DRAWINGS.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pictures().items():
        (FOLDER / file).write_text(text)
