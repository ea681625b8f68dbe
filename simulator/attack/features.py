"""The features of ranges and requests: a new field of a spec takes part in the attack by its line here.

A feature is drawn for IP version 4 or 6, and adds fields of the spec or annotations to a new object by a JSON merge
patch. Each run draws how often it uses each feature. The changes of existing objects (later annotations, for example)
are in `workload.PEOPLE_ACTIONS` and `tenants`; the judge reads features in `judge.lives.pool_of` and `judge.verdicts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.names import CIDR_ANNOTATION, HOLD_ANNOTATION, OPEN_LABEL

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from simulator.kubernetes.objects import Obj

#: A kind of objects that get addresses by requests.
SERVICE = "Service"
#: Few addresses, so that requests compete for them.
POOLS = {
    4: (
        ["10.0.0.0/28"],
        ["10.0.0.0/26"],
        ["10.0.0.5-10.0.0.30"],
        ["10.0.0.0/29", "10.0.0.12-10.0.0.19", "10.0.0.40"],
        # In larger cells (hooks/ranges/cells.py) than the others: that around a /24, and that of all addresses.
        ["10.0.0.0-10.0.1.3"],
        ["9.255.255.252-10.0.0.7"],
    ),
    6: (["2001:db8::/124"], ["2001:db8::5-2001:db8::1f"], ["2001:db8::/64"]),
}
#: The addresses by which ranges grow now and then.
ADDITIONS = {
    4: ("10.0.0.32/28", "10.0.0.16/29", "10.0.0.62-10.0.0.70", "10.0.0.100", "10.0.0.250-10.0.1.1"),
    6: ("2001:db8::20/124", "2001:db8:0:1::/64"),
}


def version_of(range_name: str) -> int:
    """The IP version of the addresses of a range."""
    return 6 if range_name.endswith("six") else 4


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of new objects: how often it is used, and how it is drawn."""

    #: The share of objects that have it; for a form, its weight compared with the other forms.
    share: float
    draw: Callable[[int, random.Random], Obj]


def _chunk_size(version: int, rng: random.Random) -> Obj:
    return _spec(chunkSize=rng.choice({4: (29, 30, 31, 32), 6: (124, 126, 127)}[version]))


def _excludes(version: int, rng: random.Random) -> Obj:
    texts = {4: ("10.0.0.0", "10.0.0.8/30", "10.0.0.10-10.0.0.17", "10.0.0.0/28"), 6: ("2001:db8::", "2001:db8::6/127")}
    return _spec(excludes=rng.sample(texts[version], rng.choice((1, 2))))


def _allowed(_: int, rng: random.Random) -> Obj:
    not_closed = {"key": OPEN_LABEL, "operator": "NotIn", "values": ["no"]}
    selectors: tuple[Obj, ...] = ({"matchLabels": {OPEN_LABEL: "yes"}}, {"matchExpressions": [not_closed]})
    choices = ({"from": "Same"}, {"from": "Selector", "selector": rng.choice(selectors)})
    return _spec(allowedNamespaces=rng.choice(choices))


def _network(version: int, rng: random.Random) -> Obj:
    gateways = {4: ("10.0.0.0", "10.0.0.9", "10.9.9.9"), 6: ("2001:db8::", "2001:db8::9", "fe80::1")}
    lengths = {4: (24, 28, 30, 32), 6: (64, 124, 126)}
    parts = {"gateway": rng.choice(gateways[version]), "prefixLength": rng.choice(lengths[version])}
    return _spec(network={name: value for name, value in parts.items() if rng.random() < 0.8})


def drawn_quota(version: int, rng: random.Random) -> Obj:
    """The quota of a range, for each namespace or for one of them; large ones as text."""
    counts = (0, 2, 4, 8, 16, "24", {4: 32, 6: str(1 << 64)}[version])
    listed = {"namespaces": [{"name": rng.choice("ab"), "addresses": rng.choice(counts)}]}
    return rng.choice(({"addresses": rng.choice(counts[1:])}, listed, {"addresses": rng.choice(counts), **listed}))


def _quota(version: int, rng: random.Random) -> Obj:
    return _spec(quota=drawn_quota(version, rng))


def _domain(_: int, rng: random.Random) -> Obj:
    return _spec(domain=rng.choice(("corp", "corp", "lab")))


def _size(version: int, rng: random.Random) -> Obj:
    return _spec(size=rng.choice({4: (27, 28, 29, 30, 31, 32, 33), 6: (124, 125, 126, 127, 128, 64)}[version]))


def _exactly(version: int, rng: random.Random) -> Obj:
    number = rng.randrange(0, 40, 4)
    if version == 6:
        return _spec(request=f"2001:db8::{number + 1:x}")
    return _spec(request=rng.choice((f"10.0.0.{number}/30", f"10.0.0.{number}")))


def _cooldown(_: int, rng: random.Random) -> Obj:
    return _spec(cooldownSeconds=rng.choice((1, 10, 60)))


