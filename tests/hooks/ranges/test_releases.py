"""Releases by proof only (S5), marks of absent holders, and the memory of releases."""

from dataclasses import replace

import pytest

from hooks.api.names import REQUEST_FINALIZER
from hooks.ranges.ledger import (
    RELEASED_COUNT_MAX,
    Ledger,
)
from hooks.ranges.releases import RELEASED_COUNT_MIN, Evidence, after_releases
from tests.hooks.build import (
    NOW,
    Obj,
    allocation_object,
    at,
    deleted,
    entry,
    range_object,
    reclaiming,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answers_of, ledger_of, sync_range

CIDR = "10.0.0.0/28"
#: A range with one entry.
HELD = with_ledger(range_object(), entry("web", CIDR), revision=4)


# --- S5 ---------------------------------------------------------------------------------------------------------------

GOING = deleted(request_object("web"))
SAID_TO_BE_GONE = allocation_object("web", "Released", revision=3)


@pytest.mark.parametrize(
    ("requests", "allocations", "range_"),
    [
        ([GOING], [], HELD),
        ([deleted(request_object("web", finalizers=()))], [], HELD),
        ([GOING], [SAID_TO_BE_GONE], HELD),
        ([], [], reclaiming(HELD, "uid-web")),
        ([], [], reclaiming(HELD, "uid-other, uid-web ,")),
    ],
    ids=[
        "(a) going, only our finalizer",
        "(a) going, no finalizer",
        "(a) and answered already",
        "(b) reclaimed",
        "(b) one of several",
    ],
)
def test_an_entry_goes_by_proof(requests: list[Obj], allocations: list[Obj], range_: Obj) -> None:
    answer = sync_range(range_, *requests, allocations=allocations)
    assert ledger_of(answer) == {}
    assert answer["status"]["revision"] == 5


OTHER_UID = request_object("web", uid="second-life", finalizers=())


@pytest.mark.parametrize(
    ("requests", "allocations", "range_"),
    [
        ([], [], HELD),
        ([OTHER_UID], [], HELD),
        ([deleted(request_object("web", uid="second-life"))], [], HELD),
        ([deleted(request_object("web", finalizers=(REQUEST_FINALIZER, "example.com/other")))], [], HELD),
        ([deleted(request_object("web", finalizers=("example.com/other",)))], [], HELD),
        ([request_object("web", finalizers=())], [], HELD),
        ([], [allocation_object("web", "Busy")], HELD),
        ([], [SAID_TO_BE_GONE], HELD),
        ([], [], reclaiming(HELD, "")),
        ([], [], reclaiming(HELD, "uid-we,uid-web2,team-a/web,web")),
        ([request_object("web")], [], reclaiming(HELD, "uid-web")),
        ([], [], deleted(HELD, at(-600))),
        ([request_object("web")], [], deleted(HELD, at(-600))),
    ],
    ids=[
        "absence",
        "the same name with another uid",
        "the same name with another uid, going",
        "going, but somebody else holds it back",
        "going, our finalizer gone, somebody else holds it back",
        "alive without our finalizer",
        "an answer in another state",
        "a Released answer, which anybody could have written",
        "an empty reclaim",
        "a reclaim of others",
        "a reclaim of one that is there",
        "deletion of the range, absent unmarked",
        "deletion of the range, holder there",
    ],
)
def test_an_entry_stays_without_proof(requests: list[Obj], allocations: list[Obj], range_: Obj) -> None:
    answer = sync_range(range_, *requests, allocations=allocations)
    assert ledger_of(answer) == {"web": CIDR}


@pytest.mark.parametrize(
    ("absent_since", "range_", "held"),
    [
        (at(-59), deleted(range_object(), at(-600)), True),
        (at(-60), deleted(range_object(), at(-600)), False),
        (at(-60), deleted(range_object()), False),
        (at(-86_400), range_object(), True),
        (at(60), deleted(range_object(), at(-600)), True),
    ],
    ids=[
        "less than a minute",
        "a minute",
        "absent for longer than the range is going",
        "a day, but the range stays",
        "marked by a clock that is ahead",
    ],
)
def test_an_absent_holder_of_a_closing_range_goes_after_a_minute(absent_since: str, range_: Obj, *, held: bool) -> None:
    answer = sync_range(with_ledger(range_, entry("web", CIDR, absent_since=absent_since)))
    assert (ledger_of(answer) == {"web": CIDR}) is held


def test_a_request_that_is_there_but_cannot_be_read_is_not_released_by_the_clock() -> None:
    broken: Obj = request_object("web")
    broken["metadata"]["generation"] = "one"
    parent = with_ledger(deleted(range_object(), at(-600)), entry("web", CIDR, absent_since=at(-600)))
    assert ledger_of(sync_range(parent, broken)) == {"web": CIDR}


def test_an_absent_holder_is_marked_once_and_its_block_stays_held() -> None:
    answer = sync_range(HELD)
    assert answer["status"]["allocations"] == [entry("web", CIDR, absent_since=at(0))]
    assert answer["status"]["revision"] == 5
    marked = with_ledger(range_object(), *answer["status"]["allocations"], revision=5)
    later = sync_range(marked, now=NOW.replace(hour=23))
    assert later["status"]["allocations"] == answer["status"]["allocations"]
    assert later["status"]["revision"] == 5


def test_the_mark_of_a_wrong_clock_counts_as_now() -> None:
    """It would hold a deletion back for as long as that clock was wrong."""
    marked = entry("web", CIDR, absent_since=at(86_400))
    parent = with_ledger(deleted(range_object()), marked, revision=5, closing=True)
    answers = [allocation_object("web", cidr=CIDR, revision=1)]
    answer = sync_range(parent, allocations=answers, finalizing=True)
    assert answer["status"]["allocations"] == [entry("web", CIDR, absent_since=at(0))]
    assert answer["resyncAfterSeconds"] == 60


def test_the_mark_of_a_holder_that_is_back_is_taken_off() -> None:
    marked = with_ledger(range_object(), entry("web", CIDR, absent_since=at(-60)), revision=5)
    answer = sync_range(marked, request_object("web"))
    assert answer["status"]["allocations"] == [entry("web", CIDR)]
    assert answer["status"]["revision"] == 6


def test_an_absent_holder_s_answer_stays_published() -> None:
    existing = allocation_object("web", cidr=CIDR, revision=4)
    answer = sync_range(HELD, allocations=[existing])
    assert answers_of(answer) == {"web": ("Ready", CIDR)}


def test_a_released_block_can_be_granted_in_the_same_call() -> None:
    parent = with_ledger(range_object(CIDR), entry("web", CIDR), revision=4)
    answer = sync_range(parent, GOING, request_object("next"))
    assert ledger_of(answer) == {"next": CIDR}
    assert answer["status"]["revision"] == 5


# --- the memory of releases -------------------------------------------------------------------------------------------


def test_a_release_is_committed_with_the_uid_of_who_was_released() -> None:
    going = [deleted(request_object(name)) for name in ("web", "never-served", "a-late-one")]
    parent = with_ledger(range_object(), entry("web", CIDR), released=["earlier"], revision=4)
    answer = sync_range(parent, *going)
    assert answer["status"]["released"] == ["uid-earlier", "uid-web", "uid-a-late-one", "uid-never-served"]
    assert answer["status"]["revision"] == 5


def test_who_was_reclaimed_is_not_called_released() -> None:
    """Should it live after all, it must be told that its block is somebody else's."""
    answer = sync_range(reclaiming(HELD, "uid-web"))
    assert ledger_of(answer) == {}
    assert "released" not in answer["status"]


def releases(count: int) -> Obj:
    return with_ledger(range_object(), revision=1, released=[f"gone-{number:04}" for number in range(count)])


def test_a_thousand_releases_are_remembered() -> None:
    answer = sync_range(releases(RELEASED_COUNT_MIN), GOING)
    released = answer["status"]["released"]
    assert len(released) == RELEASED_COUNT_MIN
    assert (released[0], released[-1]) == ("uid-gone-0001", "uid-web")


def test_no_release_is_forgotten_while_something_of_it_is_seen() -> None:
    seen = [
        request_object("gone-0000"),
        deleted(request_object("gone-0002")),
        deleted(request_object("web")),
    ]
    answered = allocation_object("gone-0001", "Released", revision=1)
    answer = sync_range(releases(RELEASED_COUNT_MIN + 9), *seen, allocations=[answered])
    assert answer["status"]["released"][:4] == [
        "uid-gone-0000",
        "uid-gone-0001",
        "uid-gone-0002",
        "uid-gone-0010",
    ]


def test_forgetting_is_no_reason_for_a_write() -> None:
    answer = sync_range(releases(RELEASED_COUNT_MIN + 9))
    assert answer["status"]["revision"] == 1
    assert len(answer["status"]["released"]) == RELEASED_COUNT_MIN + 9


def test_no_more_releases_are_recorded_than_the_crd_admits() -> None:
    gone = {f"u{number:035}" for number in range(RELEASED_COUNT_MAX + 1)}
    evidence = Evidence(present=(), released=gone, reclaimed=(), answered=(), wants_hold=False, closing=False)
    first = after_releases(Ledger(3, {}, {}, (), on_hold=False, closing=False), evidence, NOW)
    assert len(first.released) == RELEASED_COUNT_MAX
    left = gone - set(first.released)
    second = after_releases(first, replace(evidence, released=left), NOW)
    assert set(second.released) == set(first.released[-RELEASED_COUNT_MIN:]), (
        "requests that are not observed any more are forgotten"
    )
    assert set(after_releases(second, replace(evidence, released=left), NOW).released) > left
