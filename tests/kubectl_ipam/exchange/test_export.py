"""Exports: what is written, what is named that can't be written, and what NetBox gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_ipam.cli import run
from tests.kubectl_ipam.clusters import cluster_of, dump_of, dump_with, printed, range_, request

Obj = dict[str, Any]


def test_prefixes_and_addresses_for_netbox_can_be_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(
        range_("net", "10.0.0.0/24", chunkSize=28),
        range_("hosts", "10.1.0.0/24", network={"prefixLength": 24}, domain="lab"),
        request("a"),
        request("host", "hosts"),
    )
    dump = dump_of(box, tmp_path)
    for kind in ("prefixes", "addresses"):
        (tmp_path / f"{kind}.json").write_text(printed(capsys, "export", "-f", dump, "-o", f"netbox-{kind}"))

    assert json.loads((tmp_path / "addresses.json").read_text()) == [
        {"address": "10.1.0.1/24", "status": "active", "description": "request default/host", "vrf": "lab"}
    ]
    files = [str(tmp_path / "prefixes.json"), str(tmp_path / "addresses.json")]
    made = json.loads(printed(capsys, "import", *files, "-o", "json"))["items"]
    records = {each["spec"]["ipam"]["name"]: each["metadata"]["annotations"].get("ipam.mandelsoft.org/cidr")
               for each in made if each["kind"] == "IPAMRequest"}  # fmt: skip
    assert records == {"range-default-net": "10.0.0.0/28", "range-default-hosts": "10.1.0.1/32"}


def test_intervals_and_addresses_of_a_range_are_prefixes_of_netbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(
        range_("net", "10.41.0.0-10.41.0.130", "10.42.0.5", "10.43.0.0/24"), request("host", request="10.41.0.9")
    )
    files = [tmp_path / "prefixes.json", tmp_path / "addresses.json"]
    for file in files:
        file.write_text(printed(capsys, "export", "-f", dump_of(box, tmp_path), "-o", f"netbox-{file.stem}"))

    assert [(each["prefix"], each["status"]) for each in json.loads(files[0].read_text())] == [
        ("10.41.0.0/25", "container"),
        ("10.41.0.128/31", "container"),
        ("10.41.0.130/32", "container"),
        ("10.42.0.5/32", "container"),
        ("10.43.0.0/24", "container"),
    ]
    made = json.loads(printed(capsys, "import", *map(str, files), "-o", "json"))["items"]
    assert ["10.42.0.5/32"] in [each["spec"].get("ranges") for each in made]
    (host,) = [each for each in made if each["kind"] == "IPAMRequest"]
    assert host["metadata"]["annotations"]["ipam.mandelsoft.org/cidr"] == "10.41.0.9/32"


@pytest.mark.parametrize("domain", ["default", "lab"])
@pytest.mark.parametrize("flags", [[], ["--from", "netbox"]])
def test_addresses_for_netbox_are_recognized_without_the_prefixes(
    domain: str, flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_of(cluster_of(range_("net", "10.0.0.0/24", domain=domain), request("host")), tmp_path)
    file = tmp_path / "addresses.json"
    file.write_text(printed(capsys, "export", "-f", dump, "-o", "netbox-addresses"))

    assert run(["import", str(file), *flags]) == 1
    message = "request default/request-default-host: 10.0.0.0/32 is outside every range: add one that has it"
    assert message in " ".join(capsys.readouterr().err.split())


def test_the_block_of_a_holder_whose_request_disappeared_is_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = list(cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("a"), request("b")).objects())
    remaining = [each for each in objects if each["metadata"]["name"] != "a"]
    no_requests = [each for each in objects if each["kind"] != "IPAMRequest"]
    path = tmp_path / "dump.json"
    for items, state in ((remaining, "Absent"), (no_requests, "Unreadable")):
        path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
        assert f"default,a,default/net,10.0.0.0/28,{state}" in printed(capsys, "export", "-f", str(path))


@pytest.mark.parametrize(
    ("objects", "lost"),
    [
        ([request("a", size=29), request("b", request="10.0.0.128/26")], ""),
        ([range_("old", "10.1.0.0/24", closed=True, cooldownSeconds=60)], "spec.closed, spec.cooldownSeconds"),
        ([range_("all", "10.1.0.0/24", allowedNamespaces={"from": "All"})], "spec.allowedNamespaces"),
        ([request("huge", size=20)], "spec.size"),
        ([request("site", size=26, delegate={})], "spec.delegate, spec.delegatedFrom"),
    ],
)
def test_an_export_names_what_csv_cannot_hold(
    objects: list[Obj], lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = {"gateway": "10.0.0.1", "prefixLength": 24, "dnsServers": ["10.9.0.1"]}
    net = range_("net", "10.0.0.0/24", chunkSize=28, network=network, domain="lab", description="lab net")
    dump = dump_of(cluster_of(net, *objects), tmp_path)

    assert run(["export", "-f", dump]) == 0
    note = f"CSV has no columns for {lost}: an import needs -o json, which keeps them\n"
    assert capsys.readouterr().err == (note if lost else "")
    assert run(["export", "-f", dump, "-o", "json"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("is_broken", [False, True])
def test_the_block_of_a_request_whose_range_is_missing_or_broken_is_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], is_broken: bool
) -> None:
    box = cluster_of(
        range_("net", "10.0.0.0/24", chunkSize=28), range_("bolt", "10.1.0.0/24", chunkSize=28, namespace="infra",
        allowedNamespaces={"from": "All"}), request("web"),
        request("db", ipam={"name": "bolt", "namespace": "infra"}),
    )  # fmt: skip
    objects = [each for each in box.objects() if is_broken or each["metadata"]["name"] != "bolt"]
    for each in objects:
        if each["metadata"]["name"] == "bolt":
            each["metadata"]["creationTimestamp"] = "yesterday"
    dump = dump_with(objects, tmp_path)

    assert run(["export", "-f", dump]) == 0
    shown = capsys.readouterr()
    assert "default,db,infra/bolt,10.1.0.0/28,Ready" in shown.out
    assert "without their ranges, which were not found: the requests of infra/bolt\n" in shown.err
    assert run(["export", "-n", "default", "-f", dump]) == 0
    shown = capsys.readouterr()
    assert "10.0.0.0/28" in shown.out
    assert "bolt" not in shown.out, "-n is the namespace of the range"
    (prefix,) = json.loads(printed(capsys, "export", "-n", "infra", "-f", dump, "-o", "netbox-prefixes"))
    assert prefix == {"prefix": "10.1.0.0/28", "status": "active", "description": "request default/db"}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (None, "Expected `object`, got `null`"),
        ({"ranges": 5}, "Expected `array`, got `int` - at `spec.ranges`"),
        ({"ranges": ["10.0.0.0/24"], "network": 7}, "Expected `object | null`, got `int` - at `spec.network`"),
    ],
)
def test_a_range_whose_spec_cannot_be_read_is_named_and_its_blocks_are_exported(
    broken: Obj | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = list(cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("a")).objects())
    (net,) = [each for each in objects if each["kind"] == "IPAMRange"]
    net["spec"] = broken
    dump = dump_with(objects, tmp_path)

    for format_ in ("csv", "json", "netbox-prefixes"):
        assert run(["export", "-f", dump, "-o", format_]) == 0
        shown = capsys.readouterr()
        assert "10.0.0.0/28" in shown.out
        assert shown.err == f"range default/net is exported without its spec, which can't be read: {reason}\n"
