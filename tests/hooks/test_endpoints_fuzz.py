"""Mutated bodies at every endpoint (Hypothesis): never a 500, never a 200 for a body that was not understood, and no
answer of status 200 loses a slice with answers or makes blocks overlap.
"""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hooks.api.names import SLICE_KEY
from tests.hooks.build import (
    Obj,
    answer_item,
    at,
    deleted,
    entry,
    noisy,
    range_body,
    range_object,
    request_body,
    request_object,
    with_ledger,
)
from tests.hooks.calls import post
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
    "/ipamrange/customize": {"parent": noisy(range_object())},
    "/ipamrange/sync": range_body(
        with_ledger(
            range_object(cooldown=60),
            entry("a", "10.0.0.0/28"),
            entry("absent", "10.0.0.16/28", absent_since=at(-90)),
            entry("cooling", "10.0.0.32/28", released_at=at(-5)),
            entry("released", "10.0.0.48/28"),
        ),
        request_object("a"),
        request_object("b", size=30),
        noisy(request_object("c", wanted="10.0.0.64/28")),
        deleted(request_object("d"), at(-5)),
        deleted(request_object("released"), at(-5)),
        answers=[
            answer_item("a", cidr="10.0.0.0/28", revision=1),
            answer_item("d", "Busy", message="no room"),
        ],
    ),
    "/ipamrange/finalize": range_body(
        with_ledger(deleted(range_object(), at(-9)), entry("a", "10.0.0.0/28", absent_since=at(-50)), closing=True),
        deleted(request_object("d"), at(-5)),
        answers=[answer_item("a", cidr="10.0.0.0/28", revision=1)],
        finalizing=True,
    ),
    "/ipamrequest/customize": {"parent": noisy(request_object("a"))},
    "/ipamrequest/sync": request_body(noisy(request_object("a")), answer_item("a", cidr="10.0.0.0/28")),
    "/ipamrequest/finalize": request_body(
        deleted(request_object("a"), at(-5)), answer_item("a", "Released"), finalizing=True
    ),
    "/ipaddressclaim/customize": {"parent": noisy(claim_object())},
    "/ipaddressclaim/sync": claim_body(
        noisy(claim_object(cluster="prod")) | {"status": {"conditions": [{"type": "Other"}]}},
        attached_request(claim_object()),
        address_object(),
        clusters=["prod"],
    ),
    "/claimedrequest/customize": {"parent": noisy(attached_request(claim_object()))},
    "/claimedrequest/sync": request_body(noisy(attached_request(claim_object()))),
    "/claimedrequest/finalize": claimed_body(noisy(deleted(attached_request(claim_object()), at(-5))), claim_object()),
    SERVICE_SYNC: service_body(noisy(service_object()), attached_request(service_object())),
}
#: The kind of the object of each endpoint.
KINDS = {
    "ipamrange": "IPAMRange",
    "ipamrequest": "IPAMRequest",
    "ipaddressclaim": "IPAddressClaim",
    "claimedrequest": "IPAMRequest",
    "service": "Service",
}

Path = tuple[str | int, ...]


def paths_of(value: Any, path: Path = ()) -> list[Path]:
    """The paths of all values in a body."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [path, *(found for key, each in children for found in paths_of(each, (*path, key)))]


HOSTILE = st.one_of(
    st.sampled_from([None, True, False, "", [], {}, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, -(10**30), 1e308]),
    st.sampled_from(
        ["..", "a/b", "a" * 300, "\0", "\u202e", "é", "::/0", "0.0.0.0/0", "10.0.0.0/33", "10.0.0.5-1", "%s{}"]
    ),
    st.sampled_from(
        ["2026-11-23T19:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-23T19:00:00+23:59"]
    ),
    st.sampled_from(["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"]),
    st.sampled_from(["Ready", "Busy", "Released", "Invalid", "IPAMRange", "IPAMRequest", "uid-a", "team-a/a"]),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5
    ),
)


@st.composite
def mutated(draw: st.DrawFn, body: Obj) -> Obj:
    """A body with up to three changes: a value replaced, removed, copied elsewhere, or a field added."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([path for path in paths_of(body) if path] or [("parent",)]))
        target: Any = body
        for key in way:
            target = target[key]
        if isinstance(target, dict) and last not in target:
            continue
        match draw(st.sampled_from(["replace", "remove", "copy", "add"])):
            case "replace":
                target[last] = draw(HOSTILE)
            case "remove":
                del target[last]
            case "copy":
                source: Any = body
                for key in draw(st.sampled_from(paths_of(body))):
                    source = source[key]
                target[last] = copy.deepcopy(source)
            case _ if isinstance(target, dict):
                target[draw(st.sampled_from(["deletionTimestamp", "status", "size", "x"]))] = draw(HOSTILE)
    return body


def is_understood(path: str, body: Any) -> bool:
    """Whether a body may be answered 200, judged without the types of the hooks."""
    if not isinstance(body, dict):
        return False
    parent = body.get("parent" if path.startswith("/ipamrange/") or path.endswith("customize") else "object")
    if not isinstance(parent, dict) or not isinstance(parent.get("metadata"), dict):
        return False
    kind = KINDS[path.split("/")[1]]
    meta = parent["metadata"]
    named = all(isinstance(meta.get(key), str) for key in ("name", "uid", "creationTimestamp"))
    groups = [] if path.endswith("customize") or path == SERVICE_SYNC else ["related"]
    groups += ["attachments"] if path in ("/ipaddressclaim/sync", SERVICE_SYNC) else []
    groups += ["children"] if path in ("/ipamrange/sync", "/ipamrange/finalize") else []
    return parent.get("kind") == kind and named and all(isinstance(body.get(group), dict) for group in groups)


