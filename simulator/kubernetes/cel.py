"""x-kubernetes-validations: the CEL rules at every level of a CRD's schema, compiled once.

Google's cel-cpp evaluates the rules. This module adds what Kubernetes adds: `self` and `oldSelf`, transition rules
(which run only where there is an old value), `optionalOldSelf`, escaped field names, ratcheting (an unchanged value
that breaks a rule does not refuse the write), and messages. An evaluation error refuses the write. There is no cost
budget, and rules are checked against the types of the schema only when they run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_optional, ext_strings

from simulator.kubernetes.cel_net import function_declarations
from simulator.kubernetes.errors import Fault, shown
from simulator.kubernetes.schema import LIST_MAP_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Words that CEL reserves; rules spell a field of such a name with underscores: `__namespace__`.
RESERVED = frozenset(
    {
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
    }
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
#: Text literals, and calls of `string` outside text literals.
_STRING_CALL = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?<![\w.])string(?=\s*\()""")
_OLD = re.compile(r"\boldSelf\b")
#: The old value where there is none.
_NOTHING = object()
_REASONS = {
    "FieldValueForbidden": "Forbidden",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
}


class BadRule(Exception):
    """A rule does not compile; the real API server would refuse its CRD."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One compiled rule."""

    program: Any
    message_program: Any | None
    text: str
    message: str
    field_path: str
    kind: str
    uses_old: bool
    is_optional: bool


class Rules:
    """All rules of one schema."""

    def __init__(self, root: dict[str, Any]) -> None:
        """Raises BadRule."""
        self._root = _Node(root)

    def faults(self, obj: dict[str, Any], old: dict[str, Any] | None) -> list[Fault]:
        """The rules that an object breaks; `old` is the object that it replaces, None for a new one."""
        before = _NOTHING if old is None else _root_view(old)
        return list(self._root.faults("", _root_view(obj), before))


