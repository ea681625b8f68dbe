"""The fields of each kind belong to its marker: hooks take them for complete where they see it (decision 19)."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from controlplane.api import Obj
from tests.e2e.crd_schema import crds

#: By kind: its marker, the number of its fields, and a digest of their paths.
RECORDED = {
    "IPAMAllocationSlice": ("spec.schemaV1", 21, "1519e4de6a35"),
    "IPAMExtent": ("spec.schemaV1", 18, "f2b69c806ef6"),
    "IPAMRange": ("status.schemaV1", 84, "8e607fe8cd7a"),
    "IPAMRequest": ("status.schemaV1", 40, "629f0936c511"),
}


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_the_fields_of_a_kind_change_only_with_its_marker(crd: Obj) -> None:
    paths = sorted(_paths(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))
    (marker,) = (path for path in paths if path.startswith(("spec.schemaV", "status.schemaV")))
    found = marker, len(paths), sha256("\n".join(paths).encode()).hexdigest()[:12]
    kind = crd["spec"]["names"]["kind"]
    assert found == RECORDED[kind], (
        f"the fields of {kind} have changed. If a decision depends on a new one, and {marker} was released, the kind"
        " needs the marker of the next version (docs/decisions/0019-schema-markers.md). Then record this here"
    )


def _paths(schema: Obj, prefix: str = "") -> Iterator[str]:
    for name, value in schema.get("properties", {}).items():
        yield prefix + name
        yield from _paths(value, f"{prefix}{name}.")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from _paths(inner, prefix)
