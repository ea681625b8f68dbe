"""The status of a range: state, message, conditions and numbers."""

from collections.abc import Callable

import pytest

from tests.hooks.build import (
    WEB,
    Obj,
    at,
    deleted,
    entry,
    extent_object,
    put_on_hold,
    range_object,
    reclaiming,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import condition, messages_of, sync_range

HELD = with_ledger(range_object("10.0.0.0/27"), entry("held", "10.0.0.0/28"))


def test_a_range_in_use_reports_its_capacity() -> None:
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


def test_a_range_without_waiting_requests_has_no_message() -> None:
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


def test_absent_holders_are_named_with_the_annotation_that_releases_them() -> None:
    parent = with_ledger(range_object(), *[entry(f"r{n}", f"10.0.0.{16 * n}/28") for n in range(7)])
    status = sync_range(parent, request_object("r0"))["status"]
    shown = condition(status, "HoldersAbsent")
    assert (shown["status"], shown["reason"]) == ("True", "RequestNotFound")
    assert status["message"] == shown["message"]
    assert shown["message"] == (
        "6 holders disappeared without a release: "
        + ", ".join(f"team-a/r{n} (10.0.0.{16 * n}/28, uid uid-r{n})" for n in range(1, 6))
        + " and 1 more; the blocks stay allocated until the annotation ipam.mandelsoft.org/reclaim names the uids"
    )


ABSENT = (
    "1 holder disappeared without a release: team-a/web (10.0.0.0/28, uid uid-web); "
    "the blocks stay allocated until the annotation ipam.mandelsoft.org/reclaim names the uids"
)


def test_absent_holders_of_a_closing_range_are_named_in_the_same_way() -> None:
    parent = with_ledger(deleted(range_object(), at(0)), entry("web", "10.0.0.0/28"))
    assert condition(sync_range(parent)["status"], "HoldersAbsent")["message"] == ABSENT


@pytest.mark.parametrize(
    ("reclaim", "more"),
    [
        ("uid-web", ""),
        ("uid-wbe", "; it names uid-wbe, which is none of them"),
        ("web, team-a/web uid-web", "; it names team-a/web, web, which is none of them"),
        ("uid-web;uid-other", "; it names uid-web;uid-other, which is none of them"),
        ("f e d c b a", "; it names a, b, c, d, e and 1 more, which is none of them"),
    ],
    ids=["the holder", "a slip", "names", "another separator", "many"],
)
def test_the_status_names_uids_in_the_annotation_that_are_of_no_absent_holder(reclaim: str, more: str) -> None:
    """Case hold-spelling: an annotation that does nothing must not look as if it did."""
    parent = with_ledger(range_object(), entry("web", "10.0.0.0/28", absent_since=at(-5)), revision=3)
    status = sync_range(reclaiming(parent, reclaim))["status"]
    assert condition(status, "HoldersAbsent")["message"] == ABSENT + more


def test_a_message_names_five_of_many_shared_intervals() -> None:
    """Case many-shared: what follows in the message must not be cut off."""
    intervals = [f"10.0.0.{4 * number}" for number in range(7)]
    others = [
        extent_object(*intervals, version=3, range_="other"),
        *(extent_object(f"10.0.0.{129 + 2 * number}", version=4, range_=f"o{number}") for number in range(5)),
    ]
    extents = [*others, extent_object("10.0.0.0-10.0.0.255", version=9)]
    parent = with_ledger(range_object(), entry("web", "10.0.0.64/28"), revision=1)
    status = sync_range(parent, announced=extents[-1:], extents=extents)["status"]
    shown = condition(status, "Overlapping")["message"]
    assert shown == (
        "overlaps team-a/other in 10.0.0.0, 10.0.0.4, 10.0.0.8, 10.0.0.12, 10.0.0.16 and 2 more, "
        + ", ".join(f"team-a/o{number} in 10.0.0.{129 + 2 * number}" for number in range(4))
        + " and 1 more, which are older in domain default; these addresses are not allocated from this range"
    )
    assert status["message"].startswith(f"{shown}; 1 holder disappeared")


def test_a_message_is_cut_to_the_limit_of_the_crds() -> None:
    """4096 characters, and 256 of an answer: the API server would refuse the whole object because of a longer one."""
    holders = [entry("n" * 253 + str(number), f"10.0.0.{16 * number}/28") for number in range(5)]
    for line in holders:
        line["uid"] = "u" * 1000 + line["cidr"]
    status = sync_range(with_ledger(range_object(), *holders))["status"]
    long_text = request_object("web", wanted="x" * 9000)
    refused = sync_range(range_object(), long_text)
    assert len(status["message"]) == 4096
    assert status["message"].endswith("...")
    assert all(len(each["message"]) <= 4096 for each in status["conditions"])
    assert len(messages_of(refused)["web"]) == 256


def test_a_holder_that_is_back_is_no_longer_named() -> None:
    parent = with_ledger(range_object(), entry("web", "10.0.0.0/28", absent_since=at(-100)))
    status = sync_range(parent, WEB)["status"]
    assert not condition(status, "HoldersAbsent")
    assert status["allocations"] == [entry("web", "10.0.0.0/28")]


def test_requests_that_cannot_be_read_are_named() -> None:
    broken: list[Obj] = [request_object(name) for name in ("b", "a")]
    for each in broken:
        each["metadata"]["creationTimestamp"] = "yesterday"
    status = sync_range(range_object(), *broken, WEB)["status"]
    assert status["message"] == "2 requests can't be read: team-a/a, team-a/b"
    assert status["state"] == "Ready"


# --- free blocks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "chunk_size", "free_blocks", "room"),
    [
        (["10.0.0.0/24"], 28, {"/24": "1", "/25": "2", "/26": "4", "/27": "8", "/28": "16"}, "16 more /28"),
        (["10.0.0.0-10.0.0.254"], 26, {"/25": "1", "/26": "3"}, "3 more /26"),
        (["10.0.0.5-10.0.0.20"], None, {"/29": "1", "/30": "3", "/31": "7", "/32": "16"}, "16 more /32"),
        (["10.0.0.0/29", "10.0.1.0/30"], 28, {"/28": "0"}, "0 more /28"),
        (["10.0.0.0/29"], 29, {"/29": "1"}, "1 more /29"),
        (["0.0.0.0/0"], None, {f"/{length}": str(2**length) for length in range(33)}, "10^9+ more /32"),
        (["0.0.0.0/3"], None, {f"/{length}": str(2 ** (length - 3)) for length in range(3, 33)}, f"{2**29} more /32"),
    ],
    ids=[
        "all",
        "without the last",
        "an interval",
        "smaller than the default",
        "just one",
        "all of IPv4",
        "nine digits",
    ],
)
def test_a_range_counts_its_free_blocks_from_the_largest_to_the_default_length(
    texts: list[str], chunk_size: int | None, free_blocks: dict[str, str], room: str
) -> None:
    capacity = sync_range(range_object(*texts, chunk_size=chunk_size))["status"]["capacity"]
    assert (capacity["freeBlocks"], capacity["room"]) == (free_blocks, room)


