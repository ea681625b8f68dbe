"""Times: as the API server writes them, and what to believe of those that replicas wrote down for each other."""

from datetime import UTC, datetime, timedelta

#: How far the clocks of two replicas may differ without making a wait longer.
CLOCK_DIFFERENCE_MAX = timedelta(minutes=1)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC and whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rewriting_time(now: datetime) -> datetime:
    """A time that changes four times a minute, so that to write it is a change, but no loop without a pause."""
    return now.replace(second=now.second // 15 * 15, microsecond=0)


def plausible(written: datetime, now: datetime) -> datetime:
    """A time that a replica wrote; one that lies further ahead than clocks may differ is wrong and counts as now."""
    return now if written - now > CLOCK_DIFFERENCE_MAX else written
