"""The kubectl plugin on a real control plane: it reads what the API server serves, and agrees with what happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from controlplane.objects import FOREIGN, request_object
from tests.e2e.plugin import Plugin
from tests.e2e.policy_users import tenant_of

if TYPE_CHECKING:
    from pathlib import Path

    from controlplane.loop import Loop
    from controlplane.team import Team


@pytest.fixture(name="plugin")
def _plugin(loop: Loop, team: Team) -> Plugin:
    return Plugin(loop.plane.kubeconfig, team.namespace)


def test_a_range_is_shown_as_its_status_reports_it(team: Team, plugin: Plugin) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    for name in ("a", "b", "c"):
        team.create_request(name)
    team.wait_ready_count(3)
    team.wait_at_rest()

    (shown,) = plugin.document("show", "net")["ranges"]

    capacity = team.range()["status"]["capacity"]
    assert {name: shown[name] for name in ("total", "free", "allocated", "room")} == {
        name: capacity[name] for name in ("total", "free", "allocated", "room")
    }
    cidr = team.request("a")["status"]["cidr"]
    assert f"{cidr} of range {team.namespace}/net is held by {team.namespace}/a" in plugin.run("get", cidr)
    assert "###." in plugin.run("map", "net")
    assert f"range {team.namespace}/net" in plugin.run("tree")
    assert "next: kubectl get ipamrequest" in plugin.run("explain", "a")


def test_what_kubectl_reads_is_what_the_plugin_reads(team: Team, plugin: Plugin) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    team.create_request("a")
    team.wait_ready_count(1)
    team.wait_at_rest()

    assert plugin.document("show", "net", "--via-kubectl") == plugin.document("show", "net")


def test_a_delegated_range_is_shown_planned_and_audited_as_a_part_of_its_request(
    team: Team, plugin: Plugin, tmp_path: Path
) -> None:
    site, web = f"{team.namespace}/site", f"{team.namespace}/web"
    team.create_range("net", "10.0.0.0/16", chunkSize=20)
    team.create_request("site", delegate={"chunkSize": 28})
    team.create_request("web", "site")
    team.wait_ready_count(2)
    team.wait_at_rest()
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(request_object(team.namespace, "site", "net")))

    tree = plugin.run("tree").splitlines()
    assert [line.strip(" `-|").partition(": ")[0] for line in tree] == [
        f"domain {team.namespace}",
        f"range {team.namespace}/net",
        f"10.0.0.0/20 {site}",
        f"range {site}",
        f"10.0.0.0/28 {web}",
    ]
    assert plugin.run("get", "10.0.0.5").startswith(f"10.0.0.0/28 of range {site} is held by {web}, since ")
    assert f"range {site} allocates from its block; it holds 10.0.0.0/28 of {web}" in plugin.run("explain", "site")
    assert plugin.document("check", "--settle", "1")["findings"] == []
    (planned,) = plugin.document("plan", "--delete", "-f", str(file), code=3)["requests"]
    assert planned["state"] == "Deleting"

    team.delete_request("site")
    team.wait_at_rest()

    assert team.request("site")["status"]["message"] == planned["message"]
    assert f"ends first: it holds 10.0.0.0/28 of {web}" in plugin.run("explain", "site", code=3)
    team.delete_request("web")
    team.wait_deleted("ipamrequests", "site")
    assert plugin.document("show", "net")["ranges"][0]["allocated"] == "0"


def test_check_finds_nothing_while_requests_come_and_go(team: Team, plugin: Plugin) -> None:
    team.create_range("net", "10.0.0.0/22", chunkSize=30)
    team.start_load(120)
    for _ in range(3):
        assert plugin.document("check", "--settle", "3")["findings"] == []
    team.wait_ready_count(120)


def test_check_finds_a_holder_that_was_removed_by_force(team: Team, plugin: Plugin) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("victim")
    victim = team.wait_state("victim", "Ready")
    uid = victim["metadata"]["uid"]
    team.set_finalizers("victim", [*victim["metadata"]["finalizers"], FOREIGN])
    team.delete_request("victim")
    team.set_finalizers("victim", [])
    team.wait_deleted("ipamrequests", "victim")

    found = json.loads(plugin.run("check", "--settle", "1", "-o", "json", code=1))["findings"]

    (missing,) = (each for each in found if each["rule"] == "HolderMissing")
    assert f"ipam.mandelsoft.org/reclaim={uid}" in missing["remedy"]
    team.api.patch(
        "ipamranges", team.namespace, "net", {"metadata": {"annotations": {"ipam.mandelsoft.org/reclaim": uid}}}
    )


def test_a_plan_is_what_then_happens(team: Team, plugin: Plugin, tmp_path: Path) -> None:
    team.create_range("net", "10.0.0.0/26", chunkSize=28)
    team.create_request("old", size=27)
    team.wait_ready_count(1)
    manifests = [request_object(team.namespace, name, "net") for name in ("new-a", "new-b", "new-c")]
    file = tmp_path / "requests.yaml"
    file.write_text(yaml.safe_dump_all(manifests))

    planned = plugin.document("plan", "-f", str(file), code=3)

    for manifest in manifests:
        team.api.create(manifest)
    states = {each["request"]: each["state"] for each in planned["requests"]}
    assert sorted(states.values()) == ["Busy", "Ready", "Ready"]
    team.wait_ready_count(3)
    team.wait_at_rest()
    happened = sorted(team.request(each["metadata"]["name"])["status"]["state"] for each in manifests)
    assert happened == sorted(states.values())


def test_watch_prints_grants_and_releases(team: Team, plugin: Plugin) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("first")
    team.wait_ready_count(1)
    process = plugin.start("watch", "net", "--count", "4", "-o", "json")
    try:
        # The watch has begun when it shows a request that was created meanwhile.
        for number in range(200):
            team.create_request(f"r{number}")
            team.wait_state(f"r{number}", "Ready")
            if process.poll() is not None:
                break
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    changes = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0, err
    assert {each["what"] for each in changes} <= {"asked", "granted"}
    assert any(each["what"] == "granted" and each["cidr"].endswith("/32") for each in changes)


def test_a_tenant_sees_the_own_namespace_only(team: Team, loop: Loop, tmp_path: Path) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    team.create_request("a")
    team.wait_ready_count(1)
    tenant = tenant_of(team.api, team.namespace)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(_as_user(loop.plane.kubeconfig, tenant.impersonated))

    shown = Plugin(kubeconfig, team.namespace).document("show")

    assert [each["name"] for each in shown["ranges"]] == ["net"]


def _as_user(kubeconfig: Path, user: str) -> str:
    config = yaml.safe_load(kubeconfig.read_text())
    for each in config["users"]:
        each["user"]["as"] = user
    return str(yaml.safe_dump(config))
