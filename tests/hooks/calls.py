"""The ways to call a hook, over HTTP in process (`post`) or as a function; and what tests read from answers."""

import copy
import json
from datetime import datetime
from typing import Unpack

from werkzeug.test import TestResponse

from hooks.api.names import EXTENT_KIND, SLICE_KIND
from hooks.app import NOW_HEADER, create_app
from hooks.protocol.bodies import RangeBody, RangeCustomizeBody, RequestBody, RequestCustomizeBody
from hooks.protocol.decoding import decode_body, encode
from hooks.ranges import sync as ranges
from hooks.requests import sync as requests
from hooks.settings import Settings
from tests.hooks.build import NOW, Asked, Obj, Others, range_body, request_body

#: In replay mode, so that a test determines the time; bodies up to 32 MiB.
APP = create_app(Settings(body_bytes_max=32 * 1024 * 1024, replay=True))


def post(path: str, body: Obj | bytes, now: datetime | None = NOW) -> TestResponse:
    """Call a hook over HTTP, in process."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {NOW_HEADER: now.isoformat()} if now else {}
    return APP.test_client().post(path, data=data, content_type="application/json", headers=headers)


def _plain(answer: Obj) -> Obj:
    plain: Obj = json.loads(encode(answer))
    return plain


def sync_range(parent: Obj, *requests_: Obj, now: datetime = NOW, **others: Unpack[Others]) -> Obj:
    """The answer of an IPAMRange's sync as plain JSON."""
    return answer_to(range_body(parent, *requests_, **others), now)


def answer_to(body: Obj, now: datetime = NOW) -> Obj:
    """The answer of an IPAMRange's sync to a body."""
    return _plain(ranges.sync(decode_body(json.dumps(body).encode(), RangeBody), now))


def answer_once_committed(body: Obj) -> Obj:
    """The answer of the next call: the API server has accepted the status that this one proposed."""
    body = copy.deepcopy(body)
    body["parent"]["status"] = answer_to(body)["status"]
    return answer_to(body)


def customize_range(parent: Obj) -> Obj:
    return _plain(ranges.customize(decode_body(json.dumps({"parent": parent}).encode(), RangeCustomizeBody)))


def sync_request(obj: Obj, *answers: Obj, now: datetime = NOW, **asked: Unpack[Asked]) -> Obj:
    """The answer of an IPAMRequest's sync as plain JSON."""
    body = request_body(obj, *answers, **asked)
    return _plain(requests.sync(decode_body(json.dumps(body).encode(), RequestBody), now))


def finalize_request(obj: Obj, *answers: Obj, now: datetime = NOW, **asked: Unpack[Asked]) -> Obj:
    body = request_body(obj, *answers, finalizing=True, **asked)
    return _plain(requests.finalize(decode_body(json.dumps(body).encode(), RequestBody), now))


def customize_request(obj: Obj) -> Obj:
    return _plain(requests.customize(decode_body(json.dumps({"parent": obj}).encode(), RequestCustomizeBody)))


# --- reading answers ------------------------------------------------------------------------------------------------


def ledger_of(answer: Obj) -> dict[str, str]:
    """The proposed ledger: block by name of the request that holds it, in its order."""
    return {line["request"].partition("/")[2]: line["cidr"] for line in answer["status"].get("allocations", [])}


def answers_of(answer: Obj) -> dict[str, tuple[str, str]]:
    """What is published: state and block by name of the request."""
    return {_name_in(item): (item["state"], item.get("cidr", "")) for item in items_of(answer)}


def messages_of(answer: Obj) -> dict[str, str]:
    """Messages of published answers by name of the request."""
    return {_name_in(item): item.get("message", "") for item in items_of(answer)}


def extents_of(answer: Obj) -> list[list[str]]:
    """The addresses of each desired extent."""
    return [spec["ranges"] for spec in _specs(answer, EXTENT_KIND)]


def items_of(answer: Obj) -> list[Obj]:
    """The items of all desired slices."""
    return [item for spec in _specs(answer, SLICE_KIND) for item in spec["answers"]]


def slices_of(answer: Obj) -> list[Obj]:
    """The desired slices, which are all children but the extents."""
    return [child for child in answer["children"] if child["kind"] == SLICE_KIND]


def _name_in(item: Obj) -> str:
    name: str = item["request"].partition("/")[2]
    return name


def _specs(answer: Obj, kind: str) -> list[Obj]:
    return [child["spec"] for child in answer["children"] if child["kind"] == kind]


def condition(status: Obj, type_: str = "Ready") -> Obj:
    """The condition of this type; empty if there is none."""
    return next((each for each in status.get("conditions", []) if each["type"] == type_), {})
