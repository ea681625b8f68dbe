"""Selectors of namespaces: what they select, and which of them are valid."""

import pytest

from hooks.api.kinds import AllowedNamespaces, LabelRequirement, LabelSelector
from hooks.api.namespaces import invalid_reason, selects
from simulator.kubernetes.objects import selector_matches
from tests.hooks.build import Obj

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
