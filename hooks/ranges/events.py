"""Events: what happened to blocks, for a log of their history.

    granted    a request holds a block
    released   the deletion of its request released a block, which may be cooling down
    reclaimed  the owner of the range released the block of an absent holder
    lost       the ledger no longer has a block, without a release: an older ledger replaced it
    retired    an edit of the spec took addresses out of use; their holders keep them

All but the last follow from the answers that a call changes. An answer rests on the committed ledger (S3), so each of
these events was committed, and a call that proposes in vain logs nothing untrue. Nothing is remembered between calls:
several replicas, or calls whose caches lag, can log an event again, with the same or a later revision. So readers keep
one of equal events of a uid that follow each other by revision.

An edit is logged by the calls that observe it before the ledger shows its generation. The events of one generation name
all addresses that are retired from then on; a single one without a `cidr` says that none are.

In one case a grant is not logged: its request disappeared by force before the grant was published.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain, compress
from operator import and_, attrgetter, is_not
from typing import Final, Literal, NamedTuple

from msgspec import Struct, field

from hooks.api.kinds import Answer, SliceSpec
from hooks.ranges.observed import Observed
from hooks.ranges.placement import Placement

#: The logger of each line, by which readers find it among other lines.
LOGGER: Final = "ipam.history"

#: The states of answers that rest on the ledger.
_COMMITTED = frozenset({"Ready", "Released"})

_uid, _state = attrgetter("uid"), attrgetter("state")

EventName = Literal["granted", "released", "reclaimed", "lost", "retired"]


class Event(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """An event as a line of the log, which begins like all lines of the hooks (hooks/logs.py).

    Attributes:
        time: when the call took place that observed it, in whole seconds.
        level, logger: the same for all events.
        event: what happened; in the line it is the message.
        range: the range as "namespace/name".
        range_uid: its uid: another range of the same name has another history.
        revision: of the observed ledger; the event was committed with it or with an earlier one.
        cidr: the block, or one of those that are retired.
        request: the holder or former holder as "namespace/name".
        uid: that of the request.
        generation: that of the edit by which addresses are retired.
    """

    time: datetime
    level: Literal["info"]
    logger: Literal["ipam.history"]
    event: EventName = field(name="message")
    range: str
    range_uid: str
    revision: int
    cidr: str = ""
    request: str = ""
    uid: str = ""
    generation: int = 0


class _Change(NamedTuple):
    """What an event says besides the range, the revision and the time."""

    event: EventName
    cidr: str
    request: str = ""
    uid: str = ""
    generation: int = 0


def events(observed: Observed, placement: Placement, now: datetime) -> list[Event]:
    """The events that a call logs: of holders, sorted by uid, and of retired addresses.

    Args:
        observed: what the call sees.
        placement: the answers that it wants to exist.
        now: when it takes place.
    """
    changes = [] if placement.is_complete else sorted(_changes_of_holders(observed, placement), key=_uid)
    changes += _retirements(observed)
    meta, revision = observed.body.parent.metadata, observed.ledger.revision
    return [
        Event(now, "info", LOGGER, each.event, str(observed.name), meta.uid, revision, *each[1:]) for each in changes
    ]


def _changes_of_holders(observed: Observed, placement: Placement) -> Iterator[_Change]:
    """What the changes of answers show; a call has ten thousand of them, of which few change."""
    specs = (child["spec"] for child in placement.children if isinstance(child["spec"], SliceSpec))
    after = list(chain.from_iterable(spec.answers for spec in specs))
    before = list(map(observed.answers.get, map(_uid, after)))
    is_relevant = map(and_, map(_COMMITTED.__contains__, map(_state, after)), map(is_not, before, after))
    for answer, former in compress(zip(after, before, strict=True), is_relevant):
        if event := _event_of(former, answer, observed):
            yield _Change(event, answer.cidr, answer.request, answer.uid)
    released = frozenset(observed.ledger.released)
    for uid in observed.answers.keys() - map(_uid, after):
        answer = observed.answers[uid]
        if answer.state == "Ready" and not _is_held(uid, observed):
            yield _Change(_end_of(uid, observed, released), answer.cidr, answer.request, uid)


def _event_of(before: Answer | None, answer: Answer, observed: Observed) -> EventName | None:
    """What the change of an answer shows; None if it is no event."""
    if before is not None and before.state == answer.state:
        return None
    if answer.state == "Ready":
        return "granted" if answer.uid in observed.ledger.entries else None
    return "released" if answer.cidr else None


def _is_held(uid: str, observed: Observed) -> bool:
    """Whether the ledger has a block for a request; the end of an answer that contradicts it is no event."""
    entry = observed.ledger.entries.get(uid)
    return entry is not None and entry.released_at is None


def _end_of(uid: str, observed: Observed, released: frozenset[str]) -> EventName:
    """How a holder ended whose answer ends without a release that its request has to see."""
    if uid in released:
        return "released"
    is_cooling = uid in observed.ledger.entries
    return "reclaimed" if is_cooling or uid in observed.reclaimed else "lost"


def _retirements(observed: Observed) -> Iterator[_Change]:
    """All retired addresses, if an edit is observed that is not committed yet; and once that there are none."""
    generation = observed.body.parent.metadata.generation
    if generation <= observed.ledger.generation or observed.terms.invalid_reason:
        return
    blocks = [str(block) for block in observed.terms.retired.blocks()]
    if blocks or observed.body.parent.status.retired:
        yield from (_Change("retired", block, generation=generation) for block in blocks or [""])
