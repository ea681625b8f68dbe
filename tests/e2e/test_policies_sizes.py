"""The shipped policies for the metadata of ranges and namespaces, which the calls of a range contain."""

from __future__ import annotations

import pytest

from controlplane.api import (
    GROUP,
    MERGE_PATCH,
    RANGES,
    Api,
    Refused,
)
from controlplane.objects import (
    range_object,
)
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until
from tests.e2e.policy_users import network_user_of
from tests.e2e.rights import bind_in_cluster, create_cluster_role

# ---------------------------------------------------- findings 12 and 14: the size of ranges and namespaces


def test_findings_12_and_14_the_metadata_of_a_range_is_limited(api: Api, namespace: str, tenant: Api) -> None:
    del tenant
    network = network_user_of(api, namespace)
    api.create(range_object(namespace, "net", "10.0.0.0/8"))
    refusal = rf"the metadata of range {namespace}/net has \d+ characters; at most 16384 are allowed"
    with pytest.raises(Refused, match=refusal):
        network.patch(RANGES, namespace, "net", {"metadata": {"annotations": {"a": "<" * 16_384}}})
    api.patch(RANGES, namespace, "net", {"metadata": {"annotations": {"a": "<" * 20_000}}})
    network.patch(RANGES, namespace, "net", {"metadata": {"annotations": {"a": "<" * 17_000}}})


def test_finding_12_the_metadata_of_a_namespace_is_limited(api: Api, namespace: str, owner: Api) -> None:
    create_cluster_role(
        api, "namespace-editor", {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create", "patch", "get"]}
    )
    bind_in_cluster(api, "namespace-editor", owner.impersonated)
    path = f"/api/v1/namespaces/{namespace}"

    def annotate(user: Api, length: int) -> int:
        patch = {"metadata": {"annotations": {"example.com/note": "<" * length}}}
        return user.call("PATCH", path, patch, kind=MERGE_PATCH).status_code

    wait_until(lambda: annotate(owner, 60_000) == 200, what="the role is in effect", seconds=EFFECT_SECONDS_MAX)
    assert annotate(owner, 66_000) == 422
    assert annotate(api, 70_000) == 200
    assert annotate(owner, 69_000) == 200
    assert annotate(owner, 200_000) == 422
    with pytest.raises(Refused, match=rf"namespace {namespace} has \d+ characters; at most 65536"):
        owner.ask("PATCH", path, {"metadata": {"annotations": {"a": "<" * 9_000}}}, kind=MERGE_PATCH)


@pytest.mark.parametrize("subresource", ["", "/status"])
def test_an_owner_changes_no_label_of_ours_and_grows_no_namespace(
    api: Api, namespace: str, owner: Api, subresource: str
) -> None:
    """Labels of ours decide which ranges serve a namespace; a write of the status keeps changes of the metadata."""
    create_cluster_role(
        api, "namespace-owner", {"apiGroups": [""], "resources": ["namespaces", "namespaces/status"], "verbs": ["*"]}
    )
    bind_in_cluster(api, "namespace-owner", owner.impersonated)
    path = f"/api/v1/namespaces/{namespace}{subresource}"

    def label(user: Api, key: str, value: str | None) -> int:
        return user.call("PATCH", path, {"metadata": {"labels": {key: value}}}, kind=MERGE_PATCH).status_code

    wait_until(lambda: label(owner, "team", "a") == 200, what="the role is in effect", seconds=EFFECT_SECONDS_MAX)
    assert label(owner, f"{GROUP}/pool", "secret") == 403
    assert label(api, f"{GROUP}/pool", "open") == 200
    assert label(owner, f"{GROUP}/pool", "secret") == 403
    assert label(owner, f"{GROUP}/pool", None) == 403
    assert label(owner, "team", "b") == 200
    large = {"metadata": {"annotations": {"a": "<" * 66_000}}}
    assert owner.call("PATCH", path, large, kind=MERGE_PATCH).status_code == 422
    if subresource:
        condition = {"type": "Note", "status": "True", "reason": "Note", "message": "<" * 30_000}
        conditions = [condition | {"type": f"Note{number}"} for number in range(3)]
        long = {"status": {"conditions": conditions}}
        assert owner.call("PATCH", path, long, kind=MERGE_PATCH).status_code == 422
