"""What the API server answers when it refuses: one small family of errors.

An `ApiError` is an expected outcome of a write, and no bug. Metacontroller decides by `reason` which of them it
swallows; people read `message`, which is shaped like the real API server's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


class ApiError(Exception):
    """A refused call. `code` is the HTTP status, `reason` Kubernetes' word for it, `message` what a person reads."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(ApiError):
    """The object can't be understood, for example because of an unknown field."""

    code = 400
    reason = "BadRequest"


class Forbidden(ApiError):
    """Admission refuses, for example because the namespace is being terminated."""

    code = 403
    reason = "Forbidden"


class NotFound(ApiError):
    """No such object, or no such kind."""

    code = 404
    reason = "NotFound"


class AlreadyExists(ApiError):
    """Another object has that name."""

    code = 409
    reason = "AlreadyExists"


class Conflict(ApiError):
    """The given resourceVersion or uid is not the stored one."""

    code = 409
    reason = "Conflict"


class Invalid(ApiError):
    """The object breaks its schema or a rule; `faults` says where."""

    code = 422
    reason = "Invalid"

    def __init__(self, kind: str, group: str, name: str, faults: list[Fault]) -> None:
        self.kind = kind
        self.name = name
        self.faults = faults
        texts = [str(fault) for fault in faults]
        listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        super().__init__(f'{kind}{"." if group else ""}{group} "{name}" is invalid: {listed}')


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong field: its path, what kind of fault it is, the value (text as shown, "" for none) and why."""

    path: str
    kind: str
    value: str
    detail: str

    @property
    def is_structural(self) -> bool:
        """Whether the shape itself is wrong, so that rules about the values can't be tried."""
        return self.kind in {"Required value", "Too long", "Too many"} or "must be of type" in self.detail

    def __str__(self) -> str:
        return ": ".join(part for part in (self.path or "<nil>", self.kind, self.value, self.detail) if part)


def shown(value: Any) -> str:
    """A refused value as the API server prints it: objects and lists as JSON, text in double quotes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def invalid(path: str, value: Any, detail: str) -> Fault:
    """The most common fault: the value of a field is not allowed."""
    return Fault(path, "Invalid value", shown(value), detail)
