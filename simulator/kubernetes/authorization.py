"""Users and what their roles allow, as RBAC decides it: rules are granted in one namespace or in the whole cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.kubernetes.objects import Obj

EVERYTHING: Obj = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


class Access(NamedTuple):
    """What a call wants to do; the namespace is "" for all namespaces, and the name is "" for all objects."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A user, with the rules that are granted in each namespace; "" stands for the whole cluster."""

    name: str
    groups: tuple[str, ...] = ("system:authenticated",)
    rules: dict[str, list[Obj]] = field(default_factory=dict)

    def may(self, access: Access) -> bool:
        """Whether a rule allows this access."""
        granted = [*self.rules.get("", ()), *(self.rules.get(access.namespace, ()) if access.namespace else ())]
        return any(_allows(rule, access) for rule in granted)

    @property
    def text(self) -> str:
        """The user as text, for CEL, which can't hold Python objects."""
        return json.dumps([self.name, self.groups, self.rules])

    @staticmethod
    @lru_cache(maxsize=256)
    def of(text: str) -> User:
        """The user of this text."""
        name, groups, rules = json.loads(text)
        return User(name, tuple(groups), rules)


class Roles:
    """The ClusterRoles of some manifests."""

    def __init__(self, manifests: Iterable[Obj]) -> None:
        self._rules: dict[str, list[Obj]] = {
            obj["metadata"]["name"]: obj.get("rules") or [] for obj in manifests if obj.get("kind") == "ClusterRole"
        }

    def __contains__(self, name: str) -> bool:
        return name in self._rules

    def user(self, name: str, *roles: str, namespace: str = "") -> User:
        """A user with these roles in a namespace, or in the whole cluster. Raises KeyError for an unknown role."""
        return User(name, rules={namespace: [rule for role in roles for rule in self._rules[role]]})

    @staticmethod
    def owner(name: str, namespace: str = "") -> User:
        """A user who may do everything in a namespace, or in the whole cluster."""
        return User(name, rules={namespace: [EVERYTHING]})


def _allows(rule: Obj, access: Access) -> bool:
    return (
        _names(rule, "verbs", access.verb)
        and _names(rule, "apiGroups", access.group)
        and _names_resource(rule.get("resources") or [], access)
        and (not rule.get("resourceNames") or access.name in rule["resourceNames"])
    )


def _names(rule: Obj, words: str, word: str) -> bool:
    listed: list[Any] = rule.get(words) or []
    return "*" in listed or word in listed


def _names_resource(resources: list[str], access: Access) -> bool:
    if not access.subresource:
        return "*" in resources or access.resource in resources
    wanted = {"*", f"*/{access.subresource}", f"{access.resource}/{access.subresource}"}
    return bool(wanted & set(resources))
