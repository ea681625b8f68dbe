"""The namespace controller empties the namespace that was deleted, and no other one of its name."""

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


def test_a_namespace_made_anew_after_one_was_let_go_by_force_keeps_what_is_in_it() -> None:
    cluster = Cluster.shipped(lambda _path, _body: (500, {}, b""), clock=SimulatedClock(START))
    controller = NamespaceController(cluster.store)
    cluster.store.create(iprange("first"))
    cluster.store.delete(NAMESPACE, ("", "team-a"))
    assert controller.has_work()

    cluster.store.release_namespace("team-a")
    cluster.store.create(iprange("second"))

    assert not controller.has_work()


def test_a_namespace_that_is_deleted_is_emptied_and_goes() -> None:
    cluster = Cluster.shipped(lambda _path, _body: (500, {}, b""), clock=SimulatedClock(START))
    controller = NamespaceController(cluster.store)
    cluster.store.create(iprange("net"))
    cluster.store.delete(NAMESPACE, ("", "team-a"))
    while controller.has_work():
        controller.step()

    assert not cluster.objects("iprange")
    assert cluster.store.find(NAMESPACE, ("", "team-a")) is None
