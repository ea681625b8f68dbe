"""What must be true after every step: a function for each invariant, named as in DESIGN.md.

A check gets the true history, with what the last step has changed, and gives a sentence for each violation. It knows
nothing of how the hooks decide. Where the history does not know who wrote, when, or what the hooks were asked, the
checks that need it find nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.answers import committed, no_overlap, same_answer, stable, standing
from simulator.judge.capacity import accounted
from simulator.judge.facts import Facts
from simulator.judge.ledgers import allowed, asked, disjoint, inside_range, monotone, no_early_reuse, proven
from simulator.judge.turns import in_turn

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
    "InsideRange": inside_range,
    "Allowed": allowed,
    "Asked": asked,
    "Accounted": accounted,
    "InTurn": in_turn,
    "SameAnswer": same_answer,
}


def violations(history: History) -> list[str]:
    """All violations of the last step, each with the name of its invariant; the step is then forgotten."""
    found = [f"{name}: {text}" for name, check in CHECKS.items() for text in check(history)]
    history.facts = Facts()
    history.calls.clear()
    return found
