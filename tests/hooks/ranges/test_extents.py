"""Ranges of one domain that overlap: the range that announced an address first grants it, and no other range does."""

from collections.abc import Sequence

import pytest

from hooks.api import names
from tests.hooks.build import (
    Obj,
    allocation_object,
    deleted,
    entry,
    extent_object,
    namespace_object,
    range_body,
    range_object,
    recording,
    request_object,
    uncontrolled,
    unnumbered,
    with_ledger,
)
from tests.hooks.calls import answer_to, answers_of, condition, extents_of, ledger_of, messages_of, sync_range

POOL = "10.0.0.0-10.0.0.255"
WEB = request_object("web")


def other(text: str, version: int, *, number: int | None = None, domain: str = "namespace.team-a") -> Obj:
    """An extent of team-a/other."""
    return extent_object(text, version=version, number=number, range_="other", domain=domain)


def synced(*extents: Obj, parent: Obj | None = None, requests: Sequence[Obj] = (WEB,)) -> Obj:
    """The answer of a range that has announced itself and sees these extents; by default, team-a/web waits."""
    own = [each for each in extents if each["metadata"]["ownerReferences"][0]["uid"] == "uid-net"]
    return sync_range(parent or range_object(), *requests, announced=own, extents=list(extents))


# --- announcements ----------------------------------------------------------------------------------------------------


def test_a_new_range_announces_its_addresses_and_grants_nothing_yet() -> None:
    answer = sync_range(range_object(), WEB, announced=[], extents=[])
    assert extents_of(answer) == [[POOL]]
    assert ledger_of(answer) == {}
    assert answers_of(answer) == {}
    assert answer["status"]["message"] == "no block is granted until the addresses are announced in namespace team-a"
    assert answer["resyncAfterSeconds"] == 10


def test_its_own_extent_among_the_children_is_not_enough() -> None:
    own = extent_object(POOL, version=7)
    answer = sync_range(range_object(), WEB, announced=[own], extents=[])
    assert ledger_of(answer) == {}
    assert extents_of(answer) == [[POOL]]


def test_the_next_call_gives_an_extent_its_number() -> None:
    own = unnumbered(extent_object(POOL, version=7))
    answer = synced(own)
    (child,) = answer["children"]
    assert child["spec"] == own["spec"] | {"number": 7}
    assert ledger_of(answer) == {}, "nothing is granted before the number is written"
    assert answer["resyncAfterSeconds"] == 10


def test_a_number_that_is_seen_among_the_children_only_is_not_enough() -> None:
    numbered = extent_object(POOL, version=7)
    answer = sync_range(range_object(), WEB, announced=[numbered], extents=[unnumbered(numbered)])
    assert ledger_of(answer) == {}


def test_an_extent_that_is_stored_anew_keeps_its_number() -> None:
    """As by a StorageVersionMigration, which gives it another resourceVersion."""
    own = extent_object(POOL, version=99, number=7)
    answer = synced(other("10.0.0.0/25", version=8), own)
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert [child["spec"] for child in answer["children"] if child["kind"] == "IPAMExtent"] == [own["spec"]]
    answer = synced(other("10.0.0.0/25", version=98, number=6), own)
    assert ledger_of(answer) == {"web": "10.0.0.128/28"}


@pytest.mark.parametrize(("version", "granted"), [(6, "10.0.0.128/28"), (8, "10.0.0.0/28")])
def test_who_has_no_number_yet_will_get_none_below_its_version(version: int, granted: str) -> None:
    answer = synced(unnumbered(other("10.0.0.0/25", version=version)), extent_object(POOL, version=9, number=7))
    assert ledger_of(answer) == {"web": granted}


