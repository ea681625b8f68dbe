"""Replay fixtures: `python -m hooks.replay FILE-OR-FOLDER... [--url URL]`.

A fixture says what a hook answers to a call at a given time (tests/fixtures/README.md). Here each call is made, in
process or at a server in replay mode, and the whole answer is compared with the expected one: JSON objects in any
order, lists in theirs, numbers by value.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from hooks.app import NOW_HEADER, create_app
from hooks.explain import excerpt
from hooks.settings import Settings

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "schema.json"

_DIFFERENCES_SHOWN_MAX = 20
_TIMEOUT_SECONDS = 60
_EXAMPLES = f"""\
examples:
  .venv/bin/python -m hooks.replay tests/fixtures                           all cases, in process
  .venv/bin/python -m hooks.replay tests/fixtures/ipamrange-sync/busy.json  one file
  make serve                                                                in another terminal: hooks in replay mode
  .venv/bin/python -m hooks.replay tests/fixtures --url http://127.0.0.1:8080

exit code:
  0  all answers are as expected
  1  there is a difference
  2  nothing can be said: no such file, not a fixture ({SCHEMA_FILE.name}), or no server in replay mode
"""


class Unusable(Exception):
    """Nothing can be replayed; the message says why, and what would be right."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of a hook and the expected answer; `name` is the end of the file's path and the description."""

    name: str
    path: str
    now: str
    request: bytes
    expected: dict[str, Any]  # status, body

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the call."""
        return {NOW_HEADER: self.now, "Content-Type": "application/json"}


class Difference(NamedTuple):
    """A place at which the answer is not the expected one; None for the text of a value that is not there."""

    path: str
    expected: str | None
    actual: str | None


#: Makes the call of a case and gives the answer in the form of `Case.expected`.
Send = Callable[[Case], dict[str, Any]]


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


def read_cases(paths: Iterable[Path]) -> list[Case]:
    """All cases of these files, and of all files in these folders in order of their names.

    Raises:
        Unusable: if a file can't be read or is not as the schema says.
    """
    validator = jsonschema.Draft202012Validator(_read_json(SCHEMA_FILE))
    cases = [case for path in paths for file in _fixture_files(path) for case in _cases_of(file, validator)]
    if not cases:
        raise Unusable("no fixtures there: name files, or folders with *.json files")
    return cases


def in_process() -> Send:
    """Call the hooks in this process."""
    client = create_app(Settings(replay=True)).test_client()

    def send(case: Case) -> dict[str, Any]:
        answer = client.post(case.path, data=case.request, headers=case.headers)
        return {"status": answer.status_code, "body": _json_or_text(answer.data)}

    return send


def over_http(url: str) -> Send:
    """Call the hooks at a server in replay mode.

    Raises:
        Unusable: when sending, if there is no server, or it takes the clock's time instead of the case's.
    """
    import requests  # noqa: PLC0415 (there is none in the image, where the rest of this package lives too)

    session = requests.Session()
    session.trust_env = False  # no proxies: the server is the one that was named

    def send(case: Case) -> dict[str, Any]:
        try:
            answer = session.post(
                url.rstrip("/") + case.path, data=case.request, headers=case.headers, timeout=_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise Unusable(f"no answer from {url} (`make serve` starts a server): {error}") from error
        if answer.status_code == 200 and answer.headers.get(NOW_HEADER) != case.now:
            raise Unusable(
                f"{url} does not take the time from the header {NOW_HEADER}: start it with IPAM_REPLAY=1 (as "
                "`make serve` does); a server in a cluster must not be started so"
            )
        return {"status": answer.status_code, "body": _json_or_text(answer.content)}

    return send


def differences(expected: Any, actual: Any, path: str = "$") -> Iterator[Difference]:
    """Where two JSON values differ, outermost places only, in order of their paths."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            place = f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"
            if key not in actual:
                yield Difference(place, _text(expected[key]), None)
            elif key not in expected:
                yield Difference(place, None, _text(actual[key]))
            else:
                yield from differences(expected[key], actual[key], place)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _list_differences(expected, actual, path)
    elif _text(expected) != _text(actual):
        yield Difference(path, _text(expected), _text(actual))


def _list_differences(expected: list[Any], actual: list[Any], path: str) -> Iterator[Difference]:
    """Items that are equal in both are matched first, so that one that is missing does not shift all others."""
    matcher = SequenceMatcher(
        None, [_text(each) for each in expected], [_text(each) for each in actual], autojunk=False
    )
    for tag, start, end, actual_start, actual_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        paired = min(end - start, actual_end - actual_start)
        for offset in range(paired):
            place = f"{path}[{start + offset}]"
            yield from differences(expected[start + offset], actual[actual_start + offset], place)
        for index in range(start + paired, end):
            yield Difference(f"{path}[{index}]", _text(expected[index]), None)
        for index in range(actual_start + paired, actual_end):
            yield Difference(f"{path}[{index}]", None, _text(actual[index]))


def _text(value: Any) -> str:
    """The one text of a JSON value: sorted keys, and 10 for 10.0, which are the same number."""
    return json.dumps(_normal(value), sort_keys=True, ensure_ascii=False)


def _normal(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _normal(each) for key, each in value.items()}
    return [_normal(each) for each in value] if isinstance(value, list) else value


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m hooks.replay",
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


def _fixture_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*.json") if file.name != SCHEMA_FILE.name)
    return [path]


def _cases_of(file: Path, validator: jsonschema.Draft202012Validator) -> list[Case]:
    written = _read_json(file)
    fault = jsonschema.exceptions.best_match(validator.iter_errors(written))
    if fault:
        raise Unusable(f"{file}: {fault.json_path}: {_explained(fault)} (wanted is what {SCHEMA_FILE} describes)")
    return [_case("/".join(file.parts[-2:]), each) for each in written]


def _explained(fault: jsonschema.ValidationError) -> str:
    """What is wrong, in a readable length: jsonschema's own words begin with the whole value."""
    match fault.validator:
        case "type":
            return f"must be of type {fault.validator_value}, but is {excerpt(fault.instance)}"
        case "oneOf":
            return "needs exactly one of request and requestText"
        case _:
            return excerpt(fault.message)


def _case(file: str, written: dict[str, Any]) -> Case:
    text = written["requestText"] if "requestText" in written else json.dumps(written["request"])
    name = f"{file}: {written['description']}"
    return Case(name, written["path"], written["now"], text.encode(errors="surrogatepass"), written["expect"])


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise Unusable(f"{file}: can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{file}: not JSON: {error}") from error


def _json_or_text(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


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
