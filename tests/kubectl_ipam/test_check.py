import json
from itertools import combinations
from pathlib import Path

import pytest

from kubectl_ipam.audit.findings import Finding
from kubectl_ipam.audit.run import RULES, findings_in, in_one_snapshot
from kubectl_ipam.cli import run
from kubectl_ipam.resources import DUMP, IPAM
from kubectl_ipam.snapshot import Snapshot
from kubectl_ipam.sources.files import FileSource
from tests.kubectl_ipam.clusters import Document, cluster_of, namespace, printed, range_, request
from tests.kubectl_ipam.corruptions import CORRUPTIONS, LONG_AGO, Objects, healthy


@pytest.fixture(name="objects", scope="module")
def _objects() -> str:
    return json.dumps(healthy().objects())


def snapshot_of(objects: list[Document], folder: Path) -> Snapshot:
    path = folder / "dump.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}))
    return FileSource([str(path)]).read(IPAM)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_found_with_a_sentence_of_what_to_do(name: str, objects: str, tmp_path: Path) -> None:
    corruption = CORRUPTIONS[name]
    corrupted = Objects(json.loads(objects))
    corruption.do(corrupted)

    found = [each for each in in_one_snapshot(snapshot_of(corrupted.all, tmp_path)) if each.rule == corruption.rule]

    assert found, name
    assert all(is_helpful(each) for each in found), found


def is_helpful(finding: Finding) -> bool:
    texts = (finding.message, finding.remedy)
    return all(text and not text.endswith(".") and "None" not in text for text in texts) and " " in finding.subject


def test_nothing_is_found_in_a_healthy_cluster(objects: str, tmp_path: Path) -> None:
    assert findings_in(snapshot_of(json.loads(objects), tmp_path)) == []


def test_an_entry_that_was_taken_back_is_no_finding(tmp_path: Path) -> None:
    parts = ("10.0.0.0/25", "10.0.0.128/25")
    box = cluster_of(range_("net", *parts))
    box.apply([range_("net", *parts, excludes=["10.0.0.128/25"])])
    box.apply([range_("net", "10.0.0.0/25"), range_("other", "10.0.0.128/25"), request("web", "other")])

    snapshot = snapshot_of(box.objects(), tmp_path)

    withdrawn = [each.spec.withdrawn for each in snapshot.extents.values() if each.spec.withdrawn]
    assert withdrawn == [["10.0.0.128-10.0.0.255"]]
    assert snapshot.requests["default/web"].status.cidr == "10.0.0.128/32"
    assert findings_in(snapshot) == []


def test_at_least_25_different_rules_are_met_by_the_corruptions() -> None:
    assert len({each.rule for each in CORRUPTIONS.values()}) >= 25
    assert len(CORRUPTIONS) >= len(RULES)


