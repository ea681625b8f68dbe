"""The cool-down: a released block stays in the ledger, without a holder but not free, until its time is over."""

import pytest

from tests.hooks.build import (
    NOW,
    Obj,
    allocation_object,
    at,
    deleted,
    entry,
    range_object,
    reclaiming,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answers_of, ledger_of, messages_of, sync_range

CIDR = "10.0.0.0/28"
GOING = deleted(request_object("web"))


def cooling(name: str, cidr: str, released_at: str) -> Obj:
    return entry(name, cidr, released_at=released_at)


def cooling_range(*entries: Obj, text: str = CIDR) -> Obj:
    """A range with a cool-down of a minute."""
    return with_ledger(range_object(text, cooldown=60), *entries, revision=4)


def test_a_released_block_cools_down_and_its_holder_may_go() -> None:
    existing = allocation_object("web", cidr=CIDR, revision=4)
    answer = sync_range(cooling_range(entry("web", CIDR)), GOING, allocations=[existing])
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(0))]
    assert answer["status"]["released"] == ["uid-web"]
    assert answer["status"]["revision"] == 5
    assert answer["resyncAfterSeconds"] == 60


def test_who_was_released_is_let_go_while_the_block_cools_down() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)))
    parent["status"]["released"] = ["uid-web"]
    answer = sync_range(parent, GOING, allocations=[allocation_object("web", cidr=CIDR, revision=2)])
    assert answers_of(answer) == {"web": ("Released", CIDR)}
    assert answer["status"]["revision"] == 4


def test_a_block_that_cools_down_is_nobody_s_even_if_the_release_was_forgotten() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)))
    answer = sync_range(parent, request_object("web"))
    assert answers_of(answer) == {}
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(-5))]


@pytest.mark.parametrize(("released_at", "free"), [(at(-59), False), (at(-60), True), (at(-86_400), True)])
def test_a_block_is_free_once_it_has_cooled_down(released_at: str, *, free: bool) -> None:
    answer = sync_range(cooling_range(cooling("web", CIDR, released_at)), request_object("next"))
    assert (ledger_of(answer) == {"next": CIDR}) is free


def test_it_counts_as_allocated_until_then() -> None:
    answer = sync_range(cooling_range(cooling("web", CIDR, at(-5))))
    assert answer["status"]["capacity"]["free"] == "0"
    assert answer["status"]["message"] == f"1 block is cooling down, the first until {at(55)}"


def test_who_waits_is_told_of_it_but_not_of_a_time_that_moves() -> None:
    """With each block that cools down the next one is the first, and everybody who waits would be written anew."""
    parent = cooling_range(cooling("a", CIDR, at(-5)), cooling("b", "10.0.0.16/28", at(-30)), text="10.0.0.0/27")
    waiting = [request_object("next"), request_object("same", wanted=CIDR)]
    answer = sync_range(parent, *waiting)
    assert messages_of(answer) == {
        "next": "no free /28 in team-a/net: waiting for room; released blocks are cooling down",
        "same": f"{CIDR} is cooling down until {at(55)} (released by team-a/a)",
    }
    assert answer["resyncAfterSeconds"] == 10  # for these two answers, which are new
    assert answer["status"]["message"].endswith(f"2 blocks are cooling down, the first until {at(30)}")
    settled = sync_range(parent)
    assert settled["resyncAfterSeconds"] == 30


def test_a_time_of_a_wrong_clock_counts_as_now() -> None:
    answer = sync_range(cooling_range(cooling("web", CIDR, at(3600))))
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(0))]
    slightly_ahead = cooling("web", CIDR, at(30))
    assert sync_range(cooling_range(slightly_ahead))["status"]["allocations"] == [slightly_ahead]


def test_an_absent_holder_that_is_reclaimed_cools_down_too() -> None:
    parent = reclaiming(cooling_range(entry("web", CIDR, absent_since=at(-900))), "uid-web")
    assert sync_range(parent)["status"]["allocations"] == [cooling("web", CIDR, at(0))]


def test_a_range_that_is_being_deleted_waits_for_no_cool_down() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)), entry("b", "10.0.0.16/28"))
    answer = sync_range(deleted(parent), deleted(request_object("b")))
    assert ledger_of(answer) == {}


def test_nor_for_one_that_began_by_a_clock_that_is_ahead() -> None:
    parent = with_ledger(deleted(range_object(cooldown=60)), cooling("web", CIDR, at(45)), closing=True)
    answer = sync_range(parent, finalizing=True)
    assert (ledger_of(answer), answer["resyncAfterSeconds"]) == ({}, 300)


def test_who_was_reclaimed_and_turns_out_to_live_may_go_when_he_is_deleted() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)))
    answer = sync_range(parent, GOING)
    assert answer["status"]["released"] == ["uid-web"]
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(-5))]


def test_the_wait_is_counted_from_now() -> None:
    parent = cooling_range(cooling("web", CIDR, at(0)))
    answer = sync_range(parent, now=NOW.replace(second=59))
    assert answer["resyncAfterSeconds"] == 1
