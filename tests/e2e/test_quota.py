"""A ResourceQuota limits how many requests a namespace has: the API server's own means, with nothing of ours in it.

Two parties make it work, and both are real here: the admission plugin ResourceQuota, which is on by default, and the
controller manager's resourcequota controller, which fills the quota's status. The controller looks for new kinds every
30 seconds, and counts a quota that is older than that look with its next full sync: by default every five minutes, here
every ten seconds. Until the status says how much is used, admission lets nobody create what the quota names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from controlplane.api import REQUESTS, Refused
from controlplane.processes import wait_until
from controlplane.team import Team

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.api import Api, Obj

EXAMPLE = Path(__file__).parents[2] / "examples" / "quota.yaml"
COUNT = "count/ipamrequests.ipam.mandelsoft.org"
#: The controller's look at what kinds there are, its full sync, and then some.
DISCOVERY_SECONDS_MAX = 90.0


@pytest.fixture
def limited(api: Api, namespace: str) -> Iterator[Team]:
    """A team that may have two requests, by the quota of the example; nothing serves them here."""
    quota = yaml.safe_load(EXAMPLE.read_text())
    quota["metadata"]["namespace"] = namespace
    quota["spec"]["hard"] = {COUNT: "2"}
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    api.ask("POST", path, quota)
    team = Team(api, namespace)
    wait_until(lambda: _used(team) == "0", what="the quota's status is filled", seconds=DISCOVERY_SECONDS_MAX)
    yield team
    api.ask("DELETE", f"{path}/{quota['metadata']['name']}")


def test_the_example_names_the_resource_as_the_api_server_counts_it() -> None:
    assert list(yaml.safe_load(EXAMPLE.read_text())["spec"]["hard"]) == [COUNT]


def test_a_request_beyond_the_quota_is_refused_in_words_that_name_it(limited: Team) -> None:
    for name in ("web", "db"):
        limited.create_request(name)
    with pytest.raises(Refused) as refusal:
        limited.create_request("late")
    assert refusal.value.status == 403
    assert f"exceeded quota: addresses, requested: {COUNT}=1, used: {COUNT}=2" in refusal.value.message
    assert _used(limited) == "2"


def test_a_deleted_request_makes_room_in_the_quota(limited: Team) -> None:
    for name in ("web", "db"):
        limited.create_request(name)
    limited.delete_request("web")
    wait_until(lambda: _used(limited) == "1", what="the quota is counted anew", seconds=60)
    limited.create_request("late")


def test_ranges_and_other_namespaces_are_not_counted(limited: Team, api: Api) -> None:
    for number in range(3):
        limited.create_range(f"net-{number}", "10.0.0.0/24")
    other = Team(api, f"{limited.namespace[:50]}-other")
    other.create_namespace()
    for number in range(3):
        other.create_request(f"r{number}")
    other.delete_all(REQUESTS)
    assert _used(limited) == "0"


def _used(team: Team) -> str | None:
    quota: Obj = team.api.ask("GET", f"/api/v1/namespaces/{team.namespace}/resourcequotas/addresses")
    used = quota.get("status", {}).get("used", {}).get(COUNT)
    return None if used is None else str(used)
