"""Compare this checkout with an older commit on one machine: `make compare OLD=<commit>`.

A benchmark of both is run in turns, so that what else the machine does hits both alike. Each benchmark prints Markdown
tables; for each row and number here are the medians of the old and the new commit, and new divided by old.

    python -m bench.compare OLD [--rounds N] [-- make-target and variables]

Without more the benchmark is `make bench`; `python -m bench.compare OLD -- burst N=1000` compares bursts.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
#: Columns that say which row it is.
KEYS = ("requests", "standing", "state", "body MB")
NUMBER = re.compile(r"[0-9][0-9,]*(\.[0-9]+)?")

Key = tuple[str, ...]
#: By row, and by column: the numbers of all rounds.
Readings = dict[Key, dict[str, list[float]]]


class Failed(Exception):
    """A benchmark could not be run; the message ends with what it printed."""


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="the older commit")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default: 3)")
    parser.add_argument("target", nargs="*", default=["bench"], help="what make is asked for (default: bench)")
    options = parser.parse_intermixed_args(arguments)
    try:
        checkouts = {"old": checkout(options.old), "new": ROOT}
        readings: dict[str, Readings] = {name: defaultdict(lambda: defaultdict(list)) for name in checkouts}
        for number in range(options.rounds):
            for name, folder in checkouts.items():
                print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr, flush=True)
                collect(readings[name], run(folder, options.target))
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(table(readings["old"], readings["new"])))
    return 0


def checkout(commit: str) -> Path:
    """A folder with the files of a commit, in the cache; unpacked if it is not there yet."""
    sha = _printed(["git", "rev-parse", "--verify", f"{commit}^{{commit}}"], ROOT).strip()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "ipam-e2e" / "compare" / sha
    if not folder.exists():
        unfinished = folder.with_name(f"{sha}.{os.getpid()}")
        unfinished.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", sha], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x"], cwd=unfinished, input=archive, check=True)
        unfinished.rename(folder)
    return folder


def run(folder: Path, target: Sequence[str]) -> str:
    """What `make target` prints in this folder."""
    _printed(["make", "install"], folder)
    return _printed(["make", "--no-print-directory", *target], folder)


def _printed(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def collect(readings: Readings, text: str) -> None:
    """Add the numbers of all Markdown tables in a text."""
    for key, cells in _rows(text.splitlines()):
        for column, cell in cells.items():
            if found := NUMBER.match(cell):
                readings[key][column].append(float(found[0].replace(",", "")))


def _rows(lines: Iterable[str]) -> Iterator[tuple[Key, dict[str, str]]]:
    columns: list[str] = []
    for line in lines:
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip("|\n ").split("|")]
        if not columns:
            columns = cells
        elif not set(line) <= set("|-: "):
            row = dict(zip(columns, cells, strict=True))
            yield tuple(row.pop(name) for name in KEYS if name in row), row


def table(old: Readings, new: Readings) -> Iterator[str]:
    """A row for each number that both have."""
    yield "| row | what | old | new | new / old |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for key, columns in new.items():
        for column, numbers in columns.items():
            before = old.get(key, {}).get(column)
            if before and median(before):
                was, now = median(before), median(numbers)
                yield f"| {' '.join(key)} | {column} | {was:g} | {now:g} | {now / was:.2f} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
