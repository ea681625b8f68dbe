"""The invariants that must hold after every step, with the names of DESIGN.md.

A check gets the true history with the changes of the last step, and yields a sentence for each violation. Some checks
need the writers or the times of writes, or the hook calls; they yield nothing if the history does not have these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.answers import committed, informed_once, no_overlap, same_answer, stable, standing
from simulator.judge.capacity import accounted
from simulator.judge.consistent import consistent
from simulator.judge.cooldowns import cooled
from simulator.judge.delegated import delegated
from simulator.judge.facts import Facts
from simulator.judge.integrations import claimed, written
from simulator.judge.ledgers import (
    allowed,
    asked,
    disjoint,
    fenced,
    inside_range,
    monotone,
    no_early_reuse,
    proven,
    withheld,
)
from simulator.judge.placed import placed
from simulator.judge.quotas import within_quota
from simulator.judge.reservations import reserved
from simulator.judge.turns import by_age, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator.judge.history import History

CHECKS: dict[str, Callable[[History], Iterator[str]]] = {
    "Proven": proven,
    "NoEarlyReuse": no_early_reuse,
    "Stable": stable,
    "Committed": committed,
    "NoOverlap": no_overlap,
    "Disjoint": disjoint,
    "Monotone": monotone,
    "Standing": standing,
    "Placed": placed,
    "InsideRange": inside_range,
    "Fenced": fenced,
    "Withheld": withheld,
    "Informed": informed_once,
    "Allowed": allowed,
    "Asked": asked,
    "WithinQuota": within_quota,
    "Reserved": reserved,
    "Cooled": cooled,
    "Delegated": delegated,
    "Accounted": accounted,
    "InTurn": in_turn,
    "ByAge": by_age,
    "SameAnswer": same_answer,
    "Consistent": consistent,
    "Claimed": claimed,
    "Written": written,
}


def violations(history: History) -> list[str]:
    """All violations of the last step, each with the name of its invariant; the step is then forgotten."""
    found = [f"{name}: {text}" for name, check in CHECKS.items() for text in check(history)]
    history.facts = Facts()
    history.calls.clear()
    return found