def check_attachments(body: Any, answer: Obj) -> None:
    """Attachments are given up only by a Service that says so."""
    returned = {each["metadata"]["name"] for each in answer["attachments"]}
    observed = [names_of(key, each) for group in body["attachments"].values() for key, each in group.items()]
    annotations = body["object"]["metadata"].get("annotations") or {}
    noted = json.dumps(answer.get("annotations")) + json.dumps(annotations)
    assert all(names & returned for names in observed) or "ipam.mandelsoft.org/released-requests" in noted


def names_of(key: str, child: Any) -> set[str]:
    """The names under which a child may be returned: that of its key, and its own if it has one."""
    meta = child.get("metadata") if isinstance(child, dict) else None
    own = meta.get("name") if isinstance(meta, dict) else None
    return {key.rpartition("/")[2], *([own] if isinstance(own, str) else [])}


def read(data: bytes) -> Any:
    """A body as Python reads it, with long integers cut: Python refuses them, and the hooks skip them unread."""
    return json.loads(data.decode(errors="replace"), parse_int=lambda digits: int(digits[:1000]))


def check_answer(path: str, body: Any, data: bytes) -> None:
    answer = json.loads(data)
    assert is_understood(path, body), "200 for a body that was not understood"
    if "attachments" in answer:
        check_attachments(body, answer)
    if path not in ("/ipamrange/sync", "/ipamrange/finalize"):
        return
    before = body["parent"].get("status", {})
    after = answer["status"]
    assert after["revision"] - before.get("revision", 0) in (0, 1)
    returned = {(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) for each in answer["children"]}
    assert len(returned) == len(answer["children"])
    for key, slice_ in body["children"].get(SLICE_KEY, {}).items():
        spec = slice_.get("spec")
        if isinstance(spec, dict) and spec.get("range") == body["parent"]["metadata"]["name"] and spec.get("answers"):
            assert any(name in names_of(key, slice_) for _, _, name in returned), "a slice with answers is lost"
    blocks = [line["cidr"] for line in after.get("allocations", [])]
    assert len(blocks) == len(set(blocks))
    kept = {line["uid"]: line["cidr"] for line in after.get("allocations", [])}
    for line in before.get("allocations", []):
        assert kept.get(line["uid"], line["cidr"]) == line["cidr"], "S4: the block of a uid never changes"
    specs = [child["spec"] for child in answer["children"] if isinstance(child["spec"], dict)]
    lists = [spec["answers"] for spec in specs if isinstance(spec.get("answers"), list)]
    items = [item for each in lists for item in each if isinstance(item, dict)]
    published = {item["cidr"] for item in items if isinstance(item.get("cidr"), str)}
    committed = {line["cidr"] for line in before.get("allocations", [])}
    # Also as the annotation records it, whose value is JSON in a string: its quotes are escaped.
    shown = json.dumps(body["children"]).replace('\\"', '"')
    for cidr in published - {""} - committed:
        assert json.dumps(cidr) in shown, "S3: published, but neither committed nor published before"


@pytest.mark.parametrize("path", list(BODIES))
def test_a_mutated_body_is_answered_or_refused_and_is_never_a_bug(path: str) -> None:
    @settings(max_examples=250, suppress_health_check=list(HealthCheck))
    @given(mutated(BODIES[path]))
    def run(body: Obj) -> None:
        response = post(path, body)
        assert response.status_code in (200, 400), response.data
        if response.status_code == 200:
            check_answer(path, body, response.data)
        else:
            assert {"path", "message"} <= set(response.get_json()["error"])

    run()


@pytest.mark.parametrize("now", [datetime.min, datetime.max], ids=["year 1", "year 9999"])
@pytest.mark.parametrize("path", list(BODIES))
def test_a_call_at_either_end_of_time_is_answered(path: str, now: datetime) -> None:
    assert post(path, BODIES[path], now.replace(tzinfo=UTC)).status_code == 200


@pytest.mark.parametrize("path", list(BODIES))
def test_mutated_bytes_are_answered_or_refused_and_are_never_a_bug(path: str) -> None:
    original = json.dumps(BODIES[path]).encode()
    pieces = [
        b"\xff",
        b"\xed\xa0\x80",
        b"\0",
        b"\\ud800",
        b"NaN",
        b"1" * 5000,
        b"[" * 2000,
        b'"',
        b"}",
        b",",
        b"\\",
        b" ",
        b"",
    ]

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(original)), st.integers(0, 20), st.sampled_from(pieces))
    def run(at_byte: int, length: int, piece: bytes) -> None:
        data = original[:at_byte] + piece + original[at_byte + length :]
        response = post(path, data)
        assert response.status_code in (200, 400), data
        if response.status_code == 200:
            check_answer(path, read(data), response.data)

    run()


@pytest.mark.parametrize("path", list(BODIES))
def test_any_json_is_refused(path: str) -> None:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    keys = st.sampled_from(["parent", "object", "children", "related", "kind", "metadata", "x"])

    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    @given(st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=12))
    def run(body: Any) -> None:
        assert post(path, json.dumps(body).encode()).status_code == 400

    run()
