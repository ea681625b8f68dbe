"""Mutations of what the spec of a range limits: quotas, and reserved addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import block_of
from simulator.judge.lives import Ledger
from simulator.judge.quotas import is_within
from simulator.mutants.mutations import dropping, entries_of

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj
    from simulator.mutants.mutations import Ask

#: A namespace without requests.
ELSEWHERE = "elsewhere"


def grant_reserved_addresses(_: str, body: Obj, ask: Ask) -> Obj:
    """Network and broadcast addresses are granted like any other address."""
    body["parent"]["spec"]["allocateReservedIPAddresses"] = True
    return ask(body)


def ignore_quotas(_: str, body: Obj, ask: Ask) -> Obj:
    """A quota limits nothing."""
    body["parent"]["spec"].pop("quota", None)
    return ask(body)


def forget_cooling(_: str, body: Obj, ask: Ask) -> Obj:
    """A block that cools down counts for no namespace that requests blocks."""
    holders = {entry["uid"]: entry["request"] for entry in entries_of(body["parent"])}
    for entry in entries_of(body["parent"]):
        if "releasedAt" in entry:
            entry["request"] = f"{ELSEWHERE}/{entry['request'].partition('/')[2]}"
    answer = ask(body)
    for entry in entries_of(answer):
        entry["request"] = holders.get(entry["uid"], entry["request"])
    return answer


def count_each_alone(_: str, body: Obj, ask: Ask) -> Obj:
    """Each grant of a call is within the quota by itself, as if it were the only one."""
    spec, ledger = dict(body["parent"]["spec"]), Ledger.of(body["parent"])
    body["parent"]["spec"].pop("quota", None)
    known = {entry["uid"] for entry in entries_of(body["parent"])}

    def exceeds(entry: Obj) -> bool:
        namespace = entry["request"].partition("/")[0]
        return entry["uid"] not in known and not is_within(spec, ledger, namespace, block_of(entry["cidr"]).size)

    return dropping(body, ask(body), exceeds)
