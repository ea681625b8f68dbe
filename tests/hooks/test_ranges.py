"""customize and sync of an IPAMRange: who is served, in which order, with which words, and what the status says."""

from typing import Any

import pytest

from hooks.api.names import REQUEST_FINALIZER
from ipam.claim_forms import FORMS
from tests.hooks.build import (
    ALL,
    Obj,
    allocation_object,
    at,
    deleted,
    entry,
    namespace_object,
    range_body,
    range_object,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answer_to, answers_of, condition, customize_range, ledger_of, messages_of, sync_range


def test_customize_asks_for_requests_and_extents_by_label_and_for_the_namespace() -> None:
    assert customize_range(range_object()) == {
        "relatedResources": [
            {
                "apiVersion": "ipam.mandelsoft.org/v1alpha1",
                "resource": "ipamrequests",
                "labelSelector": {"matchLabels": {"ipam.mandelsoft.org/range": "team-a.net"}},
                "namespace": "team-a",
            },
            {"apiVersion": "v1", "resource": "namespaces", "names": ["team-a"]},
            {
                "apiVersion": "ipam.mandelsoft.org/v1alpha1",
                "resource": "ipamextents",
                "labelSelector": {"matchLabels": {"ipam.mandelsoft.org/domain": "namespace.team-a"}},
            },
        ]
    }


def test_customize_depends_on_name_and_spec_alone() -> None:
    """Metacontroller caches its answer by uid and generation: labels and status don't refresh it."""
    other = with_ledger(deleted(range_object("::/64"), at(0)), entry("a", "::/128"), closing=True)
    assert customize_range(other) == customize_range(range_object())


# --- grants ---------------------------------------------------------------------------------------------------------


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


def test_round_robin_goes_on_behind_the_last_grant_of_the_same_length() -> None:
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


def test_first_match_writes_no_cursors() -> None:
    assert "roundRobin" not in sync_range(range_object(), request_object("a"))["status"]


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
        deleted(request_object("web")),
        deleted(request_object("web", finalizers=(REQUEST_FINALIZER, "example.com/other"))),
        request_object("web", range_="other"),
        request_object("web", range_="team-b/net"),
    ],
    ids=[
        "no finalizer",
        "a foreign finalizer only",
        "going, without our finalizer",
        "going",
        "going, held back by somebody else",
        "of another range",
        "of a range of that name elsewhere",
    ],
)
def test_no_block_for(request_: Obj) -> None:
    answer = sync_range(range_object(), request_)
    assert ledger_of(answer) == {}


def test_a_request_of_another_namespace_that_names_this_range_is_served() -> None:
    elsewhere = request_object("team-b/web", range_="team-a/net")
    answer = sync_range(range_object(allowed=ALL), elsewhere)
    assert answer["status"]["allocations"] == [{"cidr": "10.0.0.0/28", "request": "team-b/web", "uid": "uid-web"}]


# --- refusals -------------------------------------------------------------------------------------------------------

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
        ({"wanted": "10.0.0.0/28"}, "Busy", "10.0.0.0/28 is held by team-a/held"),
        ({"wanted": "10.0.0.5"}, "Busy", "10.0.0.5/32 is not free: 10.0.0.0/28 is held by team-a/held"),
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
        "no address",
    ],
)
def test_a_refusal_is_published_with_its_reason(spec: dict[str, Any], state: str, message: str) -> None:
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
def test_a_request_whose_spec_cannot_be_read_is_invalid_and_stops_nobody(spec: object, message: str) -> None:
    broken = request_object("broken") | {"spec": spec}
    answer = sync_range(range_object(), broken, request_object("web"))
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
def test_a_refusal_is_published_with_one_word_for_programs(spec: dict[str, Any], reason: str) -> None:
    children = sync_range(HELD, request_object("held"), request_object("web", **spec))["children"]
    reasons = {child["spec"]["request"]["name"]: child["spec"].get("reason", "") for child in children}
    assert reasons == {"held": "", "web": reason}


def test_a_refusal_s_words_do_not_change_with_every_grant() -> None:
    one = sync_range(HELD, request_object("held"), request_object("web", size=27))
    parent = with_ledger(range_object("10.0.0.0/27"), entry("held", "10.0.0.0/28"), entry("more", "10.0.0.16/32"))
    two = sync_range(parent, request_object("held"), request_object("more"), request_object("web", size=27))
    assert messages_of(one)["web"] == messages_of(two)["web"] != ""


