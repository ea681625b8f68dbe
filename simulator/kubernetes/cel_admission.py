"""The CEL of admission policies: `object`, `request`, `variables`, and the functions of `authorizer`.

An authorizer, or a check that it prepares, is a map of texts: the user, and what was asked so far. `JSONPatch{...}` is
compiled as a map, because cel-cpp does not know that type; `Object{...}` is not simulated.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_optional, ext_strings

from simulator.kubernetes.authorization import Access, User
from simulator.kubernetes.cel import with_text_function
from simulator.kubernetes.cel_net import function_declarations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BOOL, _STRING, _DYN = cel.Type.BOOL, cel.Type.STRING, cel.Type.DYN
_MAP = cel.Type.Map(_STRING, _STRING)
_PATCH = re.compile(r"\bJSONPatch\s*\{")
_PATCH_FIELD = re.compile(r"([{,]\s*)(op|path|from|value)\s*:")
_VARIABLE = re.compile(r"\bvariables\.(\w+)")
#: The methods that say what an authorizer checks.
_QUESTIONS = ("group", "resource", "subresource", "namespace", "name", "check")


class BadExpression(Exception):
    """An expression does not compile; the real API server would refuse its policy."""


class EvaluationError(Exception):
    """An expression has no value."""


class Expression:
    """One compiled expression of a policy."""

    def __init__(self, text: str) -> None:
        """Raises BadExpression."""
        self.text = text.strip()
        #: The variables that it reads.
        self.variables = tuple(dict.fromkeys(_VARIABLE.findall(text)))
        self._program = _program(self.text)

    def value(self, data: Mapping[str, Any]) -> Any:
        """Its value for these variables of CEL. Raises EvaluationError."""
        result = self._program.eval(_environment().Activation(data))
        if result.type() == cel.Type.ERROR:
            raise EvaluationError(str(result.value()))
        return result.plain_value()


def authorizer_of(user: User) -> dict[str, str]:
    """The value of `authorizer` in the calls of a user."""
    return {"user": user.text}


@cache
def _program(text: str) -> Any:
    source = with_text_function(text)
    if _PATCH.search(source):
        source = _PATCH_FIELD.sub(r'\1"\2":', _PATCH.sub("{", source))
    try:
        return _environment().compile(source)
    except RuntimeError as error:
        raise BadExpression(f"expression {text!r}: {str(error).strip()}") from None


def _asked(question: str) -> Callable[[Mapping[str, str], str], dict[str, str]]:
    return lambda check, answer: {**check, question: answer}


def _is_allowed(check: Mapping[str, str]) -> bool:
    texts = [check.get(name, "") for name in ("check", *_QUESTIONS[:-1])]
    return User.of(check["user"]).may(Access(*texts))


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _function(name: str, result: Any, parameters: list[Any], implementation: Any, *, is_member: bool = True) -> Any:
    overload = cel.Overload(
        f"admission_{name}", return_type=result, parameters=parameters, is_member=is_member, impl=implementation
    )
    return cel.FunctionDecl(name, [overload])


@cache
def _environment() -> Any:
    functions = [
        *(_function(name, _MAP, [_MAP, _STRING], _asked(name)) for name in _QUESTIONS),
        _function("allowed", _BOOL, [_MAP], _is_allowed),
        _function("reason", _STRING, [_MAP], lambda _: ""),
        _function("errored", _BOOL, [_MAP], lambda _: False),
        _function("jsonpatch.escapeKey", _STRING, [_STRING], _escaped, is_member=False),
    ]
    names = ("object", "oldObject", "request", "namespaceObject", "variables")
    return cel.NewEnv(
        variables={**dict.fromkeys(names, _DYN), "authorizer": _MAP, "authorizer.requestResource": _MAP},
        extensions=[ext_optional.ExtOptional(), ext_strings.ExtStrings(), ext_bindings.ExtBindings()],
        functions=[*function_declarations(), *functions],
    )
