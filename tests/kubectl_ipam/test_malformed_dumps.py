"""Dumps that were edited by hand: whatever stands in a field, each command answers or says what is wrong."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kubectl_ipam.cli import run
from tests.kubectl_ipam.clusters import Document, cluster_of, dump_with, range_, request
from tests.kubectl_ipam.corruptions import Objects

NETWORK = {"gateway": "10.0.0.1", "prefixLength": 24, "dnsServers": ["10.0.0.2"]}
CLAIM: Document = {
    "apiVersion": "ipam.cluster.x-k8s.io/v1beta2",
    "kind": "IPAddressClaim",
    "metadata": {"name": "machine", "namespace": "default"},
    "spec": {"poolRef": {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "net"}},
}
SERVICE: Document = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "lb", "namespace": "default", "annotations": {"ipam.mandelsoft.org/range": "net"}},
    "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
}
MANIFESTS = (
    range_("net", "10.0.0.0/24", mode="RoundRobin", network=NETWORK, excludes=["10.0.0.128/25"], cooldownSeconds=60),
    request("web"),
    request("old"),
    range_("above", "10.1.0.0/16", reservations=[{"cidr": "10.1.0.0/24", "holder": {"name": "x"}}]),
    request("site", "above", size=20, delegate={"chunkSize": 28}),
    CLAIM,
    SERVICE,
)
VALUES: tuple[Any, ...] = (None, "x", "", 5, -1, 1.5, True, 10**30, [], ["x"], [None], {}, {"name": 5}, "10.0.0.0/99")
COMMANDS = (
    "show", "show net", "map net", "get 10.0.0.1", "get 10.0.0.0/24 -o json", "get web", "explain web", "explain site",
    "explain service/lb", "tree", "check", "check -o json", "export -A", "export -A -o json",
    "export -A -o netbox-prefixes", "import CSV --compare",
)  # fmt: skip


@pytest.fixture(name="objects", scope="module")
def _objects() -> list[Document]:
    box = cluster_of(*MANIFESTS)
    box.delete([request("old")])
    assert box.apply([deepcopy(MANIFESTS[0]) | {"spec": MANIFESTS[0]["spec"] | {"network": {}}}]) == []
    return box.objects()


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in an object."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places_in(each, (*path, key))


def test_whatever_stands_in_a_field_no_command_ends_in_a_traceback(
    objects: list[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, csv, new = Random(1), tmp_path / "a.csv", tmp_path / "new.json"
    csv.write_text("name,addresses\nother,10.9.0.0/24\n")
    new.write_text(json.dumps(request("new")))
    places = [(number, path) for number, each in enumerate(objects) for path in places_in(each)]
    for number, path in random.sample(places, 50):
        changed = deepcopy(objects)
        parent: Any = changed[number]
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = value = random.choice(VALUES)
        file = dump_with(changed, tmp_path)
        commands = [f"{each} -f {file}" for each in random.sample(COMMANDS, 4)]

        for command in (*commands, f"plan -f {new} --state {file}"):
            code = run(command.replace("CSV", str(csv)).split())

            assert code in range(5), f"{command}: {path} of {objects[number]['kind']} is {value!r}"
    capsys.readouterr()


def test_a_gateway_in_a_status_that_is_no_address_is_a_finding(
    objects: list[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = Objects(deepcopy(objects))
    assert changed.range()["status"]["gateways"] == ["10.0.0.1"]
    changed.range()["status"]["gateways"] = ["here"]
    file = dump_with(changed.all, tmp_path)

    assert run(["check", "-f", file]) == 1
    assert '$.parent.status.gateways[0]: "here" is not an IP address' in capsys.readouterr().out
    assert run(["show", "-f", file]) == 0
    assert "net     Unreadable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "path", "value", "fault"),
    [
        (
            "IPAMExtent",
            ("metadata", "ownerReferences"),
            5,
            "Expected `array | null`, got `int` - at `$.ownerReferences`",
        ),
        ("IPAMRequest", ("status", "cidr"), 5, "Expected `str`, got `int` - at `$.status.cidr`"),
        (
            "IPAMRange",
            ("spec", "excludes"),
            5,
            'spec.excludes: Invalid value: "integer": spec.excludes in body must be',
        ),
        ("IPAddressClaim", ("status",), 5, 'status: Invalid value: "integer": status in body must be of type object'),
    ],
)
def test_a_plan_names_the_object_of_a_dump_that_no_api_server_would_have_written(
    kind: str,
    path: tuple[str, ...],
    value: Any,
    fault: str,
    *,
    objects: list[Document],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed, new = deepcopy(objects), tmp_path / "new.json"
    new.write_text(json.dumps(request("new")))
    parent = next(each for each in changed if each["kind"] == kind)
    name = f"{kind} default/{parent['metadata']['name']}"
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value

    assert run(["plan", "-f", str(new), "--state", dump_with(changed, tmp_path)]) == 2
    shown = capsys.readouterr().err
    assert f"{name} can't be read: {fault}" in shown
    assert "Correct it, or write the dump again by: kubectl get ipam" in shown
