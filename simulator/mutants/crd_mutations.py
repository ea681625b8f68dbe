"""Mutations of the CustomResourceDefinitions, in place; they come by plural name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.names import SLICES

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj


def _root(crds: dict[str, Obj], plural: str) -> Any:
    return crds[plural]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def no_cas(crds: dict[str, Obj]) -> None:
    """Remove compare and swap."""
    del _root(crds, "ipamranges")["x-kubernetes-validations"][0]


def cas_by_ledger_alone(crds: dict[str, Obj]) -> None:
    """Compare ledgers only, whatever the revision."""
    rule = _root(crds, "ipamranges")["x-kubernetes-validations"][0]
    flat = " ".join(rule["rule"].split())
    text = flat.replace("|| (self.status.revision == oldSelf.status.revision && ", "|| (", 1)
    assert text != flat, "the rule has no comparison of equal revisions"
    rule["rule"] = text


def no_default_revision(crds: dict[str, Obj]) -> None:
    """Create ranges without a revision."""
    status = _root(crds, "ipamranges")["properties"]["status"]
    del status["default"]["revision"]
    status.pop("required", None)


def published_may_change(crds: dict[str, Obj]) -> None:
    """Allow changes of published blocks."""
    _root(crds, "ipamrequests")["properties"]["status"].pop("x-kubernetes-validations")
    answers = _root(crds, SLICES)["properties"]["spec"]["properties"]["answers"]
    answers["items"].pop("x-kubernetes-validations")
