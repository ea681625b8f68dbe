"""A bare client: how long the API server takes if a client writes each request and its status itself.

The objects are of a copy of the IPAMRequest CRD in another group, which no controller watches and no policy selects. So
this is the time of the machine for two writes per request, and the ratio of a burst to it can be compared between
machines.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import TYPE_CHECKING

import yaml

from controlplane import cluster
from controlplane.api import GROUP, REQUESTS, Refused, kubectl
from controlplane.load import CREATORS
from controlplane.objects import request_object
from controlplane.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from controlplane.api import Api, Obj

BARE_GROUP = f"bare.{GROUP}"
BARE_VERSION = f"{BARE_GROUP}/v1alpha1"
CRD_SECONDS_MAX = 30.0
#: After a new CRD, the API server computes its documents for some seconds.
SETTLE_SECONDS = 5.0


def bare_seconds(api: Api, kubeconfig: Path, namespace: str, counts: Sequence[int]) -> list[float]:
    """The seconds that a client takes to create so many requests and write the status of each, with CREATORS threads.

    For each of the numbers, one after the other. The namespace must exist. The objects and their CRD are deleted
    afterwards.
    """
    definition = _definition()
    kubectl(kubeconfig, "apply", "-f", "-", stdin=json.dumps(definition))
    path = f"/apis/{BARE_VERSION}/namespaces/{namespace}/{REQUESTS}"
    wait_until(lambda: _is_served(api, path), what=f"{BARE_VERSION} is served", seconds=CRD_SECONDS_MAX)
    time.sleep(SETTLE_SECONDS)
    try:
        return [_seconds(api, path, namespace, f"bare-{index}", count) for index, count in enumerate(counts)]
    finally:
        kubectl(kubeconfig, "delete", "crd", definition["metadata"]["name"], "--wait=false")


def _seconds(api: Api, path: str, namespace: str, prefix: str, count: int) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(CREATORS, thread_name_prefix="bare") as pool:
        writes = [pool.submit(_write, api, path, namespace, f"{prefix}-{number}", number) for number in range(count)]
        for each in writes:
            each.result()
    return time.monotonic() - began


def _definition() -> Obj:
    """The CRD of IPAMRequests in another group."""
    definition: Obj = deepcopy(yaml.safe_load((cluster.ROOT / "crds/ipamrequests.yaml").read_text()))
    definition["metadata"] = {"name": f"{REQUESTS}.{BARE_GROUP}"}
    definition["spec"]["group"] = BARE_GROUP
    definition["spec"]["names"].pop("shortNames", None)
    definition["spec"]["names"].pop("categories", None)
    return definition


def _is_served(api: Api, path: str) -> bool:
    try:
        api.ask("GET", path, limit="1")
    except Refused:
        return False
    return True


def _write(api: Api, path: str, namespace: str, name: str, number: int) -> None:
    created = api.ask("POST", path, request_object(namespace, name, "net") | {"apiVersion": BARE_VERSION})
    block = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/32"
    conditions = [{**created["status"]["conditions"][0], "status": "True", "reason": "Allocated", "message": ""}]
    status = created["status"] | {"cidr": block, "state": "Ready", "message": "", "conditions": conditions}
    api.ask("PUT", f"{path}/{name}/status", created | {"status": status})
