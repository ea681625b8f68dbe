"""Judge a real control plane at rest, by the judge of the simulator: every answer is right, and nothing is left over.

The checks are in `simulator/judge/at_rest.py`; this module only shows them the objects that are there. Why a request
has gone unseen is not known here, so every holder that is marked as absent is excused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import ALLOCATIONS, EXTENTS, RANGES, REQUESTS
from simulator.judge import at_rest
from simulator.judge.facts import Write
from simulator.judge.history import History
from simulator.judge.noting import note

if TYPE_CHECKING:
    from collections.abc import Collection

    from controlplane.api import Api


def differences_at_rest(api: Api, namespaces: Collection[str]) -> list[str]:
    """What is wrong in these namespaces, or has not happened yet."""
    history = History(namespaces=frozenset(namespaces))
    for obj in api.ask_patiently("GET", "/api/v1/namespaces")["items"]:
        note(history, Write("namespaces", obj))
    for resource in (RANGES, REQUESTS, EXTENTS, ALLOCATIONS):
        for obj in api.list(resource):
            note(history, Write(resource, obj))
    return at_rest.violations(history, excuse=lambda _: True)
