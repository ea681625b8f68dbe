"""Quotas: how many addresses of a range the requests of one namespace may hold together.

What a ledger has for a namespace counts, also blocks that cool down: otherwise a tenant could use up a range by
requesting and releasing blocks again and again. A block that a request shows or records already is granted whatever the
quota says, and counts. So is one that is returned while it cools down (returns.py): it counted before.
"""

from collections import Counter

from hooks.api.kinds import Quota
from hooks.api.names import NamespacedName
from hooks.ranges.ledger import Ledger
from ipam.allocate import Budget


class Quotas:
    """What each namespace may hold, and what it holds by one ledger."""

    def __init__(self, quota: Quota, ledger: Ledger) -> None:
        self._default = None if quota.addresses is None else int(quota.addresses)
        self._limits = {each.name: int(each.addresses) for each in quota.namespaces}
        self._held: Counter[str] = Counter()
        for entry in ledger.entries.values():
            self._held[NamespacedName.parse(entry.holder).namespace] += entry.prefix.address_count

    def budget_of(self, namespace: str) -> Budget | None:
        """What the requests of a namespace may hold and hold together; None if that is not limited."""
        limit = self._limits.get(namespace, self._default)
        return None if limit is None else Budget(f"namespace {namespace}", limit, self._held[namespace])

    @property
    def exceeded(self) -> list[Budget]:
        """The namespaces that hold more than they may, in the order of their names."""
        budgets = map(self.budget_of, sorted(self._held))
        return [budget for budget in budgets if budget and budget.held > budget.limit]
