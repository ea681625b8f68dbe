"""Ranges of one domain that overlap: the range that announced an address first grants it, and no other range does."""

import pytest

from hooks.api import names
from tests.hooks.build import (
    Obj,
    deleted,
    entry,
    extent_object,
    range_object,
    recording,
    request_object,
    uncontrolled,
    unnumbered,
    with_ledger,
)
from tests.hooks.calls import answers_of, condition, extents_of, ledger_of, messages_of, sync_range
from tests.hooks.ranges.domain import POOL, other, synced

# --- overlaps ---------------------------------------------------------------------------------------------------------


def test_an_older_range_keeps_the_shared_addresses() -> None:
    answer = synced(other("10.0.0.0/25", version=3), extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": "10.0.0.128/28"}
    message = (
        "overlaps team-a/other in 10.0.0.0-10.0.0.127, which is older in domain default; "
        "these addresses are not allocated from this range"
    )
    shown = condition(answer["status"], "Overlapping")
    assert (shown["status"], shown["reason"], shown["message"]) == ("True", "OlderRange", message)
    assert answer["status"]["message"] == message
    capacity = answer["status"]["capacity"]
    assert [capacity[each] for each in ("total", "allocated", "free", "unavailable", "used")] == [
        "256",
        "16",
        "112",
        "128",
        "6%",
    ]


def test_an_older_range_with_two_extents_is_named_once() -> None:
    answer = synced(other("10.0.0.0/28", version=3), other("10.0.0.32/28", version=4), extent_object(POOL, version=7))
    shown = condition(answer["status"], "Overlapping")["message"]
    assert shown.startswith("overlaps team-a/other in 10.0.0.0-10.0.0.15, 10.0.0.32-10.0.0.47, which is older in ")


def test_a_younger_range_does_not_restrict_an_older_one() -> None:
    answer = synced(other("10.0.0.0/25", version=8), extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert not condition(answer["status"], "Overlapping")


def test_numbers_of_the_store_that_was_copied_to_this_one_are_older() -> None:
    """The resourceVersions of the new store start again, but the written numbers stay."""
    copied = other("10.0.0.0/25", version=120, number=5_000_000)
    answer = synced(copied, extent_object(POOL, version=501, number=500))
    assert ledger_of(answer) == {"web": "10.0.0.128/28"}
    own = extent_object(POOL, version=121, number=5_000_001)
    assert ledger_of(synced(copied, own)) == {"web": "10.0.0.128/28"}
    new = other("10.0.0.0/25", version=501, number=500)
    assert ledger_of(synced(new, own)) == {"web": "10.0.0.0/28"}


@pytest.mark.parametrize(("uid", "granted"), [("a", {}), ("zz", {"web": "10.0.0.0/28"})])
def test_of_two_extents_with_one_number_the_uid_decides(uid: str, granted: dict[str, str]) -> None:
    twin, own = other(POOL, version=7), extent_object(POOL, version=7)
    twin["metadata"]["uid"] = uid
    for order in ((twin, own), (own, twin)):
        assert ledger_of(synced(*order)) == granted


def test_an_extent_that_is_not_adopted_yet_is_returned_once() -> None:
    orphan = uncontrolled(extent_object(POOL, version=7))
    orphan["metadata"]["name"] = names.extent_name("net", "uid-net", [POOL])
    answer = sync_range(range_object(), announced=[orphan], extents=[orphan])
    assert extents_of(answer) == [[POOL]]


def test_numbers_are_compared_as_numbers() -> None:
    answer = synced(other("10.0.0.0/25", version=9), extent_object(POOL, version=10))
    assert ledger_of(answer) == {"web": "10.0.0.128/28"}


def test_a_request_for_a_shared_block_waits_and_its_message_names_the_older_range() -> None:
    wanted = request_object("web", wanted="10.0.0.16/28")
    answer = synced(other("10.0.0.0/25", version=3), extent_object(POOL, version=7), requests=[wanted])
    message = "10.0.0.16/28 is not free: 10.0.0.0/25 belongs to range team-a/other, which is older in domain default"
    assert messages_of(answer) == {"web": message}
    assert answers_of(answer) == {"web": ("Busy", "")}


def test_a_block_stays_granted_even_if_another_range_turns_out_to_be_older() -> None:
    parent = with_ledger(range_object(), entry("a", "10.0.0.16/28"))
    answer = synced(other("10.0.0.0/25", version=3), extent_object(POOL, version=7), parent=parent, requests=[])
    assert ledger_of(answer) == {"a": "10.0.0.16/28"}
    capacity = answer["status"]["capacity"]
    assert [capacity[each] for each in ("total", "allocated", "free", "unavailable")] == ["256", "16", "128", "112"]


def test_only_addresses_that_were_announced_before_the_other_range_are_granted() -> None:
    grown = range_object("10.0.0.0/28", "10.0.1.0/24")
    extents = [
        extent_object("10.0.0.0/28", version=3),
        other("10.0.0.0/23", version=5),
        extent_object("10.0.1.0/24", version=7),
    ]
    answer = synced(*extents, parent=grown, requests=[request_object("a"), request_object("b")])
    assert ledger_of(answer) == {"a": "10.0.0.0/28"}
    assert answer["status"]["pending"] == 1


def test_a_recorded_block_waits_until_its_part_of_the_range_is_announced() -> None:
    """Otherwise it would be lost: the block that is granted instead is permanent."""
    grown = range_object("10.0.0.0/28", "10.0.1.0/24")
    requests = [recording(request_object("back"), "10.0.1.16/28"), request_object("new", size=29)]
    answer = synced(extent_object("10.0.0.0/28", version=3), parent=grown, requests=requests)
    assert ledger_of(answer) == {"new": "10.0.0.0/29"}
    assert answer["resyncAfterSeconds"] == 10
    both = [extent_object("10.0.0.0/28", version=3), extent_object("10.0.1.0/24", version=7)]
    assert ledger_of(synced(*both, parent=grown, requests=requests))["back"] == "10.0.1.16/28"


@pytest.mark.parametrize(("number", "granted"), [(3, "10.0.0.128/28"), (8, "10.0.0.0/28")])
def test_an_extent_that_is_being_deleted_keeps_its_number(number: int, granted: str) -> None:
    answer = synced(deleted(other("10.0.0.0/25", version=99, number=number)), extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": granted}


@pytest.mark.parametrize("own", [extent_object(POOL, version=9, number=7), unnumbered(extent_object(POOL, version=9))])
def test_an_extent_that_is_being_deleted_no_longer_serves_its_range(own: Obj) -> None:
    assert ledger_of(synced(deleted(own))) == {}


@pytest.mark.parametrize(
    "extent",
    [
        uncontrolled(other("10.0.0.0/25", version=3)),
        other("10.0.0.0/25", version=3, domain="corp"),
        other("2001:db8::/64", version=3),
        other("10.9.0.0/24", version=3),
    ],
    ids=["without a controller", "of another domain", "of another family", "of other addresses"],
)
def test_an_unrelated_extent_does_not_restrict_the_range(extent: Obj) -> None:
    answer = synced(extent, extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert not condition(answer["status"], "Overlapping")


def test_a_named_domain_spans_namespaces() -> None:
    foreign = extent_object("10.0.0.0/24", version=3, domain="corp", range_="team-b/other")
    answer = synced(foreign, extent_object(POOL, version=7, domain="corp"), parent=range_object(domain="corp"))
    overlap = "overlaps team-b/other in 10.0.0.0-10.0.0.255, which is older in domain corp"
    assert answer["status"]["message"].startswith(f"no address is free, 1 request waits; {overlap}")


# --- extents that cannot be read --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "extent",
    [
        other("10.0.0.0/25", version=3) | {"spec": 1},
        other("10.0.9.0/24", version=3) | {"spec": {"range": "other", "domain": "default", "ranges": ["nonsense"]}},
        other("10.0.0.0/25", version=3, number=-1),
        extent_object("10.0.0.0/25", version=3, range_="other", allowed={"from": ["All"]}),
    ],
    ids=["spec", "addresses", "number", "namespaces"],
)
def test_nothing_is_granted_while_an_extent_of_the_domain_cannot_be_read(extent: Obj) -> None:
    """It may announce any address. After a rollback, older hooks meet extents that newer ones have written."""
    extent["metadata"]["name"] = "broken"
    if isinstance(extent["spec"], dict):
        extent["spec"]["schemaV1"] = True
    answer = synced(extent, extent_object(POOL, version=7))
    assert ledger_of(answer) == {}
    assert answers_of(answer) == {}
    assert answer["status"]["message"] == "no block is granted because these extents can't be read: team-a/broken"
    assert answer["resyncAfterSeconds"] == 10


def test_an_own_extent_that_cannot_be_read_is_not_announced_a_second_time() -> None:
    own = extent_object(POOL, version=7, number=-1)
    own["metadata"]["name"] = names.extent_name("net", "uid-net", [POOL])
    (child,) = synced(own, requests=[])["children"]
    assert child["spec"] == own["spec"]


def test_an_extent_stays_in_its_domain_while_the_spec_of_its_range_cannot_be_read() -> None:
    """For example after a rollback: the mode is one that only newer hooks know."""
    own = extent_object(POOL, version=7, domain="corp")
    parent = range_object(mode="LeastUsed", domain="corp")
    (child,) = sync_range(parent, announced=[own], extents=[own])["children"]
    assert child["metadata"]["labels"][names.DOMAIN_LABEL] == "corp"
    assert child["spec"] == own["spec"]
