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


def test_pending_requests_are_served_by_age_then_namespace_then_name_then_uid() -> None:
    requests = [
        request_object("z", created=at(-50), uid="1"),
        request_object("y", created=at(-40), uid="2"),
        request_object("team-b/a", range_="team-a/net", created=at(-40), uid="3"),
        request_object("x", created=at(-40), uid="4"),
        request_object("b", created=at(-30), uid="5"),
    ]
    answer = sync_range(range_object(allowed=ALL), *requests[::-1])
    assert list(ledger_of(answer)) == ["z", "x", "y", "a", "b"]


def test_a_ledger_is_written_in_the_order_of_addresses() -> None:
    parent = with_ledger(range_object(), entry("held", "10.0.0.128/28"))
    late = request_object("low", wanted="10.0.0.0/28")
    answer = sync_range(parent, late, request_object("held"), request_object("high", wanted="10.0.0.240/28"))
    assert ledger_of(answer) == {"low": "10.0.0.0/28", "held": "10.0.0.128/28", "high": "10.0.0.240/28"}
    assert [line["uid"] for line in answer["status"]["allocations"]] == ["uid-low", "uid-held", "uid-high"]


@pytest.mark.parametrize(
    "request_",
    [
        request_object("web", finalizers=()),
        request_object("web", finalizers=("example.com/other",)),
        deleted(request_object("web", finalizers=("example.com/other",))),
        DELETED_WEB,
        deleted(request_object("web", finalizers=(REQUEST_FINALIZER, "example.com/other"))),
        request_object("web", range_="other"),
        request_object("web", range_="team-b/net"),
    ],
    ids=[
        "no finalizer",
        "a foreign finalizer only",
        "being deleted, without our finalizer",
        "being deleted",
        "being deleted, with a foreign finalizer, too",
        "of another range",
        "of a range with this name in another namespace",
    ],
)
def test_a_request_without_our_finalizer_or_that_is_deleted_or_of_another_range_is_granted_nothing(
    request_: Obj,
) -> None:
    answer = sync_range(range_object(), request_)
    assert ledger_of(answer) == {}


def test_a_request_of_another_namespace_that_names_this_range_is_served() -> None:
    elsewhere = request_object("team-b/web", range_="team-a/net")
    answer = sync_range(range_object(allowed=ALL), elsewhere)
    assert answer["status"]["allocations"] == [{"cidr": "10.0.0.0/28", "request": "team-b/web", "uid": "uid-web"}]


def test_a_published_block_is_granted_again_or_its_request_waits_for_it() -> None:
    shows = showing(request_object("restored"), "10.0.0.32/28")
    assert ledger_of(sync_range(range_object(), shows)) == {"restored": "10.0.0.32/28"}
    taken = with_ledger(range_object(), entry("thief", "10.0.0.32/27"))
    answer = sync_range(taken, shows, request_object("thief"))
    assert ledger_of(answer) == {"thief": "10.0.0.32/27"}
    assert (
        messages_of(answer)["restored"]
        == "10.0.0.32/28 is not free: 10.0.0.32/27 was held by team-a/thief when last checked"
    )


def test_a_published_block_has_precedence_over_the_spec() -> None:
    shows = showing(request_object("restored", wanted="10.0.0.0/28", size=30), "10.0.0.32/28")
    assert ledger_of(sync_range(range_object(), shows)) == {"restored": "10.0.0.32/28"}


# --- refusals ---------------------------------------------------------------------------------------------------------

HELD = with_ledger(range_object("10.0.0.0/27"), entry("held", "10.0.0.0/28"))


