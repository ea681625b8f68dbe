"""Racing writers of a ledger on the real API server: of all proposals from one revision exactly one is accepted.

The writers patch the status without a resourceVersion, so the API server applies each patch to the present object, and
only the rule in the CRD protects the ledger. A Metacontroller that reads again and overwrites is in the same position.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from controlplane.api import MERGE_PATCH, RANGES, Refused, object_path
from controlplane.objects import entry, range_object
from tests.e2e.crd_writes import LEDGER_MOVED_ON

if TYPE_CHECKING:
    from controlplane.api import Api, Obj

ROUNDS = 1000
RACERS_MAX = 8
#: The most entries that the CRD allows; with usual lengths they fit into etcd's limit for an object.
ENTRIES_MAX = 13_000
ENTRIES_TOO_MANY = 20_000


@pytest.fixture
def stored(api: Api, namespace: str) -> Obj:
    """A range with one committed entry."""
    created = api.create(range_object(namespace, "net", "10.0.0.0/8"))
    return api.put_status(created | {"status": {"schemaV1": True, "revision": 1, "allocations": [entry(1)]}})


def test_of_two_to_eight_racing_writers_exactly_one_wins(api: Api, stored: Obj) -> None:
    with ThreadPoolExecutor(RACERS_MAX) as pool:
        for number in range(ROUNDS):
            racers = 2 + number % (RACERS_MAX - 1)
            propose = partial(_propose_at_once, threading.Barrier(racers), api, _status_path(stored))
            proposals = [_proposal(number + 2, entry(racer, f"round-{number}")) for racer in range(racers)]
            answers = list(pool.map(propose, proposals))
            assert sorted(status for status, _ in answers) == [200] + [422] * (racers - 1), answers
            assert all(LEDGER_MOVED_ON in text for status, text in answers if status == 422)
    assert api.get(RANGES, stored["metadata"]["namespace"], "net")["status"]["revision"] == ROUNDS + 1


def test_the_winner_of_a_race_is_stored(api: Api, stored: Obj) -> None:
    proposals = [_proposal(2, entry(racer)) for racer in range(RACERS_MAX)]
    with ThreadPoolExecutor(RACERS_MAX) as pool:
        propose = partial(_propose_at_once, threading.Barrier(RACERS_MAX), api, _status_path(stored))
        answers = list(pool.map(propose, proposals))
    (winner,) = [text for status, text in answers if status == 200]
    (item,) = api.get(RANGES, stored["metadata"]["namespace"], "net")["status"]["allocations"]
    assert item["uid"] in winner


@pytest.mark.parametrize("status", [None, {}, {"revision": None}])
def test_a_status_cannot_be_removed(api: Api, stored: Obj, status: Obj | None) -> None:
    namespace = stored["metadata"]["namespace"]
    with pytest.raises(Refused) as refusal:
        api.put_status(stored | {"status": status} if status is not None else _without_status(stored))
    assert refusal.value.status == 422
    assert api.call("PUT", object_path(RANGES, namespace, "net"), _without_status(stored)).ok
    assert api.get(RANGES, namespace, "net")["status"] == stored["status"]


def test_a_status_cannot_be_removed_by_a_patch(api: Api, stored: Obj) -> None:
    namespace = stored["metadata"]["namespace"]
    with pytest.raises(Refused, match=LEDGER_MOVED_ON):
        api.patch(RANGES, namespace, "net", {"status": None}, sub="/status")
    assert api.get(RANGES, namespace, "net")["status"] == stored["status"]


def test_the_main_resource_does_not_write_the_ledger(api: Api, stored: Obj) -> None:
    namespace = stored["metadata"]["namespace"]
    api.ask("PUT", object_path(RANGES, namespace, "net"), stored | {"status": {"revision": 2}})
    assert api.get(RANGES, namespace, "net")["status"] == stored["status"]


def test_a_status_given_at_creation_is_replaced_by_the_default(api: Api, namespace: str) -> None:
    obj = range_object(namespace, "net", "10.0.0.0/8")
    created = api.create(obj | {"status": {"revision": 7, "allocations": [entry(1)]}})
    assert created["status"]["revision"] == 0
    assert "allocations" not in created["status"]


def test_a_range_deleted_and_created_again_starts_a_new_ledger(api: Api, stored: Obj) -> None:
    namespace = stored["metadata"]["namespace"]
    api.delete(RANGES, namespace, "net")
    assert api.create(range_object(namespace, "net", "10.0.0.0/8"))["status"]["revision"] == 0


def test_thirteen_thousand_entries_fit(api: Api, stored: Obj) -> None:
    ledger = [entry(number) for number in range(ENTRIES_MAX)]
    written = api.put_status(stored | {"status": {"schemaV1": True, "revision": 2, "allocations": ledger}})
    written = api.put_status(written | {"status": written["status"] | {"message": "full"}})
    assert len(written["status"]["allocations"]) == ENTRIES_MAX
    with pytest.raises(Refused, match="the ledger has changed"):
        api.put_status(written | {"status": {"revision": 2, "allocations": ledger[1:]}}, dryRun="All")


def test_twenty_thousand_entries_fail_cleanly(api: Api, stored: Obj) -> None:
    ledger = [entry(number) for number in range(ENTRIES_TOO_MANY)]
    with pytest.raises(Refused, match=r"Too many: 20000: must have at most 13000 items"):
        api.put_status(stored | {"status": {"schemaV1": True, "revision": 2, "allocations": ledger}})
    assert api.get(RANGES, stored["metadata"]["namespace"], "net")["status"] == stored["status"]


def test_a_ledger_beyond_the_limit_of_etcd_fails_cleanly(api: Api, stored: Obj) -> None:
    ledger = [entry(number, "long-" * 8) for number in range(ENTRIES_MAX)]
    with pytest.raises(Refused, match="request is too large"):
        api.put_status(stored | {"status": {"schemaV1": True, "revision": 2, "allocations": ledger}})
    assert api.get(RANGES, stored["metadata"]["namespace"], "net")["status"] == stored["status"]


def _status_path(stored: Obj) -> str:
    meta = stored["metadata"]
    return object_path(RANGES, meta["namespace"], meta["name"]) + "/status"


def _proposal(revision: int, *ledger: Obj) -> Obj:
    return {"status": {"schemaV1": True, "revision": revision, "allocations": list(ledger)}}


def _propose_at_once(start: threading.Barrier, api: Api, path: str, body: Obj) -> tuple[int, str]:
    """Sends a proposal once all writers are ready."""
    start.wait(timeout=30)
    answer = api.call("PATCH", path, body, kind=MERGE_PATCH)
    return answer.status_code, answer.text


def _without_status(obj: Obj) -> Obj:
    return {key: value for key, value in obj.items() if key != "status"}
