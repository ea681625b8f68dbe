"""customize, sync and finalize of an IPAMRequest: labels, statuses for each answer, silence, and letting go."""

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
from tests.hooks.calls import condition, customize_request, finalize_request, sync_request

CIDR = "10.0.0.0/28"
WEB = request_object("web")
UNANSWERED = "ipam.mandelsoft.org/unanswered-since"
LABEL = {"ipam.mandelsoft.org/range": "team-a.net"}


# --- customize ------------------------------------------------------------------------------------------------------


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


# --- the label ------------------------------------------------------------------------------------------------------


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


# --- statuses -------------------------------------------------------------------------------------------------------


def test_ready_shows_the_block_in_status_and_annotation() -> None:
    assert sync_request(WEB, allocation_object("web", cidr=CIDR, revision=4)) == {
        "labels": LABEL,
        "annotations": {"ipam.mandelsoft.org/cidr": CIDR},
        "status": {
            "cidr": CIDR,
            "state": "Ready",
            "observedGeneration": 1,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "Allocated",
                    "message": "",
                    "lastTransitionTime": at(0),
                    "observedGeneration": 1,
                }
            ],
        },
    }


@pytest.mark.parametrize(("state", "other"), [("Busy", "Reconciling"), ("Invalid", "Stalled")])
@pytest.mark.parametrize("reason", ["Exhausted", ""], ids=["with a reason", "without one"])
def test_a_refusal_is_shown_with_its_words_and_as_kstatus_reads_it(state: str, other: str, reason: str) -> None:
    answer = sync_request(WEB, allocation_object("web", state, reason=reason, message="because"))
    status = answer["status"]
    assert (status["state"], status["message"], status.get("cidr", "")) == (state, "because", "")
    assert "annotations" not in answer
    assert answer["resyncAfterSeconds"] == 300
    assert [(c["type"], c["status"], c["reason"], c["message"]) for c in status["conditions"]] == [
        ("Ready", "False", reason or state, "because"),
        (other, "True", reason or state, "because"),
    ]


def test_a_request_whose_spec_cannot_be_read_is_invalid_without_asking_anybody() -> None:
    answer = sync_request(WEB | {"spec": {"ipam": {"name": 7}}})
    message = "the spec can't be read: Expected `str`, got `int` - at `spec.ipam.name`"
    assert (answer["status"]["state"], answer["status"]["message"]) == ("Invalid", message)
    stalled = condition(answer["status"], "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")


@pytest.mark.parametrize("created", [0, -30, -86_400], ids=["just created", "30 s", "a day"])
def test_silence_is_no_status(created: int) -> None:
    """The first status comes with an answer. Until then the CRD's default says what to check: that costs no write."""
    assert sync_request(request_object("web", created=at(created))) == {
        "labels": LABEL,
        "status": None,
        "resyncAfterSeconds": 60,
    }


def test_a_request_with_a_block_is_never_pending() -> None:
    """Its allocation may be missing from a cache for a moment, or be deleted by hand."""
    answer = sync_request(showing(request_object("web", created=at(-9999)), CIDR))
    assert answer == {"labels": LABEL, "status": None, "resyncAfterSeconds": 60}


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_a_refusal_that_was_taken_back_does_not_stay(state: str) -> None:
    refused = request_object("web") | {"status": {"state": state, "message": "because"}}
    status = sync_request(refused)["status"]
    assert (status["state"], status["message"]) == (
        "Pending",
        "range team-a/net no longer answers: check that it exists and allows this namespace",
    )
    assert condition(status, "Reconciling")
    assert sync_request(refused | {"status": status})["status"] is None


def test_a_released_answer_is_none_while_the_request_lives() -> None:
    assert sync_request(showing(request_object("web"), CIDR), allocation_object("web", "Released"))["status"] is None


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_a_published_cidr_stays_whatever_the_answer_says(state: str) -> None:
    shown = showing(request_object("web"), CIDR)
    status = sync_request(shown, allocation_object("web", state, message="10.0.0.0/28 is held by x"))["status"]
    assert (status["cidr"], status["state"]) == (CIDR, state)
    ready = condition(status)
    assert ready["status"] == "False"


