"""Mutations of admission policies: what protects the requests of claims and Services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.policies import MUTATING, VALIDATING
from simulator.names import GROUP

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj

    Policies = dict[tuple[str, str], Obj]  # by kind and name


def block_deletions_of_owners(policies: Policies) -> None:
    """A request that is attached to an object blocks the deletion of that object in the foreground."""
    [mutation] = policies[MUTATING, f"ipamrequests.{GROUP}"]["spec"]["mutations"]
    patch, marker = mutation["jsonPatch"], "+ (has(object.metadata.ownerReferences)"
    patch["expression"], found, _ = patch["expression"].partition(marker)
    assert found


def let_namespaces_delete_attached_requests(policies: Policies) -> None:
    """A namespace that is being deleted deletes the requests of its Services in any order."""
    deletion = policies[VALIDATING, f"ipamrequests-attached.{GROUP}"]["spec"]["validations"][0]
    deletion["expression"] = f"has(namespaceObject.metadata.deletionTimestamp) || {deletion['expression']}"
