"""Recorded blocks: a request that had a block in an earlier life gets it again; and the hold, under which a range
grants no other blocks.
"""

import pytest

from hooks.api.names import HOLD_ANNOTATION
from tests.hooks.build import (
    DELETED_WEB,
    WEB,
    Obj,
    allocation_object,
    annotated,
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
from tests.hooks.calls import (
    answer_once_committed,
    answer_to,
    answers_of,
    condition,
    ledger_of,
    messages_of,
    sync_range,
    sync_request,
)

ON_HOLD = "team-a/net is on hold: only requests with a recorded address are served"


def served(*requests: Obj) -> dict[str, str]:
    return ledger_of(sync_range(range_object(), *requests))


def test_a_recorded_block_is_granted_again() -> None:
    assert served(recording(WEB, "10.0.0.64/28")) == {"web": "10.0.0.64/28"}


def test_recorded_blocks_are_granted_before_all_others() -> None:
    """Requests are restored in any order: the first one must not get the block of another one."""
    requests = [
        request_object("old", created=at(-900)),
        request_object("dedicated", wanted="10.0.0.0/28", created=at(-800)),
        recording(request_object("back", created=at(-1)), "10.0.0.0/28"),
        recording(request_object("back-too", created=at(-1)), "10.0.0.16/28"),
    ]
    assert served(*requests) == {"back": "10.0.0.0/28", "back-too": "10.0.0.16/28", "old": "10.0.0.32/28"}


def test_a_request_that_shows_a_block_is_served_before_one_that_records_it() -> None:
    shows = showing(request_object("shows", created=at(-1)), "10.0.0.0/28")
    assert served(recording(request_object("records", created=at(-900)), "10.0.0.0/28"), shows) == {
        "shows": "10.0.0.0/28",
        "records": "10.0.0.16/28",
    }


def test_the_last_room_in_a_ledger_is_for_a_recorded_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooks.ranges.ledger.ENTRY_COUNT_MAX", 1)
    requests = [
        request_object("old", created=at(-900)),
        recording(request_object("back", created=at(-1)), "10.0.0.0/28"),
    ]
    answer = answer_once_committed(range_body(range_object(), *requests))
    assert ledger_of(answer) == {"back": "10.0.0.0/28"}
    assert messages_of(answer)["old"].startswith("team-a/net holds as many requests as one object can record")
    assert (answer["status"]["capacity"]["allocated"], answer["status"]["capacity"]["free"]) == ("16", "240")


def test_a_record_may_be_an_address_without_a_prefix_length() -> None:
    parent = range_object(chunk_size=None)
    back = recording(request_object("back"), "10.0.0.5")
    assert ledger_of(sync_range(parent, back)) == {"back": "10.0.0.5/32"}
    granted = allocation_object("back", cidr="10.0.0.5/32", revision=1)
    assert "message" not in sync_request(back, granted)["status"]
    moved = allocation_object("back", cidr="10.0.0.6/32", revision=1)
    assert "10.0.0.6/32 instead of the recorded 10.0.0.5," in sync_request(back, moved)["status"]["message"]


def test_of_two_requests_that_record_one_block_the_older_one_gets_it() -> None:
    requests = [
        recording(request_object("younger", created=at(-1)), "10.0.0.32/28"),
        recording(request_object("older", created=at(-2)), "10.0.0.32/28"),
    ]
    assert served(*requests) == {"younger": "10.0.0.48/28", "older": "10.0.0.32/28"}


@pytest.mark.parametrize(
    "recorded",
    ["10.0.0.64/27", "10.0.0.64", "10.0.1.0/28", "10.0.0.4/28", "2001:db8::/28", "web", "10.0.0.064/28", "10.0.0.0/0"],
    ids=["another size", "not a CIDR", "outside", "host bits", "another family", "text", "not canonical", "all"],
)
def test_a_record_that_does_not_match_the_spec_is_ignored(recorded: str) -> None:
    assert served(recording(WEB, recorded)) == {"web": "10.0.0.0/28"}


def test_a_record_does_not_overrule_the_spec() -> None:
    dedicated = recording(request_object("web", wanted="10.0.0.16/28"), "10.0.0.64/28")
    sized = recording(request_object("sized", size=30), "10.0.0.0/30")
    assert served(dedicated, sized) == {"sized": "10.0.0.0/30", "web": "10.0.0.16/28"}


def test_a_record_of_a_block_that_another_request_holds_is_ignored() -> None:
    held = with_ledger(range_object(), entry("held", "10.0.0.64/28"))
    answer = sync_range(held, request_object("held"), recording(WEB, "10.0.0.64/28"))
    assert ledger_of(answer) == {"web": "10.0.0.80/28", "held": "10.0.0.64/28"}


# --- the hold ---------------------------------------------------------------------------------------------------------


def test_a_range_on_hold_grants_only_recorded_blocks() -> None:
    requests = [
        request_object("new"),
        request_object("dedicated", wanted="10.0.0.32/28"),
        recording(request_object("back"), "10.0.0.64/28"),
        recording(request_object("back-dedicated", wanted="10.0.0.96/28"), "10.0.0.96/28"),
        showing(request_object("shows"), "10.0.0.128/28"),
        recording(request_object("elsewhere"), "10.0.9.0/28"),
    ]
    body = range_body(put_on_hold(range_object()), *requests)
    answer = answer_to(body)
    assert ledger_of(answer) == {
        "back": "10.0.0.64/28",
        "back-dedicated": "10.0.0.96/28",
        "shows": "10.0.0.128/28",
    }
    assert answer["status"]["onHold"] is True
    assert answer["status"]["revision"] == 1
    refused = dict.fromkeys(("new", "dedicated", "elsewhere"), ON_HOLD)
    assert messages_of(answer_once_committed(body)) == {"back": "", "back-dedicated": "", "shows": ""} | refused


def test_a_request_waits_for_its_recorded_block_while_the_range_is_on_hold() -> None:
    held = with_ledger(put_on_hold(range_object()), entry("first", "10.0.0.64/28"), revision=1, on_hold=True)
    answer = sync_range(held, request_object("first"), recording(request_object("second"), "10.0.0.64/28"))
    assert answers_of(answer)["second"] == ("Busy", "")
    assert messages_of(answer)["second"] == "10.0.0.64/28 is held by team-a/first"


def test_the_hold_is_committed_so_that_calls_with_a_stale_view_cannot_commit_grants() -> None:
    answer = sync_range(with_ledger(put_on_hold(range_object()), revision=4))
    assert (answer["status"]["onHold"], answer["status"]["revision"]) == (True, 5)
    assert sync_range(with_ledger(put_on_hold(range_object()), revision=5, on_hold=True))["status"]["revision"] == 5


def test_all_requests_are_served_once_the_hold_ends() -> None:
    answer = sync_range(with_ledger(range_object(), revision=5, on_hold=True), request_object("new"))
    assert ledger_of(answer) == {"new": "10.0.0.0/28"}
    assert "onHold" not in answer["status"]
    assert answer["status"]["revision"] == 6


def test_the_status_shows_the_hold() -> None:
    status = sync_range(put_on_hold(range_object()))["status"]
    shown = condition(status, "OnHold")
    assert shown["status"] == "True"
    assert status["message"] == shown["message"]
    assert not condition(sync_range(range_object())["status"], "OnHold")


@pytest.mark.parametrize("value", ["false", "", "True", "yes"])
def test_only_the_value_true_is_a_hold(value: str) -> None:
    parent = annotated(range_object(), HOLD_ANNOTATION, value)
    assert ledger_of(sync_range(parent, WEB)) == {"web": "10.0.0.0/28"}


def test_releases_continue_on_hold() -> None:
    parent = with_ledger(put_on_hold(range_object()), entry("web", "10.0.0.0/28"), revision=5, on_hold=True)
    assert ledger_of(sync_range(parent, DELETED_WEB)) == {}
