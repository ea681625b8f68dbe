"""Policies for deletions, and for ranges that are being restored, on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controlplane.api import (
    MERGE_PATCH,
    RANGES,
    REQUESTS,
    Api,
    Refused,
    object_path,
)
from controlplane.objects import (
    FOREIGN,
    HOLD,
    OURS,
    range_object,
    request_object,
)
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until
from tests.e2e.policy_users import network_user_of, owner_of, status_of_create
from tests.e2e.rights import bind_in_cluster

if TYPE_CHECKING:
    from requests import Response

    from controlplane.api import Obj


@pytest.mark.parametrize("options", [{"propagationPolicy": "Foreground"}, {"orphanDependents": True}], ids=str)
def test_a_second_deletion_does_not_hold_a_released_request_back(
    api: Api, tenant: Api, namespace: str, options: Obj
) -> None:
    """Its block may have another holder; the API server would add a finalizer, which it refuses to updates."""
    path = object_path(REQUESTS, namespace, "web")
    for finalizers in ([OURS], [OURS, FOREIGN]):
        request = request_object(namespace, "web", "net")
        request["metadata"]["finalizers"] = finalizers
        api.create(request)
        tenant.ask("DELETE", path)
        with pytest.raises(Refused, match=f"request {namespace}/web is being deleted already, and its block may be"):
            tenant.ask("DELETE", path, options)
        tenant.ask("DELETE", path, {"propagationPolicy": "Background"})
        assert api.get(REQUESTS, namespace, "web")["metadata"]["finalizers"] == finalizers
        api.patch(REQUESTS, namespace, "web", {"metadata": {"finalizers": None}})


def test_the_first_deletion_of_a_request_may_be_in_the_foreground(api: Api, tenant: Api, namespace: str) -> None:
    path = object_path(REQUESTS, namespace, "web")
    request = request_object(namespace, "web", "net")
    request["metadata"]["finalizers"] = [OURS]
    api.create(request)
    tenant.ask("DELETE", path, {"propagationPolicy": "Foreground"})
    api.patch(REQUESTS, namespace, "web", {"metadata": {"finalizers": None}})


def test_a_range_that_is_being_restored_is_deleted_by_no_other_user(api: Api, tenant: Api, namespace: str) -> None:
    """Its owner could create it again without the hold."""
    del tenant
    network = network_user_of(api, namespace)
    held = range_object(namespace, "net", "10.0.0.0/8")
    held["metadata"]["annotations"] = {HOLD: "restore"}
    api.create(held)
    with pytest.raises(Refused, match=f"range {namespace}/net is being restored"):
        network.ask("DELETE", object_path(RANGES, namespace, "net"))
    api.delete(RANGES, namespace, "net")


def test_an_owner_does_not_finalize_a_namespace(api: Api, tenant: Api, namespace: str) -> None:
    del tenant
    owner, path = owner_of(api, namespace), f"/api/v1/namespaces/{namespace}/finalize"
    stored = api.ask("GET", f"/api/v1/namespaces/{namespace}")
    with pytest.raises(Refused, match=f"namespace {namespace} is finalized only by users with the right"):
        owner.ask("PUT", path, stored)
    api.ask("PUT", path, stored)


def test_no_range_is_orphaned(api: Api, namespace: str, tenant: Api) -> None:
    del tenant
    network = network_user_of(api, namespace)
    api.create(range_object(namespace, "net", "10.0.0.0/8"))
    with pytest.raises(Refused, match=f"range {namespace}/net cannot be deleted with --cascade=orphan"):
        network.ask("DELETE", object_path(RANGES, namespace, "net"), {"propagationPolicy": "Orphan"})
    network.ask("DELETE", object_path(RANGES, namespace, "net"), {"propagationPolicy": "Foreground"})


def test_only_users_with_the_role_for_restores_end_a_hold_of_a_restore(api: Api, namespace: str, tenant: Api) -> None:
    """The owner of one range must not announce what the requests of others have recorded."""
    del tenant
    network, path = network_user_of(api, namespace), object_path(RANGES, namespace, "net")

    def hold(value: str | None) -> Response:
        return network.call("PATCH", path, {"metadata": {"annotations": {HOLD: value}}}, kind=MERGE_PATCH)

    held = range_object(namespace, "net", "10.0.0.0/8")
    held["metadata"]["annotations"] = {HOLD: "restore"}
    assert status_of_create(network, held) == 403
    api.create(held)
    refusal = (
        f"{HOLD}=restore of range {namespace}/net is set and removed only by users with the ClusterRole ipam-restore"
    )
    for value in (None, "true"):
        refused = hold(value)
        assert (refused.status_code, refusal in refused.json()["message"]) == (403, True)
    bind_in_cluster(api, "ipam-restore", "network")
    wait_until(lambda: hold(None).status_code == 200, what="the role is in effect", seconds=EFFECT_SECONDS_MAX)
