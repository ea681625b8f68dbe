"""The cool-down: a released block stays in the ledger for a while, without a holder, but not free."""

import pytest

from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    NOW,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    range_object,
    reclaiming,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answers_of, ledger_of, messages_of, sync_range


def cooling(name: str, cidr: str, released_at: str) -> Obj:
    return entry(name, cidr, released_at=released_at)


def cooling_range(*entries: Obj, text: str = CIDR) -> Obj:
    """A range with a cool-down of a minute."""
    return with_ledger(range_object(text, cooldown=60), *entries, revision=4)


def test_a_released_block_cools_down_while_its_holder_is_released_at_once() -> None:
    existing = answer_item("web", cidr=CIDR, revision=4)
    answer = sync_range(cooling_range(entry("web", CIDR)), DELETED_WEB, answers=[existing])
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(0))]
    assert answer["status"]["released"] == ["uid-web"]
    assert answer["status"]["revision"] == 5
    assert answer["resyncAfterSeconds"] == 60


def test_a_request_is_answered_released_while_its_block_cools_down() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)))
    parent["status"]["released"] = ["uid-web"]
    answer = sync_range(parent, DELETED_WEB, answers=[answer_item("web", cidr=CIDR, revision=2)])
    assert answers_of(answer) == {"web": ("Released", CIDR)}
    assert answer["status"]["revision"] == 4


def test_a_block_that_cools_down_has_no_holder_even_if_the_release_was_forgotten() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)))
    answer = sync_range(parent, WEB)
    assert answers_of(answer) == {}
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(-5))]


@pytest.mark.parametrize(("released_at", "free"), [(at(-59), False), (at(-60), True), (at(-86_400), True)])
def test_a_block_is_free_once_it_has_cooled_down(released_at: str, *, free: bool) -> None:
    answer = sync_range(cooling_range(cooling("web", CIDR, released_at)), request_object("next"))
    assert (ledger_of(answer) == {"next": CIDR}) is free


def test_a_block_counts_as_allocated_while_it_cools_down() -> None:
    answer = sync_range(cooling_range(cooling("web", CIDR, at(-5))))
    assert answer["status"]["capacity"]["free"] == "0"
    assert answer["status"]["message"] == f"1 block is cooling down, the first until {at(55)}"


def test_only_the_refusal_of_a_dedicated_block_mentions_the_end_of_the_cool_down() -> None:
    """The next end changes with each block that becomes free: with it, all refusals would be rewritten each time."""
    parent = cooling_range(cooling("a", CIDR, at(-5)), cooling("b", "10.0.0.16/28", at(-30)), text="10.0.0.0/27")
    waiting = [request_object("next"), request_object("same", wanted=CIDR)]
    answer = sync_range(parent, *waiting)
    assert messages_of(answer) == {
        "next": "no free /28 in team-a/net: waiting for room",
        "same": f"{CIDR} is not free: it is cooling down until {at(55)} (released by team-a/a)",
    }
    assert answer["resyncAfterSeconds"] == 10  # because these two answers are new
    assert answer["status"]["message"].endswith(f"2 blocks are cooling down, the first until {at(30)}")
    settled = sync_range(parent)
    assert settled["resyncAfterSeconds"] == 30


@pytest.mark.parametrize(
    ("deletion", "since"), [(at(-5), at(0)), (at(0), at(0)), (at(40), at(40))], ids=["before", "now", "ahead"]
)
def test_a_block_cools_down_from_no_earlier_than_the_deletion_of_its_holder(deletion: str, since: str) -> None:
    """Finding 10: the deletionTimestamp is the time of the API server, so a clock that is behind shortens nothing."""
    answer = sync_range(cooling_range(entry("web", CIDR)), deleted(WEB, deletion))
    assert answer["status"]["allocations"] == [cooling("web", CIDR, since)]


def test_a_cool_down_does_not_end_while_the_spec_cannot_be_read() -> None:
    """No hook knows how long it lasts. After a rollback, older hooks meet a mode that only newer ones know."""
    parent = cooling_range(cooling("web", CIDR, at(-86_400 * 364)), entry("b", "10.0.0.16/28"), text="10.0.0.0/27")
    parent["spec"]["mode"] = "LeastUsed"
    answer = sync_range(parent, deleted(request_object("b")))
    assert answer["status"]["state"] == "Invalid"
    assert answer["status"]["allocations"] == [
        cooling("web", CIDR, at(-86_400 * 364)),
        cooling("b", "10.0.0.16/28", at(0)),
    ]


def test_a_cool_down_goes_on_while_the_spec_is_invalid_for_another_reason() -> None:
    parent = cooling_range(cooling("a", CIDR, at(-59)), cooling("b", "10.0.0.16/28", at(-60)))
    parent["spec"]["chunkSize"] = 99
    assert sync_range(parent)["status"]["allocations"] == [cooling("a", CIDR, at(-59))]


def test_a_time_of_release_in_the_future_counts_as_now() -> None:
    answer = sync_range(cooling_range(cooling("web", CIDR, at(3600))))
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(0))]
    slightly_ahead = cooling("web", CIDR, at(30))
    assert sync_range(cooling_range(slightly_ahead))["status"]["allocations"] == [slightly_ahead]


def test_an_absent_holder_that_is_reclaimed_cools_down_too() -> None:
    parent = reclaiming(cooling_range(entry("web", CIDR, absent_since=at(-900))), "uid-web")
    assert sync_range(parent)["status"]["allocations"] == [cooling("web", CIDR, at(0))]


def test_a_range_that_is_being_deleted_does_not_wait_for_the_cool_down() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)), entry("b", "10.0.0.16/28"))
    answer = sync_range(deleted(parent), deleted(request_object("b")))
    assert ledger_of(answer) == {}


def test_a_range_that_is_being_deleted_does_not_wait_for_a_cool_down_that_began_in_the_future() -> None:
    parent = with_ledger(deleted(range_object(cooldown=60)), cooling("web", CIDR, at(45)), closing=True)
    answer = sync_range(parent, finalizing=True)
    assert (ledger_of(answer), answer["resyncAfterSeconds"]) == ({}, 300)


def test_a_reclaimed_request_that_turns_out_to_exist_is_released_when_it_is_deleted() -> None:
    parent = cooling_range(cooling("web", CIDR, at(-5)))
    answer = sync_range(parent, DELETED_WEB)
    assert answer["status"]["released"] == ["uid-web"]
    assert answer["status"]["allocations"] == [cooling("web", CIDR, at(-5))]


def test_the_next_call_is_due_when_the_cool_down_ends() -> None:
    parent = cooling_range(cooling("web", CIDR, at(0)))
    answer = sync_range(parent, now=NOW.replace(second=59))
    assert answer["resyncAfterSeconds"] == 1
