"""Builders of the objects that tests write; they are short, so that tests show only what matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api import GROUP

if TYPE_CHECKING:
    from controlplane.api import Obj

API_VERSION = f"{GROUP}/v1alpha1"
#: The label and the annotation that the controllers write on a request, and annotations of ranges for their owners.
LABEL = f"{GROUP}/range"
RECORDED = f"{GROUP}/cidr"
RECLAIM = f"{GROUP}/reclaim"
HOLD = f"{GROUP}/hold"
#: The annotation with which a cluster administrator removes the finalizer of a range by force.
ABANDON = f"{GROUP}/abandon"
#: The label of ranges and requests that another Metacontroller serves than that of the default shard.
SHARD_LABEL = f"{GROUP}/shard"
#: The finalizers of Metacontroller on ranges and on requests, in the default shard.
RANGE_FINALIZER = "metacontroller.io/compositecontroller-ipamrange"
OURS = "metacontroller.io/decoratorcontroller-ipamrequest"
#: A finalizer of another controller.
FOREIGN = "example.com/still-in-use"


def namespace_object(name: str) -> Obj:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def range_object(namespace: str, name: str, *ranges: str, **spec: Any) -> Obj:
    """An IPAMRange with these addresses, by default in a domain of its own namespace."""
    return _object("IPAMRange", namespace, name, {"ranges": list(ranges), "domain": namespace, **spec})


def request_object(namespace: str, name: str, range_name: str, **spec: Any) -> Obj:
    """An IPAMRequest for a range in its own namespace."""
    return _object("IPAMRequest", namespace, name, {"ipam": {"name": range_name}, **spec})


def slice_object(namespace: str, name: str, *answers: Obj, range_name: str = "net") -> Obj:
    """An IPAMAllocationSlice with these answers of a range."""
    return _object(
        "IPAMAllocationSlice", namespace, name, {"range": range_name, "schemaV1": True, "answers": list(answers)}
    )


def answer_item(request: str = "team/request", uid: str = "u1", **answer: Any) -> Obj:
    """An answer in a slice, by default Busy."""
    return {"uid": uid, "request": request, "state": "Busy", **answer}


def extent_object(namespace: str, name: str) -> Obj:
    """An IPAMExtent."""
    spec = {"range": "net", "domain": "corp", "ranges": ["10.0.0.0-10.0.0.255"], "number": 7, "schemaV1": True}
    return _object("IPAMExtent", namespace, name, spec)


def entry(number: int, holder: str = "holder") -> Obj:
    """The ledger entry of one address, in the order of the numbers."""
    cidr = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/32"
    return {"cidr": cidr, "request": f"team/{holder}-{number}", "uid": f"{holder[:9]}-{number:026d}"}


def _object(kind: str, namespace: str, name: str, spec: Obj) -> Obj:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec}
