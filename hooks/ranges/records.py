"""Records: the block that an earlier life of a request had, and why it can't be allocated again.

A record is the annotation `ipam.mandelsoft.org/cidr` of a request. Each one that is not used is answered with the one
reason for that, in the words in which a claim to the same block would be refused.
"""

from hooks.api.kinds import RequestObject
from hooks.ranges.former_blocks import is_for_former_holder
from hooks.ranges.observed import Observed
from hooks.ranges.occupancy import Occupancy
from ipam.address import InvalidAddress, Prefix, block_named_by, parse_prefix
from ipam.allocate import Claim, not_free, refusal_of_block
from ipam.claim_forms import InvalidClaim, names_addresses, parse_claim


def contradiction(wanted: str, claim: Claim, recorded: Prefix) -> str:
    """What the spec asks for, if that is another block than the recorded one; "" if it is not.

    A block that the spec names by its index may have had another index when it was granted, so its length decides.

    Args:
        wanted: the text in which the spec names a block or a size; "" if it has none.
        claim: what the spec asks for.
        recorded: the block.
    """
    if claim.exact and names_addresses(wanted):
        return "" if recorded == claim.exact else f"{recorded} is recorded, but the spec asks for {claim.exact}"
    if recorded.length == claim.prefix_length:
        return ""
    return f"{recorded} is recorded, but the spec asks for /{claim.prefix_length}"


def gateway_in(block: Prefix, observed: Observed) -> str:
    """The sentence that says why a block with a gateway is not allocated; "" if none is in it."""
    gateway = observed.terms.gateway
    if gateway and gateway.overlaps(block):
        return f"{_subject(block, gateway)} the gateway of {observed.name}, which is never allocated"
    for former in observed.terms.former_gateways:
        if former.overlaps(block):
            owner = f"a former gateway of {observed.name}"
            return f"{_subject(block, former)} {owner}, which is not allocated while a holder may use it"
    return ""


def _subject(block: Prefix, gateway: Prefix) -> str:
    return f"{block} is" if block == gateway else f"{block} contains {gateway},"


def unused_record(request: RequestObject, claim: Claim, observed: Observed, occupancy: Occupancy) -> str:
    """Why the recorded block of a request is not allocated to it; "" if it records none."""
    text = request.metadata.annotations.cidr
    if not text:
        return ""
    recorded = block_named_by(text)
    if recorded is None:
        return _unreadable(text)
    is_of_family = recorded.family is observed.terms.pool.family
    if is_of_family and (reason := contradiction(request.spec.wanted, claim, recorded)):
        return reason
    return _unavailable(recorded, observed, occupancy)


def unused_record_of(request: RequestObject, granted: Prefix, observed: Observed, occupancy: Occupancy) -> str:
    """Why a request was granted another block than the one that it records; "" if it was not."""
    text = request.metadata.annotations.cidr
    if not text or block_named_by(text) == granted or observed.terms.invalid_reason:
        return ""
    holder = str(request.metadata.namespaced_name)
    try:
        claim = parse_claim(holder, request.spec.wanted, observed.terms.pool)
    except InvalidClaim:
        claim = Claim(holder, granted.length)
    return unused_record(request, claim, observed, occupancy)


def _unreadable(text: str) -> str:
    try:
        parse_prefix(text)
    except InvalidAddress as error:
        return str(error)
    raise AssertionError(f"{text} can be read")


def _unavailable(recorded: Prefix, observed: Observed, occupancy: Occupancy) -> str:
    """Why a block that is wanted can't be had. On hold a retired one can be."""
    is_had_again = observed.wants_hold and is_for_former_holder(recorded, observed)
    if not is_had_again and (refused := refusal_of_block(observed.terms.pool, recorded)):
        return gateway_in(recorded, observed) or refused.message
    if occupant := occupancy.first_in_the_way_of(recorded):
        return not_free(recorded, occupant)
    return f"{recorded} was not free when the request was served"
