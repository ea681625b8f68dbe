"""The true history: a record for each life of an object, as `noting` reads it from the writes.

The judge knows the four kinds as their CRDs describe them; it does not know caches and hooks. The writes come from the
store of the cluster in a box, with their writers and times, or from etcd, without these.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.judge.addresses import block_of
from simulator.judge.facts import Facts, HookCalls
from simulator.judge.foreign import Foreign
from simulator.judge.holdings import ANSWER, LEDGER, Holding, HoldingIndex
from simulator.kubernetes.objects import is_deleting, joined, key_of, selector_matches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from simulator.judge.addresses import Block
    from simulator.judge.lives import RangeLife, RequestLife
    from simulator.judge.restores import Saved
    from simulator.judge.slices import Answer, Slice
    from simulator.kubernetes.objects import Obj


#: By how much clocks may be wrong (docs/decisions/0022-clocks.md).
SKEW_MAX = timedelta(minutes=1)


class History:
    """All lives, the present objects, and the changes of the last step."""

    def __init__(
        self,
        calls: HookCalls | None = None,
        namespaces: Collection[str] | None = None,
        *,
        knows_writers: bool = True,
    ) -> None:
        """`calls` are the hook calls of each step, if they are known; `namespaces` limits what is judged at rest."""
        self.calls = calls or HookCalls()
        #: Whether the writers are known, so that it is known whether a person removed a finalizer.
        self.knows_writers = knows_writers
        #: Lives by uid.
        self.ranges: dict[str, RangeLife] = {}
        self.requests: dict[str, RequestLife] = {}
        #: The slices and extents that exist, by `namespace/name`.
        self.slices: dict[str, Slice] = {}
        self.extents: dict[str, Obj] = {}
        #: By the uid of each extent the first number that it had: no schema that drops the number changes it.
        self.numbers: dict[str, int] = {}
        #: The namespaces that exist, and all labels that each has had, oldest first.
        self.namespaces: dict[str, Obj] = {}
        self.labels: dict[str, list[dict[str, str]]] = {}
        #: Every block that was ever given to a request.
        self.holdings = HoldingIndex()
        self.facts = Facts()
        #: Claims, Services, and what belongs to them.
        self.foreign = Foreign()
        #: The time of the last write; None if times are not known.
        self.now: datetime | None = None
        #: Whether the validating admission policies are installed.
        self.has_policies = False
        #: Whether the clock of a replica was ever wrong by more than SKEW_MAX.
        self.clocks_were_wrong = False
        #: By how much the clocks of replicas were wrong within that limit, at most: behind, and ahead.
        self.skews = (timedelta(), timedelta())
        #: Whether an older CRD was ever served, which drops fields that people and hooks have written.
        self.schemas_changed = False
        #: Whether a person ever wrote a slice or the block that a request shows, and the uids of the requests whose
        #: answers a person ever wrote or removed.
        self.was_forged = False
        self.forged: set[str] = set()
        #: Those whose answers a person wrote, and did not only remove.
        self.rewritten: set[str] = set()
        #: The uids of the requests in whose slices a person has changed what Metacontroller recorded: without that, an
        #: answer of which an older schema has dropped a part stays as it is.
        self.unrecorded: set[str] = set()
        #: How the cluster was restored last, and the requests of that backup, by name.
        self.restore_way = ""
        self.saved: dict[str, Saved] = {}
        self._lives: dict[str, list[RangeLife]] = {}
        self._scope = namespaces

    def note_skew(self, seconds: float) -> None:
        """Note that the clock of a replica was wrong by so many seconds."""
        skew = timedelta(seconds=seconds)
        if abs(skew) > SKEW_MAX:
            self.clocks_were_wrong = True
        else:
            self.skews = min(self.skews[0], skew), max(self.skews[1], skew)

    @property
    def clock_spread(self) -> timedelta:
        """The largest difference of the clocks of two replicas, by which a duration may be measured wrongly."""
        return self.skews[1] - self.skews[0]

    # --- ranges and requests

    def add_range(self, life: RangeLife) -> None:
        """Begin the record of a range."""
        self.ranges[life.uid] = life
        self._lives.setdefault(life.name, []).append(life)

    def lives_of_range(self, name: str) -> list[RangeLife]:
        """All lives of the range of this name, oldest first."""
        return self._lives.get(name, [])

    def living(self, name: str) -> RangeLife | None:
        """The range that has this name now."""
        return next((life for life in self.lives_of_range(name) if not life.is_deleted), None)

    def range_of(self, request: RequestLife) -> RangeLife | None:
        """The range that a request names, if there is one now."""
        return self.living(request.range_name)

    def allows(self, life: RangeLife, request: RequestLife, spec: Obj | None = None, *, ever: bool = False) -> bool:
        """Whether a range serves the namespace of a request now, by its present spec or by another one.

        With `ever`, whether it did by any labels that the namespace ever had, as an old cache may show them.

        A namespace whose labels are not known counts as allowed. One that was deleted, of which a request is left, is
        selected by nothing.
        """
        namespace, allowed = key_of(request.obj)[0], (spec or life.spec).get("allowedNamespaces", {})
        match allowed.get("from", "Same"):
            case "All":
                return True
            case "Selector":
                labels = self.labels.get(namespace)
                if labels is None:
                    return True
                current = labels[-1:] if namespace in self.namespaces else []
                return any(selector_matches(allowed.get("selector"), each) for each in (labels if ever else current))
            case _:
                return namespace == life.name.partition("/")[0]

    def is_free_of(self, life: RangeLife, uid: str) -> bool:
        """Whether it is proven that a former holder does not hold a block of a range any more.

        A range that gives up a holder proves nothing while the request lives, unless a cluster administrator has hidden
        the request from it.
        """
        request = self.requests.get(uid)
        if request is None or request.was_hidden:
            return uid in life.given_up or (request is not None and request.is_released)
        return request.is_released or (uid in life.given_up and request.awaits_range and is_deleting(request.obj))

    def made_from(self, uid: str) -> list[RangeLife]:
        """The ranges that were made from the block of a request, oldest first."""
        return [life for life in self.ranges.values() if life.delegator == uid]

    def is_named(self, life: RangeLife) -> bool:
        """Whether a range may grant: it was made by a person, or its request exists and names it."""
        request = self.requests.get(life.delegator)
        is_named = request is not None and not request.is_deleted and request.delegated.get("uid") == life.uid
        return is_named or not life.delegator

    def is_lost(self, range_uid: str) -> bool:
        """Whether a range was removed by force, and its ledger with it."""
        life = self.ranges.get(range_uid)
        return life is not None and life.is_lost

    def takes_any_block(self, uid: str) -> bool:
        """Whether a request neither names a block, nor shows one, nor ever recorded one."""
        request = self.requests.get(uid)
        return request is not None and not (request.cidr or request.records or "request" in request.spec)

    def is_pruned(self, life: RangeLife) -> bool:
        """Whether an older CRD may have changed the spec of a range without a new generation."""
        return self.schemas_changed and len(life.specs) > 1

    def takes_no_answers(self, life: RangeLife) -> bool:
        """Whether the API server refuses new slices, because the namespace of the range is being deleted."""
        namespace = self.namespaces.get(life.name.partition("/")[0])
        return namespace is not None and is_deleting(namespace)

    def answers_to(self, uid: str) -> list[Answer]:
        """All answers to a request, whatever slices they lie in."""
        return [each.answers[uid] for each in self.slices.values() if uid in each.answers]

    # --- blocks

    def is_current(self, holding: Holding) -> bool:
        """Whether the holding is still true, and its holder may still use the block."""
        life = self.ranges[holding.range_uid]
        if holding.place == LEDGER:
            return not life.is_deleted and _is_block(life.ledger.cidr_of(holding.holder), holding.block)
        if life.is_lost or self.is_free_of(life, holding.holder):
            return False
        return self._is_answered(holding) if holding.place == ANSWER else self._is_published(holding)

    def _is_answered(self, holding: Holding) -> bool:
        found = self.slices.get(holding.slice_name)
        answer = found.answers.get(holding.holder) if found else None
        if answer is None or answer.state != "Ready":
            return False
        return answer.life is self.ranges[holding.range_uid] and _is_block(answer.cidr, holding.block)

    def _is_published(self, holding: Holding) -> bool:
        request = self.requests[holding.holder]
        return request.published_by == holding.range_uid and _is_block(request.cidr, holding.block)

    # --- the objects that are judged at rest

    def judged_ranges(self) -> Iterator[RangeLife]:
        """The ranges that exist."""
        return (life for life in self.ranges.values() if not life.is_deleted and self._is_judged(life.name))

    def judged_requests(self) -> Iterator[RequestLife]:
        """The requests that exist."""
        return (each for each in self.requests.values() if not each.is_deleted and self._is_judged(each.name))

    def judged_slices(self) -> Iterator[Slice]:
        """The slices that exist."""
        return (each for name, each in self.slices.items() if self._is_judged(name))

    def is_forgery(self, answer: Answer) -> bool:
        """Whether a person wrote an item that answers no request there, and any write may drop or return a part of it.

        That is so while an older schema is served.
        """
        if not (self.schemas_changed and answer.uid in self.forged):
            return False
        request = self.requests.get(answer.uid)
        return request is None or request.slice_name != answer.slice_name

    def judged_answers(self) -> Iterator[Answer]:
        """The answers that exist."""
        return (answer for each in self.judged_slices() for answer in each.answers.values())

    def judged_owners(self) -> list[Obj]:
        """The claims and Services that are judged at rest."""
        return [each for each in self.foreign.owners.values() if self._is_judged(joined(key_of(each)))]

    def _is_judged(self, name: str) -> bool:
        return self._scope is None or name.partition("/")[0] in self._scope


def _is_block(cidr: str, block: Block) -> bool:
    return cidr != "" and block_of(cidr) == block
