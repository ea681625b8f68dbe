"""The shell: routes, methods and status codes. An error is never a 200, and it names the place and the fault (S7)."""

import json
import re
import sys

import pytest
from werkzeug.test import TestResponse

from hooks.app import NOW_HEADER, create_app
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
    renamed,
    request_body,
    request_object,
    slice_object,
    with_ledger,
)
from tests.hooks.calls import APP, post
from tests.hooks.early import proposing
from tests.hooks.foreign import (
    SERVICE_SYNC,
    address_object,
    attached_request,
    claim_body,
    claim_object,
    claimed_body,
    service_body,
    service_object,
)

BODIES: dict[str, Obj] = {
    "/ipamrange/customize": {"parent": range_object()},
    "/ipamrange/sync": range_body(range_object(), WEB),
    "/ipamrange/finalize": range_body(deleted(range_object()), finalizing=True),
    "/ipamrequest/customize": {"parent": WEB},
    "/ipamrequest/sync": request_body(WEB, answer_item("web", cidr="10.0.0.0/28")),
    "/ipamrequest/finalize": request_body(DELETED_WEB, finalizing=True),
    "/ipaddressclaim/customize": {"parent": claim_object()},
    "/ipaddressclaim/sync": claim_body(claim_object()),
    "/claimedrequest/customize": {"parent": attached_request(claim_object())},
    "/claimedrequest/sync": request_body(attached_request(claim_object())),
    "/claimedrequest/finalize": claimed_body(deleted(attached_request(claim_object())), claim_object()),
    SERVICE_SYNC: service_body(service_object()),
}
HOOKS = list(BODIES)


def error_of(response: TestResponse, status: int = 400) -> Obj:
    """The error in a response, in the form that all errors have."""
    assert response.status_code == status
    assert response.content_type == "application/json"
    answer = response.get_json()
    assert set(answer) == {"error"}
    error: Obj = answer["error"]
    assert {"path", "message"} <= set(error) <= {"path", "message", "value"}
    assert error["message"]
    return error


# --- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/ipamrange/customize", {"relatedResources"}),
        ("/ipamrange/sync", {"status", "children", "resyncAfterSeconds"}),
        ("/ipamrange/finalize", {"status", "children", "resyncAfterSeconds", "finalized"}),
        ("/ipamrequest/customize", {"relatedResources"}),
        ("/ipamrequest/sync", {"labels", "annotations", "status"}),
        ("/ipamrequest/finalize", {"labels", "annotations", "finalized", "resyncAfterSeconds"}),
        ("/ipaddressclaim/customize", {"relatedResources"}),
        ("/ipaddressclaim/sync", {"attachments", "status", "resyncAfterSeconds"}),
        ("/claimedrequest/customize", {"relatedResources"}),
        ("/claimedrequest/sync", {"status"}),
        ("/claimedrequest/finalize", {"status", "finalized", "resyncAfterSeconds"}),
        (SERVICE_SYNC, {"attachments", "resyncAfterSeconds"}),
    ],
)
def test_each_hook_answers_json_with_the_fields_that_metacontroller_accepts(path: str, keys: set[str]) -> None:
    """Metacontroller parses answers to version v2 strictly: an unknown field is an error."""
    response = post(path, BODIES[path])
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert set(response.get_json()) == keys


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_is_answered_ok(path: str) -> None:
    response = APP.test_client().get(path)
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


def test_the_content_type_of_a_call_does_not_matter() -> None:
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        data = json.dumps(BODIES["/ipamrange/sync"])
        response = APP.test_client().post("/ipamrange/sync", data=data, content_type=content_type)
        assert response.status_code == 200


# --- bodies that are not hook requests ------------------------------------------------------------------------------

