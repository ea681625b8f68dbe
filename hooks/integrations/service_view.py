"""What one call sees of a Service: the ranges that it names, its requests, and the addresses that it shows."""

import re
from collections.abc import Iterable
from functools import cached_property

from hooks.api import names
from hooks.api.kinds import RequestParent, RequestSpec
from hooks.api.names import NamespacedName
from hooks.api.ownership import SERVICE
from hooks.integrations.attachments import observed_requests, single_address
from hooks.protocol.bodies import ServiceBody
from hooks.protocol.decoding import decode_spec
from hooks.protocol.errors import ProtocolError

_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
#: A range in the namespace of the Service, or of another namespace: names of namespaces have no dots. With its
#: namespace the name of a range may have some.
_RANGE = re.compile(rf"(?:(?P<namespace>{_LABEL})\.)?(?P<name>{_LABEL}(?:\.{_LABEL})*)")
#: A Service has at most one address of each family.
_RANGES_MAX = 2


class ServiceView:
    """The picture of one call about a living Service.

    Attributes:
        service: the Service.
        key: the annotation in which its load balancer reads the addresses.
        requests: the attached requests by their range, without those that it has given up.
        names_given_up: the names of these. They are left out of each answer, so that they are deleted.
        given_up: their uids.
    """

    def __init__(self, body: ServiceBody, key: str) -> None:
        """Read the attachments.

        Raises:
            ProtocolError: if one can't be read.
        """
        self.service, self.key = body.object, key
        annotations = body.object.metadata.annotations
        self.given_up = _items(annotations.get(names.GIVEN_UP_ANNOTATION, ""))
        self.requests: dict[NamespacedName, RequestParent] = {}
        self.names_given_up: set[str] = set()
        for request in observed_requests(body.attachments, self.service.metadata, SERVICE):
            if request.metadata.uid in self.given_up:
                self.names_given_up.add(request.metadata.name)
            else:
                self.requests[_range_of(request)] = request

    @cached_property
    def ranges(self) -> list[NamespacedName] | str:
        """The ranges that it names, none if it wants no address; a text that says why they can't be read."""
        text = self.service.metadata.annotations.get(names.RANGES_ANNOTATION)
        if text is None or self.service.spec.type != "LoadBalancer":
            return []
        found = [_RANGE.fullmatch(item) for item in _items(text)]
        ranges = [
            NamespacedName(each["namespace"] or self.service.metadata.namespace, each["name"]) for each in found if each
        ]
        if ranges and len(ranges) == len(found) == len(set(ranges)) <= _RANGES_MAX:
            return ranges
        form = 'a range, such as "net" or "infra.net", or one range for each family, separated by a comma'
        return f'annotation {names.RANGES_ANNOTATION} "{text}": must be {form}'

    @cached_property
    def recorded(self) -> list[str]:
        """The addresses that were written for the load balancer, in the order of the ranges; canonical, if they are."""
        return _canonical(self.service.metadata.annotations.get(names.ADDRESSES_ANNOTATION, ""))

    @cached_property
    def written(self) -> list[str]:
        """What the annotation of the load balancer says, whoever wrote it; canonical, if these are addresses."""
        return _canonical(self.service.metadata.annotations.get(self.key, ""))

    def used(self, addresses: Iterable[str]) -> list[str]:
        """Those of these addresses at which the load balancer serves, in order.

        If it says in a form that can't be read where it serves, it may be at any of them.
        """
        serves_at = {single_address(each.ip) for each in self.service.status.load_balancer.ingress if each.ip}
        known = {each for each in addresses if each}
        return sorted(known if "" in serves_at else known & serves_at)

    @property
    def message(self) -> str | None:
        """The message that it shows."""
        return self.service.metadata.annotations.get(names.MESSAGE_ANNOTATION)


def asks_for(request: RequestParent) -> str:
    """The address that an attached request asks for, or the form of any. Raises ProtocolError if it can't be read."""
    return _spec_of(request).wanted


def _range_of(request: RequestParent) -> NamespacedName:
    return _spec_of(request).range_name(request.metadata.namespace)


def _spec_of(request: RequestParent) -> RequestSpec:
    spec = decode_spec(request.spec, RequestSpec)
    if isinstance(spec, str):
        path = f'$.attachments["{names.REQUEST_KEY}"]["{request.metadata.namespaced_name}"].spec'
        raise ProtocolError(path, spec)
    return spec


def _canonical(text: str) -> list[str]:
    return [single_address(item) or item for item in _items(text)]


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
