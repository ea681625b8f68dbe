"""The shipped roles: their rights by the API server's authorizer, and by real calls.

The cluster's roles view, edit and admin get our rules by aggregation, which the controller manager does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controlplane.api import EXTENTS, GROUP, MERGE_PATCH, RANGES, REQUESTS, SLICES, Api, Refused, object_path
from controlplane.objects import FOREIGN, OURS, range_object, request_object, slice_object
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until
from tests.e2e.rights import bind, bind_in_cluster

if TYPE_CHECKING:
    from controlplane.api import Obj

READ = {"get", "list", "watch"}
WRITE = {"create", "update", "patch", "delete", "deletecollection"}
NOTHING: set[str] = set()
VERBS = READ | WRITE | {"use"}
AGGREGATION_SECONDS_MAX = 30.0

#: A role in a namespace, a resource, and all verbs that the role allows.
RIGHTS = [
    ("view", RANGES, READ),
    ("view", REQUESTS, READ),
    ("view", SLICES, READ),
    ("view", EXTENTS, READ),
    ("view", f"{RANGES}/status", NOTHING),
    ("view", f"{REQUESTS}/status", NOTHING),
    ("edit", RANGES, READ),
    ("edit", REQUESTS, READ | WRITE),
    ("edit", SLICES, READ),
    ("edit", EXTENTS, READ),
    ("edit", f"{RANGES}/status", NOTHING),
    ("edit", f"{REQUESTS}/status", NOTHING),
    ("edit", f"{RANGES}/finalizers", NOTHING),
    ("admin", RANGES, READ),
    ("admin", REQUESTS, READ | WRITE),
    ("admin", SLICES, READ),
    ("admin", EXTENTS, READ),
    ("admin", f"{RANGES}/status", NOTHING),
    ("admin", f"{REQUESTS}/status", NOTHING),
    ("ipam-ranges", RANGES, READ | WRITE),
    ("ipam-ranges", REQUESTS, NOTHING),
    ("ipam-ranges", f"{RANGES}/status", NOTHING),
    ("ipam-ranges", f"{RANGES}/finalizers", NOTHING),
    ("ipam-ranges", "ipamdomains", {"use"}),
    ("edit", "ipamdomains", NOTHING),
    ("admin", "ipamdomains", NOTHING),
    ("admin", "ipamrecords", NOTHING),
    ("ipam-metacontroller", RANGES, READ | {"create", "update"}),
    ("ipam-metacontroller", REQUESTS, READ | {"update"}),
    ("ipam-metacontroller", f"{RANGES}/status", {"update"}),
    ("ipam-metacontroller", f"{REQUESTS}/status", {"update"}),
    ("ipam-metacontroller", f"{RANGES}/finalizers", {"update"}),
    ("ipam-metacontroller", f"{REQUESTS}/finalizers", {"update"}),
    ("ipam-metacontroller", SLICES, READ | {"create", "update", "delete"}),
    ("ipam-metacontroller", EXTENTS, READ | {"create", "update", "delete"}),
]

#: The rights of Metacontroller for its own kinds, which it always needs.


@pytest.fixture
def bound(api: Api, namespace: str) -> str:
    """A namespace in which users have the role of their name, after aggregation of our rules."""
    for role in ("view", "edit", "admin", "ipam-ranges"):
        bind(api, namespace, role)
    bind_in_cluster(api, "ipam-domains", "ipam-ranges")
    bind_in_cluster(api, "ipam-metacontroller")
    wait_until(
        lambda: all(_may(api, role, namespace, "get", RANGES) for role in ("view", "edit", "admin")),
        what="our rules are part of view, edit and admin",
        seconds=AGGREGATION_SECONDS_MAX,
    )
    return namespace


@pytest.mark.parametrize(
    ("role", "resource", "verbs"), RIGHTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_role_allows_exactly_these_verbs(api: Api, bound: str, role: str, resource: str, verbs: set[str]) -> None:
    assert {verb for verb in VERBS if _may(api, role, bound, verb, resource)} == verbs


@pytest.mark.parametrize("resource", [RANGES, REQUESTS, SLICES, EXTENTS])
def test_a_role_counts_in_its_namespace_only(api: Api, bound: str, resource: str) -> None:
    assert not [verb for verb in VERBS if _may(api, "admin", "default", verb, resource)]
    assert not [verb for verb in VERBS if _may(api, "nobody", bound, verb, resource)]


@pytest.mark.parametrize("resource", [RANGES, REQUESTS, SLICES, EXTENTS, f"{RANGES}/status"])
def test_the_hooks_have_no_rights(api: Api, resource: str) -> None:
    user = "system:serviceaccount:ipam-system:default"
    assert not [verb for verb in VERBS if _may(api, user, "ipam-system", verb, resource)]


def test_the_role_ipam_ranges_writes_ranges_and_the_role_edit_writes_requests(api: Api, bound: str) -> None:
    network, editor = api.impersonating("ipam-ranges"), api.impersonating("edit")
    with pytest.raises(Refused, match=f'cannot create resource "{RANGES}"'):
        editor.create(range_object(bound, "net", "10.0.0.0/24"))
    network.create(range_object(bound, "net", "10.0.0.0/24"))
    editor.create(request_object(bound, "web", "net"))
    editor.delete(REQUESTS, bound, "web")
    with pytest.raises(Refused, match=f'cannot delete resource "{RANGES}"'):
        editor.ask("DELETE", object_path(RANGES, bound, "net"))
    network.delete(RANGES, bound, "net")


@pytest.mark.parametrize("user", ["edit", "admin", "ipam-ranges"])
def test_no_editor_can_mislead_the_hooks(api: Api, bound: str, user: str) -> None:
    range_, request = (
        api.create(obj) for obj in (range_object(bound, "net", "10.0.0.0/24"), request_object(bound, "web", "net"))
    )
    editor = api.impersonating(user)
    with pytest.raises(Refused, match=f'cannot create resource "{SLICES}"'):
        editor.create(slice_object(bound, "forged"))
    for obj, resource in ((range_, RANGES), (request, REQUESTS)):
        with pytest.raises(Refused, match=f'cannot update resource "{resource}/status"'):
            editor.put_status(obj | {"status": {"state": "Ready"}})
        with pytest.raises(Refused, match=f'cannot patch resource "{resource}/status"'):
            editor.patch(resource, bound, obj["metadata"]["name"], {"status": {"state": "Ready"}}, sub="/status")


@pytest.fixture
def finalized(api: Api, bound: str) -> str:
    """A namespace with the request "web", which has our finalizer and another one; the policy is in effect."""
    request = request_object(bound, "web", "net")
    request["metadata"]["finalizers"] = [OURS, FOREIGN]
    api.create(request)
    stripped: Obj = {"metadata": {"finalizers": []}}
    path = object_path(REQUESTS, bound, "web")

    def is_refused() -> bool:
        answer = api.impersonating("edit").call("PATCH", path, stripped, kind=MERGE_PATCH, dryRun="All")
        return answer.status_code == 403

    wait_until(is_refused, what="the policy is in effect", seconds=EFFECT_SECONDS_MAX)
    return bound


@pytest.mark.parametrize("user", ["edit", "admin"])
@pytest.mark.parametrize("finalizers", [[], [FOREIGN], None], ids=str)
def test_an_editor_cannot_remove_our_finalizer(
    api: Api, finalized: str, user: str, finalizers: list[str] | None
) -> None:
    refusal = f"request {finalized}/web must keep the finalizer {OURS}: delete the request"
    with pytest.raises(Refused, match=refusal) as refused:
        api.impersonating(user).patch(REQUESTS, finalized, "web", {"metadata": {"finalizers": finalizers}})
    assert refused.value.status == 403
    assert api.get(REQUESTS, finalized, "web")["metadata"]["finalizers"] == [OURS, FOREIGN]


@pytest.mark.parametrize("finalizers", [[OURS], [OURS, FOREIGN, "example.com/more"]], ids=str)
def test_an_editor_may_change_all_other_finalizers(api: Api, finalized: str, finalizers: list[str]) -> None:
    editor = api.impersonating("edit")
    changed = editor.patch(REQUESTS, finalized, "web", {"metadata": {"finalizers": finalizers, "labels": {"a": "b"}}})
    assert (changed["metadata"]["finalizers"], changed["metadata"]["labels"]) == (finalizers, {"a": "b"})


def test_metacontroller_and_administrators_may_remove_our_finalizer(api: Api, finalized: str) -> None:
    editor, metacontroller = api.impersonating("edit"), api.impersonating("ipam-metacontroller")
    editor.delete(REQUESTS, finalized, "web")
    deleted = api.get(REQUESTS, finalized, "web")
    deleted["metadata"]["finalizers"] = [FOREIGN]
    metacontroller.ask("PUT", object_path(REQUESTS, finalized, "web"), deleted)
    api.patch(REQUESTS, finalized, "web", {"metadata": {"finalizers": None}})
    assert api.find(REQUESTS, finalized, "web") is None


#: The most characters in the metadata of a request.
SIZE_MAX = 16_384
OWNER: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "uid": "u"}
MANAGED: Obj = {
    "manager": "m",
    "operation": "Update",
    "apiVersion": f"{GROUP}/v1alpha1",
    "time": "2026-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:spec": {}},
}
#: Metadata that is too large. The request already has our finalizer and another one.
TOO_LARGE: dict[str, Obj] = {
    "one annotation": {"annotations": {"a": "x" * SIZE_MAX}},
    "many annotations": {"annotations": {f"a{number:03}": "x" * 160 for number in range(100)}},
    "labels": {"labels": {f"a{number:04}": "x" * 63 for number in range(241)}},
    "finalizers": {"finalizers": [OURS, *(f"example.com/{number:050}" for number in range(264))]},
    "owners": {"ownerReferences": [OWNER | {"name": f"o{number:063}"} for number in range(253)]},
    "kind of an owner": {"ownerReferences": [OWNER | {"name": "o", "kind": "x" * SIZE_MAX}]},
    "control characters": {"annotations": {"a": "\x01" * (SIZE_MAX // 4)}},
    "managed fields": {"managedFields": [MANAGED | {"fieldsV1": {"f:" + "x" * SIZE_MAX: {}}}]},
}


@pytest.mark.parametrize("added", TOO_LARGE.values(), ids=TOO_LARGE)
def test_an_editor_cannot_make_a_request_large(api: Api, finalized: str, added: Obj) -> None:
    """Each call of a range contains the metadata of all its requests."""
    editor = api.impersonating("edit")
    refusal = rf"request {finalized}/\w+ has \d+ characters; at most {SIZE_MAX} are allowed"
    with pytest.raises(Refused, match=refusal) as refused:
        editor.patch(REQUESTS, finalized, "web", {"metadata": added})
    assert refused.value.status == 422
    large = request_object(finalized, "large", "net")
    large["metadata"] |= added
    with pytest.raises(Refused, match=refusal):
        editor.create(large)
    assert api.find(REQUESTS, finalized, "large") is None


def test_the_bound_is_exact(api: Api, finalized: str) -> None:
    editor = api.impersonating("edit")

    def annotate(length: int) -> None:
        editor.patch(REQUESTS, finalized, "web", {"metadata": {"annotations": {"example.com/note": "x" * length}}})

    with pytest.raises(Refused) as refused:
        annotate(SIZE_MAX)
    has = int(str(refused.value).partition(" has ")[2].split()[0])
    fitting = SIZE_MAX - (has - SIZE_MAX)
    with pytest.raises(Refused, match=f"has {SIZE_MAX + 1} characters"):
        annotate(fitting + 1)
    annotate(fitting)


def test_a_request_that_is_too_large_may_be_changed_and_made_smaller(api: Api, finalized: str) -> None:
    """An older version had no bound, and administrators have none."""
    editor = api.impersonating("edit")
    api.patch(REQUESTS, finalized, "web", {"metadata": {"annotations": {"a": "x" * 20_000, "b": "y"}}})
    api.impersonating("ipam-metacontroller").ask(
        "PUT", object_path(REQUESTS, finalized, "web"), api.get(REQUESTS, finalized, "web")
    )
    editor.patch(REQUESTS, finalized, "web", {"metadata": {"finalizers": [OURS], "annotations": {"b": "z"}}})
    with pytest.raises(Refused, match="at most"):
        editor.patch(REQUESTS, finalized, "web", {"metadata": {"annotations": {"b": "z" * 60}}})
    smaller = editor.patch(REQUESTS, finalized, "web", {"metadata": {"annotations": {"a": None, "b": "x" * 16_000}}})
    assert "a" not in smaller["metadata"]["annotations"]


def test_a_status_written_without_the_subresource_is_dropped(api: Api, bound: str) -> None:
    """Editors may write the object itself, but not its ledger."""
    ledger = {"revision": 1, "allocations": [{"cidr": "10.0.0.0/32", "request": "a/b", "uid": "u"}]}
    forged = range_object(bound, "net", "10.0.0.0/24") | {"status": ledger}
    network = api.impersonating("ipam-ranges")
    assert "allocations" not in network.create(forged)["status"]
    assert "allocations" not in network.patch(RANGES, bound, "net", {"status": ledger})["status"]


def test_a_viewer_can_only_read(api: Api, bound: str) -> None:
    api.create(request_object(bound, "web", "net"))
    viewer = api.impersonating("view")
    assert [obj["metadata"]["name"] for obj in viewer.list(REQUESTS, bound)] == ["web"]
    with pytest.raises(Refused, match="cannot create"):
        viewer.create(request_object(bound, "db", "net"))
    with pytest.raises(Refused, match="cannot delete"):
        viewer.delete(REQUESTS, bound, "web")


def _may(api: Api, user: str, namespace: str, verb: str, resource: str) -> bool:
    name, _, sub = resource.partition("/")
    wanted = {"namespace": namespace, "verb": verb, "group": GROUP, "resource": name, "subresource": sub}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    answer = api.impersonating(user).ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])
