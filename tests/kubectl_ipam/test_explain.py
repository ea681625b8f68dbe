import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from kubectl_ipam.box import Box
from kubectl_ipam.cli import run
from tests.kubectl_ipam.clusters import Document, cluster_of, dump_of, dump_with, namespace, printed, range_, request


def explained(capsys: pytest.CaptureFixture[str], folder: Path, box: Box, name: str, code: int) -> dict[str, Any]:
    shown = printed(capsys, "explain", name, "-f", dump_of(box, folder), "-o", "json", code=code)
    (found,) = json.loads(shown)["requests"]
    return dict(found)


def test_a_served_request_has_done_all_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("web"))

    found = explained(capsys, tmp_path, box, "web", 0)

    assert [each["step"] for each in found["steps"]] == [
        "created",
        "labelled",
        "range",
        "committed",
        "answered",
        "published",
    ]
    assert {each["state"] for each in found["steps"]} == {"done"}
    assert found["next"] == "kubectl get ipamrequest -n default web -o jsonpath='{.status.cidr}'"


def test_a_request_without_room_is_explained_by_the_fewest_releases_that_would_serve_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(
        range_("net", "10.0.0.0/26"),
        *(request(f"a{number}", request=f"10.0.0.{number * 4}/30") for number in range(8)),
        request("b", request="10.0.0.40"),
    )
    box.apply([request("large", size=26), request("half", size=27)])
    box.delete([request("half")])
    box.apply([request("wide", size=27, namespace="default"), request("twice", size=27)])

    found = explained(capsys, tmp_path, box, "wide", 3)

    assert found["steps"][-1] == {
        "step": "committed",
        "state": "waiting",
        "text": "no free /27 in default/net: waiting for room",
    }
    assert (
        found["remedies"][0] == "the block with the fewest holders is 10.0.0.32/27: 10.0.0.40/32 is held by default/b"
    )


def test_a_request_for_one_block_is_explained_by_its_holder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24"), request("a", request="10.0.0.16/28"))
    box.apply([request("b", request="10.0.0.16/29")])

    found = explained(capsys, tmp_path, box, "b", 3)

    assert found["remedies"] == ["10.0.0.16/29 must be free: 10.0.0.16/28 is held by default/a"]


def test_what_no_request_releases_is_explained_with_what_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reserved = [{"cidr": "10.0.0.128/28", "holder": {"name": "dns"}}]
    box = cluster_of(
        range_("net", "10.0.0.0/24", reservations=reserved),
        range_("later", "10.0.0.0/23"),
        request("reserved", request="10.0.0.130"),
        request("older", "later", request="10.0.0.5"),
    )

    assert explained(capsys, tmp_path, box, "reserved", 3)["remedies"] == [
        "10.0.0.130/32 must be free: 10.0.0.128/28 is reserved for IPAMRequest default/dns",
        "or remove the reservation: kubectl edit iprange -n default net, spec.reservations",
    ]
    assert explained(capsys, tmp_path, box, "older", 3)["remedies"] == [
        "10.0.0.5/32 must be free: 10.0.0.0/24 belongs to range default/net, which is older in domain default",
        "or create another request, which asks the older range for it: spec.ipam",
    ]


def test_a_request_that_no_release_would_serve_is_explained_with_what_else_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(
        range_("net", "10.0.0.0/24", reservations=[{"cidr": "10.0.0.0/24", "holder": {"name": "dns"}}]),
        range_("later", "10.0.0.0/25"),
        request("web"),
        request("older", "later"),
    )

    assert explained(capsys, tmp_path, box, "web", 3)["remedies"] == [
        "add addresses: kubectl edit iprange -n default net, spec.ranges",
        "or remove the reservation: kubectl edit iprange -n default net, spec.reservations",
    ]
    assert explained(capsys, tmp_path, box, "older", 3)["remedies"] == [
        "add addresses: kubectl edit iprange -n default later, spec.ranges",
        "or create another request, which asks the older range for it: spec.ipam",
    ]


