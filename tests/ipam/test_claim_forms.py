"""Every form of a claim: what it means, what is refused and with which message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipam.address import IPV4, InvalidAddress, parse_prefix
from ipam.allocate import Claim, Held, Refused, allocate
from ipam.claim_forms import FORMS, InvalidClaim, names_addresses, parse_claim
from ipam.pool import parse_pool
from tests.ipam.pools import POOLS, TestPool

V4 = parse_pool("team-a/net", ["10.0.0.0/24", "10.0.2.8-10.0.2.40"], ["10.0.0.0/28", "10.0.0.40"])
V6 = parse_pool("team-a/six", ["2001:db8::/48"], ["2001:db8::/64"])


@pytest.mark.parametrize(
    ("text", "v4", "v6"),
    [
        ("#1", 32, 128),
        ("#2", 31, 127),
        ("#3", 30, 126),
        ("#4", 30, 126),
        ("#5", 29, 125),
        ("#10", 28, 124),
        ("#16", 28, 124),
        ("#17", 27, 123),
        ("#4294967296", 0, 96),
        ("/28", 28, 28),
        ("/0", 0, 0),
        ("/32", 32, 32),
        ("%0", 32, 128),
        ("%4", 28, 124),
        ("%32", 0, 96),
    ],
)
def test_a_form_without_index_is_a_prefix_length(text: str, v4: int, v6: int) -> None:
    assert parse_claim("r", text, V4) == Claim("r", v4)
    assert parse_claim("r", text, V6) == Claim("r", v6)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("10.0.0.16/28", "10.0.0.16/28"),
        ("10.0.0.5", "10.0.0.5/32"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("0/28", "10.0.0.16/28"),
        ("1/28", "10.0.0.48/28"),
        ("13/28", "10.0.0.240/28"),
        ("14/28", "10.0.2.16/28"),
        ("0/%4", "10.0.0.16/28"),
        ("0/29", "10.0.0.16/29"),
        ("29/29", "10.0.2.8/29"),
        ("0/25", "10.0.0.128/25"),
        ("0/32", "10.0.0.16/32"),
        ("24/32", "10.0.0.41/32"),
        ("239/%0", "10.0.2.8/32"),
    ],
)
def test_an_address_and_an_index_are_exactly_one_block(text: str, block: str) -> None:
    claim = parse_claim("r", text, V4)
    assert str(claim.exact) == block
    assert claim.exact
    assert claim.prefix_length == claim.exact.length


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("0/64", "2001:db8:0:1::/64"),
        ("65534/64", "2001:db8:0:ffff::/64"),
        ("0/128", "2001:db8:0:1::/128"),
        (f"{2**80 - 2**64 - 1}/128", "2001:db8:0:ffff:ffff:ffff:ffff:ffff/128"),
        (f"{2**79}/%0", "2001:db8:0:8001::/128"),
    ],
)
def test_an_index_into_2_to_the_80_addresses_is_found_at_once(text: str, block: str) -> None:
    assert str(parse_claim("r", text, V6).exact) == block


@pytest.mark.parametrize(
    ("text", "beyond"),
    [
        ("15/28", "15 blocks of /28"),
        ("1/25", "1 block of /25"),
        ("0/24", "0 blocks of /24"),
        ("0/%32", "0 blocks of /0"),
        ("272/32", "272 blocks of /32"),
        ("9" * 39 + "/32", "272 blocks of /32"),
    ],
)
def test_the_refusal_of_an_index_beyond_the_pool_names_the_number_of_blocks(text: str, beyond: str) -> None:
    with pytest.raises(InvalidClaim) as refused:
        parse_claim("r", text, V4)
    assert str(refused.value) == f'"{text}" is beyond team-a/net, which has {beyond}, counted from 0'


MALFORMED = [
    "any", "", "#", "#0", "#-1", "#010", "# 10", "#10 ", "#\u0661", "#10/28", "/", "/028", "/-1", "/1000",
    "//28", "%", "%04", "%%4", "/%4", "%4/3", "3", "3/", "03/28", "-3/28", "3/#4", "3/ 28", "3/28/28", "3/%",
    "#" + "9" * 40, "9" * 40 + "/28", "#" + "9" * 5000, "3/28\n", "10-20",
]  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: repr(text)[:12])
def test_text_that_is_none_of_the_forms_is_refused_with_a_list_of_them(text: str) -> None:
    with pytest.raises(InvalidClaim) as refused:
        parse_claim("r", text, V4)
    assert str(refused.value) == f'"{text}" is none of the forms: {FORMS}'


@pytest.mark.parametrize("text", ["/33", "%33", "#4294967297", "3/33", "3/%33", "/128", "%999"])
def test_a_length_beyond_the_bits_of_the_family_is_refused(text: str) -> None:
    with pytest.raises(InvalidClaim) as refused:
        parse_claim("r", text, V4)
    assert str(refused.value) == f'"{text}" is no block of IPv4, whose prefix lengths are 0..32'


@pytest.mark.parametrize("text", ["/129", "%129", f"#{2**128 + 1}", "0/999"])
def test_ipv6_has_more_bits(text: str) -> None:
    with pytest.raises(InvalidClaim) as refused:
        parse_claim("r", text, V6)
    assert str(refused.value) == f'"{text}" is no block of IPv6, whose prefix lengths are 0..128'


@pytest.mark.parametrize("text", ["10.0.0.5/28", "10.0.0", "10.0.0.0/33", "2001:DB8::", "#1.5", "3/10.0.0.0"])
def test_invalid_addresses_are_refused_with_the_message_of_their_parser(text: str) -> None:
    with pytest.raises(InvalidAddress) as address:
        parse_prefix(text)
    with pytest.raises(InvalidClaim) as refused:
        parse_claim("r", text, V4)
    assert str(refused.value) == str(address.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [("10.0.0.0/28", True), ("10.0.0.5", True), ("::/64", True), ("3/28", False), ("/28", False), ("#5", False)],
)
def test_a_cidr_and_an_address_name_addresses_and_the_other_forms_do_not(text: str, *, names: bool) -> None:
    assert names_addresses(text) is names


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_indexes_count_the_blocks_of_the_model(pool: TestPool) -> None:
    """Each index, one by one, against all aligned blocks inside the pool; and one more is beyond it."""
    real, model = pool.real(), pool.model()
    for length in pool.lengths:
        blocks = model.blocks.get(length, [])
        found = [parse_claim("r", f"{index}/{length}", real).exact for index in range(len(blocks))]
        assert [each and each.first for each in found] == [block.start for block in blocks]
        assert real.block_count(length) == len(blocks)
        with pytest.raises(InvalidClaim):
            parse_claim("r", f"{len(blocks)}/%{pool.family.bits - length}", real)


@given(st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_an_index_into_all_of_ipv6_is_a_block_of_that_length_or_beyond(index: int, length: int) -> None:
    pool = parse_pool("net", ["::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"])
    block = pool.block_at(index, length)
    assert (block is None) == (index >= pool.block_count(length))
    if block:
        assert pool.usable.covers(block)
        assert block.first == -(-(1 << 48) // block.address_count) * block.address_count + index * block.address_count


def test_an_index_counts_all_blocks_of_the_pool_whatever_is_held() -> None:
    held = [Held(parse_prefix("10.0.0.16/28"), "team-b/web")]
    (outcome,) = allocate(V4, held, [parse_claim("r", "0/28", V4)]).outcomes
    assert isinstance(outcome, Refused)
    assert outcome.message == "10.0.0.16/28 is not free: it was held by team-b/web when last checked"
    assert allocate(V4, held, [parse_claim("r", "1/28", V4)], {}).outcomes == [parse_prefix("10.0.0.48/28")]
    assert V4.family is IPV4
