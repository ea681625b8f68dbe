"""A range that was made from the block of a request: named, ended, finished; and the release of that block."""

import pytest

from tests.hooks.build import (
    Obj,
    Others,
    answer_item,
    at,
    deleted,
    entry,
    range_object,
    reclaiming,
    request_object,
    showing,
    with_ledger,
    with_metadata,
)
from tests.hooks.calls import answers_of, condition, customize_range, ledger_of, sync_range
from tests.hooks.delegating import delegated_range, delegating, naming

CIDR = "10.0.0.0/28"
SITE = showing(delegating(request_object("site")), CIDR)
RANGE = delegated_range(SITE, CIDR)
NAMED = naming(SITE)
WEB = request_object("web", range_="d")
#: By what the request shows, whether the range may grant.
UNNAMED = {
    "not named": SITE,
    "another one named": naming(SITE, "uid-other"),
    "another request": with_metadata(NAMED, uid="uid-late"),
}


def call(range_: Obj, *requests: Obj, finalizing: bool = False) -> Obj:
    """The answer to a range; one that may be removed has given up its extents."""
    own: Others = {"announced": [], "finalizing": True} if finalizing else {}
    return sync_range(range_, *requests, **own)


def test_a_range_asks_for_its_request() -> None:
    rule = {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "resource": "ipamrequests", "namespace": "team-a"}
    assert rule | {"names": ["site"]} in customize_range(RANGE)["relatedResources"]


def test_a_range_that_its_request_names_grants_blocks() -> None:
    assert ledger_of(call(RANGE, NAMED, WEB)) == {"web": "10.0.0.0/32"}


@pytest.mark.parametrize("request_", UNNAMED.values(), ids=UNNAMED)
def test_a_range_that_its_request_does_not_name_grants_nothing(request_: Obj) -> None:
    answer = call(RANGE, request_, WEB)
    assert ledger_of(answer) == {}
    assert answers_of(answer) == {"web": ("Busy", "")}
    assert condition(answer["status"])["reason"] == "NotDelegated"


def test_a_range_whose_request_is_not_observed_grants_nothing_and_keeps_what_is_held() -> None:
    answer = call(
        with_ledger(RANGE, entry("web", "10.0.0.0/32")),
        showing(WEB, "10.0.0.0/32"),
        request_object("db", range_="d"),
    )
    assert ledger_of(answer) == {"web": "10.0.0.0/32"}


def test_a_range_without_its_request_in_its_spec_is_invalid() -> None:
    spec = {name: value for name, value in RANGE["spec"].items() if name != "delegatedFrom"}
    answer = sync_range(RANGE | {"spec": spec}, NAMED, WEB)
    assert answer["status"]["state"] == "Invalid"
    assert "delegatedFrom is missing" in answer["status"]["message"]


def test_a_range_ends_with_its_request() -> None:
    answer = call(with_ledger(RANGE, entry("web", "10.0.0.0/32")), deleted(NAMED), showing(WEB, "10.0.0.0/32"))
    status = answer["status"]
    assert (status["closing"], status["state"], "finished" in status) == (True, "Deleting", False)
    assert ledger_of(answer) == {"web": "10.0.0.0/32"}
    assert status["message"].startswith("request team-a/site, whose block this is, is being deleted; waiting for 1 ")


def test_the_end_of_a_range_is_not_undone_by_an_older_view_of_its_request() -> None:
    assert call(with_ledger(RANGE, closing=True, revision=3), NAMED, WEB)["status"]["state"] == "Deleting"


def test_a_range_is_finished_when_its_committed_ledger_is_closing_and_empty() -> None:
    assert "finished" not in call(RANGE, deleted(NAMED))["status"]
    closing = with_ledger(RANGE, closing=True, revision=3)
    assert call(closing, deleted(NAMED))["status"]["finished"] is True
    assert "finished" not in call(closing, deleted(NAMED), showing(WEB, "10.0.0.0/32"))["status"]


@pytest.mark.parametrize(
    ("request_", "is_removed"),
    [
        (deleted(NAMED), False),
        (NAMED, False),
        (SITE, False),
        (deleted(SITE), True),
        (naming(SITE, finished=True), True),
        (naming(SITE, "uid-other"), True),
    ],
    ids=["named, deleted", "named", "not named", "never named", "knows", "names another one"],
)
def test_a_deleted_range_stays_until_its_request_knows_that_it_is_finished(request_: Obj, is_removed: bool) -> None:
    over = deleted(with_ledger(RANGE, closing=True, revision=3), at(-60))
    assert call(over, request_, finalizing=True)["finalized"] is is_removed


@pytest.mark.parametrize(("seconds", "is_removed"), [(-9, False), (-10, True)])
def test_a_deleted_range_whose_request_is_not_observed_waits_for_ten_seconds(seconds: int, is_removed: bool) -> None:
    over = deleted(with_ledger(RANGE, closing=True, revision=3), at(seconds))
    assert call(over, finalizing=True)["finalized"] is is_removed


def test_a_deleted_range_that_a_person_made_does_not_wait_for_the_request_that_it_names() -> None:
    over = deleted(with_ledger(RANGE, closing=True, revision=3), at(-60))
    assert call(with_metadata(over, ownerReferences=[]), SITE, finalizing=True)["finalized"] is True


def test_a_request_that_can_not_be_read_is_awaited() -> None:
    over = deleted(with_ledger(RANGE, closing=True, revision=3), at(-60))
    unreadable = NAMED | {"status": {"range": 1}}
    assert call(over, unreadable, finalizing=True)["finalized"] is False


# --- the release of the block


HELD = with_ledger(range_object(), entry("site", CIDR))
ANSWER = answer_item("site", cidr=CIDR, revision=1)


@pytest.mark.parametrize(
    ("request_", "is_released"),
    [(NAMED, False), (naming(SITE, finished=True), True), (SITE, True)],
    ids=["in use", "finished", "never named"],
)
def test_a_block_is_released_only_after_its_range(request_: Obj, is_released: bool) -> None:
    assert ledger_of(sync_range(HELD, deleted(request_), answers=[ANSWER])) == ({} if is_released else {"site": CIDR})


def test_the_owner_of_the_range_releases_a_block_whose_range_was_removed_by_force() -> None:
    assert ledger_of(sync_range(reclaiming(HELD, "uid-site"), deleted(NAMED), answers=[ANSWER])) == {}
    assert ledger_of(sync_range(reclaiming(HELD, "uid-site"), NAMED, answers=[ANSWER])) == {"site": CIDR}
