"""The measurement of standing requests: shares, when Metacontroller has settled, and the row."""

from bench.burst import PROGRAMS
from bench.standing import COLUMNS, SETTLED_SECONDS, Restart, Standing, row, settled_at, share_of


def test_the_shares_of_all_ranges_are_about_the_same() -> None:
    assert [share_of(10, 4, number) for number in range(4)] == [3, 3, 2, 2]


def test_metacontroller_has_settled_at_its_last_call() -> None:
    """It calls at 0, 2 and 11 seconds; the clock is that of the sleeps."""
    seconds = 0.0
    calls = (0.0, 2.0, 11.0)

    def sleep(duration: float) -> None:
        nonlocal seconds
        seconds += duration

    settled = settled_at(lambda: sum(call <= seconds for call in calls), lambda: seconds, sleep)

    assert settled == calls[-1]
    assert seconds == calls[-1] + SETTLED_SECONDS


def test_a_row_has_a_cell_for_each_column() -> None:
    restart = Restart(1.25, 40.0, 13_001, dict.fromkeys(PROGRAMS, 2.0))
    cells = dict(
        zip(COLUMNS, row(Standing(13_000, 1, 200.0, restart, dict.fromkeys(PROGRAMS, 5_000_000))), strict=True)
    )

    assert cells["requests"] == "13,000"
    assert cells["sync calls"] == "13,001"
    assert cells["etcd MB"] == "5"
