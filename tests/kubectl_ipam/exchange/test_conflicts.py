"""Conflicts: whatever would not be restored as it was is reported, with the line and what to do about it."""

import json
from typing import Any

import pytest
from msgspec import Raw
from msgspec.json import encode

from hooks.api.kinds import Entry, RangeStatus
from hooks.api.names import NamespacedName
from hooks.ranges.ledger import LedgerEntry
from hooks.ranges.occupancy import Occupancy
from hooks.ranges.spec import read_terms
from ipam.address import read_prefix
from kubectl_ipam.exchange.conflicts import check
from kubectl_ipam.exchange.present import Present, PresentRange
from tests.kubectl_ipam.exchange.inputs import blocks_of, book_of, messages_of

HEAD = "name,namespace,addresses,excludes,chunk_size,range,cidr,gateway,domain\n"
NET = "net,a,10.0.0.0/24,10.0.0.128/25,28,,,10.0.0.1,\n"


def found(*rows: str) -> list[str]:
    """What is reported about a table with the range a/net and these rows."""
    return messages_of(check(book_of(HEAD + NET + "".join(f"{row}\n" for row in rows))))


def row(name: str, cidr: str, range_: str = "a/net", namespace: str = "a") -> str:
    return f"{name},{namespace},,,,{range_},{cidr},,"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [row("x", "10.0.0.16/28"), row("y", "10.0.0.16/28")],
            "error: a:4: request a/y: 10.0.0.16/28 is the block of a/x (a:3): remove one of them",
        ),
        (
            [row("x", "10.0.0.16/28"), row("y", "10.0.0.20/32")],
            "error: a:4: request a/y: 10.0.0.20/32 lies in 10.0.0.16/28, the block of a/x (a:3): remove one of them",
        ),
        (
            [row("x", "10.0.0.16/28"), row("x", "10.0.0.32/28")],
            "error: a:4: request a/x is listed twice, first in a:3",
        ),
        (
            [row("x", "10.0.1.0/28")],
            "error: a:3: request a/x: 10.0.1.0/28 is outside range a/net, which has 10.0.0.0-10.0.0.255",
        ),
        (
            [row("x", "10.0.0.0/16")],
            "error: a:3: request a/x: a part of 10.0.0.0/16 is outside range a/net, which has 10.0.0.0-10.0.0.255",
        ),
        (
            [row("x", "10.0.9.0/28", range_="")],
            "error: a:3: request a/x: 10.0.9.0/28 is outside every range: add one that has it, in CSV a row",
        ),
        (
            [row("x", "10.0.0.17/28")],
            ('error: a:3: request a/x: "10.0.0.17/28" has host bits set: write 10.0.0.16/28, or 10.0.0.17 for the '
            "single address"),
        ),
        (
            [row("x", "10.0.0.16-10.0.0.40")],
            ('error: a:3: request a/x: "10.0.0.16-10.0.0.40" is not a CIDR block: split it into 10.0.0.16/28, '
            "10.0.0.32/29, 10.0.0.40/32, with a name for each"),
        ),
        (
            [row("x", "10.0.0.0/28")],
            "error: a:3: request a/x: 10.0.0.0/28 has the gateway 10.0.0.1 of range a/net, which is never allocated",
        ),
        (
            [row("x", "10.0.0.128/28")],
            ("warning: a:3: request a/x: 10.0.0.128/28 is excluded or reserved in range a/net: it is restored, but not "
            "allocated again"),
        ),
        (
            [row("x", "10.0.0.16/28", range_="a/other")],
            "error: a:3: request a/x: there is no range a/other that can be imported: add it, or mend it",
        ),
        (
            [row("x", "10.0.0.16/28", namespace="Team_A")],
            'error: a:3: request: "Team_A" is no namespace: write team-a',
        ),
        (
            ["other,a,10.0.0.64-10.0.1.10,,,,,,"],
            ("error: a:3: range a/other and range a/net (a:2) both have 10.0.0.64-10.0.0.127: exclude it from one of "
            "them, or give one another domain"),
        ),
        (["net,a,10.9.0.0/24,,,,,,"], "error: a:3: range a/net is listed twice, first in a:2"),
        (
            ["bad,a,10.9.0.1/24,,,,,,"],
            ('error: a:3: range a/bad: ranges[0]: "10.9.0.1/24" has host bits set: write 10.9.0.0/24, or 10.9.0.1 for '
            "the single address"),
        ),
        (["bad,a,10.9.0.0/24,,wide,,,,"], 'error: a:3: "wide" is no prefix length: write a number such as 28'),
        (["nothing,a,,,,,,,"], "error: a:3: has neither addresses (a range) nor a cidr (a request); its columns are"),
    ],
)  # fmt: skip
def test_a_conflict_is_reported_with_its_line_and_the_remedy(rows: list[str], message: str) -> None:
    reported = found(*rows)

    assert len(reported) == 1
    assert reported[0].startswith(message)


