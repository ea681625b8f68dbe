"""What a request reports."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from hooks.api import names
from hooks.api.conditions import Fact, conditions, outdated_message, truncated
from hooks.api.kinds import Answer, Network, RequestParent, RequestSpec, RequestStatus
from hooks.api.times import rewriting_time
from hooks.requests.delegation import delegation_fact, ending_fact
from hooks.requests.observed import Observed
from ipam.address import block_named_by


def invalid_spec_status(request: RequestParent, reason: str, now: datetime) -> RequestStatus:
    """The status of a request whose spec can't be read."""
    fact = Fact("Ready", "False", "InvalidSpec", f"the spec can't be read: {reason}")
    return _status(request, "Invalid", fact, now)


def outdated_status(observed: Observed, now: datetime) -> RequestStatus | None:
    """The status while objects are served by an older schema; None to leave it as it is.

    A published block stays as it is. But if the request itself was served by an older schema, its status must change,
    so that it is served again (hooks/ranges/outdated.py): the times of its conditions change, and nothing else does.
    """
    request, answer = observed.request, observed.answer
    if names.REQUEST_KIND in observed.outdated_kinds:
        now = rewriting_time(now)
        request = replace(request, status=replace(request.status, conditions=[]))
    elif request.status.cidr:
        return None
    if request.status.cidr and observed.has_range:
        return None  # what the status has of the range may have been dropped, and must not be written without it
    if not request.status.cidr:
        message = outdated_message(observed.outdated_kinds)
        return _status(request, "Pending", Fact("Ready", "False", "OutdatedCRD", message), now)
    if answer and names.SLICE_KIND not in observed.outdated_kinds and answer.cidr == request.status.cidr:
        return granted_status(request, observed.spec, answer, now)
    return None


def granted_status(request: RequestParent, spec: RequestSpec, answer: Answer, now: datetime) -> RequestStatus:
    """The status for an answer that gives a block."""
    return _ready_status(request, spec, _granted_message(request, answer), now, granted=answer)


def ending_status(request: RequestParent, spec: RequestSpec, now: datetime) -> RequestStatus:
    """The status of a deleted request that waits for its range."""
    fact = Fact("Ready", "True", "Allocated", _shown_message(request))
    return _with_delegation(_status(request, "Ready", fact, now), fact, ending_fact(request, spec), request, now)


def _ready_status(
    request: RequestParent, spec: RequestSpec, message: str, now: datetime, granted: Answer | None = None
) -> RequestStatus:
    """The status of a request that gets a block, or that keeps the one that it shows."""
    fact = Fact("Ready", "True", "Allocated", message)
    status = _status(request, "Ready", fact, now, granted=granted)
    delegated = delegation_fact(replace(request, status=status), spec)
    return _with_delegation(status, fact, delegated, request, now) if delegated else status


def _with_delegation(
    status: RequestStatus, ready: Fact, delegated: Fact, request: RequestParent, now: datetime
) -> RequestStatus:
    """The status of a request that has its block, with what there is to say about its range."""
    remark = delegated.message if delegated.status == "False" else ""
    facts = conditions([ready, delegated], request.status.conditions, request.metadata.generation, now)
    return replace(status, message=truncated("; ".join(filter(None, [ready.message, remark]))), conditions=facts)


def refused_status(request: RequestParent, answer: Answer, now: datetime) -> RequestStatus:
    """The status for an answer that gives no block, or another one than the published block."""
    if answer.state == "Ready":
        message = f"{request.status.cidr} is published and stays, but the range answers {answer.cidr}"
        return _status(request, "Invalid", Fact("Ready", "False", "Contradiction", message), now)
    return _status(request, answer.state, Fact("Ready", "False", answer.reason or answer.state, answer.message), now)


def unanswered_status(observed: Observed, now: datetime) -> RequestStatus | None:
    """The status if no range answers; None to leave it as it is.

    The CRD's default says that the request is Pending, and what to check if that lasts. To say it here as well would
    cost two writes for each request of a large burst, just when writes are scarce. So there is a status only if no
    range can be seen, or it no longer answers (docs/decisions/0029-a-request-without-a-range-says-so.md). And if
    the range to which the request delegates is finished, because that one waits until the status says so.
    """
    request, name, foreign = observed.request, observed.range_name, observed.foreign_slice
    if observed.has_seen_end:
        is_ready = request.status.state == "Ready"
        return _ready_status(request, observed.spec, _shown_message(request), now) if is_ready else request.status
    is_in_vain = observed.shows_no_range and observed.patience(now) <= timedelta(0)
    if request.status.cidr or not (foreign or is_in_vain or request.status.state in ("Busy", "Invalid")):
        return None
    list_ranges = f"kubectl get iprange -n {name.namespace}"
    message = f"no range {name} answers: check that it exists ({list_ranges}) and allows this namespace"
    if foreign:
        message = f"slice {foreign}, which range {name} does not control, blocks the answer: delete it"
    return _status(request, "Pending", Fact("Ready", "False", "NoAnswer", message), now)


def _shown_message(request: RequestParent) -> str:
    """What the status says of the block that it shows."""
    ready = (each for each in request.status.conditions if each.type == "Ready" and each.status == "True")
    return next((each.message for each in ready), "")


def _granted_message(request: RequestParent, answer: Answer) -> str:
    """Empty, unless a recorded or reserved block was not used. Once published, a message stays."""
    if request.status.cidr:
        return _shown_message(request)
    recorded = request.metadata.annotations.get(names.CIDR_ANNOTATION, "")
    if not answer.message or not recorded or block_named_by(recorded) == block_named_by(answer.cidr):
        return answer.message
    return f"allocated {answer.cidr} instead of the recorded {recorded}: {answer.message}"


def _status(
    request: RequestParent, state: str, fact: Fact, now: datetime, granted: Answer | None = None
) -> RequestStatus:
    """The next status; a published block stays in it, with its network settings."""
    facts = [fact]
    if state == "Invalid":
        facts.append(Fact("Stalled", "True", fact.reason, fact.message))
    elif state in ("Busy", "Pending"):
        facts.append(Fact("Reconciling", "True", fact.reason, fact.message))
    generation = request.metadata.generation
    cidr = granted.cidr if granted else request.status.cidr
    network, revision = _network_once(request.status, granted)
    return RequestStatus(
        schema_v1=True,
        cidr=cidr,
        address=_single_address(cidr),
        network=network,
        revision=revision,
        range=request.status.range,
        state=state,
        message=truncated(fact.message),
        observed_generation=generation,
        conditions=conditions(facts, request.status.conditions, generation, now),
    )


def _network_once(shown: RequestStatus, granted: Answer | None) -> tuple[Network | None, int]:
    """The network settings of the block, and the revision of the answer that has them.

    They are copied once. An answer with another revision was written again after the first one was lost, perhaps by a
    range that did not see yet what that had said. But what an older schema drops from the status is copied again from
    the answer whose revision the status shows; or from any, if that schema has dropped the revision.
    """
    if granted is None:
        return shown.network, shown.revision
    is_copied = bool(shown.cidr) and shown.revision not in (0, granted.revision)
    if is_copied and shown.network != granted.network:
        return shown.network, shown.revision
    return granted.network, granted.revision


def _single_address(cidr: str) -> str:
    """The address of a block that has only one; "" for every other block."""
    address, _, length = cidr.partition("/")
    return address if length == ("128" if ":" in address else "32") else ""
