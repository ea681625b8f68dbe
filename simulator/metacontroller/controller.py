"""The common part of both kinds of controllers: queue, finalizer, hooks, events, and which objects are parents.

`composite` and `decorator` add what one sync of one parent does. The behaviour is that of Metacontroller 4.17.2. A
manifest that needs a feature which is not simulated is refused (`BadController`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator.kubernetes.clock import rfc3339
from simulator.kubernetes.controllers import GC_FINALIZERS
from simulator.kubernetes.errors import ApiError, Conflict, NotFound
from simulator.kubernetes.objects import (
    Key,
    Obj,
    annotations_of,
    controller_of,
    finalizers_of,
    is_deleting,
    joined,
    key_of,
    labels_of,
    meta,
    selector_matches,
    uid_of,
)
from simulator.metacontroller.children import ChildrenFailed, Methods, ObjectMap
from simulator.metacontroller.customize import RelatedObjects
from simulator.metacontroller.steps import CONFLICT_TRIES, Api, Steps, run_to_end
from simulator.metacontroller.webhook import Caller, HookError, TooManyRequests, call_hook
from simulator.metacontroller.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.store import Store
    from simulator.metacontroller.informers import InformerCache

METHODS = frozenset({"OnDelete", "InPlace", "Recreate"})

QueueKey = tuple["Resource", Key]


class BadController(Exception):
    """A controller manifest is wrong, or needs a feature that is not simulated."""


@dataclass(frozen=True, slots=True)
class SyncError:
    """A Warning event that Metacontroller records on a parent."""

    time: datetime
    resource: Resource
    key: Key
    message: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a controller works with: the API server, its caches, and the caller of the hooks."""

    store: Store
    caches: Callable[[Resource], InformerCache]
    caller: Caller
    api: Api


@dataclass(frozen=True, slots=True)
class ParentRule:
    """Which objects of a kind are parents, and whether a change of the status alone enqueues a parent."""

    resource: Resource
    selector: dict[str, Any] | None
    ignores_status: bool


