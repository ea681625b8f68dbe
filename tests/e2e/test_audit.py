"""The audit: it reports each kind of violation, and nothing else. These tests need no control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from controlplane.at_rest import differences_at_rest
from controlplane.audit import audit_history
from controlplane.history import Event
from controlplane.objects import FOREIGN, OURS, RECLAIM, allocation_object, extent_object, range_object, request_object

if TYPE_CHECKING:
    from controlplane.api import Api, Obj

NS = "team"
HELD_BY_WEB = {"cidr": "10.0.0.0/28", "request": f"{NS}/web", "uid": "web"}
HELD_BY_DB = {"cidr": "10.0.0.16/28", "request": f"{NS}/db", "uid": "db"}


def _range(revision: int, *ledger: Obj, **status: Any) -> Obj:
    obj = range_object(NS, "net", "10.0.0.0/27", chunkSize=28, allowedNamespaces={"from": "Same"})
    obj["metadata"]["uid"] = "net"
    return obj | {"status": {"revision": revision, "allocations": list(ledger), **status}}


def _request(name: str, cidr: str = "", state: str = "", **meta: Any) -> Obj:
    obj = request_object(NS, name, "net")
    obj["metadata"] |= {"uid": name, "finalizers": [OURS], **meta}
    status = {"state": state or ("Ready" if cidr else "Busy")} | ({"cidr": cidr} if cidr else {})
    return obj | {"status": status}


def _asking(name: str, **spec: Any) -> Obj:
    obj = _request(name)
    return obj | {"spec": obj["spec"] | spec}


def _allocation(name: str, cidr: str = "") -> Obj:
    request = {"namespace": NS, "name": name, "uid": name}
    granted = {"state": "Ready", "cidr": cidr, "revision": 1} if cidr else {}
    return allocation_object(NS, f"{name}-0", request=request, **granted)


def _held(cidr: str, name: str) -> str:
    return f"{cidr} is not free: it was held by {NS}/{name} when last checked"


def _refusal(name: str, message: str) -> Obj:
    request = {"namespace": NS, "name": name, "uid": name}
    return allocation_object(NS, f"{name}-0", request=request, state="Busy", reason="Taken", message=message)


def _violations(*objects: Obj, deleted: Obj | None = None) -> list[str]:
    resources = {"IPAMRange": "ipamranges", "IPAMRequest": "ipamrequests", "IPAMAllocation": "ipamallocations"}
    return audit_history(
        Event(number, resources[obj["kind"]], obj, obj is deleted) for number, obj in enumerate(objects)
    ).violations


GRANTED = (_range(0), _range(1, HELD_BY_WEB), _allocation("web", "10.0.0.0/28"), _request("web", "10.0.0.0/28"))
TAKEN_OVER = HELD_BY_DB | {"cidr": "10.0.0.0/28"}
FOLLOWED = (_range(2, TAKEN_OVER), _allocation("db", "10.0.0.0/28"), _request("db", "10.0.0.0/28"))
LEAVING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
ABSENT = {"absentSince": "2026-01-01T00:00:00Z"}
RELEASED = {"releasedAt": "2026-01-01T00:00:00Z"}


def _of_another_range(item: Obj) -> tuple[Obj, ...]:
    """A grant to `db` by a second range of the namespace, and so of its domain."""
    range_, allocation, request = _range(1, item), _allocation("db", item["cidr"]), _request("db", item["cidr"])
    range_["metadata"] |= {"name": "second", "uid": "second"}
    allocation["spec"]["range"] = request["spec"]["ipam"]["name"] = "second"
    return range_, allocation, request


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
    named = _refusal("late", _held("10.0.0.0/28", "web"))
    leaving = _request("web", "10.0.0.0/28", **LEAVING)
    assert _violations(*GRANTED, named, leaving, _range(2), named) == []
    assert (
        _violations(
            _refusal("late", "10.0.0.0/28 is not free: it belongs to range a/lan, which is older in domain corp")
        )
        == []
    )


def test_a_block_may_be_granted_again_once_its_holder_is_being_deleted() -> None:
    assert _violations(*GRANTED, _request("web", "10.0.0.0/28", **LEAVING), *FOLLOWED) == []


def test_a_block_may_be_granted_again_once_its_holder_is_deleted() -> None:
    deleted = _request("web", "10.0.0.0/28")
    assert _violations(*GRANTED, deleted, *FOLLOWED, deleted=deleted) == []


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ((*GRANTED, *FOLLOWED), "NoOverlap: 10.0.0.0/28 of db in its status"),
        ((*GRANTED, *FOLLOWED[:2]), "NoOverlap: 10.0.0.0/28 of db in its allocation"),
        ((*GRANTED, FOLLOWED[0]), "NoEarlyReuse: team/net grants 10.0.0.0/28 to db, but web holds"),
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
        ((*GRANTED, _allocation("web", "10.0.0.16/28")), "Stable: allocation team/web-0 gave 10.0.0.0/28"),
        ((_range(0), _allocation("web", "10.0.0.0/28")), "Committed: allocation team/web-0 gives 10.0.0.0/28"),
        ((_allocation("web", "10.0.0.0/28"),), "Committed: allocation team/web-0 gives 10.0.0.0/28"),
        ((*GRANTED[:2], _request("web", "10.0.0.0/28")), "Committed: team/web shows 10.0.0.0/28, which no allocation"),
        ((_request("web", "10.0.0.0/28"),), "Committed: team/web shows 10.0.0.0/28, which no range"),
        (
            (*GRANTED, _refusal("late", _held("10.0.0.16/28", "web"))),
            "Committed: allocation team/late-0 says",
        ),
        (
            (*GRANTED, _refusal("late", _held("10.0.0.0/28", "db"))),
            "Committed: allocation team/late-0 says",
        ),
        (
            (_refusal("late", _held("10.0.0.0/28", "db")),),
            "Committed: allocation team/late-0 says",
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
    _allocation("web", "10.0.0.0/28"),
    _request("web", "10.0.0.0/28"),
    _allocation("db", "10.0.0.16/28"),
    _request("db", "10.0.0.16/28"),
)
SECOND = _allocation("web", "10.0.0.0/28")
SECOND["metadata"]["name"] = "web-1"


def test_a_right_state_at_rest_is_accepted() -> None:
    assert _differences(FULL, EXTENT, *BOTH, _request("late")) == []


def test_an_absent_holder_is_accepted() -> None:
    assert _differences(_range(3, HELD_BY_WEB, HELD_BY_DB | ABSENT), EXTENT, *BOTH[:3], _request("late")) == []


def test_other_namespaces_are_not_judged() -> None:
    assert differences_at_rest(cast("Api", _Stored(_request("lost"))), {"another"}) == []


@pytest.mark.parametrize(
    ("objects", "verdict"),
    [
        ((_range(1, HELD_BY_WEB), *BOTH), "team/db shows 10.0.0.16/28, but team/net keeps nothing for it"),
        ((_range(1, HELD_BY_WEB), *BOTH[:2], _request("db", "10.0.0.0/28", "Busy")), "team/db shows 10.0.0.0/28, but"),
        ((_range(1, HELD_BY_WEB), *BOTH), "allocation team/db-0 gives 10.0.0.16/28, but team/net has recorded nothing"),
        ((FULL, *BOTH[:3], _request("db")), "team/db is ('Busy', ''), right is ('Ready', '10.0.0.16/28')"),
        ((FULL, *BOTH[:2], BOTH[3]), "team/net keeps 10.0.0.16/28 for team/db, but has no allocation for it"),
        ((FULL, *BOTH[:2], BOTH[2]), "team/net keeps 10.0.0.16/28 for db (unknown), which was deleted"),
        ((FULL, *BOTH, _request("late", state="Invalid")), "team/late is ('Invalid', ''), right is ('Busy', '')"),
        (
            (_range(1, HELD_BY_WEB), EXTENT, *BOTH[:2], _request("late")),
            "team/late is ('Busy', ''), right is ('served'",
        ),
        ((FULL, *BOTH[:3], _request("db", "10.0.0.16/28", "Busy")), "team/db is ('Busy', '10.0.0.16/28'), right is"),
        (
            (_range(1), _allocation("gone", "10.0.0.0/28")),
            "allocation team/gone-0 (Ready) answers a request that was deleted",
        ),
        ((_range(1), _allocation("gone")), "allocation team/gone-0 (Busy) answers a request that was deleted"),
        ((_range(1, HELD_BY_WEB), BOTH[0], *BOTH[:2], SECOND), "2 allocations answer web"),
        ((_request("lost"),), "team/lost is ('Busy', ''), right is ('Pending', '')"),
        ((FULL, *BOTH, _request("old", **LEAVING)), "team/old was deleted and is still there"),
        ((_leaving_range(),), "team/net was deleted and is still there"),
    ],
)
def test_each_violation_at_rest_is_reported(objects: tuple[Obj, ...], verdict: str) -> None:
    assert any(verdict in difference for difference in _differences(*objects)), _differences(*objects)
