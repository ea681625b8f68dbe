"""What each command says of a range that was made from the block of a request."""

import json
from pathlib import Path

import pytest

from kubectl_ipam.box import Box
from kubectl_ipam.cli import run
from tests.kubectl_ipam.clusters import Document, cluster_of, dump_of, printed, range_, request

SITE = request("site", delegate={"chunkSize": 28})


def company(*manifests: Document) -> Box:
    """A range, a block of it that is delegated, a block of that which is delegated again, and what is applied then."""
    box = cluster_of(
        range_("net", "10.0.0.0/16", chunkSize=20),
        SITE,
        request("web", "site", request="10.0.0.0/28"),
        request("floor", "site", request="10.0.1.0/24", delegate={"name": "floor-net", "chunkSize": 28}),
        request("desk", "floor-net"),
    )
    box.apply(manifests)
    return box


@pytest.fixture(name="dump", scope="module")
def _dump(tmp_path_factory: pytest.TempPathFactory) -> str:
    waiting = (request("huge", "site", size=20), request("other", delegate={"chunkSize": 28}))
    return dump_of(company(*waiting), tmp_path_factory.mktemp("delegation"))


def test_the_tree_shows_each_delegated_range_once_below_its_request(
    dump: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(capsys, "tree", "-f", dump).splitlines() == [
        "domain default",
        "`- range default/net: 10.0.0.0/16, 12% used",
        "   |- 10.0.0.0/20 default/site",
        "   |  `- range default/site: 10.0.0.0/20, 6% used",
        "   |     |- 10.0.0.0/28 default/web",
        "   |     `- 10.0.1.0/24 default/floor",
        "   |        `- range default/floor-net: 10.0.1.0/24, 6% used",
        "   |           `- 10.0.1.0/28 default/desk",
        "   `- 10.0.16.0/20 default/other",
        "      `- range default/other: 10.0.16.0/20, 0% used",
    ]


def test_the_tree_names_a_range_that_was_made_by_hand_below_the_smallest_block_around_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_of(company(range_("by-hand", "10.0.1.0/29", domain="lab")), tmp_path)

    shown = printed(capsys, "tree", "-f", dump)

    assert "10.0.1.0/28 default/desk\n                  `- range default/by-hand (domain lab): 10.0.1.0/29" in shown
    assert "domain lab\n`- range default/by-hand: 10.0.1.0/29, 0% used\n" in shown


def test_the_tree_shows_a_domain_that_uses_the_same_addresses_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(
        range_("acme", "10.0.0.0/8", domain="acme"),
        request("web", "acme", request="10.0.0.0/16"),
        range_("bolt", "10.0.0.0/16", domain="bolt"),
        request("db", "bolt", request="10.0.0.0/24"),
    )

    assert printed(capsys, "tree", "-f", dump_of(box, tmp_path)).splitlines() == [
        "domain acme",
        "`- range default/acme: 10.0.0.0/8, <1% used",
        "   `- 10.0.0.0/16 default/web",
        "      `- range default/bolt (domain bolt): 10.0.0.0/16",
        "domain bolt",
        "`- range default/bolt: 10.0.0.0/16, <1% used",
        "   `- 10.0.0.0/24 default/db",
    ]


def test_the_tree_of_a_namespace_shows_a_delegated_range_whose_own_range_lies_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(
        range_("net", "10.0.0.0/16", chunkSize=20, allowedNamespaces={"from": "All"}),
        request("site", namespace="team", ipam={"name": "net", "namespace": "default"}, delegate={}),
    )

    shown = printed(capsys, "tree", "-n", "team", "-f", dump_of(box, tmp_path)).splitlines()

    assert shown[0].endswith(", the block of request team/site")
    assert shown[1:] == ["`- range team/site: 10.0.0.0/20, 0% used"]


def test_the_tree_names_a_request_whose_range_was_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = cluster_of(range_("net", "10.0.0.0/16", chunkSize=20), range_("site", "10.9.0.0/24"), SITE)

    shown = printed(capsys, "tree", "-f", dump_of(box, tmp_path))

    assert "10.0.0.0/20 default/site: no range default/site has been made from it" in shown


def test_an_address_is_answered_with_its_innermost_holder_first(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "get", "10.0.1.3", "-f", dump).splitlines()

    assert [line.partition(", since")[0] for line in shown] == [
        "10.0.1.0/28 of range default/floor-net is held by default/desk",
        "10.0.1.0/24 of range default/site is held by default/floor",
        "10.0.0.0/20 of range default/net is held by default/site",
    ]
    assert [line.rpartition(", delegated to ")[2] for line in shown[1:]] == [
        "range default/floor-net",
        "range default/site",
    ]


def test_an_address_that_is_free_below_is_answered_so_first(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "get", "10.0.9.1", "-f", dump, "-o", "json"))["found"]

    assert [(each["range"], each["state"]) for each in found] == [("default/site", "free"), ("default/net", "held")]
    assert found[1]["request"]["delegatedTo"] == "default/site"


