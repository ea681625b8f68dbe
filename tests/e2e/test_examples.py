"""All examples together in one cluster, on the full loop: each ends as its comments promise.

The admission policy is installed, because two examples ask for the same block. Without the policy, of requests that are
created within milliseconds, the one that Metacontroller labels first is served first.
"""

from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from controlplane.api import RANGES, REQUESTS
from controlplane.processes import wait_until
from tests.e2e.admission import admission_policy
from tests.promises import EXAMPLES, Promise, promises

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.loop import Loop

FOLDER = EXAMPLES[0].parent
#: Examples without objects of ours; `test_quota` tests what they do.
OTHERS = {"quota.yaml"}
OURS = [example for example in EXAMPLES if example.name not in OTHERS]
SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def applied(loop: Loop) -> Iterator[None]:
    """The examples, applied by kubectl as a folder."""
    with admission_policy(loop.plane):
        loop.plane.kubectl("apply", "-f", str(FOLDER))
        yield
        loop.plane.kubectl("annotate", "ipamranges", "-A", "--all", "ipam.mandelsoft.org/allow-deletion=true")
        loop.plane.kubectl("delete", "--ignore-not-found", "-f", str(FOLDER))


@pytest.mark.usefixtures("applied")
@pytest.mark.parametrize("example", OURS, ids=lambda path: path.name)
def test_each_example_ends_as_its_comments_promise(loop: Loop, example: Any) -> None:
    for promise in promises(example):
        wait_until(
            lambda promise=promise: promise.is_kept(_status(loop, promise)),  # type: ignore[misc]
            what=f"{promise.obj['metadata']['name']} is {promise.state} {promise.blocks}",
            seconds=SECONDS_MAX,
        )


@pytest.mark.usefixtures("applied")
def test_the_folder_can_be_applied_again(loop: Loop) -> None:
    lines = loop.plane.kubectl("apply", "-f", str(FOLDER)).splitlines()
    assert {line.rpartition(" ")[2] for line in lines} == {"unchanged"}


@pytest.mark.usefixtures("applied")
def test_all_examples_together_give_no_address_twice_in_a_domain(loop: Loop) -> None:
    domains = {_key(obj): obj["spec"]["domain"] for obj in loop.plane.api.list(RANGES)}
    granted: dict[str, list[Any]] = {}
    for obj in loop.plane.api.list(REQUESTS):
        if cidr := obj["status"].get("cidr"):
            ipam = obj["spec"]["ipam"]
            domain = domains[ipam.get("namespace", obj["metadata"]["namespace"]), ipam["name"]]
            granted.setdefault(domain, []).append(ip_network(cidr))
    assert sum(map(len, granted.values())) > len(OURS)
    twice = [
        f"{one} and {other} in {domain}"
        for domain, blocks in granted.items()
        for one, other in combinations(blocks, 2)
        if one.version == other.version and one.overlaps(other)
    ]
    assert not twice


def _key(obj: dict[str, Any]) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _status(loop: Loop, promise: Promise) -> dict[str, Any]:
    meta, resource = promise.obj["metadata"], RANGES if promise.obj["kind"] == "IPAMRange" else REQUESTS
    status: dict[str, Any] = loop.plane.api.get(resource, meta["namespace"], meta["name"]).get("status", {})
    return status