class Controller:
    """One controller manifest at work."""

    #: The controller's kind, the key of its answers in webhook.ANSWERS, and its name for the parent in hook bodies.
    kind = ""
    shape = ""
    parent_word = ""

    def __init__(self, around: Surroundings, manifest: Obj, parents: list[ParentRule]) -> None:
        """Raises BadController."""
        if "resyncPeriodSeconds" in manifest["spec"]:
            raise BadController("resyncPeriodSeconds is not simulated")
        self.name: str = meta(manifest)["name"]
        self.store = around.store
        self.api = around.api
        self.queue: WorkQueue[QueueKey] = WorkQueue(around.store.clock)
        self.events: list[SyncError] = []
        #: The last error of each parent whose last sync failed.
        self.failing: dict[QueueKey, str] = {}
        #: The number of calls of each hook.
        self.calls: dict[str, int] = {}
        self._around = around
        self._manifest = manifest
        self._rules = {rule.resource: rule for rule in parents}
        self._paths = _hook_paths(manifest)
        if "sync" not in self._paths:
            raise BadController(f"{self.kind} {self.name}: no sync hook defined")
        self.finalizer = f"metacontroller.io/{self.kind.lower()}-{self.name}"
        self.related = RelatedObjects(
            catalog=self.store.catalog,
            clock=self.store.clock,
            caches=around.caches,
            parents=[around.caches(rule.resource) for rule in parents],
            ask=self._ask_related if "customize" in self._paths else None,
            enqueue=self.enqueue,
        )
        for rule in parents:
            around.caches(rule.resource).add_handler(self._on_parent)

    # --- the queue

    def enqueue(self, parent: Obj) -> None:
        """Add this parent to the queue, if it is one of this controller's."""
        if self.is_parent(parent):
            self.queue.add(self._queue_key(parent))

    def rest(self, is_idle: Callable[[Obj], bool]) -> None:
        """Do not sync these parents until they change: nothing would happen to them."""
        idle = {key for key in self.queue.ready if is_idle(self.store.get(*key))}
        self.queue.drop(idle)
        self.related.rest(uid_of(self.store.get(*key)) for key in idle)

    def process(self, key: QueueKey) -> None:
        """Take a key from the queue and sync its parent; an error is recorded, and the sync is retried later."""
        run_to_end(self.processing(key))

    def processing(self, key: QueueKey) -> Steps[None]:
        """The same with a pause before each hook call and each write."""
        self.queue.take(key)
        try:
            yield from self._processed(key)
        finally:
            self.queue.done(key)

    def _processed(self, key: QueueKey) -> Steps[None]:
        resource, name = key
        parent = self._around.caches(resource).get(name)
        self.failing.pop(key, None)
        if parent is None or not self.is_parent(parent):
            self.queue.forget(key)
            return
        try:
            yield from self.sync(parent)
        except TooManyRequests as error:
            self.queue.add_after(key, error.seconds)
        except (ApiError, HookError, ChildrenFailed) as error:
            message = f"Sync error: {error}"
            self.failing[key] = message
            self.events.append(SyncError(self.store.clock.now(), resource, name, message))
            self.queue.add_rate_limited(key)
        else:
            self.queue.forget(key)

    def sync(self, parent: Obj) -> Steps[None]:
        """Make one parent and its children as the hook wants them."""
        raise NotImplementedError

    # --- parents

    def is_parent(self, parent: Obj) -> bool:
        """Whether the object is a parent: it is selected, or still has our finalizer."""
        return self.finalizer in finalizers_of(parent) or self._selects(parent)

    def _selects(self, parent: Obj) -> bool:
        return selector_matches(self._rules[self.store.catalog.of(parent)].selector, labels_of(parent))

    def _queue_key(self, parent: Obj) -> QueueKey:
        return self.store.catalog.of(parent), key_of(parent)

    def _on_parent(self, old: Obj | None, new: Obj | None) -> None:
        if old is not None and new is not None and self._is_status_change(old, new):
            return
        parent = new if new is not None else old
        assert parent is not None
        self.enqueue(parent)

    def _is_status_change(self, old: Obj, new: Obj) -> bool:
        return (
            self._rules[self.store.catalog.of(new)].ignores_status
            and meta(old).get("generation") == meta(new).get("generation")
            and labels_of(old) == labels_of(new)
            and annotations_of(old) == annotations_of(new)
            and not is_deleting(new)
        )

    def on_child(self, old: Obj | None, new: Obj | None) -> None:
        """Enqueue the parents of a child that was created, changed or deleted; a deleted orphan has none."""
        if old and new and meta(old)["resourceVersion"] == meta(new)["resourceVersion"]:
            return
        child = new if new is not None else old
        assert child is not None
        if new is not None or controller_of(child) is not None:
            for parent in self.parents_of(child):
                self.enqueue(parent)

    def parents_of(self, child: Obj) -> list[Obj]:
        """The parents that an event of the child enqueues: the one that controls it, if this is its controller."""
        reference = controller_of(child)
        parent = self._resolved(child, reference) if reference else None
        return [] if parent is None else [parent]

    def _resolved(self, child: Obj, reference: dict[str, Any]) -> Obj | None:
        group = reference["apiVersion"].rpartition("/")[0]
        for resource in self._rules:
            if (resource.group, resource.kind) == (group, reference["kind"]):
                namespace = key_of(child)[0] if resource.namespaced else ""
                parent = self._around.caches(resource).get((namespace, reference["name"]))
                if parent is not None and uid_of(parent) == reference["uid"] and self.is_parent(parent):
                    return parent
        return None

    # --- finalizer

    def with_finalizer(self, parent: Obj) -> Steps[Obj]:
        """The parent with our finalizer, which is added by a live read and a write if it is missing. Raises HookError.

        Without a finalize hook the finalizer is removed instead. An object in deletion gets none.
        """
        wanted = "finalize" in self._paths
        if (self.finalizer in finalizers_of(parent)) == wanted or (wanted and is_deleting(parent)):
            return parent
        try:
            return (yield from self.change_finalizer(parent, wanted=wanted))
        except ApiError as error:
            raise HookError(f"can't sync finalizer for {described(parent)}: {error}") from error

    def change_finalizer(self, parent: Obj, *, wanted: bool) -> Steps[Obj]:
        """Add or remove our finalizer, whatever else has changed meanwhile. Raises NotFound and other ApiErrors."""

        def change(live: Obj) -> Obj:
            others = [name for name in finalizers_of(live) if name != self.finalizer]
            if (self.finalizer in finalizers_of(live)) == wanted:
                return live
            return live | {"metadata": meta(live) | {"finalizers": [*others, self.finalizer] if wanted else others}}

        what = f"write {'add' if wanted else 'remove'} finalizer of {described(parent)}"
        return (yield from self.rewritten(parent, what, change, self.api.update))

    def rewritten(self, obj: Obj, what: str, change: Callable[[Obj], Obj], write: Callable[[Obj], Obj]) -> Steps[Obj]:
        """Read an object live, change it and write it back; retry if it was changed in between. Raises ApiError."""
        for tries_left in reversed(range(CONFLICT_TRIES)):
            live = self.live(obj)
            changed = change(live)
            if changed is live:
                return live
            yield what
            try:
                return write(changed)
            except Conflict:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def live(self, obj: Obj) -> Obj:
        """The object as the API server has it now. Raises NotFound, also if another object has its name now."""
        resource = self.store.catalog.of(obj)
        found = self.api.get(resource, key_of(obj))
        if uid_of(found) != uid_of(obj):
            raise NotFound(f'{resource.plural_name} "{key_of(obj)[1]}" not found')
        return found

    def manages_children(self, parent: Obj) -> bool:
        """Whether children are written: of a living parent always, of one in deletion while it is finalized."""
        finalizers = finalizers_of(parent)
        finalizes = "finalize" in self._paths and self.finalizer in finalizers and not GC_FINALIZERS & set(finalizers)
        return not is_deleting(parent) or finalizes

    # --- hooks

    def answered(self, parent: Obj, observed: ObjectMap) -> Steps[Obj]:
        """The answer of the sync or finalize hook, with a pause before and after the call. Raises HookError.

        Related objects are read after the children, from caches that may have changed meanwhile.
        """
        yield f"hook of {self.name} for {joined(key_of(parent))}"
        related = self.related.of(parent)
        answer = self.call(parent, observed, related)
        yield f"reads the answer of {self.name} for {joined(key_of(parent))}"
        return answer

    def resync_later(self, parent: Obj, answer: Obj) -> None:
        """Enqueue the parent again after the time that an answer asks for."""
        if (answer.get("resyncAfterSeconds") or 0) > 0:
            self.queue.add_after(self._queue_key(parent), answer["resyncAfterSeconds"])

    def call(self, parent: Obj, observed: ObjectMap, related: ObjectMap) -> Obj:
        """Call the sync or finalize hook and return its answer. Raises HookError."""
        finalizing = "finalize" in self._paths and (is_deleting(parent) or not self._selects(parent))
        body = {
            "controller": self._manifest,
            self.parent_word: parent,
            "children" if self.shape == "composite" else "attachments": _wire_map(observed),
            "related": _wire_map(related),
            "finalizing": finalizing,
        }
        return self._post("finalize" if finalizing else "sync", body, self.shape)

    def _ask_related(self, parent: Obj) -> Obj:
        return self._post("customize", {"controller": self._manifest, "parent": parent}, "customize")

    def _post(self, hook: str, body: Obj, shape: str) -> Obj:
        self.calls[hook] = self.calls.get(hook, 0) + 1
        return call_hook(self._around.caller, self._paths[hook], body, shape, self.store.clock.now())

    def desired_children(self, parent: Obj, answered: list[Obj] | None) -> list[Obj]:
        """The children of an answer, by default in the parent's namespace. Raises HookError."""
        result = []
        for child in answered or []:
            if not isinstance(child, dict) or not child.get("kind") or not isinstance(child.get("metadata"), dict):
                raise HookError(f"can't unmarshal webhookResponse: not an object: {child!r:.60}")
            result.append(child | {"metadata": {"namespace": key_of(parent)[0]} | _named(meta(child))})
        return result


