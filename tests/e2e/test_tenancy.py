"""Several teams and one range, on the full loop: `allowedNamespaces` decides which requests are served."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from controlplane.api import MERGE_PATCH, RANGES, REQUESTS
from controlplane.processes import wait_until
from controlplane.team import Team

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Obj

#: How long a test waits for an event that must not happen.
PATIENCE_SECONDS = 5.0
#: The no-answer timeout: a deleted request without an answer is removed this long after its deletion was observed.
NO_ANSWER_SECONDS = 10.0
PUBLIC = {"from": "Selector", "selector": {"matchLabels": {"ipam": "public"}}}


@pytest.fixture
def guest(team: Team) -> Iterator[Team]:
    """A second team with requests for the range of the first one; they are deleted before the first team is audited."""
    guest = Team(team.api, f"{team.namespace[:50]}-guest")
    guest.create_namespace()
    yield guest
    guest.delete_all(REQUESTS)


def test_by_default_a_request_of_another_namespace_is_not_answered_and_keeps_no_range(team: Team, guest: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("own")
    team.wait_state("own", "Ready")
    before = team.range()["status"]
    guest.create_request("web", ipam=_net_of(team))
    time.sleep(PATIENCE_SECONDS)
    assert guest.request("web")["status"]["state"] == "Pending"
    assert team.range()["status"] == before
    assert [answer["request"] for answer in team.answers()] == [f"{team.namespace}/own"]
    team.delete_request("own")
    team.delete_range()
    team.wait_deleted(RANGES, "net")
    assert guest.request("web")["status"]["state"] == "Pending"


def test_a_deleted_request_without_an_answer_is_removed_after_ten_seconds(team: Team, guest: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    guest.create_request("web", ipam=_net_of(team))
    time.sleep(1)
    start = time.monotonic()
    guest.delete_request("web")
    guest.wait_deleted(REQUESTS, "web", seconds=30)
    assert time.monotonic() - start >= NO_ANSWER_SECONDS - 1  # the time of the deletion is recorded in whole seconds
    assert "allocations" not in team.range()["status"]


def test_with_from_all_a_request_of_another_namespace_is_served_and_released(team: Team, guest: Team) -> None:
    team.create_range("net", "10.0.0.0/24", allowedNamespaces={"from": "All"})
    guest.create_request("web", ipam=_net_of(team))
    assert guest.wait_state("web", "Ready")["status"]["cidr"] == "10.0.0.0/32"
    guest.delete_request("web")
    guest.wait_deleted(REQUESTS, "web")
    team.wait_empty()


def test_a_namespace_with_the_label_is_served_and_one_that_loses_it_keeps_its_blocks(team: Team, guest: Team) -> None:
    team.create_range("net", "10.0.0.0/24", allowedNamespaces=PUBLIC)
    guest.create_request("web", ipam=_net_of(team))
    time.sleep(PATIENCE_SECONDS)
    assert guest.request("web")["status"]["state"] == "Pending"
    _label(guest, "public")
    cidr = guest.wait_state("web", "Ready")["status"]["cidr"]
    _label(guest, None)
    guest.create_request("late", ipam=_net_of(team))
    time.sleep(PATIENCE_SECONDS)
    assert guest.request("web")["status"]["cidr"] == cidr
    assert guest.request("late")["status"]["state"] == "Pending"
    assert [item["cidr"] for item in team.ledger()] == [cidr]
    guest.delete_request("web")
    guest.wait_deleted(REQUESTS, "web", seconds=NO_ANSWER_SECONDS - 1)
    team.wait_empty()


def test_a_waiting_request_loses_its_refusal_once_its_namespace_loses_the_label(team: Team, guest: Team) -> None:
    _label(guest, "public")
    team.create_range("net", "10.0.0.0/32", allowedNamespaces=PUBLIC)
    guest.create_request("web", ipam=_net_of(team))
    guest.wait_state("web", "Ready")
    guest.create_request("late", ipam=_net_of(team))
    guest.wait_state("late", "Busy")
    _label(guest, None)
    wait_until(lambda: len(team.answers()) == 1, what="the refusal is removed", seconds=30)
    guest.wait_state("late", "Pending")
    wait_until(lambda: team.range()["status"]["pending"] == 0, what="no request is pending", seconds=30)
    guest.delete_request("web")
    guest.wait_deleted(REQUESTS, "web")
    team.wait_empty()
    time.sleep(PATIENCE_SECONDS)
    assert team.ledger() == []


def _net_of(team: Team) -> Obj:
    return {"name": "net", "namespace": team.namespace}


def _label(team: Team, value: str | None) -> None:
    patch = {"metadata": {"labels": {"ipam": value}}}
    team.api.ask("PATCH", f"/api/v1/namespaces/{team.namespace}", patch, kind=MERGE_PATCH)
