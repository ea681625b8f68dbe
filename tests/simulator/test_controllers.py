"""The behaviour of Metacontroller 4.17.2, as shown by its hook calls and writes."""

from typing import TYPE_CHECKING, Any

import pytest

from simulator.kubernetes.merge import METACONTROLLER_ANNOTATION
from simulator.kubernetes.objects import Obj, labels_of, meta
from simulator.metacontroller.controller import BadController
from tests.simulator.toys import API_VERSION, Hooks, box, cluster, controllers, hook, ok, slip, wish

if TYPE_CHECKING:
    from simulator.cluster import Cluster

BOX_FINALIZER = "metacontroller.io/compositecontroller-box"
WISH_FINALIZER = "metacontroller.io/decoratorcontroller-wish"


class ToyCluster:
    """A cluster with one Box and its hooks."""

    def __init__(self, *objects: Obj, **options: Any) -> None:
        self.hooks = Hooks()
        self.cluster: Cluster = cluster(self.hooks, manifests=controllers(**options))
        for obj in objects:
            self.cluster.apply(obj)
        self.cluster.run_until_quiet()
        self.composite = self.cluster.metacontroller.controller("box")

    def names(self, word: str) -> list[str]:
        return [meta(obj)["name"] for obj in self.cluster.objects(word)]

    def change(self, word: str, name: str, **parts: Any) -> None:
        self.cluster.store.update(self.cluster.get(word, name) | parts)
        self.cluster.run_until_quiet()

    def answer(self, path: str, answer: tuple[int, dict[str, str], bytes] | None) -> None:
        self.hooks.override = lambda called, _: answer if called == path else None
        self.cluster.store.patch(
            self.cluster.catalog.called("box")[0], ("default", "a"), {"metadata": {"annotations": {"poked": "yes"}}}
        )
        self.cluster.run_until_quiet(horizon=1)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_wish_is_answered_whatever_the_order_of_steps(seed: int | None) -> None:
    toys = cluster(Hooks(), seed=seed)
    for obj in (wish("x"), box(), wish("y"), wish("z", "other")):
        toys.apply(obj)
    toys.run_until_quiet()
    assert [obj.get("status") for obj in toys.objects("wish")] == [{"text": "for x"}, {"text": "for y"}, None]
    assert toys.get("box", "a")["status"] == {"revision": 0, "count": 2, "observedGeneration": 1}
    for obj in (box(), wish("x"), wish("y")):
        toys.delete(obj)
    toys.run_until_quiet()
    assert [meta(obj)["name"] for obj in toys.objects("toys")] == []


def test_hook_bodies_have_the_shape_of_v2() -> None:
    toys = ToyCluster(box(), wish("x"))
    body = toys.hooks.last("/box/sync")
    assert sorted(body) == ["children", "controller", "finalizing", "parent", "related"]
    assert list(body["children"]) == ["Slip.toys.example/v1"]
    assert list(body["children"]["Slip.toys.example/v1"]) == ["default/x"]
    assert list(body["related"]["Wish.toys.example/v1"]) == ["default/x"]
    assert body["finalizing"] is False
    assert sorted(toys.hooks.last("/wish/sync")) == ["attachments", "controller", "finalizing", "object", "related"]
    assert toys.hooks.last("/wish/sync")["attachments"] == {}
    customize = toys.hooks.last("/box/customize")
    assert sorted(customize) == ["controller", "parent"]
    assert sorted(customize["controller"]) == ["apiVersion", "kind", "metadata", "spec", "status"]


def test_core_kinds_are_keyed_without_a_group() -> None:
    toys = ToyCluster()
    rule = {"apiVersion": "v1", "resource": "namespaces", "labelSelector": None, "names": None}
    answers = {"/wish/customize": ok({"relatedResources": [rule]}), "/wish/sync": ok({"status": None})}
    toys.hooks.override = lambda path, _: answers.get(path)
    toys.cluster.apply(wish("x"))
    toys.cluster.run_until_quiet()
    assert list(toys.hooks.last("/wish/sync")["related"]["Namespace.v1"]) == ["default"]


