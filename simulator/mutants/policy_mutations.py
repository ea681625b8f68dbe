"""Mutations of admission policies: what protects the requests of claims and Services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.kubernetes.policies import VALIDATING
from simulator.names import GROUP

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj

    Policies = dict[tuple[str, str], Obj]  # by kind and name


def let_services_be_deleted_in_the_foreground(policies: Policies) -> None:
    """A Service may be deleted in the foreground, after its requests."""
    [validation] = policies[VALIDATING, f"services-deletion.{GROUP}"]["spec"]["validations"]
    validation["expression"] = "true"


def let_namespaces_delete_attached_requests(policies: Policies) -> None:
    """A namespace that is being deleted deletes the requests of its Services in any order."""
    deletion = policies[VALIDATING, f"ipamrequests-attached.{GROUP}"]["spec"]["validations"][0]
    deletion["expression"] = f"has(namespaceObject.metadata.deletionTimestamp) || {deletion['expression']}"
