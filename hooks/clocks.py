"""Times that replicas wrote down for each other: the clocks of some may be wrong."""

from datetime import datetime, timedelta

#: How far the clocks of two replicas may differ without a wait taking longer for it.
CLOCK_DIFFERENCE_MAX = timedelta(minutes=1)


def believed(written: datetime, now: datetime) -> datetime:
    """A time that was written down; one in the future, by more than clocks may differ, is wrong and counts as now."""
    return now if written - now > CLOCK_DIFFERENCE_MAX else written
