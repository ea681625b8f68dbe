"""Children that stay are returned as they were written last, whether they can be read or not."""

import json

import pytest

from hooks.api.names import EXTENT_KEY, LAST_APPLIED_ANNOTATION, SLICE_KEY
from tests.hooks.build import (
    WEB,
    annotated,
    answer_item,
    entry,
    range_body,
    range_object,
    request_object,
    slice_object,
    with_ledger,
    written,
)
from tests.hooks.calls import answer_to, answers_of, post, slices_of, sync_range


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec", {}),
        ("spec", {"cidr": "10.0.0.0/28", "new": [1.50, 10**30]}),
        ("metadata", {"name": "x"}),
        ("spec", None),
        ("spec", {"range": "net"}),
    ],
    ids=["an empty spec", "another spec", "no uid", "no spec", "no answers"],
)
def test_one_malformed_slice_among_many_is_returned_as_it_came(field: str, value: object) -> None:
    """If it were left out, Metacontroller would delete it."""
    entries = [entry(f"r{number}", f"10.0.0.{16 * number}/28") for number in range(5)]
    answers = [answer_item(f"r{n}", cidr=f"10.0.0.{16 * n}/28", revision=1) for n in range(5)]
    requests = [request_object(f"r{number}") for number in range(5)]
    body = range_body(with_ledger(range_object(), *entries), *requests, answers=answers)
    broken = {**slice_object(answer_item("x")), "metadata": {"name": "x"}} | {field: value}
    body["children"][SLICE_KEY]["team-a/x-broken"] = broken
    answer = answer_to(body)
    (returned,) = [child for child in answer["children"] if child["metadata"]["name"] == "x-broken"]
    assert returned == {
        "apiVersion": "ipam.mandelsoft.org/v1alpha1",
        "kind": "IPAMAllocationSlice",
        "metadata": {"namespace": "team-a", "name": "x-broken"},
        "spec": broken["spec"],
    }
    answer["children"].remove(returned)
    assert answers_of(answer) == {f"r{n}": ("Ready", f"10.0.0.{16 * n}/28") for n in range(5)}


def test_a_slice_that_cannot_be_read_is_returned_once_even_if_it_should_get_an_answer() -> None:
    """Two children with one name would contradict each other."""
    broken = slice_object(answer_item("web", cidr="10.0.0.0/28", revision=1))
    broken["spec"]["answers"][0]["revision"] = "one"
    parent = with_ledger(range_object(), entry("web", "10.0.0.0/28"))
    (child,) = slices_of(sync_range(parent, WEB, slices=[written(broken)]))
    assert (child["metadata"]["name"], child["spec"]) == (broken["metadata"]["name"], broken["spec"])


@pytest.mark.parametrize("malformed", [None, 5, "x", []], ids=["null", "a number", "a text", "a list"])
def test_a_slice_that_is_not_an_object_fails_the_call_because_it_would_be_deleted(malformed: object) -> None:
    body = range_body(range_object())
    body["children"][SLICE_KEY]["team-a/x"] = malformed
    response = post("/ipamrange/sync", body)
    assert response.status_code == 400
    assert "team-a/x" in response.get_json()["error"]["path"]


def test_an_own_extent_that_is_not_an_object_fails_the_call_because_it_would_be_deleted() -> None:
    body = range_body(range_object(), announced=[], extents=[])
    body["children"][EXTENT_KEY] = {"team-a/net-1": []}
    assert post("/ipamrange/sync", body).status_code == 400


@pytest.mark.parametrize("spec", [1, None, {"range": 1, "domain": [{"b": 1, "a": 2}]}])
def test_an_own_extent_with_any_spec_is_returned_as_it_came(spec: object) -> None:
    body = range_body(range_object(), announced=[], extents=[])
    body["children"][EXTENT_KEY] = {"team-a/net-1": {"spec": spec}}
    (returned,) = [each for each in answer_to(body)["children"] if each["metadata"]["name"] == "net-1"]
    assert returned["spec"] == spec


# --- as they were written last ----------------------------------------------------------------------------------------

LABELS = {"ipam.mandelsoft.org/range": "team-a.net", "app": "x", "ipam.mandelsoft.org/later": "y"}
WRITTEN = {"range": "net", "state": "Ready", "later": {"b": 1, "a": [1.5]}}


@pytest.mark.parametrize("kind", ["IPAMAllocationSlice", "IPAMExtent"])
def test_a_child_that_cannot_be_read_is_returned_as_metacontroller_recorded_it(kind: str) -> None:
    """An older schema shows less of it, and what is left out would be dropped in the store."""
    applied = {"kind": "Other", "metadata": {"name": "other", "labels": LABELS}, "spec": WRITTEN}
    shown = {"metadata": {"annotations": {LAST_APPLIED_ANNOTATION: json.dumps(applied)}}, "spec": {"range": 5}}
    body = range_body(range_object(), announced=[], extents=[])
    body["children"][f"{kind}.ipam.mandelsoft.org/v1alpha1"] = {"team-a/x": shown}
    (returned,) = [each for each in answer_to(body)["children"] if each["metadata"]["name"] == "x"]
    assert returned == {
        "apiVersion": "ipam.mandelsoft.org/v1alpha1",
        "kind": kind,
        "metadata": {
            "namespace": "team-a",
            "name": "x",
            "labels": {"ipam.mandelsoft.org/later": "y", "ipam.mandelsoft.org/range": "team-a.net"},
        },
        "spec": WRITTEN,
    }
    assert list(returned["metadata"]["labels"]) == sorted(returned["metadata"]["labels"])


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "5", "[]", "{}", '{"spec": 5}', '{"spec": null}', "[" * 9999, '"\\ud800"'],
)
def test_a_child_whose_record_cannot_be_read_is_returned_as_it_is_shown(text: str) -> None:
    body = range_body(range_object(), announced=[], extents=[])
    shown = annotated(slice_object(answer_item("x")), LAST_APPLIED_ANNOTATION, text) | {"spec": {"range": 5}}
    body["children"][SLICE_KEY]["team-a/x"] = shown
    (returned,) = [each for each in answer_to(body)["children"] if each["metadata"]["name"] == "x"]
    assert returned["spec"] == {"range": 5}


@pytest.mark.parametrize("metadata", [None, 5, {"annotations": 5}, {"annotations": {LAST_APPLIED_ANNOTATION: 5}}])
def test_a_child_with_any_metadata_is_returned(metadata: object) -> None:
    body = range_body(range_object(), announced=[], extents=[])
    body["children"][SLICE_KEY]["team-a/x"] = {"metadata": metadata, "spec": {"range": 5}}
    (returned,) = [each for each in answer_to(body)["children"] if each["metadata"]["name"] == "x"]
    assert returned["metadata"] == {"namespace": "team-a", "name": "x"}
    assert returned["spec"] == {"range": 5}


@pytest.mark.parametrize("labels", [5, None, [], {"ipam.mandelsoft.org/cell": 5}])
def test_labels_of_any_type_are_left_out(labels: object) -> None:
    body = range_body(range_object(), announced=[], extents=[])
    body["children"][SLICE_KEY]["team-a/x"] = {"metadata": {"labels": labels}, "spec": 1}
    (returned,) = [each for each in answer_to(body)["children"] if each["metadata"]["name"] == "x"]
    assert returned["metadata"] == {"namespace": "team-a", "name": "x"}