@pytest.mark.parametrize(
    ("size", "remedy"),
    [
        (28, "namespace default must release 16 addresses, or get a larger quota: "),
        (25, "the quota of namespace default must be at least 128: "),
    ],
)
def test_a_request_beyond_its_quota_is_explained_by_the_quota_alone(
    size: int, remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quota = {"namespaces": [{"name": "default", "addresses": 16}]}
    box = cluster_of(range_("net", "10.0.0.0/24", quota=quota), request("a", size=28), request("b", size=size))

    found = explained(capsys, tmp_path, box, "b", 3)

    assert found["remedies"] == [f"{remedy}kubectl edit iprange -n default net, spec.quota"]


@pytest.mark.parametrize(
    ("range_change", "remedy"),
    [
        ({"closed": True}, "the range must be opened again: closed: false"),
        ({}, "the hold of the range must end: its annotation ipam.mandelsoft.org/hold must be removed"),
    ],
)
def test_room_is_no_remedy_while_the_range_is_closed_or_on_hold(
    range_change: dict[str, Any], remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24"), request("a"))
    changed = range_("net", "10.0.0.0/24", **range_change)
    if not range_change:
        changed["metadata"]["annotations"] = {"ipam.mandelsoft.org/hold": "true"}
    box.apply([changed])
    box.apply([request("b")])

    assert explained(capsys, tmp_path, box, "b", 3)["remedies"] == [remedy]


def test_a_block_that_cools_down_is_named_with_the_command_that_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/28", chunkSize=29, cooldownSeconds=3600), request("a"), request("b"))
    (uid,) = (each["metadata"]["uid"] for each in box.objects() if each["metadata"]["name"] == "b")
    box.delete([request("b")])
    box.apply([request("c")])

    found = explained(capsys, tmp_path, box, "c", 3)

    assert found["remedies"][0].startswith(
        "the block with the fewest holders is 10.0.0.8/29: 10.0.0.8/29 is cooling down"
    )
    assert found["remedies"][1].endswith(
        f"kubectl annotate --overwrite iprange -n default net ipam.mandelsoft.org/end-cooldown={uid}"
    )


@pytest.mark.parametrize(
    ("spec", "code", "text", "command"),
    [
        ({"size": 8}, 4, "no block of /8 can ever fit", "kubectl delete ipamrequest -n default x"),
        ({"ipam": {"name": "nirvana"}}, 3, "does not exist", "kubectl ipam show -A"),
        ({"ipam": {"name": "net", "namespace": "infra"}}, 3, "does not serve requests of namespace default", "explain"),
        ({"ipam": {"name": "bad"}}, 4, "is invalid", "kubectl edit iprange -n default bad"),
    ],
)
def test_what_fails_is_explained_with_the_next_command(
    spec: dict[str, Any], code: int, text: str, command: str, *, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    infra = range_("net", "10.1.0.0/24", namespace="infra")
    bad = range_("bad", "10.2.0.0/24", network={"gateway": "10.2.0.1"}, excludes=["10.2.0.0/24"])
    box = cluster_of(range_("net", "10.0.0.0/24"), infra, bad, request("x", **spec))

    found = explained(capsys, tmp_path, box, "x", code)

    assert text in found["steps"][-1]["text"]
    assert command in found["next"]


def cluster_with_claim() -> Box:
    claim = {
        "apiVersion": "ipam.cluster.x-k8s.io/v1beta2",
        "kind": "IPAddressClaim",
        "metadata": {"name": "worker-0", "namespace": "default"},
        "spec": {"poolRef": {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "net"}},
    }
    return cluster_of(range_("net", "10.0.0.0/24", network={"prefixLength": 24}), claim)


@pytest.mark.parametrize(
    ("claim", "waits"),
    [
        (
            {},
            "removed, for which IPAddressClaim default/worker-0 must be deleted: its machine may still use the address",
        ),
        (
            {"deletionTimestamp": "2026-11-30T00:00:00Z", "finalizers": ["machine", "foregroundDeletion"]},
            "removed, which happens once IPAddressClaim default/worker-0 has lost machine",
        ),
        ({"deletionTimestamp": "2026-11-30T00:00:00Z", "finalizers": ["foregroundDeletion"]}, "removed"),
        ({"uid": "another"}, "removed"),
    ],
)
def test_a_deleted_request_waits_for_its_claim(
    claim: dict[str, Any], waits: str, *, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deleted = {"deletionTimestamp": "2026-11-30T00:00:00Z"}
    changes = {"IPAMRequest": deleted, "IPAddressClaim": claim}
    objects = cluster_with_claim().objects()
    for each in objects:
        each["metadata"].update(changes.get(each["kind"], {}))
    dump = dump_with(objects, tmp_path)

    shown = printed(capsys, "explain", "ipaddressclaim/worker-0", "-f", dump, "-o", "json", code=3)

    (found,) = json.loads(shown)["requests"]

    assert found["steps"][-1]["text"].endswith(f"until metacontroller.io/decoratorcontroller-claimedrequest is {waits}")


def test_the_request_of_another_object_is_found_by_its_owner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_with_claim()
    (owned,) = (each["metadata"]["name"] for each in box.objects() if each["kind"] == "IPAMRequest")
    dump = dump_of(box, tmp_path)

    for name in ("ipaddressclaim/worker-0", "IPAddressClaims/worker-0"):
        assert f"request default/{owned}, of IPAddressClaim worker-0: Ready" in printed(
            capsys, "explain", name, "-f", dump
        )
    assert run(["explain", "service/worker-0", "-f", dump]) == 1
    assert "no request that belongs to service worker-0" in capsys.readouterr().err


def test_a_request_whose_range_was_lost_is_not_to_be_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24"), range_("other", "10.1.0.0/24"), request("web"))
    objects = [each for each in box.objects() if each["metadata"]["name"] != "net"]

    shown = printed(capsys, "explain", "web", "-f", dump_with(objects, tmp_path), code=3)

    assert "range default/net does not exist: nothing protects 10.0.0.0/32, which it shows" in shown
    assert "create the range again: it returns the block" in shown
    assert "delete" not in shown


def test_a_range_that_is_broken_is_not_called_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objects = cluster_of(range_("net", "10.0.0.0/24"), request("web")).objects()
    for each in objects:
        if each["kind"] == "IPAMRange":
            each["metadata"]["creationTimestamp"] = "yesterday"

    shown = printed(capsys, "explain", "web", "-f", dump_with(objects, tmp_path))

    assert "[?] range      range default/net can't be read: kubectl ipam check says why" in shown
    assert "[x] published  it shows 10.0.0.0/32 since " in shown


KINDS = ("IPAMRange", "IPAMExtent", "IPAMAllocationSlice", "Namespace")


@pytest.fixture(name="several", scope="module")
def _several() -> list[Document]:
    allowed = {"from": "Selector", "selector": {"matchLabels": {"tier": "web"}}}
    box = cluster_of(
        namespace("default", tier="web"),
        range_("net", "10.0.0.0/24", chunkSize=28, allowedNamespaces=allowed),
        range_("older", "10.1.0.0/16", chunkSize=20),
        request("web"),
        request("site", "older", delegate={"chunkSize": 28}),
    )
    box.apply([request("large", size=24)])
    return box.objects()


@pytest.mark.parametrize("missing", [each for size in (1, 2, 3, 4) for each in combinations(KINDS, size)])
def test_what_was_not_read_is_unknown_and_not_missing(
    missing: tuple[str, ...], several: list[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_with([each for each in several if each["kind"] not in missing], tmp_path)

    steps = {}
    for name, code in (("web", 0), ("site", 0), ("large", 3)):
        shown = printed(capsys, "explain", name, "-f", dump, "-o", "json", code=code)
        (found,) = json.loads(shown)["requests"]
        steps[name] = {each["step"]: each["state"] for each in found["steps"]}
        assert "failed" not in steps[name].values()
        assert "kubectl delete" not in found["next"]
    is_range_read = "IPAMRange" not in missing
    assert steps["web"]["published"] == "done"
    assert steps["site"]["delegated"] == ("done" if is_range_read else "unknown")
    if is_range_read:
        assert steps["web"]["answered"] == ("unknown" if "IPAMAllocationSlice" in missing else "done")
        assert steps["large"]["range"] == ("unknown" if "Namespace" in missing else "done")


def test_a_deleted_request_whose_ranges_were_not_read_is_not_said_to_have_lost_one(
    several: list[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects: list[Document] = json.loads(json.dumps([each for each in several if each["kind"] != "IPAMRange"]))
    for each in objects:
        if each["metadata"]["name"] == "site":
            each["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z"

    shown = printed(capsys, "explain", "site", "-f", dump_with(objects, tmp_path), code=3)

    assert "range default/site, made from its block, ends first" in shown
    assert "by force" not in shown


def test_a_delegated_range_whose_request_was_not_read_is_not_called_invalid(
    several: list[Document], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_with([each for each in several if each["kind"] != "IPAMRequest"], tmp_path)

    assert "the block of request default/site, which can't be read" in printed(capsys, "show", "site", "-f", dump)
    for command in ("show", "tree", "show site"):
        shown = printed(capsys, *command.split(), "-f", dump)
        assert "Invalid" not in shown
    assert run(["explain", "site", "-f", dump]) == 1
    assert f"{dump} has no ipamrequests" in capsys.readouterr().err
