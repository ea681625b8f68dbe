"""Returns: a request that is created again gets its block back while that cools down; and a cool-down can be ended."""

import pytest

from hooks.api.names import END_COOLDOWN_ANNOTATION
from tests.hooks.build import (
    ALL,
    CIDR,
    WEB,
    Obj,
    annotated,
    answer_item,
    at,
    deleted,
    entry,
    put_on_hold,
    range_body,
    range_object,
    recording,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answer_once_committed, answers_of, items_of, ledger_of, messages_of, sync_range
from tests.hooks.reserving import reserving

SECOND = "10.0.0.16/28"
#: The request web, deleted and created again.
AGAIN = request_object("web", uid="uid-again", created=at(-1))
OLDER = request_object("older")


def cooling(*entries: Obj, text: str = "10.0.0.0/24", **spec: object) -> Obj:
    """A range with a cool-down of a minute and these entries, in which blocks are cooling since five seconds."""
    return with_ledger(range_object(text, cooldown=60, **spec), *entries, revision=4)  # type: ignore[arg-type]


def ending_cooldown(range_: Obj, uids: str) -> Obj:
    """A range whose owner ends the cool-down of the blocks of these former holders."""
    return annotated(range_, END_COOLDOWN_ANNOTATION, uids)


def was_held(name: str = "web", cidr: str = CIDR, since: str = at(-5)) -> Obj:
    return entry(name, cidr, released_at=since)


def lines(answer: Obj) -> list[tuple[str, str]]:
    """The uid and the block of each line of the ledger, with "cooling" for a block that cools down."""
    found = answer["status"].get("allocations", [])
    return [("cooling" if "releasedAt" in line else line["uid"], line["cidr"]) for line in found]


# --- the block comes back


def test_a_request_that_is_created_again_gets_its_block_back_in_one_step() -> None:
    answer = sync_range(cooling(was_held(), text=CIDR), AGAIN)

    assert answer["status"]["allocations"] == [{"cidr": CIDR, "request": "team-a/web", "uid": "uid-again"}]
    assert answer["status"]["revision"] == 5
    assert answers_of(answer) == {}


def test_the_block_is_published_after_the_commit() -> None:
    assert answers_of(answer_once_committed(range_body(cooling(was_held()), AGAIN))) == {"web": ("Ready", CIDR)}


def test_a_request_that_waits_longer_does_not_get_the_block() -> None:
    answer = sync_range(cooling(was_held(), text=CIDR), OLDER, AGAIN)

    assert lines(answer) == [("uid-again", CIDR)]


def test_no_refusal_rests_on_a_return_that_is_not_committed() -> None:
    wanting = request_object("older", wanted=CIDR)
    body = range_body(cooling(was_held()), wanting, AGAIN)

    assert messages_of(sync_range(cooling(was_held()), wanting, AGAIN)) == {}
    assert messages_of(answer_once_committed(body))["older"] == (
        f"{CIDR} is not free: it was held by team-a/web when last checked"
    )


def test_a_refusal_that_says_until_when_a_block_cools_down_changes_when_the_block_comes_back() -> None:
    before = f"{CIDR} is not free: it is cooling down until {at(55)} (released by team-a/web)"
    wanting, held = request_object("older", wanted=CIDR), entry("web", CIDR) | {"uid": "uid-again"}
    refused = answer_item("older", "Busy", reason="Taken", message=before)
    answer = sync_range(cooling(held), wanting, AGAIN, answers=[refused])

    assert messages_of(answer)["older"] == f"{CIDR} is not free: it was held by team-a/web when last checked"


def test_other_requests_of_the_namespace_do_not_get_it() -> None:
    answer = sync_range(cooling(was_held(), text=CIDR), OLDER)

    assert lines(answer) == [("cooling", CIDR)]


def test_a_request_of_the_same_name_in_another_namespace_does_not_get_it() -> None:
    parent = with_ledger(range_object(CIDR, cooldown=60, allowed=ALL), was_held(), revision=4)

    assert lines(sync_range(parent, request_object("team-b/web", range_="team-a/net", uid="u"))) == [("cooling", CIDR)]


def test_a_request_that_asks_for_its_block_gets_it_back() -> None:
    asking = request_object("web", uid="uid-again", wanted=CIDR)

    assert lines(sync_range(cooling(was_held()), asking)) == [("uid-again", CIDR)]


@pytest.mark.parametrize("wish", [{"size": 30}, {"wanted": SECOND}])
def test_a_request_that_asks_for_something_else_is_served_as_usual(wish: Obj) -> None:
    answer = sync_range(cooling(was_held()), request_object("web", uid="uid-again", **wish))

    assert lines(answer)[0] == ("cooling", CIDR)
    assert len(lines(answer)) == 2


def test_of_two_former_blocks_the_one_that_was_released_last_comes_back() -> None:
    first, second = was_held(since=at(-30)), was_held(cidr=SECOND, since=at(-5)) | {"uid": "uid-second"}

    assert lines(sync_range(cooling(first, second), AGAIN)) == [("cooling", CIDR), ("uid-again", SECOND)]


def test_a_request_with_a_record_gets_no_other_block_back() -> None:
    assert lines(sync_range(cooling(was_held()), recording(AGAIN, CIDR))) == [("uid-again", CIDR)]
    other = sync_range(cooling(was_held()), recording(AGAIN, "10.0.0.32/28"))
    assert lines(other) == [("cooling", CIDR), ("uid-again", "10.0.0.32/28")]


def test_on_hold_a_block_comes_back_to_a_request_that_records_it() -> None:
    held = put_on_hold(cooling(was_held()))

    assert lines(sync_range(held, AGAIN)) == [("cooling", CIDR)]
    assert lines(sync_range(held, recording(AGAIN, CIDR))) == [("uid-again", CIDR)]


def test_a_request_that_shows_another_block_keeps_that_one() -> None:
    assert lines(sync_range(cooling(was_held()), showing(AGAIN, SECOND))) == [("cooling", CIDR), ("uid-again", SECOND)]


# --- safety


def test_a_request_without_our_finalizer_or_in_deletion_gets_nothing_back() -> None:
    bare = request_object("web", uid="uid-again", finalizers=())

    assert lines(sync_range(cooling(was_held()), bare)) == [("cooling", CIDR)]
    assert lines(sync_range(cooling(was_held()), deleted(AGAIN))) == [("cooling", CIDR)]


def test_a_request_whose_release_is_recorded_gets_nothing_back() -> None:
    parent = cooling(was_held())
    parent["status"]["released"] = ["uid-again"]

    assert lines(sync_range(parent, AGAIN)) == [("cooling", CIDR)]


def test_a_former_holder_that_an_old_cache_shows_gets_nothing_back() -> None:
    assert lines(sync_range(cooling(was_held()), WEB)) == [("cooling", CIDR)]


def test_a_release_that_is_not_committed_returns_nothing() -> None:
    """Here the owner of the range has given up a holder, and a request of its name exists already."""
    parent = cooling(entry("web", CIDR, absent_since=at(-90)))
    parent["metadata"]["annotations"] = {"ipam.mandelsoft.org/reclaim": "uid-web"}

    assert lines(sync_range(parent, AGAIN)) == [("cooling", CIDR), ("uid-again", SECOND)]


def test_a_block_that_the_range_may_not_allocate_any_more_does_not_come_back() -> None:
    parent = with_ledger(range_object(excludes=["10.0.0.5"], cooldown=60), was_held(), revision=4)
    unannounced = sync_range(cooling(was_held()), AGAIN, extents=[], announced=[])

    assert lines(sync_range(parent, AGAIN)) == [("cooling", CIDR), ("uid-again", SECOND)]
    assert lines(unannounced) == [("cooling", CIDR)]


def test_a_range_that_is_being_deleted_or_invalid_returns_nothing() -> None:
    invalid = with_ledger(range_object(CIDR, chunk_size=99, cooldown=60), was_held(), revision=4)

    assert lines(sync_range(invalid, AGAIN)) == [("cooling", CIDR)]
    assert lines(sync_range(deleted(cooling(was_held())), AGAIN, finalizing=True)) == []


def test_a_returned_block_moves_no_cursor() -> None:
    parent = with_ledger(
        range_object(mode="RoundRobin", cooldown=60), was_held(), revision=4, cursors={"28": "10.0.0.64"}
    )
    assert sync_range(parent, AGAIN)["status"]["roundRobin"] == {"28": "10.0.0.64"}


# --- reservations


def test_a_block_that_is_reserved_for_another_holder_does_not_come_back() -> None:
    parent = reserving(cooling(was_held()), db=CIDR)

    assert lines(sync_range(parent, AGAIN)) == [("cooling", CIDR), ("uid-again", SECOND)]
    assert lines(sync_range(reserving(cooling(was_held()), db="10.0.0.5"), AGAIN))[0] == ("cooling", CIDR)


def test_a_block_that_is_reserved_for_the_request_comes_back_at_once() -> None:
    assert lines(sync_range(reserving(cooling(was_held()), web=CIDR), AGAIN)) == [("uid-again", CIDR)]


def test_another_block_that_is_reserved_for_the_request_comes_first() -> None:
    answer = sync_range(reserving(cooling(was_held()), web=SECOND), AGAIN)

    assert lines(answer) == [("cooling", CIDR), ("uid-again", SECOND)]


# --- quotas, closed ranges, and addresses that are not allocated


def test_a_block_is_returned_although_the_quota_was_lowered_meanwhile() -> None:
    """It counted while it cooled down."""
    answer = sync_range(cooling(was_held(), quota={"addresses": 8}), AGAIN, OLDER)

    assert ledger_of(answer) == {"web": CIDR}
    assert answer["status"]["message"].endswith("namespace team-a holds 16 addresses, more than its quota of 8")


def test_a_returned_block_leaves_what_other_requests_may_have() -> None:
    assert ledger_of(sync_range(cooling(was_held(), quota={"addresses": 32}), AGAIN, OLDER)) == {
        "web": CIDR,
        "older": SECOND,
    }


def test_a_closed_range_returns_nothing() -> None:
    answer = sync_range(cooling(was_held(), closed=True), AGAIN)

    assert lines(answer) == [("cooling", CIDR)]
    assert messages_of(answer) == {"web": "range team-a/net is closed: it allocates no new blocks"}


def test_a_block_in_retired_addresses_is_not_returned() -> None:
    parent = cooling(was_held(), excludes=["10.0.0.15"])

    assert lines(sync_range(parent, AGAIN)) == [("cooling", CIDR), ("uid-again", SECOND)]


def test_an_address_that_a_network_reserves_is_not_returned() -> None:
    parent = cooling(was_held(cidr="10.0.0.0/32"), chunk_size=32, network={"prefixLength": 24})

    assert lines(sync_range(parent, AGAIN)) == [("cooling", "10.0.0.0/32"), ("uid-again", "10.0.0.1/32")]


# --- the end of a cool-down


def test_the_owner_of_the_range_ends_the_cool_down_of_a_block() -> None:
    parent = ending_cooldown(cooling(was_held(), was_held("db", SECOND), text="10.0.0.0/27"), "uid-web")
    answer = sync_range(parent, request_object("next"))

    assert ledger_of(answer) == {"next": CIDR, "db": SECOND}
    assert answer["status"]["revision"] == 5


def test_several_uids_may_be_named() -> None:
    parent = ending_cooldown(cooling(was_held(), was_held("db", SECOND)), "uid-db, uid-web")

    assert lines(sync_range(parent)) == []


def test_a_holder_that_is_named_keeps_its_block_and_releases_it_without_a_cool_down() -> None:
    parent = ending_cooldown(cooling(entry("web", CIDR)), "uid-web")
    answered = [answer_item("web", cidr=CIDR, revision=4)]

    assert lines(sync_range(parent, WEB, answers=answered)) == [("uid-web", CIDR)]
    released = sync_range(parent, deleted(WEB), answers=answered)
    assert lines(released) == []
    assert released["status"]["released"] == ["uid-web"]
    assert [item["state"] for item in items_of(released)] == ["Ready"]


def test_a_later_holder_of_the_same_block_cools_down_although_an_earlier_one_is_named() -> None:
    parent = ending_cooldown(cooling(was_held("db")), "uid-web")

    assert lines(sync_range(parent)) == [("cooling", CIDR)]
