"""API servers that serve an older schema for a while: what they prune on read, on write and in watches."""

import random

import pytest

from simulator.cluster import ROOT, START
from simulator.kubernetes.clock import SimulatedClock
from simulator.kubernetes.errors import Invalid
from simulator.kubernetes.objects import Obj, key_of
from simulator.kubernetes.resources import Catalog, Resource
from simulator.kubernetes.store import Store
from simulator.kubernetes.versions import lacking, properties_of
from simulator.metacontroller.informers import InformerCache

CATALOG = Catalog.read(ROOT / "crds")
EXTENTS = CATALOG.of_kind("ipam.mandelsoft.org/v1alpha1", "IPAMExtent")
NUMBERED: Obj = {
    "apiVersion": EXTENTS.api_version,
    "kind": "IPAMExtent",
    "metadata": {"namespace": "a", "name": "x"},
    "spec": {"range": "x", "domain": "corp", "ranges": ["10.0.0.0"], "number": 7},
}


@pytest.fixture
def server() -> Store:
    store = Store(CATALOG, SimulatedClock(START), random.Random(1))
    store.create(NUMBERED)
    return store


def number(store: Store) -> int | None:
    found: int | None = store.get(EXTENTS, ("a", "x"))["spec"].get("number")
    return found


def labelled(obj: Obj) -> Obj:
    return obj | {"metadata": obj["metadata"] | {"labels": {"touched": "yes"}}}


@pytest.mark.parametrize("resource", [item for item in CATALOG.resources if item.group], ids=lambda item: item.plural)
def test_every_property_can_be_left_out(resource: Resource) -> None:
    paths = properties_of(resource)

    for path in paths:
        assert not set(properties_of(lacking(resource, path))) & {path}

    assert len(paths) > 5


def test_an_older_schema_hides_a_property_and_loses_it_with_the_next_write(server: Store) -> None:
    server.serve(EXTENTS, lacking(EXTENTS, "spec.number"))
    hidden = number(server)
    server.serve(EXTENTS, None)
    shown = number(server)
    server.serve(EXTENTS, lacking(EXTENTS, "spec.number"))
    server.update(labelled(server.get(EXTENTS, ("a", "x"))))
    server.serve(EXTENTS, None)

    assert (hidden, shown, number(server)) == (None, 7, None)


def test_a_write_that_only_drops_a_property_is_a_write(server: Store) -> None:
    before = server.version
    server.serve(EXTENTS, lacking(EXTENTS, "spec.number"))
    server.update(server.get(EXTENTS, ("a", "x")))
    server.update(server.get(EXTENTS, ("a", "x")))

    assert server.version == before + 1


def test_two_api_servers_share_objects_and_versions_but_not_schemas(server: Store) -> None:
    other = server.beside()
    other.serve(EXTENTS, lacking(EXTENTS, "spec.number"))

    assert (number(server), number(other)) == (7, None)
    other.update(labelled(other.get(EXTENTS, ("a", "x"))))
    assert (number(server), number(other), server.version) == (None, None, other.version)


def test_a_number_that_was_lost_can_be_written_again_but_not_changed(server: Store) -> None:
    live = server.get(EXTENTS, ("a", "x"))
    changed = live | {"spec": live["spec"] | {"number": 8}}

    with pytest.raises(Invalid, match="number is immutable once set"):
        server.update(changed)


def test_open_watches_show_the_former_schema_until_they_are_opened_again(server: Store) -> None:
    server.serve(EXTENTS, lacking(EXTENTS, "spec.number"))
    server.rewatch()
    server.serve(EXTENTS, None)
    cache = InformerCache(server, EXTENTS)

    cache.deliver()
    pruned = cache.get(key_of(NUMBERED))
    server.rewatch()
    kept = cache.get(key_of(NUMBERED))
    cache.relist()
    listed = cache.get(key_of(NUMBERED))

    assert [obj and obj["spec"].get("number") for obj in (pruned, kept, listed)] == [None, None, 7]
