"""What the command lines do with an output whose reader has left, or that can't be written."""

import os
import sys


def discard_output() -> None:
    """Let standard output lead nowhere: Python flushes it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
