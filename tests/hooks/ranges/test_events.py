"""Events: each commit is logged by the call that publishes it, by the body alone, with the block and its holder."""

import copy
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import encode

from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_body
from hooks.protocol.errors import OldLedger
from hooks.ranges.events import Event
from hooks.ranges.sync import sync_with_events
from kubectl_ipam.history import read_log
from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    NOW,
    WEB,
    Obj,
    answer_item,
    at,
    entry,
    range_body,
    range_object,
    reclaiming,
    request_object,
    with_ledger,
    with_metadata,
)
from tests.hooks.single_range import SingleRange

SECOND = "10.0.0.16/28"
READY = answer_item("web", cidr=CIDR, revision=1)


def events_of(body: Obj) -> list[Obj]:
    """The lines that a call logs."""
    synced = sync_with_events(decode_body(json.dumps(body).encode(), RangeBody), NOW)
    return [json.loads(encode(event)) for event in synced.events]


def told(body: Obj) -> list[tuple[str, str, str]]:
    """What a call logs: event, request and block."""
    return [(each["message"], each.get("request", ""), each.get("cidr", "")) for each in events_of(body)]


def edited(range_: Obj, generation: int = 2, **spec: object) -> Obj:
    """A range whose spec was edited after its status was written."""
    changed = with_metadata(range_, generation=generation)
    return changed | {"spec": changed["spec"] | spec}


# --- holders


def test_a_grant_is_logged_with_its_revision_once_the_ledger_shows_it() -> None:
    assert events_of(range_body(with_ledger(range_object(), entry("web", CIDR), revision=7), WEB)) == [
        {
            "time": "2026-11-23T20:00:00Z",
            "level": "info",
            "logger": "ipam.history",
            "message": "granted",
            "range": "team-a/net",
            "rangeUid": "uid-net",
            "revision": 7,
            "cidr": CIDR,
            "request": "team-a/web",
            "uid": "uid-web",
        }
    ]


def test_a_proposal_is_not_logged() -> None:
    assert told(range_body(range_object(), WEB)) == []


def test_a_grant_is_not_logged_again_once_its_answer_exists() -> None:
    assert told(range_body(with_ledger(range_object(), entry("web", CIDR)), WEB, answers=[READY])) == []


def test_a_grant_whose_answer_waits_for_room_in_its_slice_is_logged_when_there_is_room() -> None:
    names = [f"r{index:04}" for index in range(4_200)]
    lines = [entry(name, f"10.0.{index >> 8}.{index & 255}/32") for index, name in enumerate(names)]
    body = range_body(with_ledger(range_object("10.0.0.0/16"), *lines), *map(request_object, names))
    logged = {each["uid"] for each in events_of(body)}
    published = sync_with_events(decode_body(json.dumps(body).encode(), RangeBody), NOW).answer["children"]
    placed = {item.uid for child in published if hasattr(child["spec"], "answers") for item in child["spec"].answers}

    assert logged == placed
    assert len(placed) < len(names)


def test_a_release_is_logged_with_the_block_that_was_released() -> None:
    parent = with_ledger(range_object(), revision=3, released=["web"])

    assert told(range_body(parent, DELETED_WEB, answers=[READY])) == [("released", "team-a/web", CIDR)]
    assert told(range_body(parent, answers=[READY])) == [("released", "team-a/web", CIDR)]
    released = answer_item("web", "Released", cidr=CIDR, revision=3)
    assert told(range_body(parent, DELETED_WEB, answers=[released])) == []


def test_a_release_that_is_being_committed_is_not_logged() -> None:
    parent = with_ledger(range_object(), entry("web", CIDR))

    assert told(range_body(parent, DELETED_WEB, answers=[READY])) == []


def test_the_end_of_a_request_that_never_had_a_block_is_no_event() -> None:
    parent = with_ledger(range_object(), revision=3, released=["web"])

    assert told(range_body(parent, DELETED_WEB, answers=[answer_item("web", "Busy")])) == []


def test_a_block_that_cools_down_is_logged_as_released() -> None:
    cooling = entry("web", CIDR, released_at=at(-1))
    parent = with_ledger(range_object(cooldown=60), cooling, revision=3, released=["web"])

    assert told(range_body(parent, DELETED_WEB, answers=[READY])) == [("released", "team-a/web", CIDR)]


@pytest.mark.parametrize("cooldown", [None, 60])
def test_a_block_of_an_absent_holder_that_the_owner_released_is_logged_as_reclaimed(cooldown: int | None) -> None:
    lines = [entry("web", CIDR, released_at=at(-1))] if cooldown else []
    parent = reclaiming(with_ledger(range_object(cooldown=cooldown), *lines, revision=3), "uid-web")

    assert told(range_body(parent, answers=[READY])) == [("reclaimed", "team-a/web", CIDR)]


def test_a_block_that_an_older_ledger_does_not_have_is_logged_as_lost() -> None:
    assert told(range_body(with_ledger(range_object(), revision=3), answers=[READY])) == [("lost", "team-a/web", CIDR)]


def test_a_call_whose_ledger_is_older_than_the_answers_logs_nothing() -> None:
    newer = answer_item("web", cidr=CIDR, revision=9)

    assert told(range_body(with_ledger(range_object(), revision=3), answers=[newer])) == []


