"""The life of an answer: every cell of what can be seen (the answer, the entry, the request, the revisions), against
the diagram in hooks/answers.py written down here once more, as a table.
"""

from itertools import product

import pytest

from tests.hooks.build import (
    Obj,
    allocation_object,
    at,
    entry,
    ledger_of,
    range_body,
    range_object,
    request_object,
    sync_range,
)

CIDR = "10.0.0.0/28"
REVISION = 5  # r, of the ledger that is seen

REQUESTS: dict[str, list[Obj]] = {
    "alive": [request_object("web")],
    "released": [request_object("web", deleted=at(-1))],
    "unseen": [],
}
Answer = tuple[str, int]  # state and the revision a on which it rests


def seen(
    answer: Answer | None, *, held: bool, request: str, closing: bool = False, invalid_range: bool = True
) -> tuple[Obj, Answer | None]:
    """What becomes of an answer; by default the range is invalid, so that nothing is granted on the side."""
    state, revision = answer or ("", 0)
    cidr = CIDR if state == "Ready" else ""
    existing = [allocation_object("web", state, cidr=cidr, revision=revision)] if answer else []
    parent = range_object(
        "10.0.0.0/24",
        entries=[entry("web", CIDR)] if held else [],
        revision=REVISION,
        closing=closing,
        chunk_size=99 if invalid_range else 28,
    )
    result = sync_range(range_body(parent, *REQUESTS[request], allocations=existing))
    specs = [child["spec"] for child in result["children"]]
    assert len(specs) <= 1
    return result, (specs[0]["state"], specs[0].get("revision", 0)) if specs else None


OLDER, SAME, NEWER = REVISION - 1, REVISION, REVISION + 1
RELEASED_NOW = ("Released", REVISION)
INVALID = ("Invalid", 0)

#: (answer seen, entry in the ledger seen, request seen) -> answer published
LIFE: list[tuple[Answer | None, bool, str, Answer | None]] = [
    # nothing, Busy, Invalid -- entry in the ledger --> Ready(a = r); S3
    *(((old, True, request, ("Ready", SAME))) for old in (None, ("Busy", 0), INVALID) for request in REQUESTS),
    # Ready -- entry in the ledger --> the same
    *((("Ready", a), True, request, ("Ready", a)) for a in (OLDER, SAME, NEWER) for request in REQUESTS),
    # Ready -- no entry, r >= a, request seen released --> Released(a as it was)
    (("Ready", OLDER), False, "released", ("Released", OLDER)),
    (("Ready", SAME), False, "released", ("Released", SAME)),
    # Ready -- no entry, r >= a, request not seen --> nothing
    (("Ready", OLDER), False, "unseen", None),
    (("Ready", SAME), False, "unseen", None),
    # Ready -- no entry, r < a: the ledger that is seen is stale --> the same
    *((("Ready", NEWER), False, request, ("Ready", NEWER)) for request in REQUESTS),
    # nothing, Busy, Invalid -- no entry, request seen released --> Released(a = r)
    *((old, False, "released", RELEASED_NOW) for old in (None, ("Busy", 0), INVALID)),
    # nothing, Busy, Invalid -- no entry, request alive --> the refusal of now; request not seen --> nothing
    *((old, False, "alive", INVALID) for old in (None, ("Busy", 0), INVALID)),
    *((old, False, "unseen", None) for old in (None, ("Busy", 0), INVALID)),
    # Released -- no entry, r > a, request not seen --> nothing; else it stays
    (("Released", OLDER), False, "unseen", None),
    (("Released", SAME), False, "unseen", ("Released", SAME)),
    (("Released", NEWER), False, "unseen", ("Released", NEWER)),
    *(
        (("Released", a), False, request, ("Released", a))
        for a in (OLDER, SAME, NEWER)
        for request in ("alive", "released")
    ),
    # Released -- entry in the ledger, request going or gone --> the same: the entry goes by it
    *(
        (("Released", a), True, request, ("Released", a))
        for a in (OLDER, SAME, NEWER)
        for request in ("released", "unseen")
    ),
]


def described(row: tuple[Answer | None, bool, str, Answer | None]) -> str:
    answer, held, request, _ = row
    return f"{answer or 'nothing'}, {'entry' if held else 'no entry'}, request {request}"


@pytest.mark.parametrize(("answer", "held", "request_", "expected"), LIFE, ids=map(described, LIFE))
def test_an_answer_lives_as_the_diagram_says(
    answer: Answer | None, request_: str, expected: Answer | None, *, held: bool
) -> None:
    assert seen(answer, held=held, request=request_)[1] == expected