@pytest.mark.parametrize(
    ("spec", "state", "message"),
    [
        ({"size": 33}, "Invalid", "invalid size 33: IPv4 prefix lengths are 0..32"),
        ({"size": -1}, "Invalid", "invalid size -1: IPv4 prefix lengths are 0..32"),
        ({"size": 2**80}, "Invalid", f"invalid size {2**80}: IPv4 prefix lengths are 0..32"),
        (
            {"size": 26},
            "Invalid",
            "no block of /26 can ever fit: the largest aligned block of team-a/net is /27",
        ),
        ({"size": 27}, "Busy", "no free /27 in team-a/net: waiting for room"),
        ({"wanted": "10.0.0.0/28"}, "Busy", "10.0.0.0/28 is not free: it was held by team-a/held when last checked"),
        (
            {"wanted": "10.0.0.5"},
            "Busy",
            "10.0.0.5/32 is not free: 10.0.0.0/28 was held by team-a/held when last checked",
        ),
        ({"wanted": "10.0.1.0/28"}, "Invalid", "10.0.1.0/28 is not wholly inside team-a/net"),
        ({"wanted": "::1"}, "Invalid", "::1/128 is IPv6, team-a/net is IPv4"),
        (
            {"wanted": "10.0.0.5/28"},
            "Invalid",
            'request "10.0.0.5/28" has host bits set: write 10.0.0.0/28, or 10.0.0.5 for the single address',
        ),
        (
            {"wanted": "web"},
            "Invalid",
            f'request "web" is none of the forms: {FORMS}',
        ),
    ],
    ids=[
        "size beyond the family",
        "negative size",
        "huge size",
        "larger than the range",
        "no room",
        "taken",
        "part of a taken block",
        "outside",
        "other family",
        "host bits",
        "not an address",
    ],
)
def test_a_refusal_is_published_with_its_message(spec: dict[str, Any], state: str, message: str) -> None:
    answer = sync_range(HELD, request_object("held"), request_object("web", **spec))
    assert answers_of(answer)["web"] == (state, "")
    assert messages_of(answer)["web"] == message
    assert ledger_of(answer) == {"held": "10.0.0.0/28"}
    assert answer["status"]["revision"] == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "Object missing required field `ipam`"),
        ({"ipam": "net"}, "Expected `object`, got `str` - at `spec.ipam`"),
        ({"ipam": {}}, "Object missing required field `name` - at `spec.ipam`"),
        ({"ipam": {"name": "net"}, "size": "28"}, "Expected `int`, got `str` - at `spec.size`"),
        ([], "Expected `object`, got `array`"),
    ],
    ids=["empty", "a text for a range", "no name", "a text for a size", "a list"],
)
def test_a_request_whose_spec_cannot_be_read_is_invalid_and_does_not_stop_the_others(
    spec: object, message: str
) -> None:
    broken = request_object("broken") | {"spec": spec}
    answer = sync_range(range_object(), broken, WEB)
    assert answers_of(answer)["broken"] == ("Invalid", "")
    assert messages_of(answer)["broken"] == f"the spec can't be read: {message}"
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"size": 33}, "InvalidSize"),
        ({"size": 26}, "TooLarge"),
        ({"size": 27}, "Exhausted"),
        ({"wanted": "10.0.0.0/28"}, "Taken"),
        ({"wanted": "10.0.1.0/28"}, "OutsideRange"),
        ({"wanted": "web"}, "InvalidRequest"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_is_published_with_a_reason_for_programs(spec: dict[str, Any], reason: str) -> None:
    items = items_of(sync_range(HELD, request_object("held"), request_object("web", **spec)))
    reasons = {item["request"]: item.get("reason", "") for item in items}
    assert reasons == {"team-a/held": "", "team-a/web": reason}


def test_the_message_of_a_refusal_does_not_change_with_every_grant() -> None:
    one = sync_range(HELD, request_object("held"), request_object("web", size=27))
    parent = with_ledger(range_object("10.0.0.0/27"), entry("held", "10.0.0.0/28"), entry("more", "10.0.0.16/32"))
    two = sync_range(parent, request_object("held"), request_object("more"), request_object("web", size=27))
    assert messages_of(one)["web"] == messages_of(two)["web"] != ""
