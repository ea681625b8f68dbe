"""The forms in which users say which block they want.

    10.0.0.16/28, 2001:db8::/64     exactly this block
    10.0.0.5                        exactly this address
    #10                             room for ten addresses: the smallest block that has them
    /28                             a block of this prefix length
    %4                              a block of 2^4 addresses: /28 in IPv4, /124 in IPv6
    3/28, 3/%4                      of the blocks of that length which the pool contains the one with index 3, counted
                                    from 0 in the order of addresses, allocated or not: exactly this block

Numbers are decimal, without sign and leading zeros.
"""

import re

from ipam.address import Family, InvalidAddress, parse_prefix
from ipam.allocate import Claim
from ipam.pool import Pool

FORMS = "a CIDR (10.0.0.16/28), an address (10.0.0.5), #10 (addresses), /28, %4 (host bits), 3/28 or 3/%4 (index 3)"

#: Indexes and counts are bounded by 39 digits, as many as 2^128 has: Python reads no numbers of thousands of digits.
_LARGE, _SMALL = "0|[1-9][0-9]{0,38}", "0|[1-9][0-9]{0,2}"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        "#(?P<count>[1-9][0-9]{0,38})",
        f"(?P<index>{_LARGE})?/(?P<length>{_SMALL})",
        f"((?P<index>{_LARGE})/)?%(?P<host_bits>{_SMALL})",
    )
)


class InvalidClaim(ValueError):
    """The text is none of the forms, or names what the pool can't have; the message quotes it."""


class IndexBeyondPool(InvalidClaim):
    """The pool has no block with this index.

    Attributes:
        length: the prefix length of the block that was asked for.
    """

    def __init__(self, message: str, length: int) -> None:
        super().__init__(message)
        self.length = length


def parse_claim(holder: str, text: str, pool: Pool) -> Claim:
    """Read what a holder wants of a pool.

    Raises:
        IndexBeyondPool: if the pool has no block with this index.
        InvalidClaim: if the text is none of the forms, or no block of the family.
    """
    if names_addresses(text):
        try:
            block = parse_prefix(text)
        except InvalidAddress as error:
            raise InvalidClaim(str(error)) from error
        return Claim(holder, block.length, block)
    numbers = _numbers_in(text)
    length = _prefix_length(text, numbers, pool.family)
    if "index" not in numbers:
        return Claim(holder, length)
    found = pool.block_at(numbers["index"], length)
    if found is None:
        count = pool.block_count(length)
        blocks = "1 block" if count == 1 else f"{count} blocks"
        message = f'"{text}" is beyond {pool.name}, which has {blocks} of /{length}, counted from 0'
        raise IndexBeyondPool(message, length)
    return Claim(holder, length, found)


def names_addresses(text: str) -> bool:
    """Whether a text is a CIDR or an address, and none of the forms with numbers only."""
    return "." in text or ":" in text


def _numbers_in(text: str) -> dict[str, int]:
    """The numbers of a form by name: count, length or host_bits, and index."""
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            return {name: int(number) for name, number in match.groupdict().items() if number}
    raise InvalidClaim(f'"{text}" is none of the forms: {FORMS}')


def _prefix_length(text: str, numbers: dict[str, int], family: Family) -> int:
    """The prefix length that the numbers mean."""
    if "count" in numbers:
        length = family.bits - (numbers["count"] - 1).bit_length()
    elif "host_bits" in numbers:
        length = family.bits - numbers["host_bits"]
    else:
        length = numbers["length"]
    if not 0 <= length <= family.bits:
        raise InvalidClaim(f'"{text}" is no block of {family.name}, whose prefix lengths are 0..{family.bits}')
    return length
