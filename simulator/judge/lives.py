"""One record for each life of an object: the same name, deleted and created again, is another life."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.judge.addresses import Block, block_of, merged, without
from simulator.kubernetes.clock import parse_rfc3339
from simulator.kubernetes.objects import controller_of, finalizers_of, is_deleting, key_of, meta
from simulator.names import LEDGER_FIELDS, RANGE_FINALIZER, of_all_shards, slice_name, slot_of

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.kubernetes.objects import Obj


class Entry(NamedTuple):
    """An entry of a ledger: a block, its holder's `namespace/name`, and since when the holder is marked as absent."""

    cidr: str
    request: str
    absent_since: str


class Cooling(NamedTuple):
    """A released block that the ledger keeps for the request that released it, and since when."""

    cidr: str
    request: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger as one status of a range records it; entries by the uids of their requests."""

    revision: int = 0
    #: The fields of the status that make the ledger, without empty ones.
    fields: Obj = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    cooling: dict[str, Cooling] = field(default_factory=dict)
    #: The address one past the last grant of each prefix length.
    cursors: dict[str, str] = field(default_factory=dict)
    #: The uids of requests whose release is recorded.
    released: tuple[str, ...] = ()

    @classmethod
    def of(cls, obj: Obj) -> Ledger:
        """The ledger of a range."""
        status: dict[str, Any] = obj.get("status") or {}
        listed = status.get("allocations") or []
        return cls(
            revision=status.get("revision", 0),
            fields={name: status[name] for name in LEDGER_FIELDS if status.get(name)},
            entries=_entries(listed),
            cooling=_cooling(listed),
            cursors=status.get("roundRobin") or {},
            released=tuple(status.get("released") or ()),
        )

    @property
    def kept(self) -> list[tuple[str, str]]:
        """(uid, cidr) of all blocks that can't be granted: those of holders, and those that cool down."""
        held = [(uid, entry.cidr) for uid, entry in self.entries.items()]
        return held + [(uid, cooling.cidr) for uid, cooling in self.cooling.items()]

    @property
    def taken(self) -> list[Block]:
        """The blocks that can't be granted."""
        return [block_of(cidr) for _, cidr in self.kept]

    @property
    def generation(self) -> int:
        """The generation of the spec by which it was proposed."""
        return int(self.fields.get("observedGeneration", 0))

    @property
    def withheld(self) -> tuple[str, ...]:
        """What is not granted although the spec may have it: gateways, former ones included, and removable entries."""
        return (*self.fields.get("gateways", ()), *self.fields.get("removable", ()))

    def cools_for(self, cidr: str, request: str) -> bool:
        """Whether a block cools down that a request of this `namespace/name` has released."""
        return any((each.cidr, each.request) == (cidr, request) for each in self.cooling.values())

    def cidr_of(self, uid: str) -> str:
        """The block that a request holds, or that cools down after it; "" for none."""
        if uid in self.entries:
            return self.entries[uid].cidr
        return self.cooling[uid].cidr if uid in self.cooling else ""


def _entries(listed: list[Obj]) -> dict[str, Entry]:
    held = (each for each in listed if "releasedAt" not in each)
    return {each["uid"]: Entry(each["cidr"], each["request"], each.get("absentSince", "")) for each in held}


def _cooling(listed: list[Obj]) -> dict[str, Cooling]:
    released = (each for each in listed if "releasedAt" in each)
    return {each["uid"]: Cooling(each["cidr"], each["request"], parse_rfc3339(each["releasedAt"])) for each in released}


