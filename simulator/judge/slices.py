"""The IPAMAllocationSlices of ranges as they are now, and the answers that are their items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.kubernetes.objects import joined, key_of

if TYPE_CHECKING:
    from simulator.judge.lives import RangeLife
    from simulator.kubernetes.objects import Obj


@dataclass(frozen=True, slots=True)
class Answer:
    """An item of a slice as it is now, and the life of the range that the slice belongs to."""

    slice_name: str
    item: Obj
    life: RangeLife | None

    @property
    def uid(self) -> str:
        """The uid of the request that it answers."""
        return str(self.item["uid"])

    @property
    def name(self) -> str:
        """Its request and its slice, for people."""
        return f"{self.item.get('request')} in {self.slice_name}"

    @property
    def state(self) -> str:
        """Ready, Busy, Invalid or Released."""
        return str(self.item.get("state", ""))

    @property
    def cidr(self) -> str:
        """The block that it gives; "" for none."""
        return str(self.item.get("cidr", ""))

    @property
    def revision(self) -> int:
        """The revision of the ledger on which it rests; 0 for none."""
        return int(self.item.get("revision", 0))

    @property
    def message(self) -> str:
        """Its message to the request."""
        return str(self.item.get("message", ""))


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice as it is now, the life of the range that it belongs to, and its answers by the uids of their requests."""

    name: str
    obj: Obj
    life: RangeLife | None
    answers: dict[str, Answer]

    @classmethod
    def of(cls, obj: Obj, life: RangeLife | None, before: Slice | None) -> Slice:
        """A slice after a write; an answer that the write has not changed is that of the slice before."""
        name = joined(key_of(obj))
        known = before.answers if before is not None and before.life is life else {}
        answers: dict[str, Answer] = {}
        for item in items_of(obj):
            former = known.get(item["uid"])
            answers[item["uid"]] = former if former and former.item == item else Answer(name, item, life)
        return cls(name, obj, life, answers)


def items_of(obj: Obj) -> list[Obj]:
    """The items of a slice."""
    items: list[Obj] = obj["spec"].get("answers") or []
    return items
