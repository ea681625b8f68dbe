"""The judge of round robin: the turns that it accepts, and those that it reports."""

import pytest

from simulator.judge.facts import Facts, Write
from simulator.judge.history import History
from simulator.judge.noting import note
from simulator.judge.turns import in_turn
from simulator.kubernetes.objects import Obj


def judged(before: str, now: str, granted: list[str], held: tuple[str, ...] = ()) -> list[str]:
    """The violations of a step from one cursor of /28 to the next, in a range of four /28."""
    history = History()
    note(history, Write("ipamranges", range_of_four(0, before, [])))
    note(history, Write("ipamextents", EXTENT))
    for cidr in (*held, *granted):
        note(history, Write("ipamrequests", request(cidr)))
    note(history, Write("ipamranges", range_of_four(1, before, list(held))))
    history.facts = Facts()
    note(history, Write("ipamranges", range_of_four(2, now, [*held, *granted])))
    return list(in_turn(history))


OWNER = {"kind": "IPAMRange", "name": "net", "uid": "uid-net", "controller": True}
EXTENT = {
    "metadata": {"namespace": "a", "name": "net-1", "uid": "uid-extent", "ownerReferences": [OWNER]},
    "spec": {"range": "net", "domain": "default", "number": 1, "ranges": ["10.0.0.0-10.0.0.63"]},
}


def request(uid: str) -> Obj:
    return {"metadata": {"namespace": "a", "name": uid, "uid": uid}, "spec": {"ipam": {"name": "net"}}}


def range_of_four(revision: int, cursor: str, cidrs: list[str]) -> Obj:
    entries = [{"cidr": cidr, "request": f"a/{cidr}", "uid": cidr} for cidr in cidrs]
    cursors = {"roundRobin": {"28": cursor}} if cursor else {}
    return {
        "metadata": {"namespace": "a", "name": "net", "uid": "uid-net", "generation": 1},
        "spec": {"ranges": ["10.0.0.0/26"], "mode": "RoundRobin"},
        "status": {"revision": revision, "allocations": entries, **cursors},
    }


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
def test_the_next_free_place_is_accepted(before: str, now: str, granted: list[str], held: tuple[str, ...]) -> None:
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
def test_anything_else_is_reported(before: str, now: str, granted: list[str], found: str) -> None:
    assert any(text.endswith(found) for text in judged(before, now, granted))
