"""Small pools for the model tests, each defined twice: for `ipam` and, independently of it, for the model."""

from dataclasses import dataclass

from ipam.address import IPV4, IPV6, Family, Prefix
from ipam.allocate import Refused
from ipam.pool import Pool, parse_pool
from tests.ipam.model import Denied, Granted, Model, Outcome, addresses, blocks


@dataclass(frozen=True)
class TestPool:
    """One pool: `ranges` and `excludes` as users write them, `intervals` for the model; `lengths` worth asking for."""

    __test__ = False

    name: str
    family: Family
    ranges: tuple[str, ...]
    intervals: tuple[str, ...]
    lengths: tuple[int, ...]
    excludes: tuple[str, ...] = ()

    def real(self) -> Pool:
        return parse_pool(self.name, self.ranges, self.excludes)

    def model(self) -> Model:
        return Model(self.family.bits, addresses(*self.intervals), blocks(*self.excludes))


V4 = (27, 28, 29, 30, 31, 32)
V6 = (123, 124, 125, 126, 127, 128)

POOLS = [
    TestPool("one address", IPV4, ("10.0.0.7",), ("10.0.0.7",), (31, 32)),
    TestPool("an aligned block", IPV4, ("10.0.0.0/27",), ("10.0.0.0-10.0.0.31",), V4),
    TestPool("a crooked interval", IPV4, ("10.0.0.5-10.0.0.20",), ("10.0.0.5-10.0.0.20",), V4),
    TestPool(
        "the issue's example",
        IPV4,
        ("10.0.0.5-10.0.0.20", "10.0.1.0/28", "10.0.2.7"),
        ("10.0.0.5-10.0.0.20", "10.0.1.0-10.0.1.15", "10.0.2.7"),
        V4,
    ),
    TestPool(
        "overlapping, touching and unsorted texts",
        IPV4,
        ("10.0.0.24/29", "10.0.0.0-10.0.0.9", "10.0.0.8-10.0.0.14", "10.0.0.15", "10.0.0.8/31"),
        ("10.0.0.0-10.0.0.15", "10.0.0.24-10.0.0.31"),
        V4,
    ),
    TestPool("the start of IPv4", IPV4, ("0.0.0.0-0.0.0.18",), ("0.0.0.0-0.0.0.18",), V4),
    TestPool("the end of IPv4", IPV4, ("255.255.255.237-255.255.255.255",), ("255.255.255.237-255.255.255.255",), V4),
    TestPool(
        "both ends of IPv4",
        IPV4,
        ("255.255.255.248/29", "0.0.0.0/29"),
        ("0.0.0.0-0.0.0.7", "255.255.255.248-255.255.255.255"),
        V4,
    ),
    TestPool(
        "a block with holes",
        IPV4,
        ("10.0.0.0/27", "10.0.0.40/29"),
        ("10.0.0.1-10.0.0.6", "10.0.0.9-10.0.0.15", "10.0.0.20-10.0.0.23", "10.0.0.28-10.0.0.30"),
        V4,
        ("10.0.0.0", "10.0.0.16-10.0.0.19", "10.0.0.31-10.0.0.200", "10.0.0.7-10.0.0.8", "10.0.0.24/30", "10.0.0.25"),
    ),
    TestPool("an IPv6 block", IPV6, ("2001:db8::/123",), ("2001:db8::-2001:db8::1f",), V6),
    TestPool(
        "IPv6 fragments",
        IPV6,
        ("2001:db8::3-2001:db8::d", "2001:db8::ff-2001:db8::102", "2001:db8:1::/125"),
        ("2001:db8::3-2001:db8::d", "2001:db8::ff-2001:db8::102", "2001:db8:1::-2001:db8:1::7"),
        V6,
    ),
    TestPool(
        "IPv6 without its first address",
        IPV6,
        ("2001:db8::/124", "2001:db8::20/124"),
        ("2001:db8::1-2001:db8::f", "2001:db8::20-2001:db8::2e"),
        V6,
        ("2001:db8::/128", "2001:db8::2f-2001:db8::ffff", "2001:db8:1::/64"),
    ),
    TestPool("the start of IPv6", IPV6, ("::-::12",), ("::-::12",), V6),
    TestPool(
        "the end of IPv6",
        IPV6,
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffe9-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffe9-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",),
        V6,
    ),
]


def as_outcome(outcome: Prefix | Refused) -> Outcome:
    """A decision of `ipam` in the terms of the model."""
    if isinstance(outcome, Refused):
        return Denied(str(outcome.verdict), outcome.reason)
    return Granted(outcome.first, outcome.length)
