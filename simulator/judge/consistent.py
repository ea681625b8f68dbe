"""The invariant of the self-audit: a range reports a contradiction only if a person wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.history import History


def consistent(history: History) -> Iterator[str]:
    """Consistent: no range finds a contradiction, unless a person changed a status or a slice."""
    if history.was_forged or history.schemas_changed:
        return
    for life in history.facts.changed.values():
        for condition in life.status.get("conditions", []):
            if condition["type"] == "Consistent":
                yield f"{life.name} reports a {condition['message']}"
