"""Findings of the simulation: each file is a run that failed once and must not fail again.

Those that still fail are listed in EXPECTED_RED; their occasions have weight 0 in `simulator/attack/features.py`. As
soon as a run passes, remove its name there, and give the feature its weight.
"""

from pathlib import Path

import pytest

from simulator.cli import main

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*.json"))
#: Findings that are known and not fixed yet, by the name of their file.
EXPECTED_RED = {
    # SKEWED
    "a-clock-within-a-minute-gives-up-a-living-holder",
    # RESTORED_WITH_OVERLAPS, and the ways "held-late" and "not-held" of RESTORES
    "a-record-that-is-not-understood-gets-no-true-reason",
    "a-restore-loses-a-block-that-was-requested-by-index",
    "a-restore-of-overlapping-ranges-loses-a-block",
    # LACKING: ipamextents spec.number
    "an-older-crd-and-its-watches-stall-a-range",
    "an-older-crd-keeps-hooks-writing",
    "an-older-crd-turns-the-order-of-ranges",
    # "delete a namespace" of workload.PEOPLE_ACTIONS
    "a-request-of-a-namespace-in-deletion-hangs",
}


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_that_was_fixed_stays_fixed(finding: Path) -> None:
    assert main(["replay", str(finding)]) == int(finding.stem in EXPECTED_RED), "see EXPECTED_RED"


def test_there_are_findings_to_keep_and_the_expected_ones_are_among_them() -> None:
    assert {path.stem for path in FINDINGS} > EXPECTED_RED
