"""The judge of claims and Services at rest: what prevents an address is true; that they say so is not enough."""

from typing import Any

import pytest

from simulator.judge.facts import Write
from simulator.judge.history import History
from simulator.judge.noting import note
from simulator.judge.owners_at_rest import served
from simulator.kubernetes.objects import Obj, annotations_of
from simulator.names import (
    ADDRESSES_ANNOTATION,
    CLAIMS,
    MESSAGE_ANNOTATION,
    METACONTROLLER,
    METALLB_ANNOTATION,
    PERSON,
    RANGES_ANNOTATION,
    SERVICES,
)
from tests.simulator.test_integrations import CAPI, NETWORK, annotations, claim, ready, service
from tests.simulator.test_promises import cluster, iprange


class Judged:
    """A cluster with the ranges `net` and `lan` of IPv4, whose writes the judge sees."""

    def __init__(self) -> None:
        self.world = cluster(seed=1)
        self.history = History()
        self._writer = PERSON
        self.world.store.listeners.append(
            lambda resource, event: note(
                self.history, Write(resource.plural, event.obj, event.type == "DELETED", self._writer)
            )
        )
        self.do(iprange("net", ["10.0.0.0/24"], network=NETWORK), iprange("lan", ["10.1.0.0/24"]))

    def do(self, *manifests: Obj) -> None:
        """A person applies these manifests; then the cluster comes to rest."""
        for manifest in manifests:
            self.world.apply(manifest)
        self.come_to_rest()

    def annotate(self, word: str, name: str, changes: dict[str, str | None]) -> None:
        """A person changes annotations; None removes one. The cluster does not come to rest."""
        obj = self.world.get(word, name)
        kept = {key: value for key, value in (annotations_of(obj) | changes).items() if value is not None}
        self.world.store.update(obj | {"metadata": obj["metadata"] | {"annotations": kept}})

    def come_to_rest(self) -> None:
        self._writer = METACONTROLLER
        self.world.run_until_quiet()
        self._writer = PERSON

    @property
    def findings(self) -> list[str]:
        return list(served(self.history))


@pytest.fixture(name="judged")
def _judged() -> Judged:
    return Judged()


def ip_address(**meta: Any) -> Obj:
    """An IPAddress with the name of the claim, which nothing controls."""
    pool = claim()["spec"]["poolRef"]
    spec = {"claimRef": {"name": "worker-0"}, "poolRef": pool, "address": "10.0.0.77", "prefix": 24}
    return {"apiVersion": CAPI, "kind": "IPAddress", "metadata": {"namespace": "default", "name": "worker-0"} | meta,
            "spec": spec}  # fmt: skip


# --- what is true excuses a claim or a Service


def test_a_claim_and_a_service_that_are_served_are_right(judged: Judged) -> None:
    judged.do(claim(), service())

    assert ready(judged.world) == ("AddressAllocated", "")
    assert annotations(judged.world)[METALLB_ANNOTATION] == "10.0.0.3"
    assert judged.findings == []


def test_a_claim_waits_rightly_while_another_ipaddress_has_its_name(judged: Judged) -> None:
    judged.do(ip_address())
    judged.do(claim())

    assert "IPAddress default/worker-0 is not there yet" in ready(judged.world)[1]
    assert judged.findings == []

    judged.history.foreign.addresses.clear()
    assert len(judged.findings) == 1


def test_a_claim_waits_rightly_if_what_it_records_is_no_address(judged: Judged) -> None:
    judged.do(claim())
    judged.annotate("ipaddressclaim", "worker-0", {ADDRESSES_ANNOTATION: "soon"})
    judged.world.delete(ip_address())
    judged.come_to_rest()

    assert "must be one address" in ready(judged.world)[1]
    assert judged.findings == []


def test_a_paused_claim_is_not_judged(judged: Judged) -> None:
    judged.do(claim(annotations={"cluster.x-k8s.io/paused": "", ADDRESSES_ANNOTATION: "10.0.0.9"}))

    assert len(judged.world.objects("ipreq")) == 1
    assert ready(judged.world) == ("", "")
    assert judged.findings == []


def annotated_later(judged: Judged, ranges: str, changes: dict[str, str | None]) -> None:
    """A Service that names these ranges has come to rest before a person changes its annotations."""
    judged.do(service(ranges=ranges))
    judged.annotate("service", "web", changes)
    judged.come_to_rest()


