"""customize, sync and finalize of an IPAMRequest: what it asks for, its label, and when its finalizer is removed."""

import pytest

from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    extent_object,
    namespace_object,
    request_object,
    showing,
    slice_object,
    unanswered,
    uncontrolled,
)
from tests.hooks.calls import customize_request, finalize_request, sync_request

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
def test_customize_asks_for_one_slice_by_name_and_for_the_extents_of_the_range(request_: Obj, namespace: str) -> None:
    name = slice_object(answer_item("web"), range_=f"{namespace}/net")["metadata"]["name"]
    assert customize_request(request_) == {
        "relatedResources": [
            {
                "apiVersion": "ipam.mandelsoft.org/v1alpha1",
                "resource": "ipamallocationslices",
                "namespace": namespace,
                "names": [name],
            },
            {
                "apiVersion": "ipam.mandelsoft.org/v1alpha1",
                "resource": "ipamextents",
                "namespace": namespace,
                "labelSelector": {"matchLabels": {"ipam.mandelsoft.org/range": f"{namespace}.net"}},
            },
        ]
    }


def test_customize_asks_for_nothing_if_the_spec_cannot_be_read() -> None:
    assert customize_request(WEB | {"spec": {"ipam": "net"}}) == {"relatedResources": []}


def test_customize_of_one_name_in_two_seconds_asks_for_two_slices() -> None:
    later = request_object("web", created=at(-59))
    assert customize_request(WEB) != customize_request(later)


@pytest.mark.parametrize(
    ("request_", "others"),
    [
        (WEB, ["ipamextents"]),
        (WEB | {"status": {"state": "Pending", "schemaV1": True}}, ["ipamextents"]),
        (WEB | {"status": {"state": "Busy", "schemaV1": True}}, []),
        (WEB | {"status": {"state": "Invalid", "schemaV1": True}}, []),
        (WEB | {"status": {"state": "Ready", "cidr": CIDR, "schemaV1": True}}, []),
        (deleted(WEB, at(-9999)), ["ipamextents", "namespaces"]),
    ],
    ids=["new", "Pending", "Busy", "Invalid", "Ready", "deleted"],
)
def test_only_a_request_that_waits_for_its_first_answer_or_is_deleted_asks_for_extents(
    request_: Obj, others: list[str]
) -> None:
    """Each event of a slice is compared with each rule of each request."""
    asked = [rule["resource"] for rule in customize_request(request_)["relatedResources"]]
    assert asked == ["ipamallocationslices", *others]


# --- the label --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [answer_item("web", cidr=CIDR)],
        [answer_item("web", "Busy", message="no room")],
        [answer_item("web", "Released")],
    ],
    ids=["no answer", "Ready", "Busy", "Released"],
)
def test_every_answer_sets_the_label_by_which_the_range_finds_it(answers: list[Obj]) -> None:
    assert sync_request(WEB, *answers)["labels"] == LABEL


def test_the_label_names_the_namespace_of_the_range() -> None:
    elsewhere = request_object("team-b/web", range_="infra/net")
    assert sync_request(elsewhere)["labels"] == {"ipam.mandelsoft.org/range": "infra.net"}
    assert sync_request(request_object("team-b/web"))["labels"] == {"ipam.mandelsoft.org/range": "team-b.net"}


def test_a_deleted_request_that_waits_keeps_its_label() -> None:
    request = DELETED_WEB
    assert finalize_request(request)["labels"] == LABEL
    assert finalize_request(request, answer_item("web", cidr=CIDR))["labels"] == LABEL


# --- deletion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "finalized"), [("Ready", False), ("Busy", False), ("Invalid", False), ("Released", True)]
)
def test_a_deleted_request_is_finalized_when_its_range_has_released_it(state: str, *, finalized: bool) -> None:
    request = deleted(WEB, at(-9999))
    answer = finalize_request(request, answer_item("web", state, cidr=CIDR if state == "Ready" else ""))
    assert answer == {"labels": LABEL, "finalized": finalized, "resyncAfterSeconds": 60}


