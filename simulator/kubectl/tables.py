"""The tables of `kubectl get`: columns of the CRD, ages, layout.

A column whose field is absent is blank, as in kubectl. Of several values, as of `.spec.answers[*].cidr`, only the
first one is shown, as by the API server. Unlike in kubectl, lines do not end in blanks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.kubernetes.clock import parse_rfc3339
from simulator.kubernetes.objects import Obj, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from simulator.kubernetes.resources import Resource

GAP = 3
MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY
#: One step of a JSONPath: `.name`, `['name']`, `[0]`, `[*]` or `[?(@.type=="Ready")]`.
_STEP = re.compile(
    r"""\.(?P<name>(?:[A-Za-z0-9_/-]|\\.)+)"""
    r"""|\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]"""
    r"""|\[(?P<index>\d+|\*)\]"""
    r"""|\[\?\(@\.(?P<field>[\w.]+)\s*==\s*(?P<mark>['"])(?P<value>.*?)(?P=mark)\)\]"""
)


class BadPath(Exception):
    """A JSONPath uses a part of the language that printer columns do not need."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a table: with a namespace column, with columns of low priority, with kinds before names."""

    namespaces: bool = False
    wide: bool = False
    kinds: bool = False


def header(resource: Resource, layout: Layout) -> list[str]:
    """The column titles."""
    titles = [column["name"].upper() for column in _columns(resource, layout)]
    return [*(["NAMESPACE"] if layout.namespaces else []), "NAME", *titles]


def row(resource: Resource, obj: Obj, layout: Layout, now: datetime) -> list[str]:
    """The cells of one object."""
    namespace, name = key_of(obj)
    shown = f"{resource.singular_name}/{name}" if layout.kinds else name
    cells = [_cell(column, obj, now) for column in _columns(resource, layout)]
    return [*([namespace] if layout.namespaces else []), shown, *cells]


def table(resource: Resource, objects: Sequence[Obj], layout: Layout, now: datetime) -> str:
    """Header and rows, aligned; ends with a newline."""
    return aligned([header(resource, layout), *(row(resource, obj, layout, now) for obj in objects)])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text; each column is as wide as its widest cell, plus three blanks."""
    widths = [max(len(cell) for cell in column) + GAP for column in zip(*rows, strict=True)]
    lines = ("".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows)
    return "".join(f"{line}\n" for line in lines)


def find(path: str, obj: Any) -> list[Any]:
    """The values of a JSONPath such as `.status.conditions[?(@.type=="Ready")].status`. Raises BadPath."""
    found, remainder = [obj], path
    while remainder:
        step = _STEP.match(remainder)
        if step is None:
            raise BadPath(f"JSONPath {path!r}: can't read {remainder!r}")
        found = [value for item in found for value in _stepped(step, item)]
        remainder = remainder[step.end() :]
    return found


def _stepped(step: re.Match[str], item: Any) -> list[Any]:
    if step["name"] is not None or step["quoted"] is not None:
        name = step["quoted"] if step["name"] is None else step["name"].replace("\\", "")
        return [item[name]] if isinstance(item, dict) and name in item else []
    if not isinstance(item, list):
        return []
    if step["index"] == "*":
        return item
    if step["index"] is not None:
        return item[int(step["index"]) :][:1]
    return [entry for entry in item if find(f".{step['field']}", entry) == [step["value"]]]


#: Below this many seconds, a duration is shown in the first unit, with the remainder in the second unit, if any.
_UNITS: tuple[tuple[int, tuple[int, str], tuple[int, str] | None], ...] = (
    (120, (1, "s"), None),
    (10 * MINUTE, (MINUTE, "m"), (1, "s")),
    (3 * HOUR, (MINUTE, "m"), None),
    (8 * HOUR, (HOUR, "h"), (MINUTE, "m")),
    (48 * HOUR, (HOUR, "h"), None),
    (8 * DAY, (DAY, "d"), (HOUR, "h")),
    (2 * YEAR, (DAY, "d"), None),
    (8 * YEAR, (YEAR, "y"), (DAY, "d")),
)


def age(seconds: float) -> str:
    """A duration as kubectl shortens it: `5s`, `2m30s`, `15m`, `3h4m`, `20h`, `3d4h`, `45d`, `2y10d`."""
    total = int(seconds)
    if total < 0:
        return "0s" if total >= -1 else "<invalid>"
    for limit, (first, unit), second in _UNITS:
        if total < limit:
            left = total % first // second[0] if second else 0
            return f"{total // first}{unit}{left}{second[1]}" if second and left else f"{total // first}{unit}"
    return f"{total // YEAR}y"


def _columns(resource: Resource, layout: Layout) -> list[dict[str, Any]]:
    return [column for column in resource.columns if layout.wide or not column.get("priority")]


def _cell(column: dict[str, Any], obj: Obj, now: datetime) -> str:
    found = find(column["jsonPath"], obj)
    if not found or found[0] is None:
        return ""
    value = found[0]
    if column["type"] == "date":
        try:
            return age((now - parse_rfc3339(value)).total_seconds())
        except (TypeError, ValueError):
            return "<invalid>"
    if isinstance(value, bool):
        return str(value).lower()
    shown = json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else str(value)
    text, *more = shown.splitlines() or [""]
    return f"{text}..." if more else text
