"""The admission policies of the API server in the box: the shipped ones, and how any policy is evaluated."""

from typing import Any

import pytest

from simulator.attack.simulation import Simulation
from simulator.commands import APP, setting_for
from simulator.kubernetes.authorization import Access, Roles
from simulator.kubernetes.cel_admission import BadExpression
from simulator.kubernetes.controllers import GarbageCollector, NamespaceController
from simulator.kubernetes.errors import Denied, Forbidden
from simulator.kubernetes.gate import ADMINISTRATOR
from simulator.kubernetes.json_patch import BadPatch, patched
from simulator.kubernetes.objects import Obj, finalizers_of, key_of, labels_of, uid_of
from simulator.kubernetes.policies import BadPolicy, Call, Policies
from simulator.kubernetes.resources import NAMESPACE, Resource
from simulator.names import (
    ALLOW_DELETION_ANNOTATION,
    CONTROLLER_MANAGER,
    END_COOLDOWN_ANNOTATION,
    PERSON,
    RANGE_FINALIZER,
    RANGE_LABEL,
    REQUEST_FINALIZER,
    SHARD_LABEL,
    TENANT,
)
from simulator.world.machinery import World

API = "ipam.mandelsoft.org/v1alpha1"
S1, S2 = {SHARD_LABEL: "s1"}, {SHARD_LABEL: "s2"}
ENTRY = {"cidr": "10.0.0.0/32", "request": "a/web", "uid": "u"}


def a_world(*installed: str) -> World:
    world = Simulation(setting_for(APP), 1).world
    for word in installed:
        world.install(word)
    return world


def an_object(kind: str, spec: Obj, **metadata: Any) -> Obj:
    return {"apiVersion": API, "kind": kind, "metadata": {"namespace": "a", "name": "web", **metadata}, "spec": spec}


def a_request(**metadata: Any) -> Obj:
    return an_object("IPAMRequest", {"ipam": {"name": "net"}}, **metadata)


def a_used_range(world: World) -> Resource:
    with world.written_by(PERSON):
        stored = world.store.create(an_object("IPAMRange", {"ranges": ["10.0.0.0/24"]}, finalizers=[RANGE_FINALIZER]))
        world.store.update_status(stored | {"status": {"schemaV1": True, "revision": 1, "allocations": [ENTRY]}})
    return world.plural("ipamranges")


def test_a_range_in_use_is_deleted_in_the_background_only() -> None:
    world = a_world("policies")
    ranges = a_used_range(world)

    with (
        world.written_by(PERSON),
        pytest.raises(Denied, match=r"denied request: range a/web is in use \(blocks: 1\)") as caught,
    ):
        world.store.delete(ranges, ("a", "web"), gc_finalizer="foregroundDeletion")
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")
    with world.written_by(PERSON):
        allow_deletion(world, ranges, "true")
        world.store.delete(ranges, ("a", "web"))


def allow_deletion(world: World, ranges: Resource, value: str) -> None:
    world.store.patch(ranges, ("a", "web"), {"metadata": {"annotations": {ALLOW_DELETION_ANNOTATION: value}}})


@pytest.mark.parametrize("value", ["", "false", "TRUE"])
def test_a_range_in_use_is_deleted_on_purpose_only(value: str) -> None:
    world = a_world("policies")
    ranges = a_used_range(world)

    with world.written_by(PERSON):
        if value:
            allow_deletion(world, ranges, value)
        with pytest.raises(Denied, match=r"range a/web holds blocks \(1\), and its deletion cannot be undone"):
            world.store.delete(ranges, ("a", "web"))


def test_a_range_in_use_is_deleted_with_its_namespace() -> None:
    world = a_world("policies")
    ranges = a_used_range(world)
    with world.written_by(PERSON):
        world.store.delete(NAMESPACE, ("", "a"))
    with world.written_by(CONTROLLER_MANAGER, NamespaceController.user):
        world.store.delete(ranges, ("a", "web"))


def test_a_range_in_use_is_deleted_with_its_owner() -> None:
    """The garbage collector names the uid of what it deletes."""
    world = a_world("policies")
    ranges = a_used_range(world)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "site", "uid": "22222222-0000-4000-8000-000000000009"}
    with world.written_by(PERSON):
        world.store.patch(ranges, ("a", "web"), {"metadata": {"ownerReferences": [owner]}})
    with world.written_by(CONTROLLER_MANAGER, GarbageCollector.user):
        with pytest.raises(Denied, match="its deletion cannot be undone"):
            world.store.delete(ranges, ("a", "web"))
        world.store.delete(ranges, ("a", "web"), uid_of(world.store.get(ranges, ("a", "web"))))


