"""The spec of a range, read once: valid, or with the reason why not."""

import json

import pytest
from msgspec import Raw

from hooks.api import names
from hooks.api.kinds import RangeStatus
from hooks.api.names import NamespacedName
from hooks.ranges.spec import read_terms
from tests.hooks.build import (
    CIDR,
    WEB,
    Obj,
    answer_item,
    entry,
    extent_object,
    range_object,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answers_of, condition, ledger_of, messages_of, sync_range


@pytest.mark.parametrize("kind", ["text", "type", "chunk size"])
def test_an_invalid_range_reports_its_fault_refuses_requests_and_keeps_its_entries(kind: str) -> None:
    parent = with_ledger(range_object(), entry("held", "10.0.0.0/28"))
    fault = {
        "text": ({"ranges": ["web"]}, 'ranges[0]: "web" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        "type": ({"ranges": "10.0.0.0/24"}, "Expected `array`, got `str` - at `spec.ranges`"),
        "chunk size": (
            {"ranges": ["10.0.0.0/24"], "chunkSize": 33},
            "chunkSize 33: IPv4 prefix lengths are 0..32",
        ),
    }
    parent["spec"], message = fault[kind]
    existing = answer_item("held", cidr="10.0.0.0/28", revision=1)
    answer = sync_range(parent, request_object("held"), WEB, answers=[existing])
    status = answer["status"]
    assert (status["state"], status["message"]) == ("Invalid", message)
    assert ledger_of(answer) == {"held": "10.0.0.0/28"}
    assert status["revision"] == 1
    assert answers_of(answer) == {"held": ("Ready", "10.0.0.0/28"), "web": ("Invalid", "")}
    assert messages_of(answer)["web"] == f"range team-a/net is invalid: {message}"
    for type_, value in (("Ready", "False"), ("Stalled", "True")):
        shown = condition(status, type_)
        assert (shown["status"], shown["reason"], shown["message"]) == (value, "InvalidSpec", message)


@pytest.mark.parametrize("seconds", [-1, 31_536_001, 10**15])
def test_a_cooldown_that_the_crd_does_not_allow_makes_the_range_invalid(seconds: int) -> None:
    status = sync_range(range_object(cooldown=seconds))["status"]
    assert (status["state"], "spec.cooldownSeconds" in status["message"]) == ("Invalid", True)


@pytest.mark.parametrize(
    ("domain", "name"), [(None, "default"), ("", "default"), ("default", "default"), ("corp", "corp")]
)
def test_all_ranges_that_name_no_domain_are_in_one(domain: str | None, name: str) -> None:
    """In whatever namespaces: an address of a cluster is allocated once."""
    for key in (NamespacedName("team-a", "net"), NamespacedName("team-b", "net")):
        spec = range_object(domain=domain)["spec"]
        terms = read_terms(key, Raw(json.dumps(spec).encode()), RangeStatus())
        assert (terms.domain, terms.domain.words) == ((name,), f"domain {name}")


# --- texts that cannot be used ----------------------------------------------------------------------------------------

SLIP = 'ranges[1]: "fd00:1::9-fd00:1::1" ends before it begins: write fd00:1::1-fd00:1::9'


def test_a_range_with_a_slip_serves_the_good_part_and_names_the_slip() -> None:
    """Case ipv6-slip: an item that is appended must not make the good part of a live range useless."""
    grown = with_ledger(range_object("fd00::/126", "fd00:1::9-fd00:1::1", chunk_size=128), entry("early", "fd00::/128"))
    answer = sync_range(grown, request_object("early"), request_object("late"))
    assert ledger_of(answer) == {"early": "fd00::/128", "late": "fd00::1/128"}
    assert (answer["status"]["state"], answer["status"]["message"]) == ("Ready", f"ignored: {SLIP}")
    shown = condition(answer["status"], "RangesIgnored")
    assert (shown["status"], shown["reason"], shown["message"]) == ("True", "InvalidText", f"ignored: {SLIP}")
    assert condition(answer["status"])["status"] == "True"


def test_a_range_names_five_of_its_slips() -> None:
    texts = [f"web{number}" for number in range(7)]
    shown = condition(sync_range(range_object("10.0.0.0/24", *texts))["status"], "RangesIgnored")
    assert [f"web{number}" in shown["message"] for number in range(7)] == [True] * 5 + [False] * 2
    assert shown["message"].endswith(" and 2 more")


def test_the_family_of_a_range_is_that_of_its_ledger() -> None:
    """An IPv6 text before the IPv4 ones makes no IPv4 ledger unreadable."""
    parent = with_ledger(range_object("fd00::/64", "10.0.0.0/24"), entry("held", CIDR))
    own = [extent_object("10.0.0.0/24")]
    answer = sync_range(parent, request_object("held"), WEB, announced=own, extents=own)
    assert ledger_of(answer) == {"held": CIDR, "web": "10.0.0.16/28"}
    message = condition(answer["status"], "RangesIgnored")["message"]
    assert message == 'ignored: ranges[0]: "fd00::/64" is IPv6, but the range is IPv4'


def test_a_slip_in_excludes_makes_the_range_invalid() -> None:
    """To ignore it could allocate what it protects."""
    status = sync_range(range_object("10.0.0.0/24", "web", excludes=["10.0.0.9-10.0.0.1"]), WEB)["status"]
    message = 'excludes[0]: "10.0.0.9-10.0.0.1" ends before it begins: write 10.0.0.1-10.0.0.9'
    assert (status["state"], status["message"]) == ("Invalid", message)
    assert not condition(status, "RangesIgnored")


# --- what is probably a mistake ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("excludes", "named"),
    [
        (["10.0.1.0/24"], "10.0.1.0/24"),
        (["10.0.0.1", "10.0.1.0/24", "10.9.9.9"], "10.0.1.0/24, 10.9.9.9"),
        ([f"10.0.1.{number}" for number in range(7)], "10.0.1.0, 10.0.1.1, 10.0.1.2, 10.0.1.3, 10.0.1.4 and 2 more"),
    ],
    ids=["one", "some", "many"],
)
def test_the_message_names_excludes_without_an_address_of_the_range(excludes: list[str], named: str) -> None:
    """Case idle-exclude."""
    status = sync_range(range_object(excludes=excludes))["status"]
    assert status["state"] == "Ready"
    assert status["message"] == f"excludes has {named}, where the range has no address: check for a typing error"
    assert {each["type"] for each in status["conditions"]} <= {"Ready", "Drained"}


def test_a_chunk_size_that_no_block_of_the_range_has_is_a_condition() -> None:
    """Case block-larger-than-pool: each request without a size would be invalid."""
    answer = sync_range(
        range_object("10.0.0.0/25", "10.0.1.0/26", chunk_size=24), WEB, request_object("small", size=26)
    )
    message = "chunkSize 24 never fits: the largest block is /25, so requests need a size"
    shown = condition(answer["status"], "ChunkSizeTooLarge")
    assert (shown["status"], shown["reason"], shown["message"]) == ("True", "NoSuchBlock", message)
    assert (answer["status"]["state"], answer["status"]["message"]) == ("Ready", message)
    assert ledger_of(answer) == {"small": "10.0.1.0/26"}
    assert answers_of(answer) == {"web": ("Invalid", "")}


@pytest.mark.parametrize(
    "parent",
    [
        range_object("10.0.0.0/25", chunk_size=25),
        range_object("10.0.0.0/24", chunk_size=None),
        range_object(chunk_size=99),
    ],
    ids=["just fits", "single addresses", "an invalid range"],
)
def test_a_chunk_size_that_fits_is_no_condition(parent: Obj) -> None:
    assert not condition(sync_range(parent)["status"], "ChunkSizeTooLarge")


def test_growth_ends_the_condition_of_the_chunk_size() -> None:
    small = sync_range(range_object("10.0.0.0/25", chunk_size=24))
    grown = range_object("10.0.0.0/25", "10.0.1.0/24", chunk_size=24) | {"status": small["status"]}
    assert not condition(sync_range(grown)["status"], "ChunkSizeTooLarge")


def test_a_long_domain_is_cut_in_its_label() -> None:
    assert names.domain_label("d" * 63) == "d" * 63
    cut = names.domain_label("d" * 64)
    assert (len(cut), cut[:53]) == (63, "d" * 52 + "-")