@pytest.mark.parametrize("kind", ["text", "type", "chunk size"])
def test_an_invalid_range_says_why_refuses_and_keeps_what_is_held(kind: str) -> None:
    parent = with_ledger(range_object(), entry("held", "10.0.0.0/28"))
    fault = {
        "text": ({"ranges": ["web"]}, 'ranges[0]: "web" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        "type": ({"ranges": "10.0.0.0/24"}, "Expected `array`, got `str` - at `spec.ranges`"),
        "chunk size": (
            {"ranges": ["10.0.0.0/24"], "chunkSize": 33},
            "chunkSize 33: IPv4 prefix lengths are 0..32",
        ),
    }
    parent["spec"], message = fault[kind]
    existing = allocation_object("held", cidr="10.0.0.0/28", revision=1)
    answer = sync_range(parent, request_object("held"), request_object("web"), allocations=[existing])
    status = answer["status"]
    assert (status["state"], status["message"]) == ("Invalid", message)
    assert ledger_of(answer) == {"held": "10.0.0.0/28"}
    assert status["revision"] == 1
    assert answers_of(answer) == {"held": ("Ready", "10.0.0.0/28"), "web": ("Invalid", "")}
    assert messages_of(answer)["web"] == f"range team-a/net is invalid: {message}"
    for type_, value in (("Ready", "False"), ("Stalled", "True")):
        stated = condition(status, type_)
        assert (stated["status"], stated["reason"], stated["message"]) == (value, "InvalidSpec", message)


def test_a_published_cidr_stays_or_its_request_waits_for_it() -> None:
    shows = showing(request_object("restored"), "10.0.0.32/28")
    assert ledger_of(sync_range(range_object(), shows)) == {"restored": "10.0.0.32/28"}
    taken = with_ledger(range_object(), entry("thief", "10.0.0.32/27"))
    answer = sync_range(taken, shows, request_object("thief"))
    assert ledger_of(answer) == {"thief": "10.0.0.32/27"}
    assert messages_of(answer)["restored"] == "10.0.0.32/28 is not free: 10.0.0.32/27 is held by team-a/thief"


def test_a_published_cidr_goes_before_what_the_spec_says() -> None:
    shows = showing(request_object("restored", wanted="10.0.0.0/28", size=30), "10.0.0.32/28")
    assert ledger_of(sync_range(range_object(), shows)) == {"restored": "10.0.0.32/28"}


# --- the status -----------------------------------------------------------------------------------------------------


def test_a_range_in_use_tells_its_numbers() -> None:
    status = sync_range(HELD, request_object("held"), request_object("web", size=27))["status"]
    assert status["state"] == "Ready"
    assert status["pending"] == 1
    assert status["message"] == "largest free block is /28, 1 request waits"
    assert status["capacity"] == {
        "total": "32",
        "allocated": "16",
        "free": "16",
        "used": "50%",
        "largestFree": "/28",
        "freeBlocks": {"/28": "1"},
        "room": "1 more /28",
    }


def test_a_full_range_has_no_largest_block() -> None:
    parent = with_ledger(range_object("10.0.0.0/28"), entry("held", "10.0.0.0/28"))
    waiting = [request_object("a"), request_object("b"), request_object("never", size=2)]
    status = sync_range(parent, request_object("held"), *waiting)["status"]
    assert status["message"] == "no address is free, 2 requests wait"
    assert status["pending"] == 2
    counts = {"total": "16", "allocated": "16", "free": "0", "used": "100%"}
    assert status["capacity"] == counts | {"freeBlocks": {"/28": "0"}, "room": "0 more /28"}


def test_a_range_without_waiting_requests_has_nothing_to_say() -> None:
    parent = range_object()
    parent["metadata"]["generation"] = 7
    status = sync_range(parent)["status"]
    assert status.get("message", "") == ""
    assert status["observedGeneration"] == 7
    assert status["conditions"] == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Serving",
            "message": "",
            "lastTransitionTime": at(0),
            "observedGeneration": 7,
        }
    ]


def test_absent_holders_are_named_with_the_way_out() -> None:
    parent = with_ledger(range_object(), *[entry(f"r{n}", f"10.0.0.{16 * n}/28") for n in range(7)])
    status = sync_range(parent, request_object("r0"))["status"]
    stated = condition(status, "HoldersAbsent")
    assert (stated["status"], stated["reason"]) == ("True", "RequestNotFound")
    assert status["message"] == stated["message"]
    assert stated["message"] == (
        "6 holders disappeared without a release: "
        + ", ".join(f"team-a/r{n} (10.0.0.{16 * n}/28, uid uid-r{n})" for n in range(1, 6))
        + " and 1 more; the blocks stay allocated until the annotation ipam.mandelsoft.org/reclaim names the uids"
    )


def test_absent_holders_of_a_closing_range_are_given_up_and_so_it_says() -> None:
    parent = with_ledger(deleted(range_object(), at(0)), entry("web", "10.0.0.0/28"))
    stated = condition(sync_range(parent)["status"], "HoldersAbsent")
    assert stated["message"] == (
        "1 holder disappeared without a release: team-a/web (10.0.0.0/28, uid uid-web); "
        "released after a minute, as the range is being deleted"
    )


