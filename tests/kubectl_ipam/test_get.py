import json
from pathlib import Path

import pytest

from kubectl_ipam.cli import run
from tests.kubectl_ipam.clusters import cluster_of, dump_of, dump_with, printed, range_, request


@pytest.fixture(name="dump", scope="module")
def _dump(tmp_path_factory: pytest.TempPathFactory) -> str:
    box = cluster_of(
        range_(
            "net",
            "10.0.0.0/24",
            chunkSize=28,
            cooldownSeconds=600,
            excludes=["10.0.0.64/28"],
            network={"gateway": "10.0.0.1", "prefixLength": 24},
            reservations=[{"cidr": "10.0.0.128/28", "holder": {"name": "dns"}}],
        ),
        range_("later", "10.0.0.0/23", chunkSize=28),
        range_("six", "2001:db8::/64"),
        request("web"),
        request("old", request="10.0.0.240/28"),
        request("host", "six", request="2001:db8::5"),
    )
    box.delete([request("old", request="10.0.0.240/28")])
    return dump_of(box, tmp_path_factory.mktemp("get"))


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("10.0.0.20", "10.0.0.16/28 of range default/net is held by default/web, since "),
        ("10.0.0.1", "10.0.0.1 of range default/net is the gateway"),
        ("10.0.0.70", "10.0.0.70 of range default/net is excluded"),
        ("10.0.0.130", "10.0.0.128/28 of range default/net is reserved for IPAMRequest default/dns"),
        ("10.0.0.241", "10.0.0.240/28 of range default/net is cooling down until "),
        ("10.0.0.33", "10.0.0.33 of range default/net is free"),
        ("10.0.0.255", "10.0.0.240/28 of range default/net is cooling down until "),
        ("10.0.0.33", "of range default/later belongs to range default/net, which is older in domain default"),
        ("10.0.1.7", "10.0.1.7 of range default/later is free"),
        ("2001:db8::5", "2001:db8::5 of range default/six is held by default/host"),
        ("10.0.1.128/24", "host bits"),
    ],
)
def test_an_address_is_answered_with_its_holder_or_why_there_is_none(
    what: str, answer: str, dump: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["get", what, "-f", dump])

    printed = capsys.readouterr()
    assert answer in printed.out + printed.err


def test_what_a_range_has_free_while_it_is_being_deleted_is_not_called_just_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (ending, *others) = cluster_of(range_("net", "10.0.0.0/24")).objects()
    assert ending["kind"] == "IPAMRange"
    ending["metadata"]["deletionTimestamp"] = "2026-11-23T20:00:00Z"

    shown = printed(capsys, "get", "10.0.0.9", "-f", dump_with([ending, *others], tmp_path))

    assert "10.0.0.9 of range default/net is free, but the range is being deleted" in shown


def test_an_address_of_no_range_is_answered_with_its_neighbours(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "get", "10.0.2.1", "-f", dump, code=1)

    assert shown.startswith("10.0.2.1 is in no range")
    assert "the nearest range below is default/later with 10.0.0.0/23" in shown


def test_an_address_that_only_other_namespaces_have_is_not_said_to_be_in_no_range(
    dump: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(capsys, "get", "10.0.0.1", "-n", "nope", "-f", dump, code=1)
    assert shown == f"10.0.0.1 is in no range of namespace nope in {dump}\n"

    shown = printed(capsys, "get", "2001:db8::/63", "-n", "default", "-f", dump)
    assert shown.endswith("2001:db8:0:1::/64 is in no range of namespace default\n")


def test_a_block_is_answered_completely(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "get", "10.0.0.0/23", "-f", dump, "-o", "json"))

    states = {each["addresses"]: each["state"] for each in found["found"] if each["range"] == "default/net"}
    assert states["10.0.0.16/28"] == "held"
    assert states["10.0.0.64/28"] == "retired"
    assert states["10.0.0.128/28"] == "reserved"
    assert found["outside"] == []


def test_a_text_finds_requests_by_name_and_label(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "10.0.0.16/28" in printed(capsys, "get", "web", "-f", dump)
    assert "host" in printed(capsys, "get", "range=default.six", "-f", dump)
    assert printed(capsys, "get", "nothing-like-it", "-f", dump, code=1) == ""


@pytest.mark.parametrize("text", ["we", "team=Blue", "Cluster/east", "0123-uid", "/28"])
def test_a_text_finds_what_the_help_says(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objects = cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("web")).objects()
    owner = {"apiVersion": "v1", "kind": "Cluster", "name": "east", "uid": "u"}
    (web,) = (each for each in objects if each["kind"] == "IPAMRequest")
    web["metadata"] |= {"labels": {"team": "blue"}, "ownerReferences": [owner], "uid": "0123-uid"}
    web["metadata"]["annotations"] = {"note": "zebra"}
    dump = dump_with(objects, tmp_path)

    assert "10.0.0.0/28" in printed(capsys, "get", text, "-f", dump)
    assert run(["get", "zebra", "-f", dump]) == 1
    assert "or a text of its name, labels, owners, uid or block" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(["get", "--help"])
    assert 'requests with "web" in their name, labels, owners, uid or block' in capsys.readouterr().out


def test_the_single_reserved_address_of_a_network_is_not_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_of(cluster_of(range_("net", "10.0.0.0/24", network={"prefixLength": 24})), tmp_path)

    assert "10.0.0.255 of range default/net is the broadcast address" in printed(
        capsys, "get", "10.0.0.255", "-f", dump
    )


def test_a_request_of_the_same_name_is_not_taken_for_a_holder_that_disappeared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = list(cluster_of(range_("net", "10.0.0.0/24", chunkSize=28), request("web")).objects())
    for each in objects:
        if each["kind"] == "IPAMRequest":
            each["metadata"]["uid"] = "another"
            del each["status"]
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"kind": "List", "items": objects}))

    shown = printed(capsys, "get", "10.0.0.0", "-f", str(path))

    assert "is held by default/web, which does not exist: kubectl ipam explain default/web" in shown
    assert "does not exist: kubectl ipam explain default/web" in printed(capsys, "show", "net", "-f", str(path))
