"""Names that several parties compute: valid, short enough, and unique."""

import re
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.api.names import REQUEST_FINALIZER, NamespacedName, allocation_name, extent_name, range_label

LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
SUBDOMAIN = re.compile(rf"{DNS_LABEL}(\.{DNS_LABEL})*")

NAMESPACES = st.from_regex(DNS_LABEL, fullmatch=True)
NAMES = st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, max_size=10).map(
    ".".join
)


def test_a_short_range_is_labelled_by_its_name() -> None:
    assert range_label(NamespacedName("team-a", "net")) == "team-a.net"
    assert range_label(NamespacedName("n" * 31, "r" * 31)) == "n" * 31 + "." + "r" * 31


def test_a_long_range_is_labelled_by_a_hash() -> None:
    label = range_label(NamespacedName("n" * 32, "r" * 31))
    assert len(label) == 63
    assert label.startswith("n" * 32 + "." + "r" * 19 + "-")
    assert re.fullmatch(r"[0-9a-f]{10}", label.rpartition("-")[2])


@given(NAMESPACES, NAMES)
def test_a_range_label_is_a_valid_label_value(namespace: str, name: str) -> None:
    assert LABEL_VALUE.fullmatch(range_label(NamespacedName(namespace, name)))


@given(NAMESPACES, NAMES, NAMESPACES, NAMES)
def test_two_ranges_have_different_labels(namespace: str, name: str, other_namespace: str, other: str) -> None:
    same = (namespace, name) == (other_namespace, other)
    assert (range_label(NamespacedName(namespace, name)) == range_label(NamespacedName(other_namespace, other))) == same


@pytest.mark.parametrize("cut_at", ["-", ".", "--.-", "x"])
def test_a_name_that_is_cut_ends_in_a_letter_or_digit_before_its_hash(cut_at: str) -> None:
    name = "a" * (52 - len(cut_at)) + cut_at + "b" * 100
    made = allocation_name(NamespacedName("ns", "net"), NamespacedName("ns", name), "uid")
    kept = made[: -len("-0123456789")]
    assert kept == "a" * (52 - len(cut_at)) + ("x" if cut_at == "x" else "")
    assert re.fullmatch(r"-[0-9a-f]{10}", made[len(kept) :])
    label = range_label(NamespacedName("n", "a" * (50 - len(cut_at)) + cut_at + "b" * 100))
    assert re.fullmatch(r"n\.a+x?-[0-9a-f]{10}", label)


@given(NAMESPACES, NAMES)
def test_an_allocation_has_a_valid_name_of_at_most_63_characters(namespace: str, name: str) -> None:
    made = allocation_name(
        NamespacedName(namespace, "net"), NamespacedName("team-a", name), "5bf2a5bd-3e17-4651-b1d8-7bc623c6754d"
    )
    assert SUBDOMAIN.fullmatch(made)
    assert len(made) <= 63
    assert made.startswith(name[:1])


def test_each_part_of_the_key_of_an_allocation_changes_its_name() -> None:
    keys = [
        ("ns", "net", "ns", "web", "uid"),
        ("ns2", "net", "ns", "web", "uid"),
        ("ns", "net2", "ns", "web", "uid"),
        ("ns", "net", "ns2", "web", "uid"),
        ("ns", "net", "ns", "web2", "uid"),
        ("ns", "net", "ns", "web", "uid2"),
    ]
    assert (
        max(
            Counter(
                allocation_name(NamespacedName(*key[:2]), NamespacedName(*key[2:4]), key[4]) for key in keys
            ).values()
        )
        == 1
    )


def test_keys_whose_parts_end_elsewhere_make_different_names() -> None:
    """Joined without separators, (a, bc) and (ab, c) would have one name."""
    assert allocation_name(NamespacedName("a", "bc"), NamespacedName("x", "web"), "u") != allocation_name(
        NamespacedName("ab", "c"), NamespacedName("x", "web"), "u"
    )
    assert allocation_name(NamespacedName("a", "b"), NamespacedName("x", "web"), "1u") != allocation_name(
        NamespacedName("a", "b"), NamespacedName("x", "web1"), "u"
    )


def test_long_names_that_begin_alike_stay_different() -> None:
    names = [
        allocation_name(NamespacedName("ns", "net"), NamespacedName("ns", "w" * 200 + str(number)), "uid")
        for number in range(100)
    ]
    assert len(set(names)) == 100


def test_names_never_change() -> None:
    """They are stored in clusters: another hash would orphan all existing allocations."""
    digest = sha256(b"team-a/net/team-a/web/uid-web").hexdigest()[:10]
    assert (
        allocation_name(NamespacedName("team-a", "net"), NamespacedName("team-a", "web"), "uid-web") == f"web-{digest}"
    )
    assert REQUEST_FINALIZER == "metacontroller.io/decoratorcontroller-ipamrequest"


def test_the_name_of_an_extent_depends_on_its_range_and_its_addresses() -> None:
    pools = (["10.0.0.0-10.0.0.255"], ["10.0.0.0"])
    names = {extent_name("net", uid, texts) for uid in ("u1", "u2") for texts in pools}
    assert len(names) == 4
    assert len(extent_name("n" * 253, "u1", ["10.0.0.0"])) == 63
