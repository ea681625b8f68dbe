"""Writes, and the changes that the writes of the last step have made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.judge.holdings import Holding
    from simulator.judge.lives import RangeLife, RequestLife
    from simulator.judge.slices import Answer, Slice
    from simulator.kubernetes.objects import Obj


@dataclass(frozen=True, slots=True)
class Write:
    """One write to the API server: the plural name of a kind, and the object after the write, or its last state."""

    plural: str
    obj: Obj
    is_deletion: bool = False
    #: One of the writers of `simulator.names`; "" if the writer is not known, so that the rules of the hooks apply.
    writer: str = ""
    #: The time of the write; None if it is not known, so that durations are not checked.
    at: datetime | None = None


class Grant(NamedTuple):
    """A new entry of a ledger, and whether the block cooled down since a request of the same name released it."""

    life: RangeLife
    uid: str
    cidr: str
    is_return: bool


class Drop(NamedTuple):
    """An entry that has left a ledger or has begun to cool down, and whether its release was proven (S5)."""

    life: RangeLife
    uid: str
    cidr: str
    is_proven: bool


class Cooled(NamedTuple):
    """A block whose cool-down has ended, when the cool-down began, and whether it could end at any time."""

    life: RangeLife
    cidr: str
    since: datetime
    is_early: bool


class Turn(NamedTuple):
    """A cursor of round robin that has moved; "" stands for no cursor."""

    life: RangeLife
    length: int
    before: str
    now: str


class Revision(NamedTuple):
    """The revisions of two successive statuses of a range, and whether their ledgers differ."""

    life: RangeLife
    before: int
    now: int
    is_changed: bool


class Publication(NamedTuple):
    """A change of the block that a request shows; "" stands for none."""

    request: RequestLife
    before: str
    now: str


@dataclass(slots=True)
class Facts:
    """The changes that the writes of the last step have made."""

    #: Changes of ledgers.
    grants: list[Grant] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    cooled: list[Cooled] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    #: Ledgers that were proposed by an older spec than those before them: the range and both generations.
    older_specs: list[tuple[RangeLife, int, int]] = field(default_factory=list)
    #: Ranges that were written, ranges whose spec has changed, and ranges that were deleted.
    changed: dict[str, RangeLife] = field(default_factory=dict)
    respecified: list[RangeLife] = field(default_factory=list)
    deleted: list[RangeLife] = field(default_factory=list)
    #: Blocks that ledgers, answers and statuses have given.
    holdings: list[Holding] = field(default_factory=list)
    published: list[Publication] = field(default_factory=list)
    #: Requests whose network settings changed although they showed a block.
    networks_changed: list[RequestLife] = field(default_factory=list)
    #: Answers that are new or changed: those with a block, refusals, and those that are Released.
    ready: list[Answer] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    released: list[Answer] = field(default_factory=list)
    #: Ready answers that Metacontroller or a tenant removed, or changed into something else.
    withdrawn: list[Answer] = field(default_factory=list)
    #: Answers that Metacontroller added to a slice, and slices that it began to delete.
    added: list[Answer] = field(default_factory=list)
    left_out: list[Slice] = field(default_factory=list)
    #: Ranges of which Metacontroller deleted or changed an extent, though no other writer had touched any.
    unannounced: list[RangeLife] = field(default_factory=list)
    #: IPAddresses that Metacontroller created, with their claims; and those that have changed, before and after.
    made: list[tuple[Obj, Obj]] = field(default_factory=list)
    readdressed: list[tuple[Obj, Obj]] = field(default_factory=list)
    #: Services that Metacontroller wrote, before and after.
    served: list[tuple[Obj, Obj]] = field(default_factory=list)
    #: Living claims and Services, each with an attached request that is released.
    pulled: list[tuple[Obj, Obj]] = field(default_factory=list)


@dataclass(slots=True)
class HookCalls:
    """The hook calls of the last step, if they are known."""

    #: Path, body and answer of each good call.
    answered: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    #: A sentence for each two calls with the same facts and different answers.
    differences: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Remove all calls."""
        self.answered.clear()
        self.differences.clear()


@lru_cache(maxsize=8)
def decoded(text: bytes) -> Obj:
    """A body or an answer of a call, which several checks read; nothing changes it."""
    result: Obj = json.loads(text)
    return result
