"""The errors with which the API server refuses a call.

An `ApiError` is an expected outcome of a write and no bug. Metacontroller decides by `reason` which errors it ignores;
people read `message`, which has the form of the real API server's messages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class ApiError(Exception):
    """A refused call: `code` is the HTTP status, `reason` Kubernetes' name for it, `message` the text for people."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(ApiError):
    """The object can't be decoded, for example because of an unknown field."""

    code = 400
    reason = "BadRequest"


class Forbidden(ApiError):
    """Admission refuses, for example because the namespace is being terminated."""

    code = 403
    reason = "Forbidden"


class NotFound(ApiError):
    """There is no such object, or no such kind."""

    code = 404
    reason = "NotFound"


class AlreadyExists(ApiError):
    """Another object has the name."""

    code = 409
    reason = "AlreadyExists"


class Conflict(ApiError):
    """The given resourceVersion or uid is not the stored one."""

    code = 409
    reason = "Conflict"


class Invalid(ApiError):
    """The object breaks its schema or a rule; `faults` lists where."""

    code = 422
    reason = "Invalid"

    def __init__(self, kind: str, group: str, name: str, faults: list[Fault]) -> None:
        self.kind = kind
        self.name = name
        self.faults = faults
        texts = [str(fault) for fault in faults]
        listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        super().__init__(f'{kind}{"." if group else ""}{group} "{name}" is invalid: {listed}')


class Denied(Forbidden):
    """An admission policy refuses; the policy chooses the reason."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = {"Invalid": 422, "Unauthorized": 401, "RequestEntityTooLarge": 413}.get(reason, 403)


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong field: its path, the kind of fault, the value as text ("" for none) and the reason."""

    path: str
    kind: str
    value: str
    detail: str

    @property
    def is_structural(self) -> bool:
        """Whether the structure is wrong, so that rules about the values can't be evaluated."""
        return self.kind in {"Required value", "Too long", "Too many"} or "must be of type" in self.detail

    def __str__(self) -> str:
        return ": ".join(part for part in (self.path or "<nil>", self.kind, self.value, self.detail) if part)


def shown(value: Any) -> str:
    """A refused value as the API server prints it: objects and lists as JSON, text in double quotes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def invalid(path: str, value: Any, detail: str) -> Fault:
    """The most common fault: the value of a field is not allowed."""
    return Fault(path, "Invalid value", shown(value), detail)