def test_the_end_of_an_answer_that_contradicts_the_ledger_is_no_event() -> None:
    parent = with_ledger(range_object(), entry("web", CIDR))

    assert told(range_body(parent, WEB, answers=[answer_item("web", cidr=SECOND, revision=1)])) == []


# --- retired addresses


def test_an_edit_is_logged_with_all_addresses_that_are_retired_from_then_on() -> None:
    parent = edited(range_object(excludes=["10.0.0.64/26"]), excludes=["10.0.0.32-10.0.0.127"])

    assert [(each["message"], each["cidr"], each["generation"]) for each in events_of(range_body(parent))] == [
        ("retired", "10.0.0.32/27", 2),
        ("retired", "10.0.0.64/26", 2),
    ]


def test_closing_a_range_retires_all_its_addresses() -> None:
    assert told(range_body(edited(range_object(), closed=True))) == [("retired", "", "10.0.0.0/24")]


def test_an_edit_after_which_nothing_is_retired_any_more_is_logged_without_a_block() -> None:
    parent = edited(range_object(closed=True), closed=False)
    parent["status"]["retired"] = {"addresses": "256", "held": "0"}

    assert told(range_body(parent)) == [("retired", "", "")]


def test_an_edit_of_something_else_is_no_event() -> None:
    assert told(range_body(edited(range_object(), cooldownSeconds=60))) == []


def test_an_edit_is_not_logged_again_once_the_ledger_shows_it() -> None:
    parent = with_ledger(edited(range_object(), closed=True))

    assert told(range_body(parent)) == []


# --- a whole life: what is logged is what the ledgers show

NAMES = ("a", "b", "c", "d")


class LoggedRange(SingleRange):
    """A range whose calls, events and committed ledgers are recorded."""

    def __init__(self, cooldown: int | None) -> None:
        super().__init__(range_object("10.0.0.0/27", cooldown=cooldown))
        self.bodies: list[Obj] = []
        self.events: list[Event] = []
        self.ledgers: list[dict[str, str]] = []

    def sync_range(self) -> None:
        self.bodies.append(copy.deepcopy(self.body()))
        self.events += logged(self.bodies[-1], self.now)
        super().sync_range()
        assert self.range
        held = [each for each in self.range["status"].get("allocations", []) if "releasedAt" not in each]
        self.ledgers.append({each["uid"]: each["cidr"] for each in held})

    @property
    def grants(self) -> set[tuple[str, str]]:
        """Each uid with the block that a committed ledger had for it."""
        return {pair for ledger in self.ledgers for pair in ledger.items()}

    @property
    def history(self) -> list[tuple[str, str, str]]:
        """What must be logged: the event, the uid and the block."""
        ended = [pair for pair in self.grants if pair not in self.ledgers[-1].items()]
        return sorted([*(("granted", *pair) for pair in self.grants), *(("released", *pair) for pair in ended)])


def logged(body: Obj, now: datetime) -> list[Event]:
    """The events of a call; none of one that is refused with 429."""
    try:
        return sync_with_events(decode_body(json.dumps(body).encode(), RangeBody), now).events
    except OldLedger:
        return []


def lived(steps: list[tuple[str, int]], cooldown: int | None) -> LoggedRange:
    """A range after requests were created and deleted, with so many calls after each step; then at rest."""
    world = LoggedRange(cooldown)
    for number, (name, calls) in enumerate(steps):
        if name in world.requests and "deletionTimestamp" not in world.requests[name]["metadata"]:
            world.delete(name)
        elif name not in world.requests:
            created = (world.now + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
            world.create(request_object(name, uid=f"uid-{name}-{number}", created=created))
        for _ in range(calls):
            world.sync_range()
            for each in sorted(world.requests):
                world.sync_request(each)
        world.wait(7)
    world.run()
    return world


def summary(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    return sorted((each.event, each.uid, each.cidr) for each in events)


STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 3)), max_size=25)
COOLDOWN = st.sampled_from([None, 30])


@given(STEPS, COOLDOWN)
def test_each_grant_and_release_of_a_life_is_logged_once(steps: list[tuple[str, int]], cooldown: int | None) -> None:
    world = lived(steps, cooldown)

    assert summary(world.events) == world.history


@given(STEPS, COOLDOWN, st.randoms(use_true_random=False))
def test_calls_with_old_caches_add_nothing_to_the_history(
    steps: list[tuple[str, int]], cooldown: int | None, random: Random
) -> None:
    """Other replicas see the range, its slices and its requests each as of another time."""
    world = lived(steps, cooldown)
    events = list(world.events)
    for _ in range(30):
        of_range, of_slices, of_requests = (random.choice(world.bodies) for _ in range(3))
        mixed = {**of_range, "children": of_slices["children"], "related": of_requests["related"]}
        events += logged(mixed, world.now)
    random.shuffle(events)
    lines = [encode(event).decode() for event in events]

    assert summary(read_log(lines).events) == world.history


def test_the_same_body_is_logged_in_the_same_way_whatever_the_order_of_its_objects() -> None:
    requests = [request_object(name) for name in NAMES]
    lines = [entry(name, f"10.0.0.{16 * index}/28") for index, name in enumerate(NAMES)]
    body = range_body(with_ledger(range_object(), *lines), *requests)
    other = copy.deepcopy(body)
    other["related"] = {kind: dict(reversed(group.items())) for kind, group in body["related"].items()}

    assert [each["uid"] for each in events_of(body)] == [f"uid-{name}" for name in NAMES]
    assert events_of(body) == events_of(other)
