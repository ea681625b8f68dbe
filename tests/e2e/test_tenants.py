"""What one tenant may not do to others, on the full loop: attacks that lasted, each with the number of its finding."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from controlplane import history
from controlplane.api import EXTENTS, RANGES, REQUESTS, Refused, objects_path
from controlplane.objects import LABEL
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until
from controlplane.team import Team
from tests.e2e.rights import bind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.loop import Loop

#: How long a tenant repeats a patch, and how often.
ATTACK_SECONDS = 20.0
PATCH_SECONDS = 0.1
#: How long a test waits for an event that must not happen.
PATIENCE_SECONDS = 5.0
#: Requests that wait for one block, and the most writes that its release may cause.
WAITING_COUNT = 25
RELEASE_WRITES_MAX = 12
STRIPPED = {"metadata": {"labels": {LABEL: None}}}


@pytest.fixture
def other(team: Team) -> Iterator[Team]:
    """A second team, whose requests are deleted before the first team is audited."""
    other = Team(team.api, f"{team.namespace[:50]}-other")
    other.create_namespace()
    yield other
    for resource in (REQUESTS, RANGES):
        other.delete_all(resource)


@pytest.fixture
def tenant(team: Team) -> Team:
    """The team as a user that may only edit requests."""
    for role in ("ipam-edit", "view"):
        bind(team.api, team.namespace, role, "tenant")
    tenant = Team(team.api.impersonating("tenant"), team.namespace)
    path = objects_path(REQUESTS, team.namespace)
    wait_until(lambda: tenant.api.call("GET", path).ok, what="the role is in effect", seconds=EFFECT_SECONDS_MAX)
    return tenant


def test_finding_2_a_tenant_that_strips_the_label_again_and_again_keeps_no_block_of_others(
    team: Team, tenant: Team, other: Team
) -> None:
    team.create_range("net", "10.0.0.0/32", domain=team.namespace)
    tenant.create_request("holder")
    team.wait_state("holder", "Ready")
    team.delete_range()
    other.create_range("net", "10.0.0.0/32", domain=team.namespace)
    other.create_request("victim")
    refusals, is_labelled = _patch_for(tenant, "holder", ATTACK_SECONDS)
    assert refusals > ATTACK_SECONDS / PATCH_SECONDS / 3
    assert is_labelled
    assert team.api.find(RANGES, team.namespace, "net") is not None
    assert [entry["uid"] for entry in team.ledger()] == [team.request("holder")["metadata"]["uid"]]
    other.wait_state("victim", "Busy")
    tenant.delete_request("holder")
    team.wait_deleted(RANGES, "net")
    other.wait_state("victim", "Ready")


def test_finding_3_a_range_keeps_its_addresses_until_the_deletion_of_its_namespace_ends(
    team: Team, other: Team
) -> None:
    other.create_range("net", "10.0.0.0/32", domain=team.namespace, allowedNamespaces={"from": "All"})
    where = {"name": "net", "namespace": other.namespace}
    team.create_request("holder", ipam=where)
    team.wait_state("holder", "Ready")
    other.api.ask("DELETE", f"/api/v1/namespaces/{other.namespace}")
    wait_until(lambda: other.range()["status"]["state"] == "Deleting", what="the range is being deleted", seconds=30)
    team.create_request("late", ipam=where)
    team.create_range("net", "10.0.0.0/32")
    team.create_request("victim")
    team.wait_state("victim", "Busy")
    time.sleep(PATIENCE_SECONDS)
    assert len(team.api.list(EXTENTS, other.namespace)) == 1
    assert team.request("victim")["status"]["state"] == "Busy"
    assert team.request("holder")["status"]["cidr"] == "10.0.0.0/32"
    for name in ("late", "holder"):
        team.delete_request(name)
        team.wait_deleted(REQUESTS, name)
    wait_until(lambda: not _exists(other), what="the namespace is deleted", seconds=60)
    assert team.wait_state("victim", "Ready")["status"]["cidr"] == "10.0.0.0/32"


def test_finding_7_the_release_of_a_block_for_which_many_wait_costs_a_few_writes(loop: Loop, team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("holder", request="10.0.0.9")
    team.wait_state("holder", "Ready")
    for number in range(WAITING_COUNT):
        team.create_request(f"waiting-{number:02}", request="10.0.0.9")
    wait_until(lambda: len(team.requests("Busy")) == WAITING_COUNT, what="all others wait", seconds=60)
    team.wait_at_rest()
    start, slice_of_holder = history.current_revision(loop.plane.etcd_url), team.slice_of("holder")
    team.delete_request("holder")
    team.wait_deleted(REQUESTS, "holder")
    wait_until(lambda: len(team.requests("Ready")) == 1, what="one of them is served", seconds=60)
    team.wait_at_rest()
    time.sleep(PATIENCE_SECONDS)
    writes = Counter(
        event.obj["metadata"]["name"]
        for event in history.read_history(loop.plane.etcd_url, 0)
        if event.revision > start and event.obj["metadata"]["namespace"] == team.namespace
    )
    (served,) = (obj["metadata"]["name"] for obj in team.requests("Ready"))
    slices = {each["metadata"]["name"] for each in (slice_of_holder, team.slice_of(served))}
    others = set(writes) - {"net", "holder", served} - slices
    assert not others, f"written although nothing changed for them: {others}"
    assert sum(writes.values()) <= RELEASE_WRITES_MAX, writes


def test_finding_8_a_tenant_cannot_move_the_ledger_by_the_label(team: Team, tenant: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    tenant.create_request("web")
    team.wait_state("web", "Ready")
    team.wait_at_rest()
    before = team.range()["status"]["revision"]
    refusals, is_labelled = _patch_for(tenant, "web", PATIENCE_SECONDS)
    assert refusals > 0
    assert is_labelled
    assert team.range()["status"]["revision"] == before
    assert len(team.answers()) == 1


def _patch_for(tenant: Team, name: str, seconds: float) -> tuple[int, bool]:
    """Removes the label again and again; the number of refusals, and whether the label was there all the time."""
    end, refusals, is_labelled = time.monotonic() + seconds, 0, True
    while time.monotonic() < end:
        with pytest.raises(Refused, match="must keep the label") as refused:
            tenant.api.patch(REQUESTS, tenant.namespace, name, STRIPPED)
        assert refused.value.status == 403
        refusals += 1
        is_labelled = is_labelled and LABEL in tenant.request(name)["metadata"]["labels"]
        time.sleep(PATCH_SECONDS)
    return refusals, is_labelled


def _exists(team: Team) -> bool:
    """Whether the namespace exists."""
    return team.api.call("GET", f"/api/v1/namespaces/{team.namespace}").status_code != 404