@dataclass(slots=True)
class RangeLife:
    """One IPAMRange from its creation to its end."""

    uid: str
    name: str
    obj: Obj
    #: When its ledger was last changed, in whole seconds as hooks count them; None if times are not known.
    changed_at: datetime | None = None
    #: The ledger as committed.
    ledger: Ledger = field(default_factory=Ledger)
    #: The specs that it has had, oldest first, and the spec of each generation.
    specs: list[Obj] = field(default_factory=list)
    generations: dict[int, Obj] = field(default_factory=dict)
    #: What its ledgers withheld, oldest first, and the gateways of the specs by which they were proposed.
    withheld: list[tuple[str, ...]] = field(default_factory=lambda: [()])
    committed_gateways: set[str] = field(default_factory=set)
    #: Those of them that it has had since its ledger last changed, and those before that change, since the one before.
    specs_of_revision: list[Obj] = field(default_factory=list)
    specs_of_revision_before: list[Obj] = field(default_factory=list)
    #: All releases that its ledger ever recorded, each with the first revision that has it.
    released: dict[str, int] = field(default_factory=dict)
    #: For each uid the first block that its ledger recorded, and the first block of a Ready answer.
    granted: dict[str, str] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)
    #: For each uid the first revision of the ledger with its entry, and the first one without it again.
    granted_at: dict[str, int] = field(default_factory=dict)
    dropped_at: dict[str, int] = field(default_factory=dict)
    #: (block, `namespace/name` of the request) of everything that was ever in its ledger.
    holders: set[tuple[str, str]] = field(default_factory=set)
    #: Since when each holder that is marked as absent has been absent: the time of the mark, but not before the commit
    #: of the ledger from which the mark was computed.
    marked: dict[str, datetime] = field(default_factory=dict)
    #: Uids that the annotation `reclaim` has named, and holders that were given up by S5 (b).
    reclaimed: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    #: Uids that the annotation `end-cooldown` has named.
    cooled: set[str] = field(default_factory=set)
    #: Whether a cluster administrator removed its finalizer, so that it could be removed at any time.
    is_forced: bool = False
    #: Whether it was ever on hold, so that it did not announce all its addresses at once.
    was_on_hold: bool = False
    #: Whether a cluster administrator, or the controller manager without the admission policies, deleted or changed one
    #: of its extents.
    was_tampered: bool = False
    #: Whether one of them had no owner for a while: it counts again once Metacontroller has adopted it.
    was_disowned: bool = False
    is_deleted: bool = False

    @property
    def spec(self) -> Obj:
        """Its present spec."""
        spec: Obj = self.obj["spec"]
        return spec

    @property
    def status(self) -> Obj:
        """Its last status."""
        status: Obj = self.obj.get("status") or {}
        return status

    @property
    def domain(self) -> str:
        """The domain in which its addresses are unique: the one that it names, or that of all ranges that name none."""
        return str((self.specs or [self.spec])[0].get("domain") or "default")

    @property
    def delegator(self) -> str:
        """The uid of the request from whose block it was made; "" if it was made by a person."""
        return str(self.spec.get("delegatedFrom", {}).get("uid", ""))

    @property
    def is_ending(self) -> bool:
        """Whether it is being deleted, or has committed that it ends with its request."""
        return is_deleting(self.obj) or (bool(self.delegator) and "closing" in self.ledger.fields)

    @property
    def committed_spec(self) -> Obj:
        """The spec by which its ledger was proposed."""
        return self.generations.get(self.ledger.generation, self.spec)

    @property
    def pool(self) -> list[Block]:
        """The addresses that it may grant by its present spec, merged; no gateway is one of them."""
        return pool_of(self.spec, self.ledger.withheld)

    @property
    def cooldown(self) -> timedelta:
        """How long a released block must stay unused, by the spec that its ledger shows."""
        return timedelta(seconds=self.committed_spec.get("cooldownSeconds", 0))

    @property
    def is_lost(self) -> bool:
        """Whether it was removed by force, and its ledger with it."""
        return self.is_deleted and self.is_forced

    @property
    def is_up_to_date(self) -> bool:
        """Whether its status describes its present spec.

        A status that is written after the removal of the finalizer has the newest generation, whatever it describes.
        """
        is_current = self.status.get("observedGeneration") == meta(self.obj).get("generation")
        return is_current and bool(of_all_shards(finalizers_of(self.obj), RANGE_FINALIZER))


def pool_of(range_spec: Obj, withheld: tuple[str, ...] = ()) -> list[Block]:
    """The addresses that a range with this spec may grant beside those that its ledger withholds, merged."""
    gateway = gateway_of(range_spec)
    removed = (*range_spec.get("excludes", ()), *withheld, *([gateway] if gateway else []))
    return list(_pool(tuple(range_spec.get("ranges", ())), removed))


def space_of(range_spec: Obj) -> list[Block]:
    """All addresses that a range with this spec names, merged."""
    return list(_pool(tuple(range_spec.get("ranges", ())), ()))


def gateway_of(range_spec: Obj) -> str:
    """The gateway that a spec names; "" for none."""
    return str(range_spec.get("network", {}).get("gateway", ""))


@lru_cache(maxsize=1024)
def _pool(ranges: tuple[str, ...], removed: tuple[str, ...]) -> tuple[Block, ...]:
    return tuple(without(merged([block_of(text) for text in ranges]), [block_of(text) for text in removed]))


@dataclass(slots=True)
class RequestLife:
    """One IPAMRequest from its creation to its end."""

    uid: str
    name: str
    obj: Obj
    #: S5 (a): it was deleted, or is in deletion without other finalizers than ours.
    is_released: bool = False
    is_deleted: bool = False
    #: Whether a cluster administrator removed our finalizer, so that its deletion may be missed.
    is_forced: bool = False
    #: Whether a cluster administrator ever removed or changed the label by which its range finds it.
    was_hidden: bool = False
    #: Whether its hook removed our finalizer after the no-answer timeout, without an answer that is Released.
    is_removed_unanswered: bool = False
    #: The addresses of earlier lives that it ever carried: an old cache shows those that were removed.
    records: set[str] = field(default_factory=set)
    #: The address of an earlier life with which it was created.
    first_record: str = ""
    #: The spec with which it was created: an older schema may have dropped a part of it since.
    first_spec: Obj = field(default_factory=dict)
    #: Whether a person wrote its cidr, and whether a person ever wrote its status.
    is_written_by_person: bool = False
    is_edited: bool = False
    #: The uid of the range life that granted the cidr that it shows.
    published_by: str = ""

    @property
    def spec(self) -> Obj:
        """Its spec."""
        spec: Obj = self.obj["spec"]
        return spec

    @property
    def cidr(self) -> str:
        """The block that its status shows."""
        return str((self.obj.get("status") or {}).get("cidr", ""))

    @property
    def delegated(self) -> Obj:
        """What its status says of the range that was made from its block; empty if it names none."""
        named: Obj = (self.obj.get("status") or {}).get("range") or {}
        return named

    @property
    def awaits_range(self) -> bool:
        """Whether it names a range that is not known to be finished."""
        return bool(self.delegated) and not self.delegated.get("finished")

    @property
    def range_name(self) -> str:
        """`namespace/name` of the range that it names."""
        reference = self.spec.get("ipam", {})
        return f"{reference.get('namespace') or key_of(self.obj)[0]}/{reference.get('name', '')}"

    @property
    def slice_name(self) -> str:
        """`namespace/name` of the slice in which its answer belongs."""
        return slice_name(self.range_name, str(meta(self.obj).get("creationTimestamp", "")), slot_of(self.uid))


def controlling_range(child: Obj) -> str:
    """The uid of the range that controls a slice or an extent; "" if none does."""
    controller = controller_of(child)
    return controller["uid"] if controller else ""
