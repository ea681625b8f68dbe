"""Slices show what the call proposed that changed them, and the next call waits until it sees that ledger."""

import pytest

from hooks.protocol.errors import OldLedger
from tests.hooks.build import (
    CIDR,
    WEB,
    answer_item,
    at,
    entry,
    range_object,
    request_object,
    slice_name_for,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import items_of, slices_of, sync_range
from tests.hooks.early import proposing

HELD = with_ledger(range_object(), entry("web", CIDR), revision=3)
READY = answer_item("web", cidr=CIDR, revision=3)
ANSWERED = slice_object(READY)


def test_a_slice_that_changes_has_the_revision_that_its_call_proposes() -> None:
    other = request_object("other")
    (written,) = slices_of(sync_range(HELD, WEB, other))
    assert written["spec"]["proposed"] == {"revision": 4, "at": at(0)}
    (unchanged,) = slices_of(sync_range(HELD, WEB, other, slices=[ANSWERED]))
    assert "proposed" not in unchanged["spec"]
    (kept,) = slices_of(sync_range(HELD, WEB, other, slices=[proposing(ANSWERED, 3, -5)]))
    assert kept["spec"]["proposed"] == {"revision": 3, "at": at(-5)}
    (settled,) = slices_of(sync_range(HELD, WEB))
    assert "proposed" not in settled["spec"]


@pytest.mark.parametrize("seconds", [0, -10])
def test_a_call_that_does_not_see_a_ledger_proposed_a_moment_ago_waits(seconds: float) -> None:
    """Its own proposal would be rejected."""
    with pytest.raises(OldLedger):
        sync_range(HELD, WEB, slices=[proposing(ANSWERED, 4, seconds)])


@pytest.mark.parametrize(("revision", "seconds"), [(3, 0), (4, -11), (4, 1)], ids=["committed", "long ago", "to come"])
def test_a_proposal_that_is_committed_or_was_lost_delays_nothing(revision: int, seconds: float) -> None:
    """A time in the future was written by a clock that is wrong."""
    assert items_of(sync_range(HELD, WEB, slices=[proposing(ANSWERED, revision, seconds)])) == [READY]


def test_a_range_with_many_requests_waits_longer() -> None:
    """Metacontroller writes for longer, and takes longer to compose the next call."""
    others = [request_object(f"other-{number}") for number in range(999)]
    with pytest.raises(OldLedger):
        sync_range(HELD, WEB, *others, slices=[proposing(ANSWERED, 4, -11)])
    sync_range(HELD, WEB, *others, slices=[proposing(ANSWERED, 4, -12)])


@pytest.mark.parametrize(("count", "announcing"), [(10, set()), (999, set()), (1000, {"b"})])
def test_a_proposal_that_changes_no_slice_is_announced_in_a_large_range(count: int, announcing: set[str]) -> None:
    """In the slice with the fewest answers. In a small range a proposal in vain costs less than that write."""
    others = [request_object(f"other-{number}") for number in range(count - 1)]
    slices = [ANSWERED, slice_object(name="b"), slice_object(name="c")]
    answered = sync_range(HELD, WEB, *others, slices=slices)
    assert answered["status"]["revision"] == 4
    assert items_of(answered) == [READY]
    proposed = {each["metadata"]["name"]: each["spec"].get("proposed") for each in slices_of(answered)}
    assert {name for name, proposal in proposed.items() if proposal} == announcing
    assert {proposal["revision"] for proposal in proposed.values() if proposal} <= {4}


def test_a_slice_whose_items_are_stored_in_another_order_has_not_changed() -> None:
    """Metacontroller adds items at the end. A slice that changes triggers all requests that it answers."""
    other = request_object("d")
    parent = with_ledger(range_object(), entry("web", CIDR), entry("d", "10.0.0.16/28"), revision=3)
    items = [answer_item("web", cidr=CIDR, revision=3), answer_item("d", cidr="10.0.0.16/28", revision=3)]
    assert items[0]["uid"] > items[1]["uid"]
    stored = slice_object(name=slice_name_for(WEB))
    stored["spec"]["answers"] = items
    (kept,) = slices_of(sync_range(parent, WEB, other, request_object("new"), slices=[stored]))
    assert "proposed" not in kept["spec"]
