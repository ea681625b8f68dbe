"""Field selectors: `kubectl get --field-selector status.state=Ready,spec.ipam.name!=net`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.kubectl.tables import find
from simulator.kubernetes.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.kubernetes.objects import Obj
    from simulator.kubernetes.resources import Resource

#: The fields by which objects of every kind can be selected.
METADATA = frozenset({"metadata.name", "metadata.namespace"})
_CONDITION = re.compile(r"([^=!]+)(==|!=|=)([^=!]*)")


class FieldSelector:
    """Conditions that must all hold; an absent field has the value ""."""

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        self._text = text
        self._conditions: list[tuple[str, str, bool]] = []
        for part in filter(None, text.split(",")):
            condition = _CONDITION.fullmatch(part)
            if condition is None:
                raise ValueError(f"invalid field selector {part!r}")
            field, operator, value = condition.groups()
            self._conditions.append((field, value, operator != "!="))

    def check(self, resources: Iterable[Resource]) -> None:
        """Raises BadRequest if one of these kinds has a field that is not selectable."""
        for resource in resources:
            for field, _, _ in self._conditions:
                if field not in resource.selectable | METADATA:
                    raise BadRequest(
                        f'Unable to find "{resource.api_version}, Resource={resource.plural}" that match '
                        f'label selector "", field selector "{self._text}": field label not supported: {field}'
                    )

    def selects(self, obj: Obj) -> bool:
        """Whether all conditions hold."""
        return all((_value(obj, field) == value) is is_equal for field, value, is_equal in self._conditions)


def _value(obj: Obj, field: str) -> str:
    found = find(f".{field}", obj)
    return str(found[0]) if found else ""
