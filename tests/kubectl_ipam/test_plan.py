import json
from pathlib import Path
from random import Random

import pytest
import yaml

from kubectl_ipam.box import Box
from kubectl_ipam.cli import run
from kubectl_ipam.planning import plan_of
from simulator.scheduler import Scheduler
from tests.kubectl_ipam.clusters import (
    Document,
    cluster_of,
    dump_of,
    dump_with,
    namespace,
    printed,
    range_,
    request,
    snapshot_of,
)


def written(folder: Path, *manifests: Document) -> str:
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


@pytest.mark.parametrize(
    ("manifest", "code", "state"),
    [
        (request("new"), 0, "Ready"),
        (request("new", size=24), 3, "Busy"),
        (request("new", size=20), 4, "Invalid"),
        (request("new", size=28, request="10.0.0.0/28"), 4, None),
        (request("new", "nirvana"), 3, "Pending"),
    ],
)
def test_the_exit_code_says_whether_all_would_be_served(
    manifest: Document, code: int, state: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_of(cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("web")), tmp_path)

    shown = printed(capsys, "plan", "-f", written(tmp_path, manifest), "--state", dump, "-o", "json", code=code)

    document = json.loads(shown)
    assert document["exitCode"] == code
    assert [each["state"] for each in document["requests"]] == ([state] if state else [])
    assert len(document["rejected"]) == (0 if state else 1)


def test_a_deletion_shows_what_is_released_and_which_requests_are_served_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/30"), request("a", size=30))
    box.apply([request("b", size=31)])

    shown = printed(
        capsys,
        "plan",
        "--delete",
        "-f",
        written(tmp_path, request("a")),
        "--state",
        dump_of(box, tmp_path),
        "-o",
        "json",
    )

    document = json.loads(shown)
    assert document["requests"] == [
        {"request": "default/a", "range": "default/net", "state": "Deleted", "releases": "10.0.0.0/30"}
    ]
    assert [(each["request"], each["cidr"]) for each in document["alsoAffected"]] == [("default/b", "10.0.0.0/31")]
    assert (document["before"][0]["allocated"], document["after"][0]["allocated"]) == ("4", "2")


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24"), request("web"))
    before = json.dumps(box.objects())

    plan_of(snapshot_of(box, tmp_path), [request("new")], "default", is_deletion=False)

    assert json.dumps(box.objects()) == before


def test_manifests_without_ranges_and_requests_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifests = written(tmp_path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})

    assert run(["plan", "-f", manifests, "--empty"]) == 2
    assert "no IPAMRange or IPAMRequest in" in capsys.readouterr().err


