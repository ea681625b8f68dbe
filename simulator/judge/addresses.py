"""The judge's own arithmetic of addresses, by Python's ipaddress: slow, short, and shared with no other package."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple


class Block(NamedTuple):
    """All addresses from first to last, of IP version 4 or 6."""

    version: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """The number of addresses."""
        return self.last - self.first + 1

    def overlaps(self, other: Block) -> bool:
        """Whether the two have an address in common."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last


BITS = {4: 32, 6: 128}


@lru_cache(maxsize=1 << 18)
def block_of(text: str) -> Block:
    """The block that a CIDR, an address or an interval names. Raises ValueError."""
    first, dash, last = text.partition("-")
    if dash:
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        return Block(low.version, int(low), int(high))
    network = ipaddress.ip_network(text)
    return Block(network.version, int(network.network_address), int(network.broadcast_address))


def address_of(text: str) -> int:
    """The number of an address; 0 for the empty text."""
    return int(ipaddress.ip_address(text)) if text else 0


def within(blocks: list[Block], first: int, last: int) -> list[Block]:
    """The parts of the blocks that lie between two addresses, both included."""
    cut = [block._replace(first=max(block.first, first), last=min(block.last, last)) for block in blocks]
    return [block for block in cut if block.first <= block.last]


def named_block(text: str) -> Block | None:
    """The block that a CIDR or an address in canonical form names; None for all other texts."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    forms = {str(network), str(network.network_address)} if network.num_addresses == 1 else {str(network)}
    return block_of(str(network)) if text in forms else None


def is_meant(text: str, cidr: str) -> bool:
    """Whether people who write this text mean this block, in whatever notation."""
    try:
        return ipaddress.ip_network(text, strict=False) == ipaddress.ip_network(cidr)
    except ValueError:
        return False


def merged(blocks: list[Block]) -> list[Block]:
    """The same addresses as sorted blocks that neither overlap nor touch."""
    result: list[Block] = []
    for block in sorted(blocks):
        if result and block.version == result[-1].version and block.first <= result[-1].last + 1:
            result[-1] = result[-1]._replace(last=max(result[-1].last, block.last))
        else:
            result.append(block)
    return result


def without(pool: list[Block], taken: list[Block]) -> list[Block]:
    """The addresses of a merged pool that are in none of the taken blocks."""
    result: list[Block] = []
    cuts = merged(taken)
    for block in pool:
        first = block.first
        for cut in cuts:
            if cut.overlaps(block):
                if first < cut.first:
                    result.append(block._replace(first=first, last=cut.first - 1))
                first = cut.last + 1
        if first <= block.last:
            result.append(block._replace(first=first))
    return result


def covers(pool: list[Block], block: Block) -> bool:
    """Whether a merged pool has all addresses of the block."""
    return any(each.version == block.version and each.first <= block.first and block.last <= each.last for each in pool)


def places(free: list[Block], length: int) -> int:
    """The number of aligned blocks of this prefix length in these free blocks."""
    sizes = ((block, 1 << (BITS[block.version] - length)) for block in free)
    return sum(max((block.last + 1) // size - -(-block.first // size), 0) for block, size in sizes)
