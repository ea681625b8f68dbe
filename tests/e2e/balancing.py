"""A load balancer as MetalLB is, as far as its addresses are concerned, and the Services that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.processes import NotInTime, wait_until
from controlplane.team import Team
from tests.e2e.integrating import MESSAGE, METALLB, RANGE, WAIT_SECONDS_MAX, Objects

if TYPE_CHECKING:
    from controlplane.api import Api, Obj


def served_elsewhere(team: Team, range_name: str) -> LoadBalancer:
    """A Service `web` of another namespace, which has an address of a range of a team."""
    guest = Team(team.api, f"{team.namespace[:50]}-2")
    guest.create_namespace()
    there = LoadBalancer(guest.api, guest.namespace)
    there.service("web", **{RANGE: f"{team.namespace}.{range_name}"})
    there.serve("web")
    return there


class LoadBalancer:
    """A load balancer that serves at the addresses in the annotation, once that is there.

    Like MetalLB it goes on to serve there if the annotation is removed, until it is told to give up.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.services = Objects(api, "v1", "services", namespace)
        self.requests = Objects(api, "ipam.mandelsoft.org/v1alpha1", "ipamrequests", namespace)

    def service(self, name: str, type_: str = "LoadBalancer", **annotations: str) -> Obj:
        """Creates a Service."""
        metadata = {"name": name, "namespace": self.namespace, "annotations": annotations}
        spec = {"type": type_, "ports": [{"port": 80}], "ipFamilyPolicy": "SingleStack"}
        return self.services.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def annotations(self, name: str) -> dict[str, str]:
        """The annotations of a Service."""
        return dict(self.services.get(name)["metadata"].get("annotations", {}))

    def serve(self, name: str, *, seconds: float = WAIT_SECONDS_MAX) -> list[str]:
        """Waits until a Service has its addresses, serves there, and returns them."""
        try:
            wait_until(lambda: METALLB in self.annotations(name), what=f"{name} has an address", seconds=seconds)
        except NotInTime as late:
            raise NotInTime(f"{late}; its annotations are {self.annotations(name)}") from late
        addresses = self.annotations(name)[METALLB].split(",")
        self._show(name, addresses)
        return addresses

    def give_up(self, name: str) -> None:
        """Serves no longer at the addresses of a Service."""
        self._show(name, [])

    def wait_message(self, name: str, part: str, *, seconds: float = WAIT_SECONDS_MAX) -> str:
        """Waits until a Service has a message with this part, and returns it."""
        what = f"{name} has a message with {part!r}"
        wait_until(lambda: part in self.annotations(name).get(MESSAGE, ""), what=what, seconds=seconds)
        return self.annotations(name)[MESSAGE]

    def leave(self) -> None:
        """Deletes all Services, and waits until their requests are gone."""
        self.services.delete_all()
        wait_until(lambda: not self.requests.all(), what="no request is left", seconds=WAIT_SECONDS_MAX)

    def _show(self, name: str, addresses: list[str]) -> None:
        ingress = [{"ip": address} for address in addresses]
        self.services.patch(name, {"status": {"loadBalancer": {"ingress": ingress}}}, "/status")
