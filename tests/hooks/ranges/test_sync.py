"""customize, sync and finalize of an IPAMRange: the rules of customize, deletion, and the time of the next call."""

import pytest

from hooks.api import names
from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    namespace_object,
    put_on_hold,
    range_body,
    range_object,
    reclaiming,
    request_object,
    showing,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import answer_to, answers_of, condition, customize_range, ledger_of, messages_of, sync_range

# --- customize --------------------------------------------------------------------------------------------------------


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
                "labelSelector": {
                    "matchLabels": {"ipam.mandelsoft.org/domain": "default"},
                    "matchExpressions": [
                        {
                            "key": "ipam.mandelsoft.org/cell",
                            "operator": "In",
                            "values": ["IPv4-0.0.0.0.0", "IPv4-10.0.0.0.16", "IPv4-10.0.0.0.24"],
                        }
                    ],
                },
            },
        ]
    }


def test_customize_depends_on_name_and_spec_alone() -> None:
    """Metacontroller caches the answer by uid and generation: changed labels or status do not refresh it."""
    for spec in (range_object(), range_object("10.0.0.0/24", "::/64")):
        fresh: Obj = {field: value for field, value in spec.items() if field != "status"}
        other = put_on_hold(with_ledger(spec, entry("a", CIDR), closing=True))
        assert customize_range(other) == customize_range(spec) == customize_range(fresh)


def test_a_deleted_range_asks_for_no_extents_which_may_be_too_large_for_its_deletion() -> None:
    """A deletion is a new generation, so Metacontroller asks again. The range grants nothing any more."""
    rules = customize_range(deleted(range_object()))["relatedResources"]
    assert [rule["resource"] for rule in rules] == ["ipamrequests", "namespaces"]
    body = range_body(deleted(with_ledger(range_object(), entry("web", CIDR))), WEB)
    del body["related"][names.EXTENT_KEY]
    status = answer_to(body)["status"]
    assert (status["state"], status["closing"]) == ("Deleting", True)
    assert status["message"] == "waiting for 1 request: team-a/web"


def extents_selector(parent: Obj) -> Obj:
    rules = customize_range(parent)["relatedResources"]
    (asked,) = [each for each in rules if each["resource"] == "ipamextents"]
    selector: Obj = asked["labelSelector"]
    return selector


def test_customize_asks_for_the_extents_of_the_named_domain() -> None:
    assert extents_selector(range_object(domain="corp"))["matchLabels"] == {names.DOMAIN_LABEL: "corp"}


@pytest.mark.parametrize(
    "parent",
    [range_object("web"), range_object("0.0.0.0/0"), range_object(*[f"10.{n}.0.0" for n in range(256)], "11.0.0.0/8")],
    ids=["invalid", "all of IPv4", "very many cells"],
)
def test_customize_asks_for_all_extents_of_the_domain_where_cells_say_nothing(parent: Obj) -> None:
    assert extents_selector(parent) == {"matchLabels": {names.DOMAIN_LABEL: "default"}}


# --- deletion ---------------------------------------------------------------------------------------------------------

CLOSING = with_ledger(deleted(range_object()), revision=3, closing=True)
CLOSING_WITH_HOLDER = with_ledger(deleted(range_object()), entry("web", "10.0.0.0/28"), revision=3, closing=True)


def test_a_deletion_is_committed_as_closing_first() -> None:
    answer = sync_range(deleted(range_object()), finalizing=True)
    assert (answer["status"]["closing"], answer["status"]["revision"]) == (True, 1)
    assert answer["finalized"] is False


@pytest.mark.parametrize(
    ("parent", "requests", "answers", "finalized"),
    [
        (CLOSING, [], [], True),
        (deleted(range_object()), [], [], False),
        (CLOSING_WITH_HOLDER, [], [], False),
        (CLOSING_WITH_HOLDER, [DELETED_WEB], [], False),
        (CLOSING, [WEB], [], True),
        (CLOSING, [showing(WEB, "10.0.0.0/28")], [], False),
        (CLOSING, [DELETED_WEB], [], False),
        (CLOSING, [], [answer_item("web", "Released", revision=1)], False),
        (CLOSING, [request_object("web", range_="other")], [], True),
    ],
    ids=[
        "closing and empty",
        "not observed as closing",
        "a holder",
        "a holder that is released in this call",
        "a request without a block",
        "a request that shows a block",
        "a request that is released",
        "an answer exists",
        "a request of another range",
    ],
)
def test_a_range_is_finalized_only_when_the_observed_ledger_is_closing_and_empty(
    parent: Obj, requests: list[Obj], answers: list[Obj], *, finalized: bool
) -> None:
    answer = sync_range(parent, *requests, answers=answers, announced=[], finalizing=True)
    assert answer["finalized"] is finalized


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_refused_requests_do_not_keep_a_range(state: str) -> None:
    """Each user that may write requests could keep it forever. Its extents and refusals are deleted first."""
    answer = sync_range(CLOSING, WEB, answers=[answer_item("web", state, message="no")], finalizing=True)
    assert (answer["children"], answer["finalized"]) == ([], False)