NOT_UNDERSTOOD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not JSON"),
    "not JSON": (b"hello", "not JSON"),
    "cut off": (b'{"parent": {"kind"', "not JSON"),
    "something behind": (b"{} {}", ""),
    "form data": (b"parent=1&children=2", "not JSON"),
    "a list": (b"[]", "must be of type object"),
    "null": (b"null", "must be of type object"),
    "a text": (b'"parent"', "must be of type object"),
    "a number": (b"1", "must be of type object"),
    "an empty object": (b"{}", "is a required property"),
    "NaN": (b'{"parent": NaN}', ""),
    "infinity": (b'{"parent": -Infinity, "object": -Infinity}', ""),
    "a huge float": (b'{"parent": 1e999999, "object": 1e999999}', ""),
    "a huge integer": (b'{"parent": ' + b"1" * 5000 + b', "object": ' + b"1" * 5000 + b"}", ""),
    "invalid UTF-8": (b'{"parent": "\xff\xfe", "object": "\xff\xfe"}', "not UTF-8"),
    "invalid UTF-8 in a key": (b'{"\xc3\x28": 1}', "not UTF-8"),
    "a surrogate as bytes": (b'{"parent": "\xed\xa0\x80', ""),
    "a surrogate as escape": (b'{"parent": "\\ud800", "object": "\\ud800", "children": {}, "related": {}}', ""),
    "UTF-16": ('{"parent": 1}'.encode("utf-16"), ""),
    "UTF-32": ('{"parent": 1}'.encode("utf-32"), ""),
    "a byte order mark": (b"\xef\xbb\xbf{}", ""),
    "nested too deeply": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "nested too deeply in a field": (b'{"parent":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "open brackets": (b"[" * 100_000, ""),
    "a NUL": (b"\0", ""),
}


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize(("body", "message"), NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_a_body_that_is_not_a_hook_request_is_400_with_path_and_reason(path: str, body: bytes, message: str) -> None:
    error = error_of(post(path, body))
    assert error["path"].startswith("$")
    assert message in error["message"]
    assert len(json.dumps(error)) < 1000, "a body of megabytes is not sent back"


SYNC, REQUEST_SYNC, CUSTOMIZE = "/ipamrange/sync", "/ipamrequest/sync", "/ipamrequest/customize"
NO_OBJECT = "must be of type object"
GROUP = "IPAMRequest.ipam.mandelsoft.org/v1alpha1"
A_POD = range_object() | {"kind": "Pod"}

WRONG_PARTS: list[tuple[str, str, Obj, str, str, object]] = [
    ("a request", SYNC, {"parent": WEB}, "$.parent.kind", "must be IPAMRange", "IPAMRequest"),
    ("a range", REQUEST_SYNC, {"object": range_object()}, "$.object.kind", "must be IPAMRequest", "IPAMRange"),
    ("at customize", CUSTOMIZE, {"parent": range_object()}, "$.parent.kind", "must be IPAMRequest", "IPAMRange"),
    ("a pod", "/ipamrange/customize", {"parent": A_POD}, "$.parent.kind", "must be IPAMRange", "Pod"),
    ("children of a wrong type", SYNC, {"children": []}, "$.children", NO_OBJECT, "[]"),
    ("children null", SYNC, {"children": None}, "$.children", NO_OBJECT, "null"),
    ("a group of a wrong type", SYNC, {"related": {GROUP: []}}, f"$.related['{GROUP}']", NO_OBJECT, "[]"),
    ("an unknown group of a wrong type", SYNC, {"related": {"Pod.v1": 5}}, "$.related['Pod.v1']", NO_OBJECT, "5"),
    ("finalizing", "/ipamrange/finalize", {"finalizing": "yes"}, "$.finalizing", "must be of type boolean", "yes"),
    ("related of a wrong type", REQUEST_SYNC, {"related": 5}, "$.related", NO_OBJECT, "5"),
]


@pytest.mark.parametrize(
    ("path", "change", "where", "message", "value"),
    [row[1:] for row in WRONG_PARTS],
    ids=[row[0] for row in WRONG_PARTS],
)
def test_a_wrong_part_is_named_with_its_path_and_value(
    path: str, change: Obj, where: str, message: str, value: object
) -> None:
    error = error_of(post(path, BODIES[path] | change))
    assert re.sub(r'\["(.*?)"\]', r"['\1']", error["path"]) == where
    assert (error["message"], error["value"]) == (message, value)


@pytest.mark.parametrize("path", ["/ipamrange/sync", "/ipamrange/finalize"])
@pytest.mark.parametrize("field", ["parent", "children", "related"])
def test_a_missing_part_is_named(path: str, field: str) -> None:
    body = {key: value for key, value in BODIES[path].items() if key != field}
    error = error_of(post(path, body))
    assert (error["path"], error["message"], error.get("value")) == ("$", f"'{field}' is a required property", None)


@pytest.mark.parametrize("field", ["name", "uid", "creationTimestamp"])
def test_a_parent_that_no_api_server_sends_is_refused(field: str) -> None:
    body: Obj = json.loads(json.dumps(BODIES["/ipamrange/sync"]))
    del body["parent"]["metadata"][field]
    assert error_of(post("/ipamrange/sync", body))["path"] == "$.parent.metadata"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ipaddressclaim/sync", claim_body(claim_object(), address_object())),
        (SERVICE_SYNC, service_body(service_object(), attached_request(service_object()))),
    ],
)
def test_an_attachment_without_a_name_is_refused_because_it_could_not_be_returned(path: str, body: Obj) -> None:
    body = json.loads(json.dumps(body))
    [attachment] = [each for group in body["attachments"].values() for each in group.values()]
    attachment["metadata"]["name"] = ""
    error = error_of(post(path, body))
    assert "length >= 1 - at `$.metadata.name`" in error["message"]


