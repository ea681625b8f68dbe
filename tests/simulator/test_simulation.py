"""The attack on the design: a few seeds of it, the machine that makes it, and wrong designs that it must find.

`make simulate` and `make mutants` are the long forms.
"""

import json
from pathlib import Path

import pytest

from simulator.blocks import Block, block_of, covers, fits, merged, without
from simulator.campaign import APP, hunted, setting
from simulator.cli import main
from simulator.mutants import MUTANTS, Mutant
from simulator.shrink import shrunk
from simulator.simulation import Simulation

#: Mutants that few seeds find.
QUICK_MUTANTS = (
    "no revision in the default status",
    "publish the proposal",
    "place everybody anew in each call",
    "no second look",
    "an answer computed from half a body",
    "let go before the release is committed",
)


def mutant(name: str) -> Mutant:
    return next(item for item in MUTANTS if item.name == name)


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_the_design_withstands_a_few_seeds(first: int) -> None:
    outcomes = [Simulation(setting(APP), seed).run() for seed in range(first, first + 25)]

    assert [outcome.findings for outcome in outcomes if outcome.findings] == []


def test_the_same_seed_gives_the_same_run() -> None:
    runs: list[list[str]] = [[], []]
    for lines in runs:
        Simulation(setting(APP), 3, lines.append).run()

    assert runs[0] == runs[1]


def test_the_actions_of_a_run_replay_it() -> None:
    drawn = Simulation(setting(APP), 5).run()
    again = Simulation(setting(APP), 5).replay(drawn.actions)

    assert (again.actions, again.steps) == (drawn.actions, drawn.steps)


@pytest.mark.parametrize("name", QUICK_MUTANTS)
def test_a_wrong_design_is_found(name: str) -> None:
    _, outcome = hunted(setting(APP, mutant(name)), seeds=60)

    assert outcome is not None


def test_a_finding_is_made_small_and_still_is_one() -> None:
    ground = setting(APP, mutant("publish the proposal"))
    _, outcome = hunted(ground, seeds=60)
    assert outcome is not None

    small = shrunk(ground, outcome)

    assert len(small.actions) <= 20
    assert small.invariants == ["Committed"]
    assert Simulation(ground, small.seed).replay(small.actions).findings == small.findings


def test_every_mutant_says_which_rule_it_breaks() -> None:
    assert len({item.name for item in MUTANTS}) == len(MUTANTS) >= 12
    assert all(item.rule for item in MUTANTS)


def test_a_good_run_and_a_replay_end_with_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.json"
    actions = Simulation(setting(APP), 1).run().actions
    file.write_text(json.dumps({"seed": 1, "actions": actions}))

    assert main(["run", "--seed", "1", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" steps, 0 findings")
    assert main(["replay", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 seeds, ")


def test_many_seeds_end_with_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seeds", "3", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 seeds, ")


def test_the_judge_can_count_addresses() -> None:
    pool = merged([block_of("10.0.0.0/30"), block_of("10.0.0.4-10.0.0.6")])

    assert pool == [Block(4, 0x0A000000, 0x0A000006)]
    assert without(pool, [block_of("10.0.0.1"), block_of("10.0.0.6/32")]) == [
        block_of("10.0.0.0"),
        block_of("10.0.0.2-10.0.0.5"),
    ]
    assert covers(pool, block_of("10.0.0.4/31"))
    assert not covers(pool, block_of("10.0.0.6/31"))
    assert fits(pool, 30)
    assert not fits([block_of("10.0.0.1-10.0.0.2")], 31)
