"""The attack on the design: some of its seeds, its machinery, and broken designs that it must detect.

`make simulate` and `make mutants` are the long forms.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hooks.ranges import placement
from simulator.attack.chance import Bias
from simulator.attack.shrink import shrunk
from simulator.attack.simulation import INVARIANTS, Setting, Simulation
from simulator.cli import main
from simulator.cluster import ROOT
from simulator.commands import APP, MUTANT_SEEDS, setting_for
from simulator.judge.addresses import Block, block_of, covers, merged, places, without
from simulator.kubernetes.manifests import read_manifests
from simulator.kubernetes.objects import Obj, uid_of
from simulator.mutants.catalog import MUTANTS
from simulator.mutants.hunt import caught, hunted, objections
from simulator.mutants.mutant import Mutant
from simulator.names import SLICES

#: For each invariant a mutant that it detects by itself.
DETECTED = {
    "NoOverlap": "held blocks are granted",
    "Disjoint": "a range grants before it sees its own extent",
    "InsideRange": "an interval is rounded up to a CIDR",
    "Stable": "every request is placed again in each call",
    "NoEarlyReuse": "the block of an absent holder is granted again",
    "Accounted": "capacity is counted before the grants",
    "Monotone": "no compare and swap",
    "Committed": "the proposal is published",
    "Standing": "a newer Ready answer is withdrawn",
    "Placed": "an answer in another slice stands",
    "Proven": "absent holders are released",
    "InTurn": "round robin starts again in each call",
    "ByAge": "recorded addresses are served first",
    "SameAnswer": "requests are served in the order of the wire",
    "Fenced": "a closed range grants blocks",
    "Withheld": "a former gateway is granted",
    "Consistent": "every request is placed again in each call",
    "Allowed": "all namespaces are allowed",
    "Asked": "the size of a request is ignored",
    "WithinQuota": "quotas are ignored",
    "Reserved": "reservations are ignored",
    "Cooled": "the end of a cool-down is ignored",
    "Informed": "requests do not show the network",
    "Restored": "recorded addresses are ignored",
    "Live": "an answer is computed from half a body",
    "NoLeak": "the finalizer of a request is removed at once",
    "Gone": "no answer asks for a resync",
    "Calm": "every answer asks for a resync at once",
    "Delegated": "the release of a block does not wait for its range",
    "Claimed": "a claim that is served gives up its request",
    "Written": "the address of a Service follows its range",
}


def mutant(name: str) -> Mutant:
    return next(item for item in MUTANTS if item.name == name)


def wrong(name: str, invariant: str) -> Setting:
    """The setting of a mutant with only one invariant as its judge."""
    return replace(setting_for(APP, mutant(name)), invariants=(invariant,))


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_the_design_withstands_a_few_seeds(first: int) -> None:
    outcomes = [Simulation(setting_for(APP), seed).run() for seed in range(first, first + 25)]

    assert [outcome.findings for outcome in outcomes if outcome.findings] == []


def test_full_slices_delay_answers_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """With little room in each slice, requests wait; but each that is deleted is gone, and nothing leaks or moves."""
    monkeypatch.setattr(placement, "BYTES_FOR_NEW_ITEMS_MAX", 420)
    monkeypatch.setattr(placement, "BYTES_MAX", 770)
    judged = tuple(name for name in INVARIANTS if name not in {"Live", "Restored"})
    bias = Bias(actions={"create requests in one second": 8.0})
    outcomes = [Simulation(replace(setting_for(APP), bias=bias, invariants=judged), seed).run() for seed in range(25)]

    assert [outcome.findings for outcome in outcomes if outcome.findings] == []


def test_announcements_of_proposals_delay_calls_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges with 1,000 requests announce proposals that change no answer. No run has so many: here all do it."""
    monkeypatch.setattr(placement, "ANNOUNCED_REQUEST_COUNT_MIN", 0)
    runs = [Announced(seed) for seed in range(50)]
    outcomes = [run.run() for run in runs]

    assert [outcome.findings for outcome in outcomes if outcome.findings] == []
    assert sum(run.announcement_count for run in runs) > 50


