"""Times: as the API server writes them, and what to believe of those that replicas wrote down for each other."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

#: How far the clocks of two replicas may differ without making a wait longer.
CLOCK_DIFFERENCE_MAX = timedelta(minutes=1)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC and whole seconds; a time that lies outside the years 1 to 9999 in UTC keeps that of its zone."""
    with suppress(OverflowError):
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def end_of(start: datetime, period: timedelta) -> datetime:
    """The end of a period; that of the year 9999, beyond which there are no times, if it ends later."""
    try:
        return start + period
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def rewriting_time(now: datetime) -> datetime:
    """A time that changes four times a minute, so that to write it is a change, but no loop without a pause."""
    return now.replace(second=now.second // 15 * 15, microsecond=0)


def plausible(written: datetime, now: datetime) -> datetime:
    """A time that a replica wrote; one that lies further ahead than clocks may differ is wrong and counts as now."""
    return now if written - now > CLOCK_DIFFERENCE_MAX else written
