"""Two Metacontrollers, each with the ranges and requests of its shard, on the full loop (docs/limits.md, "Shards")."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from controlplane.api import RANGES, REQUESTS, Refused
from controlplane.loop import CONTROLLER_KINDS, Loop
from controlplane.objects import OURS, RANGE_FINALIZER, SHARD_LABEL, range_object, request_object
from controlplane.policies import admission_policy
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.shards import controllers_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Obj
    from controlplane.plane import ControlPlane

SHARD = "s1"
MOVE_SECONDS_MAX = 60.0
#: How long a test waits for an event that must not happen.
PATIENCE_SECONDS = 5.0
FINALIZERS = {RANGES: RANGE_FINALIZER, REQUESTS: OURS}
#: The requests of each range in the test of one domain; both ranges together have no more addresses.
BURST_COUNT = 64


@pytest.fixture(scope="module")
def loop(control_plane: ControlPlane, metacontroller_path: Path) -> Iterator[Loop]:
    """Hooks, and a Metacontroller for each of the two shards."""
    loop = Loop(control_plane, metacontroller_path, shard=SHARD)
    try:
        loop.start()
        loop.second_metacontroller.start()
        yield loop
    finally:
        loop.stop()
        for kind in CONTROLLER_KINDS:
            control_plane.kubectl("delete", kind, "-l", f"{SHARD_LABEL}={SHARD}", "--ignore-not-found")


def in_shard(obj: Obj, shard: str = SHARD) -> Obj:
    """An object with the label of a shard; "" is the default shard."""
    labels = {SHARD_LABEL: shard} if shard else {}
    return obj | {"metadata": obj["metadata"] | {"labels": labels}}


def move(team: Team, resource: str, name: str, shard: str | None) -> None:
    """Changes the shard of an object; None is the default shard."""
    team.api.patch(resource, team.namespace, name, {"metadata": {"labels": {SHARD_LABEL: shard}}})


def finalizers(team: Team, resource: str, name: str) -> list[str]:
    """Our finalizers on an object: what follows the name of that of the default shard."""
    base = FINALIZERS[resource]
    found = team.api.get(resource, team.namespace, name)["metadata"].get("finalizers", [])
    return [each.removeprefix(base) for each in found if each.startswith(base)]


def wait_moved(team: Team, resource: str, name: str, suffix: str) -> None:
    """Waits until exactly one shard serves an object, by its finalizer."""
    wait_until(
        lambda: finalizers(team, resource, name) == [suffix],
        what=f"{resource} {name} is served by the shard {suffix!r} only",
        seconds=MOVE_SECONDS_MAX,
    )


def free_count(team: Team, range_name: str) -> int:
    """The number of addresses that a range reports as free."""
    return int(team.range(range_name)["status"].get("capacity", {}).get("free", 0))


def create_range(team: Team, name: str, *ranges: str, shard: str = "", **spec: Any) -> None:
    team.api.create(in_shard(range_object(team.namespace, name, *ranges, **spec), shard))


def create_request(team: Team, name: str, range_name: str, *, shard: str = "") -> None:
    team.api.create(in_shard(request_object(team.namespace, name, range_name), shard))


def test_kustomize_makes_the_controllers_that_the_simulator_uses(loop: Loop) -> None:
    made = [obj for obj in loop.shard_manifests() if obj["kind"] in CONTROLLER_KINDS]
    others = sorted(obj["kind"] for obj in loop.shard_manifests() if obj["kind"] not in CONTROLLER_KINDS)
    assert sorted(made, key=lambda obj: obj["kind"]) == sorted(controllers_of(SHARD), key=lambda obj: obj["kind"])
    assert others == ["PodDisruptionBudget", "StatefulSet"]


def test_the_api_server_accepts_all_objects_of_the_example(control_plane: ControlPlane) -> None:
    Team(control_plane.api, "metacontroller").create_namespace()
    folder = control_plane.root / "deploy" / "shards"
    applied = control_plane.kubectl("apply", "-k", str(folder), "--dry-run=server").splitlines()
    assert len(applied) == 8, applied


@pytest.mark.parametrize("of_range", ["", SHARD])
@pytest.mark.parametrize("of_request", ["", SHARD])
def test_requests_are_granted_and_released_by_ranges_of_any_shard(team: Team, of_range: str, of_request: str) -> None:
    create_range(team, "net", "10.0.0.0/32", shard=of_range)
    create_request(team, "web", "net", shard=of_request)
    assert team.wait_state("web", "Ready")["status"]["cidr"] == "10.0.0.0/32"
    for resource, name, shard in ((RANGES, "net", of_range), (REQUESTS, "web", of_request)):
        assert finalizers(team, resource, name) == [f"-{shard}" if shard else ""]
    create_request(team, "next", "net", shard=of_request)
    team.wait_state("next", "Busy")
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    assert team.wait_state("next", "Ready")["status"]["cidr"] == "10.0.0.0/32"
    team.delete_range()
    time.sleep(1)
    team.delete_request("next")
    team.wait_deleted(RANGES, "net")


def test_ranges_of_two_shards_share_a_domain_and_grant_no_address_twice(team: Team) -> None:
    create_range(team, "one", "10.0.0.0/26")
    # The range that is announced first is the older one; "one" has no addresses if it is not.
    wait_until(lambda: free_count(team, "one") == BURST_COUNT, what="range one is announced", seconds=60)
    create_range(team, "two", "10.0.0.0/25", shard=SHARD)
    for number in range(BURST_COUNT):
        create_request(team, f"one-{number}", "one", shard=SHARD if number % 2 else "")
        create_request(team, f"two-{number}", "two", shard=SHARD if number % 3 else "")
    team.wait_ready_count(2 * BURST_COUNT)
    assert len({obj["status"]["cidr"] for obj in team.requests("Ready")}) == 2 * BURST_COUNT


def test_a_range_and_its_requests_move_to_another_shard_and_back(team: Team) -> None:
    create_range(team, "net", "10.0.0.0/28")
    for number in range(8):
        create_request(team, f"r{number}", "net")
    team.wait_ready_count(8)
    given = {obj["metadata"]["name"]: obj["status"] for obj in team.requests("Ready")}
    before = team.range()["status"]
    for shard, suffix in ((SHARD, f"-{SHARD}"), (None, "")):
        objects = [(RANGES, "net"), *((REQUESTS, name) for name in given)]
        for resource, name in objects:
            move(team, resource, name, shard)
        for resource, name in objects:
            wait_moved(team, resource, name, suffix)
        assert {obj["metadata"]["name"]: obj["status"] for obj in team.requests("Ready")} == given
        status = team.range()["status"]
        assert (status["allocations"], status["state"]) == (before["allocations"], "Ready")
        create_request(team, f"late{suffix}", "net", shard=shard or "")
        given[f"late{suffix}"] = team.wait_state(f"late{suffix}", "Ready")["status"]
        before = team.range()["status"]


def test_a_range_moves_in_the_middle_of_a_burst(team: Team) -> None:
    create_range(team, "net", "10.0.0.0/24")
    load = team.start_load(128)
    for shard, suffix in ((SHARD, f"-{SHARD}"), (None, ""), (SHARD, f"-{SHARD}")):
        move(team, RANGES, "net", shard)
        wait_moved(team, RANGES, "net", suffix)
    load.wait_created()
    team.wait_ready_count(128)


def test_a_range_moves_while_its_new_shard_does_not_run(loop: Loop, team: Team) -> None:
    create_range(team, "net", "10.0.0.0/24")
    create_request(team, "web", "net")
    team.wait_state("web", "Ready")
    loop.second_metacontroller.program.stop()
    move(team, RANGES, "net", SHARD)
    create_request(team, "db", "net")
    team.wait_state("db", "Ready")  # by its former shard
    assert finalizers(team, RANGES, "net") == [""]
    loop.second_metacontroller.start()
    wait_moved(team, RANGES, "net", f"-{SHARD}")
    team.delete_request("db")
    team.wait_deleted(REQUESTS, "db")


def test_a_range_that_is_deleted_while_it_moves_waits_for_its_requests(loop: Loop, team: Team) -> None:
    create_range(team, "net", "10.0.0.0/24")
    create_request(team, "web", "net")
    team.wait_state("web", "Ready")
    loop.second_metacontroller.program.stop()
    move(team, RANGES, "net", SHARD)
    team.delete_range()
    loop.second_metacontroller.start()
    time.sleep(PATIENCE_SECONDS)
    assert team.range()["status"]["state"] == "Deleting"
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    team.wait_deleted(RANGES, "net")


def test_a_label_without_a_shard_leaves_a_range_and_its_requests_with_their_former_one(team: Team) -> None:
    create_range(team, "net", "10.0.0.0/24")
    create_request(team, "web", "net")
    team.wait_state("web", "Ready")
    move(team, RANGES, "net", "typo")
    move(team, REQUESTS, "web", "typo")
    create_request(team, "db", "net")
    team.wait_state("db", "Ready")
    assert finalizers(team, RANGES, "net") == finalizers(team, REQUESTS, "web") == [""]
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")


def test_the_api_server_rejects_a_second_move_before_the_first_one_is_finished_and_bad_names(
    loop: Loop, team: Team
) -> None:
    create_range(team, "net", "10.0.0.0/24")
    wait_moved(team, RANGES, "net", "")
    for shard in ("", "S1", "s" * 32):
        with pytest.raises(
            Refused, match=f'shard of range {team.namespace}/net is "{shard}": write the name of a shard'
        ):
            move(team, RANGES, "net", shard)
    loop.metacontroller.program.stop()
    move(team, RANGES, "net", SHARD)
    wait_until(lambda: len(finalizers(team, RANGES, "net")) == 2, what="both shards have it", seconds=MOVE_SECONDS_MAX)
    with pytest.raises(Refused, match="is being moved to another shard"):
        move(team, RANGES, "net", None)
    loop.metacontroller.start()
    wait_moved(team, RANGES, "net", f"-{SHARD}")


def test_new_objects_get_the_label_and_the_finalizer_of_the_shard_of_their_namespace(
    control_plane: ControlPlane, team: Team
) -> None:
    with admission_policy(control_plane):
        control_plane.kubectl("label", "namespace", team.namespace, f"{SHARD_LABEL}={SHARD}")
        wait_until(lambda: _is_labelled(team), what="the policy sees the label", seconds=30)
        created = team.api.create(range_object(team.namespace, "net", "10.0.0.0/24"))
        assert created["metadata"]["finalizers"] == [f"{RANGE_FINALIZER}-{SHARD}"]
        labelled = team.api.create(in_shard(request_object(team.namespace, "web", "net"), SHARD))
        plain = team.create_request("db")
        assert labelled["metadata"]["finalizers"] == [OURS]  # there may be no such shard
        assert plain["metadata"]["finalizers"] == [f"{OURS}-{SHARD}"]
        assert plain["metadata"]["labels"][SHARD_LABEL] == SHARD
        own = team.api.create(in_shard(range_object(team.namespace, "own", "10.1.0.0/24"), SHARD))
        assert own["metadata"]["finalizers"] == [RANGE_FINALIZER]
        wait_moved(team, RANGES, "own", f"-{SHARD}")
        team.wait_ready_count(2)
        control_plane.kubectl("label", "namespace", team.namespace, f"{SHARD_LABEL}-")


def _is_labelled(team: Team) -> bool:
    """Whether a new request would get the label of its namespace."""
    path = f"/apis/ipam.mandelsoft.org/v1alpha1/namespaces/{team.namespace}/ipamrequests"
    probe = team.api.ask_patiently("POST", path, request_object(team.namespace, "probe", "net"), dryRun="All")
    return SHARD_LABEL in probe["metadata"].get("labels", {})
