"""Rights for users of the end-to-end tests, who are impersonated by the name of the role that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api import GROUP, Refused

if TYPE_CHECKING:
    from controlplane.api import Api, Obj

RBAC = "rbac.authorization.k8s.io"
RBAC_PATH = f"/apis/{RBAC}/v1"


def bind(api: Api, namespace: str, role: str, user: str = "", *, kind: str = "ClusterRole") -> None:
    """Binds a role to a user, by default of its name, in one namespace."""
    _create(api, f"namespaces/{namespace}/rolebindings", _binding("RoleBinding", role, user or role, kind))


def bind_in_cluster(api: Api, role: str, user: str = "") -> None:
    """Binds a role to a user, by default of its name, in the whole cluster."""
    _create(api, "clusterrolebindings", _binding("ClusterRoleBinding", role, user or role, "ClusterRole"))


def create_cluster_role(api: Api, name: str, *rules: Obj) -> None:
    """Creates a role of these rules."""
    _create(api, "clusterroles", _role("ClusterRole", name, *rules))


def create_owner(api: Api, namespace: str, user: str) -> None:
    """Gives a user the right to everything in one namespace, as clusters with self-service do."""
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    _create(api, f"namespaces/{namespace}/roles", _role("Role", user, everything))
    bind(api, namespace, user, kind="Role")


def rule(resource: str, *verbs: str, **more: list[str]) -> Obj:
    """A rule about one of our resources."""
    return {"apiGroups": [GROUP], "resources": [resource], "verbs": list(verbs), **more}


def _role(kind: str, name: str, *rules: Obj) -> Obj:
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name}, "rules": list(rules)}


def _binding(kind: str, role: str, user: str, role_kind: str) -> Obj:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": f"{role}-{user}"},
        "subjects": [{"kind": "User", "name": user, "apiGroup": RBAC}],
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role},
    }


def _create(api: Api, path: str, obj: Obj) -> None:
    """Creates an object, unless an earlier test has done it."""
    try:
        api.ask("POST", f"{RBAC_PATH}/{path}", obj)
    except Refused as refusal:
        if refusal.status != 409:
            raise
