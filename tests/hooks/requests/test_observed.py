"""Which item is the answer to a request: the one for its uid, in the right slice, which its range controls."""

import copy

import pytest

from tests.hooks.build import (
    CIDR,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    extent_object,
    showing,
    slice_object,
    unanswered,
    uncontrolled,
    with_metadata,
)
from tests.hooks.calls import finalize_request, sync_request

UNANSWERED = "ipam.mandelsoft.org/unanswered-since"
DELETED_LONG_AGO = unanswered(deleted(WEB, at(-9999)), at(-9999))
ITEM = answer_item("web", cidr=CIDR)
SLICE = slice_object(ITEM)
#: Slices that should have the answer by their names, but belong to another owner.
FOREIGN: dict[str, Obj] = {
    "no controller": uncontrolled(SLICE),
    "of another range": slice_object(ITEM, range_="other", name=SLICE["metadata"]["name"]),
    "orphaned": with_metadata(SLICE, ownerReferences=[]),
    "of another kind of owner": with_metadata(
        SLICE, ownerReferences=[{"kind": "Deployment", "name": "net", "uid": "u", "controller": True}]
    ),
    "without a label": with_metadata(SLICE, labels={}),
    "with another label": with_metadata(SLICE, labels={"controller-uid": "uid-of-another"}),
}
#: Slices that have no answer and do not block one.
NO_ANSWER: dict[str, Obj] = {
    "of a range in another namespace": slice_object(ITEM, range_="team-b/net"),
    "of another second": slice_object(ITEM, created=at(-59)),
    "to another uid": slice_object(answer_item("web", cidr=CIDR, uid="first-life"), name=SLICE["metadata"]["name"]),
    "without items": slice_object(name=SLICE["metadata"]["name"]),
    "unreadable": {**SLICE, "spec": {"range": "net", "answers": [{"uid": "uid-web", "state": "Ready"}]}},
}


@pytest.mark.parametrize("slice_", [*FOREIGN.values(), *NO_ANSWER.values()], ids=[*FOREIGN, *NO_ANSWER])
def test_only_an_item_for_its_uid_in_the_right_slice_of_its_range_is_an_answer(slice_: Obj) -> None:
    status = sync_request(WEB, slices=[slice_])["status"]
    assert status is None or status["state"] == "Pending"
    assert sync_request(showing(WEB, CIDR), slices=[slice_])["status"] is None
    request = unanswered(deleted(WEB, at(-60)), at(-60))
    assert finalize_request(request, slices=[slice_]) == {"finalized": True}


def test_each_request_obeys_its_own_item() -> None:
    items = [answer_item("web", cidr=CIDR), answer_item("db", "Busy", message="wait"), answer_item("x", "Released")]
    shared = slice_object(*items, name=SLICE["metadata"]["name"])
    assert sync_request(WEB, slices=[shared])["status"]["cidr"] == CIDR


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_slice_that_blocks_the_answer_is_named(name: str) -> None:
    """It has the name of the slice for the answer, so the range cannot create that slice."""
    status = sync_request(WEB, slices=[FOREIGN[name]])["status"]
    assert status["state"] == "Pending"
    assert status["message"] == (
        f"slice team-a/{SLICE['metadata']['name']}, which range team-a/net does not control, blocks the answer: "
        "delete it"
    )


@pytest.mark.parametrize("name", NO_ANSWER)
def test_other_slices_are_not_blamed(name: str) -> None:
    assert sync_request(WEB, slices=[NO_ANSWER[name]])["status"] is None


def test_a_second_owner_that_is_not_a_controller_does_not_matter() -> None:
    shared = copy.deepcopy(SLICE)
    shared["metadata"]["ownerReferences"].append({"kind": "IPAMRange", "name": "other", "uid": "u"})
    assert sync_request(WEB, slices=[shared])["status"]["state"] == "Ready"


def test_a_deleted_request_does_not_wait_if_a_foreign_slice_blocks_its_answer() -> None:
    extents = [extent_object("10.0.0.0/24")]
    assert finalize_request(DELETED_LONG_AGO, slices=[FOREIGN["orphaned"]], extents=extents) == {"finalized": True}
