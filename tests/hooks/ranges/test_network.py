"""The network settings that consumers get with their blocks: `spec.network`."""

import json

import pytest

from tests.hooks.build import WEB, Obj, answer_item, entry, range_body, range_object, request_object, with_ledger
from tests.hooks.calls import (
    answer_once_committed,
    answers_of,
    items_of,
    ledger_of,
    messages_of,
    sync_range,
    sync_request,
)

NETWORK = {"gateway": "10.0.0.1", "prefixLength": 24, "dnsServers": ["10.0.0.53", "2001:db8::53"]}
HELD = entry("web", "10.0.0.0/32")


def range_with(network: Obj, *texts: str) -> Obj:
    return range_object(*(texts or ["10.0.0.0/30"]), chunk_size=None, network=network)


@pytest.mark.parametrize("network", [NETWORK, {}, {"prefixLength": 0}, {"gateway": "10.9.9.9"}], ids=json.dumps)
def test_the_network_reaches_the_request_as_it_was_written(network: Obj) -> None:
    answer = sync_range(with_ledger(range_with(network), HELD), WEB)
    (item,) = items_of(answer)
    assert item["network"] == network
    status = sync_request(WEB, item)["status"]
    assert (status["cidr"], status["network"]) == ("10.0.0.0/32", network)


def test_a_range_that_is_invalid_keeps_publishing_its_network() -> None:
    """A grant stays, and a published request must not lose its network settings."""
    invalid = with_ledger(range_with(NETWORK, "10.0.1.9-10.0.1.5"), HELD)
    answer = sync_range(invalid, WEB)
    assert answer["status"]["state"] == "Invalid"
    (item,) = items_of(answer)
    assert (item["state"], item["network"]) == ("Ready", NETWORK)


def test_an_answer_waits_until_the_network_can_be_read_because_it_is_published_once() -> None:
    parent = with_ledger(range_with(NETWORK), HELD)
    parent["spec"]["mode"] = "LeastUsed"
    assert sync_range(parent, WEB)["children"] == []
    busy = answer_item("web", "Busy", reason="Exhausted", message="wait")
    assert items_of(sync_range(parent, WEB, answers=[busy])) == [busy]
    ready = answer_item("web", cidr="10.0.0.0/32", revision=1)
    assert items_of(sync_range(parent, WEB, answers=[ready])) == [ready]


def test_an_answer_of_a_range_without_network_has_none() -> None:
    answer = sync_range(with_ledger(range_object(), HELD), WEB)
    assert "network" not in items_of(answer)[0]


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_a_refusal_has_no_network(state: str) -> None:
    refused = request_object("web", wanted="10.9.0.0" if state == "Invalid" else "10.0.0.2")
    answer = sync_range(with_ledger(range_with(NETWORK), entry("a", "10.0.0.2/32")), refused)
    (item,) = items_of(answer)
    assert (item["state"], "network" in item) == (state, False)


def test_the_gateway_is_neither_allocated_nor_counted() -> None:
    requests = [request_object(name) for name in ("a", "b", "c", "d")]
    answer = answer_once_committed(range_body(range_with({"gateway": "10.0.0.1"}), *requests))
    assert ledger_of(answer) == {"a": "10.0.0.0/32", "b": "10.0.0.2/32", "c": "10.0.0.3/32"}
    assert answers_of(answer)["d"] == ("Busy", "")
    assert answer["status"]["capacity"]["total"] == "3"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("10.0.0.1", "10.0.0.1/32 is the gateway of team-a/net, which is never allocated"),
        (
            "10.0.0.0/30",
            "10.0.0.0/30 contains 10.0.0.1/32, the gateway of team-a/net, which is never allocated",
        ),
        ("2001:db8::1", "2001:db8::1/128 is IPv6, team-a/net is IPv4"),
    ],
)
def test_a_request_for_the_gateway_is_invalid(wanted: str, message: str) -> None:
    answer = sync_range(range_with(NETWORK), request_object("web", wanted=wanted))
    assert answers_of(answer) == {"web": ("Invalid", "")}
    assert messages_of(answer) == {"web": message}