def waiting_for_the_other_family(judged: Judged) -> None:
    judged.do(service(ranges="net,six"))


def of_one_family(judged: Judged) -> None:
    judged.do(service(ranges="net,lan"))


def that_names_no_range(judged: Judged) -> None:
    annotated_later(judged, "net,six", {RANGES_ANNOTATION: "net,Six"})


def that_names_the_same_range_twice(judged: Judged) -> None:
    annotated_later(judged, "net,six", {RANGES_ANNOTATION: "net,default.net"})


def with_other_addresses_by_hand(judged: Judged) -> None:
    waiting_for_the_other_family(judged)
    judged.annotate("service", "web", {METALLB_ANNOTATION: "10.0.0.9,fd00::9"})
    judged.do(iprange("six", ["fd00::/64"]))


def with_one_address_by_hand_for_two_ranges(judged: Judged) -> None:
    annotated_later(judged, "net,six", {METALLB_ANNOTATION: "10.0.0.9"})


def of_a_former_range_in_use(judged: Judged) -> None:
    waiting_for_the_other_family(judged)
    judged.annotate("service", "web", {RANGES_ANNOTATION: "lan"})
    status = {"loadBalancer": {"ingress": [{"ip": "10.0.0.2"}]}}
    judged.world.store.update_status(judged.world.get("service", "web") | {"status": status})
    judged.come_to_rest()


def with_an_address_of_a_former_range(judged: Judged) -> None:
    annotated_later(judged, "net", {METALLB_ANNOTATION: None, RANGES_ANNOTATION: "lan"})


def with_fewer_addresses_than_ranges(judged: Judged) -> None:
    annotated_later(judged, "net", {METALLB_ANNOTATION: None, RANGES_ANNOTATION: "net,lan"})


@pytest.mark.parametrize(
    ("story", "message"),
    [
        (waiting_for_the_other_family, "no range default/six answers"),
        (of_one_family, "are of one family"),
        (that_names_no_range, "must be a range"),
        (that_names_the_same_range_twice, "must be a range"),
        (with_other_addresses_by_hand, "10.0.0.2, fd00::9 is allocated: write this"),
        (with_one_address_by_hand_for_two_ranges, "must be one address for each range"),
        (of_a_former_range_in_use, "10.0.0.2 will be released"),
        (with_an_address_of_a_former_range, "10.0.0.2 is written and cannot change"),
        (with_fewer_addresses_than_ranges, "10.0.0.2 is written and cannot change"),
    ],
    ids=lambda item: item.__name__ if callable(item) else "",
)
def test_a_service_waits_rightly(judged: Judged, story: Any, message: str) -> None:
    story(judged)

    shown = annotations(judged.world)
    assert message in shown[MESSAGE_ANNOTATION]
    assert "10.0.0.2" not in shown.get(METALLB_ANNOTATION, "").split(",")
    assert judged.findings == []


# --- what they say does not


def test_a_claim_that_says_false_without_a_reason_is_a_finding(judged: Judged) -> None:
    judged.do(claim())
    conditions = [{"type": "Ready", "status": "False", "reason": "PoolNotReady", "message": "not yet"}]
    obj = judged.world.get("ipaddressclaim", "worker-0") | {"status": {"conditions": conditions}}
    note(judged.history, Write(CLAIMS, obj, writer=METACONTROLLER))

    (finding,) = judged.findings
    assert finding.startswith("claim default/worker-0 has 10.0.0.2, and its IPAddress 10.0.0.2; its status is")


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ({MESSAGE_ANNOTATION: "not yet"}, "which nothing prevents: not yet"),
        ({}, "neither shows it nor says why"),
        ({MESSAGE_ANNOTATION: "not yet", METALLB_ANNOTATION: "10.0.0.9"}, "which nothing prevents: not yet"),
    ],
    ids=["a message", "nothing", "another address that no person wrote"],
)
def test_a_service_without_its_address_and_a_reason_is_a_finding(
    judged: Judged, shown: dict[str, str], sentence: str
) -> None:
    judged.do(service())
    obj = judged.world.get("service", "web")
    meta = obj["metadata"] | {"annotations": shown | {RANGES_ANNOTATION: "net"}}
    note(judged.history, Write(SERVICES, obj | {"metadata": meta}, writer=METACONTROLLER))

    (finding,) = judged.findings
    assert finding.startswith("Service default/web has 10.0.0.2 by ")
    assert finding.endswith(sentence)
