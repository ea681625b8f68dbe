"""Plans of claims of Cluster API, of Services, and of requests that delegate their block."""

import json
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
import yaml

from kubectl_ipam.box import Box, annotation_of
from kubectl_ipam.cli import run
from kubectl_ipam.owners import Owners
from kubectl_ipam.planning import plan_of
from kubectl_ipam.resources import DECORATORS, FOREIGN, IPAM
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.sources.files import FileSource
from simulator.kubernetes.kustomize import kustomized
from tests.kubectl_ipam.clusters import Document, cluster_of, dump_of, dump_with, printed, range_, request

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
NETWORK = {"prefixLength": 29, "gateway": "10.0.0.1"}


def claim(name: str, pool: str = "net", version: str = "v1beta2", **spec: object) -> Document:
    reference = {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": pool}
    return {
        "apiVersion": f"ipam.cluster.x-k8s.io/{version}",
        "kind": "IPAddressClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"poolRef": reference, **spec},
    }


def service(name: str, ranges: str | None = "net", type_: str = "LoadBalancer") -> Document:
    annotations = {} if ranges is None else {"ipam.mandelsoft.org/range": ranges}
    metadata = {"name": name, "namespace": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": type_}}


def small(*manifests: Document) -> Box:
    """A range of which five addresses can be allocated, and what is applied to it."""
    return cluster_of(range_("net", "10.0.0.0/29", network=NETWORK), *manifests)


def planned(box: Box, folder: Path, capsys: pytest.CaptureFixture[str], *manifests: Document, code: int) -> Document:
    """The plan of applying manifests."""
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    shown = printed(capsys, "plan", "-f", str(path), "--state", dump_of(box, folder), "-o", "json", code=code)
    document: Document = json.loads(shown)
    return document


def read(box: Box, folder: Path) -> Snapshot:
    return FileSource([dump_of(box, folder)]).read((*IPAM, *FOREIGN, DECORATORS))


@pytest.mark.parametrize(
    ("example", "rows"),
    [
        (
            "services.yaml",
            [
                "Service default/web        default/public                     Ready    10.62.0.0",
                "Service default/web-dual   default/public,default/public-v6   Ready    10.62.0.1,fd00:62::",
            ],
        ),
        (
            "cluster-api.yaml",
            [
                "IPAddressClaim default/worker-0         default/machines          Ready    10.60.0.2",
                "IPAddressClaim team-machines/worker-1   default/shared-machines   Ready    10.61.0.2",
            ],
        ),
    ],
)
def test_claims_and_services_of_manifests_say_what_they_would_get(
    example: str, rows: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(capsys, "plan", "-f", f"examples/integrations/{example}", "--empty")

    assert shown.splitlines()[1 : 1 + len(rows)] == rows


@pytest.mark.parametrize(
    ("manifest", "state", "message"),
    [
        (claim("new"), "Busy", "no free /32 in default/net: waiting for room"),
        (claim("new", "nirvana"), "Pending", "default/nirvana"),
        (claim("new", clusterName="prod"), "Pending", "its Cluster prod does not exist or is paused"),
        (claim("new", version="v1beta1"), "Busy", "no free /32"),
        (service("new"), "Busy", "no free /32 in default/net: waiting for room"),
        (service("new", "net,net"), "Invalid", 'annotation ipam.mandelsoft.org/range "net,net": must be a range'),
        (service("new", type_="ClusterIP"), "Invalid", 'type "ClusterIP" gets no address: it must be LoadBalancer'),
    ],
)
def test_one_that_would_get_no_address_says_why(
    manifest: Document, state: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = small(*(claim(f"old-{number}") for number in range(5)))

    document = planned(full, tmp_path, capsys, manifest, code=4 if state == "Invalid" else 3)

    (owner,) = document["owners"]
    assert owner["owner"] == f"{manifest['kind']} default/new"
    assert owner["state"] == state
    assert message in owner["message"]
    assert "addresses" not in owner
    assert document["requests"] == []


@pytest.mark.parametrize("holder", [claim("web"), service("web")])
def test_a_deletion_releases_the_attached_requests_and_serves_what_waits_for_them(
    holder: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = small(holder, *(request(f"node-{number}") for number in range(4)))
    box.apply([service("next"), claim("last")])
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump(holder))

    shown = printed(
        capsys, "plan", "--delete", "-f", str(file), "--state", dump_of(box, tmp_path), "-o", "json", code=0
    )

    document = json.loads(shown)
    assert document["owners"] == [
        {
            "owner": f"{holder['kind']} default/web",
            "ranges": "default/net",
            "state": "Deleted",
            "releases": "10.0.0.6",
        }
    ]
    (served,) = document["alsoAffected"]
    assert (served["state"], served["addresses"]) == ("Ready", "10.0.0.6")
    assert served["owner"] in ("Service default/next", "IPAddressClaim default/last")
    assert document["before"][0]["allocated"] == document["after"][0]["allocated"] == "5"


def test_a_service_that_loses_its_annotation_keeps_its_address_while_its_load_balancer_serves_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = small(service("web"))
    live = idle.cluster.get("service", "web") | {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.2"}]}}}
    serving = Box([each for each in idle.objects() if each["kind"] != "Service"] + [live])

    (kept,) = planned(serving, tmp_path, capsys, service("web", None), code=3)["owners"]
    (released,) = planned(idle, tmp_path, capsys, service("web", None), code=0)["owners"]

    assert (kept["state"], kept["addresses"]) == ("Releasing", "10.0.0.2")
    assert kept["message"] == "10.0.0.2 will be released once the load balancer no longer serves there"
    assert (released["state"], released["releases"]) == ("Released", "10.0.0.2")


def test_a_request_with_the_uid_of_a_claim_and_another_kind_of_owner_is_not_attached(tmp_path: Path) -> None:
    objects = small(claim("web")).objects()
    owner, attached = (
        next(each for each in objects if each["kind"] == kind) for kind in ("IPAddressClaim", "IPAMRequest")
    )
    reference = {
        "apiVersion": "v1",
        "kind": "Service",
        "name": "web",
        "controller": True,
        "uid": owner["metadata"]["uid"],
    }
    forged = attached | {
        "metadata": attached["metadata"] | {"name": "forged", "uid": "x", "ownerReferences": [reference]}
    }

    dump = dump_with([*objects, forged], tmp_path)

    found = Owners(FileSource([dump]).read((*IPAM, *FOREIGN))).requests_of(owner)

    assert [each.metadata.name for each in found] == [attached["metadata"]["name"]]


def test_a_service_without_a_range_is_no_part_of_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump(service("web", None)))

    assert run(["plan", "-f", str(file), "--state", dump_of(small(), tmp_path)]) == 2
    assert "no Service with the annotation ipam.mandelsoft.org/range" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("balancer", "annotation"),
    [
        ("metallb", "metallb.io/loadBalancerIPs"),
        ("kube-vip", "kube-vip.io/loadbalancerIPs"),
        ("cilium", "lbipam.cilium.io/ips"),
    ],
)
def test_the_copy_writes_the_annotation_that_the_cluster_has_set(balancer: str, annotation: str) -> None:
    controllers: list[Document] = [{"spec": {"hooks": {"sync": None}}}]  # one that has no such hook
    objects = kustomized(ROOT / "deploy" / "services" / balancer)
    controllers += [each for each in objects if each["kind"] == "DecoratorController"]

    box = Box(installed=controllers)
    box.apply([range_("net", "10.0.0.0/24"), service("web")])

    assert annotation_of(controllers) == annotation
    annotations = box.cluster.get("service", "web")["metadata"]["annotations"]
    assert annotations[annotation] == "10.0.0.0"
    assert len([key for key in annotations if not key.startswith(("ipam.", "kubectl."))]) == 1


def standings(box: Box, folder: Path) -> dict[str, tuple[str, str]]:
    owners = Owners(read(box, folder))
    found = {name: owners.standing(each) for name, each in owners.by_name.items()}
    return {name: (each.state, each.addresses) for name, each in found.items()}


@pytest.mark.parametrize("seed", range(8))
def test_what_is_planned_for_claims_and_services_is_what_then_happens(seed: int, tmp_path: Path) -> None:
    draw, is_deletion = Random(seed), seed % 2 == 0
    kinds: list[Callable[[str, str], Document]] = [claim, service]
    drawn = [draw.choice(kinds)(f"web-{number}", draw.choice(["net", "other"])) for number in range(12)]
    other = range_("other", "10.0.0.0/28", network=NETWORK | {"prefixLength": 28})
    box = small(other, *(each for each in drawn if draw.random() < 0.7))
    before = standings(box, tmp_path)
    living = [each for each in drawn if f"{each['kind']} default/{each['metadata']['name']}" in before]
    manifests = draw.sample(living, len(living) // 2) if is_deletion else [each for each in drawn if each not in living]

    plan = plan_of(read(box, tmp_path), manifests, "default", is_deletion=is_deletion)
    (box.delete if is_deletion else box.apply)(manifests)

    happened = standings(box, tmp_path)
    outcomes = {f"{each.kind} {each.name}": (each.state, each.cidr) for each in plan.outcomes}
    assert {name: each for name, each in outcomes.items() if each[0] != "Deleted"} == {
        name: happened[name] for name in outcomes if name in happened
    }
    assert {name for name in before | happened if before.get(name) != happened.get(name)} <= outcomes.keys()
    assert manifests


def test_the_deletion_of_a_request_that_delegates_waits_for_the_holders_below_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = request("site", delegate={"chunkSize": 28})
    box = cluster_of(range_("net", "10.0.0.0/16", chunkSize=20), site, request("web", "site"))
    file = tmp_path / "manifests.yaml"

    def plan(*manifests: Document, code: int) -> Document:
        file.write_text(yaml.safe_dump_all(manifests))
        arguments = ("plan", "--delete", "-f", str(file), "--state", dump_of(box, tmp_path), "-o", "json")
        document: Document = json.loads(printed(capsys, *arguments, code=code))
        return document

    alone, both = plan(site, code=3), plan(site, request("web", "site"), code=0)

    (waits,) = alone["requests"]
    assert waits["state"] == "Deleting"
    assert "waiting until no block of range default/site is held" in waits["message"]
    assert [(each["state"], each["releases"]) for each in both["requests"]] == [
        ("Deleted", "10.0.0.0/20"),
        ("Deleted", "10.0.0.0/28"),
    ]
    assert [each["name"] for each in both["after"]] == ["net"]
    assert both["after"][0]["allocated"] == "0"


def test_a_request_that_delegates_shows_its_range_in_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "plan", "-f", "examples/delegation.yaml", "--empty")

    assert "default/north-db     default/site-north   Ready    10.52.1.0/24" in shown
    assert "default/site-north   none -> 6%   none -> 239 more /28   none -> 0" in shown
