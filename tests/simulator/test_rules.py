"""The refusals of the API server and their messages: schema and CEL."""

from typing import Any

import pytest

from simulator.kubernetes.cel import BadRule, Rules
from simulator.kubernetes.cel_net import parse_cidr, parse_ip
from simulator.kubernetes.objects import Obj
from simulator.kubernetes.schema import Schema
from tests.simulator.toys import BOX_SPEC, box

SCHEMA = Schema({"type": "object", "required": ["spec"], "properties": {"spec": BOX_SPEC}})


def refused(root: Obj, new: Any, old: Any = None) -> list[str]:
    """The faults of a rule's value, wrapped so that it is the field `v` of an object."""
    rules = Rules({"properties": {"v": root}})
    return [str(fault) for fault in rules.faults({"v": new}, None if old is None else {"v": old})]


def rule(text: str, **more: Any) -> Obj:
    return {"x-kubernetes-validations": [{"rule": text, **more}]}


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({}, "spec.size: Required value"),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 4}, "spec.size: Invalid value: 4: spec.size in body should be less than or equal to 3"),
        ({"size": "1"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
        ({"size": 1, "color": "pink"}, 'spec.color: Unsupported value: "pink": supported values: "red", "blue"'),
        ({"size": 1, "notes": ["1", "2", "3"]}, "spec.notes: Too many: 3: must have at most 2 items"),
        ({"size": 1, "notes": ["123456"]}, "spec.notes[0]: Too long: may not be more than 5 bytes"),
    ],
)
def test_a_fault_names_field_value_and_reason(spec: Obj, fault: str) -> None:
    assert [str(found) for found in SCHEMA.faults({"spec": spec}, frozenset())] == [fault]


def test_the_keys_of_a_list_map_are_unique() -> None:
    items = {"type": "object", "properties": {"a": {}, "b": {}}}
    keyed = {"type": "array", "items": items, "x-kubernetes-list-map-keys": ["a"]}
    schema = Schema({"type": "object", "properties": {"v": {"properties": {"w": keyed}}}})

    assert schema.faults({"v": {"w": [{"a": 1, "b": 1}, {"a": 2, "b": 1}]}}, frozenset()) == []
    found = schema.faults({"v": {"w": [{"a": 1}, {"a": 2}, {"a": 1, "b": 1}]}}, frozenset())
    assert [str(fault) for fault in found] == ['v.w[2]: Duplicate value: {"a":1}']


def test_unchanged_fields_are_not_checked() -> None:
    assert SCHEMA.faults({"spec": {}}, frozenset({"spec"})) == []


def test_nulls_are_replaced_by_defaults_or_removed() -> None:
    assert SCHEMA.completed(box(color=None, notes=None))["spec"] == {"size": 1, "color": "red"}


def test_unknown_fields_are_found_at_every_level() -> None:
    root = {"properties": {"spec": {"type": "object", "properties": {"list": {"items": {"properties": {"a": {}}}}}}}}
    schema = Schema({"type": "object", **root})
    assert schema.unknown_fields({"spec": {"list": [{"a": 1}, {"b": 1}]}, "c": 1}) == ["spec.list[1].b", "c"]


