"""Times as the API server writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hooks.api.times import timestamp


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC), "2026-11-23T20:00:00Z"),
        (datetime(2026, 11, 23, 20, 0, 0, 999_999, tzinfo=UTC), "2026-11-23T20:00:00Z"),
        (datetime(2026, 11, 24, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-11-23T20:00:00Z"),
    ],
    ids=["UTC", "a fraction", "another zone"],
)
def test_a_time_is_written_as_the_api_server_writes_it(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text
