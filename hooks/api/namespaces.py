"""Which namespaces a range serves: `spec.allowedNamespaces`, which means what it means in the Gateway API.

    Same      requests of its own namespace; the default
    All       requests of every namespace
    Selector  requests of the namespaces whose labels match; its own namespace is no exception

Metacontroller selects namespaces by the same selector, but a call may see more than that (the range's own namespace,
always) and older labels. So the labels are judged here again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from hooks.api.kinds import AllowedNamespaces, LabelRequirement, LabelSelector, NamespaceObject

#: Names of namespaces; None means all of them.
Names = frozenset[str] | None

#: What the API server takes as key and as value of a label. Metacontroller can't select by anything else.
_PART = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_KEY = re.compile(rf"((?=.{{1,253}}/){_PART}([.]{_PART})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def in_canonical_order(allowed: AllowedNamespaces) -> AllowedNamespaces:
    """The same with sorted labels: they must not appear in the order of the wire (S6)."""
    if allowed.selector is None:
        return allowed
    labels = dict(sorted(allowed.selector.match_labels.items()))
    return replace(allowed, selector=replace(allowed.selector, match_labels=labels))


def allowed_names(allowed: AllowedNamespaces, own: str, namespaces: Iterable[NamespaceObject]) -> Names:
    """The observed namespaces whose requests are served; `own` is the range's."""
    if allowed.source == "All":
        return None
    if allowed.source == "Selector" and allowed.selector is not None:
        observed = (each.metadata for each in namespaces)
        return frozenset(meta.name for meta in observed if selects(allowed.selector, meta.labels))
    return frozenset([own])


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether these labels meet all conditions of a selector."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _is_met(each, labels) for each in selector.match_expressions
    )


def _is_met(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values  # also where there is no such label
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False


def invalid_reason(allowed: AllowedNamespaces) -> str | None:
    """What is wrong with it; None if nothing is."""
    if allowed.source not in ("Same", "All", "Selector"):
        return f'allowedNamespaces.from "{allowed.source}": must be Same, All or Selector'
    if (allowed.selector is not None) != (allowed.source == "Selector"):
        return f'allowedNamespaces.from "{allowed.source}": a selector belongs to Selector, and to nothing else'
    return next(_faults(allowed.selector), None) if allowed.selector else None


def _faults(selector: LabelSelector) -> Iterator[str]:
    where = "allowedNamespaces.selector"
    for key, value in sorted(selector.match_labels.items()):
        yield from _label_faults(f"{where}.matchLabels", key, [value])
    for index, each in enumerate(selector.match_expressions):
        path = f"{where}.matchExpressions[{index}]"
        if each.operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            yield f'{path}: operator "{each.operator}": must be In, NotIn, Exists or DoesNotExist'
        if bool(each.values) != (each.operator in ("In", "NotIn")):
            yield f'{path}: operator "{each.operator}": In and NotIn have values, Exists and DoesNotExist have none'
        yield from _label_faults(path, each.key, each.values)


def _label_faults(path: str, key: str, values: Iterable[str]) -> Iterator[str]:
    if not _KEY.fullmatch(key):
        yield f'{path}: "{key}" is not the key of a label'
    for value in values:
        if not _VALUE.fullmatch(value):
            yield f'{path}: "{value}" is not the value of a label'
