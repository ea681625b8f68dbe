"""The shell: routes, HTTP status codes and the clock. It decides nothing, and nothing below it knows HTTP.

An error is never answered 200, because Metacontroller deletes each child that is missing from an answer: a body that
can't be understood is 400, one that is too large 413, a bug 500. Metacontroller then tries again, and nothing is lost.
429 asks it to do so with fresher caches, and without an event.

Metacontroller calls the hook of a range again as long as its requests change, each time with all of them. So an answer
that nothing waits for is kept back for a while, in which the worker answers other calls (decision 40).
"""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from hooks.api.names import GROUP
from hooks.history_log import HistoryLog
from hooks.integrations import claimed_requests, claims, services
from hooks.metrics import HookMetrics, Seconds, count_response, count_stale_proposal
from hooks.protocol.bodies import (
    ClaimBody,
    ClaimCustomizeBody,
    RangeBody,
    RangeCustomizeBody,
    RequestBody,
    RequestCustomizeBody,
    ServiceBody,
)
from hooks.protocol.decoding import Body, decode_body, encode
from hooks.protocol.errors import OldLedger, ProtocolError, excerpt
from hooks.ranges import sync as ranges
from hooks.readiness import readiness_fault
from hooks.requests import sync as requests
from hooks.settings import Settings, settings_from

if TYPE_CHECKING:
    from hooks.api.kinds import RangeStatus

