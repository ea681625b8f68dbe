"""The policies of deploy/admission remove the managedFields of an object unless it is applied on the server side."""

from typing import Any

import pytest

from simulator.kubernetes.objects import Obj
from simulator.names import PERSON
from tests.simulator.test_policies import a_request, a_world, an_object

CREATED = {"manager": "kubectl-create", "operation": "Update"}
APPLIED = {"manager": "argocd-controller", "operation": "Apply"}


def stored(obj: Obj) -> Any:
    """The managedFields with which a new object is stored; a request also has the finalizer of Metacontroller."""
    world = a_world("defaults")
    with world.written_by(PERSON):
        metadata = world.store.create(obj)["metadata"]
    assert (metadata.get("finalizers") is not None) is (obj["kind"] != "IPAMAllocationSlice")
    return metadata.get("managedFields")


@pytest.mark.parametrize(
    ("managers", "expected"),
    [
        ([CREATED], None),
        ([APPLIED], [APPLIED]),
        ([CREATED, APPLIED], [CREATED, APPLIED]),
    ],
)
def test_requests_keep_them_if_they_are_applied_on_the_server_side(managers: list[Obj], expected: Any) -> None:
    assert stored(a_request(managedFields=managers)) == expected


def test_slices_have_none() -> None:
    spec = {"range": "net", "answers": []}
    assert stored(an_object("IPAMAllocationSlice", spec, managedFields=[CREATED])) is None


def test_ranges_keep_them() -> None:
    spec = {"ranges": ["10.0.0.0/24"]}
    assert stored(an_object("IPAMRange", spec, managedFields=[CREATED])) == [CREATED]
