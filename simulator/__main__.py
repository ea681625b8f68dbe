"""Entry point of `python -m simulator`; see `cli`."""

import sys

from simulator.cli import main

sys.exit(main())
