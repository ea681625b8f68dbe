"""The shipped policies, by the findings that they close: what one tenant may not do to the range and to others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from controlplane.api import (
    EXTENTS,
    RANGES,
    REQUESTS,
    SLICES,
    Api,
    Refused,
    object_path,
    objects_path,
)
from controlplane.objects import (
    ABANDON,
    FOREIGN,
    HOLD,
    LABEL,
    OURS,
    RANGE_FINALIZER,
    RECLAIM,
    RECORDED,
    answer_item,
    entry,
    extent_object,
    range_object,
    request_object,
    slice_object,
)
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until
from tests.e2e.policy_users import network_user_of, recorded, status_of_create
from tests.e2e.rights import bind, bind_in_cluster

if TYPE_CHECKING:
    from controlplane.api import Obj

LABELLED = "default.net"
UID = "0dd0f7a5-1c9c-4bb0-8d0e-3c0f8b7c5f11"


# ---------------------------------------------------- finding 2 (a): the label of a request


@pytest.mark.parametrize("labels", [{LABEL: None}, {LABEL: "default.other"}, {LABEL: ""}, None], ids=str)
def test_finding_2a_a_tenant_cannot_strip_or_change_the_label(
    api: Api, namespace: str, tenant: Api, labels: Obj
) -> None:
    api.create(_labelled(namespace, LABELLED))
    with pytest.raises(Refused, match=f"request {namespace}/web must keep the label {LABEL}={LABELLED}") as refused:
        tenant.patch(REQUESTS, namespace, "web", {"metadata": {"labels": labels}})
    assert refused.value.status == 403
    assert api.get(REQUESTS, namespace, "web")["metadata"]["labels"][LABEL] == LABELLED


def test_finding_2a_other_labels_are_free_and_a_wrong_one_at_creation_is_accepted(
    api: Api, namespace: str, tenant: Api
) -> None:
    """Metacontroller corrects it, so the request is served."""
    tenant.create(_labelled(namespace, "default.wrong"))
    tenant.patch(REQUESTS, namespace, "web", {"metadata": {"labels": {"team": "a"}}})
    api.patch(REQUESTS, namespace, "web", {"metadata": {"labels": {LABEL: LABELLED}}})
    tenant.create(request_object(namespace, "plain", "net"))
    tenant.patch(REQUESTS, namespace, "plain", {"metadata": {"labels": {LABEL: LABELLED}}})


# ---------------------------------------------------- finding 3: collections, and with them namespaces


def _controlled(child: Obj, owner: Obj) -> Obj:
    meta = owner["metadata"]
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}
    return child | {"metadata": child["metadata"] | {"ownerReferences": [reference | {"controller": True}]}}


@pytest.mark.parametrize("resource", [SLICES, EXTENTS])
def test_finding_3_nobody_deletes_a_collection(api: Api, namespace: str, tenant: Api, resource: str) -> None:
    del tenant
    owner = api.create(range_object(namespace, "net", "10.0.0.0/8"))
    obj = slice_object(namespace, "one") if resource == SLICES else extent_object(namespace, "one")
    api.create(_controlled(obj, owner))
    with pytest.raises(Refused, match=f"{resource} are not deleted as a collection: {namespace}/one") as refused:
        api.ask("DELETE", objects_path(resource, namespace))
    assert refused.value.status == 403
    api.delete(resource, namespace, "one")
    assert api.find(resource, namespace, "one") is None
    api.create(obj)
    api.ask("DELETE", objects_path(resource, namespace))  # no range controls it
    assert api.find(resource, namespace, "one") is None


def test_finding_3_extents_and_slices_outlive_the_deletion_of_their_namespace(
    api: Api, namespace: str, tenant: Api
) -> None:
    del tenant
    in_use = range_object(namespace, "net", "10.0.0.0/8")
    in_use["metadata"]["finalizers"] = [FOREIGN]
    in_use = api.create(in_use)
    for obj in (slice_object(namespace, "one", answer_item()), extent_object(namespace, "one")):
        api.create(_controlled(obj, in_use))
    api.ask("DELETE", f"/api/v1/namespaces/{namespace}")
    wait_until(lambda: _waits(api, namespace), what="the namespace waits for its content", seconds=EFFECT_SECONDS_MAX)
    assert "deletionTimestamp" in api.get(RANGES, namespace, "net")["metadata"]
    released = api.get(SLICES, namespace, "one")
    released["spec"]["answers"][0] |= {"state": "Released", "revision": 1}
    api.ask("PUT", object_path(SLICES, namespace, "one"), released)
    assert api.find(EXTENTS, namespace, "one") is not None
    for resource in (SLICES, EXTENTS):
        api.delete(resource, namespace, "one")
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": None}})
    wait_until(lambda: not _exists(api, namespace), what="the namespace is deleted", seconds=60)


# ---------------------------------------------------- finding 4: owners of a namespace


def test_finding_4_an_owner_of_a_namespace_is_bound_by_the_rules_for_requests(
    api: Api, namespace: str, owner: Api
) -> None:
    request = _labelled(namespace, LABELLED)
    request["metadata"]["finalizers"] = [OURS]
    api.create(request)
    with pytest.raises(Refused, match="must keep the finalizer"):
        owner.patch(REQUESTS, namespace, "web", {"metadata": {"finalizers": None}})
    with pytest.raises(Refused, match="must keep the label"):
        owner.patch(REQUESTS, namespace, "web", {"metadata": {"labels": None}})
    with pytest.raises(Refused, match="at most 16384 are allowed"):
        owner.patch(REQUESTS, namespace, "web", {"metadata": {"annotations": {"a": "<" * 200_000}}})


def test_finding_4_an_owner_of_a_namespace_writes_no_records_of_the_ipam(api: Api, namespace: str, owner: Api) -> None:
    range_ = api.create(range_object(namespace, "net", "10.0.0.0/24"))
    request = api.create(request_object(namespace, "web", "net"))
    for obj in (slice_object(namespace, "one"), extent_object(namespace, "one")):
        with pytest.raises(Refused, match="only Metacontroller and cluster administrators may write this"):
            owner.create(obj)
        api.create(obj)
    for resource in (SLICES, EXTENTS):
        with pytest.raises(Refused, match="only Metacontroller"):
            owner.patch(resource, namespace, "one", {"metadata": {"labels": {"a": "b"}}})
        with pytest.raises(Refused, match="only Metacontroller"):
            owner.delete(resource, namespace, "one")
    for obj, status in (
        (range_, {"revision": 1, "schemaV1": True}),
        (request, {"cidr": "10.0.0.0/32", "state": "Ready"}),
    ):
        with pytest.raises(Refused, match="only Metacontroller"):
            owner.put_status(obj | {"status": status})


# ---------------------------------------------------- finding 6: the recorded address


def test_finding_6_a_tenant_cannot_record_an_address(api: Api, namespace: str, tenant: Api) -> None:
    refusal = f"request {namespace}/web has the annotation {RECORDED}.*ipam-restore"
    with pytest.raises(Refused, match=refusal) as refused:
        tenant.create(recorded(namespace, "10.0.0.0/28"))
    assert refused.value.status == 403
    assert api.find(REQUESTS, namespace, "web") is None


@pytest.mark.parametrize("after", [None, "10.0.0.16/28", ""], ids=str)
def test_finding_6_a_tenant_cannot_change_a_record(api: Api, namespace: str, tenant: Api, after: str | None) -> None:
    api.create(recorded(namespace, "10.0.0.0/28"))
    api.create(request_object(namespace, "plain", "net"))
    refusal = f"the annotation {RECORDED} of request {namespace}/web is written by the controller"
    with pytest.raises(Refused, match=refusal):
        tenant.patch(REQUESTS, namespace, "web", {"metadata": {"annotations": {RECORDED: after}}})
    with pytest.raises(Refused, match="is written by the controller"):
        tenant.patch(REQUESTS, namespace, "plain", {"metadata": {"annotations": {RECORDED: "10.0.0.16/28"}}})
    tenant.patch(REQUESTS, namespace, "web", {"metadata": {"annotations": {"example.com/note": "free"}}})


def test_finding_6_a_user_with_the_role_for_restores_creates_records_and_does_not_change_them(
    api: Api, namespace: str, tenant: Api
) -> None:
    del tenant
    bind(api, namespace, "ipam-edit", "restorer")
    bind(api, namespace, "ipam-restore", "restorer")
    restorer = api.impersonating("restorer")
    wait_until(
        lambda: status_of_create(restorer, request_object(namespace, "plain", "net")) == 201,
        what="the role is in effect",
        seconds=EFFECT_SECONDS_MAX,
    )
    with pytest.raises(Refused, match="ipam-restore"):  # a RoleBinding is not enough
        restorer.create(recorded(namespace, "10.0.0.0/28"))
    bind_in_cluster(api, "ipam-restore", "restorer")
    wait_until(
        lambda: status_of_create(restorer, recorded(namespace, "10.0.0.0/28")) == 201,
        what="the role is in effect",
        seconds=EFFECT_SECONDS_MAX,
    )
    restorer.create(recorded(namespace, "10.0.0.0/28"))
    with pytest.raises(Refused, match="is written by the controller"):
        restorer.patch(REQUESTS, namespace, "web", {"metadata": {"annotations": {RECORDED: "10.0.0.16/28"}}})


# ---------------------------------------------------- finding 9: ranges, and their domains


def test_finding_9_a_range_keeps_its_finalizer(api: Api, namespace: str, tenant: Api) -> None:
    del tenant
    network = network_user_of(api, namespace)
    created = range_object(namespace, "net", "10.0.0.0/8")
    created["metadata"]["finalizers"] = [RANGE_FINALIZER, FOREIGN]
    api.create(created)  # it holds nothing, but the first block may be on its way to the ledger
    refusal = f"range {namespace}/net must keep the finalizer {RANGE_FINALIZER}: delete the range instead"
    for finalizers in (None, [FOREIGN]):
        with pytest.raises(Refused, match=refusal):
            network.patch(RANGES, namespace, "net", {"metadata": {"finalizers": finalizers}})
    network.patch(RANGES, namespace, "net", {"metadata": {"finalizers": [RANGE_FINALIZER]}})
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": None, "annotations": {ABANDON: "true"}}})


def test_not_even_metacontroller_removes_the_last_finalizer_of_a_range_in_use(
    api: Api, namespace: str, tenant: Api
) -> None:
    """It removes one whatever has happened since it asked the hook, so that two shards could remove theirs at once."""
    del tenant
    created = range_object(namespace, "net", "10.0.0.0/8")
    created["metadata"]["finalizers"] = [RANGE_FINALIZER, f"{RANGE_FINALIZER}-s1", FOREIGN]
    created = api.create(created)
    api.put_status(created | {"status": {"revision": 1, "schemaV1": True, "allocations": [entry(1)]}})
    one = [RANGE_FINALIZER, FOREIGN]
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": one}})
    refusal = f"range {namespace}/net must keep a finalizer {RANGE_FINALIZER}... until its deletion has begun"
    released = {"revision": 2, "schemaV1": True, "closing": True}
    for is_deleted in (False, True):
        if is_deleted:
            api.delete(RANGES, namespace, "net")
        with pytest.raises(Refused, match=re.escape(refusal)):
            api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": [FOREIGN]}})
    current = api.get(RANGES, namespace, "net")
    api.put_status(current | {"status": released})
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": [FOREIGN]}})
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": None}})
    assert api.find(RANGES, namespace, "net") is None


def test_an_abandoned_range_says_so_in_the_same_write(api: Api, namespace: str, tenant: Api) -> None:
    """An annotation from before would let Metacontroller remove the finalizer, too."""
    del tenant
    created = range_object(namespace, "net", "10.0.0.0/8")
    created["metadata"] |= {"finalizers": [RANGE_FINALIZER], "annotations": {ABANDON: "true"}}
    api.create(created)
    with pytest.raises(Refused, match=f"set the annotation {ABANDON} in the same write"):
        api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": None}})
    api.patch(RANGES, namespace, "net", {"metadata": {"annotations": {ABANDON: None}}})
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": None, "annotations": {ABANDON: "true"}}})


def test_only_metacontroller_adds_its_finalizers(api: Api, namespace: str, tenant: Api) -> None:
    """They say that a shard serves the object: a forged one would end the service of the others."""
    network = network_user_of(api, namespace)
    made = range_object(namespace, "net", "10.0.0.0/8"), request_object(namespace, "web", "net")
    for user, obj, ours in zip((network, tenant), made, (RANGE_FINALIZER, OURS), strict=True):
        name, plural = obj["metadata"]["name"], RANGES if obj["kind"] == "IPAMRange" else REQUESTS
        refusal = f"the finalizer {ours}-s1 of {plural[4:-1]} {namespace}/{name} is set by Metacontroller only"
        with pytest.raises(Refused, match=refusal):
            user.create(obj | {"metadata": obj["metadata"] | {"finalizers": [ours, f"{ours}-s1"]}})
        user.create(obj | {"metadata": obj["metadata"] | {"finalizers": [ours]}})
        with pytest.raises(Refused, match=refusal):
            user.patch(plural, namespace, name, {"metadata": {"finalizers": [ours, f"{ours}-s1"]}})
        api.patch(plural, namespace, name, {"metadata": {"finalizers": [ours, f"{ours}-s1"]}})
    api.patch(REQUESTS, namespace, "web", {"metadata": {"finalizers": None}})
    api.patch(RANGES, namespace, "net", {"metadata": {"finalizers": None, "annotations": {ABANDON: "true"}}})


@pytest.mark.parametrize("kind", ["ipamallocationslices", "ipamextents"])
def test_a_quota_must_not_limit_what_ranges_write(api: Api, namespace: str, owner: Api, kind: str) -> None:
    """It would keep answers from the requests of all namespaces, which could not be deleted either."""
    del api
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    hard = {f"count/{kind}.ipam.mandelsoft.org": "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}
    with pytest.raises(Refused, match=f"must not limit count/{kind}.ipam.mandelsoft.org"):
        owner.ask("POST", path, quota)
    quota["spec"] = {"hard": {"count/ipamrequests.ipam.mandelsoft.org": "5"}}
    owner.ask("POST", path, quota)


def test_finding_9_a_team_announces_addresses_only_in_its_domains(api: Api, namespace: str, tenant: Api) -> None:
    del tenant
    network = network_user_of(api, namespace)
    for domain in ("corp", "default"):
        refusal = f"range {namespace}/net announces addresses in the domain {domain}, for which you need the right"
        with pytest.raises(Refused, match=refusal):
            network.create(range_object(namespace, "net", "0.0.0.0/0", domain=domain))
    without = range_object(namespace, "net", "0.0.0.0/0")
    del without["spec"]["domain"]
    with pytest.raises(Refused, match="in the domain default"):
        network.create(without)
    assert api.create(without)["spec"]["domain"] == "default"
    with pytest.raises(Refused, match="in the domain default"):
        network.patch(RANGES, namespace, "net", {"spec": {"ranges": ["0.0.0.0/0", "10.0.0.0/8"]}})
    network.patch(RANGES, namespace, "net", {"metadata": {"labels": {"a": "b"}}})
    own = range_object(namespace, "own", "10.0.0.0/8")
    network.create(own)
    network.patch(RANGES, namespace, "own", {"spec": {"ranges": ["10.0.0.0/8", "172.16.0.0/12"]}})


def test_finding_9_the_role_for_ranges_bound_in_the_cluster_suffices_for_every_domain(
    api: Api, namespace: str, tenant: Api
) -> None:
    del tenant
    bind_in_cluster(api, "ipam-ranges", "network-operator")
    operator = api.impersonating("network-operator")
    obj = range_object(namespace, "net", "10.0.0.0/8", domain="corp")
    wait_until(lambda: status_of_create(operator, obj) == 201, what="the role is in effect", seconds=EFFECT_SECONDS_MAX)


# ------------------------------------------------------------------------------- case hold-spelling: safety catches


@pytest.mark.parametrize("value", ["True", "TRUE", "yes", "1", "on", "", " true", "false"])
def test_case_hold_spelling_only_true_is_accepted(api: Api, namespace: str, tenant: Api, value: str) -> None:
    del tenant
    held = range_object(namespace, "net", "10.0.0.0/8")
    held["metadata"]["annotations"] = {HOLD: value}
    refusal = f'{HOLD} of range {namespace}/net is "{value}": write "true" to hold the range, or remove the annotation'
    with pytest.raises(Refused) as refused:
        api.create(held)
    assert refusal in refused.value.message
    held["metadata"]["annotations"] = {HOLD: "true"}
    api.create(held)
    with pytest.raises(Refused):
        api.patch(RANGES, namespace, "net", {"metadata": {"annotations": {HOLD: value}}})
    api.patch(RANGES, namespace, "net", {"metadata": {"annotations": {HOLD: None}}})


@pytest.mark.parametrize("value", ["wrong-uid", f"{UID} {UID}", f"{UID};{UID}", f"{UID},", "team-a/web"])
def test_case_hold_spelling_reclaim_is_a_list_of_uids(api: Api, namespace: str, tenant: Api, value: str) -> None:
    del tenant
    api.create(range_object(namespace, "net", "10.0.0.0/8"))
    with pytest.raises(Refused, match="write the uids of requests, separated by commas"):
        api.patch(RANGES, namespace, "net", {"metadata": {"annotations": {RECLAIM: value}}})
    for accepted in (UID, f"{UID},{UID}", f"{UID}, {UID}", None):
        api.patch(RANGES, namespace, "net", {"metadata": {"annotations": {RECLAIM: accepted}}})


# ---------------------------------------------------- finding 16: the deletion of a collection of ranges


@pytest.mark.parametrize(
    ("propagation", "reason"),
    [("Foreground", r"is in use \(blocks: 2\): delete it with"), ("Orphan", "cannot be deleted with --cascade=orphan")],
)
def test_finding_16_a_refused_deletion_of_a_collection_gives_the_reason(
    api: Api, namespace: str, tenant: Api, propagation: str, reason: str
) -> None:
    del tenant
    created = api.create(range_object(namespace, "net", "10.0.0.0/8"))
    api.put_status(created | {"status": {"revision": 1, "schemaV1": True, "allocations": [entry(1), entry(2)]}})
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
    with pytest.raises(Refused, match=f"range {namespace}/net {reason}"):
        api.ask("DELETE", objects_path(RANGES, namespace), body)
    assert api.find(RANGES, namespace, "net") is not None


def _labelled(namespace: str, label: str) -> Obj:
    request = request_object(namespace, "web", "net")
    request["metadata"]["labels"] = {LABEL: label}
    return request


def _waits(api: Api, namespace: str) -> bool:
    conditions = api.ask("GET", f"/api/v1/namespaces/{namespace}")["status"].get("conditions", [])
    return any(each["type"] == "NamespaceDeletionContentFailure" and each["status"] == "True" for each in conditions)


def _exists(api: Api, namespace: str) -> bool:
    return api.call("GET", f"/api/v1/namespaces/{namespace}").status_code != 404