def test_a_deleted_request_records_since_when_it_has_no_answer() -> None:
    """Since the first call, not since the deletion: before it, the range may not have been called at all."""
    assert finalize_request(deleted(WEB, at(-9999))) == {
        "labels": LABEL,
        "annotations": {UNANSWERED: at(0)},
        "finalized": False,
        "resyncAfterSeconds": 10,
    }


@pytest.mark.parametrize(("since", "left"), [(0, 10), (-9, 1)])
def test_a_deleted_request_waits_ten_seconds_for_an_answer(since: int, left: float) -> None:
    request = unanswered(deleted(WEB, at(-9999)), at(since))
    answer = finalize_request(request)
    assert (answer["finalized"], answer["resyncAfterSeconds"]) == (False, left)
    assert answer["annotations"] == {UNANSWERED: at(since)}


@pytest.mark.parametrize("since", [-10, -11, -9999])
def test_a_deleted_request_without_an_answer_is_finalized_after_ten_seconds(since: int) -> None:
    request = unanswered(deleted(WEB, at(-9999)), at(since))
    assert finalize_request(request) == {"finalized": True}


@pytest.mark.parametrize(
    ("since", "deletion", "counted", "left"),
    [(-9999, -3, -3, 7), (-4, -3, -3, 7), (-3, -4, -3, 7), (-9999, 5, 5, 10), (0, 3600, 3600, 10)],
    ids=["long before", "just before", "after", "a clock that is behind", "a clock that is an hour behind"],
)
def test_the_ten_seconds_never_begin_before_the_deletion(since: int, deletion: int, counted: int, left: int) -> None:
    """Finding 18: a tenant may write the annotation, and the clock of a hook may be behind that of the API server."""
    answer = finalize_request(unanswered(deleted(WEB, at(deletion)), at(since)))
    assert answer["annotations"] == {UNANSWERED: at(counted)}
    assert (answer["finalized"], answer["resyncAfterSeconds"]) == (False, left)


def test_an_annotation_of_an_earlier_time_ends_the_wait_ten_seconds_after_the_deletion() -> None:
    assert finalize_request(unanswered(deleted(WEB, at(-10)), at(-9999))) == {"finalized": True}
    assert finalize_request(unanswered(deleted(WEB, at(-9)), at(-9999)))["finalized"] is False


def test_an_annotation_of_a_later_time_than_clocks_can_differ_counts_as_now() -> None:
    answer = finalize_request(unanswered(deleted(WEB, at(-9999)), at(86_400)))
    assert answer["annotations"] == {UNANSWERED: at(0)}