def test_a_range_shows_from_which_request_it_is_and_to_which_range_its_blocks_are_delegated(
    dump: str, capsys: pytest.CaptureFixture[str]
) -> None:
    above, below = printed(capsys, "show", "net", "-f", dump), printed(capsys, "show", "site", "-f", dump)

    assert "delegated to range default/site\n" in above
    assert "; the block of request default/site from range default/net\n" in below
    assert "domain delegated-" not in below
    ranges = json.loads(printed(capsys, "show", "-f", dump, "-o", "json"))["ranges"]
    assert {each["name"]: each.get("delegatedFrom") for each in ranges} == {
        "net": None,
        "site": "default/site",
        "floor-net": "default/floor",
        "other": "default/other",
    }


def test_what_waits_for_a_delegated_range_shows_the_reason_that_its_status_has(
    dump: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "no free /20 in default/site: waiting for room"

    assert reason in printed(capsys, "show", "site", "-f", dump)
    explained = printed(capsys, "explain", "huge", "-f", dump, code=3)
    assert f"[ ] committed  {reason}" in explained
    assert "or delegate another block: the addresses of range default/site are those of one request" in explained


def last_step(capsys: pytest.CaptureFixture[str], dump: str, name: str, code: int) -> tuple[Document, Document]:
    (found,) = json.loads(printed(capsys, "explain", name, "-f", dump, "-o", "json", code=code))["requests"]
    return found["steps"][-1], found


def test_a_request_that_delegates_explains_what_its_range_holds(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    step, found = last_step(capsys, dump, "site", 0)

    assert step == {
        "step": "delegated",
        "state": "done",
        "text": "range default/site allocates from its block; it holds 10.0.0.0/28 of default/web, "
        "10.0.1.0/24 of default/floor",
    }
    assert found["next"] == "kubectl ipam show default/site"
    assert last_step(capsys, dump, "other", 0)[0]["text"].endswith("no block of it is held")


def test_a_deleted_request_explains_what_its_range_still_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = company()
    box.delete([SITE])
    dump = dump_of(box, tmp_path)

    step, found = last_step(capsys, dump, "site", 3)

    assert step["step"] == "deleted"
    assert "range default/site, made from its block, ends first: it holds 10.0.0.0/28 of default/web" in step["text"]
    assert found["remedies"] == ["delete the requests of that range"]
    assert found["next"] == "kubectl ipam show default/site"
    assert "range default/site: Deleting" in printed(capsys, "show", "site", "-f", dump)
    assert run(["check", "-f", dump]) == 0


def test_a_deleted_request_whose_range_was_removed_by_force_names_the_command_that_reclaims_its_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = company()
    box.delete([SITE])
    left = [each for each in box.objects() if each["kind"] != "IPAMRange" or each["metadata"]["name"] != "site"]
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": left}))
    (uid,) = (each["metadata"]["uid"] for each in left if each["metadata"]["name"] == "site")

    step, found = last_step(capsys, str(dump), "site", 3)

    assert (step["state"], found["next"]) == (
        "failed",
        f"kubectl annotate --overwrite iprange -n default net ipam.mandelsoft.org/reclaim={uid}",
    )


def test_a_request_whose_range_has_a_name_that_is_taken_explains_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/16", chunkSize=20), range_("site", "10.9.0.0/24"), SITE)

    step, found = last_step(capsys, dump_of(box, tmp_path), "site", 3)

    assert step["text"] == "range default/site exists, and was not made from its block"
    assert found["remedies"] == ["delete that range, or create another request with delegate.name"]


def test_an_export_as_json_restores_blocks_and_the_blocks_below_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = company()
    exported, manifests = tmp_path / "exported.json", tmp_path / "manifests.yaml"
    exported.write_text(printed(capsys, "export", "-f", dump_of(box, tmp_path), "-o", "json"))
    manifests.write_text(printed(capsys, "import", str(exported)))

    plan = json.loads(printed(capsys, "plan", "--empty", "-f", str(manifests), "-o", "json"))

    assert {each["request"]: each["cidr"] for each in plan["requests"]} == {
        f"default/{each['metadata']['name']}": each["status"]["cidr"]
        for each in box.objects()
        if each["kind"] == "IPAMRequest"
    }
    assert len(plan["requests"]) == 4
    assert sorted(each["name"] for each in plan["after"]) == ["floor-net", "net", "site"]


def test_an_export_as_csv_is_not_imported_without_what_it_lacks(
    dump: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / "exported.csv"
    exported.write_text(printed(capsys, "export", "-f", dump))

    assert run(["import", str(exported)]) == 1
    shown = capsys.readouterr()
    assert "which CSV does not keep: use kubectl ipam export -o json" in shown.err
    assert shown.out == ""


def test_netbox_gets_each_delegated_block_once_in_the_vrf_of_its_outermost_range(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = cluster_of(range_("net", "10.0.0.0/16", chunkSize=20, domain="lab"), SITE, request("web", "site"))
    dump = dump_of(box, tmp_path)

    rows = json.loads(printed(capsys, "export", "-f", dump, "-o", "netbox-prefixes"))
    alone = json.loads(printed(capsys, "export", "site", "-f", dump, "-o", "netbox-prefixes"))

    assert {each["prefix"]: (each["status"], each["vrf"]) for each in rows} == {
        "10.0.0.0/16": ("container", "lab"),
        "10.0.0.0/20": ("container", "lab"),
        "10.0.0.0/28": ("active", "lab"),
    }
    assert len(rows) == 3
    assert [(each["prefix"], each["vrf"]) for each in alone] == [("10.0.0.0/20", "lab"), ("10.0.0.0/28", "lab")]
