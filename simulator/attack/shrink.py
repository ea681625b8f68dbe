"""Shorten a failing run by leaving out actions as long as it still breaks one of the same invariants.

Delta debugging (Zeller): leave out halves first, then smaller and smaller pieces, until no single action can be left
out; then leave out the outcomes of calls, one by one. The installed policies stay: without them tenants could do what
these prevent, and the short run would show another fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.attack.simulation import Outcome, Setting, Simulation

if TYPE_CHECKING:
    from simulator.world.machinery import Action

#: The most runs for one finding.
TRIES_MAX = 1500


def shrunk(setting: Setting, outcome: Outcome) -> Outcome:
    """The outcome of the shortest run that was found to break one of the same invariants."""
    best = outcome
    tries = 0
    installed = [action for action in outcome.actions if action[0] == "install"]

    def attempt(actions: list[Action]) -> bool:
        nonlocal best, tries
        if any(action not in actions for action in installed):
            return False
        tries += 1
        found = Simulation(setting, outcome.seed).replay(actions)
        if set(found.invariants) & set(outcome.invariants):
            best = found
            return True
        return False

    attempt(outcome.actions)
    piece = max(len(best.actions) // 2, 1)
    while tries < TRIES_MAX:
        at, before = 0, len(best.actions)
        while at < len(best.actions) and tries < TRIES_MAX:
            if not attempt(best.actions[:at] + best.actions[at + piece :]):
                at += piece
        if piece == 1 and len(best.actions) == before:
            break
        piece = max(piece // 2, 1)
    for at, action in enumerate(best.actions):
        if action[0] == "advance" and len(action) == 5 and tries < TRIES_MAX:
            attempt([*best.actions[:at], action[:4], *best.actions[at + 1 :]])
    return best