class Announced(Simulation):
    """A run that counts the writes of slices that announce a proposal and change no answer."""

    def __init__(self, seed: int) -> None:
        self.announcement_count = 0
        self._specs: dict[str, Obj] = {}
        super().__init__(setting_for(APP), seed)
        self.world.store.listeners.append(lambda resource, event: self._written(resource.plural, event.obj))

    def _written(self, plural: str, obj: Obj) -> None:
        if plural == SLICES:
            spec: Obj = obj["spec"]
            before: Obj = self._specs.get(uid_of(obj), spec)
            has_moved = spec.get("proposed") != before.get("proposed")
            self.announcement_count += has_moved and spec["answers"] == before["answers"]
            self._specs[uid_of(obj)] = spec


def test_the_same_seed_gives_the_same_run() -> None:
    runs: list[list[str]] = [[], []]
    for lines in runs:
        Simulation(setting_for(APP), 3, lines.append).run()

    assert runs[0] == runs[1]


def test_the_actions_of_a_run_replay_it() -> None:
    drawn = Simulation(setting_for(APP), 5).run()
    again = Simulation(setting_for(APP), 5).replay(drawn.actions)

    assert (again.actions, again.steps) == (drawn.actions, drawn.steps)


@pytest.mark.parametrize(("invariant", "name"), DETECTED.items(), ids=DETECTED)
def test_each_invariant_detects_a_broken_design_by_itself_and_accepts_the_right_one(invariant: str, name: str) -> None:
    catch = caught(wrong(name, invariant), MUTANT_SEEDS)

    assert catch.outcome is not None
    assert catch.outcome.invariants == [invariant]
    assert objections(replace(setting_for(APP), bias=mutant(name).bias), catch.outcome) == []


def test_every_invariant_of_the_design_is_judged_and_detects_a_mutant() -> None:
    table = (ROOT / "DESIGN.md").read_text().partition("## Invariants")[2].partition("| Recorded")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")][1:]
    named = {name.strip() for row in rows for name in row.split(",")} - {"---"}

    assert named == set(INVARIANTS) == set(DETECTED) == {name for item in MUTANTS for name in item.invariants}
    assert all(invariant in mutant(name).invariants for invariant, name in DETECTED.items())


def test_the_design_names_every_mutant_at_a_step_that_its_invariants_check() -> None:
    proof = (ROOT / "DESIGN.md").read_text().partition("## Why no address")[2].partition("`make simulate`")[0]
    steps = [" ".join(step.split()) for step in re.split(r"^\d+\. ", proof, flags=re.MULTILINE)[1:]]
    placed = {
        name: re.findall(r"\w+", ", ".join(re.findall(r"\*([A-Z][\w, ]+)\*", step)))
        for step in steps
        for name in step.partition("Mutant")[2].lstrip("s: ").partition(".")[0].split("; ")
    }

    assert set(placed) == {item.name for item in MUTANTS}
    assert [item.name for item in MUTANTS if not set(item.invariants) <= set(placed[item.name])] == []
    assert all(" Rests on: " in step and " Broken by: " in step for step in steps)


def test_a_hunt_reports_which_invariants_detected_the_mutant_and_whether_the_right_design_fails() -> None:
    right, setting = setting_for(APP), setting_for(APP, mutant("the proposal is published"))

    found = hunted(
        replace(mutant("the proposal is published"), invariants=("Committed", "Accounted")), setting, right, 12
    )
    same = hunted(mutant("the proposal is published"), setting, setting, 12)

    assert [(catch.invariant, catch.outcome is not None) for catch in found.catches] == [
        ("Committed", True),
        ("Accounted", False),
    ]
    assert (found.is_found, found.objections) == (False, [])
    assert "NOT DETECTED by Accounted in 12 seeds" in str(found)
    assert same.is_found
    assert "the right design fails too: seed" in str(same)


def test_a_bias_towards_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match="no such actions: sleep"):
        Simulation(replace(setting_for(APP), bias=Bias(actions={"sleep": 1.0})), 1).run()


