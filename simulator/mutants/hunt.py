"""The hunt for a wrong design: each invariant that its mutant names must find it by itself.

All checkers look at each step, and the first violation ends a run. So a checker that is always second would never be
seen to bite; here each is alone. And what is found must be the mistake, not the attack: the right design, which runs
with the same bias, must pass the seed that found the mutant, and the very actions too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simulator.attack.simulation import Outcome, Simulation

if TYPE_CHECKING:
    from simulator.attack.simulation import Setting
    from simulator.mutants.catalog import Mutant


@dataclass(frozen=True, slots=True)
class Catch:
    """How an invariant found a mutant; the outcome is None if it did not."""

    invariant: str
    seeds: int
    steps: int
    outcome: Outcome | None

    def __str__(self) -> str:
        """For people."""
        if self.outcome is None:
            return f"NOT FOUND by {self.invariant} in {self.seeds} seeds, {self.steps} steps"
        return f"{self.invariant} after {self.seeds} seeds, {self.steps} steps"


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of the hunt for one mutant."""

    name: str
    rule: str
    catches: list[Catch]
    #: What the right design breaks where the mutant was found; nothing, if it is right.
    objections: list[str]

    @property
    def is_found(self) -> bool:
        """Whether each invariant that should find it did."""
        return all(catch.outcome is not None for catch in self.catches)

    def __str__(self) -> str:
        """A line for people."""
        return f"{self.name:50}  {self.rule:10}  {'; '.join(map(str, self.catches))}" + "".join(
            f"\n    the right design fails too: {text}" for text in self.objections
        )


def hunted(mutant: Mutant, wrong: Setting, right: Setting, seeds: int) -> Hunt:
    """Hunt a mutant; `wrong` and `right` are the settings with and without its mistake, and `seeds` the most to try."""
    catches = [caught(replace(wrong, invariants=(name,)), seeds) for name in mutant.invariants]
    outcomes = [catch.outcome for catch in catches if catch.outcome is not None]
    return Hunt(mutant.name, mutant.rule, catches, [text for each in outcomes for text in objections(right, each)])


def caught(setting: Setting, seeds: int) -> Catch:
    """Try seed after seed until something is found."""
    name, steps = " and ".join(setting.invariants), 0
    for seed in range(seeds):
        outcome = Simulation(setting, seed).run()
        steps += outcome.steps
        if outcome.findings:
            return Catch(name, seed + 1, steps, outcome)
    return Catch(name, seeds, steps, None)


def objections(right: Setting, found: Outcome) -> list[str]:
    """What the right design breaks with the seed and with the actions that found a mutant."""
    drawn = Simulation(right, found.seed).run()
    replayed = Simulation(right, found.seed).replay(found.actions)
    return [f"seed {found.seed}: {text}" for text in [*drawn.findings, *replayed.findings]]
