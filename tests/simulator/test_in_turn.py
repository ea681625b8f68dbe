"""The judge of round robin: what it finds, and what it takes for right."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from simulator.cluster import START
from simulator.judge.each_step import in_turn
from simulator.judge.history import Facts, History, RangeLife


def judged(before: str, now: str, granted: list[str], held: tuple[str, ...] = ()) -> list[str]:
    """What is said of a step from one cursor of /28 to the next, in a range of four /28."""
    spec = {"ranges": ["10.0.0.0/26"], "mode": "RoundRobin"}
    metadata = {"namespace": "a", "name": "net", "generation": 1}
    life = RangeLife("uid-net", "a/net", {"metadata": metadata, "spec": spec}, START)
    life.ledger = {cidr: (cidr, False) for cidr in (*held, *granted)}
    life.cursors = {"28": now} if now else {}
    turns = [(life, 28, before, now)] if before != now else []
    facts = Facts(grants=[(life, cidr, cidr) for cidr in granted], turns=turns)
    history: Any = SimpleNamespace(facts=facts, ranges={life.uid: life}, takes_any_block=lambda _: True)
    return list(in_turn(cast("History", history)))


@pytest.mark.parametrize(
    ("before", "now", "granted", "held"),
    [
        ("", "10.0.0.16", ["10.0.0.0/28"], ()),
        ("10.0.0.16", "10.0.0.48", ["10.0.0.16/28", "10.0.0.32/28"], ()),
        ("10.0.0.16", "10.0.0.48", ["10.0.0.32/28"], ("10.0.0.20/30",)),
        ("10.0.0.64", "10.0.0.16", ["10.0.0.0/28"], ()),
        ("10.0.0.48", "10.0.0.32", ["10.0.0.16/28"], ("10.0.0.48/28", "10.0.0.0/28")),
        ("10.0.0.16", "10.0.0.16", ["10.0.0.0/28"], ("10.0.0.16/28", "10.0.0.32/28", "10.0.0.48/28")),
    ],
    ids=["the first", "two", "over a held one", "from the end to the start", "round", "once round"],
)
def test_the_next_free_place_is_right(before: str, now: str, granted: list[str], held: tuple[str, ...]) -> None:
    assert judged(before, now, granted, held) == []


@pytest.mark.parametrize(
    ("before", "now", "granted", "found"),
    [
        ("10.0.0.32", "10.0.0.16", ["10.0.0.0/28"], "passes over a free /28 between 10.0.0.32 and 10.0.0.16"),
        ("", "10.0.0.48", ["10.0.0.32/28"], "passes over a free /28 between the start and 10.0.0.48"),
        ("10.0.0.16", "10.0.0.32", [], "moves the cursor of /28 to 10.0.0.32, where no new /28 ends"),
        ("10.0.0.16", "", [], "moves the cursor of /28 to nothing, where no new /28 ends"),
        ("10.0.0.16", "10.0.0.16", ["10.0.0.16/28"], "but its cursor does not stand behind a new /28"),
        ("", "", ["10.0.0.0/28"], "but its cursor does not stand behind a new /28"),
    ],
    ids=["lowest first", "a place left out", "without a grant", "forgotten", "not moved", "never written"],
)
def test_anything_else_is_found(before: str, now: str, granted: list[str], found: str) -> None:
    assert any(text.endswith(found) for text in judged(before, now, granted))
