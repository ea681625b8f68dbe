"""Ranges of one domain that overlap: the range that announced an address first grants it, and no other range does."""

import copy
import json
from collections.abc import Sequence

import pytest

from hooks.api import names
from tests.hooks.build import (
    WEB,
    Obj,
    allocation_object,
    annotated,
    at,
    deleted,
    entry,
    extent_object,
    namespace_object,
    put_on_hold,
    range_body,
    range_object,
    recording,
    request_object,
    showing,
    uncontrolled,
    unnumbered,
    with_ledger,
)
from tests.hooks.calls import answer_to, answers_of, condition, extents_of, ledger_of, messages_of, sync_range

POOL = "10.0.0.0-10.0.0.255"


def other(text: str, version: int, *, number: int | None = None, domain: str = "default") -> Obj:
    """An extent of team-a/other."""
    return extent_object(text, version=version, number=number, range_="other", domain=domain)


def synced(*extents: Obj, parent: Obj | None = None, requests: Sequence[Obj] = (WEB,)) -> Obj:
    """The answer of a range that has announced its addresses and observes these extents; by default, web waits."""
    own = [each for each in extents if each["metadata"]["ownerReferences"][0]["uid"] == "uid-net"]
    return sync_range(parent or range_object(), *requests, announced=own, extents=list(extents))


# --- announcements ----------------------------------------------------------------------------------------------------


def test_a_new_range_announces_its_addresses_and_grants_nothing_yet() -> None:
    answer = sync_range(range_object(), WEB, announced=[], extents=[])
    assert extents_of(answer) == [[POOL]]
    assert ledger_of(answer) == {}
    assert answers_of(answer) == {}
    assert answer["status"]["message"] == "no block is granted until the addresses are announced in domain default"
    assert answer["resyncAfterSeconds"] == 10


def test_an_own_extent_that_is_only_among_the_children_is_not_enough_to_grant() -> None:
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


def test_a_number_that_is_only_among_the_children_is_not_enough_to_grant() -> None:
    numbered = extent_object(POOL, version=7)
    answer = sync_range(range_object(), WEB, announced=[numbered], extents=[unnumbered(numbered)])
    assert ledger_of(answer) == {}


def test_an_extent_that_is_rewritten_in_the_store_keeps_its_number() -> None:
    """For example by a StorageVersionMigration, which changes its resourceVersion."""
    own = extent_object(POOL, version=99, number=7)
    answer = synced(other("10.0.0.0/25", version=8), own)
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert [child["spec"] for child in answer["children"] if child["kind"] == "IPAMExtent"] == [own["spec"]]
    answer = synced(other("10.0.0.0/25", version=98, number=6), own)
    assert ledger_of(answer) == {"web": "10.0.0.128/28"}


@pytest.mark.parametrize(("version", "granted"), [(6, "10.0.0.128/28"), (8, "10.0.0.0/28")])
def test_an_extent_without_a_number_will_get_none_below_its_version(version: int, granted: str) -> None:
    answer = synced(unnumbered(other("10.0.0.0/25", version=version)), extent_object(POOL, version=9, number=7))
    assert ledger_of(answer) == {"web": granted}


def test_a_range_grants_once_its_extent_is_observed() -> None:
    answer = synced(extent_object(POOL, version=7))
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert not condition(answer["status"], "Overlapping")
    assert answer["resyncAfterSeconds"] == 300


def test_a_request_that_can_never_be_served_is_refused_at_once() -> None:
    answer = sync_range(range_object(), request_object("web", size=33), announced=[], extents=[])
    assert answers_of(answer) == {"web": ("Invalid", "")}


def test_a_busy_answer_stays_until_the_addresses_are_announced() -> None:
    busy = allocation_object("web", "Busy", reason="Exhausted", message="wait")
    answer = sync_range(range_object(), WEB, allocations=[busy], announced=[], extents=[])
    assert answers_of(answer) == {"web": ("Busy", "")}


def test_an_extent_is_returned_as_it_came() -> None:
    own = extent_object("10.0.0.0/24", version=7)
    (child,) = synced(own, requests=[])["children"]
    assert child["spec"] == own["spec"]
    assert child["metadata"] == {
        "namespace": "team-a",
        "name": "net-7",
        "labels": {
            names.CELL_LABEL: "IPv4-10.0.0.0.24",
            names.DOMAIN_LABEL: "default",
            names.RANGE_LABEL: "team-a.net",
        },
    }


