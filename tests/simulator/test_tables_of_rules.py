"""Every CEL rule of a CRD has a case: without the rule, a case of the end-to-end suite's tables is accepted.

`tests/e2e/test_crd_rules.py` sends the cases to the real API server. Here the evaluator in the box checks them, because
it can run without a single rule, or without a single field of the two rules that list fields.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from simulator.kubernetes.cel import Rules
from simulator.kubernetes.objects import Obj
from tests.e2e import crd_tables as tables
from tests.e2e import crd_writes
from tests.e2e.crd_schema import crds, schema_of

SCHEMAS = {crd["spec"]["names"]["kind"]: schema_of(crd) for crd in crds()}
NEW_STATUS: dict[str, Obj] = {"IPAMRange": {"revision": 0}}
WRITES = {"IPAMRange": crd_writes.LEDGER_WRITES, "IPAMRequest": crd_writes.ANSWER_WRITES}
#: One field in a rule that lists fields.
CLAUSE = re.compile(
    r"\(has\(self\.((?:\w+\.)?\w+)\)\s*\?\s.*?:\s!has\(oldSelf\.\1\)\)"
    r"|self\.status\.\?(\w+)\.orValue\(false\) == oldSelf\.status\.\?\2\.orValue\(false\)",
    re.DOTALL,
)


def rules_below(schema: Obj, path: str = "") -> Iterator[tuple[str, Obj]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule
    for name, below in schema.get("properties", {}).items():
        yield from rules_below(below, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from rules_below(schema[name], f"{path}[]")


def weakened() -> Iterator[Any]:
    """Each schema without each of its rules, and without each field of a rule that lists fields."""
    for kind, shipped in SCHEMAS.items():
        for index, (path, rule) in enumerate(rules_below(shipped)):
            text = rule["rule"]
            texts = {"it": "true"} | {
                found[1] or found[2]: text.replace(found[0], "true") for found in CLAUSE.finditer(text)
            }
            for name, weaker in texts.items():
                schema = deepcopy(shipped)
                [*rules_below(schema)][index][1]["rule"] = weaker
                yield pytest.param(kind, schema, id=f"{kind}{path} {index} without {name}")


def refused(kind: str, schema: Obj) -> set[str]:
    """The cases that the rules of this schema refuse with the expected message."""
    rules, status = Rules(schema), NEW_STATUS.get(kind, {})
    cases: list[tuple[str, Obj, Obj | None, str]] = [
        (f"spec {case}", {"spec": spec}, None, message) for case, of, spec, message in tables.REFUSED if of == kind
    ]
    cases += [
        (f"change {case}", {"spec": after, "status": status}, {"spec": before, "status": status}, message)
        for case, of, before, after, message in tables.REFUSED_CHANGES
        if of == kind
    ]
    cases += [
        (f"write {case}", {"status": [status, *writes][-1]}, {"status": [status, *writes][-2]}, message)
        for case, writes, message in WRITES.get(kind, [])
        if message
    ]
    return {
        case
        for case, new, old, message in cases
        if any(message in str(fault) for fault in rules.faults(defaulted(new), old and defaulted(old)))
    }


def defaulted(obj: Obj) -> Obj:
    """The object with the defaults of the schema, on which the rules of a spec rely."""
    obj = deepcopy(obj)
    if "ranges" in obj.get("spec", {}):
        obj["spec"] = {"mode": "BestFit", "allowedNamespaces": {}} | obj["spec"]
        obj["spec"]["allowedNamespaces"].setdefault("from", "Same")
    return obj


@pytest.mark.parametrize(("kind", "schema"), list(weakened()))
def test_without_a_rule_a_case_is_accepted(kind: str, schema: Obj) -> None:
    assert refused(kind, SCHEMAS[kind]) - refused(kind, schema)
