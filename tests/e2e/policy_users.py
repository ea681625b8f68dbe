"""Users of the tests of policies, with their roles in effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import EXTENTS, RANGES, REQUESTS, objects_path
from controlplane.objects import RECORDED, range_object, request_object
from controlplane.policies import EFFECT_SECONDS_MAX
from controlplane.processes import wait_until
from tests.e2e.rights import bind, bind_in_cluster, create_cluster_role, create_owner, rule

if TYPE_CHECKING:
    from controlplane.api import Api, Obj


def tenant_of(api: Api, namespace: str) -> Api:
    """A user that may edit requests in the namespace; the policies are in effect."""
    bind(api, namespace, "ipam-edit")
    bind(api, namespace, "view", "ipam-edit")
    tenant = api.impersonating("ipam-edit")
    wait_until(lambda: _is_forbidden(tenant, namespace), what="policies are in effect", seconds=EFFECT_SECONDS_MAX)
    return tenant


def owner_of(api: Api, namespace: str) -> Api:
    """A user that may do everything in the namespace. It has no rights that another test has given."""
    owner = api.impersonating(f"owner-of-{namespace}")
    create_owner(api, namespace, owner.impersonated)
    wait_until(
        lambda: owner.call("GET", objects_path(EXTENTS, namespace)).ok,
        what="the role is in effect",
        seconds=EFFECT_SECONDS_MAX,
    )
    return owner


def network_user_of(api: Api, namespace: str) -> Api:
    """A user that writes ranges in the namespace, with the domain of its name."""
    bind(api, namespace, "ipam-ranges", "network")
    create_cluster_role(api, f"domain-{namespace}", rule("ipamdomains", "use", resourceNames=[namespace]))
    bind_in_cluster(api, f"domain-{namespace}", "network")
    network = api.impersonating("network")
    probe = range_object(namespace, "probe", "10.0.0.0/8")
    wait_until(
        lambda: status_of_create(network, probe) == 201, what="the roles are in effect", seconds=EFFECT_SECONDS_MAX
    )
    return network


def status_of_create(api: Api, obj: Obj) -> int:
    """The HTTP status with which the API server would answer a creation."""
    resource = RANGES if obj["kind"] == "IPAMRange" else REQUESTS
    return api.call("POST", objects_path(resource, obj["metadata"]["namespace"]), obj, dryRun="All").status_code


def recorded(namespace: str, cidr: str) -> Obj:
    """A request that records an address."""
    request = request_object(namespace, "web", "net")
    request["metadata"]["annotations"] = {RECORDED: cidr}
    return request


def _is_forbidden(tenant: Api, namespace: str) -> bool:
    """Whether the roles of the tenant and the policies are in effect."""
    plain = status_of_create(tenant, request_object(namespace, "web", "net"))
    return (plain, status_of_create(tenant, recorded(namespace, "10.0.0.0/28"))) == (201, 403)
