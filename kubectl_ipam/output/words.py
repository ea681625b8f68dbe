"""Numbers and times as people read them."""

from datetime import datetime, timedelta

from ipam.address import Family
from ipam.interval import Interval, aligned_blocks

_DIGITS_MAX = 9


def count(number: int, noun: str) -> str:
    """A number and its noun: "1 request", "2 addresses"."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{rough(number)} {noun}{ending}"


def rough(number: int) -> str:
    """A number; of one with more than nine digits, the magnitude."""
    digits = str(number)
    return digits if len(digits) <= _DIGITS_MAX else f"10^{len(digits) - 1}+"


def percent(part: int, total: int) -> str:
    """A share in whole percent; of a share that is neither nothing nor all, never 0% or 100%."""
    if not total:
        return "-"
    rounded = 100 * part // total
    if part and not rounded:
        return "<1%"
    return f"{rounded}%"


def age(moment: datetime, now: datetime) -> str:
    """How long ago something was, as kubectl's AGE."""
    seconds = max(int((now - moment) / timedelta(seconds=1)), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def span(first: int, last: int, family: Family) -> str:
    """Addresses as the shortest text: a CIDR, an address or an interval."""
    blocks = list(aligned_blocks(Interval(first, last), family.bits))
    interval = Interval(first, last)
    text = interval.text(family)
    if len(blocks) == 1 and first != last:
        return f"{text.partition('-')[0]}/{blocks[0][1]}"
    return text
