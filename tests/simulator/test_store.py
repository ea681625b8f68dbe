import pytest

from simulator.cluster import Cluster
from simulator.kubernetes.errors import AlreadyExists, ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound
from simulator.kubernetes.json_patch import merge_patched
from simulator.kubernetes.objects import Obj, meta
from simulator.kubernetes.store import Store
from tests.simulator.toys import box, cluster, slip, wish


@pytest.fixture(name="world")
def a_world() -> Cluster:
    return cluster()


@pytest.fixture(name="store")
def a_store(world: Cluster) -> Store:
    return world.store


def placed(obj: Obj, **metadata: object) -> Obj:
    return obj | {"metadata": {"namespace": "default", **obj["metadata"], **metadata}}


def stored(store: Store, word: str = "box", name: str = "a") -> Obj:
    return store.get(store.catalog.called(word)[0], ("default", name))


def test_a_new_object_gets_uid_version_generation_and_time(store: Store) -> None:
    made = meta(store.create(placed(box(), uid="mine", resourceVersion="7", generation=9)))
    assert (made["generation"], made["creationTimestamp"]) == (1, "2026-01-01T00:00:00Z")
    assert len(made["uid"]) == 36
    assert made["resourceVersion"] == str(store.version)


def test_uids_are_the_same_for_the_same_seed() -> None:
    first, second, other = (cluster(seed=seed).store.create(placed(box())) for seed in (1, 1, 2))
    assert meta(first)["uid"] == meta(second)["uid"] != meta(other)["uid"]


def test_create_drops_the_status_and_shows_its_default(store: Store) -> None:
    made = store.create(placed(box()) | {"status": {"revision": 5}})
    assert made["status"] == {"revision": 0}
    assert made["spec"]["color"] == "red"


def test_generation_grows_with_the_spec_and_not_with_metadata_or_status(store: Store) -> None:
    made = store.create(placed(box()))
    labelled = store.update(made | {"metadata": meta(made) | {"labels": {"x": "y"}}})
    counted = store.update_status(labelled | {"status": {"revision": 0, "count": 1}})
    changed = store.update(counted | {"spec": {"size": 1, "color": "blue"}})
    assert [meta(obj)["generation"] for obj in (made, labelled, counted, changed)] == [1, 1, 1, 2]


def test_a_namespace_has_no_generation_not_even_in_deletion(world: Cluster) -> None:
    world.store.create(placed(box()))
    namespace = world.objects("ns")[0]
    world.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    assert ["generation" in meta(obj) for obj in (namespace, world.objects("ns")[0])] == [False, False]


def test_update_does_not_change_the_status_and_update_status_changes_nothing_else(store: Store) -> None:
    made = store.create(placed(box()))
    updated = store.update(made | {"status": {"revision": 1}, "spec": {"size": 1, "color": "blue"}})
    assert updated["status"] == {"revision": 0}
    touched = updated | {"spec": {"size": 3}, "metadata": meta(updated) | {"labels": {"a": "b"}}}
    result = store.update_status(touched | {"status": {"revision": 1}})
    assert (result["spec"], result["status"], meta(result).get("labels")) == (updated["spec"], {"revision": 1}, None)


def test_a_kind_without_status_subresource_refuses_a_status_write(store: Store) -> None:
    with pytest.raises(NotFound):
        store.update_status(store.create(placed(slip("s", "x"))))


def test_a_write_that_changes_nothing_is_no_event(store: Store) -> None:
    made = store.create(placed(box()))
    before = store.version
    assert store.update(made) is made
    assert store.version == before


def test_an_outdated_resource_version_is_a_conflict_and_none_is_unconditional(store: Store) -> None:
    made = store.create(placed(box()))
    store.update(made | {"spec": {"size": 1, "color": "blue"}})
    with pytest.raises(Conflict, match="the object has been modified; please apply"):
        store.update(made | {"spec": {"size": 1, "color": "red"}})
    store.update(placed(box(color="red")))
    assert stored(store)["spec"]["color"] == "red"


def test_a_wrong_uid_is_a_conflict(store: Store) -> None:
    made = store.create(placed(box()))
    with pytest.raises(Conflict, match="Precondition failed: UID"):
        store.update(made | {"metadata": meta(made) | {"uid": "other"}})
    with pytest.raises(Conflict, match="Precondition failed: UID"):
        store.delete(store.catalog.of(made), ("default", "a"), uid="other")


def test_a_name_is_taken_once(store: Store) -> None:
    store.create(placed(box()))
    with pytest.raises(AlreadyExists, match=r'boxes\.toys\.example "a" already exists'):
        store.create(placed(box()))


