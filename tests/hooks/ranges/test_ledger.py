"""The ledger: sticky entries (S4), and ledgers that are refused because the hooks cannot have written them."""

import pytest

from hooks.api.kinds import Entry, RangeStatus
from hooks.protocol.errors import ProtocolError
from hooks.ranges.ledger import read_cursors, read_ledger
from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    NOW,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    range_body,
    range_object,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answer_to, answers_of, ledger_of, post, sync_range

#: A range with one entry.
HELD = with_ledger(range_object(), entry("web", CIDR), revision=4)


def test_only_the_ledger_decides_whether_a_block_is_taken() -> None:
    """S1: neither the status of a request nor an answer does."""
    shows = showing(request_object("shows", finalizers=()), "10.0.0.0/28")
    stray = answer_item("stray", cidr="10.0.0.0/28", revision=9)
    answer = sync_range(range_object(), shows, WEB, answers=[stray])
    assert ledger_of(answer)["web"] == "10.0.0.0/28"


@pytest.mark.parametrize(
    "request_",
    [
        request_object("web"),
        request_object("web", size=30),
        request_object("web", wanted="10.0.0.64/28"),
        showing(WEB, "10.0.0.32/28"),
        request_object("web", finalizers=()),
        request_object("web", created=at(-9999)),
    ],
    ids=["unchanged", "another size", "another block", "showing another block", "without finalizer", "another age"],
)
def test_an_entry_is_sticky(request_: Obj) -> None:
    answer = sync_range(HELD, request_)
    assert answer["status"]["allocations"] == [entry("web", CIDR)]
    assert answer["status"]["revision"] == 4


def test_a_changed_ledger_has_exactly_the_next_revision() -> None:
    waiting = [request_object(f"r{number}") for number in range(5)]
    assert sync_range(HELD, DELETED_WEB, *waiting)["status"]["revision"] == 5


def test_fractions_of_a_second_do_not_get_into_the_ledger() -> None:
    answer = post("/ipamrange/sync", range_body(HELD), NOW.replace(microsecond=999_999)).get_json()
    assert answer["status"]["allocations"][0]["absentSince"] == at(0)


def test_cursors_are_kept_by_a_range_that_is_invalid_or_closing_or_of_another_mode() -> None:
    cursors = {"28": "10.0.0.32", "30": "10.0.0.4"}
    for parent in (
        with_ledger(range_object("nonsense", mode="RoundRobin"), revision=3, cursors=cursors),
        with_ledger(deleted(range_object(mode="RoundRobin"), at(-5)), revision=3, cursors=cursors, closing=True),
        with_ledger(range_object(mode="BestFit"), revision=3, cursors=cursors),
    ):
        status = sync_range(parent)["status"]
        assert (status["roundRobin"], status["revision"]) == (cursors, 3)


def test_cursors_are_written_in_the_order_of_lengths_whatever_their_order_in_the_body() -> None:
    """S6 applies to maps, too: the same facts give the same bytes."""
    cursors = {"30": "10.0.0.4", "9": "10.0.0.0", "28": "10.0.0.32"}
    parent = with_ledger(range_object(mode="RoundRobin"), revision=3, cursors=cursors)
    for requests in ([], [WEB]):
        status = sync_range(parent, *requests)["status"]
        assert list(status["roundRobin"]) == ["9", "28", "30"]


def test_blocks_that_touch_do_not_overlap() -> None:
    status = RangeStatus(allocations=[Entry("10.0.0.0/28", "t/a", "a"), Entry("10.0.0.16/28", "t/b", "b")])
    assert list(read_ledger(status).entries) == ["a", "b"]
    with pytest.raises(ProtocolError):
        read_ledger(RangeStatus(allocations=status.allocations[::-1]))


def test_a_status_without_revision_has_revision_0() -> None:
    body = range_body(range_object(), WEB)
    statuses: list[Obj] = [{}, {"revision": 0}, {"conditions": []}]
    for status in statuses:
        body["parent"]["status"] = status | {"schemaV1": True}
        assert answer_to(body)["status"]["revision"] == 1


def test_the_first_status_is_the_first_change() -> None:
    """It records the generation of the spec."""
    body = range_body(range_object())
    del body["parent"]["status"]
    assert answer_to(body)["status"]["revision"] == 1


# --- ledgers that the hooks cannot have written -----------------------------------------------------------------------

