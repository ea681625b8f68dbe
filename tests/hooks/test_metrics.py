"""What is counted: each response once, outcomes by known reasons, at a cost that does not grow with the call."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw
from prometheus_client import REGISTRY

from bench.counting import instruction_count
from hooks.integrations.claim_status import EXHAUSTED, FAILED, NOT_READY
from hooks.metrics import OTHER, REASONS, HookMetrics, Seconds, count_response
from hooks.protocol.bodies import RangeBody
from hooks.protocol.decoding import decode_body
from hooks.ranges import sync as ranges
from tests.hooks.build import (
    CIDR,
    NOW,
    WEB,
    Obj,
    answer_item,
    entry,
    range_body,
    range_object,
    request_body,
    request_object,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import APP, post
from tests.hooks.early import proposing
from tests.hooks.foreign import address_object, attached_request, claim_body, claim_object

ROOT = Path(__file__).parents[2]
SYNC, REQUEST_SYNC, CLAIM_SYNC = "/ipamrange/sync", "/ipamrequest/sync", "/ipaddressclaim/sync"
#: Instructions of the smallest call of which metrics may be this part.
PART_OF_A_CALL_MAX = 0.06


class Counted:
    """What a block of code has added to a time series."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = self._now()

    def _now(self) -> float:
        return REGISTRY.get_sample_value(self._name, self._labels) or 0.0

    @property
    def added(self) -> float:
        return self._now() - self._before


def contradicting() -> Obj:
    parent = with_ledger(range_object(), entry("web", "10.0.0.16/28"))
    return range_body(parent, WEB, answers=[answer_item("web", cidr=CIDR, revision=1)])


def outdated() -> Obj:
    made = proposing(slice_object(answer_item("web", cidr=CIDR)), 9)
    return range_body(range_object(), slices=[made])


@pytest.mark.parametrize(
    ("body", "code"),
    [(range_body(range_object()), 200), (b"{}", 400), (b" " * (33 * 1024 * 1024), 413), (outdated(), 429)],
    ids=["200", "400", "413", "429"],
)
def test_each_response_is_counted_once_by_its_code(body: Obj | bytes, code: int) -> None:
    counted = Counted("ipam_hooks_calls_total", hook=SYNC, code=str(code))
    assert post(SYNC, body).status_code == code
    assert counted.added == 1


def test_a_condition_of_another_controller_is_no_contradiction_of_ours() -> None:
    claim = claim_object()
    claim["status"] = {"conditions": [{"type": "Consistent", "status": "False"}]}
    counted = Counted("ipam_hooks_contradictions_total")
    served = Counted("ipam_hooks_outcomes_total", hook=CLAIM_SYNC, reason="AddressAllocated")
    assert post(CLAIM_SYNC, claim_body(claim, attached_request(claim), address_object())).status_code == 200
    assert (counted.added, served.added) == (0, 1)


