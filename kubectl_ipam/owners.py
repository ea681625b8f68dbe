"""Claims of Cluster API and Services, which get addresses by requests that are attached to them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hooks.api import foreign, names
from kubectl_ipam import resources
from kubectl_ipam.objects import Request
from kubectl_ipam.snapshot import Snapshot

Document = dict[str, Any]

#: By the reason of the condition Ready of a claim, the state that a request would show.
_CLAIM_STATES = {"PoolNotReady": "Pending", "PoolExhausted": "Busy", "AllocationFailed": "Invalid"}
#: The states of the requests of a Service, the one that decides first.
_BY_WEIGHT = ("Invalid", "Busy", "Pending")


class Standing(NamedTuple):
    """What an object has.

    Attributes:
        state: as a request would show it: "Ready", "Busy", "Pending", "Invalid", "Deleting"; "Releasing" or "Released"
            of a Service that no longer names a range.
        addresses: its addresses, separated by commas.
        message: why it has none, or keeps what it should not have.
    """

    state: str
    addresses: str
    message: str


class Owners:
    """The claims and Services of a snapshot that have something to do with ranges.

    Attributes:
        by_name: these, by "Kind namespace/name".
    """

    def __init__(self, snapshot: Snapshot) -> None:
        found = (each for kind in (resources.CLAIMS, resources.SERVICES) for each in snapshot.documents(kind).values())
        self.by_name: dict[str, Document] = {title(each): each for each in found if is_concerned(each)}
        self._aliases = snapshot.documents(resources.ALIASES)
        self._addresses = snapshot.documents(resources.ADDRESSES)
        self._requests: dict[tuple[str, str, str, str], list[Request]] = {}
        for request in snapshot.requests.values():
            if owner := request.metadata.controller:
                key = owner.group, owner.kind, owner.name, owner.uid
                self._requests.setdefault(key, []).append(request)

    def requests_of(self, owner: Document) -> list[Request]:
        """The requests that are attached to an object, by their complete owner reference, in order of name."""
        group, metadata = owner["apiVersion"].rpartition("/")[0], owner["metadata"]
        found = self._requests.get((group, owner["kind"], metadata.get("name", ""), metadata.get("uid", "")), [])
        return sorted(found, key=lambda each: each.metadata.name)

    def owned(self) -> set[str]:
        """The requests that are attached to one of these objects, by "namespace/name"."""
        return {
            str(request.metadata.namespaced_name)
            for each in self.by_name.values()
            for request in self.requests_of(each)
        }

    def ranges_of(self, owner: Document) -> list[str]:
        """The ranges that an object names, or whose addresses it has, as "namespace/name"."""
        named = _named_ranges(owner, self._aliases)
        return list(dict.fromkeys([*named, *(str(each.range_name) for each in self.requests_of(owner))]))

    def standing(self, owner: Document) -> Standing:
        """What an object has."""
        is_service = owner["kind"] == names.SERVICE_KIND
        found = self._of_service(owner) if is_service else self._of_claim(owner)
        if not owner["metadata"].get("deletionTimestamp"):
            return found
        waits = ", ".join(owner["metadata"].get("finalizers") or [])
        return Standing("Deleting", found.addresses, f"keeps its addresses until {waits} is removed")

    def _of_claim(self, claim: Document) -> Standing:
        conditions = (claim.get("status") or {}).get("conditions") or []
        ready = next((each for each in conditions if each.get("type") == "Ready"), None)
        if ready is None:
            return Standing("Pending", "", _why_not_handled(claim))
        if ready.get("status") != "True":
            return Standing(_CLAIM_STATES.get(ready.get("reason"), "Pending"), "", ready.get("message") or "")
        metadata = claim["metadata"]
        address = self._addresses.get(f"{metadata.get('namespace')}/{metadata['name']}") or {}
        return Standing("Ready", (address.get("spec") or {}).get("address", ""), "")

    def _of_service(self, service: Document) -> Standing:
        annotations = service["metadata"].get("annotations") or {}
        addresses = annotations.get(names.ADDRESSES_ANNOTATION, "")
        message = annotations.get(names.MESSAGE_ANNOTATION, "")
        type_ = plain(service.get("spec")).get("type") or "ClusterIP"
        if addresses and (names.RANGES_ANNOTATION not in annotations or type_ != "LoadBalancer"):
            return Standing("Releasing", addresses, message)
        if names.RANGES_ANNOTATION not in annotations:
            return Standing("Released", "", message)
        if type_ != "LoadBalancer":
            return Standing("Invalid", "", f'type "{type_}" gets no address: it must be LoadBalancer')
        if addresses:
            return Standing("Invalid" if message else "Ready", addresses, message)
        states = {each.status.state or "Pending" for each in self.requests_of(service)}
        state = next((each for each in _BY_WEIGHT if each in states), "Invalid" if message else "Pending")
        return Standing(state, "", message)


def is_served(owner: Document) -> bool:
    """Whether an object has its addresses and asks for nothing else, so that its hook would change nothing."""
    if owner["kind"] != names.SERVICE_KIND:
        conditions = plain(owner.get("status")).get("conditions") or []
        return any((each.get("type"), each.get("status")) == ("Ready", "True") for each in conditions)
    annotations = plain(owner["metadata"].get("annotations"))
    return {names.RANGES_ANNOTATION, names.ADDRESSES_ANNOTATION} <= annotations.keys()


def title(owner: Document) -> str:
    """The name of an object: "Kind namespace/name"."""
    metadata = owner["metadata"]
    return f"{owner['kind']} {metadata.get('namespace')}/{metadata.get('name')}"


def is_concerned(obj: Document) -> bool:
    """Whether an object is a claim of a pool of ours, or a Service that names a range or has addresses of one."""
    if resources.resource_of(obj) is resources.CLAIMS:
        return _pool_of(obj).get("apiGroup") == names.GROUP
    annotations = plain(obj.get("metadata")).get("annotations")
    ours = (names.RANGES_ANNOTATION, names.ADDRESSES_ANNOTATION, names.GIVEN_UP_ANNOTATION)
    return resources.resource_of(obj) is resources.SERVICES and any(each in plain(annotations) for each in ours)


def _named_ranges(owner: Document, aliases: Mapping[str, Document]) -> Iterable[str]:
    namespace = owner["metadata"].get("namespace")
    if owner["kind"] == names.SERVICE_KIND:
        text = str(plain(owner["metadata"].get("annotations")).get(names.RANGES_ANNOTATION, ""))
        for item in filter(None, map(str.strip, text.split(","))):
            within, _, name = item.rpartition(".")
            yield f"{within or namespace}/{name}"
        return
    pool = _pool_of(owner)
    if pool.get("kind") == names.RANGE_KIND:
        yield f"{namespace}/{pool.get('name')}"
    elif alias := aliases.get(str(pool.get("name"))):
        range_ = plain(plain(alias.get("spec")).get("range"))
        yield f"{range_.get('namespace')}/{range_.get('name')}"


def _why_not_handled(claim: Document) -> str:
    """Why the hooks do nothing for a claim."""
    metadata = claim["metadata"]
    if foreign.PAUSED_ANNOTATION in plain(metadata.get("annotations")):
        return f"nothing is allocated while it has the annotation {foreign.PAUSED_ANNOTATION}"
    cluster = plain(claim.get("spec")).get("clusterName") or plain(metadata.get("labels")).get(foreign.CLUSTER_LABEL)
    return f"nothing is allocated while its Cluster {cluster} does not exist or is paused" if cluster else ""


def _pool_of(claim: Document) -> Document:
    return plain(plain(claim.get("spec")).get("poolRef"))


def plain(value: Any) -> Document:
    """A part of a manifest that should be an object; an empty one if it is something else."""
    return value if isinstance(value, dict) else {}