def test_of_129_lengths_the_33_next_to_the_default_one_are_counted() -> None:
    capacity = sync_range(range_object("2001:db8::/32", chunk_size=None))["status"]["capacity"]
    assert capacity["freeBlocks"] == {f"/{length}": str(2 ** (length - 32)) for length in range(96, 129)}
    assert capacity["room"] == "10^28+ more /128"


# --- notes ------------------------------------------------------------------------------------------------------------

OLDER = extent_object("10.0.0.0/24", version=3, range_="other")
OWN = extent_object("10.0.0.0-10.0.0.255", version=9)
TAKEN = with_ledger(range_object("10.0.0.0/28"), entry("web", "10.0.0.0/28"))


@pytest.mark.parametrize(
    ("answer", "notes"),
    [
        (lambda: sync_range(range_object(), WEB), None),
        (lambda: sync_range(TAKEN, WEB), "Full"),
        (lambda: sync_range(TAKEN), "HoldersAbsent, Full"),
        (lambda: sync_range(put_on_hold(TAKEN), WEB), "OnHold"),
        (lambda: sync_range(range_object(), announced=[OWN], extents=[OLDER, OWN]), "Overlapping, Full"),
        (lambda: sync_range(range_object(), announced=[], extents=[]), None),
        (lambda: sync_range(range_object("10.0.0.0/29")), "ChunkSizeTooLarge"),
        (lambda: sync_range(range_object("10.0.0.0/24", "nonsense")), "RangesIgnored"),
        (lambda: sync_range(range_object("nonsense")), None),
        (lambda: sync_range(deleted(TAKEN), WEB, finalizing=True), None),
        (lambda: sync_range(TAKEN, showing(WEB, "10.0.0.16/28")), "Contradiction, Full"),
    ],
    ids=[
        "nothing",
        "full",
        "two",
        "on hold",
        "an older range has all",
        "not announced yet",
        "chunkSize too large",
        "ignored",
        "invalid",
        "deleted",
        "contradiction",
    ],
)
def test_what_the_state_does_not_say_is_noted_in_a_word(answer: Callable[[], Obj], notes: str | None) -> None:
    assert answer()["status"].get("notes") == notes
