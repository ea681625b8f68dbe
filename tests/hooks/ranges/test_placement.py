"""Slices: which answers they have, when an item is dropped, and when a slice is deleted."""

import copy
import json
from typing import Any

import pytest
from msgspec import Raw

from hooks.api.names import LAST_APPLIED_ANNOTATION
from hooks.protocol.decoding import applied_uids
from hooks.ranges import placement
from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    WEB,
    Obj,
    annotated,
    answer_item,
    at,
    deleted,
    entry,
    namespace_object,
    range_object,
    request_object,
    slice_name_for,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import answers_of, condition, items_of, slices_of, sync_range

HELD = with_ledger(range_object(), entry("web", CIDR), revision=3)
#: Nothing is granted by a range with this spec, so that a call publishes only what its ledger says.
IDLE = with_ledger(range_object(chunk_size=99), revision=3)
READY = answer_item("web", cidr=CIDR, revision=3)
OLD = at(-601)


def uids_by_slice(answer: Obj) -> dict[str, list[str]]:
    return {each["metadata"]["name"]: [item["uid"] for item in each["spec"]["answers"]] for each in slices_of(answer)}


def never_written(slice_: Obj, *items: Obj) -> Obj:
    """A slice of which Metacontroller wrote everything but these items."""
    uids = {item["uid"] for item in items}
    spec = slice_["spec"] | {"answers": [each for each in slice_["spec"]["answers"] if each["uid"] not in uids]}
    return annotated(slice_, LAST_APPLIED_ANNOTATION, json.dumps({"spec": spec}))


# --- which slice ------------------------------------------------------------------------------------------------------


