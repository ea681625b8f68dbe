"""Former blocks: blocks that the pool does not allocate (any more), granted again to the requests that had them.

A holder keeps its block when addresses are retired, or reserved by another network. If the ledger is lost, in a restore
or with the range, the block is granted again to the request that shows it, and on hold to the request that records it.
No other request can get it.
"""

from hooks.api.kinds import RequestObject
from hooks.ranges.observed import Observed
from ipam.address import Prefix
from ipam.allocate import Claim


def wants_former_block(request: RequestObject, claim: Claim, observed: Observed, *, on_hold: bool) -> bool:
    """Whether a claim is one to a block that the request had before, and that the pool does not allocate."""
    if not (request.status.cidr or on_hold):
        return False
    return claim.previous is not None and is_for_former_holder(claim.previous, observed)


def is_for_former_holder(block: Prefix, observed: Observed) -> bool:
    """Whether a block of the range is one that its pool does not allocate; the present gateway is never granted.

    Nor is what the ledger names as removable. It will not name it any more once a former holder is seen.
    """
    terms = observed.terms
    if terms.pool.has(block) or (terms.gateway and terms.gateway.overlaps(block)):
        return False
    return terms.pool.addresses.covers(block) and not terms.removable.overlaps(block)
