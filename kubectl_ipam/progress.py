"""A line on standard error for everything that takes more than a second."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

#: Shorter work is silent.
SILENT_SECONDS = 1.0


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show what is being done, and for how long, while the body of a `with` runs; only on a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    line = threading.Thread(target=_show, args=(what, done), daemon=True)
    line.start()
    try:
        yield
    finally:
        done.set()
        line.join()


def _show(what: str, done: threading.Event) -> None:
    began, shown = monotonic(), False
    while not done.wait(SILENT_SECONDS):
        print(f"\r{what} ... {monotonic() - began:.0f}s", end="", file=sys.stderr, flush=True)
        shown = True
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