#: JSON that Go reads has at most 10,000 levels, and a client can create objects as deep as that: `managedFields` holds
#: whatever it writes. msgspec counts the levels of what it skips as recursion, so that one such object would make whole
#: bodies unreadable.
RECURSION_MAX = 12_000
#: When to call again, at the latest; the event of the new ledger causes a call before.
RETRY_AFTER_SECONDS = "1"
#: How long an answer that nothing waits for is kept back, for each request of the range ...
PAUSE_SECONDS_OF_REQUEST = 0.0002
#: ... a 429, until the cache of Metacontroller shows the ledger, as requests may wait for the next one ...
EARLY_PAUSE_SECONDS_OF_REQUEST = 0.00005
#: ... and at most, unless IPAM_REQUEST_SECONDS_MAX is shorter. Metacontroller waits for an answer for 30 s.
PAUSE_SECONDS_MAX = 5.0
#: In replay mode: the time at which a call takes place; the answer repeats it.
NOW_HEADER = "Ipam-Now"
#: Of the URL at which Services are synced: the key of the annotation that their load balancer reads.
ANNOTATION_PARAMETER = "annotation"
ANNOTATION_KEY = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
ANNOTATION_LENGTH_MAX = 317


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application.

    Args:
        settings: those of the environment, unless given.

    Raises:
        ValueError: if a variable of the environment has an invalid value.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_MAX))
    settings = settings_from() if settings is None else settings
    is_replay = settings.replay
    app = Flask("ipam", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes_max
    app.config["PAUSE_SECONDS_MAX"] = min(PAUSE_SECONDS_MAX, settings.request_seconds_max / 2)
    history = _history_log(settings)

    def sync_range(body: RangeBody, now: datetime) -> dict[str, Any]:
        return _sync_range(body, now, history)

    def hook(path: str, body_type: type[Body], answer: Callable[[Body, datetime], dict[str, Any]]) -> None:
        metrics = HookMetrics(path)

        def view() -> Response:
            now = _now(is_replay=is_replay).replace(microsecond=0)
            body, decode_seconds = _body(body_type, metrics)
            start = perf_counter()
            answered = answer(body, now)
            metrics.answered(answered, _revision(body), Seconds(decode_seconds, perf_counter() - start))
            return _json(answered, 200)

        app.add_url_rule(path, path, view, methods=["POST"], provide_automatic_options=False)

    hook("/ipamrange/customize", RangeCustomizeBody, lambda body, _: ranges.customize(body))
    hook("/ipamrange/sync", RangeBody, sync_range)
    hook("/ipamrange/finalize", RangeBody, sync_range)
    hook("/ipamrequest/customize", RequestCustomizeBody, lambda body, _: requests.customize(body))
    hook("/ipamrequest/sync", RequestBody, requests.sync)
    hook("/ipamrequest/finalize", RequestBody, requests.finalize)
    hook("/ipaddressclaim/customize", ClaimCustomizeBody, lambda body, _: claims.customize(body))
    hook("/ipaddressclaim/sync", ClaimBody, claims.sync)
    hook("/claimedrequest/customize", RequestCustomizeBody, lambda body, _: claimed_requests.customize(body))
    hook("/claimedrequest/sync", RequestBody, claimed_requests.sync)
    hook("/claimedrequest/finalize", RequestBody, claimed_requests.finalize)
    hook("/service/sync", ServiceBody, lambda body, now: services.sync(body, _annotation_key(), now))
    app.add_url_rule("/healthz", "healthz", lambda: _json({"status": "ok"}, 200))
    app.add_url_rule("/readyz", "readyz", _readyz)
    app.register_error_handler(ProtocolError, _refused)
    app.register_error_handler(OldLedger, _too_early)
    app.register_error_handler(HTTPException, _failed)
    app.after_request(_count)
    app.after_request(_keep_back)
    if is_replay:
        app.after_request(_echo_now)
    return app


def _body(body_type: type[Body], metrics: HookMetrics) -> tuple[Body, float]:
    """The body of the call, and the seconds that decoding took. The bytes are no longer needed then."""
    data = request.get_data(cache=False)
    if request.content_length is None and len(data) == request.max_content_length and _has_more():
        raise RequestEntityTooLarge
    metrics.read(len(data))
    start = perf_counter()
    return decode_body(data, body_type), perf_counter() - start


def _has_more() -> bool:
    """Whether there is more of a body of unknown length, which werkzeug reads up to the limit without an error."""
    return bool(request.environ["wsgi.input"].read(1))


def _revision(body: object) -> int | None:
    """The revision of the ledger in a body; None if it has no range."""
    if not isinstance(body, RangeBody):
        return None
    revision = body.parent.status.revision
    return revision if isinstance(revision, int) else 0  # a status that was never written


def _count(response: Response) -> Response:
    if request.method == "POST" and request.url_rule is not None:
        count_response(request.url_rule.rule, response.status_code)
    return response


def _keep_back(response: Response) -> Response:
    """Wait as long as the view has set, when nothing of the call is in memory any more but the answer."""
    if seconds := g.get("pause_seconds"):
        sleep(seconds)  # of the greenlet of this call (gunicorn.conf.py)
    return response


def _set_pause(seconds: float) -> None:
    """Have the answer to this call kept back."""
    g.pause_seconds = min(seconds, current_app.config["PAUSE_SECONDS_MAX"])


def _readyz() -> Response:
    """Whether a small decision comes out right."""
    if fault := readiness_fault():
        current_app.logger.error("not ready: %s", fault)
        return _json({"error": {"path": request.path, "message": fault}}, 503)
    return _json({"status": "ok"}, 200)


def _now(*, is_replay: bool) -> datetime:
    if is_replay and (text := request.headers.get(NOW_HEADER)):
        try:
            now = datetime.fromisoformat(text)
            if now.tzinfo:
                return now.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise ProtocolError(f"header {NOW_HEADER}", "must be a time such as 2026-11-23T20:00:00Z", excerpt(text))
    return datetime.now(UTC)


def _annotation_key() -> str:
    """The annotation of the load balancer. It is a parameter of the URL, and so a part of the controller's spec."""
    key = request.args.get(ANNOTATION_PARAMETER, "")
    if len(key) > ANNOTATION_LENGTH_MAX or not ANNOTATION_KEY.fullmatch(key) or key.startswith(f"{GROUP}/"):
        message = "must be the annotation of the load balancer, such as metallb.io/loadBalancerIPs"
        raise ProtocolError(f"parameter {ANNOTATION_PARAMETER}", message, excerpt(key))
    return key


def _echo_now(response: Response) -> Response:
    if NOW_HEADER in request.headers:
        response.headers[NOW_HEADER] = request.headers[NOW_HEADER]
    return response


def _json(answer: object, status: int) -> Response:
    return Response(encode(answer), status, content_type="application/json")


def _history_log(settings: Settings) -> HistoryLog:
    try:
        return HistoryLog(settings.history_log)
    except OSError as error:
        raise ValueError(f'IPAM_HISTORY_LOG="{settings.history_log}" can\'t be written: {error.strerror}') from error


def _sync_range(body: RangeBody, now: datetime, history: HistoryLog) -> dict[str, Any]:
    """The answer to a range; events are logged, and contradictions that it reports."""
    answer, events, is_awaited = ranges.sync_with_events(body, now)
    if not is_awaited:
        _set_pause(PAUSE_SECONDS_OF_REQUEST * (len(body.requests) + len(body.raw_requests)))
    status: RangeStatus = answer["status"]
    for condition in status.conditions:
        if condition.type == "Consistent":
            current_app.logger.error("range %s: %s", body.parent.metadata.namespaced_name, condition.message)
    try:
        history.write(events)
    except OSError as error:
        name = body.parent.metadata.namespaced_name
        current_app.logger.warning("range %s: events of its history are not logged: %s", name, error)
    return answer


def _refused(error: ProtocolError) -> Response:
    current_app.logger.warning("%s refused: %s (found: %s)", request.path, error, error.value)
    return _json({"error": {"path": error.path, "message": error.message, "value": error.value}}, 400)


def _too_early(error: OldLedger) -> Response:
    count_stale_proposal()
    _set_pause(EARLY_PAUSE_SECONDS_OF_REQUEST * error.request_count)
    message = "a newer ledger was proposed a moment ago: call again as soon as the range shows it"
    fault = {"path": "$.parent.status.revision", "message": message, "value": str(error.revision)}
    response = _json({"error": fault}, 429)
    response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _failed(error: HTTPException) -> Response:
    """Unknown route, wrong method, too large a body; and bugs, which Flask has logged with their traceback."""
    headers = dict(error.get_headers())
    message = error.description
    if error.code == 404:
        paths = sorted(rule.rule for rule in current_app.url_map.iter_rules())
        message = f"there is nothing here: the endpoints are {', '.join(paths)}"
    elif error.code == 405:
        message = f"{request.method} is not allowed here: use {headers.get('Allow')}"
    elif error.code == 413:
        message = f"the body is larger than {request.max_content_length} bytes (IPAM_BODY_BYTES_MAX)"
        length = f"{request.content_length} bytes" if request.content_length else "its length was not announced"
        current_app.logger.warning("%s refused: %s: %s", request.path, message, length)
    elif error.code == 500:
        message = "a bug: the log of the hooks has its traceback"
    response = _json({"error": {"path": request.path, "message": message}}, error.code or 500)
    if "Allow" in headers:
        response.headers["Allow"] = headers["Allow"]
    return response
