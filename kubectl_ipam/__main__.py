"""Entry point of `kubectl-ipam`, and of `python -m kubectl_ipam`."""

import os
import sys
from pathlib import Path

from kubectl_ipam.cli import run


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.stdout is None:  # `>&-`
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (until the end)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
