"""The life of an answer: every combination of what can be observed (the answer, the entry, the request, the revisions)
against the diagram in hooks/ranges/answers.py, which is repeated here as a table.
"""

import copy
from itertools import product

import pytest

from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    WEB,
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    put_on_hold,
    range_body,
    range_object,
    recording,
    request_object,
    with_ledger,
)
from tests.hooks.calls import (
    answer_once_committed,
    answer_to,
    answers_of,
    items_of,
    ledger_of,
    messages_of,
    slices_of,
    sync_range,
)
from tests.hooks.reserving import reserving

REVISION = 5  # r, of the observed ledger

REQUESTS: dict[str, list[Obj]] = {
    "alive": [WEB],
    "released": [DELETED_WEB],
    "absent": [],
}
Answer = tuple[str, int]  # state and the revision a on which it rests


#: What the observed ledger records about the request.
LEDGER: dict[str, Obj] = {
    "entry": with_ledger(range_object(), entry("web", CIDR), revision=REVISION),
    "release": with_ledger(range_object(), released=["web"], revision=REVISION),
    "nothing": with_ledger(range_object(), revision=REVISION),
}


def answered(
    answer: Answer | None, ledger: str, request: str, *, closing: bool = False, invalid_range: bool = True
) -> tuple[Obj, Answer | None]:
    """The answer of the call and that to the request. By default the range is invalid, so that it grants nothing."""
    state, revision = answer or ("", 0)
    cidr = CIDR if state in ("Ready", "Released") else ""
    existing = [answer_item("web", state, cidr=cidr, revision=revision)] if answer else []
    parent = copy.deepcopy(LEDGER[ledger])
    parent["spec"] |= {"chunkSize": 99} if invalid_range else {}
    parent["status"] |= {"closing": True} if closing else {}
    result = sync_range(parent, *REQUESTS[request], answers=existing)
    items = items_of(result)
    assert len(items) <= 1
    return result, (items[0]["state"], items[0].get("revision", 0)) if items else None


OLDER, SAME, NEWER = REVISION - 1, REVISION, REVISION + 1
READY_NOW, RELEASED_NOW = ("Ready", SAME), ("Released", SAME)
BUSY, INVALID = ("Busy", 0), ("Invalid", 0)
UNSERVED: tuple[Answer | None, ...] = (None, BUSY, INVALID)
READY: tuple[Answer, ...] = tuple(("Ready", a) for a in (OLDER, SAME, NEWER))
RELEASED: tuple[Answer, ...] = tuple(("Released", a) for a in (OLDER, SAME, NEWER))

#: (observed answer, record in the observed ledger, observed request) -> published answer
LIFE: list[tuple[Answer | None, str, str, Answer | None]] = [
    # nothing -- entry in the ledger, request absent --> nothing: the name of its slice is not known
    (None, "entry", "absent", None),
    # nothing, Busy, Invalid -- entry in the ledger --> Ready(a = r); S3
    *((None, "entry", request, READY_NOW) for request in ("alive", "released")),
    *((old, "entry", request, READY_NOW) for old in (BUSY, INVALID) for request in REQUESTS),
    # nothing, Busy, Invalid, Ready -- release in the ledger, request observed --> Released(a = r)
    *((old, "release", request, RELEASED_NOW) for old in (*UNSERVED, *READY) for request in ("alive", "released")),
    # Ready -- neither of them, request is being released --> the same: the release is being committed
    *((old, "nothing", "released", old) for old in READY),
    # Ready -- neither of them, r >= a, request alive or absent --> nothing
    *((("Ready", a), "nothing", request, None) for a in (OLDER, SAME) for request in ("alive", "absent")),
    # Released -- entry in the ledger, request alive --> Ready: not written by the range
    *((old, "entry", "alive", READY_NOW) for old in RELEASED),
    # Ready, Released -- release in the ledger, request absent --> nothing
    *((old, "release", "absent", None) for old in (*READY, *RELEASED)),
    # Busy, Invalid -- request absent --> nothing
    *((old, "nothing", "absent", None) for old in (BUSY, INVALID)),
    *((old, "release", "absent", None) for old in UNSERVED),
    (None, "nothing", "absent", None),
    # right answers stay
    *((old, "entry", request, old) for old in READY for request in REQUESTS),
    *((old, "release", request, old) for old in RELEASED for request in ("alive", "released")),
    *((old, "nothing", "alive", INVALID) for old in UNSERVED),
    *((old, "nothing", "released", old) for old in (*UNSERVED, *RELEASED)),
    # answers that rest on a later ledger than the observed one stay
    *((("Ready", NEWER), "nothing", request, ("Ready", NEWER)) for request in ("alive", "absent")),
    *((("Released", NEWER), ledger, "absent", ("Released", NEWER)) for ledger in ("entry", "nothing")),
    (("Released", NEWER), "entry", "released", ("Released", NEWER)),
    # otherwise the ledger is right, and the answer was not written by the range
    *((("Released", a), "entry", request, READY_NOW) for a in (OLDER, SAME) for request in ("released", "absent")),
    *((("Released", a), "nothing", "absent", None) for a in (OLDER, SAME)),
    *((old, "nothing", "alive", None) for old in RELEASED),
]


