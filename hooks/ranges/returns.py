"""Returns: blocks that the pool does not allocate (any more), granted again to their former holders.

A holder keeps its block when addresses are retired, or reserved by another network. If the ledger is lost, in a restore
or with the range, the block is returned to the request that shows it, and on hold to the request that records it. No
other request can get it.
"""

from hooks.api.kinds import RequestObject
from hooks.ranges.observed import Observed
from ipam.address import Prefix
from ipam.allocate import Claim


def is_return(request: RequestObject, claim: Claim, observed: Observed, *, on_hold: bool) -> bool:
    """Whether a claim is one to a block that the request had before, and that the pool does not allocate."""
    if not (request.status.cidr or on_hold):
        return False
    return claim.previous is not None and may_be_returned(claim.previous, observed)


def may_be_returned(block: Prefix, observed: Observed) -> bool:
    """Whether a block is one of the range that its pool does not allocate; the present gateway is never returned."""
    terms = observed.terms
    if terms.pool.has(block) or (terms.gateway and terms.gateway.overlaps(block)):
        return False
    return terms.space.covers(block)