def test_a_message_is_no_longer_than_a_status_may_hold() -> None:
    """4096 characters, by the CRDs: a longer one would make the API server refuse the whole status."""
    holders = [entry("n" * 253 + str(number), f"10.0.0.{16 * number}/28") for number in range(5)]
    for line in holders:
        line["uid"] = "u" * 1000 + line["cidr"]
    status = sync_range(with_ledger(range_object(), *holders))["status"]
    long_text = request_object("web", wanted="x" * 9000)
    refused = sync_range(range_object(), long_text)
    assert len(status["message"]) == 4096
    assert status["message"].endswith("...")
    assert all(len(each["message"]) <= 4096 for each in status["conditions"])
    assert len(messages_of(refused)["web"]) == 4096


def test_a_holder_that_is_back_is_not_named_any_more() -> None:
    parent = with_ledger(range_object(), entry("web", "10.0.0.0/28", absent_since=at(-100)))
    status = sync_range(parent, request_object("web"))["status"]
    assert not condition(status, "HoldersAbsent")
    assert status["allocations"] == [entry("web", "10.0.0.0/28")]


def test_requests_that_cannot_be_read_are_named() -> None:
    broken: list[Obj] = [request_object(name) for name in ("b", "a")]
    for each in broken:
        each["metadata"]["creationTimestamp"] = "yesterday"
    status = sync_range(range_object(), *broken, request_object("web"))["status"]
    assert status["message"] == "2 requests can't be read: team-a/a, team-a/b"
    assert status["state"] == "Ready"


# --- deletion -------------------------------------------------------------------------------------------------------

CLOSING = with_ledger(deleted(range_object()), revision=3, closing=True)
CLOSING_WITH_HOLDER = with_ledger(deleted(range_object()), entry("web", "10.0.0.0/28"), revision=3, closing=True)


def test_a_deletion_is_committed_as_closing_first() -> None:
    answer = sync_range(deleted(range_object()), finalizing=True)
    assert (answer["status"]["closing"], answer["status"]["revision"]) == (True, 1)
    assert answer["finalized"] is False


@pytest.mark.parametrize(
    ("parent", "requests", "allocations", "finalized"),
    [
        (CLOSING, [], [], True),
        (deleted(range_object()), [], [], False),
        (CLOSING_WITH_HOLDER, [], [], False),
        (CLOSING_WITH_HOLDER, [deleted(request_object("web"))], [], False),
        (CLOSING, [request_object("web")], [], False),
        (CLOSING, [deleted(request_object("web"))], [], False),
        (CLOSING, [], [allocation_object("web", "Released", revision=1)], False),
        (CLOSING, [request_object("web", range_="other")], [], True),
    ],
    ids=[
        "closing and empty",
        "not observed as closing",
        "a holder",
        "a holder that is released in this call",
        "a request refers to it",
        "a released request refers to it",
        "an answer exists",
        "a request of another range",
    ],
)
def test_a_range_is_let_go_only_when_the_observed_ledger_is_closing_and_empty(
    parent: Obj, requests: list[Obj], allocations: list[Obj], *, finalized: bool
) -> None:
    answer = sync_range(parent, *requests, allocations=allocations, finalizing=True)
    assert answer["finalized"] is finalized


def test_finalized_is_not_said_in_a_sync() -> None:
    assert "finalized" not in sync_range(with_ledger(range_object(), revision=1, closing=True))


def test_nothing_is_granted_once_closing_is_in_the_ledger_even_if_the_deletion_is_not_seen() -> None:
    answer = sync_range(with_ledger(range_object(), revision=1, closing=True), request_object("web"))
    assert ledger_of(answer) == {}
    assert messages_of(answer)["web"] == "range team-a/net is being deleted"
    assert answers_of(answer)["web"] == ("Invalid", "")


def test_nothing_is_granted_in_the_call_that_sees_the_deletion() -> None:
    answer = sync_range(deleted(range_object()), request_object("web"))
    assert ledger_of(answer) == {}
    assert messages_of(answer)["web"] == "range team-a/net is being deleted"


def test_closing_never_turns_back() -> None:
    assert sync_range(with_ledger(range_object(), revision=1, closing=True))["status"]["closing"] is True


def test_a_deleted_range_tells_for_whom_it_waits() -> None:
    parent = with_ledger(deleted(range_object()), entry("held", "10.0.0.0/28"), closing=True)
    status = sync_range(parent, request_object("held"), finalizing=True)["status"]
    assert (status["state"], status["message"]) == ("Deleting", "waiting for 1 request: team-a/held")
    stated = condition(status)
    assert (stated["status"], stated["reason"]) == ("False", "Deleting")