def described(row: tuple[Answer | None, str, str, Answer | None]) -> str:
    answer, ledger, request, _ = row
    return f"{answer or 'no answer'}, {ledger} in the ledger, request {request}"


@pytest.mark.parametrize(("answer", "ledger", "request_", "expected"), LIFE, ids=map(described, LIFE))
def test_an_answer_changes_as_the_diagram_shows(
    answer: Answer | None, ledger: str, request_: str, expected: Answer | None
) -> None:
    assert answered(answer, ledger, request_)[1] == expected


def test_the_table_has_every_cell() -> None:
    cells = set(product((*UNSERVED, *READY, *RELEASED), LEDGER, REQUESTS))
    assert {row[:3] for row in LIFE} == cells
    assert len(LIFE) == len(cells)


@pytest.mark.parametrize("request_", list(REQUESTS))
def test_a_closing_ledger_ends_answers_that_rest_on_a_later_one(request_: str) -> None:
    """Nothing is granted after `closing`, so an answer that rests on a later ledger without it cannot be right."""
    expected: dict[str, Answer | None] = {"alive": None, "absent": None, "released": ("Ready", NEWER)}
    assert answered(("Ready", NEWER), "nothing", request_, closing=True)[1] == expected[request_]


def test_a_refusal_ends_by_an_update_of_its_slice() -> None:
    """Metacontroller deletes a slice even if it has changed, but updates it only if it is as observed."""
    parent = with_ledger(range_object(), revision=REVISION)
    (slice_,) = slices_of(sync_range(parent, answers=[answer_item("web", "Busy", reason="Exhausted")]))
    assert slice_["spec"]["answers"] == []


# --- S3: from the observed ledger only ------------------------------------------------------------------------------


def test_a_grant_of_this_call_is_not_published_by_it() -> None:
    for old in UNSERVED:
        result, answer = answered(old, "nothing", "alive", invalid_range=False)
        assert ledger_of(result) == {"web": CIDR}
        assert answer is None or answer[0] in ("Busy", "Invalid")


@pytest.mark.parametrize("answer", [*UNSERVED, *READY])
@pytest.mark.parametrize("ledger", ["entry", "nothing"])
def test_a_release_of_this_call_is_not_published_by_it(answer: Answer | None, ledger: str) -> None:
    result, published = answered(answer, ledger, "released")
    assert ledger_of(result) == {}
    assert result["status"]["released"] == ["uid-web"]
    assert result["status"]["revision"] == REVISION + 1
    assert published is None or published[0] != "Released"


def test_a_refusal_because_of_a_grant_is_published_once_the_grant_is_committed() -> None:
    """Otherwise a call with a stale view of the range could refuse a holder its own block."""
    old, young = (
        request_object(name, wanted=CIDR, created=at(seconds)) for name, seconds in (("old", -9), ("young", -8))
    )
    hopeless = request_object("hopeless", wanted="10.9.0.0/28")
    body = range_body(range_object(), old, young, hopeless)
    proposed, committed = answer_to(body), answer_once_committed(body)
    assert ledger_of(proposed) == {"old": CIDR}
    assert answers_of(proposed) == {"hopeless": ("Invalid", "")}
    assert proposed["status"]["pending"] == 1
    assert messages_of(committed)["young"] == f"{CIDR} is not free: it was held by team-a/old when last checked"


def test_a_busy_answer_stays_while_its_request_waits_for_its_grant() -> None:
    """Busy stays until Ready replaces it: deleting it in between would be one more write, and leave a gap."""
    assert answered(BUSY, "nothing", "alive", invalid_range=False)[1] == BUSY


