"""A ResourceQuota limits the number of requests in a namespace, without any code of ours.

The API server's admission plugin ResourceQuota enforces it, and the resourcequota controller of the controller manager
counts the objects; both are real here. The controller discovers new kinds every 30 seconds. It counts a quota that is
older than the discovery in its next full sync: by default every five minutes, here every ten seconds. Until the status
has a count, admission refuses all objects that the quota limits.
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
#: The controller's discovery and its full sync, with some reserve.
DISCOVERY_SECONDS_MAX = 90.0


@pytest.fixture
def limited(api: Api, namespace: str) -> Iterator[Team]:
    """A team that may have two requests, by the quota of the example; no hooks run."""
    quota = _quota_of_the_example()
    quota["metadata"]["namespace"] = namespace
    quota["spec"]["hard"] = {COUNT: "2"}
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    api.ask("POST", path, quota)
    team = Team(api, namespace)
    wait_until(lambda: _used(team) == "0", what="the status of the quota has a count", seconds=DISCOVERY_SECONDS_MAX)
    yield team
    api.ask("DELETE", f"{path}/{quota['metadata']['name']}")


def test_the_example_uses_the_resource_name_of_the_api_server() -> None:
    assert list(_quota_of_the_example()["spec"]["hard"]) == [COUNT]


def test_a_request_beyond_the_quota_is_refused_with_the_name_of_the_quota(limited: Team) -> None:
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
    wait_until(lambda: _used(limited) == "1", what="the quota is counted again", seconds=60)
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


def _quota_of_the_example() -> Obj:
    (quota,) = [obj for obj in yaml.safe_load_all(EXAMPLE.read_text()) if obj["kind"] == "ResourceQuota"]
    return dict(quota)


def _used(team: Team) -> str | None:
    quota: Obj = team.api.ask("GET", f"/api/v1/namespaces/{team.namespace}/resourcequotas/addresses")
    used = quota.get("status", {}).get("used", {}).get(COUNT)
    return None if used is None else str(used)