def test_a_range_that_has_grown_announces_only_the_new_addresses() -> None:
    grown = with_ledger(range_object("10.0.0.0/24", "10.0.1.0/24"), entry("a", "10.0.0.0/28"))
    answer = synced(extent_object(POOL, version=7), parent=grown, requests=[request_object("b", wanted="10.0.1.0/28")])
    assert extents_of(answer) == [[POOL], ["10.0.1.0-10.0.1.255"]]
    assert answers_of(answer).keys() == {"a"}
    both = [extent_object(POOL, version=7), extent_object("10.0.1.0-10.0.1.255", version=9)]
    assert ledger_of(synced(*both, parent=grown, requests=[request_object("b", wanted="10.0.1.0/28")])) == {
        "a": "10.0.0.0/28",
        "b": "10.0.1.0/28",
    }


def test_excluded_addresses_are_not_announced() -> None:
    parent = range_object(excludes=["10.0.0.128/25"])
    assert extents_of(sync_range(parent, announced=[], extents=[])) == [["10.0.0.0-10.0.0.127"]]


def test_nothing_is_announced_in_a_namespace_that_is_being_deleted() -> None:
    answer = sync_range(range_object(), announced=[], extents=[], namespaces=[deleted(namespace_object())])
    assert extents_of(answer) == []
    assert answer["resyncAfterSeconds"] == 300


def test_a_range_that_is_being_deleted_stays_announced_as_long_as_it_holds_anything() -> None:
    own = [extent_object(POOL, version=7)]
    holding = with_ledger(deleted(range_object()), entry("a", "10.0.0.0/28"))
    for observed in (own, []):
        answer = sync_range(holding, request_object("a"), announced=observed, extents=observed, finalizing=True)
        assert extents_of(answer) == [[POOL]]
    empty = with_ledger(deleted(range_object()), closing=True)
    answer = sync_range(empty, announced=own, extents=own, finalizing=True)
    assert (extents_of(answer), answer["finalized"]) == ([[POOL]], True)
    assert extents_of(sync_range(empty, announced=[], extents=[], finalizing=True)) == []


def test_an_invalid_range_announces_nothing_and_keeps_what_it_announced() -> None:
    invalid = range_object("10.0.0.9-10.0.0.1")
    assert extents_of(sync_range(invalid, announced=[], extents=[])) == []
    assert extents_of(synced(extent_object(POOL, version=7), parent=invalid, requests=[])) == [[POOL]]


def test_a_body_without_extents_of_the_domain_grants_nothing() -> None:
    """Finding 15: a CompositeController without its customize hook must not fail open."""
    own = extent_object(POOL, version=7)
    body = range_body(range_object(), WEB, announced=[own])
    del body["related"][names.EXTENT_KEY]
    answer = answer_to(body)
    assert (ledger_of(answer), answers_of(answer), extents_of(answer)) == ({}, {}, [[POOL]])
    assert answer["status"]["message"] == "no block is granted until the addresses are announced in domain default"
    assert answer["resyncAfterSeconds"] == 10


def test_a_range_whose_status_was_never_written_announces_and_grants_nothing() -> None:
    """Only a status shows whether the API server knows this schema."""
    own = extent_object(POOL, version=7)
    for announced in ([], [own]):
        parent = range_object() | {"status": {}}
        answer = sync_range(parent, WEB, announced=announced, extents=announced)
        assert extents_of(answer) == [[POOL]] * len(announced)
        assert (ledger_of(answer), answers_of(answer), answer["status"]["schemaV1"]) == ({}, {}, True)
        assert answer["status"]["revision"] == 0
        assert answer["resyncAfterSeconds"] == 10
        marked = parent | {"status": answer["status"]}
        assert extents_of(sync_range(marked, WEB, announced=announced, extents=announced)) == [[POOL]]


# --- numbers that an older schema drops -------------------------------------------------------------------------------


def written(extent: Obj) -> Obj:
    """An extent with the annotation by which Metacontroller records what it wrote."""
    applied = {"metadata": {"labels": extent["metadata"]["labels"]}, "spec": extent["spec"]}
    return annotated(extent, names.LAST_APPLIED_ANNOTATION, json.dumps(applied))


def test_a_number_that_the_api_server_does_not_show_is_read_from_what_was_written() -> None:
    """Finding 1: an older CRD that drops the number must not turn the order of two ranges round."""
    younger = other("10.0.0.0/25", version=8)
    own = unnumbered(written(extent_object(POOL, version=99, number=7)))
    answer = synced(younger, own)
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    assert [child["spec"]["number"] for child in answer["children"] if child["kind"] == "IPAMExtent"] == [7]
    older = unnumbered(written(other("10.0.0.0/25", version=98, number=6)))
    assert ledger_of(synced(older, own)) == {"web": "10.0.0.128/28"}


