"""The judge: its search for blocks, and the checks that need the writers or the times of writes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.judge import each_step
from simulator.judge.addresses import Block, block_of
from simulator.judge.capacity import unavailable_accounted
from simulator.judge.claim_forms import wanted_by
from simulator.judge.facts import HookCalls, Write
from simulator.judge.history import History
from simulator.judge.holdings import LEDGER, Holding, HoldingIndex
from simulator.judge.noting import note
from simulator.judge.placed import in_their_slices, none_outlived, placed
from simulator.judge.turns import by_age
from simulator.kubernetes.objects import Obj, joined, key_of
from simulator.names import (
    CIDR_ANNOTATION,
    CONTROLLER_MANAGER,
    HOLD_ANNOTATION,
    METACONTROLLER,
    PERSON,
    RANGE_FINALIZER,
    RANGE_SYNC_PATH,
    REQUEST_FINALIZER,
    REQUESTS_KEY,
    SLICES,
    SLICES_KEY,
    TENANT,
    slice_name,
    slot_of,
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
    meta["creationTimestamp"] = RELEASED_AT
    return {"metadata": meta, "spec": {"ipam": {"name": "net"}}, "status": status}


def item_of(name: str, state: str, cidr: str = "", revision: int = 1) -> Obj:
    item = {"uid": name, "request": f"team/{name}", "state": state, "revision": revision}
    return item | ({"cidr": cidr} if cidr else {})


def slice_of(*items: Obj, of: str = "web", **spec: str) -> Obj:
    """The slice in which the answer to a request belongs, with these items."""
    owner = {"kind": "IPAMRange", "name": "net", "uid": "net", "controller": True}
    namespace, _, name = slice_name("team/net", RELEASED_AT, slot_of(of)).partition("/")
    meta = {"namespace": namespace, "name": name, "ownerReferences": [owner], "creationTimestamp": RELEASED_AT}
    return {"metadata": meta, "spec": {"range": "net", "answers": list(items), **spec}}


WEB = {"cidr": "10.0.0.0/32", "request": "team/web", "uid": "web"}
WEB_IS_READY = item_of("web", "Ready", "10.0.0.0/32")
ALLOCATED = (
    Write("ipamranges", range_of(revision=0)),
    Write("ipamrequests", request_of("web")),
    Write("ipamranges", range_of(WEB)),
    Write(SLICES, slice_of(WEB_IS_READY)),
)
#: A request whose answer belongs in the slice of the first one, and one of another slot.
NEXT = next(name for name in map(str, range(99)) if slot_of(name) == slot_of("web"))
OTHER = next(name for name in map(str, range(99)) if slot_of(name) != slot_of("web"))


def violated(*writes: Write) -> set[str]:
    """The invariants that these writes break, one step each."""
    history, found = History(), []
    for write in writes:
        note(history, write)
        found += each_step.violations(history)
    return {text.partition(":")[0] for text in found}


@pytest.mark.parametrize(
    ("writer", "broken"), [(METACONTROLLER, {"Standing"}), (TENANT, {"Standing"}), (PERSON, set()), ("", set())]
)
@pytest.mark.parametrize("items", [(), (item_of("web", "Busy", "10.0.0.0/32"),)], ids=["removed", "refused"])
def test_only_an_administrator_may_withdraw_an_answer(items: tuple[Obj, ...], writer: str, broken: set[str]) -> None:
    assert violated(*ALLOCATED, Write(SLICES, slice_of(*items), writer=writer)) == broken


def test_an_answer_is_withdrawn_with_its_slice_and_with_no_change_of_another_answer() -> None:
    answered = Write(SLICES, slice_of(WEB_IS_READY, item_of(NEXT, "Busy")), writer=METACONTROLLER)
    asked = Write("ipamrequests", request_of(NEXT))
    deleted = Write(SLICES, slice_of(WEB_IS_READY), is_deletion=True, writer=METACONTROLLER)

    assert violated(*ALLOCATED, asked, answered) == set()
    assert violated(*ALLOCATED, asked, answered, Write(SLICES, slice_of(WEB_IS_READY), writer=METACONTROLLER)) == set()
    assert violated(*ALLOCATED, deleted) == {"Standing"}


@pytest.mark.parametrize(
    ("item", "broken"),
    [
        (WEB_IS_READY | {"revision": 0}, {"Committed"}),
        (WEB_IS_READY | {"revision": 2}, {"Committed"}),
        (item_of("web", "Ready", "10.0.0.1/32"), {"Committed"}),
        (item_of("web", "Released"), {"Committed"}),
        (WEB_IS_READY | {"network": {"gateway": "10.0.0.1"}}, set()),
    ],
    ids=["an older revision", "a later revision", "another block", "no release", "right"],
)
def test_an_answer_rests_on_the_ledger_of_its_revision(item: Obj, broken: set[str]) -> None:
    assert violated(*ALLOCATED[:-1], Write(SLICES, slice_of(item), writer=METACONTROLLER)) == broken


def test_a_block_of_an_answer_never_changes() -> None:
    moved = range_of({**WEB, "cidr": "10.0.0.1/32"}, revision=2)
    answer = Write(SLICES, slice_of(item_of("web", "Ready", "10.0.0.1/32", revision=2)), writer=METACONTROLLER)

    assert "Stable" in violated(*ALLOCATED, answer)
    assert "Stable" in violated(*ALLOCATED, Write("ipamranges", moved))


def test_a_release_rests_on_a_later_revision_than_the_block() -> None:
    deleted = request_of("web")
    deleted["metadata"]["deletionTimestamp"] = RELEASED_AT
    ledger = range_of(revision=2)
    ledger["status"]["released"] = ["web"]
    writes = (*ALLOCATED, Write("ipamrequests", deleted), Write("ipamranges", ledger))

    for revision, broken in ((1, {"Committed"}), (2, set()), (3, {"Committed"})):
        released = item_of("web", "Released", "10.0.0.0/32", revision)
        assert violated(*writes, Write(SLICES, slice_of(released), writer=METACONTROLLER)) == broken


@pytest.mark.parametrize(
    ("name", "of", "broken"),
    [(NEXT, "web", set()), (OTHER, OTHER, set()), (OTHER, "web", {"Placed"}), ("unknown", "web", {"Placed"})],
    ids=["beside another", "alone", "in another slice", "without a request"],
)
@pytest.mark.parametrize("writer", [METACONTROLLER, PERSON])
def test_an_answer_lies_in_the_slice_of_its_request(name: str, of: str, broken: set[str], writer: str) -> None:
    asked = [Write("ipamrequests", request_of(each)) for each in (NEXT, OTHER)]
    items = [WEB_IS_READY] if of == "web" else []
    added = Write(SLICES, slice_of(*items, item_of(name, "Busy"), of=of), writer=writer)

    assert violated(*ALLOCATED, *asked, added) == (broken if writer == METACONTROLLER else set())


def test_an_answer_that_a_person_placed_wrongly_is_gone_at_rest() -> None:
    history = History()
    misplaced = Write(SLICES, slice_of(WEB_IS_READY, item_of(OTHER, "Busy")), writer=PERSON)
    for write in (*ALLOCATED, Write("ipamrequests", request_of(OTHER)), misplaced):
        note(history, write)

    (found,) = in_their_slices(history)
    assert found.endswith(f"belongs in {slice_name('team/net', RELEASED_AT, slot_of(OTHER))}")


@pytest.mark.parametrize(
    ("count", "length", "state", "broken"),
    [
        (1000, 9, "Busy", set()),
        (1001, 9, "Busy", {"Placed"}),
        (999, 150, "Busy", {"Placed"}),
        (1024, 9, "Released", set()),
        (1025, 9, "Released", {"Placed"}),
        (999, 150, "Released", set()),
        (999, 200, "Released", {"Placed"}),
    ],
)
def test_an_answer_is_added_while_there_is_room(count: int, length: int, state: str, broken: set[str]) -> None:
    names = [name for name in map(str, range(6 * count)) if slot_of(name) == slot_of("web")][:count]
    items = [item_of(name, state) | {"message": "x" * length} for name in names]
    ledger = range_of()
    ledger["status"]["released"] = names
    writes = [*ALLOCATED[:1], Write("ipamranges", ledger), *(Write("ipamrequests", request_of(name)) for name in names)]

    assert violated(*writes, Write(SLICES, slice_of(*items), writer=METACONTROLLER)) == broken


@pytest.mark.parametrize(
    ("minutes", "closing", "named", "broken"),
    [(9, False, "net", {"Placed"}), (10, False, "net", set()), (0, True, "net", set()), (0, False, "other", set())],
    ids=["young", "old", "the range is closing", "of another range"],
)
def test_a_slice_without_answers_stays_for_ten_minutes(
    minutes: int, closing: bool, named: str, broken: set[str]
) -> None:
    ledger = range_of(revision=1)
    ledger["status"] |= {"closing": True} if closing else {}
    at, obj = START + timedelta(minutes=minutes), slice_of(range=named)
    writes = (Write("ipamranges", range_of(revision=0)), Write("ipamranges", ledger))

    assert violated(*writes, Write(SLICES, obj), Write(SLICES, obj, True, METACONTROLLER, at)) == broken


@pytest.mark.parametrize(("minutes", "count"), [(15, 0), (17, 1)])
def test_a_slice_without_answers_is_deleted_in_the_end(minutes: int, count: int) -> None:
    history = History()
    for write in (*ALLOCATED[:2], Write(SLICES, slice_of()), Write("ipamrequests", request_of("web"))):
        note(history, replace(write, at=START + timedelta(minutes=minutes)))

    assert len(list(none_outlived(history))) == count


@pytest.mark.parametrize(
    ("obj", "entries", "requests", "sentence"),
    [
        (slice_of(), [WEB], [], "does not see team/web"),
        (slice_of(), [WEB], ["web"], None),
        (slice_of(), [], [], None),
        (slice_of(item_of("web", "Busy")), [], ["web"], "in which it sees 1 answers"),
        (slice_of(item_of("web", "Busy"), range="other"), [], ["web"], None),
    ],
    ids=["a holder is not observed", "observed", "empty", "has answers", "of another range"],
)
def test_a_call_leaves_out_only_slices_without_answers_if_it_sees_all_holders(
    obj: Obj, entries: list[Obj], requests: list[str], sentence: str | None
) -> None:
    observed = {joined(key_of(obj)): obj}
    related = {REQUESTS_KEY: {f"team/{name}": request_of(name) for name in requests}}
    body = {"parent": range_of(*entries), "children": {SLICES_KEY: observed}, "related": related}
    kept = {"children": [{"kind": "IPAMAllocationSlice", "metadata": obj["metadata"]}]}

    def violations(answer: Obj) -> list[str]:
        call = (RANGE_SYNC_PATH, json.dumps(body).encode(), json.dumps(answer).encode())
        return list(placed(History(HookCalls([call]))))

    assert violations(kept) == []
    assert [text.endswith(sentence or "-") for text in violations({"children": []})] == ([True] if sentence else [])


@pytest.mark.parametrize(("writer", "broken"), [(METACONTROLLER, {"Committed"}), (PERSON, set()), ("", {"Committed"})])
def test_a_block_that_a_person_wrote_needs_no_commit(writer: str, broken: set[str]) -> None:
    shown = Write("ipamrequests", request_of("db", cidr="10.0.0.9/32"), writer=writer)

    assert violated(*ALLOCATED, Write("ipamrequests", request_of("db")), shown) == broken


@pytest.mark.parametrize(
    ("writer", "broken"), [(METACONTROLLER, {"Disjoint"}), (PERSON, set()), (CONTROLLER_MANAGER, set()), ("", set())]
)
def test_only_metacontroller_must_not_delete_an_extent_that_announces_addresses(writer: str, broken: set[str]) -> None:
    owner = {"kind": "IPAMRange", "name": "net", "uid": "net", "controller": True}
    meta = {"namespace": "team", "name": "net-0", "ownerReferences": [owner]}
    spec = {"range": "net", "ranges": ["10.0.0.0/24"]}
    extent = {"metadata": meta, "spec": spec}
    spent = {"metadata": meta, "spec": spec | {"withdrawn": ["10.0.0.0-10.0.0.255"]}}

    assert violated(*ALLOCATED, Write("ipamextents", extent), Write("ipamextents", extent, True, writer)) == broken
    assert violated(*ALLOCATED, Write("ipamextents", spent), Write("ipamextents", spent, True, writer)) == set()


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


@pytest.mark.parametrize(
    ("spec", "observed", "count"),
    [
        ({}, 1, 1),
        ({}, 0, 0),
        ({"excludes": ["10.0.0.0/24"]}, 1, 0),
        ({"ranges": ["10.0.0.0", "10.0.0.255"], "network": {"prefixLength": 24}}, 1, 0),
    ],
    ids=["it can grant", "its spec is not observed", "all is excluded", "all is reserved"],
)
def test_a_range_at_rest_that_can_grant_shows_its_capacity(spec: Obj, observed: int, count: int) -> None:
    obj, history = range_of(**spec), History()
    obj["metadata"] |= {"generation": 1, "finalizers": [RANGE_FINALIZER]}
    obj["status"]["observedGeneration"] = observed
    note(history, Write("ipamranges", obj))

    assert len([text for text in unavailable_accounted(history) if "shows no capacity" in text]) == count


def test_hook_calls_are_judged_if_they_are_known() -> None:
    history = History(HookCalls(differences=["the same facts got two answers"]))

    assert each_step.violations(history) == ["SameAnswer: the same facts got two answers"]
    assert each_step.violations(history) == []


@pytest.mark.parametrize(
    ("text", "wanted"), [("#1", 32), ("#10", 28), ("#16", 28), ("#256", 24), (f"#{2**32}", 0), (f"#{2**128}", None)]
)
def test_a_number_of_addresses_is_the_smallest_block_with_room_for_them(text: str, wanted: int | None) -> None:
    assert wanted_by({"request": text}, {}, [block_of("10.0.0.0/24")]) == wanted