def test_it_grants_once_it_sees_its_extent() -> None:
    answer = synced(extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert not condition(answer["status"], "Overlapping")
    assert answer["resyncAfterSeconds"] == 300


def test_what_can_never_be_served_is_told_at_once() -> None:
    answer = sync_range(range_object(), request_object("web", size=33), announced=[], extents=[])
    assert answers_of(answer) == {"web": ("Invalid", "")}


def test_who_was_told_to_wait_is_not_left_without_an_answer() -> None:
    busy = allocation_object("web", "Busy", reason="Exhausted", message="wait")
    answer = sync_range(range_object(), WEB, allocations=[busy], announced=[], extents=[])
    assert answers_of(answer) == {"web": ("Busy", "")}


def test_an_extent_comes_back_as_it_came() -> None:
    own = extent_object("10.0.0.0/24", version=7)
    (child,) = synced(own, requests=[])["children"]
    assert child["spec"] == own["spec"]
    assert child["metadata"] == {
        "namespace": "team-a",
        "name": "net-7",
        "labels": {names.DOMAIN_LABEL: "namespace.team-a", names.RANGE_LABEL: "team-a.net"},
    }


def test_a_range_that_has_grown_announces_only_what_is_new() -> None:
    grown = with_ledger(range_object("10.0.0.0/24", "10.0.1.0/24"), entry("a", "10.0.0.0/28"))
    answer = synced(extent_object(POOL, version=7), parent=grown, requests=[request_object("b", wanted="10.0.1.0/28")])
    assert extents_of(answer) == [[POOL], ["10.0.1.0-10.0.1.255"]]
    assert answers_of(answer).keys() == {"a"}
    both = [extent_object(POOL, version=7), extent_object("10.0.1.0-10.0.1.255", version=9)]
    assert ledger_of(synced(*both, parent=grown, requests=[request_object("b", wanted="10.0.1.0/28")])) == {
        "a": "10.0.0.0/28",
        "b": "10.0.1.0/28",
    }


def test_excluded_addresses_are_announced_by_nobody() -> None:
    parent = range_object(excludes=["10.0.0.128/25"])
    assert extents_of(sync_range(parent, announced=[], extents=[])) == [["10.0.0.0-10.0.0.127"]]


def test_nothing_is_announced_in_a_namespace_that_is_going() -> None:
    going = [deleted(namespace_object())]
    answer = sync_range(range_object(), announced=[], extents=[], namespaces=going)
    assert extents_of(answer) == []
    assert answer["resyncAfterSeconds"] == 300


def test_a_range_that_is_being_deleted_stays_announced_as_long_as_it_holds_anything() -> None:
    own = [extent_object(POOL, version=7)]
    holding = with_ledger(deleted(range_object()), entry("a", "10.0.0.0/28"))
    for seen in (own, []):
        body = range_body(holding, request_object("a"), announced=seen, extents=seen, finalizing=True)
        assert extents_of(answer_to(body)) == [[POOL]]
    empty = with_ledger(deleted(range_object()), closing=True)
    answer = sync_range(empty, announced=own, extents=own, finalizing=True)
    assert (extents_of(answer), answer["finalized"]) == ([[POOL]], True)
    assert extents_of(sync_range(empty, announced=[], extents=[], finalizing=True)) == []


def test_an_invalid_range_announces_nothing_and_keeps_what_it_announced() -> None:
    invalid = range_object("10.0.0.9-10.0.0.1")
    assert extents_of(sync_range(invalid, announced=[], extents=[])) == []
    assert extents_of(synced(extent_object(POOL, version=7), parent=invalid, requests=[])) == [[POOL]]


def test_without_a_word_of_extents_nothing_is_asked_and_nothing_announced() -> None:
    answer = sync_range(range_object(), request_object("web"))
    assert extents_of(answer) == []
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}


# --- overlaps ---------------------------------------------------------------------------------------------------------


