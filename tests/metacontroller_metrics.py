"""The metrics of Metacontroller that alerts and the dashboard use, with their labels.

`tests/e2e/test_monitoring.py` finds them in a real Metacontroller.
"""

_HOOKS = ("customize", "sync", "finalize")
_CONTROLLER = frozenset({"method", "controller_name", "controller_type", "url"})

#: The number of calls of each hook that were answered. A call without an answer is not counted.
COUNTERS = {f"metacontroller_{hook}_requests_total": _CONTROLLER | {"code"} for hook in _HOOKS}
DURATIONS = {
    f"metacontroller_{hook}_request_duration_histogram_seconds_bucket": _CONTROLLER | {"le"} for hook in _HOOKS
}
#: Those of the libraries that Metacontroller uses.
OTHERS = {
    "workqueue_depth": frozenset({"controller", "name", "priority"}),
    "rest_client_requests_total": frozenset({"code", "host", "method"}),
}
METRICS: dict[str, frozenset[str]] = COUNTERS | DURATIONS | OTHERS
