"""Quotas: the addresses of a range that the requests of one namespace may hold together."""

import pytest

from tests.hooks.build import (
    ALL,
    DELETED_WEB,
    Obj,
    answer_item,
    at,
    entry,
    put_on_hold,
    range_body,
    range_object,
    recording,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answer_once_committed, answer_to, answers_of, items_of, ledger_of, messages_of, sync_range

#: As many addresses as two blocks of the default size have.
TWO_BLOCKS = {"addresses": 32}


def limited(quota: Obj, *entries: Obj, cooldown: int | None = None) -> Obj:
    """A range for all namespaces, with this quota."""
    return with_ledger(range_object(allowed=ALL, quota=quota, cooldown=cooldown), *entries)


def of_team(namespace: str, name: str) -> Obj:
    """A request of any namespace to the range team-a/net."""
    return request_object(f"{namespace}/{name}", range_="team-a/net", uid=f"uid-{namespace}-{name}")


def refusal(held: int, *, wanted: int = 16, limit: int = 32, namespace: str = "team-a") -> str:
    more = f"{wanted} more address{'' if wanted == 1 else 'es'} would exceed the quota of namespace {namespace}"
    return f"{more} ({limit}): it held {held} when last checked"


def test_a_request_beyond_the_quota_of_its_namespace_waits() -> None:
    parent = limited(TWO_BLOCKS, entry("a", "10.0.0.0/28"), entry("b", "10.0.0.16/28"))
    answer = sync_range(parent, request_object("c"))
    (refused,) = items_of(answer)
    assert (refused["state"], refused["reason"], refused["message"]) == ("Busy", "QuotaExceeded", refusal(32))
    assert answer["status"]["pending"] == 1
    assert answer["status"]["message"].startswith("largest free block is /25, 1 request waits (1 beyond a quota)")


def test_the_grants_of_one_call_count_each_other_and_refusals_wait_for_their_commit() -> None:
    body = range_body(limited(TWO_BLOCKS), *map(request_object, "abc"), of_team("team-b", "d"))
    proposal, answer = answer_to(body), answer_once_committed(body)
    assert ledger_of(proposal) == {"a": "10.0.0.0/28", "b": "10.0.0.16/28", "d": "10.0.0.32/28"}
    assert answers_of(proposal) == {}
    assert messages_of(answer)["c"] == refusal(32)


@pytest.mark.parametrize("limit", [64, "64", "18446744073709551616"])
def test_a_namespace_may_have_a_limit_of_its_own(limit: int | str) -> None:
    quota = {"addresses": 16, "namespaces": [{"name": "team-b", "addresses": limit}]}
    requests = [of_team(namespace, name) for namespace in ("team-a", "team-b") for name in "12"]
    holders = {line["request"] for line in sync_range(limited(quota), *requests)["status"]["allocations"]}
    assert holders == {"team-a/1", "team-b/1", "team-b/2"}


def test_without_a_default_only_listed_namespaces_are_limited() -> None:
    quota = {"namespaces": [{"name": "team-b", "addresses": 0}]}
    body = range_body(limited(quota), request_object("web"), of_team("team-b", "web"))
    answer = answer_once_committed(body)
    assert {item["request"]: item["state"] for item in items_of(answer)} == {
        "team-a/web": "Ready",
        "team-b/web": "Busy",
    }
    assert refusal(0, limit=0, namespace="team-b") in {item.get("message") for item in items_of(answer)}


def test_a_request_that_exceeds_the_quota_takes_nothing_from_those_behind_it() -> None:
    requests = [request_object("a", size=26, created=at(-70)), request_object("b"), request_object("c", size=29)]
    assert ledger_of(sync_range(limited(TWO_BLOCKS), *requests)) == {"b": "10.0.0.0/28", "c": "10.0.0.16/29"}


def test_a_request_is_served_once_its_namespace_has_released_enough() -> None:
    parent = limited(TWO_BLOCKS, entry("web", "10.0.0.0/28"), entry("b", "10.0.0.16/28"))
    refused = answer_item("c", "Busy", reason="QuotaExceeded", message=refusal(32))
    answer = sync_range(parent, DELETED_WEB, request_object("b"), request_object("c"), answers=[refused])
    assert ledger_of(answer) == {"c": "10.0.0.0/28", "b": "10.0.0.16/28"}


def test_a_request_is_served_once_the_quota_is_raised() -> None:
    entries = [entry("a", "10.0.0.0/28"), entry("b", "10.0.0.16/28")]
    assert "c" in ledger_of(sync_range(limited({"addresses": 48}, *entries), request_object("c")))


def test_a_block_that_cools_down_counts_for_the_namespace_that_released_it() -> None:
    cooling = [entry("a", "10.0.0.0/28", released_at=at(-5)), entry("b", "10.0.0.16/28", released_at=at(-3500))]
    parent = limited(TWO_BLOCKS, *cooling, cooldown=3600)
    waiting = [request_object("c"), of_team("team-b", "d")]
    assert ledger_of(sync_range(parent, *waiting)) == {"a": "10.0.0.0/28", "b": "10.0.0.16/28", "d": "10.0.0.32/28"}


def test_a_released_block_that_cools_down_makes_no_room_in_the_quota() -> None:
    parent = limited(TWO_BLOCKS, entry("web", "10.0.0.0/28"), entry("b", "10.0.0.16/28"), cooldown=3600)
    answer = sync_range(parent, DELETED_WEB, request_object("b"), request_object("c"))
    assert ledger_of(answer) == {"web": "10.0.0.0/28", "b": "10.0.0.16/28"}


def test_recorded_and_shown_blocks_are_granted_beyond_the_quota_and_reported() -> None:
    back = [recording(request_object("a"), "10.0.0.32/28"), showing(request_object("b"), "10.0.0.48/28")]
    answer = sync_range(limited({"addresses": 16}), *back, request_object("c"))
    assert ledger_of(answer) == {"a": "10.0.0.32/28", "b": "10.0.0.48/28"}
    assert answer["status"]["message"] == (
        "largest free block is /25, 1 request waits (1 beyond a quota); "
        "namespace team-a holds 32 addresses, more than its quota of 16"
    )


def test_recorded_blocks_count_for_those_behind_them() -> None:
    back = recording(request_object("a"), "10.0.0.32/28")
    assert ledger_of(sync_range(limited({"addresses": 16}), back, request_object("b"))) == {"a": "10.0.0.32/28"}


def test_a_hold_restores_blocks_beyond_the_quota() -> None:
    parent = put_on_hold(limited({"addresses": 0}))
    back = recording(request_object("a"), "10.0.0.32/28")
    assert ledger_of(sync_range(parent, back)) == {"a": "10.0.0.32/28"}


def test_a_shown_block_that_another_request_holds_is_taken_and_not_beyond_the_quota() -> None:
    parent = limited({"addresses": 0}, entry("web", "10.0.0.0/28"))
    answer = sync_range(parent, request_object("web"), showing(request_object("b"), "10.0.0.0/28"))
    assert messages_of(answer)["b"] == "10.0.0.0/28 is not free: it was held by team-a/web when last checked"


def test_a_request_that_waits_for_its_quota_learns_why_its_recorded_block_is_not_used() -> None:
    parent = limited({"addresses": 0}, entry("team-b/web", "10.0.0.0/28"))
    answer = sync_range(parent, recording(request_object("b"), "10.0.0.0/28"))
    reason = "10.0.0.0/28 is not free: it was held by team-b/web when last checked"
    assert messages_of(answer)["b"] == f"{refusal(0, limit=0)}; {reason}"


@pytest.mark.parametrize(("limit", "message"), [(32, refusal(20)), (36, refusal(24, limit=36))])
def test_a_refusal_is_rewritten_when_the_limit_changes_and_not_when_what_is_held_does(limit: int, message: str) -> None:
    """Otherwise each grant and each release would rewrite the answers to all requests that wait."""
    said = answer_item("c", "Busy", reason="QuotaExceeded", message=refusal(20))
    parent = limited({"addresses": limit}, entry("a", "10.0.0.0/28"), entry("b", "10.0.0.32/29"))
    assert messages_of(sync_range(parent, request_object("c"), answers=[said]))["c"] == message


def test_a_quota_that_was_lowered_leaves_all_blocks() -> None:
    parent = limited({"addresses": 16}, entry("a", "10.0.0.0/28"), entry("b", "10.0.0.16/28"))
    answer = sync_range(parent, request_object("a"), request_object("b"))
    assert ledger_of(answer) == {"a": "10.0.0.0/28", "b": "10.0.0.16/28"}
    assert answer["status"]["message"].endswith("namespace team-a holds 32 addresses, more than its quota of 16")


@pytest.mark.parametrize("quota", [{"addresses": "many"}, {"addresses": -1}, {"addresses": "-1"}, {"addresses": 1.5}])
def test_a_quota_that_cannot_be_read_makes_the_range_invalid(quota: Obj) -> None:
    answer = sync_range(limited(quota), request_object("a"))
    assert answer["status"]["state"] == "Invalid"
    assert "spec.quota.addresses" in answer["status"]["message"]