@pytest.mark.parametrize(
    ("cidr", "spec", "message"),
    [
        ("10.0.0.0/30", {"size": 28}, "10.0.0.0/30 is its block, but its spec asks for /28: change one of them"),
        ("10.0.0.0/30", {"request": "#9"}, "10.0.0.0/30 is its block, but its spec asks for #9: change one of them"),
        ("10.0.0.0/30", {"request": "99/28"}, "10.0.0.0/30 is its block, but its spec asks for 99/28: change one"),
        ("10.0.0.8/29", {"request": "10.0.0.16/29"}, "10.0.0.8/29 is its block, but its spec asks for 10.0.0.16/29"),
        ("10.0.0.8/29", {"request": "/64"}, 'spec.request: "/64" is no block of IPv4'),
        ("10.0.0.8/29", {"size": 29, "request": "/29"}, "spec.size: Invalid value: size and request exclude each"),
        ("10.0.0.8/29", {"size": "29"}, 'spec.size: Invalid value: "string": spec.size in body must be of type'),
        ("", {"bogus": 1}, "spec.bogus is no field of IPAMRequest: check for a typing error"),
    ],
)
def test_a_spec_that_does_not_ask_for_the_block_is_a_conflict(cidr: str, spec: dict[str, Any], message: str) -> None:
    ranges = [{"name": "net", "spec": {"ranges": ["10.0.0.0/24"]}}]
    requests = [{"name": "x", "range": "net", "cidr": cidr, "spec": spec}]
    result = check(book_of(json.dumps({"ranges": ranges, "requests": requests})))

    (reported,) = messages_of(result)
    assert reported.startswith(f"error: a: requests[0]: request imported/x: {message}")
    assert result.requests == []


@pytest.mark.parametrize("wanted", ["10.0.0.8/29", "/29", "#7", "%3", "1/29", "500/29"])
def test_a_spec_that_asks_for_the_block_in_any_form_is_no_conflict(wanted: str) -> None:
    ranges = [{"name": "net", "spec": {"ranges": ["10.0.0.0/24"]}}]
    requests = [{"name": "x", "range": "net", "cidr": "10.0.0.8/29", "spec": {"request": wanted}}]

    assert messages_of(check(book_of(json.dumps({"ranges": ranges, "requests": requests})))) == []


def test_a_field_that_a_range_does_not_have_is_a_conflict() -> None:
    ranges = [{"name": "net", "spec": {"ranges": ["10.0.0.0/24"], "exclude": ["10.0.0.1"]}}]

    assert messages_of(check(book_of(json.dumps({"ranges": ranges})))) == [
        "error: a: ranges[0]: range imported/net: spec.exclude is no field of IPAMRange: check for a typing error"
    ]


def test_ranges_of_different_domains_may_overlap() -> None:
    assert found("other,a,10.0.0.0/24,,28,,,,lab") == []


