"""Claims: the block that a request wants, and whether a certain block is what it wants."""

from collections.abc import Sequence

from hooks.api.kinds import RequestObject
from hooks.ranges.observed import Observed
from hooks.ranges.records import contradiction
from hooks.ranges.reservations import reserved_words
from ipam.address import Prefix, block_named_by
from ipam.allocate import Claim, Refused, Verdict
from ipam.claim_forms import IndexBeyondPool, InvalidClaim, parse_claim


def claim_of(request: RequestObject, observed: Observed) -> Claim | Refused:
    """What a request wants; a refusal if that can't be understood."""
    uid, terms = request.metadata.uid, observed.terms
    if fault := observed.bad_specs.get(uid):
        return Refused(Verdict.INVALID, "InvalidSpec", f"the spec can't be read: {fault}")
    holder = str(request.metadata.namespaced_name)
    # A published block stays: a request that shows one and is not in the ledger gets that one or none.
    wanted = request.status.cidr or request.spec.wanted
    try:
        length = request.spec.size or terms.default_length
        claim = parse_claim(holder, wanted, terms.pool) if wanted else Claim(holder, length)
    except IndexBeyondPool as beyond:
        # The pool was larger when the recorded block was granted.
        if recorded := _previous(request, Claim(holder, beyond.length)):
            return Claim(holder, beyond.length, exact=recorded, previous=recorded)
        return Refused(Verdict.INVALID, "InvalidRequest", f"request {beyond}")
    except InvalidClaim as error:
        return Refused(Verdict.INVALID, "InvalidRequest", f"request {error}")
    previous = claim.exact if request.status.cidr else _previous(request, claim)
    return claim._replace(previous=previous) if previous else claim


def is_wanted(block: Prefix, claim: Claim) -> bool:
    """Whether a block is the one, or has the length, that a claim wants."""
    return block == claim.exact if claim.exact else block.length == claim.prefix_length


def not_wanted(reserved: Sequence[Prefix], claim: Claim) -> str:
    """Why a request does not get a block that is reserved for it; "" if it may, or if there is none."""
    if not reserved or any(is_wanted(block, claim) for block in reserved):
        return ""
    wanted = claim.exact or f"/{claim.prefix_length}"
    return f"{reserved_words(reserved)} for this request, but it asks for {wanted}"


def _previous(request: RequestObject, claim: Claim) -> Prefix | None:
    """The block that an earlier life of the request had, by its annotation, if it is what the claim wants."""
    text = request.metadata.annotations.cidr
    previous = block_named_by(text) if text else None
    return None if previous is None or contradiction(request.spec.wanted, claim, previous) else previous
