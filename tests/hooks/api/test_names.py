"""Names that several parties compute: valid, short enough, and unique."""

import re
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.api.names import (
    RANGE_FINALIZER,
    REQUEST_FINALIZER,
    SLOTS,
    NamespacedName,
    extent_name,
    range_label,
    slice_name,
)

LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
SUBDOMAIN = re.compile(rf"{DNS_LABEL}(\.{DNS_LABEL})*")

NAMESPACES = st.from_regex(DNS_LABEL, fullmatch=True)
NAMES = st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, max_size=10).map(
    ".".join
)
CREATED = datetime(2026, 11, 23, 19, 59, 0, tzinfo=UTC)
SLOT_0, SLOT_1 = (next(uid for uid in map(str, range(99)) if crc32(uid.encode()) % SLOTS == slot) for slot in (0, 1))


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
    made = slice_name(NamespacedName("ns", name), CREATED, "uid")
    kept = made[: -len("-0123456789")]
    assert kept == "a" * (52 - len(cut_at)) + ("x" if cut_at == "x" else "")
    assert re.fullmatch(r"-[0-9a-f]{10}", made[len(kept) :])
    label = range_label(NamespacedName("n", "a" * (50 - len(cut_at)) + cut_at + "b" * 100))
    assert re.fullmatch(r"n\.a+x?-[0-9a-f]{10}", label)


@given(NAMESPACES, NAMES)
def test_a_slice_has_a_valid_name_of_at_most_63_characters(namespace: str, name: str) -> None:
    made = slice_name(NamespacedName(namespace, name), CREATED, "5bf2a5bd-3e17-4651-b1d8-7bc623c6754d")
    assert SUBDOMAIN.fullmatch(made)
    assert len(made) <= 63
    assert made.startswith(name[:1])


def test_requests_of_one_range_and_second_have_one_slice_for_each_slot() -> None:
    uids = [f"uid-{number}" for number in range(100)]
    names = [slice_name(NamespacedName("ns", "net"), CREATED, uid) for uid in uids]
    assert len(set(names)) == SLOTS == 2
    fractions = [slice_name(NamespacedName("ns", "net"), CREATED.replace(microsecond=1), uid) for uid in uids]
    assert fractions == names


def test_each_part_of_what_a_slice_is_for_changes_its_name() -> None:
    keys = [
        (NamespacedName("ns", "net"), CREATED, SLOT_0),
        (NamespacedName("ns2", "net"), CREATED, SLOT_0),
        (NamespacedName("ns", "net2"), CREATED, SLOT_0),
        (NamespacedName("ns", "net"), CREATED + timedelta(seconds=1), SLOT_0),
        (NamespacedName("ns", "net"), CREATED, SLOT_1),
    ]
    assert len({slice_name(*key) for key in keys}) == len(keys)


def test_the_name_of_a_slice_does_not_depend_on_the_zone_of_the_time() -> None:
    elsewhere = CREATED.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert slice_name(NamespacedName("ns", "net"), elsewhere, "u") == slice_name(
        NamespacedName("ns", "net"), CREATED, "u"
    )


def test_keys_whose_parts_end_elsewhere_make_different_names() -> None:
    """Joined without separators, (a, bc) and (ab, c) would have one name."""
    names = {slice_name(NamespacedName(*key), CREATED, "u")[-10:] for key in (("a", "bc"), ("ab", "c"))}
    assert len(names) == 2


def test_long_names_that_begin_alike_stay_different() -> None:
    names = [slice_name(NamespacedName("ns", "w" * 200 + str(number)), CREATED, "uid") for number in range(100)]
    assert len(set(names)) == 100


def test_names_never_change() -> None:
    """They are stored in clusters: another hash would orphan all existing answers."""
    slot = crc32(b"uid-web") % 4
    digest = sha256(f"team-a/net/2026-11-23T19:59:00Z/{slot}".encode()).hexdigest()[:10]
    assert slice_name(NamespacedName("team-a", "net"), CREATED, "uid-web") == f"net-{digest}"
    assert REQUEST_FINALIZER == "metacontroller.io/decoratorcontroller-ipamrequest"
    assert RANGE_FINALIZER == "metacontroller.io/compositecontroller-ipamrange"


def test_the_name_of_an_extent_depends_on_its_range_and_its_addresses() -> None:
    pools = (["10.0.0.0-10.0.0.255"], ["10.0.0.0"])
    names = {extent_name("net", uid, texts) for uid in ("u1", "u2") for texts in pools}
    assert len(names) == 4
    assert len(extent_name("n" * 253, "u1", ["10.0.0.0"])) == 63
