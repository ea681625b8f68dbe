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
    CIDR,
    DELETED_WEB,
    NOW,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    range_object,
    reclaiming,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answers_of, ledger_of, sync_range

#: A range with one entry.
HELD = with_ledger(range_object(), entry("web", CIDR), revision=4)
#: The same; the holder has been absent for a minute.
ABSENT = with_ledger(range_object(), entry("web", CIDR, absent_since=at(-60)), revision=4)


# --- proofs (S5) and marks --------------------------------------------------------------------------------------------

ANSWERED_RELEASED = answer_item("web", "Released", revision=3)


@pytest.mark.parametrize(
    ("requests", "answers", "range_"),
    [
        ([DELETED_WEB], [], HELD),
        ([deleted(request_object("web", finalizers=()))], [], HELD),
        ([DELETED_WEB], [ANSWERED_RELEASED], HELD),
        ([], [], reclaiming(ABSENT, "uid-web")),
        ([], [], reclaiming(ABSENT, "uid-other, uid-web ,")),
        ([], [], reclaiming(ABSENT, "uid-other uid-web\nuid-third")),
        ([], [], deleted(reclaiming(ABSENT, "uid-web"))),
    ],
    ids=[
        "(a) being deleted, only our finalizer",
        "(a) being deleted, no finalizer",
        "(a) and already answered",
        "(b) reclaimed",
        "(b) one of several, separated by commas",
        "(b) one of several, separated by spaces",
        "(b) reclaimed from a range that is being deleted",
    ],
)
def test_an_entry_is_removed_with_proof(requests: list[Obj], answers: list[Obj], range_: Obj) -> None:
    answer = sync_range(range_, *requests, answers=answers)
    assert ledger_of(answer) == {}
    assert answer["status"]["revision"] == 5


OTHER_UID = request_object("web", uid="second-life", finalizers=())


@pytest.mark.parametrize(
    ("requests", "answers", "range_"),
    [
        ([], [], HELD),
        ([OTHER_UID], [], HELD),
        ([deleted(request_object("web", uid="second-life"))], [], HELD),
        ([deleted(request_object("web", finalizers=(REQUEST_FINALIZER, "example.com/other")))], [], HELD),
        ([deleted(request_object("web", finalizers=("example.com/other",)))], [], HELD),
        ([request_object("web", finalizers=())], [], HELD),
        ([], [answer_item("web", "Busy")], HELD),
        ([], [ANSWERED_RELEASED], HELD),
        ([], [], reclaiming(HELD, "uid-web")),
        ([], [], reclaiming(ABSENT, "")),
        ([], [], reclaiming(ABSENT, "uid-we,uid-web2,team-a/web,web")),
        ([], [], reclaiming(ABSENT, "uid-web;uid-other")),
        ([WEB], [], reclaiming(ABSENT, "uid-web")),
        ([], [], deleted(HELD, at(-600))),
        ([WEB], [], deleted(HELD, at(-600))),
    ],
    ids=[
        "absence",
        "the same name with another uid",
        "the same name with another uid, being deleted",
        "being deleted, with a foreign finalizer, too",
        "being deleted, with a foreign finalizer only",
        "alive without our finalizer",
        "an answer in another state",
        "a Released answer, which another client could have written",
        "a reclaim of a holder that was not absent before",
        "an empty reclaim",
        "a reclaim of others",
        "a reclaim with another separator",
        "a reclaim of a holder that exists",
        "deletion of the range, absent without a mark",
        "deletion of the range, holder exists",
    ],
)
def test_an_entry_stays_without_proof(requests: list[Obj], answers: list[Obj], range_: Obj) -> None:
    answer = sync_range(range_, *requests, answers=answers)
    assert ledger_of(answer) == {"web": CIDR}


@pytest.mark.parametrize(
    ("absent_since", "held"),
    [(at(-59), True), (at(-60), False), (at(-86_400), False), (at(60), True), (at(86_400), True)],
    ids=["less than a minute", "a minute", "a day", "marked in the future", "marked in the far future"],
)
def test_a_holder_is_reclaimed_once_it_has_been_absent_for_a_minute(absent_since: str, *, held: bool) -> None:
    """Finding 2: one call that misses a request (a label was removed, a cache is stale) proves nothing."""
    parent = with_ledger(range_object(), entry("web", CIDR, absent_since=absent_since))
    assert (ledger_of(sync_range(reclaiming(parent, "uid-web"))) == {"web": CIDR}) is held


def test_an_annotation_that_was_left_over_reclaims_nothing_in_the_call_that_first_misses_a_request() -> None:
    """Finding 2: that call marks the holder, and the mark is removed when the request is seen again."""
    parent = reclaiming(HELD, "uid-web")
    missed = sync_range(parent)
    assert missed["status"]["allocations"] == [entry("web", CIDR, absent_since=at(0))]
    back = sync_range(parent | {"status": missed["status"]}, WEB)
    assert back["status"]["allocations"] == [entry("web", CIDR)]


@pytest.mark.parametrize("absent_since", [at(-60), at(-86_400)])
def test_absence_releases_no_block_while_the_range_is_being_deleted(absent_since: str) -> None:
    """Finding 2: a tenant can hide a living request by removing its label; S5 (c) took that for its end."""
    parent = with_ledger(
        deleted(range_object(), at(-86_400)), entry("web", CIDR, absent_since=absent_since), closing=True
    )
    answer = sync_range(parent, finalizing=True)
    assert (ledger_of(answer), answer["finalized"]) == ({"web": CIDR}, False)