def test_a_range_whose_blocks_all_cool_down_is_not_in_use() -> None:
    world = a_world("policies")
    ranges = a_used_range(world)

    with world.written_by(PERSON):
        cooling = {"schemaV1": True, "revision": 2, "allocations": [ENTRY | {"releasedAt": "2026-01-01T00:00:00Z"}]}
        world.store.update_status(world.store.get(ranges, ("a", "web")) | {"status": cooling})
        world.store.delete(ranges, ("a", "web"))


def test_the_end_of_a_cooldown_names_uids() -> None:
    world = a_world("policies")
    ranges = a_used_range(world)

    def end(text: str) -> None:
        world.store.patch(ranges, ("a", "web"), {"metadata": {"annotations": {END_COOLDOWN_ANNOTATION: text}}})

    with world.written_by(PERSON):
        end("22222222-0000-4000-8000-000000000002, 33333333-0000-4000-8000-000000000003")
        with pytest.raises(Denied, match=r"end-cooldown of range a/web is .* write the uids of former holders"):
            end("10.0.0.0/32")


def test_without_the_policies_it_may_be_deleted_in_any_way() -> None:
    world = a_world()
    ranges = a_used_range(world)

    with world.written_by(PERSON):
        world.store.delete(ranges, ("a", "web"), gc_finalizer="orphan")


def test_only_users_with_the_right_to_write_the_status_may_take_the_finalizer_off() -> None:
    world = a_world("policies")
    with world.written_by(TENANT, world.person("ipam-edit:a")):
        stored = world.store.create(a_request(finalizers=[REQUEST_FINALIZER]))
        bare = stored | {"metadata": {**stored["metadata"], "finalizers": []}}
        with pytest.raises(Denied, match="must keep the finalizer"):
            world.store.update(bare)
    with world.written_by(PERSON):
        assert finalizers_of(world.store.update(bare)) == []


def test_a_tenant_neither_removes_nor_sets_the_finalizer_that_keeps_the_request_of_a_claim() -> None:
    world = a_world("policies")
    claimed = "metacontroller.io/decoratorcontroller-claimedrequest"
    tenant = world.person("ipam-edit:a")
    with world.written_by(TENANT, tenant), pytest.raises(Denied, match=f"{claimed} of request a/web is set by"):
        world.store.create(a_request(finalizers=[REQUEST_FINALIZER, claimed]))
    with world.written_by(PERSON):
        stored = world.store.create(a_request(finalizers=[REQUEST_FINALIZER, claimed]))
    bare = stored | {"metadata": {**stored["metadata"], "finalizers": [REQUEST_FINALIZER]}}
    with world.written_by(TENANT, tenant), pytest.raises(Denied, match=f"must keep the finalizer {claimed}"):
        world.store.update(bare)


def test_the_finalizers_of_all_shards_are_kept() -> None:
    world = a_world("policies")
    ours = [REQUEST_FINALIZER, f"{REQUEST_FINALIZER}-s1"]
    forged = "finalizer .*-s1 of request a/web is set by Metacontroller only"
    with world.written_by(TENANT, world.person("ipam-edit:a")), pytest.raises(Denied, match=forged):
        world.store.create(a_request(finalizers=[*ours, f"{REQUEST_FINALIZER}s"]))
    with world.written_by(PERSON):
        stored = world.store.create(a_request(finalizers=[*ours, f"{REQUEST_FINALIZER}s"]))
    with world.written_by(TENANT, world.person("ipam-edit:a")):
        for kept in ours:
            with pytest.raises(Denied, match=f"must keep the finalizer {'|'.join(ours)}: delete"):
                world.store.update(stored | {"metadata": {**stored["metadata"], "finalizers": [kept]}})
        assert finalizers_of(world.store.update(stored | {"metadata": {**stored["metadata"], "finalizers": ours}}))


@pytest.mark.parametrize("shard", ["", "S1", "a.b", "s" * 32])
@pytest.mark.parametrize("kind", ["IPAMRange", "IPAMRequest"])
def test_the_name_of_a_shard_is_short_enough_for_a_finalizer(kind: str, shard: str) -> None:
    world = a_world("policies")
    spec = {"ipam": {"name": "net"}} if kind == "IPAMRequest" else {"ranges": ["10.0.0.0/24"], "domain": "a"}
    user = world.person("owner:a") if kind == "IPAMRequest" else ADMINISTRATOR
    with world.written_by(TENANT, user):
        with pytest.raises(Denied, match=f'shard of (range|request) a/web is "{shard}": write the name of a shard'):
            world.store.create(an_object(kind, spec, labels={SHARD_LABEL: shard}))
        world.store.create(an_object(kind, spec, labels={SHARD_LABEL: "s" * 31}))