@pytest.mark.parametrize("number", [0, -3, "7", 1 << 63, None, 7.5])
def test_a_written_number_that_is_none_is_not_read(number: object) -> None:
    own = extent_object(POOL, version=9)
    own["spec"]["number"] = number
    answer = synced(unnumbered(written(own)))
    (child,) = [child for child in answer["children"] if child["kind"] == "IPAMExtent"]
    assert child["spec"] == own["spec"] | {"number": 9}
    assert ledger_of(answer) == {}


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"spec": 5}', "[" * 9999])
def test_an_extent_whose_annotation_cannot_be_read_is_returned_as_it_is_shown(text: str) -> None:
    own = annotated(unnumbered(extent_object(POOL, version=9)), names.LAST_APPLIED_ANNOTATION, text)
    (child,) = [child for child in synced(own)["children"] if child["kind"] == "IPAMExtent"]
    assert child["spec"] == own["spec"] | {"number": 9}


def test_an_extent_is_returned_as_it_was_written_last() -> None:
    """Finding 1: what an older schema drops must not be dropped in the store, nor what later hooks have written."""
    full = extent_object(POOL, version=7, allowed={"from": "All"})
    full["spec"]["later"] = {"b": 1, "a": [1.5]}
    pruned = written(full)
    pruned["spec"] = {field: full["spec"][field] for field in ("range", "domain", "ranges", "schemaV1")}
    del pruned["metadata"]["labels"][names.CELL_LABEL]
    (child,) = synced(pruned, requests=[])["children"]
    assert child["spec"] == full["spec"]
    assert child["metadata"]["labels"] == {
        names.CELL_LABEL: "IPv4-10.0.0.0.24",
        names.DOMAIN_LABEL: "default",
        names.RANGE_LABEL: "team-a.net",
    }


def test_calls_beside_an_older_schema_settle() -> None:
    """Finding 1: each call wrote a new number, which was a change that woke up all ranges of the domain."""
    own = unnumbered(written(extent_object(POOL, version=99, number=7)))
    first = synced(own, requests=[])["children"]
    own["metadata"]["resourceVersion"] = "1234"
    assert synced(own, requests=[])["children"] == first


# --- parts and cells --------------------------------------------------------------------------------------------------


def cells_of(answer: Obj) -> list[str]:
    children = [child for child in answer["children"] if child["kind"] == "IPAMExtent"]
    return [child["metadata"]["labels"][names.CELL_LABEL] for child in children]


def test_addresses_of_several_cells_are_announced_by_several_extents() -> None:
    parent = range_object("10.0.0.0/24", "10.0.1.7", "10.0.1.9", "10.9.0.0/16", "11.0.0.0/8")
    answer = sync_range(parent, announced=[], extents=[])
    assert extents_of(answer) == [
        [POOL],
        ["10.0.1.7", "10.0.1.9"],
        ["10.9.0.0-10.9.255.255"],
        ["11.0.0.0-11.255.255.255"],
    ]
    assert cells_of(answer) == ["IPv4-10.0.0.0.24", "IPv4-10.0.1.0.24", "IPv4-10.9.0.0.16", "IPv4-0.0.0.0.0"]


def test_addresses_of_very_many_cells_are_announced_together() -> None:
    texts = [f"10.0.{2 * number}.0" for number in range(17)]
    assert extents_of(sync_range(range_object(*texts, chunk_size=32), announced=[], extents=[])) == [texts]
    assert len(extents_of(sync_range(range_object(*texts[:16], chunk_size=32), announced=[], extents=[]))) == 16


@pytest.mark.parametrize(("count", "sizes"), [(512, [512]), (513, [512, 1]), (1100, [512, 512, 76])])
def test_an_extent_has_no_more_intervals_than_the_crd_allows(count: int, sizes: list[int]) -> None:
    texts = [f"fd00::{2 * number:x}" for number in range(1, count + 1)]
    answer = sync_range(range_object(*texts, chunk_size=128), announced=[], extents=[])
    assert [len(part) for part in extents_of(answer)] == sizes
    assert [text for part in extents_of(answer) for text in part] == texts
    assert len({child["metadata"]["name"] for child in answer["children"]}) == len(sizes)
    assert set(cells_of(answer)) == {"IPv6-fd00--.64"}


def test_extents_of_other_cells_do_not_make_a_range_announce_again() -> None:
    own = [extent_object(POOL, version=7), extent_object("10.0.1.0-10.0.1.255", version=8)]
    answer = synced(*own, parent=range_object("10.0.0.0/23"), requests=[])
    assert extents_of(answer) == [[POOL], ["10.0.1.0-10.0.1.255"]]


# --- on hold ----------------------------------------------------------------------------------------------------------


def created(extent: Obj, seconds: float) -> Obj:
    changed = copy.deepcopy(extent)
    changed["metadata"]["creationTimestamp"] = at(seconds)
    return changed


BACK = [recording(request_object("a"), "10.0.0.16/28"), recording(request_object("b"), "10.0.0.64/28")]


