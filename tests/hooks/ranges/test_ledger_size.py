"""What one object can record: entries, marks and releases have budgets of bytes, because etcd accepts 1.5 MiB."""

import msgspec
import pytest

from hooks.api.kinds import Entry, RangeStatus, RequestObject
from hooks.api.names import RECLAIM_ANNOTATION, REQUEST_KEY
from hooks.protocol.decoding import encode
from hooks.ranges.ledger import (
    BYTES_FOR_GRANTS_MAX,
    BYTES_FOR_MARKS_MAX,
    BYTES_FOR_RELEASES_MAX,
    ENTRY_COUNT_MAX,
    Ledger,
    LedgerEntry,
    grant_count_max,
    read_ledger,
    with_grants,
)
from hooks.ranges.releases import RELEASED_COUNT_MIN
from ipam.address import read_prefix
from tests.hooks.build import (
    Obj,
    at,
    deleted,
    entry,
    keyed,
    range_body,
    range_object,
    recording,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answer_once_committed, answer_to, answers_of, ledger_of, messages_of, sync_range


def many(count: int, name_length: int = 8, **more: str) -> list[Obj]:
    """This many single addresses, held by requests whose names have the given length."""
    return [
        {
            "cidr": f"10.0.{number >> 8}.{number & 255}/32",
            "request": f"t/{number:0{name_length}}",
            "uid": f"u{number:035}",
            **more,
        }
        for number in range(count)
    ]


def full_range(entries: list[Obj], waiting: int, *, with_holders: bool = True) -> Obj:
    """A range of 65,536 addresses with this ledger; this many requests without an entry wait.

    The holders were created at a rate of 1,000 requests per second.
    """
    parent = with_ledger(range_object("10.0.0.0/16", chunk_size=None), *entries)
    holders = [
        request_object(line["request"], range_="team-a/net", uid=line["uid"], created=at(-99 + number // 1_000))
        for number, line in enumerate(entries if with_holders else [])
    ]
    requests = [request_object(f"w{number}", created=at(-60 + number)) for number in range(waiting)]
    return range_body(parent, *holders, *requests)


FULL = "team-a/net holds as many requests as one object can record: waiting for a release"


def test_a_range_records_13000_holders_and_refuses_the_next_request_because_it_is_full() -> None:
    assert ENTRY_COUNT_MAX == 13_000
    body = full_range(many(12_999), waiting=3)
    assert ledger_of(answer_to(body))["w0"] == "10.0.50.199/32"
    answer = answer_once_committed(body)
    assert len(answer["status"]["allocations"]) == 13_000
    messages = {name: message for name, message in messages_of(answer).items() if name.startswith("w")}
    assert messages == {"w0": "", "w1": FULL, "w2": FULL}
    assert answers_of(answer)["w1"] == ("Busy", "")
    assert answer["status"]["pending"] == 2
    assert answer["status"]["capacity"]["allocated"] == "13000"
    assert len(encode(answer["status"])) < 1_572_864, "etcd accepts objects of 1.5 MiB"


def test_a_request_that_does_not_fit_into_the_ledger_moves_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hooks.ranges.ledger.ENTRY_COUNT_MAX", 1)
    for requests, cursors in (
        ([request_object("a"), request_object("b"), request_object("c", size=29)], {"28": "10.0.0.16"}),
        ([recording(request_object("a"), "10.0.0.64/28"), request_object("b")], None),
    ):
        status = sync_range(range_object(mode="RoundRobin"), *requests)["status"]
        assert len(status["allocations"]) == 1
        assert status.get("roundRobin") == cursors


def test_a_full_ledger_takes_another_holder_after_a_release() -> None:
    body = full_range(many(13_000), waiting=1)
    holder = next(iter(body["related"]["IPAMRequest.ipam.mandelsoft.org/v1alpha1"].values()))
    assert messages_of(answer_to(body))["w0"] == FULL
    holder["metadata"]["deletionTimestamp"] = at(-1)
    assert ledger_of(answer_to(body))["w0"] == "10.0.0.0/32"


def ledger_entry(line: Obj) -> LedgerEntry:
    return LedgerEntry(read_prefix(line["cidr"]), msgspec.convert(line, Entry))


def claimant(name: str) -> RequestObject:
    return msgspec.json.decode(encode(request_object(name)), type=RequestObject)


@pytest.mark.parametrize("name_length", [28, 250])
def test_a_ledger_is_filled_up_in_a_dozen_steps_and_never_too_full(name_length: int) -> None:
    """Each step assumes that all its grants are as long as the longest one, and leaves room for the next step."""
    lines = [ledger_entry(line) for line in many(13_100, name_length)]
    claimants = [claimant(f"{number:0{name_length}}") for number in range(10)]
    ledger, steps = Ledger(0, {}, {}, (), on_hold=False, closing=False), 0
    while count := grant_count_max(ledger, claimants):
        ledger, steps = with_grants(ledger, lines[len(ledger.entries) :][:count], {}), steps + 1
        assert ledger.byte_count <= BYTES_FOR_GRANTS_MAX
        assert len(ledger.entries) <= ENTRY_COUNT_MAX
    assert steps <= 12
    assert len(ledger.entries) == ENTRY_COUNT_MAX or BYTES_FOR_GRANTS_MAX - ledger.byte_count < 400


def test_a_range_that_is_large_itself_leaves_no_room_to_its_ledger() -> None:
    status = msgspec.convert({"allocations": many(4_000, name_length=250), "revision": 1}, RangeStatus)
    assert grant_count_max(read_ledger(status), [claimant("web")]) > 0
    assert grant_count_max(read_ledger(status, range_bytes=1_000_000), [claimant("web")]) == 0


def test_the_bytes_of_an_entry_are_counted_as_they_are_written() -> None:
    for line in (entry("web", "10.0.0.0/28"), entry("web", "10.0.0.0/28", absent_since=at(0))):
        read = ledger_entry(line)
        assert read.byte_count == len(encode(read.written)) + len(",")


def test_marks_stop_at_their_budget_and_no_entry_is_lost() -> None:
    """Otherwise a full ledger whose holders disappear would grow beyond the limit of etcd and could not be written."""
    answer = answer_to(full_range(many(12_000, name_length=28), waiting=0, with_holders=False))
    lines = answer["status"]["allocations"]
    marked = sum("absentSince" in line for line in lines)
    assert len(lines) == 12_000
    assert 1_000 < marked < 12_000
    assert BYTES_FOR_MARKS_MAX - 50 <= len(encode(lines)) <= BYTES_FOR_MARKS_MAX + len("[]")


def test_old_releases_make_room_for_marks() -> None:
    """Otherwise a range whose holders have all disappeared could never be deleted."""
    parent = with_ledger(range_object("10.0.0.0/16", chunk_size=None), *many(11_900, name_length=31), revision=3)
    parent["status"]["released"] = [f"u{number:035}" for number in range(20_000, 22_000)]
    assert read_ledger(msgspec.convert(parent["status"], RangeStatus)).byte_count > BYTES_FOR_MARKS_MAX
    status = sync_range(parent)["status"]
    assert status["released"] == parent["status"]["released"][-RELEASED_COUNT_MIN:]
    assert sum("absentSince" in line for line in status["allocations"]) > 500


def test_a_range_with_large_annotations_records_fewer_requests() -> None:
    """Annotations may have 256 KiB, and `reclaim` is one of them; etcd accepts 1.5 MiB in all."""
    reclaim = ",".join(f"u{number:035}" for number in range(7_000))
    body = full_range(many(8_000, name_length=30), waiting=4_000)
    body["parent"]["metadata"]["annotations"] = {RECLAIM_ANNOTATION: reclaim}
    status = answer_to(body)["status"]
    assert 8_000 < len(status["allocations"]) < 12_000
    assert len(encode(body["parent"] | {"status": status})) < 1_572_864
    del body["parent"]["metadata"]["annotations"]
    assert len(answer_to(body)["status"]["allocations"]) == 12_000


def test_marks_count_toward_the_budget_of_grants() -> None:
    entries = many(9_500, name_length=28, absentSince=at(-600))
    assert BYTES_FOR_GRANTS_MAX < len(encode(entries)) < BYTES_FOR_MARKS_MAX
    answer = answer_to(full_range(entries, waiting=1, with_holders=False))
    assert messages_of(answer)["w0"] == FULL


def test_a_request_that_can_never_be_served_is_invalid_even_if_the_ledger_is_full() -> None:
    """Busy would suggest that waiting helps."""
    body = full_range(many(13_000), waiting=1)
    wrong = request_object("wrong", size=99, created=at(0))
    body["related"]["IPAMRequest.ipam.mandelsoft.org/v1alpha1"]["team-a/wrong"] = wrong
    assert answers_of(answer_to(body))["wrong"] == ("Invalid", "")


def test_releases_stop_at_their_budget_and_the_others_wait_for_the_next_step() -> None:
    """13,000 holders and 10,000 requests that were never served; the latter are all deleted at once."""
    body = full_range(many(12_990, name_length=13), waiting=0)
    deleted_requests = [deleted(request_object(f"w{number}", uid=f"w{number:035}")) for number in range(10_000)]
    body["related"][REQUEST_KEY] |= keyed(deleted_requests)
    status = answer_to(body)["status"]
    size = len(encode(status["allocations"])) + len(encode(status["released"]))
    assert BYTES_FOR_RELEASES_MAX - 50 <= size <= BYTES_FOR_RELEASES_MAX + 4
    assert 1_000 < len(status["released"]) < 10_000


def test_marks_of_releases_stop_at_their_budget_and_the_others_keep_their_blocks() -> None:
    """With a cool-down, a mass deletion makes a full ledger larger: entries stay, and marks are added."""
    entries = many(12_990, name_length=13)
    requests = [request_object(each["request"], range_="team-a/net", uid=each["uid"]) for each in entries]
    parent = with_ledger(range_object("10.0.0.0/16", cooldown=60), *entries)
    status = sync_range(parent, *map(deleted, requests))["status"]
    size = len(encode(status["allocations"])) + len(encode(status["released"]))
    assert BYTES_FOR_RELEASES_MAX - 100 <= size <= BYTES_FOR_RELEASES_MAX + 4
    marked = [each["uid"] for each in status["allocations"] if "releasedAt" in each]
    assert sorted(marked) == sorted(status["released"])
    assert 500 < len(marked) < 12_990
    assert not any("absentSince" in each for each in status["allocations"])


def range_with_a_long_spec(cooldown: int | None, *deleted_requests: Obj) -> Obj:
    """The status of a full range whose annotations have become long; its first holder is deleted, and other requests.

    Its ledger is 1.36 MB long.
    """
    first, *others = many(12_000, name_length=28)
    parent = with_ledger(range_object("10.0.0.0/16", chunk_size=None, cooldown=cooldown), first, *others)
    parent["metadata"]["annotations"] = {"example.com/note": "x" * 250_000}
    holders = [request_object(each["request"], range_="team-a/net", uid=each["uid"]) for each in others]
    holder = request_object(first["request"], range_="team-a/net", uid=first["uid"])
    status: Obj = sync_range(parent, deleted(holder), *holders, *deleted_requests)["status"]
    return status


def test_an_entry_leaves_with_the_record_of_its_release_however_long_the_spec_has_become() -> None:
    status = range_with_a_long_spec(None)
    assert (len(status["allocations"]), status["released"]) == (11_999, [f"u{0:035}"])
    assert "deleted request" not in status["message"]


@pytest.mark.parametrize(
    ("cooldown", "others", "waiting", "remedy"),
    [
        (None, 100, "93 deleted requests wait", ""),
        (60, 0, "1 deleted request waits", " or set cooldownSeconds to 0"),
    ],
)
def test_a_range_says_what_deleted_requests_wait_for(
    cooldown: int | None, others: int, waiting: str, remedy: str
) -> None:
    requests = [deleted(request_object(f"w{number}")) for number in range(others)]
    message = range_with_a_long_spec(cooldown, *requests)["message"]
    shorten = "shorten the spec and the annotations of the range"
    assert message.endswith(f"; {waiting} for room in the ledger: {shorten}{remedy}")
