"""What the hooks count, for Prometheus: calls, their parts and sizes, and what was decided.

Metacontroller counts its calls, and kube-state-metrics shows the objects; here is what neither of them can see. There
are only counters and histograms. Each worker counts in a file of its own, `hooks/exposition.py` serves the sums, and
what a worker has counted is kept when it ends.

The labels are few and known in advance: paths, HTTP status codes and reasons, never the name of an object.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct
from prometheus_client import Counter, Histogram

# fmt: off
#: What the condition Ready gives as its reason: of ranges, of requests, of requests that are refused, and of claims.
REASONS = frozenset({
    "Serving", "Closed", "Deleting", "InvalidSpec", "OutdatedCRD",
    "Allocated", "NoAnswer", "Contradiction",
    "Exhausted", "Taken", "Reserved", "LedgerFull", "QuotaExceeded", "OnHold", "InvalidSize", "OutsideRange",
    "Excluded", "Gateway", "ReservedIPAddress", "TooLarge", "InvalidRequest", "InvalidRange", "RangeDeleted",
    "Unannounced", "NotDelegated",
    "AddressAllocated", "PoolNotReady", "PoolExhausted", "AllocationFailed",
})
# fmt: on
#: Any other reason: in a slice that was changed by hand, or that newer hooks have written.
OTHER = "Other"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BYTES = tuple(float(1024 * 4**power) for power in range(9))  # 1 KiB to 64 MiB

_CALLS = Counter("ipam_hooks_calls", "Calls of the hooks, by HTTP status code.", ["hook", "code"])
_BODY_BYTES = Histogram("ipam_hooks_body_bytes", "Sizes of the bodies that were read.", ["hook"], buckets=_BYTES)
_SECONDS_OF_PARTS = Histogram(
    "ipam_hooks_call_seconds",
    "Seconds that answered calls took to decode the body, and to decide.",
    ["hook", "part"],
    buckets=_SECONDS,
)
_OUTCOMES = Counter("ipam_hooks_outcomes", "Answers by the reason of the condition Ready in them.", ["hook", "reason"])
_PROPOSALS = Counter("ipam_hooks_proposals", "Answers that proposed a new revision of a ledger.")
_STALE_PROPOSALS = Counter(
    "ipam_hooks_stale_proposals", "Calls that were answered 429, because a newer ledger had just been proposed."
)
_CONTRADICTIONS = Counter(
    "ipam_hooks_contradictions", "Answers that report a contradiction in the ledger of a range (Consistent is False)."
)


class Seconds(NamedTuple):
    """How long the parts of a call took."""

    decode: float
    decide: float


class HookMetrics:
    """The metrics of one hook; its time series exist from the start, so that the first call is an increase."""

    def __init__(self, hook: str) -> None:
        self._hook = hook
        self._body_bytes = _BODY_BYTES.labels(hook)
        self._parts = [_SECONDS_OF_PARTS.labels(hook, part) for part in Seconds._fields]
        _calls(hook, 200)

    def read(self, byte_count: int) -> None:
        """Count a body that was read completely."""
        self._body_bytes.observe(byte_count)

    def answered(self, answer: Mapping[str, Any], observed_revision: int | None, seconds: Seconds) -> None:
        """Count an answer to a call that showed a ledger with this revision, or none."""
        for part, value in zip(self._parts, seconds, strict=True):
            part.observe(value)
        status = answer.get("status")
        for type_, reason in _conditions(status):
            if type_ == "Ready":
                _outcomes(self._hook, reason if reason in REASONS else OTHER).inc()
            elif type_ == "Consistent":
                _CONTRADICTIONS.inc()
        if status and observed_revision is not None and status.revision > observed_revision:
            _PROPOSALS.inc()


class _ForeignStatus(Struct, frozen=True, gc=False):
    conditions: list[Any] = []


_STATUS_DECODER = msgspec.json.Decoder(_ForeignStatus)


def _conditions(status: Any) -> list[tuple[str, str]]:
    """Types and reasons of the conditions in a status: one of our kinds, an encoded one of a foreign kind, or none.

    Of a foreign kind only Ready is ours: all others are returned as they came, in whatever form.
    """
    if not isinstance(status, Raw):
        return [(each.type, each.reason) for each in getattr(status, "conditions", ())]
    found = (each for each in _STATUS_DECODER.decode(status).conditions if isinstance(each, dict))
    return [("Ready", each.get("reason", "")) for each in found if each.get("type") == "Ready"]


def count_response(hook: str, code: int) -> None:
    """Count a response of a hook, whatever it is."""
    _calls(hook, code).inc()


def count_stale_proposal() -> None:
    """Count a call that would have proposed in vain."""
    _STALE_PROPOSALS.inc()


@cache
def _calls(hook: str, code: int) -> Counter:
    return _CALLS.labels(hook, str(code))


@cache
def _outcomes(hook: str, reason: str) -> Counter:
    return _OUTCOMES.labels(hook, reason)