def test_a_released_request_is_granted_nothing() -> None:
    """A stale cache still shows it alive."""
    for answer in (None, ("Released", OLDER)):
        result, published = answered(answer, "release", "alive", invalid_range=False)
        assert ledger_of(result) == {}
        assert result["status"]["revision"] == REVISION
        assert published is not None
        assert published[0] == "Released"


# --- refusals of taken blocks -----------------------------------------------------------------------------------------


def test_a_refusal_of_a_taken_block_keeps_its_message_while_the_block_changes_hands() -> None:
    """Finding 7: one release would rewrite the answers of all requests that wait for the block."""
    waiting = request_object("web", wanted=CIDR)
    parent = with_ledger(range_object(), entry("first", CIDR))
    (told,) = items_of(sync_range(parent, waiting))
    assert told["message"] == f"{CIDR} is not free: it was held by team-a/first when last checked"
    cooling = with_ledger(range_object(cooldown=60), entry("first", CIDR, released_at=at(-5)))
    for later in (with_ledger(range_object(), entry("second", CIDR)), cooling):
        assert items_of(sync_range(later, waiting, answers=[told])) == [told]


def test_a_refusal_of_a_taken_block_changes_with_the_block() -> None:
    """On hold a request by index waits for its recorded block, and afterwards for that of its index."""
    waiting = recording(request_object("web", wanted="0/28"), "10.0.0.16/28")
    parent = with_ledger(range_object(), entry("a", CIDR), entry("b", "10.0.0.16/28"))
    (told,) = items_of(sync_range(put_on_hold(parent), waiting))
    assert told["message"] == "10.0.0.16/28 is not free: it was held by team-a/b when last checked"
    answer = sync_range(parent, waiting, answers=[told])
    why = "10.0.0.16/28 is not free: it was held by team-a/b when last checked"
    assert messages_of(answer)["web"] == f"{CIDR} is not free: it was held by team-a/a when last checked; {why}"


def test_a_refusal_for_lack_of_room_keeps_its_message_while_the_recorded_block_changes_hands() -> None:
    """An update of one answer triggers all requests of its slice."""
    waiting = recording(request_object("web"), CIDR)
    first, second = (with_ledger(range_object("10.0.0.0/28"), entry(name, CIDR)) for name in ("first", "second"))
    (told,) = items_of(sync_range(first, waiting))
    reason = f"{CIDR} is not free: it was held by team-a/first when last checked"
    assert told["reason"] == "Exhausted"
    assert told["message"] == f"no free /28 in team-a/net: waiting for room; {reason}"
    assert items_of(sync_range(second, waiting, answers=[told])) == [told]
    assert "team-a/second" in messages_of(sync_range(second, waiting))["web"]


def test_a_refusal_of_a_taken_block_changes_with_what_it_says_besides() -> None:
    """The holder in the way is the same all the time."""
    waiting = request_object("web", wanted=CIDR)
    taken = with_ledger(range_object(), entry("first", CIDR))
    (short,) = items_of(sync_range(taken, waiting))
    reserved = reserving(taken, web="10.0.0.16/28")
    (long,) = items_of(sync_range(reserved, waiting, answers=[short]))
    why = "10.0.0.16/28 is reserved for this request, but it asks for 10.0.0.0/28"
    assert long["message"] == f"{short['message']}; {why}"
    assert items_of(sync_range(taken, waiting, answers=[long])) == [short]


def test_a_refusal_changes_when_its_recorded_block_no_longer_cools_down() -> None:
    waiting = recording(request_object("web", wanted="0/28"), "10.0.0.16/28")
    held = entry("first", CIDR)
    cooling = with_ledger(range_object(cooldown=60), held, entry("old", "10.0.0.16/28", released_at=at(-5)))
    (told,) = items_of(sync_range(cooling, waiting))
    assert "is cooling down" in told["message"]
    (later,) = items_of(
        sync_range(with_ledger(range_object(), held, entry("old", "10.0.0.16/28")), waiting, answers=[told])
    )
    assert "cooling" not in later["message"]


