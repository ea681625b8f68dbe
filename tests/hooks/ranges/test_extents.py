"""Extents: what a range announces in its domain, and when."""

import json

import pytest

from hooks.api import names
from tests.hooks.build import (
    WEB,
    Obj,
    annotated,
    answer_item,
    deleted,
    entry,
    extent_object,
    namespace_object,
    range_body,
    range_object,
    request_object,
    unnumbered,
    with_ledger,
)
from tests.hooks.calls import answer_to, answers_of, condition, extents_of, ledger_of, sync_range
from tests.hooks.ranges.domain import POOL, other, synced

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
    busy = answer_item("web", "Busy", reason="Exhausted", message="wait")
    answer = sync_range(range_object(), WEB, answers=[busy], announced=[], extents=[])
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
    requests = [request_object("a"), request_object("b", wanted="10.0.1.0/28")]
    answer = synced(extent_object(POOL, version=7), parent=grown, requests=requests)
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
    assert (extents_of(answer), answer["finalized"]) == ([], False)
    answer = sync_range(empty, announced=[], extents=[], finalizing=True)
    assert (extents_of(answer), answer["finalized"]) == ([], True)


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
        assert answer["status"]["revision"] == 1
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


@pytest.mark.parametrize(
    ("allowed", "announced"),
    [({"from": "Same"}, {"from": "Same"}), ({"from": "Some"}, {"from": "All"})],
    ids=["valid", "invalid, too"],
)
def test_an_invalid_range_announces_the_namespaces_that_it_serves(allowed: Obj, announced: Obj) -> None:
    """A deleted request of a namespace that is announced waits for the answer of the range."""
    parent = range_object(excludes=[POOL], allowed=allowed)
    own = extent_object(POOL, version=7, allowed={"from": "All"})
    (spec,) = specs_of(sync_range(parent, announced=[own], extents=[]))
    assert spec["allowedNamespaces"] == announced


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


def specs_of(answer: Obj) -> list[Obj]:
    return [child["spec"] for child in answer["children"] if child["kind"] == "IPAMExtent"]


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


def test_the_first_extent_has_the_allowed_namespaces_for_all() -> None:
    """They may be large, and every other range in the cells receives each extent."""
    parent = range_object("10.0.0.0/24", "10.0.1.7", chunk_size=32, allowed={"from": "All"})
    first, second = specs_of(sync_range(parent, announced=[], extents=[]))
    assert (first.get("allowedNamespaces"), second.get("allowedNamespaces")) == ({"from": "All"}, None)
    own = [extent_object(POOL, version=7, allowed={"from": "All"})]
    assert "allowedNamespaces" not in specs_of(sync_range(parent, announced=own, extents=own))[1]


def test_the_oldest_extent_gets_the_allowed_namespaces_if_none_has_them() -> None:
    """An administrator may have taken the owner of the one that had them."""
    parent = range_object("10.0.0.0/24", "10.0.1.7", chunk_size=32, allowed={"from": "All"})
    own = [extent_object("10.0.1.7", version=8), extent_object(POOL, version=7)]
    specs = specs_of(sync_range(parent, announced=own, extents=own))
    assert {spec["number"]: spec.get("allowedNamespaces") for spec in specs} == {7: {"from": "All"}, 8: None}


def test_a_range_with_many_extents_announces_new_addresses_of_several_cells_by_one() -> None:
    texts = [f"10.0.{2 * number}.0" for number in range(34)]
    own = [extent_object(text, version=7 + at) for at, text in enumerate(texts[:32])]
    answer = sync_range(range_object(*texts, chunk_size=32), announced=own, extents=own)
    assert texts[32:] in extents_of(answer)
    assert len(extents_of(answer)) == 33


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
