"""The measurement of claims and Services: when an object counts as served, what is counted, and the tables."""

from collections import Counter
from typing import Any

import pytest

from bench.integrations import COLUMNS, KINDS, Result, tables
from bench.readings import Readings, counted_writes

CPU = {"metacontroller": 1.0, "kube-apiserver": 2.0, "hooks": 0.5, "etcd": 0.5}


def result(kind: str, seconds: list[float], **writes: int) -> Result:
    return Result(
        kind, seconds, Readings(Counter({f"PUT {name} 200": n for name, n in writes.items()}), Counter(), CPU)
    )


def cells(line: str) -> list[str]:
    return [each.strip() for each in line.strip("|").split("|")]


def test_each_kind_is_compared_with_plain_requests() -> None:
    text = tables([result("IPAMRequest", [1.0, 2.0], ipamrequests=6), result("Service", [2.0, 3.0], services=7)])

    lines = text.partition("\n\n")[0].splitlines()
    requests, services = (dict(zip(COLUMNS, cells(line), strict=True)) for line in lines[2:])
    assert (requests["objects"], requests["ratio"], requests["API writes"]) == ("IPAMRequest", "1.00", "3.00 each")
    assert (services["total s"], services["ratio"], services["API writes"]) == ("3.0", "1.50", "3.50 each")
    assert services["CPU s"] == "4.0"


def test_the_writes_of_each_kind_are_listed_by_resource() -> None:
    text = tables([result("IPAMRequest", [1.0, 2.0], ipamrequests=6), result("Service", [2.0, 3.0], services=7)])

    lines = text.partition("\n\n")[2].splitlines()
    assert list(map(cells, [lines[0], *lines[2:]])) == [
        ["objects", "ipamrequests", "services"],
        ["IPAMRequest", "3.00", "0.00"],
        ["Service", "0.00", "3.50"],
    ]


@pytest.mark.parametrize(
    ("kind", "served"),
    [
        ("IPAMRequest", {"status": {"state": "Ready"}}),
        ("IPAddressClaim", {"status": {"addressRef": {"name": "a"}}}),
        ("Service", {"metadata": {"annotations": {"metallb.io/loadBalancerIPs": "10.0.0.1"}}}),
    ],
)
def test_an_object_is_served_when_its_consumer_sees_the_address(kind: str, served: dict[str, Any]) -> None:
    (found,) = [each for each in KINDS if each.name == kind]

    made = found.make("team-a", "web")
    assert made["kind"] == kind
    assert not found.is_served(made)
    assert found.is_served(made | served)


def test_writes_of_our_kinds_of_claims_of_services_and_of_events_count() -> None:
    resources = {
        ("ipam.mandelsoft.org", "ipamrequests", "status"): 1,
        ("ipam.cluster.x-k8s.io", "ipaddresses", ""): 2,
        ("", "services", ""): 4,
        ("events.k8s.io", "events", ""): 8,
        ("", "pods", ""): 16,
        ("coordination.k8s.io", "leases", ""): 32,
    }
    text = "".join(
        f'apiserver_request_total{{code="200",group="{group}",resource="{name}",subresource="{part}",verb="PUT"}} {n}\n'
        for (group, name, part), n in resources.items()
    )

    assert counted_writes(text + text.replace("PUT", "GET")) == {
        "PUT ipamrequests/status 200": 1,
        "PUT ipaddresses 200": 2,
        "PUT services 200": 4,
        "PUT events 200": 8,
    }