def _description(_: int, rng: random.Random) -> Obj:
    return _spec(description=rng.choice(("for machines", "for people", "")))


def _reservations(version: int, rng: random.Random) -> Obj:
    """Some reservations for requests of the names that the attack uses, and for a Service."""
    blocks = {
        4: ("10.0.0.0", "10.0.0.1/32", "10.0.0.4/30", "10.0.0.8/30", "10.0.0.8/29", "10.0.0.16/28", "10.9.9.9"),
        6: ("2001:db8::", "2001:db8::4/126", "2001:db8::9", "2001:db8::/124"),
    }
    holders = [{"kind": "IPAMRequest", "namespace": space, "name": f"r{n}"} for space in "ab" for n in range(1, 7)]
    holders += [{"kind": SERVICE, "name": "web"}] * 6
    cidrs = rng.sample(blocks[version], rng.choice((1, 2, 3)))
    return _spec(reservations=[{"cidr": cidr, "holder": rng.choice(holders)} for cidr in cidrs])


def _owned(_: int, rng: random.Random) -> Obj:
    owner = {"apiVersion": "v1", "kind": SERVICE, "name": "web", "uid": "e7b0c4a5-0000-4000-8000-000000000000"}
    return {"metadata": {"ownerReferences": [owner | {"controller": rng.random() < 0.7}]}}


def _delegated(version: int, rng: random.Random) -> Obj:
    """A range of the block, sometimes with a name that another range may have."""
    name = {4: rng.choice(("site", "site", "lan", "")), 6: "site-six"}[version]
    parts = {
        "chunkSize": rng.choice({4: (30, 31, 32), 6: (126, 127)}[version]),
        "mode": rng.choice(("BestFit", "FirstFit", "RoundRobin")),
        "cooldownSeconds": 10,
        "allowedNamespaces": {"from": "All"},
    }
    named = {"name": name} if name else {}  # by default that of the request
    return _spec(delegate=named | {field: value for field, value in parts.items() if rng.random() < 0.6})


def _hold(_: int, __: random.Random) -> Obj:
    return {"metadata": {"annotations": {HOLD_ANNOTATION: "true"}}}


def _recorded(version: int, rng: random.Random) -> Obj:
    number, length = rng.randrange(0, 40, 4), rng.choice((28, 30, 32))
    cidr = f"10.0.0.{number}/{length}" if version == 4 else f"2001:db8::{number:x}/{length + 96}"
    return {"metadata": {"annotations": {CIDR_ANNOTATION: cidr}}}


def _by_form(version: int, rng: random.Random) -> Obj:
    length = rng.choice({4: (28, 30, 32, 33), 6: (124, 126, 128, 64)}[version])
    host_bits, index = rng.choice((0, 1, 3, 33)), rng.randrange(6)
    forms = (
        f"#{rng.choice((1, 3, 8, 10))}",
        f"/{length}",
        f"%{host_bits}",
        f"{index}/{length}",
        f"{index}/%{host_bits}",
    )
    return _spec(request=rng.choice(forms))


def _or_without(patch: Obj, rng: random.Random) -> Obj:
    """The patch; now and then one that removes its fields instead."""
    return patch if rng.random() < 0.7 else _spec(**dict.fromkeys(patch["spec"]))


def _any_allowed(version: int, rng: random.Random) -> Obj:
    # It is a merge patch, so it removes a former selector.
    patch = rng.choice((_allowed(version, rng), _spec(allowedNamespaces={"from": "All"})))
    return _spec(allowedNamespaces={"selector": None, **patch["spec"]["allowedNamespaces"]})


def _spec(**fields: Any) -> Obj:
    return {"spec": fields}


