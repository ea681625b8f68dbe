"""Gateways that are not allocated: the present one, and former ones that holders have in their settings.

The network settings of a holder never change, so it may use a gateway that the spec does not name any more. Such a
gateway is withheld until the last holder that has it has released its block. The list is a part of the ledger: it must
be known which gateways there were before a spec is edited.
"""

from collections.abc import Iterator

from hooks.ranges.ledger import Ledger
from hooks.ranges.observed import Observed


def withheld_gateways(observed: Observed, kept: Ledger) -> tuple[str, ...]:
    """The gateways to be withheld from now on, as texts; the present one is the last.

    A spec that is invalid has none. Former ones are forgotten then, too: they may be why it is invalid.

    Args:
        observed: what the call sees.
        kept: the ledger after releases.
    """
    network = None if observed.terms.invalid_reason else observed.terms.network
    present = network.gateway if network else ""
    former = [text for text in kept.gateways if text != present]
    if former:
        in_use = set(_gateways_of_holders(observed, kept))
        former = [text for text in former if text in in_use or None in in_use]
    return (*former, present) if present else tuple(former)


def _gateways_of_holders(observed: Observed, kept: Ledger) -> Iterator[str | None]:
    """The gateway that each holder has; None if that is not known, "" if it has none."""
    for uid in kept.entries:
        answer, request = observed.answers.get(uid), observed.requests.get(uid)
        is_answered = answer is not None and answer.cidr
        if not is_answered and not (request and request.status.cidr):
            yield None
        if answer and is_answered:
            yield answer.network.gateway if answer.network else ""
        if request and request.status.cidr:
            yield request.status.network.gateway if request.status.network else ""