TIMES = ["2026-11-23T19:00:00", "2026-11-23", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "", "now", 5, None, []]


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize("field", ["creationTimestamp", "deletionTimestamp"])
@pytest.mark.parametrize("value", TIMES, ids=str)
def test_a_strange_time_of_the_parent_is_answered_or_refused_but_is_not_a_bug(
    path: str, field: str, value: object
) -> None:
    body: Obj = json.loads(json.dumps(BODIES[path]))
    body["object" if "object" in body else "parent"]["metadata"][field] = value
    assert post(path, body).status_code in (200, 400)


@pytest.mark.parametrize("value", TIMES, ids=str)
def test_a_strange_time_of_one_request_does_not_stop_the_others(value: object) -> None:
    strange: Obj = request_object("strange")
    strange["metadata"]["creationTimestamp"] = value
    response = post("/ipamrange/sync", range_body(range_object(), strange, WEB))
    assert response.status_code == 200
    held = {line["request"] for line in response.get_json()["status"]["allocations"]}
    assert "team-a/web" in held


@pytest.mark.parametrize("value", TIMES[:5], ids=str)
def test_a_strange_time_in_the_ledger_of_a_closing_range_is_not_a_bug(value: str) -> None:
    parent = with_ledger(deleted(range_object()), entry("web", "10.0.0.0/28", absent_since="x"), closing=True)
    parent["status"]["allocations"][0]["absentSince"] = value
    assert post("/ipamrange/sync", range_body(parent)).status_code in (200, 400)


def test_of_a_key_that_comes_twice_the_last_one_counts() -> None:
    """As in Go, which writes these bodies and never writes one twice."""
    body = BODIES["/ipamrange/sync"]
    wrong_first = b'{"parent": 5, ' + json.dumps(body).encode()[1:]
    assert post("/ipamrange/sync", wrong_first).status_code == 400
    twice = b'{"finalizing": true, ' + json.dumps(body | {"finalizing": False}).encode()[1:]
    assert post("/ipamrange/sync", twice).data == post("/ipamrange/sync", body).data


def test_a_call_that_would_propose_in_vain_is_429() -> None:
    made = proposing(slice_object(answer_item("web", cidr=CIDR)), 9)
    response = post("/ipamrange/sync", range_body(range_object(), slices=[made]))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert error_of(response, 429)["path"] == "$.parent.status.revision"


def test_a_slice_is_returned_or_refused_at_any_depth_of_nesting() -> None:
    """At each depth, because the second decoder is called from deeper inside and fails earlier than the first one."""
    deep = slice_object(answer_item("web"), name="deep") | {"spec": "HERE"}
    deep["metadata"].pop("annotations")
    whole = json.dumps(range_body(range_object(), slices=[deep]))
    statuses = set()
    limit = sys.getrecursionlimit()
    for depth in (*range(1, 50), *range(50, limit, 977), *range(limit - 30, limit + 20)):
        spec = "[" * depth + "]" * depth
        response = post("/ipamrange/sync", whole.replace('"HERE"', spec).encode())
        statuses.add(response.status_code)
        assert response.status_code in (200, 400), depth
        assert response.status_code == 400 or spec.encode() in response.data, "returned as it came"
    assert statuses >= {200}


def test_metadata_as_deep_as_the_api_server_takes_it_stops_no_other_request() -> None:
    depth = 9_990
    deep = '{"f:a":' * depth + "{}" + "}" * depth
    body = json.dumps(range_body(range_object(), renamed(WEB, "bomb"), request_object("good")))
    body = body.replace('"name": "bomb"', '"managedFields": [{"fieldsV1": ' + deep + '}], "name": "bomb"')
    response = post("/ipamrange/sync", body.encode())
    assert deep in body
    assert response.status_code == 200
    allocations = json.loads(response.data)["status"]["allocations"]
    assert [each["request"] for each in allocations] == ["team-a/bomb", "team-a/good"]


def test_a_body_that_is_too_large_is_413_and_names_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    client = create_app(Settings(body_bytes_max=1000)).test_client()
    error = error_of(client.post("/ipamrange/sync", data=b" " * 1001), 413)
    assert error["path"] == "/ipamrange/sync"
    assert error["message"] == "the body is larger than 1000 bytes (IPAM_BODY_BYTES_MAX)"
    assert caplog.messages == [f"/ipamrange/sync refused: {error['message']}: 1001 bytes"]
    error_of(client.post("/ipamrange/sync", data=b" " * 1000), 400)