def test_on_hold_only_recorded_addresses_are_announced() -> None:
    """Case overlap-restore: ranges that share addresses are restored in any order."""
    others = [request_object("new"), recording(request_object("elsewhere"), "10.9.0.0/28")]
    others += [recording(request_object("six"), "fd00::/64"), recording(request_object("web"), "web")]
    parent = put_on_hold(range_object())
    answer = sync_range(parent, *BACK, *others, announced=[], extents=[])
    recorded = ["10.0.0.16-10.0.0.31", "10.0.0.64-10.0.0.79"]
    assert (extents_of(answer), ledger_of(answer)) == ([recorded], {})
    assert answer["resyncAfterSeconds"] == 10
    own = extent_object(*recorded, version=7)
    answer = synced(own, parent=parent, requests=[*BACK, *others])
    assert (extents_of(answer), ledger_of(answer)) == ([recorded], {"a": "10.0.0.16/28", "b": "10.0.0.64/28"})
    assert "announced" not in answer["status"]["message"]


def test_on_hold_a_range_without_records_announces_nothing() -> None:
    answer = sync_range(put_on_hold(range_object()), WEB, announced=[], extents=[])
    assert extents_of(answer) == []
    assert answers_of(answer) == {"web": ("Busy", "")}
    assert messages_of(answer) == {"web": "team-a/net is on hold: only requests with a recorded address are served"}


def test_on_hold_a_block_that_a_request_shows_is_announced() -> None:
    shows = showing(request_object("shows"), "10.0.0.128/28")
    assert extents_of(sync_range(put_on_hold(range_object()), shows, announced=[], extents=[])) == [
        ["10.0.0.128-10.0.0.143"]
    ]


def test_on_hold_announced_addresses_stay_announced() -> None:
    own = extent_object(POOL, version=7)
    assert extents_of(synced(own, parent=put_on_hold(range_object()), requests=[])) == [[POOL]]


def test_the_rest_is_announced_when_the_hold_ends() -> None:
    own = created(extent_object("10.0.0.16-10.0.0.31", version=7), -1)
    parent = with_ledger(range_object(), entry("a", "10.0.0.16/28"), revision=3, on_hold=True)
    answer = synced(own, parent=parent, requests=[BACK[0], request_object("new", wanted="10.0.0.0/28")])
    assert extents_of(answer) == [
        ["10.0.0.16-10.0.0.31"],
        ["10.0.0.0-10.0.0.15", "10.0.0.32-10.0.0.255"],
    ]
    assert "onHold" not in answer["status"]
    assert ledger_of(answer) == {"a": "10.0.0.16/28"}
    rest = extent_object("10.0.0.0-10.0.0.15", "10.0.0.32-10.0.0.255", version=9)
    answer = synced(own, rest, parent=parent, requests=[BACK[0], request_object("new", wanted="10.0.0.0/28")])
    assert ledger_of(answer) == {"new": "10.0.0.0/28", "a": "10.0.0.16/28"}


@pytest.mark.parametrize(
    ("ages", "is_due"),
    [
        ([], True),
        ([0], False),
        ([9], False),
        ([10], True),
        ([80, 9], False),
        ([80, 10], True),
        ([815, 15], False),
        ([899, 99], False),
        ([900, 100], True),
        ([901, 100], False),
    ],
    ids=str,
)
def test_on_hold_recorded_addresses_are_announced_in_batches(ages: list[int], *, is_due: bool) -> None:
    """Requests are restored one by one, and an extent for each of them would never end."""
    own = [created(extent_object(f"10.0.0.{number}", version=7 + number), -age) for number, age in enumerate(ages)]
    answer = synced(*own, parent=put_on_hold(range_object()), requests=BACK[:1])
    assert (["10.0.0.16-10.0.0.31"] in extents_of(answer)) is is_due
    assert len(extents_of(answer)) == len(ages) + is_due
    assert answer["resyncAfterSeconds"] == 10
    free = synced(*own, requests=[])
    assert len(extents_of(free)) == len(ages) + 1, "without a hold nothing waits"


@pytest.mark.parametrize("first_is_older", [True, False])
def test_ranges_that_share_addresses_are_restored_on_hold_in_any_order(first_is_older: bool) -> None:
    """Case overlap-restore: whichever range comes first, each gets what its own requests record."""
    versions = (3, 7) if first_is_older else (7, 3)
    rack = extent_object("10.0.0.16/28", version=versions[0])
    site = extent_object("10.0.0.64/28", version=versions[1], range_="other")
    answer = synced(rack, site, parent=put_on_hold(range_object()), requests=BACK[:1])
    assert ledger_of(answer) == {"a": "10.0.0.16/28"}


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
