"""Imports, tried: applied to a cluster in a box, each request gets the block that it had elsewhere."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooks.api.names import CIDR_ANNOTATION, HOLD_ANNOTATION, NOT_IN_BACKUPS
from kubectl_ipam.box import Box
from kubectl_ipam.cli import run
from kubectl_ipam.exchange.book import Severity
from kubectl_ipam.exchange.manifests import manifests, namespaces_of
from tests.kubectl_ipam.clusters import cluster_of, dump_of, dump_with, printed, range_, request
from tests.kubectl_ipam.exchange.inputs import (
    IN_CLUSTER,
    METAL3,
    NETBOX_ADDRESSES,
    NETBOX_API,
    NETBOX_PREFIXES,
    PHPIPAM_ADDRESSES,
    PHPIPAM_SUBNETS,
    SPREADSHEET,
    blocks_of,
    checked,
)

Obj = dict[str, Any]


def namespace(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def imported(*texts: str) -> Box:
    """A cluster to which the manifests of an import were applied, requests before ranges."""
    found = checked(*texts)
    box = Box()
    assert box.apply(map(namespace, namespaces_of(found))) == []
    assert box.apply(reversed(manifests(found))) == []
    return box


def requests_of(box: Box) -> dict[str, Obj]:
    found = (each for each in box.objects() if each["kind"] == "IPAMRequest")
    return {f"{each['metadata']['namespace']}/{each['metadata']['name']}": each for each in found}


def shown(box: Box) -> dict[str, str]:
    """The block in the status of each request; "" where there is none."""
    return {name: each.get("status", {}).get("cidr", "") for name, each in requests_of(box).items()}


@pytest.mark.parametrize(
    "texts",
    [
        [NETBOX_PREFIXES, NETBOX_ADDRESSES],
        [NETBOX_API],
        [PHPIPAM_SUBNETS, PHPIPAM_ADDRESSES],
        [PHPIPAM_ADDRESSES],
        [METAL3],
        [IN_CLUSTER],
        [SPREADSHEET],
    ],
    ids=["netbox", "netbox-api", "phpipam", "phpipam-addresses", "metal3", "in-cluster", "csv"],
)
def test_each_request_gets_the_block_that_it_had(texts: list[str]) -> None:
    recorded = {name: cidr for name, (_, cidr) in blocks_of(checked(*texts)).items()}

    assert any(recorded.values())
    assert shown(imported(*texts)) == recorded


def test_a_claim_that_had_no_address_is_served_when_the_hold_ends() -> None:
    box = imported(IN_CLUSTER)
    assert shown(box)["infra/waiting"] == ""
    made = manifests(checked(IN_CLUSTER))
    for each in made:
        each["metadata"]["annotations"].pop(HOLD_ANNOTATION, None)
    assert box.apply(made) == []

    assert shown(box)["infra/waiting"] == "10.31.0.2/32"
    assert shown(box)["infra/worker-0"] == "10.30.0.7/32"


def test_an_export_as_json_or_csv_is_restored_exactly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = [request(f"r{number}", size=28 + number % 3) for number in range(9)]
    before = cluster_of(
        range_("net", "10.0.0.0/23", chunkSize=28, excludes=["10.0.0.0/26"], mode="RoundRobin"),
        range_("hosts", "2001:db8::/64", network={"prefixLength": 64, "gateway": "2001:db8::1"}),
        *blocks,
        request("host", "hosts"),
        request("exact", request="10.0.1.128/26"),
    )
    dump = dump_of(before, tmp_path)
    for format_ in ("json", "csv"):
        file = tmp_path / f"export.{format_}"
        file.write_text(printed(capsys, "export", "-A", "-f", dump, "-o", format_))
        made = json.loads(printed(capsys, "import", str(file), "-o", "json"))["items"]
        after = Box()
        assert after.apply(made) == []

        assert shown(after) == shown(before)
        assert all(shown(before).values())


def test_the_same_export_is_in_conflict_with_the_cluster_that_it_is_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_of(cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("a")), tmp_path)
    (tmp_path / "export.json").write_text(printed(capsys, "export", "-f", dump, "-o", "json"))

    assert run(["import", str(tmp_path / "export.json"), "--compare", "-f", dump]) == 1
    reported = capsys.readouterr()
    assert reported.out == ""
    assert "range default/net exists already" in reported.err
    assert "request default/a exists already" in reported.err
    assert "Nothing is printed" in reported.err


def net_with(*others: Obj, **spec: Any) -> Callable[[], Box]:
    """Makes a cluster with these objects, and then the range net."""
    return lambda: cluster_of(*others, range_("net", "10.0.0.0/16", **spec))


def net_of(name: str, *, is_released: bool) -> Callable[[], Box]:
    """Makes a cluster in which a request of this name holds a block, or released it a moment ago."""

    def made() -> Box:
        holder = request(name, request="10.0.0.16/28")
        box = cluster_of(range_("net", "10.0.0.0/16", cooldownSeconds=60), holder)
        assert box.delete([holder] if is_released else []) == []
        return box

    return made


def reserved_for(name: str) -> list[Obj]:
    return [{"cidr": "10.0.0.16/28", "holder": {"name": name}}]


@pytest.mark.parametrize(
    ("present", "cidr", "message"),
    [
        (net_of("web", is_released=False), "10.0.0.0/24", "10.0.0.16/28 was held by default/web when last checked"),
        (net_of("web", is_released=True), "10.0.0.16/29", "10.0.0.16/28 is cooling down until"),
        (net_with(range_("old", "10.0.0.0/24")), "10.0.0.0/28", "10.0.0.0/24 belongs to range default/old, which is"),
        (net_with(reservations=reserved_for("web")), "10.0.0.16/28", "it is reserved for IPAMRequest default/web"),
        (net_with(reservations=reserved_for("big")), "10.0.0.16/29", "10.0.0.16/28 is reserved for IPAMRequest"),
        (net_with(closed=True), "10.0.0.16/28", "range default/net is closed, and restores such a block only on hold"),
        (net_with(excludes=["10.0.0.18"]), "10.0.0.16/28", "10.0.0.16/28 is excluded or reserved in range default/net"),
        (net_with(excludes=["10.0.0.0/16"]), "10.0.0.16/28", "range default/net of the cluster is invalid: "),
    ],
    ids=[
        *("held", "cooling down", "of an older range", "reserved", "a part of what is reserved", "closed", "excluded"),
        "invalid",
    ],
)
def test_a_block_that_a_range_of_the_cluster_would_not_restore_is_a_conflict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], present: Callable[[], Box], cidr: str, message: str
) -> None:
    box = present()
    (tmp_path / "big.csv").write_text(f"name,range,cidr\nbig,net,{cidr}\n")

    assert run(["import", str(tmp_path / "big.csv"), "--compare", "-f", dump_of(box, tmp_path), "-n", "default"]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
    wanted = request("big", size=int(cidr[-2:]))
    wanted["metadata"]["annotations"] = {CIDR_ANNOTATION: cidr}
    assert box.apply([wanted]) == []
    assert shown(box)["default/big"] != cidr, "the conflict is one"


def test_a_range_whose_ledger_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objects = list(cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("a")).objects())
    (net,) = [each for each in objects if each["kind"] == "IPAMRange"]
    net["status"]["allocations"][0]["cidr"] = "10.0.0.0/99"
    (tmp_path / "new.csv").write_text("name,addresses\nnew,10.9.0.0/24\n")

    compared = ["--compare", "-f", dump_with(objects, tmp_path), "-n", "default"]
    assert run(["import", str(tmp_path / "new.csv"), *compared]) == 0
    assert "range default/net is not compared, because its ledger can't be read: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "present",
    [net_with(reservations=reserved_for("big")), net_of("big", is_released=True)],
    ids=["reserved for it", "released by it"],
)
def test_a_block_that_waits_for_the_request_is_no_conflict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], present: Callable[[], Box]
) -> None:
    box = present()
    (tmp_path / "big.csv").write_text("name,cidr\nbig,10.0.0.16/28\n")
    arguments = ["--compare", "-f", dump_of(box, tmp_path), "-n", "default", "-o", "json"]

    assert box.apply(json.loads(printed(capsys, "import", str(tmp_path / "big.csv"), *arguments))["items"]) == []
    assert shown(box)["default/big"] == "10.0.0.16/28"


def test_what_is_in_conflict_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "name,addresses,cidr\nnet,10.0.0.0/24,\na,,10.0.0.1\nb,,10.0.0.1\n"
    (tmp_path / "table.csv").write_text(text)

    made = json.loads(printed(capsys, "import", str(tmp_path / "table.csv"), "--skip-conflicts", "-o", "json", code=1))

    assert [each["metadata"]["name"] for each in made["items"]] == ["net", "a"]


@pytest.mark.parametrize("missing", [{"db"}, {"solo"}, {"db", "solo"}])
def test_the_block_of_a_holder_whose_request_is_missing_is_restored_whatever_its_length(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: set[str]
) -> None:
    before = cluster_of(
        range_("net", "10.0.0.0/24", chunkSize=28), request("db", size=30), request("solo", request="10.0.0.5")
    )
    remaining = [each for each in before.objects() if each["metadata"]["name"] not in missing]
    (tmp_path / "export.json").write_text(printed(capsys, "export", "-f", dump_with(remaining, tmp_path), "-o", "json"))
    after = Box()

    made = json.loads(printed(capsys, "import", str(tmp_path / "export.json"), "-o", "json"))["items"]
    assert after.apply(made) == []
    assert shown(after) == {"default/db": "10.0.0.0/30", "default/solo": "10.0.0.5/32"}


def delegating(tmp_path: Path) -> tuple[Box, str]:
    """A range of which a block is a range with two requests; the cluster, and a dump of it."""
    box = cluster_of(
        range_("net", "10.0.0.0/16", chunkSize=20),
        request("site", delegate={"name": "made", "chunkSize": 28}),
        request("first", "made", request="1/28"),
        request("second", "made"),
    )
    return box, dump_of(box, tmp_path)


def test_a_delegated_range_is_made_again_by_its_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, dump = delegating(tmp_path)
    (tmp_path / "export.json").write_text(printed(capsys, "export", "-f", dump, "-o", "json"))
    made = json.loads(printed(capsys, "import", str(tmp_path / "export.json"), "-o", "json"))["items"]
    after = Box()

    assert [each["metadata"]["name"] for each in made if each["kind"] == "IPAMRange"] == ["net"]
    assert after.apply(made) == []
    assert after.apply([request("stranger", "made")]) == []
    assert shown(after) == shown(before) | {"default/stranger": ""}, "the delegated range is on hold, too"
    assert all(shown(before).values())


def test_a_delegated_range_without_the_range_of_its_request_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, dump = delegating(tmp_path)
    (tmp_path / "export.json").write_text(printed(capsys, "export", "made", "-f", dump, "-o", "json"))

    assert run(["import", str(tmp_path / "export.json")]) == 1

    message = "range default/made was made by request default/site, which is missing: export the range of that, too"
    assert message in capsys.readouterr().err


def attached(dump: str, name: str, kind: str, owner: str) -> None:
    """Makes a request of a dump one that is attached to another object."""
    document = json.loads(Path(dump).read_text())
    (obj,) = [each for each in document["items"]
              if each["kind"] == "IPAMRequest" and each["metadata"]["name"] == name]  # fmt: skip
    reference = {"apiVersion": "v1", "kind": kind, "name": owner, "uid": "u", "controller": True}
    obj["metadata"] |= {"labels": dict(NOT_IN_BACKUPS), "ownerReferences": [reference]}
    Path(dump).write_text(json.dumps(document))


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_an_import_leaves_attached_requests_to_their_owners(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24"), request("worker-0-1"), request("web-1"), request("own"))
    dump = dump_of(box, tmp_path)
    attached(dump, "worker-0-1", "IPAddressClaim", "worker-0")
    attached(dump, "web-1", "Service", "web")
    file = tmp_path / f"export.{format_}"
    file.write_text(printed(capsys, "export", "-f", dump, "-o", format_))

    assert run(["import", str(file), "-o", "json"]) == 0
    reported = capsys.readouterr()

    assert [each["metadata"]["name"] for each in json.loads(reported.out)["items"]] == ["net", "own"]
    message = "2 requests are left out, because Service default/web and others make them again"
    assert message in " ".join(reported.err.split())


def test_an_address_of_an_attached_request_is_exported_with_its_owner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24", network={"prefixLength": 24}), request("worker-0-1"))
    dump = dump_of(box, tmp_path)
    attached(dump, "worker-0-1", "IPAddressClaim", "worker-0")

    rows = list(csv.DictReader(StringIO(printed(capsys, "export", "-f", dump))))
    assert [(row["cidr"], row["attachedTo"]) for row in rows[1:]] == [
        ("10.0.0.1/32", "IPAddressClaim default/worker-0")
    ]
    assert json.loads(printed(capsys, "export", "-f", dump, "-o", "netbox-addresses")) == [
        {"address": "10.0.0.1/24", "status": "active", "description": "IPAddressClaim default/worker-0"}
    ]


def test_a_block_of_ipv6_is_an_address_only_if_it_has_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(
        range_("net", "2a00::/24"), request("site", request="2a00::/32"), request("host", request="2a00:ff::5")
    )
    dump = dump_of(box, tmp_path)

    prefixes = json.loads(printed(capsys, "export", "-f", dump, "-o", "netbox-prefixes"))
    addresses = json.loads(printed(capsys, "export", "-f", dump, "-o", "netbox-addresses"))

    assert [each["prefix"] for each in prefixes] == ["2a00::/24", "2a00::/32"]
    assert [each["address"] for each in addresses] == ["2a00:ff::5/128"]


#: Blocks of a small range, so that many of them overlap; some are outside, or retired.
BLOCKS = st.tuples(st.integers(0, 70), st.sampled_from([32, 31, 30, 29, 28])).map(
    lambda drawn: f"10.0.0.{drawn[0] >> (32 - drawn[1]) << (32 - drawn[1])}/{drawn[1]}"
)


@settings(max_examples=25, deadline=None)
@given(st.lists(BLOCKS, max_size=12))
def test_whatever_is_not_in_conflict_gets_its_block_and_each_conflict_names_its_request(blocks: list[str]) -> None:
    head = "name,addresses,excludes,chunkSize,gateway,cidr\nnet,10.0.0.0/26,10.0.0.32/29,28,10.0.0.1,\n"
    text = head + "".join(f"r{number},,,,,{cidr}\n" for number, cidr in enumerate(blocks))
    found = checked(text)
    kept = {str(each.request.name): str(each.block) for each in found.requests}
    errors = [finding.message for finding in found.findings if finding.severity is Severity.ERROR]
    box = Box()
    assert box.apply([namespace("imported"), *manifests(found)]) == []

    assert shown(box) == kept
    lost = {f"request imported/r{number}:" for number in range(len(blocks)) if f"imported/r{number}" not in kept}
    assert lost == {message[: message.index(":") + 1] for message in errors}
