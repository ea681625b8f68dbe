"""kubectl with our kinds: examples, tables, explain, wait, and each way to change a spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from controlplane.api import APPLY_PATCH, RANGES, REQUESTS, Refused, object_path
from controlplane.objects import answer_item, entry, extent_object, range_object, request_object, slice_object
from tests.e2e.crd_tables import CHUNK_SIZE_STAYS, RANGES_STAY, REQUEST_SPEC

if TYPE_CHECKING:
    from controlplane.api import Api, Obj
    from controlplane.plane import ControlPlane

EXAMPLES = Path(__file__).parents[2] / "examples"
#: Resource, and the columns of `kubectl get` and of `kubectl get -o wide`.
TABLES = [
    (
        "iprange",
        "NAME MODE STATE NOTES USED ROOM LARGEST PENDING AGE",
        "NAME MODE STATE NOTES USED ROOM LARGEST PENDING AGE FREE MESSAGE",
    ),
    ("ipreq", "NAME IPAM SIZE STATE CIDR AGE", "NAME IPAM SIZE STATE CIDR AGE MESSAGE"),
    ("ipext", "NAME RANGE DOMAIN NUMBER AGE", "NAME RANGE DOMAIN NUMBER AGE RANGES"),
    ("ipslice", "NAME RANGE REQUESTS AGE", "NAME RANGE REQUESTS CIDRS AGE"),
]
READY = {"type": "Ready", "status": "True", "reason": "Granted", "message": "", "observedGeneration": 1}
SINCE = {"lastTransitionTime": "2026-01-01T00:00:00Z"}


@pytest.fixture
def objects(api: Api, namespace: str) -> str:
    """A namespace with one object of each kind, with their statuses."""
    range_ = api.create(range_object(namespace, "net", "10.0.0.0/24", chunkSize=28))
    capacity: Obj = {"total": "256", "allocated": "16", "free": "240", "used": "6%", "largestFree": "/25"}
    capacity |= {"freeBlocks": {"/28": "15"}, "room": "15 more /28"}
    status = {
        "schemaV1": True,
        "revision": 1,
        "allocations": [entry(1)],
        "state": "Ready",
        "notes": "Overlapping",
        "pending": 0,
        "capacity": capacity,
    }
    api.put_status(range_ | {"status": status})
    request = api.create(request_object(namespace, "web", "net", size=28))
    api.put_status(request | {"status": {"state": "Ready", "cidr": "10.0.0.0/28"}})
    answers = [
        answer_item(f"{namespace}/{name}", uid, state="Ready", cidr=f"10.0.0.{number}/28", revision=1)
        for name, uid, number in (("web", "u1", 0), ("db", "u2", 16))
    ]
    api.create(slice_object(namespace, "net-0", *answers))
    api.create(extent_object(namespace, "net-0"))
    return namespace


def _examples() -> list[Path]:
    """All but quota.yaml, whose namespace does not exist in a dry run; test_examples.py applies it."""
    return sorted(path for path in EXAMPLES.glob("*.yaml") if path.name != "quota.yaml")


@pytest.mark.parametrize("example", _examples(), ids=lambda path: path.name)
def test_every_example_is_accepted(control_plane: ControlPlane, example: Path) -> None:
    printed = control_plane.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(example))
    kinds = [document["kind"] for document in yaml.safe_load_all(example.read_text())]
    assert printed.count("created (server dry run)") == len(kinds)


@pytest.mark.parametrize(("resource", "columns", "wide"), TABLES, ids=[row[0] for row in TABLES])
def test_a_table_has_exactly_its_columns(
    control_plane: ControlPlane, objects: str, resource: str, columns: str, wide: str
) -> None:
    header, *rows = control_plane.kubectl("get", resource, "-n", objects).splitlines()
    assert (header.split(), len(rows)) == (columns.split(), 1)
    header, *_ = control_plane.kubectl("get", resource, "-n", objects, "-o", "wide").splitlines()
    assert header.split() == wide.split()


def test_the_cells_of_a_range_are_readable(control_plane: ControlPlane, objects: str) -> None:
    (row,) = control_plane.kubectl("get", "iprange", "-n", objects, "--no-headers").splitlines()
    assert row.split()[:-1] == ["net", "BestFit", "Ready", "Overlapping", "6%", "15", "more", "/28", "/25", "0"]


def test_the_wide_cells_of_a_range_count_its_free_addresses(control_plane: ControlPlane, objects: str) -> None:
    (row,) = control_plane.kubectl("get", "iprange", "-n", objects, "--no-headers", "-o", "wide").splitlines()
    assert "   240" in row


def test_the_cells_of_a_request_are_readable(control_plane: ControlPlane, objects: str) -> None:
    (row,) = control_plane.kubectl("get", "ipreq", "-n", objects, "--no-headers").splitlines()
    assert row.split()[:-1] == ["web", "net", "28", "Ready", "10.0.0.0/28"]


def test_the_cells_of_a_slice_show_the_first_of_its_answers(control_plane: ControlPlane, objects: str) -> None:
    """The API server takes one value for a column."""
    (row,) = control_plane.kubectl("get", "ipslice", "-n", objects, "--no-headers", "-o", "wide").splitlines()
    assert row.split()[:-1] == ["net-0", "net", f"{objects}/web", "10.0.0.0/28"]


def test_the_category_lists_the_kinds_that_users_write(control_plane: ControlPlane, objects: str) -> None:
    names = control_plane.kubectl("get", "ipam", "-n", objects, "-o", "name").split()
    assert {name.partition(".")[0] for name in names} == {"ipamrange", "ipamrequest"}


@pytest.mark.parametrize(
    ("resource", "selector", "found"),
    [
        ("ipreq", "spec.ipam.name=net", ["web"]),
        ("ipreq", "spec.ipam.name=other", []),
        ("ipreq", "status.state=Ready,status.cidr=10.0.0.0/28", ["web"]),
        ("ipreq", "status.state!=Ready", []),
        ("ipreq", "status.address=", ["web"]),
        ("iprange", "spec.domain={namespace},status.state=Ready", ["net"]),
        ("iprange", "spec.domain!={namespace}", []),
    ],
)
def test_objects_are_found_by_their_selectable_fields(
    control_plane: ControlPlane, objects: str, resource: str, selector: str, found: list[str]
) -> None:
    selector = selector.format(namespace=objects)
    printed = control_plane.kubectl("get", resource, "-n", objects, "--field-selector", selector, "-o", "name")
    assert [line.partition("/")[2] for line in printed.split()] == found


def test_a_single_address_is_read_by_jsonpath(control_plane: ControlPlane, api: Api, namespace: str) -> None:
    created = api.create(request_object(namespace, "web", "net"))
    api.put_status(created | {"status": {"state": "Ready", "cidr": "10.0.0.5/32", "address": "10.0.0.5"}})
    printed = control_plane.kubectl("get", "ipreq", "web", "-n", namespace, "-o", "jsonpath={.status.address}")
    assert printed == "10.0.0.5"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("iprange.spec.ranges", "CIDRs (10.0.0.0/24), intervals"),
        ("iprange.status.allocations", "The ledger, the only source of truth about the holders of blocks"),
        ("ipreq.spec.size", "Requested prefix length"),
        ("ipreq.status.cidr", "It is immutable once set"),
        ("ipreq.status.conditions", "Ready: whether the request has its block"),
        ("iprange.status.conditions", "Ready: whether requests are served"),
        ("ipslice", "An IPAMAllocationSlice"),
    ],
)
def test_explain_describes_a_field(control_plane: ControlPlane, path: str, words: str) -> None:
    printed = " ".join(control_plane.kubectl("explain", path).split())
    assert words in printed


def test_wait_waits_for_ready(control_plane: ControlPlane, api: Api, namespace: str) -> None:
    created = api.create(request_object(namespace, "web", "net"))
    wait = ("wait", "ipreq/web", "-n", namespace, "--for=condition=Ready")
    with pytest.raises(Refused, match="timed out"):
        control_plane.kubectl(*wait, "--timeout=1s")
    api.put_status(created | {"status": {"state": "Ready", "conditions": [READY | SINCE]}})
    assert "condition met" in control_plane.kubectl(*wait, "--timeout=10s")


@pytest.mark.parametrize("resource", [RANGES, REQUESTS])
def test_a_new_object_is_not_yet_ready(api: Api, namespace: str, resource: str) -> None:
    obj = range_object(namespace, "a", "10.0.0.0/24") if resource == RANGES else request_object(namespace, "a", "net")
    (condition,) = api.create(obj)["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "Unknown", "NotYetObserved")


def _targets(namespace: str) -> list[tuple[Obj, Obj, str]]:
    """An object, the same object with another spec, and the refusal of the change."""
    return [
        (
            range_object(namespace, "net", "10.0.0.0/24"),
            range_object(namespace, "net", "10.0.0.0/24", chunkSize=28),
            CHUNK_SIZE_STAYS,
        ),
        (request_object(namespace, "net", "a"), request_object(namespace, "net", "b"), REQUEST_SPEC),
        (
            range_object(namespace, "net", "10.0.0.0/24", "10.1.0.0/24"),
            range_object(namespace, "net", "10.0.0.0/24", "10.2.0.0/24"),
            f"{RANGES_STAY}: keep 10.1.0.0/24, add it to excludes",
        ),
    ]


@pytest.mark.parametrize("number", [0, 1, 2], ids=["range", "request", "fewer ranges"])
def test_apply_cannot_change_a_spec(control_plane: ControlPlane, namespace: str, number: int) -> None:
    before, after, message = _targets(namespace)[number]
    control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(before))
    with pytest.raises(Refused, match=message):
        control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(after))


@pytest.mark.parametrize("number", [0, 1, 2], ids=["range", "request", "fewer ranges"])
def test_edit_cannot_change_a_spec(
    control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path, number: int
) -> None:
    before, after, message = _targets(namespace)[number]
    created = api.create(before)
    changed, shown, editor = tmp_path / "changed.json", tmp_path / "shown", tmp_path / "editor"
    changed.write_text(json.dumps(created | {"spec": after["spec"]}))
    editor.write_text(f"#!/bin/sh\ncat $1 >> {shown}\ncp {changed} $1\n")
    editor.chmod(0o755)
    with pytest.raises(Refused, match="is invalid"):
        control_plane.kubectl(
            "edit", f"{before['kind']}/net", "-n", namespace, KUBE_EDITOR=str(editor), TMPDIR=str(tmp_path)
        )
    assert message in shown.read_text()
    assert _spec(api, created) == created["spec"]


@pytest.mark.parametrize("number", [0, 1, 2], ids=["range", "request", "fewer ranges"])
def test_patch_cannot_change_a_spec(control_plane: ControlPlane, api: Api, namespace: str, number: int) -> None:
    before, after, message = _targets(namespace)[number]
    created = api.create(before)
    patch = json.dumps({"spec": after["spec"]})
    with pytest.raises(Refused, match=message):
        control_plane.kubectl("patch", before["kind"], "net", "-n", namespace, "--type=merge", "-p", patch)
    assert _spec(api, created) == created["spec"]


@pytest.mark.parametrize("number", [0, 1, 2], ids=["range", "request", "fewer ranges"])
def test_server_side_apply_cannot_change_a_spec(api: Api, namespace: str, number: int) -> None:
    before, after, message = _targets(namespace)[number]
    created = api.create(before)
    path = object_path(created["kind"].lower() + "s", namespace, "net")
    with pytest.raises(Refused, match=message):
        api.ask("PATCH", path, after, kind=APPLY_PATCH, fieldManager="another", force="true")
    assert _spec(api, created) == created["spec"]


@pytest.mark.parametrize("number", [0, 1], ids=["range", "request"])
def test_labels_and_annotations_can_change(control_plane: ControlPlane, api: Api, namespace: str, number: int) -> None:
    before, _, _ = _targets(namespace)[number]
    api.create(before)
    control_plane.kubectl("label", before["kind"], "net", "-n", namespace, "team=a")
    control_plane.kubectl("annotate", before["kind"], "net", "-n", namespace, "note=b")


def _spec(api: Api, created: Obj) -> Obj:
    return dict(api.get(created["kind"].lower() + "s", created["metadata"]["namespace"], "net")["spec"])