def _wire_map(objects: ObjectMap) -> dict[str, dict[str, Obj]]:
    return {resource.hook_key: group for resource, group in objects.items()}


def _hook_paths(manifest: Obj) -> dict[str, str]:
    """The URL path of each hook of a controller manifest."""
    return {
        name: _hook_path(f"{manifest['kind']} {meta(manifest)['name']}: {name} hook", hook)
        for name, hook in (manifest["spec"].get("hooks") or {}).items()
    }


def _hook_path(where: str, hook: dict[str, Any]) -> str:
    webhook = hook.get("webhook") or {}
    if hook.get("version") != "v2":
        raise BadController(f"{where}: only version v2 is simulated, not {hook.get('version')!r}")
    if webhook.get("etag"):
        raise BadController(f"{where}: etag is not simulated")
    if webhook.get("url"):
        url = urlsplit(webhook["url"])
        return f"{url.path}?{url.query}" if url.query else url.path
    if not webhook.get("service") or not webhook.get("path"):
        raise BadController(f"{where}: must specify either a full 'url', or both 'service' and 'path'")
    return str(webhook["path"])


def update_methods(catalog_of: Callable[[str, str], Resource], rules: list[dict[str, Any]]) -> Methods:
    """How the children of each kind are updated, from `childResources` or `attachments`. Raises BadController."""
    result: Methods = {}
    for rule in rules:
        method = (rule.get("updateStrategy") or {}).get("method") or "OnDelete"
        if method not in METHODS:
            raise BadController(f"update strategy {method!r} of {rule['resource']} is not simulated")
        result[catalog_of(rule["apiVersion"], rule["resource"])] = method
    return result


def stored_manifest(manifest: Obj, uid: str, moment: datetime) -> Obj:
    """The controller manifest as in hook bodies: an object that the API server has stored."""
    system = {"uid": uid, "resourceVersion": "1", "generation": 1, "creationTimestamp": rfc3339(moment)}
    return {
        "kind": manifest["kind"],
        "apiVersion": manifest["apiVersion"],
        "metadata": meta(manifest) | system,
        "spec": manifest["spec"],
        "status": {},
    }


def _named(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata without an empty namespace."""
    return {name: value for name, value in metadata.items() if name != "namespace" or value}


def described(parent: Obj) -> str:
    """An object as Metacontroller names it in its errors: `IPAMRange team-a/net`."""
    return f"{parent['kind']} {joined(key_of(parent))}"
