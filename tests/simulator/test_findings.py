"""Findings of the simulation: each file is a run that failed once, and must not fail again once it is fixed."""

from pathlib import Path

import pytest

from simulator.cli import main

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*.json"))
#: Findings that are not fixed yet. With the fix, remove the line, and give the action that leads to it a weight in
#: `simulator/attack/features.py` or `workload.py`.
EXPECTED_RED = {
    "a-namespace-is-deleted-with-a-range-that-serves-others": "delete a namespace",
    "a-tenant-strips-a-label-forever": "a tenant repeats a patch forever",
    "a-tenant-strips-the-label-of-a-request": "a tenant strips the labels of a request",
    "an-operator-strips-the-finalizer-of-a-range": "an operator strips the finalizers of a range",
    "owner-of-a-namespace-strips-the-finalizer-of-a-request": "an owner strips the finalizers of a request",
}


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_that_was_fixed_stays_fixed(finding: Path) -> None:
    is_red = bool(main(["replay", str(finding)]))

    assert is_red == (finding.stem in EXPECTED_RED), "it is back" if is_red else "fixed: remove it from EXPECTED_RED"


def test_there_are_findings_to_keep() -> None:
    assert {path.stem for path in FINDINGS} > set(EXPECTED_RED)