# --- routes and methods ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_hook_takes_post_only(path: str, method: str) -> None:
    response = APP.test_client().open(path, method=method)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    if method != "HEAD":
        assert error_of(response, 405)["message"] == f"{method} is not allowed here: use POST"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_is_not_posted(path: str) -> None:
    response = post(path, {})
    assert error_of(response, 405)["path"] == path
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/", "/ipamrange", "/ipamrange/", "/ipamrange/sync/", "/ipamallocationslice/sync", "/metrics.json"]
)
def test_an_unknown_route_is_404(path: str) -> None:
    error = error_of(post(path, BODIES["/ipamrange/sync"]), 404)
    assert error["path"] == path
    assert error["message"] == (
        "there is nothing here: the endpoints are "
        "/claimedrequest/customize, /claimedrequest/finalize, /claimedrequest/sync, "
        "/healthz, /ipaddressclaim/customize, /ipaddressclaim/sync, "
        "/ipamrange/customize, /ipamrange/finalize, /ipamrange/sync, "
        "/ipamrequest/customize, /ipamrequest/finalize, /ipamrequest/sync, /readyz, /service/sync"
    )


@pytest.mark.parametrize("path", ["//ipamrange/sync", "/ipamrange//sync", "/IPAMRANGE/sync", "/static/x"])
def test_a_route_that_resembles_a_hook_is_not_a_hook(path: str) -> None:
    assert post(path, BODIES["/ipamrange/sync"]).status_code in (404, 308)


def test_a_bug_is_500_and_reveals_no_details(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_body: object, _now: object) -> Obj:
        raise AssertionError("secret detail")

    monkeypatch.setattr("hooks.ranges.sync.published", broken)
    client = create_app(Settings()).test_client()
    response = client.post("/ipamrange/sync", data=json.dumps(BODIES["/ipamrange/sync"]))
    assert error_of(response, 500) == {
        "path": "/ipamrange/sync",
        "message": "a bug: the log of the hooks has its traceback",
    }
    assert b"secret" not in response.data


def test_a_refusal_quotes_a_readable_part_of_a_long_value() -> None:
    body = BODIES["/ipamrange/sync"] | {"parent": BODIES["/ipamrange/sync"]["parent"] | {"kind": "x" * 5000}}
    assert error_of(post("/ipamrange/sync", body), 400)["value"] == "x" * 120 + "... (5000 characters)"


def test_a_bug_in_one_call_does_not_break_the_next() -> None:
    post("/ipamrange/sync", b"{")
    assert post("/ipamrange/sync", BODIES["/ipamrange/sync"]).status_code == 200


# --- replay ---------------------------------------------------------------------------------------------------------


def test_in_replay_mode_the_time_of_the_header_is_used_and_returned() -> None:
    response = post("/ipamrequest/sync", BODIES["/ipamrequest/sync"], NOW.replace(year=2031))
    assert response.headers[NOW_HEADER] == "2031-11-23T20:00:00+00:00"
    assert response.get_json()["status"]["conditions"][0]["lastTransitionTime"] == "2031-11-23T20:00:00Z"


def test_outside_of_replay_mode_the_header_is_ignored() -> None:
    client = create_app(Settings()).test_client()
    data = json.dumps(BODIES["/ipamrequest/sync"])
    response = client.post("/ipamrequest/sync", data=data, headers={NOW_HEADER: "1999-01-01T00:00:00Z"})
    assert response.status_code == 200
    assert NOW_HEADER not in response.headers
    assert not response.get_json()["status"]["conditions"][0]["lastTransitionTime"].startswith("1999")


def test_in_replay_mode_a_call_without_the_header_uses_the_current_time() -> None:
    response = post("/ipamrequest/sync", BODIES["/ipamrequest/sync"], None)
    assert response.status_code == 200
    assert NOW_HEADER not in response.headers


@pytest.mark.parametrize(
    "text", ["now", "2026-13-01T00:00:00Z", "2026-11-23T20:00:00", "2026-11-23", "0001-01-01T00:00:00+23:00"]
)
def test_an_invalid_time_or_one_without_a_zone_is_refused(text: str) -> None:
    data = json.dumps(request_body(WEB))
    response = APP.test_client().post("/ipamrequest/sync", data=data, headers={NOW_HEADER: text})
    error = error_of(response)
    assert (error["path"], error["value"]) == (f"header {NOW_HEADER}", text)