def test_a_range_moves_to_one_shard_at_a_time() -> None:
    """Otherwise a Metacontroller with an old cache could remove its finalizer, although it is the only one by then."""
    world = a_world("policies")
    with world.written_by(PERSON):
        stored = world.store.create(
            an_object("IPAMRange", {"ranges": ["10.0.0.0/24"]}, finalizers=[RANGE_FINALIZER, "example.com/other"])
        )
        stored = with_shard(world, stored, "s1")
        stored = with_shard(world, stored, "s2")
        moving = {**stored["metadata"], "finalizers": [RANGE_FINALIZER, f"{RANGE_FINALIZER}-s2"]}
        stored = world.store.update(stored | {"metadata": moving})
        for shard in ("s1", None):
            with pytest.raises(Denied, match="range a/web is being moved to another shard"):
                with_shard(world, stored, shard)
        moved = {**stored["metadata"], "finalizers": [f"{RANGE_FINALIZER}-s2"]}
        with_shard(world, world.store.update(stored | {"metadata": moved}), None)


def with_shard(world: World, obj: Obj, shard: str | None) -> Obj:
    labels = {} if shard is None else {SHARD_LABEL: shard}
    return world.store.update(obj | {"metadata": {**obj["metadata"], "labels": labels}})


@pytest.mark.parametrize("finalizer", ["foregroundDeletion", "orphan"])
def test_a_second_deletion_of_a_request_holds_it_back_only_without_the_policies(finalizer: str) -> None:
    """Its block may be allocated to another request already (S5)."""
    for installed in ((), ("policies",)):
        world = a_world(*installed)
        requests = world.plural("ipamrequests")
        with world.written_by(TENANT, world.person("ipam-edit:a")):
            name = key_of(world.store.create(a_request(finalizers=[REQUEST_FINALIZER])))
            world.store.delete(requests, name)
            if installed:
                with pytest.raises(Denied, match="is being deleted already, and its block may be allocated"):
                    world.store.delete(requests, name, gc_finalizer=finalizer)
            else:
                world.store.delete(requests, name, gc_finalizer=finalizer)
            world.store.delete(requests, name)
        held = finalizers_of(world.store.get(requests, name))
        assert held == [REQUEST_FINALIZER, *([] if installed else [finalizer])]


def test_roles_limit_people_to_their_namespace_and_their_kinds() -> None:
    world = a_world()
    with (
        world.written_by(TENANT, world.person("ipam-edit:b")),
        pytest.raises(Forbidden, match="cannot create resource"),
    ):
        world.store.create(a_request())
    with world.written_by(TENANT, world.person("ipam-edit:a")):
        stored = world.store.create(a_request())
        with pytest.raises(Forbidden, match='cannot update resource "ipamrequests/status"'):
            world.store.update_status(stored | {"status": {"state": "Ready"}})
    with world.written_by(TENANT, world.person("owner:a")):
        world.store.update_status(stored | {"status": {"state": "Busy"}})


def test_metacontroller_has_no_more_rights_than_its_role() -> None:
    """It creates ranges, to which requests delegate their blocks, but deletes none."""
    world = a_world()
    ranges = a_used_range(world)
    with pytest.raises(Forbidden):
        world.store.delete(ranges, ("a", "web"))


def test_the_defaults_set_label_and_finalizer_at_creation_only() -> None:
    world = a_world("defaults")
    with world.written_by(TENANT, world.person("ipam-edit:a")):
        stored = world.store.create(a_request())
        again = world.store.update(stored | {"metadata": {**stored["metadata"], "labels": {}, "finalizers": []}})

    assert (labels_of(stored), finalizers_of(stored)) == ({RANGE_LABEL: "a.net"}, [REQUEST_FINALIZER])
    assert (labels_of(again), finalizers_of(again)) == ({}, [])


@pytest.mark.parametrize(
    ("of_namespace", "own", "shard", "suffix"),
    [({}, {}, "", ""), ({}, S1, "s1", ""), (S2, {}, "s2", "-s2"), (S2, S1, "s1", "")],
    ids=["none", "its own", "that of its namespace", "its own rather than that of its namespace"],
)
def test_the_defaults_set_the_label_and_the_finalizer_of_a_shard_that_exists(
    of_namespace: Obj, own: Obj, shard: str, suffix: str
) -> None:
    """Cluster administrators label namespaces; the owner of an object may name a shard that does not exist."""
    world = a_world("defaults")
    expected = {SHARD_LABEL: shard} if shard else {}
    with world.written_by(PERSON):
        world.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": of_namespace}})
        net = world.store.create(an_object("IPAMRange", {"ranges": ["10.0.0.0/24"]}, labels=own))
        web = world.store.create(a_request(labels=own))
    assert (labels_of(net), finalizers_of(net)) == (expected, [RANGE_FINALIZER + suffix])
    assert (labels_of(web), finalizers_of(web)) == (expected | {RANGE_LABEL: "a.net"}, [REQUEST_FINALIZER + suffix])


