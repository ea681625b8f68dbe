"""The judge: its search for blocks, and the checks that need the writers or the times of writes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.judge import each_step
from simulator.judge.addresses import Block
from simulator.judge.facts import HookCalls, Write
from simulator.judge.history import History
from simulator.judge.holdings import LEDGER, Holding, HoldingIndex
from simulator.judge.noting import note
from simulator.judge.turns import by_age
from simulator.kubernetes.objects import Obj
from simulator.names import (
    CIDR_ANNOTATION,
    CONTROLLER_MANAGER,
    HOLD_ANNOTATION,
    METACONTROLLER,
    PERSON,
    RANGE_SYNC_PATH,
    REQUEST_FINALIZER,
    REQUESTS_KEY,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
RELEASED_AT = "2026-01-01T00:00:00Z"


@st.composite
def cidr_blocks(draw: st.DrawFn) -> Block:
    """A small block at a low address, so that many of them overlap."""
    host_bits = draw(st.integers(0, 5))
    first = draw(st.integers(0, 63)) >> host_bits << host_bits
    return Block(draw(st.sampled_from((4, 6))), first, first + (1 << host_bits) - 1)


@given(st.lists(cidr_blocks(), max_size=20), cidr_blocks())
def test_the_search_finds_all_overlapping_claims(blocks: list[Block], wanted: Block) -> None:
    holdings = [Holding(block, "range", f"holder-{number}", LEDGER) for number, block in enumerate(blocks)]
    index = HoldingIndex()
    for holding in [*holdings, *holdings]:
        index.add(holding)

    found = list(index.overlapping(wanted))

    assert sorted(found) == sorted(holding for holding in holdings if holding.block.overlaps(wanted))


def range_of(*entries: Obj, revision: int = 1, **spec: Any) -> Obj:
    return {
        "metadata": {"namespace": "team", "name": "net", "uid": "net"},
        "spec": {"ranges": ["10.0.0.0/24"], **spec},
        "status": {"revision": revision, "allocations": list(entries)},
    }


def request_of(name: str, **status: str) -> Obj:
    meta = {"namespace": "team", "name": name, "uid": name, "finalizers": [REQUEST_FINALIZER]}
    return {"metadata": meta, "spec": {"ipam": {"name": "net"}}, "status": status}


def allocation_of(name: str, state: str, cidr: str = "") -> Obj:
    spec = {"range": "net", "request": {"namespace": "team", "name": name, "uid": name}, "state": state}
    owner = {"kind": "IPAMRange", "name": "net", "uid": "net", "controller": True}
    meta = {"namespace": "team", "name": f"{name}-0", "ownerReferences": [owner]}
    return {"metadata": meta, "spec": spec | ({"cidr": cidr} if cidr else {})}


WEB = {"cidr": "10.0.0.0/32", "request": "team/web", "uid": "web"}
ALLOCATED = (
    Write("ipamranges", range_of(revision=0)),
    Write("ipamrequests", request_of("web")),
    Write("ipamranges", range_of(WEB)),
    Write("ipamallocations", allocation_of("web", "Ready", "10.0.0.0/32")),
)


def violated(*writes: Write) -> set[str]:
    """The invariants that these writes break, one step each."""
    history, found = History(), []
    for write in writes:
        note(history, write)
        found += each_step.violations(history)
    return {text.partition(":")[0] for text in found}


@pytest.mark.parametrize(("writer", "broken"), [(METACONTROLLER, {"Standing"}), (PERSON, set()), ("", set())])
def test_only_metacontroller_must_not_withdraw_an_answer(writer: str, broken: set[str]) -> None:
    edited = Write("ipamallocations", allocation_of("web", "Busy", "10.0.0.0/32"), writer=writer)

    assert violated(*ALLOCATED, edited) == broken


@pytest.mark.parametrize(("writer", "broken"), [(METACONTROLLER, {"Committed"}), (PERSON, set()), ("", {"Committed"})])
def test_a_block_that_a_person_wrote_needs_no_commit(writer: str, broken: set[str]) -> None:
    shown = Write("ipamrequests", request_of("db", cidr="10.0.0.9/32"), writer=writer)

    assert violated(*ALLOCATED, Write("ipamrequests", request_of("db")), shown) == broken


@pytest.mark.parametrize(
    ("writer", "broken"), [(METACONTROLLER, {"Disjoint"}), (PERSON, set()), (CONTROLLER_MANAGER, set()), ("", set())]
)
def test_only_metacontroller_must_not_delete_an_extent(writer: str, broken: set[str]) -> None:
    owner = {"kind": "IPAMRange", "name": "net", "uid": "net", "controller": True}
    meta = {"namespace": "team", "name": "net-0", "ownerReferences": [owner]}
    extent = {"metadata": meta, "spec": {"range": "net", "ranges": ["10.0.0.0/24"]}}

    assert violated(*ALLOCATED, Write("ipamextents", extent), Write("ipamextents", extent, True, writer)) == broken


@pytest.mark.parametrize(("seconds", "broken"), [(59, {"NoEarlyReuse"}), (60, set()), (None, set())])
def test_a_cool_down_is_measured_if_times_are_known(seconds: int | None, broken: set[str]) -> None:
    at = None if seconds is None else START + timedelta(seconds=seconds)
    deleted = request_of("web")
    deleted["metadata"]["deletionTimestamp"] = RELEASED_AT
    writes = (
        Write("ipamranges", range_of(WEB, cooldownSeconds=60)),
        Write("ipamrequests", deleted),
        Write("ipamranges", range_of(WEB | {"releasedAt": RELEASED_AT}, revision=2, cooldownSeconds=60)),
        Write("ipamranges", range_of(revision=3, cooldownSeconds=60), at=at),
    )

    assert violated(*writes) == broken


@pytest.mark.parametrize(
    ("seconds", "spread", "is_wrong"),
    [((), 0, False), ((45,), 45, False), ((-55, 40), 95, False), ((60, -61), 60, True)],
)
def test_a_clock_is_excused_from_a_minute_on(seconds: tuple[float, ...], spread: float, is_wrong: bool) -> None:
    history = History()
    for each in seconds:
        history.note_skew(each)

    assert (history.clock_spread, history.clocks_were_wrong) == (timedelta(seconds=spread), is_wrong)


def waiting(name: str, age: int, **spec: Any) -> Obj:
    obj = request_of(name)
    obj["metadata"] |= {"creationTimestamp": f"2026-01-01T00:00:{60 - age:02}Z"}
    return obj | {"spec": obj["spec"] | spec}


def annotated(obj: Obj, name: str) -> Obj:
    return obj | {"metadata": obj["metadata"] | {"annotations": {name: "10.0.0.0/32"}}}


OLD, YOUNG = waiting("old", 30), waiting("young", 10)
YOUNG_GETS = [{"cidr": "10.0.0.0/32", "request": "team/young", "uid": "young"}]


def overtaken(*requests: Obj, parent: Obj | None = None, allocations: list[Obj] | None = None) -> list[str]:
    """The violations of one call that proposes these allocations, by default one for `young`."""
    parent = parent or range_of(revision=1)
    related = {REQUESTS_KEY: {each["metadata"]["name"]: each for each in requests}}
    answer = {"status": {"revision": 2, "allocations": YOUNG_GETS if allocations is None else allocations}}
    body = {"parent": parent, "children": {}, "related": related}
    history = History(HookCalls([(RANGE_SYNC_PATH, json.dumps(body).encode(), json.dumps(answer).encode())]))
    return list(by_age(history))


@pytest.mark.parametrize("old", [OLD, waiting("old", 30, size=32), waiting("old", 30, request="10.0.0.0")])
def test_a_younger_request_must_not_get_what_an_older_one_waits_for(old: Obj) -> None:
    assert overtaken(old, YOUNG) == ["team/young gets 10.0.0.0/32, for which team/old waits longer"]
    assert overtaken(YOUNG, old) == overtaken(old, YOUNG)


@pytest.mark.parametrize(
    "requests",
    [
        (waiting("old", 5), YOUNG),
        (waiting("old", 30, size=28), YOUNG),
        (waiting("old", 30, request="10.0.0.1"), YOUNG),
        (annotated(OLD, CIDR_ANNOTATION), YOUNG),
        (OLD | {"metadata": OLD["metadata"] | {"finalizers": []}}, YOUNG),
        (OLD | {"metadata": OLD["metadata"] | {"namespace": "other"}}, YOUNG),
        (OLD, YOUNG | {"status": {"cidr": "10.0.0.0/32"}}),
    ],
    ids=["younger", "size", "block", "record", "finalizer", "namespace", "shown"],
)
def test_a_younger_request_may_get_what_no_older_one_waits_for(requests: tuple[Obj, ...]) -> None:
    assert overtaken(*requests) == []


def test_turns_by_age_are_not_judged_on_hold_or_where_the_older_request_is_served() -> None:
    both = [*YOUNG_GETS, {"cidr": "10.0.0.1/32", "request": "team/old", "uid": "old"}]

    assert overtaken(OLD, YOUNG, parent=annotated(range_of(), HOLD_ANNOTATION)) == []
    assert overtaken(OLD, YOUNG, allocations=both) == []


def test_hook_calls_are_judged_if_they_are_known() -> None:
    history = History(HookCalls(differences=["the same facts got two answers"]))

    assert each_step.violations(history) == ["SameAnswer: the same facts got two answers"]
    assert each_step.violations(history) == []
