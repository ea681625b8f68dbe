"""Cases for the rules about status writes: the statuses that are written to one object, one after the other.

`test_crd_rules.py` runs the cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.objects import entry

if TYPE_CHECKING:
    from controlplane.api import Obj

REQUEST_BLOCK = "status.cidr and status.address are immutable once set"
NAMED_ONCE = "status.range is immutable once set, except that finished can become true"
NOT_THE_ADDRESS = "status.address must be the single address of status.cidr, and absent if that is a larger block"
LEDGER_MOVED_ON = (
    "the ledger has changed since this status was computed, so the status is rejected; "
    "this is harmless: Metacontroller retries with the new ledger"
)
NOT_OPENED_AGAIN = "closing must not be reset: the range is being deleted"

MARKED: Obj = {"schemaV1": True}


def _marked(status: Obj) -> Obj:
    return {key: value for key, value in (MARKED | status).items() if value is not None}


_LEDGER = {"revision": 1, "allocations": [entry(1)]}
_RELEASED = {"revision": 1, "released": ["u1"]}
_WITHDRAWN = {"withdrawn": [{"addresses": "10.1.0.0-10.1.0.255", "number": 7}]}
_TURNED = {"revision": 1, "roundRobin": {"28": "10.0.0.16", "30": "10.0.0.4"}}

_LEDGER_WRITES: list[tuple[str, list[Obj], str]] = [
    ("first status with revision 0", [{"revision": 0}], ""),
    ("without the marker of the schema", [_LEDGER | {"schemaV1": None}], LEDGER_MOVED_ON),
    ("next revision, without the marker", [_LEDGER, {"revision": 2, "schemaV1": None}], LEDGER_MOVED_ON),
    ("first status with revision 1", [_LEDGER], ""),
    ("first status with revision 2", [_LEDGER | {"revision": 2}], LEDGER_MOVED_ON),
    ("first status with a ledger at revision 0", [_LEDGER | {"revision": 0}], LEDGER_MOVED_ON),
    ("next revision, another ledger", [_LEDGER, {"revision": 2, "allocations": [entry(2)]}], ""),
    ("next revision, no ledger", [_LEDGER, {"revision": 2}], ""),
    ("same revision, same ledger, another message", [_LEDGER, _LEDGER | {"message": "m"}], ""),
    ("same revision, another ledger", [_LEDGER, _LEDGER | {"allocations": [entry(2)]}], LEDGER_MOVED_ON),
    ("same revision, an entry more", [_LEDGER, _LEDGER | {"allocations": [entry(1), entry(2)]}], LEDGER_MOVED_ON),
    ("same revision, no ledger", [_LEDGER, {"revision": 1}], LEDGER_MOVED_ON),
    ("same revision, empty ledger", [_LEDGER, {"revision": 1, "allocations": []}], LEDGER_MOVED_ON),
    (
        "same revision, absence noted",
        [_LEDGER, {"revision": 1, "allocations": [entry(1) | {"absentSince": "2026-01-01T00:00:00Z"}]}],
        LEDGER_MOVED_ON,
    ),
    ("stale revision, stale ledger", [_LEDGER, _LEDGER | {"revision": 2}, _LEDGER], LEDGER_MOVED_ON),
    ("replay of an accepted proposal", [_LEDGER, {"revision": 2}, {"revision": 3}, {"revision": 2}], LEDGER_MOVED_ON),
    ("skipped revision", [_LEDGER, _LEDGER | {"revision": 3}], LEDGER_MOVED_ON),
    ("a release at the same revision", [_LEDGER, _LEDGER | {"released": ["u1"]}], LEDGER_MOVED_ON),
    ("a release at the next revision", [_LEDGER, {"revision": 2, "released": ["u1"]}], ""),
    ("same revision, same releases", [_RELEASED, _RELEASED | {"message": "m"}], ""),
    ("same revision, releases forgotten", [_RELEASED, {"revision": 1}], LEDGER_MOVED_ON),
    ("same revision, another release", [_RELEASED, _RELEASED | {"released": ["u2"]}], LEDGER_MOVED_ON),
    ("a cursor at the same revision", [_LEDGER, _LEDGER | {"roundRobin": {"28": "10.0.0.16"}}], LEDGER_MOVED_ON),
    ("a cursor at the next revision", [_LEDGER, _TURNED | {"revision": 2}], ""),
    ("same revision, same cursors", [_TURNED, _TURNED | {"message": "m"}], ""),
    ("same revision, cursors forgotten", [_TURNED, {"revision": 1}], LEDGER_MOVED_ON),
    ("same revision, a cursor less", [_TURNED, {"revision": 1, "roundRobin": {"28": "10.0.0.16"}}], LEDGER_MOVED_ON),
    (
        "same revision, another cursor",
        [_TURNED, {"revision": 1, "roundRobin": {"28": "10.0.0.32", "30": "10.0.0.4"}}],
        LEDGER_MOVED_ON,
    ),
    ("a gateway at the same revision", [_LEDGER, _LEDGER | {"gateways": ["10.0.0.1"]}], LEDGER_MOVED_ON),
    (
        "same revision, a gateway less",
        [_LEDGER | {"gateways": ["10.0.0.1", "10.0.0.2"]}, _LEDGER | {"gateways": ["10.0.0.2"]}],
        LEDGER_MOVED_ON,
    ),
    ("same revision, gateways forgotten", [_LEDGER | {"gateways": ["10.0.0.1"]}, _LEDGER], LEDGER_MOVED_ON),
    ("shared at the same revision", [_LEDGER, _LEDGER | {"wasShared": True}], LEDGER_MOVED_ON),
    ("same revision, shared forgotten", [_LEDGER | {"wasShared": True}, _LEDGER], LEDGER_MOVED_ON),
    ("removable at the same revision", [_LEDGER, _LEDGER | {"removable": ["10.1.0.0/24"]}], LEDGER_MOVED_ON),
    ("removable at the next revision", [_LEDGER, _LEDGER | {"revision": 2, "removable": ["10.1.0.0/24"]}], ""),
    ("same revision, no longer removable", [_LEDGER | {"removable": ["10.1.0.0/24"]}, _LEDGER], LEDGER_MOVED_ON),
    ("withdrawn at the same revision", [_LEDGER, _LEDGER | _WITHDRAWN], LEDGER_MOVED_ON),
    ("withdrawn at the next revision", [_LEDGER, _LEDGER | _WITHDRAWN | {"revision": 2}], ""),
    ("same revision, no longer withdrawn", [_LEDGER | _WITHDRAWN, _LEDGER], LEDGER_MOVED_ON),
    ("another generation at the same revision", [_LEDGER, _LEDGER | {"observedGeneration": 2}], LEDGER_MOVED_ON),
    (
        "an older generation at the same revision",
        [_LEDGER | {"observedGeneration": 2}, _LEDGER | {"observedGeneration": 1}],
        LEDGER_MOVED_ON,
    ),
    ("another generation at the next revision", [_LEDGER, _LEDGER | {"revision": 2, "observedGeneration": 2}], ""),
    ("a hold at the same revision", [_LEDGER, _LEDGER | {"onHold": True}], LEDGER_MOVED_ON),
    ("a hold at the next revision", [_LEDGER, _LEDGER | {"revision": 2, "onHold": True}], ""),
    ("same revision, same hold", [_LEDGER | {"onHold": True}, _LEDGER | {"onHold": True, "message": "m"}], ""),
    ("same revision, the hold ended", [_LEDGER | {"onHold": True}, _LEDGER | {"onHold": False}], LEDGER_MOVED_ON),
    ("same revision, the hold forgotten", [_LEDGER | {"onHold": True}, _LEDGER], LEDGER_MOVED_ON),
    ("closing at the same revision", [_LEDGER, _LEDGER | {"closing": True}], LEDGER_MOVED_ON),
    ("closing at the next revision", [_LEDGER, _LEDGER | {"revision": 2, "closing": True}], ""),
    ("closing again", [{"revision": 1, "closing": True}, {"revision": 2, "closing": True}], ""),
    ("opened again", [{"revision": 1, "closing": True}, {"revision": 2, "closing": False}], NOT_OPENED_AGAIN),
    ("closing forgotten", [{"revision": 1, "closing": True}, {"revision": 2}], NOT_OPENED_AGAIN),
    ("closing forgotten at the same revision", [{"revision": 1, "closing": True}, {"revision": 1}], LEDGER_MOVED_ON),
]

#: Case, the statuses that are written to a new range one after the other, and the refusal of the last one, or "". They
#: have the marker of the schema, unless it is None in the table.
LEDGER_WRITES = [
    (case, [_marked(status) for status in statuses], message) for case, statuses, message in _LEDGER_WRITES
]

_READY = {"state": "Ready", "cidr": "10.0.0.0/28"}
_NAMED: Obj = _READY | {"range": {"name": "site", "uid": "u1"}}
_FINISHED: Obj = _READY | {"range": {"name": "site", "uid": "u1", "finished": True}}
_SINGLE = {"state": "Ready", "cidr": "10.0.0.5/32", "address": "10.0.0.5"}
_SINGLE_V6 = {"state": "Ready", "cidr": "2001:db8::5/128", "address": "2001:db8::5"}

#: Case, the statuses that are written to a new request one after the other, and the refusal of the last one, or "".
ANSWER_WRITES: list[tuple[str, list[Obj], str]] = [
    ("granted", [_READY], ""),
    ("Busy, then granted", [{"state": "Busy"}, _READY], ""),
    ("another message", [_READY, _READY | {"message": "m"}], ""),
    ("another state", [_READY, _READY | {"state": "Busy"}], ""),
    ("another cidr", [_READY, _READY | {"cidr": "10.0.0.16/28"}], REQUEST_BLOCK),
    ("the same block in other words", [_READY, _READY | {"cidr": "10.0.0.0/28 "}], REQUEST_BLOCK),
    ("cidr removed", [_READY, {"state": "Busy"}], REQUEST_BLOCK),
    ("status emptied", [_READY, {}], REQUEST_BLOCK),
    ("range named", [_READY, _NAMED], ""),
    ("range finished", [_NAMED, _FINISHED], ""),
    ("another range named", [_NAMED, _READY | {"range": {"name": "site", "uid": "u2"}}], NAMED_ONCE),
    ("range renamed", [_NAMED, _READY | {"range": {"name": "other", "uid": "u1"}}], NAMED_ONCE),
    ("range forgotten", [_NAMED, _READY], NAMED_ONCE),
    ("finished forgotten", [_FINISHED, _NAMED], NAMED_ONCE),
    ("granted an address", [_SINGLE], ""),
    ("granted an IPv6 address", [_SINGLE_V6], ""),
    ("an address, another message", [_SINGLE, _SINGLE | {"message": "m"}], ""),
    ("an address later than its cidr", [{"cidr": "10.0.0.5/32"}, _SINGLE], ""),
    ("address removed", [_SINGLE, {"cidr": "10.0.0.5/32"}], REQUEST_BLOCK),
    ("address changed", [_SINGLE, _SINGLE | {"address": "10.0.0.6"}], REQUEST_BLOCK),
    ("address of another block", [_SINGLE | {"address": "10.0.0.6"}], NOT_THE_ADDRESS),
    ("address of a larger block", [_READY | {"address": "10.0.0.0"}], NOT_THE_ADDRESS),
    ("address of a large IPv6 block", [{"cidr": "2001:db8::/32", "address": "2001:db8::"}], NOT_THE_ADDRESS),
    ("address without cidr", [{"state": "Busy", "address": "10.0.0.5"}], NOT_THE_ADDRESS),
]
