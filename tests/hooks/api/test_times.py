"""Times as the API server writes them, and those of other clocks."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hooks.api.times import end_of, plausible, timestamp
from tests.hooks.build import NOW


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC), "2026-11-23T20:00:00Z"),
        (datetime(2026, 11, 23, 20, 0, 0, 999_999, tzinfo=UTC), "2026-11-23T20:00:00Z"),
        (datetime(2026, 11, 24, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-11-23T20:00:00Z"),
        (datetime(9999, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))), "9999-12-31T23:30:00Z"),
    ],
    ids=["UTC", "a fraction", "another zone", "after the last year of UTC"],
)
def test_a_time_is_written_as_the_api_server_writes_it(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


@pytest.mark.parametrize(("seconds", "counted"), [(-86_400, -86_400), (0, 0), (60, 60), (61, 0), (86_400, 0)], ids=str)
def test_a_time_that_lies_further_ahead_than_clocks_can_differ_counts_as_now(seconds: int, counted: int) -> None:
    assert plausible(NOW + timedelta(seconds=seconds), NOW) == NOW + timedelta(seconds=counted)


@pytest.mark.parametrize("start", [NOW, datetime(9999, 12, 31, 23, 59, tzinfo=UTC)], ids=str)
def test_a_period_ends_with_the_last_year_at_the_latest(start: datetime) -> None:
    end = end_of(start, timedelta(minutes=2))
    assert end == start + timedelta(minutes=2) if start.year < 9999 else end.replace(tzinfo=None) == datetime.max