class _Node:
    """One level of the schema: its own rules, and the levels below it that have rules."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.rules = [_compiled(rule) for rule in schema.get("x-kubernetes-validations", ())]
        self.properties = {name: _Node(child) for name, child in schema.get("properties", {}).items()}
        self.items = _Node(schema["items"]) if isinstance(schema.get("items"), dict) else None
        extra = schema.get("additionalProperties")
        self.extra = _Node(extra) if isinstance(extra, dict) else None
        self.list_keys: tuple[str, ...] = tuple(schema.get(LIST_MAP_KEYS, ()))
        self.is_scalar = schema.get("type") not in {"object", "array"}
        below = [*self.properties.values(), *(node for node in (self.items, self.extra) if node)]
        self.has_rules: bool = bool(self.rules) or any(node.has_rules for node in below)
        self.escapes: bool = any(_escaped(name) != name for name in self.properties) or any(
            node.escapes for node in below
        )

    def faults(self, path: str, value: Any, old: Any) -> Iterator[Fault]:
        if not self.has_rules or value is None:
            return
        if self.rules:
            yield from self._own_faults(path, value, old)
        for suffix, node, item, before in self._below(value, old):
            yield from node.faults(f"{path}{suffix}".removeprefix("."), item, before)

    def _below(self, value: Any, old: Any) -> Iterator[tuple[str, _Node, Any, Any]]:
        """(path suffix, level, value, comparable old value) of everything one level below."""
        if isinstance(value, dict):
            before = old if isinstance(old, dict) else {}
            for name, item in value.items():
                if name in self.properties:
                    yield f".{name}", self.properties[name], item, before.get(name, _NOTHING)
                elif self.extra:
                    yield f"[{name}]", self.extra, item, before.get(name, _NOTHING)
        elif isinstance(value, list) and self.items:
            known = {self._list_key(item): item for item in old} if self.list_keys and isinstance(old, list) else {}
            for index, item in enumerate(value):
                yield f"[{index}]", self.items, item, known.get(self._list_key(item), _NOTHING)

    def _list_key(self, item: Any) -> tuple[Any, ...]:
        return tuple(item.get(name) for name in self.list_keys) if isinstance(item, dict) else ()

    def _own_faults(self, path: str, value: Any, old: Any) -> Iterator[Fault]:
        has_old = old is not _NOTHING
        data = {"self": self.view(value), "oldSelf": self.view(old) if has_old else None}
        activation = _environment().Activation(data | {"previous": [data["oldSelf"]] if has_old else []})
        unchanged = has_old and old == value
        for rule in self.rules:
            if rule.uses_old and not has_old and not rule.is_optional:
                continue
            result = rule.program.eval(activation)
            if result.type() != cel.Type.BOOL:
                yield Fault(path, "Invalid value", "", f"{result.value()} evaluating rule: {rule.text}")
            elif result.value():
                continue
            elif rule.uses_old or not unchanged:
                where = f"{path}{rule.field_path}".removeprefix(".")
                yield Fault(where, rule.kind, shown(value) if self.is_scalar else "", _message(rule, activation))

    def view(self, value: Any) -> Any:
        """The value as rules see it, with reserved or unusual field names escaped."""
        if not self.escapes:
            return value
        if isinstance(value, dict):
            empty = self.extra
            return {
                _escaped(name) if name in self.properties else name: node.view(item) if node else item
                for name, item in value.items()
                for node in (self.properties.get(name, empty),)
            }
        if isinstance(value, list) and self.items:
            return [self.items.view(item) for item in value]
        return value


def _root_view(obj: dict[str, Any]) -> dict[str, Any]:
    """The object as rules see it: with the names only in its metadata."""
    metadata = obj.get("metadata") or {}
    return obj | {"metadata": {name: metadata[name] for name in ("name", "generateName") if name in metadata}}


def _escaped(name: str) -> str:
    if name in RESERVED:
        return f"__{name}__"
    for plain, escape in _ESCAPES:
        name = name.replace(plain, escape)
    return name


def _message(rule: Rule, activation: Any) -> str:
    if rule.message_program is not None:
        text = rule.message_program.eval(activation)
        if text.type() == cel.Type.STRING and text.value().strip():
            return str(text.value())
    return rule.message


def _compiled(rule: dict[str, Any]) -> Rule:
    text, is_optional = rule["rule"].strip(), bool(rule.get("optionalOldSelf"))
    expression = rule.get("messageExpression")
    return Rule(
        program=_program(text, is_optional),
        message_program=_program(expression, is_optional) if expression else None,
        text=text,
        message=(rule.get("message") or f"failed rule: {text}").strip(),
        field_path=rule.get("fieldPath", ""),
        kind=_REASONS.get(rule.get("reason", ""), "Invalid value"),
        uses_old=bool(_OLD.search(_STRING_CALL.sub(_without_literal, text))),
        is_optional=is_optional,
    )


def with_text_function(text: str) -> str:
    """An expression in which calls of `string` have the name that the environment knows (see `cel_net`)."""
    return _STRING_CALL.sub(lambda found: "textOf" if found[0] == "string" else found[0], text)


def _program(text: str, is_optional: bool) -> Any:
    source = with_text_function(text)
    if is_optional:
        source = f"cel.bind(oldSelf, previous[?0], (\n{source}\n))"
    try:
        return _environment().compile(source)
    except RuntimeError as error:
        raise BadRule(f"rule {text!r}: {str(error).strip()}") from None


def _without_literal(found: re.Match[str]) -> str:
    return "string" if found[0] == "string" else '""'


@cache
def _environment() -> Any:
    return cel.NewEnv(
        variables={"self": cel.Type.DYN, "oldSelf": cel.Type.DYN, "previous": cel.Type.List(cel.Type.DYN)},
        extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_bindings.ExtBindings()],
        functions=function_declarations(),
    )
