"""Conditions: their times change only with their status."""

from datetime import timedelta

import pytest

from hooks.api.conditions import Fact, conditions, listed, outdated_message
from hooks.api.kinds import Condition
from tests.hooks.build import NOW, at

READY = Fact("Ready", "True", "Allocated", "")


def observed(status: str = "True", **more: str) -> Condition:
    fields = {"type": "Ready", "reason": "Allocated", "message": "", "last_transition_time": at(-100), **more}
    return Condition(status=status, observed_generation=1, **fields)


def test_a_new_condition_has_the_time_of_now() -> None:
    assert conditions([READY], [], 3, NOW) == [
        Condition(
            type="Ready",
            status="True",
            reason="Allocated",
            message="",
            last_transition_time=at(0),
            observed_generation=3,
        )
    ]


@pytest.mark.parametrize(
    ("fact", "time"),
    [
        (READY, at(-100)),
        (Fact("Ready", "True", "Serving", "2 requests wait"), at(-100)),
        (Fact("Ready", "False", "Allocated", ""), at(0)),
        (Fact("Ready", "Unknown", "Allocated", ""), at(0)),
        (Fact("Stalled", "True", "Allocated", ""), at(0)),
    ],
    ids=["the same", "another reason and message", "another status", "unknown", "another type"],
)
def test_the_time_is_kept_unless_the_status_changes(fact: Fact, time: str) -> None:
    (condition,) = conditions([fact], [observed()], 2, NOW)
    assert condition.last_transition_time == time
    assert (condition.type, condition.status, condition.reason, condition.message) == tuple(fact)
    assert condition.observed_generation == 2


def test_a_condition_that_is_no_longer_true_is_left_out() -> None:
    assert [each.type for each in conditions([READY], [observed(type="Stalled"), observed()], 1, NOW)] == ["Ready"]


def test_conditions_keep_the_order_of_the_facts() -> None:
    facts = [Fact("Ready", "False", "A", ""), Fact("Stalled", "True", "A", "")]
    assert [each.type for each in conditions(facts, [observed(type="Stalled")], 1, NOW)] == ["Ready", "Stalled"]


def test_a_message_is_cut_to_the_length_that_the_crds_allow() -> None:
    (exact,) = conditions([Fact("Ready", "False", "A", "x" * 4096)], [], 1, NOW)
    (longer,) = conditions([Fact("Ready", "False", "A", "x" * 4097)], [], 1, NOW)
    assert (exact.message, longer.message) == ("x" * 4096, "x" * 4093 + "...")


def test_times_are_written_in_utc_and_whole_seconds() -> None:
    (condition,) = conditions([READY], [], 1, NOW.astimezone() + timedelta(milliseconds=7))
    assert condition.last_transition_time == at(0)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, ""),
        (1, "0"),
        (5, "0, 1, 2, 3, 4"),
        (6, "0, 1, 2, 3, 4 and 1 more"),
        (256, "0, 1, 2, 3, 4 and 251 more"),
    ],
)
def test_a_list_in_a_message_names_five(count: int, text: str) -> None:
    """Case many-shared."""
    assert listed(iter(range(count))) == text


def test_the_message_about_an_older_crd_says_what_to_do() -> None:
    assert outdated_message(["IPAMRange", "IPAMExtent"]) == (
        "no block is allocated or released because the API server has an older CRD of IPAMRange, IPAMExtent: "
        "apply the CRDs (crds/) of the version of the hooks"
    )
