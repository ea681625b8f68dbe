"""Extents of a range on hold: it announces only what its requests record."""

import copy

import pytest

from tests.hooks.build import (
    WEB,
    Obj,
    at,
    entry,
    extent_object,
    put_on_hold,
    range_object,
    recording,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answers_of, extents_of, ledger_of, messages_of, sync_range
from tests.hooks.ranges.domain import POOL, synced

# --- on hold ----------------------------------------------------------------------------------------------------------


def created(extent: Obj, seconds: float) -> Obj:
    changed = copy.deepcopy(extent)
    changed["metadata"]["creationTimestamp"] = at(seconds)
    return changed


BACK = [recording(request_object("a"), "10.0.0.16/28"), recording(request_object("b"), "10.0.0.64/28")]


def test_on_hold_only_recorded_addresses_are_announced() -> None:
    """Case overlap-restore: ranges that share addresses are restored in any order."""
    others = [request_object("new"), recording(request_object("elsewhere"), "10.9.0.0/28")]
    others += [recording(request_object("six"), "fd00::/64"), recording(request_object("web"), "web")]
    parent = put_on_hold(range_object())
    answer = sync_range(parent, *BACK, *others, announced=[], extents=[])
    recorded = ["10.0.0.16-10.0.0.31", "10.0.0.64-10.0.0.79"]
    assert (extents_of(answer), ledger_of(answer)) == ([recorded], {})
    assert answer["resyncAfterSeconds"] == 10
    own = extent_object(*recorded, version=7)
    answer = synced(own, parent=parent, requests=[*BACK, *others])
    assert (extents_of(answer), ledger_of(answer)) == ([recorded], {"a": "10.0.0.16/28", "b": "10.0.0.64/28"})
    assert "announced" not in answer["status"]["message"]


def test_on_hold_a_range_without_records_announces_nothing() -> None:
    answer = sync_range(put_on_hold(range_object()), WEB, announced=[], extents=[])
    assert extents_of(answer) == []
    assert answers_of(answer) == {"web": ("Busy", "")}
    assert messages_of(answer) == {"web": "team-a/net is on hold: only requests with a recorded address are served"}


def test_on_hold_a_block_that_a_request_shows_is_announced() -> None:
    shows = showing(request_object("shows"), "10.0.0.128/28")
    assert extents_of(sync_range(put_on_hold(range_object()), shows, announced=[], extents=[])) == [
        ["10.0.0.128-10.0.0.143"]
    ]


def test_on_hold_announced_addresses_stay_announced() -> None:
    own = extent_object(POOL, version=7)
    assert extents_of(synced(own, parent=put_on_hold(range_object()), requests=[])) == [[POOL]]


def test_the_rest_is_announced_when_the_hold_ends() -> None:
    own = created(extent_object("10.0.0.16-10.0.0.31", version=7), -1)
    parent = with_ledger(range_object(), entry("a", "10.0.0.16/28"), revision=3, on_hold=True)
    answer = synced(own, parent=parent, requests=[BACK[0], request_object("new", wanted="10.0.0.0/28")])
    assert extents_of(answer) == [
        ["10.0.0.16-10.0.0.31"],
        ["10.0.0.0-10.0.0.15", "10.0.0.32-10.0.0.255"],
    ]
    assert "onHold" not in answer["status"]
    assert ledger_of(answer) == {"a": "10.0.0.16/28"}
    rest = extent_object("10.0.0.0-10.0.0.15", "10.0.0.32-10.0.0.255", version=9)
    answer = synced(own, rest, parent=parent, requests=[BACK[0], request_object("new", wanted="10.0.0.0/28")])
    assert ledger_of(answer) == {"new": "10.0.0.0/28", "a": "10.0.0.16/28"}


@pytest.mark.parametrize(
    ("ages", "is_due"),
    [
        ([], True),
        ([0], False),
        ([9], False),
        ([10], True),
        ([80, 9], False),
        ([80, 10], True),
        ([815, 15], False),
        ([899, 99], False),
        ([900, 100], True),
        ([901, 100], False),
    ],
    ids=str,
)
def test_on_hold_recorded_addresses_are_announced_in_batches(ages: list[int], *, is_due: bool) -> None:
    """Requests are restored one by one, and an extent for each of them would never end."""
    own = [created(extent_object(f"10.0.0.{number}", version=7 + number), -age) for number, age in enumerate(ages)]
    answer = synced(*own, parent=put_on_hold(range_object()), requests=BACK[:1])
    assert (["10.0.0.16-10.0.0.31"] in extents_of(answer)) is is_due
    assert len(extents_of(answer)) == len(ages) + is_due
    assert answer["resyncAfterSeconds"] == 10
    free = synced(*own, requests=[])
    assert len(extents_of(free)) == len(ages) + 1, "without a hold nothing waits"


@pytest.mark.parametrize("first_is_older", [True, False])
def test_ranges_that_share_addresses_are_restored_on_hold_in_any_order(first_is_older: bool) -> None:
    """Case overlap-restore: whichever range comes first, each gets what its own requests record."""
    versions = (3, 7) if first_is_older else (7, 3)
    rack = extent_object("10.0.0.16/28", version=versions[0])
    site = extent_object("10.0.0.64/28", version=versions[1], range_="other")
    answer = synced(rack, site, parent=put_on_hold(range_object()), requests=BACK[:1])
    assert ledger_of(answer) == {"a": "10.0.0.16/28"}