def test_check_prints_a_finding_and_ends_with_1(
    objects: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corrupted = Objects(json.loads(objects))
    CORRUPTIONS["two ranges of a domain hold the same block"].do(corrupted)
    snapshot_of(corrupted.all, tmp_path)

    shown = printed(capsys, "check", "-f", str(tmp_path / "dump.json"), code=1)

    assert shown.startswith(
        "ERROR OverlapInDomain: IPAMRange default/net\n  10.0.0.144/28 of default/web-0 and 10.0.0.144/28"
    )
    assert "\n  to do: " in shown


OURS = "metacontroller.io/compositecontroller-ipamrange"


@pytest.mark.parametrize(
    ("name", "awaited", "remedy"),
    [
        ("held", "default/a", "delete these requests"),
        ("lost", "the release of 10.0.0.0/28 of default/a", "do what the findings about these holders say"),
        ("unread", "the release of 10.0.0.0/28 of default/a", "read these requests, too"),
        ("ours", f"its finalizers: {OURS}", "check that Metacontroller and the hooks run"),
        ("foreign", "its finalizers: example.com/keep", "for example.com/keep, remove what uses the range: "),
    ],
)
def test_a_range_that_is_stuck_in_deletion_is_reported_with_what_it_waits_for(
    name: str, awaited: str, remedy: str, tmp_path: Path
) -> None:
    ranges = [range_("net", "10.0.0.0/24", chunkSize=28), range_("other", "10.1.0.0/24")]
    requests = {"held": [request("a")], "lost": [request("a"), request("b", "other")], "unread": [request("a")]}
    objects = Objects(cluster_of(*ranges, *requests.get(name, [])).objects())
    objects.range()["metadata"]["deletionTimestamp"] = LONG_AGO
    if name in ("lost", "unread"):
        objects.drop("IPAMRequest", "a")
    if name == "foreign":
        objects.range()["metadata"]["finalizers"] = ["example.com/keep"]

    found = in_one_snapshot(snapshot_of(objects.all, tmp_path))

    (stuck,) = (each for each in found if each.rule == "RangeDeletionStuck")
    assert stuck.message == f"it is being deleted, and waits for {awaited}"
    assert stuck.remedy.startswith(remedy)


def test_a_report_has_the_same_findings(objects: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corrupted = Objects(json.loads(objects))
    CORRUPTIONS["a holder was removed by force"].do(corrupted)
    snapshot_of(corrupted.all, tmp_path)
    file = tmp_path / "report.json"

    printed(capsys, "check", "-f", str(tmp_path / "dump.json"), "-o", str(file), code=1)

    (finding,) = json.loads(file.read_text())["findings"]
    assert finding["rule"] == "HolderMissing"
    assert "ipam.mandelsoft.org/reclaim=" in finding["remedy"]


def test_check_of_a_namespace_counts_what_it_has_and_says_that_something_is_found_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(
        range_("net", "10.0.0.0/24"), range_("own", "10.1.0.0/24", namespace="team-a"), request("web"), request("db")
    )
    snapshot_of([each for each in box.objects() if each["metadata"]["name"] != "web"], tmp_path)
    dump = str(tmp_path / "dump.json")

    assert run(["check", "-n", "team-a", "-f", dump]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"OK: 1 range and 0 requests of namespace team-a in {dump} are as they should be\n"
    assert "1 finding about other namespaces: list all without -n\n" in shown.err
    report = json.loads(printed(capsys, "check", "-n", "team-a", "-f", dump, "-o", "json"))
    assert (report["ranges"], report["requests"]) == (1, 0)

    shown_default = printed(capsys, "check", "-n", "default", "-f", dump, code=1)
    assert f"1 error and 0 warnings in 1 range and 1 request of namespace default in {dump}\n" in shown_default


def test_check_says_ok_and_ends_with_0(objects: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snapshot_of(json.loads(objects), tmp_path)

    shown = printed(capsys, "check", "-f", str(tmp_path / "dump.json"))

    assert shown.startswith("OK: 5 ranges and 13 requests of ")


KINDS = ("IPAMRange", "IPAMExtent", "IPAMAllocationSlice", "IPAMRequest", "Namespace")


@pytest.mark.parametrize("kinds", [each for size in (1, 2, 3) for each in combinations(KINDS, size)])
def test_that_kinds_are_not_in_a_dump_is_no_finding(kinds: tuple[str, ...], objects: str, tmp_path: Path) -> None:
    some = [each for each in json.loads(objects) if each["kind"] not in kinds]

    assert findings_in(snapshot_of(some, tmp_path)) == []


@pytest.mark.parametrize("kind", ["IPAMRange", "IPAMRequest"])
def test_what_is_broken_is_not_called_missing(kind: str, objects: str, tmp_path: Path) -> None:
    for index, broken in enumerate(json.loads(objects)):
        if broken["kind"] == kind:
            some = json.loads(objects)
            some[index]["metadata"]["creationTimestamp"] = "yesterday"

            assert [each.rule for each in findings_in(snapshot_of(some, tmp_path))] == ["Unreadable"], broken


def test_namespaces_that_were_not_read_may_have_the_labels_that_a_range_selects(tmp_path: Path) -> None:
    allowed = {"from": "Selector", "selector": {"matchLabels": {"tier": "web"}}}
    shared = range_("net", "10.0.0.0/24", allowedNamespaces=allowed)
    objects = Objects(cluster_of(namespace("default", tier="web"), shared, request("web")).objects())
    pending = objects.request("web")
    pending["metadata"]["creationTimestamp"] = LONG_AGO
    pending["status"] = {"state": "Pending", "schemaV1": True}
    objects.range()["status"]["allocations"] = []

    found = {each.rule for each in in_one_snapshot(snapshot_of(objects.all, tmp_path))}
    some = [each for each in objects.all if each["kind"] != "Namespace"]
    unknown = {each.rule for each in in_one_snapshot(snapshot_of(some, tmp_path))}

    assert "NamespaceNotAllowed" not in found | unknown
    assert {"NoAnswer"} <= found & unknown


def test_what_a_dump_was_written_without_is_reported_as_not_checked(
    objects: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot_of([each for each in json.loads(objects) if each["kind"] in ("IPAMRange", "IPAMRequest")], tmp_path)
    file = str(tmp_path / "dump.json")

    assert run(["check", "-f", file, "-o", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["notChecked"] == {
        "ipamextents": f"{file} has none", "ipamallocationslices": f"{file} has none",
    }  # fmt: skip
    assert f"{file} has no ipamextents, ipamallocationslices: what depends on them is not known" in shown.err
    assert DUMP in shown.err


@pytest.mark.parametrize("read", ["team-a", "infra"])
def test_what_a_dump_of_one_namespace_lacks_is_unknown_and_not_missing(
    read: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise the block of a living request would be released by mistake."""
    shared = range_("net", "10.0.0.0/24", namespace="infra", allowedNamespaces={"from": "All"})
    own, web = range_("own", "10.1.0.0/24", namespace="team-a"), request("web", namespace="team-a")
    web["spec"]["ipam"]["namespace"] = "infra"
    near = request("near", namespace="infra")
    everything = cluster_of(shared, own, web, near, request("local", "own", namespace="team-a")).objects()
    objects = [each for each in everything if each["metadata"].get("namespace") in (None, read)]

    assert not in_one_snapshot(snapshot_of(objects, tmp_path))

    file = str(tmp_path / "dump.json")
    assert run(["check", "-f", file]) == 0
    assert f"{file} has only namespace {read}, but names blocks of others" in capsys.readouterr().err
    report = json.loads(printed(capsys, "check", "-f", file, "-o", "json"))
    assert report["notChecked"] == {"otherNamespaces": f"{file} has only namespace {read}"}
    assert run(["explain", "team-a/web", "-f", file]) == (1 if read == "infra" else 0)
    shown = capsys.readouterr()
    assert f": {file} has only namespace {read}\n" in shown.out + shown.err
    if read == "infra":
        assert "team-a/web, which can't be read" in printed(capsys, "get", "10.0.0.1", "-f", file)
        manifest = tmp_path / "new.yaml"
        manifest.write_text(json.dumps(request("new", namespace="infra")))
        assert run(["plan", "-f", str(manifest), "--state", file]) == 0
        assert "the plan knows only this namespace" in capsys.readouterr().err


def test_a_holder_that_does_not_exist_is_found_in_a_dump_of_all_namespaces(tmp_path: Path) -> None:
    shared = range_("net", "10.0.0.0/24", allowedNamespaces={"from": "All"})
    web, other = request("web", namespace="team-a"), request("other", namespace="team-b")
    for each in (web, other):
        each["spec"]["ipam"]["namespace"] = "default"
    objects = Objects(cluster_of(shared, web, other).objects())
    objects.drop("IPAMRequest", "web")

    assert [each.rule for each in in_one_snapshot(snapshot_of(objects.all, tmp_path))] == ["HolderMissing"]
