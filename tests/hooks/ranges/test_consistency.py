"""The self-audit: it reports what no stale cache explains, and nothing else."""

import pytest

from tests.hooks.build import (
    WEB,
    Obj,
    answer_item,
    deleted,
    entry,
    range_body,
    range_object,
    renamed,
    request_object,
    showing,
    with_ledger,
)
from tests.hooks.calls import condition, ledger_of, post, sync_range

HELD = entry("web", "10.0.0.0/28")
READY = answer_item("web", cidr="10.0.0.0/28", revision=1)
SHOWN = showing(WEB, "10.0.0.0/28")


def found(parent: Obj, request: Obj, *answers: Obj) -> str:
    """What the range reports of itself."""
    status = sync_range(parent, request, answers=list(answers))["status"]
    reported: str = condition(status, "Consistent").get("message", "")
    return reported


@pytest.mark.parametrize(
    ("parent", "request_", "answer", "message"),
    [
        (
            with_ledger(range_object(), entry("web", "10.0.0.16/28")),
            WEB,
            READY,
            "10.0.0.16/28 of team-a/web is in the ledger, but 10.0.0.0/28 in its answer",
        ),
        (
            with_ledger(range_object(), HELD),
            showing(WEB, "10.0.0.16/28"),
            READY,
            "10.0.0.0/28 of team-a/web is in the ledger, but 10.0.0.16/28 in its status",
        ),
        (
            with_ledger(range_object(), entry("web", "10.1.0.0/28")),
            WEB,
            answer_item("web", cidr="10.1.0.0/28", revision=1),
            "10.1.0.0/28 of team-a/web is in the ledger, but outside of the range",
        ),
        (
            with_ledger(range_object(), HELD, released=["web"]),
            WEB,
            READY,
            "10.0.0.0/28 of team-a/web is in the ledger, but was released",
        ),
        (
            with_ledger(range_object(), HELD, revision=5),
            deleted(WEB),
            answer_item("web", "Released", cidr="10.0.0.0/28", revision=5),
            "10.0.0.0/28 of team-a/web is in the ledger, but was released",
        ),
    ],
    ids=["answer", "status", "outside", "recorded release", "published release"],
)
def test_each_contradiction_is_reported(parent: Obj, request_: Obj, answer: Obj, message: str) -> None:
    assert found(parent, request_, answer) == f"contradiction: {message}"


@pytest.mark.parametrize(
    ("parent", "request_", "answers"),
    [
        (with_ledger(range_object(), HELD), SHOWN, [READY]),
        (with_ledger(range_object()), SHOWN, [answer_item("web", cidr="10.0.0.0/28", revision=7)]),
        (with_ledger(range_object(), HELD), WEB, []),
        (with_ledger(range_object(), HELD, revision=4), WEB, [answer_item("web", "Released", revision=5)]),
        (with_ledger(range_object(), HELD | {"releasedAt": "2026-11-23T19:59:00Z"}, released=["web"]), WEB, []),
        (with_ledger(range_object(chunk_size=33), entry("web", "10.1.0.0/28")), WEB, []),
        (with_ledger(range_object(), HELD), renamed(request_object("other"), "web"), [READY]),
    ],
    ids=["right", "old ledger", "old answers", "older ledger than the release", "cooling", "invalid range", "stranger"],
)
def test_what_an_old_cache_explains_is_not_reported(parent: Obj, request_: Obj, answers: list[Obj]) -> None:
    assert found(parent, request_, *answers) == ""


def test_nothing_is_repaired() -> None:
    parent = with_ledger(range_object(), entry("web", "10.0.0.16/28"))
    answer = sync_range(parent, SHOWN, answers=[READY])
    assert ledger_of(answer) == {"web": "10.0.0.16/28"}


def test_a_contradiction_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    parent = with_ledger(range_object(), HELD)
    post("/ipamrange/sync", range_body(parent, showing(WEB, "10.0.0.16/28"), answers=[READY]))
    assert "10.0.0.0/28 of team-a/web is in the ledger, but 10.0.0.16/28 in its status" in caplog.text
    assert "range team-a/net: contradiction: " in caplog.text
