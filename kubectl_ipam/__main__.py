"""Entry point of `kubectl-ipam`, and of `python -m kubectl_ipam`."""

import sys

from kubectl_ipam.cli import run


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