class Drawn:
    """A cluster at rest and manifests, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = draw = Random(seed)
        self.ranges = [
            range_("net", "10.0.0.0/26", chunkSize=30, mode=draw.choice(["BestFit", "FirstFit", "RoundRobin"])),
            range_("other", "10.0.0.0/25", chunkSize=29, cooldownSeconds=draw.choice([0, 3600])),
        ]
        self.box = cluster_of(*self.ranges, *(self._request(f"old-{number}") for number in range(draw.randrange(25))))
        living = [obj["metadata"]["name"] for obj in self.box.objects() if obj["kind"] == "IPAMRequest"]
        self.box.delete([request(name) for name in living if draw.random() < 0.3])

    def _request(self, name: str) -> Document:
        draw = self._random
        wants: Document = {}
        if draw.random() < 0.4:
            wants = {"size": draw.randrange(26, 33)}
        elif draw.random() < 0.3:
            wants = {"request": f"10.0.0.{draw.randrange(0, 128, 8)}/29"}
        return request(name, draw.choice(["net", "other"]), **wants)

    def manifests(self, count: int) -> list[Document]:
        return [self._request(f"new-{number}") for number in range(count)]

    def some_of_the_living(self) -> list[Document]:
        living = [obj["metadata"]["name"] for obj in self.box.objects() if obj["kind"] == "IPAMRequest"]
        return [request(name) for name in living if self._random.random() < 0.5]


def outcomes_in(box: Box) -> dict[str, tuple[str, str]]:
    return {
        f"{obj['metadata']['namespace']}/{obj['metadata']['name']}": (
            obj["status"]["state"],
            obj["status"].get("cidr", ""),
        )
        for obj in box.objects()
        if obj["kind"] == "IPAMRequest"
    }


@pytest.mark.parametrize("seed", range(15))
def test_what_is_planned_is_what_then_happens(seed: int, tmp_path: Path) -> None:
    drawn = Drawn(seed)
    is_deletion = seed % 3 == 0
    manifests = drawn.some_of_the_living() if is_deletion else drawn.manifests(count=1 + seed % 7)

    plan = plan_of(snapshot_of(drawn.box, tmp_path), manifests, "default", is_deletion=is_deletion)
    before = outcomes_in(drawn.box)
    (drawn.box.delete if is_deletion else drawn.box.apply)(manifests)

    happened = outcomes_in(drawn.box)
    planned = {each.name: (each.state, each.cidr) for each in plan.outcomes}
    assert {name: state for name, state in planned.items() if state != ("Deleted", "")} == {
        name: happened[name] for name in planned if name in happened
    }
    assert {name for name in before | happened if before.get(name) != happened.get(name)} <= planned.keys()


@pytest.mark.parametrize("seed", range(5))
def test_one_request_gets_what_is_planned_in_whatever_order_the_cluster_works(seed: int, tmp_path: Path) -> None:
    drawn = Drawn(seed)
    manifests = drawn.manifests(count=1)

    plan = plan_of(snapshot_of(drawn.box, tmp_path), manifests, "default", is_deletion=False)
    cluster = drawn.box.cluster
    former = cluster.scheduler
    cluster.scheduler = Scheduler(cluster.store, cluster.clock, former.background, former.metacontrollers, seed)
    drawn.box.apply(manifests)

    (outcome,) = (each for each in plan.outcomes if each.is_planned)
    assert outcomes_in(drawn.box)["default/new-0"] == (outcome.state, outcome.cidr)


def test_a_manifest_in_a_namespace_that_does_not_exist_is_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by an API server, also if a range would serve it."""
    shared = range_("net", "10.0.0.0/24", allowedNamespaces={"from": "All"})
    asking = request("x", namespace="ghost")
    asking["spec"]["ipam"]["namespace"] = "default"
    state = dump_of(cluster_of(shared), tmp_path)

    alone = ["plan", "-o", "json", "-f", written(tmp_path, asking)]
    shown = json.loads(printed(capsys, *alone, "--state", state, code=4))
    assert shown["rejected"] == [{"object": "IPAMRequest ghost/x", "reason": 'namespaces "ghost" not found'}]
    assert shown["requests"] == []

    ranges = tmp_path / "ranges.yaml"
    ranges.write_text(yaml.safe_dump(shared))
    for state_of in (["--empty"], ["--state", str(ranges)]):  # they have the namespaces that are needed
        assert json.loads(printed(capsys, *alone, *state_of, code=3 if state_of == ["--empty"] else 0))["requests"]

    together = ["plan", "-f", written(tmp_path, namespace("ghost"), asking), "--state", state]
    assert "ghost/x   default/net   Ready" in printed(capsys, *together)


def test_namespaces_that_a_dump_has_only_by_their_objects_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(namespace("other"), range_("net", "10.0.0.0/24"), request("web"))
    dump = dump_with([each for each in box.objects() if each["metadata"]["name"] != "default"], tmp_path)

    assert "Ready" in printed(capsys, "plan", "-f", written(tmp_path, request("new")), "--state", dump)


@pytest.mark.parametrize("stripped", [["resourceVersion"], ["generation"], ["resourceVersion", "generation"]])
@pytest.mark.parametrize("flags", [[], ["--delete"]])
def test_a_dump_from_which_system_fields_were_stripped_is_read_as_another(
    flags: list[str], stripped: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/30"), request("web", size=30))
    box.apply([request("waiting")])
    manifests = written(tmp_path, request("web", size=30) if flags else range_("net", "10.0.0.0/30", "10.1.0.0/30"))
    command = ["plan", "-f", manifests, *flags, "-o", "json", "--state"]
    expected = json.loads(printed(capsys, *command, dump_of(box, tmp_path)))["alsoAffected"]
    objects: list[Document] = json.loads(json.dumps(box.objects()))
    for each in objects:
        for field in stripped:
            each["metadata"].pop(field, None)

    dump = dump_with(objects, tmp_path)

    shown = json.loads(printed(capsys, *command, dump))["alsoAffected"]

    assert [each["request"] for each in expected] == ["default/waiting"]
    assert shown == expected
    assert "OK: 1 range" in printed(capsys, "check", "-f", dump)