def test_a_collection_is_deleted_without_a_name() -> None:
    policy = a_policy({"expression": 'has(request.name) && request.name != ""'}, operations=["DELETE"])

    assert is_allowed(policy, "DELETE", name="web")
    assert not is_allowed(policy, "DELETE", name="")


# --- any policy


def a_policy(*validations: Obj, operations: list[str] | None = None, **spec: Any) -> list[Obj]:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": operations or ["*"], "resources": ["ipamrequests"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": list(validations), **spec}
    binding = {"policyName": "p", "validationActions": ["Deny"]}
    return [
        {"kind": "ValidatingAdmissionPolicy", "metadata": {"name": "p"}, "spec": spec},
        {"kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "b"}, "spec": binding},
    ]


def is_allowed(policy: list[Obj], operation: str = "CREATE", name: str = "web", subresource: str = "") -> bool:
    user = Roles.owner("someone", "a")
    resource = a_world().plural("ipamrequests")
    call = Call(operation, resource, ("a", name), user, a_request(), None, subresource)
    try:
        Policies(policy).check(call, None)
    except Denied:
        return False
    return True


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("object.metadata.name == 'web' && oldObject == null", True),
        ("request.userInfo.username == 'someone' && request.operation == 'CREATE'", True),
        ("has(request.subResource)", False),
        ("authorizer.group('').resource('pods').namespace('a').check('list').allowed()", True),
        ("authorizer.group('').resource('pods').check('list').allowed()", False),
        ("authorizer.requestResource.check('create').allowed()", True),
        ("object.spec.none == 1", False),
        ("1 == 1 || object.spec.none == 1", True),
    ],
)
def test_an_expression_sees_the_call_and_one_without_a_value_refuses(expression: str, expected: bool) -> None:
    assert is_allowed(a_policy({"expression": expression})) is expected


def test_a_policy_that_ignores_failures_lets_the_call_pass() -> None:
    assert is_allowed(a_policy({"expression": "object.spec.none == 1"}, failurePolicy="Ignore"))


@pytest.mark.parametrize(("conditions", "expected"), [("false", True), ("true", False), ("object.none", False)])
def test_a_policy_applies_if_all_conditions_are_true(conditions: str, expected: bool) -> None:
    policy = a_policy({"expression": "false"}, matchConditions=[{"name": "c", "expression": conditions}])

    assert is_allowed(policy) is expected


def test_a_variable_counts_only_where_it_is_read() -> None:
    variables = [{"name": "bad", "expression": "object.none"}, {"name": "good", "expression": "1"}]
    policies = [
        a_policy({"expression": text}, variables=variables)
        for text in ("variables.good == 1 || variables.bad == 1", "variables.bad == 1")
    ]

    assert [is_allowed(each) for each in policies] == [True, False]


def test_the_status_is_another_resource_and_a_policy_without_a_binding_has_no_effect() -> None:
    policy = a_policy({"expression": "false"})

    assert is_allowed(policy, "UPDATE", subresource="status")
    assert not is_allowed(policy, "UPDATE")
    assert is_allowed(policy[:1])


def test_what_is_not_simulated_or_wrong_is_refused() -> None:
    with pytest.raises(BadPolicy, match="parameters"):
        Policies(a_policy(paramKind={"kind": "ConfigMap"}))
    with pytest.raises(BadExpression):
        Policies(a_policy({"expression": "object.("}))


def test_rules_of_roles_name_subresources_and_objects() -> None:
    rule = {"apiGroups": ["g"], "resources": ["things/status"], "verbs": ["get"], "resourceNames": ["one"]}
    user = Roles([{"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [rule]}]).user("u", "r")

    assert user.may(Access("get", "g", "things", "status", "a", "one"))
    assert not user.may(Access("get", "g", "things", "status", "a", "two"))
    assert not user.may(Access("get", "g", "things", "", "a", "one"))


def test_a_json_patch_adds_replaces_and_removes() -> None:
    operations: list[Obj] = [
        {"op": "test", "path": "/a", "value": 1},
        {"op": "replace", "path": "/a", "value": 2},
        {"op": "add", "path": "/list/0", "value": "first"},
        {"op": "add", "path": "/list/-", "value": "last"},
        {"op": "remove", "path": "/b~1c"},
    ]

    assert patched({"a": 1, "list": ["x"], "b/c": 0}, operations) == {"a": 2, "list": ["first", "x", "last"]}
    for wrong in ({"op": "test", "path": "/a", "value": 2}, {"op": "move", "from": "/a", "path": "/b"}):
        with pytest.raises(BadPatch):
            patched({"a": 1}, [wrong])
