"""The namespace controller empties the namespace that was deleted, and not a later one of the same name."""

from simulator.cluster import START, Cluster
from simulator.kubernetes.clock import SimulatedClock
from simulator.kubernetes.controllers import NamespaceController
from simulator.kubernetes.resources import NAMESPACE


def iprange(name: str) -> dict[str, object]:
    return {
        "apiVersion": "ipam.mandelsoft.org/v1alpha1",
        "kind": "IPAMRange",
        "metadata": {"namespace": "team-a", "name": name},
        "spec": {"ranges": ["10.0.0.0/24"]},
    }


def test_a_namespace_that_replaces_one_removed_by_force_keeps_its_objects() -> None:
    cluster = Cluster.shipped(lambda _path, _body: (500, {}, b""), clock=SimulatedClock(START))
    controller = NamespaceController(cluster.store)
    cluster.store.create(iprange("first"))
    cluster.store.delete(NAMESPACE, ("", "team-a"))
    assert controller.has_work()

    cluster.store.remove_namespace("team-a")
    cluster.store.create(iprange("second"))

    assert not controller.has_work()


def test_a_deleted_namespace_is_emptied_and_removed() -> None:
    cluster = Cluster.shipped(lambda _path, _body: (500, {}, b""), clock=SimulatedClock(START))
    controller = NamespaceController(cluster.store)
    cluster.store.create(iprange("net"))
    cluster.store.delete(NAMESPACE, ("", "team-a"))
    while controller.has_work():
        controller.step()

    assert not cluster.objects("iprange")
    assert cluster.store.find(NAMESPACE, ("", "team-a")) is None
