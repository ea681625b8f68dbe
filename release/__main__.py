"""`python -m release check [TAG]`, `notes`, and `chart IMAGE FOLDER`, which the Makefile calls."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from release import chart, checks

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
USAGE = "usage: python -m release check [TAG] | notes | chart IMAGE FOLDER"


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    match arguments:
        case ["check"]:
            return check("")
        case ["check", tag]:
            return check(tag)
        case ["notes"]:
            print(checks.notes(ROOT))
        case ["chart", image, folder]:
            return stage_chart(image, Path(folder))
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    return 0


def check(tag: str) -> int:
    """Prints what must be done before the release, or how to do it."""
    found = checks.obstacles(ROOT, tag)
    for each in found:
        print(f"not ready: {each}", file=sys.stderr)
    if not found:
        version = checks.version_of(ROOT)
        print(f"{version} is ready: git tag -s v{version} -m {version} && git push origin v{version}")
    return 1 if found else 0


def stage_chart(image: str, folder: Path) -> int:
    """Writes the chart of a release."""
    try:
        chart.stage(ROOT / "charts/ipam", folder, image)
    except (ValueError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
