"""Schema markers: what an API server with an older schema serves may lack fields, so that nothing is decided by it."""

import copy
import json
from datetime import timedelta

import pytest

from hooks.api.names import LAST_APPLIED_ANNOTATION
from tests.hooks.build import (
    CIDR,
    NOW,
    WEB,
    Obj,
    annotated,
    announcing,
    answer_item,
    at,
    deleted,
    entry,
    extent_object,
    put_on_hold,
    range_body,
    range_object,
    request_object,
    slice_object,
    slices_for,
    with_ledger,
)
from tests.hooks.calls import answer_to, answers_of, condition, extents_of, ledger_of, slices_of, sync_range


def unmarked(obj: Obj) -> Obj:
    """An object as an API server shows it that does not know the marker."""
    changed = copy.deepcopy(obj)
    changed["status" if "status" in obj else "spec"].pop("schemaV1")
    return changed


def recorded_spec(child: Obj) -> Obj:
    """The spec of a child as it was written last, or as it is shown if that is not recorded."""
    text = child["metadata"].get("annotations", {}).get(LAST_APPLIED_ANNOTATION)
    spec: Obj = json.loads(text)["spec"] if text else child["spec"]
    return spec


def message(kinds: str) -> str:
    return (
        f"no block is allocated or released because the API server has an older CRD of {kinds}: "
        "apply the CRDs (crds/) of the version of the hooks"
    )


def busy(**unmarked_kinds: bool) -> Obj:
    """A call with something to do of each kind: to grant, to release, to publish, to withdraw, to mark, to announce.

    The named kinds (range, request, slice, extent, other) come without their markers.
    """

    def shown(kind: str, obj: Obj) -> Obj:
        return unmarked(obj) if unmarked_kinds.get(kind) else obj

    parent = with_ledger(
        range_object("10.0.0.0/24", "10.0.1.0/24"),
        entry("held", CIDR),
        entry("gone", "10.0.0.16/28"),
        entry("absent", "10.0.0.32/28"),
        revision=4,
        released=["earlier"],
    )
    requests = [request_object("held"), shown("request", WEB), deleted(request_object("gone"))]
    requests.append(deleted(request_object("earlier")))
    items = [
        answer_item("gone", cidr="10.0.0.16/28", revision=1),
        answer_item("stray", "Busy", reason="Exhausted", message="no room"),
        answer_item("absent", "Busy", reason="Exhausted", message="no room"),
    ]
    slices = slices_for(items)
    slices[0] = shown("slice", slices[0])
    own = shown("extent", extent_object("10.0.0.0/24", version=7))
    other = shown("other", extent_object("10.0.0.0/25", version=9, range_="other"))
    return range_body(shown("range", parent), *requests, slices=slices, announced=[own], extents=[own, other])


