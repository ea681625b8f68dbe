"""The status of a request: what it shows for each answer, and without one."""

from datetime import timedelta

import pytest

from tests.hooks.build import (
    CIDR,
    NOW,
    WEB,
    Obj,
    answer_item,
    at,
    extent_object,
    recording,
    request_object,
    showing,
    slice_object,
)
from tests.hooks.calls import condition, sync_request

LABEL = {"ipam.mandelsoft.org/range": "team-a.net"}
NO_RANGE = "no range team-a/net answers: check that it exists (kubectl get iprange -n team-a) and allows this namespace"


def unmarked(obj: Obj) -> Obj:
    field = "status" if "status" in obj else "spec"
    return obj | {field: {name: value for name, value in obj[field].items() if name != "schemaV1"}}


EXTENT = extent_object("10.0.0.0/24")


def test_ready_shows_the_block_in_status_and_annotation() -> None:
    assert sync_request(WEB, answer_item("web", cidr=CIDR, revision=4)) == {
        "labels": LABEL,
        "annotations": {"ipam.mandelsoft.org/cidr": CIDR},
        "status": {
            "schemaV1": True,
            "cidr": CIDR,
            "revision": 4,
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
def test_a_refusal_is_shown_with_its_message_and_with_conditions_for_kstatus(
    state: str, other: str, reason: str
) -> None:
    answer = sync_request(WEB, answer_item("web", state, reason=reason, message="because"))
    status = answer["status"]
    assert (status["state"], status["message"], status.get("cidr", "")) == (state, "because", "")
    assert "annotations" not in answer
    assert answer["resyncAfterSeconds"] == 300
    assert [(c["type"], c["status"], c["reason"], c["message"]) for c in status["conditions"]] == [
        ("Ready", "False", reason or state, "because"),
        (other, "True", reason or state, "because"),
    ]


def test_a_request_whose_spec_cannot_be_read_is_invalid_without_an_answer() -> None:
    answer = sync_request(WEB | {"spec": {"ipam": {"name": 7}}})
    message = "the spec can't be read: Expected `str`, got `int` - at `spec.ipam.name`"
    assert (answer["status"]["state"], answer["status"]["message"]) == ("Invalid", message)
    stalled = condition(answer["status"], "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")


@pytest.mark.parametrize("created", [0, -30, -86_400], ids=["just created", "30 s", "a day"])
def test_a_request_without_an_answer_gets_no_status(created: int) -> None:
    """The first status comes with an answer. Until then the default of the CRD names what to check, without a write."""
    assert sync_request(request_object("web", created=at(created))) == {
        "labels": LABEL,
        "status": None,
        "resyncAfterSeconds": 60,
    }


@pytest.mark.parametrize(("created", "left"), [(30, 10), (0, 10), (-9, 1)], ids=["a clock behind", "now", "9 s ago"])
def test_a_request_that_sees_no_range_waits_ten_seconds(created: int, left: float) -> None:
    answer = sync_request(request_object("web", created=at(created)), extents=[])
    assert answer == {"labels": LABEL, "status": None, "resyncAfterSeconds": left}


@pytest.mark.parametrize("created", [-10, -86_400])
def test_a_request_that_sees_no_range_after_ten_seconds_says_so(created: int) -> None:
    request = request_object("web", created=at(created))
    answer = sync_request(request, extents=[])
    status = answer["status"]
    assert (status["state"], status["message"], condition(status)["reason"]) == ("Pending", NO_RANGE, "NoAnswer")
    assert answer["resyncAfterSeconds"] == 60
    assert sync_request(request | {"status": status}, extents=[], now=NOW + timedelta(minutes=1))["status"] == status


@pytest.mark.parametrize(
    "extent", [EXTENT, unmarked(EXTENT), EXTENT | {"spec": {}}], ids=["", "outdated", "unreadable"]
)
def test_a_request_that_sees_an_extent_of_its_range_waits_without_a_word(extent: Obj) -> None:
    answer = sync_request(request_object("web", created=at(-9999)), extents=[extent])
    assert answer == {"labels": LABEL, "status": None, "resyncAfterSeconds": 60}


def test_a_range_that_came_later_is_obeyed_as_any_other() -> None:
    waiting = WEB | {"status": sync_request(WEB, extents=[])["status"]}
    assert sync_request(waiting, extents=[EXTENT])["status"] is None
    status = sync_request(waiting, answer_item("web", cidr=CIDR), extents=[EXTENT])["status"]
    assert (status["state"], status["cidr"], status.get("message", "")) == ("Ready", CIDR, "")


def test_a_request_with_a_block_never_says_that_there_is_no_range() -> None:
    assert sync_request(showing(request_object("web", created=at(-9999)), CIDR), extents=[])["status"] is None


@pytest.mark.parametrize(
    ("cidr", "address"),
    [
        ("10.0.0.5/32", "10.0.0.5"),
        ("2001:db8::5/128", "2001:db8::5"),
        ("10.0.0.0/31", None),
        ("2001:db8::/32", None),
    ],
)
def test_a_single_address_is_also_shown_without_its_length(cidr: str, address: str | None) -> None:
    status = sync_request(WEB, answer_item("web", cidr=cidr))["status"]
    assert (status["cidr"], status.get("address")) == (cidr, address)
    kept = sync_request(WEB | {"status": status}, answer_item("web", "Busy", message="no"))["status"]
    assert (kept["cidr"], kept.get("address")) == (cidr, address)


def test_a_request_with_a_block_is_never_pending() -> None:
    """Its slice may be missing from a stale cache, or have been deleted by hand."""
    answer = sync_request(showing(request_object("web", created=at(-9999)), CIDR))
    assert answer == {"labels": LABEL, "status": None, "resyncAfterSeconds": 60}


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_a_withdrawn_refusal_does_not_stay(state: str) -> None:
    refused = WEB | {"status": {"state": state, "message": "because", "schemaV1": True}}
    status = sync_request(refused)["status"]
    assert (status["state"], status["message"]) == (
        "Pending",
        NO_RANGE,
    )
    assert condition(status, "Reconciling")
    assert sync_request(refused | {"status": status})["status"] is None


def test_a_released_answer_is_ignored_while_the_request_exists() -> None:
    assert sync_request(showing(WEB, CIDR), answer_item("web", "Released"))["status"] is None


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_a_published_block_stays_whatever_the_answer_is(state: str) -> None:
    shown = showing(WEB, CIDR)
    status = sync_request(shown, answer_item("web", state, message="10.0.0.0/28 is held by x"))["status"]
    assert (status["cidr"], status["state"]) == (CIDR, state)
    ready = condition(status)
    assert ready["status"] == "False"


def test_a_request_that_shows_another_block_than_its_answer_is_not_ready() -> None:
    shown = showing(WEB, CIDR)
    answer = sync_request(shown, answer_item("web", cidr="10.0.0.16/28"))
    ready = condition(answer["status"])
    assert answer["status"]["cidr"] == CIDR
    assert answer.get("annotations", {}).get("ipam.mandelsoft.org/cidr") != "10.0.0.16/28"
    assert (answer["status"]["state"] == "Ready") == (ready["status"] == "True")
    assert answer["status"]["state"] != "Ready"


def test_the_same_answer_again_is_the_same_status() -> None:
    item = answer_item("web", "Busy", message="no room")
    status = sync_request(WEB, item)["status"]
    again = sync_request(WEB | {"status": status}, item)
    assert again["status"] == status


# --- recorded blocks --------------------------------------------------------------------------------------------------


def test_the_message_about_another_block_than_the_recorded_one_is_permanent() -> None:
    why = "10.0.0.64/28 was not free when the request was served"
    item = answer_item("web", cidr="10.0.0.0/28", revision=1, message=why)
    answer = sync_request(recording(WEB, "10.0.0.64/28"), item)
    message = f"allocated 10.0.0.0/28 instead of the recorded 10.0.0.64/28: {why}"
    assert (answer["status"]["state"], answer["status"]["message"]) == ("Ready", message)
    assert answer["annotations"] == {"ipam.mandelsoft.org/cidr": "10.0.0.0/28"}
    later = recording(WEB, "10.0.0.0/28") | {"status": answer["status"]}
    assert sync_request(later, item)["status"] == answer["status"]


OLD, NEW = {"gateway": "10.0.0.1"}, {"gateway": "10.0.0.1", "prefixLength": 28}


@pytest.mark.parametrize(
    ("shown", "answered", "expected"),
    [
        ({}, {"revision": 4, "network": OLD}, {"revision": 4, "network": OLD}),
        ({"revision": 4, "network": OLD}, {"revision": 5, "network": NEW}, {"revision": 4, "network": OLD}),
        ({"revision": 4}, {"revision": 5, "network": NEW}, {"revision": 4}),
        ({"revision": 4, "network": OLD}, {"revision": 5, "network": OLD}, {"revision": 5, "network": OLD}),
        ({"revision": 4}, {"revision": 4, "network": NEW}, {"revision": 4, "network": NEW}),
        ({"revision": 4, "network": OLD}, {"revision": 4, "network": NEW}, {"revision": 4, "network": NEW}),
        ({"network": NEW}, {"revision": 4, "network": NEW}, {"revision": 4, "network": NEW}),
    ],
    ids=[
        "dropped with the revision by an older schema",
        "answered again by another network",
        "answered again by the first network",
        "answered again by the same network",
        "dropped by an older schema",
        "dropped in part",
        "the revision was dropped",
    ],
)
def test_the_network_of_a_block_is_copied_from_one_answer(shown: Obj, answered: Obj, expected: Obj) -> None:
    request = showing(WEB, CIDR)
    request["status"] |= shown
    status = sync_request(request, answer_item("web", cidr=CIDR) | answered)["status"]
    assert {name: status[name] for name in ("network", "revision") if name in status} == expected


@pytest.mark.parametrize("request_", [WEB, recording(WEB, "10.0.0.0/28")])
def test_a_request_that_gets_its_recorded_block_has_no_message(request_: Obj) -> None:
    answer = sync_request(request_, answer_item("web", cidr="10.0.0.0/28", revision=1))
    assert "message" not in answer["status"]


@pytest.mark.parametrize("request_", [WEB, recording(WEB, CIDR)], ids=["no record", "the record of this block"])
def test_a_request_that_records_no_other_block_shows_the_message_as_it_is(request_: Obj) -> None:
    """It is about a reservation that is not used, or the annotation was removed since the range answered."""
    answer = sync_request(request_, answer_item("web", cidr=CIDR, revision=1, message="because"))
    assert answer["status"]["message"] == "because"


def test_the_reason_is_cut_to_the_limit_of_the_crds() -> None:
    answer = sync_request(recording(WEB, "x" * 99), answer_item("web", cidr=CIDR, message="y" * 4096))
    assert len(answer["status"]["message"]) == 4096


# --- objects of an older schema ---------------------------------------------------------------------------------------

SLICE = slice_object(answer_item("web", cidr=CIDR, revision=1))


@pytest.mark.parametrize(
    ("request_", "slices", "kinds"),
    [
        (unmarked(WEB), [SLICE], "IPAMRequest"),
        (unmarked(WEB), [], "IPAMRequest"),
        (WEB, [unmarked(SLICE)], "IPAMAllocationSlice"),
        (unmarked(WEB), [unmarked(SLICE)], "IPAMRequest, IPAMAllocationSlice"),
    ],
    ids=["request", "request without an answer", "slice", "both"],
)
def test_nothing_is_published_by_objects_of_an_older_schema(request_: Obj, slices: list[Obj], kinds: str) -> None:
    """Finding 1: it may have dropped the block, or the network settings, which are published once."""
    answer = sync_request(request_, slices=slices)
    status = answer["status"]
    message = (
        f"no block is allocated or released because the API server has an older CRD of {kinds}: "
        "apply the CRDs (crds/) of the version of the hooks"
    )
    assert (status["state"], status["message"], status.get("cidr", ""), status["schemaV1"]) == (
        "Pending",
        message,
        "",
        True,
    )
    ready = condition(status)
    assert (ready["status"], ready["reason"]) == ("False", "OutdatedCRD")
    assert condition(status, "Reconciling")["status"] == "True"
    assert "annotations" not in answer
    assert answer["resyncAfterSeconds"] == 20


@pytest.mark.parametrize(
    "slices", [[], [unmarked(SLICE)], [slice_object(answer_item("web", "Busy"))]], ids=["none", "un", "busy"]
)
def test_a_published_block_stays_beside_an_older_schema(slices: list[Obj]) -> None:
    shown = unmarked(showing(WEB, CIDR))
    assert sync_request(shown, slices=slices)["status"] is None
    if slices == [unmarked(SLICE)]:
        assert sync_request(showing(WEB, CIDR), slices=slices)["status"] is None


def test_a_request_with_a_block_that_an_older_schema_has_shown_is_written_again() -> None:
    """A cache keeps what it got in the second after a change of the CRD, until the object in the store changes."""
    written = sync_request(unmarked(showing(WEB, CIDR)), slices=[SLICE])["status"]
    marked = sync_request(showing(WEB, CIDR), slices=[SLICE])["status"]
    assert {**written, "conditions": []} == {**marked, "conditions": []}
    assert condition(written) | {"lastTransitionTime": ""} == condition(marked) | {"lastTransitionTime": ""}


def test_a_slice_of_an_older_schema_that_has_no_answer_does_not_matter() -> None:
    other = unmarked(slice_object(answer_item("web", cidr=CIDR), created=at(-59)))
    assert sync_request(WEB, slices=[other, SLICE])["status"]["state"] == "Ready"
