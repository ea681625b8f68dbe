"""Findings of the simulation that were fixed: each file is a run that failed once and must not fail again."""

from pathlib import Path

import pytest

from simulator.cli import main

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*.json"))


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_that_was_fixed_stays_fixed(finding: Path) -> None:
    assert main(["replay", str(finding)]) == 0


def test_there_are_findings_to_keep() -> None:
    assert FINDINGS
