"""Which block each request gets, in which order the requests are served, and why a request gets none."""

from typing import Any

import pytest

from hooks.api.names import REQUEST_FINALIZER
from ipam.claim_forms import FORMS
from tests.hooks.build import (
    ALL,
    DELETED_WEB,
    WEB,
    Obj,
    at,
    deleted,
    entry,
    range_object,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answers_of, items_of, ledger_of, messages_of, sync_range

# --- grants -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk_size", "spec", "cidr"),
    [
        (28, {}, "10.0.0.0/28"),
        (28, {"size": 0}, "10.0.0.0/28"),
        (28, {"size": 26}, "10.0.0.0/26"),
        (None, {}, "10.0.0.0/32"),
        (0, {}, "10.0.0.0/32"),
        (None, {"size": 24}, "10.0.0.0/24"),
        (28, {"wanted": "10.0.0.64/27"}, "10.0.0.64/27"),
        (28, {"wanted": "10.0.0.9"}, "10.0.0.9/32"),
        (28, {"wanted": "10.0.0.64/27", "size": 30}, "10.0.0.64/27"),
        (28, {"wanted": "#20", "size": 30}, "10.0.0.0/27"),
        (28, {"wanted": "/27"}, "10.0.0.0/27"),
        (28, {"wanted": "%3"}, "10.0.0.0/29"),
        (28, {"wanted": "3/%3"}, "10.0.0.24/29"),
    ],
    ids=[
        "the range's chunkSize",
        "size 0 is none",
        "its own size",
        "no size at all is one address",
        "chunkSize 0 is one address",
        "the whole range",
        "a dedicated block",
        "a dedicated address",
        "dedicated: size is ignored",
        "a count of addresses",
        "a prefix length",
        "host bits",
        "an index",
    ],
)
def test_a_request_is_granted_what_it_asks_for(chunk_size: int | None, spec: dict[str, Any], cidr: str) -> None:
    answer = sync_range(range_object(chunk_size=chunk_size), request_object("web", **spec))
    assert ledger_of(answer) == {"web": cidr}
    assert answer["status"]["revision"] == 1


def test_an_ipv6_range_gives_ipv6_blocks() -> None:
    parent = range_object("2001:db8::/48", chunk_size=64)
    answer = sync_range(parent, request_object("a"), request_object("b", size=128))
    assert ledger_of(answer) == {"a": "2001:db8::/64", "b": "2001:db8:0:1::/128"}
    assert answer["status"]["capacity"] == {
        "total": str(2**80),
        "allocated": str(2**64 + 1),
        "free": str(2**80 - 2**64 - 1),
        "used": "0%",
        "largestFree": "/49",
        "freeBlocks": {f"/{length}": str(2 ** (length - 48) - 1) for length in range(49, 64)} | {"/64": "65534"},
        "room": "65534 more /64",
    }


def test_round_robin_continues_behind_the_last_grant_of_the_same_length() -> None:
    parent = with_ledger(range_object(mode="RoundRobin"), revision=4, cursors={"28": "10.0.0.32", "9": "10.0.0.0"})
    requests = [request_object("a"), request_object("b", size=30), request_object("c"), request_object("d", size=30)]
    status = sync_range(parent, *requests)["status"]
    assert [each["cidr"] for each in status["allocations"]] == [
        "10.0.0.0/30",
        "10.0.0.4/30",
        "10.0.0.32/28",
        "10.0.0.48/28",
    ]
    assert status["roundRobin"] == {"9": "10.0.0.0", "28": "10.0.0.64", "30": "10.0.0.8"}
    assert status["revision"] == 5


def test_round_robin_wraps_at_the_end_of_the_address_space() -> None:
    parent = range_object("255.255.255.0/24", chunk_size=25, mode="RoundRobin")
    status = sync_range(parent, request_object("a"), request_object("b"))["status"]
    assert status["roundRobin"] == {"25": "0.0.0.0"}


def test_neither_a_dedicated_request_nor_a_published_block_moves_a_cursor() -> None:
    parent = with_ledger(range_object(mode="RoundRobin"), revision=4, cursors={"28": "10.0.0.32"})
    requests = [request_object("a", wanted="10.0.0.64/28"), showing(request_object("b"), "10.0.0.96/28")]
    status = sync_range(parent, *requests)["status"]
    assert status["roundRobin"] == {"28": "10.0.0.32"}
    assert status["revision"] == 5


@pytest.mark.parametrize("mode", ["BestFit", "FirstFit"])
def test_other_modes_write_no_cursors(mode: str) -> None:
    assert "roundRobin" not in sync_range(range_object(mode=mode), request_object("a"))["status"]


@pytest.mark.parametrize(("mode", "cidr"), [("BestFit", "10.0.0.28/30"), ("FirstFit", "10.0.0.0/30")])
def test_best_fit_keeps_large_blocks_free_and_first_fit_takes_the_lowest_addresses(mode: str, cidr: str) -> None:
    held = [entry("a", "10.0.0.8/29"), entry("b", "10.0.0.16/29"), entry("c", "10.0.0.24/30")]
    parent = with_ledger(range_object("10.0.0.0/27", mode=mode), *held, revision=3)
    holders = [request_object(name) for name in "abc"]
    assert ledger_of(sync_range(parent, *holders, request_object("new", size=30)))["new"] == cidr
