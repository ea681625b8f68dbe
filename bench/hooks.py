"""Measure the cost of one call of the range's hook, by part, compared with `orjson.loads` of the same body.

The figures are medians of CPU milliseconds. `orjson.loads`, which reads the body into untyped objects, is the
reference: each round runs it just before the answer in the same process, and the ratio is the median of the ratios of
all rounds, so it is valid on any machine, loaded or not.

`memory` is the most that a call has beside the body, divided by the size of the body. `growth` is the number of Python
instructions of the whole answer, divided by that of the row with fewer requests in the same state. Both are counted,
and are the same in each run.

    python -m bench.hooks [COUNT ...]
"""

import gc
import sys
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from time import process_time
from typing import Any, NamedTuple, get_args

import orjson

from bench.bodies import DELETED, State, sync_body
from bench.counting import instruction_count, peak_bytes
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_body, encode
from hooks.ranges import sync as ranges

ROUNDS = 7
NOW = DELETED + timedelta(minutes=1)
HEADER = """\
| requests | state | body MB | orjson.loads | decode | decide | encode | whole answer | ratio | memory | growth |
| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


class Cost(NamedTuple):
    """The cost of one call: medians of CPU seconds, in the order of the columns, and of the ratio; what is counted."""

    body_bytes: int
    seconds: list[float]
    ratio: float
    memory_bytes: int
    instruction_count: int


def main(counts: list[int]) -> None:
    """Print one Markdown table."""
    gc.freeze()
    print(HEADER)
    before: dict[State, Cost] = {}
    for count in counts:
        for state in get_args(State):
            cost = _cost(sync_body(count, state))
            print(_row(count, state, cost, before.get(state)), flush=True)
            before[state] = cost


def _row(count: int, state: State, cost: Cost, before: Cost | None) -> str:
    times = " | ".join(f"{each * 1000:.0f} ms" for each in cost.seconds)
    growth = f"{cost.instruction_count / before.instruction_count:.2f}" if before else ""
    return (
        f"| {count:,} | {state} | {cost.body_bytes / 1e6:.1f} | {times} "
        f"| {cost.ratio:.2f} | {cost.memory_bytes / cost.body_bytes:.2f} | {growth} |"
    )


def _cost(data: bytes) -> Cost:
    rounds = [_round(data) for _ in range(ROUNDS)]
    *seconds, ratio = (median(column) for column in zip(*rounds, strict=True))
    return Cost(len(data), seconds, ratio, peak_bytes(lambda: _answer(data)), instruction_count(lambda: _answer(data)))


def _answer(data: bytes) -> bytes:
    return encode(ranges.sync(decode_body(data, RangeBody), NOW))


def _round(data: bytes) -> tuple[float, ...]:
    """The times of `orjson.loads`, of the parts and of the whole answer, and the ratio."""
    loads = _timed(lambda: orjson.loads(data))[
        1
    ]  # the objects are not kept, or the garbage collector would scan them later
    body, decode = _timed(lambda: decode_body(data, RangeBody))
    answer, decide = _timed(lambda: ranges.sync(body, NOW))
    _, encoded = _timed(lambda: encode(answer))
    whole = decode + decide + encoded
    return loads, decode, decide, encoded, whole, whole / loads


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = process_time()
    result = call()
    return result, process_time() - start


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1_000, 10_000])