OVERLAP = "overlaps the entry before it, or is out of order"
REFUSED: list[tuple[str, list[Obj], str, str]] = [
    ("no cidr", [entry("a", "web")], "[0].cidr", '"web" is not a CIDR'),
    ("an address", [entry("a", "10.0.0.5")], "[0].cidr", '"10.0.0.5" is not a CIDR without host bits'),
    ("host bits", [entry("a", "10.0.0.5/28")], "[0].cidr", '"10.0.0.5/28" is not a CIDR without host bits'),
    ("overlap", [entry("a", "10.0.0.0/27"), entry("b", "10.0.0.16/28")], "[1].cidr", OVERLAP),
    ("an overlap of one address", [entry("a", "10.0.0.0/28"), entry("b", "10.0.0.15/32")], "[1].cidr", OVERLAP),
    ("the same block twice", [entry("a", "10.0.0.0/28"), entry("b", "10.0.0.0/28")], "[1].cidr", OVERLAP),
    ("out of order", [entry("a", "10.0.0.16/28"), entry("b", "10.0.0.0/28")], "[1].cidr", OVERLAP),
    ("a uid twice", [entry("a", "10.0.0.0/28"), entry("a", "10.0.0.16/28")], "[1].uid", "holds 10.0.0.0/28 already"),
    ("another family", [entry("a", "2001:db8::/64")], "[0].cidr", "is not IPv4 as the range is"),
    ("a mixture", [entry("a", "10.0.0.0/28"), entry("b", "2001:db8::/64")], "[1].cidr", "is not IPv4 as the range is"),
]


@pytest.mark.parametrize(("entries", "path", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_ledger_that_the_hooks_cannot_have_written_is_refused(entries: list[Obj], path: str, message: str) -> None:
    response = post("/ipamrange/sync", range_body(with_ledger(range_object(), *entries), WEB))
    assert response.status_code == 400
    error = response.get_json()["error"]
    assert (error["path"], error["message"]) == (f"$.parent.status.allocations{path}", message)
    field = path.rpartition(".")[2]
    assert error["value"] == entries[-1][field]


@pytest.mark.parametrize(
    "line",
    [
        {"cidr": CIDR, "request": "t/a"},
        {"cidr": CIDR, "uid": "u"},
        {"request": "t/a", "uid": "u"},
        {"cidr": 5, "request": "t/a", "uid": "u"},
        {**entry("a", CIDR), "absentSince": "yesterday"},
        "10.0.0.0/28",
    ],
    ids=["no uid", "no request", "no cidr", "a number as cidr", "a word as time", "not an object"],
)
def test_a_ledger_line_that_cannot_be_read_is_refused(line: object) -> None:
    body = range_body(range_object())
    body["parent"]["status"]["allocations"] = [line]
    response = post("/ipamrange/sync", body)
    assert response.status_code == 400
    assert response.get_json()["error"]["path"].startswith("$.parent.status.allocations[")


@pytest.mark.parametrize(
    ("cursors", "key", "message"),
    [
        ({"28": "web"}, "28", '"web" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        ({"28": "10.0.0.0/28"}, "28", '"10.0.0.0/28" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        ({"28": "10.0.0.016"}, "28", '"10.0.0.016" is not an IP address, such as 10.0.0.5 or 2001:db8::5'),
        ({"28": "::1"}, "28", "is not IPv4 as the range is"),
        ({"28": "10.0.0.16", "33": "10.0.0.0"}, "33", "IPv4 prefix lengths are 0..32"),
        ({"028": "10.0.0.16"}, "028", "IPv4 prefix lengths are 0..32"),
        ({"/28": "10.0.0.16"}, "/28", "IPv4 prefix lengths are 0..32"),
        ({"-1": "10.0.0.16"}, "-1", "IPv4 prefix lengths are 0..32"),
        ({"": "10.0.0.16"}, "", "IPv4 prefix lengths are 0..32"),
    ],
)
@pytest.mark.parametrize("mode", ["RoundRobin", "BestFit"])
def test_an_invalid_cursor_is_refused(mode: str, cursors: dict[str, str], key: str, message: str) -> None:
    parent = with_ledger(range_object(mode=mode), revision=1, cursors=cursors)
    with pytest.raises(ProtocolError) as refused:
        sync_range(parent, WEB)
    assert refused.value.path == f'$.parent.status.roundRobin["{key}"]'
    assert refused.value.message == message


def test_a_cursor_behind_the_last_block_before_the_ipv4_addresses_can_be_read_back() -> None:
    """The address behind that block is an IPv4 address in IPv6 form, which no pool contains."""
    parent = range_object("::fffe:0:0/96", chunk_size=97, mode="RoundRobin")
    requests = [request_object("a"), request_object("b")]
    parent["status"] = sync_range(parent, *requests)["status"]
    assert read_cursors(parent["status"]["roundRobin"], None) == {97: 0xFFFF << 32}
    assert answers_of(sync_range(parent, *requests)).keys() == {"a", "b"}


def test_cursors_of_two_families_are_refused_even_if_the_family_of_the_range_is_unknown() -> None:
    parent = with_ledger(range_object("nonsense"), revision=1, cursors={"28": "10.0.0.16", "64": "::"})
    with pytest.raises(ProtocolError, match="is not IPv4 as the range is"):
        sync_range(parent)
