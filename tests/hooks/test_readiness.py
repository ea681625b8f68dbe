"""/readyz tells hooks that decide from hooks that do not."""

from typing import Any

import pytest
from msgspec.structs import force_setattr

from hooks.ranges import sync as ranges
from hooks.readiness import readiness_fault
from hooks.requests import sync as requests
from tests.hooks.calls import APP

PROBED = APP.test_client()


def test_hooks_that_decide_are_ready() -> None:
    assert readiness_fault() is None
    assert PROBED.get("/readyz").status_code == 200


def changed(function: Any, path: list[Any], value: object) -> Any:
    """The function with another value somewhere in its answer."""

    def call(*args: Any) -> Any:
        answer = function(*args)
        target = answer
        for step in path[:-1]:
            target = target[step] if isinstance(target, dict | list) else getattr(target, step)
        if isinstance(target, dict | list):
            target[path[-1]] = value
        else:
            force_setattr(target, path[-1], value)  # of an object that nothing else sees
        return answer

    return call


@pytest.mark.parametrize(
    ("module", "path", "value", "fault"),
    [
        (ranges, ["status", "allocations"], [], "the range grants nothing instead of 192.0.2.1/32"),
        (ranges, ["children"], [], "the request shows nothing instead of 192.0.2.1/32"),
        (requests, ["status"], None, "the request shows nothing instead of 192.0.2.1/32"),
        (requests, ["status", "cidr"], "192.0.2.0/32", "the request shows 192.0.2.0/32 instead of 192.0.2.1/32"),
    ],
    ids=["nothing granted", "nothing published", "nothing shown", "another block shown"],
)
def test_hooks_that_decide_wrongly_are_not_ready_and_say_why(
    module: Any, path: list[Any], value: object, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "sync", changed(module.sync, path, value))
    response = PROBED.get("/readyz")
    assert (response.status_code, response.get_json()["error"]["message"]) == (503, fault)
    assert PROBED.get("/healthz").status_code == 200, "a restart would not help"


def test_hooks_that_fail_are_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(ranges, "sync", failing)
    assert PROBED.get("/readyz").status_code == 500


def test_a_probe_changes_no_metric_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[object] = []
    monkeypatch.setattr("hooks.app.count_response", lambda *args: counted.append(args))
    PROBED.get("/readyz")
    assert counted == []
