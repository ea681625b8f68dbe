"""The life of ranges and requests on the full loop. The whole history is audited after each test (`team`)."""

from __future__ import annotations

import time
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from controlplane.api import KINDS, RANGES, REQUESTS, Refused
from controlplane.objects import FOREIGN, LABEL, OURS, RECORDED
from controlplane.processes import wait_until
from controlplane.team import Team
from hooks.api.names import SLOTS, NamespacedName, slice_name

if TYPE_CHECKING:
    from controlplane.api import Obj
    from controlplane.loop import Loop

EXAMPLES = Path(__file__).parents[2] / "examples"
#: How long a test waits for an event that must not happen.
PATIENCE_SECONDS = 5.0
#: Requests that are created within a second or two.
BURST_COUNT = 60


def test_the_quickstart_ends_with_a_network(team: Team) -> None:
    for document in yaml.safe_load_all((EXAMPLES / "quickstart.yaml").read_text()):
        team.api.create(document | {"metadata": document["metadata"] | {"namespace": team.namespace}})
    assert team.wait_state("mynet", "Ready")["status"]["cidr"] == "192.168.0.0/24"


def test_a_dual_stack_consumer_waits_for_both_of_its_requests(team: Team, loop: Loop) -> None:
    """With kubectl and the label that both requests have, as in the example."""
    manifests = (EXAMPLES / "dual-stack.yaml").read_text().replace("namespace: default", f"namespace: {team.namespace}")
    loop.plane.kubectl("apply", "-f", "-", stdin=manifests)
    node = ("-n", team.namespace, "-l", "example.com/node=node-1")
    loop.plane.kubectl("wait", "--for=condition=Ready", "ipamrequest", *node, "--timeout=60s")
    shown = loop.plane.kubectl(
        "get",
        "ipamrequest",
        *node,
        "-o",
        "jsonpath={range .items[*]}{.status.cidr} {.status.network.gateway} {.status.network.prefixLength}{'\\n'}{end}",
    )
    # The addresses depend on the order in which the requests of the example were labelled.
    (v4, *v4_network), (v6, *v6_network) = (line.split() for line in shown.splitlines())
    assert (v4_network, v6_network) == (["10.42.0.1", "24"], ["fd00:42::1", "64"])
    assert IPv4Network(v4).subnet_of(IPv4Network("10.42.0.64/26"))
    assert IPv6Network(v6).subnet_of(IPv6Network("fd00:42::100/120"))