def test_requests_of_one_second_share_two_slices_and_those_of_another_second_have_others() -> None:
    requests = [request_object(f"r{number}", created=at(-(number // 20)), size=99) for number in range(40)]
    answer = sync_range(range_object(), *requests)
    expected: dict[str, list[str]] = {}
    for each in requests:
        expected.setdefault(slice_name_for(each), []).append(each["metadata"]["uid"])
    assert uids_by_slice(answer) == {name: sorted(uids) for name, uids in expected.items()}
    assert len(expected) == 4


def test_a_lone_request_gets_a_slice_with_one_item() -> None:
    (child,) = slices_of(sync_range(HELD, WEB))
    assert child == {
        "apiVersion": "ipam.mandelsoft.org/v1alpha1",
        "kind": "IPAMAllocationSlice",
        "metadata": {"namespace": "team-a", "name": slice_name_for(WEB)},
        "spec": {"range": "net", "answers": [READY], "schemaV1": True},
    }


def test_slices_are_sorted_by_name_and_items_by_uid_whatever_their_order_is() -> None:
    requests = [request_object(f"r{number}", size=99) for number in range(20)]
    answer = sync_range(range_object(), *requests)
    names = [each["metadata"]["name"] for each in slices_of(answer)]
    assert names == sorted(set(map(slice_name_for, requests)))
    unsorted = copy.deepcopy(slices_of(answer))[::-1]
    for each in unsorted:
        each["spec"]["answers"].reverse()
        each["metadata"] |= {"uid": "u", "creationTimestamp": at(-9)}
    again = sync_range(range_object(), *requests[::-1], slices=unsorted)
    assert slices_of(again) == slices_of(answer)
    assert again["resyncAfterSeconds"] == 300


def test_a_new_answer_is_added_to_the_slice_that_exists() -> None:
    other = answer_item("other", cidr="10.0.0.16/28", revision=2)
    parent = with_ledger(range_object(), entry("web", CIDR), entry("other", "10.0.0.16/28"), revision=3)
    answer = sync_range(parent, WEB, slices=[slice_object(other, name=slice_name_for(WEB))])
    assert [each["spec"]["answers"] for each in slices_of(answer)] == [[other, READY]]


def test_the_holder_of_a_block_without_a_request_and_an_answer_is_not_answered() -> None:
    """The name of its slice depends on when the request was created, which is not known."""
    assert slices_of(sync_range(HELD)) == []
    assert items_of(sync_range(HELD, answers=[READY])) == [READY]


# --- items in the wrong place -----------------------------------------------------------------------------------------


def test_an_item_in_another_slice_than_that_of_its_request_is_moved() -> None:
    wrong = slice_object(READY, name="net-wrong")
    answer = sync_range(HELD, WEB, slices=[wrong])
    assert uids_by_slice(answer) == {"net-wrong": [], slice_name_for(WEB): ["uid-web"]}
    assert answer["resyncAfterSeconds"] == 10


def test_an_item_in_another_slice_decides_nothing() -> None:
    stray = answer_item("web", "Released", revision=9)
    answer = sync_range(HELD, WEB, slices=[slice_object(stray, name="net-wrong"), slice_object(READY)])
    assert uids_by_slice(answer) == {"net-wrong": [], slice_name_for(WEB): ["uid-web"]}
    assert answers_of(answer) == {"web": ("Ready", CIDR)}
    assert not condition(answer["status"], "Consistent")


def test_an_item_whose_request_is_not_observed_is_taken_at_its_word() -> None:
    slices = [slice_object(READY, name="net-somewhere")]
    assert uids_by_slice(sync_range(HELD, slices=slices)) == {"net-somewhere": ["uid-web"]}


def test_two_items_of_an_unobserved_request_are_kept_until_the_first_of_them_ends() -> None:
    """Which of them is right, is not known."""
    slices = [slice_object(READY, name=name) for name in ("net-a", "net-b")]
    answer = sync_range(HELD, slices=slices)
    assert uids_by_slice(answer) == {"net-a": ["uid-web"], "net-b": ["uid-web"]}
    answer = sync_range(IDLE, slices=slices)
    assert uids_by_slice(answer) == {"net-a": [], "net-b": ["uid-web"]}
    answer = sync_range(IDLE, slices=[slice_object(name="net-a"), slices[1]])
    assert uids_by_slice(answer) == {"net-a": [], "net-b": []}


def test_of_two_items_in_one_slice_the_first_counts() -> None:
    """The API server admits no such slice."""
    twice = slice_object(READY)
    twice["spec"]["answers"].append(answer_item("web", "Busy"))
    assert items_of(sync_range(HELD, WEB, slices=[twice])) == [READY]


def test_a_slice_that_names_another_range_is_left_out_and_replaced_by_the_next_call() -> None:
    stranger = slice_object(READY)
    stranger["spec"]["range"] = "other"
    answer = sync_range(HELD, WEB, slices=[stranger])
    assert slices_of(answer) == []
    assert answer["resyncAfterSeconds"] == 10
    assert items_of(sync_range(HELD, WEB)) == [READY]


# --- items that Metacontroller did not write --------------------------------------------------------------------------


def test_an_item_that_metacontroller_did_not_write_is_dropped_in_two_calls() -> None:
    """It removes only what it has written, so that it must write the item first."""
    stray, other = answer_item("stray", "Busy"), answer_item("other", "Busy")
    existing = slice_object(READY, stray, other, name=slice_name_for(WEB))
    first = sync_range(HELD, WEB, slices=[never_written(existing, stray)])
    assert uids_by_slice(first) == {slice_name_for(WEB): ["uid-stray", "uid-web"]}
    assert stray in items_of(first)
    second = sync_range(HELD, WEB, slices=[slice_object(READY, stray, name=slice_name_for(WEB))])
    assert uids_by_slice(second) == {slice_name_for(WEB): ["uid-web"]}
    assert (first["resyncAfterSeconds"], second["resyncAfterSeconds"]) == (10, 10)


@pytest.mark.parametrize("text", ["", "nonsense", "{}", '{"spec": 5}', '{"spec": {"answers": 5}}'])
def test_an_item_of_a_slice_without_a_readable_record_is_returned(text: str) -> None:
    existing = annotated(slice_object(READY), LAST_APPLIED_ANNOTATION, text)
    assert items_of(sync_range(IDLE, slices=[existing])) == [READY]


@pytest.mark.parametrize("annotations", [None, {}, {LAST_APPLIED_ANNOTATION: None}], ids=["none", "empty", "null"])
def test_an_item_of_a_slice_without_a_record_is_returned(annotations: Any) -> None:
    existing = slice_object(READY)
    existing["metadata"].pop("annotations")
    if annotations is not None:
        existing["metadata"]["annotations"] = annotations
    assert items_of(sync_range(IDLE, slices=[existing])) == [READY]


def test_the_record_is_read_only_if_an_item_is_to_be_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Raw] = []

    def counted(text: Raw) -> frozenset[str]:
        reads.append(text)
        return applied_uids(text)

    monkeypatch.setattr(placement, "applied_uids", counted)
    sync_range(HELD, WEB, request_object("more", size=99), answers=[answer_item("web", "Busy")])
    assert reads == []
    sync_range(IDLE, answers=[answer_item("web", "Busy")])
    assert len(reads) == 1


# --- empty slices -----------------------------------------------------------------------------------------------------


def test_an_empty_slice_is_kept_for_ten_minutes() -> None:
    """A slice is deleted whatever it contains by now, so it must be too old for a cache that shows it empty."""
    for created, names in ((at(-599), ["net-e"]), (at(-600), []), (at(60), ["net-e"])):
        answer = sync_range(range_object(), slices=[slice_object(created=created, name="net-e")])
        assert list(uids_by_slice(answer)) == names


def test_a_slice_whose_last_item_is_dropped_is_not_deleted_by_the_same_call() -> None:
    busy = slice_object(answer_item("web", "Busy"), created=OLD)
    assert uids_by_slice(sync_range(range_object(), slices=[busy])) == {busy["metadata"]["name"]: []}


def test_an_empty_slice_that_gets_an_item_is_kept() -> None:
    empty = slice_object(created=OLD, name=slice_name_for(WEB))
    assert uids_by_slice(sync_range(HELD, WEB, slices=[empty])) == {slice_name_for(WEB): ["uid-web"]}


@pytest.mark.parametrize(
    ("parent", "requests", "items", "is_kept"),
    [
        (HELD, [], [], True),
        (HELD, [WEB], [READY], False),
        (HELD, [WEB], [], False),
        (HELD, [], [READY], False),
        (HELD, [DELETED_WEB], [READY], False),
        (with_ledger(range_object(cooldown=60), entry("web", CIDR, released_at=at(-9))), [], [], False),
    ],
    ids=["neither", "both", "a request", "an answer", "a deleted request", "cooling down"],
)
def test_an_empty_slice_is_kept_while_a_holder_has_neither_request_nor_answer_in_view(
    parent: Obj, requests: list[Obj], items: list[Obj], *, is_kept: bool
) -> None:
    """The call may not show everything, and the slice may be that of this holder."""
    answer = sync_range(parent, *requests, answers=items, slices=[slice_object(created=OLD, name="net-e")])
    assert ("net-e" in uids_by_slice(answer)) == is_kept


@pytest.mark.parametrize("requests", [[], [WEB], [DELETED_WEB]], ids=["none", "a request", "a deleted request"])
def test_an_empty_slice_is_kept_while_a_request_is_answered_in_it(requests: list[Obj]) -> None:
    """The ledger and the slice of the call may be old, and the slice may have got the answer since then."""
    empty = slice_object(created=OLD, name=slice_name_for(WEB))
    answer = sync_range(range_object(), *requests, slices=[empty])
    assert (slice_name_for(WEB) in uids_by_slice(answer)) == bool(requests)


@pytest.mark.parametrize("closing", [True, False])
def test_a_closing_range_deletes_empty_slices_at_once(*, closing: bool) -> None:
    parent = with_ledger(deleted(range_object()), closing=closing)
    answer = sync_range(parent, slices=[slice_object(created=at(-1), name="net-e")])
    assert ("net-e" in uids_by_slice(answer)) != closing


def test_a_closing_range_keeps_an_empty_slice_while_a_holder_is_out_of_view() -> None:
    parent = with_ledger(deleted(range_object()), entry("web", CIDR), closing=True)
    answer = sync_range(parent, slices=[slice_object(created=at(-1), name="net-e")])
    assert "net-e" in uids_by_slice(answer)


def test_an_empty_slice_does_not_block_the_deletion_of_its_range() -> None:
    closing = with_ledger(deleted(range_object()), revision=3, closing=True)
    answer = sync_range(closing, announced=[], slices=[slice_object(name="net-e")], finalizing=True)
    assert (answer["children"], answer["finalized"]) == ([], False)
    assert sync_range(closing, announced=[], finalizing=True)["finalized"] is True
    busy = slice_object(answer_item("web", "Busy"))
    assert sync_range(closing, slices=[busy], finalizing=True)["finalized"] is False


# --- stale caches -----------------------------------------------------------------------------------------------------


def test_a_fresh_slice_beside_a_stale_ledger_stays_as_it_is() -> None:
    """The item rests on a later ledger than the observed one, which has not granted the block yet."""
    newer = answer_item("web", cidr=CIDR, revision=4)
    answer = sync_range(with_ledger(range_object(), revision=3), WEB, answers=[newer])
    assert items_of(answer) == [newer]


def test_a_stale_slice_beside_a_fresh_ledger_is_updated() -> None:
    """The API server refuses that if the slice has the answer already."""
    stale = slice_object(answer_item("web", "Busy", reason="Exhausted"), created=OLD)
    assert items_of(sync_range(HELD, WEB, slices=[stale])) == [READY]
    empty = slice_object(name=slice_name_for(WEB), created=OLD)
    assert items_of(sync_range(HELD, WEB, slices=[empty])) == [READY]
    assert items_of(sync_range(HELD, WEB)) == [READY]


# --- a namespace that is being deleted --------------------------------------------------------------------------------


def test_in_a_terminating_namespace_slices_are_updated_but_not_created() -> None:
    requests = [WEB, request_object("other", size=99, created=at(-5))]
    terminating = [deleted(namespace_object())]
    answer = sync_range(HELD, *requests, answers=[answer_item("web", "Busy")], namespaces=terminating)
    assert items_of(answer) == [READY]
    answer = sync_range(HELD, *requests, answers=[answer_item("web", "Busy")])
    assert len(items_of(answer)) == 2
