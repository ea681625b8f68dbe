"""Conditions as kubectl, kstatus (Flux, Helm) and people read them.

`Ready` is always present. kstatus reads two more: `Stalled=True` says that waiting is in vain, `Reconciling=True` that
it is not; they are present only while they are true. The time of a condition is that of its last transition: it is
copied from the existing condition, unless the status changes.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from hooks.api.kinds import Condition
from hooks.api.times import timestamp


class Fact(NamedTuple):
    """What a condition says, without its times: type, status (True, False, Unknown), CamelCase reason, sentence."""

    type: str
    status: str
    reason: str
    message: str


#: The longest message that the CRDs admit in a status; a longer one would make the API server refuse all of it.
MESSAGE_LENGTH_MAX = 4096
#: The longest message of an answer in a slice.
ANSWER_MESSAGE_LENGTH_MAX = 256


def truncated(message: str, length_max: int = MESSAGE_LENGTH_MAX) -> str:
    """The message, cut if it has more characters than that."""
    return message if len(message) <= length_max else f"{message[: length_max - 3]}..."


#: Between the sentences of a message.
JOINT = "; "

#: A list in a message names at most so many.
_NAMED_COUNT_MAX = 5


def listed(items: Iterable[object]) -> str:
    """The first few, and how many more there are."""
    texts = [str(item) for item in items]
    shown = ", ".join(texts[:_NAMED_COUNT_MAX])
    more = len(texts) - _NAMED_COUNT_MAX
    return f"{shown} and {more} more" if more > 0 else shown


def outdated_message(kinds: Iterable[str]) -> str:
    """What to do about an API server with an older schema of these kinds."""
    return (
        f"no block is allocated or released because the API server has an older CRD of {listed(kinds)}: "
        "apply the CRDs (crds/) of the version of the hooks"
    )


def conditions(facts: Iterable[Fact], observed: list[Condition], generation: int, now: datetime) -> list[Condition]:
    """The facts as conditions; those whose status did not change since `observed` keep their time."""
    before = {condition.type: condition for condition in observed}
    return [_condition(fact, before.get(fact.type), generation, now) for fact in facts]


def ready_since(observed: Iterable[Condition]) -> datetime | None:
    """When the condition Ready has changed last; None if there is none, or its time can't be read."""
    times = (each.last_transition_time for each in observed if each.type == "Ready")
    try:
        return datetime.fromisoformat(next(times, "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _condition(fact: Fact, before: Condition | None, generation: int, now: datetime) -> Condition:
    is_new = before is None or before.status != fact.status
    return Condition(
        type=fact.type,
        status=fact.status,
        reason=fact.reason,
        message=truncated(fact.message),
        last_transition_time=timestamp(now) if is_new or before is None else before.last_transition_time,
        observed_generation=generation,
    )
