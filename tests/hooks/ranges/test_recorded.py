"""Recorded blocks: a request that had a block in an earlier life gets it again; why a record is not used; and the hold,
under which a range grants no other blocks.
"""

import pytest

from hooks.api.names import HOLD_ANNOTATION
from tests.hooks.build import (
    DELETED_WEB,
    WEB,
    Obj,
    annotated,
    answer_item,
    at,
    entry,
    extent_object,
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
    items_of,
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


@pytest.mark.parametrize("wanted", ["3/30", "3/%2"])
def test_a_block_by_index_is_granted_again_although_its_pool_has_become_smaller(wanted: str) -> None:
    smaller = range_object("10.0.0.0/28", chunk_size=30, network={"gateway": "10.0.0.1"})
    last = recording(request_object("last", wanted=wanted, created=at(-50)), "10.0.0.12/30")
    newcomer = request_object("newcomer", created=at(-40))
    others = [entry("a", "10.0.0.4/30"), entry("b", "10.0.0.8/30")]
    assert ledger_of(sync_range(put_on_hold(smaller), newcomer, last)) == {"last": "10.0.0.12/30"}
    assert ledger_of(sync_range(with_ledger(smaller, *others), newcomer, last))["last"] == "10.0.0.12/30"
    answer = sync_range(with_ledger(smaller, *others, entry("c", "10.0.0.12/30")), last)
    assert messages_of(answer)["last"] == "10.0.0.12/30 is not free: it was held by team-a/c when last checked"
    unrecorded = sync_range(smaller, request_object("last", wanted=wanted))
    assert "is beyond team-a/net, which has 3 blocks of /30" in messages_of(unrecorded)["last"]


def test_a_record_gives_no_precedence_over_requests_that_wait_for_longer() -> None:
    """Finding 6: anyone can write the annotation, so it must not jump the queue. A restore uses the hold."""
    requests = [
        request_object("dedicated", wanted="10.0.0.16/28", created=at(-900)),
        request_object("old", created=at(-800)),
        recording(request_object("back", created=at(-1)), "10.0.0.0/28"),
        recording(request_object("back-too", created=at(-1)), "10.0.0.16/28"),
        recording(request_object("again", created=at(-1)), "10.0.0.48/28"),
    ]
    assert served(*requests) == {
        "old": "10.0.0.0/28",
        "dedicated": "10.0.0.16/28",
        "back": "10.0.0.32/28",
        "again": "10.0.0.48/28",
        "back-too": "10.0.0.64/28",
    }


def test_a_record_of_the_only_free_block_does_not_jump_the_queue() -> None:
    """Finding 6: a request of a second before one that has waited for 15 minutes."""
    parent = range_object("10.0.0.0/28")
    requests = [
        request_object("old", created=at(-900)),
        recording(request_object("new", created=at(-1)), "10.0.0.0/28"),
    ]
    assert ledger_of(sync_range(parent, *requests)) == {"old": "10.0.0.0/28"}
    assert ledger_of(sync_range(put_on_hold(parent), *requests)) == {"new": "10.0.0.0/28"}


def test_a_request_that_shows_a_block_is_served_before_one_that_records_it() -> None:
    shows = showing(request_object("shows", created=at(-1)), "10.0.0.0/28")
    assert served(recording(request_object("records", created=at(-900)), "10.0.0.0/28"), shows) == {
        "shows": "10.0.0.0/28",
        "records": "10.0.0.16/28",
    }


def test_on_hold_the_last_room_in_a_ledger_is_for_a_recorded_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooks.ranges.ledger.ENTRY_COUNT_MAX", 1)
    requests = [
        request_object("old", created=at(-900)),
        recording(request_object("back", created=at(-1)), "10.0.0.0/28"),
        recording(request_object("back-too", created=at(0)), "10.0.0.16/28"),
    ]
    answer = answer_once_committed(range_body(put_on_hold(range_object()), *requests))
    assert ledger_of(answer) == {"back": "10.0.0.0/28"}
    assert messages_of(answer)["old"] == ON_HOLD
    assert messages_of(answer)["back-too"].startswith("team-a/net holds as many requests as one object can record")
    assert (answer["status"]["capacity"]["allocated"], answer["status"]["capacity"]["free"]) == ("16", "240")


def test_a_record_may_be_an_address_without_a_prefix_length() -> None:
    parent = range_object(chunk_size=None)
    back = recording(request_object("back"), "10.0.0.5")
    assert ledger_of(sync_range(parent, back)) == {"back": "10.0.0.5/32"}
    granted = answer_item("back", cidr="10.0.0.5/32", revision=1)
    assert "message" not in sync_request(back, granted)["status"]
    moved = answer_item("back", cidr="10.0.0.6/32", revision=1, message="10.0.0.5/32 was not free")
    message = "allocated 10.0.0.6/32 instead of the recorded 10.0.0.5: 10.0.0.5/32 was not free"
    assert sync_request(back, moved)["status"]["message"] == message


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


# --- records of requests by index -------------------------------------------------------------------------------------

GROWN = range_object("10.0.1.0/28", "10.0.0.0/28")
FIRST = recording(request_object("first", wanted="0/28", created=at(-1)), "10.0.1.0/28")
SECOND = recording(request_object("second", created=at(-2)), "10.0.0.0/28")


@pytest.mark.parametrize("parent", [GROWN, put_on_hold(GROWN)], ids=["in use", "on hold"])
def test_a_request_by_index_gets_its_recorded_block_though_the_numbering_has_changed(parent: Obj) -> None:
    """Case index-record: the range grew below the first block since that was granted."""
    assert ledger_of(sync_range(parent, FIRST, SECOND)) == {"first": "10.0.1.0/28", "second": "10.0.0.0/28"}


@pytest.mark.parametrize("wanted", ["0/28", "1/28", "0/%4", "1/%4"])
def test_a_record_of_the_length_that_an_index_names_is_used(wanted: str) -> None:
    assert served(recording(request_object("web", wanted=wanted), "10.0.0.64/28")) == {"web": "10.0.0.64/28"}
    shorter = recording(request_object("web", wanted=wanted), "10.0.0.64/27")
    assert served(shorter) == {"web": "10.0.0.16/28" if wanted[0] == "1" else "10.0.0.0/28"}


def test_a_request_by_index_gets_the_block_of_its_index_if_the_recorded_one_is_taken() -> None:
    held = with_ledger(GROWN, entry("held", "10.0.1.0/28"))
    assert ledger_of(sync_range(held, request_object("held"), FIRST))["first"] == "10.0.0.0/28"


# --- why a record is not used -----------------------------------------------------------------------------------------

SPACE = range_object(
    "10.0.0.0/24", excludes=["10.0.0.128/28"], network={"gateway": "10.0.0.161"}, cooldown=60, chunk_size=28
)
HOLDING = with_ledger(
    SPACE, entry("first", "10.0.0.0/28"), entry("gone", "10.0.0.32/28", released_at=at(-5)), revision=1
)
#: The record, the fields of the spec, and the one true reason.
REASONS: dict[str, tuple[str, Obj, str]] = {
    "host bits": (
        "10.0.0.7/24",
        {},
        '"10.0.0.7/24" has host bits set: write 10.0.0.0/24, or 10.0.0.7 for the single address',
    ),
    "no address": ("web", {}, '"web" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
    "not canonical": ("FD00::/64", {}, '"FD00::/64" is not in canonical form: write fd00::/64'),
    "outside": ("10.0.9.0/28", {}, "10.0.9.0/28 is not wholly inside team-a/net"),
    "other family": ("fd00::/28", {}, "fd00::/28 is IPv6, team-a/net is IPv4"),
    "other family and length": ("fd00::/64", {}, "fd00::/64 is IPv6, team-a/net is IPv4"),
    "other length": ("10.0.0.64/28", {"size": 26}, "10.0.0.64/28 is recorded, but the spec asks for /26"),
    "other length than the default": ("10.0.0.64/27", {}, "10.0.0.64/27 is recorded, but the spec asks for /28"),
    "other length than that of a form": (
        "10.0.0.64/27",
        {"wanted": "#9"},
        "10.0.0.64/27 is recorded, but the spec asks for /28",
    ),
    "other length than that of an index": (
        "10.0.0.64/27",
        {"wanted": "4/28"},
        "10.0.0.64/27 is recorded, but the spec asks for /28",
    ),
    "another block": (
        "10.0.0.64/28",
        {"wanted": "10.0.0.80/28"},
        "10.0.0.64/28 is recorded, but the spec asks for 10.0.0.80/28",
    ),
    "excluded": (
        "10.0.0.128/28",
        {},
        "10.0.0.128/28 has addresses that are excluded from team-a/net: 10.0.0.128-10.0.0.143",
    ),
    "around the gateway": (
        "10.0.0.160/28",
        {},
        "10.0.0.160/28 contains 10.0.0.161/32, the gateway of team-a/net, which is never allocated",
    ),
    "the gateway": (
        "10.0.0.161/32",
        {"size": 32},
        "10.0.0.161/32 is the gateway of team-a/net, which is never allocated",
    ),
    "taken": ("10.0.0.0/28", {}, "10.0.0.0/28 is not free: it was held by team-a/first when last checked"),
    "partly taken": (
        "10.0.0.0/27",
        {"size": 27},
        "10.0.0.0/27 is not free: 10.0.0.0/28 was held by team-a/first when last checked",
    ),
    "cooling down": (
        "10.0.0.32/28",
        {},
        f"10.0.0.32/28 is not free: it is cooling down until {at(55)} (released by team-a/gone)",
    ),
}


@pytest.mark.parametrize(("recorded", "spec", "reason"), REASONS.values(), ids=REASONS)
def test_a_record_that_is_not_used_is_answered_with_the_one_reason(recorded: str, spec: Obj, reason: str) -> None:
    """Case record-reasons: in the answer of the range, and in the status of the request."""
    request = recording(request_object("web", **spec), recorded)
    answer = answer_once_committed(range_body(HOLDING, request_object("first"), request))
    assert (answers_of(answer)["web"][0], messages_of(answer)["web"]) == ("Ready", reason)
    (item,) = [each for each in items_of(answer) if each["request"] == "team-a/web"]
    status = sync_request(request, item)["status"]
    assert status["state"] == "Ready"
    assert status["message"] == f"allocated {status['cidr']} instead of the recorded {recorded}: {reason}"


#: On hold an excluded block is returned.
UNDERSTOOD = {
    name: case for name, case in REASONS.items() if "taken" not in name and name not in {"cooling down", "excluded"}
}


@pytest.mark.parametrize(("recorded", "spec", "reason"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_on_hold_a_record_that_is_not_used_is_refused_with_the_same_reason(
    recorded: str, spec: Obj, reason: str
) -> None:
    request = recording(request_object("web", **spec), recorded)
    answer = sync_range(put_on_hold(HOLDING), request_object("first"), request)
    assert answers_of(answer)["web"] == ("Busy", "")
    message = f"team-a/net is on hold, and the recorded address can't be allocated: {reason}"
    assert messages_of(answer)["web"] == message


@pytest.mark.parametrize("name", ["taken", "partly taken", "cooling down"])
def test_on_hold_a_request_waits_for_its_recorded_block_with_the_same_reason(name: str) -> None:
    recorded, spec, reason = REASONS[name]
    request = recording(request_object("web", **spec), recorded)
    answer = sync_range(put_on_hold(HOLDING), request_object("first"), request)
    assert (answers_of(answer)["web"], messages_of(answer)["web"]) == (("Busy", ""), reason)


def test_a_record_that_is_taken_in_the_same_call_is_named_with_its_holder() -> None:
    older = request_object("older", created=at(-900))
    answer = answer_once_committed(range_body(range_object(), older, recording(WEB, "10.0.0.0/28")))
    message = "10.0.0.0/28 is not free: it was held by team-a/older when last checked"
    assert messages_of(answer) == {"older": "", "web": message}


def test_a_record_whose_block_has_become_free_since_is_not_called_taken() -> None:
    parent = with_ledger(range_object(), entry("web", "10.0.0.16/28"))
    answer = sync_range(parent, recording(WEB, "10.0.0.0/28"))
    assert messages_of(answer) == {"web": "10.0.0.0/28 was not free when the request was served"}


def test_a_request_that_waits_for_room_says_why_its_record_is_not_used() -> None:
    parent = with_ledger(range_object("10.0.0.0/27"), entry("a", "10.0.0.0/28"), entry("b", "10.0.0.16/28"))
    waiting = {
        "taken": recording(request_object("taken"), "10.0.0.16/28"),
        "other": recording(request_object("other", wanted="10.0.0.0/28"), "10.0.0.16/28"),
        "same": recording(request_object("same", wanted="10.0.0.0/28"), "10.0.0.0/28"),
        "none": request_object("none"),
    }
    answer = sync_range(parent, request_object("a"), request_object("b"), *waiting.values())
    no_room = "no free /28 in team-a/net: waiting for room"
    held = "10.0.0.0/28 is not free: it was held by team-a/a when last checked"
    assert {name: messages_of(answer)[name] for name in waiting} == {
        "taken": f"{no_room}; 10.0.0.16/28 is not free: it was held by team-a/b when last checked",
        "other": f"{held}; 10.0.0.16/28 is recorded, but the spec asks for 10.0.0.0/28",
        "same": held,
        "none": no_room,
    }


def test_a_record_that_an_older_range_has_is_named_with_that_range() -> None:
    own, other = extent_object("10.0.0.0/24", version=7), extent_object("10.0.0.0/25", version=3, range_="other")
    body = range_body(range_object(), recording(WEB, "10.0.0.0/28"), announced=[own], extents=[own, other])
    message = "10.0.0.0/28 is not free: 10.0.0.0/25 belongs to range team-a/other, which is older in domain default"
    assert messages_of(answer_once_committed(body)) == {"web": message}


@pytest.mark.parametrize("request_", [WEB, recording(WEB, "10.0.0.64/28"), recording(WEB, "")])
def test_an_answer_with_the_recorded_block_has_no_message(request_: Obj) -> None:
    assert messages_of(answer_once_committed(range_body(range_object(), request_))) == {"web": ""}


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
    refused = dict.fromkeys(("new", "dedicated"), ON_HOLD)
    refused["elsewhere"] = (
        "team-a/net is on hold, and the recorded address can't be allocated: "
        "10.0.9.0/28 is not wholly inside team-a/net"
    )
    assert messages_of(answer_once_committed(body)) == {"back": "", "back-dedicated": "", "shows": ""} | refused


def test_a_request_waits_for_its_recorded_block_while_the_range_is_on_hold() -> None:
    held = with_ledger(put_on_hold(range_object()), entry("first", "10.0.0.64/28"), revision=1, on_hold=True)
    answer = sync_range(held, request_object("first"), recording(request_object("second"), "10.0.0.64/28"))
    assert answers_of(answer)["second"] == ("Busy", "")
    assert messages_of(answer)["second"] == ("10.0.0.64/28 is not free: it was held by team-a/first when last checked")


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


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "yes", "1", "on", "", " true", "false"])
def test_every_value_is_a_hold(value: str) -> None:
    """Case hold-spelling: a safety catch that is misspelt must not fail open; to end a hold, remove the annotation."""
    parent = annotated(range_object(), HOLD_ANNOTATION, value)
    answer = sync_range(parent, WEB, recording(request_object("database"), "10.0.0.0/28"))
    assert ledger_of(answer) == {"database": "10.0.0.0/28"}
    assert answer["status"]["onHold"] is True
    assert condition(answer["status"], "OnHold")["status"] == "True"


def test_another_annotation_is_no_hold() -> None:
    parent = annotated(range_object(), HOLD_ANNOTATION + "s", "true")
    assert ledger_of(sync_range(parent, WEB)) == {"web": "10.0.0.0/28"}


def test_releases_continue_on_hold() -> None:
    parent = with_ledger(put_on_hold(range_object()), entry("web", "10.0.0.0/28"), revision=5, on_hold=True)
    assert ledger_of(sync_range(parent, DELETED_WEB)) == {}
