"""Hook calls: send a body, and check the answer as strictly as Metacontroller checks v2 answers.

A caller is any function `(path, body) -> (status, headers, body)`: `http_caller` for a URL, `wsgi_caller` for an
application in this process, or a function of a test.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from math import ceil
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.kubernetes.objects import Obj

#: Takes path and body of a POST; returns status, headers (names in lower case) and body of the answer.
Caller = Callable[[str, bytes], tuple[int, dict[str, str], bytes]]

TIMEOUT_SECONDS = 30.0
#: The fields that an answer may have, with their types; null is allowed for each.
ANSWERS: dict[str, dict[str, tuple[type, ...]]] = {
    "composite": {"status": (dict,), "children": (list,), "resyncAfterSeconds": (int, float), "finalized": (bool,)},
    "decorator": {
        "labels": (dict,),
        "annotations": (dict,),
        "status": (dict,),
        "attachments": (list,),
        "resyncAfterSeconds": (int, float),
        "finalized": (bool,),
    },
    "customize": {"relatedResources": (list,)},
    "relatedResource": {
        "apiVersion": (str,),
        "resource": (str,),
        "labelSelector": (dict,),
        "namespaceSelector": (dict,),
        "namespace": (str,),
        "names": (list,),
    },
}


_ERRNO = re.compile(r"^\[Errno \d+\] ")


class HookError(Exception):
    """The hook gave no valid answer; Metacontroller retries later."""


class TooManyRequests(HookError):
    """The hook answered 429: retry after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many request, it will be resync after: {seconds:g}")
        self.seconds = seconds


class HooksUnreachable(Exception):
    """Nothing answers at the hooks' URL. For a user at a terminal this is an error, not a reason to retry."""


def http_caller(base_url: str) -> Caller:
    """A caller that posts to `base_url` + path. It raises HooksUnreachable if nothing answers there."""
    session = requests.Session()
    session.trust_env = False

    def call(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        try:
            answer = session.post(
                base_url.rstrip("/") + path,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT_SECONDS,
            )
        except requests.Timeout as error:
            raise HookError(f"http error: {error}") from error
        except requests.RequestException as error:
            raise HooksUnreachable(f"can't reach the hooks at {base_url}: {_reason(error)}") from error
        return answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content

    return call


def wsgi_caller(application: Callable[..., Iterable[bytes]], headers: Callable[[], Mapping[str, str]] = dict) -> Caller:
    """A caller of a WSGI application in this process; `headers` gives additional headers for each call.

    So an application that reads the time from a header can use the simulated time.
    """

    def call(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, fields: list[tuple[str, str]], exc_info: object = None) -> None:
            del exc_info
            started.append((status, fields))

        extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers().items()}
        chunks = application(_environ(path, body) | extra, start_response)
        content = b"".join(chunks)
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
        status, fields = started[-1]
        return int(status.split()[0]), {name.lower(): value for name, value in fields}, content

    return call


def call_hook(caller: Caller, path: str, body: dict[str, Any], shape: str, now: datetime) -> Obj:
    """Post a body to a hook and return its answer, whose fields are checked against ANSWERS[shape].

    Raises TooManyRequests for a 429, and HookError for every other answer that is not a valid 200.
    """
    status, headers, content = caller(path, json.dumps(body, separators=(",", ":")).encode())
    if status == 429:
        raise TooManyRequests(_retry_seconds(headers.get("retry-after", ""), now))
    if status != 200:
        raise HookError(f"unsupported status code: {status} body: {content.decode(errors='replace').strip()}")
    try:
        answer = json.loads(content, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise HookError(f"can't unmarshal webhookResponse: {error}") from error
    return checked(answer, shape)


def checked(answer: Any, shape: str) -> Obj:
    """The answer, if it has no unknown field and no field of a wrong type. Raises HookError."""
    fields = ANSWERS[shape]
    if not isinstance(answer, dict):
        raise HookError(f"can't unmarshal webhookResponse: an object was expected, not {json.dumps(answer):.60}")
    unknown = ", ".join(f'unknown field "{name}"' for name in answer if name not in fields)
    if unknown:
        raise HookError(f"strict validation failed for v2 webhookResponse: {unknown}")
    for name, value in answer.items():
        is_wrong_bool = isinstance(value, bool) and bool not in fields[name]
        if value is not None and (is_wrong_bool or not isinstance(value, fields[name])):
            raise HookError(f"can't unmarshal webhookResponse: {name} is {json.dumps(value):.60}")
    return answer


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise ValueError(f'duplicate field "{name}"')
        result[name] = value
    return result


def _retry_seconds(text: str, now: datetime) -> float:
    try:
        return float(int(text))
    except ValueError:
        pass
    try:
        return float(ceil((parsedate_to_datetime(text) - now).total_seconds()))
    except (TypeError, ValueError):
        return 0.0


def _reason(error: requests.RequestException) -> str:
    cause = str(getattr(error.args[0], "reason", error) if error.args else error)
    return _ERRNO.sub("", cause.rpartition(": ")[2]) or type(error).__name__


def _environ(path: str, body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path.partition("?")[0],
        "QUERY_STRING": path.partition("?")[2],
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
