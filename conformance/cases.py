"""Fixture files: each holds cases, and a case is one call of a hook and the answer to it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from hooks.app import NOW_HEADER
from hooks.protocol.errors import excerpt

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "schema.json"


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
