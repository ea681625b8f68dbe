"""Moving a range or a request to another shard: Metacontroller calls finalize, although nothing is deleted."""

import pytest

from hooks.api.names import RANGE_FINALIZER, REQUEST_FINALIZER, SHARD_LABEL
from tests.hooks.build import (
    CIDR,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    range_object,
    request_object,
    showing,
    with_ledger,
    with_metadata,
)
from tests.hooks.calls import finalize_request, ledger_of, sync_range, sync_request

OF_RANGES, OF_REQUESTS = f"{RANGE_FINALIZER}-s1", f"{REQUEST_FINALIZER}-s1"
HELD = with_ledger(range_object(), entry("web", CIDR))
READY = answer_item("web", cidr=CIDR, revision=1)


def moved(obj: Obj, *finalizers: str) -> Obj:
    """An object whose label names the shard s1, with these finalizers."""
    return with_metadata(obj, labels={SHARD_LABEL: "s1"}, finalizers=list(finalizers))


# --- ranges -----------------------------------------------------------------------------------------------------------


def test_a_range_that_moves_is_served_by_its_former_shard_until_the_new_one_has_its_finalizer_on_it() -> None:
    late = request_object("late")
    usual = sync_range(HELD, WEB, late, answers=[READY])
    assert ledger_of(usual) == {"web": CIDR, "late": "10.0.0.16/28"}
    for finalizers, is_moved in (((RANGE_FINALIZER,), False), ((RANGE_FINALIZER, OF_RANGES), True)):
        answer = sync_range(moved(HELD, *finalizers), WEB, late, answers=[READY], finalizing=True)
        assert answer == {**usual, "finalized": is_moved}


def test_a_range_that_moves_is_neither_closed_nor_does_it_wait_for_its_requests() -> None:
    answer = sync_range(moved(HELD, RANGE_FINALIZER, OF_RANGES), WEB, answers=[READY], finalizing=True)
    assert answer["finalized"]
    assert (answer["status"]["state"], "closing" in answer["status"]) == ("Ready", False)
    assert [child["kind"] for child in answer["children"]] == ["IPAMAllocationSlice", "IPAMExtent"]


def test_a_range_that_is_deleted_while_it_moves_waits_for_its_requests() -> None:
    leaving = deleted(moved(HELD, RANGE_FINALIZER, OF_RANGES))
    answer = sync_range(leaving, WEB, answers=[READY], finalizing=True)
    assert (answer["finalized"], answer["status"]["closing"]) == (False, True)
    answer = sync_range(with_ledger(leaving, closing=True), announced=[], finalizing=True)
    assert answer["finalized"]


# --- the requests of a range ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("finalizers", [(OF_REQUESTS,), (REQUEST_FINALIZER, OF_REQUESTS)], ids=["one", "two"])
def test_a_range_serves_and_releases_requests_of_all_shards(finalizers: tuple[str, ...]) -> None:
    request = moved(WEB, *finalizers)
    assert ledger_of(sync_range(range_object(), request)) == {"web": CIDR}
    assert ledger_of(sync_range(HELD, deleted(request))) == {}
    assert ledger_of(sync_range(HELD, deleted(moved(WEB, *finalizers, "example.com/other")))) == {"web": CIDR}


def test_a_finalizer_that_only_begins_like_ours_is_foreign() -> None:
    other = f"{REQUEST_FINALIZER}s"
    assert ledger_of(sync_range(range_object(), moved(WEB, other))) == {}
    assert ledger_of(sync_range(HELD, deleted(moved(WEB, REQUEST_FINALIZER, other)))) == {"web": CIDR}


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "answers"),
    [(WEB, [READY]), (WEB, []), (showing(WEB, CIDR), []), (WEB | {"spec": {"ipam": "net"}}, [])],
    ids=["granted", "waiting", "published without an answer", "spec that cannot be read"],
)
def test_a_request_that_moves_is_served_by_its_former_shard_until_the_new_one_has_its_finalizer_on_it(
    request_: Obj, answers: list[Obj]
) -> None:
    usual = sync_request(request_, *answers)
    for finalizers, is_moved in (((REQUEST_FINALIZER,), False), ((REQUEST_FINALIZER, OF_REQUESTS), True)):
        assert finalize_request(moved(request_, *finalizers), *answers) == {**usual, "finalized": is_moved}


def test_a_request_that_is_deleted_while_it_moves_waits_for_its_release() -> None:
    leaving = deleted(moved(showing(WEB, CIDR), REQUEST_FINALIZER, OF_REQUESTS), at(-30))
    assert finalize_request(leaving, READY)["finalized"] is False
    assert finalize_request(leaving, answer_item("web", "Released"))["finalized"] is True
