"""What is wrong with a body that was refused: the path, the value found there, and what would be right.

The hot path reads bodies by msgspec, which is fast and says little. Only a body that it refuses is read again here,
slowly, against the JSON Schema of the same types.
"""

import json
import re
from typing import Any

import jsonschema
import msgspec

_EXCERPT_LENGTH_MAX = 120
#: The slow reading takes up to 26 times the body in memory: for a larger one the error has only what msgspec says.
_READ_AGAIN_BYTES_MAX = 4_000_000


class ProtocolError(Exception):
    """The call is not a hook request that can be answered.

    Attributes:
        path: where, as a JSON path; `$` is the whole body.
        message: what is wrong there, and what would be right.
        value: what is there, cut to a readable length; absent when nothing is.
    """

    def __init__(self, path: str, message: str, value: str | None = None) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message
        self.value = value


class OldLedger(Exception):
    """The call shows an older ledger than one that was probably committed since: its proposal would be rejected.

    Attributes:
        revision: of the ledger that it shows.
        request_count: number of requests of the range that it shows.
    """

    def __init__(self, revision: int, request_count: int) -> None:
        super().__init__(f"revision {revision} is old")
        self.revision = revision
        self.request_count = request_count


def explained(data: bytes, body_type: type, refusal: str) -> ProtocolError:
    """The error for a body that msgspec refused with this text."""
    if len(data) > _READ_AGAIN_BYTES_MAX:
        return _as_refused(refusal)
    body = _parsed(data)
    return body if isinstance(body, ProtocolError) else _fault_of(body, body_type, refusal)


def _parsed(data: bytes) -> Any:
    """The body, untyped; an error if it is no JSON."""
    try:
        return json.loads(data.decode())
    except RecursionError:
        return ProtocolError("$", "nested too deeply: hook requests have fewer than 100 levels")
    except UnicodeDecodeError as error:
        return ProtocolError(
            "$", f"not UTF-8 at byte {error.start}", excerpt(data[error.start : error.start + 8].hex())
        )
    except json.JSONDecodeError as error:
        near = excerpt(error.doc[max(error.pos - 20, 0) : error.pos + 20])
        return ProtocolError("$", f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}", near)
    except ValueError:  # a number of thousands of digits
        return ProtocolError("$", "not readable: a number has more digits than any number of Kubernetes")


def _fault_of(body: Any, body_type: type, refusal: str) -> ProtocolError:
    """What the schema says of a body; msgspec's own words for what it can't say, such as the form of a time."""
    try:
        faults = jsonschema.Draft202012Validator(msgspec.json.schema(body_type)).iter_errors(body)
        fault = jsonschema.exceptions.best_match(faults)
    except RecursionError:
        fault = None
    if fault is None:
        refused = _as_refused(refusal)
        return ProtocolError(refused.path, refused.message, _value_at(refused.path, body))
    missing = fault.validator == "required"
    return ProtocolError(excerpt(fault.json_path), _shortened(fault), None if missing else excerpt(fault.instance))


def _as_refused(refusal: str) -> ProtocolError:
    """The error in msgspec's own words, which end with the path."""
    message, _, path = refusal.partition(" - at `")
    return ProtocolError(path.rstrip("`") or "$", message)


#: A step of a path in msgspec's words: a field, or a place in a list. Keys of maps are not named.
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")


def _value_at(path: str, body: Any) -> str | None:
    """What a body has at a path, as far as the path names it; None if that is unknown."""
    steps = path.removeprefix("$")
    if not steps or "".join(match[0] for match in _STEP.finditer(steps)) != steps:
        return None
    value = body
    for field, index in _STEP.findall(steps):
        try:
            value = value[int(index) if index else field]
        except (LookupError, TypeError):
            return None
    return excerpt(value)


def excerpt(value: Any) -> str:
    """A value as JSON, cut to a readable length."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.encode(errors="backslashreplace").decode()  # lone surrogates, which JSON can name, are no text
    return text if len(text) <= _EXCERPT_LENGTH_MAX else f"{text[:_EXCERPT_LENGTH_MAX]}... ({len(text)} characters)"


def _shortened(fault: jsonschema.ValidationError) -> str:
    """Jsonschema's message without the value, which may be megabytes and has a field of its own."""
    if fault.validator == "type":
        wanted: Any = fault.validator_value
        return f"must be of type {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"
    return excerpt(fault.message)
