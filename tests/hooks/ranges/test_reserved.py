"""Network and broadcast addresses, which are not allocated as single addresses: `spec.allocateReservedIPAddresses`."""

import pytest

from tests.hooks.build import Obj, put_on_hold, range_body, range_object, recording, request_object, showing
from tests.hooks.calls import answer_once_committed, answers_of, ledger_of, messages_of, sync_range

NETWORK = {"prefixLength": 24}
OF_NETWORK = "10.0.0.0/32 is the network address of 10.0.0.0/24"
RESERVED = (
    f"{OF_NETWORK}: team-a/net allocates it only inside larger blocks, unless allocateReservedIPAddresses is true"
)


def reserving(*texts: str, network: Obj | None = NETWORK, chunk_size: int | None = None, **spec: bool) -> Obj:
    """A range with these fields in its spec."""
    made = range_object(*texts, chunk_size=chunk_size, network=network)
    made["spec"] |= spec
    return made


def test_the_ends_of_a_network_are_not_allocated_as_single_addresses() -> None:
    body = range_body(reserving("10.0.0.0-10.0.0.2"), *map(request_object, "abc"))
    answer = answer_once_committed(body)
    assert ledger_of(answer) == {"b": "10.0.0.1/32", "a": "10.0.0.2/32"}
    assert answers_of(answer)["c"] == ("Busy", "")
    capacity = answer["status"]["capacity"]
    assert (capacity["total"], capacity["free"], capacity["room"]) == ("3", "1", "0 more /32")
    assert "largestFree" not in capacity
    assert answer["status"]["message"] == "only network addresses are free, 1 request waits"


@pytest.mark.parametrize(
    ("network", "spec"),
    [
        (NETWORK, {"allocateReservedIPAddresses": True}),
        ({"prefixLength": 31}, {}),
        ({"prefixLength": 32}, {}),
        ({"gateway": "10.9.9.9"}, {}),
        (None, {}),
    ],
    ids=["allocated on request", "a pair", "a single address", "no prefix length", "no network"],
)
def test_without_reserved_addresses_the_first_one_is_allocated(network: Obj | None, spec: dict[str, bool]) -> None:
    answer = sync_range(reserving("10.0.0.0/24", network=network, **spec), request_object("web"))
    assert ledger_of(answer) == {"web": "10.0.0.0/32"}
    assert answer["status"]["capacity"]["room"] == "255 more /32"


def test_a_block_may_contain_the_ends_of_its_network() -> None:
    answer = sync_range(reserving("10.0.0.0/24", chunk_size=24), request_object("web"))
    assert ledger_of(answer) == {"web": "10.0.0.0/24"}


@pytest.mark.parametrize("wanted", ["10.0.0.0", "0/32", "0/%0"])
def test_a_request_for_a_reserved_address_is_invalid_and_says_why(wanted: str) -> None:
    answer = sync_range(reserving("10.0.0.0/24"), request_object("web", wanted=wanted))
    assert answers_of(answer) == {"web": ("Invalid", "")}
    assert messages_of(answer) == {"web": RESERVED}


def test_a_recorded_address_that_is_reserved_is_returned_on_hold_and_else_the_message_says_why() -> None:
    """Its request may have got it before `network` was edited."""
    back = recording(request_object("web"), "10.0.0.0/32")
    answer = answer_once_committed(range_body(reserving("10.0.0.0/24"), back))
    assert ledger_of(answer) == {"web": "10.0.0.1/32"}
    assert messages_of(answer)["web"] == RESERVED
    held = sync_range(put_on_hold(reserving("10.0.0.0/24")), back)
    assert ledger_of(held) == {"web": "10.0.0.0/32"}


def test_a_shown_address_that_is_reserved_is_returned() -> None:
    answer = sync_range(reserving("10.0.0.0/24"), showing(request_object("web"), "10.0.0.0/32"))
    assert ledger_of(answer) == {"web": "10.0.0.0/32"}


def test_a_range_of_reserved_addresses_only_is_invalid() -> None:
    status = sync_range(reserving("10.0.0.0", "10.0.0.255"))["status"]
    assert status["state"] == "Invalid"
    assert status["message"].startswith("all addresses of ranges are reserved by network.prefixLength")


@pytest.mark.parametrize("value", [True, False])
def test_the_field_without_a_prefix_length_is_remarked(value: bool) -> None:
    status = sync_range(reserving("10.0.0.0/24", network=None, allocateReservedIPAddresses=value))["status"]
    assert status["message"] == (
        "allocateReservedIPAddresses has no effect without network.prefixLength, which names the networks"
    )


def test_of_ipv6_only_the_first_address_is_reserved() -> None:
    ranges = reserving("fd00::fffe-fd00::ffff", "fd00::1:0-fd00::1:1", network={"prefixLength": 112})
    assert ledger_of(sync_range(ranges, *map(request_object, "abcd"))) == {
        "b": "fd00::ffff/128",
        "a": "fd00::fffe/128",
        "c": "fd00::1:1/128",
    }
