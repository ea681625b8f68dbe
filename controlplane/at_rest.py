"""Judge a real control plane at rest, by the judge of the simulator: all answers are right and nothing leaks.

The checks are in `simulator/judge/at_rest.py`; this module feeds them the present objects. It is not known why a holder
is absent, so every holder that is marked as absent is excused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import EXTENTS, RANGES, REQUESTS, SLICES
from simulator.judge import at_rest
from simulator.judge.facts import Write
from simulator.judge.history import History
from simulator.judge.noting import note

if TYPE_CHECKING:
    from collections.abc import Collection

    from controlplane.api import Api


def differences_at_rest(api: Api, namespaces: Collection[str]) -> list[str]:
    """The violations in these namespaces, some of which may only be not finished yet."""
    history = History(namespaces=frozenset(namespaces), knows_writers=False)
    for obj in api.ask_patiently("GET", "/api/v1/namespaces")["items"]:
        note(history, Write("namespaces", obj))
    for resource in (RANGES, REQUESTS, EXTENTS, SLICES):
        for obj in api.list(resource):
            note(history, Write(resource, obj))
    return at_rest.violations(history)
