"""What a claim reports: its IPAddress, and the condition Ready.

The reasons for False are those that Cluster API knows. A condition of version v1beta1 has another form: a severity, and
no observedGeneration. Its CRD would drop that, so the status would never be as it should, and be written without end.

Metacontroller replaces the whole status, so all that others have written there is returned as it is.
"""

from datetime import datetime
from typing import Any

from msgspec import Raw

from hooks.api.conditions import Fact, truncated
from hooks.api.foreign import ClaimParent
from hooks.api.times import timestamp
from hooks.integrations.attachments import Outcome, State
from hooks.protocol.children import in_canonical_order

READY = "Ready"
NOT_READY, EXHAUSTED, FAILED = "PoolNotReady", "PoolExhausted", "AllocationFailed"
#: The reason for each state of the request in which it has no address.
_REASONS = {
    State.ON_ITS_WAY: NOT_READY,
    State.UNANSWERED: NOT_READY,
    State.DELETED: NOT_READY,
    State.UNSUITABLE: NOT_READY,
    State.NOT_SERVING: NOT_READY,
    State.BUSY: EXHAUSTED,
    State.INVALID: FAILED,
}
#: By the conventions of v1beta1: whether a person has to do something.
_SEVERITIES = {NOT_READY: "Info", EXHAUSTED: "Warning", FAILED: "Error"}


def allocated() -> Fact:
    """The condition of a claim that has its address."""
    return Fact("Ready", "True", "AddressAllocated", "")


def not_ready(reason: str, message: str) -> Fact:
    """The condition of a claim that has no address, or not the right one."""
    return Fact(READY, "False", reason, message)


def unserved(outcome: Outcome) -> Fact:
    """The condition of a claim whose request has no address."""
    return not_ready(_REASONS[outcome.state], outcome.message)


def claim_status(claim: ClaimParent, fact: Fact, now: datetime, address_name: str = "") -> Raw:
    """The next status.

    Args:
        claim: the claim.
        fact: its condition Ready.
        now: the time of the call.
        address_name: its IPAddress, once that exists; "" to leave the reference to it as it is.
    """
    written = claim.status.get("conditions")
    before: list[Any] = written if isinstance(written, list) else []
    observed: dict[str, Any] = next(filter(_is_ours, before), {})
    condition = _condition(claim, fact, observed, now)
    others = [each for each in before if not _is_ours(each)]
    reference = {"addressRef": {"name": address_name}} if address_name else {}
    return in_canonical_order(claim.status | reference | {"conditions": [*others, condition]}, "$.object.status")


def _is_ours(condition: object) -> bool:
    """Whether this is the condition Ready; others may have any form."""
    return isinstance(condition, dict) and condition.get("type") == READY


def _condition(claim: ClaimParent, fact: Fact, before: dict[str, Any], now: datetime) -> dict[str, Any]:
    message = truncated(fact.message)
    time = before.get("lastTransitionTime") if before.get("status") == fact.status else None
    condition = {
        "type": fact.type,
        "status": fact.status,
        "reason": fact.reason,
        "message": message,
        "lastTransitionTime": time or timestamp(now),
    }
    if claim.version != "v1beta1":
        return condition | {"observedGeneration": claim.metadata.generation}
    if not message:
        del condition["message"]  # Cluster API's types leave out what is empty, in the conversion to another version
    return condition | ({"severity": _SEVERITIES[fact.reason]} if fact.status == "False" else {})