def test_a_deleted_object_with_finalizers_is_marked_and_removed_with_the_last_finalizer(store: Store) -> None:
    made = store.create(placed(box(), finalizers=["x/a", "x/b"]))
    resource = store.catalog.of(made)
    store.delete(resource, ("default", "a"))
    marked = stored(store)
    assert meta(marked)["deletionTimestamp"] == "2026-01-01T00:00:00Z"
    assert (meta(marked)["generation"], meta(marked)["deletionGracePeriodSeconds"]) == (2, 0)
    store.delete(resource, ("default", "a"))
    assert stored(store) is marked
    one_less = store.update(marked | {"metadata": meta(marked) | {"finalizers": ["x/b"]}})
    store.update(one_less | {"metadata": meta(one_less) | {"finalizers": []}})
    assert store.find(resource, ("default", "a")) is None
    assert [event.type for event in store.log(resource)] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]


def test_an_object_in_deletion_takes_no_new_finalizer(store: Store) -> None:
    made = store.create(placed(box(), finalizers=["x/a"]))
    store.delete(store.catalog.of(made), ("default", "a"))
    marked = stored(store)
    with pytest.raises(Invalid, match="no new finalizers can be added if the object is being deleted"):
        store.update(marked | {"metadata": meta(marked) | {"finalizers": ["x/a", "x/b"]}})


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"name": "A_b"}, "a lowercase RFC 1123 subdomain must consist of"),
        ({"name": ""}, "metadata.name: Required value"),
        ({"name": "a" * 254}, "must be no more than 253 bytes"),
        ({"labels": {"a": "b" * 64}}, "metadata.labels: .* must be no more than 63 bytes"),
        ({"labels": {"a": "b-"}}, "a valid label must be an empty string or"),
        ({"labels": {"a b": "c"}}, "not a valid label key"),
        ({"annotations": {"a": "b" * 262145}}, "metadata.annotations: Too long"),
        ({"ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x"}]}, r"ownerReferences\[0\].uid"),
    ],
)
def test_bad_metadata_is_refused(store: Store, metadata: Obj, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        store.create(placed(box(), **metadata))


def test_unknown_kinds_are_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match='no matches for kind "Sack" in version'):
        store.create(placed(box()) | {"kind": "Sack"})


def test_unknown_fields_are_dropped_or_refused_for_users(store: Store) -> None:
    with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spec.sise"'):
        store.create(placed(box(sise=1)), strict=True)
    assert "sise" not in store.create(placed(box(sise=1)))["spec"]


def test_a_namespace_is_created_with_its_first_object_and_deleted_with_its_objects(world: Cluster) -> None:
    store = world.store
    store.create(placed(box(), finalizers=["x/a"]))
    store.create(placed(wish("w")))
    world.scheduler.run_until_quiet()
    world.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    with pytest.raises(Forbidden, match="unable to create new content in namespace default because it is being term"):
        store.create(placed(box("b")))
    world.run_until_quiet()
    assert [meta(obj)["name"] for word in ("toys", "ns") for obj in world.objects(word)] == ["a", "default"]
    last = stored(store)
    store.update(last | {"metadata": meta(last) | {"finalizers": []}})
    world.run_until_quiet()
    assert world.objects("ns") == []


def test_an_object_without_living_owners_is_collected(world: Cluster) -> None:
    owner = world.store.create(placed(slip("owner", "x")))
    reference = {"apiVersion": "toys.example/v1", "kind": "Slip", "name": "owner", "uid": meta(owner)["uid"]}
    world.store.create(placed(slip("owned", "x"), ownerReferences=[reference]))
    world.store.create(placed(slip("stray", "x"), ownerReferences=[reference | {"uid": "gone"}]))
    world.run_until_quiet()
    assert [meta(obj)["name"] for obj in world.objects("slip")] == ["owned", "owner"]
    world.delete(slip("owner", ""))
    world.run_until_quiet()
    assert world.objects("slip") == []


def test_a_refused_write_changes_nothing(store: Store) -> None:
    store.create(placed(box()))
    before = store.version
    with pytest.raises(ApiError):
        store.create(placed(box("b", 9)))
    with pytest.raises(ApiError):
        store.update(placed(box(size=2)))
    assert store.version == before


def test_a_merge_patch_sets_and_removes(store: Store) -> None:
    made = store.create(placed(box(color="blue", notes=["x"])))
    patched = store.patch(store.catalog.of(made), ("default", "a"), {"spec": {"notes": None, "color": "red"}})
    assert patched["spec"] == {"size": 1, "color": "red"}
    assert merge_patched({"a": {"b": 1}}, {"a": {"c": [2]}}) == {"a": {"b": 1, "c": [2]}}