def test_a_granted_request_has_label_finalizer_and_recorded_address(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    team.create_request("web")
    team.wait_state("web", "Ready")
    wait_until(lambda: RECORDED in _annotations(team, "web"), what="the address is recorded", seconds=60)
    meta = team.request("web")["metadata"]
    assert meta["labels"][LABEL] == f"{team.namespace}.net"
    assert meta["annotations"][RECORDED] == "10.0.0.0/28"
    assert OURS in meta["finalizers"]


def test_each_request_has_one_answer_with_the_same_block(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24", chunkSize=28)
    team.create_request("web")
    request = team.wait_state("web", "Ready")
    assert team.slice_of("web")["metadata"]["name"] == _slice_name(request)
    answer = team.answer_to("web")
    assert (answer["state"], answer["cidr"]) == ("Ready", request["status"]["cidr"])
    assert answer["uid"] == request["metadata"]["uid"]
    assert team.ledger() == [
        {
            "cidr": "10.0.0.0/28",
            "request": f"{team.namespace}/web",
            "uid": request["metadata"]["uid"],
        }
    ]


def test_the_answers_to_a_burst_share_a_few_slices(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.start_load(BURST_COUNT).wait_created()
    team.wait_ready_count(BURST_COUNT)
    requests = team.requests("Ready")
    slices = {obj["metadata"]["name"]: {answer["uid"] for answer in obj["spec"]["answers"]} for obj in team.slices()}
    for request in requests:
        slices[_slice_name(request)].remove(request["metadata"]["uid"])
    assert not any(slices.values()), f"answers in another slice than that of their requests: {slices}"
    seconds = {request["metadata"]["creationTimestamp"] for request in requests}
    assert len(slices) <= SLOTS * len(seconds) < BURST_COUNT


def test_slices_without_answers_hold_up_neither_requests_nor_the_deletion_of_their_range(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.start_load(BURST_COUNT).wait_created()
    team.wait_ready_count(BURST_COUNT)
    team.delete_all(REQUESTS)
    team.wait_empty()
    empty = {obj["metadata"]["name"] for obj in team.slices()}
    assert empty, "slices were removed within ten minutes"
    team.create_request("next")
    team.wait_state("next", "Ready")
    team.delete_request("next")
    team.wait_deleted(REQUESTS, "next")
    assert empty <= {obj["metadata"]["name"] for obj in team.slices()}
    team.delete_range()
    team.wait_deleted(RANGES, "net")
    wait_until(lambda: not team.slices(), what="the slices are deleted with their range", seconds=60)


def test_requests_may_be_created_before_their_range(team: Team) -> None:
    team.create_request("web")
    time.sleep(1)
    assert team.request("web")["status"]["state"] == "Pending"
    team.create_range("net", "10.0.0.0/24")
    team.wait_state("web", "Ready")


def test_a_request_gets_the_size_or_the_block_it_asks_for(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24", "10.0.8.0/24")
    team.create_request("sized", size=26)
    team.create_request("dedicated", request="10.0.8.16/28")
    team.create_request("single")
    assert team.wait_state("sized", "Ready")["status"]["cidr"].endswith("/26")
    assert team.wait_state("dedicated", "Ready")["status"]["cidr"] == "10.0.8.16/28"
    assert team.wait_state("single", "Ready")["status"]["cidr"].endswith("/32")


def test_ipv6_works_the_same(team: Team) -> None:
    team.create_range("net", "2001:db8::/56", chunkSize=64)
    team.create_request("web")
    assert team.wait_state("web", "Ready")["status"]["cidr"] == "2001:db8::/64"


def test_a_grant_shows_the_network_of_its_range_and_is_never_its_gateway(team: Team) -> None:
    network = {"gateway": "10.0.0.0", "prefixLength": 24, "dnsServers": ["10.0.0.53", "2001:db8::53"]}
    team.create_range("net", "10.0.0.0/31", network=network)
    team.create_request("web")
    status = team.wait_state("web", "Ready")["status"]
    assert (status["cidr"], status["network"]) == ("10.0.0.1/32", network)
    assert team.answer_to("web")["network"] == network
    team.create_request("gateway", request="10.0.0.0")
    assert "is the gateway of" in team.wait_state("gateway", "Invalid")["status"]["message"]


def test_a_request_that_can_never_be_served_is_invalid(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("outside", request="10.9.0.0/28")
    team.create_request("too-long", size=33)
    assert "10.9.0.0/28" in team.wait_state("outside", "Invalid")["status"]["message"]
    assert "33" in team.wait_state("too-long", "Invalid")["status"]["message"]


def test_a_taken_block_is_busy_and_its_holder_is_named(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web", request="10.0.0.5")
    team.wait_state("web", "Ready")
    team.create_request("late", request="10.0.0.5")
    assert f"{team.namespace}/web" in team.wait_state("late", "Busy")["status"]["message"]
    team.delete_request("web")
    team.wait_state("late", "Ready")


def test_an_exhausted_range_serves_a_waiting_request_after_a_release(team: Team) -> None:
    team.create_range("net", "10.0.0.0/30")
    for number in range(6):
        team.create_request(f"r{number}")
    wait_until(lambda: _states(team) == ["Busy"] * 2 + ["Ready"] * 4, what="four Ready, two Busy", seconds=30)
    wait_until(
        lambda: team.range()["status"].get("pending") == 2, what="the range counts the waiting requests", seconds=60
    )
    team.delete_request(team.requests("Ready")[0]["metadata"]["name"])
    wait_until(lambda: _states(team) == ["Busy"] + ["Ready"] * 4, what="one more is served", seconds=60)
    assert team.range()["status"]["capacity"]["free"] == "0"


def test_a_deleted_request_releases_its_block(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    team.wait_state("web", "Ready")
    team.delete_request("web")
    team.wait_deleted(REQUESTS, "web")
    team.wait_empty()


def test_creating_and_deleting_in_a_loop_leaks_nothing(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    for number in range(60):
        team.create_request(f"brief-{number}")
        if number % 2:
            time.sleep(0.05)
        team.delete_request(f"brief-{number}")
    wait_until(lambda: not team.requests(), what="all requests are deleted", seconds=90, step_seconds=0.5)
    team.wait_empty()


def test_the_deletion_of_a_range_waits_for_its_requests(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    team.create_request("web")
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    team.delete_range()
    wait_until(lambda: team.range()["status"]["state"] == "Deleting", what="the range is Deleting", seconds=30)
    team.create_request("late")
    assert "delet" in team.wait_state("late", "Invalid")["status"]["message"]
    time.sleep(PATIENCE_SECONDS)
    assert team.request("web")["status"]["cidr"] == cidr
    assert team.range()["status"]["state"] == "Deleting"
    team.delete_request("late")
    team.delete_request("web")
    team.wait_deleted(RANGES, "net")


def test_a_foreign_finalizer_keeps_the_block_and_the_name(team: Team) -> None:
    team.create_range("net", "10.0.0.0/31")
    team.create_request("web")
    cidr = team.wait_state("web", "Ready")["status"]["cidr"]
    team.set_finalizers("web", [*team.request("web")["metadata"]["finalizers"], FOREIGN])
    team.delete_request("web")
    with pytest.raises(Refused, match="already exists"):
        team.create_request("web")
    team.create_request("other")
    team.create_request("third")
    wait_until(lambda: sorted(_states(team)) == ["Busy", "Ready", "Ready"], what="one waits", seconds=30)
    time.sleep(PATIENCE_SECONDS)
    assert cidr in [item["cidr"] for item in team.ledger()]
    team.set_finalizers("web", [OURS])
    team.wait_deleted(REQUESTS, "web")
    wait_until(lambda: _states(team) == ["Ready", "Ready"], what="the waiting one is served", seconds=60)


def test_the_same_name_created_again_while_the_old_one_terminates_is_another_request(team: Team) -> None:
    team.create_range("net", "10.0.0.0/24")
    first = team.create_request("web")["metadata"]["uid"]
    team.wait_state("web", "Ready")
    team.set_finalizers("web", [OURS, FOREIGN])
    team.delete_request("web")
    assert not _created_again(team, "web")
    team.set_finalizers("web", [OURS])
    wait_until(lambda: _created_again(team, "web"), what="the name is free", seconds=60, step_seconds=0.01)
    second = team.wait_state("web", "Ready")["metadata"]["uid"]
    wait_until(lambda: [item["uid"] for item in team.ledger()] == [second], what="the old entry is removed", seconds=30)
    assert first != second


def test_the_deletion_of_a_namespace_leaves_no_objects(team: Team) -> None:
    away = Team(team.api, f"{team.namespace[:50]}-away")
    away.create_namespace()
    away.create_range("net", "10.0.0.0/24")
    team.create_range("shared", "10.1.0.0/24", allowedNamespaces={"from": "All"})
    for number in range(20):
        away.create_request(f"r{number}")
        away.create_request(f"s{number}", ipam={"name": "shared", "namespace": team.namespace})
    away.wait_ready_count(40)
    team.api.ask("DELETE", f"/api/v1/namespaces/{away.namespace}")
    wait_until(lambda: _is_deleted(away), what="the namespace is deleted", seconds=240, step_seconds=0.5)
    for resource in KINDS.values():
        assert team.api.list(resource, away.namespace) == []
    wait_until(lambda: not team.ledger("shared"), what="no block is held in other namespaces", seconds=60)
    wait_until(lambda: not team.answers(), what="no answer is left in other namespaces", seconds=60)


def _slice_name(request: Obj) -> str:
    """The name of the slice that must have the answer to a request for a range in its own namespace."""
    meta = request["metadata"]
    range_name = NamespacedName(meta["namespace"], request["spec"]["ipam"]["name"])
    return slice_name(range_name, datetime.fromisoformat(meta["creationTimestamp"]), meta["uid"])


def _states(team: Team) -> list[str]:
    return sorted(obj["status"].get("state", "") for obj in team.requests())


def _annotations(team: Team, name: str) -> Obj:
    return dict(team.request(name)["metadata"].get("annotations", {}))


def _created_again(team: Team, name: str) -> bool:
    try:
        team.create_request(name)
    except Refused as refusal:
        if refusal.status != 409:
            raise
        return False
    return True


def _is_deleted(team: Team) -> bool:
    return team.api.call("GET", f"/api/v1/namespaces/{team.namespace}").status_code == 404
