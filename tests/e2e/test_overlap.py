"""Two overlapping ranges of one domain: the older one owns the addresses until it is deleted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from controlplane.api import EXTENTS, RANGES, objects_path
from controlplane.processes import wait_until
from controlplane.team import Team

if TYPE_CHECKING:
    from controlplane.api import Obj


def test_the_younger_range_grants_shared_addresses_only_after_the_deletion_of_the_older_one(team: Team) -> None:
    team.create_range("net", "10.0.0.0/31")
    wait_until(lambda: bool(team.api.list(EXTENTS, team.namespace)), what="net is announced", seconds=30)
    team.create_range("younger", "10.0.0.0/30")
    for name in ("a", "b", "c"):
        team.create_request(name, "younger")
    wait_until(lambda: len(team.requests("Ready")) == 2, what="two of three are served", seconds=30)
    wait_until(lambda: len(team.requests("Busy")) == 1, what="one waits", seconds=30)
    granted = {obj["status"]["cidr"] for obj in team.requests("Ready")}
    assert granted == {"10.0.0.2/32", "10.0.0.3/32"}
    overlap = f"overlaps {team.namespace}/net in 10.0.0.0-10.0.0.1, which is older in domain {team.namespace}"
    assert overlap in _overlapping(team.range("younger"))
    assert team.range("younger")["status"]["capacity"]["unavailable"] == "2"
    assert not _overlapping(team.range())
    team.delete_range("net")
    team.wait_deleted(RANGES, "net")
    wait_until(lambda: len(team.requests("Ready")) == 3, what="the waiting request is served", seconds=60)
    assert not _overlapping(team.range("younger"))


def test_a_rewritten_extent_keeps_its_seniority(team: Team) -> None:
    """A StorageVersionMigration, for example, gives it a higher resourceVersion than a younger range has."""
    for count, name in enumerate(("net", "younger"), start=1):
        team.create_range(name, "10.0.0.0/31")
        wait_until(partial(_are_numbered, team, count), what=f"{name} has a number", seconds=30)
    before = _numbers(team)
    assert before["net"] < before["younger"]
    (extent,) = (obj for obj in team.api.list(EXTENTS, team.namespace) if obj["spec"]["range"] == "net")
    name = extent["metadata"]["name"]
    stored = team.api.patch(
        EXTENTS, team.namespace, name, {"metadata": {"annotations": {"example.com/rewritten": "yes"}}}
    )
    assert int(stored["metadata"]["resourceVersion"]) > before["younger"]
    for number in range(2):
        team.create_request(f"early-{number}", "younger")
    for number in range(2):
        team.create_request(f"late-{number}", "net")
    wait_until(lambda: len(team.requests("Busy")) == 2, what="the requests for the younger range wait", seconds=30)
    wait_until(lambda: len(team.requests("Ready")) == 2, what="the requests for the older range are served", seconds=30)
    assert {obj["spec"]["ipam"]["name"] for obj in team.requests("Ready")} == {"net"}
    assert _numbers(team) == before


def test_ranges_created_at_once_in_two_namespaces_of_a_domain_grant_no_address_twice(team: Team) -> None:
    other = Team(team.api, f"{team.namespace[:50]}-other")
    other.create_namespace()
    domain = f"d-{team.namespace}"[:63].rstrip("-")
    teams = (team, other)
    for number in range(5):
        for each in teams:
            each.create_range(f"net-{number}", "10.0.0.0/27", domain=domain)
            each.create_request(f"web-{number}", f"net-{number}", size=28)
    wait_until(lambda: sum(len(each.requests("Busy")) for each in teams) == 9, what="nine of ten wait", seconds=60)
    wait_until(lambda: _granted(teams) == {"10.0.0.0/28"}, what="the oldest range serves", seconds=60)
    for each in teams:
        each.start_to_delete_all("ipamrequests")
        each.start_to_delete_all(RANGES)
    wait_until(
        lambda: not any(each.api.list(RANGES, each.namespace) for each in teams),
        what="all ranges are deleted",
        seconds=60,
    )
    wait_until(lambda: not any(_extents(each) for each in teams), what="their extents are deleted too", seconds=60)
    team.api.ask("DELETE", f"/api/v1/namespaces/{other.namespace}")


def _numbers(team: Team) -> dict[str, int]:
    """The numbers of extents, by the names of their ranges."""
    specs = [obj["spec"] for obj in team.api.list(EXTENTS, team.namespace)]
    return {spec["range"]: spec["number"] for spec in specs if "number" in spec}


def _are_numbered(team: Team, count: int) -> bool:
    return len(_numbers(team)) == count


def _granted(teams: tuple[Team, ...]) -> set[str]:
    return {obj["status"]["cidr"] for each in teams for obj in each.requests("Ready")}


def _extents(team: Team) -> list[Obj]:
    return list(team.api.ask("GET", objects_path(EXTENTS, team.namespace))["items"])


def _overlapping(range_: Obj) -> str:
    """The message of the condition Overlapping; "" without the condition."""
    conditions = range_["status"]["conditions"]
    return next((str(each["message"]) for each in conditions if each["type"] == "Overlapping"), "")