def test_the_finalizer_is_added_before_the_first_sync() -> None:
    toys = ToyCluster(box(), wish("x"))
    assert meta(toys.hooks.bodies[1][1]["parent"])["finalizers"] == [BOX_FINALIZER]
    assert meta(toys.cluster.get("wish", "x"))["finalizers"] == [WISH_FINALIZER]


def test_a_child_is_labelled_and_owned_and_records_what_was_applied() -> None:
    toys = ToyCluster(box(), wish("x"))
    child, parent = toys.cluster.get("slip", "x"), toys.cluster.get("box", "a")
    assert labels_of(child) == {"controller-uid": meta(parent)["uid"]}
    assert meta(child)["ownerReferences"] == [
        {
            "apiVersion": API_VERSION,
            "kind": "Box",
            "name": "a",
            "uid": meta(parent)["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert meta(child)["annotations"][METACONTROLLER_ANNOTATION] == (
        '{"apiVersion":"toys.example/v1","kind":"Slip","metadata":{"labels":{"controller-uid":"'
        + meta(parent)["uid"]
        + '"},"name":"x","namespace":"default"},"spec":{"text":"for x"}}'
    )


def test_a_changed_child_is_restored_and_foreign_fields_stay() -> None:
    toys = ToyCluster(box(), wish("x"))
    toys.change("slip", "x", spec={"text": "spoilt", "pins": 3})
    assert toys.cluster.get("slip", "x")["spec"] == {"text": "for x", "pins": 3}


def test_an_item_of_another_writer_stays_in_a_list_until_the_hook_returned_it_once() -> None:
    toys = ToyCluster(box())

    def answered_with(*uids: str) -> list[str]:
        toys.answer(
            "/box/sync", ok({"status": {"revision": 0}, "children": [slip("x", "x", lines=[{"uid": u} for u in uids])]})
        )
        toys.change("box", "a", metadata=meta(toys.cluster.get("box", "a")) | {"annotations": {"poked": str(uids)}})
        return [line["uid"] for line in toys.cluster.get("slip", "x")["spec"]["lines"]]

    assert answered_with("ours") == ["ours"]
    toys.change("slip", "x", spec={"text": "x", "lines": [{"uid": "ours"}, {"uid": "theirs"}]})
    assert answered_with("ours") == answered_with("ours") == ["ours", "theirs"]
    assert answered_with("ours", "theirs") == ["ours", "theirs"]
    assert answered_with("ours") == ["ours"]
    assert answered_with() == []


def test_on_delete_leaves_children_alone_and_recreate_replaces_them() -> None:
    toys = ToyCluster(box(), wish("x"), method="OnDelete")
    toys.change("slip", "x", spec={"text": "spoilt"})
    assert toys.cluster.get("slip", "x")["spec"] == {"text": "spoilt"}
    toys = ToyCluster(box(), wish("x"), method="Recreate")
    before = meta(toys.cluster.get("slip", "x"))["uid"]
    toys.change("slip", "x", spec={"text": "spoilt"})
    assert toys.cluster.get("slip", "x")["spec"] == {"text": "for x"}
    assert meta(toys.cluster.get("slip", "x"))["uid"] != before


def test_a_child_that_is_not_in_the_answer_is_deleted() -> None:
    toys = ToyCluster(box(), wish("x"), wish("y"))
    toys.answer("/box/sync", ok({"status": {"revision": 0}, "children": [slip("x", "for x")]}))
    assert toys.names("slip") == ["x"]


def test_a_failed_child_does_not_stop_the_status() -> None:
    toys = ToyCluster(box())
    bad = {"apiVersion": API_VERSION, "kind": "Slip", "metadata": {"name": "Bad"}, "spec": {}}
    toys.answer("/box/sync", ok({"status": {"revision": 1}, "children": [bad, slip("good", "x")]}))
    assert toys.names("slip") == ["good"]
    assert toys.cluster.get("box", "a")["status"] == {"revision": 1, "observedGeneration": 1}
    assert "can't reconcile children for Box default/a" in toys.cluster.metacontroller.events[-1].message


def test_a_refused_status_is_an_event_and_is_retried() -> None:
    toys = ToyCluster(box())
    toys.answer("/box/sync", ok({"status": {"revision": 9}}))
    event = toys.cluster.metacontroller.events[0]
    assert event.message.startswith("Sync error: can't update status for Box default/a: ")
    assert event.message.endswith("<nil>: Invalid value: one step at a time")
    assert len(toys.cluster.metacontroller.events) > 5
    assert toys.composite.failing


def test_composite_status_writes_overwrite_other_writes() -> None:
    toys = ToyCluster(box())
    cache = toys.cluster.metacontroller.cache("box")
    cache.paused = True
    live = toys.cluster.get("box", "a")
    toys.cluster.store.update_status(live | {"status": {"revision": 1, "count": 7}})
    toys.cluster.apply(wish("x"))
    toys.cluster.run_until_quiet()
    assert toys.cluster.get("box", "a")["status"] == {"revision": 0, "count": 1, "observedGeneration": 1}
    assert cache.behind > 0


def test_finalized_removes_the_finalizer_before_the_status_is_written() -> None:
    toys = ToyCluster(box())
    toys.hooks.override = lambda path, _: (
        ok({"status": {"revision": 1}, "finalized": True}) if "final" in path else None
    )
    toys.cluster.delete(box())
    toys.cluster.run_until_quiet()
    log = toys.cluster.store.log(toys.cluster.catalog.called("box")[0])
    assert (log[-1].type, log[-1].obj["status"]["revision"]) == ("DELETED", 0)
    assert toys.cluster.metacontroller.events == []


def test_a_decorator_writes_status_then_the_object_with_the_version_of_its_cache() -> None:
    toys = ToyCluster(box(), wish("x"))
    assert labels_of(toys.cluster.get("wish", "x")) == {"box": "a"}
    toys.cluster.metacontroller.cache("wish").paused = True
    toys.cluster.store.patch(
        toys.cluster.catalog.called("wish")[0], ("default", "x"), {"metadata": {"labels": {"box": None}}}
    )
    toys.change("slip", "x", spec={"text": "spoilt"})
    toys.hooks.override = lambda path, _: ok({"status": {"text": "late"}}) if path == "/wish/sync" else None
    toys.change("slip", "x", spec={"text": "spoilt again"})
    assert toys.cluster.get("wish", "x")["status"] == {"text": "for x"}
    assert toys.cluster.metacontroller.events == []


def test_a_null_status_and_unnamed_labels_stay_and_null_labels_are_removed() -> None:
    toys = ToyCluster(box(), wish("x"))
    toys.hooks.override = lambda path, _: (
        ok({"labels": {"box": None, "new": "1"}, "annotations": {"n": "2"}, "status": None})
        if path == "/wish/sync"
        else None
    )
    toys.cluster.metacontroller.controller("wish").enqueue(toys.cluster.get("wish", "x"))
    toys.cluster.run_until_quiet()
    after = toys.cluster.get("wish", "x")
    assert (labels_of(after), meta(after)["annotations"]["n"], after["status"]) == (
        {"new": "1"},
        "2",
        {"text": "for x"},
    )


@pytest.mark.parametrize(("ignores", "more"), [(True, 0), (False, 1)])
def test_ignore_status_changes_saves_the_call_after_a_status_write(ignores: bool, more: int) -> None:
    toys = ToyCluster(box(), wish("x"), ignores_status=ignores)
    before = len(toys.hooks.bodies)
    live = toys.cluster.get("wish", "x")
    toys.hooks.override = lambda path, _: ok({"status": None}) if path == "/wish/sync" else None
    toys.cluster.store.update_status(live | {"status": {"text": "by hand"}})
    toys.cluster.run_until_quiet()
    calls = [path for path in toys.hooks.paths()[before:] if path.startswith("/wish")]
    assert len(calls) == more


def test_the_customize_hook_is_called_once_per_generation() -> None:
    toys = ToyCluster(box(), wish("x"), wish("y"))
    assert toys.hooks.paths().count("/box/customize") == 1
    toys.change("box", "a", spec={"size": 1, "color": "blue"})
    assert toys.hooks.paths().count("/box/customize") == toys.composite.calls["customize"] == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ok({"stattus": {}}), 'strict validation failed for v2 webhookResponse: unknown field "stattus"'),
        (ok({"status": []}), "can't unmarshal webhookResponse: status is []"),
        (ok({"finalized": 1}), "can't unmarshal webhookResponse: finalized is 1"),
        (ok([]), "an object was expected"),
        ((200, {}, b"{"), "can't unmarshal webhookResponse"),
        ((200, {}, b'{"status": {}, "status": {}}'), 'duplicate field "status"'),
        ((500, {}, b"boom"), "unsupported status code: 500 body: boom"),
        (ok({"children": ["x"]}), "not an object"),
    ],
)
def test_an_invalid_answer_is_an_error_and_deletes_nothing(answer: Any, message: str) -> None:
    toys = ToyCluster(box(), wish("x"))
    toys.answer("/box/sync", answer)
    assert message in toys.cluster.metacontroller.events[0].message
    assert toys.names("slip") == ["x"]


