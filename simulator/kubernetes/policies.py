"""ValidatingAdmissionPolicies and MutatingAdmissionPolicies, evaluated as the API server does.

A policy judges a call if one of its bindings and its `matchConstraints` select the call, and all `matchConditions` are
true. Variables are computed when an expression reads them. An expression without a value refuses the call, unless the
policy has `failurePolicy: Ignore`. Parameters are not simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.kubernetes.cel_admission import EvaluationError, Expression, authorizer_of
from simulator.kubernetes.errors import Denied
from simulator.kubernetes.json_patch import BadPatch, patched
from simulator.kubernetes.objects import labels_of, selector_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from simulator.kubernetes.authorization import User
    from simulator.kubernetes.objects import Key, Obj
    from simulator.kubernetes.resources import Resource

VALIDATING, MUTATING = "ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"


class BadPolicy(Exception):
    """A policy needs a feature that is not simulated."""


@dataclass(frozen=True, slots=True)
class Call:
    """A write that asks for admission: the object as it would be stored, and the object that it replaces or deletes."""

    operation: str
    resource: Resource
    #: Namespace and name; the name is "" where a whole collection is deleted.
    key: Key
    user: User
    obj: Obj | None = None
    old: Obj | None = None
    subresource: str = ""
    options: Obj | None = None

    @property
    def target(self) -> str:
        """The plural name of the kind, and the subresource."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


class Policies:
    """The policies of some manifests that have a binding."""

    def __init__(self, manifests: Iterable[Obj]) -> None:
        """Raises BadPolicy, and BadExpression."""
        manifests = list(manifests)
        self._policies = [
            Policy(obj, [each for each in manifests if _binds(each, obj)])
            for obj in manifests
            if obj.get("kind") in {VALIDATING, MUTATING}
        ]

    def mutated(self, call: Call, namespace: Obj | None) -> Obj:
        """The object of a call after all mutations. Raises Denied."""
        assert call.obj is not None
        obj = call.obj
        for policy in self._matching(MUTATING, call, namespace):
            obj = policy.mutated(call, obj, namespace)
        return obj

    def check(self, call: Call, namespace: Obj | None) -> None:
        """Raises Denied if a policy refuses the call."""
        for policy in self._matching(VALIDATING, call, namespace):
            policy.check(call, namespace)

    def _matching(self, kind: str, call: Call, namespace: Obj | None) -> Iterator[Policy]:
        return (policy for policy in self._policies if policy.kind == kind and policy.matches(call, namespace))


class Policy:
    """One policy with its bindings."""

    def __init__(self, manifest: Obj, bindings: list[Obj]) -> None:
        """Raises BadPolicy, and BadExpression."""
        spec = manifest["spec"]
        self.kind: str = manifest["kind"]
        self.name: str = manifest["metadata"]["name"]
        if "paramKind" in spec or any("paramRef" in each["spec"] for each in bindings):
            raise BadPolicy(f"{self.name}: parameters are not simulated")
        self._constraints: Obj = spec.get("matchConstraints") or {}
        denies = self.kind == MUTATING
        self._bindings = [each for each in bindings if denies or "Deny" in each["spec"]["validationActions"]]
        self._is_strict = spec.get("failurePolicy", "Fail") == "Fail"
        self._conditions = [Expression(each["expression"]) for each in spec.get("matchConditions") or ()]
        self._variables = {each["name"]: Expression(each["expression"]) for each in spec.get("variables") or ()}
        self._validations = [_Validation(each) for each in spec.get("validations") or ()]
        self._mutations = [_patch_of(self.name, each) for each in spec.get("mutations") or ()]

    def matches(self, call: Call, namespace: Obj | None) -> bool:
        """Whether the constraints of the policy and of one of its bindings select a call."""
        return _selects(self._constraints, call, namespace) and any(
            _selects(each["spec"].get("matchResources") or {}, call, namespace) for each in self._bindings
        )

    def check(self, call: Call, namespace: Obj | None) -> None:
        """Raises Denied if a validation refuses the call."""
        scope = _Scope(call, call.obj, namespace, self._variables)
        if not self._applies(call, scope):
            return
        for validation in self._validations:
            try:
                is_valid = scope.value(validation.expression)
            except EvaluationError as error:
                self._fail(call, validation.expression, error)
                continue
            if is_valid is not True:
                raise self._denied(call, validation.message(scope), validation.reason)

    def mutated(self, call: Call, obj: Obj, namespace: Obj | None) -> Obj:
        """The object after the mutations. Raises Denied."""
        if not self._applies(call, _Scope(call, obj, namespace, self._variables)):
            return obj
        for expression in self._mutations:
            try:
                obj = patched(obj, _Scope(call, obj, namespace, self._variables).value(expression))
            except (EvaluationError, BadPatch) as error:
                self._fail(call, expression, error)
        return obj

    def _applies(self, call: Call, scope: _Scope) -> bool:
        """Whether all conditions are true; one that is false decides, whatever the others are. Raises Denied."""
        failed: tuple[Expression, EvaluationError] | None = None
        for condition in self._conditions:
            try:
                if scope.value(condition) is not True:
                    return False
            except EvaluationError as error:
                failed = condition, error
        if failed is not None:
            self._fail(call, *failed)
        return failed is None

    def _fail(self, call: Call, expression: Expression, error: Exception) -> None:
        if self._is_strict:
            raise self._denied(call, f"expression '{expression.text}' resulted in error: {error}", "Invalid")

    def _denied(self, call: Call, message: str, reason: str) -> Denied:
        what = f'{call.resource.plural_name} "{call.key[1]}" is forbidden'
        binding = self._bindings[0]["metadata"]["name"]
        return Denied(f"{what}: {self.kind} '{self.name}' with binding '{binding}' denied request: {message}", reason)


