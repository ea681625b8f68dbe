"""Quotas: how many addresses of a range the requests of a namespace may hold together, and the invariant of grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import block_of, named_block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.judge.facts import Grant
    from simulator.judge.history import History
    from simulator.judge.lives import Cooling, Entry, Ledger
    from simulator.kubernetes.objects import Obj


def limit_of(range_spec: Obj, namespace: str) -> int | None:
    """How many addresses a range with this spec lets a namespace hold; None means any number."""
    quota = range_spec.get("quota", {})
    limits = {each["name"]: each["addresses"] for each in quota.get("namespaces", ())}
    limit = limits.get(namespace, quota.get("addresses"))
    return None if limit is None else int(limit)


def sizes_of(ledger: Ledger, namespace: str) -> dict[str, int]:
    """The number of addresses of each block that counts for a namespace, by uid: also of those that cool down."""
    kept: list[tuple[str, Entry | Cooling]] = [*ledger.entries.items(), *ledger.cooling.items()]
    return {uid: block_of(each.cidr).size for uid, each in kept if each.request.startswith(f"{namespace}/")}


def is_within(range_spec: Obj, ledger: Ledger, namespace: str, size: int) -> bool:
    """Whether a range with this spec and ledger lets a namespace have a block of this size in addition."""
    limit = limit_of(range_spec, namespace)
    return limit is None or sum(sizes_of(ledger, namespace).values()) + size <= limit


def within_quota(history: History) -> Iterator[str]:
    """WithinQuota: no block that its request neither shows nor records is granted beyond a quota of its range.

    A block that is returned while it cools down counted before. A call sees a range with the ledger that its proposal
    is to follow, so with a spec of the time of that ledger.
    """
    for grant in history.facts.grants:
        if not (grant.is_return or _is_restored(history, grant)):
            yield from _exceeding(history, grant)


def _exceeding(history: History, grant: Grant) -> Iterator[str]:
    life, uid, cidr, _ = grant
    namespace = life.ledger.entries[uid].request.partition("/")[0]
    limits = [limit for spec in life.specs_of_revision_before if (limit := limit_of(spec, namespace)) is not None]
    if len(limits) < len(life.specs_of_revision_before):
        return
    restored = {each.uid for each in history.facts.grants if each.life is life and _is_restored(history, each)}
    sizes = sizes_of(life.ledger, namespace)
    held = sum(size for each, size in sizes.items() if each not in restored)
    if held > max(limits):
        yield f"{life.name} grants {cidr} to {uid}, so that {namespace} holds {held} addresses of {max(limits)}"


def _is_restored(history: History, grant: Grant) -> bool:
    """Whether a request shows the block that it is granted, or ever recorded it, as an old cache may show."""
    request = history.requests.get(grant.uid)
    if request is None:
        return False
    return grant.cidr == request.cidr or any(named_block(text) == block_of(grant.cidr) for text in request.records)
