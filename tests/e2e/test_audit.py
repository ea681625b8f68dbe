"""The audit: it reports each kind of violation, and nothing else. These tests need no control plane."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from controlplane.at_rest import differences_at_rest
from controlplane.audit import audit_history
from controlplane.history import Event
from controlplane.objects import (
    FOREIGN,
    OURS,
    RECLAIM,
    answer_item,
    extent_object,
    range_object,
    request_object,
    slice_object,
)
from hooks.api.names import NamespacedName, slice_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from controlplane.api import Api, Obj

NS = "team"
#: When all requests are created. The uids "web", "db" and "waiting" belong to three slices of that second.
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
HELD_BY_WEB = {"cidr": "10.0.0.0/28", "request": f"{NS}/web", "uid": "web"}
HELD_BY_DB = {"cidr": "10.0.0.16/28", "request": f"{NS}/db", "uid": "db"}


def _range(revision: int, *ledger: Obj, **status: Any) -> Obj:
    obj = range_object(NS, "net", "10.0.0.0/27", chunkSize=28, allowedNamespaces={"from": "Same"})
    obj["metadata"]["uid"] = "net"
    return obj | {"status": {"revision": revision, "allocations": list(ledger), **status}}


def _request(name: str, cidr: str = "", state: str = "", **meta: Any) -> Obj:
    obj = request_object(NS, name, "net")
    obj["metadata"] |= {"uid": name, "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": [OURS], **meta}
    status = {"state": state or ("Ready" if cidr else "Busy")} | ({"cidr": cidr} if cidr else {})
    return obj | {"status": status}


def _asking(name: str, **spec: Any) -> Obj:
    obj = _request(name)
    return obj | {"spec": obj["spec"] | spec}


def _slice(name: str, cidr: str = "", revision: int = 1, **answer: Any) -> Obj:
    """The slice of a request, with only its answer."""
    granted = {"state": "Ready", "cidr": cidr, "revision": revision} if cidr else {}
    return _slice_with(answer_item(f"{NS}/{name}", name, **granted, **answer), of=name)


def _slice_with(*answers: Obj, of: str, range_name: str = "net") -> Obj:
    """The slice of a request, with these answers."""
    return slice_object(NS, _slice_name(of, range_name), *answers, range_name=range_name)


def _slice_name(name: str, range_name: str = "net") -> str:
    return slice_name(NamespacedName(NS, range_name), CREATED, name)


def _held(cidr: str, name: str) -> str:
    return f"{cidr} is not free: it was held by {NS}/{name} when last checked"


def _refusal(message: str) -> Obj:
    return _slice("waiting", reason="Taken", message=message)


def _violations(*objects: Obj, deleted: Obj | None = None, by_people: Collection[int] = ()) -> list[str]:
    resources = {
        "IPAMRange": "ipamranges",
        "IPAMRequest": "ipamrequests",
        "IPAMAllocationSlice": "ipamallocationslices",
    }
    events = (Event(number, resources[obj["kind"]], obj, obj is deleted) for number, obj in enumerate(objects))
    return audit_history(events, by_people).violations


ANSWER_TO_WEB = f"the answer to {NS}/web in {NS}/{_slice_name('web')}"
GRANTED = (
    _request("web"),
    _range(0),
    _range(1, HELD_BY_WEB),
    _slice("web", "10.0.0.0/28"),
    _request("web", "10.0.0.0/28"),
)
TAKEN_OVER = HELD_BY_DB | {"cidr": "10.0.0.0/28"}
FOLLOWED = (
    _request("db"),
    _range(2, TAKEN_OVER),
    _slice("db", "10.0.0.0/28", revision=2),
    _request("db", "10.0.0.0/28"),
)
LEAVING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
ABSENT = {"absentSince": "2026-01-01T00:00:00Z"}
RELEASED = {"releasedAt": "2026-01-01T00:00:00Z"}


def _of_another_range(item: Obj) -> tuple[Obj, ...]:
    """A grant to `db` by a second range of the namespace, and so of its domain."""
    range_, request = _range(1, item), _request("db", item["cidr"])
    range_["metadata"] |= {"name": "second", "uid": "second"}
    request["spec"]["ipam"]["name"] = "second"
    answer = answer_item(f"{NS}/db", "db", state="Ready", cidr=item["cidr"], revision=1)
    return range_, _slice_with(answer, of="db", range_name="second"), request


def _of_another_life(item: Obj) -> tuple[Obj, Obj]:
    """A grant by a range of the same name that was created again."""
    lives = _range(0), _range(1, item)
    for obj in lives:
        obj["metadata"]["uid"] = "net-again"
    return lives


def _of_ranges(text: str, obj: Obj) -> Obj:
    return obj | {"spec": obj["spec"] | {"ranges": [text]}}


def test_a_right_grant_is_accepted() -> None:
    assert _violations(*GRANTED) == []


def test_an_entry_may_leave_by_reclaim() -> None:
    marked, reclaimed = _range(2, HELD_BY_WEB | ABSENT), _range(3)
    reclaimed["metadata"]["annotations"] = {RECLAIM: "web"}
    assert _violations(*GRANTED, marked, reclaimed) == []


def test_a_refusal_may_name_a_present_or_a_former_holder() -> None:
    named = _refusal(_held("10.0.0.0/28", "web"))
    leaving = _request("web", "10.0.0.0/28", **LEAVING)
    assert _violations(*GRANTED, _request("waiting"), named, leaving, _range(2), named) == []
    by_another_range = _refusal("10.0.0.0/28 is not free: it belongs to range a/lan, which is older in domain corp")
    assert _violations(_request("waiting"), by_another_range) == []


def test_a_block_may_be_granted_again_once_its_holder_is_being_deleted() -> None:
    assert _violations(*GRANTED, _request("web", "10.0.0.0/28", **LEAVING), *FOLLOWED) == []


def test_a_block_may_be_granted_again_once_its_holder_is_deleted() -> None:
    deleted = _request("web", "10.0.0.0/28")
    assert _violations(*GRANTED, deleted, *FOLLOWED, deleted=deleted) == []


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ((*GRANTED, *FOLLOWED), "NoOverlap: 10.0.0.0/28 of db in its status"),
        ((*GRANTED, *FOLLOWED[:3]), "NoOverlap: 10.0.0.0/28 of db in its answer"),
        ((*GRANTED, *FOLLOWED[:2]), "NoEarlyReuse: team/net grants 10.0.0.0/28 to db, but web holds"),
        (
            (*GRANTED, _request("web", "10.0.0.0/28", finalizers=[OURS, "example.com/x"], **LEAVING), *FOLLOWED),
            "NoOverlap: 10.0.0.0/28 of db in its status",
        ),
        (
            (_range(1, HELD_BY_WEB, HELD_BY_DB | {"cidr": "10.0.0.8/29"}),),
            "NoOverlap: 10.0.0.0/28 of web in the ledger",
        ),
        ((_range(1, HELD_BY_WEB | RELEASED, TAKEN_OVER | RELEASED),), "NoOverlap: 10.0.0.0/28 of web in the ledger"),
        ((_range(1, HELD_BY_WEB | RELEASED), _range(2, HELD_BY_WEB | RELEASED, TAKEN_OVER)), "NoEarlyReuse"),
        ((*GRANTED, _request("web", "10.0.0.16/28")), "Stable: the published cidr of team/web changed"),
        ((*GRANTED, _request("web")), "Stable: the published cidr of team/web changed"),
        ((*GRANTED, _range(2, HELD_BY_WEB | {"cidr": "10.0.0.16/28"})), "Stable: web was granted 10.0.0.0/28"),
        ((*GRANTED, *_of_another_life(HELD_BY_WEB | {"cidr": "10.0.0.16/28"})), "Stable: web was granted 10.0.0.0/28"),
        ((*GRANTED, _slice("web", "10.0.0.16/28")), f"{ANSWER_TO_WEB} gave 10.0.0.0/28, now 10.0.0.16/28"),
        ((_range(0), _slice("web", "10.0.0.0/28")), f"{ANSWER_TO_WEB} gives 10.0.0.0/28"),
        ((_slice("web", "10.0.0.0/28"),), f"{ANSWER_TO_WEB} gives 10.0.0.0/28"),
        ((*GRANTED[:3], _slice("web", "10.0.0.0/28", revision=2)), f"{ANSWER_TO_WEB} rests on revision 2"),
        ((*GRANTED[:3], _request("web", "10.0.0.0/28")), "Committed: team/web shows 10.0.0.0/28, which no answer"),
        ((_request("web", "10.0.0.0/28"),), "Committed: team/web shows 10.0.0.0/28, which no range"),
        (
            (*GRANTED, _refusal(_held("10.0.0.16/28", "web"))),
            "Committed: the answer to team/waiting in",
        ),
        (
            (*GRANTED, _refusal(_held("10.0.0.0/28", "db"))),
            "Committed: the answer to team/waiting in",
        ),
        (
            (_refusal(_held("10.0.0.0/28", "db")),),
            "Committed: the answer to team/waiting in",
        ),
        ((*GRANTED, _range(2)), "Proven"),
        ((*GRANTED, _range(2, closing=True)), "Proven"),
        ((*GRANTED, _range(2, HELD_BY_WEB | ABSENT), _range(3, closing=True)), "Proven"),
        ((*GRANTED, _request("web", "10.0.0.0/28", finalizers=[FOREIGN], **LEAVING), _range(2)), "Proven"),
        ((_range(0), _request("web"), _range(1, HELD_BY_WEB | {"cidr": "10.0.0.0/29"})), "Asked"),
        ((_range(0), _asking("web", size=27), _range(1, HELD_BY_WEB)), "Asked"),
        ((_range(0), _asking("web", request="10.0.0.16/28"), _range(1, HELD_BY_WEB)), "Asked"),
        ((_range(0), _asking("web", request="1/28"), _range(1, HELD_BY_WEB)), "Asked"),
        ((*GRANTED, _range(3, HELD_BY_WEB)), "Monotone"),
        ((*GRANTED, _range(0, HELD_BY_WEB)), "Monotone"),
        ((*GRANTED, _range(1)), "Monotone"),
        ((*GRANTED, _range(1, HELD_BY_WEB, onHold=True)), "Monotone"),
        ((*GRANTED, _range(1, HELD_BY_WEB, closing=True)), "Monotone"),
        ((*GRANTED, _range(1, HELD_BY_WEB | ABSENT)), "Monotone"),
        ((*GRANTED, _range(1, HELD_BY_WEB, roundRobin={"28": "10.0.0.16"})), "Monotone"),
        ((_range(0), _range(1, HELD_BY_WEB | {"cidr": "10.0.0.32/28"})), "InsideRange"),
        ((_range(1, HELD_BY_DB), _of_ranges("10.0.0.0/28", _range(1, HELD_BY_DB))), "InsideRange"),
        (
            (*GRANTED, *_of_another_range(HELD_BY_DB | {"cidr": "10.0.0.0/28"})),
            "NoOverlap: 10.0.0.0/28 of db in its status, granted by team/second",
        ),
    ],
)
def test_each_violation_in_a_history_is_reported(events: tuple[Obj, ...], verdict: str) -> None:
    assert any(verdict in violation for violation in _violations(*events)), _violations(*events)


def test_the_answers_of_a_slice_are_judged_one_by_one() -> None:
    web = answer_item(f"{NS}/web", "web", state="Ready", cidr="10.0.0.0/28", revision=1)
    gone = answer_item(f"{NS}/gone", "gone")
    together = _slice_with(gone, web, of="web")
    changed = _slice_with(gone, web | {"cidr": "10.0.0.16/28"}, of="web")
    granted = (_request("gone"), *GRANTED[:3], together)
    assert _violations(*granted, GRANTED[4], _slice_with(web, of="web")) == []
    assert _violations(*granted, changed)[0].startswith(
        f"at etcd revision 5: ipamallocationslices {NS}/{_slice_name('web')}: Stable: {ANSWER_TO_WEB} gave 10.0.0.0/28"
    )


def test_an_answer_in_another_slice_is_reported_unless_a_person_has_written_it() -> None:
    web = answer_item(f"{NS}/web", "web", state="Ready", cidr="10.0.0.0/28", revision=1)
    events = (*GRANTED, _request("db"), _slice_with(web, of="db"))
    (violation,) = _violations(*events)
    assert "Placed: an answer is added to" in violation
    assert _violations(*events, by_people={len(events) - 1}) == []


class _Stored:
    """An API server that lists these objects."""

    def __init__(self, *objects: Obj) -> None:
        self._objects = objects

    def list(self, resource: str, namespace: str | None = None) -> list[Obj]:
        return [obj for obj in self._objects if obj["kind"].lower() + "s" == resource and namespace is None]

    def ask_patiently(self, _verb: str, path: str) -> Obj:
        assert path == "/api/v1/namespaces"
        return {"items": []}


def _differences(*objects: Obj) -> list[str]:
    return differences_at_rest(cast("Api", _Stored(*objects)), {NS})


def _extent() -> Obj:
    """The announcement of the range, without which it can grant nothing."""
    obj = extent_object(NS, "net-0")
    owner = {"kind": "IPAMRange", "name": "net", "uid": "net", "controller": True}
    obj["metadata"] |= {"uid": "extent", "ownerReferences": [owner]}
    return obj


def _leaving_range() -> Obj:
    obj = _range(1, closing=True)
    obj["metadata"] |= LEAVING
    return obj


EXTENT = _extent()
FULL = _range(2, HELD_BY_WEB, HELD_BY_DB)
BOTH = (
    _slice("web", "10.0.0.0/28"),
    _request("web", "10.0.0.0/28"),
    _slice("db", "10.0.0.16/28"),
    _request("db", "10.0.0.16/28"),
)
SECOND = _slice("web", "10.0.0.0/28")
SECOND["metadata"]["name"] = "net-other"


def test_a_right_state_at_rest_is_accepted() -> None:
    assert _differences(FULL, EXTENT, *BOTH, _request("waiting")) == []


def test_an_absent_holder_is_accepted() -> None:
    assert _differences(_range(3, HELD_BY_WEB, HELD_BY_DB | ABSENT), EXTENT, *BOTH[:3], _request("waiting")) == []


def test_other_namespaces_are_not_judged() -> None:
    assert differences_at_rest(cast("Api", _Stored(_request("lost"))), {"another"}) == []


@pytest.mark.parametrize(
    ("objects", "verdict"),
    [
        ((_range(1, HELD_BY_WEB), *BOTH), "team/db shows 10.0.0.16/28, but team/net keeps nothing for it"),
        ((_range(1, HELD_BY_WEB), *BOTH[:2], _request("db", "10.0.0.0/28", "Busy")), "team/db shows 10.0.0.0/28, but"),
        (
            (_range(1, HELD_BY_WEB), *BOTH),
            f"the answer to team/db in {NS}/{_slice_name('db')} gives 10.0.0.16/28, but team/net has recorded nothing",
        ),
        ((FULL, *BOTH[:3], _request("db")), "team/db is ('Busy', ''), right is ('Ready', '10.0.0.16/28')"),
        ((FULL, *BOTH[:2], BOTH[3]), "team/net keeps 10.0.0.16/28 for team/db, but does not answer it"),
        ((FULL, *BOTH[:2], BOTH[2]), "team/net keeps 10.0.0.16/28 for db (unknown), which was deleted"),
        ((FULL, *BOTH, _request("waiting", state="Invalid")), "team/waiting is ('Invalid', ''), right is ('Busy', '')"),
        (
            (_range(1, HELD_BY_WEB), EXTENT, *BOTH[:2], _request("waiting")),
            "team/waiting is ('Busy', ''), right is ('served'",
        ),
        ((FULL, *BOTH[:3], _request("db", "10.0.0.16/28", "Busy")), "team/db is ('Busy', '10.0.0.16/28'), right is"),
        (
            (_range(1), _slice("gone", "10.0.0.0/28")),
            f"the answer to team/gone in {NS}/{_slice_name('gone')} (Ready) exists, but its request does not",
        ),
        (
            (_range(1), _slice("gone")),
            f"the answer to team/gone in {NS}/{_slice_name('gone')} (Busy) exists, but its request does not",
        ),
        ((_range(1, HELD_BY_WEB), BOTH[0], *BOTH[:2], SECOND), "there are 2 answers to web"),
        ((_request("lost"),), "team/lost is ('Busy', ''), right is ('Pending', '')"),
        ((FULL, *BOTH, _request("old", **LEAVING)), "team/old was deleted and is still there"),
        ((_leaving_range(),), "team/net was deleted and is still there"),
    ],
)
def test_each_violation_at_rest_is_reported(objects: tuple[Obj, ...], verdict: str) -> None:
    assert any(verdict in difference for difference in _differences(*objects)), _differences(*objects)
