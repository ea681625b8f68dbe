"""The judge's own reading of what a request wants, as README.md says it."""

from __future__ import annotations

from simulator.judge.addresses import BITS, Block, block_of


def wanted_block(text: str, pool: list[Block]) -> Block | int | None:
    """What a text wants of a merged pool: a certain block, a prefix length, or nothing that there can be."""
    bits = BITS[pool[0].version]
    if "." in text or ":" in text:
        return block_of(text)
    index, slash, size = text.rpartition("/")
    if text[0] == "#":
        host_bits = next(bits_ for bits_ in range(bits + 1) if 1 << bits_ >= int(text[1:]))
    elif size[0] == "%":
        host_bits = int(size[1:])
    else:
        host_bits = bits - int(size)
    if not 0 <= host_bits <= bits:
        return None
    return _block_at(int(index), 1 << host_bits, pool) if slash and index else bits - host_bits


def _block_at(index: int, size: int, pool: list[Block]) -> Block | None:
    """The block with this index among the aligned ones of this size."""
    for block in pool:
        first = block.first + -block.first % size
        while first + size - 1 <= block.last:
            if index == 0:
                return Block(block.version, first, first + size - 1)
            index, first = index - 1, first + size
    return None
