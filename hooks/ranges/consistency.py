"""Self-audit: contradictions between the ledger, the answers and the requests of one call.

Each of them may be observed at another moment, so most differences only mean that one cache is older. What is reported
here has no such explanation, because it contradicts facts that never change:

    S4  the block of a uid never changes, wherever it is written;
        a uid whose release was recorded never holds a block again;
    S1  a block lies inside the addresses that its range may allocate.

Nothing is repaired, because no call can know which side is right. Only a user with the rights of Metacontroller can
cause it, or a bug.
"""

from collections.abc import Iterator

from hooks.ranges.observed import Observed
from ipam.interval import not_covered


def contradictions(observed: Observed) -> list[str]:
    """A sentence for each contradiction, in the order of addresses."""
    return [*_entries_outside(observed), *_other_blocks(observed), *_holders_after_release(observed)]


def _entries_outside(observed: Observed) -> Iterator[str]:
    """Entries for addresses that the range can't allocate; of an invalid range they are not known."""
    if observed.terms.invalid_reason:
        return
    entries, addresses = observed.ledger.entries.values(), observed.terms.pool.addresses
    outside = set(not_covered((entry.prefix for entry in entries), addresses.intervals))
    for entry in entries if outside else ():
        if entry.prefix in outside:
            yield f"{entry.prefix} of {entry.holder} is in the ledger, but outside of the range"


def _other_blocks(observed: Observed) -> Iterator[str]:
    """Holders of a block that another block was published to."""
    answers, requests = observed.answers, observed.requests
    for uid, entry in observed.ledger.entries.items():
        cidr, answer, request = entry.written.cidr, answers.get(uid), requests.get(uid)
        if answer and answer.cidr != cidr and answer.cidr:
            yield f"{cidr} of {entry.holder} is in the ledger, but {answer.cidr} in its answer"
        if request and request.status.cidr != cidr and request.status.cidr:
            yield f"{cidr} of {entry.holder} is in the ledger, but {request.status.cidr} in its status"


def _holders_after_release(observed: Observed) -> Iterator[str]:
    """Holders of a block whose release is recorded by this ledger, or was published by it or an earlier one."""
    ledger = observed.ledger
    released = set(ledger.released)
    released.update(
        uid
        for uid, answer in observed.answers.items()
        if answer.state == "Released" and answer.revision <= ledger.revision
    )
    released &= ledger.entries.keys()
    for uid, entry in ledger.entries.items() if released else ():
        if uid in released and not entry.released_at:
            yield f"{entry.prefix} of {entry.holder} is in the ledger, but was released"