@pytest.mark.parametrize("wanted", ["10.0.0.0", "10.0.0.2/31"])
def test_the_neighbours_of_the_gateway_are_free(wanted: str) -> None:
    answer = sync_range(range_with({"gateway": "10.0.0.1"}), request_object("web", wanted=wanted))
    assert "web" in ledger_of(answer)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"gateway": "10.0.0.300"}, 'network.gateway: "10.0.0.300" is not an IP address'),
        ({"gateway": "10.0.0.1/24"}, 'network.gateway: "10.0.0.1/24" is not an IP address'),
        ({"gateway": "2001:db8::1"}, 'network.gateway: "2001:db8::1" is IPv6, but ranges is IPv4'),
        ({"prefixLength": 33}, "network.prefixLength 33: IPv4 prefix lengths are 0..32"),
        ({"prefixLength": -1}, "network.prefixLength -1: IPv4 prefix lengths are 0..32"),
        ({"dnsServers": ["10.0.0.53", "dns"]}, 'network.dnsServers[1]: "dns" is not an IP address'),
        ({"dnsServers": ["2001:DB8::53"]}, 'network.dnsServers[0]: "2001:DB8::53" is not in canonical form'),
        ({"gateway": 5}, "Expected `str`, got `int` - at `spec.network.gateway`"),
    ],
    ids=json.dumps,
)
def test_a_network_with_a_fault_makes_the_range_invalid(network: Obj, message: str) -> None:
    status = sync_range(range_with(network), WEB)["status"]
    assert status["state"] == "Invalid"
    assert status["message"].startswith(message)


def test_a_gateway_that_is_the_only_address_makes_the_range_invalid() -> None:
    status = sync_range(range_with({"gateway": "10.0.0.1"}, "10.0.0.1"))["status"]
    assert (status["state"], status["message"]) == (
        "Invalid",
        "network.gateway 10.0.0.1 is the only address of ranges: nothing is left to allocate",
    )


@pytest.mark.parametrize(
    ("network", "texts", "outside"),
    [
        (
            {"gateway": "10.0.9.1", "prefixLength": 24},
            ["10.0.0.0/30"],
            "10.0.9.0/24, which does not contain 10.0.0.0-10.0.0.3",
        ),
        (
            {"gateway": "10.0.0.1", "prefixLength": 24},
            ["10.0.0.0/24", "10.0.1.7"],
            "10.0.0.0/24, which does not contain 10.0.1.7",
        ),
        (
            {"gateway": "10.0.9.1", "prefixLength": 24},
            [f"10.0.0.{2 * n}" for n in range(7)],
            "10.0.9.0/24, which does not contain 10.0.0.0, 10.0.0.2, 10.0.0.4, 10.0.0.6, 10.0.0.8 and 2 more",
        ),
        (
            {"gateway": "fd00:1::1", "prefixLength": 64},
            ["fd00::/64"],
            "fd00:1::/64, which does not contain fd00::-fd00::ffff:ffff:ffff:ffff",
        ),
    ],
    ids=["outside", "partly outside", "many intervals", "IPv6"],
)
def test_a_gateway_outside_of_the_network_of_the_addresses_is_remarked(
    network: Obj, texts: list[str], outside: str
) -> None:
    """Case gateway-outside: it is probably a mistake, but gateways that are only on the link exist."""
    status = sync_range(range_with(network, *texts))["status"]
    length = network["prefixLength"]
    assert status["state"] == "Ready"
    assert status["message"] == f"network.gateway {network['gateway']} with prefixLength {length} is in {outside}"
    assert [each["type"] for each in status["conditions"]] == ["Ready"]


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (NETWORK, "10.0.0.0/24"),
        ({"gateway": "10.9.9.9"}, "10.0.0.0/30"),
        ({"prefixLength": 24}, "10.0.0.0-10.0.9.0"),
        ({"gateway": "10.9.9.9", "prefixLength": 32}, "10.0.0.0/30"),
        ({"gateway": "fe80::1", "prefixLength": 64}, "fd00::/64"),
    ],
    ids=["inside", "no length", "no gateway", "a length of single addresses", "link-local"],
)
def test_a_usual_gateway_is_not_remarked(network: Obj, text: str) -> None:
    assert sync_range(range_with(network, text))["status"].get("message", "") == ""