def test_an_existing_request_that_cannot_be_read_is_not_reclaimed() -> None:
    broken: Obj = request_object("web")
    broken["metadata"]["generation"] = "one"
    parent = with_ledger(deleted(range_object(), at(-600)), entry("web", CIDR, absent_since=at(-600)))
    assert ledger_of(sync_range(reclaiming(parent, "uid-web"), broken)) == {"web": CIDR}


def test_an_absent_holder_is_marked_once_and_its_block_stays_held() -> None:
    answer = sync_range(HELD)
    assert answer["status"]["allocations"] == [entry("web", CIDR, absent_since=at(0))]
    assert answer["status"]["revision"] == 5
    marked = with_ledger(range_object(), *answer["status"]["allocations"], revision=5)
    later = sync_range(marked, now=NOW.replace(hour=23))
    assert later["status"]["allocations"] == answer["status"]["allocations"]
    assert later["status"]["revision"] == 5


def test_a_mark_in_the_future_counts_as_now() -> None:
    """Otherwise it would delay a reclaim for as long as the clock was wrong."""
    marked = entry("web", CIDR, absent_since=at(86_400))
    parent = with_ledger(deleted(range_object()), marked, revision=5, closing=True)
    answers = [answer_item("web", cidr=CIDR, revision=1)]
    answer = sync_range(reclaiming(parent, "uid-web"), answers=answers, finalizing=True)
    assert answer["status"]["allocations"] == [entry("web", CIDR, absent_since=at(0))]
    assert answer["resyncAfterSeconds"] == 60


def test_the_mark_of_a_holder_that_is_back_is_removed() -> None:
    marked = with_ledger(range_object(), entry("web", CIDR, absent_since=at(-60)), revision=5)
    answer = sync_range(marked, WEB)
    assert answer["status"]["allocations"] == [entry("web", CIDR)]
    assert answer["status"]["revision"] == 6


def test_the_answer_to_an_absent_holder_stays_published() -> None:
    existing = answer_item("web", cidr=CIDR, revision=4)
    answer = sync_range(HELD, answers=[existing])
    assert answers_of(answer) == {"web": ("Ready", CIDR)}


def test_a_released_block_can_be_granted_in_the_same_call() -> None:
    parent = with_ledger(range_object(CIDR), entry("web", CIDR), revision=4)
    answer = sync_range(parent, DELETED_WEB, request_object("next"))
    assert ledger_of(answer) == {"next": CIDR}
    assert answer["status"]["revision"] == 5


# --- the memory of releases -------------------------------------------------------------------------------------------


def test_a_release_is_committed_with_the_uid_of_the_request() -> None:
    deleted_requests = [deleted(request_object(name)) for name in ("web", "never-served", "a-late-one")]
    parent = with_ledger(range_object(), entry("web", CIDR), released=["earlier"], revision=4)
    answer = sync_range(parent, *deleted_requests)
    assert answer["status"]["released"] == ["uid-earlier", "uid-web", "uid-a-late-one", "uid-never-served"]
    assert answer["status"]["revision"] == 5


def test_a_reclaimed_request_is_not_recorded_as_released() -> None:
    """If it exists after all, it must learn that its block has another holder."""
    answer = sync_range(reclaiming(ABSENT, "uid-web"))
    assert ledger_of(answer) == {}
    assert "released" not in answer["status"]


def releases(count: int) -> Obj:
    return with_ledger(range_object(), revision=1, released=[f"old-{number:04}" for number in range(count)])


def test_a_thousand_releases_are_remembered() -> None:
    answer = sync_range(releases(RELEASED_COUNT_MIN), DELETED_WEB)
    released = answer["status"]["released"]
    assert len(released) == RELEASED_COUNT_MIN
    assert (released[0], released[-1]) == ("uid-old-0001", "uid-web")


def test_no_release_is_forgotten_while_its_request_or_answer_is_observed() -> None:
    observed = [
        request_object("old-0000"),
        deleted(request_object("old-0002")),
        DELETED_WEB,
    ]
    answered = answer_item("old-0001", "Released", revision=1)
    answer = sync_range(releases(RELEASED_COUNT_MIN + 9), *observed, answers=[answered])
    assert answer["status"]["released"][:4] == [
        "uid-old-0000",
        "uid-old-0001",
        "uid-old-0002",
        "uid-old-0010",
    ]


def test_forgotten_releases_alone_cause_no_write() -> None:
    answer = sync_range(releases(RELEASED_COUNT_MIN + 9))
    assert answer["status"]["revision"] == 1
    assert len(answer["status"]["released"]) == RELEASED_COUNT_MIN + 9


def test_no_more_releases_are_recorded_than_the_crd_allows() -> None:
    uids = {f"u{number:035}" for number in range(RELEASED_COUNT_MAX + 1)}
    deleted_uids = dict.fromkeys(uids, NOW)
    evidence = Evidence(present=(), deleted=deleted_uids, reclaimed=(), cooled=(), answered=(), closing=False)
    first = after_releases(Ledger(3, {}, {}, (), on_hold=False, closing=False), evidence, NOW)
    assert len(first.released) == RELEASED_COUNT_MAX
    left = uids - set(first.released)
    second = after_releases(first, replace(evidence, deleted=dict.fromkeys(left, NOW)), NOW)
    assert set(second.released) == set(first.released[-RELEASED_COUNT_MIN:]), (
        "requests that are no longer observed are forgotten"
    )
    assert set(after_releases(second, replace(evidence, deleted=dict.fromkeys(left, NOW)), NOW).released) > left