def test_sync_does_not_answer_finalized() -> None:
    assert "finalized" not in sync_range(with_ledger(range_object(), revision=1, closing=True))


def test_nothing_is_granted_once_the_ledger_is_closing_even_if_the_deletion_is_not_observed() -> None:
    answer = sync_range(with_ledger(range_object(), revision=1, closing=True), WEB)
    assert ledger_of(answer) == {}
    assert messages_of(answer)["web"] == "range team-a/net is being deleted: create a request for another range"
    assert answers_of(answer)["web"] == ("Invalid", "")


def test_nothing_is_granted_in_the_call_that_observes_the_deletion() -> None:
    answer = sync_range(deleted(range_object()), WEB)
    assert ledger_of(answer) == {}
    assert messages_of(answer)["web"] == "range team-a/net is being deleted: create a request for another range"


def test_closing_is_never_undone() -> None:
    assert sync_range(with_ledger(range_object(), revision=1, closing=True))["status"]["closing"] is True


def test_a_deleted_range_names_the_requests_for_which_it_waits() -> None:
    parent = with_ledger(deleted(range_object()), entry("held", "10.0.0.0/28"), closing=True)
    status = sync_range(parent, request_object("held"), finalizing=True)["status"]
    assert (status["state"], status["message"]) == ("Deleting", "waiting for 1 request: team-a/held")
    shown = condition(status)
    assert (shown["status"], shown["reason"]) == ("False", "Deleting")


def test_a_request_that_cannot_be_read_blocks_the_deletion_of_its_range() -> None:
    """It is unknown which range it names. While it exists, it may be this one."""
    broken: Obj = request_object("web")
    broken["metadata"]["generation"] = "one"
    assert sync_range(CLOSING, broken, finalizing=True)["finalized"] is False


def test_an_answer_that_cannot_be_read_blocks_the_deletion_of_its_range() -> None:
    broken = slice_object(answer_item("web", "Released", revision=1))
    broken["spec"]["answers"][0]["revision"] = "one"
    assert sync_range(CLOSING, slices=[broken], finalizing=True)["finalized"] is False


# --- namespaces that are being deleted --------------------------------------------------------------------------------


def test_in_a_namespace_that_is_being_deleted_no_answer_is_created_and_none_is_lost() -> None:
    parent = with_ledger(range_object(), entry("old", "10.0.0.0/28"), entry("new", "10.0.0.16/28"))
    existing = answer_item("old", cidr="10.0.0.0/28", revision=1)
    requests = [request_object("old"), request_object("new", created=at(-9)), request_object("refused", size=99)]
    namespaces = [deleted(namespace_object(), at(-5))]
    answer = sync_range(parent, *requests, answers=[existing], namespaces=namespaces)
    assert answers_of(answer) == {"old": ("Ready", "10.0.0.0/28")}
    other = [namespace_object(), deleted(namespace_object("team-b"), at(-5))]
    answer = sync_range(parent, *requests, answers=[existing], namespaces=other)
    assert set(answers_of(answer)) == {"old", "new", "refused"}


# --- the next call ----------------------------------------------------------------------------------------------------

AT_REST = 300.0
HELD = with_ledger(range_object(), entry("web", CIDR))
ABSENT = entry("web", CIDR, absent_since=at(-20))
ANSWERS = [answer_item("web", cidr=CIDR, revision=1)]
EMPTY = slice_object(name="net-empty")


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (range_body(range_object()), AT_REST),
        (range_body(HELD, WEB, answers=ANSWERS), AT_REST),
        (range_body(HELD, WEB), 10),
        (range_body(HELD, WEB, answers=ANSWERS, slices=[EMPTY]), AT_REST),
        (range_body(reclaiming(with_ledger(range_object(), ABSENT), "uid-web"), answers=ANSWERS), 40),
        (range_body(reclaiming(with_ledger(range_object(), ABSENT), "uid-other"), answers=ANSWERS), AT_REST),
        (range_body(with_ledger(deleted(range_object()), ABSENT, closing=True), answers=ANSWERS), AT_REST),
        (range_body(with_ledger(range_object(), ABSENT), answers=ANSWERS), AT_REST),
        (range_body(HELD, WEB, namespaces=[deleted(namespace_object())]), AT_REST),
    ],
    ids=[
        "nothing to do",
        "at rest",
        "an answer that does not exist yet",
        "a slice that is empty",
        "an absent holder that is to be reclaimed",
        "an absent holder beside one that is to be reclaimed",
        "an absent holder of a closing range",
        "an absent holder",
        "an answer that cannot be created",
    ],
)
def test_the_next_call_is_soon_where_only_time_helps_and_late_at_rest(body: Obj, seconds: float) -> None:
    assert answer_to(body)["resyncAfterSeconds"] == seconds