def test_the_table_has_every_cell_that_the_diagram_decides() -> None:
    states: list[Answer | None] = [None, ("Busy", 0), INVALID]
    states += [(state, a) for state in ("Ready", "Released") for a in (OLDER, SAME, NEWER)]
    cells = set(product(states, (False, True), REQUESTS))
    undecided = {(("Ready", a), False, "alive") for a in (OLDER, SAME)}  # the next test
    undecided |= {(("Released", a), True, "alive") for a in (OLDER, SAME, NEWER)}  # the one after it
    assert cells - {row[:3] for row in LIFE} == undecided
    assert len(LIFE) == len({row[:3] for row in LIFE})


@pytest.mark.parametrize("revision", [OLDER, SAME])
def test_a_ready_answer_to_a_living_request_that_is_in_no_ledger_is_not_called_released(revision: int) -> None:
    answer = seen(("Ready", revision), held=False, request="alive")[1]
    assert answer is None or answer[0] != "Released"


@pytest.mark.parametrize("revision", [OLDER, SAME, NEWER])
def test_a_released_answer_to_a_holder_that_is_seen_alive_publishes_no_other_block(revision: int) -> None:
    result, answer = seen(("Released", revision), held=True, request="alive")
    assert answer in (("Released", revision), ("Ready", SAME))
    assert ledger_of(result) == {"web": CIDR}


@pytest.mark.parametrize("request_", list(REQUESTS))
def test_a_closing_ledger_is_the_last_word(request_: str) -> None:
    """Nothing is granted after `closing`, so an answer that rests on a later ledger without it can't be right."""
    expected: dict[str, Answer | None] = {"alive": None, "unseen": None, "released": ("Released", NEWER)}
    assert seen(("Ready", NEWER), held=False, request=request_, closing=True)[1] == expected[request_]


# --- S3: from the observed ledger only ------------------------------------------------------------------------------


def test_a_grant_of_this_call_is_not_published_by_it() -> None:
    for old in (None, ("Busy", 0), INVALID):
        result, answer = seen(old, held=False, request="alive", invalid_range=False)
        assert ledger_of(result) == {"web": CIDR}
        assert answer is None or answer[0] in ("Busy", "Invalid")


def test_a_release_of_this_call_is_not_published_by_it() -> None:
    result, answer = seen(("Ready", OLDER), held=True, request="released")
    assert ledger_of(result) == {}
    assert answer == ("Ready", OLDER)


def test_an_answer_is_never_left_out_because_a_request_waits_for_its_grant() -> None:
    """Busy stays until Ready replaces it: deleting it in between would be a write, and a gap."""
    assert seen(("Busy", 0), held=False, request="alive", invalid_range=False)[1] == ("Busy", 0)


# --- what ends a Released answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "proposed"),
    [(OLDER, REVISION), (SAME, REVISION + 1), (NEWER, REVISION + 1)],
    ids=["a<r", "a=r", "a>r"],
)
def test_a_released_answer_needs_a_later_revision_to_end(revision: int, proposed: int) -> None:
    result, _ = seen(("Released", revision), held=False, request="unseen")
    assert result["status"]["revision"] == proposed


def test_a_released_answer_releases_an_entry_that_was_granted_after_it() -> None:
    """The grant came from a stale cache: its holder was let go already, and the answer is the proof (S5 a)."""
    result, answer = seen(("Released", SAME), held=True, request="unseen")
    assert ledger_of(result) == {}
    assert result["status"]["revision"] == REVISION + 1
    assert answer == ("Released", SAME)


def test_who_was_let_go_is_granted_nothing() -> None:
    result, answer = seen(("Released", OLDER), held=False, request="alive", invalid_range=False)
    assert ledger_of(result) == {}
    assert answer == ("Released", OLDER)


# --- answers of strangers -------------------------------------------------------------------------------------------


def children_of(*allocations: Obj, held: bool = True) -> list[Obj]:
    parent = range_object(entries=[entry("web", CIDR)] if held else [], revision=REVISION)
    children: list[Obj] = sync_range(range_body(parent, request_object("web"), allocations=list(allocations)))[
        "children"
    ]
    return children


def test_an_answer_with_another_block_is_ended_before_the_right_one_is_published() -> None:
    """An allocation's cidr can't be changed: the API server refuses it, and would for ever."""
    assert children_of(allocation_object("web", cidr="10.0.0.16/28", revision=REVISION)) == []


def test_an_allocation_of_another_name_is_no_answer_of_ours() -> None:
    (child,) = children_of(allocation_object("web", cidr="10.0.0.16/28", revision=REVISION, name="stranger"))
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
    parent = range_object(entries=[entry(name, f"10.0.0.{16 * n}/28") for n, name in enumerate("zyx")], revision=3)
    children = sync_range(range_body(parent, *(request_object(name) for name in "zyxw")))["children"]
    names = [child["metadata"]["name"] for child in children]
    assert names == sorted(names)
    assert len(names) == 3
    assert all(set(child) == {"apiVersion", "kind", "metadata", "spec"} for child in children)
    assert all(set(child["metadata"]) == {"namespace", "name"} for child in children)
