"""A request that delegates its block: its range is created once, named once, and finished once."""

import pytest

from hooks.api.names import HOLD_ANNOTATION, REQUEST_FINALIZER, SHARD_LABEL
from tests.hooks.build import (
    Obj,
    annotated,
    answer_item,
    at,
    deleted,
    request_object,
    showing,
    unanswered,
    with_metadata,
)
from tests.hooks.calls import condition, customize_request, finalize_request, sync_request
from tests.hooks.delegating import delegated_range, delegating, naming

CIDR = "10.0.16.0/20"
NEW = delegating(request_object("site"), name="d", chunkSize=28)
READY = answer_item("site", cidr=CIDR, revision=1)
SHOWN = showing(NEW, CIDR)
RANGE = delegated_range(SHOWN, CIDR)
NAMED = naming(SHOWN)


def attached_of(answer: Obj) -> list[tuple[str, list[str]]]:
    return [(each["metadata"]["name"], each["spec"]["ranges"]) for each in answer.get("attachments", [])]


def test_no_range_is_created_before_the_status_shows_the_block() -> None:
    answer = sync_request(NEW, READY)
    assert "attachments" not in answer
    assert condition(answer["status"], "Delegated")["reason"] == "NotCreated"


@pytest.mark.parametrize(
    "answers", [[], [answer_item("site", cidr="10.0.32.0/20", revision=1)]], ids=["no answer", "another block"]
)
def test_no_range_is_created_from_a_block_that_its_range_does_not_confirm(answers: list[Obj]) -> None:
    assert "attachments" not in sync_request(SHOWN, *answers)


def test_the_range_is_created_once_the_status_shows_the_block() -> None:
    (made,) = sync_request(SHOWN, READY)["attachments"]
    delegator = {"name": "site", "uid": "uid-site"}
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("team-a", "d")
    assert made["spec"] == {
        "ranges": [CIDR],
        "domain": "delegated-uid-site",
        "delegatedFrom": delegator,
        "description": f"{CIDR} of range team-a/net, by request site",
        "chunkSize": 28,
    }


def test_the_range_gets_the_shard_and_the_hold_of_its_request() -> None:
    held = annotated(with_metadata(SHOWN, labels={SHARD_LABEL: "s1"}), HOLD_ANNOTATION, "restore")
    (made,) = sync_request(held, READY)["attachments"]
    assert made["metadata"]["labels"][SHARD_LABEL] == "s1"
    assert made["metadata"]["annotations"] == {HOLD_ANNOTATION: "true"}


def test_a_range_that_was_observed_is_named() -> None:
    answer = sync_request(SHOWN, READY, attached=[RANGE])
    assert answer["status"]["range"] == {"name": "d", "uid": "uid-d"}
    assert condition(answer["status"], "Delegated")["status"] == "True"
    assert attached_of(answer) == [("d", [CIDR])]


@pytest.mark.parametrize(
    "other",
    [
        delegated_range(SHOWN, "10.0.32.0/20"),
        delegated_range(with_metadata(SHOWN, uid="uid-before"), CIDR),
    ],
    ids=["of another block", "of an earlier request"],
)
def test_another_range_is_not_named_and_not_deleted(other: Obj) -> None:
    answer = sync_request(SHOWN, READY, attached=[other])
    assert "range" not in answer["status"]
    assert len(answer["attachments"]) == 1


def test_a_second_range_is_neither_created_nor_named() -> None:
    assert "attachments" not in sync_request(NAMED, READY)
    late = delegated_range(SHOWN, CIDR, uid="uid-late")
    assert sync_request(NAMED, READY, attached=[late])["status"]["range"]["uid"] == "uid-d"


def test_no_range_is_named_or_created_once_the_request_is_being_deleted() -> None:
    answer = finalize_request(deleted(SHOWN), READY, attached=[RANGE])
    assert answer.get("status") is None
    assert attached_of(answer) == [("d", [CIDR])]
    assert "attachments" not in finalize_request(deleted(SHOWN), READY)


@pytest.mark.parametrize("deleted_range", [RANGE, deleted(RANGE)], ids=["living", "being deleted"])
def test_the_mark_that_the_range_is_finished_is_copied(deleted_range: Obj) -> None:
    finished = deleted_range | {"status": deleted_range["status"] | {"finished": True}}
    assert finalize_request(deleted(NAMED), READY, attached=[finished])["status"]["range"]["finished"] is True
    assert "finished" not in finalize_request(deleted(NAMED), READY, attached=[deleted_range])["status"]["range"]


