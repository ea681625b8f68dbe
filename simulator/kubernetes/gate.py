"""What a write passes before it is stored: authorization by roles, then admission policies."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from simulator.kubernetes.authorization import Access, Roles, User
from simulator.kubernetes.errors import Forbidden
from simulator.kubernetes.objects import Key, Obj, key_of
from simulator.kubernetes.policies import Call, Policies
from simulator.kubernetes.resources import NAMESPACE, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The user who may do everything: a cluster administrator.
ADMINISTRATOR = Roles.owner("kubernetes-admin")
#: The propagation policies by the finalizers that carry them out.
PROPAGATION = {"": "Background", "orphan": "Orphan", "foregroundDeletion": "Foreground"}


class Gate:
    """The gate of an API server: the present user, and the policies that are installed."""

    def __init__(self, find: Callable[[Resource, Key], Obj | None], policies: Policies) -> None:
        """`find` reads objects, for the labels of namespaces."""
        self.user = ADMINISTRATOR
        self.policies = policies
        self._find = find

    @contextmanager
    def called_by(self, user: User) -> Iterator[None]:
        """Let another user make the calls of a `with` block."""
        former, self.user = self.user, user
        try:
            yield
        finally:
            self.user = former

    def authorize(self, verb: str, resource: Resource, key: Key, subresource: str = "") -> None:
        """Raises Forbidden if the roles of the user do not allow the call."""
        namespace, name = key
        if not self.user.may(Access(verb, resource.group, resource.plural, subresource, namespace, name)):
            target = f"{resource.plural}/{subresource}" if subresource else resource.plural
            raise Forbidden(
                f'{resource.plural_name} "{name}" is forbidden: User "{self.user.name}" cannot {verb} resource '
                f'"{target}" in API group "{resource.group}" in the namespace "{namespace}"'
            )

    def admitted(self, resource: Resource, obj: Obj, old: Obj | None) -> Obj:
        """The object after authorization and all mutations. Raises Forbidden, Denied."""
        self.authorize("update" if old else "create", resource, key_of(obj))
        return self.policies.mutated(self._call(resource, obj, old), self._namespace(obj))

    def check(self, resource: Resource, obj: Obj, old: Obj | None, subresource: str = "") -> None:
        """Raises Denied if a policy refuses to store this object."""
        self.policies.check(self._call(resource, obj, old, subresource), self._namespace(obj))

    def check_deletion(
        self, resource: Resource, old: Obj, gc_finalizer: str, uid: str | None, *, by_collection: bool
    ) -> None:
        """Raises Forbidden, Denied. The uid is that of the call, if it names one."""
        namespace, name = key_of(old)
        key = namespace, "" if by_collection else name
        self.authorize("deletecollection" if by_collection else "delete", resource, key)
        options: Obj = {"propagationPolicy": PROPAGATION[gc_finalizer]}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        call = Call("DELETE", resource, key, self.user, old=old, options=options)
        self.policies.check(call, self._namespace(old))

    def _call(self, resource: Resource, obj: Obj, old: Obj | None, subresource: str = "") -> Call:
        operation = "UPDATE" if old else "CREATE"
        return Call(operation, resource, key_of(obj), self.user, obj, old, subresource)

    def _namespace(self, obj: Obj) -> Obj | None:
        return self._find(NAMESPACE, ("", key_of(obj)[0]))
