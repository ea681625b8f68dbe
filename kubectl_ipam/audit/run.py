"""The audit: all rules over one snapshot, and the findings that two snapshots confirm."""

from itertools import chain

from kubectl_ipam.audit import clocks, delegation, extents, holders, installation, ledgers, objects, requests
from kubectl_ipam.audit.facts import Facts
from kubectl_ipam.audit.findings import Finding
from kubectl_ipam.snapshot import Snapshot

#: All rules, in the order in which their findings are reported within a severity.
RULES = (
    *ledgers.RULES,
    *requests.RULES,
    *holders.RULES,
    *delegation.RULES,
    *extents.RULES,
    *objects.RULES,
    *installation.RULES,
    *clocks.RULES,
)


def findings_in(snapshot: Snapshot) -> list[Finding]:
    """What the rules find in one snapshot: errors first; each only once."""
    facts = Facts(snapshot)
    found = {each.key: each for each in chain.from_iterable(rule(facts) for rule in RULES)}
    return sorted(found.values(), key=lambda each: each.severity)


def confirmed(first: Snapshot, second: Snapshot) -> list[Finding]:
    """The findings that both snapshots show, of which the second was read after the first.

    One that a delay may explain counts only if its range has not changed between them, or if it has lasted long.
    """
    before, again = {each.key for each in findings_in(first)}, findings_in(second)
    facts, later = Facts(first), Facts(second)
    still = {name: facts.fingerprint(name) == later.fingerprint(name) for name in {each.range_name for each in again}}
    return [
        each
        for each in again
        if each.key in before and (not each.may_be_delay or each.is_overdue(later.now) or still[each.range_name])
    ]


def in_one_snapshot(snapshot: Snapshot) -> list[Finding]:
    """The findings that need no second snapshot, such as of a dump: all but those that a delay may explain.

    Of a cluster that changes while it is read, they are candidates.
    """
    return [each for each in findings_in(snapshot) if not each.may_be_delay or each.is_overdue(snapshot.taken_at)]
