"""Bytes to values: unknown fields are skipped, and one malformed object among many stops no other request."""

import json

import pytest

from hooks.protocol.bodies import RangeBody, RequestCustomizeBody
from hooks.protocol.decoding import decode_body
from hooks.protocol.errors import ProtocolError
from tests.hooks.build import (
    WEB,
    Obj,
    answer_item,
    entry,
    namespace_object,
    range_body,
    range_object,
    request_object,
    with_ledger,
)
from tests.hooks.calls import answer_to, ledger_of, sync_range

REQUESTS = "IPAMRequest.ipam.mandelsoft.org/v1alpha1"


def test_unknown_fields_are_skipped_at_every_level() -> None:
    def spread(value: object) -> object:
        if isinstance(value, dict):
            new = {"newInSomeLaterVersion": {"deep": [1, {"x": None}]}}
            return {key: spread(each) for key, each in value.items()} | (
                new if "kind" in value or "name" in value else {}
            )
        return [spread(each) for each in value] if isinstance(value, list) else value

    body = range_body(
        with_ledger(range_object(), entry("a", "10.0.0.0/28")),
        request_object("a"),
        answers=[answer_item("a", cidr="10.0.0.0/28", revision=1)],
    )
    spread_body = spread(body)
    assert isinstance(spread_body, dict)
    assert answer_to(spread_body | {"more": 1}) == answer_to(body)


def test_other_kinds_among_children_and_related_are_skipped() -> None:
    body = range_body(range_object(), WEB)
    expected = answer_to(body)
    body["children"]["Pod.v1"] = {"team-a/x": {"kind": "Pod"}}
    body["related"]["Pod.v1"] = {"team-a/x": 5}
    assert answer_to(body) == expected


def test_a_missing_group_of_a_kind_is_an_empty_one() -> None:
    body = range_body(range_object(), announced=[], extents=[])
    expected = answer_to(body)
    assert answer_to(body | {"children": {}, "related": {}}) == expected


MALFORMED: dict[str, object] = {
    "null": None,
    "a number": 5,
    "a text": "web",
    "a list": [],
    "empty": {},
    "no metadata": {"kind": "IPAMRequest", "spec": {"ipam": {"name": "net"}}},
    "metadata of a wrong type": {"kind": "IPAMRequest", "metadata": []},
    "a number for a uid": {"kind": "IPAMRequest", "metadata": {"name": "x", "uid": 5}},
    "a status of a wrong type": request_object("x") | {"status": []},
    "a number for a cidr": request_object("x") | {"status": {"cidr": 5}},
}


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED)
def test_one_malformed_request_among_many_is_named_and_does_not_stop_the_others(malformed: object) -> None:
    good = [request_object(f"r{number}") for number in range(20)]
    body = range_body(range_object("10.0.0.0/16"), *good)
    body["related"][REQUESTS]["team-a/x"] = malformed
    answer = answer_to(body)
    assert len(ledger_of(answer)) == 20
    assert answer["status"]["message"] == "1 request can't be read: team-a/x"


def test_a_malformed_namespace_stops_no_request() -> None:
    body = range_body(range_object(), WEB, namespaces=[namespace_object()])
    body["related"]["Namespace.v1"]["team-b"] = 5
    assert ledger_of(answer_to(body)) == {"web": "10.0.0.0/28"}


def test_fields_of_a_request_that_are_not_read_may_have_any_value() -> None:
    """10,000 requests are 20 to 40 MB, most of it in fields that the hooks do not need: they are skipped unread."""
    strange: Obj = request_object("web")
    strange["metadata"] |= {"managedFields": "?", "labels": 5, "annotations": {"a": 1}, "generateName": None}
    assert ledger_of(sync_range(range_object(), strange)) == {"web": "10.0.0.0/28"}


def test_a_body_of_another_kind_is_refused() -> None:
    data = json.dumps({"parent": range_object()}).encode()
    with pytest.raises(ProtocolError) as refused:
        decode_body(data, RequestCustomizeBody)
    assert (refused.value.path, refused.value.value) == ("$.parent.kind", "IPAMRange")


def test_spec_and_status_may_be_missing() -> None:
    body = range_body(range_object())
    del body["parent"]["spec"]
    del body["parent"]["status"]
    decoded = decode_body(json.dumps(body).encode(), RangeBody)
    assert decoded.parent.status.allocations == []
    assert answer_to(body)["status"]["state"] == "Invalid"