def test_a_refusal_of_a_size_that_can_never_fit_says_why_the_recorded_block_is_not_used() -> None:
    """A gateway was set in the block of a holder; then the range was lost and restored."""
    waiting = recording(request_object("web", wanted="%3"), "10.0.0.0/29")
    parent = range_object("10.0.0.0/29", chunk_size=32, network={"gateway": "10.0.0.1"})
    largest = "no block of /29 can ever fit: the largest aligned block of team-a/net is /30"
    why = "10.0.0.0/29 contains 10.0.0.1/32, the gateway of team-a/net, which is never allocated"
    assert messages_of(sync_range(parent, waiting))["web"] == f"{largest}; {why}"


@pytest.mark.parametrize(("wanted", "reason"), [(CIDR, "Taken"), ("10.9.0.0/28", "OutsideRange")])
def test_a_refusal_with_the_state_of_a_stranger_is_corrected(wanted: str, reason: str) -> None:
    waiting = request_object("web", wanted=wanted)
    parent = with_ledger(range_object(), entry("first", CIDR))
    (right,) = items_of(sync_range(parent, waiting))
    wrong = right | {"state": "Invalid" if right["state"] == "Busy" else "Busy"}
    assert right["reason"] == reason
    assert items_of(sync_range(parent, waiting, answers=[wrong])) == [right]


def test_a_refusal_for_another_reason_always_has_the_latest_message() -> None:
    old = answer_item("web", "Invalid", reason="InvalidRange", message="range team-a/net is invalid: web")
    answer = sync_range(range_object(chunk_size=99), WEB, answers=[old])
    assert messages_of(answer)["web"] == "range team-a/net is invalid: chunkSize 99: IPv4 prefix lengths are 0..32"


def test_a_refusal_of_a_taken_block_changes_with_its_reason() -> None:
    waiting = request_object("web", wanted=CIDR)
    existing = answer_item("web", "Busy", reason="Exhausted", message="no room")
    parent = with_ledger(range_object(), entry("first", CIDR))
    answer = sync_range(parent, waiting, answers=[existing])
    assert messages_of(answer)["web"] == f"{CIDR} is not free: it was held by team-a/first when last checked"
    taken = answer_item("web", "Busy", reason="Taken", message=messages_of(answer)["web"])
    answer = sync_range(deleted(parent), waiting, answers=[taken])
    assert (answers_of(answer)["web"], messages_of(answer)["web"]) == (
        ("Invalid", ""),
        "range team-a/net is being deleted: create a request for another range",
    )


# --- answers that the range did not write ---------------------------------------------------------------------------


def items_after(*items: Obj) -> list[Obj]:
    return items_of(sync_range(LEDGER["entry"], WEB, answers=list(items)))


def test_an_answer_with_another_block_is_dropped_before_the_right_one_is_published() -> None:
    """The cidr of an answer is immutable: the API server would refuse every update of its slice."""
    assert items_after(answer_item("web", cidr="10.0.0.16/28", revision=REVISION)) == []


@pytest.mark.parametrize("state", ["Busy", "Released"])
def test_the_network_of_an_answer_with_a_block_never_changes(state: str) -> None:
    """It is immutable as well."""
    network = {"gateway": "10.0.0.254"}
    (item,) = items_after(answer_item("web", state, cidr=CIDR) | {"network": network})
    assert (item["state"], item["network"]) == ("Ready", network)


@pytest.mark.parametrize("ledger", ["entry", "release", "nothing"])
def test_the_request_of_an_answer_never_changes(ledger: str) -> None:
    """It is immutable as well; the uid decides which request is answered."""
    parent = LEDGER[ledger] | {"spec": range_object(chunk_size=99)["spec"]}
    (item,) = items_of(sync_range(parent, WEB, answers=[answer_item("stranger", "Busy", uid="uid-web")]))
    assert item["request"] == "team-a/stranger"
    assert item["state"] == {"entry": "Ready", "release": "Released", "nothing": "Invalid"}[ledger]


def test_an_answer_with_a_block_that_is_newer_than_the_ledger_stays_whatever_state_a_stranger_gave_it() -> None:
    tampered = answer_item("web", "Busy", cidr=CIDR, revision=REVISION + 1)
    assert items_of(sync_range(LEDGER["nothing"], WEB, answers=[tampered])) == [tampered]


def test_a_reason_left_on_a_ready_answer_is_cleared() -> None:
    (item,) = items_after(answer_item("web", cidr=CIDR, revision=4, reason="Exhausted", message="no room"))
    assert item == {
        "uid": "uid-web",
        "request": "team-a/web",
        "state": "Ready",
        "cidr": CIDR,
        "revision": 4,
        "message": "no room",
    }
