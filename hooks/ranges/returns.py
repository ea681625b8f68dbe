"""Returns: blocks outside of the pool that are granted again to their former holders.

A holder keeps its block when addresses are retired. If the ledger is lost, in a restore or with the range, the block is
returned to the request that shows it, and on hold to the request that records it. No other request can get it.
"""

from hooks.api.kinds import RequestObject
from hooks.ranges.observed import Observed
from ipam.address import Prefix
from ipam.allocate import Claim


def is_return(request: RequestObject, claim: Claim, observed: Observed, *, on_hold: bool) -> bool:
    """Whether a claim is one to a block that the request had before, and that has retired addresses."""
    if not (request.status.cidr or on_hold):
        return False
    return claim.previous is not None and may_be_returned(claim.previous, observed)


def may_be_returned(block: Prefix, observed: Observed) -> bool:
    """Whether a block has retired addresses of the range, but not its present gateway, which is never returned."""
    terms = observed.terms
    if terms.pool.retired.overlap_with(block) is None or (terms.gateway and terms.gateway.overlaps(block)):
        return False
    return terms.space.covers(block)
