"""Prefixes and addresses as other systems have them, before it is decided which of them become ranges."""

from typing import NamedTuple

from ipam.address import Prefix


class Net(NamedTuple):
    """A prefix of another system.

    Attributes:
        block: its addresses.
        space: the address space (VRF) to which it belongs; "" for the global one.
        name: what people call it; may be empty.
        place: where it was read.
        is_container: whether it only contains others.
        is_pool: whether single addresses are allocated from it, also the first and the last one.
    """

    block: Prefix
    space: str
    name: str
    place: str
    is_container: bool = False
    is_pool: bool = False


class Host(NamedTuple):
    """A single address of another system; attributes as those of a prefix."""

    block: Prefix
    space: str
    name: str
    place: str
    is_gateway: bool = False