@pytest.mark.parametrize(
    "since", ["", "yesterday", "2026-11-23T20:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
)
def test_an_annotation_with_any_value_is_accepted(since: str) -> None:
    request = unanswered(DELETED_WEB, since)
    assert finalize_request(request)["finalized"] in (True, False)


def test_a_deleted_request_that_shows_a_block_waits_for_hooks_that_can_read_its_spec() -> None:
    request = showing(DELETED_WEB, "10.0.0.0/28")
    request["spec"]["size"] = "small"
    assert finalize_request(request) == {"finalized": False, "resyncAfterSeconds": 60}


def test_a_deleted_request_whose_spec_cannot_be_read_is_finalized_at_once() -> None:
    """It names no range, so no range can hold a block for it."""
    assert finalize_request(deleted(WEB, at(0)) | {"spec": {}}) == {"finalized": True}


def test_a_deletion_writes_no_status() -> None:
    request = showing(DELETED_WEB, CIDR)
    for answer in (finalize_request(request), finalize_request(request, answer_item("web", cidr=CIDR))):
        assert "status" not in answer


# --- a range that will answer -----------------------------------------------------------------------------------------

DELETED_LONG_AGO = unanswered(deleted(WEB, at(-9999)), at(-9999))
WAITS = {"labels": LABEL, "finalized": False, "resyncAfterSeconds": 60}
ANNOUNCED = "10.0.0.0/24"
OPEN = {"from": "Selector", "selector": {"matchLabels": {"open": "yes"}}}


def test_a_deleted_request_waits_for_an_existing_range_however_long_it_takes() -> None:
    """A range may write 10,000 answers before its next call; a request removed meanwhile might leave a block."""
    assert finalize_request(DELETED_LONG_AGO, extents=[extent_object(ANNOUNCED)]) == WAITS
    assert finalize_request(DELETED_LONG_AGO, extents=[]) == {"finalized": True}


@pytest.mark.parametrize(
    "extent",
    [
        uncontrolled(extent_object(ANNOUNCED)),
        extent_object(ANNOUNCED, range_="other"),
        {**(e := extent_object(ANNOUNCED)), "metadata": {**e["metadata"], "labels": {}}},
        {**e, "spec": {"range": "net"}},
    ],
    ids=["without a controller", "of another range", "without a label", "unreadable"],
)
def test_a_deleted_request_does_not_wait_because_of_another_extent(extent: Obj) -> None:
    assert finalize_request(DELETED_LONG_AGO, extents=[extent]) == {"finalized": True}


@pytest.mark.parametrize(
    ("allowed", "labels", "waits"),
    [
        (None, {}, False),
        ({"from": "Same"}, {}, False),
        ({"from": "All"}, {}, True),
        (OPEN, {"open": "yes"}, True),
        (OPEN, {}, False),
    ],
    ids=["absent", "Same", "All", "selected", "not selected"],
)
def test_a_deleted_request_waits_only_for_a_range_that_serves_its_namespace(
    allowed: Obj | None, labels: Obj, *, waits: bool
) -> None:
    request = unanswered(deleted(request_object("team-b/web", range_="team-a/net"), at(-9999)), at(-9999))
    answer = finalize_request(
        request,
        extents=[extent_object(ANNOUNCED, allowed=allowed)],
        namespaces=[namespace_object("team-b", labels=labels)],
    )
    assert answer == (WAITS if waits else {"finalized": True})


def test_a_deleted_request_waits_if_one_of_several_extents_serves_its_namespace() -> None:
    """The first extent of a range has this for all; two lives may have left several that differ, in any order."""
    request = deleted(request_object("team-b/web", range_="team-a/net"), at(-9999))
    others = [{"from": "Selector", "selector": {"matchLabels": {"team": "c"}}}, None]
    for other in others:
        extents = [
            extent_object(ANNOUNCED, version=7, allowed=other),
            extent_object(ANNOUNCED, version=8, allowed={"from": "All"}),
        ]
        for order in (extents, extents[::-1]):
            assert finalize_request(request, extents=order, namespaces=[namespace_object("team-b")]) == WAITS


@pytest.mark.parametrize(("namespace", "is_served"), [("team-a", True), ("team-b", False)])
def test_extents_without_namespaces_serve_that_of_their_range(namespace: str, is_served: bool) -> None:
    request = unanswered(deleted(request_object(f"{namespace}/web", range_="team-a/net"), at(-9999)), at(-9999))
    extents = [extent_object(ANNOUNCED, range_="team-a/net")]
    answer = finalize_request(request, extents=extents, namespaces=[namespace_object(namespace)])
    assert answer["finalized"] is not is_served


def test_a_deleted_request_without_an_answer_does_not_wait_for_a_range_in_a_terminating_namespace() -> None:
    """Finding 3: no answer can be created there, so the request and the namespace would wait for each other."""
    request = unanswered(deleted(request_object("team-b/web", range_="team-a/net"), at(-9999)), at(-9999))
    extents = [extent_object(ANNOUNCED, allowed={"from": "All"})]
    terminating, own = deleted(namespace_object()), namespace_object("team-b")
    assert finalize_request(request, extents=extents, namespaces=[namespace_object(), own]) == WAITS
    assert finalize_request(request, extents=extents, namespaces=[terminating, own]) == {"finalized": True}
    assert finalize_request(request, extents=extents, namespaces=[namespace_object(), deleted(own)]) == WAITS
    ready = answer_item("team-b/web", cidr=CIDR)
    assert finalize_request(request, ready, extents=extents, namespaces=[terminating, own]) == WAITS


def test_a_deleted_request_waits_ten_seconds_in_a_terminating_namespace_too() -> None:
    answer = finalize_request(DELETED_WEB, extents=[extent_object(ANNOUNCED)], namespaces=[deleted(namespace_object())])
    assert (answer["finalized"], answer["resyncAfterSeconds"]) == (False, 10)


@pytest.mark.parametrize("kind", ["request", "slice", "extent"])
def test_a_deleted_request_is_not_finalized_by_objects_of_an_older_schema(kind: str) -> None:
    """The state of the answer, or the namespaces that the range serves, may have been dropped."""

    def shown(which: str, obj: Obj) -> Obj:
        field = "status" if "status" in obj else "spec"
        return obj | {field: {**obj[field], "schemaV1": which != kind}}

    request = shown("request", DELETED_LONG_AGO)
    released = [shown("slice", slice_object(answer_item("web", "Released")))] if kind != "extent" else []
    extents = [shown("extent", extent_object(ANNOUNCED, range_="team-a/net", allowed={"from": "All"}))]
    answer = finalize_request(request, slices=released, extents=extents)
    assert (answer["finalized"], answer["resyncAfterSeconds"]) == (False, 20)
    assert answer["status"]["conditions"][0]["reason"] == "OutdatedCRD"


def test_a_request_of_an_older_schema_is_written_again_by_an_annotation_where_its_status_must_stay() -> None:
    """It shows a block, but no answer does: which state was dropped is not known. The annotation changes every 15 s."""
    request = DELETED_LONG_AGO | {"status": {"cidr": CIDR}}
    answer = finalize_request(request)
    assert (answer["finalized"], answer["status"]) == (False, None)
    assert list(answer["annotations"]) == ["ipam.mandelsoft.org/rewritten"]


# --- the record of a block --------------------------------------------------------------------------------------------


def a_granted_request(*, ready_since: str, recorded: str = "", **status: object) -> Obj:
    """A request that shows its block since some time, and records a block."""
    answer = sync_request(WEB, answer_item("web", cidr=CIDR))
    (condition,) = answer["status"]["conditions"]
    shown = {**answer["status"], "conditions": [{**condition, "lastTransitionTime": ready_since}], **status}
    annotations = {"ipam.mandelsoft.org/cidr": recorded} if recorded else {}
    return WEB | {"status": shown, "metadata": {**WEB["metadata"], "annotations": annotations}}


@pytest.mark.parametrize("since", [at(0), at(-59), at(59)])
def test_a_block_that_has_been_shown_for_a_moment_is_being_recorded(since: str) -> None:
    """Metacontroller writes the status and the annotation one after the other; this call is made in between."""
    answer = sync_request(a_granted_request(ready_since=since), answer_item("web", cidr=CIDR))
    assert (answer.get("annotations"), answer["resyncAfterSeconds"]) == (None, 60)


@pytest.mark.parametrize("since", [at(-60), at(60), at(-9999), "soon", "2026-01-01T00:00:00"])
def test_a_block_that_was_not_recorded_in_time_is_recorded(since: str) -> None:
    answer = sync_request(a_granted_request(ready_since=since), answer_item("web", cidr=CIDR))
    assert (answer["annotations"], answer.get("resyncAfterSeconds")) == ({"ipam.mandelsoft.org/cidr": CIDR}, None)


def test_a_block_is_recorded_at_once_with_any_change_of_the_status() -> None:
    web = a_granted_request(ready_since=at(0), state="Busy")
    answer = sync_request(web, answer_item("web", cidr=CIDR))
    assert answer["annotations"] == {"ipam.mandelsoft.org/cidr": CIDR}


def test_a_recorded_block_stays_recorded() -> None:
    web = a_granted_request(ready_since=at(0), recorded=CIDR)
    answer = sync_request(web, answer_item("web", cidr=CIDR))
    assert (answer["annotations"], answer.get("resyncAfterSeconds")) == ({"ipam.mandelsoft.org/cidr": CIDR}, None)


def test_customize_asks_for_both_namespaces_of_a_deleted_request() -> None:
    request = deleted(request_object("team-b/web", range_="team-a/net"))
    assert customize_request(request)["relatedResources"][2]["names"] == ["team-a", "team-b"]
