"""Measure the cost of one call of the range's hook, by part, compared with `orjson.loads` of the same body.

The figures are medians of CPU milliseconds. `orjson.loads`, which reads the body into untyped objects, is the
reference: it runs in the same process at the same time, so the ratio is valid on any machine, loaded or not.

    python -m bench.hooks [COUNT ...]
"""

import gc
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import process_time
from typing import Any, get_args

import orjson

from bench.bodies import State, sync_body
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_body, encode
from hooks.ranges import sync as ranges

ROUNDS = 7


def main(counts: list[int]) -> None:
    """Print one Markdown table."""
    gc.freeze()
    print("| requests | state | body MB | orjson.loads | decode | decide | encode | whole answer | ratio |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for count in counts:
        for state in get_args(State):
            print(_row(count, state), flush=True)


def _row(count: int, state: State) -> str:
    data = sync_body(count, state)
    now = datetime.now(UTC)
    rounds = [_round(data, now) for _ in range(ROUNDS)]
    loads, decode, decide, encoded = (median(column) * 1000 for column in zip(*rounds, strict=True))
    whole = decode + decide + encoded
    return (
        f"| {count:,} | {state} | {len(data) / 1e6:.1f} | {loads:.0f} ms | {decode:.0f} ms | {decide:.0f} ms "
        f"| {encoded:.0f} ms | {whole:.0f} ms | {whole / loads:.2f} |"
    )


def _round(data: bytes, now: datetime) -> tuple[float, float, float, float]:
    loads = _timed(lambda: orjson.loads(data))[
        1
    ]  # the objects are not kept, or the garbage collector would scan them later
    body, decode = _timed(lambda: decode_body(data, RangeBody))
    answer, decide = _timed(lambda: ranges.sync(body, now))
    _, encoded = _timed(lambda: encode(answer))
    return loads, decode, decide, encoded


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = process_time()
    result = call()
    return result, process_time() - start


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 1_000, 10_000])