def test_a_request_that_shows_one_block_and_is_answered_another_is_not_called_ready() -> None:
    shown = showing(request_object("web"), CIDR)
    answer = sync_request(shown, allocation_object("web", cidr="10.0.0.16/28"))
    ready = condition(answer["status"])
    assert answer["status"]["cidr"] == CIDR
    assert answer.get("annotations", {}).get("ipam.mandelsoft.org/cidr") != "10.0.0.16/28"
    assert ready
    assert (answer["status"]["state"] == "Ready") == (ready["status"] == "True")
    assert answer["status"]["state"] != "Ready"


def test_the_same_answer_again_is_the_same_status() -> None:
    allocation = allocation_object("web", "Busy", message="no room")
    status = sync_request(WEB, allocation)["status"]
    again = sync_request(WEB | {"status": status}, allocation)
    assert again["status"] == status


# --- whose answer it is ---------------------------------------------------------------------------------------------

STRANGERS = {
    "no controller": uncontrolled(allocation_object("web", cidr=CIDR)),
    "another range's": allocation_object("web", cidr=CIDR, range_="other"),
    "a range's elsewhere": allocation_object("web", cidr=CIDR, range_="team-b/net"),
    "to another uid": allocation_object("web", cidr=CIDR, uid="first-life"),
    "orphaned": {**(o := allocation_object("web", cidr=CIDR)), "metadata": {**o["metadata"], "ownerReferences": []}},
    "of another kind of owner": {
        **o,
        "metadata": {
            **o["metadata"],
            "ownerReferences": [{"kind": "Deployment", "name": "net", "uid": "u", "controller": True}],
        },
    },
    "unlabelled": {**o, "metadata": {key: value for key, value in o["metadata"].items() if key != "labels"}},
    "labelled as another one's": {**o, "metadata": {**o["metadata"], "labels": {"controller-uid": "uid-of-another"}}},
    "unreadable": {**o, "spec": {"range": "net", "state": "Ready"}},
}
NAMED_STRANGERS = ["no controller", "another range's", "orphaned", "of another kind of owner", "unlabelled"]


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_an_allocation_that_the_range_does_not_control_is_no_answer(stranger: Obj) -> None:
    status = sync_request(WEB, stranger)["status"]
    assert status is None or status["state"] == "Pending"
    assert sync_request(showing(request_object("web"), CIDR), stranger)["status"] is None
    going = annotated(deleted(request_object("web"), at(-60)), UNANSWERED, at(-60))
    assert finalize_request(going, stranger) == {"finalized": True}


@pytest.mark.parametrize("name", NAMED_STRANGERS)
def test_an_orphan_that_stands_in_the_way_is_named(name: str) -> None:
    """Its name is taken, so the range can't create the right one."""
    allocation = STRANGERS[name]["metadata"]["name"]
    status = sync_request(WEB, STRANGERS[name])["status"]
    assert status["state"] == "Pending"
    assert status["message"] == (
        f"allocation team-a/{allocation}, which range team-a/net does not control, blocks the answer: delete it"
    )


def test_a_second_owner_that_is_no_controller_does_no_harm() -> None:
    shared: Obj = allocation_object("web", cidr=CIDR)
    shared["metadata"]["ownerReferences"].append({"kind": "IPAMRange", "name": "other", "uid": "u"})
    assert sync_request(WEB, shared)["status"]["state"] == "Ready"


# --- letting go -----------------------------------------------------------------------------------------------------


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


# --- a range that will answer ---------------------------------------------------------------------------------------

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


def test_it_does_not_wait_where_a_stranger_stands_in_the_way_of_its_answer() -> None:
    assert finalize_request(LONG_GONE, STRANGERS["orphaned"], extents=[extent_object(ANNOUNCED)]) == {"finalized": True}


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


def test_only_a_deleted_request_asks_for_extents() -> None:
    """Each event of an allocation is compared with each rule of each request."""
    asked = [rule["resource"] for rule in customize_request(WEB)["relatedResources"]]
    asked_later = [rule["resource"] for rule in customize_request(LONG_GONE)["relatedResources"]]
    assert asked == ["ipamallocations"]
    assert asked_later == ["ipamallocations", "ipamextents", "namespaces"]
