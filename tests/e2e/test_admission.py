"""The admission policies save two writes per request and its managedFields: first alone, then with the full loop.

They are installed for these tests and for the examples; in the other tests the DecoratorController does its work.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bench.readings import read
from controlplane.api import APPLY_PATCH, RANGES, REQUESTS, SLICES, object_path
from controlplane.cluster import Running
from controlplane.objects import (
    ABANDON,
    API_VERSION,
    FOREIGN,
    LABEL,
    OURS,
    RANGE_FINALIZER,
    RECORDED,
    range_object,
    request_object,
    slice_object,
)
from controlplane.policies import POLICY, POLICY_V1BETA1
from controlplane.processes import wait_until
from tests.e2e.admission import admission_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Api, Obj
    from controlplane.plane import ControlPlane
    from controlplane.team import Team

COUNTED = 50
LABEL_LENGTH_MAX = 63

#: The writes for each granted request, by purpose. Metacontroller writes only with PUT.
CREATE, STATUS = "POST ipamrequests 201", "PUT ipamrequests/status 200"
#: The write of the recorded address; without the policy also of the finalizer and of the label.
OBJECT = "PUT ipamrequests 200"
ACCEPTED = re.compile(r"\w+ (ipamrequests|ipamallocationslices)\b.* 2\d\d$")
#: The writes of the slices that carry the answers: at most this share of a write for each request.
SLICE_WRITES_SHARE_MAX = 0.5


@pytest.fixture
def policy(control_plane: ControlPlane) -> Iterator[None]:
    """The policy, in effect."""
    with admission_policy(control_plane):
        yield


# ----------------------------------------------------------------------------------------------------------- alone


@pytest.mark.parametrize("folder", [POLICY, POLICY_V1BETA1])
def test_a_new_range_gets_the_finalizer(control_plane: ControlPlane, api: Api, namespace: str, folder: str) -> None:
    """Otherwise a deletion that begins before Metacontroller adds it would not wait for the release of blocks."""
    with admission_policy(control_plane, folder):
        plain = api.create(range_object(namespace, "net", "10.0.0.0/24"))
        kept = range_object(namespace, "kept", "10.1.0.0/24")
        kept["metadata"]["finalizers"] = [FOREIGN, RANGE_FINALIZER]
        kept = api.create(kept)
        assert plain["metadata"]["finalizers"] == [RANGE_FINALIZER]
        assert kept["metadata"]["finalizers"] == [FOREIGN, RANGE_FINALIZER]
        for name in ("net", "kept"):
            abandoned = {"finalizers": None, "annotations": {ABANDON: "true"}}
            api.patch(RANGES, namespace, name, {"metadata": abandoned})


@pytest.mark.parametrize("folder", [POLICY, POLICY_V1BETA1])
def test_a_new_request_gets_label_and_finalizer(
    control_plane: ControlPlane, api: Api, namespace: str, folder: str
) -> None:
    with admission_policy(control_plane, folder):
        meta = _meta_of_new(api, request_object(namespace, "web", "net"))
    assert (meta["labels"], meta["finalizers"]) == ({LABEL: f"{namespace}.net"}, [OURS])


@pytest.mark.usefixtures("policy")
def test_labels_and_finalizers_of_others_stay(api: Api, namespace: str) -> None:
    others = {"labels": {"team": "a", "example.com/x": "b"}, "finalizers": [FOREIGN]}
    meta = _meta_of_new(api, _with_meta(request_object(namespace, "web", "net"), **others))
    assert meta["labels"] == {"team": "a", "example.com/x": "b", LABEL: f"{namespace}.net"}
    assert meta["finalizers"] == [FOREIGN, OURS]


@pytest.mark.usefixtures("policy")
def test_an_existing_label_and_finalizer_are_not_set_twice(api: Api, namespace: str) -> None:
    ready = {"labels": {LABEL: f"{namespace}.net"}, "finalizers": [OURS, FOREIGN]}
    meta = _meta_of_new(api, _with_meta(request_object(namespace, "web", "net"), **ready))
    assert {key: meta[key] for key in ready} == ready


@pytest.mark.usefixtures("policy")
def test_a_wrong_label_is_corrected(api: Api, namespace: str) -> None:
    wrong = _with_meta(request_object(namespace, "web", "net"), labels={LABEL: "another.net"})
    assert _meta_of_new(api, wrong)["labels"] == {LABEL: f"{namespace}.net"}


@pytest.mark.usefixtures("policy")
def test_the_label_names_the_namespace_of_the_range(api: Api, namespace: str) -> None:
    request = request_object(namespace, "web", "net")
    request["spec"]["ipam"]["namespace"] = "other"
    assert _meta_of_new(api, request)["labels"] == {LABEL: "other.net"}


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("excess", [0, 1])
def test_a_label_that_would_be_too_long_is_not_set(api: Api, namespace: str, excess: int) -> None:
    range_name = "n" * (LABEL_LENGTH_MAX + excess - len(f"{namespace}."))
    meta = _meta_of_new(api, request_object(namespace, "web", range_name))
    assert meta.get("labels", {}) == ({} if excess else {LABEL: f"{namespace}.{range_name}"})
    assert meta["finalizers"] == [OURS]


@pytest.mark.usefixtures("policy")
def test_every_way_to_create_a_request_passes_the_policy(control_plane: ControlPlane, api: Api, namespace: str) -> None:
    created, applied, sided, patched = (
        request_object(namespace, name, "net") for name in ("created", "applied", "sided", "patched")
    )
    control_plane.kubectl("create", "-f", "-", stdin=json.dumps(created))
    control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(applied))
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(sided))
    api.ask("PATCH", object_path(REQUESTS, namespace, "patched"), patched, kind=APPLY_PATCH, fieldManager="another")
    metas = [obj["metadata"] for obj in api.list(REQUESTS, namespace)]
    assert [(meta["labels"], meta["finalizers"]) for meta in metas] == [({LABEL: f"{namespace}.net"}, [OURS])] * 4
    _remove_finalizers(api, namespace)


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("server_side", [False, True])
def test_applying_a_request_again_changes_nothing(
    control_plane: ControlPlane, api: Api, namespace: str, *, server_side: bool
) -> None:
    apply = ("apply", "-f", "-", *(["--server-side"] if server_side else []))
    request = json.dumps(request_object(namespace, "web", "net"))
    control_plane.kubectl(*apply, stdin=request)
    before = api.get(REQUESTS, namespace, "web")
    control_plane.kubectl(*apply, stdin=request)
    after = api.get(REQUESTS, namespace, "web")
    assert _without_version(after) == _without_version(before)
    _remove_finalizers(api, namespace)


@pytest.mark.parametrize("folder", [POLICY, POLICY_V1BETA1])
def test_managed_fields_are_not_maintained_of_objects_that_are_not_applied_on_the_server_side(
    control_plane: ControlPlane, api: Api, namespace: str, folder: str
) -> None:
    with admission_policy(control_plane, folder):
        api.create(request_object(namespace, "web", "net"))
        applied = json.dumps(request_object(namespace, "applied", "net"))
        control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=applied)
        api.create(slice_object(namespace, "net-0"))
        for resource, name in ((REQUESTS, "web"), (REQUESTS, "applied"), (SLICES, "net-0")):
            api.patch(resource, namespace, name, {"metadata": {"annotations": {"example.com/owner": "a"}}})

        of_slice, of_request = (
            api.get(*key)["metadata"] for key in ((SLICES, namespace, "net-0"), (REQUESTS, namespace, "web"))
        )
        assert "managedFields" not in of_slice
        assert "managedFields" not in of_request
        managers = api.get(REQUESTS, namespace, "applied")["metadata"]["managedFields"]
        assert {each["operation"] for each in managers} == {"Apply", "Update"}
    _remove_finalizers(api, namespace)


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("operation", ["", "Apply", "Update"])
@pytest.mark.parametrize("count", [1, 20_000])
def test_no_managed_fields_of_users_keep_the_finalizer_from_a_request(
    api: Api, namespace: str, operation: str, count: int
) -> None:
    """The API server computes those of a new object itself, so none can make the expression of the policy fail."""
    entry = {"apiVersion": API_VERSION, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}, "operation": operation}
    crafted = [entry | {"manager": f"m{number}"} for number in range(count)]
    meta = _meta_of_new(api, _with_meta(request_object(namespace, "web", "net"), managedFields=crafted))
    assert meta["finalizers"] == [OURS]
    assert "managedFields" not in meta


@pytest.mark.usefixtures("policy")
def test_a_request_can_be_applied_on_the_server_side_later(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    request = request_object(namespace, "web", "net")
    api.create(request)
    for labels in ({"team": "a"}, {"tier": "b"}):
        labelled = json.dumps(_with_meta(request, labels=labels))
        control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=labelled)
    assert api.get(REQUESTS, namespace, "web")["metadata"]["labels"] == {LABEL: f"{namespace}.net", "tier": "b"}
    _remove_finalizers(api, namespace)


@pytest.mark.usefixtures("policy")
def test_a_removed_finalizer_is_not_restored(api: Api, namespace: str) -> None:
    """Otherwise no client, not even Metacontroller, could remove it."""
    api.create(request_object(namespace, "web", "net"))
    meta = api.patch(REQUESTS, namespace, "web", {"metadata": {"finalizers": []}})["metadata"]
    assert "finalizers" not in meta
    assert meta["labels"] == {LABEL: f"{namespace}.net"}


@pytest.mark.usefixtures("policy")
def test_a_deleted_request_is_removed_with_its_finalizer(api: Api, namespace: str) -> None:
    api.create(request_object(namespace, "web", "net"))
    api.delete(REQUESTS, namespace, "web")
    assert "deletionTimestamp" in api.get(REQUESTS, namespace, "web")["metadata"]
    api.patch(REQUESTS, namespace, "web", {"metadata": {"finalizers": []}})
    assert api.find(REQUESTS, namespace, "web") is None


@pytest.mark.usefixtures("policy")
def test_other_objects_are_not_changed(api: Api, namespace: str) -> None:
    meta = _meta_of_new(api, slice_object(namespace, "net-0"))
    assert "labels" not in meta
    assert "finalizers" not in meta


def test_without_the_policy_a_new_request_has_neither(api: Api, namespace: str) -> None:
    meta = _meta_of_new(api, request_object(namespace, "web", "net"))
    assert "labels" not in meta
    assert "finalizers" not in meta


# --------------------------------------------------------------------------------------------- under the full loop


@pytest.mark.usefixtures("policy")
def test_a_granted_request_costs_three_writes_and_a_share_of_a_slice_with_the_policy(team: Team) -> None:
    writes, slice_writes = _writes_for_grants(team)
    assert writes == _times({CREATE: 1, OBJECT: 1, STATUS: 1})
    assert slice_writes.total() <= SLICE_WRITES_SHARE_MAX * COUNTED, slice_writes
    team.delete_all(REQUESTS)
    team.wait_empty()


def test_a_granted_request_costs_five_writes_and_a_share_of_a_slice_without_the_policy(team: Team) -> None:
    writes, slice_writes = _writes_for_grants(team)
    assert writes == _times({CREATE: 1, OBJECT: 3, STATUS: 1})
    assert slice_writes.total() <= SLICE_WRITES_SHARE_MAX * COUNTED, slice_writes
    team.delete_all(REQUESTS)
    team.wait_empty()


@pytest.mark.usefixtures("policy")
def test_a_long_name_is_served_with_the_policy_too(team: Team) -> None:
    name = "n" * LABEL_LENGTH_MAX
    team.create_range(name, "10.0.0.0/24")
    team.create_request("web", name)
    team.wait_state("web", "Ready")
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")


def _writes_for_grants(team: Team) -> tuple[Counter[str], Counter[str]]:
    """All accepted writes to requests, and those to slices; bench/ counts the commits of the range."""
    team.create_range("net", "10.0.0.0/24")
    wait_until(lambda: team.range()["status"].get("state") == "Ready", what="the range is Ready", seconds=30)
    running = Running(str(team.api.ca_file.parents[1]), team.api.url, etcd_url="")
    before = read(running).writes
    load = team.start_load(COUNTED)
    load.wait_created()
    wait_until(lambda: _recorded_count(team) == COUNTED, what="all addresses are recorded", seconds=60)
    written = read(running).writes - before
    accepted = {name: count for name, count in written.items() if ACCEPTED.match(name)}
    slices = {name: count for name, count in accepted.items() if SLICES in name}
    return Counter({name: count for name, count in accepted.items() if name not in slices}), Counter(slices)


def _recorded_count(team: Team) -> int:
    """The number of requests with their address in the annotation, which is the last write for each."""
    return sum(RECORDED in obj["metadata"].get("annotations", {}) for obj in team.requests("Ready"))


def _times(writes: dict[str, int]) -> Counter[str]:
    return Counter({name: count * COUNTED for name, count in writes.items()})


def _meta_of_new(api: Api, obj: Obj) -> Obj:
    """The metadata that an object would be stored with."""
    return dict(api.create(obj, dryRun="All")["metadata"])


def _with_meta(obj: Obj, **meta: object) -> Obj:
    changed = copy.deepcopy(obj)
    changed["metadata"] |= meta
    return changed


def _without_version(obj: Obj) -> Obj:
    """The object without its version: the first server-side apply after a creation rewrites the same object."""
    return obj | {"metadata": {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}}


def _remove_finalizers(api: Api, namespace: str) -> None:
    """Removes the finalizers, because no controller runs that would do so."""
    for obj in api.list(REQUESTS, namespace):
        api.patch(REQUESTS, namespace, obj["metadata"]["name"], {"metadata": {"finalizers": []}})
