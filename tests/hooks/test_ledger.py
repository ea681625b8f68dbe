"""The ledger: sticky entries (S4), release by proof only (S5), marks, what one object can record, and ledgers that are
refused because this program can't have written them.
"""

from dataclasses import replace

import msgspec
import pytest

from hooks.api.kinds import Entry, RangeStatus, RequestObject
from hooks.api.names import RECLAIM_ANNOTATION, REQUEST_FINALIZER, REQUEST_KEY
from hooks.protocol.decoding import encode
from hooks.protocol.errors import ProtocolError
from hooks.ranges.ledger import (
    BYTES_FOR_GRANTS_MAX,
    BYTES_FOR_MARKS_MAX,
    BYTES_FOR_RELEASES_MAX,
    ENTRY_COUNT_MAX,
    RELEASED_COUNT_MAX,
    Ledger,
    LedgerEntry,
    grant_count_max,
    read_cursors,
    read_ledger,
    with_grants,
)
from hooks.ranges.releases import RELEASED_COUNT_MIN, Evidence, after_releases
from ipam.address import read_prefix
from tests.hooks.build import (
    NOW,
    Obj,
    allocation_object,
    at,
    deleted,
    entry,
    keyed,
    range_body,
    range_object,
    reclaiming,
    recording,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import answer_once_committed, answer_to, answers_of, ledger_of, messages_of, post, sync_range

CIDR = "10.0.0.0/28"
#: A range with one entry.
HELD = with_ledger(range_object(), entry("web", CIDR), revision=4)


# --- S1, S4 ---------------------------------------------------------------------------------------------------------


def test_nothing_but_the_ledger_says_that_a_block_is_taken() -> None:
    """S1: not what requests show, and not what answers say."""
    shows = showing(request_object("shows", finalizers=()), "10.0.0.0/28")
    stray = allocation_object("stray", cidr="10.0.0.0/28", revision=9)
    answer = sync_range(range_object(), shows, request_object("web"), allocations=[stray])
    assert ledger_of(answer)["web"] == "10.0.0.0/28"


@pytest.mark.parametrize(
    "request_",
    [
        request_object("web"),
        request_object("web", size=30),
        request_object("web", wanted="10.0.0.64/28"),
        showing(request_object("web"), "10.0.0.32/28"),
        request_object("web", finalizers=()),
        request_object("web", created=at(-9999)),
    ],
    ids=["as it was", "another size", "another block", "showing another block", "without finalizer", "another age"],
)
def test_an_entry_is_sticky(request_: Obj) -> None:
    answer = sync_range(HELD, request_)
    assert answer["status"]["allocations"] == [entry("web", CIDR)]
    assert answer["status"]["revision"] == 4


# --- S5 -------------------------------------------------------------------------------------------------------------

GOING = deleted(request_object("web"))
SAID_TO_BE_GONE = allocation_object("web", "Released", revision=3)


@pytest.mark.parametrize(
    ("requests", "allocations", "range_"),
    [
        ([GOING], [], HELD),
        ([deleted(request_object("web", finalizers=()))], [], HELD),
        ([GOING], [SAID_TO_BE_GONE], HELD),
        ([], [], reclaiming(HELD, "uid-web")),
        ([], [], reclaiming(HELD, "uid-other, uid-web ,")),
    ],
    ids=[
        "(a) going, only our finalizer",
        "(a) going, no finalizer",
        "(a) and answered already",
        "(b) reclaimed",
        "(b) one of several",
    ],
)
def test_an_entry_goes_by_proof(requests: list[Obj], allocations: list[Obj], range_: Obj) -> None:
    answer = sync_range(range_, *requests, allocations=allocations)
    assert ledger_of(answer) == {}
    assert answer["status"]["revision"] == 5


OTHER_UID = request_object("web", uid="second-life", finalizers=())


@pytest.mark.parametrize(
    ("requests", "allocations", "range_"),
    [
        ([], [], HELD),
        ([OTHER_UID], [], HELD),
        ([deleted(request_object("web", uid="second-life"))], [], HELD),
        ([deleted(request_object("web", finalizers=(REQUEST_FINALIZER, "example.com/other")))], [], HELD),
        ([deleted(request_object("web", finalizers=("example.com/other",)))], [], HELD),
        ([request_object("web", finalizers=())], [], HELD),
        ([], [allocation_object("web", "Busy")], HELD),
        ([], [SAID_TO_BE_GONE], HELD),
        ([], [], reclaiming(HELD, "")),
        ([], [], reclaiming(HELD, "uid-we,uid-web2,team-a/web,web")),
        ([request_object("web")], [], reclaiming(HELD, "uid-web")),
        ([], [], deleted(HELD, at(-600))),
        ([request_object("web")], [], deleted(HELD, at(-600))),
    ],
    ids=[
        "absence",
        "the same name with another uid",
        "the same name with another uid, going",
        "going, but somebody else holds it back",
        "going, our finalizer gone, somebody else holds it back",
        "alive without our finalizer",
        "an answer in another state",
        "a Released answer, which anybody could have written",
        "an empty reclaim",
        "a reclaim of others",
        "a reclaim of one that is there",
        "deletion of the range, absent unmarked",
        "deletion of the range, holder there",
    ],
)
def test_an_entry_stays_without_proof(requests: list[Obj], allocations: list[Obj], range_: Obj) -> None:
    answer = sync_range(range_, *requests, allocations=allocations)
    assert ledger_of(answer) == {"web": CIDR}


@pytest.mark.parametrize(
    ("absent_since", "range_", "held"),
    [
        (at(-59), deleted(range_object(), at(-600)), True),
        (at(-60), deleted(range_object(), at(-600)), False),
        (at(-60), deleted(range_object()), False),
        (at(-86_400), range_object(), True),
        (at(60), deleted(range_object(), at(-600)), True),
    ],
    ids=[
        "less than a minute",
        "a minute",
        "absent for longer than the range is going",
        "a day, but the range stays",
        "marked by a clock that is ahead",
    ],
)
def test_an_absent_holder_of_a_closing_range_goes_after_a_minute(absent_since: str, range_: Obj, *, held: bool) -> None:
    answer = sync_range(with_ledger(range_, entry("web", CIDR, absent_since=absent_since)))
    assert (ledger_of(answer) == {"web": CIDR}) is held


def test_a_request_that_is_there_but_cannot_be_read_is_not_released_by_the_clock() -> None:
    broken: Obj = request_object("web")
    broken["metadata"]["generation"] = "one"
    parent = with_ledger(deleted(range_object(), at(-600)), entry("web", CIDR, absent_since=at(-600)))
    assert ledger_of(sync_range(parent, broken)) == {"web": CIDR}


def test_an_absent_holder_is_marked_once_and_its_block_stays_held() -> None:
    answer = sync_range(HELD)
    assert answer["status"]["allocations"] == [entry("web", CIDR, absent_since=at(0))]
    assert answer["status"]["revision"] == 5
    marked = with_ledger(range_object(), *answer["status"]["allocations"], revision=5)
    later = sync_range(marked, now=NOW.replace(hour=23))
    assert later["status"]["allocations"] == answer["status"]["allocations"]
    assert later["status"]["revision"] == 5


def test_the_mark_of_a_wrong_clock_counts_as_now() -> None:
    """It would hold a deletion back for as long as that clock was wrong."""
    marked = entry("web", CIDR, absent_since=at(86_400))
    parent = with_ledger(deleted(range_object()), marked, revision=5, closing=True)
    answers = [allocation_object("web", cidr=CIDR, revision=1)]
    answer = sync_range(parent, allocations=answers, finalizing=True)
    assert answer["status"]["allocations"] == [entry("web", CIDR, absent_since=at(0))]
    assert answer["resyncAfterSeconds"] == 60


def test_the_mark_of_a_holder_that_is_back_is_taken_off() -> None:
    marked = with_ledger(range_object(), entry("web", CIDR, absent_since=at(-60)), revision=5)
    answer = sync_range(marked, request_object("web"))
    assert answer["status"]["allocations"] == [entry("web", CIDR)]
    assert answer["status"]["revision"] == 6


def test_an_absent_holder_s_answer_stays_published() -> None:
    existing = allocation_object("web", cidr=CIDR, revision=4)
    answer = sync_range(HELD, allocations=[existing])
    assert answers_of(answer) == {"web": ("Ready", CIDR)}


def test_a_released_block_can_be_granted_in_the_same_call() -> None:
    parent = with_ledger(range_object(CIDR), entry("web", CIDR), revision=4)
    answer = sync_range(parent, GOING, request_object("next"))
    assert ledger_of(answer) == {"next": CIDR}
    assert answer["status"]["revision"] == 5


def test_a_changed_ledger_has_exactly_the_next_revision() -> None:
    waiting = [request_object(f"r{number}") for number in range(5)]
    assert sync_range(HELD, GOING, *waiting)["status"]["revision"] == 5


def test_fractions_of_a_second_do_not_get_into_the_ledger() -> None:
    answer = post("/ipamrange/sync", range_body(HELD), NOW.replace(microsecond=999_999)).get_json()
    assert answer["status"]["allocations"][0]["absentSince"] == at(0)


# --- releases -------------------------------------------------------------------------------------------------------


def test_a_release_is_committed_with_the_uid_of_who_was_released() -> None:
    going = [deleted(request_object(name)) for name in ("web", "never-served", "a-late-one")]
    parent = with_ledger(range_object(), entry("web", CIDR), released=["earlier"], revision=4)
    answer = sync_range(parent, *going)
    assert answer["status"]["released"] == ["uid-earlier", "uid-web", "uid-a-late-one", "uid-never-served"]
    assert answer["status"]["revision"] == 5


def test_who_was_reclaimed_is_not_called_released() -> None:
    """Should it live after all, it must be told that its block is somebody else's."""
    answer = sync_range(reclaiming(HELD, "uid-web"))
    assert ledger_of(answer) == {}
    assert "released" not in answer["status"]


def releases(count: int) -> Obj:
    return with_ledger(range_object(), revision=1, released=[f"gone-{number:04}" for number in range(count)])


def test_a_thousand_releases_are_remembered() -> None:
    answer = sync_range(releases(RELEASED_COUNT_MIN), GOING)
    released = answer["status"]["released"]
    assert len(released) == RELEASED_COUNT_MIN
    assert (released[0], released[-1]) == ("uid-gone-0001", "uid-web")


def test_no_release_is_forgotten_while_something_of_it_is_seen() -> None:
    seen = [
        request_object("gone-0000"),
        deleted(request_object("gone-0002")),
        deleted(request_object("web")),
    ]
    answered = allocation_object("gone-0001", "Released", revision=1)
    answer = sync_range(releases(RELEASED_COUNT_MIN + 9), *seen, allocations=[answered])
    assert answer["status"]["released"][:4] == [
        "uid-gone-0000",
        "uid-gone-0001",
        "uid-gone-0002",
        "uid-gone-0010",
    ]


def test_forgetting_is_no_reason_for_a_write() -> None:
    answer = sync_range(releases(RELEASED_COUNT_MIN + 9))
    assert answer["status"]["revision"] == 1
    assert len(answer["status"]["released"]) == RELEASED_COUNT_MIN + 9


def test_releases_stop_at_their_budget_and_the_others_wait_for_the_next_step() -> None:
    """13,000 holders and 10,000 requests that were never served: all of these are deleted at once."""
    body = full_range(many(12_990, name_length=13), waiting=0)
    going = [deleted(request_object(f"w{number}", uid=f"w{number:035}")) for number in range(10_000)]
    body["related"][REQUEST_KEY] |= keyed(going)
    status = answer_to(body)["status"]
    size = len(encode(status["allocations"])) + len(encode(status["released"]))
    assert BYTES_FOR_RELEASES_MAX - 50 <= size <= BYTES_FOR_RELEASES_MAX + 4
    assert 1_000 < len(status["released"]) < 10_000


def test_no_more_releases_are_recorded_than_the_crd_admits() -> None:
    gone = {f"u{number:035}" for number in range(RELEASED_COUNT_MAX + 1)}
    evidence = Evidence(present=(), released=gone, reclaimed=(), answered=(), wants_hold=False, closing=False)
    first = after_releases(Ledger(3, {}, {}, (), on_hold=False, closing=False), evidence, NOW)
    assert len(first.released) == RELEASED_COUNT_MAX
    left = gone - set(first.released)
    second = after_releases(first, replace(evidence, released=left), NOW)
    assert set(second.released) == set(first.released[-RELEASED_COUNT_MIN:]), (
        "requests that are not observed any more are forgotten"
    )
    assert set(after_releases(second, replace(evidence, released=left), NOW).released) > left


# --- what one object can record -------------------------------------------------------------------------------------


def many(count: int, name_length: int = 8, **more: str) -> list[Obj]:
    """So many single addresses, held by requests whose names have the given length."""
    return [
        {
            "cidr": f"10.0.{number >> 8}.{number & 255}/32",
            "request": f"t/{number:0{name_length}}",
            "uid": f"u{number:035}",
            **more,
        }
        for number in range(count)
    ]


def full_range(entries: list[Obj], waiting: int, *, holders_seen: bool = True) -> Obj:
    """A range of 65,536 addresses with this ledger; so many requests without an entry wait."""
    parent = with_ledger(range_object("10.0.0.0/16", chunk_size=None), *entries)
    holders = [
        request_object(line["request"], range_="team-a/net", uid=line["uid"])
        for line in (entries if holders_seen else [])
    ]
    requests = [request_object(f"w{number}", created=at(-60 + number)) for number in range(waiting)]
    return range_body(parent, *holders, *requests)


FULL = "team-a/net holds as many requests as one object can record: waiting for a release"


def test_a_range_records_13000_holders_and_tells_the_next_one_that_it_is_full() -> None:
    assert ENTRY_COUNT_MAX == 13_000
    body = full_range(many(12_999), waiting=3)
    assert ledger_of(answer_to(body))["w0"] == "10.0.50.199/32"
    answer = answer_once_committed(body)
    assert len(answer["status"]["allocations"]) == 13_000
    said = {name: message for name, message in messages_of(answer).items() if name.startswith("w")}
    assert said == {"w0": "", "w1": FULL, "w2": FULL}
    assert answers_of(answer)["w1"] == ("Busy", "")
    assert answer["status"]["pending"] == 2
    assert answer["status"]["capacity"]["allocated"] == "13000"
    assert len(encode(answer["status"])) < 1_572_864, "etcd takes objects of 1.5 MiB"


def test_who_does_not_fit_into_the_ledger_moves_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
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
    gone = next(iter(body["related"]["IPAMRequest.ipam.mandelsoft.org/v1alpha1"].values()))
    assert messages_of(answer_to(body))["w0"] == FULL
    gone["metadata"]["deletionTimestamp"] = at(-1)
    assert ledger_of(answer_to(body))["w0"] == "10.0.0.0/32"


def ledger_entry(line: Obj) -> LedgerEntry:
    return LedgerEntry(read_prefix(line["cidr"]), msgspec.convert(line, Entry))


def claimant(name: str) -> RequestObject:
    return msgspec.json.decode(encode(request_object(name)), type=RequestObject)


@pytest.mark.parametrize("name_length", [28, 250])
def test_a_ledger_is_filled_up_in_a_dozen_steps_and_never_too_full(name_length: int) -> None:
    """Each step takes all grants for as long as the longest could be, and leaves room to the next one."""
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
    for line in (entry("web", CIDR), entry("web", CIDR, absent_since=at(0))):
        read = ledger_entry(line)
        assert read.byte_count == len(encode(read.written)) + len(",")


def test_marks_stop_at_their_budget_and_nobody_is_cut() -> None:
    """Else a full ledger whose holders vanish would grow past what etcd takes, and never be written again."""
    answer = answer_to(full_range(many(12000, name_length=28), waiting=0, holders_seen=False))
    lines = answer["status"]["allocations"]
    marked = sum("absentSince" in line for line in lines)
    assert len(lines) == 12_000
    assert 1_000 < marked < 12_000
    assert BYTES_FOR_MARKS_MAX - 50 <= len(encode(lines)) <= BYTES_FOR_MARKS_MAX + len("[]")


def test_old_releases_make_room_for_marks() -> None:
    """Else a range whose holders are all gone could never be deleted."""
    parent = with_ledger(range_object("10.0.0.0/16", chunk_size=None), *many(11900, name_length=31), revision=3)
    parent["status"]["released"] = [f"u{number:035}" for number in range(20_000, 22_000)]
    assert read_ledger(msgspec.convert(parent["status"], RangeStatus)).byte_count > BYTES_FOR_MARKS_MAX
    status = sync_range(parent)["status"]
    assert status["released"] == parent["status"]["released"][-RELEASED_COUNT_MIN:]
    assert sum("absentSince" in line for line in status["allocations"]) > 500


def test_a_range_that_says_much_of_itself_records_fewer_requests() -> None:
    """Annotations may take 256 KiB, and `reclaim` may be one of them; etcd takes 1.5 MiB in all."""
    reclaim = ",".join(f"u{number:035}" for number in range(7_000))
    body = full_range(many(8_000, name_length=30), waiting=4_000)
    body["parent"]["metadata"]["annotations"] = {RECLAIM_ANNOTATION: reclaim}
    status = answer_to(body)["status"]
    assert 8_000 < len(status["allocations"]) < 12_000
    assert len(encode(body["parent"] | {"status": status})) < 1_572_864
    del body["parent"]["metadata"]["annotations"]
    assert len(answer_to(body)["status"]["allocations"]) == 12_000


def test_marks_count_when_there_is_a_grant_to_record() -> None:
    entries = many(9_500, name_length=28, absentSince=at(-600))
    assert BYTES_FOR_GRANTS_MAX < len(encode(entries)) < BYTES_FOR_MARKS_MAX
    answer = answer_to(full_range(entries, waiting=1, holders_seen=False))
    assert messages_of(answer)["w0"] == FULL


def test_a_request_that_can_never_be_served_is_told_so_by_a_full_ledger_too() -> None:
    """Busy would say that waiting helps."""
    body = full_range(many(13_000), waiting=1)
    wrong = request_object("wrong", size=99, created=at(0))
    body["related"]["IPAMRequest.ipam.mandelsoft.org/v1alpha1"]["team-a/wrong"] = wrong
    assert answers_of(answer_to(body))["wrong"] == ("Invalid", "")


# --- ledgers that can't be ours -------------------------------------------------------------------------------------

REFUSED: list[tuple[str, list[Obj], str, str]] = [
    ("no cidr", [entry("a", "web")], "[0].cidr", '"web" is not a CIDR'),
    ("an address", [entry("a", "10.0.0.5")], "[0].cidr", '"10.0.0.5" is not a CIDR without host bits'),
    ("host bits", [entry("a", "10.0.0.5/28")], "[0].cidr", '"10.0.0.5/28" is not a CIDR without host bits'),
    (
        "overlap",
        [entry("a", "10.0.0.0/27"), entry("b", "10.0.0.16/28")],
        "[1].cidr",
        "overlaps the entry before it, or is out of order",
    ),
    (
        "an overlap of one address",
        [entry("a", "10.0.0.0/28"), entry("b", "10.0.0.15/32")],
        "[1].cidr",
        "overlaps the entry before it, or is out of order",
    ),
    (
        "the same block twice",
        [entry("a", "10.0.0.0/28"), entry("b", "10.0.0.0/28")],
        "[1].cidr",
        "overlaps the entry before it, or is out of order",
    ),
    (
        "out of order",
        [entry("a", "10.0.0.16/28"), entry("b", "10.0.0.0/28")],
        "[1].cidr",
        "overlaps the entry before it, or is out of order",
    ),
    (
        "a uid twice",
        [entry("a", "10.0.0.0/28"), entry("a", "10.0.0.16/28")],
        "[1].uid",
        "holds 10.0.0.0/28 already",
    ),
    ("another family", [entry("a", "2001:db8::/64")], "[0].cidr", "is not IPv4 as the range is"),
    ("a mixture", [entry("a", "10.0.0.0/28"), entry("b", "2001:db8::/64")], "[1].cidr", "is not IPv4 as the range is"),
]


@pytest.mark.parametrize(("entries", "path", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_ledger_that_is_not_ours_is_refused_and_nothing_is_answered(
    entries: list[Obj], path: str, message: str
) -> None:
    response = post("/ipamrange/sync", range_body(with_ledger(range_object(), *entries), request_object("web")))
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
    ids=["no uid", "no request", "no cidr", "a number for a cidr", "a word for a time", "no object"],
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
@pytest.mark.parametrize("mode", ["RoundRobin", "FirstMatch"])
def test_a_cursor_that_is_none_is_refused_and_nothing_is_answered(
    mode: str, cursors: dict[str, str], key: str, message: str
) -> None:
    parent = with_ledger(range_object(mode=mode), revision=1, cursors=cursors)
    with pytest.raises(ProtocolError) as refused:
        sync_range(parent, request_object("web"))
    assert refused.value.path == f'$.parent.status.roundRobin["{key}"]'
    assert refused.value.message == message


def test_a_cursor_behind_the_last_block_before_the_ipv4_addresses_can_be_read_back() -> None:
    """What follows that block is an address that no pool has, because it is IPv4 in IPv6 form."""
    parent = range_object("::fffe:0:0/96", chunk_size=97, mode="RoundRobin")
    requests = [request_object("a"), request_object("b")]
    parent["status"] = sync_range(parent, *requests)["status"]
    assert read_cursors(parent["status"]["roundRobin"], None) == {97: 0xFFFF << 32}
    assert answers_of(sync_range(parent, *requests)).keys() == {"a", "b"}


def test_a_mixture_of_cursors_is_refused_though_the_family_of_the_range_is_not_known() -> None:
    parent = with_ledger(range_object("nonsense"), revision=1, cursors={"28": "10.0.0.16", "64": "::"})
    with pytest.raises(ProtocolError, match="is not IPv4 as the range is"):
        sync_range(parent)


def test_cursors_are_kept_by_a_range_that_is_invalid_or_closing_or_of_another_mode() -> None:
    cursors = {"28": "10.0.0.32", "30": "10.0.0.4"}
    for parent in (
        with_ledger(range_object("nonsense", mode="RoundRobin"), revision=3, cursors=cursors),
        with_ledger(deleted(range_object(mode="RoundRobin"), at(-5)), revision=3, cursors=cursors, closing=True),
        with_ledger(range_object(mode="FirstMatch"), revision=3, cursors=cursors),
    ):
        status = sync_range(parent)["status"]
        assert (status["roundRobin"], status["revision"]) == (cursors, 3)


def test_cursors_are_written_in_the_order_of_lengths_whatever_their_order_on_the_wire() -> None:
    """S6 goes for maps too: the same facts give the same bytes."""
    cursors = {"30": "10.0.0.4", "9": "10.0.0.0", "28": "10.0.0.32"}
    parent = with_ledger(range_object(mode="RoundRobin"), revision=3, cursors=cursors)
    for requests in ([], [request_object("web")]):
        status = sync_range(parent, *requests)["status"]
        assert list(status["roundRobin"]) == ["9", "28", "30"]


def test_blocks_that_touch_are_no_overlap() -> None:
    status = RangeStatus(allocations=[Entry("10.0.0.0/28", "t/a", "a"), Entry("10.0.0.16/28", "t/b", "b")])
    assert list(read_ledger(status).entries) == ["a", "b"]
    with pytest.raises(ProtocolError):
        read_ledger(RangeStatus(allocations=status.allocations[::-1]))


def test_a_status_without_revision_is_one_of_revision_0() -> None:
    body = range_body(range_object(), request_object("web"))
    statuses: list[Obj] = [{}, {"revision": 0}, {"conditions": []}]
    for status in statuses:
        body["parent"]["status"] = status
        assert answer_to(body)["status"]["revision"] == 1
    del body["parent"]["status"]
    assert answer_to(body)["status"]["revision"] == 1


def test_a_first_status_without_a_grant_has_revision_0() -> None:
    body = range_body(range_object())
    del body["parent"]["status"]
    assert answer_to(body)["status"]["revision"] == 0
