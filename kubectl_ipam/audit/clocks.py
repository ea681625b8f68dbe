"""Rules about clocks: the design rests on clocks that are right within a minute (docs/decisions/0022-clocks.md)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from hooks.api.times import CLOCK_DIFFERENCE_MAX, timestamp
from kubectl_ipam.audit.facts import Facts, named_range
from kubectl_ipam.audit.findings import Finding, unless_delayed, warning
from kubectl_ipam.views import RangeView

_SYNCHRONIZE = "synchronize the clocks of the nodes (NTP), those of the hooks and of the control plane"
#: A cool-down that ends later than this after its time is overdue.
_COOLING_MAX = timedelta(minutes=10)


def this_clock(facts: Facts) -> Iterator[Finding]:
    """The clock of this machine against that of the API server."""
    ahead = facts.snapshot.clock_difference
    if ahead is not None and abs(ahead) > CLOCK_DIFFERENCE_MAX.total_seconds():
        side = "ahead of" if ahead > 0 else "behind"
        message = f"the clock of this machine is more than a minute {side} that of the API server"
        remedy = "synchronize it; ages in this output are wrong by that much"
        yield warning("ClockOfThisMachine", "this machine", message, remedy)


def times_in_the_future(facts: Facts) -> Iterator[Finding]:
    """What the hooks, or API servers, wrote with a clock that is ahead."""
    limit = facts.now + CLOCK_DIFFERENCE_MAX
    for view in facts.readable:
        for what, moment in _times(facts, view):
            if moment > limit:
                message = f"{what} is {timestamp(moment)}, in the future: a clock is ahead"
                yield warning("ClockAhead", named_range(view), message, _SYNCHRONIZE, str(view.name))
                break


def _times(facts: Facts, view: RangeView) -> Iterator[tuple[str, datetime]]:
    yield "its creationTimestamp", view.range.metadata.creation_timestamp
    for each in facts.slices_of.get(str(view.name), ()):
        if each.spec.proposed:
            yield f"the time at which slice {each.metadata.name} was proposed", each.spec.proposed.at
    for entry in view.ledger.entries.values():
        if entry.released_at:
            yield f"the release of {entry.prefix}", entry.released_at
        if entry.absent_since:
            yield f"the time since which {entry.holder} is missing", entry.absent_since


def cooldowns_that_do_not_end(facts: Facts) -> Iterator[Finding]:
    """Blocks that are cooling down although their time is over."""
    for view in facts.readable:
        for block in view.occupancy.cooling:
            if facts.now - block.until > _COOLING_MAX:
                message = f"{block.prefix} cools down although its time ended at {timestamp(block.until)}"
                remedy = "check that the CompositeController ipamrange runs, and the log of the hooks"
                finding = warning("CooldownOverdue", named_range(view), message, remedy, str(view.name))
                yield unless_delayed(finding, block.until)


RULES = (this_clock, times_in_the_future, cooldowns_that_do_not_end)
