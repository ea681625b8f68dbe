"""The life of an answer: every cell of what can be seen (the answer, the entry, the request, the revisions), against
the diagram in hooks/answers.py written down here once more, as a table.
"""

import copy
from itertools import product

import pytest

from tests.hooks.build import (
    Obj,
    allocation_object,
    at,
    deleted,
    entry,
    range_body,
    range_object,
    renamed,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answer_once_committed, answer_to, answers_of, ledger_of, messages_of, sync_range

CIDR = "10.0.0.0/28"
REVISION = 5  # r, of the ledger that is seen

REQUESTS: dict[str, list[Obj]] = {
    "alive": [request_object("web")],
    "released": [deleted(request_object("web"))],
    "unseen": [],
}
Answer = tuple[str, int]  # state and the revision a on which it rests


#: What the ledger that is seen says of the request.
LEDGER: dict[str, Obj] = {
    "entry": with_ledger(range_object(), entry("web", CIDR), revision=REVISION),
    "release": with_ledger(range_object(), released=["web"], revision=REVISION),
    "nothing": with_ledger(range_object(), revision=REVISION),
}


def seen(
    answer: Answer | None, ledger: str, request: str, *, closing: bool = False, invalid_range: bool = True
) -> tuple[Obj, Answer | None]:
    """What becomes of an answer; by default the range is invalid, so that nothing is granted on the side."""
    state, revision = answer or ("", 0)
    cidr = CIDR if state in ("Ready", "Released") else ""
    existing = [allocation_object("web", state, cidr=cidr, revision=revision)] if answer else []
    parent = copy.deepcopy(LEDGER[ledger])
    parent["spec"] |= {"chunkSize": 99} if invalid_range else {}
    parent["status"] |= {"closing": True} if closing else {}
    result = sync_range(parent, *REQUESTS[request], allocations=existing)
    specs = [child["spec"] for child in result["children"]]
    assert len(specs) <= 1
    return result, (specs[0]["state"], specs[0].get("revision", 0)) if specs else None


OLDER, SAME, NEWER = REVISION - 1, REVISION, REVISION + 1
READY_NOW, RELEASED_NOW = ("Ready", SAME), ("Released", SAME)
BUSY, INVALID = ("Busy", 0), ("Invalid", 0)
UNSERVED: tuple[Answer | None, ...] = (None, BUSY, INVALID)
READY: tuple[Answer, ...] = tuple(("Ready", a) for a in (OLDER, SAME, NEWER))
RELEASED: tuple[Answer, ...] = tuple(("Released", a) for a in (OLDER, SAME, NEWER))

#: (answer seen, what the ledger seen says, request seen) -> answer published
LIFE: list[tuple[Answer | None, str, str, Answer | None]] = [
    # nothing, Busy, Invalid -- entry in the ledger --> Ready(a = r); S3
    *((old, "entry", request, READY_NOW) for old in UNSERVED for request in REQUESTS),
    # nothing, Busy, Invalid, Ready -- release in the ledger, request seen --> Released(a = r)
    *((old, "release", request, RELEASED_NOW) for old in (*UNSERVED, *READY) for request in ("alive", "released")),
    # Ready -- neither of them, request seen released --> the same: the release is being committed
    *((old, "nothing", "released", old) for old in READY),
    # Ready -- neither of them, r >= a, request alive or not seen --> nothing
    *((("Ready", a), "nothing", request, None) for a in (OLDER, SAME) for request in ("alive", "unseen")),
    # Released -- entry in the ledger, request alive --> Ready: a stranger wrote it
    *((old, "entry", "alive", READY_NOW) for old in RELEASED),
    # Ready, Released -- release in the ledger, request not seen --> nothing
    *((old, "release", "unseen", None) for old in (*READY, *RELEASED)),
    # Busy, Invalid -- request not seen --> the same, marked; and then nothing: the test below
    *((old, "nothing", "unseen", old) for old in (BUSY, INVALID)),
    *((old, "release", "unseen", None) for old in UNSERVED),
    (None, "nothing", "unseen", None),
    # what is right stays
    *((old, "entry", request, old) for old in READY for request in REQUESTS),
    *((old, "release", request, old) for old in RELEASED for request in ("alive", "released")),
    *((old, "nothing", "alive", INVALID) for old in UNSERVED),
    *((old, "nothing", "released", old) for old in (*UNSERVED, *RELEASED)),
    # what rests on a later ledger than that which is seen stays
    *((("Ready", NEWER), "nothing", request, ("Ready", NEWER)) for request in ("alive", "unseen")),
    *((("Released", NEWER), ledger, "unseen", ("Released", NEWER)) for ledger in ("entry", "nothing")),
    (("Released", NEWER), "entry", "released", ("Released", NEWER)),
    # else an entry or its absence is right, and a stranger was wrong
    *((("Released", a), "entry", request, READY_NOW) for a in (OLDER, SAME) for request in ("released", "unseen")),
    *((("Released", a), "nothing", "unseen", None) for a in (OLDER, SAME)),
    *((old, "nothing", "alive", None) for old in RELEASED),
]


def described(row: tuple[Answer | None, str, str, Answer | None]) -> str:
    answer, ledger, request, _ = row
    return f"{answer or 'no answer'}, {ledger} in the ledger, request {request}"


@pytest.mark.parametrize(("answer", "ledger", "request_", "expected"), LIFE, ids=map(described, LIFE))
def test_an_answer_lives_as_the_diagram_says(
    answer: Answer | None, ledger: str, request_: str, expected: Answer | None
) -> None:
    assert seen(answer, ledger, request_)[1] == expected


def test_the_table_has_every_cell() -> None:
    cells = set(product((*UNSERVED, *READY, *RELEASED), LEDGER, REQUESTS))
    assert {row[:3] for row in LIFE} == cells
    assert len(LIFE) == len(cells)


@pytest.mark.parametrize("request_", list(REQUESTS))
def test_a_closing_ledger_is_the_last_word(request_: str) -> None:
    """Nothing is granted after `closing`, so an answer that rests on a later ledger without it can't be right."""
    expected: dict[str, Answer | None] = {"alive": None, "unseen": None, "released": ("Ready", NEWER)}
    assert seen(("Ready", NEWER), "nothing", request_, closing=True)[1] == expected[request_]


def test_a_refusal_ends_in_two_steps() -> None:
    """Metacontroller deletes an answer whatever it says by now, but updates it only as it was seen."""
    parent = with_ledger(range_object(), revision=REVISION)
    (marked,) = sync_range(parent, allocations=[allocation_object("web", "Busy", reason="Exhausted")])["children"]
    assert (marked["spec"]["state"], marked["spec"]["reason"]) == ("Busy", "Withdrawn")
    seen_again = allocation_object("web", "Busy", reason="Withdrawn")
    assert sync_range(parent, allocations=[seen_again])["children"] == []
    served = sync_range(parent, request_object("web"), allocations=[seen_again])
    assert ledger_of(served) == {"web": CIDR}


# --- S3: from the observed ledger only ------------------------------------------------------------------------------


def test_a_grant_of_this_call_is_not_published_by_it() -> None:
    for old in UNSERVED:
        result, answer = seen(old, "nothing", "alive", invalid_range=False)
        assert ledger_of(result) == {"web": CIDR}
        assert answer is None or answer[0] in ("Busy", "Invalid")


@pytest.mark.parametrize("answer", [*UNSERVED, *READY])
@pytest.mark.parametrize("ledger", ["entry", "nothing"])
def test_a_release_of_this_call_is_not_published_by_it(answer: Answer | None, ledger: str) -> None:
    result, published = seen(answer, ledger, "released")
    assert ledger_of(result) == {}
    assert result["status"]["released"] == ["uid-web"]
    assert result["status"]["revision"] == REVISION + 1
    assert published is None or published[0] != "Released"


def test_who_waits_because_of_a_grant_is_told_once_it_is_committed() -> None:
    """Else a call with an older view of the range would tell a holder that his block is somebody else's."""
    old, young = (
        request_object(name, wanted=CIDR, created=at(seconds)) for name, seconds in (("old", -9), ("young", -8))
    )
    hopeless = request_object("hopeless", wanted="10.9.0.0/28")
    body = range_body(range_object(), old, young, hopeless)
    proposed, committed = answer_to(body), answer_once_committed(body)
    assert ledger_of(proposed) == {"old": CIDR}
    assert answers_of(proposed) == {"hopeless": ("Invalid", "")}
    assert proposed["status"]["pending"] == 1
    assert messages_of(committed)["young"] == f"{CIDR} is held by team-a/old"


def test_an_answer_is_never_left_out_because_a_request_waits_for_its_grant() -> None:
    """Busy stays until Ready replaces it: deleting it in between would be a write, and a gap."""
    assert seen(BUSY, "nothing", "alive", invalid_range=False)[1] == BUSY


def test_who_was_released_is_granted_nothing() -> None:
    """The request still lives in a cache that lags."""
    for answer in (None, ("Released", OLDER)):
        result, published = seen(answer, "release", "alive", invalid_range=False)
        assert ledger_of(result) == {}
        assert result["status"]["revision"] == REVISION
        assert published is not None
        assert published[0] == "Released"


# --- answers of strangers -------------------------------------------------------------------------------------------


def children_of(*allocations: Obj) -> list[Obj]:
    children: list[Obj] = sync_range(LEDGER["entry"], request_object("web"), allocations=list(allocations))["children"]
    return children


def test_an_answer_with_another_block_is_ended_before_the_right_one_is_published() -> None:
    """An allocation's cidr can't be changed: the API server refuses it, and would for ever."""
    assert children_of(allocation_object("web", cidr="10.0.0.16/28", revision=REVISION)) == []


def test_an_allocation_of_another_name_is_no_answer_of_ours() -> None:
    (child,) = children_of(renamed(allocation_object("web", cidr="10.0.0.16/28", revision=REVISION), "stranger"))
    assert (child["metadata"]["name"], child["spec"]["cidr"]) != ("stranger", "10.0.0.16/28")


def test_a_reason_left_on_a_ready_answer_is_cleared() -> None:
    (child,) = children_of(allocation_object("web", cidr=CIDR, revision=4, reason="Exhausted", message="no room"))
    assert child["spec"] == {
        "range": "net",
        "request": {"namespace": "team-a", "name": "web", "uid": "uid-web"},
        "state": "Ready",
        "cidr": CIDR,
        "revision": 4,
    }


def test_answers_are_sorted_by_name_and_carry_no_more_than_they_must() -> None:
    entries = [entry(name, f"10.0.0.{16 * n}/28") for n, name in enumerate("zyx")]
    parent = with_ledger(range_object(), *entries, revision=3)
    children = sync_range(parent, *(request_object(name) for name in "zyxw"))["children"]
    names = [child["metadata"]["name"] for child in children]
    assert names == sorted(names)
    assert len(names) == 3
    assert all(set(child) == {"apiVersion", "kind", "metadata", "spec"} for child in children)
    assert all(set(child["metadata"]) == {"namespace", "name"} for child in children)
