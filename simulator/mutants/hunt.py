"""The hunt for a mutant: each invariant that the mutant names must detect it by itself.

Normally all invariants judge each step, and the first violation ends the run, so an invariant that is always second
would never be shown to detect anything; here each one is alone. And the finding must be due to the mistake and not to
the attack: the right design must pass the seed that detected the mutant, with the same bias, and the same actions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simulator.attack.simulation import Outcome, Simulation

if TYPE_CHECKING:
    from simulator.attack.simulation import Setting
    from simulator.mutants.mutant import Mutant


@dataclass(frozen=True, slots=True)
class Catch:
    """The result of one invariant; the outcome is None if it did not detect the mutant."""

    invariant: str
    seeds: int
    steps: int
    outcome: Outcome | None

    def __str__(self) -> str:
        """A description for people."""
        if self.outcome is None:
            return f"NOT DETECTED by {self.invariant} in {self.seeds} seeds, {self.steps} steps"
        return f"{self.invariant} after {self.seeds} seeds, {self.steps} steps"


@dataclass(frozen=True, slots=True)
class Hunt:
    """The result of the hunt for one mutant."""

    name: str
    rule: str
    catches: list[Catch]
    #: The violations of the right design where the mutant was detected; none, if it is right.
    objections: list[str]

    @property
    def is_found(self) -> bool:
        """Whether each invariant that must detect the mutant did."""
        return all(catch.outcome is not None for catch in self.catches)

    def __str__(self) -> str:
        """A line for people."""
        return f"{self.name:53}  {self.rule:10}  {'; '.join(map(str, self.catches))}" + "".join(
            f"\n    the right design fails too: {text}" for text in self.objections
        )


def hunted(mutant: Mutant, wrong: Setting, right: Setting, seeds: int) -> Hunt:
    """Hunt a mutant; `wrong` and `right` are the settings with and without its mistake; try at most `seeds` seeds."""
    catches = [caught(replace(wrong, invariants=(name,)), seeds) for name in mutant.invariants]
    outcomes = [catch.outcome for catch in catches if catch.outcome is not None]
    return Hunt(mutant.name, mutant.rule, catches, [text for each in outcomes for text in objections(right, each)])


def caught(setting: Setting, seeds: int) -> Catch:
    """Try seed after seed until there is a finding."""
    name, steps = " and ".join(setting.invariants), 0
    for seed in range(seeds):
        outcome = Simulation(setting, seed).run()
        steps += outcome.steps
        if outcome.findings:
            return Catch(name, seed + 1, steps, outcome)
    return Catch(name, seeds, steps, None)


def objections(right: Setting, found: Outcome) -> list[str]:
    """The violations of the right design with the seed and with the actions that detected a mutant."""
    drawn = Simulation(right, found.seed).run()
    replayed = Simulation(right, found.seed).replay(found.actions)
    return [f"seed {found.seed}: {text}" for text in [*drawn.findings, *replayed.findings]]
