"""A range whose spec has grown: it has more room, and everything else stays as it was."""

from tests.hooks.build import answer_item, entry, range_object, request_object, with_ledger
from tests.hooks.calls import answers_of, ledger_of, sync_range

BUSY = "no free /28 in team-a/net: waiting for room"


def test_a_waiting_request_gets_a_block_of_the_added_addresses_and_holders_keep_theirs() -> None:
    grown = with_ledger(range_object("10.0.0.0/28", "10.0.1.0/28"), entry("a", "10.0.0.0/28"))
    grown["metadata"]["generation"] = 2
    answers = [
        answer_item("a", cidr="10.0.0.0/28", revision=1),
        answer_item("b", "Busy", reason="Exhausted", message=BUSY),
    ]
    answer = sync_range(grown, request_object("a"), request_object("b"), answers=answers)
    assert ledger_of(answer) == {"a": "10.0.0.0/28", "b": "10.0.1.0/28"}
    assert answers_of(answer) == {"a": ("Ready", "10.0.0.0/28"), "b": ("Busy", "")}
    assert answer["status"]["capacity"]["total"] == "32"
    assert answer["status"]["observedGeneration"] == 2


def test_ranges_that_touch_make_one_block() -> None:
    grown = range_object("10.0.0.0/28", "10.0.0.16/28")
    answer = sync_range(grown, request_object("a", size=27))
    assert ledger_of(answer) == {"a": "10.0.0.0/27"}


def test_a_block_that_was_outside_is_granted_once_it_is_inside() -> None:
    outside = answer_item("a", "Invalid", reason="OutsideRange", message="10.0.1.0/28 is not wholly inside")
    grown = range_object("10.0.0.0/28", "10.0.1.0/24")
    answer = sync_range(grown, request_object("a", wanted="10.0.1.0/28"), answers=[outside])
    assert ledger_of(answer) == {"a": "10.0.1.0/28"}
