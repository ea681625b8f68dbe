"""The three-way merge of lists of objects, as Metacontroller does it: item by item, by a field that all items have."""

from typing import Any

import pytest

from simulator.kubernetes.merge import BadMerge, merged
from simulator.kubernetes.objects import Obj


def by_uid(*items: Obj) -> Obj:
    return {"answers": [dict(item) for item in items]}


A, B, C = ({"uid": uid, "state": "Ready"} for uid in "abc")


def result(observed: Obj, last: Obj, desired: Obj) -> list[Obj]:
    found: list[Obj] = merged(observed, last, desired, by_item=True)["answers"]
    return found


@pytest.mark.parametrize(
    ("observed", "last", "desired", "answers"),
    [
        ((A, B), (A, B), (A,), [A]),
        ((A, B), (A,), (A,), [A, B]),
        ((A, B), (), (A,), [A, B]),
        ((A,), (A,), (A, B), [A, B]),
        ((B, A), (B, A), (A, B, C), [B, A, C]),
        ((A, B), (A, B), (), []),
        ((B,), (), (), [B]),
        ((), (A,), (A,), [A]),
    ],
    ids=[
        "an item that was written is removed",
        "an item of another writer stays",
        "without a record every item stays",
        "a new item is added",
        "observed items keep their order",
        "all items are removed",
        "an item of another writer stays alone",
        "a lost item is written again",
    ],
)
def test_only_items_that_were_written_are_removed(
    observed: tuple[Obj, ...], last: tuple[Obj, ...], desired: tuple[Obj, ...], answers: list[Obj]
) -> None:
    assert result(by_uid(*observed), by_uid(*last), by_uid(*desired)) == answers


def test_an_item_is_merged_field_by_field() -> None:
    observed = {"uid": "a", "state": "Busy", "reason": "Full", "by": "hand", "network": {"gateway": "10.0.0.1"}}
    last = {"uid": "a", "state": "Busy", "reason": "Full"}
    desired = {"uid": "a", "state": "Ready", "network": {"prefixLength": 24}}

    assert result(by_uid(observed), by_uid(last), by_uid(desired)) == [
        {"uid": "a", "state": "Ready", "by": "hand", "network": {"gateway": "10.0.0.1", "prefixLength": 24}}
    ]


@pytest.mark.parametrize("key", ["name", "port", "containerPort"])
def test_a_field_of_another_name_takes_precedence_over_the_uid(key: str) -> None:
    observed, desired = ({"uid": uid, key: 1} for uid in "ab")

    assert result(by_uid(observed), by_uid(observed), by_uid(desired)) == [desired]
    assert result(by_uid(A), by_uid(A), by_uid(desired | A)) == [desired | A]


@pytest.mark.parametrize("items", [["x"], [A, {"state": "Busy"}]], ids=["texts", "no common field"])
def test_other_lists_are_replaced(items: list[Any]) -> None:
    assert result(by_uid(A), by_uid(), {"answers": items}) == items


def test_kubectl_replaces_lists() -> None:
    assert merged(by_uid(A, B), by_uid(), by_uid(A), by_item=False) == by_uid(A)


def test_a_list_is_not_merged_with_another_type() -> None:
    with pytest.raises(BadMerge, match="expecting list"):
        result(by_uid(A), by_uid(A), {"answers": {"a": 1}})
