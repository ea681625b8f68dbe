"""The metrics of Metacontroller on which alerts rest; `tests/e2e/test_monitoring.py` finds them in a real one."""

#: How often it has called each hook and got an answer. A call that nobody answers is not counted.
METRICS = frozenset(f"metacontroller_{hook}_requests_total" for hook in ("customize", "sync", "finalize"))
LABELS = frozenset({"code", "method", "controller_name", "controller_type", "url"})