def test_a_bug_is_counted_as_500(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("hooks.ranges.sync.read_terms", failing)
    counted = Counted("ipam_hooks_calls_total", hook="/ipamrange/customize", code="500")
    assert post("/ipamrange/customize", {"parent": range_object()}).status_code == 500
    assert counted.added == 1


def test_what_is_no_hook_is_not_counted() -> None:
    def series() -> int:
        return sum(len(metric.samples) for metric in REGISTRY.collect())

    client, before = APP.test_client(), series()
    for path in ("/metrics", "/healthz", "/readyz", "/nowhere", SYNC):
        client.get(path)
    assert series() == before


def test_sizes_and_seconds_are_counted_of_each_call() -> None:
    body = json.dumps(range_body(range_object())).encode()
    size = Counted("ipam_hooks_body_bytes_sum", hook=SYNC)
    parts = [Counted("ipam_hooks_call_seconds_sum", hook=SYNC, part=part) for part in Seconds._fields]
    post(SYNC, body)
    assert size.added == len(body)
    assert all(0 < part.added < 10 for part in parts)


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (SYNC, range_body(range_object()), "Serving"),
        (SYNC, range_body(range_object("nonsense")), "InvalidSpec"),
        (SYNC, range_body(range_object(closed=True)), "Closed"),
        (REQUEST_SYNC, request_body(WEB, answer_item("web", cidr=CIDR)), "Allocated"),
        (REQUEST_SYNC, request_body(WEB, answer_item("web", "Busy", reason="Exhausted")), "Exhausted"),
        (REQUEST_SYNC, request_body(WEB, answer_item("web", "Busy", reason="WrittenByHand")), OTHER),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_outcome_is_counted_by_its_reason(path: str, body: Obj, reason: str) -> None:
    counted = Counted("ipam_hooks_outcomes_total", hook=path, reason=reason)
    assert post(path, body).status_code == 200
    assert counted.added == 1


@pytest.mark.parametrize(
    ("body", "proposals", "stale", "contradictions"),
    [
        (range_body(range_object(), WEB), 1, 0, 0),
        (range_body(with_ledger(range_object(), entry("web", CIDR)), WEB), 0, 0, 0),
        (outdated(), 0, 1, 0),
        (contradicting(), 0, 0, 1),
    ],
    ids=["a new revision", "no change", "a stale ledger", "a contradiction"],
)
def test_proposals_and_findings_of_the_audit_are_counted(
    body: Obj, proposals: int, stale: int, contradictions: int
) -> None:
    names = ("proposals", "stale_proposals", "contradictions")
    counted = [Counted(f"ipam_hooks_{name}_total") for name in names]
    post(SYNC, body)
    assert [each.added for each in counted] == [proposals, stale, contradictions]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Raw(b'{"conditions": [{"type": "Ready", "status": "False", "reason": "PoolExhausted"}]}'), "PoolExhausted"),
        (Raw(b'{"conditions": [{"type": "Ready", "status": "True"}]}'), OTHER),
        (Raw(b"{}"), None),
        (None, None),
    ],
    ids=["a reason", "no reason", "no conditions", "no status"],
)
def test_the_outcome_of_a_foreign_kind_is_counted(status: Raw | None, reason: str | None) -> None:
    hook = "/ipaddressclaim/sync"
    counted = {each: Counted("ipam_hooks_outcomes_total", hook=hook, reason=each) for each in (OTHER, "PoolExhausted")}
    HookMetrics(hook).answered({"status": status}, None, Seconds(0.1, 0.1))
    assert {each: counted[each].added for each in counted} == {each: each == reason for each in counted}


def test_every_reason_of_the_code_is_known_and_no_other() -> None:
    """The reason of `Fact("Ready", ...)` and of `Refused(...)`: their third and second argument."""
    written = set()
    for path in [*(ROOT / "hooks").rglob("*.py"), *(ROOT / "ipam").rglob("*.py")]:
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        for call in calls:
            arguments = [ast.literal_eval(each) if isinstance(each, ast.Constant) else None for each in call.args]
            if ast.unparse(call.func) == "Fact" and arguments[0] == "Ready":
                written.add(arguments[2])
            elif ast.unparse(call.func) == "Refused":
                written.add(arguments[1])
    assert (written - {None}) | {NOT_READY, EXHAUSTED, FAILED} == REASONS


def measured(count: int) -> tuple[dict[str, Any], int]:
    """An answer to that many requests, and the instructions of counting it."""
    body = range_body(range_object("10.0.0.0/16"), *(request_object(f"r{index}") for index in range(count)))
    decoded = decode_body(json.dumps(body).encode(), RangeBody)
    answer, metrics = ranges.sync(decoded, NOW), HookMetrics(SYNC)

    def count_call() -> None:
        metrics.read(1000)
        metrics.answered(answer, 0, Seconds(0.1, 0.1))
        count_response(SYNC, 200)

    count_call()
    return answer, instruction_count(count_call)


def test_counting_costs_a_small_part_of_the_smallest_call_and_no_more_of_a_large_one() -> None:
    body = json.dumps(range_body(range_object(), WEB)).encode()
    post(SYNC, body)
    smallest = instruction_count(lambda: post(SYNC, body))

    one, hundred = measured(1)[1], measured(100)[1]

    assert one == hundred
    assert one <= PART_OF_A_CALL_MAX * smallest
