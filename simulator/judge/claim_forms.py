"""The judge's own reading of what a request wants, as README.md describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.judge.addresses import BITS, Block, block_of

if TYPE_CHECKING:
    from simulator.kubernetes.objects import Obj


def wanted_by(request_spec: Obj, range_spec: Obj, pool: list[Block], *, shown: str = "") -> Block | int | None:
    """The block that a request shows already, or what its spec asks for, or a block of the range's default length.

    `pool` are the addresses of the range, merged and not empty. The result is that of `wanted_block`.
    """
    length = request_spec.get("size") or range_spec.get("chunkSize") or BITS[pool[0].version]
    return wanted_block(shown or request_spec.get("request") or f"/{length}", pool)


def counts_by_index(request_spec: Obj, cidr: str) -> bool:
    """Whether a request names a block by an index, and this block has the length that it names.

    The numbering changes when a range grows, so a record of that length stands for the block of the index.
    """
    index, _, size = str(request_spec.get("request", "")).rpartition("/")
    bits = BITS[6 if ":" in cidr else 4]
    return index.isdecimal() and cidr.endswith(f"/{bits - _host_bits(size, bits)}")


def wanted_block(text: str, pool: list[Block]) -> Block | int | None:
    """The meaning of a text in a merged pool: a certain block, a prefix length, or None if it can never be granted."""
    bits = BITS[pool[0].version]
    if "." in text or ":" in text:
        return block_of(text)
    index, _, size = text.rpartition("/")
    host_bits = _host_bits(size, bits)
    if not 0 <= host_bits <= bits:
        return None
    return _block_at(int(index), 1 << host_bits, pool) if index else bits - host_bits


def _host_bits(size: str, bits: int) -> int:
    """The host bits of a block of `#n` addresses, of `%n` host bits, or of prefix length n."""
    if size[0] == "#":
        return max(int(size[1:]) - 1, 0).bit_length()
    return int(size[1:]) if size[0] == "%" else bits - int(size)


def _block_at(index: int, size: int, pool: list[Block]) -> Block | None:
    """The block with this index among the aligned blocks of this size."""
    for block in pool:
        first = block.first + -block.first % size
        while first + size - 1 <= block.last:
            if index == 0:
                return Block(block.version, first, first + size - 1)
            index, first = index - 1, first + size
    return None
