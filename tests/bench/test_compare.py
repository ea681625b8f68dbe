"""The comparison of two commits: figures are read from tables, and compared by row and column."""

from collections import defaultdict

import pytest

from bench.compare import Failed, Readings, checkout, collect, table

TABLE = """\
some words
| requests | state | body MB | orjson.loads | ratio |
| ---: | --- | ---: | ---: | ---: |
| 1,000 | waiting | 1.3 | {loads} ms | {ratio} |
| 10,000 | waiting | 13.2 | 300 ms | 0.79 |
"""


def read(*texts: str) -> Readings:
    readings: Readings = defaultdict(lambda: defaultdict(list))
    for text in texts:
        collect(readings, text)
    return readings


def test_the_numbers_of_a_table_are_read_by_row_and_column() -> None:
    readings = read(TABLE.format(loads="1,014", ratio=1.7), TABLE.format(loads=14, ratio=1.5))

    assert readings["1,000", "waiting", "1.3"] == {"orjson.loads": [1014, 14], "ratio": [1.7, 1.5]}
    assert readings["10,000", "waiting", "13.2"] == {"orjson.loads": [300, 300], "ratio": [0.79, 0.79]}


def test_medians_of_both_are_shown_with_their_ratio() -> None:
    old = read(*(TABLE.format(loads=each, ratio=1) for each in (10, 20, 90)))
    new = read(*(TABLE.format(loads=each, ratio=2) for each in (30, 30, 1)))

    lines = list(table(old, new))

    assert "| 1,000 waiting 1.3 | orjson.loads | 20 | 30 | 1.50 |" in lines
    assert "| 1,000 waiting 1.3 | ratio | 1 | 2 | 2.00 |" in lines


def test_a_figure_that_only_one_commit_has_is_left_out() -> None:
    new = read(TABLE.format(loads=1, ratio=1))

    assert list(table(defaultdict(lambda: defaultdict(list)), new))[2:] == []


def test_a_commit_that_does_not_exist_is_named() -> None:
    with pytest.raises(Failed, match="no-such-commit"):
        checkout("no-such-commit")