def test_a_finding_is_shortened_and_remains_a_finding() -> None:
    setting = wrong("the proposal is published", "Committed")
    outcome = caught(setting, seeds=60).outcome
    assert outcome is not None

    small = shrunk(setting, outcome)

    assert len(small.actions) <= 30
    assert small.invariants == ["Committed"]
    assert Simulation(setting, small.seed).replay(small.actions).findings == small.findings


def test_every_mutant_names_the_rule_that_it_breaks_and_its_invariants() -> None:
    assert len({item.name for item in MUTANTS}) == len(MUTANTS) >= 12
    assert all(item.rule and item.invariants for item in MUTANTS)


@pytest.mark.parametrize("mutant", [item for item in MUTANTS if item.crds], ids=lambda item: item.name)
def test_mutants_of_the_crds_change_those_that_are_shipped(mutant: Mutant) -> None:
    crds = [each.obj for each in read_manifests(ROOT / "crds")]

    assert mutant.definitions(crds) != crds


@pytest.mark.parametrize("mutant", [item for item in MUTANTS if item.policies], ids=lambda item: item.name)
def test_mutants_of_the_policies_change_those_that_are_shipped(mutant: Mutant) -> None:
    assert setting_for(APP, mutant).manifests != setting_for(APP).manifests


def test_a_good_run_and_a_replay_end_with_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.json"
    actions = Simulation(setting_for(APP), 1).run().actions
    file.write_text(json.dumps({"seed": 1, "actions": actions}))

    assert main(["run", "--seed", "1", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" steps, 0 findings")
    assert main(["replay", str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 seeds, ")


def test_many_seeds_end_with_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seeds", "3", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 seeds, ")


def test_a_finding_is_printed_in_few_steps_with_a_file_that_replays_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "the proposal is published"
    options = ["--jobs", "1", "--findings-max", "1", "--directory", str(tmp_path / "found")]

    assert main(["simulate", "--seeds", "25", "--mutant", name, *options]) == 1
    lines = capsys.readouterr().out.splitlines()
    (file,) = (tmp_path / "found").glob("finding-*.json")
    kept = json.loads(file.read_text())

    assert any(
        re.fullmatch(rf"seed {kept['seed']}: \d+ actions, {len(kept['actions'])} of them are needed:", line)
        for line in lines
    )
    assert [line for line in lines if line.startswith("*** Committed: ")]
    assert f"replay it: python -m simulator replay {file}" in lines[-3]
    assert re.fullmatch(r"25 seeds, \d+ steps, \d+ findings", lines[-1])
    assert main(["replay", str(file)]) == 1
    assert capsys.readouterr().out.splitlines()[-2].startswith("*** Committed: ")
    file.write_text(json.dumps({key: value for key, value in kept.items() if key != "mutant"}))
    assert main(["replay", str(file)]) == 0


def test_each_hunt_prints_a_line_and_a_mutant_that_survives_fails_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["mutants", "--only", "the proposal is published", "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert re.match(r"the proposal is published +S3 +Committed after \d+ seeds, \d+ steps$", lines[0])
    assert lines[-1] == "1 of 1 mutants detected"
    assert main(["mutants", "--only", "the proposal is published", "--seeds", "0", "--jobs", "1"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 1 mutants detected"


def test_the_judge_can_count_addresses() -> None:
    pool = merged([block_of("10.0.0.0/30"), block_of("10.0.0.4-10.0.0.6")])

    assert pool == [Block(4, 0x0A000000, 0x0A000006)]
    assert without(pool, [block_of("10.0.0.1"), block_of("10.0.0.6/32")]) == [
        block_of("10.0.0.0"),
        block_of("10.0.0.2-10.0.0.5"),
    ]
    assert covers(pool, block_of("10.0.0.4/31"))
    assert not covers(pool, block_of("10.0.0.6/31"))
    assert places(pool, 30) == 1
    assert places([block_of("10.0.0.1-10.0.0.2")], 31) == 0
