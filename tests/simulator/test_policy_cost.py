"""What the policies cost: an ordinary write is decided by match conditions alone, and these hide nothing.

After match conditions that are true, the API server evaluates validations, messages and audit annotations, and
converts the call for each of them again.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator.attack.simulation import Simulation
from simulator.commands import APP, setting_for
from simulator.kubernetes.authorization import Roles, User
from simulator.kubernetes.errors import Denied
from simulator.kubernetes.gate import ADMINISTRATOR
from simulator.kubernetes.objects import Obj
from simulator.kubernetes.policies import Call, Policies

ROOT = Path(__file__).parents[2]
FILES = ("metacontroller/policies.yaml", "metacontroller/schema-policy.yaml")
MANIFESTS = [obj for file in FILES for obj in yaml.safe_load_all((ROOT / file).read_text())]
TENANT = Roles.owner("someone", "a")
#: Policies whose match conditions only save time: they are true whenever a validation refuses.
SAVING = tuple(
    f"{name}.ipam.mandelsoft.org" for name in ("records", "schemas", "ipamrequests", "ipamrequests-deletion")
)
PLURALS = ("ipamrequests", "ipamranges", "ipamallocationslices", "ipamextents")
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
WORLD = Simulation(setting_for(APP), 1).world


@dataclass(frozen=True)
class Write:
    """A write of an object of some plural, by someone."""

    operation: str
    plural: str
    subresource: str = ""
    user: User = ADMINISTRATOR
    name: str = "web"
    is_marked: bool = True
    is_in_deletion: bool = False
    propagation_policy: str = "Background"

    def is_refused(self, manifests: list[Obj]) -> bool:
        new, old = self._object(), self._object()
        call = Call(
            self.operation,
            WORLD.plural(self.plural),
            ("a", self.name),
            self.user,
            None if self.operation == "DELETE" else new,
            None if self.operation == "CREATE" else old,
            self.subresource,
            {"propagationPolicy": self.propagation_policy} if self.operation == "DELETE" else None,
        )
        try:
            Policies(manifests).check(call, NAMESPACE)
        except Denied:
            return True
        return False

    def _object(self) -> Obj:
        metadata: Obj = {"namespace": "a", "name": "web"}
        if self.is_in_deletion:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return {"metadata": metadata, "spec": {}} | ({"status": {"schemaV1": True}} if self.is_marked else {})


def changed(**spec: Any) -> list[Obj]:
    """The shipped policies with other fields in the spec; a field that is None is removed."""
    manifests = deepcopy(MANIFESTS)
    for obj in manifests:
        if obj["kind"] == "ValidatingAdmissionPolicy":
            obj["spec"] = {name: value for name, value in (obj["spec"] | spec).items() if value is not None}
    return manifests


def named(manifests: list[Obj], *names: str) -> list[Obj]:
    return [obj for obj in manifests if obj["metadata"]["name"] in names]


@pytest.mark.parametrize(
    "write",
    [
        Write("CREATE", "ipamrequests"),
        Write("UPDATE", "ipamrequests"),
        Write("UPDATE", "ipamrequests", "status"),
        Write("DELETE", "ipamrequests"),
        Write("DELETE", "ipamrequests", user=TENANT),
        Write("UPDATE", "ipamranges", "status"),
        Write("CREATE", "ipamallocationslices", is_marked=False),
        Write("UPDATE", "ipamallocationslices", is_marked=False),
    ],
    ids=lambda write: f"{write.operation} {write.plural}/{write.subresource} {write.user.name}",
)
def test_the_match_conditions_alone_decide_about_the_writes_of_a_burst(write: Write) -> None:
    assert not write.is_refused(changed(validations=[{"expression": "false"}]))


def test_match_conditions_that_save_time_hide_nothing_from_the_validations() -> None:
    shipped, bare = named(MANIFESTS, *SAVING), named(changed(matchConditions=None), *SAVING)

    outcomes = [(write.is_refused(shipped), write.is_refused(bare), write) for write in all_writes()]

    assert [write for is_refused, expected, write in outcomes if is_refused != expected] == []
    assert {is_refused for is_refused, _, _ in outcomes} == {True, False}


def all_writes() -> Iterator[Write]:
    writes = [Write(operation, plural) for plural in PLURALS for operation in ("CREATE", "UPDATE", "DELETE")]
    writes += [Write("DELETE", plural, name="") for plural in PLURALS]
    writes += [Write("DELETE", plural, propagation_policy="Foreground") for plural in PLURALS]
    writes += [Write("UPDATE", plural, "status") for plural in ("ipamranges", "ipamrequests")]
    for write, user, marked, in_deletion in product(writes, (ADMINISTRATOR, TENANT), (True, False), (True, False)):
        yield replace(write, user=user, is_marked=marked, is_in_deletion=in_deletion)
