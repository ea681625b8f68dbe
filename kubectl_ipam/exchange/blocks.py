"""Blocks as other systems write them: not always in canonical form, and not always as a CIDR."""

import ipaddress

from ipam.address import InvalidAddress, Prefix, parse_prefix
from ipam.interval import aligned_blocks, parse_interval

_SHOWN_MAX = 4


class NoBlock(ValueError):
    """A text that names no single block; the message quotes it and says what would be right."""


def canonical(text: str) -> str:
    """A CIDR, an interval or an address in canonical form, as far as its addresses can be read."""
    return "-".join(_canonical_part(part.strip()) for part in text.split("-"))


def _canonical_part(text: str) -> str:
    address, slash, length = text.partition("/")
    try:
        return f"{ipaddress.ip_address(address)}{slash}{length}"
    except ValueError:
        return text


def read_block(text: str) -> Prefix:
    """Read a CIDR, an address, or an interval that is exactly one block.

    Raises:
        NoBlock: if it is something else.
    """
    try:
        interval, family = parse_interval(canonical(text))
    except InvalidAddress as fault:
        raise NoBlock(str(fault)) from fault
    blocks = [Prefix(first, length, family) for first, length in aligned_blocks(interval, family.bits)]
    if len(blocks) > 1:
        some = ", ".join(map(str, blocks[:_SHOWN_MAX])) + (" and so on" if len(blocks) > _SHOWN_MAX else "")
        raise NoBlock(f'"{text}" is not a CIDR block: split it into {some}, with a name for each')
    return blocks[0]


def read_host(text: str) -> Prefix:
    """Read a single address, which may have the prefix length of its network behind it: 10.0.0.5/24.

    Raises:
        NoBlock: if it is something else.
    """
    try:
        return parse_prefix(str(ipaddress.ip_interface(text).ip))
    except (ValueError, InvalidAddress) as fault:
        raise NoBlock(f'"{text}" is not an address, such as 10.0.0.5 or 10.0.0.5/24') from fault


def network_of(text: str) -> Prefix:
    """Read the network of an address with a prefix length, whatever its host bits: 10.0.0.5/24 is in 10.0.0.0/24.

    Raises:
        NoBlock: if it is something else.
    """
    try:
        return parse_prefix(str(ipaddress.ip_network(text, strict=False)))
    except (ValueError, InvalidAddress) as fault:
        raise NoBlock(f'"{text}" is not a subnet, such as 10.0.0.0/24') from fault
