"""customize, sync and finalize of an IPAMRequest: what it asks for, its label, and when its finalizer is removed."""

import pytest

from tests.hooks.build import (
    Obj,
    allocation_object,
    annotated,
    at,
    deleted,
    extent_object,
    namespace_object,
    request_object,
    showing,
    uncontrolled,
)
from tests.hooks.calls import customize_request, finalize_request, sync_request

CIDR = "10.0.0.0/28"
WEB = request_object("web")
UNANSWERED = "ipam.mandelsoft.org/unanswered-since"
LABEL = {"ipam.mandelsoft.org/range": "team-a.net"}


# --- customize --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "namespace"),
    [
        (WEB, "team-a"),
        (request_object("web", range_="team-a/net"), "team-a"),
        (request_object("web", range_="infra/net"), "infra"),
    ],
    ids=["its own namespace", "named", "another one"],
)
def test_customize_asks_for_the_one_allocation_by_name(request_: Obj, namespace: str) -> None:
    name = allocation_object("web", range_=f"{namespace}/net")["metadata"]["name"]
    assert customize_request(request_) == {
        "relatedResources": [
            {
                "apiVersion": "ipam.mandelsoft.org/v1alpha1",
                "resource": "ipamallocations",
                "namespace": namespace,
                "names": [name],
            }
        ]
    }


def test_customize_asks_for_nothing_if_the_spec_cannot_be_read() -> None:
    assert customize_request(WEB | {"spec": {"ipam": "net"}}) == {"relatedResources": []}


def test_customize_of_one_name_and_two_uids_asks_for_two_allocations() -> None:
    assert customize_request(request_object("web", uid="one")) != customize_request(request_object("web", uid="two"))


def test_only_a_deleted_request_asks_for_extents() -> None:
    """Each event of an allocation is compared with each rule of each request."""
    asked = [rule["resource"] for rule in customize_request(WEB)["relatedResources"]]
    asked_later = [rule["resource"] for rule in customize_request(LONG_GONE)["relatedResources"]]
    assert asked == ["ipamallocations"]
    assert asked_later == ["ipamallocations", "ipamextents", "namespaces"]


# --- the label --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "allocations",
    [
        [],
        [allocation_object("web", cidr=CIDR)],
        [allocation_object("web", "Busy", message="no room")],
        [allocation_object("web", "Released")],
    ],
    ids=["no answer", "Ready", "Busy", "Released"],
)
def test_every_answer_sets_the_label_by_which_the_range_finds_it(allocations: list[Obj]) -> None:
    assert sync_request(WEB, *allocations)["labels"] == LABEL


def test_the_label_names_the_namespace_of_the_range() -> None:
    elsewhere = request_object("team-b/web", range_="infra/net")
    assert sync_request(elsewhere)["labels"] == {"ipam.mandelsoft.org/range": "infra.net"}
    assert sync_request(request_object("team-b/web"))["labels"] == {"ipam.mandelsoft.org/range": "team-b.net"}


def test_a_deleted_request_that_waits_keeps_its_label() -> None:
    going = deleted(request_object("web"))
    assert finalize_request(going)["labels"] == LABEL
    assert finalize_request(going, allocation_object("web", cidr=CIDR))["labels"] == LABEL


# --- deletion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "finalized"), [("Ready", False), ("Busy", False), ("Invalid", False), ("Released", True)]
)
def test_a_deleted_request_goes_when_its_range_has_released_it(state: str, *, finalized: bool) -> None:
    going = deleted(request_object("web"), at(-9999))
    answer = finalize_request(going, allocation_object("web", state, cidr=CIDR if state == "Ready" else ""))
    assert answer == {"labels": LABEL, "finalized": finalized, "resyncAfterSeconds": 60}


def test_a_deleted_request_without_an_answer_writes_down_since_when() -> None:
    """From the first call on, not from the deletion: nothing may have run in between, and the range not been asked."""
    assert finalize_request(deleted(request_object("web"), at(-9999))) == {
        "labels": LABEL,
        "annotations": {UNANSWERED: at(0)},
        "finalized": False,
        "resyncAfterSeconds": 10,
    }


@pytest.mark.parametrize(("since", "left"), [(0, 10), (-9, 1)])
def test_a_deleted_request_waits_ten_seconds_for_an_answer(since: int, left: float) -> None:
    going = annotated(deleted(request_object("web"), at(-9999)), UNANSWERED, at(since))
    answer = finalize_request(going)
    assert (answer["finalized"], answer["resyncAfterSeconds"]) == (False, left)
    assert answer["annotations"] == {UNANSWERED: at(since)}


