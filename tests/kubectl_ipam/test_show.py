import json
from pathlib import Path

import pytest
import yaml

from kubectl_ipam.cli import run
from tests.kubectl_ipam.clusters import cluster_of, dump_of, printed, range_, request


def test_the_numbers_of_a_range_are_those_that_its_status_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("a"), request("b", size=27), request("c"))
    capacity = box.cluster.get("iprange", "net")["status"]["capacity"]

    (shown,) = json.loads(printed(capsys, "show", "-f", dump_of(box, tmp_path), "-o", "json"))["ranges"]

    names = ("total", "free", "allocated", "largestFree", "room")
    assert {name: shown[name] for name in names} == {name: capacity[name] for name in names}
    assert shown["holders"] == 3


def test_a_table_without_a_terminal_is_ascii(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(range_("net", "10.0.0.0/30"), request("a"), request("b"))

    shown = printed(capsys, "show", "-f", dump_of(box, tmp_path))

    assert shown.isascii()
    assert "[######......]  50%" in shown


def test_requests_that_wait_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(range_("net", "10.0.0.0/31"), *(request(f"r{number}") for number in range(5)))

    (shown,) = json.loads(printed(capsys, "show", "-f", dump_of(box, tmp_path), "-o", "json"))["ranges"]

    assert (shown["waiting"], shown["holders"], shown["notes"]) == (3, 2, "Full")


def test_manifests_are_shown_as_they_would_be_served(capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = json.loads(printed(capsys, "show", "-f", "examples/quickstart.yaml", "-o", "json"))["ranges"]

    assert (shown["name"], shown["allocated"], shown["room"]) == ("mynetworkpool", "256", "255 more /24")


def test_an_unknown_range_is_an_error_that_names_similar_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "team-b/mynetworkpool", "-f", "examples/quickstart.yaml"]) == 1
    assert "did you mean default/mynetworkpool?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["-f", "dump.json", "show"], "flags follow the command"),
        (["sho"], "the commands are show"),
        (["show", "-f", "nothing.json"], '"nothing.json" can\'t be read: No such file or directory'),
        (["show", "-f", "nothing.json", "--context", "kind"], "choose one"),
        (["show", "--kubeconfig", "nothing"], "Name another one by --kubeconfig or --context, or read files instead"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_what_to_type(
    arguments: list[str], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert advice in capsys.readouterr().err


def test_a_block_that_cools_down_is_not_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(range_("net", "10.0.0.0/30", cooldownSeconds=3600), request("a"), request("b"))
    box.delete([request("a")])

    shown = printed(capsys, "show", "-f", dump_of(box, tmp_path))

    assert shown.endswith("\nOK: 1 range, 1 block in use\n")


def test_the_last_line_says_ok_or_counts_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(range_("net", "10.0.0.0/30"), request("a"), request("b"))
    dump = Path(dump_of(box, tmp_path))
    assert printed(capsys, "show", "-f", str(dump)).endswith("\nOK: 1 range, 2 blocks in use\n")

    dump.write_text(dump.read_text().replace('"cidr": "10.0.0.1/32", "address"', '"cidr": "10.0.0.2/32", "address"'))

    assert printed(capsys, "show", "-f", str(dump)).endswith("findings: kubectl ipam check says what to do\n")


def test_manifests_are_all_that_an_empty_cluster_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A kind that a dump lacks may have objects, but one that manifests lack has none."""
    manifests = tmp_path / "manifests.yaml"
    held_back = range_("net", "10.0.0.0/29")
    held_back["metadata"]["annotations"] = {"ipam.mandelsoft.org/hold": "true"}
    manifests.write_text(yaml.safe_dump_all([held_back, request("x")]))

    assert run(["show", "net", "-f", str(manifests)]) == 0
    shown = capsys.readouterr()
    assert "nothing is free: 0 more /32" in shown.out
    assert shown.err == ""

    manifests.write_text(yaml.safe_dump(request("x", "nor")))

    assert "NoSuchRange: IPAMRequest default/x" in printed(capsys, "check", "-f", str(manifests), code=1)
    assert "range default/nor does not exist" in printed(capsys, "explain", "x", "-f", str(manifests), code=3)
