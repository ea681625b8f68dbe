"""Which answers about a range are kept back, and for how long (decision 40)."""

import pytest

from hooks import app
from hooks.settings import Settings
from tests.hooks.build import (
    CIDR,
    DELETED_WEB,
    NOW,
    WEB,
    Obj,
    answer_item,
    deleted,
    entry,
    range_body,
    range_object,
    request_body,
    request_object,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import post
from tests.hooks.early import proposing, with_unreadable_requests

NEW = request_object("new")
SETTLED = with_ledger(range_object(), entry("web", CIDR), revision=3)
RELEASED = with_ledger(range_object(), released=["web"], revision=3)
ANSWERED = slice_object(answer_item("web", cidr=CIDR, revision=3))
PROPOSED = proposing(ANSWERED, 4)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in seconds, which are not made in these tests."""
    made: list[float] = []
    monkeypatch.setattr(app, "sleep", made.append)
    return made


IDLE = {
    "nothing changes": range_body(SETTLED, WEB, slices=[ANSWERED]),
    "an answer ends": range_body(SETTLED, WEB, slices=[ANSWERED, slice_object(answer_item("gone"), name="other")]),
}
AWAITED = {
    "a grant": range_body(SETTLED, WEB, NEW, slices=[ANSWERED]),
    "an answer": range_body(SETTLED, WEB),
    "a release": range_body(SETTLED, DELETED_WEB, slices=[ANSWERED]),
    "the answer to a release": range_body(RELEASED, DELETED_WEB, slices=[ANSWERED]),
    "an extent": range_body(SETTLED, WEB, slices=[ANSWERED], extents=[], announced=[]),
    "the end of the range": range_body(deleted(SETTLED), WEB, slices=[ANSWERED], finalizing=True),
}


@pytest.mark.parametrize("body", IDLE.values(), ids=IDLE)
def test_an_answer_that_nothing_waits_for_is_kept_back(body: Obj, pauses: list[float]) -> None:
    assert post("/ipamrange/sync", body).status_code == 200
    assert pauses == [app.PAUSE_SECONDS_OF_REQUEST]


def test_a_429_is_kept_back_until_a_cache_shows_the_ledger(pauses: list[float]) -> None:
    """Requests may wait for the next ledger: so not for as long."""
    assert post("/ipamrange/sync", range_body(SETTLED, WEB, slices=[PROPOSED])).status_code == 429
    assert pauses == [app.EARLY_PAUSE_SECONDS_OF_REQUEST]
    assert app.EARLY_PAUSE_SECONDS_OF_REQUEST < app.PAUSE_SECONDS_OF_REQUEST


@pytest.mark.parametrize("body", AWAITED.values(), ids=AWAITED)
def test_an_answer_that_something_waits_for_is_sent_at_once(body: Obj, pauses: list[float]) -> None:
    path = "/ipamrange/finalize" if body["finalizing"] else "/ipamrange/sync"
    assert post(path, body).status_code == 200
    assert pauses == []


def test_the_pause_grows_with_the_requests_up_to_a_limit(pauses: list[float]) -> None:
    body = range_body(SETTLED, WEB, slices=[ANSWERED])
    for count in (99, 29_999):
        assert post("/ipamrange/sync", with_unreadable_requests(body, count)).status_code == 200
    assert pauses == [pytest.approx(100 * app.PAUSE_SECONDS_OF_REQUEST), app.PAUSE_SECONDS_MAX]


def test_the_pause_ends_before_the_time_of_a_call(pauses: list[float]) -> None:
    body = with_unreadable_requests(range_body(SETTLED, WEB, slices=[ANSWERED]), 9_999)
    hooks = app.create_app(Settings(request_seconds_max=3, replay=True)).test_client()
    headers = {app.NOW_HEADER: NOW.isoformat()}
    assert hooks.post("/ipamrange/sync", json=body, headers=headers).status_code == 200
    assert pauses == [1.5]


def test_a_range_without_requests_and_the_calls_of_requests_are_answered_at_once(pauses: list[float]) -> None:
    assert post("/ipamrange/sync", range_body(with_ledger(range_object(), revision=3))).status_code == 200
    assert post("/ipamrequest/sync", request_body(WEB, answer_item("web", cidr=CIDR))).status_code == 200
    assert pauses == []
