"""The API server: objects of all kinds in memory, and a log of the events of each kind.

It follows these rules of the real API server:

- One counter gives every change its resourceVersion. A write that changes nothing causes no event.
- `generation` grows when anything but metadata and status changes, and when a deletion begins. Namespaces have none.
- A write with a resourceVersion is refused unless it is the current one; a write without one is unconditional.
- If a kind has the status subresource, create and update do not change the status, and `update_status` changes
  nothing else.
- Defaults are set when an object is written *and* when it is read: a new object, whose status was dropped, shows the
  default status.
- A write passes the gate, if there is one: authorization and admission policies (see `gate`).
- The deletion of an object with finalizers marks it; the object is removed with its last finalizer.
- Informers read the logs at their own pace. Objects are shared and never changed (see `objects`).
- Several API servers may share one storage (`beside`). Each prunes by the schema that it serves (`serve`), both when it
  reads and when it writes. After a change of the schema, open watches show the former schema for a while (`rewatch`).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from simulator.kubernetes.clock import rfc3339
from simulator.kubernetes.errors import AlreadyExists, ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound
from simulator.kubernetes.json_patch import merge_patched
from simulator.kubernetes.metadata import SYSTEM_FIELDS, client_metadata, metadata_faults
from simulator.kubernetes.objects import Key, Obj, copied, finalizers_of, is_deleting, joined, key_of, meta, uid_of
from simulator.kubernetes.resources import NAMESPACE, Catalog, Resource
from simulator.kubernetes.storage import Event, EventType, Storage

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from simulator.kubernetes.clock import Clock
    from simulator.kubernetes.gate import Gate
    from simulator.kubernetes.schema import Schema


class Store:
    """The objects of a cluster. Every call either succeeds, or raises an ApiError and changes nothing."""

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        rng: random.Random,
        uid_of: Callable[[str], str] | None = None,
        storage: Storage | None = None,
    ) -> None:
        """`rng` draws the uids, so that equal seeds give equal uids; or `uid_of` makes them from `Kind ns/name`."""
        self.catalog = catalog
        self.clock = clock
        self._rng = rng
        self._uid_of = uid_of or (lambda _: str(uuid.UUID(int=rng.getrandbits(128), version=4)))
        self._storage = storage or Storage(
            {item: {} for item in catalog.resources}, {item: [] for item in catalog.resources}
        )
        self._objects, self._logs = self._storage.objects, self._storage.logs
        #: Whether the first object of a namespace creates it; otherwise it must exist, as in a real cluster.
        self.creates_namespaces = True
        #: Schemas in place of those of the catalog: for requests, and for watches that are open.
        self._served: dict[Resource, Resource] = {}
        self._watched: dict[Resource, Resource] = {}

    @property
    def version(self) -> int:
        """The resourceVersion of the last write."""
        return self._storage.version

    @property
    def listeners(self) -> list[Callable[[Resource, Event], None]]:
        """Functions that are called with each event, at once."""
        return self._storage.listeners

    @property
    def gate(self) -> Gate | None:
        """What each write passes; None lets every write pass."""
        return self._storage.gate

    @gate.setter
    def gate(self, gate: Gate) -> None:
        self._storage.gate = gate

    # --- schemas

    @property
    def mixed(self) -> frozenset[Resource]:
        """The kinds of which an older schema was ever served."""
        return frozenset(self._storage.mixed)

    @property
    def is_older(self) -> bool:
        """Whether this API server serves an older schema of any kind now, at least in open watches."""
        shown = (*self._served.items(), *self._watched.items())
        return any(older is not resource for resource, older in shown)

    def beside(self) -> Store:
        """Another API server on the same storage."""
        return Store(self.catalog, self.clock, self._rng, self._uid_of, self._storage)

    def serve(self, resource: Resource, older: Resource | None) -> None:
        """Serve an older schema of a kind from now on, or that of the catalog; open watches do not change yet."""
        self._served[resource] = older or resource
        self._storage.mixed.add(resource)

    def rewatch(self) -> None:
        """Show the schemas that are served now in watches, too."""
        self._watched = dict(self._served)

    def watched(self, resource: Resource, obj: Obj) -> Obj:
        """A stored object as a watch shows it."""
        return self._shown(resource, obj, self._watched)

    def _shown(self, resource: Resource, obj: Obj, schemas: dict[Resource, Resource]) -> Obj:
        if resource not in self._storage.mixed:
            return obj
        return schemas.get(resource, resource).schema.completed(obj)

    def load(self, objects: Iterable[Obj]) -> None:
        """Store objects as another API server has written them."""
        self._storage.load((self.catalog.of(obj), obj) for obj in objects)

    # --- reading

    def log(self, resource: Resource) -> list[Event]:
        """All events of a kind; the list only grows."""
        return self._logs[resource]

    def find(self, resource: Resource, key: Key) -> Obj | None:
        """The object, or None."""
        obj = self._objects[resource].get(key)
        return None if obj is None else self._shown(resource, obj, self._served)

    def get(self, resource: Resource, key: Key) -> Obj:
        """The object. Raises NotFound."""
        obj = self.find(resource, key)
        if obj is None:
            raise NotFound(f'{resource.plural_name} "{key[1]}" not found')
        return obj

    def list(self, resource: Resource, namespace: str | None = None) -> list[Obj]:
        """All objects of a kind, of one namespace or of all, ordered by namespace and name."""
        found = self._objects[resource]
        keys = [key for key in sorted(found) if namespace in {None, key[0]}]
        return [self._shown(resource, found[key], self._served) for key in keys]

    # --- writing

    def create(self, obj: Obj, *, strict: bool = False) -> Obj:
        """Store a new object and return it as stored.

        With `strict`, unknown fields are refused, as for users of kubectl; otherwise they are dropped. Raises
        BadRequest, Forbidden (its namespace is being terminated), NotFound (no such kind), AlreadyExists, Invalid.
        """
        resource = self.catalog.of(obj)
        key = _checked_key(resource, obj)
        self._admit(resource, key)
        new = self._prepared(resource, obj, strict=strict)
        if self.gate and resource is not NAMESPACE:
            new = self._prepared(resource, self.gate.admitted(resource, new, None), strict=False)
        if resource.has_status and resource is not NAMESPACE:
            new.pop("status", None)
        _complete_namespace(new)
        self._validate(resource, new, None)
        if self.gate and resource is not NAMESPACE:
            self.gate.check(resource, new, None)
        if self.find(resource, key) is not None:
            raise AlreadyExists(f'{resource.plural_name} "{key[1]}" already exists')
        new["metadata"] |= {
            "uid": self._uid_of(f"{resource.kind} {joined(key)}"),
            **({} if resource is NAMESPACE else {"generation": 1}),
            "creationTimestamp": rfc3339(self.clock.now()),
        }
        return self._commit(resource, "ADDED", new)

    def update(self, obj: Obj, *, strict: bool = False) -> Obj:
        """Replace everything but the status; return the object as stored.

        An object in deletion is removed with its last finalizer. Raises NotFound, Conflict, BadRequest, Invalid.
        """
        resource, old = self._replaced(obj)
        new = self._prepared(resource, obj, strict=strict)
        if self.gate:
            new = self._prepared(resource, self.gate.admitted(resource, new, old), strict=False)
        if resource.has_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        _keep_system_fields(new, old)
        if _content(new) != _content(old):
            new["metadata"] |= _next_generation(old)
        return self._finish_update(resource, new, old)

    def update_status(self, obj: Obj) -> Obj:
        """Replace the status and nothing else; return the object as stored. Raises NotFound, Conflict, Invalid."""
        resource, old = self._replaced(obj)
        if not resource.has_status:
            raise NotFound("the server could not find the requested resource")
        if self.gate:
            self.gate.authorize("update", resource, key_of(obj), "status")
        status = self._prepared(resource, obj, strict=False).get("status")
        new = {name: value for name, value in old.items() if name != "status"} | {"metadata": dict(meta(old))}
        if status is not None:
            new["status"] = status
        return self._finish_update(resource, new, old, "status")

    def patch(self, resource: Resource, key: Key, patch: Obj, *, strict: bool = False) -> Obj:
        """Change an object, but not its status, by a JSON merge patch (RFC 7386), whatever its version."""
        merged = merge_patched(self.get(resource, key), patch)
        return self.update(merged, strict=strict)

    def delete(
        self,
        resource: Resource,
        key: Key,
        uid: str | None = None,
        gc_finalizer: str = "",
        *,
        by_collection: bool = False,
    ) -> None:
        """Delete an object; its dependents are collected afterwards ("background").

        With the finalizer `orphan` or `foregroundDeletion` the garbage collector handles the dependents first. A second
        deletion can still add it, though updates can't add finalizers any more. With
        `by_collection` the object is one of a collection that is deleted: the call does not name it. Raises NotFound,
        Forbidden, and Conflict if `uid` is given and is not the object's.
        """
        old = self.get(resource, key)
        if self.gate:
            self.gate.check_deletion(resource, old, gc_finalizer, uid, by_collection=by_collection)
        is_held_again = bool(gc_finalizer) and is_deleting(old) and gc_finalizer not in finalizers_of(old)
        if gc_finalizer:
            finalizers = list(dict.fromkeys([*finalizers_of(old), gc_finalizer]))
            old = old | {"metadata": meta(old) | {"finalizers": finalizers}}
        if uid is not None and uid != uid_of(old):
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {uid_of(old)}"
            raise self._conflict(resource, key, why)
        if not finalizers_of(old) and not _holds_content(old):
            self._remove(resource, old)
        elif not is_deleting(old):
            self._commit(resource, "MODIFIED", _marked(old, rfc3339(self.clock.now())))
        elif is_held_again:
            self._commit(resource, "MODIFIED", old)

    def begin_again(self) -> None:
        """Begin as the new cluster does in which a backup is restored: no list has an event of the former one."""
        self._storage.version = 0
        self._storage.former = {resource: len(log) for resource, log in self._storage.logs.items()}

    def oldest_state(self, resource: Resource) -> int:
        """The number of events of a kind that even the oldest list includes."""
        return self._storage.former.get(resource, 0)

    def remove_namespace(self, name: str) -> None:
        """Remove a namespace that is being deleted (the last act of the namespace controller)."""
        self._remove(NAMESPACE, self.get(NAMESPACE, ("", name)))

    # --- steps of a write

    def _replaced(self, obj: Obj) -> tuple[Resource, Obj]:
        """The kind of an update and the object that it replaces, after a check of uid and resourceVersion."""
        resource = self.catalog.of(obj)
        key = _checked_key(resource, obj)
        old = self.get(resource, key)
        sent = meta(obj)
        if sent.get("uid") not in {None, "", uid_of(old)}:
            why = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {uid_of(old)}"
            raise self._conflict(resource, key, why)
        if sent.get("resourceVersion") not in {None, "", meta(old)["resourceVersion"]}:
            raise self._conflict(
                resource,
                key,
                "the object has been modified; please apply your changes to the latest version and try again",
            )
        return resource, old

    def _prepared(self, resource: Resource, obj: Obj, *, strict: bool) -> Obj:
        unknown = self._schema(resource).unknown_fields(obj) if strict else []
        if unknown:
            listed = ", ".join(f'unknown field "{path}"' for path in unknown)
            raise BadRequest(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
                f"strict decoding error: {listed}"
            )
        return self._schema(resource).completed(obj) | {"metadata": copied(client_metadata(obj))}

    def _finish_update(self, resource: Resource, new: Obj, old: Obj, subresource: str = "") -> Obj:
        self._validate(resource, new, old)
        if self.gate:
            self.gate.check(resource, new, old, subresource)
        new = self._schema(resource).completed(new)
        if is_deleting(new) and not finalizers_of(new) and not _holds_content(new):
            return self._remove(resource, new)
        return old if new == self._objects[resource][key_of(old)] else self._commit(resource, "MODIFIED", new)

    def _validate(self, resource: Resource, new: Obj, old: Obj | None) -> None:
        same = frozenset(name for name in new if old is not None and name in old and new[name] == old[name])
        faults = metadata_faults(new, old)
        faults += self._schema(resource).faults(new, same | {"metadata"})
        if not any(fault.is_structural for fault in faults):
            faults += self._served.get(resource, resource).rules.faults(new, old)
        if faults:
            raise Invalid(resource.kind, resource.group, meta(new).get("name", ""), faults)

    def _commit(self, resource: Resource, event: EventType, new: Obj) -> Obj:
        self._storage.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        stored = self._schema(resource).completed(new)
        if event == "ADDED" and resource.has_status and resource in self._storage.mixed:
            stored.pop("status", None)  # its defaults are added by each schema that serves the object
        self._objects[resource][key_of(stored)] = stored
        self._publish(resource, Event(event, stored))
        return self._shown(resource, stored, self._served)

    def _remove(self, resource: Resource, obj: Obj) -> Obj:
        self._storage.version += 1
        removed = obj | {"metadata": meta(obj) | {"resourceVersion": str(self.version)}}
        del self._objects[resource][key_of(obj)]
        self._publish(resource, Event("DELETED", removed))
        return removed

    def _publish(self, resource: Resource, event: Event) -> None:
        self._logs[resource].append(event)
        for listener in self.listeners:
            listener(resource, event)

    def _admit(self, resource: Resource, key: Key) -> None:
        """Create the namespace on its first use. Raises Forbidden if it is being deleted, NotFound if it must exist."""
        namespace, name = key
        if not resource.namespaced:
            return
        found = self.find(NAMESPACE, ("", namespace))
        if found is None and not self.creates_namespaces:
            raise NotFound(f'namespaces "{namespace}" not found')
        if found is None:
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        elif is_deleting(found):
            raise Forbidden(
                f'{resource.plural_name} "{name}" is forbidden: unable to create new content in namespace {namespace} '
                "because it is being terminated"
            )

    def _schema(self, resource: Resource) -> Schema:
        return self._served.get(resource, resource).schema

    @staticmethod
    def _conflict(resource: Resource, key: Key, why: str) -> ApiError:
        return Conflict(f'Operation cannot be fulfilled on {resource.plural_name} "{key[1]}": {why}')


def _checked_key(resource: Resource, obj: Obj) -> Key:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        raise BadRequest(f"the {resource.kind} has no metadata")
    for name in ("namespace", "name"):
        if not isinstance(metadata.get(name, ""), str):
            raise BadRequest(f"metadata.{name} must be a string, not {metadata[name]!r}")
    if not resource.namespaced:
        return "", metadata.get("name", "")
    if not metadata.get("namespace"):
        raise BadRequest("an empty namespace may not be set during creation")
    return metadata["namespace"], metadata.get("name", "")


def _keep_system_fields(new: Obj, old: Obj) -> None:
    before = meta(old)
    new["metadata"] |= {name: before[name] for name in SYSTEM_FIELDS if name in before}


def _content(obj: Obj) -> Obj:
    return {name: value for name, value in obj.items() if name not in {"apiVersion", "kind", "metadata"}}


def _next_generation(obj: Obj) -> dict[str, int]:
    """The generation after a change, for kinds that have one."""
    return {"generation": meta(obj)["generation"] + 1} if "generation" in meta(obj) else {}


def _marked(obj: Obj, moment: str) -> Obj:
    """The object, marked as being deleted."""
    marks = {"deletionTimestamp": moment, "deletionGracePeriodSeconds": 0}
    new = obj | {"metadata": meta(obj) | marks | _next_generation(obj)}
    return new | {"status": {"phase": "Terminating"}} if obj["kind"] == "Namespace" else new


def _complete_namespace(obj: Obj) -> None:
    if obj["kind"] == "Namespace" and obj["apiVersion"] == "v1":
        name = meta(obj).get("name")
        obj["metadata"]["labels"] = {**(meta(obj).get("labels") or {}), "kubernetes.io/metadata.name": name}
        obj |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def _holds_content(obj: Obj) -> bool:
    """Whether this is a namespace, which only the namespace controller removes."""
    return (obj["kind"], obj["apiVersion"]) == ("Namespace", "v1")
