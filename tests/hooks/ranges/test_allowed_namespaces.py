"""The namespaces whose requests a range serves: `spec.allowedNamespaces`."""

import copy
import json

import pytest

from tests.hooks.build import (
    ALL,
    NAMESPACE,
    Obj,
    answer_item,
    deleted,
    entry,
    namespace_object,
    range_object,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answers_of, customize_range, ledger_of, sync_range

PUBLIC = {"from": "Selector", "selector": {"matchLabels": {"ipam": "public"}}}
OWN = namespace_object()
#: A request of team-b to the range of team-a.
FOREIGN = request_object("team-b/web", range_="team-a/net")


def team_b(**labels: str) -> Obj:
    return namespace_object("team-b", labels=labels)


@pytest.mark.parametrize(
    ("allowed", "namespaces", "served"),
    [
        (None, [], {"own"}),
        ({}, [], {"own"}),
        ({"from": "Same"}, [team_b(ipam="public")], {"own"}),
        (ALL, [], {"own", "web"}),
        (PUBLIC, [OWN, team_b(ipam="public")], {"web"}),
        (PUBLIC, [OWN, team_b(ipam="private")], set()),
        (PUBLIC, [OWN], set()),
        (PUBLIC, [namespace_object(labels={"ipam": "public"})], {"own"}),
        ({"from": "Selector", "selector": {}}, [OWN, team_b()], {"own", "web"}),
    ],
    ids=[
        "absent",
        "empty",
        "Same",
        "All",
        "selected",
        "another value",
        "no namespace",
        "own selected",
        "empty selector",
    ],
)
def test_requests_are_served_from_allowed_namespaces_only(
    allowed: Obj | None, namespaces: list[Obj], served: set[str]
) -> None:
    parent = range_object(allowed=allowed)
    answer = sync_range(parent, request_object("own"), FOREIGN, namespaces=namespaces)
    assert set(ledger_of(answer)) == served


@pytest.mark.parametrize("request_", [FOREIGN, deleted(FOREIGN)], ids=["alive", "being deleted"])
@pytest.mark.parametrize("malformed", [False, True], ids=["readable", "malformed"])
def test_a_request_that_is_not_allowed_and_holds_no_block_does_not_change_the_answer(
    request_: Obj, *, malformed: bool
) -> None:
    request = copy.deepcopy(request_)
    if malformed:
        del request["metadata"]["uid"]
    for parent in (
        range_object(),
        with_ledger(deleted(range_object()), revision=3, closing=True),
        range_object("nonsense"),
    ):
        assert sync_range(parent, request) == sync_range(parent)


def test_a_block_stays_granted_and_is_released_as_usual_if_its_namespace_is_no_longer_allowed() -> None:
    parent = with_ledger(range_object(allowed=PUBLIC), entry("team-b/web", "10.0.0.0/28"))
    item = answer_item("team-b/web", cidr="10.0.0.0/28", revision=1)
    answer = sync_range(parent, showing(FOREIGN, "10.0.0.0/28"), answers=[item])
    assert answers_of(answer) == {"web": ("Ready", "10.0.0.0/28")}
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    answer = sync_range(parent, deleted(showing(FOREIGN, "10.0.0.0/28")), answers=[item])
    assert ledger_of(answer) == {}
    assert answer["status"]["revision"] == 2


def test_a_holder_that_cannot_be_read_keeps_its_block() -> None:
    parent = with_ledger(range_object(), entry("team-b/web", "10.0.0.0/28"))
    unreadable = copy.deepcopy(FOREIGN)
    del unreadable["metadata"]["uid"]
    answer = sync_range(parent, unreadable)
    assert "absentSince" not in answer["status"]["allocations"][0]
    assert "team-b/web" in answer["status"]["message"]


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_a_refusal_is_withdrawn_when_its_namespace_is_no_longer_allowed(state: str) -> None:
    refusal = answer_item("team-b/web", state)
    assert answers_of(sync_range(range_object(), FOREIGN, answers=[refusal])) == {}


def test_a_refused_request_that_is_deleted_is_answered_released_though_it_is_no_longer_allowed() -> None:
    refusal = answer_item("team-b/web", "Busy")
    parent = range_object()
    answer = sync_range(parent, deleted(FOREIGN), answers=[refusal])
    assert answer["status"]["released"] == ["uid-web"]
    parent["status"] = answer["status"]
    for answers in ([refusal], []):
        answer = sync_range(parent, deleted(FOREIGN), answers=answers)
        assert answers_of(answer) == {"web": ("Released", "")}


def test_a_holder_that_is_no_longer_allowed_blocks_the_deletion_of_its_range() -> None:
    parent = with_ledger(deleted(range_object()), entry("team-b/web", "10.0.0.0/28"), closing=True)
    answer = sync_range(parent, showing(FOREIGN, "10.0.0.0/28"), finalizing=True)
    assert answer["finalized"] is False
    assert answer["status"]["message"] == "waiting for 1 request: team-b/web"


def test_customize_asks_for_the_selected_namespaces_besides_its_own() -> None:
    _, own, _, selected = customize_range(range_object(allowed=PUBLIC))["relatedResources"]
    assert own == {"apiVersion": "v1", "resource": "namespaces", "names": [NAMESPACE]}
    assert selected == {"apiVersion": "v1", "resource": "namespaces", "labelSelector": PUBLIC["selector"]}


@pytest.mark.parametrize(
    "allowed",
    [ALL, {"from": "Selector"}, {"from": "Selector", "selector": {"matchLabels": {"no key": ""}}}, {"from": 5}],
)
def test_customize_asks_with_no_selector_that_metacontroller_would_reject(allowed: Obj) -> None:
    def asked(parent: Obj) -> list[Obj]:
        return [each for each in customize_range(parent)["relatedResources"] if each["resource"] == "namespaces"]

    assert asked(range_object(allowed=allowed)) == asked(range_object())


def test_customize_sorts_labels_whatever_their_order_in_the_body() -> None:
    pairs = [("team", "a"), ("stage", "test"), ("example.com/tier", "1")]
    asked = [
        json.dumps(customize_range(range_object(allowed={"from": "Selector", "selector": {"matchLabels": labels}})))
        for labels in (dict(pairs), dict(reversed(pairs)))
    ]
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("allowed", "namespace"),
    [(None, NAMESPACE), ({"from": "Same"}, NAMESPACE), (ALL, None), (PUBLIC, None), ({"from": 5}, None)],
    ids=["absent", "Same", "All", "Selector", "unreadable"],
)
def test_customize_asks_only_for_requests_of_namespaces_that_may_be_served(
    allowed: Obj | None, namespace: str | None
) -> None:
    """Otherwise any user could create so many requests that the calls of a range fail."""
    (requests,) = [
        each
        for each in customize_range(range_object(allowed=allowed))["relatedResources"]
        if each["resource"] == "ipamrequests"
    ]
    assert requests.get("namespace") == namespace