def test_a_range_that_lost_its_owner_reference_ends_its_request_all_the_same() -> None:
    (*_, by_name) = customize_request(deleted(NAMED))["relatedResources"]
    assert (by_name["resource"], by_name["namespace"], by_name["names"]) == ("ipamranges", "team-a", ["d"])
    orphan = with_metadata(delegated_range(SHOWN, CIDR, finished=True), ownerReferences=[])
    answer = finalize_request(deleted(NAMED), READY, ranges=[orphan])
    assert answer["status"]["range"]["finished"] is True
    assert "attachments" not in answer


def test_a_living_request_asks_for_no_range() -> None:
    assert "ipamranges" not in {rule["resource"] for rule in customize_request(NAMED)["relatedResources"]}


@pytest.mark.parametrize(
    "other",
    [
        delegated_range(SHOWN, CIDR, uid="uid-late", finished=True),
        delegated_range(SHOWN, CIDR, finished=True, schemaV1=False),
    ],
    ids=["another range", "an older schema"],
)
def test_the_mark_of_another_range_or_of_an_older_schema_does_not_count(other: Obj) -> None:
    assert "finished" not in finalize_request(deleted(NAMED), READY, attached=[other])["status"]["range"]
    assert "finished" not in finalize_request(deleted(NAMED), READY, ranges=[other])["status"]["range"]


def test_the_absence_of_the_range_does_not_count_and_the_message_says_what_to_do() -> None:
    status = finalize_request(deleted(NAMED), READY)["status"]
    assert "finished" not in status["range"]
    assert "set ipam.mandelsoft.org/reclaim=uid-site on range team-a/net" in status["message"]


def test_a_request_whose_range_was_deleted_keeps_its_block_and_says_so() -> None:
    finished = deleted(RANGE) | {"status": RANGE["status"] | {"finished": True}}
    status = sync_request(NAMED, READY, attached=[finished])["status"]
    assert (status["state"], status["cidr"]) == ("Ready", CIDR)
    assert "create another request" in status["message"]


@pytest.mark.parametrize("state", ["Ready", "Invalid"])
def test_the_end_of_the_range_is_copied_although_no_range_answers(state: str) -> None:
    """The range from which the block was allocated was removed by force. The delegated one waits for the copy."""
    named = NAMED | {"status": NAMED["status"] | {"state": state}}
    finished = deleted(RANGE) | {"status": RANGE["status"] | {"finished": True}}
    status = sync_request(named, attached=[finished])["status"]
    assert (status["state"], status["cidr"]) == (state, CIDR)
    assert status["range"] == {"name": "d", "uid": "uid-d", "finished": True}
    assert sync_request(named, attached=[RANGE])["status"] is None
    assert sync_request(naming(SHOWN, finished=True), attached=[finished])["status"] is None


def test_a_chunk_size_that_the_family_does_not_have_is_refused() -> None:
    answer = sync_request(showing(delegating(request_object("site"), chunkSize=64), CIDR), READY)
    assert "attachments" not in answer
    assert answer["status"]["message"] == "delegate.chunkSize 64: IPv4 prefix lengths are 0..32"


def test_an_outdated_call_keeps_the_range_and_writes_no_status_without_it() -> None:
    shown = SHOWN | {"status": {name: value for name, value in SHOWN["status"].items() if name != "schemaV1"}}
    answer = sync_request(shown, READY, attached=[RANGE])
    assert answer["status"] is None
    assert attached_of(answer) == [("d", [CIDR])]


def test_a_request_that_delegates_stays_with_its_shard() -> None:
    moved = with_metadata(NAMED, labels={SHARD_LABEL: "s1"}, finalizers=[REQUEST_FINALIZER, f"{REQUEST_FINALIZER}-s1"])
    answer = finalize_request(moved, READY, attached=[RANGE])
    assert answer["finalized"] is False
    assert attached_of(answer) == [("d", [CIDR])]


def test_a_request_with_a_broken_spec_keeps_its_range() -> None:
    broken = SHOWN | {"spec": {"ipam": 1}}
    assert len(sync_request(broken, READY, attached=[RANGE])["attachments"]) == 1
    assert len(finalize_request(deleted(broken), READY, attached=[RANGE])["attachments"]) == 1


def test_a_request_without_an_answer_waits_for_its_range_longer_than_for_the_answer() -> None:
    old = deleted(NAMED, at(-3600))
    assert finalize_request(unanswered(old, at(-3600)))["finalized"] is False
    assert finalize_request(unanswered(naming(old, finished=True), at(-3600)))["finalized"] is True