KINDS = {
    "range": "IPAMRange",
    "request": "IPAMRequest",
    "slice": "IPAMAllocationSlice",
    "extent": "IPAMExtent",
    "other": "IPAMExtent",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_with_an_object_of_an_older_schema_changes_nothing(kind: str) -> None:
    """Finding 1: an older CRD of a few seconds turned the order of ranges round."""
    body = busy(**{kind: True})
    before = body["parent"]["status"]
    answer = answer_to(body)
    status = answer["status"]
    for field in ("allocations", "released", "revision"):
        assert status[field] == before[field]
    assert (status["state"], status["message"], status["schemaV1"]) == ("Invalid", message(KINDS[kind]), True)
    for type_, value in (("Ready", "False"), ("Stalled", "True")):
        shown = condition(status, type_)
        assert (shown["status"], shown["reason"], shown["message"]) == (value, "OutdatedCRD", message(KINDS[kind]))
    existing = [each for group in body["children"].values() for each in group.values()]
    assert {child["metadata"]["name"]: child["spec"] for child in answer["children"]} == {
        each["metadata"]["name"]: recorded_spec(each) for each in existing
    }
    assert answer["resyncAfterSeconds"] == 10
    assert "finalized" not in answer


def test_the_same_call_with_all_markers_changes_everything() -> None:
    """So that the test above has something to prevent."""
    body = busy()
    answer = answer_to(body)
    assert ledger_of(answer) == {"held": CIDR, "web": "10.0.0.16/28", "absent": "10.0.0.32/28"}
    assert answer["status"]["revision"] == 5
    assert answer["status"]["released"] == ["uid-earlier", "uid-gone"]
    assert answers_of(answer) == {
        "held": ("Ready", CIDR),
        "absent": ("Ready", "10.0.0.32/28"),
        "gone": ("Ready", "10.0.0.16/28"),
        "earlier": ("Released", ""),
    }
    assert len(extents_of(answer)) == 2
    assert not condition(answer["status"], "Stalled")


def test_all_outdated_kinds_are_named() -> None:
    answer = answer_to(busy(range=True, request=True, slice=True, extent=True))
    assert answer["status"]["message"] == message("IPAMRange, IPAMRequest, IPAMAllocationSlice, IPAMExtent")


def test_a_range_of_an_older_schema_is_served_once_its_marker_is_shown() -> None:
    """The call writes the marker, and an API server that knows it shows it in the next one."""
    body = busy(range=True)
    body["parent"]["status"] = answer_to(body)["status"]
    assert ledger_of(answer_to(body))["web"] == "10.0.0.16/28"


def test_a_range_that_is_being_deleted_is_not_finalized_by_objects_of_an_older_schema() -> None:
    closing = with_ledger(deleted(range_object()), revision=3, closing=True)
    assert sync_range(closing, announced=[], finalizing=True)["finalized"] is True
    answer = sync_range(unmarked(closing), announced=[], finalizing=True)
    assert (answer["finalized"], answer["status"]["state"]) == (False, "Deleting")
    assert condition(answer["status"])["reason"] == "OutdatedCRD"


def test_a_hold_is_not_begun_or_ended_by_an_outdated_call() -> None:
    """It is part of the ledger, which stays as it is."""
    held = unmarked(with_ledger(range_object(), revision=3, on_hold=True))
    assert sync_range(held)["status"]["onHold"] is True
    free = unmarked(with_ledger(put_on_hold(range_object()), revision=3))
    assert "onHold" not in sync_range(free)["status"]


def test_the_whole_ledger_stays_in_an_outdated_call_and_nothing_else_is_reported() -> None:
    """Numbers of blocks would be those of a spec of which a part may be missing."""
    marked = entry("b", "10.0.0.16/28", absent_since=at(-9))
    cooling = entry("c", "10.0.0.32/28", released_at=at(-86_400))
    parent = with_ledger(range_object(), entry("a", CIDR), marked, cooling, revision=7, cursors={"28": "10.0.0.16"})
    parent["status"] |= {"closing": True, "onHold": True, "released": ["uid-c"]}
    ledger = {field: value for field, value in parent["status"].items() if field not in ("schemaV1", "state")}
    parent["status"] |= {"capacity": {"total": "256", "room": "15 more /28"}, "pending": 3}
    status = sync_range(unmarked(parent), WEB)["status"]
    assert ledger.items() <= status.items()
    assert set(status) - set(ledger) == {"schemaV1", "state", "notes", "message", "conditions"}


def test_children_are_returned_as_they_were_written_in_an_outdated_call() -> None:
    full = slice_object(answer_item("web", cidr=CIDR, revision=1))
    pruned = copy.deepcopy(full)
    del pruned["spec"]["schemaV1"], pruned["spec"]["answers"][0]["revision"]
    answer = sync_range(with_ledger(range_object(), entry("web", CIDR)), WEB, slices=[pruned])
    assert [child["spec"] for child in slices_of(answer)] == [full["spec"]]
    assert condition(answer["status"])["reason"] == "OutdatedCRD"


def test_children_of_older_hooks_get_the_marker_if_it_is_recorded_what_was_written() -> None:
    written = {"spec": {"range": "net", "answers": [], "message": "as it was"}}
    recorded = annotated(unmarked(slice_object(name="a")), LAST_APPLIED_ANNOTATION, json.dumps(written))
    unknown = annotated(unmarked(slice_object(name="b")), LAST_APPLIED_ANNOTATION, "")

    answer = sync_range(range_object(), request_object("web"), slices=[recorded, unknown])

    specs = {child["metadata"]["name"]: child["spec"] for child in answer["children"]}
    assert specs[recorded["metadata"]["name"]] == written["spec"] | {"schemaV1": True}
    assert specs[unknown["metadata"]["name"]] == unknown["spec"]


def test_an_outdated_call_of_a_range_at_rest_writes_once() -> None:
    parent = unmarked(with_ledger(range_object(), entry("web", CIDR)))
    status = sync_range(parent, WEB)["status"]
    pruned = parent | {"status": {field: value for field, value in status.items() if field != "schemaV1"}}
    assert sync_range(pruned, WEB)["status"] == status


@pytest.mark.parametrize("value", [False, None])
def test_a_marker_that_is_not_set_is_none(value: bool | None) -> None:
    request = copy.deepcopy(WEB)
    request["status"] = {"schemaV1": value} if value is not None else {}
    answer = sync_range(range_object(), request)
    assert (ledger_of(answer), condition(answer["status"])["reason"]) == ({}, "OutdatedCRD")


def test_requests_and_extents_that_are_not_of_the_range_need_no_marker() -> None:
    """Another tenant must not be able to stop a range."""
    foreign = unmarked(request_object("team-b/web", range_="team-a/net"))
    other = unmarked(request_object("other", range_="other"))
    answer = sync_range(range_object(), WEB, foreign, other)
    assert ledger_of(answer) == {"web": CIDR}


def test_a_new_range_is_marked_before_it_announces() -> None:
    """Its status was never written, so nothing shows yet whether the API server knows this schema."""
    new = {field: value for field, value in range_object().items() if field != "status"}
    first = sync_range(new, WEB, announced=[], extents=[])
    assert (first["children"], first["status"]["schemaV1"], first["status"]["state"]) == ([], True, "Ready")
    assert condition(first["status"])["reason"] == "Serving"
    assert first["resyncAfterSeconds"] == 10
    shown = new | {"status": first["status"]}
    assert extents_of(sync_range(shown, WEB, announced=[], extents=[])) == [["10.0.0.0-10.0.0.255"]]
    pruned = new | {"status": {field: value for field, value in first["status"].items() if field != "schemaV1"}}
    again = sync_range(pruned, WEB, announced=[], extents=[])
    assert again["children"] == []
    assert condition(again["status"])["reason"] == "OutdatedCRD"


def test_a_new_range_that_is_deleted_at_once_is_marked_first() -> None:
    new = deleted({field: value for field, value in range_object().items() if field != "status"}, at(-1))
    first = sync_range(new, announced=[], extents=[], finalizing=True)
    assert (first["finalized"], first["status"]["closing"]) == (False, True)
    assert sync_range(new | {"status": first["status"]}, announced=[], extents=[], finalizing=True)["finalized"] is True


def test_what_the_hooks_write_is_marked() -> None:
    entries = [entry("held", CIDR)]
    body = range_body(
        with_ledger(range_object(), *entries, released=["gone"]),
        request_object("held"),
        request_object("never", size=99),
        deleted(request_object("gone")),
        announced=[],
        extents=[],
    )
    answer = answer_to(body)
    assert sorted(answers_of(answer)) == ["gone", "held", "never"]
    assert all(child["spec"]["schemaV1"] is True for child in answer["children"])
    assert len(extents_of(answer)) == 1 == len(announcing(range_object()))
    assert answer["status"]["schemaV1"] is True


REWRITTEN = "ipam.mandelsoft.org/rewritten"


@pytest.mark.parametrize("kind", ["slice", "extent"])
def test_a_child_that_an_older_schema_has_shown_is_written_again(kind: str) -> None:
    """Otherwise a cache that got it in the second after a change of the CRD keeps it until a restart."""
    written = {child["kind"] for child in answer_to(busy(**{kind: True}))["children"] if _rewritten(child)}
    assert written == {KINDS[kind]}
    for other in ("range", "request", "other"):
        assert not any(map(_rewritten, answer_to(busy(**{other: True}))["children"]))


def test_children_are_written_again_every_fifteen_seconds_and_a_hundred_at_once() -> None:
    slices = [unmarked(slice_object(name=f"s{number:03}")) for number in range(130)]
    body = range_body(with_ledger(range_object()), slices=slices)
    times = [
        [_rewritten(child) for child in answer_to(body, now=NOW + timedelta(seconds=second))["children"]]
        for second in (0, 14, 15)
    ]
    assert [len(list(filter(None, each))) for each in times] == [100, 100, 100]
    assert times[0] == times[1] != times[2]


def test_the_status_of_a_range_that_an_older_schema_has_shown_changes() -> None:
    body = busy(range=True)
    first = answer_to(body, now=NOW + timedelta(seconds=0))["status"]
    body["parent"]["status"] = {key: value for key, value in first.items() if key != "schemaV1"}
    assert answer_to(body, now=NOW + timedelta(seconds=14))["status"] == first
    assert answer_to(body, now=NOW + timedelta(seconds=15))["status"] != first


def _rewritten(child: Obj) -> str:
    return str(child["metadata"].get("annotations", {}).get(REWRITTEN, ""))


def test_a_range_that_is_being_deleted_has_the_marker_added_to_its_extents() -> None:
    """It asks for no extents of its domain any more, but its requests wait until these are complete."""
    extent = announcing(range_object())[0]
    recorded = json.dumps({"spec": extent["spec"]})
    own = annotated(unmarked(extent), LAST_APPLIED_ANNOTATION, recorded)
    closing = with_ledger(deleted(range_object()), revision=3, closing=True)
    answer = sync_range(closing, announced=[own], extents=[], finalizing=True)
    assert answer["finalized"] is False
    assert [child["spec"]["schemaV1"] for child in answer["children"]] == [True]
