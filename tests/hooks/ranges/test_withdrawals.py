"""Entries of `ranges` that are taken back: removable, withdrawn, given up, and announced again."""

import copy

import pytest

from tests.hooks.build import (
    Obj,
    answer_item,
    deleted,
    entry,
    extent_object,
    put_on_hold,
    range_object,
    recording,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import extents_of, ledger_of, sync_range

SLIP = "10.9.0.0/30"
WEB = request_object("web")
OWN = extent_object("10.0.0.0-10.0.0.15", "10.9.0.0-10.9.0.3", version=7)
WITHDRAWN = [{"addresses": "10.9.0.0-10.9.0.3", "number": 7}]


def the_range(*ranges: str, excludes: list[str] | None = None, **ledger: object) -> Obj:
    """A range with these entries, whose ledger has these fields at revision 5."""
    range_ = with_ledger(range_object(*ranges, excludes=excludes or [], chunk_size=32), revision=5)
    range_["status"] |= ledger
    return range_


def synced(range_: Obj, *requests: Obj, own: Obj = OWN, extents: list[Obj] | None = None) -> Obj:
    return sync_range(range_, *requests, announced=[own], extents=[own] if extents is None else extents)


def withdrawn_of(answer: Obj) -> list[list[str]]:
    specs = (child["spec"] for child in answer["children"] if child["kind"] == "IPAMExtent")
    return [spec.get("withdrawn", []) for spec in specs]


# --- removable


def test_an_excluded_entry_without_holders_is_removable() -> None:
    status = synced(the_range("10.0.0.0/28", SLIP, excludes=[SLIP]))["status"]
    assert (status["removable"], status["revision"]) == ([SLIP], 6)


def test_an_entry_that_is_not_excluded_as_a_whole_is_not_removable() -> None:
    assert "removable" not in synced(the_range("10.0.0.0/28", SLIP, excludes=["10.9.0.0/31"]))["status"]


def test_an_entry_of_which_an_address_is_held_is_not_removable() -> None:
    range_ = the_range("10.0.0.0/28", SLIP, excludes=[SLIP], allocations=[entry("web", "10.9.0.1/32")])
    answer = synced(range_, showing(WEB, "10.9.0.1/32"))
    assert "removable" not in answer["status"]
    assert ledger_of(answer) == {"web": "10.9.0.1/32"}


def test_an_entry_is_removable_with_the_release_of_its_last_holder() -> None:
    range_ = the_range("10.0.0.0/28", SLIP, excludes=[SLIP], allocations=[entry("web", "10.9.0.1/32")])
    answer = sync_range(
        range_, deleted(WEB), answers=[answer_item("web", cidr="10.9.0.1/32", revision=5)], announced=[OWN]
    )
    assert (ledger_of(answer), answer["status"]["removable"]) == ({}, [SLIP])


def test_an_entry_is_not_removable_while_a_block_of_it_is_cooling_down() -> None:
    cooling = entry("web", "10.9.0.1/32", released_at="2026-11-23T20:00:00Z")
    range_ = the_range("10.0.0.0/28", SLIP, excludes=[SLIP], allocations=[cooling])
    range_["spec"]["cooldownSeconds"] = 3600
    assert "removable" not in synced(range_)["status"]


@pytest.mark.parametrize("on_hold", [False, True])
def test_a_former_holder_gets_nothing_of_a_removable_entry_until_the_ledger_does_not_name_it(on_hold: bool) -> None:
    """The owner may remove the entry in this moment."""
    range_ = the_range("10.0.0.0/28", SLIP, excludes=[SLIP], removable=[SLIP])
    former = showing(WEB, "10.9.0.1/32")
    if on_hold:
        range_, former = put_on_hold(range_), recording(WEB, "10.9.0.1/32")
    answer = synced(range_, former)
    assert ("removable" in answer["status"], ledger_of(answer)) == (False, {})
    assert ledger_of(synced({**range_, "status": answer["status"]}, former)) == {"web": "10.9.0.1/32"}


def test_nothing_is_removable_on_hold_as_former_holders_may_come_back() -> None:
    assert "removable" not in synced(put_on_hold(the_range("10.0.0.0/28", SLIP, excludes=[SLIP])))["status"]


def test_an_entry_is_not_removable_while_a_request_shows_a_block_of_it_that_the_ledger_lost() -> None:
    range_ = the_range("10.0.0.0/28", SLIP, excludes=[SLIP])
    answer = synced(range_, showing(request_object("web", finalizers=()), "10.9.0.1/32"))
    assert ledger_of(answer) == {}, "without our finalizer it is granted nothing yet"
    assert "removable" not in answer["status"]


def test_an_entry_that_is_ignored_is_removable() -> None:
    assert synced(the_range("10.0.0.0/28", "10.9.0.9-10.9.0.1"))["status"]["removable"] == ["10.9.0.9-10.9.0.1"]


def test_nothing_of_a_removable_entry_is_granted_even_if_the_spec_says_so_again() -> None:
    opened = the_range("10.0.0.0/28", SLIP, removable=[SLIP])
    wants = request_object("web", wanted="10.9.0.1")
    answer = synced(opened, wants)
    assert ledger_of(answer) == {}
    assert "removable" not in answer["status"], "from the next revision on it can be granted"
    again = the_range("10.0.0.0/28", SLIP)
    assert ledger_of(synced(again, wants)) == {"web": "10.9.0.1/32"}


def test_a_range_whose_last_addresses_were_removable_serves_them_once_the_ledger_does_not_name_them() -> None:
    range_ = the_range("10.0.0.0/28", SLIP, excludes=["10.0.0.0/28"], removable=[SLIP])
    status = synced(range_, WEB)["status"]
    message = "nothing is left to allocate beside what status.removable names until the next revision"
    assert (status["state"], status["message"], "removable" in status) == ("Invalid", message, False)
    assert ledger_of(synced({**range_, "status": status}, WEB)) == {"web": "10.9.0.0/32"}


# --- withdrawn


def test_what_the_spec_lacks_is_withdrawn_by_the_ledger_before_the_extent_shows_it() -> None:
    answer = synced(the_range("10.0.0.0/28", removable=[SLIP]))
    assert answer["status"]["withdrawn"] == WITHDRAWN
    assert "removable" not in answer["status"]
    assert withdrawn_of(answer) == [[]]


def test_the_extent_gives_up_what_the_ledger_has_withdrawn_and_keeps_its_number() -> None:
    answer = synced(the_range("10.0.0.0/28", withdrawn=WITHDRAWN))
    (child,) = answer["children"]
    assert child["spec"]["withdrawn"] == ["10.9.0.0-10.9.0.3"]
    assert (child["spec"]["number"], child["spec"]["ranges"]) == (7, OWN["spec"]["ranges"])
    assert answer["status"]["revision"] == 5


def given_up(extent: Obj, *texts: str) -> Obj:
    changed = copy.deepcopy(extent)
    changed["spec"]["withdrawn"] = list(texts)
    return changed


def test_nothing_is_written_again_once_the_extent_has_given_up_its_addresses() -> None:
    own = given_up(OWN, "10.9.0.0-10.9.0.3")
    answer = synced(the_range("10.0.0.0/28", withdrawn=WITHDRAWN), own=own)
    (child,) = answer["children"]
    assert (child["spec"], answer["status"]["revision"]) == (own["spec"], 5)


def test_another_range_can_grant_what_an_older_one_has_given_up() -> None:
    older = extent_object("10.9.0.0-10.9.0.3", version=3, range_="team-b/other")
    mine = extent_object("10.9.0.0-10.9.0.3", version=7)
    range_ = the_range(SLIP)
    assert ledger_of(synced(range_, WEB, own=mine, extents=[mine, older])) == {}
    gone = given_up(older, "10.9.0.0-10.9.0.3")
    assert ledger_of(synced(range_, WEB, own=mine, extents=[mine, gone])) == {"web": "10.9.0.0/32"}


def test_addresses_that_are_added_again_need_a_new_extent_even_if_the_old_one_is_seen_as_it_was() -> None:
    range_ = the_range("10.0.0.0/28", SLIP, withdrawn=WITHDRAWN)
    wants = request_object("web", wanted="10.9.0.1")
    answer = synced(range_, wants)
    assert ledger_of(answer) == {}
    kept, added = sorted(answer["children"], key=lambda child: len(child["spec"]["ranges"]), reverse=True)
    assert (kept["metadata"]["name"], added["spec"]["ranges"]) == ("net-7", ["10.9.0.0-10.9.0.3"])
    newer = extent_object("10.9.0.0-10.9.0.3", version=9)
    answer = sync_range(range_, wants, announced=[OWN, newer], extents=[OWN, newer])
    assert ledger_of(answer) == {"web": "10.9.0.1/32"}
    assert answer["status"]["withdrawn"] == WITHDRAWN


def test_an_extent_for_addresses_that_are_added_again_has_another_name_than_the_first_one() -> None:
    first = sync_range(the_range(SLIP), announced=[], extents=[])
    again = sync_range(the_range(SLIP, withdrawn=WITHDRAWN), announced=[], extents=[])
    assert extents_of(first) == extents_of(again) == [["10.9.0.0-10.9.0.3"]]
    assert first["children"][0]["metadata"]["name"] != again["children"][0]["metadata"]["name"]


def test_what_is_withdrawn_again_gets_the_number_of_its_youngest_extent() -> None:
    newer = extent_object("10.9.0.0-10.9.0.3", version=9)
    range_ = the_range("10.0.0.0/28", withdrawn=WITHDRAWN)
    answer = sync_range(range_, announced=[OWN, newer], extents=[OWN, newer])
    assert answer["status"]["withdrawn"] == [{"addresses": "10.9.0.0-10.9.0.3", "number": 9}]


def test_a_held_block_is_not_withdrawn_though_an_administrator_got_its_entry_out_of_the_spec() -> None:
    range_ = the_range("10.0.0.0/28", allocations=[entry("web", "10.9.0.1/32")])
    answer = synced(range_, showing(WEB, "10.9.0.1/32"))
    assert answer["status"]["withdrawn"] == [
        {"addresses": "10.9.0.0", "number": 7},
        {"addresses": "10.9.0.2-10.9.0.3", "number": 7},
    ]
    assert ledger_of(answer) == {"web": "10.9.0.1/32"}


@pytest.mark.parametrize("fault", ["10.9.0.0-", "net"])
def test_a_withdrawn_line_that_cannot_be_read_is_a_broken_call(fault: str) -> None:
    with pytest.raises(Exception, match=r"status\.withdrawn"):
        synced(the_range("10.0.0.0/28", withdrawn=[{"addresses": fault, "number": 7}]))


@pytest.mark.parametrize(("count", "withdrawn_count"), [(127, 128), (128, 0)])
def test_more_intervals_than_the_ledger_has_room_for_are_not_withdrawn(count: int, withdrawn_count: int) -> None:
    """Otherwise the API server would reject each ledger: nothing would be granted or released any more."""
    own = extent_object("10.0.0.0-10.0.255.255", version=7)
    status = synced(the_range(*(f"10.0.{number}.128/25" for number in range(count))), own=own)["status"]
    assert len(status.get("withdrawn", [])) == withdrawn_count


def test_no_more_entries_are_removable_than_the_ledger_has_room_for() -> None:
    slips = [f"10.9.{number}.0/30" for number in range(20)]
    assert synced(the_range("10.0.0.0/28", *slips, excludes=slips))["status"]["removable"] == slips[:16]
    lines = [{"addresses": f"10.200.0.{2 * number}", "number": 7} for number in range(127)]
    own = extent_object("10.0.0.0-10.0.0.15", *(f"10.9.{number}.0-10.9.{number}.3" for number in range(20)))
    range_ = the_range("10.0.0.0/28", *slips, excludes=slips, withdrawn=lines)
    assert synced(range_, own=own)["status"]["removable"] == slips[:1]


# --- deleted

SPENT = given_up(extent_object("10.9.0.0-10.9.0.3", version=9), "10.9.0.0-10.9.0.3")
BASE = extent_object("10.0.0.0-10.0.0.15", version=7)
OF_SPENT = [{"addresses": "10.9.0.0-10.9.0.3", "number": 9}]


def extent_names(answer: Obj) -> list[str]:
    return [child["metadata"]["name"] for child in answer["children"]]


def with_spent(range_: Obj, *own: Obj) -> Obj:
    return sync_range(range_, announced=list(own), extents=list(own))


def test_an_extent_that_has_given_up_all_of_its_addresses_is_deleted() -> None:
    answer = with_spent(the_range("10.0.0.0/28", withdrawn=OF_SPENT), BASE, SPENT)
    assert extent_names(answer) == ["net-7"]
    assert (answer["status"]["withdrawn"], answer["status"]["revision"]) == (OF_SPENT, 5)


@pytest.mark.parametrize(
    "withdrawn",
    [
        pytest.param([], id="no line"),
        pytest.param([{"addresses": "10.9.0.0-10.9.0.3", "number": 8}], id="a line of an older extent"),
        pytest.param([{"addresses": "10.9.0.0-10.9.0.2", "number": 9}], id="a line without one of the addresses"),
    ],
)
def test_it_stays_as_long_as_the_ledger_that_withdrew_its_addresses_is_not_seen(withdrawn: list[Obj]) -> None:
    answer = with_spent(the_range("10.0.0.0/28", withdrawn=withdrawn), BASE, SPENT)
    assert extent_names(answer) == ["net-7", "net-9"]


def test_an_extent_that_has_given_up_a_part_of_its_addresses_stays() -> None:
    part = given_up(SPENT, "10.9.0.0-10.9.0.1")
    answer = with_spent(the_range("10.0.0.0/28", withdrawn=OF_SPENT), BASE, part)
    assert extent_names(answer) == ["net-7", "net-9"]


def test_the_extent_that_gives_the_allowed_namespaces_stays() -> None:
    carrier = copy.deepcopy(SPENT)
    carrier["spec"]["allowedNamespaces"] = {"from": "All"}
    answer = with_spent(the_range("10.0.0.0/28", withdrawn=OF_SPENT), BASE, carrier)
    assert extent_names(answer) == ["net-7", "net-9"]


def test_the_last_extent_stays_as_requests_see_by_it_that_the_range_exists() -> None:
    answer = with_spent(the_range("10.0.0.0/28", withdrawn=OF_SPENT), SPENT)
    assert "net-9" in extent_names(answer)


@pytest.mark.parametrize("text", ["no-address", "2001:db8::/64"])
def test_extents_stay_while_the_spec_is_invalid(text: str) -> None:
    answer = with_spent(the_range(text, withdrawn=OF_SPENT), BASE, SPENT)
    assert {"net-7", "net-9"} <= set(extent_names(answer))


def test_an_extent_whose_addresses_are_added_again_stays_beside_their_new_one() -> None:
    """If its deletion made room for one of the same age, that would give up the same addresses, and so on."""
    answer = with_spent(the_range("10.0.0.0/28", SLIP, withdrawn=OF_SPENT), BASE, SPENT)
    assert {"net-7", "net-9"} < set(extent_names(answer))
    assert ["10.9.0.0-10.9.0.3"] in [child["spec"]["ranges"] for child in answer["children"][2:]]
