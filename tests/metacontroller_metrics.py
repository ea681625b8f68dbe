"""The metrics of Metacontroller that alerts use; `tests/e2e/test_monitoring.py` finds them in a real Metacontroller."""

#: The number of calls of each hook that were answered. A call without an answer is not counted.
METRICS = frozenset(f"metacontroller_{hook}_requests_total" for hook in ("customize", "sync", "finalize"))
LABELS = frozenset({"code", "method", "controller_name", "controller_type", "url"})