class _Validation:
    """One validation of a policy."""

    def __init__(self, spec: Obj) -> None:
        self.expression = Expression(spec["expression"])
        self.reason: str = spec.get("reason") or "Invalid"
        self._message: str = spec.get("message") or f"failed expression: {self.expression.text}"
        self._words = Expression(spec["messageExpression"]) if "messageExpression" in spec else None

    def message(self, scope: _Scope) -> str:
        """What a refusal says."""
        try:
            words = scope.value(self._words) if self._words else ""
        except EvaluationError:
            words = ""
        return words.strip() if isinstance(words, str) and words.strip() else self._message


class _Scope:
    """What the expressions of a policy see in one call."""

    def __init__(self, call: Call, obj: Obj | None, namespace: Obj | None, variables: dict[str, Expression]) -> None:
        authorizer = authorizer_of(call.user)
        self._variables = variables
        self._known: dict[str, Any] = {}
        self._failed: set[str] = set()
        self._data = {
            "object": obj,
            "oldObject": call.old,
            "request": _request(call),
            "namespaceObject": namespace,
            "authorizer": authorizer,
            "authorizer.requestResource": authorizer | _resource_of(call),
        }

    def value(self, expression: Expression) -> Any:
        """The value of an expression. Raises EvaluationError."""
        for name in expression.variables:
            self._compute(name)
        return expression.value(self._data | {"variables": self._known})

    def _compute(self, name: str) -> None:
        """Compute a variable. One without a value is left out, so that an expression that reads it has no value."""
        if name in self._known or name in self._failed or name not in self._variables:
            return
        try:
            self._known[name] = self.value(self._variables[name])
        except EvaluationError:
            self._failed.add(name)


def _request(call: Call) -> Obj:
    """The AdmissionRequest of a call; fields without a value are absent."""
    resource, (namespace, name) = call.resource, call.key
    optional = {"name": name, "namespace": namespace, "subResource": call.subresource}
    kind = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}[call.operation]
    return {
        "kind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "resource": {"group": resource.group, "version": resource.version, "resource": resource.plural},
        "operation": call.operation,
        "userInfo": {"username": call.user.name, "groups": list(call.user.groups)},
        "dryRun": False,
        "options": {"kind": kind, "apiVersion": "meta.k8s.io/v1"} | (call.options or {}),
    } | {field: value for field, value in optional.items() if value}


def _resource_of(call: Call) -> dict[str, str]:
    return {
        "group": call.resource.group,
        "resource": call.resource.plural,
        "subresource": call.subresource,
        "namespace": call.key[0],
        "name": call.key[1],
    }


def _binds(binding: Obj, policy: Obj) -> bool:
    return bool(
        binding.get("kind") == f"{policy['kind']}Binding"
        and binding["spec"]["policyName"] == policy["metadata"]["name"]
    )


def _patch_of(name: str, mutation: Obj) -> Expression:
    if mutation["patchType"] != "JSONPatch":
        raise BadPolicy(f"{name}: patches of type {mutation['patchType']} are not simulated")
    return Expression(mutation["jsonPatch"]["expression"])


# --- which calls are selected


def _selects(constraints: Obj, call: Call, namespace: Obj | None) -> bool:
    if any(_rule_selects(rule, call) for rule in constraints.get("excludeResourceRules") or ()):
        return False
    labels = [labels_of(obj) for obj in (call.obj, call.old) if obj is not None]
    of_object, of_namespace = constraints.get("objectSelector"), constraints.get("namespaceSelector")
    return (
        ("resourceRules" not in constraints or any(_rule_selects(rule, call) for rule in constraints["resourceRules"]))
        and (not of_object or any(selector_matches(of_object, each) for each in labels))
        and (not of_namespace or namespace is None or selector_matches(of_namespace, labels_of(namespace)))
    )


def _rule_selects(rule: Obj, call: Call) -> bool:
    resource = call.resource
    scopes = {"*", "Namespaced" if resource.namespaced else "Cluster"}
    return (
        _lists(rule, "apiGroups", resource.group)
        and _lists(rule, "apiVersions", resource.version)
        and _lists(rule, "operations", call.operation)
        and rule.get("scope", "*") in scopes
        and (not rule.get("resourceNames") or call.key[1] in rule["resourceNames"])
        and any(_names_target(word, call) for word in rule["resources"])
    )


def _lists(rule: Obj, words: str, word: str) -> bool:
    return "*" in rule[words] or word in rule[words]


def _names_target(word: str, call: Call) -> bool:
    """Whether a word such as `ipamranges`, `ipamranges/status`, `ipamranges/*` or `*` names the target of a call."""
    plural, slash, subresource = word.partition("/")
    if plural not in {"*", call.resource.plural}:
        return False
    return subresource in {"*", call.subresource} if slash else not call.subresource
