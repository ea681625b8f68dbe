"""The audit of clusters in which something always changes: it reads kind after kind, while they do."""

import json
from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest
from msgspec import Raw

from kubectl_ipam.audit.run import confirmed
from kubectl_ipam.box import Box
from kubectl_ipam.resources import IPAM, Resource
from kubectl_ipam.snapshot import Snapshot, key_of
from tests.kubectl_ipam.clusters import Document, range_, request

READINGS = 6
NO_FINALIZER: Document = {"metadata": {"finalizers": []}}
#: Steps of the cluster between the readings of two kinds, at most.
STEPS_BETWEEN_MAX = 40


class BusyCluster:
    """A cluster that goes on while it is read; everything is drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.box, self._random, self._number = Box(), Random(seed), 0
        self._living: list[str] = []
        cooldown = self._random.choice([0, 5, 600])
        self.box.cluster.apply(range_("net", "10.0.0.0/25", chunkSize=30, cooldownSeconds=cooldown))
        self.box.cluster.apply(range_("other", "10.0.0.0/24", chunkSize=29, mode="RoundRobin"))

    def go_on(self) -> None:
        """A few steps, with requests that are created and deleted in between, and sometimes time passes."""
        for _ in range(self._random.randrange(STEPS_BETWEEN_MAX)):
            if self._random.random() < 0.2:
                self._act()
            if not self.box.cluster.scheduler.step():
                self.box.cluster.clock.wait(1)

    def _act(self) -> None:
        if self._living and self._random.random() < 0.45:
            name = self._living.pop(self._random.randrange(len(self._living)))
            self.box.cluster.delete(request(name))
            return
        self._number += 1
        name = f"r{self._number}"
        self._living.append(name)
        self.box.cluster.apply(request(name, self._random.choice(["net", "other"])))

    def read(self, kinds: Iterable[Resource] = IPAM) -> Snapshot:
        """A snapshot, during which the cluster goes on."""
        raw, now = {}, self.box.cluster.clock.now()
        for resource in kinds:
            self.go_on()
            objects = [obj for obj in self.box.objects() if obj["kind"] == resource.kind]
            encoded = [Raw(json.dumps(obj).encode()) for obj in objects]
            raw[resource] = {key_of(each): each for each in encoded}
        return Snapshot(raw, now, "a busy cluster")


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_found_in_a_healthy_cluster_under_load(seed: int) -> None:
    cluster = BusyCluster(seed)
    snapshots = [cluster.read() for _ in range(READINGS)]

    assert [found for one, other in pairwise(snapshots) for found in confirmed(one, other)] == []
    revisions = [sum(range_.status.revision or 0 for range_ in each.ranges.values()) for each in snapshots]
    assert revisions[-1] - revisions[0] >= READINGS, "the load was none"


def test_a_corruption_is_found_even_under_load() -> None:
    cluster = BusyCluster(1)
    cluster.box.apply([request("victim")])
    cluster.box.cluster.store.patch(cluster.box.cluster.catalog.called("ipreq")[0], ("default", "victim"), NO_FINALIZER)
    cluster.box.cluster.delete(request("victim"))

    found = confirmed(cluster.read(), cluster.read())

    assert "HolderMissing" in {each.rule for each in found}