@pytest.mark.parametrize("since", [-10, -11, -9999])
def test_a_deleted_request_without_an_answer_goes_after_ten_seconds(since: int) -> None:
    going = annotated(deleted(request_object("web"), at(-9999)), UNANSWERED, at(since))
    assert finalize_request(going) == {"finalized": True}


def test_a_deletion_that_lies_ahead_of_our_clock_does_not_make_the_wait_longer() -> None:
    going = annotated(deleted(request_object("web"), at(3600)), UNANSWERED, at(-9))
    assert finalize_request(going)["annotations"] == {UNANSWERED: at(-9)}
    going = annotated(deleted(request_object("web"), at(3600)), UNANSWERED, at(-10))
    assert finalize_request(going) == {"finalized": True}


@pytest.mark.parametrize(
    "since", ["", "yesterday", "2026-11-23T20:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
)
def test_a_note_that_somebody_else_wrote_is_no_bug(since: str) -> None:
    going = annotated(deleted(request_object("web")), UNANSWERED, since)
    assert finalize_request(going)["finalized"] in (True, False)


def test_a_deleted_request_that_shows_a_block_waits_for_hooks_that_can_read_its_spec() -> None:
    going = showing(deleted(request_object("web")), "10.0.0.0/28")
    going["spec"]["size"] = "small"
    assert finalize_request(going) == {"finalized": False, "resyncAfterSeconds": 60}


def test_a_deleted_request_whose_spec_cannot_be_read_goes_at_once() -> None:
    """It names no range, so no range can hold a block for it."""
    assert finalize_request(deleted(request_object("web"), at(0)) | {"spec": {}}) == {"finalized": True}


def test_a_deletion_writes_no_status() -> None:
    going = showing(deleted(request_object("web")), CIDR)
    for answer in (finalize_request(going), finalize_request(going, allocation_object("web", cidr=CIDR))):
        assert "status" not in answer


# --- a range that will answer -----------------------------------------------------------------------------------------

LONG_GONE = annotated(deleted(request_object("web"), at(-9999)), UNANSWERED, at(-9999))
WAITS = {"labels": LABEL, "finalized": False, "resyncAfterSeconds": 60}
ANNOUNCED = "10.0.0.0/24"
OPEN = {"from": "Selector", "selector": {"matchLabels": {"open": "yes"}}}


def test_a_deleted_request_waits_for_a_range_that_is_there_however_long_it_takes() -> None:
    """A range writes ten thousand answers before it looks again; who went meanwhile might leave a block behind."""
    assert finalize_request(LONG_GONE, extents=[extent_object(ANNOUNCED)]) == WAITS
    assert finalize_request(LONG_GONE, extents=[]) == {"finalized": True}


@pytest.mark.parametrize(
    "extent",
    [
        uncontrolled(extent_object(ANNOUNCED)),
        extent_object(ANNOUNCED, range_="other"),
        {**(e := extent_object(ANNOUNCED)), "metadata": {**e["metadata"], "labels": {}}},
        {**e, "spec": {"range": "net"}},
    ],
    ids=["of nobody", "of another range", "unlabelled", "unreadable"],
)
def test_no_other_extent_holds_it(extent: Obj) -> None:
    assert finalize_request(LONG_GONE, extents=[extent]) == {"finalized": True}


@pytest.mark.parametrize(
    ("allowed", "labels", "waits"),
    [
        (None, {}, False),
        ({"from": "Same"}, {}, False),
        ({"from": "All"}, {}, True),
        (OPEN, {"open": "yes"}, True),
        (OPEN, {}, False),
    ],
    ids=["nothing said", "Same", "All", "selected", "not selected"],
)
def test_it_waits_only_for_a_range_that_serves_its_namespace(allowed: Obj | None, labels: Obj, *, waits: bool) -> None:
    stranger = annotated(deleted(request_object("team-b/web", range_="team-a/net"), at(-9999)), UNANSWERED, at(-9999))
    answer = finalize_request(
        stranger,
        extents=[extent_object(ANNOUNCED, allowed=allowed)],
        namespaces=[namespace_object("team-b", labels=labels)],
    )
    assert answer == (WAITS if waits else {"finalized": True})


def test_it_waits_if_one_of_several_extents_serves_its_namespace() -> None:
    """Two lives of a range may have left extents that say different things; their order on the wire says nothing."""
    stranger = deleted(request_object("team-b/web", range_="team-a/net"), at(-9999))
    extents = [extent_object(ANNOUNCED, version=7), extent_object(ANNOUNCED, version=8, allowed={"from": "All"})]
    for order in (extents, extents[::-1]):
        assert finalize_request(stranger, extents=order, namespaces=[namespace_object("team-b")]) == WAITS
