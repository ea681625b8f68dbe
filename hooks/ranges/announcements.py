"""Announcements: what the extents of a domain say, and which of two is older."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hooks.api.kinds import ExtentObject
from hooks.api.ownership import controller_of
from hooks.protocol.decoding import applied_number
from hooks.ranges.spec import Domain
from ipam.address import Family, InvalidAddress
from ipam.address_set import AddressSet
from ipam.interval import Interval, parse_interval


@dataclass(frozen=True, slots=True)
class Announcement:
    """An extent that counts.

    Attributes:
        key: "namespace/name" of the extent.
        owner_uid, range_name: of the range that it belongs to.
        seniority: its place in the order of age, the oldest first.
        number: what it was given; None if it has not been given one yet.
        serves_its_range: whether that may grant what it announces.
        addresses: what it announces.
        given_up: what it announced before its range gave that up.
    """

    key: str
    owner_uid: str
    range_name: str
    seniority: tuple[bool, int, str]
    number: int | None
    serves_its_range: bool
    addresses: AddressSet
    given_up: AddressSet

    @property
    def is_spent(self) -> bool:
        """Whether it has given up all that it announced."""
        return bool(self.given_up) and not self.addresses


def announcements(
    extents: Mapping[str, ExtentObject], domain: Domain, family: Family
) -> tuple[list[Announcement], list[str]]:
    """The extents of a domain that a range controls, and the keys of those whose addresses can't be read."""
    announced: list[Announcement] = []
    unreadable: list[str] = []
    nothing = AddressSet(family)
    for key, extent in extents.items():
        controller = controller_of(extent.metadata)
        if controller is None or extent.spec.domain != domain.name:
            continue
        try:
            addresses = _addresses(extent.spec.ranges, family)
            given_up = _addresses(extent.spec.withdrawn, family) if extent.spec.withdrawn else nothing
        except InvalidAddress:
            unreadable.append(key)
            continue
        number = number_of(extent)
        announced.append(
            Announcement(
                key=key,
                owner_uid=controller.uid,
                range_name=f"{extent.metadata.namespace}/{extent.spec.range}",
                seniority=seniority(extent),
                number=number,
                serves_its_range=number is not None and extent.metadata.deletion_timestamp is None,
                addresses=addresses - given_up if given_up else addresses,
                given_up=given_up,
            )
        )
    return announced, unreadable


def _addresses(texts: list[str], family: Family) -> AddressSet:
    parsed = [read_interval(text) for text in texts]
    return AddressSet(family, (interval for interval, its_family in parsed if its_family is family))


@lru_cache(maxsize=32768)
def read_interval(text: str) -> tuple[Interval, Family]:
    """As `parse_interval`; the extents of a domain come with every call of each of its ranges."""
    return parse_interval(text)


def number_of(extent: ExtentObject) -> int | None:
    """The number that an extent was given, even if the API server does not show it."""
    return extent.spec.number or applied_number(extent.metadata.annotations.text)


def seniority(extent: ExtentObject) -> tuple[bool, int, str]:
    """Where an extent stands in the order of age: by its number, or the least that it can get.

    A number above the resourceVersion of its own extent was given by another store, from which this one was copied: all
    that are numbered by this one are younger. Only such a copy can give two extents the same number.
    """
    version = int(extent.metadata.resource_version)
    number = number_of(extent) or version
    return number <= version, number, extent.metadata.uid
