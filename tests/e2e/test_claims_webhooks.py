"""Claims on the full loop with Cluster API's own webhooks, which judge our IPAddresses, and convert them to v1beta1."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from controlplane.api import Refused
from controlplane.cluster_api import webhooks, webhooks_at
from controlplane.processes import free_port, wait_until
from tests.e2e.integrating import V1BETA1, V1BETA2, Consumer, Objects, consumer_with_range, loop_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controlplane.api import Api, Obj
    from controlplane.loop import Loop
    from controlplane.plane import ControlPlane
    from controlplane.processes import Program
    from controlplane.team import Team

#: The program is built the first time.
pytestmark = pytest.mark.timeout(900)

CONFIGURATIONS = "admissionregistration.k8s.io/v1"
CRDS = "apiextensions.k8s.io/v1"
CONVERTED = ("ipaddressclaims.ipam.cluster.x-k8s.io", "ipaddresses.ipam.cluster.x-k8s.io")
DENIED = 'admission webhook "validation.ipaddress.ipam.cluster.x-k8s.io" denied the request: .*'


@pytest.fixture(scope="module")
def loop(
    control_plane: ControlPlane, metacontroller_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loop]:
    """The loop with deploy/cluster-api, and the webhooks."""
    folder, port = tmp_path_factory.mktemp("webhooks"), free_port()
    script = control_plane.root / "deploy" / "tls" / "certificates.sh"
    subprocess.run([script, folder], env=os.environ | {"NAMES": "IP:127.0.0.1"}, check=True, capture_output=True)
    bundle = b64encode((folder / "ca.crt").read_bytes()).decode()
    flags = (f"--port={port}", f"--certificates={folder}")
    program = control_plane.program("webhooks", webhooks(), *flags, KUBECONFIG=str(control_plane.kubeconfig))
    url = f"https://127.0.0.1:{port}"
    api = control_plane.api
    configurations = Objects(api, CONFIGURATIONS, "validatingwebhookconfigurations", "")
    crds = Objects(api, CRDS, "customresourcedefinitions", "")
    with loop_with(control_plane, metacontroller_path, "cluster-api") as loop:
        program.start()
        try:
            configurations.create(webhooks_at(url, bundle))
            _convert(crds, {"url": f"{url}/convert", "caBundle": bundle})
            wait_until(lambda: _judges(api, program), what="the webhooks are in effect", seconds=60)
            yield loop
        finally:
            configurations.delete("cluster-api")
            _convert(crds, None)
            program.stop()


def _convert(crds: Objects, client: Obj | None) -> None:
    """Has the versions of claims and addresses converted by the webhook, as Cluster API does, or not."""
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]} if client else None
    conversion = {"strategy": "Webhook" if client else "None", "webhook": webhook}
    for name in CONVERTED:
        crds.patch(name, {"spec": {"conversion": conversion}})


def _judges(api: Api, program: Program) -> bool:
    program.check_runs()
    try:
        Objects(api, V1BETA2, "ipaddresses", "default").create(_address("default", address="none"))
    except Refused as refusal:
        return "not a valid IP address" in str(refusal)
    return False


def _address(namespace: str, name: str = "worker-0", **spec: Any) -> Obj:
    """An IPAddress, which differs from a right one by these fields."""
    pool = {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "net"}
    right = {"claimRef": {"name": name}, "poolRef": pool, "address": "10.0.0.2", "prefix": 24, "gateway": "10.0.0.1"}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": V1BETA2, "kind": "IPAddress", "metadata": metadata, "spec": right | spec}


@pytest.fixture
def consumer(team: Team) -> Iterator[Consumer]:
    """A controller of machines in the namespace of the team, which has the range `net`."""
    with consumer_with_range(team) as consumer:
        yield consumer


def test_cluster_api_accepts_our_ipaddresses(consumer: Consumer, team: Team) -> None:
    team.create_range("six", "fd00::/64", network={"gateway": "fd00::1", "prefixLength": 64})
    team.create_range("flat", "10.2.0.0/31", network={"prefixLength": 32})
    for name, pool in (("four", "net"), ("six", "six"), ("flat", "flat")):
        consumer.claim(name, pool)

    assert consumer.wait_address("four") == ("10.0.0.2/24", "10.0.0.1")
    assert consumer.wait_address("six") == ("fd00::2/64", "fd00::1")
    assert consumer.wait_address("flat")[0].endswith("/32")
    consumer.addresses.delete("four")
    wait_until(lambda: consumer.addresses.find("four") is not None, what="it is created again", seconds=60)
    assert consumer.wait_address("four") == ("10.0.0.2/24", "10.0.0.1")


def test_cluster_api_accepts_the_ipaddress_of_an_alias(consumer: Consumer, team: Team) -> None:
    aliases = Objects(team.api, "ipam.mandelsoft.org/v1alpha1", "ipamrangealiases", "")
    alias = {"apiVersion": "ipam.mandelsoft.org/v1alpha1", "kind": "IPAMRangeAlias"}
    spec = {"range": {"namespace": team.namespace, "name": "net"}}
    aliases.create(alias | {"metadata": {"name": team.namespace}, "spec": spec})
    consumer.claim("worker-0", team.namespace, kind="IPAMRangeAlias")

    assert consumer.wait_address("worker-0") == ("10.0.0.2/24", "10.0.0.1")
    assert consumer.addresses.get("worker-0")["spec"]["poolRef"]["kind"] == "IPAMRangeAlias"
    aliases.delete(team.namespace)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"address": "10.0.0"}, "not a valid IP address"),
        ({"gateway": "gateway"}, "not a valid IP address"),
        ({"prefix": 33}, "prefix is too large for an IPv4 address"),
        (
            {"poolRef": {"apiGroup": "ipam.mandelsoft.org", "kind": "IPAMRange", "name": "other"}},
            "different from the pool referenced by the claim",
        ),
    ],
    ids=["address", "gateway", "prefix", "pool"],
)
def test_cluster_api_refuses_an_ipaddress_that_is_wrong(consumer: Consumer, wrong: Obj, message: str) -> None:
    consumer.claim("worker-0", annotations={"cluster.x-k8s.io/paused": "true"})

    with pytest.raises(Refused, match=DENIED + message):
        consumer.addresses.create(_address(consumer.namespace, **wrong))


def test_cluster_api_refuses_to_change_an_ipaddress(consumer: Consumer) -> None:
    consumer.claim("worker-0")
    consumer.wait_address("worker-0")

    with pytest.raises(Refused, match=DENIED + "immutable"):
        consumer.addresses.patch("worker-0", {"spec": {"address": "10.0.0.9"}})


def test_a_consumer_of_v1beta1_reads_the_address_that_cluster_api_converts(consumer: Consumer) -> None:
    older = Consumer(consumer.api, consumer.namespace, V1BETA1)
    older.claim("worker-0")

    assert consumer.wait_address("worker-0") == ("10.0.0.2/24", "10.0.0.1")
    assert older.read("worker-0") == ("10.0.0.2/24", "10.0.0.1")
    (ready,) = older.claims.get("worker-0")["status"]["v1beta2"]["conditions"]
    assert (ready["reason"], ready["status"]) == ("AddressAllocated", "True")
