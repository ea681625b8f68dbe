"""Ranges with reservations, and requests for which blocks are reserved."""

from tests.hooks.build import Obj, with_metadata


def reserving(range_: Obj, *items: Obj, **blocks: str) -> Obj:
    """A range with these reservations more, and with blocks for requests of its namespace, by their names."""
    named = [{"cidr": cidr, "holder": {"name": name}} for name, cidr in blocks.items()]
    spec = range_["spec"]
    return range_ | {"spec": spec | {"reservations": [*spec.get("reservations", []), *items, *named]}}


def controlled(request: Obj, kind: str, name: str) -> Obj:
    """A request that was created for an object of another kind."""
    reference = {"apiVersion": "example.com/v1", "kind": kind, "name": name, "uid": f"uid-of-{name}"}
    return with_metadata(request, ownerReferences=[{**reference, "controller": True}])