def test_date_times_are_checked() -> None:
    schema = Schema({"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}})
    assert schema.faults({"at": "2026-01-01T00:00:00Z"}, frozenset()) == []
    assert "must be of type date-time" in str(schema.faults({"at": "yesterday"}, frozenset())[0])


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("isIP(self)", "10.0.0.1", True),
        ("isIP(self)", "010.0.0.1", False),
        ("isIP(self)", "fe80::1%eth0", False),
        ("isIP(self)", "::ffff:10.0.0.1", False),
        ("isCIDR(self)", "10.0.0.5/24", True),
        ("isCIDR(self)", "10.0.0.0/08", False),
        ("isCIDR(self)", "10.0.0.0/255.0.0.0", False),
        ("isCIDR(self)", "10.0.0.0/33", False),
        ("isCIDR(self)", "10.0.0.0", False),
        ("isCIDR(self)", "2001:DB8::/32", True),
        ("cidr(self) == cidr(self).masked()", "10.0.0.0/24", True),
        ("cidr(self) == cidr(self).masked()", "10.0.0.5/24", False),
        ("string(cidr(self)) == self", "2001:DB8::/32", False),
        ("string(cidr(self)) == self", "2001:db8::/32", True),
        ("string(cidr(self).ip()) == '10.0.0.5'", "10.0.0.5/24", True),
        ("cidr(self).prefixLength() == 24", "10.0.0.5/24", True),
        ("cidr(self).containsIP('10.0.0.9')", "10.0.0.0/24", True),
        ("cidr(self).containsCIDR('10.0.0.0/25')", "10.0.0.0/24", True),
        ("cidr(self).containsCIDR(cidr('10.0.0.0/23'))", "10.0.0.0/24", False),
        ("cidr(self).containsCIDR('::/0')", "10.0.0.0/24", False),
        ("ip(self).family() == 6", "::1", True),
        ("ip.isCanonical(self)", "2001:0db8::1", False),
        ("string(ip(self)) == '2001:db8::1'", "2001:0db8::1", True),
        ("self.split('-')[1].lowerAscii() == 'b' && self.indexOf('-') == 1", "a-B", True),
        ("string(size(self)) == '3'", "a-B", True),
        ("self == 'string(x)'", "string(x)", True),
        ("[1, 2, 3].sum() == 6 && [1, 2].isSorted() && [3, 1].min() == 1", "", True),
    ],
)
def test_functions_behave_as_in_kubernetes(text: str, value: str, holds: bool) -> None:
    assert (refused(rule(text), value) == []) is holds


@pytest.mark.parametrize("text", ["1.2.3", "10.0.0.01", "::1%lo", "::ffff:1.2.3.4"])
def test_addresses_that_kubernetes_refuses_are_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_ip(text)
    with pytest.raises(ValueError, match=text):
        parse_cidr(f"{text}/8")


def test_transition_rules_run_only_with_an_old_value() -> None:
    assert refused(rule("self == oldSelf", message="immutable"), 1) == []
    assert refused(rule("self == oldSelf", message="immutable"), 2, old=1) == ["v: Invalid value: 2: immutable"]


def test_an_optional_old_self_exists_for_new_values_too() -> None:
    text = "oldSelf.hasValue() ? oldSelf.value() == self : self == 1"
    assert refused(rule(text, optionalOldSelf=True), 1) == []
    assert refused(rule(text, optionalOldSelf=True), 2) != []
    assert refused(rule(text, optionalOldSelf=True), 2, old=2) == []


def test_rules_that_an_unchanged_value_breaks_do_not_refuse_the_write() -> None:
    assert refused(rule("self > 5"), 1, old=1) == []
    assert refused(rule("self > 5"), 1, old=2) == ["v: Invalid value: 1: failed rule: self > 5"]


def test_items_of_keyed_lists_are_compared_by_key() -> None:
    root = {
        "type": "array",
        "x-kubernetes-list-map-keys": ["k"],
        "items": {"type": "object", "properties": {"k": {}, "n": rule("self >= oldSelf", message="only up")}},
    }
    assert refused(root, [{"k": "b", "n": 1}, {"k": "a", "n": 5}], old=[{"k": "a", "n": 3}]) == []
    assert refused(root, [{"k": "a", "n": 1}], old=[{"k": "a", "n": 3}]) == ["v[0].n: Invalid value: 1: only up"]


def test_reserved_field_names_are_escaped() -> None:
    root = {"type": "object", "properties": {"namespace": {}, "a-b": {}}}
    assert refused(root | rule("self.__namespace__ == self.a__dash__b"), {"namespace": "x", "a-b": "x"}) == []


def test_an_error_in_a_rule_refuses_the_write() -> None:
    (fault,) = refused({"type": "object"} | rule("self.missing == 1"), {})
    assert "missing" in fault
    assert fault.endswith("evaluating rule: self.missing == 1")


def test_messages_may_be_expressions_and_name_another_field() -> None:
    root = rule("false", messageExpression="'not ' + string(self.a)", fieldPath=".a", reason="FieldValueForbidden")
    assert refused({"type": "object"} | root, {"a": 3}) == ["v.a: Forbidden: not 3"]


def test_a_rule_that_does_not_compile_is_an_error_when_the_definition_is_read() -> None:
    with pytest.raises(BadRule, match="undeclared reference to 'nonsense'"):
        Rules(rule("nonsense(self)"))
