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
def test_each_operator_selects_the_same_labels_as_in_the_simulator(requirement: Obj, labels: dict[str, str]) -> None:
    """Metacontroller selects with code of its own. The simulator stands for it: it shares no code with the hooks."""
    selector = LabelSelector(match_labels={}, match_expressions=[LabelRequirement(**requirement)])
    assert selects(selector, labels) == selector_matches({"matchExpressions": [requirement]}, labels)


@pytest.mark.parametrize(
    ("key", "is_valid"),
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
def test_a_label_key_is_valid_exactly_if_kubernetes_accepts_it(key: str, is_valid: bool) -> None:
    allowed = AllowedNamespaces("Selector", LabelSelector(match_labels={key: "x"}))
    assert (invalid_reason(allowed) is None) == is_valid


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [("", True), ("a" * 63, True), ("a" * 64, False), ("-a", False), ("a b", False), ("a\n", False)],
)
def test_a_label_value_is_valid_exactly_if_kubernetes_accepts_it(value: str, is_valid: bool) -> None:
    allowed = AllowedNamespaces("Selector", LabelSelector(match_labels={"key": value}))
    assert (invalid_reason(allowed) is None) == is_valid
