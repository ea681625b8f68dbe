"""A range with granted blocks can only be deleted on purpose, and in the background (metacontroller/policies.yaml).

With another propagation the garbage collector would delete its extents, and with them its seniority in its domain,
while its blocks are still in use. And no block is granted once a range is being deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controlplane.api import ALLOW_DELETION, MERGE_PATCH, RANGES, Refused, object_path
from controlplane.objects import FOREIGN, entry, range_object
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from controlplane.api import Api, Obj
    from controlplane.plane import ControlPlane

REFUSAL = r"is in use \(blocks: 2\): delete it with --cascade=background, or delete its requests first"
ALLOWING = "ipam.mandelsoft.org/allow-deletion"
ORPHANING = "cannot be deleted with --cascade=orphan, which would leave its extents behind"


@pytest.fixture
def in_use(api: Api, namespace: str) -> str:
    """A namespace with the range "net", which has granted two blocks; the test removes its finalizer."""
    obj = _with_finalizer(range_object(namespace, "net", "10.0.0.0/8"))
    obj["metadata"] |= ALLOW_DELETION["metadata"]
    created = api.create(obj)
    api.put_status(created | {"status": {"revision": 1, "schemaV1": True, "allocations": [entry(1), entry(2)]}})
    wait_until(lambda: _is_refused(api, namespace), what="the policy is in effect", seconds=EFFECT_SECONDS_MAX)
    return namespace


@pytest.mark.parametrize(
    "options",
    [{"propagationPolicy": "Foreground"}, {"propagationPolicy": "Orphan"}, {"orphanDependents": True}],
    ids=str,
)
def test_a_range_in_use_keeps_its_extents(api: Api, in_use: str, options: Obj) -> None:
    with pytest.raises(Refused, match=f"{REFUSAL}|{ORPHANING}") as refused:
        _delete(api, in_use, **options)
    assert refused.value.status == 403
    assert "deletionTimestamp" not in api.get(RANGES, in_use, "net")["metadata"]


@pytest.mark.parametrize("options", [{}, {"propagationPolicy": "Background"}, {"orphanDependents": False}], ids=str)
def test_it_can_be_deleted_in_the_background(api: Api, in_use: str, options: Obj) -> None:
    _delete(api, in_use, **options)
    assert "deletionTimestamp" in api.get(RANGES, in_use, "net")["metadata"]
    with pytest.raises(Refused, match=REFUSAL):
        _delete(api, in_use, propagationPolicy="Foreground")
    _remove_finalizers(api, in_use)


@pytest.mark.parametrize("cascade", ["foreground", "orphan"])
def test_kubectl_prints_what_to_do(control_plane: ControlPlane, in_use: str, cascade: str) -> None:
    with pytest.raises(Refused, match=f"range {in_use}/net ({REFUSAL}|{ORPHANING})"):
        control_plane.kubectl("delete", "iprange", "net", "-n", in_use, f"--cascade={cascade}", "--wait=false")


@pytest.mark.parametrize("finalizer", ["foregroundDeletion", "orphan"])
def test_a_finalizer_does_not_change_how_a_range_in_use_is_deleted(api: Api, in_use: str, finalizer: str) -> None:
    """It takes effect if the deletion names no propagation policy."""
    api.patch(RANGES, in_use, "net", {"metadata": {"finalizers": [FOREIGN, finalizer]}})
    with pytest.raises(Refused, match=f"{REFUSAL}|{ORPHANING}"):
        _delete(api, in_use)
    _delete(api, in_use, propagationPolicy="Background")
    assert api.get(RANGES, in_use, "net")["metadata"]["finalizers"] == [FOREIGN]
    _remove_finalizers(api, in_use)


@pytest.mark.parametrize("value", [None, "false", "yes"])
def test_a_range_in_use_is_deleted_on_purpose_only(api: Api, in_use: str, value: str | None) -> None:
    """Not by a wrong value either."""
    api.patch(RANGES, in_use, "net", _annotating(ALLOWING, value))
    refusal = f"range {in_use}/net holds blocks \\(2\\), and its deletion cannot be undone"
    with pytest.raises(Refused, match=refusal) as refused:
        _delete(api, in_use)
    assert refused.value.status == 403
    assert "deletionTimestamp" not in api.get(RANGES, in_use, "net")["metadata"]


def test_clusterctl_may_delete_what_it_has_moved(api: Api, in_use: str) -> None:
    api.patch(RANGES, in_use, "net", _annotating(ALLOWING, None))
    api.patch(RANGES, in_use, "net", _annotating("clusterctl.cluster.x-k8s.io/delete-for-move", ""))
    _delete(api, in_use)
    _remove_finalizers(api, in_use)


def test_a_range_whose_blocks_all_cool_down_is_not_in_use(api: Api, in_use: str) -> None:
    api.patch(RANGES, in_use, "net", _annotating(ALLOWING, None))
    cooling = [each | {"releasedAt": "2026-01-01T00:00:00Z"} for each in (entry(1), entry(2))]
    status = {"revision": 2, "schemaV1": True, "allocations": cooling}
    api.patch(RANGES, in_use, "net", {"status": status}, sub="/status")
    _delete(api, in_use)
    _remove_finalizers(api, in_use)


def test_a_range_whose_owner_was_deleted_is_collected(api: Api, in_use: str) -> None:
    owner = api.ask("POST", f"/api/v1/namespaces/{in_use}/configmaps", {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    api.patch(RANGES, in_use, "net", _annotating(ALLOWING, None))
    api.patch(RANGES, in_use, "net", {"metadata": {"ownerReferences": [reference]}})
    api.ask("DELETE", f"/api/v1/namespaces/{in_use}/configmaps/owner")
    wait_until(
        lambda: "deletionTimestamp" in api.get(RANGES, in_use, "net")["metadata"],
        what="the range is being deleted",
        seconds=EFFECT_SECONDS_MAX,
    )
    _remove_finalizers(api, in_use)


def test_a_grant_from_before_a_deletion_is_not_committed_after_it(api: Api, namespace: str) -> None:
    """A range without blocks may be deleted in the foreground, and its extents before an old proposal arrives."""
    created = api.create(_with_finalizer(range_object(namespace, "net", "10.0.0.0/8")))
    proposal = {"revision": 1, "schemaV1": True, "allocations": [entry(1)]}
    _delete(api, namespace, propagationPolicy="Foreground")
    wait_until(lambda: _is_late(api, namespace, proposal), what="the policy is in effect", seconds=EFFECT_SECONDS_MAX)
    with pytest.raises(Refused, match=f"range {namespace}/net is being deleted: this status was") as refused:
        api.patch(RANGES, namespace, "net", {"status": proposal}, sub="/status")
    assert refused.value.status == 422
    api.patch(RANGES, namespace, "net", {"status": {"revision": 1, "schemaV1": True, "closing": True}}, sub="/status")
    assert api.get(RANGES, namespace, "net")["metadata"]["uid"] == created["metadata"]["uid"]
    _remove_finalizers(api, namespace)


@pytest.mark.parametrize(
    "status", [None, {"revision": 1, "schemaV1": True, "allocations": []}], ids=["no status", "an empty ledger"]
)
@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_a_range_without_blocks_can_be_deleted_in_the_foreground_too(
    api: Api, namespace: str, status: Obj | None, propagation: str
) -> None:
    created = api.create(_with_finalizer(range_object(namespace, "net", "10.0.0.0/8")))
    if status:
        api.put_status(created | {"status": status})
    _delete(api, namespace, propagationPolicy=propagation)
    assert "deletionTimestamp" in api.get(RANGES, namespace, "net")["metadata"]
    _remove_finalizers(api, namespace)


def test_a_namespace_with_a_range_in_use_can_be_deleted(api: Api, in_use: str) -> None:
    api.patch(RANGES, in_use, "net", _annotating(ALLOWING, None))
    api.ask("DELETE", f"/api/v1/namespaces/{in_use}")
    wait_until(
        lambda: "deletionTimestamp" in api.get(RANGES, in_use, "net")["metadata"],
        what="the range is being deleted",
        seconds=EFFECT_SECONDS_MAX,
    )
    _remove_finalizers(api, in_use)


def _annotating(name: str, value: str | None) -> Obj:
    return {"metadata": {"annotations": {name: value}}}


def _with_finalizer(obj: Obj) -> Obj:
    return obj | {"metadata": obj["metadata"] | {"finalizers": [FOREIGN]}}


def _delete(api: Api, namespace: str, **options: object) -> None:
    body = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
    api.ask("DELETE", object_path(RANGES, namespace, "net"), body)


def _is_refused(api: Api, namespace: str) -> bool:
    try:
        _delete(api, namespace, propagationPolicy="Foreground", dryRun=["All"])
    except Refused as refused:
        return refused.status == 403
    return False


def _is_late(api: Api, namespace: str, proposal: Obj) -> bool:
    path = f"{object_path(RANGES, namespace, 'net')}/status"
    return api.call("PATCH", path, {"status": proposal}, kind=MERGE_PATCH, dryRun="All").status_code == 422


def _remove_finalizers(api: Api, namespace: str) -> None:
    """Removes the finalizers, so that the range and the namespace can be deleted."""
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": None}})