def test_429_delays_the_sync_by_retry_after_and_is_no_event() -> None:
    toys = ToyCluster(box())
    before = len(toys.hooks.bodies)
    toys.answer("/box/sync", (429, {"retry-after": "30"}, b""))
    assert len(toys.hooks.bodies) == before + 1
    assert toys.cluster.metacontroller.events == []
    due = toys.cluster.scheduler.next_due()
    assert due is not None
    assert (due - toys.cluster.clock.now()).total_seconds() == 30


def test_resync_after_seconds_calls_again_without_an_event() -> None:
    toys = ToyCluster(box())
    before = len(toys.hooks.bodies)
    toys.answer("/box/sync", ok({"status": {"revision": 0}, "resyncAfterSeconds": 0.4}))
    assert len(toys.hooks.bodies) - before >= 3


def test_orphans_with_the_label_are_adopted_and_children_without_it_are_released() -> None:
    toys = ToyCluster(box(), wish("x"))
    uid = meta(toys.cluster.get("box", "a"))["uid"]
    orphan = slip("orphan", "x")
    orphan["metadata"]["labels"] = {"controller-uid": uid}
    toys.cluster.apply(orphan)
    toys.cluster.run_until_quiet()
    log = toys.cluster.store.log(toys.cluster.catalog.called("slip")[0])
    adopted, deleted = [event for event in log if meta(event.obj)["name"] == "orphan"][1:]
    assert (adopted.type, meta(adopted.obj)["ownerReferences"][0]["uid"]) == ("MODIFIED", uid)
    assert deleted.type == "DELETED"  # it is not in the answer of the hook
    toys.hooks.override = lambda path, _: ok({"status": None, "children": []}) if path == "/box/sync" else None
    toys.change("slip", "x", metadata=meta(toys.cluster.get("slip", "x")) | {"labels": {}})
    assert "ownerReferences" not in meta(toys.cluster.get("slip", "x"))


def test_a_foreign_child_of_the_same_name_is_not_changed() -> None:
    toys = ToyCluster(slip("x", "mine"), box(), wish("x"))
    assert toys.cluster.get("slip", "x")["spec"] == {"text": "mine"}
    assert toys.cluster.metacontroller.events == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hooks": {"sync": {**hook("/x"), "version": "v1"}}}, "only version v2 is simulated"),
        ({"hooks": {"sync": {"version": "v2", "webhook": {}}}}, "must specify either a full 'url', or both"),
        ({"hooks": {}}, "no sync hook defined"),
        ({"resyncPeriodSeconds": 5}, "resyncPeriodSeconds is not simulated"),
    ],
)
@pytest.mark.parametrize("number", [0, 1], ids=["composite", "decorator"])
def test_a_controller_that_needs_an_unsimulated_feature_is_refused(change: Obj, message: str, number: int) -> None:
    manifest = controllers()[number]
    with pytest.raises(BadController, match=message):
        cluster(manifests=[manifest | {"spec": manifest["spec"] | change}])


def test_a_rolling_update_strategy_is_refused() -> None:
    with pytest.raises(BadController, match="'RollingInPlace' of slips is not simulated"):
        cluster(manifests=controllers(method="RollingInPlace"))
