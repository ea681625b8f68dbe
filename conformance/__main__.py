"""The command: `python -m conformance FILE-OR-FOLDER... [--url URL]`."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.calls import Send, in_process, over_http
from conformance.cases import SCHEMA_FILE, Case, Unusable, read_cases
from conformance.differences import Difference, differences
from hooks.protocol.errors import excerpt

_DIFFERENCES_SHOWN_MAX = 20
_EXAMPLES = f"""\
examples:
  .venv/bin/python -m conformance tests/fixtures                           all cases, in process
  .venv/bin/python -m conformance tests/fixtures/ipamrange-sync/busy.json  one file
  make serve                                                                in another terminal: hooks in replay mode
  .venv/bin/python -m conformance tests/fixtures --url http://127.0.0.1:8080

exit code:
  0  all answers are as expected
  1  there is a difference
  2  nothing could be replayed: no such file, not a fixture ({SCHEMA_FILE.name}), or no server in replay mode
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit code."""
    options = _options(arguments)
    try:
        cases = read_cases(options.fixtures)
        if options.url:
            return _replay(cases, over_http(options.url), verbose=options.verbose)
        with _without_warnings("ipam"):
            return _replay(cases, in_process(), verbose=options.verbose)
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Make the calls that fixtures describe, and compare the answers with the expected ones.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("fixtures", nargs="+", type=Path, metavar="FILE-OR-FOLDER", help="cases to replay")
    parser.add_argument(
        "--url", help="a server in replay mode, such as http://127.0.0.1:8080; without it the hooks run in this process"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show differences in full, and the whole answer")
    return parser.parse_args(arguments)


@contextmanager
def _without_warnings(logger_name: str) -> Iterator[None]:
    """Refused bodies are expected here, and no news; a bug's traceback is."""
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _replay(cases: list[Case], send: Send, *, verbose: bool) -> int:
    failed_count = 0
    for case in cases:
        actual = send(case)
        found = list(differences(case.expected, actual))
        print(f"{'FAIL' if found else 'ok  '} {case.name}")
        if found:
            failed_count += 1
            _show(found, actual, verbose=verbose)
    print(f"{len(cases)} cases, {len(cases) - failed_count} passed, {failed_count} failed")
    return 1 if failed_count else 0


def _show(found: list[Difference], actual: dict[str, Any], *, verbose: bool) -> None:
    shown = found if verbose else found[:_DIFFERENCES_SHOWN_MAX]
    for path, *values in shown:
        print(f"       {path}")
        for label, value in zip(("expected:", "actual:  "), values, strict=True):
            text = "(nothing)" if value is None else value
            print(f"         {label} {text if verbose else excerpt(text)}")
    if len(shown) < len(found):
        print(f"       and {len(found) - len(shown)} more differences: -v shows them")
    if verbose:
        print("       the whole answer:")
        print("\n".join(f"         {line}" for line in json.dumps(actual, indent=2, ensure_ascii=False).splitlines()))


if __name__ == "__main__":
    sys.exit(main())
