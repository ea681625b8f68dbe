"""Whose requests a range serves: `spec.allowedNamespaces`."""

import json
from typing import Any

import pytest

from hooks.api.kinds import AllowedNamespaces, LabelRequirement, LabelSelector
from hooks.api.namespaces import invalid_reason, selects
from simulator.kubernetes.objects import selector_matches
from tests.hooks.build import (
    ALL,
    NAMESPACE,
    Obj,
    allocation_object,
    answers_of,
    at,
    customize_range,
    entry,
    ledger_of,
    namespace_object,
    range_body,
    range_object,
    request_object,
    sync_range,
)

PUBLIC = {"from": "Selector", "selector": {"matchLabels": {"ipam": "public"}}}
OWN = namespace_object()


def foreign(name: str = "web", **more: Any) -> Obj:
    """A request of team-b to the range of team-a."""
    return request_object(name, namespace="team-b", range_namespace=NAMESPACE, **more)


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
    ids=["absent", "empty", "Same", "All", "selected", "another value", "unseen", "own selected", "empty selector"],
)
def test_requests_are_served_from_allowed_namespaces_only(
    allowed: Obj | None, namespaces: list[Obj], served: set[str]
) -> None:
    parent = range_object(allowed=allowed)
    answer = sync_range(range_body(parent, request_object("own"), foreign(), namespaces=namespaces))
    assert set(ledger_of(answer)) == served


@pytest.mark.parametrize("deleted", [None, at(-1)], ids=["alive", "going"])
@pytest.mark.parametrize("malformed", [False, True], ids=["readable", "malformed"])
def test_a_request_that_is_not_allowed_and_holds_nothing_changes_no_byte(deleted: str | None, malformed: bool) -> None:
    stranger = foreign(deleted=deleted)
    if malformed:
        del stranger["metadata"]["uid"]
    for parent in (range_object(), range_object(deleted=at(-5), closing=True, revision=3), range_object("nonsense")):
        assert sync_range(range_body(parent, stranger)) == sync_range(range_body(parent))


def test_what_was_granted_stays_and_is_released_as_ever() -> None:
    parent = range_object(allowed=PUBLIC, entries=[{**entry("web", "10.0.0.0/28"), "request": "team-b/web"}])
    held = allocation_object("web", cidr="10.0.0.0/28", revision=1, namespace="team-b")
    answer = sync_range(range_body(parent, foreign(cidr="10.0.0.0/28"), allocations=[held]))
    assert answers_of(answer) == {"web": ("Ready", "10.0.0.0/28")}
    assert ledger_of(answer) == {"web": "10.0.0.0/28"}
    answer = sync_range(range_body(parent, foreign(cidr="10.0.0.0/28", deleted=at(-1)), allocations=[held]))
    assert ledger_of(answer) == {}
    assert answer["status"]["revision"] == 2


def test_a_holder_that_can_not_be_read_keeps_its_block() -> None:
    parent = range_object(entries=[{**entry("web", "10.0.0.0/28"), "request": "team-b/web"}])
    unreadable = foreign()
    del unreadable["metadata"]["uid"]
    answer = sync_range(range_body(parent, unreadable))
    assert "absentSince" not in answer["status"]["allocations"][0]
    assert "team-b/web" in answer["status"]["message"]


@pytest.mark.parametrize("state", ["Busy", "Invalid"])
def test_a_refusal_is_withdrawn_when_its_namespace_is_not_allowed_any_more(state: str) -> None:
    refusal = allocation_object("web", state, namespace="team-b")
    (marked,) = sync_range(range_body(range_object(), foreign(), allocations=[refusal]))["children"]
    assert marked["spec"]["reason"] == "Withdrawn"
    refusal["spec"] = marked["spec"]
    assert answers_of(sync_range(range_body(range_object(), foreign(), allocations=[refusal]))) == {}