#: Each range has any of these ...
OF_RANGES: dict[str, Feature] = {
    "chunk size": Feature(0.6, _chunk_size),
    "cool-down": Feature(0.3, _cooldown),
    "on hold": Feature(0.1, _hold),
    "excludes": Feature(0.3, _excludes),
    "a domain": Feature(0.5, _domain),
    "network": Feature(0.4, _network),
    "reserved addresses": Feature(0.2, lambda _, rng: _spec(allocateReservedIPAddresses=rng.random() < 0.7)),
    "all namespaces allowed": Feature(0.6, lambda _, __: _spec(allowedNamespaces={"from": "All"})),
    "some namespaces allowed": Feature(0.3, _allowed),
    "a quota": Feature(0.2, _quota),
    "round robin": Feature(0.4, lambda _, __: _spec(mode="RoundRobin")),
    "first fit": Feature(0.2, lambda _, __: _spec(mode="FirstFit")),
    "closed": Feature(0.05, lambda _, __: _spec(closed=True)),
    "reservations": Feature(0.3, _reservations),
}
#: The changes of existing ranges that the API server accepts: how often each is made, compared with the others. A field
#: that is drawn as null is removed.
EDITS_OF_RANGES: dict[str, Feature] = {
    "change excludes": Feature(1.0, lambda version, rng: _or_without(_excludes(version, rng), rng)),
    "change the network": Feature(1.0, lambda version, rng: _or_without(_network(version, rng), rng)),
    "change the reservations": Feature(1.0, lambda version, rng: _or_without(_reservations(version, rng), rng)),
    "close or open": Feature(0.7, lambda _, rng: _spec(closed=rng.choice((True, False, None)))),
    "change the allowed namespaces": Feature(0.7, _any_allowed),
    "change the cool-down": Feature(0.7, lambda version, rng: _or_without(_cooldown(version, rng), rng)),
    "change the quota": Feature(0.7, lambda version, rng: _or_without(_quota(version, rng), rng)),
    "change the description": Feature(0.2, _description),
}
#: ... each request one of these, as they exclude each other ...
FORMS_OF_REQUESTS: dict[str, Feature] = {
    "the default size": Feature(3.0, lambda _, __: {}),
    "a size": Feature(2.0, _size),
    "a block of its choice": Feature(1.0, _exactly),
    "a count, a length or an index": Feature(1.5, _by_form),
}
#: ... and any of these.
OF_REQUESTS: dict[str, Feature] = {
    "a recorded address": Feature(0.3, _recorded),
    "owned by a Service": Feature(0.15, _owned),
    "delegates its block": Feature(0.1, _delegated),
}
#: How often tenants do each of their actions, compared with those of `workload.PEOPLE_ACTIONS`. The weight is 0 as long
#: as a run in `tests/simulator/findings/` shows that the action breaks an invariant (`EXPECTED_RED` in its test).
OF_TENANTS: dict[str, float] = {
    "a tenant deletes a request": 1.0,
    "a tenant deletes a request in the foreground": 0.5,
    "a tenant deletes a request, orphaning": 0.5,
    "a tenant strips the finalizers of a request": 0.4,
    "a tenant forges the finalizer of a request": 0.2,
    "an operator forges the finalizer of a range": 0.1,
    "a tenant strips the labels of a request": 0.4,
    "a tenant mislabels a request": 0.4,
    "a tenant writes a cidr": 0.2,
    "a tenant deletes an extent": 0.1,
    "a tenant annotates a request forever": 0.1,
    "a tenant strips the label of a request forever": 0.1,
    "a tenant records an address": 0.2,
    "an owner strips the finalizers of a request": 0.4,
    "an owner strips the labels of a request": 0.4,
    "an owner writes a cidr": 0.2,
    "an owner deletes an extent": 0.1,
    "an owner strips the labels of an extent": 0.1,
    "a tenant deletes a slice": 0.1,
    "an owner deletes a slice": 0.1,
    "an owner empties a slice": 0.1,
    "an owner strips the labels of a slice": 0.1,
    "an owner occupies a slice": 0.1,
    "an operator deletes a range": 0.2,
    "an operator deletes a range, orphaning": 0.1,
    "an operator strips the finalizers of a range": 0.2,
}

#: The share of runs with claims, Clusters and Services, and how often people do each of their actions there.
INTEGRATED = 0.25
OF_INTEGRATIONS: dict[str, float] = {
    "create a claim": 16.0,
    "delete a claim": 2.0,
    "delete a claim, foreground": 1.0,
    "delete a claim, orphaning": 0.3,
    "keep a claim by a finalizer": 0.6,
    "pause or resume a claim": 0.4,
    "create an alias": 0.5,
    "create a Cluster": 3.0,
    "pause or resume a Cluster": 1.5,
    "delete a Cluster": 0.4,
    "delete an IPAddress": 0.6,
    "create a Service": 8.0,
    "name ranges in a Service": 5.0,
    "name no range in a Service": 3.0,
    "serve at the addresses of a Service": 5.0,
    "serve a Service no longer": 4.0,
    "write the address of a Service": 0.3,
    "change the type of a Service": 0.4,
    "delete a Service": 0.7,
    "delete a Service, foreground": 0.7,
    "delete a Service, orphaning": 0.3,
    "keep a Service by a finalizer": 0.5,
}
#: What the other weights are in these runs: a claim needs a network, and restores are judged without claims.
WITH_INTEGRATIONS: dict[str, float] = {
    "network": 2.0,
    "on hold": 0.03,
    "closed": 0.0,
    "delete a namespace": 0.03,
    "delete a range": 0.1,
    "wipe and restore": 0.0,
    "back up, empty and restore": 0.0,
}
#: The ways to restore a whole cluster (see `restores`), and the share of clusters with overlapping ranges that are
#: restored.
RESTORES: dict[str, float] = {"on-hold": 1.0, "held-late": 0.3, "not-held": 0.3, "velero": 0.5}
RESTORED_WITH_OVERLAPS = 1.0
#: The share of records in a backup that a person has written in another notation.
FOREIGN_NOTATIONS = 0.05
#: The share of runs in which the clocks of replicas are wrong by less than a minute, each by its own time.
SKEWED = 0.3
#: How often an older CRD lacks a property, compared with the others. A property that is not listed has weight 1.
LACKING: dict[str, float] = {
    "ipamranges status.allocations": 0.0,  # the ledger itself: every release has it
}