def test_what_is_in_conflict_is_not_imported_and_the_rest_is() -> None:
    rows = [row("x", "10.0.0.16/28"), row("y", "10.0.0.16/28"), row("z", "10.0.0.32/28")]
    result = check(book_of(HEAD + NET + "\n".join(rows)))

    assert list(blocks_of(result)) == ["a/x", "a/z"]
    assert not result.is_clean


def test_of_two_ranges_that_overlap_one_is_imported_with_its_requests() -> None:
    rows = ["other,a,10.0.0.64-10.0.1.10,,,,,,", row("x", "10.0.0.16/28"), row("y", "10.0.1.0/29", range_="other")]
    result = check(book_of(HEAD + NET + "\n".join(rows)))

    assert [str(each.name) for each in result.ranges] == ["a/net"]
    assert list(blocks_of(result)) == ["a/x"]
    assert messages_of(result)[1:] == [
        "error: a:5: request a/y: there is no range a/other that can be imported: add it, or mend it"
    ]


def test_a_range_with_an_entry_that_would_be_ignored_is_not_imported() -> None:
    result = check(book_of(HEAD + "net,a,10.0.0.0/24 10.0.1.1/29,,,,,,\n"))

    assert result.ranges == []
    assert len(result.findings) == 1


def present(text: str = "10.0.0.0/24", *excludes: str) -> Present:
    """A cluster with the range a/live, of which a/old holds a block."""
    name = NamespacedName("a", "live")
    terms = read_terms(name, Raw(encode({"ranges": [text], "excludes": excludes, "chunkSize": 28})), RangeStatus())
    cidr = text.replace("/24", "/28")
    held = LedgerEntry(read_prefix(cidr), Entry(cidr, "a/old", "u"))
    occupancy = Occupancy([held], cooling=[], unavailable=[], beyond=[], reserved=[])
    return Present({name: PresentRange(terms, occupancy)}, frozenset({NamespacedName("a", "old")}))


def test_a_range_that_overlaps_one_of_the_cluster_is_reported() -> None:
    assert messages_of(check(book_of(HEAD + NET), present())) == [
        (
            "error: a:2: range a/net and range a/live (the cluster) both have 10.0.0.0, 10.0.0.2-10.0.0.127: exclude "
            "it from one of them, or give one another domain"
        )
    ]


def test_requests_can_be_imported_into_a_range_of_the_cluster() -> None:
    result = check(book_of(HEAD + row("x", "10.1.0.16/28", range_="live")), present("10.1.0.0/24"))

    assert blocks_of(result) == {"a/x": ("a/live", "10.1.0.16/28")}
    assert result.findings == []


@pytest.mark.parametrize("cidr", ["10.1.0.0/28", "10.1.0.0/27", "10.1.0.4/32"])
def test_a_block_of_which_a_request_of_the_cluster_holds_addresses_is_reported(cidr: str) -> None:
    text = HEAD + row("x", cidr, range_="live") + "\n" + row("old", "10.1.0.32/28", range_="live")
    occupant = "it" if cidr == "10.1.0.0/28" else "10.1.0.0/28"

    assert messages_of(check(book_of(text), present("10.1.0.0/24"))) == [
        (
            f"error: a:2: request a/x: in the cluster {cidr} is not free: {occupant} was held by a/old when last "
            "checked: leave it out, or free these addresses"
        ),
        "error: a:3: request a/old exists already, so its block can't be recorded: leave it out",
    ]


def test_excluded_addresses_that_a_request_of_the_cluster_holds_are_reported_for_a_new_range_of_the_domain() -> None:
    text = HEAD + "new,a,10.1.0.0/25,,,,,,{}\n" + row("x", "10.1.0.0/26", range_="new")
    cluster = present("10.1.0.0/24", "10.1.0.0/25")

    (taken,) = messages_of(check(book_of(text.format("")), cluster))
    assert taken.startswith("error: a:3: request a/x: in the cluster 10.1.0.0/26 is not free: 10.1.0.0/28 was held by")
    assert messages_of(check(book_of(text.format("lab")), cluster)) == []
