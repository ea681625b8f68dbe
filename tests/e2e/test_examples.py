"""All examples together in one cluster, on the full loop: each ends as its comments promise.

The admission policy is installed, because two examples ask for the same block. Without the policy, of requests that are
created within milliseconds, the one that Metacontroller labels first is served first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controlplane.api import RANGES, REQUESTS
from controlplane.policies import admission_policy
from controlplane.processes import wait_until
from tests.promises import EXAMPLES, Promise, promises

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.loop import Loop

#: Examples without objects of ours; `test_quota` tests them.
OTHERS = {"quota.yaml"}
OURS = [example for example in EXAMPLES if example.name not in OTHERS]
SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def applied(loop: Loop) -> Iterator[None]:
    """The examples, applied by kubectl."""
    files = [word for example in OURS for word in ("-f", str(example))]
    with admission_policy(loop.plane):
        loop.plane.kubectl("apply", *files)
        yield
        loop.plane.kubectl("delete", "--ignore-not-found", *files)


@pytest.mark.usefixtures("applied")
@pytest.mark.parametrize("example", OURS, ids=lambda path: path.name)
def test_each_example_ends_as_its_comments_promise(loop: Loop, example: Any) -> None:
    for promise in promises(example):
        wait_until(
            lambda promise=promise: promise.is_kept(_status(loop, promise)),  # type: ignore[misc]
            what=f"{promise.obj['metadata']['name']} is {promise.state} {promise.blocks}",
            seconds=SECONDS_MAX,
        )


def _status(loop: Loop, promise: Promise) -> dict[str, Any]:
    meta, resource = promise.obj["metadata"], RANGES if promise.obj["kind"] == "IPAMRange" else REQUESTS
    status: dict[str, Any] = loop.plane.api.get(resource, meta["namespace"], meta["name"]).get("status", {})
    return status
