"""Costs of a call that are the same in each run and on each machine, however busy it is."""

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any


def instruction_count(call: Callable[[], object]) -> int:
    """Number of Python instructions that a call executes. What C code does for one of them counts as nothing more."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        nonlocal count
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def peak_bytes(call: Callable[[], object]) -> int:
    """The most memory that a call has at one time beyond what there was before, by Python's allocator."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
