"""What has truly happened, as the judge knows it: read from the events of the store, never from a cache or a hook.

The judge knows the four kinds as their CRDs describe them. Facts are kept per *life* of an object, by uid: the same
name created again is another life. `Facts` are those of the last step only, for the checkers that look at changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from simulator.judge.addresses import Block, block_of, merged, without
from simulator.kubernetes.clock import parse_rfc3339
from simulator.kubernetes.objects import (
    annotations_of,
    controller_of,
    finalizers_of,
    is_deleting,
    joined,
    key_of,
    labels_of,
    selector_matches,
    uid_of,
)
from simulator.names import CIDR_ANNOTATION, RANGE_FINALIZER, RECLAIM_ANNOTATION, REQUEST_FINALIZER

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.kubernetes.objects import Obj
    from simulator.kubernetes.resources import Resource
    from simulator.kubernetes.store import Event
    from simulator.world.machinery import World

#: How long a deleted request waits for an answer before it goes.
SILENCE = timedelta(seconds=10)


@dataclass(slots=True)
class RangeLife:
    """One IPAMRange from its creation to its end."""

    uid: str
    name: str
    obj: Obj
    #: When its ledger was last changed, in whole seconds as hooks count them.
    changed_at: datetime
    #: The ledger as committed: (cidr, marked as absent) by uid of the request.
    ledger: dict[str, tuple[str, bool]] = field(default_factory=dict)
    #: Released blocks that the ledger keeps from everybody: (cidr, since when) by uid of the last holder.
    cooling: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    #: The cursors of round robin, by prefix length as text.
    cursors: dict[str, str] = field(default_factory=dict)
    #: The releases that the ledger records just now, and all that it ever did.
    releases: list[str] = field(default_factory=list)
    released: set[str] = field(default_factory=set)
    #: Everything that was ever in the ledger: the first cidr of each uid.
    granted: dict[str, str] = field(default_factory=dict)
    #: Since when a holder that is marked as absent was found to be so: what the mark says, if that can be true. It was
    #: computed from the ledger before it, so not before that was committed.
    marked: dict[str, datetime] = field(default_factory=dict)
    #: Holders that were given up by one of the ways of S5 b or c.
    given_up: set[str] = field(default_factory=set)
    reclaimed: set[str] = field(default_factory=set)
    #: Whether its finalizer was removed by a person, so that it could go at any time.
    is_forced: bool = False
    #: Whether one of its extents was deleted, or taken away from it, by anybody but Metacontroller.
    was_tampered: bool = False
    is_gone: bool = False

    @property
    def pool(self) -> list[Block]:
        """The addresses of its spec that may be handed out, merged; the gateway is none of them."""
        spec = self.obj["spec"]
        ranges, excludes = ([block_of(text) for text in spec.get(field, ())] for field in ("ranges", "excludes"))
        gateway = spec.get("network", {}).get("gateway")
        return without(merged(ranges), [*excludes, block_of(gateway)] if gateway else excludes)

    @property
    def cooldown(self) -> timedelta:
        """How long a released block must stay unused."""
        return timedelta(seconds=self.obj["spec"].get("cooldownSeconds", 0))

    @property
    def taken(self) -> list[Block]:
        """The blocks that nobody can be granted: those that are held, and those that cool down."""
        return [block_of(cidr) for cidr, _ in (*self.ledger.values(), *self.cooling.values())]

    @property
    def is_up_to_date(self) -> bool:
        """Whether its status speaks of its present spec.

        What is written as its finalizer goes is dated by the newest generation, whatever it speaks of.
        """
        observed = self.status.get("observedGeneration")
        return observed == self.obj["metadata"]["generation"] and RANGE_FINALIZER in finalizers_of(self.obj)

    @property
    def status(self) -> dict[str, Any]:
        """Its last status."""
        status: dict[str, Any] = self.obj.get("status") or {}
        return status


@dataclass(slots=True)
class RequestLife:
    """One IPAMRequest from its creation to its end."""

    uid: str
    name: str
    obj: Obj
    #: S5 (a): it was seen in deletion, or gone, and nobody but us held it back. That never turns back.
    is_released: bool = False
    is_gone: bool = False
    #: Whether our finalizer was removed by a person, so that it could go unseen.
    is_forced: bool = False
    #: Whether our finalizer was removed by its hook although no answer said Released: for silence.
    is_let_go_unanswered: bool = False
    #: Whether it ever carried the address of an earlier life.
    ever_recorded: bool = False
    #: Whether a person wrote its cidr.
    is_written_by_person: bool = False
    #: The range life by which its cidr was published.
    published_by: str = ""

    @property
    def cidr(self) -> str:
        """The published block."""
        return str((self.obj.get("status") or {}).get("cidr", ""))


@dataclass(slots=True)
class Facts:
    """What one step has changed."""

    #: (range, request uid, cidr) of new entries, and of entries that left.
    grants: list[tuple[RangeLife, str, str]] = field(default_factory=list)
    drops: list[tuple[RangeLife, str, str]] = field(default_factory=list)
    #: (range, cidr, since when) of blocks that have just cooled down.
    cooled: list[tuple[RangeLife, str, datetime]] = field(default_factory=list)
    #: (range, prefix length, cursor before, cursor now) of each cursor that moved; "" is none.
    turns: list[tuple[RangeLife, int, str, str]] = field(default_factory=list)
    #: Ranges with a new status, and ranges that are gone.
    changed: dict[str, RangeLife] = field(default_factory=dict)
    ended: list[RangeLife] = field(default_factory=list)
    #: (request, cidr before, cidr now) where it changed, and Ready allocations that are new or changed.
    published: list[tuple[RequestLife, str, str]] = field(default_factory=list)
    allocations: list[Obj] = field(default_factory=list)
    #: Allocations that say that a request waits, new or changed.
    refused: list[Obj] = field(default_factory=list)
    #: Allocations that have become Released.
    let_go: list[Obj] = field(default_factory=list)
    #: Ready allocations that Metacontroller deleted or made something else.
    withdrawn: list[Obj] = field(default_factory=list)
    #: Ranges of which Metacontroller deleted an extent, or changed what it says, though nobody else had touched any.
    unannounced: list[RangeLife] = field(default_factory=list)
    #: (range, revision before, revision now, whether the ledger changed) of each new status.
    revisions: list[tuple[RangeLife, int, int, bool]] = field(default_factory=list)


class History:
    """Listens to a store."""

    def __init__(self, world: World) -> None:
        """Listens from now on."""
        self.world = world
        self.ranges: dict[str, RangeLife] = {}
        self.requests: dict[str, RequestLife] = {}
        #: The allocations that exist, by `namespace/name`.
        self.allocations: dict[str, Obj] = {}
        #: The extents that exist, by the same.
        self.extents: dict[str, Obj] = {}
        #: The labels that namespaces have had, oldest first, by name.
        self.labels: dict[str, list[dict[str, str]]] = {}
        self.facts = Facts()
        #: Whether a replica's clock was ever wrong.
        self.clocks_were_wrong = False
        world.store.listeners.append(self._note)

    def lives_of_range(self, name: str) -> list[RangeLife]:
        """All lives of the range of this name, oldest first."""
        return [life for life in self.ranges.values() if life.name == name]

    def range_of(self, request: Obj) -> RangeLife | None:
        """The living range that a request names."""
        name = named_range(request)
        return next((life for life in self.ranges.values() if life.name == name and not life.is_gone), None)

    def allows(self, life: RangeLife, request: Obj, *, ever: bool = False) -> bool:
        """Whether a range serves the namespace of a request now; or did so ever, as an old cache may show."""
        namespace, allowed = key_of(request)[0], life.obj["spec"].get("allowedNamespaces", {})
        match allowed.get("from", "Same"):
            case "All":
                return True
            case "Selector":
                labels = self.labels.get(namespace, [])
                return any(selector_matches(allowed["selector"], each) for each in (labels if ever else labels[-1:]))
            case _:
                return namespace == life.name.partition("/")[0]

    @property
    def _second(self) -> datetime:
        return self.world.clock.now().replace(microsecond=0)

    @property
    def by_person(self) -> bool:
        """Whether the write that happens just now is a person's."""
        return self.world.actor == "person"

    def is_free_of(self, range_life: RangeLife, uid: str) -> bool:
        """Whether a former holder is proven to hold nothing any more."""
        life = self.requests.get(uid)
        return uid in range_life.given_up or (life is not None and life.is_released)

    def is_lost(self, range_uid: str) -> bool:
        """Whether a range was taken away by force, and its ledger with it."""
        life = self.ranges.get(range_uid)
        return life is not None and life.is_gone and life.is_forced

    def takes_any_block(self, uid: str) -> bool:
        """Whether a request neither names what it wants nor shows or ever recorded a block."""
        life = self.requests.get(uid)
        return life is not None and not (life.cidr or life.ever_recorded or "request" in life.obj["spec"])

    def _note(self, resource: Resource, event: Event) -> None:
        match resource.plural:
            case "ipamranges":
                self._note_range(event)
            case "ipamrequests":
                self._note_request(event)
            case "ipamallocations":
                self._note_allocation(event)
            case "ipamextents":
                self._note_extent(event)
            case "namespaces":
                self.labels.setdefault(key_of(event.obj)[1], []).append(labels_of(event.obj))
            case _:
                pass

    # --- ranges

    def _note_range(self, event: Event) -> None:
        obj = event.obj
        life = self.ranges.setdefault(uid_of(obj), RangeLife(uid_of(obj), joined(key_of(obj)), obj, self._second))
        before = life.status.get("revision", 0)
        self._note_force(life, RANGE_FINALIZER, obj)
        life.obj = obj
        life.reclaimed |= {
            uid.strip() for uid in annotations_of(obj).get(RECLAIM_ANNOTATION, "").split(",") if uid.strip()
        }
        entries = life.status.get("allocations") or []
        ledger = {each["uid"]: (each["cidr"], "absentSince" in each) for each in entries if "releasedAt" not in each}
        cooling = {
            each["uid"]: (each["cidr"], parse_rfc3339(each["releasedAt"])) for each in entries if "releasedAt" in each
        }
        releases = life.status.get("released") or []
        cursors = life.status.get("roundRobin") or {}
        if event.type == "MODIFIED":
            facts = (ledger, cooling, releases, cursors)
            is_changed = facts != (life.ledger, life.cooling, life.releases, life.cursors)
            self.facts.revisions.append((life, before, life.status.get("revision", 0), is_changed))
        self.facts.turns += [
            (life, int(length), before_, now)
            for length in sorted(life.cursors.keys() | cursors.keys())
            if (before_ := life.cursors.get(length, "")) != (now := cursors.get(length, ""))
        ]
        life.cursors = cursors
        life.releases = releases
        life.released.update(releases)
        self._note_ledger(life, ledger)
        self._note_cooling(life, cooling)
        for entry in entries:
            if "releasedAt" not in entry:
                _note_mark(life, entry)
        if life.status.get("revision", 0) != before:
            life.changed_at = self._second
        self.facts.changed[life.uid] = life
        if event.type == "DELETED":
            life.is_gone = True
            self.facts.ended.append(life)

    def _note_ledger(self, life: RangeLife, ledger: dict[str, tuple[str, bool]]) -> None:
        for uid, (cidr, _) in life.ledger.items():
            if uid not in ledger or ledger[uid][0] != cidr:
                self.facts.drops.append((life, uid, cidr))
        for uid, (cidr, _) in ledger.items():
            if uid not in life.ledger or life.ledger[uid][0] != cidr:
                self.facts.grants.append((life, uid, cidr))
                life.granted.setdefault(uid, cidr)
        life.ledger = ledger

    def _note_cooling(self, life: RangeLife, cooling: dict[str, tuple[str, datetime]]) -> None:
        self.facts.cooled += [(life, *old) for uid, old in life.cooling.items() if uid not in cooling]
        life.cooling = cooling

    # --- requests

    def _note_request(self, event: Event) -> None:
        obj = event.obj
        life = self.requests.setdefault(uid_of(obj), RequestLife(uid_of(obj), joined(key_of(obj)), obj))
        before = life.cidr if life.obj is not obj else ""
        had = REQUEST_FINALIZER in finalizers_of(life.obj)
        self._note_force(life, REQUEST_FINALIZER, obj)
        if had and REQUEST_FINALIZER not in finalizers_of(obj) and not self.by_person:
            life.is_let_go_unanswered = self._was_silent(life) and not self._is_answered_released(life.uid)
        life.obj = obj
        life.ever_recorded |= CIDR_ANNOTATION in annotations_of(obj)
        is_gone = event.type == "DELETED"
        life.is_gone |= is_gone
        life.is_released |= is_gone or (is_deleting(obj) and set(finalizers_of(obj)) <= {REQUEST_FINALIZER})
        if life.cidr != before:
            life.is_written_by_person = self.by_person
            life.published_by = self._publisher(life)
            self.facts.published.append((life, before, life.cidr))

    def _was_silent(self, life: RequestLife) -> bool:
        """Whether its deletion is so old that it may have been let go for silence."""
        deleted = life.obj["metadata"].get("deletionTimestamp")
        if deleted is None:
            return False
        return self.clocks_were_wrong or self.world.clock.now() - parse_rfc3339(deleted) >= SILENCE

    def _is_answered_released(self, uid: str) -> bool:
        answers = [obj["spec"] for obj in self.allocations.values() if obj["spec"]["request"]["uid"] == uid]
        return any(spec["state"] == "Released" for spec in answers)

    def _publisher(self, life: RequestLife) -> str:
        """The youngest life of its range that ever granted it this block."""
        found = [each.uid for each in self.ranges.values() if each.granted.get(life.uid) == life.cidr]
        return found[-1] if found else ""

    # --- allocations

    def _note_allocation(self, event: Event) -> None:
        name = joined(key_of(event.obj))
        before = self.allocations.get(name)
        if before and before["spec"]["state"] == "Ready" and not self.world.actor:
            is_ready = event.type != "DELETED" and event.obj["spec"]["state"] == "Ready"
            if not is_ready:
                self.facts.withdrawn.append(before)
        if event.type == "DELETED":
            self.allocations.pop(name, None)
            return
        self.allocations[name] = event.obj
        if event.obj["spec"]["state"] == "Ready":
            self.facts.allocations.append(event.obj)
        elif event.obj["spec"]["state"] == "Busy" and not self.world.actor:
            self.facts.refused.append(event.obj)
        elif event.obj["spec"]["state"] == "Released" and not self.world.actor:
            self.facts.let_go.append(event.obj)

    # --- extents

    def _note_extent(self, event: Event) -> None:
        name = joined(key_of(event.obj))
        before = self.extents.pop(name, None)
        if event.type != "DELETED":
            self.extents[name] = event.obj
        life = self.ranges.get(controlling_range(before)) if before else None
        if before is None or life is None or life.is_gone or is_still_announced(before, self.extents.get(name)):
            return
        if self.world.actor:
            life.was_tampered = True
        elif not life.was_tampered:
            self.facts.unannounced.append(life)

    def _note_force(self, life: RangeLife | RequestLife, finalizer: str, obj: Obj) -> None:
        if finalizer in finalizers_of(obj):
            life.is_forced = False
        elif finalizer in finalizers_of(life.obj) and self.by_person:
            life.is_forced = True


def _note_mark(life: RangeLife, entry: dict[str, Any]) -> None:
    if "absentSince" not in entry:
        life.marked.pop(entry["uid"], None)
    elif entry["uid"] not in life.marked:
        life.marked[entry["uid"]] = max(parse_rfc3339(entry["absentSince"]), life.changed_at)


def named_range(request: Obj) -> str:
    """`namespace/name` of the range that a request names."""
    reference = request["spec"]["ipam"]
    return f"{reference.get('namespace') or key_of(request)[0]}/{reference['name']}"


def controlling_range(child: Obj) -> str:
    """The uid of the range that controls an allocation or an extent; "" if none does."""
    controller = controller_of(child)
    return controller["uid"] if controller else ""


def is_still_announced(before: Obj, now: Obj | None) -> bool:
    """Whether an extent says what it said, to the same ranges; it may have got its number, or been stored anew."""
    if now is None or is_deleting(now):
        return False
    number = before["spec"].get("number", now["spec"].get("number"))
    said = [(obj["spec"] | {"number": number}, labels_of(obj), controller_of(obj)) for obj in (before, now)]
    return said[0] == said[1] and now["spec"].get("number") == number
