"""The number of stored writes for a claim and for a Service, beside those for a request, as the documents give them."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hooks.app import NOW_HEADER, create_app
from hooks.settings import Settings
from simulator.cluster import FOREIGN_CRDS, ROOT, START, Cluster, integrations
from simulator.kubernetes.clock import SimulatedClock, rfc3339
from simulator.kubernetes.manifests import read_manifests
from simulator.kubernetes.resources import Catalog
from simulator.metacontroller.webhook import wsgi_caller
from tests.simulator.test_integrations import claim, service
from tests.simulator.test_promises import iprange, ipreq

Obj = dict[str, Any]
#: Writes for each object: alone, and of twenty at once.
WRITES = {"request": ("5", "3.15"), "claim": ("8", "6.15"), "service": ("6", "4.15")}
DOCUMENT = (Path(__file__).parents[2] / "docs" / "cluster-api.md").read_text()


def cluster_with_admission() -> Cluster:
    """The cluster in a box with deploy/admission, which gives requests their finalizers when they are created."""
    clock = SimulatedClock(START)
    hooks = wsgi_caller(create_app(Settings(replay=True)), lambda: {NOW_HEADER: rfc3339(clock.now())})
    folders = (ROOT / "metacontroller", ROOT / "deploy" / "admission")
    manifests = [item.obj for folder in folders for item in read_manifests(folder)] + integrations()
    found = [item.obj for path in (ROOT / "crds", FOREIGN_CRDS) for item in read_manifests(path)] + manifests
    catalog = Catalog(obj for obj in found if obj["kind"] == "CustomResourceDefinition")
    return Cluster(catalog, manifests, hooks, clock=clock)


def made(kind: str, number: int) -> Obj:
    name = f"{kind}-{number}"
    return {"request": ipreq(name, "net"), "claim": claim(name), "service": service(name)}[kind]


def writes_for(kind: str, count: int) -> Counter[str]:
    """The stored writes for that many objects at once, by kind of the written object."""
    world = cluster_with_admission()
    world.apply(iprange("net", ["10.0.0.0/22"], network={"prefixLength": 22}))
    world.run_until_quiet()
    writes: Counter[str] = Counter()
    world.store.listeners.append(lambda resource, _: writes.update([resource.plural]))
    for number in range(count):
        world.apply(made(kind, number))
    world.run_until_quiet()
    return writes


@pytest.mark.parametrize("kind", WRITES)
def test_the_number_of_writes_is_the_one_that_the_documents_give(kind: str) -> None:
    alone, at_once = (f"{writes_for(kind, count).total() / count:g}" for count in (1, 20))

    assert (alone, at_once) == WRITES[kind]
    names = {"request": "IPAMRequest", "claim": "IPAddressClaim", "service": "Service"}
    assert re.search(rf"\| {names[kind]} \| {alone} \| {re.escape(at_once)} \|", DOCUMENT)


def test_a_service_that_names_no_range_costs_a_call_and_no_write() -> None:
    world = cluster_with_admission()
    world.apply(service(ranges=None))
    version = world.store.version
    world.run_until_quiet()

    assert world.metacontroller.controller("service").calls == {"sync": 1}
    assert world.store.version == version