def test_a_request_that_cannot_be_read_holds_the_deletion_of_its_range() -> None:
    """Nobody knows what it refers to; as long as it is there, it may refer to this range."""
    broken: Obj = request_object("web")
    broken["metadata"]["generation"] = "one"
    assert sync_range(CLOSING, broken, finalizing=True)["finalized"] is False


def test_an_answer_that_cannot_be_read_holds_the_deletion_of_its_range() -> None:
    broken = allocation_object("web", "Released", revision=1)
    broken["spec"]["request"] = "team-a/web"
    assert sync_range(CLOSING, allocations=[broken], finalizing=True)["finalized"] is False


# --- namespaces that are going --------------------------------------------------------------------------------------


def test_no_answer_is_created_in_a_namespace_that_is_being_deleted_and_none_is_lost() -> None:
    parent = with_ledger(range_object(), entry("old", "10.0.0.0/28"), entry("new", "10.0.0.16/28"))
    existing = allocation_object("old", cidr="10.0.0.0/28", revision=1)
    requests = [request_object("old"), request_object("new"), request_object("refused", size=99)]
    going = [deleted(namespace_object(), at(-5))]
    answer = sync_range(parent, *requests, allocations=[existing], namespaces=going)
    assert answers_of(answer) == {"old": ("Ready", "10.0.0.0/28")}
    other = [namespace_object(), deleted(namespace_object("team-b"), at(-5))]
    answer = sync_range(parent, *requests, allocations=[existing], namespaces=other)
    assert set(answers_of(answer)) == {"old", "new", "refused"}


# --- looking again --------------------------------------------------------------------------------------------------


AT_REST = 300.0


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (range_body(range_object()), AT_REST),
        (
            range_body(
                with_ledger(range_object(), entry("web", "10.0.0.0/28")),
                request_object("web"),
                allocations=[allocation_object("web", cidr="10.0.0.0/28", revision=1)],
            ),
            AT_REST,
        ),
        (range_body(with_ledger(range_object(), entry("web", "10.0.0.0/28")), request_object("web")), 10),
        (
            range_body(
                with_ledger(
                    deleted(range_object(), at(0)), entry("web", "10.0.0.0/28", absent_since=at(-20)), closing=True
                ),
                allocations=[allocation_object("web", cidr="10.0.0.0/28", revision=1)],
            ),
            40,
        ),
        (
            range_body(
                with_ledger(range_object(), entry("web", "10.0.0.0/28", absent_since=at(-20))),
                allocations=[allocation_object("web", cidr="10.0.0.0/28", revision=1)],
            ),
            AT_REST,
        ),
        (
            range_body(
                with_ledger(range_object(), entry("web", "10.0.0.0/28")),
                request_object("web"),
                namespaces=[deleted(namespace_object(), at(-5))],
            ),
            AT_REST,
        ),
    ],
    ids=[
        "nothing to do",
        "at rest",
        "a wanted answer does not exist",
        "an absent holder of a closing range",
        "an absent holder",
        "an answer that may not be created",
    ],
)
def test_a_range_is_looked_at_again_soon_where_only_time_helps_and_at_rest_too(body: Obj, seconds: float) -> None:
    assert answer_to(body)["resyncAfterSeconds"] == seconds


# --- how much is left, for people -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "chunk_size", "free_blocks", "room"),
    [
        (["10.0.0.0/24"], 28, {"/24": "1", "/25": "2", "/26": "4", "/27": "8", "/28": "16"}, "16 more /28"),
        (["10.0.0.0-10.0.0.254"], 26, {"/25": "1", "/26": "3"}, "3 more /26"),
        (["10.0.0.5-10.0.0.20"], None, {"/29": "1", "/30": "3", "/31": "7", "/32": "16"}, "16 more /32"),
        (["10.0.0.0/29", "10.0.1.0/30"], 28, {"/28": "0"}, "0 more /28"),
        (["10.0.0.0/29"], 29, {"/29": "1"}, "1 more /29"),
        (["0.0.0.0/0"], None, {f"/{length}": str(2**length) for length in range(33)}, f"{2**32} more /32"),
    ],
    ids=["all", "without the last", "an interval", "smaller than the default", "just one", "all of IPv4"],
)
def test_a_range_counts_its_free_blocks_from_the_largest_to_the_default_length(
    texts: list[str], chunk_size: int | None, free_blocks: dict[str, str], room: str
) -> None:
    capacity = sync_range(range_object(*texts, chunk_size=chunk_size))["status"]["capacity"]
    assert (capacity["freeBlocks"], capacity["room"]) == (free_blocks, room)


def test_of_129_lengths_the_33_next_to_the_default_one_are_counted() -> None:
    capacity = sync_range(range_object("2001:db8::/32", chunk_size=None))["status"]["capacity"]
    assert capacity["freeBlocks"] == {f"/{length}": str(2 ** (length - 32)) for length in range(96, 129)}
    assert capacity["room"] == f"{2**96} more /128"