def test_an_older_range_keeps_what_both_have() -> None:
    answer = synced(other("10.0.0.0/25", version=3), extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": "10.0.0.128/28"}
    told = (
        "overlaps team-a/other in 10.0.0.0-10.0.0.127, which is older in namespace team-a; "
        "these addresses are not allocated from this range"
    )
    overlapping = condition(answer["status"], "Overlapping")
    assert (overlapping["status"], overlapping["reason"], overlapping["message"]) == ("True", "OlderRange", told)
    assert answer["status"]["message"] == told
    capacity = answer["status"]["capacity"]
    assert [capacity[each] for each in ("total", "allocated", "free", "unavailable", "used")] == [
        "256",
        "16",
        "112",
        "128",
        "6%",
    ]


def test_a_younger_range_is_in_nobody_s_way() -> None:
    answer = synced(other("10.0.0.0/25", version=8), extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert not condition(answer["status"], "Overlapping")


def test_numbers_of_the_store_from_which_this_one_was_copied_are_older() -> None:
    """Its resourceVersions begin anew, the numbers that are written stay."""
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


def test_an_extent_that_is_still_to_be_adopted_is_returned_once() -> None:
    orphan = uncontrolled(extent_object(POOL, version=7))
    orphan["metadata"]["name"] = names.extent_name("net", "uid-net", [POOL])
    answer = sync_range(range_object(), announced=[orphan], extents=[orphan])
    assert extents_of(answer) == [[POOL]]


def test_numbers_are_compared_as_numbers() -> None:
    answer = synced(other("10.0.0.0/25", version=9), extent_object(POOL, version=10))
    assert ledger_of(answer) == {"web": "10.0.0.128/28"}


def test_who_asks_for_a_shared_block_waits_and_is_told_for_whom() -> None:
    wanted = request_object("web", wanted="10.0.0.16/28")
    answer = synced(other("10.0.0.0/25", version=3), extent_object(POOL, version=7), requests=[wanted])
    message = "10.0.0.16/28 is not free: 10.0.0.0/25 belongs to range team-a/other, which is older in namespace team-a"
    assert messages_of(answer) == {"web": message}
    assert answers_of(answer) == {"web": ("Busy", "")}


def test_what_was_granted_stays_whoever_turns_out_to_be_older() -> None:
    parent = with_ledger(range_object(), entry("a", "10.0.0.16/28"))
    answer = synced(other("10.0.0.0/25", version=3), extent_object(POOL, version=7), parent=parent, requests=[])
    assert ledger_of(answer) == {"a": "10.0.0.16/28"}
    capacity = answer["status"]["capacity"]
    assert [capacity[each] for each in ("total", "allocated", "free", "unavailable")] == ["256", "16", "128", "112"]


def test_what_was_announced_before_the_other_one_stays_own_and_what_came_after_it_is_not() -> None:
    grown = range_object("10.0.0.0/28", "10.0.1.0/24")
    extents = [
        extent_object("10.0.0.0/28", version=3),
        other("10.0.0.0/23", version=5),
        extent_object("10.0.1.0/24", version=7),
    ]
    answer = synced(*extents, parent=grown, requests=[request_object("a"), request_object("b")])
    assert ledger_of(answer) == {"a": "10.0.0.0/28"}
    assert answer["status"]["pending"] == 1


def test_a_record_in_a_part_that_is_not_announced_yet_waits_for_it() -> None:
    """Else it would be lost: what is granted instead is for ever."""
    grown = range_object("10.0.0.0/28", "10.0.1.0/24")
    requests = [recording(request_object("back"), "10.0.1.16/28"), request_object("new", size=29)]
    answer = synced(extent_object("10.0.0.0/28", version=3), parent=grown, requests=requests)
    assert ledger_of(answer) == {"new": "10.0.0.0/29"}
    assert answer["resyncAfterSeconds"] == 10
    both = [extent_object("10.0.0.0/28", version=3), extent_object("10.0.1.0/24", version=7)]
    assert ledger_of(synced(*both, parent=grown, requests=requests))["back"] == "10.0.1.16/28"


@pytest.mark.parametrize(("number", "granted"), [(3, "10.0.0.128/28"), (8, "10.0.0.0/28")])
def test_an_extent_that_is_being_deleted_keeps_its_number(number: int, granted: str) -> None:
    going = deleted(other("10.0.0.0/25", version=99, number=number))
    answer = synced(going, extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": granted}


@pytest.mark.parametrize("own", [extent_object(POOL, version=9, number=7), unnumbered(extent_object(POOL, version=9))])
def test_an_extent_that_is_being_deleted_serves_its_range_no_more(own: Obj) -> None:
    assert ledger_of(synced(deleted(own))) == {}


@pytest.mark.parametrize(
    "extent",
    [
        uncontrolled(other("10.0.0.0/25", version=3)),
        other("10.0.0.0/25", version=3, domain="corp"),
        other("2001:db8::/64", version=3),
        other("10.9.0.0/24", version=3),
    ],
    ids=["nobody's", "of another domain", "of another family", "elsewhere"],
)
def test_what_does_not_count(extent: Obj) -> None:
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
        other("nonsense", version=3),
        other("10.0.0.0/25", version=3, number=-1),
        extent_object("10.0.0.0/25", version=3, range_="other", allowed={"from": ["All"]}),
    ],
    ids=["spec", "addresses", "number", "namespaces"],
)
def test_nothing_is_granted_while_an_extent_of_the_domain_can_t_be_read(extent: Obj) -> None:
    """It may announce anything: so it is where older hooks meet what newer ones have written."""
    extent["metadata"]["name"] = "broken"
    answer = synced(extent, extent_object(POOL, version=7))
    assert ledger_of(answer) == {}
    assert answers_of(answer) == {}
    assert answer["status"]["message"] == "no block is granted because these extents can't be read: team-a/broken"
    assert answer["resyncAfterSeconds"] == 10


def test_an_own_extent_that_can_t_be_read_is_not_announced_a_second_time() -> None:
    own = extent_object(POOL, version=7, number=-1)
    own["metadata"]["name"] = names.extent_name("net", "uid-net", [POOL])
    (child,) = synced(own, requests=[])["children"]
    assert child["spec"] == own["spec"]


def test_an_extent_stays_in_its_domain_while_the_spec_of_its_range_can_t_be_read() -> None:
    """As after a rollback: a mode that only newer hooks know."""
    own = extent_object(POOL, version=7, domain="corp")
    parent = range_object(mode="LeastUsed", domain="corp")
    (child,) = sync_range(parent, announced=[own], extents=[own])["children"]
    assert child["metadata"]["labels"][names.DOMAIN_LABEL] == "corp"
    assert child["spec"] == own["spec"]