def test_a_refused_request_that_is_deleted_is_let_go_though_it_is_not_allowed_any_more() -> None:
    refusal = allocation_object("web", "Busy", namespace="team-b")
    parent = range_object()
    answer = sync_range(range_body(parent, foreign(deleted=at(-1)), allocations=[refusal]))
    assert answer["status"]["released"] == ["uid-web"]
    parent["status"] = answer["status"]
    for allocations in ([refusal], []):
        answer = sync_range(range_body(parent, foreign(deleted=at(-1)), allocations=allocations))
        assert answers_of(answer) == {"web": ("Released", "")}


def test_a_holder_that_is_not_allowed_any_more_holds_a_range_that_is_deleted() -> None:
    entries = [{**entry("web", "10.0.0.0/28"), "request": "team-b/web"}]
    parent = range_object(entries=entries, closing=True, deleted=at(-5))
    answer = sync_range(range_body(parent, foreign(cidr="10.0.0.0/28"), finalizing=True))
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
def test_customize_asks_by_no_selector_that_metacontroller_would_fail_on(allowed: Obj) -> None:
    def asked(parent: Obj) -> list[Obj]:
        return [each for each in customize_range(parent)["relatedResources"] if each["resource"] == "namespaces"]

    assert asked(range_object(allowed=allowed)) == asked(range_object())


def test_labels_are_asked_for_in_their_own_order_and_not_in_that_of_the_wire() -> None:
    pairs = [("team", "a"), ("stage", "test"), ("example.com/tier", "1")]
    asked = [
        json.dumps(customize_range(range_object(allowed={"from": "Selector", "selector": {"matchLabels": labels}})))
        for labels in (dict(pairs), dict(reversed(pairs)))
    ]
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("allowed", "namespace"),
    [(None, NAMESPACE), ({"from": "Same"}, NAMESPACE), (ALL, None), (PUBLIC, None), ({"from": 5}, None)],
    ids=["nothing said", "Same", "All", "Selector", "unreadable"],
)
def test_customize_asks_for_no_requests_of_namespaces_that_are_never_served(
    allowed: Obj | None, namespace: str | None
) -> None:
    """Or anybody could fill the calls of a range, and so stop it."""
    (requests,) = [
        each
        for each in customize_range(range_object(allowed=allowed))["relatedResources"]
        if each["resource"] == "ipamrequests"
    ]
    assert requests.get("namespace") == namespace


REQUIREMENTS = [
    {"key": "tier", "operator": "In", "values": ["web", "db"]},
    {"key": "tier", "operator": "NotIn", "values": ["web"]},
    {"key": "tier", "operator": "Exists"},
    {"key": "tier", "operator": "DoesNotExist"},
]


@pytest.mark.parametrize("labels", [{}, {"tier": "web"}, {"tier": "db"}, {"tier": ""}, {"other": "web"}])
@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each["operator"])
def test_each_operator_means_what_it_means_in_the_simulator(requirement: Obj, labels: dict[str, str]) -> None:
    """Metacontroller selects by its own reading, and the simulator's is one that shares no code with ours."""
    selector = LabelSelector(match_labels={}, match_expressions=[LabelRequirement(**requirement)])
    assert selects(selector, labels) == selector_matches({"matchExpressions": [requirement]}, labels)


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        ("team", True),
        ("Team_1.x", True),
        ("example.com/team", True),
        ("a" * 63, True),
        ("a" * 64, False),
        (f"{'a' * 253}/b", True),
        (f"{'a' * 254}/b", False),
        ("", False),
        ("/team", False),
        ("example.com/", False),
        ("a..b/team", False),
        ("Example.com/team", False),
        ("a/b/c", False),
        ("team\n", False),
    ],
)
def test_keys_of_labels(key: str, is_one: bool) -> None:
    allowed = AllowedNamespaces("Selector", LabelSelector(match_labels={key: "x"}))
    assert (invalid_reason(allowed) is None) == is_one


@pytest.mark.parametrize(
    ("value", "is_one"),
    [("", True), ("a" * 63, True), ("a" * 64, False), ("-a", False), ("a b", False), ("a\n", False)],
)
def test_values_of_labels(value: str, is_one: bool) -> None:
    allowed = AllowedNamespaces("Selector", LabelSelector(match_labels={"key": value}))
    assert (invalid_reason(allowed) is None) == is_one
